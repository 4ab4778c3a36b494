"""The one super-resolution thread: the newest wish in, tiles out. This module does not import torch; its thread does,
at the first wish or when told to warm up, so that a picture stands on the screen before torch is loaded.

What crosses the thread are frozen values: `Wish` inward (only the newest is kept), `TileReady` and `TileFailed`
outward. A failure is a value; the thread goes on.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sr_core.engine.torch_import import import_torch
from sr_core.image.geometry import Rect, TileKey
from sr_core.image.pyramid import GUTTER, cut_tile
from sr_core.image.tiling import Block, TileGroup, group_tiles

if TYPE_CHECKING:
    from sr_core.engine.engine import Engine

WARM_LEVEL = 2
"""The level whose network a warm-up loads: x4."""

CLOSING_SECONDS = 0.3
"""What `Worker.close` waits at most: the block under way may be done in that time, an import of torch cannot be cut."""

GROUP_MARGIN = GUTTER
"""Photograph pixels computed beyond a group of tiles for the gutters: one suffices at any scale."""


@dataclass(frozen=True)
class Wish:
    """Synthesised tiles that should be computed, most wanted first, and the photographs that they are cut from.

    `sources` pairs a photograph's index with its (H, W, 3) uint8 read-only pixels. A newer wish replaces this one.
    """

    request_id: int
    tiles: tuple[TileKey, ...]
    sources: tuple[tuple[int, np.ndarray], ...]


@dataclass(frozen=True)
class TileReady:
    """A computed tile with its gutter, (TILE + 2, TILE + 2, 3) uint8 read-only. Provenance: the key's level and
    `weights`, the sha256 of the network's weights."""

    key: TileKey
    request_id: int
    pixels: np.ndarray
    weights: str


@dataclass(frozen=True)
class TileFailed:
    """A tile that cannot be had, and why, in one line."""

    key: TileKey
    request_id: int
    reason: str


Answer = TileReady | TileFailed


@dataclass(frozen=True)
class Counts:
    """Tiles since the start: wished for (each once), computed, failed, and cancelled (dropped by a newer wish)."""

    wished: int = 0
    computed: int = 0
    failed: int = 0
    cancelled: int = 0


class Worker:
    """Owns the thread. Every method may be called by the thread that draws; none of them waits, but `close`.

    `model`: a name of the zoo. `device`: 'auto', 'cpu' or 'cuda'. `threads`: processor threads for the network
    (None: all but one, at least one: the thread that draws keeps a core).
    """

    def __init__(self, model: str, device: str = "auto", threads: int | None = None) -> None:
        self._model = model
        self._device = device
        self._threads = threads
        self._lock = threading.Condition(threading.RLock())
        self._wish: Wish | None = None
        self._pending: set[TileKey] = set()
        self._begun: set[TileKey] = set()
        self._answered: set[TileKey] = set()
        self._counts = Counts()
        self._stopping = False
        self._warming = False
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._request = 0
        self._thread = threading.Thread(target=self._run, name="super-resolution", daemon=True)
        self._thread.start()

    def want(self, tiles: Sequence[TileKey], sources: Sequence[tuple[int, np.ndarray]]) -> None:
        """Replace the wish. Tiles of the last one that are not in this one and not yet begun are cancelled."""
        with self._lock:
            tiles = tuple(key for key in tiles if key not in self._answered)
            now = set(tiles)
            known = self._wish is not None and tiles == self._wish.tiles and now <= self._pending
            if known or self._stopping:
                return
            dropped = self._pending - now - self._begun
            self._count(wished=len(now - self._pending), cancelled=len(dropped))
            self._pending = now | self._begun
            self._request += 1
            self._wish = Wish(self._request, tiles, tuple(sources))
            self._lock.notify()

    def warm_up(self) -> None:
        """Import torch and load the network of WARM_LEVEL now: it takes seconds that the first wish need not wait."""
        with self._lock:
            self._warming = True
            self._lock.notify()

    def ready(self) -> list[Answer]:
        """Everything answered since the last call."""
        with self._lock:
            self._answered.clear()
            found: list[Answer] = []
            while not self._answers.empty():
                found.append(self._answers.get_nowait())
            return found

    @property
    def busy(self) -> bool:
        """Whether tiles are still outstanding."""
        with self._lock:
            return bool(self._pending)

    @property
    def counts(self) -> Counts:
        with self._lock:
            return self._counts

    @property
    def running(self) -> bool:
        """Whether the thread lives: also a while after `close`, inside an import or a block that cannot be cut short.

        An interpreter that ends meanwhile may crash in it (`vr_app.interruption.end_process`).
        """
        return self._thread.is_alive()

    def close(self) -> None:
        """Stop after the block or the import under way, and wait for that CLOSING_SECONDS at most. What is outstanding
        is cancelled. May be called twice."""
        with self._lock:
            self._stopping = True
            self._count(cancelled=len(self._pending - self._begun))
            self._pending &= self._begun
            self._lock.notify()
        self._thread.join(timeout=CLOSING_SECONDS)

    def _count(self, **more: int) -> None:
        """Add to the counts. The lock is held."""
        self._counts = replace(self._counts, **{name: getattr(self._counts, name) + n for name, n in more.items()})

    # What follows runs on the worker's own thread.

    def _run(self) -> None:
        engines: dict[int, Engine] = {}
        while True:
            with self._lock:
                while not (self._stopping or self._pending or self._warming):
                    self._lock.wait()
                if self._stopping:
                    return
                self._warming = False
                wish = self._wish
                outstanding = tuple(key for key in wish.tiles if key in self._pending) if wish else ()
            level = outstanding[0].level if outstanding else WARM_LEVEL
            if level not in engines:
                self._load(level, engines)  # takes long: then the newest wish is looked at again
            elif outstanding:
                self._compute(wish, outstanding, engines[level])

    def _load(self, level: int, engines: dict[int, Engine]) -> None:
        """Import torch and load the network of a level. Where that fails, all its tiles do."""
        try:
            import_torch()
            import torch

            from sr_core.engine.engine import Engine, choose_device
            from sr_core.networks.zoo import load_model

            if not engines:
                torch.set_num_threads(self._threads or max(1, torch.get_num_threads() - 1))
            engines[level] = Engine(load_model(self._model, 1 << level), choose_device(self._device))
        except Exception as error:  # whatever the reason, it is told and the thread goes on
            self._fail(lambda key: key.level == level, error)

    def _compute(self, wish: Wish, tiles: tuple[TileKey, ...], engine: Engine) -> None:
        """One group of the most wanted tiles; then the newest wish is looked at again."""
        first = tiles[0]
        alike = [key for key in tiles if (key.photograph, key.level) == (first.photograph, first.level)]
        try:
            pixels = _source(wish, first.photograph)
            bounds = Rect(0, 0, pixels.shape[1], pixels.shape[0])
            group = group_tiles(alike, bounds, engine.block_edge)[0]
        except Exception as error:
            self._fail(lambda key: key.photograph == first.photograph, error)
            return
        if not self._begin(wish, group):
            return
        try:
            answers = _tiles_of(group, engine, pixels, bounds, wish.request_id)
        except Exception as error:
            self._fail(lambda key: key in group.tiles, error)
            return
        for answer in answers:
            self._answer(answer)

    def _begin(self, wish: Wish, group: TileGroup) -> bool:
        """Enter the group as begun, unless a newer wish has come meanwhile."""
        with self._lock:
            if self._wish is not wish or self._stopping:
                return False
            self._begun.update(group.tiles)
            return True

    def _answer(self, answer: Answer) -> None:
        with self._lock:
            if isinstance(answer, TileFailed):
                self._count(failed=1)
            else:
                self._count(computed=1)
            self._pending.discard(answer.key)
            self._begun.discard(answer.key)
            self._answered.add(answer.key)
            self._answers.put(answer)

    def _fail(self, concerned: Callable[[TileKey], bool], error: Exception) -> None:
        """Answer all outstanding tiles concerned with the error's first line."""
        lines = str(error).strip().splitlines()
        reason = lines[0].strip() if lines else type(error).__name__
        with self._lock:
            for key in sorted(filter(concerned, self._pending)):
                self._answer(TileFailed(key, self._request, reason))


def _source(wish: Wish, photograph: int) -> np.ndarray:
    """The photograph's pixels. Raises ValueError where the wish does not carry them."""
    for index, pixels in wish.sources:
        if index == photograph:
            return pixels
    raise ValueError(f"photograph {photograph} was not given with the wish for its tiles")


def _tiles_of(group: TileGroup, engine: Engine, pixels: np.ndarray, bounds: Rect, request_id: int) -> list[TileReady]:
    """Compute a group and cut it apart."""
    target = group.target.pad(GROUP_MARGIN).intersect(bounds)
    computed = engine.compute(pixels, Block(target, target.pad(engine.network.halo).intersect(bounds)))
    origin = target.scale(engine.scale)
    return [
        TileReady(key, request_id, cut_tile(computed, (origin.x, origin.y), key.rect), engine.network.sha256)
        for key in group.tiles
    ]
