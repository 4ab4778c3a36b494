"""The headset runtime: OpenXR for the eyes and hands, and a desktop window for bystanders.

Importing this module binds PyOpenGL to GLX for the whole process: import it once a headset is decided on.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from vr_app.core.hands.cursor import Cursor
from vr_app.core.hands.keys import MIRROR, QUIT
from vr_app.core.hands.sample import ControllerSample, HandSample, Pulse
from vr_app.core.scene.layer_mode import LayerMode
from vr_app.core.scene.spectator import MirrorKind
from vr_app.core.space.origin import floor_height
from vr_app.gl import context
from vr_app.gl.context import TITLE
from vr_app.runtime.full_screen import changes_full_screen
from vr_app.runtime.interface import Frame
from vr_app.runtime.mirror import MIRROR_INTERVAL, Mirror
from vr_app.runtime.one_eye import OneEyeFrame, one_eye
from vr_app.xr.probe import HeadsetWatch

# Importing `xr` imports PyOpenGL, which keeps the platform and the flags that it finds then.
context.bind_pyopengl("glx" if sys.platform.startswith("linux") else sys.platform)

from vr_app.xr.errors import HeadsetError, HeadsetLostError  # noqa: E402
from vr_app.xr.frame import FrameClock, Nobody, run_frame  # noqa: E402
from vr_app.xr.minimal import repeat_frame  # noqa: E402
from vr_app.xr.session import Session  # noqa: E402
from vr_app.xr.system import System, open_system  # noqa: E402

PARTING = 5.0
"""Seconds that a runtime gets to end the session in its own order."""

LEFT = 0

EMPTY_HANDS = ControllerSample(hands=(HandSample(), HandSample()))

LOST = "Headset lost; waiting for its runtime"
BACK = "The headset is back"


class HeadsetRuntime:
    """Implements `vr_app.runtime.interface.Runtime` on the active OpenXR runtime.

    `mirror`: what the window shows (Ctrl+Q or closing it ends the program); None: there is no window. `layers`: whether
    the runtime shows surfaces by itself. Raises `HeadsetError` without a headset. If the headset is lost later, the
    window keeps showing the scene, from a viewpoint of its own, until a headset answers again and a new session starts;
    without a window, `HeadsetLostError` is raised.
    """

    name = "xr"

    @property
    def floor(self) -> float:
        """The floor's height, if the runtime gives it; otherwise that of a standing viewer."""
        return floor_height(None) if self._session is None else self._session.place.floor

    def show_cursor(self, cursor: Cursor) -> None:
        """There is none."""

    def toggle_full_screen(self) -> None:
        if self._mirror is not None:
            self._mirror.window.show_full_screen(not self._mirror.window.full_screen)

    def recentre(self) -> None:
        """Place the scene in front of the head; does nothing without a session."""
        if self._session is not None:
            self._session.place.ask()

    def __init__(
        self, mirror: MirrorKind | None = MirrorKind.left, left_handed: bool = False, layers: LayerMode = LayerMode.AUTO
    ) -> None:
        self._left_handed = left_handed
        self._layers = layers
        self._mirror: Mirror | None = None
        self._session: Session | None = None
        self._connection = ExitStack()
        self._watch = HeadsetWatch()
        self._leave_by: float | None = None
        self._ended = self._closed = False
        self._pressed: tuple[str, ...] = ()
        self._notices: tuple[str, ...] = ()
        self._clock = FrameClock()
        self._camera_kept = False
        self._outliving_loss = _OutlivingLoss(self._lose)
        _let_calls_finish()
        with ExitStack() as owned:
            owned.callback(self._watch.close)
            system = self._connection.enter_context(open_system())  # before any window: there may be no headset
            owned.callback(self._connection.close)
            # Never visible: it owns the context that the runtime is given, and lasts from session to session.
            self._window = owned.enter_context(
                context.open_window("FundusXR (headset)", (16, 16), visible=False, x11=True, vsync=False)
            )
            owned.callback(self._connection.close)  # again, and before the window
            self._take_up(system)
            if mirror:
                self._mirror = Mirror(self._window, system.view_sizes[LEFT], mirror)
                self._show_in_window(self._mirror, mirror)
                owned.callback(self._mirror.close)
            self._owned = owned.pop_all()

    def describe(self) -> dict[str, str]:
        """'runtime' with its version, 'system' (the headset) and 'renderer' by name."""
        return {**self._about, "renderer": self._window.renderer}

    # One session after the other.

    def _take_up(self, system: System) -> None:
        """Begin a session on the connection just opened."""
        self._about = {"runtime": system.runtime, "system": system.name}
        self._session = Session(system, self._left_handed, self._layers)
        self._connection.callback(self._session.close)

    def _disconnect(self) -> None:
        """Destroy session and instance, whatever state they are in."""
        self._session = None
        self._connection.close()

    def _lose(self) -> bool:
        """Handle a lost session; return whether there is a window to continue with."""
        self._disconnect()
        if self._mirror is None:
            return False
        self._camera_kept = False
        self._tell(LOST)
        self._mirror.window.set_title(f"{TITLE}: {LOST.lower()}")
        return True

    def _reconnect(self) -> None:
        """Start a session again if a headset answers; if that fails after all, keep waiting."""
        if not self._watch.answers():
            return
        try:
            self._take_up(self._connection.enter_context(open_system()))
        except HeadsetError:
            self._disconnect()
            return
        self._clock.restart()
        self._tell(BACK)
        self._window_alone.window.set_title(TITLE)

    @property
    def _window_alone(self) -> Mirror:
        """The window while there is no headset: without a window, the program ended when the headset was
        lost."""
        assert self._mirror is not None
        return self._mirror

    # What measurements ask for.

    @property
    def layers_shown(self) -> int:
        """The number of layers in the last frame, if surfaces are shown as layers."""
        composed = None if self._session is None else self._session.layers.composed
        return 0 if composed is None else len(composed.layers)

    def repeat_frame(self) -> None:
        """Submit what the last frame did, and do nothing else. Raises `HeadsetError` without such a frame."""
        if self._session is None or not self._session.running or self._session.layers.composed is None:
            raise HeadsetError("the headset shows no layers now: keep it on")
        repeat_frame(self._session, self._session.layers.composed.layers)

    # What the loop asks for.

    def poll_events(self) -> bool:
        """Handle the events of the headset and the window; return False once the session has ended.

        Ctrl+Q, or closing the window, asks the runtime to end the session; the loop goes on until that has happened,
        or for PARTING seconds.
        """
        self._poll_window()
        with self._outliving_loss:
            if self._session is not None:
                self._session.poll()
                self._ended = self._ended or self._session.ended
            elif self._leave_by is not None:
                self._ended = True
            else:
                self._reconnect()
        overdue = self._leave_by is not None and time.monotonic() > self._leave_by
        return not (self._ended or overdue)

    def _poll_window(self) -> None:
        if self._mirror is None:
            return
        closed = not self._mirror.window.poll()
        pressed = self._mirror.window.take_pressed()
        self._pressed += pressed
        for key in pressed:
            if key in MIRROR.keys:
                self._show_in_window(self._mirror, self._mirror.kind.next())
            changes_full_screen(self._mirror.window, key)
        if (closed or set(QUIT.keys) & set(pressed)) and self._leave_by is None:
            self._leave()

    def _show_in_window(self, mirror: Mirror, kind: MirrorKind) -> None:
        """Let the window show something else; for a lecture hall it takes the whole screen."""
        if MirrorKind.lecture in (kind, mirror.kind):
            mirror.window.show_full_screen(kind is MirrorKind.lecture)
        mirror.kind = kind
        self._camera_kept = False

    def _leave(self) -> None:
        self._leave_by = time.monotonic() + PARTING
        with self._outliving_loss:
            if self._session is not None:
                self._session.request_exit()

    def frame(self) -> AbstractContextManager[Frame]:
        """Wait until the runtime wants a frame; while it wants none, pause briefly. Its end is guaranteed.

        While there is no headset, the frame is the window's. If the headset is lost in the middle of a frame, the body
        is left there and then, and the loop continues with the next frame.
        """
        return _Turn(self._session_frame, self._camera_frame, self._outliving_loss)

    @contextmanager
    def _session_frame(self) -> Iterator[Frame | None]:
        """None: there is no session."""
        if self._session is None:
            yield None
            return
        with run_frame(self._session, self._clock, self._mirror or Nobody()) as frame:
            yield frame

    @contextmanager
    def _camera_frame(self) -> Iterator[OneEyeFrame]:
        """Yield a frame for the window alone, at the window's pace."""
        time.sleep(MIRROR_INTERVAL)
        mirror, now = self._window_alone, self._clock.idle()
        yield OneEyeFrame(now, (one_eye(mirror.camera.size),), mirror.camera, MIRROR_INTERVAL, self._camera_kept)
        self._camera_kept = True
        mirror.begin(now)
        mirror.show_camera()

    def read(self, time: float) -> ControllerSample:
        """Return hands (left, right) and buttons as they will be at `time`, a frame's; without focus, hands point
        nowhere. Keys are those of the window.

        Hands let go of everything for one frame after the runtime has moved the space.
        """
        sample = self._hands(time)
        pressed, self._pressed = self._pressed, ()
        return replace(sample, keys=pressed) if pressed else sample

    def _hands(self, time: float) -> ControllerSample:
        if self._session is None or not self._session.running:
            return EMPTY_HANDS
        sample = self._session.actions.read(time)
        return EMPTY_HANDS if self._session.moved() else sample

    def feel(self, pulses: tuple[Pulse, ...]) -> None:
        """Play the hands' haptic pulses; does nothing without a session."""
        if self._session is not None and self._session.running:
            self._session.actions.feel(pulses)

    def take_notices(self) -> tuple[str, ...]:
        """Return what has happened to the headset since the last call, for the user to read."""
        notices, self._notices = self._notices, ()
        return notices

    def entitle(self, title: str) -> None:
        if self._mirror and self._session:  # otherwise it says what it waits for
            self._mirror.window.set_title(f"{title} - {TITLE}")

    def take_dropped(self) -> tuple[Path, ...]:
        return () if self._mirror is None else self._mirror.window.take_dropped()

    def _tell(self, notice: str) -> None:
        self._notices += (notice,)

    def close(self) -> None:
        """End the session in the runtime's own order, if that is still possible, and release everything."""
        if self._closed:
            return
        self._closed = True
        with self._owned, suppress(HeadsetError):
            self._part()

    def _part(self) -> None:
        """Run empty frames until the runtime has ended the session: destroying a running one upsets some runtimes."""
        if self._leave_by is None:
            self._leave()
        while self._session is not None and self.poll_events():
            with self.frame():
                pass


class _OutlivingLoss:
    """A loss ends the body, and the session through `lose`, but the program only if that returns false."""

    def __init__(self, lose: Callable[[], bool]) -> None:
        self._lose = lose

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return isinstance(error, HeadsetLostError) and self._lose()


class _Turn:
    """A frame of the headset, or of the window if there is no headset or it is lost as the frame begins."""

    def __init__(
        self,
        session_frame: Callable[[], AbstractContextManager[Frame | None]],
        camera_frame: Callable[[], AbstractContextManager[Frame]],
        outliving_loss: _OutlivingLoss,
    ) -> None:
        self._frame, self._camera_frame, self._outliving_loss = session_frame(), camera_frame, outliving_loss

    def __enter__(self) -> Frame:
        with self._outliving_loss:
            frame = self._frame.__enter__()
            if frame is not None:
                return frame
        self._frame = self._camera_frame()
        return self._frame.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        with self._outliving_loss:
            return bool(self._frame.__exit__(kind, error, trace)) or self._outliving_loss.__exit__(kind, error, trace)
        return True


def _let_calls_finish() -> None:
    """Ctrl-C takes effect once the runtime's call has returned. Python's default is to break off a waiting system
    call, and a runtime that talks to its service through a socket (Monado) takes that for the service's end."""
    if sys.platform != "win32":
        signal.siginterrupt(signal.SIGINT, False)
