"""The main loop: once a frame, intents, view, what is seen, tiles, scene, pictures."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from sr_core.image.photograph import PhotographError
from sr_core.networks.names import models_at_hand
from sr_core.tiles.photographs import Photographs
from vr_app.core.hands.cursor import cursor_for
from vr_app.core.hands.hand import pointed_at
from vr_app.core.hands.hands import Hands
from vr_app.core.hands.marks import Mark
from vr_app.core.hands.sample import ControllerSample, Pulse
from vr_app.core.scene.hand_words import HandWords
from vr_app.core.scene.notices import Notices
from vr_app.core.scene.scene import LabelItem, RayItem
from vr_app.core.scene.snapshot import describe_snapshot
from vr_app.core.scene.statistics import Statistics
from vr_app.core.scene.words import Status, hint, status_of
from vr_app.core.space.pose import Eye, Pose, Ray
from vr_app.core.tiles.prefetch import REST
from vr_app.core.tiles.visible import SETTLE, Seen, look
from vr_app.core.view.desk import Cell
from vr_app.core.view.intent import (
    GoBack,
    Intent,
    OpenFolder,
    OpenPhotographs,
    Recentre,
    ToggleControlPanel,
    ToggleFullScreen,
    WriteNote,
)
from vr_app.core.view.step import desk_changed, photograph_arrived, photograph_failed, step
from vr_app.core.view.tour import Guide, TourPlayer
from vr_app.core.view.view import Settings, ViewState
from vr_app.files.captures import write_statistics
from vr_app.gl import objects
from vr_app.gl.context import in_software
from vr_app.process.garbage import Collector
from vr_app.process.interruption import Interruption
from vr_app.runtime.interface import Frame, Runtime
from vr_app.viewer.clock import Tick
from vr_app.viewer.control_panel import Control, state_of
from vr_app.viewer.keeping import Keeping
from vr_app.viewer.opening import Opening, Wish
from vr_app.viewer.options import Options
from vr_app.viewer.picture import Picture, compose
from vr_app.viewer.rest import STILL, Rest, Stand
from vr_app.viewer.supply import Supply, Unopened

SWITCH_SECONDS = 0.0005
"""Seconds that a frame coming back from GL waits for the interpreter while the worker runs Python, as an import does
for seconds. With Python's own 5 ms, a frame of a dozen such waits took up to 0.13 s beside an import; with this, up to
0.05."""

POINTER_REACH = 3.0
"""Metres of the pointer's ray that are drawn if it hits nothing."""

HELP_HINT = "H: help · Space: control panel"

NEWCOMER = 60.0
"""Seconds for which a window says where the help is, unless it was opened before."""

NOTHING_YET = 0.005
"""Seconds between frames while there is no photograph yet and no display paces them: the loader needs the processor."""


@dataclass(frozen=True)
class Ended:
    """How a session ended: with the `wish` to look at other photographs (None: the program ends), and its settings."""

    wish: Wish | None
    settings: Settings


def run(runtime: Runtime, options: Options) -> Ended:
    """Show photographs until the runtime or the options end it, or the user wants to look at others. The caller owns
    the runtime."""
    with session(runtime, options) as viewer:
        opening = viewer.intake.opening
        while runtime.poll_events() and not viewer.finished and opening.wish is None:
            viewer.frame()
            runtime.entitle(title_of(viewer.view, viewer.supply.titles))
            viewer.notices.tell(opening.see(runtime.take_dropped()))
        _report(viewer)
        return Ended(opening.wish, viewer.view.settings)


def run_all(runtime: Runtime, options: Options, following: Callable[[Options, Ended], Options]) -> None:
    """Run one session after another in the same runtime, as long as the user wants to look at other photographs.

    `following`: returns the options of the next session, from those of the last one and how that ended. If none of the
    wanted photographs can be opened after all, the former ones come back. Raises PhotographError if those cannot be
    opened any more either.
    """
    shown, comes_back = Wish(options.paths, options.paths), False
    ended = run(runtime, options)
    while ended.wish is not None:
        former, shown = shown, ended.wish
        options = following(options, ended)
        try:
            ended, comes_back = run(runtime, options), False
        except PhotographError as error:
            if comes_back:
                raise
            comes_back = True
            ended = replace(ended, wish=replace(former, troubles=(str(error),)))


@contextmanager
def session(runtime: Runtime, options: Options) -> Iterator[Viewer]:
    """Yield a viewer, with the interpreter configured for one."""
    with ExitStack() as stack:
        stack.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(SWITCH_SECONDS)
        interruption = stack.enter_context(Interruption())
        collector = stack.enter_context(Collector())
        yield Viewer(runtime, options, stack, interruption, collector)


@dataclass(frozen=True)
class Asked:
    """The intents of a frame. `sample`: the steady hands, without the part that the control panel used."""

    intents: tuple[Intent, ...]
    sample: ControllerSample


class Intake:
    """Gathers the intents of each frame. `also`: intents that the viewer's owner adds to the next frame. `opening`: of
    other photographs."""

    def __init__(self, control: Control, options: Options, names: tuple[str, ...], headset: bool) -> None:
        """`names`: what the photographs are called. `headset`: there is a head to recentre on."""
        self.opening = Opening(options.paths[0].parent)
        self.control = control
        self.guide: Guide | None = TourPlayer(options.tour) if options.tour else None
        self.also: tuple[Intent, ...] = ()
        self._hands, self._hand_words = Hands(), HandWords()
        self._steady = ControllerSample()
        self._names, self._headset = names, headset
        self._begun, self._helped = time.monotonic(), False

    @property
    def guided(self) -> bool:
        """Whether a tour still has something to show."""
        return self.guide is not None and not self.guide.over

    def led(self, view: ViewState, dt: float, lingers: bool) -> tuple[tuple[Intent, ...], str]:
        """Return where the tour leads `dt` seconds later, and its caption there. A tour begins once its photograph has
        loaded. `lingers`: its last view stays when it is over."""
        if self.guide is None or view.record is None or (self.guide.over and not lingers):
            return (), "" if lingers else self._help_hint(view)
        look, caption = self.guide.advance(dt)
        return (look,), caption

    def _help_hint(self, view: ViewState) -> str:
        """Return what tells a newcomer at a window where the help is."""
        self._helped = self._helped or view.settings.help or time.monotonic() - self._begun > NEWCOMER
        shown = view.desk is not None and not self._helped and bool(view.loaded)
        return " · ".join(filter(None, (hint(view), HELP_HINT))) if shown else ""

    def read(
        self,
        frame: Frame,
        sample: ControllerSample,
        view: ViewState,
        seen: Seen,
        tick: Tick,
        photographs: Photographs,
        marks: Callable[[], Sequence[Mark]],
    ) -> Asked:
        """Return the intents of hands, keys and control panel for the view as the last frame left it. `photographs`:
        the source of the panel's thumbnails. `marks`: as for `Hands.read`."""
        steady = self.control.take(self._hands.steady(sample, tick.dt), frame.eyes)
        also, self.also, self._steady = self.also, (), steady
        shown = state_of(view, self.control.networks, self._names, steady.hands if self._headset else None)
        panel = self.control.update(shown, photographs)
        asked = (*self._hands.read(steady, view, seen.reach, tick.dt, marks), *also, *panel)
        if self.control.open:  # it lies over the photographs
            asked = tuple(ToggleControlPanel() if isinstance(intent, GoBack) else intent for intent in asked)
        return Asked(asked, steady)

    def pulses(self, before: ViewState, view: ViewState) -> tuple[Pulse, ...]:
        """Return the haptic pulses for a frame that changed the view from `before` to `view`."""
        return (*self._hands.ticks(before, view), *self.control.pulses())

    def hand_words(self, eyes: Sequence[Eye], dt: float) -> tuple[LabelItem, ...]:
        """Return the words beside the hands, `dt` seconds after the last call."""
        return self._hand_words.see(self._steady.hands, eyes, dt, self.control.carrier)

    def rays(self, sample: ControllerSample, view: ViewState, seen: Seen) -> tuple[RayItem, ...]:
        """Return the pointers' beams, each ending at what it points at."""
        hands = self.control.beaming(sample)
        beams = (_beam(hand.aim, view, seen) for hand in hands if hand.aim is not None and hand.shown)
        return (*beams, *self.control.rays)


class Viewer:
    """The state kept from frame to frame. Each frame's phases take values and return values; see `frame`.

    `view`: the current view; `seen`: what the eyes see of it; `rays`: the pointers' beams; `status`: what the text
    says.
    """

    def __init__(
        self, runtime: Runtime, options: Options, stack: ExitStack, interruption: Interruption, collector: Collector
    ) -> None:
        self.runtime = runtime
        self.options = options
        self._interruption = interruption
        self._collector = collector
        self.notices = Notices(options.say, options.notices)
        self.keeping = Keeping(options, stack, self.notices.tell)
        start = options.view or ViewState.start(len(options.paths))
        start = replace(start, settings=replace(start.settings, models=tuple(models_at_hand(start.settings.model))))
        self.view = self.keeping.restored(start)
        self.supply = Supply(
            options.photographs,
            self.view.awaited,
            start.settings.model,
            options.device,
            options.limits,
            options.prefetch,
            options.tile_cache,
            self.notices.tell,
            stack,
        )
        headset = runtime.name == "xr"
        coarse = self.supply.service.photographs.coarse
        self.picture = Picture(self.supply.tiles, self.supply.residency, coarse, headset, stack)
        control = Control(options.left_handed)
        stack.callback(control.close)
        self.intake = Intake(control, options, self.supply.titles, headset)
        stack.callback(self.intake.opening.close)
        self.rest = Rest()
        self.stand = Stand()
        self.statistics = Statistics()
        self._software = in_software(runtime.describe().get("renderer", ""))
        self.tick, self.seen, self.status = Tick(), Seen(), Status()
        self.rays: tuple[RayItem, ...] = ()
        self.finished = False
        self._objects_made: int | None = None
        """The number of GL objects made before everything was warm; None until then."""

    def frame(self) -> None:
        """Run one turn of the loop. Raises KeyboardInterrupt at its end if a signal has arrived."""
        with self.runtime.frame() as frame, self._collector.frame():
            begun = time.perf_counter()
            sample = self.runtime.read(frame.time)
            self.tick = tick = self._pass_time(frame)
            left = self.rest.see(frame, sample, self._ends_a_rest(), self._awaits_something)
            self._account(frame, begun, left or self._turn(frame, sample, tick))
        if self.picture.shown and not self.warm:
            self._warm_up()
        elif not self.picture.shown and frame.period is None:
            time.sleep(NOTHING_YET)
        self._collector.between_frames(tick.now, resting=not frame.should_render or self.view.still_for > REST)
        self._interruption.check()

    def _turn(self, frame: Frame, sample: ControllerSample, tick: Tick) -> bool:
        """Run a frame in which something may change: sample, intents, view, what is seen of it, tiles, scene, pictures.
        Returns whether it ended early, with the last picture, once the view was known."""
        before = desk_changed(self.arrivals(self.view), frame.desk)
        lingers = self.options.ends or self.keeping.screenshots.due
        led, caption = self.intake.led(before, 0.0 if self._frames_over else tick.dt, lingers)
        photographs = self.supply.service.photographs
        asked = self.intake.read(frame, sample, before, self.seen, tick, photographs, self.picture.marks)
        intents = (*led, *asked.intents)
        view = step(before, intents, tick.dt)
        self._perform(intents, before, view)
        view = self.keeping.see(view, tick)
        self.runtime.feel(self.intake.pulses(before, view))
        if frame.desk is not None and asked.sample.hands:
            self.runtime.show_cursor(cursor_for(asked.sample.hands[0], view, self.seen.reach, self.picture.marks))
        self.picture.veil_changes(before, view, intents, tick.dt)
        for notice in self.keeping.notices(self.supply.service.reopen):
            self.notices.tell(notice)
        if self._stands(frame, view, sample, caption, bool(asked.intents)):
            self.view = view
            return True
        eyes = tuple(eye.finer(frame.detail) for eye in frame.eyes)
        seen = look(view, eyes, self.seen, Pose((0.0, 0.0, -self.options.stand_back)))
        self.view, self.seen, self.rays = view, seen, self.intake.rays(asked.sample, view, seen)
        self._bring_tiles(frame, view, seen, tick)
        self.status = _told(view, caption, self.keeping, self.supply, self.notices)
        if frame.should_render:
            self._draw(frame, view, seen, tick)
        return False

    # The phases.

    def _pass_time(self, frame: Frame) -> Tick:
        tick = self.tick.next(frame.time)
        self.notices.pass_time(tick.dt)
        self.picture.pace.frame_took(tick.dt)
        for notice in self.runtime.take_notices():
            self.notices.tell_of_headset(notice)
        return tick

    def arrivals(self, view: ViewState) -> ViewState:
        """Return the view with the photographs that have been decoded; take computed tiles too."""
        for news in self.supply.take():
            if isinstance(news, Unopened):
                view = photograph_failed(view, news.index)
                continue
            if news.changed:
                self.picture.forget(news.index)
                self.intake.control.forget(news.index)
            view = photograph_arrived(view, news.index, news.record)
            self.keeping.opened(news.index, news.record)
        return view

    def _perform(self, intents: tuple[Intent, ...], before: ViewState, view: ViewState) -> None:
        """Perform the intents that act outside the view, and the consequences of changed settings."""
        for intent in intents:
            match intent:
                case ToggleControlPanel():
                    self.intake.control.toggle()
                case OpenPhotographs() | OpenFolder():
                    self.notices.tell(self.intake.opening.ask(folder=isinstance(intent, OpenFolder)))
                case Recentre():
                    self.runtime.recentre()
                case ToggleFullScreen():
                    self.runtime.toggle_full_screen()
                case WriteNote():
                    self.notices.tell(self.intake.control.write())
                case _:
                    self.notices.tell(self.keeping.perform(intent, before, view))
        if view.settings.model != before.settings.model:
            self.supply.compute_with(view.settings.model)

    def _bring_tiles(self, frame: Frame, view: ViewState, seen: Seen, tick: Tick) -> None:
        """Ask for the missing tiles, and copy those in memory within the frame's budget."""
        wants = (*seen.wants, *self.picture.lecture.wants(frame, view))
        self.supply.ask(view, wants, seen.waits, self.intake.control.browsed, frame.eyes)
        # The next frames need the processor more than tiles do if the view moves, or if pictures are drawn in every
        # frame, as in a headset, where the head turns. Whoever rests, or has jumped, waits for tiles.
        self.supply.service.worker.leave_room(not frame.keeps or not (seen.waits or view.still_for >= SETTLE))
        self.supply.residency.begin_frame()
        if self.picture.holds_before:
            return  # the old scene is still shown: none of its tiles may be evicted
        pace = self.picture.pace
        hurries = self._software and frame.keeps and self.supply.service.worker.busy
        report = self.supply.upload(pace.born(tick.now, tick.dt, seen.jumped or hurries))
        self.statistics.upload_bytes += report.bytes
        self.statistics.uploads_over_budget += report.over_budget
        moves = seen.jumped or view.still_for == 0
        pace.copied(report.count, tick.now, moves, sharp=report.count > 0 and self.supply.sharp)

    def _draw(self, frame: Frame, view: ViewState, seen: Seen, tick: Tick) -> None:
        """Compose the scene and draw it; save a picture of it if one is due."""
        due = self.keeping.screenshots.due and self._settled(view, seen, tick)
        invented = self.supply.departed(view, seen.wants, tick.now, at_once=due)
        control = self.intake.control
        surfaces = self.picture.surfaces(view, seen, frame.eyes, tick)
        sheet = control.item if control.open or not due else None
        status = replace(self.status, invented=invented)
        hands = self.intake.hand_words(frame.eyes, tick.dt)
        scene = compose(view, surfaces, status, self.rays, sheet, self.runtime.floor, hands)
        scene = self.picture.veiled(scene)
        lecture = self.picture.lecture.scene(frame, view, seen, status, self.rays, tick)
        pictures = self.picture.draw(frame, scene, lecture, tick, view.still_for > 0, due, self.supply.computes)
        if pictures:
            made_by = view.settings.model, self.status.texture
            about = describe_snapshot(view, frame.eyes, scene, invented, *made_by, control.targets)
            self.notices.tell(self.keeping.screenshots.save(pictures, about))

    def _account(self, frame: Frame, begun: float, left: bool) -> None:
        """Count the frame in the statistics, and check whether it is time to end: not before a requested screenshot.
        `left`: the frame kept the last picture."""
        now = time.perf_counter()
        if self.rest.now and frame.period is None:
            self.statistics.idle()
        else:
            self.statistics.frame(now, now - begun, frame.period)
        if self.rest.now:
            return
        if not left:
            computed = self.supply.service.worker.counts.computed
            self.statistics.see(self.view, self.seen.wants, self.supply.residency, computed, now)
        self.statistics.full_collections_in_frames = self._collector.full_in_frames
        before = self._objects_made
        self.statistics.gl_objects_after_warm_up = 0 if before is None else objects.made() - before
        self.finished = self._over and not self.keeping.screenshots.awaited(now)

    # What they ask.

    def _ends_a_rest(self) -> Hashable:
        """Return the values whose change ends a rest."""
        return self.view, self.intake.guide, self.intake.also, self.notices.shown, self.keeping.file_news

    def _awaits_something(self) -> bool:
        """Whether the next picture may differ, or the program may end soon, though eyes and hands rest."""
        fades = self.picture.fading(self.tick.now - self.tick.dt)
        moves = self.view.still_for < STILL or self.view.alternates or fades
        comes = not self.warm or self.supply.busy or self.keeping.busy or self.status.notices
        asked = self.intake.also or self.intake.control.moves or self.intake.guided
        return bool(moves or comes or asked or self.options.frames is not None)

    def _stands(self, frame: Frame, view: ViewState, sample: ControllerSample, caption: str, asked: bool) -> bool:
        """Whether this frame keeps the last picture. `asked`: somebody has asked for something."""
        waits = self.warm and self.supply.service.worker.busy and not self.supply.moved
        changes = asked or self.intake.control.open or self.picture.changes(self.tick, view.still_for > 0)
        waits = waits and not (changes or self.keeping.screenshots.due)
        return self.stand.see(frame, view, sample, (*self.notices.shown, caption), waits)

    @property
    def _frames_over(self) -> bool:
        return self.options.frames is not None and self.statistics.frames >= self.options.frames

    @property
    def _over(self) -> bool:
        """Whether everything requested has been shown."""
        return self._frames_over or (self.options.ends and not self.intake.guided)

    def _settled(self, view: ViewState, seen: Seen, tick: Tick) -> bool:
        """Whether the view rests, and everything that it wants has arrived and faded in."""
        comes = self.supply.service.loader.busy or self.keeping.reading
        if comes or view.still_for < SETTLE or self.picture.fading(tick.now):
            return False
        if not (self._over or (not self.intake.guided and self.options.frames is None)):
            return False
        return bool(seen.wants) and self.supply.complete

    # The beginning.

    @property
    def warm(self) -> bool:
        """Whether everything is done that takes a second and would be noticed later."""
        return self._objects_made is not None

    def _warm_up(self) -> None:
        """Do the work that takes a second, now that the first photograph is on the screen.

        The retina comes first: both import modules, and in parallel they would delay the frame four times as long.
        """
        renderer, control = self.picture.renderer, self.intake.control
        renderer.prepare_retina()
        self.notices.tell(control.prepare(self.view.settings.model) if control.of_use else "")
        renderer.sheets = control.picture
        self._objects_made = objects.made()
        self._collector.started()
        self.supply.service.worker.warm_up()


def _report(viewer: Viewer) -> None:
    """Write the statistics, once it is known whether any photograph could be opened."""
    supply, stats = viewer.supply, viewer.options.stats
    while supply.service.loader.busy and not viewer.view.loaded:
        viewer.view = viewer.arrivals(viewer.view)
        time.sleep(0.01)
    if stats is not None:
        told = supply.told(viewer.view, viewer.seen.wants)
        about = {"mode": viewer.runtime.name, **viewer.runtime.describe(), **told}
        write_statistics(stats, about, viewer.statistics, supply.service.worker.counts)


def title_of(view: ViewState, names: tuple[str, ...]) -> str:
    """Return what a window is called: the front photograph's name, and which one of several it is."""
    hung = view.hung
    several = len(hung) > 1 and view.active in hung
    return names[view.active] + (f" ({hung.index(view.active) + 1} of {len(hung)})" if several else "")


def _beam(aim: Ray, view: ViewState, seen: Seen) -> RayItem:
    pointed = pointed_at(aim, view, seen.reach)
    x, y, z = aim.at(pointed.distance if pointed else POINTER_REACH)
    return RayItem(aim.origin, (float(x), float(y), float(z)), pointed is not None)


def _coming(view: ViewState, names: tuple[str, ...]) -> tuple[tuple[Cell, str], ...]:
    """Return the cells of a window whose photographs are not open yet, and what these are called."""
    cells = view.cells or (view.desk.cells(1) if view.desk is not None else ())
    shown = zip(view.in_cells, cells, strict=False)
    return tuple((cell, names[i]) for i, cell in shown if view.photographs[i] is None and i not in view.failed)


def _told(view: ViewState, caption: str, keeping: Keeping, supply: Supply, notices: Notices) -> Status:
    """Return what the text depends on, except for the visible computed tiles."""
    return replace(
        status_of(view),
        caption=caption,
        recording=keeping.recording.active,
        computing=supply.computing,
        loading=supply.loading,
        coming=_coming(view, supply.titles),
        unavailable=supply.unavailable,
        notices=notices.shown,
    )
