"""Which part of a window's picture must be drawn again while tiles arrive; the rest is kept.

In software rendering, a pixel costs more than anything else in a frame, and the network needs the same processor.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sr_core.image.geometry import TILE, Rect
from vr_app.core.scene.scene import PLATE_EDGE, PLATE_X, PLATE_Y, LabelItem, Scene, SurfaceItem
from vr_app.core.space.pose import Eye
from vr_app.core.space.surface import Panel, bent, columns, surface_s

MARGIN = 12
"""Eye pixels around a change that may look different too: outlines, and the glow of a panel's edge."""

LETTER = 1.0
"""The largest width of a letter, in em."""

PLATE = max(PLATE_X, PLATE_Y) + PLATE_EDGE
"""How far a label's plate and its edge extend at most, in em: beyond its text, and up and down from its middle."""

CORNERS = np.array([(-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)])
"""Of a sheet, in surface coordinates."""

NEAR = 0.05
"""Metres in front of the eye. Anything nearer has no certain place in the picture."""


def changed_part(before: Scene, now: Scene, eye: Eye) -> Rect | None:
    """Return the eye's pixels, from the lower left corner, outside of which two scenes look the same; may be empty.

    None: all of them may differ. Only tiles that arrive or fade in on panels, labels and the control panel are
    considered separately.
    """
    whole = Rect(0, 0, *eye.size)
    if _whole(before) != _whole(now) or len(before.surfaces) != len(now.surfaces):
        return None
    corners = [_corners(label) for label in set(before.labels) ^ set(now.labels)]
    for old, new in zip(before.surfaces, now.surfaces, strict=True):
        if old.pages is new.pages and _alike(old, new):
            continue
        tiles = _changed_tiles(old, new)
        if tiles is None or not isinstance(new.surface, Panel):
            return None
        if not tiles.empty:
            corners.append(_on_panel(new, new.surface, tiles))
    if before.sheet != now.sheet:
        corners += [sheet.surface.point(CORNERS) for sheet in (before.sheet, now.sheet) if sheet is not None]
    found = [_in_picture(points, eye) for points in corners]
    in_picture = [part for part in found if part is not None]
    if len(in_picture) < len(found):
        return None
    parts = [part for part in (part.intersect(whole) for part in in_picture) if not part.empty]
    if not parts:
        return Rect(0, 0, 0, 0)
    x, y = min(part.x for part in parts), min(part.y for part in parts)
    return Rect(x, y, max(part.right for part in parts) - x, max(part.bottom for part in parts) - y)


def only_tiles(before: Scene, now: Scene) -> bool:
    """Whether two scenes differ at most in tiles that arrived or fade in, and in labels, which may report them."""
    same = len(before.surfaces) == len(now.surfaces) and all(map(_alike, before.surfaces, now.surfaces))
    return same and replace(before, surfaces=now.surfaces, labels=now.labels) == now


def _whole(scene: Scene) -> tuple:
    """Return everything that may change any pixel."""
    return scene.rays, scene.invention, scene.appearance, scene.floor, scene.veil


def _alike(old: SurfaceItem, new: SurfaceItem) -> bool:
    """Whether two items differ in nothing but their pages."""
    return replace(old, pages=new.pages) == new


def _changed_tiles(old: SurfaceItem, new: SurfaceItem) -> Rect | None:
    """Return the bounds of the tiles, as columns and rows, whose entries differ; None: all may look different."""
    a, b = old.pages, new.pages
    same = (a.level, a.col, a.row, a.base, a.entries.shape) == (b.level, b.col, b.row, b.base, b.entries.shape)
    if not (same and _alike(old, new)):
        return None
    rows, cols = (a.entries != b.entries).any(axis=-1).nonzero()
    if not len(rows):
        return Rect(0, 0, 0, 0)
    first, last = (int(cols.min()), int(rows.min())), (int(cols.max()), int(rows.max()))
    return Rect(b.col + first[0], b.row + first[1], last[0] + 1 - first[0], last[1] + 1 - first[1])


def _on_panel(item: SurfaceItem, panel: Panel, tiles: Rect) -> np.ndarray:
    """Return world positions (n, 3) of the corners of tiles, as far as they lie on the panel, and of points of its bent
    edges between them."""
    edge = TILE * 2.0**-item.pages.level
    across = np.linspace(tiles.x, tiles.right, 1 + columns(panel.width, panel.bend))
    pixels = np.array([(x, y) for x in across for y in (tiles.y, tiles.bottom)]) * edge
    s = surface_s(pixels / item.size, item.view.center, item.view.zoom)
    left, top, right, bottom = panel.bounds
    return panel.point(np.clip(s, (left, top), (right, bottom)))


def _corners(label: LabelItem) -> np.ndarray:
    """Return world positions (n, 3) between which a label with its plate certainly lies."""
    wide = label.wide or len(label.text) * LETTER
    left, right = -label.align * wide - PLATE, (1 - label.align) * wide + PLATE
    across = np.linspace(left, right, 1 + columns(wide * label.height, label.bend))
    local = np.array([(x, y, 0.0) for x in across for y in (-PLATE, PLATE)]) * label.height
    if label.bend:
        local = bent(local, label.bend)
    return local @ label.pose.rotation().T + label.pose.position


def _in_picture(points: np.ndarray, eye: Eye) -> Rect | None:
    """Return the eye's pixels, from the lower left corner, that contain everything between world points (n, 3), with
    MARGIN; None if a point lies behind the eye."""
    local = eye.local(points)
    if (local[:, 2] > -NEAR).any():
        return None
    pixels = (eye.fov.across(local[:, :2] / -local[:, 2:]) + 1) / 2 * eye.size
    low, high = np.floor(pixels.min(axis=0)).astype(int), np.ceil(pixels.max(axis=0)).astype(int)
    return Rect(*low.tolist(), *(high - low).tolist()).pad(MARGIN)
