"""The tiles at hand in memory: photographed ones are cut from the album when asked for, computed ones are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

import numpy as np

from sr_core.image.geometry import TileKey
from vr_app.core.tiles.album import Album
from vr_app.core.tiles.slots import Residency

TILE_MEMORY = 256_000_000
"""Bytes of computed tiles kept, least recently wanted dropped: some 14,700 tiles."""


class Shelf:
    """For the thread that draws."""

    def __init__(self, album: Album, memory: int = TILE_MEMORY) -> None:
        self._album = album
        self._computed: OrderedDict[TileKey, np.ndarray] = OrderedDict()
        self._memory = memory
        self._marked: tuple[TileKey, ...] | None = None
        self.bytes = 0
        """Of the computed tiles kept."""

    def keep(self, key: TileKey, pixels: np.ndarray) -> None:
        """A computed tile."""
        self._drop(key)
        self._computed[key] = pixels
        self.bytes += pixels.nbytes
        while self.bytes > self._memory and len(self._computed) > 1:
            self._drop(next(iter(self._computed)))

    def forget(self, photograph: int) -> None:
        """Drop a photograph's computed tiles: it has changed."""
        for key in [key for key in self._computed if key.photograph == photograph]:
            self._drop(key)

    def forget_computed(self) -> None:
        """Drop all computed tiles: another network computes."""
        for key in list(self._computed):
            self._drop(key)

    def _drop(self, key: TileKey) -> None:
        if key in self._computed:
            self.bytes -= self._computed.pop(key).nbytes

    def mark(self, wanted: tuple[TileKey, ...]) -> None:
        """These tiles are wanted, most wanted first: they make room last. Costs nothing while they stay the same."""
        if wanted is self._marked:
            return
        self._marked = wanted
        for key in reversed(wanted):
            if key in self._computed:
                self._computed.move_to_end(key)

    def lacking(self, wanted: Iterable[TileKey], residency: Residency) -> list[TileKey]:
        """The tiles that are neither resident nor kept and may be had, in the order wanted."""
        computed, failure = self._computed, residency.failure
        return [key for key in residency.absent(wanted) if key not in computed and failure(key) is None]

    def to_compute(self, lacking: Iterable[TileKey]) -> tuple[TileKey, ...]:
        """Those of the tiles that the network can compute now, because their photograph is at hand."""
        return tuple(key for key in lacking if key.synthesised and self._album.pixels(key.photograph) is not None)

    def to_upload(self, wanted: Iterable[TileKey], residency: Residency) -> Iterator[tuple[TileKey, np.ndarray]]:
        """Wanted tiles that are at hand and not resident, in the order wanted; each is cut only when taken."""
        for key in residency.absent(wanted):
            if residency.has(key):  # it came since this was asked for
                continue
            pixels = self._computed.get(key) if key.synthesised else self._album.tile(key)
            if pixels is not None:
                yield key, pixels
