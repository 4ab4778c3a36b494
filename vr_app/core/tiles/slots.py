"""Which tile is in which slot of the texture, and when it shows. Only bookkeeping: `vr_app.gl.tiles` has the pixels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from sr_core.image import layers
from sr_core.image.geometry import TILE, Rect, TileKey
from sr_core.image.layers import PHOTOGRAPHED, PICTURE
from sr_core.image.pyramid import GUTTER

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

    def reserve(self, key: TileKey, now: float) -> int | None:
        """Return a slot for a new tile's pixels; if none is free, that of the least recently drawn tile.

        None if every slot holds a tile that arrived or was drawn in this frame or the last.
        """
        if key in self._slots:
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
        self._keys[slot] = key
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
