"""Regions of interest under a mouse: a click on an outline or a name chooses one; the chosen one is moved by dragging
these, and resized by dragging its corners."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sr_core.image.geometry import Rect
from vr_app.core.hands.hand import Hand, Shown, met_at
from vr_app.core.hands.marks import Corner, Grasped
from vr_app.core.hands.sample import HandSample
from vr_app.core.space.pose import Ray
from vr_app.core.space.surface import Uv, photograph_uv
from vr_app.core.view.intent import ChooseRegion, Intent, ReshapeRegion
from vr_app.core.view.region_step import LEAST_SIDE
from vr_app.core.view.view import ViewState

CLICK = 3.0
"""Pixels of the window by which the cursor may move during a click."""


def region_pressed(hand: Hand, sample: HandSample, shown: Shown) -> bool:
    """Note the region whose outline or name is pressed. Returns whether that is the chosen one, which is dragged; the
    press on another one may be a click, and else means the photograph."""
    aim = sample.aim
    hand.region = _grasped(aim, shown) if aim is not None and hand.grip is None and not sample.drags else None
    return hand.region is not None and hand.region.mark.chosen


def region_released(hand: Hand, held: Grasped, aim: Ray, shown: Shown) -> list[Intent]:
    """End the drag of the chosen region that is `held`; choose another that was clicked."""
    hand.region = None
    if held.mark.chosen:
        return reshaped(held, aim, shown, ended=True)
    s = met_at(held.mark.image, aim, shown.placed)
    still = s is not None and math.dist(held.mark.metres(s), held.mark.metres(held.s)) <= CLICK * held.mark.pixel
    return [ChooseRegion(held.mark.image, held.mark.number)] if still else []


def reshaped(held: Grasped, aim: Ray, shown: Shown, ended: bool = False) -> list[Intent]:
    """Let the chosen region follow the ray. `ended`: the button has been let go."""
    view = shown.view
    s, region, record = (
        met_at(held.mark.image, aim, shown.placed), view.regions.chosen_region, view.photographs[held.mark.image]
    )  # fmt: skip
    if s is None or record is None or region is None or region.number != held.mark.number:
        return []
    now = _uv(held.mark.image, s, view)
    dx, dy = (round((a - b) * side) for a, b, side in zip(now, held.uv, record.size, strict=True))
    rect = _dragged(held.mark.rect, held.corner, (dx, dy), record.size)
    if rect == region.rect and not (ended and view.regions.dragged):
        return []
    return [ReshapeRegion(rect.x, rect.y, rect.w, rect.h, ended)]


def _grasped(aim: Ray, shown: Shown) -> Grasped | None:
    """Return the region whose outline or name is under the ray, the chosen one first, or None."""
    for mark in sorted(shown.marks(), key=lambda mark: not mark.chosen):
        s = met_at(mark.image, aim, shown.placed)
        if s is None:
            continue
        corner = mark.corner_at(s) if mark.chosen else None
        if corner is not None or mark.at(s):
            return Grasped(mark, s, _uv(mark.image, s, shown.view), corner)
    return None


def _uv(image: int, s: Uv, view: ViewState) -> Uv:
    u, v = photograph_uv(s, view.images[image].center, view.images[image].zoom)
    return float(u), float(v)


def _dragged(rect: Rect, corner: Corner | None, by: Sequence[int], size: Sequence[int]) -> Rect:
    """Return a rectangle of a photograph of `size`, moved, or with one corner moved. It stays within the photograph."""
    sides = []
    for low, side, way, far, most in zip((rect.x, rect.y), (rect.w, rect.h), corner or (0, 0), by, size, strict=True):
        high = low + side
        if way == 0:
            low = min(most - side, max(0, low + far))
            high = low + side
        elif way < 0:
            low = max(0, min(high - LEAST_SIDE, low + far))
        else:
            high = min(most, max(low + LEAST_SIDE, high + far))
        sides.append((low, high - low))
    (x, w), (y, h) = sides
    return Rect(x, y, w, h)
