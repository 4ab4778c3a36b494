"""The one super-resolution worker: the newest wish in, tiles out. This module does not import torch; its thread does,
at the first wish or when told to warm up, so that a picture stands on the screen before torch is loaded.

Its threads are lanes (`sr_core.engine.lanes`): each takes the most wanted group that no other has begun. There are two
sets of them, because a thread may give way, but not take that back: those for a view that rests, one for each share of
the processor, and those that come last, one less, for a view that moves. The first of these loads the networks, warms
up, keeps the disk and computes ahead.

What crosses the threads are frozen values: `Wish` inward (only the newest is kept), `TileReady` and `TileFailed`
outward. A failure is a value; the thread goes on.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sr_core.engine.blocks import TileGroup, block_for, first_group, next_group, sizes
from sr_core.engine.lanes import share_out
from sr_core.engine.priority import LAST, give_way
from sr_core.engine.torch_import import import_torch
from sr_core.image.geometry import Rect, TileKey
from sr_core.image.pyramid import GUTTER, cut_tile
from sr_core.tiles.allocator import TileMemory
from sr_core.tiles.disk import TileCache, TileName

if TYPE_CHECKING:
    from sr_core.engine.engine import Engine
    from sr_core.networks.zoo import LoadedNetwork

WARM_LEVEL = 2
"""The level whose network a warm-up loads: x4."""

CLOSING_SECONDS = 0.3
"""What `Worker.close` waits at most: the block under way may be done in that time, an import of torch cannot be cut."""

AHEAD_SHARE = 2
"""Groups computed ahead are this much smaller a side than those wished for: a wish that comes meanwhile waits less."""


@dataclass(frozen=True, eq=False)
class Source:
    """A photograph, by its index in the session: (H, W, 3) uint8 read-only pixels, and the sha256 of its file."""

    photograph: int
    pixels: np.ndarray
    sha256: str


@dataclass(frozen=True)
class Wish:
    """Synthesised tiles that should be computed, most wanted first, and the photographs that they are cut from.

    `ahead`: tiles that may be wished for next, computed when there is nothing else to do. A newer wish replaces this.
    """

    tiles: tuple[TileKey, ...]
    sources: tuple[Source, ...]
    ahead: tuple[TileKey, ...] = ()
    request_id: int = 0

    def same_as(self, other: Wish | None) -> bool:
        """Whether the other asks for the same tiles of the same photographs."""
        return other is not None and self._asks == other._asks

    @property
    def _asks(self) -> tuple:
        return self.tiles, self.ahead, [(source.photograph, source.sha256) for source in self.sources]


@dataclass(frozen=True)
class TileReady:
    """A computed tile with its gutter, (TILE + 2, TILE + 2, 4) uint8 read-only: RGB, and in alpha how far it departs
    from what the photograph alone determines, as of `Engine.compute`.

    Provenance: the key's level; `weights` and `photograph`, the sha256 of the network's weights and of the photograph's
    file. `invented`: the mean of alpha, in grey levels. `agrees`: shrunk again it is the photograph; False: the network
    restores, and was not held to it.
    """

    key: TileKey
    request_id: int
    pixels: np.ndarray
    weights: str
    photograph: str
    invented: float
    agrees: bool


@dataclass(frozen=True)
class TileFailed:
    """A tile that cannot be had, and why, in one line."""

    key: TileKey
    request_id: int
    reason: str


Answer = TileReady | TileFailed


@dataclass(frozen=True)
class Counts:
    """Tiles since the start: wished for (each once), and what became of them: computed, found on disk (`cached`),
    failed, or cancelled (dropped by a newer wish). Apart from these `prefetched`: had before they were wished for."""

    wished: int = 0
    computed: int = 0
    cached: int = 0
    failed: int = 0
    cancelled: int = 0
    prefetched: int = 0


@dataclass(frozen=True)
class DiskCache:
    """Where computed tiles are kept, and the bytes on disk that they may take."""

    folder: Path
    limit: int


class Worker:
    """Owns its threads. Every method may be called by the thread that draws; none of them waits, but `close`.

    `model`: a name of the zoo. `device`: 'auto', 'cpu' or 'cuda'. `threads`: processor threads to compute with while
    somebody waits (None: all; see `leave_room`). `disk`: None: no tile is kept on disk.
    """

    def __init__(
        self, model: str, device: str = "auto", threads: int | None = None, disk: DiskCache | None = None
    ) -> None:
        self._model = model
        self._device = device
        self._threads = threads
        self._lock = threading.Condition(threading.RLock())
        self._wish = Wish((), ())
        self._pending: set[TileKey] = set()  # wished for and not answered
        self._ahead: dict[TileKey, None] = {}  # of the wish's `ahead` what is still to do, in its order
        self._begun: set[TileKey] = set()
        self._answered: set[TileKey] = set()
        self._counts = Counts()
        self._stopping = False
        self._roomy = False  # the lanes compute that come last
        self._engines: dict[int, Engine] = {}  # by level
        self._fresh = False  # a new view waits for its first tiles to be begun
        self._first: frozenset[TileKey] = frozenset()  # those, once they are
        self._warming: list[tuple[int, int]] | None = []  # sizes still to compute once; None: the network is not loaded
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._notices: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._memory = TileMemory()
        self._cache = TileCache(disk.folder, disk.limit, self._notices.put) if disk else None
        self._disk = threading.Lock()  # held for whatever the cache does but tell whether it is busy
        self._loading = threading.Lock()
        self._count_lanes = 0  # for a view that rests; 0: the first lane does everything
        self._each = 0  # threads of each lane; 0: torch is not there
        self._lanes: list[threading.Thread] = []
        self._start_lane(0)

    def want(self, tiles: Sequence[TileKey], sources: Sequence[Source], ahead: Sequence[TileKey] = ()) -> None:
        """Replace the wish. Tiles of the last one that are not in this one and not yet begun are cancelled."""
        with self._lock:
            tiles = tuple(key for key in tiles if key not in self._answered)
            wish = Wish(tiles, tuple(sources), tuple(ahead), self._wish.request_id + 1)
            now = set(tiles)
            if self._stopping or (wish.same_as(self._wish) and now <= self._pending):
                return
            dropped = self._pending - now - self._begun
            self._fresh = self._fresh or (bool(tiles) and tiles[0] not in self._pending)
            self._count(wished=len(now - self._pending), cancelled=len(dropped))
            self._pending = now | (self._pending & self._begun)
            self._ahead = dict.fromkeys(key for key in wish.ahead if key not in now and key not in self._answered)
            self._wish = wish
            self._lock.notify_all()

    def leave_room(self, room: bool) -> None:
        """Whether the thread that draws needs the processor, as where the view moves: from the next group on a lane
        less computes, if there is more than one, and comes last."""
        if room != self._roomy:
            with self._lock:
                self._roomy = room
                self._lock.notify_all()

    def use(self, model: str) -> int:
        """Compute with another network from now on; what was wished for is cancelled. Returns a request: answers to
        any before it are the old network's."""
        with self._lock:
            self._model, self._engines = model, {}
            self._count(cancelled=len(self._pending - self._begun))
            self._pending &= self._begun
            self._ahead.clear()
            self._wish = Wish((), (), request_id=self._wish.request_id + 1)
            self._lock.notify_all()
            return self._wish.request_id

    def warm_up(self) -> None:
        """Import torch, load the network of WARM_LEVEL and compute each size of pass once, whenever nothing is wished
        for: it takes seconds that no wish need wait."""
        with self._lock:
            self._warming = None
            self._lock.notify_all()

    def ready(self) -> list[Answer]:
        """Everything answered since the last call."""
        with self._lock:
            self._answered.clear()
            found: list[Answer] = []
            while not self._answers.empty():
                found.append(self._answers.get_nowait())
            return found

    def notices(self) -> list[str]:
        """What the user should know of the disk cache, since the last call."""
        found: list[str] = []
        while not self._notices.empty():
            found.append(self._notices.get_nowait())
        return found

    @property
    def busy(self) -> bool:
        """Whether tiles wished for are still outstanding."""
        with self._lock:
            return bool(self._pending)

    @property
    def warming(self) -> bool:
        """Whether a warm-up is not done."""
        with self._lock:
            return self._cold

    @property
    def counts(self) -> Counts:
        with self._lock:
            return self._counts

    @property
    def running(self) -> bool:
        """Whether a thread lives: also a while after `close`, inside an import or a block that cannot be cut short.

        An interpreter that ends meanwhile may crash in it (`vr_app.process.interruption.end_process`).
        """
        return any(lane.is_alive() for lane in self._lanes)

    def close(self) -> None:
        """Stop after the blocks or the import under way, and wait for that CLOSING_SECONDS at most. What is outstanding
        is cancelled. May be called twice."""
        with self._lock:
            self._stopping = True
            self._count(cancelled=len(self._pending - self._begun))
            self._pending &= self._begun
            self._ahead.clear()
            self._lock.notify_all()
            lanes = list(self._lanes)
        end = time.monotonic() + CLOSING_SECONDS
        for lane in lanes:
            lane.join(timeout=max(0.0, end - time.monotonic()))

    def _count(self, **more: int) -> None:
        """Add to the counts. The lock is held."""
        self._counts = replace(self._counts, **{name: getattr(self._counts, name) + n for name, n in more.items()})

    def _start_lane(self, lane: int) -> None:
        self._lanes.append(threading.Thread(target=self._run, args=(lane,), name="super-resolution", daemon=True))
        self._lanes[lane].start()

    # What follows runs on the worker's own threads.

    def _run(self, lane: int) -> None:
        give_way()
        if lane:
            self._take_threads(comes_last=lane > self._count_lanes)
        while not self._stopping:
            self._turn(lane)
        if self._cache is not None and not lane:
            with self._disk:
                self._cache.finish(CLOSING_SECONDS / 2)

    def _turn(self, lane: int) -> None:
        """Wait for something to do and do one piece of it. A function of its own, so that no photograph lives on in
        its variables while it waits: first what is wished for, then the warm-up, the disk, and what may be wished."""
        cache = self._cache
        with self._lock:
            while not (self._stopping or self._finds_work(lane)):
                self._lock.wait()
            if self._stopping:
                return
            wish = self._wish
            tiles = tuple(key for key in wish.tiles if key in self._pending and key not in self._begun)
            if not self._serves(lane) or self._opens:
                tiles = ()
            warming = not self._pending and self._cold
            if not (tiles or warming or self._pending or (cache and cache.busy)):
                tiles = tuple(self._ahead)
            level = tiles[0].level if tiles else WARM_LEVEL
            engine = self._engines.get(level)
        if (tiles or warming) and engine is None:
            self._load(level)  # takes long: then the newest wish is looked at again
        elif tiles:
            self._compute(wish, tiles, engine)
        elif warming:
            self._warm(engine)
        elif cache and cache.busy:
            with self._disk:
                cache.work()

    def _finds_work(self, lane: int) -> bool:
        """Whether there is something to do for this lane. The lock is held."""
        if self._serves(lane) and not self._pending <= self._begun and not self._opens:
            return True
        idle = not self._pending and (self._cold or self._ahead)
        return bool(lane == 0 and (idle or (self._cache and self._cache.busy)))

    @property
    def _opens(self) -> bool:
        """Whether a view's first tiles are under way: the other lanes leave them the processor, which has the view's
        first pictures to draw as well. The lock is held."""
        return not (self._fresh or self._begun.isdisjoint(self._first))

    def _serves(self, lane: int) -> bool:
        """Whether a lane does what is wished for: 0 and those beyond the count in their turn with the others."""
        return not self._count_lanes or (1 <= lane <= self._count_lanes) != self._roomy

    @property
    def _cold(self) -> bool:
        """Whether a warm-up has been asked for and is not done."""
        return self._warming is None or bool(self._warming)

    def _warm(self, engine: Engine) -> None:
        """One size of pass; where that fails, no other is tried: whoever wishes for tiles is told."""
        if self._warming is None:
            self._warming = sizes(engine.scale, engine.network.halo)
        try:
            engine.warm_up(*self._warming.pop(0))
        except Exception:
            self._warming = []

    def _load(self, level: int) -> None:
        """Import torch and load the network of a level. Where that fails, all its tiles do."""
        with self._loading:
            model = self._model
            if level in self._engines:
                return  # another lane has done it meanwhile
            try:
                import_torch()
                from sr_core.engine.engine import Engine, choose_device
                from sr_core.networks.zoo import load_model

                device = choose_device(self._device)
                self._share_out(alone=device.type != "cpu")
                engine = Engine(load_model(model, 1 << level), device)
            except Exception as error:  # whatever the reason, it is told and the thread goes on
                self._warming = []
                self._fail(lambda key: key.level == level, error)
                return
            with self._lock:
                if model == self._model:
                    self._engines[level] = engine
                    self._lock.notify_all()

    def _share_out(self, alone: bool) -> None:
        """Once, on the first lane: share the processor's threads out. `alone`: it has them all and stays the only one,
        since an engine on a graphics card is for one thread at a time."""
        import torch

        if self._each:
            return
        threads = self._threads or torch.get_num_threads()
        if alone:
            self._each = threads
            self._take_threads(comes_last=False)
            return
        lanes, self._each = share_out(threads)
        with self._lock:
            self._count_lanes = lanes
            resting, moving = lanes, max(1, lanes - 1)
            for lane in range(1, 1 if self._stopping else resting + moving):
                self._start_lane(lane)
        self._take_threads(comes_last=True)  # after that: threads begin with the priority of the one that starts them

    def _take_threads(self, comes_last: bool) -> None:
        """Compute with the lane's own processor threads from now on."""
        import torch

        if comes_last:
            give_way(LAST)
        torch.set_num_threads(self._each)

    def _compute(self, wish: Wish, tiles: tuple[TileKey, ...], engine: Engine) -> None:
        """One group of the most wanted tiles; then the newest wish is looked at again."""
        first = tiles[0]
        alike = [key for key in tiles if (key.photograph, key.level) == (first.photograph, first.level)]
        try:
            source = _source(wish, first.photograph)
            bounds = Rect(0, 0, source.pixels.shape[1], source.pixels.shape[0])
            if first not in self._pending:
                group = next_group(alike, bounds, AHEAD_SHARE)
            elif self._fresh:
                group = first_group(alike, bounds)
            else:
                group = next_group(alike, bounds)
        except Exception as error:
            self._fail(lambda key: key.photograph == first.photograph, error)
            return
        if not self._begin(wish, group):
            return
        if self._find(wish, group, source, engine.network):
            return  # what was not found is grouped anew
        try:
            answers = self._tiles_of(group, engine, source, bounds, wish.request_id)
        except Exception as error:
            self._fail(lambda key: key in group.tiles, error, own=group.tiles)
            return
        self._answer(answers)
        if self._cache is not None:
            with self._disk:
                for answer in answers:
                    self._cache.keep(TileName.of(answer.key, source.sha256, answer.weights), answer.pixels)
            with self._lock:
                self._lock.notify_all()  # the first lane writes them

    def _begin(self, wish: Wish, group: TileGroup) -> bool:
        """Enter the group as begun, unless a newer wish has come meanwhile or another lane has taken of its tiles."""
        with self._lock:
            taken = self._opens or not self._begun.isdisjoint(group.tiles)
            if self._wish is not wish or self._stopping or taken:
                return False
            if self._fresh and group.tiles[0] in self._pending:
                self._fresh, self._first = False, frozenset(group.tiles)
            self._begun.update(group.tiles)
            return True

    def _find(self, wish: Wish, group: TileGroup, source: Source, network: LoadedNetwork) -> bool:
        """Answer those of the group that are on disk. Where there are any, the others are no longer begun."""
        if self._cache is None:
            return False
        rest = set(group.tiles)
        for key in group.tiles:
            with self._disk:
                pixels = self._cache.get(TileName.of(key, source.sha256, network.sha256))
            if pixels is not None:
                self._answer([self._ready(key, wish.request_id, pixels, network, source)], "cached")
                rest.discard(key)
        found = len(rest) < len(group.tiles)
        if found:
            with self._lock:
                self._begun -= rest
                # A wish that came meanwhile, or the end, counted on their being under way.
                dropped = (self._pending & rest).difference(() if self._stopping else self._wish.tiles)
                self._pending -= dropped
                self._count(cancelled=len(dropped))
                self._lock.notify_all()
        return found

    def _tiles_of(
        self, group: TileGroup, engine: Engine, source: Source, bounds: Rect, request_id: int
    ) -> list[TileReady]:
        """Compute a group and cut it apart."""
        block = block_for(group.target, bounds, engine.scale, engine.network.halo)
        computed = engine.compute(source.pixels, block)
        origin = block.target.scale(engine.scale)
        return [
            self._ready(key, request_id, cut_tile(computed, (origin.x, origin.y), key.rect), engine.network, source)
            for key in group.tiles
        ]

    def _ready(
        self, key: TileKey, request_id: int, pixels: np.ndarray, network: LoadedNetwork, source: Source
    ) -> TileReady:
        invented = float(pixels[GUTTER:-GUTTER, GUTTER:-GUTTER, 3].mean())
        kept = self._memory.keep(pixels)
        return TileReady(key, request_id, kept, network.sha256, source.sha256, invented, network.agrees)

    def _answer(self, answers: Sequence[Answer], how: str = "computed") -> None:
        """Hand out answers, and count in the field `how` of `Counts` those that were wished for."""
        with self._lock:
            wished = sum(answer.key in self._pending for answer in answers)
            self._count(**{how: wished})
            self._count(prefetched=len(answers) - wished)
            for answer in answers:
                self._pending.discard(answer.key)
                self._ahead.pop(answer.key, None)
                self._begun.discard(answer.key)
                self._answered.add(answer.key)
                self._answers.put(answer)
            self._lock.notify_all()

    def _fail(self, concerned: Callable[[TileKey], bool], error: Exception, own: Sequence[TileKey] = ()) -> None:
        """Answer all outstanding tiles concerned with the error's first line, but those that another lane has begun;
        `own`: those that this one has. What is computed ahead is dropped in silence: it is told if it is wished for."""
        lines = str(error).strip().splitlines()
        reason = lines[0].strip() if lines else type(error).__name__
        with self._lock:
            self._begun.difference_update(own)
            failed = sorted(filter(concerned, self._pending - self._begun))
            self._answer([TileFailed(key, self._wish.request_id, reason) for key in failed], "failed")
            self._ahead = {key: None for key in self._ahead if not concerned(key)}


def _source(wish: Wish, photograph: int) -> Source:
    """The photograph. Raises ValueError where the wish does not carry it."""
    for source in wish.sources:
        if source.photograph == photograph:
            return source
    raise ValueError(f"photograph {photograph} was not given with the wish for its tiles")
