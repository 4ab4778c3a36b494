"""Convert OpenXR's structures to the project's values."""

from __future__ import annotations

import math

import xr

from vr_app.core.space.pose import Fov, Pose

VALID = xr.SpaceLocationFlags.POSITION_VALID_BIT | xr.SpaceLocationFlags.ORIENTATION_VALID_BIT
"""Both bits have these values in `xr.ViewStateFlags` too."""


def pose(given: xr.Posef) -> Pose | None:
    """Return the pose with its quaternion normalised, or None if it is invalid (NaN, infinite, length zero).

    Some runtimes return such poses, marked valid, while tracking starts or is lost.
    """
    x, y, z, w = given.orientation
    position = given.position.x, given.position.y, given.position.z
    length = math.sqrt(x * x + y * y + z * z + w * w)
    if not (length > 1e-3 and math.isfinite(length) and all(map(math.isfinite, position))):
        return None
    return Pose(position, (x / length, y / length, z / length, w / length))


def posef(given: Pose) -> xr.Posef:
    """Convert in the opposite direction."""
    return xr.Posef(xr.Quaternionf(*given.orientation), xr.Vector3f(*given.position))


def fov(given: xr.Fovf) -> Fov | None:
    """Return the field of view, or None if it is invalid: NaN, empty, mirrored, or half a turn and more."""
    angles = given.angle_left, given.angle_right, given.angle_up, given.angle_down
    left, right, up, down = angles
    if not (all(abs(angle) < math.pi / 2 for angle in angles) and left < right and down < up):
        return None
    return Fov(*angles)
