"""Which tiles the eyes can resolve, the most wanted first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sr_core.image import layers
from sr_core.image.geometry import MAX_LEVEL, TILE, Rect, TileKey, level_size
from sr_core.image.layers import COMPUTED, FINEST_PHOTOGRAPHED, PHOTOGRAPHED, PICTURE, overlay_level
from vr_app.core.space.pose import Eye, Pose
from vr_app.core.space.surface import ImageView, Surface, photograph_uv
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import ORIGIN, Placed, place, within_reach
from vr_app.core.view.view import ViewState

GRID = 24
"""Rays along each side of the grid that samples an eye's picture."""

BULGE = 0.05
"""How far the area seen between four rays may extend beyond them, relative to its own size."""

HYSTERESIS = 0.12
"""How many levels the eye must move past a switching point, so that a trembling head does not change the picture."""

SETTLE = 0.06
"""Seconds that a view must rest before the network starts on it, so that nothing is computed for views that fly past.
After a jump there is no need to rest: nothing lies between the two views."""


@dataclass(frozen=True)
class Demand:
    """The visible part of one photograph.

    `level`: the one whose pixels are nearest in size to the eyes' own. `visible`: the bounds of the visible part, in
    pixels of that level. `tiles`: the tiles of that level that cover these bounds, as columns and rows. `seen`: one
    byte for each of them, row by row: 1 if an eye sees part of it, otherwise 0 (a rolled head or a curved surface
    leaves out corners). `focus`: the tile column and row in the middle of the visible part, in quarters, so that a
    trembling head does not move it.
    """

    photograph: int
    level: int
    visible: Rect
    tiles: Rect
    seen: bytes
    focus: tuple[float, float]

    def mask(self) -> np.ndarray:
        """Return `seen` as (rows, columns) bool."""
        return np.frombuffer(self.seen, bool).reshape(self.tiles.h, self.tiles.w)


@dataclass(frozen=True)
class Seen:
    """What the eyes see of a view in one frame.

    `placed`: where its photographs are; `reach`: the surfaces that hands can grab; `wants`: what the eyes can resolve.
    `jumped`: the picture is not the one of the last frame. `waits`: the view has jumped and has not moved since, so
    computed tiles are wanted before it has come to rest. `placed_for`: what of the view `placed` and `reach` follow
    from, and the retina's pose.
    """

    placed: tuple[Placed, ...] = ()
    reach: tuple[Placed, ...] = ()
    wants: tuple[Demand, ...] = ()
    jumped: bool = False
    waits: bool = False
    placed_for: tuple[ViewState, Pose] | None = None


def look(view: ViewState, eyes: Sequence[Eye], before: Seen, retina_pose: Pose = ORIGIN) -> Seen:
    """Return what `eyes` see of the view; while their position is unknown, return `before`, the last frame's answer."""
    before = _placed(view, before, retina_pose)
    if not eyes:
        return before
    wants = demands(view, before.placed, eyes, before.wants)
    jumped = is_jump(before.wants, wants, view.active)
    waits = jumped or (before.waits and view.still_for > 0)
    return replace(before, wants=wants, jumped=jumped, waits=waits)


def _placed(view: ViewState, before: Seen, retina_pose: Pose) -> Seen:
    """Return `before` with the photographs placed as the view is now. They keep their places while a photograph is
    zoomed and moved on its surface."""
    placed_for = replace(view, images=(), still_for=0.0, past=(), begins=True), retina_pose
    if placed_for == before.placed_for:
        return before
    placed = place(view, retina_pose)
    return replace(before, placed=placed, reach=within_reach(placed), placed_for=placed_for)


def demands(
    view: ViewState,
    placed: Sequence[Placed],
    eyes: Sequence[Eye],
    before: Sequence[Demand] = (),
) -> tuple[Demand, ...]:
    """Return what `eyes` see of each placed photograph; surfaces out of sight are left out.

    `before`: the last frame's answer, for the hysteresis of the level.
    """
    levels = {demand.photograph: demand.level for demand in before}
    found = []
    for item in placed:
        record = view.record_of(item.image)
        image = view.images[item.image]
        seen = [part for eye in eyes for part in (_seen(image, item.surface, eye, record),) if part is not None]
        if seen:
            found.append(_demand(view, item.image, record, seen, levels.get(item.image)))
    return tuple(found)


@dataclass(frozen=True)
class _Seen:
    """The patches of a photograph that one eye sees, each with its corners `low` and `high` (n, 2) in photograph
    pixels, and the finest detail among them (photograph pixels per eye pixel)."""

    low: np.ndarray
    high: np.ndarray
    detail: float


@lru_cache(maxsize=64)
def _seen(image: ImageView, surface: Surface, eye: Eye, record: PhotographRecord) -> _Seen | None:
    """Return what one eye sees of one surface, or None for nothing. Cached, because of several panels only one moves at
    a time, and an eye before a screen never does."""
    s, _ = surface.hit(np.asarray(eye.pose.position), _grid(eye))
    if np.isnan(s[..., 0]).all():
        return None
    pixels = photograph_uv(s, image.center, image.zoom) * record.size
    low, high = _patches(pixels)
    bounds = surface.bounds
    first, last = (photograph_uv(edge, image.center, image.zoom) for edge in (bounds[:2], bounds[2:]))
    low = np.maximum(low, np.maximum(first, 0.0) * record.size)
    high = np.minimum(high, np.minimum(last, 1.0) * record.size)
    kept = (high[:, 0] > low[:, 0]) & (high[:, 1] > low[:, 1])
    if not kept.any():
        return None
    return _Seen(low[kept], high[kept], _detail(pixels, eye, record))


@lru_cache(maxsize=4)
def _grid(eye: Eye) -> np.ndarray:
    """Return world directions through the sampled points of the eye's picture, (GRID + 1, GRID + 1, 3). Cached for all
    surfaces."""
    steps = np.arange(GRID + 1) / GRID
    return eye.rays(steps[None, :] * eye.size[0], steps[:, None] * eye.size[1])


def _patches(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the patches between each four neighbouring rays: lower and upper bounds (n, 2) in photograph pixels.

    `pixels` (rows, columns, 2): where the rays meet the photograph's plane, NaN where they miss the surface. If only
    some of the four meet it, the patch is assumed to extend a step and a half further.
    """
    # fmin and fmax ignore NaN; either both coordinates are NaN or none.
    low = np.fmin(np.fmin(pixels[:-1, :-1], pixels[:-1, 1:]), np.fmin(pixels[1:, :-1], pixels[1:, 1:])).reshape(-1, 2)
    high = np.fmax(np.fmax(pixels[:-1, :-1], pixels[:-1, 1:]), np.fmax(pixels[1:, :-1], pixels[1:, 1:])).reshape(-1, 2)
    hit = (~np.isnan(pixels[..., 0])).view(np.int8)
    count = (hit[:-1, :-1] + hit[:-1, 1:] + hit[1:, :-1] + hit[1:, 1:]).ravel()
    some = count > 0
    low, high, count = low[some], high[some], count[some]
    size = high - low
    step = np.maximum(size[:, 0], size[:, 1])
    longest = step.max(initial=0.0)
    step[count == 1] = longest if longest > 0 else np.inf
    margin = (np.where(count == 4, BULGE, 1.5) * step)[:, None]
    return low - margin, high + margin


def _detail(pixels: np.ndarray, eye: Eye, record: PhotographRecord) -> float:
    """Return photograph pixels per eye pixel where they are finest, ignoring a tenth of the picture."""
    x, y = pixels[..., 0], pixels[..., 1]
    inside = (x >= 0) & (x <= record.size[0]) & (y >= 0) & (y <= record.size[1])
    x, y = np.where(inside, x, np.nan), np.where(inside, y, np.nan)
    per_column = np.hypot(x[:GRID, 1:] - x[:GRID, :-1], y[:GRID, 1:] - y[:GRID, :-1])
    per_row = np.hypot(x[1:, :GRID] - x[:-1, :GRID], y[1:, :GRID] - y[:-1, :GRID])
    areas = (per_column * per_row).ravel() * (GRID / eye.size[0] * GRID / eye.size[1])
    known = areas[~np.isnan(areas)]
    # The surface is smaller than the sampling grid: assume the detail of a photograph one step across.
    return math.sqrt(_tenth(known)) if known.size else max(record.size) / max(eye.size) * GRID


def _tenth(values: np.ndarray) -> float:
    """Return the 10th percentile, as `np.percentile` computes it, in a third of the time."""
    at = 0.1 * (values.size - 1)
    below = int(at)
    above = min(below + 1, values.size - 1)
    ordered = np.partition(values, (below, above))
    return float(ordered[below] + (at - below) * (ordered[above] - ordered[below]))


def _demand(view: ViewState, index: int, record: PhotographRecord, seen: list[_Seen], before: int | None) -> Demand:
    level = _level(min(part.detail for part in seen), before, record)
    level = min(level, 0 if view.original else view.finest)
    whole = Rect(0, 0, *level_size(*record.size, level))
    low = np.floor(np.concatenate([part.low for part in seen]) * 2.0**level).astype(int)
    high = np.ceil(np.concatenate([part.high for part in seen]) * 2.0**level).astype(int)
    x, y = (int(v) for v in low.min(axis=0))
    right, bottom = (int(v) for v in high.max(axis=0))
    visible = Rect(x, y, right - x, bottom - y).intersect(whole)
    x, y = (round(4 * at / TILE) / 4 for at in (visible.x + visible.w / 2, visible.y + visible.h / 2))
    tiles = visible.cells(TILE)
    return Demand(index, level, visible, tiles, _covered(low, high, tiles), (x, y))


def _covered(low: np.ndarray, high: np.ndarray, tiles: Rect) -> bytes:
    """Return `Demand.seen`: which of the `tiles` any patch (level pixels) touches."""
    corner, most = np.array([tiles.x, tiles.y]), np.array([tiles.w - 1, tiles.h - 1])
    first = np.clip(low // TILE - corner, 0, most)
    last = np.clip(-(-high // TILE) - 1 - corner, first, most)
    # Each patch adds one to its tiles through a table of differences (a summed-area table in reverse).
    count = np.zeros((tiles.h + 1, tiles.w + 1), int)
    np.add.at(count, (first[:, 1], first[:, 0]), 1)
    np.add.at(count, (last[:, 1] + 1, last[:, 0] + 1), 1)
    np.add.at(count, (first[:, 1], last[:, 0] + 1), -1)
    np.add.at(count, (last[:, 1] + 1, first[:, 0]), -1)
    return (count.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0).tobytes()


def _level(detail: float, before: int | None, record: PhotographRecord) -> int:
    exact = -math.log2(max(detail, 1e-9))
    level = before if before is not None and abs(exact - before) <= 0.5 + HYSTERESIS else round(exact)
    return max(record.coarsest, min(MAX_LEVEL, level))


def is_jump(before: Sequence[Demand], now: Sequence[Demand], photograph: int) -> bool:
    """Whether less than half of what is visible of a photograph, now or in the last frame, is common to both: the view
    did not move but jumped to another picture, in which a fading tile would replace nothing that the user was looking
    at."""
    was, sees = (next((want for want in wants if want.photograph == photograph), None) for wants in (before, now))
    if sees is None or was is None:
        return sees is not None
    a, b = ([part / 2.0**want.level for part in _sides(want.visible)] for want in (was, sees))
    common = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (a, b)]
    return common < (sum(areas) - common) / 2


def _sides(rect: Rect) -> tuple[int, int, int, int]:
    return rect.x, rect.y, rect.right, rect.bottom


def tiles_wanted(view: ViewState, wants: Sequence[Demand], jumped: bool = False) -> tuple[TileKey, ...]:
    """Return every tile that should be resident, the most wanted first.

    First comes the coarsest tile of each loaded photograph (so that nothing is ever blank). Then come the visible
    photographed tiles, from the middle outward. Then come the computed ones, once the view rests, or at once if it has
    `jumped` here and not moved since: first the picture's, then those of the layers over it.
    """
    base = tuple(TileKey(i, view.record_of(i).coarsest, 0, 0) for i in view.loaded)
    covers = tuple(_Cover(want.photograph, want.level, want.tiles, want.seen, want.focus) for want in wants)
    return _in_order(base, covers, jumped or view.still_for >= SETTLE, view.over)


class _Cover(NamedTuple):
    """The part of a `Demand` that the order depends on: everything but the bounds in pixels, which change with every
    breath."""

    photograph: int
    level: int
    tiles: Rect
    seen: bytes
    focus: tuple[float, float]


@lru_cache(maxsize=2)
def _in_order(
    base: tuple[TileKey, ...], covers: tuple[_Cover, ...], rests: bool, over: tuple[int, ...]
) -> tuple[TileKey, ...]:
    found = nearest_first([_around(cover, min(cover.level, FINEST_PHOTOGRAPHED), PHOTOGRAPHED) for cover in covers])
    if rests:
        sharp = [cover for cover in covers if cover.level in COMPUTED]
        found += nearest_first([_around(cover, cover.level, PICTURE[cover.level]) for cover in sharp])
        for layer in over:
            levels = [(cover, overlay_level(layers.LAYERS[layer], cover.level)) for cover in covers]
            found += nearest_first([_around(cover, level, layer) for cover, level in levels if level is not None])
    return tuple(dict.fromkeys((*base, *found)))


def _around(cover: _Cover, level: int, layer: int) -> np.ndarray:
    """Return the visible tiles of a level no finer than the cover's own: (n, 6) of the distance from the focus in
    tiles, and the tile's photograph, level, column, row and layer."""
    shift, tiles = cover.level - level, cover.tiles
    rows, cols = np.frombuffer(cover.seen, bool).reshape(tiles.h, tiles.w).nonzero()
    corner = np.array([tiles.x, tiles.y]) >> shift
    found = np.zeros((tiles.h + 1, tiles.w + 1), bool)  # each tile of the level once
    found[(rows + tiles.y >> shift) - corner[1], (cols + tiles.x >> shift) - corner[0]] = True
    at = np.argwhere(found)[:, ::-1] + corner
    return from_focus(at, np.asarray(cover.focus) / 2**shift, cover.photograph, level, layer)


def from_focus(
    at: np.ndarray, focus: Sequence[float] | np.ndarray, photograph: int, level: int, layer: int
) -> np.ndarray:
    """Return the tiles at `at`, (n, 2) of column and row, as (n, 6) of the distance from the focus in tiles, and the
    tile's photograph, level, column, row and layer."""
    distance = np.linalg.norm(at + 0.5 - np.asarray(focus), axis=1)
    whose = np.broadcast_to((photograph, level), at.shape)
    return np.column_stack([distance, whose, at, np.full(len(at), layer)])


def nearest_first(tiles: Sequence[np.ndarray]) -> list[TileKey]:
    """Return all tiles of `from_focus` by distance; equally distant ones in the order of their keys."""
    if not tiles:
        return []
    together = np.concatenate(tiles)
    ordered = together[np.lexsort(together.T[::-1])]
    return list(map(TileKey._make, ordered[:, 1:].astype(int).tolist()))
