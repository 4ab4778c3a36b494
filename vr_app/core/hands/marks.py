"""Where the outlines and names of regions lie in a window, and the one that a mouse has taken hold of."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sr_core.image.geometry import Rect
from vr_app.core.space.surface import Uv

NEAR = 8.0
"""Pixels of the window within which the cursor is at an outline or a handle."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in metres from the surface's middle."""

Corner = tuple[int, int]
"""-1 or 1 for the left or right, and the upper or lower side."""


@dataclass(frozen=True)
class Mark:
    """A region that is seen in a window: number `number` of a photograph, `rect` in its pixels. `box`: its outline,
    `name`: the plate with its name, if there is one, on a surface that is `extent` metres wide and high. `pixel`: the
    edge of one of the window's pixels in metres."""

    image: int
    number: int
    rect: Rect
    chosen: bool
    box: Box
    name: Box | None
    extent: Uv
    pixel: float

    def metres(self, s: Uv) -> Uv:
        """Return a point in surface coordinates in metres from the surface's middle."""
        return s[0] * self.extent[0], s[1] * self.extent[1]

    def corner_at(self, s: Uv) -> Corner | None:
        """Return the corner of the outline that is NEAR a point in surface coordinates, or None."""
        left, top, right, bottom = self.box
        corners = {(h, v): (x, y) for h, x in ((-1, left), (1, right)) for v, y in ((-1, top), (1, bottom))}
        at = self.metres(s)
        away = {corner: math.dist(at, place) for corner, place in corners.items()}
        nearest = min(away, key=lambda corner: away[corner])
        return nearest if away[nearest] <= NEAR * self.pixel else None

    def at(self, s: Uv) -> bool:
        """Whether a point in surface coordinates is NEAR the outline, or on the name."""
        x, y = self.metres(s)
        if self.name is not None and _inside(x, y, self.name, 0.0):
            return True
        near = NEAR * self.pixel
        return _inside(x, y, self.box, near) and not _inside(x, y, self.box, -near)


@dataclass(frozen=True)
class Grasped:
    """A region under a pressed button, from the press on: where that was, in surface coordinates `s` and photograph
    coordinates `uv`. `corner`: the one that is dragged; None: all of it."""

    mark: Mark
    s: Uv
    uv: Uv
    corner: Corner | None = None


def _inside(x: float, y: float, box: Box, by: float) -> bool:
    """Whether a point lies in a box that is larger by `by` on each side."""
    left, top, right, bottom = box
    return left - by <= x <= right + by and top - by <= y <= bottom + by
