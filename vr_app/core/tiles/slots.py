"""Which tiles lie in which slot of the texture, and when they show. Bookkeeping: `vr_app.gl.tiles` has the pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np

from sr_core.image import layers
from sr_core.image.geometry import Rect, TileKey
from sr_core.image.layers import PHOTOGRAPHED, PICTURE

NO_SLOT = -1

FADE = 0.15
"""Seconds in which a finer tile replaces what stood in for it."""

COARSEST = -12
"""No photograph has a coarser level: one that needed it would be over 100,000 pixels wide."""

FAILURES = 20_000
"""Tiles known not to be available. Of more the first are forgotten: they may be tried again."""


class Residency:
    """Least recently drawn tiles make room. Not thread-safe: for the thread that draws.

    A tile's fade *begins* when it arrives; where one of its ancestors is still fading in, once that has ended, so that
    the ancestor's part in the picture never jumps. A tile that has no ancestor here shows at once: there is nothing
    that it could replace.
    """

    def __init__(self, slots: int) -> None:
        self._free = list(range(slots - 1, -1, -1))
        self._slots: dict[TileKey, int] = {}
        self._keys: list[TileKey | None] = [None] * slots
        self._begins = np.full(slots, -np.inf)
        self._drawn = np.zeros(slots, np.int64)  # by slot: the moment (a count) at which its tile was last drawn
        self._failed: dict[TileKey, str] = {}
        self._moment = 0
        self._frame_from = self._kept_from = 1
        self.version = 0
        """Changes whenever a tile comes, goes or fails."""

    def __len__(self) -> int:
        return len(self._slots)

    def begin_frame(self) -> None:
        """Tiles drawn from now on are not evicted before the next call."""
        self._kept_from, self._frame_from = self._frame_from, self._moment + 1

    def find(self, key: TileKey) -> int | None:
        """The tile's slot if it is resident; marks it as drawn in this frame."""
        slot = self._slots.get(key)
        if slot is not None:
            self.draw(slot)
        return slot

    def has(self, key: TileKey) -> bool:
        """Whether the tile is resident; does not count as drawing it."""
        return key in self._slots

    def absent(self, keys: Iterable[TileKey]) -> list[TileKey]:
        """Those of the tiles that are not resident, in their order."""
        slots = self._slots
        return [key for key in keys if key not in slots]

    def lacking(self, keys: Iterable[TileKey]) -> list[TileKey]:
        """Those of the tiles that are not resident and may be had, in their order."""
        absent, failed = self.absent(keys), self._failed
        return [key for key in absent if key not in failed] if failed else absent

    def slots(self, photograph: int, level: int, tiles: Rect, layer: int | None = None) -> np.ndarray:
        """The slots of a rectangle of tiles, (rows, columns) int; NO_SLOT: not resident. Marks none as drawn. `layer`:
        None: the picture's own at that level."""
        # The tuple of a key's fields equals the key, and is made in a fraction of the time; here and in `_turn`.
        resident = cast(Mapping[Any, int], self._slots)
        get, cols, rows = resident.get, range(tiles.x, tiles.right), range(tiles.y, tiles.bottom)
        layer = PICTURE.get(level, PHOTOGRAPHED) if layer is None else layer
        found = [get((photograph, level, col, row, layer), NO_SLOT) for row in rows for col in cols]
        return np.array(found, int).reshape(tiles.h, tiles.w)

    def begins(self, slots: np.ndarray) -> np.ndarray:
        """When the tiles' fades begin, in seconds on the frame clock; -inf for those that show at once."""
        return self._begins[slots]

    def draw(self, slots: np.ndarray | int) -> None:
        """Mark the tiles in these slots as drawn in this frame. Of an array's those named last are evicted last."""
        if isinstance(slots, int):  # a tenth of an array's time
            self._moment += 1
            self._drawn[slots] = self._moment
            return
        self._drawn[slots] = np.arange(self._moment + 1, self._moment + 1 + slots.size)
        self._moment += slots.size

    def reserve(self, key: TileKey, now: float) -> int | None:
        """A slot for a new tile's pixels, at the cost of the least recently drawn one.

        None where every slot holds a tile that came or was drawn in this or the last frame.
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
        self._begins[slot] = self._turn(key, now)
        self._slots[key] = slot
        self._keys[slot] = key
        self.draw(slot)  # else the next arrival of this frame could take its place before it is seen
        self._failed.pop(key, None)
        self.version += 1
        return slot

    def _turn(self, key: TileKey, now: float) -> float:
        """When the fade of a tile that arrives now begins.

        Only a fade that is under way is waited for: ancestors that have not begun themselves begin no later than this
        tile, which then replaces what stands below them all.
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
        return max([now, *(begun + FADE for begun in begins if begun < now < begun + FADE)])

    def fail(self, key: TileKey, reason: str) -> None:
        """The tile cannot be computed: it is shown as not available and not wished for again."""
        self._failed[key] = reason
        if len(self._failed) > FAILURES:
            del self._failed[next(iter(self._failed))]
        self.version += 1

    def forget(self, photograph: int) -> None:
        """Drop all that is known of a photograph's tiles: it has changed. Takes effect at once, whatever is drawn."""
        self._forget([key for key in self._slots if key.photograph == photograph])
        self._failed = {key: reason for key, reason in self._failed.items() if key.photograph != photograph}

    def forget_computed(self) -> None:
        """Drop all that is known of computed tiles: another network computes. Takes effect at once."""
        self._forget([key for key in self._slots if key.synthesised])
        self._failed = {key: reason for key, reason in self._failed.items() if not key.synthesised}

    def _forget(self, keys: list[TileKey]) -> None:
        for key in keys:
            slot = self._slots.pop(key)
            self._keys[slot] = None
            self._drawn[slot] = 0
            self._free.append(slot)
        self.version += 1

    def failure(self, key: TileKey) -> str | None:
        """Why the tile is not available, or None."""
        return self._failed.get(key)

    def failures(self, keys: Iterable[TileKey]) -> list[TileKey]:
        """Those of the tiles that are not available, in their order. Costs nothing while none has failed."""
        return [key for key in keys if key in self._failed] if self._failed else []
