"""The circular field of view of a fundus photograph: the lit disc on its dark or uniform background. It is fitted as a
circle, or assumed if no circle explains the lit region."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import ndimage

from sr_core.image.circle import TOLERANCE, fit_circle, from_rim

NO_RIM = "no rim of a field of view is visible"
NOT_ROUND = "the lit part is not one circle"
SEVERAL = "it holds several fields of view"

_LONG_SIDE = 512


@dataclass(frozen=True)
class FieldOfView:
    """A circle in pixels of the photograph at level 0: x right, y down, the first pixel's centre at (0.5,
    0.5).

    The circle may extend beyond the frame (many cameras clip it at top and bottom). `assumed`: why it could not be
    fitted (NO_RIM, NOT_ROUND, SEVERAL), or "" if it was.
    """

    cx: float
    cy: float
    radius: float
    assumed: str = field(default="", compare=False)

    @property
    def provenance(self) -> str:
        """The origin of the circle: ``fitted`` or ``assumed``."""
        return "assumed" if self.assumed else "fitted"

    def mask(self, shape: tuple[int, ...], erode: float = 0.0) -> np.ndarray:
        """Return which pixel centres lie in the circle shrunk by ``erode`` pixels: bool (H, W) of shape[:2]."""
        radius = max(self.radius - erode, 0.0)
        x = np.arange(shape[1]) + 0.5 - self.cx
        y = np.arange(shape[0]) + 0.5 - self.cy
        return np.square(y)[:, None] + np.square(x)[None, :] <= radius * radius

    def bounding_rect(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Return (x0, y0, x1, y1), half open: the circle's bounding box clipped to a frame of shape[:2]; never
        empty."""
        height, width = shape[0], shape[1]
        x0 = min(max(int(np.floor(self.cx - self.radius)), 0), width - 1)
        y0 = min(max(int(np.floor(self.cy - self.radius)), 0), height - 1)
        x1 = max(min(int(np.ceil(self.cx + self.radius)), width), x0 + 1)
        y1 = max(min(int(np.ceil(self.cy + self.radius)), height), y0 + 1)
        return x0, y0, x1, y1

    def cropped(self, x0: float, y0: float) -> "FieldOfView":
        """Return the same circle in the coordinates of a crop whose first pixel was (x0, y0)."""
        return replace(self, cx=self.cx - x0, cy=self.cy - y0)

    def scaled(self, factor: float) -> "FieldOfView":
        """Return the same circle on the photograph resampled by ``factor``."""
        return replace(self, cx=self.cx * factor, cy=self.cy * factor, radius=self.radius * factor)


def fit_field_of_view(pixels: np.ndarray) -> FieldOfView:
    """Fit the field's circle to a photograph, uint8 (H, W, 3).

    The rim consists of the lit region's left, right, upper and lower ends that do not lie on the frame. The circle that
    most of them agree on is moved to where the levels fall most steeply, and must explain the lit region (`_explains`).
    The background is dark, or uniform in another colour (white in an inverted picture); frames and bars along the edges
    are ignored. If no circle fits, the field is assumed: a circle whose diameter is the longer side, around the middle
    of the lit region if a background is visible, otherwise around the middle of the frame.
    """
    height, width = pixels.shape[:2]
    step = max(max(height, width) // _LONG_SIDE, 1)
    # Subsampled, not averaged: averaging 16 megapixels would take longer than the whole fit.
    small = pixels[::step, ::step]
    best: _Found | None = None
    for region in _lit_regions(small):
        found = _find(region)
        if isinstance(found, np.ndarray):
            # Sample k of the strided copy is pixel k * step, whose centre is at k * step + 0.5.
            cx, cy, radius = (float(v) for v in found * step)
            return FieldOfView(cx + 0.5, cy + 0.5, radius)
        best = best or found
    if best is None:
        return FieldOfView(width / 2, height / 2, max(height, width) / 2, assumed=NO_RIM)
    x0, y0, x1, y1 = (side * step for side in best.box)
    x1, y1 = min(x1, width), min(y1, height)
    return FieldOfView((x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0) / 2, assumed=best.reason)


@dataclass(frozen=True)
class _Found:
    """A lit region on a visible background that is not a single circle: its box x0, y0, x1, y1, half open."""

    box: tuple[int, int, int, int]
    reason: str


@dataclass(frozen=True, eq=False)
class _Region:
    """How far each pixel is from the background, uint8 (H, W) in grey levels, and which pixels are lit, bool (H, W);
    whether the background must be uniform or else dark."""

    levels: np.ndarray
    lit: np.ndarray
    even: bool


def _lit_regions(small: np.ndarray) -> Iterator[_Region]:
    """Yield possible lit regions, most likely first."""
    grey = np.maximum(np.maximum(small[..., 0], small[..., 1]), small[..., 2])
    yield _Region(grey, grey > _threshold(grey), even=False)
    unlike = _unlike_the_corners(small)
    if unlike is not None:
        yield _Region(unlike, unlike > _threshold(unlike), even=True)


def _threshold(grey: np.ndarray) -> float:
    """Return a grey level between the black background and the retina's dim edge: a sixth of the way to the median of
    the lit pixels, which vignetting at the rim does not reach."""
    count = _histogram(grey)
    dark = _level(count, 0.005)
    count[: dark + 13] = 0
    return dark + max(12.0, (_level(count, 0.5) - dark) / 6) if count.any() else 255.0


def _histogram(levels: np.ndarray) -> np.ndarray:
    """Count the pixels of each of the 256 grey levels: faster than sorting."""
    return np.bincount(levels.ravel(), minlength=256)


def _level(count: np.ndarray, part: float) -> int:
    """Return the grey level that this fraction of a histogram does not exceed."""
    return int(np.searchsorted(np.cumsum(count), part * count.sum()))


def _unlike_the_corners(small: np.ndarray) -> np.ndarray | None:
    """How far every pixel is from the colour that two corners share, or more, within the edges that are even, uint8
    (H, W); None where they share none."""
    across = small.transpose(1, 0, 2)
    rows, columns = _uneven(small), _uneven(across)
    (top, bottom), (left, right) = _inside(small, rows), _inside(across, columns)
    inner = small[top:bottom, left:right]
    if min(inner.shape[:2]) < 16:
        return None
    side = max(min(inner.shape[:2]) // 50, 3)
    near, far = slice(None, side), slice(-side, None)
    corners = np.stack([inner[y, x].reshape(-1, 3) for y in (near, far) for x in (near, far)]).astype(np.float32)
    middles, flat = np.median(corners, axis=1), corners.std(axis=1).max(axis=1) < 4
    alike = (np.abs(middles[:, None] - middles).max(axis=2) < 10) & flat & flat[:, None]
    # Of two pairs take the brighter: a dark background has been tried before.
    most = max(range(4), key=lambda i: (alike[i].sum(), middles[i].sum()))
    if alike[most].sum() < 2:
        return None
    colour = middles[most]
    (top, bottom), (left, right) = _inside(small, rows, colour), _inside(across, columns, colour)
    inner = small[top:bottom, left:right]
    unlike = np.zeros(small.shape[:2], np.uint8)
    unlike[top:bottom, left:right] = np.abs(inner.astype(np.int16) - np.rint(colour).astype(np.int16)).max(axis=2)
    return unlike


def _uneven(rows: np.ndarray) -> tuple[int, int]:
    """Return the range of rows that are not of one colour each."""
    low, high = np.percentile(rows, (5, 95), axis=1)
    uneven = np.flatnonzero((high - low).max(axis=1) > 12)
    return (int(uneven[0]), int(uneven[-1]) + 1) if uneven.size > 0 else (0, 0)


_SMEARED = 8
"""Samples beside a frame, which JPEG's blocks mix with it."""


def _inside(rows: np.ndarray, ends: tuple[int, int], colour: np.ndarray | None = None) -> tuple[int, int]:
    """Return the range between two ends of rows, without what a frame smears. Beyond an end of the background's
    `colour`, once that is known, there is no frame."""
    first, last = ends
    margins = rows[:first], rows[last:]
    framed = [
        part.size > 0 and (colour is None or np.abs(np.median(part, axis=(0, 1)) - colour).max() > 10)
        for part in margins
    ]
    return first + _SMEARED * framed[0], last - _SMEARED * framed[1]


def _find(region: _Region) -> np.ndarray | _Found | None:
    """The circle (cx, cy, radius) that explains a lit region; else what is lit; None where no surround is seen."""
    x0, y0, x1, y1 = _without_bars(region.levels, region.lit)
    offset = np.array([x0, y0, 0])
    lit = region.lit[y0:y1, x0:x1]
    if min(lit.shape[0] / region.lit.shape[0], lit.shape[1] / region.lit.shape[1]) < _LEAST_WITHIN_BARS:
        return None
    if not _stands_out(region.levels[y0:y1, x0:x1], lit, region.even):
        return None
    levels = region.levels[y0:y1, x0:x1]
    circle = _circle(lit, levels)
    if circle is not None:
        return circle + offset
    bodies = _bodies(lit)
    if len(bodies) == 1:
        circle = _circle(bodies[0], levels)
        if circle is not None:
            return circle + offset
    if not bodies or not _corners_are_dark(lit) or (region.even and lit.mean() < _LEAST_LIT):
        return None
    box = _box(np.logical_or.reduce(bodies))
    reason = SEVERAL if len(bodies) > 1 else NOT_ROUND
    return _Found((box[0] + x0, box[1] + y0, box[2] + x0, box[3] + y0), reason)


_LEAST_LIT = 0.35
"""Share of the picture that stands out from an even ground: less, and not round, is a bright part of a retina."""
_LEAST_WITHIN_BARS = 0.4
"""A fraction of the picture's width and height; bars that would leave less are not bars."""


def _without_bars(levels: np.ndarray, lit: np.ndarray) -> tuple[int, int, int, int]:
    """The part within frames and caption bars, x0, y0, x1, y1: rows and columns at the edges that are lit at both ends
    and mostly between (where the field of view itself is cut by the frame, the corners are dark).

    Frames go first, which are of one colour: within one every row is lit at both ends."""
    x0, y0, x1, y1 = 0, 0, lit.shape[1], lit.shape[0]
    while True:
        inner, grey = lit[y0:y1, x0:x1], levels[y0:y1, x0:x1]
        if min(inner.shape) < 12:
            return x0, y0, x1, y1
        for bars in (_frame, _bars):
            top, bottom = bars(grey, inner)
            left, right = bars(grey.T, inner.T)
            if top or bottom or left or right:
                break
        else:
            return x0, y0, x1, y1
        x0, y0, x1, y1 = x0 + left, y0 + top, x1 - right, y1 - bottom


def _frame(levels: np.ndarray, lit: np.ndarray) -> tuple[int, int]:
    """How many rows at the upper and at the lower edge are lit throughout, in one colour."""
    share = lit.mean(axis=1)
    bar = share > 0.95
    low, middle, high = np.percentile(levels[bar], (5, 50, 95), axis=1) if bar.any() else np.zeros((3, 0))
    bar[bar] = high - low < 0.12 * middle + 4
    return (0, 0) if bar.all() else (_bar(bar, share), _bar(bar[::-1], share[::-1]))


def _bars(levels: np.ndarray, lit: np.ndarray) -> tuple[int, int]:
    """How many rows at the upper and at the lower edge belong to a bar, with letters or without."""
    share = lit.mean(axis=1)
    bar = lit[:, :3].any(axis=1) & lit[:, -3:].any(axis=1) & (share > 0.6)
    return (len(bar), 0) if bar.all() else (_bar(bar, share), _bar(bar[::-1], share[::-1]))


def _bar(bar: np.ndarray, share: np.ndarray) -> int:
    """Return how many of the first rows are a bar. A bar ends abruptly; a field of view that is cut narrows row by
    row."""
    end = int(bar.argmin())
    beyond = min(end + 2, len(share) - 1)
    # One more row, which the bar's blurred edge darkens.
    return end + 1 if end and share[beyond] < share[end - 1] - 0.15 else 0


def _bodies(lit: np.ndarray) -> list[np.ndarray]:
    """Return the connected lit parts that may be fields of view, largest first: large and compact, unlike text beside
    them or the bright parts of a retina without a background."""
    labels = np.zeros(lit.shape, np.int32)
    ndimage.label(ndimage.binary_opening(lit, np.ones((3, 3), bool)), output=labels)
    areas = np.bincount(labels.ravel())[1:]
    large = [i for i in np.argsort(areas)[::-1] if areas[i] > max(0.25 * areas.max(), 0.05 * lit.size)]
    bodies = []
    for i in large:
        body = labels == i + 1
        x0, y0, x1, y1 = _box(body)
        if areas[i] > 0.6 * (x1 - x0) * (y1 - y0):
            bodies.append(body)
    return bodies


_BLACK, _DARK = 16.0, 60.0
_CONTRAST = {_BLACK: 1.5, _DARK: 4.0}
"""By how many times the background's own spread the lit part must be brighter, for a background up to that brightness.
On 689 photographs the background is at most 10 (one: 41), and the lit part at least 4.8 times its spread above it, 1.5
in the green channel. On 2,135 crops without a background the darkest part is at least 25, above 160 in half of them,
and below 60 at most 0.9 times (3.1 in the green channel)."""
_EVEN = 8.0
"""The largest spread of a uniform background that is not dark, in grey levels."""
_GLOW = 5.0
"""How far half of a background that glows is at most from its corners, in grey levels."""


def _stands_out(levels: np.ndarray, lit: np.ndarray, even: bool) -> bool:
    """Whether the unlit pixels are a background: dark or uniform, and much darker than the lit ones."""
    if min(lit.shape) < 12 or not lit.any() or lit.all():
        return False
    count, count_lit = _histogram(levels), _histogram(levels[lit])
    low, middle, high = (_level(count - count_lit, part) for part in (0.05, 0.5, 0.95))
    if even and high > _EVEN:
        # A dark surround that is shown inverted glows about the field like the dark one, and stands out as much.
        contrast = _CONTRAST[_DARK] if middle <= _GLOW else np.inf
    else:
        contrast = next((least for most, least in _CONTRAST.items() if middle <= most), np.inf)
    return _level(count_lit, 0.5) - middle > contrast * (high - low + 4)


def _corners_are_dark(lit: np.ndarray) -> bool:
    """Whether three of the corners are dark."""
    side = max(min(lit.shape) // 50, 3)
    near, far = slice(None, side), slice(-side, None)
    return sum(not lit[y, x].any() for y in (near, far) for x in (near, far)) >= 3


def _box(lit: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _circle(lit: np.ndarray, levels: np.ndarray) -> np.ndarray | None:
    """Return the circle (cx, cy, radius) of the lit part's rim, at the rim's steepest fall if that is a circle too: the
    lit part may include the glow around it."""
    long_side = max(lit.shape)
    rim = _rim_points(lit)
    circle = fit_circle(rim, long_side // 8, (0.2 * long_side, 1.5 * long_side))
    if circle is None:
        return None
    steepest, edges = _at_steepest(circle, levels)
    bright = levels > _level(_histogram(levels[lit]), 0.5) / 2  # without the glow
    if steepest is not None and _explains(steepest, edges, lit, bright, _SHARP):
        return steepest
    return circle if _explains(circle, rim, lit, lit, _LIT) else None


_RADII = 360
"""The number of radii on which the steepest fall is sought."""
_SEARCHED = 0.8, 1.2
"""Where on them it is sought, in radii of the first circle."""
_LEAST_FALL = 10.0
"""In grey levels."""


def _at_steepest(circle: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the circle through the steepest falls near a circle, None if there is none, and those falls, (N, 2) x, y.

    Repeated about the circle that was found, because it may have another middle.
    """
    found: np.ndarray | None = circle
    edges = np.zeros((0, 2))
    for _ in range(2):
        edges = _falls(found, levels)
        found = fit_circle(edges, _RADII // 12, (0.7 * circle[2], 1.4 * circle[2]))
        if found is None:
            break
    return found, edges


def _falls(circle: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the (N, 2) x, y at which the levels fall most, outward along each radius near the circle and inside the
    frame."""
    (height, width), (cx, cy, radius) = levels.shape, circle
    angles = np.arange(_RADII) * (2 * np.pi / _RADII)
    along = np.arange(_SEARCHED[0] * radius, _SEARCHED[1] * radius)
    x, y = cx + np.outer(np.cos(angles), along), cy + np.outer(np.sin(angles), along)
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    values = ndimage.map_coordinates(levels, (y, x), np.float32, order=1, mode="nearest")
    over = max(3, round(0.012 * radius))
    sums = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    means = (sums[:, over:] - sums[:, :-over]) / over
    fall = means[:, :-over] - means[:, over:]
    last = inside.shape[1] - 2 * over + 1
    fall[~(inside[:, :last] & inside[:, 2 * over - 1 :])] = 0
    place = fall.argmax(axis=1)
    clear = fall[np.arange(_RADII), place] > _LEAST_FALL
    at = along[place] + over - 0.5
    return np.stack([cx + np.cos(angles) * at, cy + np.sin(angles) * at], axis=1)[clear]


_BEYOND = 0.1
"""Share of the radius by which a circle's middle may lie outside of the picture."""
_ARC = 120
"""The number of arcs into which a circle is divided to measure how much of it has a rim."""


@dataclass(frozen=True)
class _Evidence:
    """What a circle needs. `arc`: with a rim, in degrees; `seen`: the fraction with a rim of the part inside the
    frame."""

    arc: float
    seen: float


_LIT = _Evidence(60, 0.4)
"""By the lit part's ends. A sixth of the circle, so that a corner cut from a photograph is enough. The 689 photographs
used for tuning have at least 135 degrees and 0.47."""
_SHARP = _Evidence(40, 0.85)
"""By the steepest falls: a shorter arc is enough, because nearly all of it must be there. This gives 127 of 132
quarters of photographs their circle, and none to 792 pieces without a rim."""
_MOST_OUTSIDE = 0.2
_LEAST_LIT_INSIDE = 0.9
"""Fractions of the area, lit outside and lit inside. Those photographs have at most 0.15 and at least 0.98."""


def _explains(circle: np.ndarray, rim: np.ndarray, lit: np.ndarray, bright: np.ndarray, least: _Evidence) -> bool:
    """Whether a circle's middle lies in the picture or just outside (of one cut in two), its rim is seen on a long arc,
    and it parts lit from unlit. `bright`: what counts as lit outside."""
    (height, width), (cx, cy, radius) = lit.shape, circle
    beyond = _BEYOND * radius
    if not (-beyond <= cx < width + beyond and -beyond <= cy < height + beyond):
        return False
    on_rim = rim[np.abs(from_rim(rim, circle)) < TOLERANCE]
    turn = np.arctan2(on_rim[:, 1] - cy, on_rim[:, 0] - cx) / (2 * np.pi) % 1.0
    seen = np.bincount((turn * _ARC).astype(int) % _ARC, minlength=_ARC) > 0
    angles = (np.arange(_ARC) + 0.5) * (2 * np.pi / _ARC)
    x, y = cx + radius * np.cos(angles), cy + radius * np.sin(angles)
    visible = (x > 2) & (x < width - 3) & (y > 2) & (y < height - 3)
    if seen.sum() * 360 / _ARC < least.arc or (seen & visible).sum() < least.seen * visible.sum():
        return False
    x, y = np.arange(width, dtype=np.float32) - cx, np.arange(height, dtype=np.float32) - cy
    squared = (y * y)[:, None] + x * x
    outside, inside = squared > (radius + 3) ** 2, squared < (radius - 3) ** 2
    lit_outside, lit_inside = np.count_nonzero(bright & outside), np.count_nonzero(lit & inside)
    few = lit_outside < _MOST_OUTSIDE * np.count_nonzero(outside)
    return bool(few and lit_inside > _LEAST_LIT_INSIDE * np.count_nonzero(inside))


def _rim_points(lit: np.ndarray) -> np.ndarray:
    """Return the (N, 2) x, y of both ends of the lit stretch in every row and column, halfway between the dark and the
    lit sample; ends at the frame are left out."""
    points = []
    for transposed in (False, True):
        grid = lit.T if transposed else lit
        # Three lit samples in a row, so that dust and JPEG noise in the background do not start a stretch.
        run = grid[:, :-2] & grid[:, 1:-1] & grid[:, 2:]
        lines = np.flatnonzero(run.any(axis=1))
        first = run[lines].argmax(axis=1)
        last = grid.shape[1] - 1 - run[lines, ::-1].argmax(axis=1)
        for end, inside in ((first - 0.5, first > 1), (last + 0.5, last < grid.shape[1] - 2)):
            pair = (end[inside], lines[inside].astype(float))
            points.append(np.stack(pair[::-1] if transposed else pair, axis=1))
    return np.concatenate(points)
