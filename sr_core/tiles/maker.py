"""How a group of tiles is had: read from disk where they were kept, else computed in one pass and cut apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sr_core.engine.blocks import MARGIN, TileGroup, block_for
from sr_core.image import layers
from sr_core.image.geometry import Rect, TileKey
from sr_core.image.pyramid import GUTTER, cut_tile, halve
from sr_core.tiles.allocator import TileMemory
from sr_core.tiles.disk import TileCache, TileName
from sr_core.tiles.engines import TileEngine
from sr_core.tiles.request import Source, TileReady


class TileMaker:
    """Any thread may call it. `cache`: None: no tile is kept on disk."""

    def __init__(self, cache: TileCache | None) -> None:
        self._cache = cache
        self._memory = TileMemory()

    def read(self, group: TileGroup, source: Source, engine: TileEngine, request_id: int) -> Iterator[TileReady]:
        """Those of the group that are on disk, each when it is asked for."""
        for key in group.tiles if self._cache is not None else ():
            pixels = self._cache.get(TileName.of(key, source.sha256, engine.sha256))
            if pixels is not None:
                yield self._ready(key, request_id, pixels, engine, source)

    def compute(self, group: TileGroup, source: Source, engine: TileEngine, request_id: int) -> list[TileReady]:
        """All of the group. A level coarser than the photograph is shrunk from what the engine makes of it. Raises
        whatever the engine raises."""
        bounds, shrunk = bounds_of(source), max(0, -group.level)
        block = block_for(group.target, bounds, engine.scale, engine.halo, MARGIN << shrunk)
        computed = engine.compute(source, block)
        layer = layers.LAYERS[group.tiles[0].layer]
        if computed.shape[2] != layer.channels:
            raise ValueError(f"layer {layer.name}: its tiles have {layer.channels} channels, not {computed.shape[2]}")
        for _ in range(shrunk):
            computed = halve(computed)
        whole = block.target.scale(engine.scale)
        origin = whole.x >> shrunk, whole.y >> shrunk
        return [
            self._ready(key, request_id, cut_tile(computed, origin, key.rect), engine, source) for key in group.tiles
        ]

    def keep(self, tiles: Sequence[TileReady]) -> bool:
        """Enter tiles to be written to disk. Returns whether there is a disk to write them to."""
        for tile in tiles if self._cache is not None else ():
            self._cache.keep(TileName.of(tile.key, tile.photograph, tile.weights), tile.pixels)
        return self._cache is not None

    def _ready(
        self, key: TileKey, request_id: int, pixels: np.ndarray, engine: TileEngine, source: Source
    ) -> TileReady:
        inner = pixels[GUTTER:-GUTTER, GUTTER:-GUTTER, -1]
        invented = float(inner.mean()) if layers.LAYERS[key.layer].completes else 0.0
        kept = self._memory.keep(pixels)
        return TileReady(key, request_id, kept, engine.sha256, source.sha256, invented, engine.agrees)


def bounds_of(source: Source) -> Rect:
    """The photograph's own rectangle."""
    return Rect(0, 0, source.pixels.shape[1], source.pixels.shape[0])
