"""Where photographs stand: alone, in pairs, in a row, on a wall. The retina stands in `vr_app.core.space.surface`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import Panel

PANEL_HEIGHT = 1.6
PANEL_MAX_WIDTH = 3.6
PANEL_DISTANCE = 2.0
PANEL_GAP = math.radians(4)

PAIR_WIDTH, PAIR_HEIGHT, PAIR_GAP = 1.1, 1.4, math.radians(2)
"""Both panels of a pair lie within 32 degrees of straight ahead: seen without turning the head, and in a window."""

PAIR_WORDS = 0.72
"""How large the words of a pair's panels are, in proportion to a single panel's."""

WALL_ANGLE, WALL_HEIGHT = math.radians(64), 1.56
"""What a page of the wall spans: an arc about the viewer at PANEL_DISTANCE, along which its panels are bent; and
metres."""

WALL_GAP, WALL_LINE = math.radians(1.6), 0.12
"""Between columns; and metres below each panel for its words."""

WALL_WORDS = 0.66
"""As PAIR_WORDS: letters of one degree."""

PAGE = 12
"""Photographs on a page of the wall."""

Size = tuple[int, int]
"""A photograph's width and height in pixels."""


class Layout(Enum):
    """`one` photograph; a `pair` of them; all in a `row` about the viewer, the front one ahead; a `wall` of pages; the
    `retina` seen from inside."""

    ONE = "one"
    PAIR = "pair"
    ROW = "row"
    WALL = "wall"
    RETINA = "retina"


def alone(size: Size, yaw: float = 0.0) -> Panel:
    """A panel as large as it goes, `yaw` radians to the left of straight ahead."""
    return _within(size, PANEL_MAX_WIDTH, PANEL_HEIGHT, yaw)


def row(sizes: Sequence[Size], front: int) -> dict[int, Panel]:
    """Panels side by side on an arc, the `front` one ahead, from left to right by their index; those left out for which
    there is no room before the arc meets its own back."""
    right = _arc(sizes[front:], -1)
    left = _arc(sizes[front::-1], 1)
    panels = {front - n: panel for n, panel in enumerate(left)} | {front + n: panel for n, panel in enumerate(right)}
    return dict(sorted(panels.items()))


def _arc(sizes: Sequence[Size], turn: int) -> list[Panel]:
    """Panels from straight ahead on, to the left (turn 1) or right (-1)."""
    panels: list[Panel] = []
    angle = previous = 0.0
    for size in sizes:
        half = math.atan(alone(size).width / 2 / PANEL_DISTANCE)
        if panels:
            angle += previous + PANEL_GAP + half
        if angle + half > math.pi:
            break
        panels.append(alone(size, turn * angle))
        previous = half
    return panels


def pair(first: Size, second: Size) -> tuple[Panel, Panel]:
    """Two panels side by side about straight ahead, each turned to the viewer; the first on the left."""
    panels = [_within(size, PAIR_WIDTH, PAIR_HEIGHT) for size in (first, second)]
    left, right = (math.atan(panel.width / 2 / PANEL_DISTANCE) + PAIR_GAP / 2 for panel in panels)
    return _within(first, PAIR_WIDTH, PAIR_HEIGHT, left), _within(second, PAIR_WIDTH, PAIR_HEIGHT, -right)


def grid(count: int) -> tuple[int, int]:
    """Columns and rows of a page for `count` photographs in all: few stand larger than many."""
    columns = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 9: 3}.get(count, 4)
    return columns, -(-min(count, PAGE) // columns)


def pages(count: int) -> int:
    """How many pages the wall has."""
    return max(1, -(-count // PAGE))


def wall(sizes: Sequence[Size | None], page: int) -> dict[int, Panel]:
    """The panels of a page, by index, in reading order: row by row, each from left to right. None: its place stays
    empty."""
    columns, rows = grid(len(sizes))
    cell, pitch = WALL_ANGLE / columns, WALL_HEIGHT / rows
    width, height = PANEL_DISTANCE * (cell - WALL_GAP), pitch - WALL_LINE
    panels = {}
    for place, size in enumerate(sizes[page * PAGE : (page + 1) * PAGE]):
        if size is not None:
            down, right = divmod(place, columns)
            yaw = ((columns - 1) / 2 - right) * cell
            up = ((rows - 1) / 2 - down) * pitch + WALL_LINE / 2
            panels[page * PAGE + place] = replace(_within(size, width, height, yaw, up), bend=1 / PANEL_DISTANCE)
    return panels


def _within(size: Size, width: float, height: float, yaw: float = 0.0, up: float = 0.0) -> Panel:
    """As large as `width` and `height` (metres) allow, `yaw` radians to the left, its middle `up` metres above the
    eyes' height."""
    across = min(width, height * size[0] / size[1])
    position = (-math.sin(yaw) * PANEL_DISTANCE, up, -math.cos(yaw) * PANEL_DISTANCE)
    return Panel(Pose.facing(position, yaw), across, across * size[1] / size[0])
