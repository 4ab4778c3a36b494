"""The text beside regions of interest: number and name, never overlapping."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vr_app.core.scene.outline import REGION_COLOUR, Outline, on_surface, standing_at
from vr_app.core.scene.scene import PLATE_X, PLATE_Y, LabelItem, SurfaceItem
from vr_app.core.scene.words import PLATE
from vr_app.core.space.surface import Panel
from vr_app.core.view.layout import PANEL_HEIGHT

HEIGHTS = {False: 0.040, True: 0.050}
"""Size of an em in metres at 2 m: for the chosen region (True) and for the others."""

ON_RETINA = 1.3
"""Text on the retina is this much larger, because a window is farther from it."""

LETTER = 0.56
"""The usual width of a letter, in em."""

GAP = 0.3
"""Em between an outline and its text."""

LIFT = 0.004
"""Metres in front of the surface."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in metres from the surface's middle."""


def region_labels(items: Iterable[SurfaceItem]) -> tuple[LabelItem, ...]:
    """Return a label for each region that is visible on its surface, the chosen one first: above it, or below, or in
    its corner.

    A region without room for a label beside the others has none until the user comes nearer.
    """
    out: list[LabelItem] = []
    for item in items:
        taken: list[Box] = []
        for outline in sorted(item.outlines, key=lambda outline: not outline.chosen):
            if outline.words:
                out += _label(item, outline, taken)
    return tuple(out)


def _label(item: SurfaceItem, outline: Outline, taken: list[Box]) -> list[LabelItem]:
    surface = item.surface
    extent = np.array(surface.extent())
    corners = on_surface(outline.rect, surface, item.view.center, item.view.zoom, item.size)
    left, top, right, bottom = np.concatenate([corner * extent for corner in corners]).tolist()
    inset = 1.0 if isinstance(surface, Panel) else 0.8
    first, highest, farthest, lowest = (inset * np.multiply(surface.bounds, (*extent, *extent))).tolist()
    if right < first or left > farthest or bottom < highest or top > lowest:
        return []
    height = HEIGHTS[outline.chosen]
    if isinstance(surface, Panel):
        height *= surface.height / PANEL_HEIGHT  # a panel that the user has shrunk keeps its proportions
    else:
        height *= ON_RETINA
    width, reach = (LETTER * len(outline.words) + 2 * PLATE_X) * height, PLATE_Y * height
    x = min(max(left, first), farthest - width)
    away = GAP * height + reach
    for y in (top - away, bottom + away, max(top, highest) + away):
        box = (x, y - reach, x + width, y + reach)
        if y - reach < highest or y + reach > lowest or any(_meet(box, other) for other in taken):
            continue
        taken.append(box)
        s = (x + PLATE_X * height) / extent[0], y / extent[1]
        pose = standing_at(surface, s, LIFT)
        bend = surface.bend if isinstance(surface, Panel) else 0.0
        return [LabelItem(outline.words, pose, height, 0.0, REGION_COLOUR, PLATE, bend)]
    return []


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
