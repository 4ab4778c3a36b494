"""The tile service: photographs and computed tiles for any number of clients, without a screen.

A client says what it wants to show (`Wanted`), gets a `Plan` of what that takes, has it pursued, and takes tiles as
they arrive. The README beside this file describes the states of a tile and the limits of each memory.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from sr_core.image.departure import Departure
from sr_core.image.facts import PhotographFacts
from sr_core.image.geometry import TileKey
from sr_core.image.source import PhotographSource
from sr_core.tiles.loader import Loader, PhotographFailed, PhotographLoaded
from sr_core.tiles.photographs import PHOTOGRAPH_MEMORY, Photographs
from sr_core.tiles.request import (
    TILE_MEMORY,
    VIEWER,
    Answer,
    News,
    Notice,
    PhotographLost,
    PhotographOpened,
    Plan,
    Source,
    TileInMemory,
    TileReady,
    Wanted,
)
from sr_core.tiles.worker import Worker


class TilesInMemory:
    """Photographed tiles are cut from the photographs on request; computed ones are kept, in at most `memory` bytes.
    For one thread at a time."""

    def __init__(self, photographs: Photographs, memory: int = TILE_MEMORY) -> None:
        self._photographs = photographs
        self._computed: OrderedDict[TileKey, TileInMemory] = OrderedDict()
        self._memory = memory
        self.bytes = 0
        """Bytes of the computed tiles that are kept."""

    def keep(self, key: TileKey, pixels: np.ndarray, departure: Departure | None = None) -> None:
        """Add a computed tile."""
        self._drop(key)
        self._computed[key] = TileInMemory(key, pixels, departure)
        self.bytes += pixels.nbytes
        while self.bytes > self._memory and len(self._computed) > 1:
            self._drop(next(iter(self._computed)))

    def forget(self, photograph: int) -> None:
        """Drop a photograph's computed tiles, because it has changed."""
        for key in [key for key in self._computed if key.photograph == photograph]:
            self._drop(key)

    def forget_computed(self) -> None:
        """Drop all computed tiles, because another network computes from now on."""
        for key in list(self._computed):
            self._drop(key)

    def _drop(self, key: TileKey) -> None:
        if key in self._computed:
            self.bytes -= self._computed.pop(key).pixels.nbytes

    def mark(self, wanted: tuple[TileKey, ...]) -> None:
        """Mark these tiles as wanted, most wanted first: they will be dropped last."""
        for key in reversed(wanted):
            if key in self._computed:
                self._computed.move_to_end(key)

    def lacking(self, keys: Iterable[TileKey]) -> list[TileKey]:
        """Return the tiles that are not among the kept computed ones, in the given order."""
        computed = self._computed
        return [key for key in keys if key not in computed]

    def to_compute(self, lacking: Iterable[TileKey]) -> tuple[TileKey, ...]:
        """Return the tiles that can be computed now, because their photograph is in memory."""
        return tuple(key for key in lacking if key.synthesised and self._photographs.pixels(key.photograph) is not None)

    def has(self, key: TileKey) -> bool:
        """Whether `tile` would return it."""
        return key in self._computed if key.synthesised else self._photographs.has(key)

    def tile(self, key: TileKey) -> TileInMemory | None:
        """Return a tile, or None if it is not in memory."""
        if key.synthesised:
            return self._computed.get(key)
        pixels = self._photographs.tile(key)
        return None if pixels is None else TileInMemory(key, pixels)

    def tiles(self, keys: Iterable[TileKey], has: Container[TileKey] = ()) -> Iterator[TileInMemory]:
        """Yield the tiles that are in memory, in the given order, leaving out those that the caller `has`. Each is
        looked up, or cut, only when the iterator reaches it."""
        for key in keys:
            if key not in has and (tile := self.tile(key)) is not None:
                yield tile


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

    def reopen(self, photograph: int) -> None:
        """Open a photograph once more, because its source has changed; if it differs, that is news."""
        self.loader.reopen(photograph)

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

    def tiles(self, keys: Sequence[TileKey], has: Container[TileKey] = ()) -> Iterator[TileInMemory]:
        """Yield the tiles that are in memory, leaving out those that the client `has` when its turn comes. Photographed
        tiles have 3 channels, computed ones those of their layer."""
        tiles = self.memory.tiles(keys, has)
        while True:
            with self._one:
                found = next(tiles, None)
            if found is None:
                return
            yield found

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
        return Source(photograph, pixels, self._facts[photograph].sha256, self.photographs.file(photograph))

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
            if answer.photograph != self._facts[answer.key.photograph].sha256:
                return  # it has changed meanwhile
            self.memory.keep(answer.key, answer.pixels, answer.departure)
        self._tell(answer)
