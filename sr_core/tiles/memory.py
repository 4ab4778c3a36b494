"""The tiles in memory: photographed ones are cut from the photographs when asked for, computed ones are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from sr_core.image.geometry import TileKey
from sr_core.tiles.photographs import Photographs

TILE_MEMORY = 256_000_000
"""Bytes of computed tiles kept, least recently wanted dropped: some 14,700 tiles."""


class TilesInMemory:
    """For one thread at a time. `memory`: bytes of computed tiles."""

    def __init__(self, photographs: Photographs, memory: int = TILE_MEMORY) -> None:
        self._photographs = photographs
        self._computed: OrderedDict[TileKey, np.ndarray] = OrderedDict()
        self._memory = memory
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
        """These tiles are wanted, most wanted first: they make room last."""
        for key in reversed(wanted):
            if key in self._computed:
                self._computed.move_to_end(key)

    def lacking(self, keys: Iterable[TileKey]) -> list[TileKey]:
        """Those of the tiles that are not among the computed ones kept, in their order."""
        computed = self._computed
        return [key for key in keys if key not in computed]

    def to_compute(self, lacking: Iterable[TileKey]) -> tuple[TileKey, ...]:
        """Those of the tiles that can be computed now, because their photograph is at hand."""
        return tuple(key for key in lacking if key.synthesised and self._photographs.pixels(key.photograph) is not None)

    def has(self, key: TileKey) -> bool:
        """Whether `tile` has it."""
        return key in self._computed if key.synthesised else self._photographs.has(key)

    def tile(self, key: TileKey) -> np.ndarray | None:
        """A tile with its gutter, read-only uint8; None where it is not in memory."""
        return self._computed.get(key) if key.synthesised else self._photographs.tile(key)

    def tiles(
        self, keys: Iterable[TileKey], has: Callable[[TileKey], bool] = lambda _: False
    ) -> Iterator[tuple[TileKey, np.ndarray]]:
        """Those of the tiles that are in memory and that the caller does not have, in their order; each is looked up,
        or cut, only when taken."""
        for key in keys:
            if not has(key) and (pixels := self.tile(key)) is not None:
                yield key, pixels
