"""Rectangles, pyramid levels and tiles: integer arithmetic only.

A photograph of W x H pixels has *levels*: 0 is the photograph itself, level -n is shrunk by 2**n, levels +1, +2 and +3
are super-resolved x2, x4 and x8. A point at photograph pixel p lies exactly at p * 2**level on every level, so that a
level can replace another without a shift while the view moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sr_core.image.layers import PHOTOGRAPHED, PICTURE

TILE = 64
"""The edge of a texture tile in level pixels. It is small so that the tiles covering a view stay close to the view's
area."""

MAX_LEVEL = 3
"""The finest level: x8."""


@dataclass(frozen=True, order=True)
class Rect:
    """A half-open rectangle of whole pixels: columns x to x + w - 1, rows y to y + h - 1."""

    x: int
    y: int
    w: int
    h: int

    @property
    def right(self) -> int:
        return self.x + self.w

    @property
    def bottom(self) -> int:
        return self.y + self.h

    @property
    def area(self) -> int:
        return self.w * self.h

    @property
    def empty(self) -> bool:
        return self.w <= 0 or self.h <= 0

    def intersect(self, other: Rect) -> Rect:
        """Return the common part; w and h are 0 if there is none."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        return Rect(x, y, max(0, min(self.right, other.right) - x), max(0, min(self.bottom, other.bottom) - y))

    def pad(self, n: int) -> Rect:
        """Return the rectangle grown by n pixels on each side."""
        return Rect(self.x - n, self.y - n, self.w + 2 * n, self.h + 2 * n)

    def scale(self, factor: int) -> Rect:
        """Return the same area on a grid `factor` times finer."""
        return Rect(self.x * factor, self.y * factor, self.w * factor, self.h * factor)

    def shift(self, dx: int, dy: int) -> Rect:
        return Rect(self.x + dx, self.y + dy, self.w, self.h)

    def contains(self, other: Rect) -> bool:
        return self.intersect(other) == other

    def cells(self, edge: int) -> Rect:
        """Return the smallest rectangle of grid cells (column, row, columns, rows) of `edge` pixels that covers this
        one.

        An empty rectangle has no cells.
        """
        if self.empty:
            return Rect(self.x // edge, self.y // edge, 0, 0)
        x, y = self.x // edge, self.y // edge
        return Rect(x, y, -(-self.right // edge) - x, -(-self.bottom // edge) - y)

    def slices(self) -> tuple[slice, slice]:
        """Return row and column slices for an array whose pixel (0, 0) is this grid's origin."""
        return slice(self.y, self.bottom), slice(self.x, self.right)

    def points(self) -> Iterator[tuple[int, int]]:
        """Yield every (x, y), row by row."""
        return ((x, y) for y in range(self.y, self.bottom) for x in range(self.x, self.right))


class _Place(NamedTuple):
    photograph: int
    level: int
    col: int
    row: int
    layer: int


class TileKey(_Place):
    """One tile of one level of one layer (its index in `layers.LAYERS`) of one photograph (its index in the session).

    Without a layer, the key means the picture's own: the one that completes the picture at that level. The key is a
    tuple because every frame makes, looks up and sorts thousands of them: `(photograph, level, col, row, layer)` finds
    it too.
    """

    __slots__ = ()

    def __new__(cls, photograph: int, level: int, col: int, row: int, layer: int | None = None) -> TileKey:
        layer = PICTURE.get(level, PHOTOGRAPHED) if layer is None else layer
        return super().__new__(cls, photograph, level, col, row, layer)

    @property
    def synthesised(self) -> bool:
        """Whether the pixels were computed, not photographed."""
        return self.layer != PHOTOGRAPHED

    @property
    def rect(self) -> Rect:
        """The level pixels that the whole tile covers; it may extend beyond the level's right and lower edge."""
        return Rect(self.col * TILE, self.row * TILE, TILE, TILE)


def level_size(width: int, height: int, level: int) -> tuple[int, int]:
    """Return width and height of a level in its own pixels; a partly covered last pixel counts."""
    if level >= 0:
        return width << level, height << level
    return -(-width >> -level), -(-height >> -level)


def coarsest_level(width: int, height: int) -> int:
    """Return the level whose picture fits one tile. It always stays in memory, so that nothing is ever blank."""
    level = 0
    while max(level_size(width, height, level)) > TILE:
        level -= 1
    return level
