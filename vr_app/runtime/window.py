"""A window on the desktop: the mouse is a hand, and keys are its buttons."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vr_app.core.hands.cursor import Cursor
from vr_app.core.hands.keys import BLINK, ORIGINAL, QUIT
from vr_app.core.hands.sample import ControllerSample, HandSample, Pulse
from vr_app.core.space.pose import Eye, Ray
from vr_app.core.view.desk import Desk
from vr_app.core.view.view import NOTCH
from vr_app.gl.context import TITLE, Window
from vr_app.gl.objects import Framebuffer
from vr_app.runtime.full_screen import changes_full_screen
from vr_app.runtime.one_eye import FLOOR, OneEyeFrame

IDLE = 0.1
"""Seconds between looks at a window that shows nothing, or in which nothing changes. Mouse, keys and the window system
end the pause at once."""


@dataclass
class _Course:
    """What became of a frame. `drawn`: it was drawn into; `repeated`: the session left it as the last one was."""

    drawn: bool = False
    repeated: bool = False


@dataclass(frozen=True)
class WindowFrame(OneEyeFrame):
    """A frame of a window. One that is not drawn leaves the window as it is."""

    course: _Course = field(default_factory=_Course)

    def targets(self) -> Iterator[tuple[Eye, Framebuffer]]:
        for target in super().targets():
            self.course.drawn = True
            yield target

    def repeat(self) -> bool:
        """Leave the window as it is, if it shows a picture of its size."""
        self.course.repeated = self.keeps
        return self.keeps


class WindowRuntime:
    """A `Runtime` in a window, in which photographs stand flat.

    The cursor points as a hand's ray would; the left or middle button is the trigger, Shift the grip; the wheel zooms.
    Keys are those of `vr_app.core.hands.keys`. The picture is drawn into a framebuffer of its own and copied, since a
    window's is mostly not sRGB. It is copied if it has changed, or if the window system has lost what was shown; while
    the session rests, the window waits for events. The window stays its maker's to close, after the runtime.
    """

    name = "desktop"
    floor = FLOOR

    def __init__(self, window: Window) -> None:
        self._window = window
        self._period = 1.0 / window.refresh_rate
        self._shown_at = 0.0
        self._pressed: tuple[str, ...] = ()
        self.framebuffer: Framebuffer | None = None
        """The last picture; None before the first and while the window is minimised."""
        self._drawn: Framebuffer | None = None
        self._rests = False
        """The last frame changed nothing, and the next will change nothing either unless something happens."""
        self._desk: Desk | None = None
        self._fit()

    def describe(self) -> dict[str, str]:
        return {"runtime": self.name, "system": self._window.system, "renderer": self._window.renderer}

    def poll_events(self) -> bool:
        going_on = self._window.poll(IDLE if self._rests or self.framebuffer is None else 0.0)
        pressed = self._window.take_pressed()
        self._pressed += tuple(key for key in pressed if not changes_full_screen(self._window, key))
        self._fit()
        return going_on and not set(QUIT.keys) & set(pressed)

    @contextmanager
    def frame(self) -> Iterator[WindowFrame]:
        eyes = (self._desk.eye,) if self.framebuffer is not None and self._desk is not None else ()
        keeps = self.framebuffer is self._drawn
        due = time.perf_counter() + self._period
        frame = WindowFrame(due, eyes, self.framebuffer, None if self._rests else self._period, keeps, desk=self._desk)
        yield frame
        self._drawn, self._rests = self.framebuffer, frame.course.repeated
        if self.framebuffer is None:
            return
        damaged = self._window.take_damaged()
        shows = frame.course.drawn or damaged
        if shows:
            self.framebuffer.blit_to_window(*self.framebuffer.size)
            self._window.swap()
        if not self._rests:
            self._pace(shows)

    def read(self, time: float) -> ControllerSample:
        """Return the mouse as hand 0, and the keys pressed since the last call."""
        pressed, self._pressed = self._pressed, ()
        original, blink = (any(map(self._window.held, row.keys)) for row in (ORIGINAL, BLINK))
        typed = self._window.take_typed()
        return ControllerSample((self._mouse(),), original, blink, keys=pressed, typed=typed)

    def take_notices(self) -> tuple[str, ...]:
        """Nothing happens to it."""
        return ()

    def entitle(self, title: str) -> None:
        self._window.set_title(f"{title} - {TITLE}")

    def take_dropped(self) -> tuple[Path, ...]:
        return self._window.take_dropped()

    def show_cursor(self, cursor: Cursor) -> None:
        self._window.show_cursor(cursor.value)

    def toggle_full_screen(self) -> None:
        self._window.show_full_screen(not self._window.full_screen)

    def recentre(self) -> None:
        """The eye never moves."""

    def feel(self, pulses: tuple[Pulse, ...]) -> None:
        """Nothing can be felt here."""

    def close(self) -> None:
        if self.framebuffer is not None:
            self.framebuffer.close()
            self.framebuffer = None

    def _mouse(self) -> HandSample:
        scrolled = self._window.take_scrolled()
        cursor = self._window.cursor()
        if cursor is None or self._desk is None:
            return HandSample()
        eye = self._desk.eye
        x, y, z = eye.rays(*cursor)
        aim = Ray(eye.pose.position, (float(x), float(y), float(z)))
        mouse = self._window.mouse
        trigger, grip = float(mouse.left or mouse.middle), float(mouse.shift)
        return HandSample(aim, trigger, zoom_steps=scrolled * NOTCH, shown=False, grip=grip, drags=mouse.middle)

    def _fit(self) -> None:
        """Give the picture the window's size."""
        size = self._window.size
        if 0 in size:
            self.close()
        elif self.framebuffer is None or self.framebuffer.size != size:
            self.close()
            self.framebuffer = Framebuffer.create(size)
            self._desk = Desk(size)

    def _pace(self, shows: bool) -> None:
        """Wait until the next frame may begin. `swap` waits itself, except in software and for hidden windows: there a
        spinning loop would starve the worker."""
        since = time.perf_counter() - self._shown_at
        if since < (self._period / 2 if shows else self._period):
            time.sleep(self._period - since)
        self._shown_at = time.perf_counter()
