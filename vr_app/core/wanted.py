"""Which tiles the eyes can resolve, most wanted first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sr_core.image.geometry import MAX_LEVEL, TILE, Rect, TileKey, coarsest_level, level_size
from vr_app.core.pose import Eye
from vr_app.core.surface import photograph_uv
from vr_app.core.view import PhotographInfo, Placed, ViewState

GRID = 24
"""Rays per side with which each eye's picture is sampled."""

BULGE = 0.05
"""How far, in its own size, what is seen between four rays may reach beyond them."""

HYSTERESIS = 0.12
"""Levels by which the eye must move past a switching point, so that a trembling head does not change the picture."""

SETTLE = 0.06
"""Seconds a view must rest before the network starts on it: what flies past is never computed."""


@dataclass(frozen=True)
class Demand:
    """What the eyes see of one photograph.

    `level`: the one whose pixels are nearest to the eyes' own. `visible`: the bounds of what is seen, in pixels of that
    level. `tiles`: the tiles of that level that cover the bounds, as columns and rows. `seen`: the column and row of
    those that some eye sees a part of (a rolled head or a curved surface leaves corners out). `focus`: the tile column
    and row (not whole) in the middle of what is seen.
    """

    photograph: int
    level: int
    visible: Rect
    tiles: Rect
    seen: frozenset[tuple[int, int]]
    focus: tuple[float, float]


def demands(
    view: ViewState,
    placed: Sequence[Placed],
    eyes: Sequence[Eye],
    infos: Sequence[PhotographInfo | None],
    before: Sequence[Demand] = (),
) -> tuple[Demand, ...]:
    """What `eyes` see of each placed photograph; surfaces that no eye meets are left out.

    `before` is the last frame's answer, for hysteresis of the level.
    """
    levels = {demand.photograph: demand.level for demand in before}
    found = []
    for item in placed:
        info = infos[item.image]
        seen = [part for eye in eyes for part in (_seen(view, item, eye, info),) if part is not None]
        if seen:
            found.append(_demand(view, item.image, info, seen, levels.get(item.image)))
    return tuple(found)


@dataclass(frozen=True)
class _Seen:
    """Patches of the photograph that one eye sees, each with its corners `low` and `high` (n, 2) in photograph pixels,
    and the finest detail among them (photograph pixels per eye pixel)."""

    low: np.ndarray
    high: np.ndarray
    detail: float


def _seen(view: ViewState, item: Placed, eye: Eye, info: PhotographInfo) -> _Seen | None:
    steps = np.arange(GRID + 1) / GRID
    columns, rows = steps[None, :] * eye.size[0], steps[:, None] * eye.size[1]
    s, _ = item.surface.hit(np.asarray(eye.pose.position), eye.rays(columns, rows))
    image = view.images[item.image]
    pixels = photograph_uv(s, image.center, image.zoom) * info.size
    low, high = _patches(pixels)
    half = item.surface.half_extent()
    first, last = (photograph_uv(edge, image.center, image.zoom) for edge in (-half, half))
    low = np.maximum(low, np.maximum(first, 0.0) * info.size)
    high = np.minimum(high, np.minimum(last, 1.0) * info.size)
    kept = (high > low).all(axis=-1)
    if not kept.any():
        return None
    return _Seen(low[kept], high[kept], _detail(pixels, eye, info))


def _patches(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What lies between each four neighbouring rays: lower and upper bounds (n, 2) in photograph pixels.

    `pixels` (rows, columns, 2): where the rays meet the photograph's plane, NaN where they miss the surface. Where only
    some of the four hit it, the patch is taken to reach a step and a half further.
    """
    corners = np.stack([pixels[:-1, :-1], pixels[:-1, 1:], pixels[1:, :-1], pixels[1:, 1:]]).reshape(4, -1, 2)
    known = np.isfinite(corners).all(axis=-1)
    some = known.any(axis=0)
    corners, known = corners[:, some], known[:, some]
    low = np.where(known[..., None], corners, np.inf).min(axis=0)
    high = np.where(known[..., None], corners, -np.inf).max(axis=0)
    step = (high - low).max(axis=-1, initial=0.0)
    alone = known.sum(axis=0) == 1
    longest = step.max(initial=0.0)
    step[alone] = longest if longest > 0 else np.inf
    margin = np.where(known.all(axis=0), BULGE, 1.5) * step
    return low - margin[:, None], high + margin[:, None]


def _detail(pixels: np.ndarray, eye: Eye, info: PhotographInfo) -> float:
    """Photograph pixels per eye pixel where they are finest, but for a tenth of the picture."""
    inside = ((pixels >= 0) & (pixels <= info.size)).all(axis=-1)
    pixels = np.where(inside[..., None], pixels, np.nan)
    per_column = np.linalg.norm(np.diff(pixels, axis=1), axis=-1) * GRID / eye.size[0]
    per_row = np.linalg.norm(np.diff(pixels, axis=0), axis=-1) * GRID / eye.size[1]
    areas = per_column[:GRID, :] * per_row[:, :GRID]
    known = areas[np.isfinite(areas)]
    # A surface smaller than the sampling grid: about the detail of a photograph one step across.
    return math.sqrt(np.percentile(known, 10)) if known.size else max(info.size) / max(eye.size) * GRID


def _demand(view: ViewState, index: int, info: PhotographInfo, seen: list[_Seen], before: int | None) -> Demand:
    level = _level(min(part.detail for part in seen), before, info)
    if view.original:
        level = min(level, 0)
    whole = Rect(0, 0, *level_size(*info.size, level))
    low = np.floor(np.concatenate([part.low for part in seen]) * 2.0**level).astype(int)
    high = np.ceil(np.concatenate([part.high for part in seen]) * 2.0**level).astype(int)
    x, y = (int(v) for v in low.min(axis=0))
    right, bottom = (int(v) for v in high.max(axis=0))
    visible = Rect(x, y, right - x, bottom - y).intersect(whole)
    middle = (visible.x + visible.w / 2) / TILE, (visible.y + visible.h / 2) / TILE
    tiles = visible.cells(TILE)
    return Demand(index, level, visible, tiles, _covered(low, high, tiles), middle)


def _covered(low: np.ndarray, high: np.ndarray, tiles: Rect) -> frozenset[tuple[int, int]]:
    """The columns and rows of those among `tiles` that any patch (level pixels) touches."""
    corner = tiles.x, tiles.y
    first = np.clip(low // TILE - corner, 0, (tiles.w - 1, tiles.h - 1))
    last = np.clip(-(-high // TILE) - 1 - corner, first, (tiles.w - 1, tiles.h - 1))
    # Each patch adds one to its tiles, by way of a table of differences (a summed area the other way round).
    count = np.zeros((tiles.h + 1, tiles.w + 1), int)
    np.add.at(count, (first[:, 1], first[:, 0]), 1)
    np.add.at(count, (last[:, 1] + 1, last[:, 0] + 1), 1)
    np.add.at(count, (first[:, 1], last[:, 0] + 1), -1)
    np.add.at(count, (last[:, 1] + 1, first[:, 0]), -1)
    found = count.cumsum(axis=0).cumsum(axis=1)[:-1, :-1].nonzero()
    return frozenset((int(col) + tiles.x, int(row) + tiles.y) for row, col in zip(*found, strict=True))


def _level(detail: float, before: int | None, info: PhotographInfo) -> int:
    exact = -math.log2(max(detail, 1e-9))
    kept = before is not None and abs(exact - before) <= 0.5 + HYSTERESIS
    level = before if kept else round(exact)
    return max(coarsest_level(*info.size), min(MAX_LEVEL, level))


def tiles_wanted(
    view: ViewState, wants: Sequence[Demand], infos: Sequence[PhotographInfo | None]
) -> tuple[TileKey, ...]:
    """Every tile that should be resident, most wanted first.

    First the coarsest tile of each loaded photograph (so that nothing is ever blank), then the photographed tiles
    that are seen, from the middle outward, then the synthesised ones, once the view rests.
    """
    base = [
        TileKey(i, coarsest_level(*info.size), 0, 0) for i, info in enumerate(infos) if info is not None
    ]
    photographed: list[tuple[float, TileKey]] = []
    synthesised: list[tuple[float, TileKey]] = []
    for demand in wants:
        if demand.level > 0:
            photographed += _around(demand, 0)
            if view.still_for >= SETTLE:
                synthesised += _around(demand, demand.level)
        else:
            photographed += _around(demand, demand.level)
    order = [key for part in (photographed, synthesised) for _, key in sorted(part)]
    return tuple(dict.fromkeys(base + order))


def _around(demand: Demand, level: int) -> list[tuple[float, TileKey]]:
    """What is seen of the demand in a level, each tile with its distance from the focus in tiles."""
    seen = {TileKey(demand.photograph, demand.level, col, row).ancestor(level) for col, row in demand.seen}
    focus = demand.focus[0] / 2 ** (demand.level - level), demand.focus[1] / 2 ** (demand.level - level)
    return [(math.hypot(key.col + 0.5 - focus[0], key.row + 0.5 - focus[1]), key) for key in seen]
