"""The loop: what is looked at, what is wanted, what is drawn, once a frame."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from sr_core.engine.worker import TileFailed, Worker
from sr_core.image.loader import Loader, PhotographFailed, PhotographLoaded
from sr_core.image.photograph import PhotographError
from vr_app.core.gesture import ControllerSample, pointed_at, read_gestures
from vr_app.core.labels import Status, labels
from vr_app.core.pose import Pose
from vr_app.core.residency import FADE, Residency
from vr_app.core.scene import PageTable, RayItem, Scene, surface_items
from vr_app.core.shelf import Shelf
from vr_app.core.snapshot import describe_snapshot
from vr_app.core.statistics import Statistics
from vr_app.core.tour import Tour, TourPlayer
from vr_app.core.view import (
    Gesture,
    PhotographInfo,
    SurfaceKind,
    ViewState,
    photograph_arrived,
    photograph_failed,
    place,
    step,
)
from vr_app.core.wanted import SETTLE, demands, tiles_wanted
from vr_app.gl.draw import Renderer
from vr_app.gl.tiles import TileArray
from vr_app.gl.upload import Uploader
from vr_app.interruption import Interruption, watch
from vr_app.output import Recording, Screenshots, write_statistics
from vr_app.runtime.interface import Frame, Runtime

SLOTS = 6144
"""Tiles resident on the graphics card: about 100 MB."""

UPLOAD_BYTES, UPLOAD_SECONDS = 4_000_000, 0.002
"""What one frame may spend on copying tiles."""

SWITCH_SECONDS = 0.0005
"""How long a frame that comes back from GL waits for the interpreter while the worker runs Python, as an import does
for seconds. With Python's own 5 ms a frame of a dozen such waits took up to 0.13 s beside an import, so up to 0.05."""

NOTICE_SECONDS = 12.0

POINTER_REACH = 3.0
"""Metres of the pointer ray that are drawn where it meets nothing."""


@dataclass(frozen=True)
class Options:
    """What the command line asks for.

    `ends`: the program ends with the tour. `stand_back`: metres that the eye stands behind the retina's centre (a
    window's picture is too narrow to show the retina from there). `say` gets what the user should read in a terminal.
    """

    paths: tuple[Path, ...]
    surface: SurfaceKind = SurfaceKind.PANEL
    tour: Tour | None = None
    ends: bool = False
    frames: int | None = None
    screenshot: Path | None = None
    stats: Path | None = None
    device: str = "auto"
    model: str = "rdb-lite"
    stand_back: float = 0.0
    say: Callable[[str], None] = print


def run(runtime: Runtime, options: Options) -> None:
    """Show photographs until the runtime or the options end it. The caller owns the runtime."""
    with ExitStack() as stack:
        stack.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(SWITCH_SECONDS)
        interruption = stack.enter_context(Interruption())
        viewer = Viewer(runtime, options, stack)
        while runtime.poll_events() and not viewer.finished:
            with runtime.frame() as frame:
                begun = time.perf_counter()
                viewer.take_what_arrived()
                viewer.look(frame, runtime.read(frame.time))
                viewer.ask()
                viewer.upload()
                if frame.should_render:
                    viewer.draw(frame)
                viewer.account(frame, begun)
            interruption.check()
        viewer.report()


class Viewer:
    """What lasts from frame to frame, and the phases of a frame in their order."""

    def __init__(self, runtime: Runtime, options: Options, stack: ExitStack) -> None:
        self.runtime = runtime
        self.options = options
        self.loader = Loader(options.paths)
        stack.callback(self.loader.close)
        self.worker = Worker(options.model, options.device)
        watch(lambda: self.worker.running)
        stack.callback(self.worker.close)
        self.tiles = TileArray(SLOTS)
        stack.callback(self.tiles.close)
        self.renderer = Renderer(self.tiles)
        stack.callback(self.renderer.close)
        self.uploader = Uploader(self.tiles, UPLOAD_BYTES, UPLOAD_SECONDS)
        self.residency = Residency(self.tiles.slots)
        self.pages = PageTable(self.residency)
        self.shelf = Shelf()
        self.statistics = Statistics()
        self.screenshots = Screenshots(options.screenshot)
        self.recording = Recording()
        self.player = TourPlayer(options.tour) if options.tour else None
        self.view = ViewState.start(len(options.paths), options.surface)
        self.infos: tuple[PhotographInfo | None, ...] = (None,) * len(options.paths)
        self.wants, self.wanted, self.placed, self.rays = (), (), (), ()
        self.status = Status()
        self.finished = False
        self._warm = False
        self._unopened = 0
        self.now = self.dt = 0.0
        self._frame_time: float | None = None
        self._uploaded_at = 0.0
        self._notices: list[tuple[float, str]] = []

    # The phases of a frame.

    def take_what_arrived(self) -> None:
        """Decoded photographs and computed tiles."""
        for arrival in self.loader.ready():
            if isinstance(arrival, PhotographFailed):
                self._without_photograph(arrival)
            else:
                self._with_photograph(arrival)
        for answer in self.worker.ready():
            if isinstance(answer, TileFailed):
                self.residency.fail(answer.key, answer.reason)
                self._notice(f"Super-resolution: {answer.reason}")
            else:
                self.shelf.keep(answer.key, answer.pixels)

    def look(self, frame: Frame, sample: ControllerSample) -> None:
        """What the hands and the tour make of the view, and what the eyes see of it."""
        self.dt = 0.0 if self._frame_time is None else min(0.1, max(0.0, frame.time - self._frame_time))
        self._frame_time = frame.time
        self.now += self.dt
        led, caption = self._led_by_tour()
        self.view = step(self.view, led + read_gestures(sample, self.view, self.placed, self.dt), self.dt)
        self.placed = place(self.view, self.infos, Pose((0.0, 0.0, -self.options.stand_back)))
        if frame.eyes:
            self.wants = demands(self.view, self.placed, frame.eyes, self.infos, self.wants)
        self.rays = tuple(self._pointer(hand.aim) for hand in sample.hands if hand.aim and hand.shown)
        for command in self.runtime.take_commands():
            self._obey(command)
        self.recording.see(self.view, self.dt)
        self.status = replace(
            self.status, caption=caption, original=self.view.original, recording=self.recording.active
        )

    def ask(self) -> None:
        """Tell the worker what is missing; the newest wish wins."""
        self.wanted = tiles_wanted(self.view, self.wants, self.infos)
        missing = self.shelf.missing(self.wanted, self.residency)
        sources = tuple((i, self.shelf.pixels(i)) for i in sorted({key.photograph for key in missing}))
        self.worker.want(missing, sources)
        self.status = replace(
            self.status,
            computing=frozenset(key.photograph for key in missing),
            unavailable=frozenset(k.photograph for k in self.residency.failures(self.wanted)),
            notices=tuple(text for until, text in self._notices if until > self.now),
        )

    def upload(self) -> None:
        """Copy tiles that are at hand, within the frame's budget."""
        self.residency.begin_frame()
        ready = self.shelf.to_upload(self.wanted, self.residency)
        report = self.uploader.upload(ready, self.residency, self.now)
        self.statistics.upload_bytes += report.bytes
        if report.count:
            self._uploaded_at = self.now

    def draw(self, frame: Frame) -> None:
        """The scene, once for each eye; and its picture when one is due."""
        surfaces = surface_items(self.view, self.placed, self.wants, self.infos, self.pages, frame.eyes, self.now)
        scene = Scene(surfaces, labels(surfaces, self.view.active, self.status), self.rays)
        due = self.screenshots.due and self._settled()
        pictures = []
        for eye, target in frame.targets():
            self.renderer.draw(target, eye, scene)
            if due:
                pictures.append(target.read())
        if not self._warm:
            self._warm_up()
        if pictures:
            saved = self.screenshots.save(pictures, describe_snapshot(self.view, frame.eyes, scene, self.infos))
            self._notice(f"Screenshot saved: {', '.join(saved)}")

    def account(self, frame: Frame, begun: float) -> None:
        """Statistics, and whether it is time to end: not before a screenshot that was asked for."""
        now = time.perf_counter()
        self.statistics.frame(now, now - begun, frame.period)
        self.statistics.see(self.view, self.wants, self.residency, self.worker.counts.computed, now)
        self.finished = self._over and not self.screenshots.awaited(now)

    def report(self) -> None:
        """What is written at the end, once it is known that any photograph could be opened."""
        while self.loader.busy and not any(self.infos):
            self.take_what_arrived()
            time.sleep(0.01)
        if self.recording.active:
            self._notice(self.recording.save(self.options.paths[self.view.active]))
        if self.options.stats is not None:
            about = {"mode": self.runtime.name, **self.runtime.describe(), "model": self.options.model}
            write_statistics(self.options.stats, about, self.statistics, self.worker.counts)

    # Their parts.

    def _warm_up(self) -> None:
        """What takes a second and would be felt later: now, with the first picture on the screen.

        The retina first: both import, and beside each other the frame would take four times as long.
        """
        self._warm = True
        self.renderer.prepare_retina()
        self.worker.warm_up()

    def _with_photograph(self, arrival: PhotographLoaded) -> None:
        photograph, field = arrival.photograph, arrival.photograph.field
        height, width = photograph.pixels.shape[:2]
        info = PhotographInfo(photograph.path.name, (width, height), (field.cx, field.cy), field.radius)
        self.infos = (*self.infos[: arrival.index], info, *self.infos[arrival.index + 1 :])
        self.shelf.add_photograph(arrival.index, arrival.pyramid)
        self.view = photograph_arrived(self.view, arrival.index, info)

    def _without_photograph(self, arrival: PhotographFailed) -> None:
        """A file that cannot be opened is told and left out; the last hope gone, the program ends with it."""
        self._unopened += 1
        if self._unopened == len(self.options.paths):
            raise PhotographError(arrival.reason)
        self._notice(arrival.reason)
        self.view = photograph_failed(self.view, arrival.index)

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

    def _led_by_tour(self) -> tuple[tuple[Gesture, ...], str]:
        """The tour's view now. It begins with its photograph, and its last view stays while a screenshot is awaited."""
        if self.player is None or self.infos[self.view.active] is None:
            return (), ""
        if self.player.over and not (self.options.ends or self.screenshots.due):
            return (), ""
        look, caption = self.player.advance(0.0 if self._frames_over else self.dt)
        return (look,), caption

    def _settled(self) -> bool:
        """Whether the view rests and all that it wants is there and has faded in."""
        fading = self.now - self._uploaded_at <= 2 * FADE  # a tile may first wait for another's fade
        if self.loader.busy or self.view.still_for < SETTLE or fading:
            return False
        if not (self._over or (self._tour_over and self.options.frames is None)):
            return False
        return bool(self.wants) and all(self.residency.has(k) or self.residency.failure(k) for k in self.wanted)

    def _pointer(self, aim) -> RayItem:
        pointed = pointed_at(aim, self.view, self.placed)
        end = aim.at(pointed.distance if pointed else POINTER_REACH)
        return RayItem(aim.origin, (float(end[0]), float(end[1]), float(end[2])), pointed is not None)

    def _obey(self, command: str) -> None:
        """What the window's keys ask for besides gestures."""
        if command == "help":
            self.status = replace(self.status, help=not self.status.help)
        elif command == "screenshot":
            self.screenshots.ask()
        elif command == "record" and self.recording.active:
            self._notice(self.recording.save(self.options.paths[self.view.active]))
        elif command == "record":
            self.recording.begin()

    def _notice(self, text: str) -> None:
        if text not in (known for until, known in self._notices if until > self.now):
            self._notices.append((self.now + NOTICE_SECONDS, text))
            self.options.say(f"fundusxr: {text}")
