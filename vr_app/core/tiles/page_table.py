"""The page table: which texture slot shows which part of a photograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sr_core.image.geometry import Rect, TileKey, coarsest_level
from vr_app.core.tiles.slots import FADE, NO_SLOT, Residency
from vr_app.core.tiles.visible import Demand
from vr_app.core.view.photograph import PhotographRecord


@dataclass(frozen=True, eq=False)
class PageWindow:
    """Which texture slot shows which part of a photograph.

    Equal to itself alone: `PageTable` hands out the same one again while nothing in it changes.

    The window covers `cols` x `rows` tiles of `level` from tile (col, row) on. `entries` is (rows, cols, 8) int16:

    0 slot below, 1 its level, 2 slot above, 3 its level, 4 fade of the one above in 1/1000 (it hides the one
    below at 1000), 5 not available (1) or not (0), 6 which of the tiles around it, itself among them, show synthesised
    pixels (bit 4 + x + 3 y for the one x to the right and y down), 7 is 0. A slot of NO_SLOT is none.
    `base` is the coarsest tile (slot, level) for all that lies outside the window.
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
        self._kept: dict[int, _Kept] = {}

    def window(self, photograph: int, record: PhotographRecord, demand: Demand | None, now: float) -> PageWindow | None:
        """For each tile wanted, itself or its nearest resident ancestor; marks what it shows as drawn in this frame.

        None while the photograph's coarsest tile is not resident. `demand`: None where no eye meets it.
        """
        base_key = TileKey(photograph, coarsest_level(*record.size), 0, 0)
        base = self._residency.find(base_key)
        if base is None:
            return None
        level, cells = (demand.level, demand.tiles) if demand else (base_key.level, Rect(0, 0, 0, 0))
        made_for = self._residency.version, base_key, level, cells
        kept = self._kept.get(photograph)
        if kept is None or not kept.lasts or kept.made_for != made_for:
            entries, drawn, lasts = _entries(photograph, base_key.level, level, cells, self._residency, now)
            pages = PageWindow(level, cells.x, cells.y, entries, (base, base_key.level))
            kept = self._kept[photograph] = _Kept(pages, drawn, made_for, lasts)
        self._residency.draw(kept.drawn)
        return kept.pages


def _entries(
    photograph: int, coarsest: int, finest: int, cells: Rect, residency: Residency, now: float
) -> tuple[np.ndarray, np.ndarray, bool]:
    """The entries of `PageWindow`; the slots of all tiles that show, wait to or stand below, the finest first; whether
    time alone changes nothing.

    Below lies the finest tile that has faded in, above it the finest that is fading in over it. Between the photograph
    and the wanted network's level lie other networks' pixels: each is an honest stand-in.
    """
    entries = np.zeros((cells.h, cells.w, 8), np.int16)
    entries[..., 0] = entries[..., 2] = NO_SLOT
    found: list[np.ndarray] = []
    lasts = True
    for level in range(coarsest, finest + 1):
        slots = _stand_ins(photograph, level, finest, cells, residency)
        if (slots == NO_SLOT).all():
            continue
        age = np.where(slots == NO_SLOT, -np.inf, (now - residency.begins(slots)) / FADE)
        whole, part = age >= 1, (age >= 0) & (age < 1)
        entries[whole, 0], entries[whole, 1] = slots[whole], level
        entries[whole, 2:5] = NO_SLOT, 0, 0
        entries[part, 2], entries[part, 3], entries[part, 4] = slots[part], level, 1000 * age[part]
        lasts = lasts and bool((whole == (slots != NO_SLOT)).all())
        found.append(slots)
    for key in residency.failures(TileKey(photograph, finest, col, row) for col, row in cells.points()):
        entries[key.row - cells.y, key.col - cells.x, 5] = 1
    entries[..., 6] = synthesised_around(entries)
    # All that stand below count as drawn, the coarser the later: else they would be evicted before what hides them.
    drawn = [np.unique(slots[slots != NO_SLOT]) for slots in reversed(found)]
    return entries, np.concatenate(drawn) if drawn else np.zeros(0, int), lasts


def synthesised_around(entries: np.ndarray) -> np.ndarray:
    """Column 6 of `PageWindow.entries`, from the others."""
    below = (entries[..., 0] != NO_SLOT) & (entries[..., 1] > 0)
    above = (entries[..., 2] != NO_SLOT) & (entries[..., 3] > 0) & (entries[..., 4] > 0)
    padded = np.pad(below | above, 1)
    rows, cols = entries.shape[:2]
    bits = np.zeros((rows, cols), np.int16)
    for y in (-1, 0, 1):
        for x in (-1, 0, 1):
            bits |= padded[1 + y : 1 + y + rows, 1 + x : 1 + x + cols].astype(np.int16) << (4 + x + 3 * y)
    return bits


def _stand_ins(photograph: int, level: int, finest: int, cells: Rect, residency: Residency) -> np.ndarray:
    """For each of the `cells` of level `finest` the slot of its ancestor of `level`, (rows, columns); NO_SLOT: none."""
    shift = finest - level
    cols, rows = (np.arange(first, end) >> shift for first, end in ((cells.x, cells.right), (cells.y, cells.bottom)))
    if cells.empty:
        return np.zeros((cells.h, cells.w), int)
    x, y = int(cols[0]), int(rows[0])
    coarse = residency.slots(photograph, level, Rect(x, y, int(cols[-1]) + 1 - x, int(rows[-1]) + 1 - y))
    return coarse[np.ix_(rows - y, cols - x)]


def finest_shown(pages: PageWindow) -> int:
    """The finest level of which the window shows any pixel; at most 0 where all of it was photographed."""
    shown = pages.entries[..., 0:4:2] != NO_SLOT
    return int(pages.entries[..., 1:4:2].max(where=shown, initial=pages.base[1]))
