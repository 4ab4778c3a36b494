"""The tile service: photographs and computed tiles for any number of clients, without a screen.

A client says what it wants to show (`Wanted`), gets a `Plan` of what that takes, has it pursued, and takes tiles as
they arrive. The README beside this file describes the states of a tile and the limits of each memory.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from sr_core.image.facts import PhotographFacts
from sr_core.image.geometry import TileKey
from sr_core.image.source import PhotographSource
from sr_core.tiles.loader import Loader, PhotographFailed, PhotographLoaded
from sr_core.tiles.memory import TILE_MEMORY, TilesInMemory
from sr_core.tiles.photographs import PHOTOGRAPH_MEMORY, Photographs
from sr_core.tiles.request import VIEWER, Answer, Priority, Source, TileFailed, TileReady
from sr_core.tiles.worker import Worker


@dataclass(frozen=True)
class PhotographOpened:
    """A photograph is ready to be shown. `changed`: it was shown before, and its source has changed since."""

    index: int
    facts: PhotographFacts
    changed: bool = False


@dataclass(frozen=True)
class PhotographLost:
    """A photograph cannot be opened. `known`: it was opened before, and keeps its coarse picture."""

    index: int
    reason: str
    known: bool


@dataclass(frozen=True)
class Notice:
    """A message for the user, in one line."""

    text: str


News = PhotographOpened | PhotographLost | TileReady | TileFailed | Notice


@dataclass(frozen=True)
class Wanted:
    """What a client shows or is about to show: `tiles`, most wanted first, and those of them that it `lacks`. `seen`:
    the photographs in view, which are dropped last."""

    tiles: tuple[TileKey, ...]
    lacking: tuple[TileKey, ...]
    seen: tuple[int, ...] = ()
    client: str = VIEWER
    priority: Priority = Priority.WATCHED


@dataclass(frozen=True)
class Plan:
    """What must be done to get what is wanted, most wanted first.

    `decode`: photographs to open again, for this client or others. `compute`: tiles for a lane to compute, or to read
    if they are on disk. `upload`: tiles in memory, to be taken with `TileService.tiles`. `unavailable`: tiles that will
    not come, each with the reason. `waits`: some tile that the client lacks is not in memory, or will only be cut when
    it is taken.
    """

    wanted: Wanted
    needed: tuple[int, ...]
    decode: tuple[int, ...]
    compute: tuple[TileKey, ...]
    upload: tuple[TileKey, ...]
    unavailable: tuple[tuple[TileKey, str], ...]
    waits: bool


class TileService:
    """Owns the loader and the worker. Thread-safe; only `close` blocks.

    `first`: the photographs to open first. `photograph_memory`, `tile_memory`: the most bytes of decoded photographs
    and of computed tiles. The service closes `worker`.
    """

    def __init__(
        self,
        sources: Sequence[PhotographSource],
        worker: Worker,
        first: Sequence[int] = (),
        photograph_memory: int = PHOTOGRAPH_MEMORY,
        tile_memory: int = TILE_MEMORY,
    ) -> None:
        self.worker = worker
        self.loader = Loader(sources, first)
        self.photographs = Photographs(photograph_memory)
        self.memory = TilesInMemory(self.photographs, tile_memory)
        self._one = threading.RLock()
        self._news: dict[str, deque[News]] = {}  # by client
        self._wanted: dict[str, Wanted] = {}  # by client
        self._near: dict[str, Sequence[int] | None] = {}  # by client
        self._facts: dict[int, PhotographFacts] = {}  # of photographs that are open
        self._computing_since = 0

    def join(self, client: str = VIEWER) -> None:
        """Add a client. It receives all news from now on, beginning with the photographs opened so far."""
        with self._one:
            self._news[client] = deque(PhotographOpened(index, facts) for index, facts in self._facts.items())
            self._near[client] = None
            self._open_near()

    def leave(self, client: str) -> None:
        """Remove a client; it wants nothing any more."""
        with self._one:
            self._news.pop(client, None)
            self._wanted.pop(client, None)
            self._near.pop(client, None)
            self._open_near()
            self.worker.want((), (), client=client)

    def open_only(self, near: Sequence[int] | None, client: str = VIEWER) -> None:
        """Of the photographs not opened yet, open only these for the client, in this order (None: all). Without this
        call a client wants all of them."""
        with self._one:
            if self._near.get(client) != near:
                self._near[client] = near
                self._open_near()

    def take(self, client: str = VIEWER) -> tuple[News, ...]:
        """Return the news since the client last asked: photographs, computed tiles, failures."""
        with self._one:
            self._collect()
            news = self._news[client]
            taken = tuple(news)
            news.clear()
            return taken

    def plan(self, wanted: Wanted) -> Plan:
        """Return what must be done to get what a client wants, besides what the others want. Changes nothing."""
        with self._one:
            lacking = self.memory.lacking(wanted.lacking)
            needed = self.photographs.needed(self._lacking_of_all(wanted, lacking))
            return Plan(
                wanted,
                needed,
                self.photographs.dropped(needed),
                self.memory.to_compute(lacking),
                tuple(filter(self.memory.has, wanted.lacking)),
                tuple(self.photographs.not_available(lacking)),
                bool(lacking),
            )

    def pursue(self, plan: Plan, ahead: Sequence[TileKey] = ()) -> None:
        """Carry out a plan; it replaces the client's previous one. `ahead`: tiles that the client may want next, as
        returned by `missing`."""
        with self._one:
            wanted, before = plan.wanted, self._wanted.get(plan.wanted.client)
            if before is None or before.tiles is not wanted.tiles:
                self.memory.mark(wanted.tiles)
            self._wanted[wanted.client] = wanted
            self.photographs.look(wanted.seen)
            self.photographs.need(plan.needed)
            self.loader.want(plan.decode)
            of = sorted({key.photograph for key in (*plan.compute, *ahead)})
            sources = {index: source for index in of if (source := self._source(index)) is not None}
            compute, ahead = (
                tiles if len(sources) == len(of) else tuple(key for key in tiles if key.photograph in sources)
                for tiles in (plan.compute, ahead)
            )
            self.worker.want(compute, tuple(sources.values()), ahead, wanted.client, wanted.priority)

    def missing(self, tiles: Sequence[TileKey]) -> tuple[TileKey, ...]:
        """Return the tiles that are not in memory and can be computed now."""
        with self._one:
            return self.memory.to_compute(self.memory.lacking(tiles))

    def tiles(
        self, keys: Sequence[TileKey], has: Callable[[TileKey], bool] = lambda _: False
    ) -> Iterator[tuple[TileKey, np.ndarray]]:
        """Yield the tiles that are in memory, with their gutters, leaving out those that the client `has` when its turn
        comes. Photographed tiles are (TILE + 2, TILE + 2, 3) uint8, computed ones as in `TileReady`."""
        for key in keys:
            if not has(key):
                with self._one:
                    pixels = self.memory.tile(key)
                if pixels is not None:
                    yield key, pixels

    def use(self, model: str) -> None:
        """Switch to another network: drop what the previous one computed, and cancel all wishes."""
        with self._one:
            self._computing_since = self.worker.use(model)
            self.memory.forget_computed()

    @property
    def busy(self) -> bool:
        """Whether more news may arrive without another request."""
        return self.loader.busy or self.worker.busy or self.worker.warming

    @property
    def running(self) -> bool:
        """Whether a thread of the loader or the worker is alive, even after `close`."""
        return self.loader.running or self.worker.running

    def close(self) -> None:
        """End the threads, as soon as `Loader.close` and `Worker.close` allow. May be called twice."""
        self.worker.close()
        self.loader.close()

    # The lock is held in what follows.

    def _open_near(self) -> None:
        wishes = tuple(self._near.values())
        told = [near for near in wishes if near is not None]
        everything = not wishes or len(told) < len(wishes)
        self.loader.open_only(None if everything else tuple(chain.from_iterable(told)))

    def _lacking_of_all(self, wanted: Wanted, lacking: list[TileKey]) -> Iterator[TileKey] | list[TileKey]:
        """Return what all clients lack, the most urgent client's tiles first."""
        others = [other for client, other in self._wanted.items() if client != wanted.client]
        if not others:
            return lacking
        ordered = sorted([wanted, *others], key=lambda one: one.priority)
        return chain.from_iterable(lacking if one is wanted else self.memory.lacking(one.lacking) for one in ordered)

    def _source(self, photograph: int) -> Source | None:
        """Return the photograph to compute from; None if it was dropped meanwhile to make room for another."""
        pixels = self.photographs.pixels(photograph)
        if pixels is None:
            return None
        return Source(photograph, pixels, self.photographs.sha256(photograph), self.photographs.file(photograph))

    def _tell(self, news: News) -> None:
        for waiting in self._news.values():
            waiting.append(news)

    def _collect(self) -> None:
        """Keep what loader and worker have finished, and pass it on to every client."""
        for arrival in self.loader.ready():
            self._failed(arrival) if isinstance(arrival, PhotographFailed) else self._loaded(arrival)
        for answer in self.worker.ready():
            self._answered(answer)
        for notice in self.worker.notices():
            self._tell(Notice(notice))

    def _failed(self, arrival: PhotographFailed) -> None:
        known = self.photographs.knows(arrival.index)
        if known:
            self.photographs.lose(arrival.index, arrival.reason)
        self._tell(PhotographLost(arrival.index, arrival.reason, known))

    def _loaded(self, arrival: PhotographLoaded) -> None:
        """Take in a photograph. If it was opened before and has changed since, drop everything computed from it."""
        index, facts = arrival.index, arrival.photograph.facts
        again = self.photographs.knows(index)
        changed = self.photographs.add(index, arrival.pyramid, facts.sha256, arrival.photograph.file)
        if changed:
            self.memory.forget(index)
        if changed or not again:
            self._facts[index] = facts
            self._tell(PhotographOpened(index, facts, changed))

    def _answered(self, answer: Answer) -> None:
        if answer.request_id < self._computing_since:
            return  # of a network that no longer computes
        if isinstance(answer, TileReady):
            if answer.photograph != self.photographs.sha256(answer.key.photograph):
                return  # it has changed meanwhile
            self.memory.keep(answer.key, answer.pixels)
        self._tell(answer)
