"""Steady a trembling hand's pose: the One Euro filter.

Casiez, Roussel and Vogel, "1 euro filter: a simple speed-based low-pass filter for noisy input in interactive systems",
CHI 2012, equations 1 to 7: a first-order low pass whose cut-off grows with the speed, so that a hand at rest does not
tremble and one that moves does not lag. Position and orientation each have one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from vr_app.core.space.pose import Pose, Quaternion, Vec3, product, turned_back

MIN_CUTOFF = 1.0
"""Hz at rest: faster trembling is damped (the paper's f_c_min)."""

BETA = 60.0
"""Hz by which the cut-off rises per metre a second, and per radian a second (the paper's beta). From 0.2 of either, the
filter lags by 12 ms, less than a frame of a 72 Hz display; below that, by at most 0.15 degrees and 2.7 mm."""

SPEED_CUTOFF = 1.0
"""Hz of the low pass for the speed (the paper's f_c_d)."""

AT_REST = 1e-6
"""Metres and radians from the hand's own pose at which the filter counts as arrived, so that a hand at rest lets a view
rest."""


class PoseFilter:
    """Smooths the poses of one hand, frame by frame."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Take the next pose unfiltered: the hand was lost, or jumped."""
        self._raw: Pose | None = None
        self._smooth = Pose()
        self._speed: tuple[float, ...] = (0.0, 0.0, 0.0)
        self._turning: tuple[float, ...] = (0.0, 0.0, 0.0)

    @property
    def last(self) -> Pose | None:
        """The hand's own pose of the last frame; None after `forget`."""
        return self._raw

    def smooth(self, pose: Pose, dt: float) -> Pose:
        """Return the pose to use for `pose`, `dt` seconds after the last. Orientations have unit length."""
        before, self._raw = self._raw, pose
        if before is None:
            self._smooth = pose
        elif dt > 0:
            moved = tuple(now - then for now, then in zip(pose.position, before.position, strict=True))
            turn = _turn(before.orientation, pose.orientation)
            self._speed = _toward(self._speed, [part / dt for part in moved], _share(SPEED_CUTOFF, dt))
            self._turning = _toward(self._turning, [part / dt for part in turn], _share(SPEED_CUTOFF, dt))
            self._smooth = Pose(
                self._position(pose, _share(MIN_CUTOFF + BETA * math.hypot(*self._speed), dt)),
                self._orientation(pose, _share(MIN_CUTOFF + BETA * math.hypot(*self._turning), dt)),
            )
        return self._smooth

    def _position(self, pose: Pose, share: float) -> Vec3:
        x, y, z = _toward(self._smooth.position, pose.position, share)
        smooth = x, y, z
        return pose.position if math.dist(smooth, pose.position) < AT_REST else smooth

    def _orientation(self, pose: Pose, share: float) -> Quaternion:
        """Along the straight line between the quaternions: they lie close together."""
        here, there = self._smooth.orientation, pose.orientation
        # The same rotation has two quaternions, of opposite sign.
        same = math.copysign(1.0, sum(a * b for a, b in zip(here, there, strict=True)))
        between = _toward([same * part for part in here], there, share)
        length = math.hypot(*between)
        x, y, z, w = (part / length for part in between)
        smooth = x, y, z, w
        return there if 2 * math.dist(smooth, there) < AT_REST else smooth


def _share(cutoff: float, dt: float) -> float:
    """Return how far the filter goes toward a new value (the paper's alpha)."""
    return 1.0 / (1.0 + 1.0 / (2 * math.pi * cutoff * dt))


def _toward(old: Sequence[float], new: Sequence[float], share: float) -> tuple[float, ...]:
    return tuple(a + share * (b - a) for a, b in zip(old, new, strict=True))


def _turn(before: Quaternion, after: Quaternion) -> tuple[float, float, float]:
    """Return the rotation from one orientation to the other as a vector: its axis, as long as its angle in radians."""
    x, y, z, w = product(after, turned_back(before))
    if w < 0:
        x, y, z, w = -x, -y, -z, -w
    sine = math.hypot(x, y, z)
    per_sine = 2 * math.atan2(sine, w) / sine if sine > 0 else 0.0
    return x * per_sine, y * per_sine, z * per_sine
