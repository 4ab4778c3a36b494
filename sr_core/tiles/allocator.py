"""A memory pool for computed tiles, separate from the general allocator.

The computing threads make the tiles, and thousands of tiles live for minutes. In the general allocator each of them sat
between the megabytes that every block allocates and frees, so the freed memory could not be reused: it grew for as long
as the program ran, to 260 MB after the first 150 zooms.
"""

from __future__ import annotations

from collections import defaultdict, deque

import numpy as np

from sr_core.image.geometry import TILE
from sr_core.image.pyramid import GUTTER

EDGE = TILE + 2 * GUTTER

CHUNK = 64
"""Tiles allocated at a time: a megabyte at four channels. The memory is never freed, only reused."""


class TileMemory:
    """Allocates tiles from the pool. Thread-safe."""

    def __init__(self) -> None:
        self._free: defaultdict[int, deque[np.ndarray]] = defaultdict(deque)  # by channels

    def keep(self, pixels: np.ndarray) -> np.ndarray:
        """Return a read-only copy of a tile, (EDGE, EDGE, channels) uint8.

        Its memory returns to the pool once nothing refers to the copy or to a slice of it.
        """
        channels = pixels.shape[2]
        free = self._free[channels]
        try:
            memory = free.pop()
        except IndexError:
            memory, *others = np.empty((CHUNK, EDGE, EDGE, channels), np.uint8)
            free.extend(others)
        tile = np.asarray(_Lent(memory, free))
        tile[...] = pixels
        tile.setflags(write=False)
        return tile


class _Lent:
    """The owner that an array and all of its slices refer to; it dies with the last of them."""

    def __init__(self, memory: np.ndarray, free: deque[np.ndarray]) -> None:
        self.__array_interface__ = memory.__array_interface__
        self._memory, self._free = memory, free

    def __del__(self) -> None:
        self._free.append(self._memory)
