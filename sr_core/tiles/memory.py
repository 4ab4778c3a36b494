"""The tiles in memory: photographed tiles are cut from the photographs on request, computed tiles are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from sr_core.image.geometry import TileKey
from sr_core.tiles.photographs import Photographs

TILE_MEMORY = 256_000_000
"""Bytes of computed tiles to keep, about 14,700 tiles; the least recently wanted are dropped first."""


class TilesInMemory:
    """Holds tiles; for one thread at a time. `memory`: the most bytes of computed tiles to keep."""

    def __init__(self, photographs: Photographs, memory: int = TILE_MEMORY) -> None:
        self._photographs = photographs
        self._computed: OrderedDict[TileKey, np.ndarray] = OrderedDict()
        self._memory = memory
        self.bytes = 0
        """Bytes of the computed tiles that are kept."""

    def keep(self, key: TileKey, pixels: np.ndarray) -> None:
        """Add a computed tile."""
        self._drop(key)
        self._computed[key] = pixels
        self.bytes += pixels.nbytes
        while self.bytes > self._memory and len(self._computed) > 1:
            self._drop(next(iter(self._computed)))

    def forget(self, photograph: int) -> None:
        """Drop a photograph's computed tiles, because it has changed."""
        for key in [key for key in self._computed if key.photograph == photograph]:
            self._drop(key)

    def forget_computed(self) -> None:
        """Drop all computed tiles, because another network computes from now on."""
        for key in list(self._computed):
            self._drop(key)

    def _drop(self, key: TileKey) -> None:
        if key in self._computed:
            self.bytes -= self._computed.pop(key).nbytes

    def mark(self, wanted: tuple[TileKey, ...]) -> None:
        """Mark these tiles as wanted, most wanted first: they will be dropped last."""
        for key in reversed(wanted):
            if key in self._computed:
                self._computed.move_to_end(key)

    def lacking(self, keys: Iterable[TileKey]) -> list[TileKey]:
        """Return the tiles that are not among the kept computed ones, in the given order."""
        computed = self._computed
        return [key for key in keys if key not in computed]

    def to_compute(self, lacking: Iterable[TileKey]) -> tuple[TileKey, ...]:
        """Return the tiles that can be computed now, because their photograph is in memory."""
        return tuple(key for key in lacking if key.synthesised and self._photographs.pixels(key.photograph) is not None)

    def has(self, key: TileKey) -> bool:
        """Whether `tile` would return it."""
        return key in self._computed if key.synthesised else self._photographs.has(key)

    def tile(self, key: TileKey) -> np.ndarray | None:
        """Return a tile with its gutter, read-only uint8, or None if it is not in memory."""
        return self._computed.get(key) if key.synthesised else self._photographs.tile(key)

    def tiles(
        self, keys: Iterable[TileKey], has: Callable[[TileKey], bool] = lambda _: False
    ) -> Iterator[tuple[TileKey, np.ndarray]]:
        """Yield the tiles that are in memory and that the caller does not `has`, in the given order. Each is looked up,
        or cut, only when the iterator reaches it."""
        for key in keys:
            if not has(key) and (pixels := self.tile(key)) is not None:
                yield key, pixels
