"""Regions of interest: rectangles of a photograph that the user has marked and named, and may return to.

These are plain values; `region_step` says how intents change them. A region refers to its photograph by the checksum of
the file, so that it is found again under another file name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sr_core.image.geometry import Rect
from vr_app.core.view.bounds import Image, Spot
from vr_app.core.view.photograph import PhotographRecord

BLINK = 0.7
"""Seconds for which a blinking region shows each of the two pictures: 0.7 full cycles a second, far below the three
flashes that can harm."""

Photographs = Sequence[PhotographRecord | None]


class Kind(StrEnum):
    """What a region shows."""

    DISC = "disc"
    MACULA = "macula"
    VESSEL = "vessel"
    LESION = "lesion"
    HAEMORRHAGE = "haemorrhage"
    EXUDATE = "exudate"
    OTHER = "other"

    def next(self) -> Kind:
        """Return the next kind in the list; the first comes after the last."""
        kinds = list(Kind)
        return kinds[(kinds.index(self) + 1) % len(kinds)]


@dataclass(frozen=True)
class Region:
    """A rectangle `rect`, in pixels, of the photograph whose file has the SHA-256 `photograph` (hexadecimal) and had
    the name `file`. `made`: when, UTC as ISO 8601; empty until known. `number`: its number within the photograph, from
    1. It is assigned once and does not change when other regions are deleted (0: not assigned yet)."""

    photograph: str
    file: str
    rect: Rect
    kind: Kind = Kind.OTHER
    note: str = ""
    made: str = ""
    number: int = field(default=0, compare=False)

    def same_as(self, other: Region) -> bool:
        """Whether it is the same region, which may have another name, note or place."""
        return (self.photograph, self.number) == (other.photograph, other.number)


Given = tuple[tuple[str, int], ...]
"""By photograph (its SHA-256), the largest number ever given to one of its regions."""


def numbered(regions: Iterable[Region], given: Given = ()) -> tuple[Region, ...]:
    """Return the regions, each with a number that no other region of its photograph has: its own if no earlier region
    has it, otherwise the next that was never assigned."""
    regions = tuple(regions)
    last = dict(given)
    taken: set[tuple[str, int]] = set()
    keeps = []
    for region in regions:
        key = region.photograph, region.number
        keeps.append(region.number > 0 and key not in taken)
        taken.add(key)
        last[region.photograph] = max(last.get(region.photograph, 0), region.number)
    found = []
    for region, kept in zip(regions, keeps, strict=True):
        if not kept:
            last[region.photograph] += 1
            region = replace(region, number=last[region.photograph])
        found.append(region)
    return tuple(found)


def with_given(given: Given, regions: Iterable[Region] = (), more: Given = ()) -> Given:
    """Return the largest numbers of `given`, `more` and of these regions."""
    last = dict(given)
    for photograph, number in (*more, *((region.photograph, region.number) for region in regions)):
        if number > last.get(photograph, 0):
            last[photograph] = number
    return tuple(last.items())


@dataclass(frozen=True)
class Draft:
    """A region being dragged, on an image (its index): from one corner to the opposite one, photograph coordinates."""

    image: Image
    start: Spot
    end: Spot


@dataclass(frozen=True)
class Regions:
    """All regions of a session. `chosen`: an index of `known`. `given`: numbers that are not assigned again. `hidden`:
    no outline is shown. `dragged`: the chosen one is being moved or resized."""

    known: tuple[Region, ...] = ()
    chosen: int | None = None
    draft: Draft | None = None
    armed: bool = False
    blinking: bool = False
    given: Given = ()
    hidden: bool = False
    dragged: bool = False

    def of(self, photograph: PhotographRecord | None) -> tuple[int, ...]:
        """Return the regions of a photograph, as indices of `known`, in the order of their numbers. `photograph`: None
        while it is not loaded."""
        if photograph is None:
            return ()
        mine = (i for i, region in enumerate(self.known) if region.photograph == photograph.sha256)
        return tuple(sorted(mine, key=lambda i: self.known[i].number))

    @property
    def chosen_region(self) -> Region | None:
        return None if self.chosen is None else self.known[self.chosen]

    def with_known(self, found: Iterable[Region], given: Given = ()) -> Regions:
        """Add these regions, kept from an earlier session, and the numbers `given` then. A region already known is not
        added twice. Kept regions keep their numbers; one marked before they arrived may get another."""
        known = set(self.known)
        new = tuple(region for region in dict.fromkeys(found) if region not in known)
        if not new:
            return replace(self, given=with_given(self.given, (), given)) if given else self
        given = with_given(self.given, (*self.known, *new), given)
        all_known = numbered((*new, *self.known), given)
        known = (*all_known[len(new) :], *all_known[: len(new)])
        return replace(self, known=known, given=with_given(given, known))

    @property
    def unstamped(self) -> bool:
        """Whether any region has no time yet."""
        return any(not region.made for region in self.known)

    def stamped(self, moment: str) -> Regions:
        """Set `moment` (ISO 8601) as the time of the regions that have none yet."""
        return replace(self, known=tuple(r if r.made else replace(r, made=moment) for r in self.known))

    def back_to(self, known: tuple[Region, ...]) -> Regions:
        """Restore earlier regions. The chosen one stays chosen if it still exists, whatever has become of it."""
        region = self.chosen_region
        same = (i for i, other in enumerate(known) if region is not None and other.same_as(region))
        return replace(self, known=known, chosen=next(same, None), dragged=False)


def image_of(region: Region, photographs: Photographs, front: int) -> int | None:
    """Return an image that shows a region's photograph, preferably the front one, or None if there is none."""
    having = [i for i, record in enumerate(photographs) if record and record.sha256 == region.photograph]
    return front if front in having else having[0] if having else None


def deletion_of(before: Regions) -> str:
    """Return what to tell the user when the chosen one of these regions is deleted; nothing if none is chosen."""
    region = before.chosen_region
    return f"Deleted region {region.number}. U brings it back" if region is not None else ""


def drafted(draft: Draft, size: tuple[int, int]) -> Rect | None:
    """Return the whole pixels of a photograph of `size` that a draft touches, or None if a corner is not a number."""
    if not all(map(math.isfinite, (*draft.start, *draft.end))):
        return None
    sides = []
    for a, b, side in zip(draft.start, draft.end, size, strict=True):
        low, high = (min(1.0, max(0.0, x)) * side for x in (min(a, b), max(a, b)))
        sides.append((math.floor(low + 1e-6), math.ceil(high - 1e-6)))
    (left, right), (top, bottom) = sides
    return Rect(left, top, max(0, right - left), max(0, bottom - top))
