"""A window's mouse: where the cursor was when a button went down or up, however long ago the last frame was."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class MouseState:
    """The mouse at one moment. `x`, `y`: the cursor, in screen coordinates from the window's upper left corner; `left`,
    `middle`: the buttons that are down; `shift`: whether Shift was down when a button last went down or up, or is down
    now if none is."""

    x: float = 0.0
    y: float = 0.0
    left: bool = False
    middle: bool = False
    shift: bool = False


class Mouse:
    """Queues every change of a button together with where the cursor was; `next` moves on by one change. A drag that
    happens between two frames thus takes three: down where it begins, down where it ends, and up there.

    The window system reports events in order, so the last motion before a change gives its place. Asking for the
    cursor's position would give where it is now.
    """

    def __init__(self, glfw: Any, window: Any) -> None:
        """Listen to a GLFW window, which keeps one listener of each kind."""
        self._glfw, self._window = glfw, window
        self._queue: deque[MouseState] = deque()
        self._last = MouseState()
        """At the last event."""
        self._moved = False
        self._scrolled = 0.0
        self.state = MouseState()
        glfw.set_cursor_pos_callback(window, self._on_motion)
        glfw.set_mouse_button_callback(window, self._on_button)
        glfw.set_scroll_callback(window, self._on_scroll)

    def next(self, shift: bool) -> None:
        """Go on to the next change, or to now if there is none. `shift`: whether Shift is down now."""
        if self._queue:
            self.state = self._queue.popleft()
            return
        x, y = self._glfw.get_cursor_pos(self._window)
        held = self._last.left or self._last.middle
        self.state = replace(self._last, x=x, y=y, shift=self._last.shift if held else shift)

    def take_scrolled(self) -> float:
        """Return the notches of the wheel since the last call; away from the user is positive."""
        scrolled, self._scrolled = self._scrolled, 0.0
        return scrolled

    def _on_motion(self, window: Any, x: float, y: float) -> None:
        self._last, self._moved = replace(self._last, x=x, y=y), True

    def _on_button(self, window: Any, button: int, action: int, modifiers: int) -> None:
        glfw, down = self._glfw, action == self._glfw.PRESS
        name = {glfw.MOUSE_BUTTON_LEFT: "left", glfw.MOUSE_BUTTON_MIDDLE: "middle"}.get(button)
        if name is None:
            return
        if not self._moved:
            x, y = glfw.get_cursor_pos(window)
            self._last = replace(self._last, x=x, y=y)
        elif not down and self._last != (self._queue[-1] if self._queue else self.state):
            self._queue.append(self._last)  # what is dragged comes here before it is let go
        shift = bool(modifiers & glfw.MOD_SHIFT)
        self._last = replace(self._last, **{name: down}, shift=shift if down else self._last.shift)
        self._queue.append(self._last)

    def _on_scroll(self, window: Any, across: float, along: float) -> None:
        self._scrolled += along
