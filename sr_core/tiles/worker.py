"""The threads that compute tiles: the newest wish goes in, tiles come out. This module does not import torch; its
threads do, at the first wish or warm-up, so that the screen shows a picture before torch is loaded.

The threads are lanes (`sr_core.engine.lanes`): each takes the most wanted group that no other lane has begun, as the
`Schedule` decides. There are two sets of lanes, because a thread can lower its priority but not raise it again: one
for a view at rest, with a lane for each share of the processor; and one of the lowest priority, with a lane less, for a
view that moves. The first lane loads the networks, warms up, writes to disk and computes ahead.

Only frozen values cross the threads (`sr_core.tiles.request`). A failure is such a value; the thread carries on.
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
"""The longest that `Worker.close` waits: enough to finish most blocks; an import of torch cannot be interrupted."""


class Worker:
    """Owns its threads. Thread-safe; only `close` blocks.

    `model`: a name in the zoo. `device`: 'auto', 'cpu' or 'cuda'. `threads`: processor threads to compute with while
    somebody is waiting (None: all; see `leave_room`). `disk`: None keeps no tile on disk.
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
        self._stopping = self._roomy = False  # roomy: the lanes compute that come last
        self._engines = Engines(Setting(model, device), opener)
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._notices: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._cache = TileCache(disk.folder, disk.limit, self._notices.put) if disk else None
        self._maker = TileMaker(self._cache)
        self._count_lanes = self._each = 0  # lanes for a view that rests, and threads of each; 0: torch is not there
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
        """Replace the client's wish. Cancels tiles of its previous wish that are not in this one and have not begun."""
        wish = Wish(tuple(tiles), tuple(sources), tuple(ahead), client=client, priority=priority)
        with self._lock:
            if not self._stopping and self._schedule.want(wish):
                self._lock.notify_all()

    def leave_room(self, room: bool) -> None:
        """Say whether the drawing thread needs the processor: from the next group on one lane less computes then."""
        if room != self._roomy:
            with self._lock:
                self._roomy = room
                self._lock.notify_all()

    def use(self, model: str) -> int:
        """Switch to another network and cancel all wishes. Returns a request id: answers to earlier requests are the
        old network's."""
        with self._lock:
            self._engines.use(model)
            self._lock.notify_all()
            return self._schedule.clear()

    def warm_up(self) -> None:
        """Import torch, load WARM's network and compute each block size once, whenever nothing is wished for, so that
        no wish has to wait those seconds."""
        with self._lock:
            self._engines.ask_warm_up()
            self._lock.notify_all()

    def ready(self) -> list[Answer]:
        """Return all answers since the last call."""
        with self._lock:
            self._schedule.taken()
            return _all_of(self._answers)

    def notices(self) -> list[str]:
        """Return the messages for the user about the disk cache since the last call."""
        return _all_of(self._notices)

    @property
    def busy(self) -> bool:
        """Whether wished-for tiles are still outstanding."""
        with self._lock:
            return self._schedule.waits

    @property
    def has_ahead(self) -> bool:
        """Whether tiles that a client may want next are still to be computed. Takes no lock."""
        return self._schedule.has_ahead

    @property
    def warming(self) -> bool:
        """Whether a warm-up is not finished."""
        return self._engines.cold

    @property
    def counts(self) -> Counts:
        return self._schedule.counts

    @property
    def running(self) -> bool:
        """Whether a thread is alive. One inside an import or a block, which cannot be interrupted, outlives `close`.

        If the interpreter exits meanwhile, it may crash there (see `vr_app.process.interruption.end_process`).
        """
        return any(lane.is_alive() for lane in self._lanes)

    def close(self) -> None:
        """Stop after the current blocks or import, and wait at most CLOSING_SECONDS for them. Cancels what is
        outstanding. May be called twice."""
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

    # Everything below runs on the worker's own threads.

    def _run(self, lane: int) -> None:
        give_way()
        if lane:
            self._take_threads(comes_last=lane > self._count_lanes)
        while not self._stopping:
            self._turn(lane)
        if self._cache is not None and not lane:
            self._cache.finish(CLOSING_SECONDS / 2)

    def _turn(self, lane: int) -> None:
        """Wait for work and do one piece: first what is wished for, then the warm-up, then the disk, then work ahead.
        Its own function, so that no variable keeps a photograph alive while it waits."""
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
        if engine is None and (choice or warming):
            self._load(place)  # takes long: then the newest wish is looked at again
        elif engine is not None and choice:
            self._compute(choice, engine)
        elif engine is not None and warming:
            self._engines.warm_up(engine)
        elif cache and cache.busy:
            cache.work()

    def _finds_work(self, lane: int) -> bool:
        """Whether there is work for this lane. The lock must be held."""
        if self._serves(lane) and self._schedule.has_unbegun:
            return True
        idle = not self._schedule.waits and (self._engines.cold or self._schedule.has_ahead)
        return bool(lane == 0 and (idle or (self._cache and self._cache.busy)))

    def _serves(self, lane: int) -> bool:
        """Whether a lane computes what is wished for: lane 0 takes turns with those beyond the count."""
        return not self._count_lanes or (1 <= lane <= self._count_lanes) != self._roomy

    def _load(self, place: Place) -> None:
        """Load the engine of a layer's level. If that fails, so do all of its tiles."""
        try:
            self._engines.load(place, self._share_out)
        except Exception as error:  # whatever the reason, it is told and the thread goes on
            self._fail(lambda key: place_of(key) == place, error)
        with self._lock:
            self._lock.notify_all()

    def _share_out(self, alone: bool) -> None:
        """Divide the processor's threads among the lanes; called once, on the first lane. `alone`: that lane keeps all
        of them and stays the only one, because an engine on a graphics card serves one thread at a time."""
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
        """Switch to computing with the lane's own share of processor threads."""
        import torch

        if comes_last:
            give_way(LAST)
        torch.set_num_threads(self._each)

    def _compute(self, choice: Choice, engine: TileEngine) -> None:
        """Answer one group of the most wanted tiles; the caller then looks at the newest wish again."""
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
        """Hand out answers. `how`: see `Schedule.answer`."""
        with self._lock:
            self._schedule.answer(answers, how)
            for answer in answers:
                self._answers.put(answer)
            self._lock.notify_all()

    def _fail(self, concerned: Callable[[TileKey], bool], error: Exception, own: Sequence[TileKey] = ()) -> None:
        """Answer the tiles that `Schedule.fail` names with the error's first line."""
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
