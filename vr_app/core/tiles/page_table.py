"""The page table: which texture slot shows which part of a photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sr_core.image import layers
from sr_core.image.geometry import MAX_LEVEL, Rect, TileKey, coarsest_level
from sr_core.image.layers import COMPUTED, PHOTOGRAPHED, PICTURE
from vr_app.core.tiles.slots import COARSEST, FADE, NO_SLOT, Residency
from vr_app.core.tiles.visible import Demand
from vr_app.core.view.photograph import PhotographRecord

Levels = tuple[tuple[int, int], ...]
"""Levels, the coarsest first, and the layer whose tiles show at each."""

_COMPUTED = np.array([level in COMPUTED for level in range(COARSEST, MAX_LEVEL + 1)])


@dataclass(frozen=True, eq=False)
class PageWindow:
    """Which texture slot shows which part of a photograph.

    Equal to itself alone: `PageTable` hands out the same one again while nothing in it changes.

    The window covers `cols` x `rows` tiles of `level` from tile (col, row) on. `entries` is (rows, cols, 8) int16:

    0 slot below, 1 its level, 2 slot above, 3 its level, 4 fade of the one above in 1/1000 (it hides the one
    below at 1000), 5 not available (1) or not (0), 6 which of the tiles around it, itself among them, show synthesised
    pixels (bit 4 + x + 3 y for the one x to the right and y down), 7 is 0. A slot of NO_SLOT is none.
    `base` is the coarsest tile (slot, level) for all that lies outside the window. `over`: it shows a layer that lies
    over the picture: where there is no slot, nothing.
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
    """A page window, the slots that it draws, what it was made for, and whether it stays the same as time goes on."""

    pages: PageWindow
    drawn: np.ndarray
    made_for: tuple
    lasts: bool


class PageTable:
    """Makes the page windows of a residency's tiles, and keeps each from frame to frame while nothing in it changes."""

    def __init__(self, residency: Residency) -> None:
        self._residency = residency
        self._kept: dict[tuple[int, int], _Kept] = {}  # by photograph and layer

    def window(self, photograph: int, record: PhotographRecord, demand: Demand | None, now: float) -> PageWindow | None:
        """For each tile wanted, itself or its nearest resident ancestor; marks what it shows as drawn in this frame.

        None while the photograph's coarsest tile is not resident. `demand`: None where no eye meets it.
        """
        base_key = TileKey(photograph, coarsest_level(*record.size), 0, 0)
        base = self._residency.find(base_key)
        if base is None:
            return None
        level, cells = (demand.level, demand.tiles) if demand else (base_key.level, Rect(0, 0, 0, 0))
        levels = tuple((each, PICTURE[each]) for each in range(base_key.level, level + 1))
        return self._made(photograph, PHOTOGRAPHED, levels, level, cells, (base, base_key.level), now)

    def overlays(self, picture: PageWindow, demand: Demand, shown: Sequence[int], now: float) -> tuple[PageWindow, ...]:
        """The windows of the layers `shown` over a picture, in the order in which they lie over each other."""
        found = []
        for layer in shown:
            own = sorted(each for each in layers.LAYERS[layer].levels if each <= demand.level)
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
        """The window of `cells` of a level, from tiles of the `levels`, each with its layer, the coarsest first."""
        made_for = self._residency.version, levels, base, level, cells
        kept = self._kept.get((photograph, layer))
        if kept is None or not kept.lasts or kept.made_for != made_for:
            over = not layers.LAYERS[layer].completes
            entries, drawn, lasts = _entries(photograph, levels, level, cells, self._residency, now)
            if not over:
                _mark_failures(entries, photograph, level, cells, self._residency)
                entries[..., 6] = synthesised_around(entries)
            pages = PageWindow(level, cells.x, cells.y, entries, base, over)
            kept = self._kept[photograph, layer] = _Kept(pages, drawn, made_for, lasts)
        self._residency.draw(kept.drawn)
        return kept.pages


def _entries(
    photograph: int, levels: Levels, finest: int, cells: Rect, residency: Residency, now: float
) -> tuple[np.ndarray, np.ndarray, bool]:
    """The entries of `PageWindow` but for columns 5 and 6; the slots of all tiles that show, wait to or stand below,
    the finest first; whether time alone changes nothing.

    Below lies the finest tile that has faded in, above it the finest that is fading in over it. Between the photograph
    and the wanted network's level lie other networks' pixels: each is an honest stand-in.
    """
    entries = np.zeros((cells.h, cells.w, 8), np.int16)
    entries[..., 0] = entries[..., 2] = NO_SLOT
    found: list[np.ndarray] = []
    lasts = True
    for level, layer in levels:
        slots = _stand_ins(photograph, level, layer, finest, cells, residency)
        if (slots == NO_SLOT).all():
            continue
        age = np.where(slots == NO_SLOT, -np.inf, (now - residency.begins(slots)) / FADE)
        whole, part = age >= 1, (age >= 0) & (age < 1)
        entries[whole, 0], entries[whole, 1] = slots[whole], level
        entries[whole, 2:5] = NO_SLOT, 0, 0
        entries[part, 2], entries[part, 3], entries[part, 4] = slots[part], level, 1000 * age[part]
        lasts = lasts and bool((whole == (slots != NO_SLOT)).all())
        found.append(slots)
    # All that stand below count as drawn, the coarser the later: else they would be evicted before what hides them.
    drawn = [np.unique(slots[slots != NO_SLOT]) for slots in reversed(found)]
    return entries, np.concatenate(drawn) if drawn else np.zeros(0, int), lasts


def _mark_failures(entries: np.ndarray, photograph: int, level: int, cells: Rect, residency: Residency) -> None:
    """Column 5 of `PageWindow.entries`."""
    for key in residency.failures(TileKey(photograph, level, col, row) for col, row in cells.points()):
        entries[key.row - cells.y, key.col - cells.x, 5] = 1


def computed_levels(levels: np.ndarray) -> np.ndarray:
    """Which of some levels of the picture are computed, not photographed."""
    return _COMPUTED[levels - COARSEST]


def synthesised_around(entries: np.ndarray) -> np.ndarray:
    """Column 6 of `PageWindow.entries`, from the others."""
    below = (entries[..., 0] != NO_SLOT) & computed_levels(entries[..., 1])
    above = (entries[..., 2] != NO_SLOT) & computed_levels(entries[..., 3]) & (entries[..., 4] > 0)
    padded = np.pad(below | above, 1)
    rows, cols = entries.shape[:2]
    bits = np.zeros((rows, cols), np.int16)
    for y in (-1, 0, 1):
        for x in (-1, 0, 1):
            bits |= padded[1 + y : 1 + y + rows, 1 + x : 1 + x + cols].astype(np.int16) << (4 + x + 3 * y)
    return bits


def _stand_ins(photograph: int, level: int, layer: int, finest: int, cells: Rect, residency: Residency) -> np.ndarray:
    """For each of the `cells` of level `finest` the slot of its ancestor of `level`, (rows, columns); NO_SLOT: none."""
    shift = finest - level
    cols, rows = (np.arange(first, end) >> shift for first, end in ((cells.x, cells.right), (cells.y, cells.bottom)))
    if cells.empty:
        return np.zeros((cells.h, cells.w), int)
    x, y = int(cols[0]), int(rows[0])
    coarse = residency.slots(photograph, level, Rect(x, y, int(cols[-1]) + 1 - x, int(rows[-1]) + 1 - y), layer)
    return coarse[np.ix_(rows - y, cols - x)]


def computed_scale(pages: PageWindow) -> int | None:
    """By how much the finest computed pixels of the picture are enlarged, 2, 4 or 8; None: all were photographed."""
    finest = finest_shown(pages)
    return 1 << finest if finest in COMPUTED else None


def shows_any(pages: PageWindow) -> bool:
    """Whether any tile lies in the window."""
    return bool((pages.entries[..., 0:4:2] != NO_SLOT).any())


def finest_shown(pages: PageWindow) -> int:
    """The finest level of which the window shows any pixel."""
    shown = pages.entries[..., 0:4:2] != NO_SLOT
    return int(pages.entries[..., 1:4:2].max(where=shown, initial=pages.base[1]))
