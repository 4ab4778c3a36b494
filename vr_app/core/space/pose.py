"""Where things are: poses, rays and eyes.

Right-handed metres, y up, -z ahead, as in OpenXR. Matrices are 4x4 float64 for column vectors (NumPy row order).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

Vec3 = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]

NEAR, FAR = 0.05, 100.0
"""The distances in front of an eye between which things are drawn, in metres."""

FARTHEST = 1000.0
"""Metres along any axis. No room is this large: a pose farther out is an error of the tracker."""


@dataclass(frozen=True)
class Pose:
    """A rigid pose. `orientation` is a unit quaternion (x, y, z, w)."""

    position: Vec3 = (0.0, 0.0, 0.0)
    orientation: Quaternion = (0.0, 0.0, 0.0, 1.0)

    @property
    def sound(self) -> bool:
        """Whether the pose is valid: all finite, within FARTHEST, and its quaternion not zero."""
        return 1e-3 < math.hypot(*self.orientation) < 1e3 and all(abs(part) <= FARTHEST for part in self.position)

    def rotation(self) -> np.ndarray:
        """3x3 rotation: local to parent axes.

        Written out: SciPy's rotations take a fifth of a second to import, before the first picture.
        """
        length = math.hypot(*self.orientation)
        x, y, z, w = (part / length for part in self.orientation)
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )

    def matrix(self) -> np.ndarray:
        """4x4: local to parent coordinates."""
        out = np.eye(4)
        out[:3, :3] = self.rotation()
        out[:3, 3] = self.position
        return out

    def inverse_matrix(self) -> np.ndarray:
        """4x4: parent to local coordinates (for an eye: the view matrix)."""
        out = np.eye(4)
        out[:3, :3] = self.rotation().T
        out[:3, 3] = -out[:3, :3] @ np.asarray(self.position)
        return out

    def after(self, inner: Pose) -> Pose:
        """Convert `inner` from this pose's coordinates to the parent's: this pose times `inner`."""
        return Pose(self.point(inner.position), product(self.orientation, inner.orientation))

    def inverse(self) -> Pose:
        """Return the parent's pose in this pose's own coordinates, for unit quaternions."""
        back = Pose(orientation=turned_back(self.orientation))
        x, y, z = back.point(self.position)
        return Pose((-x, -y, -z), back.orientation)

    def point(self, local: Vec3) -> Vec3:
        """Convert a point from local coordinates to the parent's."""
        x, y, z = self.rotation() @ local + self.position
        return float(x), float(y), float(z)

    @staticmethod
    def facing(position: Vec3, yaw: float) -> Pose:
        """Return a pose at `position`, turned by `yaw` radians about the vertical; positive turns to the left."""
        return Pose(position, (0.0, math.sin(yaw / 2), 0.0, math.cos(yaw / 2)))


def product(first: Quaternion, second: Quaternion) -> Quaternion:
    """Return Hamilton's product: the rotation `second`, then `first`; of unit length."""
    ax, ay, az, aw = first
    bx, by, bz, bw = second
    out = (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )
    length = math.hypot(*out)
    x, y, z, w = (part / length for part in out)
    return x, y, z, w


def turned_back(orientation: Quaternion) -> Quaternion:
    """Return the inverse of a unit quaternion."""
    x, y, z, w = orientation
    return -x, -y, -z, w


@dataclass(frozen=True)
class Ray:
    """A half-line; `direction` has unit length."""

    origin: Vec3
    direction: Vec3

    @property
    def sound(self) -> bool:
        """Whether the ray is valid: all finite, within FARTHEST, and of unit length."""
        return all(abs(part) <= FARTHEST for part in self.origin) and abs(math.hypot(*self.direction) - 1.0) < 1e-3

    @staticmethod
    def along(pose: Pose) -> Ray:
        """Return the ray of an OpenXR aim pose: along its -z axis."""
        forward = -pose.rotation()[:, 2]
        return Ray(pose.position, (float(forward[0]), float(forward[1]), float(forward[2])))

    def at(self, distance: float) -> np.ndarray:
        """Return the point `distance` metres along the ray."""
        return np.asarray(self.origin) + distance * np.asarray(self.direction)


@dataclass(frozen=True)
class Fov:
    """Half-angles in radians as OpenXR gives them: left and down are negative."""

    left: float
    right: float
    up: float
    down: float

    @staticmethod
    def symmetric(vertical: float, aspect: float) -> Fov:
        """Return the field of view for a full vertical angle in radians and width / height."""
        half = vertical / 2
        side = math.atan(math.tan(half) * aspect)
        return Fov(-side, side, half, -half)

    @staticmethod
    def framing(size: tuple[int, int], half_width: float, half_height: float) -> Fov:
        """Return the smallest field of view for a picture of `size` (width, height) that shows tangents up to the two
        halves."""
        aspect = size[0] / size[1]
        half = max(half_height, half_width / aspect)
        return Fov.symmetric(2 * math.atan(half), aspect)

    def tangents(self) -> tuple[float, float, float, float]:
        """Tangents of left, right, up, down."""
        return math.tan(self.left), math.tan(self.right), math.tan(self.up), math.tan(self.down)

    def across(self, ahead: np.ndarray) -> np.ndarray:
        """Return where points of the plane one metre ahead, (..., 2) in metres to the right and up, lie in the picture:
        -1 to 1 across it and up it."""
        left, right, up, down = self.tangents()
        middle, half = np.array([right + left, up + down]) / 2, np.array([right - left, up - down]) / 2
        return (ahead - middle) / half

    def projection(self, near: float = NEAR, far: float = FAR) -> np.ndarray:
        """Return the 4x4 OpenGL projection (clip z from -w to w)."""
        left, right, up, down = self.tangents()
        out = np.zeros((4, 4))
        out[0, 0], out[0, 2] = 2 / (right - left), (right + left) / (right - left)
        out[1, 1], out[1, 2] = 2 / (up - down), (up + down) / (up - down)
        out[2, 2], out[2, 3] = -(far + near) / (far - near), -2 * far * near / (far - near)
        out[3, 2] = -1.0
        return out


@dataclass(frozen=True)
class Eye:
    """One picture of the scene: its viewpoint, its field of view, and its size in pixels (width, height)."""

    pose: Pose
    fov: Fov
    size: tuple[int, int]

    def finer(self, times: float) -> Eye:
        """Return the same picture with `times` as many pixels per line."""
        if times == 1.0:
            return self
        return replace(self, size=(round(self.size[0] * times), round(self.size[1] * times)))

    @cached_property
    def to_clip(self) -> np.ndarray:
        """4x4: world to clip coordinates."""
        return self.fov.projection() @ self.pose.inverse_matrix()

    def local(self, points: np.ndarray) -> np.ndarray:
        """Convert world points (n, 3) to the eye's coordinates: right, up, and backward, in metres."""
        return (points - self.pose.position) @ self.pose.rotation()

    def rays(self, columns: np.ndarray | float, rows: np.ndarray | float) -> np.ndarray:
        """Return world directions through picture positions, in pixels from the upper left corner (pixel centres at
        .5).

        `columns` and `rows` broadcast to a shape S; returns S + (3,) unit vectors.
        """
        left, right, up, down = self.fov.tangents()
        x = left + (right - left) * np.asarray(columns, float) / self.size[0]
        y = up + (down - up) * np.asarray(rows, float) / self.size[1]
        x, y = np.broadcast_arrays(x, y)
        local = np.stack([x, y, -np.ones_like(x)], axis=-1)
        local /= np.linalg.norm(local, axis=-1, keepdims=True)
        return local @ self.pose.rotation().T
