"""The surfaces on which a photograph is shown, flat or bent panels and the retina, and where a ray hits them.

All share one convention. *Surface coordinates* s = (s_u, s_v) are fractions of the photograph's width and height at
zoom 1, right and down, from the middle of the surface. What is seen at s is the photograph point uv = centre + s / zoom
(`photograph_uv`). So panning and zooming are the same on any surface.

A bent panel is a plane rolled onto the inside of an upright cylinder. Local coordinates: x right, y up, z toward the
viewer. `bend` is one over the cylinder's radius in metres; the axis stands one radius in front of the plane, which
touches the cylinder where x is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vr_app.core.space.pose import Pose, product

MM_PER_DEGREE = 0.29
"""Retinal arc in millimetres per degree of visual angle (Drasdo and Fowler 1974, central retina)."""

EYE_RADIUS_MM = 11.5
"""The radius of the sphere that represents the retina."""

CAP_ANGLE = math.radians(80)
"""How far from the pole (at the sphere's centre) the curved retina is drawn when zooming lets it grow."""

BEZEL = 0.012
"""Width of a panel's bezel in metres."""

LINE_ANGLE = math.radians(1.0)
"""A bent surface is drawn straight over this angle; at a radius of 2 m it is off by less than a tenth of a
millimetre."""

MOST_COLUMNS = 90

Uv = tuple[float, float]

WHOLE = (-0.5, -0.5, 0.5, 0.5)


@dataclass(frozen=True)
class ImageView:
    """`center`: the photograph point seen in the middle of the surface; `zoom`: 1 shows the whole photograph."""

    center: Uv = (0.5, 0.5)
    zoom: float = 1.0


@dataclass(frozen=True, eq=False)
class Drawn:
    """What drawing a panel takes that stays the same while the panel does. `middle`: the surface coordinates in the
    middle of what is there of it; `size`: width and height of that, in metres; `to_world`: 4x4, from metres to the
    right of that middle and up; `columns`: how many straight pieces it is drawn in."""

    middle: Uv
    size: tuple[float, float]
    to_world: np.ndarray
    columns: int


@dataclass(frozen=True)
class Panel:
    """A photograph, flat or bent about an upright axis: x right, y up, seen from +z, `width` x `height` metres around
    the pose's origin.

    `window`: the part of it that is there, in surface coordinates: left, top, right, bottom; None: all of it. It may
    reach beyond `width` and `height`, which then only say how large the photograph is at zoom 1. `bend`: one over the
    radius in metres of the cylinder on whose inside it lies, which the pose's plane touches along the panel's middle;
    `width` is measured along the arc. 0: it is flat. One with a `window` is.
    """

    pose: Pose
    width: float
    height: float
    window: tuple[float, float, float, float] | None = None
    bend: float = 0.0

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Surface coordinates of its left, top, right and bottom edge."""
        return self.window or WHOLE

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Metres from the pose's origin to its left, lower, right and upper edge."""
        left, top, right, bottom = self.bounds
        return left * self.width, -bottom * self.height, right * self.width, -top * self.height

    @cached_property
    def drawn(self) -> Drawn:
        """What drawing takes; see there."""
        left, top, right, bottom = self.bounds
        middle = (left + right) / 2, (top + bottom) / 2
        size = self.width * (right - left), self.height * (bottom - top)
        to_world = self.pose.matrix()
        to_world[:3, 3] = self.point(np.array(middle))  # the photograph's own middle need not be there
        return Drawn(middle, size, to_world, columns(size[0], self.bend))

    @cached_property
    def _to_local(self) -> np.ndarray:
        return self.pose.inverse_matrix()

    def hit(self, origin: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where rays from `origin` (3,) along unit `directions` (..., 3) hit the panel's front.

        Returns s (..., 2) and the distance (...) in metres, NaN where a ray misses.
        """
        x, y, distance = self.meets(origin, directions)
        s = np.stack([x / self.width, -y / self.height], axis=-1)
        low, high = np.split(np.array(self.bounds), 2)
        hit = (distance > 0) & ((s >= low) & (s <= high)).all(axis=-1)
        return np.where(hit[..., None], s, np.nan), np.where(hit, distance, np.nan)

    def meets(self, origin: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return where rays hit the front of the plane or the cylinder, however far beyond the panel: metres to the
        right of its middle (along the arc) and up, and the distance in metres, which is NaN or not positive for a
        miss."""
        to_local = self._to_local
        start = to_local[:3, :3] @ origin + to_local[:3, 3]
        along = directions @ to_local[:3, :3].T
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.bend:
                # Where a ray leaves the cylinder it sees the inside.
                ahead, off = start[[0, 2]] - (0.0, 1 / self.bend), along[..., [0, 2]]
                squared, half_b = (off**2).sum(axis=-1), off @ ahead
                distance = (np.sqrt(half_b**2 - squared * (ahead @ ahead - self.bend**-2)) - half_b) / squared
                x, y, _ = np.moveaxis(unbent(start + distance[..., None] * along, self.bend), -1, 0)
                return x, y, distance
            distance = -start[2] / along[..., 2]
            x = start[0] + distance * along[..., 0]
            y = start[1] + distance * along[..., 1]
        return x, y, np.where(start[2] > 0, distance, np.nan)

    def extent(self) -> tuple[float, float]:
        """What s = (1, 0) and (0, 1) measure on the surface, in one unit: here metres."""
        return self.width, self.height

    def point(self, s: np.ndarray) -> np.ndarray:
        """Return the world position (..., 3) of surface coordinates s (..., 2)."""
        s = np.asarray(s, float)
        local = np.stack([s[..., 0] * self.width, -s[..., 1] * self.height, np.zeros(s.shape[:-1])], axis=-1)
        if self.bend:
            local = bent(local, self.bend)
        return local @ self.pose.rotation().T + np.asarray(self.pose.position)


@dataclass(frozen=True)
class Retina:
    """The inside of a sphere about the pose's origin; the surface's middle lies at its pole, along the pose's -z.

    The angle at the sphere's centre between the pole and a point is proportional to the point's distance from the
    middle of the photograph (azimuthal equidistant), because distance on a fundus photograph is proportional to
    visual angle, and visual angle to arc on the retina. `radians_u` and `radians_v` are the angles that the
    photograph's width and height span at zoom 1. Seen from inside the photograph is not mirrored.
    """

    pose: Pose
    radius: float
    radians_u: float
    radians_v: float

    @staticmethod
    def of(size: tuple[int, int], field_radius: float, field_angle: float, pose: Pose, radius: float) -> Retina:
        """Return the retina for a photograph of `size` (width, height) pixels whose field of view has `field_radius`
        pixels.

        `field_angle` is the camera's full field in degrees of visual angle. 45 degrees are 13.05 mm of arc on a
        sphere of 11.5 mm radius: 65.0 degrees at its centre.
        """
        per_pixel = retina_angle(field_angle) / (2 * field_radius)
        return Retina(pose, radius, size[0] * per_pixel, size[1] * per_pixel)

    def hit(self, origin: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return hits as `Panel.hit` does, on the far inside of the sphere within CAP_ANGLE of the pole."""
        to_local = self.pose.inverse_matrix()
        start = to_local[:3, :3] @ origin + to_local[:3, 3]
        along = directions @ to_local[:3, :3].T
        half_b = along @ start
        with np.errstate(invalid="ignore"):
            distance = -half_b + np.sqrt(half_b**2 - (start @ start - self.radius**2))
        point = start + distance[..., None] * along
        s, angle = self._unroll(point)
        with np.errstate(invalid="ignore"):
            hit = (distance > 0) & (angle <= CAP_ANGLE)
        return np.where(hit[..., None], s, np.nan), np.where(hit, distance, np.nan)

    def _unroll(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        across = np.hypot(point[..., 0], point[..., 1])
        angle = np.arctan2(across, -point[..., 2])
        with np.errstate(divide="ignore", invalid="ignore"):
            per_metre = np.where(across > 0, angle / across, 0.0)
        s = np.stack([point[..., 0] * per_metre / self.radians_u, -point[..., 1] * per_metre / self.radians_v], axis=-1)
        return s, angle

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """As `Panel.bounds`: of what may be seen."""
        half = CAP_ANGLE / self.radians_u, CAP_ANGLE / self.radians_v
        return -half[0], -half[1], *half

    def extent(self) -> tuple[float, float]:
        """As `Panel.extent`: metres along the sphere."""
        return self.radians_u * self.radius, self.radians_v * self.radius

    def point(self, s: np.ndarray) -> np.ndarray:
        """Return the world position (..., 3) of surface coordinates s (..., 2)."""
        s = np.asarray(s, float)
        x, y = s[..., 0] * self.radians_u, -s[..., 1] * self.radians_v
        angle = np.hypot(x, y)
        across = np.sinc(angle / np.pi) * self.radius
        local = np.stack([x * across, y * across, -np.cos(angle) * self.radius], axis=-1)
        return local @ self.pose.rotation().T + np.asarray(self.pose.position)


Surface = Panel | Retina


def retina_angle(field_angle: float) -> float:
    """Return the angle in radians at the sphere's centre that a visual angle in degrees spans on the retina."""
    return field_angle * MM_PER_DEGREE / EYE_RADIUS_MM


def photograph_uv(s: np.ndarray | Uv, center: tuple[float, float], zoom: float) -> np.ndarray:
    """Return the photograph coordinates (..., 2), 0 to 1 from the upper left corner, of what is seen at surface
    coordinates s."""
    return np.asarray(center) + np.asarray(s) / zoom


def surface_s(uv: np.ndarray, center: tuple[float, float], zoom: float) -> np.ndarray:
    """Return where on the surface a photograph point is seen: the inverse of `photograph_uv`."""
    return (np.asarray(uv) - np.asarray(center)) * zoom


def bent(flat: np.ndarray, bend: float) -> np.ndarray:
    """Return where points (..., 3) on the plane, or in front of it, lie once it is rolled; x becomes the length of an
    arc."""
    x, y, z = np.moveaxis(np.asarray(flat, float), -1, 0)
    angle, radius = x * bend, 1 / bend - z
    return np.stack([radius * np.sin(angle), y, 1 / bend - radius * np.cos(angle)], axis=-1)


def unbent(local: np.ndarray, bend: float) -> np.ndarray:
    """Return the inverse of `bent`, for angles of less than half a turn to either side."""
    x, y, z = np.moveaxis(np.asarray(local, float), -1, 0)
    ahead = 1 / bend - z
    return np.stack([np.arctan2(x, ahead) / bend, y, 1 / bend - np.hypot(x, ahead)], axis=-1)


def standing_on(pose: Pose, flat: np.ndarray, bend: float) -> Pose:
    """Return a pose on a plane at `pose`, rolled or (`bend` 0) flat, at the point `flat` (3,) of its coordinates,
    turned as the surface is there."""
    if not bend:
        return Pose(pose.point(tuple(flat.tolist())), pose.orientation)
    half = float(flat[0]) * bend / 2
    turned = (0.0, -math.sin(half), 0.0, math.cos(half))
    return Pose(pose.point(tuple(bent(flat, bend).tolist())), product(pose.orientation, turned))


def columns(width: float, bend: float) -> int:
    """Return the number of straight pieces into which a width in metres is cut."""
    return max(1, min(MOST_COLUMNS, math.ceil(abs(width * bend) / LINE_ANGLE)))
