"""The keys by which a window takes a whole screen."""

from __future__ import annotations

from vr_app.core.hands.keys import BACK, FULL_SCREEN
from vr_app.gl.context import Window


def changes_full_screen(window: Window, key: str) -> bool:
    """Let a key begin or end a window's full screen; return whether it did."""
    full = window.full_screen
    changes = key in FULL_SCREEN.keys or (full and key in BACK.keys)
    if changes:
        window.show_full_screen(not full)
    return changes
