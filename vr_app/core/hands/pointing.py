"""What a ray points at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vr_app.core.space.pose import Ray
from vr_app.core.space.surface import Uv, photograph_uv
from vr_app.core.view.pair import Compare
from vr_app.core.view.place import Placed
from vr_app.core.view.view import ViewState

DIVIDER_REACH = 0.06
"""Metres to either side of the divider of two photographs within which a trigger takes hold of it."""


@dataclass(frozen=True)
class Pointed:
    """What a hand points at: the photograph, the surface coordinates s, its photograph point uv, and how far away."""

    image: int
    s: Uv
    uv: Uv
    distance: float


def pointed_at(ray: Ray, view: ViewState, placed: Sequence[Placed]) -> Pointed | None:
    """The nearest photograph that the ray meets; None where it meets none, or only beyond a photograph's edge."""
    nearest: Pointed | None = None
    for item in placed:
        s, distance = item.surface.hit(np.asarray(ray.origin), np.asarray(ray.direction))
        image = view.images[item.image]
        uv = photograph_uv(s, image.center, image.zoom)
        if not ((uv >= 0) & (uv <= 1)).all():
            continue
        if nearest is None or distance < nearest.distance:
            nearest = Pointed(item.image, (float(s[0]), float(s[1])), (float(uv[0]), float(uv[1])), float(distance))
    return nearest


def met_at(image: int, aim: Ray | None, placed: Sequence[Placed]) -> Uv | None:
    """Where a ray meets a photograph's surface; None where it does not."""
    for item in placed:
        if item.image == image and aim is not None:
            s, _ = item.surface.hit(np.asarray(aim.origin), np.asarray(aim.direction))
            return (float(s[0]), float(s[1])) if np.isfinite(s).all() else None
    return None


def at_divider(pointed: Pointed, view: ViewState, placed: Sequence[Placed]) -> bool:
    """Whether a spot lies on the divider between two photographs on one panel."""
    pair = view.compared
    if pair is None or pair.compare is not Compare.SWIPE or pointed.image != pair.images[0]:
        return False
    panel = next(item.surface for item in placed if item.image == pointed.image)
    return abs(pointed.s[0] + 0.5 - pair.divider) * panel.width <= DIVIDER_REACH
