"""Makes a group of tiles: reads them from disk if they are cached, else computes them in one pass and cuts them
apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from sr_core.engine.blocks import MARGIN, TileGroup, block_for
from sr_core.image import layers
from sr_core.image.departure import Computed, Departure, in_alpha
from sr_core.image.geometry import Rect, TileKey
from sr_core.image.pyramid import cut_tile, halve
from sr_core.tiles.allocator import TileMemory
from sr_core.tiles.disk import KeptTile, TileCache, TileName
from sr_core.tiles.engines import TileEngine
from sr_core.tiles.request import Source, TileReady


class TileMaker:
    """Makes tiles. Thread-safe. `cache`: None keeps no tile on disk."""

    def __init__(self, cache: TileCache | None) -> None:
        self._cache = cache
        self._memory = TileMemory()

    def read(self, group: TileGroup, source: Source, engine: TileEngine, request_id: int) -> Iterator[TileReady]:
        """Yield those of the group that are on disk, reading each when it is asked for."""
        if self._cache is None:
            return
        for key in group.tiles:
            kept = self._cache.get(TileName.of(key, source.sha256, engine.sha256))
            if kept is not None:
                yield self._ready(key, request_id, kept, engine, source)

    def compute(self, group: TileGroup, source: Source, engine: TileEngine, request_id: int) -> list[TileReady]:
        """Compute the whole group. A level coarser than the photograph is shrunk from the engine's output. Raises
        whatever the engine raises."""
        bounds, shrunk = bounds_of(source), max(0, -group.level)
        block = block_for(group.target, bounds, engine.scale, engine.halo, MARGIN << shrunk)
        computed = engine.compute(source, block)
        layer = layers.LAYERS[group.tiles[0].layer]
        channels = computed.pixels.shape[2]
        if channels != layer.channels:
            raise ValueError(f"layer {layer.name}: its tiles have {layer.channels} channels, not {channels}")
        for _ in range(shrunk):
            computed = Computed(halve(computed.pixels), _halved(computed.restored))
        whole = block.target.scale(engine.scale)
        origin = whole.x >> shrunk, whole.y >> shrunk
        departures = [_departure(computed, origin, key.rect) if layer.pictured else Departure() for key in group.tiles]
        if layer.pictured:
            computed.pixels[..., 3] = in_alpha(computed.pixels[..., 3], computed.restored)
        found = []
        for key, departure in zip(group.tiles, departures, strict=True):
            tile = KeptTile(cut_tile(computed.pixels, origin, key.rect), departure)
            found.append(self._ready(key, request_id, tile, engine, source))
        return found

    def keep(self, tiles: Sequence[TileReady]) -> bool:
        """Queue tiles to be written to disk. Returns whether there is a cache to write them to."""
        if self._cache is None:
            return False
        for tile in tiles:
            self._cache.keep(
                TileName.of(tile.key, tile.photograph, tile.weights), KeptTile(tile.pixels, tile.departure)
            )
        return True

    def _ready(self, key: TileKey, request_id: int, tile: KeptTile, engine: TileEngine, source: Source) -> TileReady:
        kept = self._memory.keep(tile.pixels)
        departure = replace(tile.departure, agrees=engine.agrees)
        return TileReady(key, request_id, kept, engine.sha256, source.sha256, departure)


def _halved(levels: np.ndarray | None) -> np.ndarray | None:
    """Float (h, w) shrunk to half as `halve` shrinks pixels."""
    if levels is None:
        return None
    even = np.pad(levels, [(0, side % 2) for side in levels.shape], mode="edge")
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4


def _departure(computed: Computed, origin: tuple[int, int], tile: Rect) -> Departure:
    """Of what lies in a tile; `computed` begins at `origin`, both in pixels of the level."""
    height, width = computed.pixels.shape[:2]
    place = tile.shift(-origin[0], -origin[1]).intersect(Rect(0, 0, width, height))
    restored = computed.restored
    if restored is not None:
        times = height // restored.shape[0]
        restored = restored[tuple(slice(part.start // times, -(-part.stop // times)) for part in place.slices())]
    return Computed(computed.pixels[place.slices()], restored).departure


def bounds_of(source: Source) -> Rect:
    """The photograph's own rectangle."""
    return Rect(0, 0, source.pixels.shape[1], source.pixels.shape[0])
