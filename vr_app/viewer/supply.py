"""The viewer as a client of the tile service: what it asks for, what has arrived, and what is on the graphics card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sr_core.files import printable
from sr_core.image import layers
from sr_core.image.departure import Departure
from sr_core.image.folder import unique_names
from sr_core.image.geometry import TileKey
from sr_core.image.photograph import PhotographError
from sr_core.image.source import PhotographSource
from sr_core.networks.names import texture_of
from sr_core.tiles.request import (
    DiskCache,
    Notice,
    PhotographLost,
    PhotographOpened,
    TileFailed,
    Wanted,
)
from sr_core.tiles.service import TileService
from sr_core.tiles.worker import Worker
from vr_app.core.scene.snapshot import told_of
from vr_app.core.space.pose import Eye
from vr_app.core.tiles.departure import Departures
from vr_app.core.tiles.limits import Limits
from vr_app.core.tiles.page_table import SLOT_BYTES, Residency
from vr_app.core.tiles.prefetch import REST, photographs_near, tiles_ahead, tiles_beside
from vr_app.core.tiles.visible import Demand, tiles_wanted
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.view import ViewState
from vr_app.gl.tiles import TileArray, Uploader, UploadReport
from vr_app.process.interruption import watch

UPLOAD_BYTES, UPLOAD_SECONDS = 4_000_000, 0.002
"""The most that one frame may spend on copying tiles."""


@dataclass(frozen=True)
class Opened:
    """A photograph has been opened. `changed`: it had been before, but its file has changed since."""

    index: int
    record: PhotographRecord
    changed: bool


@dataclass(frozen=True)
class Unopened:
    """A photograph that cannot be opened."""

    index: int


class Supply:
    """Owns the tile service and the texture array. For the main thread.

    `wanted`: the tiles wanted now, most wanted first. `lacks`: some of these are not there yet. `computing`: the
    photographs for which wanted tiles are being computed. `titles`: what the photographs are called, unique in the
    session. `moved`: something has come since the last frame, or that frame copied tiles, so that more may be ready.
    """

    def __init__(
        self,
        sources: Sequence[PhotographSource],
        awaited: Sequence[int],
        model: str,
        device: str,
        limits: Limits,
        prefetch: bool,
        tile_cache: DiskCache | None,
        say: Callable[[str], None],
        stack: ExitStack,
    ) -> None:
        """`awaited`: the photographs to open first. `say`: gets what the user should know. `stack`: closes
        everything."""
        self._say, self._limits, self._prefetch = say, limits, prefetch
        worker = Worker(model, device, disk=tile_cache)
        self.service = TileService(sources, worker, awaited, limits.photographs, limits.tiles)
        self.service.join()
        watch(lambda: self.service.running)
        stack.callback(self.service.close)
        self.tiles = TileArray(limits.slots)
        stack.callback(self.tiles.close)
        self._uploader = Uploader(self.tiles, UPLOAD_BYTES, UPLOAD_SECONDS)
        self.residency = Residency(self.tiles.slots)
        self.departures = Departures()
        self._count = len(sources)
        self.titles = tuple(map(printable, unique_names([Path(source.id) for source in sources])))
        self.wanted: tuple[TileKey, ...] = ()
        self.lacks = self.moved = True
        self.computing: frozenset[int] = frozenset()
        self._ahead: tuple[tuple[TileKey, ...], tuple[TileKey, ...]] | None = None
        self._copied = False
        self._unopened = 0
        self._near_of: tuple | None = None
        self._beside: tuple[TileKey, ...] = ()
        self._beside_of: object = None

    # What has arrived.

    def take(self) -> tuple[Opened | Unopened, ...]:
        """Take what loader and worker have finished. Return the news of photographs.

        Raises PhotographError if the last remaining photograph cannot be opened either.
        """
        found: list[Opened | Unopened] = []
        taken = self.service.take()
        self.moved = self._copied or bool(taken)
        for news in taken:
            match news:
                case PhotographOpened():
                    found.append(self._opened(news))
                case PhotographLost():
                    found += self._lost(news)
                case TileFailed():
                    self.residency.fail(news.key, news.reason)
                    self._say(f"{layers.LAYERS[news.key.layer].name.capitalize()}: {news.reason}")
                case Notice():
                    self._say(news.text)
        return tuple(found)

    def _lost(self, news: PhotographLost) -> list[Unopened]:
        """Drop a photograph that cannot be opened; if none is left, the program ends. One that was opened before keeps
        its coarse picture."""
        if not news.known:
            self._unopened += 1
            if self._unopened == self._count:
                raise PhotographError(news.reason)
        self._say(news.reason)
        return [] if news.known else [Unopened(news.index)]

    def _opened(self, news: PhotographOpened) -> Opened:
        """Handle a photograph opened for the first time, or one that has changed: then everything computed from it is
        dropped."""
        index, facts = news.index, news.facts
        if news.changed:
            self.residency.forget(index)
            self._say(f"{facts.id}: has changed on disk; the new version is shown")
        for notice in facts.notices:
            self._say(notice)
        field, taken = facts.field.value, facts.taken.value if facts.taken else ""
        circle = (field.cx, field.cy), field.radius
        title, origin = self.titles[index], facts.field.origin.value
        side = (facts.laterality.value, facts.laterality.origin.value) if facts.laterality else ()
        record = PhotographRecord(facts.name, facts.size, *circle, facts.sha256, title, taken, origin, *side)
        return Opened(index, record, news.changed)

    # What is asked for.

    def ask(
        self,
        view: ViewState,
        wants: Sequence[Demand],
        at_once: bool,
        browsed: tuple[int, ...] = (),
        eyes: Sequence[Eye] = (),
    ) -> None:
        """Ask for the missing tiles that the `eyes` can resolve; the newest wish counts. `at_once`: computed tiles are
        wanted before the view has come to rest. `browsed`: photographs that the control panel shows."""
        self._open_near(view, browsed)
        self.wanted = tiles_wanted(view, wants, at_once)
        seen = tuple(demand.photograph for demand in wants)
        plan = self.service.plan(Wanted(self.wanted, self._lacking(self.wanted), seen))
        for key, reason in plan.unavailable:
            self.residency.fail(key, reason)
        ahead = self._what_may_follow(view, wants, nothing_lacks=not plan.waits)
        beside = self._lacking(self._what_lies_beside(view, eyes, nothing_lacks=not plan.waits))
        if beside:  # the photographs that are shown come first, where memory does not suffice for all
            photographed = tuple(key for key in self.wanted if not key.synthesised)
            plan = self.service.plan(Wanted(self.wanted, (*photographed, *beside), seen))
        self.service.pursue(plan, ahead)
        at_hand = not set(beside).isdisjoint(plan.upload)
        self.lacks = bool((plan.waits and not beside) or at_hand or (beside and plan.decode))
        self.computing = frozenset(key.photograph for key in plan.compute)

    def _open_near(self, view: ViewState, browsed: tuple[int, ...]) -> None:
        """Of many photographs, open only those browsed and those near the visible ones."""
        about = view.active, view.layout, view.pair, view.failed, browsed
        if about != self._near_of:
            self._near_of = about
            self.service.open_only(photographs_near(view, browsed))

    def _what_may_follow(self, view: ViewState, wants: Sequence[Demand], nothing_lacks: bool) -> tuple[TileKey, ...]:
        """Return tiles to compute ahead, once the view rests and has everything that it wants. They stay the same until
        it wants something else, so that tiles that do not fit in memory beside the view are not computed again and
        again."""
        demand = next((demand for demand in wants if demand.photograph == view.active), None)
        rests = nothing_lacks and view.still_for >= REST and not view.original
        if not (self._prefetch and rests and demand is not None):
            self._ahead = None
            return ()
        if self._ahead is None or self._ahead[0] is not self.wanted:
            tiles = tiles_ahead(demand, view.record_of(demand.photograph))
            self._ahead = self.wanted, self.service.missing(self._lacking(tiles))
        # The photograph may have been dropped meanwhile, for another that arrived.
        return self._ahead[1] if self.service.photographs.pixels(demand.photograph) is not None else ()

    def _what_lies_beside(self, view: ViewState, eyes: Sequence[Eye], nothing_lacks: bool) -> tuple[TileKey, ...]:
        """Return the tiles of the photographs beside those in a window, once the view rests and has what it wants."""
        rests = view.desk is not None and view.still_for >= REST and nothing_lacks
        if not rests:
            self._beside = ()
            self._beside_of = None
        elif self._beside_of != (self.wanted, view.loaded):
            self._beside_of = self.wanted, view.loaded
            beside = tiles_beside(view, eyes)
            fits = len(beside) + len(self.wanted) <= self.tiles.slots // 2
            self._beside = beside if fits else ()
        return self._beside

    def compute_with(self, model: str) -> None:
        """Compute with another network from now on, and drop what the last one computed."""
        self.service.use(model)
        self.residency.forget_computed()

    def _absent(self, tiles: Sequence[TileKey]) -> tuple[TileKey, ...]:
        """Return the tiles that are not on the graphics card, in the given order."""
        resident = self.residency.resident
        return tuple(key for key in tiles if key not in resident)

    def _lacking(self, tiles: Sequence[TileKey]) -> tuple[TileKey, ...]:
        """Return those of them that may still arrive."""
        absent, failed = self._absent(tiles), self.residency.failed
        return tuple(key for key in absent if key not in failed) if failed else absent

    def departed(
        self, view: ViewState, wants: Sequence[Demand], now: float, at_once: bool = False
    ) -> dict[int, Departure]:
        """Return `Departures.shown` for the resident tiles."""
        return self.departures.shown(wants, self.residency, now, at_once, view.over)

    # What is there.

    def upload(self, since: float) -> UploadReport:
        """Copy tiles that are in memory, within the frame's budget. They fade in from time `since`."""
        ready = self.service.tiles((*self._absent(self.wanted), *self._absent(self._beside)), self.residency.resident)
        report = self._uploader.upload(ready, self.residency, since)
        self._copied = report.count > 0
        return report

    def computes(self) -> bool:
        """Whether tiles are being computed now. Takes the worker's lock."""
        return self.service.worker.busy

    @property
    def complete(self) -> bool:
        """Whether every wanted tile is on the graphics card, or will not come."""
        return not self._lacking(self.wanted)

    @property
    def all_on_card(self) -> bool:
        """Whether every wanted tile is on the graphics card."""
        return not self._absent(self.wanted)

    @property
    def loading(self) -> frozenset[int]:
        """The photographs of which some wanted tile that was photographed is not on the graphics card yet: what shows
        in its place is coarser than the photograph."""
        lacking = self._lacking(self.wanted)
        return frozenset(key.photograph for key in lacking if not key.synthesised) if lacking else frozenset()

    @property
    def sharp(self) -> bool:
        """Whether any computed tile that is wanted is on the graphics card."""
        resident = self.residency.resident
        return any(key.synthesised and key in resident for key in self.wanted)

    @property
    def unavailable(self) -> frozenset[int]:
        """The photographs some of whose wanted tiles will not arrive."""
        return frozenset(key.photograph for key in self.failures)

    @property
    def failures(self) -> tuple[TileKey, ...]:
        """The wanted tiles that will not arrive, in order. Costs nothing while none has failed."""
        failed = self.residency.failed
        return tuple(key for key in self.wanted if key in failed) if failed else ()

    @property
    def busy(self) -> bool:
        """Whether more may arrive by itself."""
        return self.service.busy or self.lacks or self.service.worker.has_ahead

    @property
    def memory(self) -> dict[str, int]:
        """The bytes in use and their limits: computed tiles, decoded photographs, tiles on the graphics card."""
        return {
            "tile_bytes": self.service.memory.bytes,
            "tile_limit": self._limits.tiles,
            "photograph_bytes": self.service.photographs.bytes,
            "photograph_limit": self._limits.photographs,
            "whole_photographs": self.service.photographs.whole,
            "gpu_bytes": self.tiles.slots * SLOT_BYTES,
            "gpu_limit": self._limits.gpu,
        }

    def told(self, view: ViewState, wants: Sequence[Demand]) -> dict:
        """Return the statistics of a session on the network, on memory, and on what is seen of the front photograph."""
        departure = self.departures.seen(wants, self.residency, view.over).get(view.active)
        model = view.settings.model
        about = {"model": model, "texture": texture_of(model), "memory": self.memory}
        return about | told_of(departure)
