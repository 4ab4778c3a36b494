"""A window's keyboard: which keys are down, which have gone down, and what has been typed."""

from __future__ import annotations

from typing import Any

from vr_app.core.hands.keys import key_named

_NAMED_KEYS = (
    *("SPACE", "TAB", "HOME", "END", "ESCAPE", "F1", "F11", "DELETE", "LEFT_SHIFT", "RIGHT_SHIFT"),
    *("PAGE_UP", "PAGE_DOWN", "LEFT", "RIGHT", "UP", "DOWN", "ENTER", "KP_ENTER", "BACKSPACE"),
)

EDITING = ("backspace", "delete", "left", "right", "home", "end", "enter", "kp_enter", "escape")
"""The keys that edit a text; while held they repeat."""

_SIGNS = "',-./0123456789;=ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]`"
"""The signs of a US keyboard, without the number pad: GLFW's code of a key is the ASCII code of its sign."""


class Keyboard:
    """Follows the keys of a GLFW window, named as in `vr_app.core.hands.keys`."""

    def __init__(self, glfw: Any, window: Any) -> None:
        """Listen to a GLFW window, which keeps one listener of each kind."""
        self._glfw = glfw
        self._pressed: list[str] = []
        self._typed: list[str] = []
        self._held: dict[int, str] = {}
        """The names of the keys that are down, by scancode: the layout may change before a key is let go."""
        glfw.set_key_callback(window, self._on_key)
        glfw.set_char_callback(window, self._on_letter)

    def held(self, key: str) -> bool:
        """Whether a key is down: 'o', '0', 'tab', 'f1', 'ctrl+shift+o' ..."""
        return key in self._held.values()

    def take_pressed(self) -> tuple[str, ...]:
        """Return the keys pressed since the last call, in order, named as in `held`."""
        pressed = tuple(self._pressed)
        self._pressed.clear()
        return pressed

    def take_typed(self) -> tuple[str, ...]:
        """Return the letters typed and the keys of EDITING pressed since the last call, in order."""
        typed = tuple(self._typed)
        self._typed.clear()
        return typed

    def _on_letter(self, window: Any, code: int) -> None:
        self._typed.append(chr(code))

    def _on_key(self, window: Any, key: int, scancode: int, action: int, modifiers: int) -> None:
        if action == self._glfw.RELEASE:
            self._held.pop(scancode, None)
            return
        name = self._held.get(scancode, "") if action == self._glfw.REPEAT else self._name(key, scancode, modifiers)
        if name in EDITING:
            self._typed.append(name)
        if action == self._glfw.PRESS:
            self._pressed.append(name)
            self._held[scancode] = name

    def _name(self, key: int, scancode: int, modifiers: int) -> str:
        shift = bool(modifiers & self._glfw.MOD_SHIFT)
        name = self._plain_name(key, scancode, shift)
        if not (name and modifiers & self._glfw.MOD_CONTROL):
            return name
        return f"ctrl+shift+{name}" if shift and name.isalpha() else f"ctrl+{name}"

    def _plain_name(self, key: int, scancode: int, shift: bool) -> str:
        glfw = self._glfw
        for name in _NAMED_KEYS:
            if key == getattr(glfw, f"KEY_{name}"):
                return name.lower()
        place = chr(key).lower() if chr(max(0, key)) in _SIGNS else ""
        layout = {self._printed(ord(sign)) for sign in _SIGNS} if place else ()
        return key_named(self._printed(key, scancode), place, layout, shift)

    def _printed(self, key: int, scancode: int = 0) -> str:
        """Return what a key types without Shift in the current layout, in lower case; empty if nothing."""
        name = self._glfw.get_key_name(key, scancode)
        return (name.decode() if isinstance(name, bytes) else name or "").lower()
