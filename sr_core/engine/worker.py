"""The one super-resolution thread: the newest wish in, tiles out. This module does not import torch; its thread does,
at the first wish or when told to warm up, so that a picture stands on the screen before torch is loaded.

What crosses the thread are frozen values: `Wish` inward (only the newest is kept), `TileReady` and `TileFailed`
outward. A failure is a value; the thread goes on.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sr_core.image.geometry import Rect, TileKey
from sr_core.image.pyramid import GUTTER, cut_tile
from sr_core.image.tiling import Block, TileGroup, group_tiles

if TYPE_CHECKING:
    from sr_core.engine.engine import Engine

WARM_SCALE = 4
"""The scale whose network a warm-up loads."""

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
            if self._wish is not None and tiles == self._wish.tiles:
                return
            now = set(tiles)
            dropped = self._pending - now - self._begun
            self._count(wished=len(now - self._pending), cancelled=len(dropped))
            self._pending = now | self._begun
            self._request += 1
            self._wish = Wish(self._request, tiles, tuple(sources))
            self._lock.notify()

    def warm_up(self) -> None:
        """Import torch and load a network now, before the first wish: while nobody moves yet."""
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
        """Whether tiles of the newest wish are still outstanding."""
        with self._lock:
            return bool(self._pending)

    @property
    def counts(self) -> Counts:
        with self._lock:
            return self._counts

    def close(self) -> None:
        """Stop after the block under way; waits for it, at most a few seconds. May be called twice."""
        with self._lock:
            self._stopping = True
            self._lock.notify()
        self._thread.join(timeout=10.0)

    def _count(self, **more: int) -> None:
        """Add to the counts. The lock is held."""
        self._counts = replace(self._counts, **{name: getattr(self._counts, name) + n for name, n in more.items()})

    # What follows runs on the worker's own thread.

    def _run(self) -> None:
        engines: dict[int, Engine] = {}
        while (scale := self._next_scale()) is not None:
            try:
                if scale not in engines:
                    engines[scale] = self._load(scale)
            except Exception as error:  # whatever the reason, it is told and the thread goes on
                self._fail(self._outstanding(scale), error)
                continue
            self._compute(engines[scale])

    def _next_scale(self) -> int | None:
        """Wait for something to do: the scale of the most wanted tile (or, to warm up, the first); None: stop."""
        with self._lock:
            while not (self._stopping or self._pending or self._warming):
                self._lock.wait()
            if self._stopping:
                return None
            outstanding = self._outstanding()
            if outstanding:
                return 1 << outstanding[0].level
            self._warming, scale = False, WARM_SCALE
            return scale

    def _outstanding(self, scale: int | None = None) -> list[TileKey]:
        """The wish's tiles that have not been answered, most wanted first; of one scale, or all."""
        with self._lock:
            tiles = self._wish.tiles if self._wish else ()
            return [key for key in tiles if key in self._pending and scale in (None, 1 << key.level)]

    def _compute(self, engine: Engine) -> None:
        """One group of the most wanted tiles; then the newest wish is looked at again."""
        with self._lock:
            tiles = self._outstanding(engine.scale)
            if not tiles:
                return
            pixels = dict(self._wish.sources)[tiles[0].photograph]
            bounds = Rect(0, 0, pixels.shape[1], pixels.shape[0])
            alike = [key for key in tiles if key.photograph == tiles[0].photograph]
            group = group_tiles(alike, bounds, engine.block_edge)[0]
            request = self._wish.request_id
            self._begun.update(group.tiles)
        try:
            answers = _tiles_of(group, engine, pixels, bounds, request)
        except Exception as error:
            self._fail(group.tiles, error)
            return
        for answer in answers:
            self._answer(answer)

    def _load(self, scale: int) -> Engine:
        """Import torch and load the network of a scale."""
        import torch

        from sr_core.engine.engine import Engine, choose_device
        from sr_core.networks.zoo import load_model

        torch.set_num_threads(self._threads or max(1, (torch.get_num_threads() or 2) - 1))
        return Engine(load_model(self._model, scale), choose_device(self._device))

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

    def _fail(self, keys: Sequence[TileKey], error: Exception) -> None:
        """Answer for the tiles that are still wished for."""
        reason = " ".join(str(error).split()) or type(error).__name__
        with self._lock:
            for key in keys:
                if key in self._pending:
                    self._answer(TileFailed(key, self._request, reason))


def _tiles_of(group: TileGroup, engine: Engine, pixels: np.ndarray, bounds: Rect, request_id: int) -> list[TileReady]:
    """Compute a group and cut it apart."""
    target = group.target.pad(GROUP_MARGIN).intersect(bounds)
    computed = engine.compute(pixels, Block(target, target.pad(engine.network.halo).intersect(bounds)))
    origin = target.scale(engine.scale)
    return [
        TileReady(key, request_id, cut_tile(computed, (origin.x, origin.y), key.rect), engine.network.sha256)
        for key in group.tiles
    ]
