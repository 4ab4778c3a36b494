"""The photograph and its shrunk copies, and the tiles cut from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sr_core.image.geometry import Rect, TileKey, coarsest_level

GUTTER = 1
"""The pixels of the neighbouring tile kept around each tile, so that bilinear sampling shows no seam."""


@dataclass(frozen=True)
class Pyramid:
    """`levels[n]` is level -n: (ceil(H / 2**n), ceil(W / 2**n), 3) uint8, read-only. levels[0] is the photograph."""

    levels: tuple[np.ndarray, ...]

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of the photograph in pixels."""
        height, width = self.levels[0].shape[:2]
        return width, height

    def tile(self, key: TileKey) -> np.ndarray:
        """Return the pixels of a photographed tile with its gutter. See `cut_tile`."""
        return cut_tile(self.levels[-key.level], (0, 0), key.rect)


def build_pyramid(pixels: np.ndarray) -> Pyramid:
    """Shrink an (H, W, 3) uint8 photograph by halves until one tile holds it.

    Each pixel is the mean of 2 x 2 pixels of the level above (the last row or column repeated where the count is
    odd), so that level -n covers exactly 2**n photograph pixels per pixel and never shifts.
    """
    height, width = pixels.shape[:2]
    levels = [pixels]
    for _ in range(-coarsest_level(width, height)):
        levels.append(halve(levels[-1]))
    for level in levels:
        level.setflags(write=False)
    return Pyramid(tuple(levels))


def halve(pixels: np.ndarray) -> np.ndarray:
    """Shrink (h, w, channels) uint8 to half, (ceil(h / 2), ceil(w / 2), channels), as `build_pyramid` does."""
    height, width = pixels.shape[:2]
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge") if height % 2 or width % 2 else pixels
    total = even[0::2, 0::2].astype(np.uint16)
    for rows, cols in ((0, 1), (1, 0), (1, 1)):
        total += even[rows::2, cols::2]
    total += 2
    total >>= 2
    return total.astype(np.uint8)


def cut_tile(pixels: np.ndarray, origin: tuple[int, int], tile: Rect) -> np.ndarray:
    """Cut a tile with its gutter out of part of a level.

    `pixels` is (h, w, channels) uint8 and its first pixel lies at `origin` (x, y) of the level; `tile` is in level
    pixels. Where the tile or its gutter reaches beyond `pixels`, the edge is repeated. Returns a read-only contiguous
    (TILE + 2 * GUTTER, TILE + 2 * GUTTER, channels) uint8 array.
    """
    wanted = tile.pad(GUTTER).shift(-origin[0], -origin[1])
    height, width = pixels.shape[:2]
    have = wanted.intersect(Rect(0, 0, width, height))
    cut = pixels[have.slices()]
    if have != wanted:
        cut = np.pad(
            cut,
            ((have.y - wanted.y, wanted.bottom - have.bottom), (have.x - wanted.x, wanted.right - have.right), (0, 0)),
            mode="edge",
        )
    cut = np.array(cut, order="C")
    cut.setflags(write=False)
    return cut
