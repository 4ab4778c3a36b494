"""The circular field of view of a fundus photograph: the lit disc on the black surround, fitted as a
circle."""

from dataclasses import dataclass

import numpy as np

_LONG_SIDE = 512
_RIM_TOLERANCE = 2.0
"""Distance from the circle, in pixels of the shrunk copy, within which a point counts as rim."""


@dataclass(frozen=True)
class FieldOfView:
    """A circle in pixels of the photograph at level 0: x right, y down, the first pixel's centre at (0.5,
    0.5).

    The circle may reach past the frame (many cameras clip it at top and bottom).
    """

    cx: float
    cy: float
    radius: float

    def mask(self, shape: tuple[int, ...], erode: float = 0.0) -> np.ndarray:
        """Pixels whose centre lies in the circle shrunk by ``erode`` pixels: bool (H, W) of shape[:2]."""
        radius = max(self.radius - erode, 0.0)
        x = np.arange(shape[1]) + 0.5 - self.cx
        y = np.arange(shape[0]) + 0.5 - self.cy
        return np.square(y)[:, None] + np.square(x)[None, :] <= radius * radius

    def bounding_rect(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """(x0, y0, x1, y1), half open: the circle's bounding box clipped to a frame of shape[:2]; never
        empty."""
        height, width = shape[0], shape[1]
        x0 = min(max(int(np.floor(self.cx - self.radius)), 0), width - 1)
        y0 = min(max(int(np.floor(self.cy - self.radius)), 0), height - 1)
        x1 = max(min(int(np.ceil(self.cx + self.radius)), width), x0 + 1)
        y1 = max(min(int(np.ceil(self.cy + self.radius)), height), y0 + 1)
        return x0, y0, x1, y1

    def cropped(self, x0: float, y0: float) -> "FieldOfView":
        """The same circle in the coordinates of a crop whose first pixel was (x0, y0)."""
        return FieldOfView(self.cx - x0, self.cy - y0, self.radius)

    def scaled(self, factor: float) -> "FieldOfView":
        """The same circle on the photograph resampled by ``factor``."""
        return FieldOfView(self.cx * factor, self.cy * factor, self.radius * factor)


def fit_field_of_view(pixels: np.ndarray) -> FieldOfView:
    """Fit the field's circle to a photograph, uint8 (H, W, 3).

    The lit region's left, right, upper and lower ends that do not lie on the frame are its rim; the circle
    that most of them agree on (RANSAC with a fixed seed, so the answer is repeatable) is refined by least
    squares. Where no rim is to be seen (no black surround, an empty or a flat picture) the field is taken as
    the circle around the frame's centre whose diameter is the frame's longer side.
    """
    height, width = pixels.shape[:2]
    step = max(max(height, width) // _LONG_SIDE, 1)
    # Strided, not averaged: 16 megapixels would take longer than the whole fit.
    small = pixels[::step, ::step].max(axis=2).astype(np.float32)
    rim = _rim_points(small > _threshold(small))
    circle = _ransac_circle(rim, max(small.shape))
    if circle is None:
        return FieldOfView(width / 2, height / 2, max(height, width) / 2)
    # Sample k of the strided copy is pixel k * step, whose centre is at k * step + 0.5.
    cx, cy, radius = (float(v) for v in circle * step)
    return FieldOfView(cx + 0.5, cy + 0.5, radius)


def _threshold(grey: np.ndarray) -> float:
    """A grey level between the black surround and the retina's dim edge: a sixth of the way to the median
    of what is lit, which vignetting at the rim does not reach down to."""
    dark = float(np.percentile(grey, 0.5))
    lit = grey[grey > dark + 12]
    return dark + max(12.0, (float(np.median(lit)) - dark) / 6) if lit.size else 255.0


def _rim_points(lit: np.ndarray) -> np.ndarray:
    """(N, 2) x, y of the ends of the lit stretch of every row and column, at the edge between dark and lit
    samples; ends at the frame are left out."""
    points = []
    for transposed in (False, True):
        grid = lit.T if transposed else lit
        # Three lit samples in a row, so that dust and JPEG noise in the surround do not begin a stretch.
        run = grid[:, :-2] & grid[:, 1:-1] & grid[:, 2:]
        lines = np.flatnonzero(run.any(axis=1))
        first = run[lines].argmax(axis=1)
        last = grid.shape[1] - 1 - run[lines, ::-1].argmax(axis=1)
        for end, inside in ((first - 0.5, first > 1), (last + 0.5, last < grid.shape[1] - 2)):
            pair = (end[inside], lines[inside].astype(float))
            points.append(np.stack(pair[::-1] if transposed else pair, axis=1))
    return np.concatenate(points)


def _ransac_circle(points: np.ndarray, long_side: int) -> np.ndarray | None:
    """(cx, cy, radius) that most points lie on, or None where too few agree or the circle makes no sense."""
    if len(points) < long_side // 8:
        return None
    rng = np.random.default_rng(0)
    triples = points[rng.integers(len(points), size=(300, 3))]
    with np.errstate(all="ignore"):
        circles = _circumcircles(triples)
        sensible = (circles[:, 2] > 0.2 * long_side) & (circles[:, 2] < 1.5 * long_side)
        circles = circles[sensible]
    if not len(circles):
        return None
    sample = points[:: max(len(points) // 500, 1)]
    distance = np.hypot(sample[:, 0] - circles[:, :1], sample[:, 1] - circles[:, 1:2])
    votes = (np.abs(distance - circles[:, 2:]) < _RIM_TOLERANCE).sum(axis=1)
    circle = circles[votes.argmax()]
    for _ in range(5):
        off = np.abs(np.hypot(points[:, 0] - circle[0], points[:, 1] - circle[1]) - circle[2])
        near = points[off < _RIM_TOLERANCE]
        if len(near) < long_side // 8:
            return None
        circle = _least_squares_circle(near)
    return circle


def _circumcircles(triples: np.ndarray) -> np.ndarray:
    """(N, 3 points, 2) -> (N, 3) cx, cy, radius; collinear triples give infinities."""
    a, b, c = triples[:, 0], triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0]
    d = 2 * (b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0])
    b2, c2 = (b * b).sum(axis=1), (c * c).sum(axis=1)
    x = (c[:, 1] * b2 - b[:, 1] * c2) / d
    y = (b[:, 0] * c2 - c[:, 0] * b2) / d
    return np.stack([a[:, 0] + x, a[:, 1] + y, np.hypot(x, y)], axis=1)


def _least_squares_circle(points: np.ndarray) -> np.ndarray:
    """Kasa's algebraic least-squares circle of (N, 2) points."""
    mean = points.mean(axis=0)
    x, y = (points - mean).T
    solution, *_ = np.linalg.lstsq(np.stack([2 * x, 2 * y, np.ones_like(x)], axis=1), x * x + y * y, rcond=None)
    radius = np.sqrt(max(solution[2] + solution[0] ** 2 + solution[1] ** 2, 0.0))
    return np.array([solution[0] + mean[0], solution[1] + mean[1], radius])
