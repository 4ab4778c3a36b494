"""Makes a group of tiles: reads them from disk if they are cached, else computes them in one pass and cuts them
apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from sr_core.engine.blocks import MARGIN, TileGroup, block_for
from sr_core.image import layers
from sr_core.image.departure import Computed, Departure, in_alpha
from sr_core.image.geometry import TILE, Rect, TileKey
from sr_core.image.pyramid import GUTTER, cut_tile, halve
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
        cut = _cut(computed, origin, group.tiles, layer.pictured)
        return [self._ready(key, request_id, tile, engine, source) for key, tile in zip(group.tiles, cut, strict=True)]

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


def _cut(computed: Computed, origin: tuple[int, int], tiles: Sequence[TileKey], pictured: bool) -> list[KeptTile]:
    """Tiles out of what was computed for all of them, which begins at `origin`, in pixels of the level: views of it,
    where they lie within it. `pictured`: they are pixels of the picture; then their alpha is made to tell both figures.
    """
    departures = _departures(computed, origin, tiles) if pictured else [Departure()] * len(tiles)
    if pictured:
        computed.pixels[..., 3] = in_alpha(computed.pixels[..., 3], computed.restored)
    pixels = (_piece(computed.pixels, origin, key) for key in tiles)
    return [KeptTile(piece, departure) for piece, departure in zip(pixels, departures, strict=True)]


def _piece(pixels: np.ndarray, origin: tuple[int, int], key: TileKey) -> np.ndarray:
    """A tile with its gutter."""
    x, y = key.col * TILE - GUTTER - origin[0], key.row * TILE - GUTTER - origin[1]
    right, bottom = x + TILE + 2 * GUTTER, y + TILE + 2 * GUTTER
    inside = x >= 0 and y >= 0 and right <= pixels.shape[1] and bottom <= pixels.shape[0]
    return pixels[y:bottom, x:right] if inside else cut_tile(pixels, origin, key.rect)


def _departures(computed: Computed, origin: tuple[int, int], tiles: Sequence[TileKey]) -> list[Departure]:
    """Of what lies in each tile; `computed` begins at `origin`, in pixels of the level. All at once: the mean of one
    tile costs more in calls than in sums, and each call takes the interpreter from the thread that draws."""
    col, row = min(key.col for key in tiles), min(key.row for key in tiles)
    counts = max(key.row for key in tiles) + 1 - row, max(key.col for key in tiles) + 1 - col
    corner = row * TILE - origin[1], col * TILE - origin[0]
    invented = _means(computed.pixels[corner[0] :, corner[1] :, 3], counts, TILE)
    restored = np.zeros(counts)
    if computed.restored is not None:
        times = computed.pixels.shape[0] // computed.restored.shape[0]
        restored = _means(computed.restored[corner[0] // times :, corner[1] // times :], counts, TILE // times)
    of = [(key.row - row, key.col - col) for key in tiles]
    return [Departure(float(invented[at]), restored=float(restored[at])) for at in of]


def _means(values: np.ndarray, counts: tuple[int, int], edge: int) -> np.ndarray:
    """The means of `counts` squares, down and across, of `edge` pixels a side, as far as `values` (h, w) reaches."""
    rows, cols = counts
    part = values[: rows * edge, : cols * edge]
    whole = np.zeros((rows * edge, cols * edge), part.dtype)
    whole[: part.shape[0], : part.shape[1]] = part
    columns = whole.reshape(rows, edge, -1).sum(axis=1, dtype=np.uint16 if part.dtype == np.uint8 else np.float64)
    sums = columns.reshape(rows, cols, edge).sum(axis=2, dtype=np.float64)
    down, across = (np.clip(size - edge * np.arange(n), 1, edge) for size, n in zip(part.shape, counts, strict=True))
    return sums / np.outer(down, across)


def bounds_of(source: Source) -> Rect:
    """The photograph's own rectangle."""
    return Rect(0, 0, source.pixels.shape[1], source.pixels.shape[0])
