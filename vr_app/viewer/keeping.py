"""What a session keeps: regions of interest, exported regions, screenshots, recorded tours, how a folder looked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime

from vr_app.core.view.intent import CopyView, DeleteRegion, ExportRegion, Intent, RecordTour, TakeScreenshot
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.region import deletion_of, image_of
from vr_app.core.view.step import regions_arrived, regions_stamped
from vr_app.core.view.view import ViewState
from vr_app.files.captures import Recording, Screenshots
from vr_app.files.watch import FileWatch
from vr_app.process.interruption import when_cut_off
from vr_app.regions.export import Exporter
from vr_app.regions.files import RegionStore
from vr_app.viewer.clock import Tick
from vr_app.viewer.options import Options


class Keeping:
    """Files are written by other threads and processes, so that no disk holds up a frame. Screenshots and tours, which
    are asked for one by one, are the exception."""

    def __init__(self, options: Options, stack: ExitStack, say: Callable[[str], None]) -> None:
        self._paths, self._say = options.paths, say
        self._made_elsewhere = bool(options.sources)
        self._last: ViewState | None = None
        self._folder = options.memory
        if self._folder is not None:
            stack.callback(self._folder.close)
        self._regions = RegionStore(options.paths)
        stack.callback(self._regions.close)
        self._watch = FileWatch()
        stack.callback(self._watch.close)
        self._exporter = Exporter(options.device)
        stack.callback(self._leave)
        stack.enter_context(when_cut_off(self._cut_off))
        self.screenshots = Screenshots(options.screenshot)
        self.recording = Recording()

    def restored(self, view: ViewState) -> ViewState:
        """Return the view as these photographs were last left, if that is remembered."""
        return view if self._folder is None else self._folder.restored(view)

    def opened(self, index: int, record: PhotographRecord) -> None:
        """A photograph is open: read its regions, and watch its file."""
        self._regions.photograph_loaded(index, record.sha256)
        if not self._made_elsewhere:
            self._watch.opened(index, self._paths[index])

    def see(self, view: ViewState, tick: Tick) -> ViewState:
        """Follow the view of a frame. Return it with the regions that have been read, and with the time of new ones."""
        view = regions_arrived(view, self._regions.arrived(), self._regions.given)
        if view.regions.unstamped:
            view = regions_stamped(view, datetime.now(UTC).isoformat(timespec="seconds"))
        if not view.regions.dragged:  # a drag is written once, at its end
            self._regions.save(view.regions, view.photographs)
        self._watch.see(view.in_cells)
        self.recording.see(view, tick.dt)
        if self._folder is not None:
            self._folder.see(view, tick.now)
        self._last = view
        return view

    @property
    def file_news(self) -> int:
        """How much news there has been of files that have changed or gone."""
        return self._watch.told

    def notices(self, reopen: Callable[[int], None]) -> tuple[str, ...]:
        """Return what the user should know since the last call. `reopen` is called with each photograph whose file has
        changed."""
        told = [*self._regions.notices(), *self._exporter.notices()]
        for file in self._watch.take():
            if file.gone:
                told.append(f"{file.path}: is gone; what was read of it is still shown")
            else:
                reopen(file.index)
        notice = self._folder.take_notice() if self._folder is not None else ""
        return (*told, notice) if notice else tuple(told)

    def perform(self, intent: Intent, before: ViewState, view: ViewState) -> str:
        """Perform an intent that concerns what is kept; any other does nothing. `before`: the view before the frame's
        intents. Returns what to tell the user."""
        match intent:
            case TakeScreenshot():
                self.screenshots.ask()
            case CopyView():
                self.screenshots.copy()
            case RecordTour():
                return self.record(view)
            case ExportRegion():
                return self.export(view)
            case DeleteRegion():
                return deletion_of(before.regions)
        return ""

    def record(self, view: ViewState) -> str:
        """Begin to record a tour, or save the one being recorded. Returns what to tell the user."""
        if self.recording.active:
            return self.recording.save(self._paths[view.active])
        self.recording.begin()
        return ""

    def export(self, view: ViewState) -> str:
        """Write the chosen region into a file, while the session goes on. Returns what to tell the user."""
        region = view.regions.chosen_region
        image = None if region is None else image_of(region, view.photographs, view.active)
        if region is None or image is None:
            return "No region is chosen: mark one, or go to one by its number"
        if self._made_elsewhere:
            return f"{region.file}: is not a file; only regions of picture files can be exported"
        out = self._exporter.export(self._paths[image], region, view.settings.model)
        return f"Exporting {region.kind.value} of {region.file} to {out} ..."

    def _leave(self) -> None:
        """However the session ends, save the regions, also one that is being dragged, and a tour that is being
        recorded, and report exports that are not finished."""
        if self._last is not None:
            self._regions.save(self._last.regions, self._last.photographs)
        if self.recording.active and self._last is not None:
            self._say(self.record(self._last))
        for told in self._exporter.close():
            self._say(told)

    def _cut_off(self) -> None:
        """Save everything now: the display is gone, and the process is about to end."""
        self._leave()
        self._regions.close()
        if self._folder is not None:
            self._folder.close()
        self._say("the display is gone, so the session ends; what was marked and recorded is saved")

    @property
    def reading(self) -> bool:
        """Whether regions of open photographs may still come."""
        return self._regions.reading

    @property
    def busy(self) -> bool:
        """Whether there may soon be something to tell, or a picture or tour is under way."""
        folder = self._folder is not None and self._folder.busy
        captures = self.screenshots.due or self.recording.active
        return captures or self._exporter.busy or self._regions.busy or folder
