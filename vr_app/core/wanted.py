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

HYSTERESIS = 0.12
"""Levels by which the eye must move past a switching point, so that a trembling head does not change the picture."""

SETTLE = 0.06
"""Seconds a view must rest before the network starts on it: what flies past is never computed."""


@dataclass(frozen=True)
class Demand:
    """What the eyes see of one photograph.

    `level`: the one whose pixels are nearest to the eyes' own. `visible`: the seen part in pixels of that level.
    `tiles`: the tiles of that level that cover it, as columns and rows. `focus`: the tile column and row (not whole)
    in the middle of what is seen.
    """

    photograph: int
    level: int
    visible: Rect
    tiles: Rect
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
    """Bounds in photograph pixels and the finest detail (photograph pixels per eye pixel) that one eye sees."""

    low: np.ndarray
    high: np.ndarray
    detail: float


def _seen(view: ViewState, item: Placed, eye: Eye, info: PhotographInfo) -> _Seen | None:
    steps = (np.arange(GRID + 1)) / GRID
    columns, rows = steps[None, :] * eye.size[0], steps[:, None] * eye.size[1]
    s, _ = item.surface.hit(np.asarray(eye.pose.position), eye.rays(columns, rows))
    image = view.images[item.image]
    pixels = photograph_uv(s, image.center, image.zoom) * info.size
    inside = ((pixels >= 0) & (pixels <= info.size)).all(axis=-1)
    if not inside.any():
        return None
    pixels = np.where(inside[..., None], pixels, np.nan)
    across, down = np.diff(pixels, axis=1), np.diff(pixels, axis=0)
    per_column = np.linalg.norm(across, axis=-1) * GRID / eye.size[0]
    per_row = np.linalg.norm(down, axis=-1) * GRID / eye.size[1]
    areas = per_column[:GRID, :] * per_row[:, :GRID]
    known = areas[np.isfinite(areas)]
    # A surface smaller than the sampling grid: the whole of it, at about the detail of one picture-high photograph.
    detail = math.sqrt(np.percentile(known, 10)) if known.size else max(info.size) / max(eye.size) * GRID
    margin = np.array([_reach(across), _reach(down)])
    window = _window(view, item)
    low = np.maximum(np.nanmin(pixels, axis=(0, 1)) - margin, np.maximum(window[0], 0.0) * info.size)
    high = np.minimum(np.nanmax(pixels, axis=(0, 1)) + margin, np.minimum(window[1], 1.0) * info.size)
    return _Seen(low, high, detail)


def _reach(differences: np.ndarray) -> float:
    """One sampling step in pixels: how far beyond the outermost ray the eye may still see."""
    steps = np.linalg.norm(differences, axis=-1)
    return float(np.nanmax(steps)) if np.isfinite(steps).any() else math.inf


def _window(view: ViewState, item: Placed) -> tuple[np.ndarray, np.ndarray]:
    """The photograph coordinates that the surface's own edge lets through."""
    image = view.images[item.image]
    half = item.surface.half_extent()
    return photograph_uv(-half, image.center, image.zoom), photograph_uv(half, image.center, image.zoom)


def _demand(view: ViewState, index: int, info: PhotographInfo, seen: list[_Seen], before: int | None) -> Demand:
    low = np.min([part.low for part in seen], axis=0)
    high = np.max([part.high for part in seen], axis=0)
    level = _level(min(part.detail for part in seen), before, info)
    if view.original:
        level = min(level, 0)
    width, height = level_size(*info.size, level)
    x, y = (math.floor(v * 2.0**level) for v in low)
    right, bottom = (math.ceil(v * 2.0**level) for v in high)
    visible = Rect(x, y, max(1, right - x), max(1, bottom - y)).intersect(Rect(0, 0, width, height))
    middle = (visible.x + visible.w / 2) / TILE, (visible.y + visible.h / 2) / TILE
    return Demand(index, level, visible, visible.cells(TILE), middle)


def _level(detail: float, before: int | None, info: PhotographInfo) -> int:
    exact = -math.log2(max(detail, 1e-9))
    if before is not None and abs(exact - before) <= 0.5 + HYSTERESIS:
        level = before
    else:
        level = round(exact)
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
            photographed += _around(demand, 0, infos[demand.photograph])
            if view.still_for >= SETTLE:
                synthesised += _around(demand, demand.level, infos[demand.photograph])
        else:
            photographed += _around(demand, demand.level, infos[demand.photograph])
    order = [key for part in (photographed, synthesised) for _, key in sorted(part)]
    return tuple(dict.fromkeys(base + order))


def _around(demand: Demand, level: int, info: PhotographInfo) -> list[tuple[float, TileKey]]:
    """The demand's part of a level, each tile with its distance from the focus in eye-independent units."""
    shift = demand.level - level
    first = TileKey(demand.photograph, demand.level, demand.tiles.x, demand.tiles.y).ancestor(level)
    last = TileKey(demand.photograph, demand.level, demand.tiles.right - 1, demand.tiles.bottom - 1).ancestor(level)
    cells = Rect(first.col, first.row, last.col - first.col + 1, last.row - first.row + 1)
    focus = demand.focus[0] / 2**shift, demand.focus[1] / 2**shift
    return [
        (math.hypot(col + 0.5 - focus[0], row + 0.5 - focus[1]), TileKey(demand.photograph, level, col, row))
        for col, row in cells.points()
    ]
