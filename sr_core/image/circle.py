"""Fit a circle to points: the circle that most of them agree on, refined by least squares."""

import numpy as np

TOLERANCE = 2.0
"""The largest distance from a circle, in the points' own unit, at which a point counts as lying on it."""
_TRIPLES = 300


def fit_circle(points: np.ndarray, least: int, radii: tuple[float, float]) -> np.ndarray | None:
    """Return (cx, cy, radius) of the circle that most of the (N, 2) points lie on, by RANSAC with a fixed seed, so that
    the result is repeatable, and then least squares. None if fewer than `least` points agree or the radius is outside
    `radii`."""
    if len(points) < max(least, 3):
        return None
    rng = np.random.default_rng(0)
    triples = points[rng.integers(len(points), size=(_TRIPLES, 3))]
    with np.errstate(all="ignore"):
        circles = _circumcircles(triples)
        circles = circles[(circles[:, 2] > radii[0]) & (circles[:, 2] < radii[1])]
    if not len(circles):
        return None
    sample = points[:: max(len(points) // 500, 1)]
    distance = np.hypot(sample[:, 0] - circles[:, :1], sample[:, 1] - circles[:, 1:2])
    votes = (np.abs(distance - circles[:, 2:]) < TOLERANCE).sum(axis=1)
    circle = circles[votes.argmax()]
    for _ in range(5):
        near = points[np.abs(from_rim(points, circle)) < TOLERANCE]
        if len(near) < least:
            return None
        circle = _least_squares_circle(near)
    return circle if radii[0] < circle[2] < radii[1] else None


def from_rim(points: np.ndarray, circle: np.ndarray) -> np.ndarray:
    """Return the signed distance of (N, 2) points from a circle, positive outside."""
    return np.hypot(points[:, 0] - circle[0], points[:, 1] - circle[1]) - circle[2]


def _circumcircles(triples: np.ndarray) -> np.ndarray:
    """Convert (N, 3 points, 2) to (N, 3) cx, cy, radius; collinear triples give infinities."""
    a, b, c = triples[:, 0], triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0]
    d = 2 * (b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0])
    b2, c2 = (b * b).sum(axis=1), (c * c).sum(axis=1)
    x = (c[:, 1] * b2 - b[:, 1] * c2) / d
    y = (b[:, 0] * c2 - c[:, 0] * b2) / d
    return np.stack([a[:, 0] + x, a[:, 1] + y, np.hypot(x, y)], axis=1)


def _least_squares_circle(points: np.ndarray) -> np.ndarray:
    """Return Kasa's algebraic least-squares circle of (N, 2) points."""
    mean = points.mean(axis=0)
    x, y = (points - mean).T
    solution, *_ = np.linalg.lstsq(np.stack([2 * x, 2 * y, np.ones_like(x)], axis=1), x * x + y * y, rcond=None)
    radius = np.sqrt(max(solution[2] + solution[0] ** 2 + solution[1] ** 2, 0.0))
    return np.array([solution[0] + mean[0], solution[1] + mean[1], radius])
