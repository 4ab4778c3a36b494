"""Regions of interest: rectangles of a photograph that somebody marked, named, and may come back to.

Plain values; `region_step` says what intents make of them. A region belongs to a photograph by the checksum of its
file, so that it is found again when the file has another name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sr_core.image.geometry import Rect
from vr_app.core.view.bounds import Image, Spot
from vr_app.core.view.photograph import PhotographRecord

BLINK = 0.7
"""Seconds for which each of the two is seen while a region blinks: 0.7 changes there and back a second, far below the
three flashes that can hurt."""

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

    image: Image
    start: Spot
    end: Spot


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
