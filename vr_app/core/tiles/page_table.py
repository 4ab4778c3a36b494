"""Which tile is in which slot of the texture, when it shows, and which slot shows which part of a photograph.

Only bookkeeping: `vr_app.gl.tiles` has the pixels, and gives the shader the page windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from sr_core.image import layers
from sr_core.image.departure import Departure
from sr_core.image.geometry import MAX_LEVEL, TILE, Rect, TileKey
from sr_core.image.layers import COMPUTED, PHOTOGRAPHED, PICTURE, overlay_level
from sr_core.image.pyramid import GUTTER
from vr_app.core.tiles.visible import Demand
from vr_app.core.view.photograph import PhotographRecord

NO_SLOT = -1

EDGE = TILE + 2 * GUTTER
"""Texels along a slot's edge."""

SLOT_BYTES = 4 * EDGE**2
"""Bytes of a tile on the graphics card, and on its way there."""

ATLAS = 8
"""Slots along a layer's edge: a layer holds ATLAS x ATLAS tiles, because drivers allow too few layers (often 2,048) for
each tile to have its own. Gutters keep bilinear sampling within the slot."""

FADE = 0.15
"""Seconds in which a finer tile replaces its stand-in."""

COARSEST = -12
"""No photograph has a coarser level: it would be over 100,000 pixels wide."""

FAILURES = 20_000
"""The most tiles remembered as not available. Beyond it the oldest are forgotten, and may be tried again."""

Levels = tuple[tuple[int, int], ...]
"""Levels, the coarsest first, and the layer shown at each."""

_COMPUTED = np.array([level in COMPUTED for level in range(COARSEST, MAX_LEVEL + 1)])


class Residency:
    """The resident tiles; the least recently drawn are evicted first. Not thread-safe: for the drawing thread.

    A tile's fade *begins* when it arrives. If a visible ancestor is still fading in, the tile waits for the end of that
    fade, so that the ancestor's share of the picture never jumps. A tile without a resident ancestor shows at once,
    because there is nothing to replace.

    `resident`: the slots of the resident tiles. `failed`: the tiles that are not available, and why. Both are for
    reading; looking up a tile there does not count as drawing it. `fades_until`: when all resident tiles have faded in,
    in seconds on the frame clock.
    """

    def __init__(self, slots: int) -> None:
        self._free = list(range(slots - 1, -1, -1))
        self._slots: dict[TileKey, int] = {}
        self.resident: Mapping[TileKey, int] = MappingProxyType(self._slots)
        self._keys: list[TileKey | None] = [None] * slots
        self._departures: list[Departure | None] = [None] * slots
        self._begins = np.full(slots, -np.inf)
        self.fades_until = -np.inf
        self._drawn = np.zeros(slots, np.int64)  # by slot: the count at which its tile was last drawn
        self._failed: dict[TileKey, str] = {}
        self.failed: Mapping[TileKey, str] = MappingProxyType(self._failed)
        self._moment = 0
        self._frame_from = self._kept_from = 1
        self.version = 0
        """Changes whenever a tile comes, goes or fails."""

    def __len__(self) -> int:
        return len(self._slots)

    def begin_frame(self) -> None:
        """Start a frame: tiles drawn from now on are not evicted before the next call."""
        self._kept_from, self._frame_from = self._frame_from, self._moment + 1

    def find(self, key: TileKey) -> int | None:
        """Return the tile's slot if it is resident, and mark it as drawn in this frame."""
        slot = self._slots.get(key)
        if slot is not None:
            self.draw(slot)
        return slot

    def slots(self, photograph: int, level: int, tiles: Rect, layer: int | None = None) -> np.ndarray:
        """Return the slots of a rectangle of tiles, (rows, columns) int; NO_SLOT: not resident. Does not mark them as
        drawn. `layer`: None for the picture's own at that level."""
        # The tuple of a key's fields equals the key, and is much faster to make; here and in `_turn`.
        resident = cast(Mapping[Any, int], self._slots)
        get, cols, rows = resident.get, range(tiles.x, tiles.right), range(tiles.y, tiles.bottom)
        layer = PICTURE.get(level, PHOTOGRAPHED) if layer is None else layer
        found = [get((photograph, level, col, row, layer), NO_SLOT) for row in rows for col in cols]
        return np.array(found, int).reshape(tiles.h, tiles.w)

    def begins(self, slots: np.ndarray) -> np.ndarray:
        """Return when the tiles' fades begin, in seconds on the frame clock; -inf for those that show at once."""
        return self._begins[slots]

    def draw(self, slots: np.ndarray | int) -> None:
        """Mark the tiles in these slots as drawn in this frame. In an array, the last slots are evicted last."""
        if isinstance(slots, int):  # a tenth of the time that an array takes
            self._moment += 1
            self._drawn[slots] = self._moment
            return
        self._drawn[slots] = np.arange(self._moment + 1, self._moment + 1 + slots.size)
        self._moment += slots.size

    def departure(self, key: TileKey) -> Departure | None:
        """Return how far a resident tile departs from the photograph; None for a photographed one."""
        return self._departures[self._slots[key]]

    def reserve(self, key: TileKey, now: float, departure: Departure | None = None) -> int | None:
        """Return a slot for a new tile's pixels; if none is free, that of the least recently drawn tile. `departure`:
        that of a computed tile.

        None if every slot holds a tile that arrived or was drawn in this frame or the last.
        """
        if key in self._slots:
            self._departures[self._slots[key]] = departure
            return self._slots[key]
        if self._free:
            slot = self._free.pop()
        else:
            slot = int(self._drawn.argmin())
            if self._drawn[slot] >= self._kept_from:
                return None
            evicted = self._keys[slot]
            if evicted is not None:
                del self._slots[evicted]
        begins = self._begins[slot] = self._turn(key, now)
        self.fades_until = max(self.fades_until, begins + FADE)
        self._slots[key] = slot
        self._keys[slot], self._departures[slot] = key, departure
        self.draw(slot)  # otherwise the next arrival of this frame could evict it before it is seen
        self._failed.pop(key, None)
        self.version += 1
        return slot

    def _turn(self, key: TileKey, now: float) -> float:
        """Return when the fade of a tile that arrives now begins: at once, or when the tile that it will replace has
        faded in.

        That is the finest ancestor that will have begun by then. Coarser ones lie hidden beneath it, and a finer
        ancestor that begins later, or at the same time, will lie hidden beneath this tile.
        """
        photograph, level, col, row, layer = key
        own = layers.LAYERS[layer].completes
        ancestors = (
            (photograph, level - up, col >> up, row >> up, PICTURE[level - up] if own else layer)
            for up in range(1, level - COARSEST + 1)
        )
        resident = cast(Mapping[Any, int], self._slots)
        begins = [float(self._begins[resident[above]]) for above in ancestors if above in resident]
        if not begins:
            return -np.inf
        turn = now
        while True:
            replaced = next((begun for begun in begins if begun <= turn), -np.inf)
            if not replaced < turn < replaced + FADE:
                return turn
            turn = replaced + FADE

    def fail(self, key: TileKey, reason: str) -> None:
        """Record that the tile cannot be computed: it shows as not available and is not asked for again."""
        self._failed[key] = reason
        if len(self._failed) > FAILURES:
            del self._failed[next(iter(self._failed))]
        self.version += 1

    def forget(self, photograph: int) -> None:
        """Forget a photograph's tiles, because it has changed. Takes effect at once, even for drawn tiles."""
        self._forget([key for key in self._slots if key.photograph == photograph])
        self._forget_failed([key for key in self._failed if key.photograph == photograph])

    def forget_computed(self) -> None:
        """Forget all computed tiles, because another network computes. Takes effect at once."""
        self._forget([key for key in self._slots if key.synthesised])
        self._forget_failed([key for key in self._failed if key.synthesised])

    def _forget(self, keys: list[TileKey]) -> None:
        for key in keys:
            slot = self._slots.pop(key)
            self._keys[slot] = None
            self._drawn[slot] = 0
            self._free.append(slot)
        self.version += 1

    def _forget_failed(self, keys: list[TileKey]) -> None:
        for key in keys:
            del self._failed[key]


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
        coarsest = record.coarsest
        base = self._residency.find(TileKey(photograph, coarsest, 0, 0))
        if base is None:
            return None
        level, cells = (demand.level, demand.tiles) if demand else (coarsest, Rect(0, 0, 0, 0))
        levels = tuple((each, PICTURE[each]) for each in range(coarsest, level + 1))
        return self._made(photograph, PHOTOGRAPHED, levels, level, cells, (base, coarsest), now)

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
