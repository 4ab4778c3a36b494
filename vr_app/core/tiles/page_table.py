"""The page table: which texture slot shows which part of a photograph, and its form in the shader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sr_core.image import layers
from sr_core.image.geometry import MAX_LEVEL, TILE, Rect, TileKey, coarsest_level
from sr_core.image.layers import COMPUTED, PHOTOGRAPHED, PICTURE, overlay_level
from sr_core.image.pyramid import GUTTER
from vr_app.core.tiles.slots import ATLAS, COARSEST, EDGE, FADE, NO_SLOT, Residency
from vr_app.core.tiles.visible import Demand
from vr_app.core.view.photograph import PhotographRecord

Levels = tuple[tuple[int, int], ...]
"""Levels, the coarsest first, and the layer shown at each."""

BITS = {"LAYER": 0, "AROUND": 12, "FAILED": 21, "SYNTHESISED": 22, "FINER": 23, "FADE": 12, "LEVEL": 27}
"""The first bit of each value in a tile's second and fourth number. Both have the LAYER of the texture array, whether
the tile there is SYNTHESISED (its alpha counts), and by how many levels the window is FINER. The second has column 6 of
`PageWindow.entries` from AROUND on, and whether the tile FAILED. The fourth has from FADE on how much of the tile above
shows, in 1/1000, and from LEVEL on the level that shows, plus LEVEL_ZERO."""

LEVEL_ZERO = 16

CORNERS = 64
"""The parts of a texel in which corners are given: a tile that stands in for a much finer one begins between texels."""

_MOST_FINER = 15

_COMPUTED = np.array([level in COMPUTED for level in range(COARSEST, MAX_LEVEL + 1)])


@dataclass(frozen=True, eq=False)
class PageWindow:
    """Which texture slot shows which part of a photograph.

    It is equal only to itself: `PageTable` returns the same object again while nothing in it changes.

    The window covers `cols` x `rows` tiles of `level` from tile (col, row) on. `entries` is (rows, cols, 8) int16:

    0 slot below, 1 its level, 2 slot above, 3 its level, 4 fade of the one above in 1/1000 (at 1000 it hides the one
    below), 5 not available (1) or not (0), 6 which of the nine tiles around it, itself included, show computed pixels
    (bit 4 + x + 3 y for the one x to the right and y down), 7 is 0. NO_SLOT: there is none.

    `base`: the coarsest tile (slot, level), which shows everywhere outside the window. `over`: the window is of a layer
    over the picture, and shows nothing without a slot.
    """

    level: int
    col: int
    row: int
    entries: np.ndarray
    base: tuple[int, int]
    over: bool = False

    @property
    def cols(self) -> int:
        return self.entries.shape[1]

    @property
    def rows(self) -> int:
        return self.entries.shape[0]


@dataclass(frozen=True)
class _Kept:
    """A page window, the slots that it draws, the inputs that it was made from, and whether it is independent of the
    time."""

    pages: PageWindow
    drawn: np.ndarray
    made_for: tuple
    lasts: bool


class PageTable:
    """Builds the page windows of a residency's tiles, and keeps each from frame to frame while nothing in it
    changes."""

    def __init__(self, residency: Residency) -> None:
        self._residency = residency
        self._kept: dict[tuple[int, int], _Kept] = {}  # by photograph and layer

    def window(self, photograph: int, record: PhotographRecord, demand: Demand | None, now: float) -> PageWindow | None:
        """Return a window that shows each wanted tile by itself or its nearest resident ancestor, and mark those as
        drawn in this frame.

        None while the photograph's coarsest tile is not resident. `demand`: None if the photograph is out of sight.
        """
        base_key = TileKey(photograph, coarsest_level(*record.size), 0, 0)
        base = self._residency.find(base_key)
        if base is None:
            return None
        level, cells = (demand.level, demand.tiles) if demand else (base_key.level, Rect(0, 0, 0, 0))
        levels = tuple((each, PICTURE[each]) for each in range(base_key.level, level + 1))
        return self._made(photograph, PHOTOGRAPHED, levels, level, cells, (base, base_key.level), now)

    def overlays(self, picture: PageWindow, demand: Demand, shown: Sequence[int], now: float) -> tuple[PageWindow, ...]:
        """Return the windows of the layers `shown` over a picture, from bottom to top."""
        found = []
        for layer in shown:
            row = layers.LAYERS[layer]
            there = overlay_level(row, demand.level) is not None
            own = sorted(each for each in row.levels if each <= demand.level) if there else ()
            levels = tuple((each, layer) for each in own)
            found.append(self._made(demand.photograph, layer, levels, demand.level, demand.tiles, picture.base, now))
        return tuple(found)

    def _made(
        self,
        photograph: int,
        layer: int,
        levels: Levels,
        level: int,
        cells: Rect,
        base: tuple[int, int],
        now: float,
    ) -> PageWindow:
        """Return the window of `cells` of a level, from tiles of the `levels`, each with its layer, the coarsest
        first."""
        made_for = self._residency.version, levels, base, level, cells
        kept = self._kept.get((photograph, layer))
        if kept is None or not kept.lasts or kept.made_for != made_for:
            over = not layers.LAYERS[layer].completes
            entries, drawn, lasts = _entries(photograph, levels, level, cells, self._residency, now)
            if not over:
                _mark_failures(entries, photograph, level, cells, self._residency)
                entries[..., 6] = synthesised_around(entries)
            elif layers.LAYERS[layer].replaces:
                entries[..., 6] = _around(_shown(entries))
            pages = PageWindow(level, cells.x, cells.y, entries, base, over)
            kept = self._kept[photograph, layer] = _Kept(pages, drawn, made_for, lasts)
        self._residency.draw(kept.drawn)
        return kept.pages


def _entries(
    photograph: int, levels: Levels, finest: int, cells: Rect, residency: Residency, now: float
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return the entries of `PageWindow` without columns 5 and 6; the slots of all tiles that show, wait to show or lie
    beneath, the finest first; and whether the entries are independent of the time.

    The tile below is the finest that has faded in; the one above is the finest that is fading in. Between the
    photograph and the wanted level lie pixels of other scales' networks, which may stand in as well.
    """
    entries = np.zeros((cells.h, cells.w, 8), np.int16)
    entries[..., 0] = entries[..., 2] = NO_SLOT
    found: list[np.ndarray] = []
    lasts = True
    for level, layer in levels:
        slots = _stand_ins(photograph, level, layer, finest, cells, residency)
        if (slots == NO_SLOT).all():
            continue
        there, begins = slots != NO_SLOT, residency.begins(slots)
        whole = there & (
            now >= begins + FADE
        )  # the sum at which a tile that waits for it begins: no frame lies between
        part = there & ~whole & (now >= begins)
        entries[whole, 0], entries[whole, 1] = slots[whole], level
        entries[whole, 2:5] = NO_SLOT, 0, 0
        fade = np.minimum(999, 1000 * (now - begins[part]) / FADE)
        entries[part, 2], entries[part, 3], entries[part, 4] = slots[part], level, fade
        lasts = lasts and bool((whole == there).all())
        found.append(slots)
    # All tiles beneath count as drawn, the coarser the later: otherwise they would be evicted before those that hide
    # them.
    drawn = [np.unique(slots[slots != NO_SLOT]) for slots in reversed(found)]
    return entries, np.concatenate(drawn) if drawn else np.zeros(0, int), lasts


def _mark_failures(entries: np.ndarray, photograph: int, level: int, cells: Rect, residency: Residency) -> None:
    """Set column 5 of `PageWindow.entries`."""
    if not residency.failed:
        return
    for col, row in cells.points():
        entries[row - cells.y, col - cells.x, 5] = TileKey(photograph, level, col, row) in residency.failed


def computed_levels(levels: np.ndarray) -> np.ndarray:
    """Return which of these levels of the picture are computed, not photographed."""
    return _COMPUTED[levels - COARSEST]


def synthesised_around(entries: np.ndarray) -> np.ndarray:
    """Return column 6 of `PageWindow.entries`, computed from the others."""
    below = (entries[..., 0] != NO_SLOT) & computed_levels(entries[..., 1])
    above = (entries[..., 2] != NO_SLOT) & computed_levels(entries[..., 3]) & (entries[..., 4] > 0)
    return _around(below | above)


def _shown(entries: np.ndarray) -> np.ndarray:
    """Return the tiles in which anything shows."""
    return (entries[..., 0] != NO_SLOT) | ((entries[..., 2] != NO_SLOT) & (entries[..., 4] > 0))


def _around(synthesised: np.ndarray) -> np.ndarray:
    """Return column 6 of `PageWindow.entries` for these synthesised tiles."""
    padded = np.pad(synthesised, 1)
    rows, cols = synthesised.shape
    bits = np.zeros((rows, cols), np.int16)
    for y in (-1, 0, 1):
        for x in (-1, 0, 1):
            bits |= padded[1 + y : 1 + y + rows, 1 + x : 1 + x + cols].astype(np.int16) << (4 + x + 3 * y)
    return bits


def _stand_ins(photograph: int, level: int, layer: int, finest: int, cells: Rect, residency: Residency) -> np.ndarray:
    """Return, for each of the `cells` of level `finest`, the slot of its ancestor of `level`, (rows, columns); NO_SLOT:
    none."""
    shift = finest - level
    cols, rows = (np.arange(first, end) >> shift for first, end in ((cells.x, cells.right), (cells.y, cells.bottom)))
    if cells.empty:
        return np.zeros((cells.h, cells.w), int)
    x, y = int(cols[0]), int(rows[0])
    coarse = residency.slots(photograph, level, Rect(x, y, int(cols[-1]) + 1 - x, int(rows[-1]) + 1 - y), layer)
    return coarse[np.ix_(rows - y, cols - x)]


def computed_scale(pages: PageWindow) -> int | None:
    """Return the scale of the picture's finest computed pixels, 2, 4 or 8, or None if all were photographed."""
    finest = finest_shown(pages)
    return 1 << finest if finest in COMPUTED else None


def shows_any(pages: PageWindow) -> bool:
    """Whether the window has any tile."""
    return bool((pages.entries[..., 0:4:2] != NO_SLOT).any())


def finest_shown(pages: PageWindow) -> int:
    """Return the finest level of which the window shows any pixel."""
    shown = pages.entries[..., 0:4:2] != NO_SLOT
    return int(pages.entries[..., 1:4:2].max(where=shown, initial=pages.base[1]))


# In the shader's form: computed here once per tile, so that the shader need not do it for every pixel.


def texels(window: PageWindow) -> np.ndarray:
    """Return the shader's data for each tile: (rows, columns, 4) uint32.

    The first two numbers describe the tile below, the last two the one that fades in above it. The first of each pair
    is the tile's first corner in its layer: x + 65536 y, in 1/CORNERS texels. If a coarser tile stands in, it is the
    corner of the part that does. The second holds bits: see BITS.
    """
    entries = window.entries.astype(np.int64)
    slot, level, over, over_level, fade, failed, around, _ = np.moveaxis(entries, -1, 0)
    shown = np.where(over != NO_SLOT, over_level, np.where(slot != NO_SLOT, level, window.base[1]))
    hidden = (over != NO_SLOT) & (fade >= 1000)
    slot, level = np.where(hidden, over, slot), np.where(hidden, over_level, level)
    nothing = slot == NO_SLOT
    slot, level = np.where(nothing, window.base[0], slot), np.where(nothing, window.base[1], level)
    below, above = (~nothing, True) if window.over else map(computed_levels, (level, over_level))
    fade = np.where(hidden | (over == NO_SLOT), 0, fade)
    row, col = np.indices(slot.shape) + np.array([window.row, window.col])[:, None, None]
    found = np.zeros((*slot.shape, 4), np.int64)
    found[..., 0], found[..., 1] = _place(window, slot, level, below, col, row)
    found[..., 1] += (around << BITS["AROUND"]) + ((failed != 0) << BITS["FAILED"])
    if fade.any():
        found[..., 2], found[..., 3] = _place(window, np.maximum(over, 0), over_level, above, col, row)
    found[..., 3] += (fade << BITS["FADE"]) + (shown + LEVEL_ZERO << BITS["LEVEL"])
    return found.astype(np.uint32)


def outside(window: PageWindow) -> tuple[int, int, int, int]:
    """Return the same for tiles outside the window, where the coarsest tile shows, as if the window's first tile were
    one of them. For another tile, the corner moves by as many of its edges as that tile is away."""
    slot, level = np.array([window.base]).T
    (corner,), (bits,) = _place(window, slot, level, False, np.zeros(1, int), np.zeros(1, int))
    edge = TILE * CORNERS >> (int(bits) >> BITS["FINER"] & _MOST_FINER)
    corner += edge * (window.col + 65536 * window.row)
    return int(corner), int(bits), 0, window.base[1] + LEVEL_ZERO << BITS["LEVEL"]


def _place(
    window: PageWindow,
    slot: np.ndarray,
    level: np.ndarray,
    computed: np.ndarray | bool,
    col: np.ndarray,
    row: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first corners of tiles (col, row) of the window's level within tiles of `level`, and the bits of their
    layers. `computed`: whether those are. All arrays have one shape."""
    finer = np.clip(window.level - level, 0, _MOST_FINER)
    place = slot % ATLAS**2
    parts = ((at & (1 << finer) - 1) * TILE * CORNERS >> finer for at in (col, row))
    x, y = (
        (at * EDGE + GUTTER) * CORNERS + part for at, part in zip((place % ATLAS, place // ATLAS), parts, strict=True)
    )
    return x + (y << 16), slot // ATLAS**2 + (np.asarray(computed, np.int64) << BITS["SYNTHESISED"]) + (
        finer << BITS["FINER"]
    )
