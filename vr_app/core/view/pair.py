"""Two photographs compared: which belongs where in the other, and how both are shown."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from enum import Enum

from vr_app.core.space.surface import ImageView, Panel, Uv

BLINK_SECONDS = 1.2
"""How long a blink shows each photograph. Well below the three flashes a second that can harm (WCAG 2.3.1), and slow
enough to look at each; the change itself is sudden, for that is what shows a difference."""

LEAST_PART = 0.02
"""The divider stops so far, in the panel's width, from its edges, where it can still be taken hold of."""

_SIDES = {"right": "right", "od": "right", "r": "right", "left": "left", "os": "left", "l": "left"}
_SIDE = re.compile(r"(?<![a-z])(right|left|od|os|r|l)(?![a-z])")


class Compare(Enum):
    """Side by side; on one panel with a divider between them; on one panel in turn."""

    SIDE = "side"
    SWIPE = "swipe"
    BLINK = "blink"


class Link(Enum):
    """Whether what one shows follows the other: not; to the same place (then and now); or to the mirrored one (right
    and left eye, whose nose and temple lie on opposite sides)."""

    OFF = "off"
    SAME = "same"
    MIRRORED = "mirrored"


@dataclass(frozen=True)
class FieldOfView:
    """Where a photograph's field of view lies in photograph coordinates: its middle, and its radius along either axis.
    `side`: 'right' or 'left' where the file's name tells whose eye it is, else ''."""

    home: Uv
    reach: Uv
    side: str = ""


@dataclass(frozen=True)
class Tie:
    """What holds two views together: how far the second's middle lies from the first's, in radii of their fields of
    view, and the binary logarithm of how much more it magnifies."""

    offset: Uv = (0.0, 0.0)
    log_zoom: float = 0.0
    mirrored: bool = False


@dataclass(frozen=True)
class Pair:
    """Which photographs, the first on the left, and how they are compared. `divider`: how far across the panel the
    second begins, 0 to 1. `link`: None until both are loaded and their names known. `tie`: None while they are not
    linked, or not both loaded."""

    images: tuple[int, int]
    compare: Compare = Compare.SIDE
    link: Link | None = None
    tie: Tie | None = None
    divider: float = 0.5

    def other(self, image: int) -> int:
        """The one that `image` is compared with."""
        return self.images[1] if image == self.images[0] else self.images[0]


@dataclass(frozen=True)
class Blink:
    """Which of a pair a blink shows, for how many seconds by now, and whether a hand keeps it."""

    second: bool = False
    shown_for: float = 0.0
    kept: bool = False

    def after(self, dt: float) -> Blink:
        """`dt` seconds on. One that was kept is shown for the whole time again."""
        if self.kept:
            return self if self.shown_for == 0.0 else replace(self, shown_for=0.0)
        if self.shown_for + dt < BLINK_SECONDS:
            return replace(self, shown_for=self.shown_for + dt)
        return Blink(not self.second)


def side_of(name: str) -> str:
    """'right' or 'left' where a file's name tells whose eye it shows, by a word of its own (right, OD, R, left, OS, L);
    else '', also where it tells both."""
    told = {_SIDES[word] for word in _SIDE.findall(name.lower().replace("_", " "))}
    return told.pop() if len(told) == 1 else ""


def link_of(first: FieldOfView, second: FieldOfView) -> Link:
    """Mirrored for the two eyes of a person, as far as the names tell; else the same."""
    return Link.MIRRORED if {first.side, second.side} == {"right", "left"} else Link.SAME


def tie_of(views: tuple[ImageView, ImageView], fields: tuple[FieldOfView, FieldOfView], mirrored: bool) -> Tie:
    """As they are now. Both whole: nobody has chosen their middles, and the same places of their fields are tied."""
    if all(view.zoom <= 1.0 for view in views):
        return Tie(mirrored=mirrored)
    (x, y), second = (_place(view.center, field) for view, field in zip(views, fields, strict=True))
    offset = second[0] - (-x if mirrored else x), second[1] - y
    return Tie(offset, math.log2(views[1].zoom / views[0].zoom), mirrored)


def tied(view: ImageView, of: FieldOfView, other: FieldOfView, tie: Tie, back: bool = False) -> ImageView:
    """What the second shows when the first shows `view`; `back`: the first, when the second does. `of`: the field of
    view of the photograph that shows it."""
    x, y = _place(view.center, of)
    if back:
        x, y = x - tie.offset[0], y - tie.offset[1]
    x = -x if tie.mirrored else x
    if not back:
        x, y = x + tie.offset[0], y + tie.offset[1]
    center = other.home[0] + x * other.reach[0], other.home[1] + y * other.reach[1]
    return ImageView(center, view.zoom * 2.0 ** (-tie.log_zoom if back else tie.log_zoom))


def _place(uv: Uv, field: FieldOfView) -> Uv:
    """A photograph point in radii of the field of view, from its middle."""
    return (uv[0] - field.home[0]) / field.reach[0], (uv[1] - field.home[1]) / field.reach[1]


def laid_over(panel: Panel, of: FieldOfView, other: FieldOfView) -> Panel:
    """The other photograph on the same panel, its field of view as large as the first one's, and no larger panel."""
    width, height = panel.width * of.reach[0] / other.reach[0], panel.height * of.reach[1] / other.reach[1]
    half = panel.width / width / 2, panel.height / height / 2
    return Panel(panel.pose, width, height, (-half[0], -half[1], *half))


def divided(first: Panel, second: Panel, divider: float) -> tuple[Panel, Panel]:
    """The part of the first panel left of the divider, and of the second, laid over it, right of it."""
    at = divider - 0.5
    left, top, right, bottom = second.bounds
    across = left + (right - left) * divider
    return replace(first, window=(-0.5, -0.5, at, 0.5)), replace(second, window=(across, top, right, bottom))
