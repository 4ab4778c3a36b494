"""The threads that compute tiles: the newest wish in, tiles out. This module does not import torch; its threads do, at
the first wish or when told to warm up, so that a picture stands on the screen before torch is loaded.

The threads are lanes (`sr_core.engine.lanes`): each takes the most wanted group that no other has begun, as the
`Schedule` has it. There are two sets of them, because a thread may give way, but not take that back: those for a view
that rests, one for each share of the processor, and those that come last, one less, for a view that moves. The first of
these loads the networks, warms up, writes the disk and computes ahead.

What crosses the threads are frozen values (`sr_core.tiles.request`). A failure is a value; the thread goes on.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence

from sr_core.engine.lanes import share_out
from sr_core.engine.priority import LAST, give_way
from sr_core.engine.torch_import import import_torch
from sr_core.image.geometry import TileKey
from sr_core.tiles.disk import TileCache
from sr_core.tiles.engines import WARM, Engines, Opener, Place, Setting, TileEngine, open_engine, place_of
from sr_core.tiles.maker import TileMaker, bounds_of
from sr_core.tiles.request import VIEWER, Answer, Counts, DiskCache, Priority, Source, Wish
from sr_core.tiles.schedule import Choice, Schedule

CLOSING_SECONDS = 0.3
"""What `Worker.close` waits at most: the block under way may be done in that time, an import of torch cannot be cut."""


class Worker:
    """Owns its threads. Every method may be called by any thread; none of them waits, but `close`.

    `model`: a name of the zoo. `device`: 'auto', 'cpu' or 'cuda'. `threads`: processor threads to compute with while
    somebody waits (None: all; see `leave_room`). `disk`: None: no tile is kept on disk.
    """

    def __init__(
        self,
        model: str,
        device: str = "auto",
        threads: int | None = None,
        disk: DiskCache | None = None,
        opener: Opener = open_engine,
    ) -> None:
        self._threads = threads
        self._lock = threading.Condition(threading.RLock())
        self._schedule = Schedule()  # whoever asks it holds the lock
        self._stopping = False
        self._roomy = False  # the lanes compute that come last
        self._engines = Engines(Setting(model, device), opener)
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._notices: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._cache = TileCache(disk.folder, disk.limit, self._notices.put) if disk else None
        self._maker = TileMaker(self._cache)
        self._count_lanes = 0  # for a view that rests; 0: the first lane does everything
        self._each = 0  # threads of each lane; 0: torch is not there
        self._lanes: list[threading.Thread] = []
        self._start_lane(0)

    def want(
        self,
        tiles: Sequence[TileKey],
        sources: Sequence[Source],
        ahead: Sequence[TileKey] = (),
        client: str = VIEWER,
        priority: Priority = Priority.WATCHED,
    ) -> None:
        """Replace the client's wish. Tiles of its last one that are not in this one and not yet begun are cancelled."""
        wish = Wish(tuple(tiles), tuple(sources), tuple(ahead), client=client, priority=priority)
        with self._lock:
            if not self._stopping and self._schedule.want(wish):
                self._lock.notify_all()

    def leave_room(self, room: bool) -> None:
        """Whether the thread that draws needs the processor, as where the view moves: then a lane less computes, from
        the next group on, and comes last."""
        if room != self._roomy:
            with self._lock:
                self._roomy = room
                self._lock.notify_all()

    def use(self, model: str) -> int:
        """Compute with another network from now on; what was wished for is cancelled. Returns a request: answers to
        any before it are the old network's."""
        with self._lock:
            self._engines.use(model)
            self._lock.notify_all()
            return self._schedule.clear()

    def warm_up(self) -> None:
        """Import torch, load the network of WARM and compute each size of pass once, whenever nothing is wished
        for: it takes seconds that no wish need wait."""
        with self._lock:
            self._engines.ask_warm_up()
            self._lock.notify_all()

    def ready(self) -> list[Answer]:
        """Everything answered since the last call."""
        with self._lock:
            self._schedule.taken()
            return _all_of(self._answers)

    def notices(self) -> list[str]:
        """What the user should know of the disk cache, since the last call."""
        return _all_of(self._notices)

    @property
    def busy(self) -> bool:
        """Whether tiles wished for are still outstanding."""
        with self._lock:
            return self._schedule.waits

    @property
    def warming(self) -> bool:
        """Whether a warm-up is not done."""
        return self._engines.cold

    @property
    def counts(self) -> Counts:
        with self._lock:
            return self._schedule.counts

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
            self._schedule.clear()
            self._lock.notify_all()
            lanes = list(self._lanes)
        end = time.monotonic() + CLOSING_SECONDS
        for lane in lanes:
            lane.join(timeout=max(0.0, end - time.monotonic()))

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
            self._cache.finish(CLOSING_SECONDS / 2)

    def _turn(self, lane: int) -> None:
        """Wait for something to do and do one piece of it. A function of its own, so that no photograph lives on in
        its variables while it waits: first what is wished for, then the warm-up, the disk, and what may be wished."""
        cache, schedule = self._cache, self._schedule
        with self._lock:
            while not (self._stopping or self._finds_work(lane)):
                self._lock.wait()
            if self._stopping:
                return
            choice = schedule.choose() if self._serves(lane) and not schedule.opening else None
            warming = not schedule.waits and self._engines.cold
            if not (choice or warming or schedule.waits or (cache and cache.busy)):
                choice = schedule.choose_ahead()
            place = place_of(choice.tiles[0]) if choice else WARM
            engine = self._engines.get(place)
        if (choice or warming) and engine is None:
            self._load(place)  # takes long: then the newest wish is looked at again
        elif choice:
            self._compute(choice, engine)
        elif warming:
            self._engines.warm_up(engine)
        elif cache and cache.busy:
            cache.work()

    def _finds_work(self, lane: int) -> bool:
        """Whether there is something to do for this lane. The lock is held."""
        schedule = self._schedule
        if self._serves(lane) and schedule.has_unbegun:
            return True
        idle = not schedule.waits and (self._engines.cold or schedule.has_ahead)
        return bool(lane == 0 and (idle or (self._cache and self._cache.busy)))

    def _serves(self, lane: int) -> bool:
        """Whether a lane does what is wished for: 0 and those beyond the count in their turn with the others."""
        return not self._count_lanes or (1 <= lane <= self._count_lanes) != self._roomy

    def _load(self, place: Place) -> None:
        """Load what computes a level of a layer. Where that fails, all its tiles do."""
        try:
            self._engines.load(place, self._share_out)
        except Exception as error:  # whatever the reason, it is told and the thread goes on
            self._fail(lambda key: place_of(key) == place, error)
        with self._lock:
            self._lock.notify_all()

    def _share_out(self, alone: bool) -> None:
        """Once, on the first lane: share the processor's threads out. `alone`: it has them all and stays the only one,
        since an engine on a graphics card is for one thread at a time."""
        import_torch()
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

    def _compute(self, choice: Choice, engine: TileEngine) -> None:
        """One group of the most wanted tiles; then the newest wish is looked at again."""
        first = choice.tiles[0]
        request = choice.wish.request_id
        try:
            source = choice.wish.source(first.photograph)
            group = choice.group(bounds_of(source))
        except Exception as error:
            self._fail(lambda key: key.photograph == first.photograph, error)
            return
        with self._lock:
            if self._stopping or not self._schedule.begin(choice, group):
                return
        rest = set(group.tiles)
        for found in self._maker.read(group, source, engine, request):
            self._answer([found], "cached")
            rest.discard(found.key)
        if len(rest) < len(group.tiles):
            with self._lock:  # what was not found is grouped anew
                self._schedule.give_back(rest)
                self._lock.notify_all()
            return
        try:
            made = self._maker.compute(group, source, engine, request)
        except Exception as error:
            self._fail(lambda key: key in group.tiles, error, own=group.tiles)
            return
        self._answer(made, "computed")
        if self._maker.keep(made):
            with self._lock:
                self._lock.notify_all()  # the first lane writes them

    def _answer(self, answers: Sequence[Answer], how: str) -> None:
        """Hand out answers; `how`: see `Schedule.answer`."""
        with self._lock:
            self._schedule.answer(answers, how)
            for answer in answers:
                self._answers.put(answer)
            self._lock.notify_all()

    def _fail(self, concerned: Callable[[TileKey], bool], error: Exception, own: Sequence[TileKey] = ()) -> None:
        """Answer tiles with the error's first line; which: see `Schedule.fail`."""
        lines = str(error).strip().splitlines()
        reason = lines[0].strip() if lines else type(error).__name__
        with self._lock:
            for answer in self._schedule.fail(concerned, reason, own):
                self._answers.put(answer)
            self._lock.notify_all()


def _all_of(waiting: queue.SimpleQueue) -> list:
    found = []
    while not waiting.empty():
        found.append(waiting.get_nowait())
    return found
