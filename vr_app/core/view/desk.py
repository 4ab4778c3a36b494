"""How photographs stand in a window of a desktop: flat, in cells that fill it.

The window is the plane PANEL_DISTANCE in front of an eye whose picture it is. So a photograph there is a `Panel` as
everywhere, as large as its cell; what belongs to a pixel is told in pixels, from the window's upper left corner.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from vr_app.core.space.pose import Eye, Fov, Pose
from vr_app.core.space.surface import BEZEL, CAP_ANGLE, ImageView, Panel
from vr_app.core.view.layout import PANEL_DISTANCE, Size

HALF = 0.5
"""Tangent from the middle of the window to its nearer edges."""

EDGE = 3
"""Pixels that the window's edges leave to the frame of a computed picture."""

STRIP = (20, 40)
"""The height in pixels of the strip of text below a photograph: at least so much, else this part of the window's
shorter side. A photograph then takes 95 % of a shorter side of 460 pixels, and more of a longer one."""

LETTERS = 0.7
"""An em of the text, as a part of the strip's height."""

EXACT = 1e-9
"""How far a zoom may be off, as a part of it, at which a photograph's pixels are as large as the window's."""

PROPORTION = 1.25
"""The width of a typical photograph in its heights. Cells are divided for it, before any photograph is known, so that
nothing moves while photographs arrive."""


@dataclass(frozen=True)
class Cell:
    """A rectangle of the window, in pixels from its upper left corner. Its strip of text lies directly below it."""

    left: int
    top: int
    width: int
    height: int

    @property
    def bottom(self) -> int:
        return self.top + self.height

    @property
    def middle(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2

    def fit(self, size: Size) -> float:
        """Return the window's pixels for each pixel of a photograph that is as large as the cell allows."""
        return min(self.width / size[0], self.height / size[1])


@dataclass(frozen=True)
class Desk:
    """A window of `size` (width, height) pixels. `text`: the size of its text relative to the usual one."""

    size: Size
    text: float = 1.0

    @property
    def eye(self) -> Eye:
        """The eye whose picture is the window."""
        return Eye(Pose(), Fov.framing(self.size, HALF, HALF), self.size)

    @property
    def pixel(self) -> float:
        """The edge of a pixel in metres, on the plane of the photographs."""
        return 2 * HALF * PANEL_DISTANCE / min(self.size)

    @property
    def strip(self) -> int:
        """The height of a strip of text, in pixels."""
        least, part = STRIP
        return round(self.text * max(least, min(self.size) // part))

    @property
    def em(self) -> float:
        """An em of the text, in metres."""
        return LETTERS * self.strip * self.pixel

    def cells(self, count: int) -> tuple[Cell, ...]:
        """Return the cells for `count` photographs side by side, row by row."""
        return _cells(self, count)

    def at(self, x: float, y: float) -> tuple[float, float, float]:
        """Return the place in metres of a point of the window, in pixels from its upper left corner."""
        return (x - self.size[0] / 2) * self.pixel, (self.size[1] / 2 - y) * self.pixel, -PANEL_DISTANCE

    def place(self, at: Sequence[float]) -> tuple[float, float]:
        """Return the inverse of `at`."""
        return at[0] / self.pixel + self.size[0] / 2, self.size[1] / 2 - at[1] / self.pixel

    def panel(self, cell: Cell, size: Size) -> Panel:
        """Return the panel that takes all of a cell, on which a photograph of `size` pixels is whole at zoom 1."""
        width, height = (cell.fit(size) * side for side in size)
        half = cell.width / width / 2, cell.height / height / 2
        window = -half[0], -half[1], *half
        return Panel(Pose(self.at(*cell.middle)), width * self.pixel, height * self.pixel, window)

    def before_retina(self, angle: float, radius: float) -> Pose:
        """Return the pose of a sphere in which the eye sees a circle about the pole, `angle` radians from it at the
        sphere's centre, as large as the window allows."""
        (cell,) = self.cells(1)
        angle = min(angle, CAP_ANGLE)
        _, up, ahead = self.at(*cell.middle)
        tangent = min(cell.width, cell.height) / 2 * self.pixel / PANEL_DISTANCE
        circle = radius * math.sin(angle) / tangent  # so far ahead of the eye
        return Pose((0.0, up / -ahead * circle, radius * math.cos(angle) - circle))


def aligned(image: ImageView, size: Size, cell: Cell) -> ImageView:
    """Return the nearest view in which pixels of the photograph lie on pixels of the window, if both are equally large;
    others as they are."""
    if abs(image.zoom * cell.fit(size) - 1.0) > EXACT:
        return image
    u, v = (
        (round(center * side - span / 2) + span / 2) / side
        for center, side, span in zip(image.center, size, (cell.width, cell.height), strict=True)
    )
    return ImageView((u, v), 1.0 / cell.fit(size))


@lru_cache(maxsize=64)
def _cells(desk: Desk, count: int) -> tuple[Cell, ...]:
    # A panel's bezel must not lie over its neighbour.
    gap = math.ceil(1.7 * BEZEL / desk.pixel)
    wide, high = desk.size[0] - 2 * EDGE, desk.size[1]

    def shape(columns: int) -> tuple[int, int]:
        rows = -(-count // columns)
        return max(1, (wide - (columns - 1) * gap) // columns), max(1, high // rows - EDGE - desk.strip)

    def photograph(columns: int) -> float:
        width, height = shape(columns)
        return min(width / PROPORTION, height)

    columns = max(range(1, count + 1), key=photograph)
    width, height = shape(columns)
    pitch = height + EDGE + desk.strip
    return tuple(
        Cell(EDGE + n % columns * (width + gap), EDGE + n // columns * pitch, width, height) for n in range(count)
    )
