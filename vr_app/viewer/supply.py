"""Photographs and computed tiles: what is asked for, what has come, and what lies on the graphics card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sr_core.image.geometry import TileKey
from sr_core.image.photograph import PhotographError
from sr_core.tiles.loader import Loader, PhotographFailed, PhotographLoaded
from sr_core.tiles.request import DiskCache, Source, TileFailed, TileReady
from sr_core.tiles.worker import Worker
from vr_app.core.tiles.album import Album
from vr_app.core.tiles.departure import Departure, Departures
from vr_app.core.tiles.limits import SLOT_BYTES, Limits
from vr_app.core.tiles.prefetch import REST, tiles_ahead
from vr_app.core.tiles.shelf import Shelf
from vr_app.core.tiles.slots import Residency
from vr_app.core.tiles.visible import Demand, tiles_wanted
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.view import ViewState
from vr_app.gl.tiles import TileArray
from vr_app.gl.upload import Uploader, UploadReport
from vr_app.process.interruption import watch

UPLOAD_BYTES, UPLOAD_SECONDS = 4_000_000, 0.002
"""What one frame may spend on copying tiles."""


@dataclass(frozen=True)
class Opened:
    """A photograph can be looked at; `changed`: it was already, but the file has changed since."""

    index: int
    record: PhotographRecord
    changed: bool


@dataclass(frozen=True)
class Unopened:
    """A photograph that will not come."""

    index: int


class Supply:
    """Owns the loader, the worker and the texture array. Main thread.

    `wanted`: the tiles wished for now, most wanted first.
    `lacks`: some of these, or of those computed ahead, are not there yet. `computing`: the photographs of which wanted
    ones are being computed.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        awaited: int,
        model: str,
        device: str,
        limits: Limits,
        prefetch: bool,
        tile_cache: DiskCache | None,
        say: Callable[[str], None],
        stack: ExitStack,
    ) -> None:
        """`awaited`: the photograph to open first. `say`: gets what the user should know. The stack closes it all."""
        self._say, self._limits, self._prefetch = say, limits, prefetch
        self.loader = Loader(paths, awaited)
        watch(lambda: self.loader.running)
        stack.callback(self.loader.close)
        self.worker = Worker(model, device, disk=tile_cache)
        watch(lambda: self.worker.running)
        stack.callback(self.worker.close)
        self.tiles = TileArray(limits.slots)
        stack.callback(self.tiles.close)
        self._uploader = Uploader(self.tiles, UPLOAD_BYTES, UPLOAD_SECONDS)
        self.residency = Residency(self.tiles.slots)
        self.album = Album(limits.photographs)
        self.shelf = Shelf(self.album, limits.tiles)
        self.departures = Departures(self.tiles.slots + limits.tiles // SLOT_BYTES)
        self._count = len(paths)
        self.wanted: tuple[TileKey, ...] = ()
        self.lacks = True
        self.computing: frozenset[int] = frozenset()
        self._ahead: tuple[tuple[TileKey, ...], tuple[TileKey, ...]] | None = None
        self._unopened = 0
        self._computing_since = 0

    # What has come.

    def take(self) -> tuple[Opened | Unopened, ...]:
        """Keep what loader and worker have finished; what there is to know of photographs.

        Raises PhotographError where the last one could not be opened either.
        """
        news = tuple(filter(None, map(self._photograph, self.loader.ready())))
        for answer in self.worker.ready():
            self._tile(answer)
        for notice in self.worker.notices():
            self._say(notice)
        return news

    def _photograph(self, arrival: PhotographLoaded | PhotographFailed) -> Opened | Unopened | None:
        return self._failed(arrival) if isinstance(arrival, PhotographFailed) else self._loaded(arrival)

    def _failed(self, arrival: PhotographFailed) -> Unopened | None:
        """A file that cannot be opened is left out; the last hope gone, the program ends with it. One that was opened
        before keeps its coarse picture."""
        if self.album.knows(arrival.index):
            self.album.lose(arrival.index, arrival.reason)
            self._say(arrival.reason)
            return None
        self._unopened += 1
        if self._unopened == self._count:
            raise PhotographError(arrival.reason)
        self._say(arrival.reason)
        return Unopened(arrival.index)

    def _loaded(self, arrival: PhotographLoaded) -> Opened | None:
        """A file decoded for the first time, or again: then it may have changed, and all that came of it goes."""
        index, photograph, field = arrival.index, arrival.photograph, arrival.photograph.field
        again = self.album.knows(index)
        changed = self.album.add(index, arrival.pyramid, photograph.sha256)
        if again and not changed:
            return None
        if changed:
            self.shelf.forget(index)
            self.residency.forget(index)
            self.departures.forget(index)
            self._say(f"{photograph.path}: has changed on disk; it is shown as it is now")
        height, width = photograph.pixels.shape[:2]
        middle = field.cx, field.cy
        record = PhotographRecord(photograph.path.name, (width, height), middle, field.radius, photograph.sha256)
        return Opened(index, record, changed)

    def _tile(self, answer: TileReady | TileFailed) -> None:
        if answer.request_id < self._computing_since:
            return  # of a network that no longer computes
        if isinstance(answer, TileFailed):
            self.residency.fail(answer.key, answer.reason)
            self._say(f"Super-resolution: {answer.reason}")
        elif answer.photograph == self.album.sha256(answer.key.photograph):  # else it has changed meanwhile
            self.shelf.keep(answer.key, answer.pixels)
            self.departures.keep(answer.key, Departure(answer.invented, answer.agrees))

    # What is asked for.

    def ask(self, view: ViewState, wants: Sequence[Demand], at_once: bool) -> None:
        """Tell the loader and the worker what is missing of what the eyes can resolve; the newest wish wins. `at_once`:
        somebody waits for it, whether the view has come to rest or not."""
        self.wanted = tiles_wanted(view, wants, at_once)
        self.shelf.mark(self.wanted)
        self.album.look(demand.photograph for demand in wants)
        lacking = self.shelf.lacking(self.wanted, self.residency)
        self.loader.want(self.album.to_decode(lacking))
        for key, reason in self.album.not_available(lacking):
            self.residency.fail(key, reason)
        missing = self.shelf.to_compute(lacking)
        ahead = self._what_may_follow(view, wants, nothing_lacks=not lacking)
        self.lacks = bool(lacking or ahead)
        of = sorted({key.photograph for key in (*missing, *ahead)})
        self.worker.want(missing, [Source(i, self.album.pixels(i), self.album.sha256(i)) for i in of], ahead)
        self.computing = frozenset(key.photograph for key in missing)

    def _what_may_follow(self, view: ViewState, wants: Sequence[Demand], nothing_lacks: bool) -> tuple[TileKey, ...]:
        """Tiles to compute ahead, once the view rests and has all it wants: the same until it wants something else, so
        that what memory cannot hold beside the view is not computed again and again."""
        demand = next((demand for demand in wants if demand.photograph == view.active), None)
        rests = nothing_lacks and view.still_for >= REST and not view.original
        if not (self._prefetch and rests and demand is not None):
            self._ahead = None
            return ()
        if self._ahead is None or self._ahead[0] is not self.wanted:
            tiles = tiles_ahead(demand, view.photographs[demand.photograph])
            self._ahead = self.wanted, self.shelf.to_compute(self.shelf.lacking(tiles, self.residency))
        # A photograph may be dropped meanwhile, for another that arrives.
        return self._ahead[1] if self.album.pixels(demand.photograph) is not None else ()

    def compute_with(self, model: str) -> None:
        """Another network from now on: what the last one computed goes."""
        self._computing_since = self.worker.use(model)
        self.shelf.forget_computed()
        self.residency.forget_computed()

    # What is there.

    def upload(self, since: float) -> UploadReport:
        """Copy tiles that are at hand, within the frame's budget; they fade in from `since` on."""
        ready = self.shelf.to_upload(self.wanted, self.residency)
        return self._uploader.upload(ready, self.residency, since)

    @property
    def complete(self) -> bool:
        """Whether every tile wanted is on the graphics card, or will not come."""
        return all(self.residency.has(key) or self.residency.failure(key) for key in self.wanted)

    @property
    def sharp(self) -> bool:
        """Whether any synthesised tile that is wanted is on the graphics card."""
        return any(key.synthesised and self.residency.has(key) for key in self.wanted)

    @property
    def unavailable(self) -> frozenset[int]:
        """Photographs of which wanted tiles will not come."""
        return frozenset(key.photograph for key in self.residency.failures(self.wanted))

    @property
    def busy(self) -> bool:
        """Whether more may come by itself."""
        return self.loader.busy or self.worker.busy or self.worker.warming or self.lacks

    @property
    def memory(self) -> dict[str, int]:
        """What is taken and the limit, in bytes: computed tiles, decoded photographs, tiles on the graphics card."""
        return {
            "tile_bytes": self.shelf.bytes,
            "tile_limit": self._limits.tiles,
            "photograph_bytes": self.album.bytes,
            "photograph_limit": self._limits.photographs,
            "whole_photographs": self.album.whole,
            "gpu_bytes": self.tiles.slots * SLOT_BYTES,
            "gpu_limit": self._limits.gpu,
        }
