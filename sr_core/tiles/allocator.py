"""Where computed tiles lie: in memory apart from all else.

Tiles come from the very threads that compute, and thousands of them stay for minutes. Among the megabytes that each
block takes and gives back, every tile that stayed kept a hole from being used again, and the allocator's free memory
grew for as long as the program ran: to 260 MB in the first 150 zooms.
"""

from __future__ import annotations

from collections import defaultdict, deque

import numpy as np

from sr_core.image.geometry import TILE
from sr_core.image.pyramid import GUTTER

EDGE = TILE + 2 * GUTTER

CHUNK = 64
"""Tiles for which memory is taken at a time: a megabyte of four channels. It is never given back, only used again."""


class TileMemory:
    """Any thread may call it."""

    def __init__(self) -> None:
        self._free: defaultdict[int, deque[np.ndarray]] = defaultdict(deque)  # by channels

    def keep(self, pixels: np.ndarray) -> np.ndarray:
        """A read-only copy of a tile, (EDGE, EDGE, channels) uint8. Its memory is used again once nobody has it, or a
        part of it."""
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
    """What an array and all that is cut from it hold on to: ends when the last of them does."""

    def __init__(self, memory: np.ndarray, free: deque[np.ndarray]) -> None:
        self.__array_interface__ = memory.__array_interface__
        self._memory, self._free = memory, free

    def __del__(self) -> None:
        self._free.append(self._memory)
