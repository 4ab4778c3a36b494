"""Guess what may be wanted next: photographs beside the visible ones, tiles around the view, and the next level's tiles
in its middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sr_core.image.geometry import TILE, Rect, TileKey, level_size
from sr_core.image.layers import COMPUTED, PICTURE
from vr_app.core.space.pose import Eye
from vr_app.core.tiles.visible import Demand, demands, from_focus, nearest_first, tiles_wanted
from vr_app.core.view.intent import NextImage
from vr_app.core.view.layout import PAGE, Layout
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import place
from vr_app.core.view.step import step
from vr_app.core.view.view import ViewState

REST = 0.4
"""Seconds that a view must rest before anything is computed ahead, so that a glance costs nothing."""


FEW = 64
"""Up to this many photographs are all opened; of more, only the visible ones and those near them."""


def photographs_near(view: ViewState, browsed: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Return the photographs to open, the visible ones and those `browsed` in the control panel first, then those
    nearest to the front one, on either side: up to FEW, or on the wall its page and the neighbouring pages."""
    count = len(view.images)
    if view.layout is Layout.WALL and count > FEW:
        hung, (page, pages) = view.hung, view.page
        around = (hung[at % pages * PAGE :][:PAGE] for at in (page, page + 1, page - 1))
        return tuple(dict.fromkeys((*view.awaited, *browsed, *(image for images in around for image in images))))
    steps = (step for away in range(min(count, FEW) // 2 + 1) for step in (away, -away))
    return tuple(dict.fromkeys((*view.awaited, *browsed, *((view.active + step) % count for step in steps))))


def tiles_beside(view: ViewState, eyes: Sequence[Eye]) -> tuple[TileKey, ...]:
    """Return the photographed tiles that a window would show of the next photograph (or pair, or page), and of the
    previous one, without those of photographs that are not open yet. Whoever turns to them then sees them at once."""
    found: list[TileKey] = []
    for by in (1, -1):
        turned = step(view, (NextImage(by),), 0.0)
        wants = demands(turned, place(turned), eyes)
        found += tiles_wanted(replace(turned, still_for=0.0), wants)
    return tuple(dict.fromkeys(key for key in found if not key.synthesised))


def tiles_ahead(demand: Demand, record: PhotographRecord) -> tuple[TileKey, ...]:
    """Return computed tiles beyond those that `demand` covers, from the focus outward.

    First comes the ring: every tile that touches a visible one, for a pan. Then, for a zoom by two about the middle,
    come the next level's tiles in half the width and height of the visible part. Empty if the view needs no computed
    tiles and would not after such a zoom.
    """
    x, y = demand.focus
    ring = _ordered(_ring(demand, record), (x, y), demand.photograph, demand.level)
    closer = _ordered(_closer(demand, record), (2 * x, 2 * y), demand.photograph, demand.level + 1)
    return (*ring, *closer)


def _ring(demand: Demand, record: PhotographRecord) -> np.ndarray:
    """Return column and row, (n, 2), of the tiles of the demand's level that touch a visible one and are not
    visible."""
    if demand.level not in COMPUTED:
        return np.zeros((0, 2), int)
    seen = np.pad(demand.mask(), 2)  # one tile for the ring, one so that it does not wrap around
    around = np.zeros_like(seen)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            around |= np.roll(seen, (dy, dx), axis=(0, 1))
    at = np.argwhere(around & ~seen)[:, ::-1] + (demand.tiles.x - 2, demand.tiles.y - 2)
    return at[_inside(at, record, demand.level)]


def _closer(demand: Demand, record: PhotographRecord) -> np.ndarray:
    """Return column and row, (n, 2), of the next level's tiles in the middle of the visible part."""
    level, seen = demand.level + 1, demand.visible
    if level not in COMPUTED:
        return np.zeros((0, 2), int)
    middle = Rect(seen.x + seen.w // 4, seen.y + seen.h // 4, seen.w // 2, seen.h // 2).scale(2)
    at = np.array(list(middle.cells(TILE).points()), int).reshape(-1, 2)
    return at[_inside(at, record, level)]


def _inside(at: np.ndarray, record: PhotographRecord, level: int) -> np.ndarray:
    cells = Rect(0, 0, *level_size(*record.size, level)).cells(TILE)
    return np.all((at >= 0) & (at < (cells.w, cells.h)), axis=1)


def _ordered(at: np.ndarray, focus: tuple[float, float], photograph: int, level: int) -> list[TileKey]:
    """Return the picture's tiles at `at`, (n, 2) of column and row, from the focus outward."""
    return nearest_first([from_focus(at, focus, photograph, level, PICTURE[level])]) if len(at) else []
