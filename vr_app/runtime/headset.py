"""The headset runtime: OpenXR for the eyes and hands, and a window on the desktop that mirrors the left eye.

Importing this module binds PyOpenGL to GLX for the whole process: import it once a headset is decided on.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from vr_app.core.gesture import ControllerSample, HandSample
from vr_app.gl import context
from vr_app.gl.framebuffer import Framebuffer
from vr_app.runtime.interface import COMMANDS

# Importing `xr` imports PyOpenGL, which keeps the platform and the flags that it finds then.
context.bind_pyopengl("glx" if sys.platform.startswith("linux") else sys.platform)

from vr_app.xr.errors import HeadsetError, HeadsetLostError  # noqa: E402
from vr_app.xr.frame import FrameClock, HeadsetFrame, run_frame  # noqa: E402
from vr_app.xr.session import Session  # noqa: E402
from vr_app.xr.system import open_system  # noqa: E402

MIRROR_INTERVAL = 1 / 30
"""Seconds between two pictures in the window."""

MIRROR_HEIGHT = 720
"""The window's height in screen coordinates; its shape is that of one eye's picture."""

PARTING = 5.0
"""Seconds that a runtime gets to end the session in its own order."""

LEFT = 0


class HeadsetRuntime:
    """Implements `vr_app.runtime.interface.Runtime` on the active OpenXR runtime.

    `mirror`: show the window (Esc or closing it ends the program); without, it exists but is never seen. Raises
    `HeadsetError` where there is no headset, and `HeadsetLostError` from any method once the connection to it is lost.
    """

    name = "xr"

    def __init__(self, mirror: bool = True) -> None:
        self._mirror = mirror
        self._mirrored_at = 0.0
        self._swap_due = False
        self._leave_by: float | None = None
        self._commands: tuple[str, ...] = ()
        self._lost = False
        self._closed = False
        self._clock = FrameClock()
        _let_calls_finish()
        with ExitStack() as owned:
            system = owned.enter_context(open_system())
            width, height = system.view_sizes[LEFT]
            size = round(MIRROR_HEIGHT * width / height), MIRROR_HEIGHT
            self._window = owned.enter_context(
                context.open_window("FundusXR", size, visible=mirror, x11=True, vsync=False)
            )
            self._session = Session(system)
            owned.callback(self._session.close)
            self._owned = owned.pop_all()

    def describe(self) -> dict[str, str]:
        """'runtime' with its version, 'system' (the headset) and 'renderer' by name."""
        system = self._session.system
        return {"runtime": system.runtime, "system": system.name, "renderer": self._window.renderer}

    def poll_events(self) -> bool:
        """Take what the headset and the window have to say; False once the session has ended.

        Esc, or closing the window, asks the runtime to end the session; the loop goes on until that has happened,
        or for PARTING seconds.
        """
        with self._noting_loss():
            closed = not self._window.poll()
            pressed = self._window.take_pressed()
            self._commands += tuple(COMMANDS[key] for key in pressed if key in COMMANDS)
            if (closed or "escape" in pressed) and self._leave_by is None:
                self._leave()
            self._session.poll()
        overdue = self._leave_by is not None and time.monotonic() > self._leave_by
        return not (self._session.ended or overdue)

    def _leave(self) -> None:
        self._leave_by = time.monotonic() + PARTING
        self._session.request_exit()

    @contextmanager
    def frame(self) -> Iterator[HeadsetFrame]:
        """Wait until the runtime wants a frame; while it wants none, a short pause. Its end is guaranteed."""
        with self._noting_loss(), run_frame(self._session, self._clock, self._show) as frame:
            yield frame
        if self._swap_due:
            # After xrEndFrame, so that a desktop which makes the swap wait costs the headset as little as can be.
            self._swap_due = False
            self._window.swap()

    def _show(self, eye: int, picture: Framebuffer) -> None:
        """Copy the left eye's finished picture into the window, now and then."""
        now = time.monotonic()
        if eye != LEFT or not self._mirror or now < self._mirrored_at + MIRROR_INTERVAL:
            return
        width, height = self._window.size
        if width and height:
            self._mirrored_at = now
            self._swap_due = True
            picture.blit_to_window(width, height)

    def read(self, time: float) -> ControllerSample:
        """Hands (left, right) and buttons as they will be at `time`, a frame's; hands point nowhere without focus."""
        if not self._session.running:
            return ControllerSample(hands=(HandSample(), HandSample()))
        with self._noting_loss():
            display_time = self._clock.display_time(time)
            return self._session.actions.read(self._session.space, display_time, time)

    def take_commands(self) -> tuple[str, ...]:
        """What keys in the mirror window asked for since the last call, in order."""
        commands, self._commands = self._commands, ()
        return commands

    def close(self) -> None:
        """End the session in the runtime's own order, where it still can be, and give everything back."""
        if self._closed:
            return
        self._closed = True
        with self._owned:
            if not self._lost:
                with suppress(HeadsetError):
                    self._part()

    def _part(self) -> None:
        """Empty frames until the runtime has led the session to its end: destroying a running one upsets some."""
        if self._leave_by is None:
            self._leave()
        while self.poll_events():
            with self.frame():
                pass

    @contextmanager
    def _noting_loss(self) -> Iterator[None]:
        try:
            yield
        except HeadsetLostError:
            self._lost = True
            raise


def _let_calls_finish() -> None:
    """Ctrl-C takes effect once the runtime's call has returned. Python's default is to break off a waiting system
    call, and a runtime that talks to its service through a socket (Monado) takes that for the service's end."""
    if hasattr(signal, "siginterrupt"):
        signal.siginterrupt(signal.SIGINT, False)
