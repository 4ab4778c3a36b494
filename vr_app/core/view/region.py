"""Regions of interest: rectangles of a photograph that somebody marked, named, and may come back to.

Plain values and what gestures make of them. A region belongs to a photograph by the checksum of its file, so that it is
found again when the file has another name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sr_core.image.geometry import Rect
from vr_app.core.space.surface import Uv
from vr_app.core.view.photograph import PhotographRecord

LEAST_SIDE = 4
"""Photograph pixels: what is smaller was a tap, or a trembling hand."""

OF_VIEW = 0.8
"""How much of what is seen, across and down, marking the view takes: its outline is then in sight."""

FILLS = 0.6
"""How much of the surface a region takes, across or down, once one has jumped to it."""

BLINK = 0.7
"""Seconds for which each of the two is seen while a region blinks: 0.7 changes there and back a second, far below the
three flashes that can hurt."""

MOST_NOTE = 500
"""Characters of a note."""

Photographs = Sequence[PhotographRecord | None]


class Kind(StrEnum):
    """What a region is of."""

    DISC = "disc"
    MACULA = "macula"
    VESSEL = "vessel"
    LESION = "lesion"
    HAEMORRHAGE = "haemorrhage"
    EXUDATE = "exudate"
    OTHER = "other"

    def next(self) -> Kind:
        """The next of the list, round the end."""
        kinds = list(Kind)
        return kinds[(kinds.index(self) + 1) % len(kinds)]


@dataclass(frozen=True)
class Region:
    """`rect`, in pixels, of the photograph whose file has the SHA-256 `photograph` (hexadecimal) and had the name
    `file`. `made`: when, UTC as ISO 8601; empty until that is entered."""

    photograph: str
    file: str
    rect: Rect
    kind: Kind = Kind.OTHER
    note: str = ""
    made: str = ""


@dataclass(frozen=True)
class Draft:
    """A region being dragged, on an image (its index): from one corner to the opposite one, photograph coordinates."""

    image: int
    start: Uv
    end: Uv


# Gestures.


@dataclass(frozen=True)
class ShowDraft:
    """Show what a hand is marking; None: nothing any more."""

    draft: Draft | None


@dataclass(frozen=True)
class MarkRegion:
    """Make what was dragged a region, and choose it. Smaller than LEAST_SIDE it is none."""

    draft: Draft


@dataclass(frozen=True)
class MarkView:
    """Make a region of what is seen of the front photograph: OF_VIEW of it."""


@dataclass(frozen=True)
class ArmMarking:
    """The next drag on a photograph marks, or not any more: for hands that have nothing but a trigger."""

    armed: bool


@dataclass(frozen=True)
class NameRegion:
    """Say what the chosen region is of; None: the next of the list."""

    kind: Kind | None = None


@dataclass(frozen=True)
class NoteRegion:
    """Put a note to the chosen region, in place of its last one."""

    note: str


@dataclass(frozen=True)
class DeleteRegion:
    """Remove the chosen region. `Undo` brings it back."""


@dataclass(frozen=True)
class GoToRegion:
    """Choose the front photograph's region of this number, from 1, and jump to it."""

    number: int


@dataclass(frozen=True)
class NextRegion:
    """Choose the next region, of this photograph or the next that has one, and jump to it."""


@dataclass(frozen=True)
class Blink:
    """Show photograph and super-resolution in turn, for BLINK seconds each, while it lasts."""

    shown: bool


RegionGesture = (
    ShowDraft
    | MarkRegion
    | MarkView
    | ArmMarking
    | NameRegion
    | NoteRegion
    | DeleteRegion
    | GoToRegion
    | NextRegion
    | Blink
)

Alone = MarkRegion | MarkView | NameRegion | NoteRegion | DeleteRegion | GoToRegion | NextRegion
"""Each of these is a move of its own, undone at once."""


@dataclass(frozen=True)
class Regions:
    """All regions of a session. `chosen`: an index of `known`."""

    known: tuple[Region, ...] = ()
    chosen: int | None = None
    draft: Draft | None = None
    armed: bool = False
    blinking: bool = False

    def of(self, photograph: PhotographRecord | None) -> tuple[int, ...]:
        """The regions of a photograph, as indices of `known`, in the order they were made in: the first is number 1.
        None while it is not loaded."""
        if photograph is None:
            return ()
        return tuple(i for i, region in enumerate(self.known) if region.photograph == photograph.sha256)

    @property
    def chosen_region(self) -> Region | None:
        return None if self.chosen is None else self.known[self.chosen]

    def with_known(self, found: Iterable[Region]) -> Regions:
        """And these, which were kept from before; one that is known already is not there twice."""
        known = set(self.known)
        return replace(self, known=(*self.known, *(region for region in dict.fromkeys(found) if region not in known)))

    @property
    def unstamped(self) -> bool:
        """Whether any was made just now."""
        return any(not region.made for region in self.known)

    def stamped(self, moment: str) -> Regions:
        """With `moment` (ISO 8601) as the time of those just made."""
        return replace(self, known=tuple(r if r.made else replace(r, made=moment) for r in self.known))

    def back_to(self, known: tuple[Region, ...]) -> Regions:
        """With the regions as they were before; the chosen one stays so if it is still the same."""
        still = self.chosen is not None and known[self.chosen : self.chosen + 1] == (self.chosen_region,)
        return replace(self, known=known, chosen=self.chosen if still else None)


def image_of(region: Region, photographs: Photographs, front: int) -> int | None:
    """An image that shows a region's photograph, the front one before others; None where none does."""
    having = [i for i, record in enumerate(photographs) if record and record.sha256 == region.photograph]
    return front if front in having else having[0] if having else None


def changed(
    regions: Regions, gesture: RegionGesture, photographs: Photographs, front: int, seen: tuple[Uv, Uv]
) -> Regions:
    """What a gesture makes of the regions. `front`: the front image; `seen`: two corners of what is seen of it."""
    match gesture:
        case ShowDraft(draft):
            return replace(regions, draft=draft)
        case MarkRegion(draft):
            return _marked(replace(regions, armed=False, draft=None), draft, photographs[draft.image])
        case MarkView():
            return _marked(regions, Draft(front, *_shrunk(*seen)), photographs[front])
        case ArmMarking(armed):
            return replace(regions, armed=armed)
        case Blink(shown):
            return replace(regions, blinking=shown)
        case GoToRegion(number):
            found = regions.of(photographs[front])
            return replace(regions, chosen=found[number - 1]) if 1 <= number <= len(found) else regions
        case NextRegion():
            return replace(regions, chosen=_next(regions, photographs, front))
    region = regions.chosen_region
    if region is None:
        return regions
    match gesture:
        case NameRegion(kind):
            return _swapped(regions, replace(region, kind=kind or region.kind.next()))
        case NoteRegion(note):
            return _swapped(regions, replace(region, note=" ".join(note.split())[:MOST_NOTE]))
        case DeleteRegion():
            left = (*regions.known[: regions.chosen], *regions.known[regions.chosen + 1 :])
            return replace(regions, known=left, chosen=None)
    return regions


def _marked(regions: Regions, draft: Draft, photograph: PhotographRecord | None) -> Regions:
    rect = drafted(draft, photograph.size) if photograph else None
    if rect is None or min(rect.w, rect.h) < LEAST_SIDE:
        return regions
    same = (i for i in regions.of(photograph) if regions.known[i].rect == rect)
    there = next(same, None)
    if there is not None:
        return replace(regions, chosen=there)
    new = Region(photograph.sha256, photograph.name, rect)
    return replace(regions, known=(*regions.known, new), chosen=len(regions.known))


def drafted(draft: Draft, size: tuple[int, int]) -> Rect | None:
    """The whole pixels of a photograph of `size` that a draft touches; None where a corner is nowhere."""
    if not all(map(math.isfinite, (*draft.start, *draft.end))):
        return None
    sides = []
    for a, b, side in zip(draft.start, draft.end, size, strict=True):
        low, high = (min(1.0, max(0.0, x)) * side for x in (min(a, b), max(a, b)))
        sides.append((math.floor(low + 1e-6), math.ceil(high - 1e-6)))
    (left, right), (top, bottom) = sides
    return Rect(left, top, max(0, right - left), max(0, bottom - top))


def _shrunk(one: Uv, other: Uv) -> tuple[Uv, Uv]:
    """OF_VIEW of what lies between two corners and in the photograph."""
    sides = [(max(0.0, min(a, b)), min(1.0, max(a, b))) for a, b in zip(one, other, strict=True)]
    cut = [(low + (high - low) * (1 - OF_VIEW) / 2, high - (high - low) * (1 - OF_VIEW) / 2) for low, high in sides]
    return (cut[0][0], cut[1][0]), (cut[0][1], cut[1][1])


def _next(regions: Regions, photographs: Photographs, front: int) -> int | None:
    """The region after the chosen one: first those of the front image, then of the images after it."""
    order = list(dict.fromkeys(i for photograph in photographs for i in regions.of(photograph)))
    if not order:
        return None
    if regions.chosen in order:
        return order[(order.index(regions.chosen) + 1) % len(order)]
    return next(iter(regions.of(photographs[front])), order[0])


def _swapped(regions: Regions, region: Region) -> Regions:
    known = (*regions.known[: regions.chosen], region, *regions.known[regions.chosen + 1 :])
    return replace(regions, known=known)


def view_of(rect: Rect, size: tuple[int, int]) -> tuple[Uv, float]:
    """The photograph point in the middle of a region, and the zoom at which it takes FILLS of the surface."""
    width, height = size
    middle = (rect.x + rect.w / 2) / width, (rect.y + rect.h / 2) / height
    return middle, FILLS / max(rect.w / width, rect.h / height)
