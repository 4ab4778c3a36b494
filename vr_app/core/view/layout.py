"""The layouts, and the sizes of what they show. `vr_app.core.view.place` says where the panels are."""

from __future__ import annotations

import math
from enum import Enum

PANEL_HEIGHT = 1.6
PANEL_MAX_WIDTH = 3.6
PANEL_DISTANCE = 2.0
PANEL_GAP = math.radians(4)

PAIR_WIDTH, PAIR_HEIGHT, PAIR_GAP = 1.1, 1.4, math.radians(2)
"""Both panels of a pair lie within 32 degrees of straight ahead, so that they are visible without turning the head, and
in a window."""

PAIR_WORDS = 0.72
"""The size of the text beside a pair, relative to a single panel's."""

WALL_ANGLE, WALL_HEIGHT = math.radians(64), 1.56
"""A page of the wall spans this angle, on an arc around the viewer at PANEL_DISTANCE along which its panels are curved,
and this height in metres."""

WALL_GAP, WALL_LINE = math.radians(1.6), 0.12
"""The gap between columns, and the space below each panel for its text in metres."""

WALL_WORDS = 0.66
"""Like PAIR_WORDS, for the wall: letters of one degree."""

PAGE = 12
"""The number of photographs on a page of the wall."""

ROW_PAGE = 4
"""The number of photographs of a row that a window shows together."""

Size = tuple[int, int]
"""A photograph's width and height in pixels."""


class Layout(Enum):
    """`one` photograph; a `pair`; all in a `row` around the viewer, the front one ahead; a `wall` of pages; the
    `retina` seen from inside."""

    ONE = "one"
    PAIR = "pair"
    ROW = "row"
    WALL = "wall"
    RETINA = "retina"


def grid(count: int) -> tuple[int, int]:
    """Return columns and rows of a page, for `count` photographs in total: the fewer, the larger."""
    columns = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 9: 3}.get(count, 4)
    return columns, -(-min(count, PAGE) // columns)


def pages(count: int, per_page: int = PAGE) -> int:
    """Return the number of pages of `count` photographs."""
    return max(1, -(-count // per_page))
