"""Drive the whole viewer, offscreen, frame by frame from one known view to the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sr_core.errors import UserError
from sr_core.image.geometry import Rect
from vr_app.core.hands.cursor import Cursor
from vr_app.core.hands.sample import ControllerSample, Pulse
from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Eye, Fov, Pose
from vr_app.core.space.surface import Panel
from vr_app.core.tiles.limits import DEFAULT_LIMITS, Limits
from vr_app.core.tiles.page_table import NO_SLOT
from vr_app.core.tiles.visible import Demand
from vr_app.core.view.intent import LookAt, NextImage, SurfaceKind
from vr_app.core.view.layout import PANEL_DISTANCE
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.step import step
from vr_app.gl.context import Context
from vr_app.gl.draw import Renderer
from vr_app.gl.objects import Framebuffer
from vr_app.runtime.one_eye import FLOOR
from vr_app.viewer.loop import Viewer, session
from vr_app.viewer.options import Options, first_view

EYE_APART = 0.063
"""Metres between the two eyes."""

DISPLAY_PERIOD = 1 / 90
"""The seconds per frame of a headset's display."""

PATIENCE = 600.0
"""Seconds of waiting before giving up."""

WHOLE = LookAt(SurfaceKind.PANEL, (0.5, 0.5), 1.0)

EDGE, QUICK_EDGE = 256, 64
"""The side, in photograph pixels, of the region that a zoom brings into view."""

HALF_WIDTH = 0.35
"""The tangent of half the angle in which a zoom's single eye sees that region."""

TILE_AT_X4 = 16
"""A tile's side at x4 in photograph pixels: regions lie two of them apart, so that they share no tile."""


def two_eyes(size: tuple[int, int], half_width: float = 1.0) -> tuple[Eye, Eye]:
    """Return a headset's eyes looking along -z, `size` pixels each; `half_width`: the tangent visible to either
    side."""
    fov = Fov.framing(size, half_width, 0.0)
    left, right = (Pose((side * EYE_APART / 2, 0.0, 0.0)) for side in (-1, 1))
    return Eye(left, fov, size), Eye(right, fov, size)


def eye_on_region(edge: int = EDGE) -> Eye:
    """Return an eye whose picture has 4 pixels per side for each pixel of a region of `edge` x `edge` photograph
    pixels."""
    size = 4 * edge, 4 * edge
    return Eye(Pose(), Fov.framing(size, HALF_WIDTH, HALF_WIDTH), size)


@dataclass(frozen=True)
class BenchFrame:
    """See `vr_app.runtime.interface.Frame`."""

    time: float
    eyes: tuple[Eye, ...]
    framebuffers: tuple[Framebuffer, ...]
    period: float | None = None
    should_render: bool = True
    detail: float = 1.0
    desk: None = None
    lecture: None = None
    takes_lecture: bool = False

    @property
    def keeps(self) -> bool:
        """Whether the pictures persist, as a window's do; a headset's two are drawn every time."""
        return len(self.eyes) == 1

    def targets(self) -> Iterator[tuple[Eye, Framebuffer]]:
        for eye, framebuffer in zip(self.eyes, self.framebuffers, strict=True):
            framebuffer.bind()
            yield eye, framebuffer

    def pictures(
        self, scene: Scene, renderer: Renderer, whole: bool = False, lecture: Scene | None = None
    ) -> Iterator[tuple[Eye, Framebuffer, Scene]]:
        yield from ((eye, target, scene) for eye, target in self.targets())

    def repeat(self) -> bool:
        return False


class BenchRuntime:
    """A `Runtime` without a screen, for any number of eyes, that records the time of each frame.

    Its clock is the real one, or advances by `time_step` seconds a frame. With a `period`, a frame begins no earlier
    than that many seconds after the previous one, as with a display; with 0, when the previous one's pictures are
    finished.
    """

    name = "offscreen"
    floor = FLOOR

    def __init__(
        self, context: Context, eyes: Sequence[Eye], time_step: float | None = None, period: float = 0.0
    ) -> None:
        self._context = context
        self._eyes = tuple(eyes)
        self._framebuffers = tuple(Framebuffer.create(eye.size) for eye in eyes)
        self._time_step = time_step
        self.period = period
        self._due = time.perf_counter()
        self._now = 0.0
        self.finished_at = time.perf_counter()
        """When the last frame's pictures were finished."""
        self.work = self.interval = 0.0
        """Seconds of the last frame: the drawing thread's own work, from its start until the driver has everything; and
        from the end of the previous frame until its pictures are finished."""

    def describe(self) -> dict[str, str]:
        return {"runtime": self.name, "system": "no screen", "renderer": self._context.renderer}

    def poll_events(self) -> bool:
        return True

    @contextmanager
    def frame(self) -> Iterator[BenchFrame]:
        self.await_display()
        begun = time.perf_counter()
        self._due = max(begun, self._due + self.period)  # after a late frame it does not hurry to catch up
        self._now = begun if self._time_step is None else self._now + self._time_step
        yield BenchFrame(self._now, self._eyes, self._framebuffers)
        self.work = time.perf_counter() - begun
        self._context.finish()
        now = time.perf_counter()
        self.interval, self.finished_at = now - self.finished_at, now

    def await_display(self) -> None:
        """Wait until the next frame may begin."""
        time.sleep(max(0.0, self._due - time.perf_counter()))

    def read(self, time: float) -> ControllerSample:
        return ControllerSample()

    def feel(self, pulses: tuple[Pulse, ...]) -> None:
        pass

    def show_cursor(self, cursor: Cursor) -> None:
        """There is none."""

    def toggle_full_screen(self) -> None:
        """There is no window."""

    def recentre(self) -> None:
        pass

    def take_notices(self) -> tuple[str, ...]:
        return ()

    def entitle(self, title: str) -> None:
        pass

    def take_dropped(self) -> tuple[Path, ...]:
        return ()

    def close(self) -> None:
        for framebuffer in self._framebuffers:
            framebuffer.close()


class Guide:
    """Leads the view to `look` at once, in place of a tour's player."""

    over = False

    def __init__(self) -> None:
        self.look = WHOLE

    def advance(self, dt: float) -> tuple[LookAt, str]:
        """Return the requested view, and no caption."""
        return self.look, ""


@dataclass(frozen=True)
class Visit:
    """How a view became sharp: seconds from the frame that brought it to the end of the frames that first showed a tile
    and all tiles of the wanted level (a tile fades in from then on); and the latter in frames."""

    level: int
    tiles: int
    first: float
    all: float
    frames: int


class Stage:
    """A running viewer; see `open_stage`."""

    def __init__(self, viewer: Viewer, runtime: BenchRuntime) -> None:
        self.viewer = viewer
        self.runtime = runtime
        self.guide = Guide()
        viewer.intake.guide = self.guide

    def frame(self, look: LookAt | None = None) -> None:
        """Run one frame, with the view at `look` (None: unchanged)."""
        self.guide.look = look or self.guide.look
        self.viewer.frame()

    def frames_until(self, reached: Callable[[], bool], what: str) -> None:
        """Run frames until something holds. Raises UserError if that takes longer than PATIENCE."""
        begun = time.monotonic()
        while not reached():
            if time.monotonic() - begun > PATIENCE:
                raise UserError(f"bench: gave up after waiting {PATIENCE:.0f} s for {what}; is the machine very busy?")
            self.frame()

    def load(self) -> None:
        """Run frames until every photograph has been decoded and drawn."""
        self.frames_until(lambda: all(self.viewer.view.photographs), "the photographs")
        self.frame()

    def warm_up(self) -> None:
        """Run frames until the worker has reached its full speed."""
        self.frames_until(lambda: not self.viewer.supply.service.worker.warming, "the network's warm-up")

    def show(self, photograph: int) -> None:
        """Bring a photograph to the front."""
        while self.viewer.view.active != photograph:
            self.viewer.view = step(self.viewer.view, (NextImage(),), 0.0)

    def visit(self, look: LookAt, after_frame: Callable[[], None] = lambda: None) -> Visit:
        """Jump to a view and stay until all its tiles show. Raises UserError if one cannot be computed."""
        begun = time.perf_counter()
        first, frames = None, 0
        while True:
            self.frame(look)
            frames += 1
            now = self.runtime.finished_at - begun
            after_frame()
            demand, there = self._sharpness()
            if first is None and there:
                first = now
            if demand is not None and there == sum(demand.seen):
                return Visit(demand.level, there, now if first is None else first, now, frames)
            self._check(now)

    def _sharpness(self) -> tuple[Demand | None, int]:
        """Return what is wanted of the photograph in front, and how many of its tiles are in the picture: none if the
        picture that shows them is still to come."""
        viewer = self.viewer
        demand = next((want for want in viewer.seen.wants if want.photograph == viewer.view.active), None)
        if demand is None or viewer.picture.holds_back:
            return demand, 0
        slots = viewer.supply.residency.slots(demand.photograph, demand.level, demand.tiles)
        return demand, int(np.count_nonzero(slots[demand.mask()] != NO_SLOT))

    def _check(self, waited: float) -> None:
        failed = self.viewer.supply.failures
        if failed:
            raise UserError(f"bench: a tile cannot be computed: {self.viewer.supply.residency.failed[failed[0]]}")
        if waited > PATIENCE:
            raise UserError(f"bench: gave up after waiting {PATIENCE:.0f} s for tiles; is the machine very busy?")

    @property
    def _front(self) -> PhotographRecord:
        """The record of the photograph in front, which `load` has opened."""
        record = self.viewer.view.record
        assert record is not None
        return record

    def region(self, center: tuple[float, float], edge: int = EDGE) -> LookAt:
        """Return the view of `eye_on_region(edge)` on `edge` x `edge` pixels of the front photograph around
        `center`."""
        record = self._front
        uv = center[0] / record.size[0], center[1] / record.size[1]
        return LookAt(SurfaceKind.PANEL, uv, record.size[0] / self._shown_width(edge))

    def regions(self, edge: int = EDGE) -> list[LookAt]:
        """Return views of all regions of the front photograph that share no tile, in an order that jumps around."""
        record = self._front
        shown = self._shown_width(edge), self._shown_width(edge) * record.size[1] / record.size[0]
        pitch = edge + 2 * TILE_AT_X4
        # A panel's edge never comes into view, so its outermost pixels cannot be in the middle.
        margin = [max(part, edge) / 2 for part in shown]
        counts = [int((size - 2 * m) // pitch) + 1 for size, m in zip(record.size, margin, strict=True)]
        if min(counts) < 1:
            raise UserError(f"bench: {record.name} is too small for regions of {edge}x{edge} pixels; name a larger one")
        at = [(margin[0] + pitch * x, margin[1] + pitch * y) for x, y in Rect(0, 0, *counts).points()]
        return [self.region(at[i], edge) for i in np.random.default_rng(1).permutation(len(at))]

    def _shown_width(self, edge: int) -> float:
        """Return the photograph pixels across the front panel when the eye sees `edge` of them."""
        viewer = self.viewer
        (panel,) = (item.surface for item in viewer.seen.placed if item.image == viewer.view.active)
        assert isinstance(panel, Panel)
        return edge * panel.width / (2 * HALF_WIDTH * PANEL_DISTANCE)


@contextmanager
def open_stage(
    context: Context,
    paths: Sequence[Path],
    eyes: Sequence[Eye],
    *,
    device: str,
    model: str,
    time_step: float | None = None,
    period: float = DISPLAY_PERIOD,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Stage]:
    """Open a viewer on `paths` with all photographs loaded, without prefetch and disk cache. See `BenchRuntime`."""
    runtime = BenchRuntime(context, eyes, time_step, period)
    options = Options(tuple(paths), first_view(len(paths), model), device=device, limits=limits, prefetch=False)
    try:
        with session(runtime, options) as viewer:
            stage = Stage(viewer, runtime)
            stage.load()
            yield stage
    finally:
        runtime.close()
