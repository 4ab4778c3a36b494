"""What is drawn: plain values that `vr_app.gl.draw` turns into pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sr_core.image.geometry import TileKey, coarsest_level
from vr_app.core.pose import Pose, Vec3
from vr_app.core.residency import Residency
from vr_app.core.surface import Panel, Retina
from vr_app.core.view import ImageView, PhotographInfo, Placed, Uv, ViewState
from vr_app.core.wanted import Demand

FADE = 0.15
"""Seconds in which a finer tile replaces what stood in for it."""

Rgba = tuple[float, float, float, float]

NO_LAYER = -1


@dataclass(frozen=True)
class PageWindow:
    """Which texture layer shows which part of a photograph.

    The window covers `cols` x `rows` tiles of `level` from tile (col, row) on. `entries` is (rows, cols, 8) int16:

    0 layer below, 1 its level, 2 layer above, 3 its level, 4 fade of the one above in 1/1000 (it hides the one
    below at 1000), 5 not available (1) or not (0), 6 and 7 are 0. A layer of NO_LAYER is none.
    `base` is the coarsest tile (layer, level) for all that lies outside the window.
    """

    level: int
    col: int
    row: int
    entries: np.ndarray
    base: tuple[int, int]

    @property
    def cols(self) -> int:
        return self.entries.shape[1]

    @property
    def rows(self) -> int:
        return self.entries.shape[0]


@dataclass(frozen=True)
class SurfaceItem:
    """A photograph (its index in the session) on its surface. `size` in photograph pixels."""

    surface: Panel | Retina
    view: ImageView
    size: tuple[int, int]
    pages: PageWindow
    photograph: int = 0


@dataclass(frozen=True)
class LabelItem:
    """A line of text `height` metres high (of its em), standing at `pose` (x right, y up, seen from +z).

    `align`: which point of the text lies at the pose: 0 its left end, 0.5 its middle, 1 its right end; vertically
    always its middle. `background` is drawn as a plate behind it (alpha 0: none).
    """

    text: str
    pose: Pose
    height: float
    align: float = 0.0
    color: Rgba = (1.0, 1.0, 1.0, 1.0)
    background: Rgba = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class RayItem:
    """A pointer: a thin beam from `start` to `end`; a dot at the end where it `hits` a surface."""

    start: Vec3
    end: Vec3
    hits: bool


@dataclass(frozen=True)
class Scene:
    """Everything in the order in which it is drawn: surfaces, labels, rays."""

    surfaces: tuple[SurfaceItem, ...] = ()
    labels: tuple[LabelItem, ...] = ()
    rays: tuple[RayItem, ...] = ()


def surface_items(
    view: ViewState,
    placed: Sequence[Placed],
    wants: Sequence[Demand],
    infos: Sequence[PhotographInfo | None],
    residency: Residency,
    now: float,
) -> tuple[SurfaceItem, ...]:
    """Draw items of the photographs that have their coarsest tile. `now` in seconds on the frame clock."""
    by_image = {demand.photograph: demand for demand in wants}
    items = []
    for item in placed:
        info = infos[item.image]
        pages = page_window(item.image, info, by_image.get(item.image), residency, now)
        if pages is not None:
            items.append(SurfaceItem(item.surface, view.images[item.image], info.size, pages, item.image))
    return tuple(items)


def page_window(
    photograph: int, info: PhotographInfo, demand: Demand | None, residency: Residency, now: float
) -> PageWindow | None:
    """For each tile wanted, itself or its nearest resident ancestor. None while the photograph has no tile at all."""
    base_key = TileKey(photograph, coarsest_level(*info.size), 0, 0)
    base = residency.find(base_key)
    if base is None:
        return None
    if demand is None:
        return PageWindow(base_key.level, 0, 0, np.zeros((0, 0, 8), np.int16), (base.layer, base_key.level))
    cells = demand.tiles
    entries = np.zeros((cells.h, cells.w, 8), np.int16)
    for col, row in cells.points():
        key = TileKey(photograph, demand.level, col, row)
        entries[row - cells.y, col - cells.x] = _entry(key, base_key.level, residency, now)
    return PageWindow(demand.level, cells.x, cells.y, entries, (base.layer, base_key.level))


def _entry(key: TileKey, coarsest: int, residency: Residency, now: float) -> tuple[int, ...]:
    above, above_level, fade = NO_LAYER, 0, 0
    failed = int(residency.failure(key) is not None)
    for level in range(key.level, coarsest - 1, -1):
        # Between the photograph and the wanted network's level lie other networks' pixels: each is an honest stand-in.
        slot = residency.find(key.ancestor(level))
        if slot is None:
            continue
        age = 1.0 if level == coarsest else (now - slot.since) / FADE
        if above == NO_LAYER and age < 1.0:
            above, above_level, fade = slot.layer, level, int(1000 * max(0.0, age))
        elif above == NO_LAYER or level != above_level:
            return slot.layer, level, above, above_level, fade, failed, 0, 0
    return NO_LAYER, 0, above, above_level, fade, failed, 0, 0


def finest_shown(pages: PageWindow) -> int:
    """The finest level of which the window shows any pixel; at most 0 where all of it was photographed."""
    if pages.entries.size == 0:
        return pages.base[1]
    below = pages.entries[..., 1][pages.entries[..., 0] != NO_LAYER]
    above = pages.entries[..., 3][pages.entries[..., 2] != NO_LAYER]
    return int(max([pages.base[1], *below.ravel(), *above.ravel()]))


def label_pose(panel: Panel, uv: Uv, lift: float) -> Pose:
    """A pose on a panel's plane at s = `uv` (may lie beyond its edge), `lift` metres in front."""
    point = panel.point(np.asarray(uv)) + panel.pose.rotation()[:, 2] * lift
    return Pose((float(point[0]), float(point[1]), float(point[2])), panel.pose.orientation)
