"""A plane rolled onto the inside of an upright cylinder, and unrolled again.

Local coordinates: x right, y up, z toward the viewer. `bend` is one over the cylinder's radius in metres, not 0; its
axis stands a radius before the plane, which touches it where x is 0.
"""

from __future__ import annotations

import math

import numpy as np

from vr_app.core.space.pose import Pose, product

LINE_ANGLE = math.radians(1.0)
"""A surface is drawn straight for so long: on a radius of 2 m it is off by less than a tenth of a millimetre."""

MOST_COLUMNS = 90


def bent(flat: np.ndarray, bend: float) -> np.ndarray:
    """Where points (..., 3) of the plane, or before it, lie once it is rolled: what was x is an arc."""
    x, y, z = np.moveaxis(np.asarray(flat, float), -1, 0)
    angle, radius = x * bend, 1 / bend - z
    return np.stack([radius * np.sin(angle), y, 1 / bend - radius * np.cos(angle)], axis=-1)


def unbent(local: np.ndarray, bend: float) -> np.ndarray:
    """The inverse of `bent`, for angles of less than half a turn to either side."""
    x, y, z = np.moveaxis(np.asarray(local, float), -1, 0)
    ahead = 1 / bend - z
    return np.stack([np.arctan2(x, ahead) / bend, y, 1 / bend - np.hypot(x, ahead)], axis=-1)


def standing_on(pose: Pose, flat: np.ndarray, bend: float) -> Pose:
    """A pose on a plane at `pose`, rolled or (`bend` 0) flat, at the point `flat` (3,) of its coordinates, turned as
    the surface is there."""
    if not bend:
        return Pose(pose.point(tuple(flat.tolist())), pose.orientation)
    half = float(flat[0]) * bend / 2
    turned = (0.0, -math.sin(half), 0.0, math.cos(half))
    return Pose(pose.point(tuple(bent(flat, bend).tolist())), product(pose.orientation, turned))


def columns(width: float, bend: float) -> int:
    """Into how many straight pieces a width of so many metres is cut."""
    return max(1, min(MOST_COLUMNS, math.ceil(abs(width * bend) / LINE_ANGLE)))
