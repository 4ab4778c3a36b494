"""The loop: what is looked at, what is wanted, what is drawn, once a frame."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sr_core.image.source import FileSource
from sr_core.networks.names import models_at_hand, texture_of
from sr_core.tiles.request import DiskCache
from vr_app.core.hands.hands import Hands
from vr_app.core.hands.pointing import pointed_at
from vr_app.core.hands.sample import ControllerSample
from vr_app.core.scene.local_contrast import CurveBook
from vr_app.core.scene.notices import Notices
from vr_app.core.scene.redraw import changed_part, only_tiles
from vr_app.core.scene.region_words import region_labels
from vr_app.core.scene.scene import RayItem, Scene, surface_items
from vr_app.core.scene.snapshot import describe_snapshot
from vr_app.core.scene.statistics import Statistics
from vr_app.core.scene.veil import Veil
from vr_app.core.scene.words import Status, hint, labels, titles
from vr_app.core.space.pose import Eye, Pose
from vr_app.core.tiles.fading import Pace
from vr_app.core.tiles.limits import DEFAULT_LIMITS, Limits
from vr_app.core.tiles.page_table import PageTable
from vr_app.core.tiles.prefetch import REST
from vr_app.core.tiles.visible import SETTLE, demands, is_jump
from vr_app.core.view.intent import (
    ExportRegion,
    GoToRegion,
    Intent,
    NextRegion,
    Recentre,
    RecordTour,
    ResetView,
    SurfaceKind,
    TakeScreenshot,
    ToggleControlPanel,
    Undo,
)
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare
from vr_app.core.view.place import place, within_reach
from vr_app.core.view.region import image_of
from vr_app.core.view.step import photograph_arrived, photograph_failed, regions_arrived, regions_stamped, step
from vr_app.core.view.tour import Tour, TourPlayer
from vr_app.core.view.view import Settings, ViewState
from vr_app.files.captures import Recording, Screenshots, write_statistics
from vr_app.files.folder_view import Memory
from vr_app.gl import objects
from vr_app.gl.draw import Renderer
from vr_app.process.garbage import Collector
from vr_app.process.interruption import Interruption
from vr_app.regions.export import Exporter
from vr_app.regions.files import RegionStore
from vr_app.runtime.interface import Frame, Runtime
from vr_app.viewer.control_panel import Control, state_of
from vr_app.viewer.supply import Supply, Unopened

SWITCH_SECONDS = 0.0005
"""How long a frame that comes back from GL waits for the interpreter while the worker runs Python, as an import does
for seconds. With Python's own 5 ms a frame of a dozen such waits took up to 0.13 s beside an import, so up to 0.05."""

NOTHING_YET = 0.005
"""Seconds between frames while no photograph is there, where no display slows them: the loader needs the processor."""

STILL = 1.0
"""Seconds for which nothing has changed before frames are left as they are: all that is smoothed has come to rest."""

POINTER_REACH = 3.0
"""Metres of the pointer ray that are drawn where it meets nothing."""


@dataclass(frozen=True)
class Options:
    """What the command line asks for.

    `ends`: the program ends with the tour. `stand_back`: metres that the eye stands behind the retina's centre (a
    window's picture is too narrow to show the retina from there). `room`: the panels stand in one. `limits`: of memory.
    `prefetch`: whether tiles are computed before they are wanted. `tile_cache`: where computed tiles are kept on disk
    (None: nowhere). `memory`: what the view was when these photographs were last left (None: nothing is remembered).
    `left_handed`: the right hand carries the control panel. `say` gets what the user should read in a terminal.
    """

    paths: tuple[Path, ...]
    surface: SurfaceKind = SurfaceKind.PANEL
    layout: Layout = Layout.ROW
    compare: Compare = Compare.SIDE
    memory: Memory | None = None
    tour: Tour | None = None
    ends: bool = False
    frames: int | None = None
    screenshot: Path | None = None
    stats: Path | None = None
    device: str = "auto"
    model: str = "rdb-lite"
    room: bool = False
    stand_back: float = 0.0
    limits: Limits = DEFAULT_LIMITS
    prefetch: bool = False
    tile_cache: DiskCache | None = None
    left_handed: bool = False
    say: Callable[[str], None] = print


def run(runtime: Runtime, options: Options) -> None:
    """Show photographs until the runtime or the options end it. The caller owns the runtime."""
    with session(runtime, options) as viewer:
        while runtime.poll_events() and not viewer.finished:
            viewer.frame()
        viewer.report()


@contextmanager
def session(runtime: Runtime, options: Options) -> Iterator[Viewer]:
    """A viewer, and the interpreter as it must be while one runs."""
    with ExitStack() as stack:
        stack.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(SWITCH_SECONDS)
        interruption = stack.enter_context(Interruption())
        collector = stack.enter_context(Collector())
        yield Viewer(runtime, options, stack, interruption, collector)


class Viewer:
    """What lasts from frame to frame, and the phases of a frame in their order."""

    def __init__(
        self, runtime: Runtime, options: Options, stack: ExitStack, interruption: Interruption, collector: Collector
    ) -> None:
        self.runtime = runtime
        self._interruption = interruption
        self._collector = collector
        self.options = options
        self.folder_memory = options.memory
        self.view = ViewState.start(len(options.paths), options.surface, layout=options.layout, compare=options.compare)
        settings = Settings(options.model, tuple(models_at_hand()), options.room)
        self.view = replace(self.view, settings=settings)
        if self.folder_memory is not None:
            self.view = self.folder_memory.restored(self.view)
            stack.callback(self.folder_memory.close)
        self.notices = Notices(options.say)
        self.supply = Supply(
            tuple(map(FileSource, options.paths)),
            self.view.awaited,
            options.model,
            options.device,
            options.limits,
            options.prefetch,
            options.tile_cache,
            self.notices.tell,
            stack,
        )
        self.renderer = Renderer(self.supply.tiles)
        stack.callback(self.renderer.close)
        self.control = Control(options.left_handed)
        stack.callback(self.control.close)
        self.pages = PageTable(self.supply.residency)
        self.curves = CurveBook(self.supply.service.photographs.coarse)
        self.statistics = Statistics()
        self.screenshots = Screenshots(options.screenshot)
        self.recording = Recording()
        self.region_store = RegionStore(options.paths)
        stack.callback(self.region_store.close)
        self.exporter = Exporter(options.device)
        stack.callback(self.exporter.close)
        self.hands = Hands()
        self.player = TourPlayer(options.tour) if options.tour else None
        self.asked: tuple[Intent, ...] = ()
        """What is asked for in the next frame besides: by whoever holds the viewer."""
        self.wants, self.placed, self.reach, self.rays = (), (), (), ()
        self.status = Status()
        self.finished = self.rests = self.holds_back = False
        self._shown = self._warm = self._jumped = self._arrived = False
        self._sample: ControllerSample | None = None
        self._eyes: tuple[Eye, ...] = ()
        self._same_since = 0.0
        self._rested: tuple | None = None
        self._drawn: Scene | None = None
        self._objects_made = 0
        self.now = self.dt = 0.0
        self._frame_time: float | None = None
        self.pace = Pace()
        self.veil = Veil() if runtime.name == "xr" else None
        self._stood: Scene | None = None
        self._jumps = 0

    def frame(self) -> None:
        """One turn of the loop. Raises KeyboardInterrupt, after it, where a signal has come."""
        with self.runtime.frame() as frame, self._collector.frame():
            begun = time.perf_counter()
            sample = self.runtime.read(frame.time)
            if self.stands_still(frame, sample):
                self.tick(frame)
            else:
                self.take_what_arrived()
                self.look(frame, sample)
                self.ask()
                self.supply.service.worker.leave_room(self._moves(frame))
                self.upload()
                if frame.should_render:
                    self.draw(frame)
            self.account(frame, begun)
        if self._shown and not self._warm:
            self._warm_up()
        elif not self._shown and frame.period is None:
            time.sleep(NOTHING_YET)
        self._collector.between_frames(self.now, resting=not frame.should_render or self.view.still_for > REST)
        self._interruption.check()

    # Its phases.

    def stands_still(self, frame: Frame, sample: ControllerSample) -> bool:
        """Whether this frame is as the last one: eyes and hands have been where they are for STILL seconds, nothing is
        awaited and nothing moves by itself. Then the runtime shows again what it has, and no work is done."""
        same = frame.eyes == self._eyes and sample == self._sample
        if not same:
            self._sample, self._eyes, self._same_since = sample, frame.eyes, frame.time
        for notice in self.runtime.take_notices():
            self.notices.tell_of_headset(notice)
        # At rest nothing comes of itself any more: only if somebody has changed the view need all be asked again.
        unchanged = self._rested == (self.view, self.player, self.notices.shown)
        goes_on = self.rests and same and not self.asked and unchanged
        rested = goes_on or (frame.time - self._same_since >= STILL and not self._awaits_something())
        self.rests = rested and frame.repeat()
        if self.rests and not goes_on:
            self._rested = self.view, self.player, self.notices.shown
        return self.rests

    def _awaits_something(self) -> bool:
        """Whether the next picture may differ, or the program's end be near, with eyes and hands at rest."""
        moving = self.view.still_for < STILL or self.pace.fading(self.now)
        moving = moving or (self.veil is not None and (self.veil.shade > 0 or self.veil.holds))
        asked = self.asked or self.status.notices or self.screenshots.due or self.recording.active
        asked = asked or self.view.alternates or self.exporter.busy or self.region_store.busy
        asked = asked or (self.folder_memory is not None and self.folder_memory.busy)
        led = self.control.open or (self.player is not None and not self.player.over)
        return bool(not self._warm or moving or self.supply.busy or asked or led or self.options.frames is not None)

    def tick(self, frame: Frame) -> None:
        """Time goes on."""
        self.dt = 0.0 if self._frame_time is None else min(0.1, max(0.0, frame.time - self._frame_time))
        self._frame_time = frame.time
        self.now += self.dt
        self.notices.pass_time(self.dt)
        self.pace.frame_took(self.dt)

    def take_what_arrived(self) -> None:
        """Decoded photographs and computed tiles."""
        for news in self.supply.take():
            if isinstance(news, Unopened):
                self.view = photograph_failed(self.view, news.index)
                continue
            if news.changed:
                self._drawn = self._stood = None  # its new tiles may come to lie where the old ones did
                self.curves.forget(news.index)
                self.control.forget(news.index)
            self.view = photograph_arrived(self.view, news.index, news.record)
            self.region_store.photograph_loaded(news.index, news.record.sha256)
        self.view = regions_arrived(self.view, self.region_store.arrived())

    def look(self, frame: Frame, sample: ControllerSample) -> None:
        """What the hands and the tour make of the view, and what the eyes see of it."""
        self.tick(frame)
        led, caption = self._led_by_tour()
        sample = self.control.take(self.hands.steady(sample, self.dt), frame.eyes)
        before = self.view
        asked, self.asked = self.asked + self._asked_on_panel(), ()
        intents = led + self.hands.read(sample, before, self.reach, self.dt) + asked
        self.view = step(before, intents, self.dt)
        self._veil(intents, before)
        for intent in intents:
            self._perform(intent)
        if self.view.settings.model != before.settings.model:  # what the last network computed goes
            self.supply.compute_with(self.view.settings.model)
        self._keep_regions()
        self.runtime.feel(self.hands.ticks(before, self.view) + self.control.pulses())
        self.placed = place(self.view, Pose((0.0, 0.0, -self.options.stand_back)))
        self.reach = within_reach(self.placed)
        if frame.eyes:
            seen = self.wants
            eyes = tuple(eye.finer(frame.detail) for eye in frame.eyes)
            self.wants = demands(self.view, self.placed, eyes, seen)
            self._jumped = is_jump(seen, self.wants, self.view.active)
            self._arrived = self._jumped or (self._arrived and self.view.still_for > 0)
        beams = (self._pointer(hand.aim) for hand in self.control.beaming(sample) if hand.aim and hand.shown)
        self.rays = (*beams, *self.control.rays)
        self.recording.see(self.view, self.dt)
        if self.folder_memory is not None:
            self.folder_memory.see(self.view, self.now)
            if notice := self.folder_memory.take_notice():
                self.notices.tell(notice)
        self.status = replace(
            self.status,
            caption=caption,
            original=self.view.original or self.view.finest == 0,
            recording=self.recording.active,
            legend=self.view.invention,
            titles=titles(self.view),
            hint=hint(self.view),
            adjusted=self.view.appearance.told(),
            help=self.view.settings.help,
            texture=texture_of(self.view.settings.model),
        )

    def ask(self) -> None:
        """For what is missing."""
        self.supply.ask(self.view, self.wants, self._arrived)
        self.status = replace(
            self.status,
            computing=self.supply.computing,
            unavailable=self.supply.unavailable,
            notices=self.notices.shown,
        )

    def upload(self) -> None:
        """Copy tiles that are at hand, within the frame's budget."""
        self.supply.residency.begin_frame()
        if self.veil is not None and self.veil.holds:
            return  # what was before is still seen: none of its tiles may make room
        report = self.supply.upload(self.pace.born(self.now, self.dt, self._jumped))
        self.statistics.upload_bytes += report.bytes
        self.statistics.uploads_over_budget += report.over_budget
        moves = self._jumped or self.view.still_for == 0
        self.pace.copied(report.count, self.now, moves, sharp=report.count > 0 and self.supply.sharp)

    def draw(self, frame: Frame) -> None:
        """The scene, once for each eye; and its picture when one is due."""
        surfaces = surface_items(self.view, self.placed, self.wants, self.pages, frame.eyes, self.now)
        surfaces = self.curves.adjusted(surfaces, self.view.appearance)
        due = self.screenshots.due and self._settled()
        invented = self.supply.departures.shown(self.wants, self.supply.residency, self.now, at_once=due)
        status = replace(self.status, invented=invented)
        words = (*region_labels(surfaces), *labels(surfaces, self.view.active, status))
        floor = self.runtime.floor if self.view.settings.room and self.view.surface is SurfaceKind.PANEL else None
        scene = Scene(
            surfaces,
            words,
            self.rays,
            sheet=None if due and not self.control.open else self.control.item,
            invention=self.view.invention,
            appearance=self.view.appearance,
            floor=floor,
        )
        if self.veil is not None:
            scene = self._veiled(scene)
        stands = self._drawn if frame.keeps and not due else None
        self.holds_back = False
        if scene == stands:
            return  # on a small machine the worker needs the processor more
        fades = stands is not None and only_tiles(stands, scene)
        waits = fades and self.pace.waits(self.now, self.view.still_for > 0)
        self.holds_back = waits and self.supply.service.worker.busy  # that asks for the worker's lock: last
        if self.holds_back:
            return
        self._drawn = scene
        self.pace.drew(self.now, fades)
        pictures = []
        for eye, target, shown in frame.pictures(scene, self.renderer, whole=due):
            part = changed_part(stands, scene, eye) if stands else None
            if part is None or not part.empty:
                self.renderer.draw(target, eye, shown, part)
            if due and eye in frame.eyes:
                pictures.append(target.read())  # an onlooker's is not in it
        self._shown = self._shown or bool(surfaces)
        if pictures:
            made_by = self.view.settings.model, self.status.texture
            about = describe_snapshot(self.view, frame.eyes, scene, invented, *made_by, self.control.targets)
            saved = self.screenshots.save(pictures, about)
            self.notices.tell(f"Screenshot saved: {', '.join(saved)}")

    def account(self, frame: Frame, begun: float) -> None:
        """Statistics, and whether it is time to end: not before a screenshot that was asked for."""
        now = time.perf_counter()
        self.statistics.frame(now, now - begun, frame.period)
        if self.rests:
            return
        computed = self.supply.service.worker.counts.computed
        self.statistics.see(self.view, self.wants, self.supply.residency, computed, now)
        self.statistics.full_collections_in_frames = self._collector.full_in_frames
        self.statistics.gl_objects_after_warm_up = objects.made() - self._objects_made if self._warm else 0
        self.finished = self._over and not self.screenshots.awaited(now)

    def report(self) -> None:
        """What is written at the end, once it is known that any photograph could be opened."""
        while self.supply.service.loader.busy and not self.view.loaded:
            self.take_what_arrived()
            time.sleep(0.01)
        if self.recording.active:
            self.notices.tell(self.recording.save(self.options.paths[self.view.active]))
        if self.options.stats is not None:
            about = {"mode": self.runtime.name, **self.runtime.describe()}
            about["model"] = self.view.settings.model
            about["texture"] = texture_of(self.view.settings.model)
            about["memory"] = self.supply.memory
            seen = self.supply.departures.seen(self.wants, self.supply.residency).get(self.view.active)
            about["invented"] = seen and round(seen.levels, 3)
            write_statistics(self.options.stats, about, self.statistics, self.supply.service.worker.counts)

    # Their parts.

    def _veil(self, intents: tuple[Intent, ...], before: ViewState) -> None:
        """What changes at one stroke around the viewer does so behind the veil: layout, photograph, pair, and on the
        retina a jump to elsewhere."""
        if self.veil is None:
            return
        leap = any(isinstance(intent, GoToRegion | NextRegion | Undo | ResetView) for intent in intents)
        if leap and self.view.surface is SurfaceKind.RETINA and self.view.front != before.front:
            self._jumps += 1
        pair = self.view.compared
        shown = self.view.layout, self.view.active, pair and (pair.images, pair.compare), self._jumps
        self.veil.see(shown if self._shown else None, self.dt)

    def _veiled(self, scene: Scene) -> Scene:
        """The scene of now, or while it goes dark the one before."""
        if self._stood is None or not self.veil.holds:
            self._stood = scene
        return replace(self._stood, veil=self.veil.shade)

    def _warm_up(self) -> None:
        """What takes a second and would be felt later: now, with the first photograph on the screen.

        The retina first: both import, and beside each other the frame would take four times as long.
        """
        self._warm = True
        self.renderer.prepare_retina()
        trouble = self.control.prepare() if self.control.of_use else ""
        if trouble:
            self.notices.tell(trouble)
        self.renderer.sheets = self.control.picture
        self._objects_made = objects.made()
        self._collector.started()
        self.supply.service.worker.warm_up()

    def _moves(self, frame: Frame) -> bool:
        """Whether the next frames need the processor more than tiles do: the view moves, or pictures are drawn in every
        frame, as a headset's are wherever the head turns. Who rests, or has jumped, waits for tiles."""
        return not frame.keeps or not (self._arrived or self.view.still_for >= SETTLE)

    def _keep_regions(self) -> None:
        """Those just made get their time, and what has changed is written down."""
        if self.view.regions.unstamped:
            self.view = regions_stamped(self.view, datetime.now(UTC).isoformat(timespec="seconds"))
        self.region_store.save(self.view.regions, self.view.photographs)
        for notice in (*self.region_store.notices(), *self.exporter.notices()):
            self.notices.tell(notice)

    def _export_region(self) -> None:
        """The chosen region into a file, beside the session."""
        region = self.view.regions.chosen_region
        image = None if region is None else image_of(region, self.view.photographs, self.view.active)
        if image is None:
            self.notices.tell("No region is chosen: mark one, or go to one by its number")
            return
        self.exporter.export(self.options.paths[image], region, self.view.settings.model)
        self.notices.tell(f"Exporting {region.kind.value} of {region.file} ...")

    @property
    def _frames_over(self) -> bool:
        return self.options.frames is not None and self.statistics.frames >= self.options.frames

    @property
    def _tour_over(self) -> bool:
        return self.player is None or self.player.over

    @property
    def _over(self) -> bool:
        """Whether all that was asked for has been shown."""
        return self._frames_over or (self.options.ends and self._tour_over)

    def _led_by_tour(self) -> tuple[tuple[Intent, ...], str]:
        """The tour's view now. It begins with its photograph, and its last view stays while a screenshot is awaited."""
        if self.player is None or self.view.record is None:
            return (), ""
        if self.player.over and not (self.options.ends or self.screenshots.due):
            return (), ""
        look, caption = self.player.advance(0.0 if self._frames_over else self.dt)
        return (look,), caption

    def _settled(self) -> bool:
        """Whether the view rests and all that it wants is there and has faded in."""
        fading = self.pace.fading(self.now) or (self.veil is not None and self.veil.shade > 0)
        if self.supply.service.loader.busy or self.region_store.reading or self.view.still_for < SETTLE or fading:
            return False
        if not (self._over or (self._tour_over and self.options.frames is None)):
            return False
        return bool(self.wants) and self.supply.complete

    def _pointer(self, aim) -> RayItem:
        pointed = pointed_at(aim, self.view, self.reach)
        end = aim.at(pointed.distance if pointed else POINTER_REACH)
        return RayItem(aim.origin, (float(end[0]), float(end[1]), float(end[2])), pointed is not None)

    def _asked_on_panel(self) -> tuple[Intent, ...]:
        """What was asked for on the control panel."""
        if self.control.picture is None:
            return ()
        told = state_of(self.view, self.control.networks, headset=self.runtime.name == "xr")
        return self.control.update(told, self.supply.service.photographs)

    def _perform(self, effect: Intent) -> None:
        """What is asked for outside of the view."""
        match effect:
            case ToggleControlPanel():
                self.control.toggle()
            case TakeScreenshot():
                self.screenshots.ask()
            case RecordTour() if self.recording.active:
                self.notices.tell(self.recording.save(self.options.paths[self.view.active]))
            case RecordTour():
                self.recording.begin()
            case Recentre():
                self.runtime.recentre()
            case ExportRegion():
                self._export_region()
