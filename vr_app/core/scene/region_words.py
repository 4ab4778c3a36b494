"""The text beside regions of interest: number and name, never overlapping."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vr_app.core.hands.marks import Box, Mark
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

NOTE = 40
"""The most characters of a note that stand beside a name."""


def region_labels(items: Iterable[SurfaceItem]) -> tuple[LabelItem, ...]:
    """Return a label for each region that is visible on its surface, the chosen one first: above it, or below, or in
    its corner.

    A region without room for a label beside the others has none until the user comes nearer. Its note stands beside
    its name if there is room for both.
    """
    return tuple(label for item in items for _, _, label in _labels(item))


def region_marks(items: Iterable[SurfaceItem], pixel: float) -> tuple[Mark, ...]:
    """Return the regions that a mouse can take hold of on the flat panels of a window. `pixel`: the edge of a pixel in
    metres."""
    found = []
    for item in items:
        names = {outline.number: box for outline, box, _ in _labels(item)}
        across, down = item.surface.extent()
        for outline in item.outlines:
            if outline.number:
                box, name = _box(item, outline), names.get(outline.number)
                about = item.photograph, outline.number, outline.rect, outline.chosen
                found.append(Mark(*about, box, name, (float(across), float(down)), pixel))
    return tuple(found)


def _labels(item: SurfaceItem) -> list[tuple[Outline, Box, LabelItem]]:
    """Return the outlines that have a label, with the place of its plate."""
    found: list[tuple[Outline, Box, LabelItem]] = []
    for outline in sorted(item.outlines, key=lambda outline: not outline.chosen):
        taken = [box for _, box, _ in found]
        for words in _wordings(outline):
            labelled = _label(item, outline, words, taken)
            if labelled is not None:
                found.append((outline, *labelled))
                break
    return found


def _wordings(outline: Outline) -> tuple[str, ...]:
    """Return what an outline's label may say, the fullest first."""
    if not outline.note:
        return (outline.words,) if outline.words else ()
    note = outline.note if len(outline.note) <= NOTE else f"{outline.note[: NOTE - 1]}…"
    return f"{outline.words}: {note}", outline.words


def _box(item: SurfaceItem, outline: Outline) -> Box:
    extent = np.array(item.surface.extent())
    corners = on_surface(outline.rect, item.surface, item.view.center, item.view.zoom, item.size)
    left, top, right, bottom = np.concatenate([corner * extent for corner in corners]).tolist()
    return left, top, right, bottom


def _label(item: SurfaceItem, outline: Outline, words: str, taken: list[Box]) -> tuple[Box, LabelItem] | None:
    """Return the label that says `words` and the place of its plate; None if the region is out of sight, or if there
    is no room between those `taken`."""
    surface = item.surface
    extent = np.array(surface.extent())
    left, top, right, bottom = _box(item, outline)
    inset = 1.0 if isinstance(surface, Panel) else 0.8
    first, highest, farthest, lowest = (inset * np.multiply(surface.bounds, (*extent, *extent))).tolist()
    if right < first or left > farthest or bottom < highest or top > lowest:
        return None
    height = HEIGHTS[outline.chosen]
    if isinstance(surface, Panel):
        height *= surface.height / PANEL_HEIGHT  # a panel that the user has shrunk keeps its proportions
    else:
        height *= ON_RETINA
    width, reach = (LETTER * len(words) + 2 * PLATE_X) * height, PLATE_Y * height
    if width > farthest - first and words != outline.words:
        return None
    x = min(max(left, first), farthest - width)
    away = GAP * height + reach
    for y in (top - away, bottom + away, max(top, highest) + away):
        box = (x, y - reach, x + width, y + reach)
        if y - reach < highest or y + reach > lowest or any(_meet(box, other) for other in taken):
            continue
        s = (x + PLATE_X * height) / extent[0], y / extent[1]
        pose = standing_at(surface, s, LIFT)
        bend = surface.bend if isinstance(surface, Panel) else 0.0
        return box, LabelItem(words, pose, height, 0.0, REGION_COLOUR, PLATE, bend)
    return None


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
