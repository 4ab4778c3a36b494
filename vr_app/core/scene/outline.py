"""How regions of interest are drawn: an outline around each, and its number and name beside it.

The line runs outside the region, so that it covers none of its pixels, and is as wide in the eye's pixels wherever the
viewer stands. Its colour occurs in no fundus and marks no computed pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sr_core.image.geometry import Rect
from vr_app.core.space.pose import Pose, product
from vr_app.core.space.surface import CAP_ANGLE, Panel, Retina, Surface, columns, standing_on, surface_s
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.region import Regions, drafted

REGION_COLOUR = (0.62, 0.93, 0.36, 1.0)
"""Light green."""

CASING = 1.0
"""Dark eye pixels on either side of a line, so that it is also seen on the bright optic disc."""

WIDTHS = {False: 2.0, True: 3.0}
"""Width of a line in eye pixels: for the chosen region (True) and for the others."""

HANDLE = 5.0
"""Half the edge of a handle in eye pixels: at each corner of the chosen region, where a mouse can drag it."""

STEP = math.radians(2.5)
"""A line on the retina is drawn straight over this angle; the error is below half a millimetre."""

REACH = 3.0
"""How much wider than its line the strip is in which it is drawn, because surfaces are seen at an angle."""


@dataclass(frozen=True)
class Outline:
    """Around `rect` of the photograph, in its pixels. `words` stand beside it, and `note` where there is room.
    `number`: the region's; 0 for one that is being marked, and for a `handle`, which is a corner of the chosen one."""

    rect: Rect
    chosen: bool = False
    words: str = ""
    note: str = ""
    number: int = 0
    handle: bool = False

    @property
    def width(self) -> float:
        """The line's, in eye pixels."""
        return HANDLE if self.handle else WIDTHS[self.chosen]


def outlines(regions: Regions, photograph: PhotographRecord, image: int, handles: bool = False) -> tuple[Outline, ...]:
    """Return the outlines of a photograph's regions, unless they are hidden, the chosen one last, and of the one being
    marked on it. `image`: its index. `handles`: the chosen one has handles at its corners."""
    found = [
        Outline(region.rect, index == regions.chosen, f"{region.number} {region.kind}", region.note, region.number)
        for index, region in ((index, regions.known[index]) for index in regions.of(photograph))
        if not regions.hidden
    ]
    found.sort(key=lambda outline: outline.chosen)
    if handles and found and found[-1].chosen:
        rect = found[-1].rect
        corners = ((x, y) for x in (rect.x, rect.right) for y in (rect.y, rect.bottom))
        found += [Outline(Rect(x, y, 0, 0), True, handle=True) for x, y in corners]
    draft = regions.draft
    if draft and draft.image == image:
        rect = drafted(draft, photograph.size)
        if rect is not None:
            found.append(Outline(rect, True))
    return tuple(found)


def on_surface(
    rect: Rect, surface: Surface, center: tuple[float, float], zoom: float, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the upper left and the lower right corner of a rectangle of the photograph, in surface coordinates; they
    may lie beyond the surface's edge."""
    corners = np.array([(rect.x, rect.y), (rect.right, rect.bottom)]) / size
    first, last = surface_s(corners, center, zoom)
    return first, last


def strip(surface: Surface, first: np.ndarray, last: np.ndarray, reach: float) -> np.ndarray:
    """Return the strip around a rectangle of a surface, between its corners `first` and `last` in surface coordinates,
    `reach` metres wide outside and a tenth of that within: triangles, one after another.

    Returns (3 n, 5) float32: the world position, and how far right and down of the rectangle's middle, in metres along
    the surface. What lies beyond the surface is left out.
    """
    extent = np.array(surface.extent())
    left, top, right, bottom = surface.bounds
    outer, inner = reach / extent, np.minimum(0.1 * reach / extent, (last - first) / 2)
    lines = [
        np.clip(_lines(a - o, a + i, b - i, b + o, _pieces(surface, (b - a) * unit)), *ends)
        for a, b, o, i, unit, *ends in zip(first, last, outer, inner, extent, (left, top), (right, bottom), strict=True)
    ]
    s = np.stack(np.meshgrid(*lines), axis=-1)
    metres = (s - (first + last) / 2) * extent
    points = np.concatenate([surface.point(s), metres], axis=-1)
    cols, rows = len(lines[0]) - 1, len(lines[1]) - 1
    x, y = np.meshgrid(np.arange(cols), np.arange(rows))
    border = (x == 0) | (x == cols - 1) | (y == 0) | (y == rows - 1)
    whole = (np.diff(lines[0])[None, :] > 0) & (np.diff(lines[1])[:, None] > 0)
    border &= whole & _shown(surface, s)
    x, y = x[border], y[border]
    quads = [points[y + down, x + right] for down, right in ((0, 0), (0, 1), (1, 0), (1, 0), (0, 1), (1, 1))]
    return np.ascontiguousarray(np.stack(quads, axis=1).reshape(-1, 5), np.float32)


def _lines(outer: float, low: float, high: float, far: float, pieces: int) -> np.ndarray:
    """Return the strip's grid lines along one axis."""
    return np.concatenate([[outer], np.linspace(low, high, pieces + 1), [far]])


def _pieces(surface: Surface, metres: float) -> int:
    """Return the number of pieces into which a side is cut, so that it follows the surface."""
    if isinstance(surface, Panel):
        return columns(metres, surface.bend)
    most = 2 * CAP_ANGLE / STEP
    return math.ceil(min(most, max(1.0, metres / surface.radius / STEP)))


def _shown(surface: Surface, s: np.ndarray) -> np.ndarray:
    """Return which cells of a grid of surface coordinates lie entirely where the surface is drawn."""
    if isinstance(surface, Panel):
        return np.ones((s.shape[0] - 1, s.shape[1] - 1), bool)
    within = np.hypot(s[..., 0] * surface.radians_u, s[..., 1] * surface.radians_v) < CAP_ANGLE
    return within[:-1, :-1] & within[1:, :-1] & within[:-1, 1:] & within[1:, 1:]


def standing_at(surface: Surface, s: Sequence[float], lift: float) -> Pose:
    """Return a pose on a surface, facing the viewer in front of a panel or at the retina's centre: x right, y up,
    `lift` metres nearer to the viewer."""
    if isinstance(surface, Panel):
        flat = np.array([s[0] * surface.width, -s[1] * surface.height, lift])
        return standing_on(surface.pose, flat, surface.bend)
    return _on_retina(surface, np.asarray(s, float), lift)


def _on_retina(surface: Retina, s: np.ndarray, lift: float) -> Pose:
    unmoved = Retina(Pose(), 1.0, surface.radians_u, surface.radians_v)
    x, y, z = unmoved.point(s).tolist()
    yaw, pitch = math.atan2(-x, -z), math.asin(max(-1.0, min(1.0, y)))
    turned = product(
        (0.0, math.sin(yaw / 2), 0.0, math.cos(yaw / 2)), (math.sin(pitch / 2), 0.0, 0.0, math.cos(pitch / 2))
    )
    near = surface.radius - lift
    return surface.pose.after(Pose((x * near, y * near, z * near), turned))
