"""How intents change the regions of interest, and the view of a region to jump to."""

from __future__ import annotations

from dataclasses import replace

from sr_core.image.geometry import Rect
from vr_app.core.space.surface import Uv
from vr_app.core.view.bounds import MOST_NOTE
from vr_app.core.view.intent import (
    ArmMarking,
    BlinkRegion,
    ChooseRegion,
    DeleteRegion,
    GoToRegion,
    MarkRegion,
    MarkView,
    NameRegion,
    NextRegion,
    NoteRegion,
    RegionIntent,
    ReshapeRegion,
    ShowDraft,
    ShowRegions,
)
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.region import Draft, Photographs, Region, Regions, drafted, numbered, with_given

LEAST_SIDE = 4
"""In photograph pixels along a side. A smaller drag was a tap, or a trembling hand."""

OF_VIEW = 0.8
"""Marking the view takes this fraction of the visible part, across and down, so that the outline is visible."""

FILLS = 0.6
"""The fraction of the surface, across or down, that a region fills after a jump to it."""


def changed(
    regions: Regions, intent: RegionIntent, photographs: Photographs, front: int, seen: tuple[Uv, Uv]
) -> Regions:
    """Return the regions after an intent. `front`: the front image; `seen`: two corners of the visible part of it."""
    if regions.dragged:
        regions = replace(regions, dragged=False)
    match intent:
        case ShowDraft(draft):
            return replace(regions, draft=draft)
        case MarkRegion(draft):
            return _marked(replace(regions, armed=False, draft=None, hidden=False), draft, photographs[draft.image])
        case MarkView():
            return _marked(replace(regions, hidden=False), Draft(front, *_shrunk(*seen)), photographs[front])
        case ArmMarking(armed):
            return replace(regions, armed=armed)
        case ShowRegions(shown):
            return replace(regions, hidden=not shown)
        case ChooseRegion(image, number):
            return replace(regions, chosen=_numbered(regions, photographs[image], number))
        case BlinkRegion(shown):
            return replace(regions, blinking=shown)
        case GoToRegion(number):
            return replace(regions, chosen=_numbered(regions, photographs[front], number))
        case NextRegion():
            return replace(regions, chosen=_next(regions, photographs, front))
    region = regions.chosen_region
    if region is None:
        return regions
    match intent:
        case ReshapeRegion(x, y, w, h, ended):
            rect = _within(Rect(x, y, w, h), region, photographs)
            return replace(_swapped(regions, replace(region, rect=rect)), dragged=not ended)
        case NameRegion(kind):
            return _swapped(regions, replace(region, kind=kind or region.kind.next()))
        case NoteRegion(note):
            return _swapped(regions, replace(region, note=" ".join(note.split())[:MOST_NOTE]))
        case DeleteRegion():
            left = tuple(known for number, known in enumerate(regions.known) if number != regions.chosen)
            return replace(regions, known=left, chosen=None)
    return regions


def _marked(regions: Regions, draft: Draft, photograph: PhotographRecord | None) -> Regions:
    rect = drafted(draft, photograph.size) if photograph else None
    if photograph is None or rect is None or min(rect.w, rect.h) < LEAST_SIDE:
        return regions
    same = (i for i in regions.of(photograph) if regions.known[i].rect == rect)
    there = next(same, None)
    if there is not None:
        return replace(regions, chosen=there)
    new = Region(photograph.sha256, photograph.name, rect)
    known = numbered((*regions.known, new), with_given(regions.given, regions.known))
    return replace(regions, known=known, chosen=len(regions.known), given=with_given(regions.given, known))


def _numbered(regions: Regions, photograph: PhotographRecord | None, number: int) -> int | None:
    """Return the photograph's region of this number; the chosen one if there is none."""
    found = (i for i in regions.of(photograph) if regions.known[i].number == number)
    return next(found, regions.chosen)


def _within(rect: Rect, region: Region, photographs: Photographs) -> Rect:
    """Return the nearest rectangle that lies within the region's photograph, no side of it shorter than LEAST_SIDE; the
    region's own while its photograph is not there."""
    record = next((record for record in photographs if record and record.sha256 == region.photograph), None)
    if record is None:
        return region.rect
    sides = []
    for at, side, most in zip((rect.x, rect.y), (rect.w, rect.h), record.size, strict=True):
        side = min(most, max(LEAST_SIDE, side))
        sides.append((min(most - side, max(0, at)), side))
    (x, w), (y, h) = sides
    return Rect(x, y, w, h)


def _shrunk(one: Uv, other: Uv) -> tuple[Uv, Uv]:
    """Return the part of the photograph between two corners, shrunk to OF_VIEW."""
    sides = [(max(0.0, min(a, b)), min(1.0, max(a, b))) for a, b in zip(one, other, strict=True)]
    cut = [(low + (high - low) * (1 - OF_VIEW) / 2, high - (high - low) * (1 - OF_VIEW) / 2) for low, high in sides]
    return (cut[0][0], cut[1][0]), (cut[0][1], cut[1][1])


def _next(regions: Regions, photographs: Photographs, front: int) -> int | None:
    """Return the region after the chosen one: first those of the front image, then of the images after it."""
    order = list(dict.fromkeys(i for photograph in photographs for i in regions.of(photograph)))
    if not order:
        return None
    if regions.chosen in order:
        return order[(order.index(regions.chosen) + 1) % len(order)]
    return next(iter(regions.of(photographs[front])), order[0])


def _swapped(regions: Regions, region: Region) -> Regions:
    """Replace the chosen region by another."""
    known = (region if number == regions.chosen else known for number, known in enumerate(regions.known))
    return replace(regions, known=tuple(known))


def view_of(rect: Rect, size: tuple[int, int], reach: Uv = (0.5, 0.5)) -> tuple[Uv, float]:
    """Return the photograph point in the middle of a region, and the zoom at which it takes FILLS of the surface.
    `reach`: half of what there is of that, in surface coordinates."""
    width, height = size
    middle = (rect.x + rect.w / 2) / width, (rect.y + rect.h / 2) / height
    return middle, FILLS / max(rect.w / width / (2 * reach[0]), rect.h / height / (2 * reach[1]))
