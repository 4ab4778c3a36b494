"""The shape of a window's cursor: it says what a press would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from vr_app.core.hands.dragging import at_divider
from vr_app.core.hands.hand import pointed_at
from vr_app.core.hands.marks import Mark
from vr_app.core.hands.sample import PRESSED, HandSample
from vr_app.core.space.surface import Uv
from vr_app.core.view.layout import Layout
from vr_app.core.view.place import Placed
from vr_app.core.view.view import ViewState


class Cursor(Enum):
    """The values are GLFW's names of the standard shapes."""

    ARROW = "ARROW_CURSOR"
    CHOOSE = "POINTING_HAND_CURSOR"
    MOVE = "RESIZE_ALL_CURSOR"
    MARK = "CROSSHAIR_CURSOR"
    FALLING = "RESIZE_NWSE_CURSOR"
    RISING = "RESIZE_NESW_CURSOR"
    ACROSS = "RESIZE_EW_CURSOR"


def cursor_for(
    hand: HandSample, view: ViewState, placed: Sequence[Placed], marks: Callable[[], Sequence[Mark]]
) -> Cursor:
    """Return the shape for a mouse: over nothing that a press would move, mark or choose, the arrow. `marks`: the
    regions that it can take hold of."""
    pointed = pointed_at(hand.aim, view, placed) if hand.aim is not None else None
    if pointed is None:
        return Cursor.ARROW
    if view.regions.armed or hand.grip >= PRESSED:
        return Cursor.MARK
    region = _over_region(pointed.image, pointed.s, marks()) if view.regions.known else None
    if region is not None:
        return region
    if at_divider(pointed, view, placed):
        return Cursor.ACROSS
    if view.layout is Layout.WALL or (view.cells and pointed.image not in (view.active, *_together(view))):
        return Cursor.CHOOSE
    return Cursor.MOVE if view.images[pointed.image].zoom > 1.0 else Cursor.ARROW


def _together(view: ViewState) -> tuple[int, ...]:
    return view.compared.images if view.compared is not None else ()


def _over_region(image: int, s: Uv, marks: Sequence[Mark]) -> Cursor | None:
    for mark in sorted(marks, key=lambda mark: not mark.chosen):
        if mark.image != image:
            continue
        corner = mark.corner_at(s) if mark.chosen else None
        if corner is not None:
            return Cursor.FALLING if corner[0] == corner[1] else Cursor.RISING
        if mark.at(s):
            return Cursor.MOVE if mark.chosen else Cursor.CHOOSE
    return None
