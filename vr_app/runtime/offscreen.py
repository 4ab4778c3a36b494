"""No screen at all: pictures at a fixed time step, for tours, screenshots and tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vr_app.core.hands.cursor import Cursor
from vr_app.core.hands.sample import ControllerSample, Pulse
from vr_app.gl.context import Context
from vr_app.gl.objects import Framebuffer
from vr_app.runtime.one_eye import FLOOR, OneEyeFrame, one_eye


class OffscreenRuntime:
    """A `Runtime` whose clock advances by `time_step` seconds a frame, however long the frame really takes.

    It runs until `stop` is called. The context stays its maker's to close, after the runtime.
    """

    name = "offscreen"
    floor = FLOOR

    def __init__(
        self,
        context: Context,
        size: tuple[int, int] = (1280, 960),
        time_step: float = 1 / 60,
    ) -> None:
        self._context = context
        self._step = time_step
        self._frames = 0
        self._running = True
        self._eye = one_eye(size)
        self.framebuffer = Framebuffer.create(size)
        """The last picture: `framebuffer.read()`."""

    def describe(self) -> dict[str, str]:
        return {"runtime": self.name, "system": "no screen", "renderer": self._context.renderer}

    def poll_events(self) -> bool:
        return self._running

    def stop(self) -> None:
        """Make the next `poll_events` return False."""
        self._running = False

    @contextmanager
    def frame(self) -> Iterator[OneEyeFrame]:
        self._frames += 1
        yield OneEyeFrame(self._frames * self._step, (self._eye,), self.framebuffer, keeps=self._frames > 1)
        # No display slows the loop, and a driver takes frames faster than it draws them: the end would wait for all.
        self._context.finish()

    def read(self, time: float) -> ControllerSample:
        """Return a sample without hands."""
        return ControllerSample()

    def take_notices(self) -> tuple[str, ...]:
        """Nothing happens to it."""
        return ()

    def entitle(self, title: str) -> None:
        """There is no window."""

    def take_dropped(self) -> tuple[Path, ...]:
        """There is no window to drop anything on."""
        return ()

    def show_cursor(self, cursor: Cursor) -> None:
        """There is none."""

    def toggle_full_screen(self) -> None:
        """There is no window."""

    def recentre(self) -> None:
        """The eye never moves."""

    def feel(self, pulses: tuple[Pulse, ...]) -> None:
        """Nothing can be felt here."""

    def close(self) -> None:
        self.framebuffer.close()
