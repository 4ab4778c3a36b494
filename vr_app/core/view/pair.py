"""A pair of photographs: how points in one correspond to points in the other, and how both are shown."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from enum import Enum

from vr_app.core.space.surface import ImageView, Panel, Uv

BLINK_SECONDS = 1.2
"""Seconds for which a blink shows each photograph. This is far below the three flashes a second that can harm (WCAG
2.3.1), and slow enough to look at each. The change is abrupt, because that reveals differences."""

LEAST_PART = 0.02
"""The divider stops this far from the panel's edges, as a fraction of the panel's width, so that it can still be
grabbed."""

_SIDES = {"right": "right", "od": "right", "r": "right", "left": "left", "os": "left", "l": "left"}
_SIDE = re.compile(r"(?<![a-z])(right|left|od|os|r|l)(?![a-z])")


class Compare(Enum):
    """Side by side; on one panel with a divider between them; on one panel in turn."""

    SIDE = "side"
    SWIPE = "swipe"
    BLINK = "blink"


class Link(Enum):
    """Whether each view follows the other: not at all; to the same place (then and now); or to the mirrored place
    (right and left eye, whose nasal and temporal sides are swapped)."""

    OFF = "off"
    SAME = "same"
    MIRRORED = "mirrored"


@dataclass(frozen=True)
class FieldOfView:
    """A photograph's field of view in photograph coordinates: its middle, and its radius along either axis. `side`:
    'right' or 'left' if the source or the file's name says whose eye it is, else ''."""

    home: Uv
    reach: Uv
    side: str = ""


@dataclass(frozen=True)
class Tie:
    """How two views are tied: the offset of the second's middle from the first's, in radii of their fields of view, and
    the base-2 logarithm of how much more it magnifies."""

    offset: Uv = (0.0, 0.0)
    log_zoom: float = 0.0
    mirrored: bool = False


@dataclass(frozen=True)
class Pair:
    """Two photographs, the first on the left, and how they are compared. `divider`: where the second begins, as a
    fraction of the panel's width. `link`: None until both are loaded and their names known. `tie`: None while they are
    not linked, or not both loaded."""

    images: tuple[int, int]
    compare: Compare = Compare.SIDE
    link: Link | None = None
    tie: Tie | None = None
    divider: float = 0.5

    def other(self, image: int) -> int:
        """Return the photograph that `image` is compared with."""
        return self.images[1] if image == self.images[0] else self.images[0]


@dataclass(frozen=True)
class Blink:
    """The photograph of a pair that a blink shows, for how many seconds it has done so, and whether the user holds it
    there."""

    second: bool = False
    shown_for: float = 0.0
    kept: bool = False

    def after(self, dt: float) -> Blink:
        """Return the blink `dt` seconds later. After the user lets go, the photograph is shown for its full time
        again."""
        if self.kept:
            return self if self.shown_for == 0.0 else replace(self, shown_for=0.0)
        if self.shown_for + dt < BLINK_SECONDS:
            return replace(self, shown_for=self.shown_for + dt)
        return Blink(not self.second)


def side_of(name: str) -> str:
    """Return 'right' or 'left' if a word of the file's name says which eye it is (right, OD, R, left, OS, L), or '' if
    none does or both do."""
    told = {_SIDES[word] for word in _SIDE.findall(name.lower().replace("_", " "))}
    return told.pop() if len(told) == 1 else ""


def link_of(first: FieldOfView, second: FieldOfView) -> Link:
    """Return the mirrored link if the names say that these are a right and a left eye, otherwise the link to the same
    place."""
    return Link.MIRRORED if {first.side, second.side} == {"right", "left"} else Link.SAME


def tie_of(views: tuple[ImageView, ImageView], fields: tuple[FieldOfView, FieldOfView], mirrored: bool) -> Tie:
    """Return the tie between two views as they are now. If both show the whole photograph, nobody has chosen their
    middles, and the same points of their fields are tied."""
    if all(view.zoom <= 1.0 for view in views):
        return Tie(mirrored=mirrored)
    (x, y), second = (_place(view.center, field) for view, field in zip(views, fields, strict=True))
    offset = second[0] - (-x if mirrored else x), second[1] - y
    return Tie(offset, math.log2(views[1].zoom / views[0].zoom), mirrored)


def tied(view: ImageView, of: FieldOfView, other: FieldOfView, tie: Tie, back: bool = False) -> ImageView:
    """Return the second's view when the first shows `view`; with `back`, the first's when the second shows it. `of`:
    the field of view of the photograph that shows it."""
    x, y = _place(view.center, of)
    if back:
        x, y = x - tie.offset[0], y - tie.offset[1]
    x = -x if tie.mirrored else x
    if not back:
        x, y = x + tie.offset[0], y + tie.offset[1]
    center = other.home[0] + x * other.reach[0], other.home[1] + y * other.reach[1]
    return ImageView(center, view.zoom * 2.0 ** (-tie.log_zoom if back else tie.log_zoom))


def _place(uv: Uv, field: FieldOfView) -> Uv:
    """Return a photograph point in radii of the field of view, from its middle."""
    return (uv[0] - field.home[0]) / field.reach[0], (uv[1] - field.home[1]) / field.reach[1]


def laid_over(panel: Panel, of: FieldOfView, other: FieldOfView) -> Panel:
    """Return a panel for the other photograph over the first one's, no larger than it, on which both fields of view
    have the same size."""
    across, down = (there / own for there, own in zip(other.reach, of.reach, strict=True))
    left, top, right, bottom = panel.bounds
    window = left * across, top * down, right * across, bottom * down
    return Panel(panel.pose, panel.width / across, panel.height / down, window)


def divided(first: Panel, second: Panel, divider: float) -> tuple[Panel, Panel]:
    """Return the part of the first panel left of the divider, and the part right of it of the second, which lies over
    it."""
    left, top, _, bottom = first.bounds
    one = replace(first, window=(left, top, _across(first, divider), bottom))
    _, top, right, bottom = second.bounds
    return one, replace(second, window=(_across(second, divider), top, right, bottom))


def divider_at(panel: Panel, s_u: float) -> float:
    """Return the divider at a surface coordinate of the whole panel, as a fraction of what is there of it."""
    left, _, right, _ = panel.bounds
    return (s_u - left) / (right - left)


def _across(panel: Panel, fraction: float) -> float:
    left, _, right, _ = panel.bounds
    return left + (right - left) * fraction
