"""One frame, from the wait for it to its end, which is guaranteed."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Protocol

import xr

from vr_app.core.scene.composition import SHARPER
from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Eye
from vr_app.core.view.desk import Desk
from vr_app.gl.depth import DepthTarget
from vr_app.gl.draw import Renderer
from vr_app.gl.objects import Framebuffer
from vr_app.xr.compose import Composed
from vr_app.xr.layers import ProjectionLayer
from vr_app.xr.session import Session

IDLE_PAUSE = 0.02
"""Seconds of a pause while no session runs: nothing else paces the loop then."""

APART = 1.0
"""In seconds. If a display time differs from the machine's own clock by more than this, the clock is set again.
Otherwise a runtime that once gives a time far ahead would stop all motion until then."""


class Spectator(Protocol):
    """A viewer of the window beside the headset."""

    def begin(self, now: float) -> None:
        """Begin a frame at `now` seconds."""
        ...

    def see(self, eye: int, picture: Framebuffer) -> None:
        """See an eye's finished picture before it is handed over."""
        ...

    def views(
        self, eyes: tuple[Eye, ...], apart: bool = False, still: bool = False, lecture: Scene | None = None
    ) -> Iterator[tuple[Eye, Framebuffer]]:
        """Pictures to draw for the spectator alone, once the eyes' are done: of the scene `lecture` in a lecture hall,
        else of the eyes' scene. `apart`: the eyes' do not show all of it, and were not seen; `still`: nothing has
        changed since the last frame."""
        ...

    @property
    def lecture(self) -> Desk | None:
        """The window of a lecture hall, if the spectator is one."""
        ...

    @property
    def takes_lecture(self) -> bool:
        """Whether that takes a picture in this frame."""
        ...

    def content(self) -> bool:
        """Whether its last picture will do, as long as nothing changes."""
        ...


class Nobody:
    """A `Spectator` who is not there."""

    lecture = None
    takes_lecture = False

    def begin(self, now: float) -> None:
        pass

    def see(self, eye: int, picture: Framebuffer) -> None:
        pass

    def views(
        self, eyes: tuple[Eye, ...], apart: bool = False, still: bool = False, lecture: Scene | None = None
    ) -> Iterator[tuple[Eye, Framebuffer]]:
        yield from ()

    def content(self) -> bool:
        return True


class FrameClock:
    """Seconds since its creation, as one clock with the display times of successive sessions."""

    def __init__(self) -> None:
        self._start = time.monotonic_ns()
        self._origin: int | None = None
        self._last = 0.0

    def restart(self) -> None:
        """Begin a new session, whose display times may start from another moment."""
        self._origin = None

    def idle(self) -> float:
        """Return the present time, while the runtime gives none."""
        return self._forward(self._since_start() * 1e-9)

    def seconds(self, display_time: int) -> float:
        """Convert a display time of the runtime (XrTime, nanoseconds since an unknown moment) to seconds, never less
        than the previous one.

        The first one is assumed to be now; the lead of the prediction, a few hundredths of a second, does not matter.
        """
        own = self._since_start()
        if self._origin is None or abs(display_time - self._origin - own) > APART * 1e9:
            self._origin = display_time - own
        return self._forward((display_time - self._origin) * 1e-9)

    def _since_start(self) -> int:
        return time.monotonic_ns() - self._start

    def _forward(self, seconds: float) -> float:
        self._last = max(self._last, seconds)
        return self._last


class HeadsetFrame:
    """One frame between xrBeginFrame and xrEndFrame, or a pause without a session."""

    def __init__(self, session: Session, time: float, spectator: Spectator) -> None:
        spectator.begin(time)
        self.time = time
        self.should_render = False
        self.desk = None  # the photographs stand around the viewer
        self.lecture, self.takes_lecture = spectator.lecture, spectator.takes_lecture
        self.keeps = False  # the runtime alternates between images
        self.detail = SHARPER if session.layers.surfaces is not None else 1.0
        self.period: float | None = None
        self.eyes: tuple[Eye, ...] = ()
        self.layers: Sequence[ctypes.Structure] = []
        """What xrEndFrame will show; filled once both eyes are drawn."""
        self._session = session
        self._spectator = spectator
        self._drawing: Generator[tuple[Eye, Framebuffer]] | None = None

    def locate(self, display_time: int) -> None:
        """Locate hands and eyes; there are no eyes while the head is not tracked, or if one of them has no position
        (NaN)."""
        self._session.locate(display_time)
        self.eyes = self._session.head.eyes

    def targets(self) -> Iterator[tuple[Eye, Framebuffer]]:
        """Each eye with the framebuffer to draw it into, bound; it is handed on when the iteration goes on. After the
        eyes, what the spectator wants drawn.

        Only a picture of both eyes is shown: leave early, and this frame shows nothing.
        """
        yield from self._whole(None)
        if self.should_render and self.eyes:
            yield from self._spectator.views(self.eyes)

    def _whole(self, deepen: Callable[[DepthTarget, Eye], None] | None) -> Iterator[tuple[Eye, Framebuffer]]:
        if not (self.should_render and self.eyes):
            return
        self._session.layers.composed = None
        yield from self._draw(self._session.layers.behind, self._spectator.see, deepen)
        self.layers = [self._session.layers.behind.handed_over]

    def pictures(
        self, scene: Scene, renderer: Renderer, whole: bool = False, lecture: Scene | None = None
    ) -> Iterator[tuple[Eye, Framebuffer, Scene]]:
        """As `targets`, with what is to be drawn into each: `scene`, or what is left of it where the runtime shows
        surfaces by itself, from sheets that `renderer` draws. `whole`: it shows none, all is in the eyes' pictures.

        What has not changed since the last frame is not drawn again.
        """
        if not (self.should_render and self.eyes):
            return
        layers = self._session.layers
        if layers.surfaces is None or whole:
            deepen = partial(renderer.draw_depth, scene)
            yield from ((eye, target, scene) for eye, target in self._whole(deepen))
            yield from self._beside(scene, lecture, apart=False, still=False)
            return
        composed, still = layers.composed, True
        if composed is None or not composed.stands(scene, self.eyes):
            still, layers.composed = False, None
            arrangement, surfaces = layers.surfaces.arrange(scene, self.eyes, renderer)
            known = composed.arrangement if composed is not None and composed.eyes == self.eyes else None
            if known is None or known.behind != arrangement.behind:
                yield from self._drawn(layers.behind, arrangement.behind, renderer)
            shown = [layers.behind.handed_over, *surfaces]
            if arrangement.before is not None:
                assert layers.before is not None  # it is made with the surfaces
                if known is None or known.before != arrangement.before:
                    yield from self._drawn(layers.before, arrangement.before, renderer)
                shown.append(layers.before.handed_over)
            composed = layers.composed = Composed(scene, self.eyes, arrangement, shown)
        self.layers = composed.layers
        yield from self._beside(scene, lecture, apart=True, still=still)

    def _beside(
        self, scene: Scene, lecture: Scene | None, apart: bool, still: bool
    ) -> Iterator[tuple[Eye, Framebuffer, Scene]]:
        """The spectator's pictures, with what to draw into each."""
        shown = scene if lecture is None else lecture
        views = self._spectator.views(self.eyes, apart, still, lecture)
        yield from ((eye, target, shown) for eye, target in views)

    def _drawn(
        self, layer: ProjectionLayer, scene: Scene, renderer: Renderer
    ) -> Iterator[tuple[Eye, Framebuffer, Scene]]:
        """A layer's pictures, to draw `scene` into; nobody but the runtime sees them."""
        drawing = self._draw(layer, lambda eye, picture: None, partial(renderer.draw_depth, scene))
        yield from ((eye, target, scene) for eye, target in drawing)

    def _draw(
        self,
        layer: ProjectionLayer,
        drawn: Callable[[int, Framebuffer], None],
        deepen: Callable[[DepthTarget, Eye], None] | None,
    ) -> Iterator[tuple[Eye, Framebuffer]]:
        self._drawing = layer.draw(self.eyes, drawn, deepen)
        yield from self._drawing
        views = self._session.head.views
        assert views is not None  # there are eyes
        layer.structure(views)

    def repeat(self) -> bool:
        """Hand over what the last frame did, if that was for the same eyes and nobody beside the headset wants a new
        picture; whether it is so."""
        composed = self._session.layers.composed
        if composed is None or composed.eyes != self.eyes or not self._spectator.content():
            return False
        if self.should_render:
            self.layers = composed.layers
        return True

    def abandon_drawing(self) -> None:
        """Give back the image of an iteration left early; without one, nothing."""
        if self._drawing is not None:
            self._drawing.close()


@contextmanager
def run_frame(session: Session, clock: FrameClock, spectator: Spectator) -> Iterator[HeadsetFrame]:
    """Wait for a frame, begin it, and end it with what was drawn, or with nothing where the body raises.

    While the session is not running: a short pause and a frame with nothing to draw.
    """
    if not session.running:
        time.sleep(IDLE_PAUSE)
        yield HeadsetFrame(session, clock.idle(), spectator)
        return
    state = _wait_and_begin(session)
    frame = HeadsetFrame(session, clock.seconds(state.predicted_display_time), spectator)
    try:
        frame.should_render = bool(state.should_render)
        frame.period = max(0, state.predicted_display_period) * 1e-9 or None
        frame.locate(state.predicted_display_time)
        yield frame
        frame.abandon_drawing()
    except BaseException:
        with suppress(Exception):  # the first error says more than one from ending the frame
            try:
                frame.abandon_drawing()
            finally:
                session.calls.end(state.predicted_display_time, ())
        raise
    session.calls.end(state.predicted_display_time, frame.layers)


def _wait_and_begin(session: Session) -> xr.FrameState:
    calls = session.calls
    try:
        calls.wait()
        session.actions.sync()  # here input is freshest, and no frame is being timed yet
        calls.begin()
    except BaseException:
        # Ctrl-C during the wait is raised right after it. A frame waited for but not begun would block the next wait.
        if calls.state.predicted_display_time:
            with suppress(Exception):
                calls.begin()
                calls.end(calls.state.predicted_display_time, ())
        raise
    return calls.state
