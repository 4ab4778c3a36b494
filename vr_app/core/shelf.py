"""The tiles at hand in memory: photographed ones are cut from their pyramid when asked for, computed ones are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

import numpy as np

from sr_core.image.geometry import TileKey
from sr_core.image.pyramid import Pyramid
from vr_app.core.residency import Residency

MEMORY = 256_000_000
"""Bytes of computed tiles kept, least recently used dropped: some 20,000 tiles."""


class Shelf:
    """For the thread that draws."""

    def __init__(self, memory: int = MEMORY) -> None:
        self._pyramids: dict[int, Pyramid] = {}
        self._computed: OrderedDict[TileKey, np.ndarray] = OrderedDict()
        self._bytes = 0
        self._memory = memory

    def add_photograph(self, index: int, pyramid: Pyramid) -> None:
        self._pyramids[index] = pyramid

    def pixels(self, index: int) -> np.ndarray | None:
        """The photograph itself, (H, W, 3) uint8 read-only; None while it is not loaded."""
        pyramid = self._pyramids.get(index)
        return None if pyramid is None else pyramid.levels[0]

    def keep(self, key: TileKey, pixels: np.ndarray) -> None:
        """A computed tile."""
        if key in self._computed:
            self._bytes -= self._computed.pop(key).nbytes
        self._computed[key] = pixels
        self._bytes += pixels.nbytes
        while self._bytes > self._memory and len(self._computed) > 1:
            self._bytes -= self._computed.popitem(last=False)[1].nbytes

    def missing(self, wanted: Iterable[TileKey], residency: Residency) -> tuple[TileKey, ...]:
        """The synthesised tiles that must still be computed, in the order wanted."""
        computed, failure = self._computed, residency.failure
        absent = residency.absent(wanted)
        return tuple(key for key in absent if key.level > 0 and key not in computed and failure(key) is None)

    def to_upload(self, wanted: Iterable[TileKey], residency: Residency) -> Iterator[tuple[TileKey, np.ndarray]]:
        """Wanted tiles that are at hand and not resident, in the order wanted; each is cut only when taken."""
        for key in residency.absent(wanted):
            if residency.has(key):  # it came since this was asked for
                continue
            if not key.synthesised:
                pyramid = self._pyramids.get(key.photograph)
                if pyramid is not None:
                    yield key, pyramid.tile(key)
            elif key in self._computed:
                self._computed.move_to_end(key)
                yield key, self._computed[key]
