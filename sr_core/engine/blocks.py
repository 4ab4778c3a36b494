"""Plan which blocks of the photograph to compute for the wanted tiles: a few soon, then as many as are efficient.

A block is not a tile: at x8 a tile covers 8 photograph pixels, less than the halo it needs. Adjacent wanted tiles are
computed together and cut apart afterwards.

The cost of a pass grows with the pixels that it reads, its halo included, so few large passes are cheapest; but
somebody is waiting for the first. And the first pass of any new size costs twice as much, because kernels are compiled
and matrices built for it. So a pass reads one of a few sizes, and all of them can be warmed up beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from sr_core.image.geometry import TILE, Rect, TileKey
from sr_core.image.pyramid import GUTTER

WIDTHS = {1: (64, 128, 192, 256), 2: (32, 64, 96, 128, 160), 4: (32, 64, 96, 128, 144), 8: (16, 32, 48, 72, 104, 144)}
HEIGHTS = WIDTHS | {8: (16, 32, 48, 64, 72)}
"""The side lengths in photograph pixels of the passes that somebody waits for, by scale, each a whole number of tiles.
The longest are chosen so that the 17 or 18 tiles a side that a zoom by the scale brings into view make, for each of two
lanes, two passes at x4, one at x8, where passes are short and mostly halo, and eight at x2."""

FIRST_SIDE = {1: 64, 2: 32, 4: 32, 8: 16}
"""The side in photograph pixels of the first pass for a new view, by scale: soon done, at a tenth of a full pass's
cost."""

MARGIN = GUTTER
"""Photograph pixels computed beyond a group of tiles for the gutters: one is enough at any scale."""

WORTH_FILLING = 0.5
"""A rectangle is computed as a whole if at least this fraction of its tiles is wanted."""


@dataclass(frozen=True)
class Block:
    """One pass of the generator. `target`: the photograph pixels that it delivers super-resolved; `source`: those that
    it reads."""

    target: Rect
    source: Rect


@dataclass(frozen=True)
class TileGroup:
    """Tiles of one photograph, level and layer that fill a rectangle; `target` is that rectangle in photograph
    pixels."""

    photograph: int
    level: int
    tiles: tuple[TileKey, ...]
    target: Rect


def plan_blocks(region: Rect, bounds: Rect, edge: int, halo: int) -> tuple[Block, ...]:
    """Cut `region` (photograph pixels) into blocks of at most edge x edge, each read with `halo` pixels around it.

    Blocks are as equal as whole pixels allow, in reading order; sources are clipped to `bounds`, the photograph. Raises
    ValueError if the region is empty or extends beyond the bounds.
    """
    if region.empty or not bounds.contains(region):
        raise ValueError(f"region {region} must lie inside {bounds} and must not be empty")
    return tuple(
        Block(target, target.pad(halo).intersect(bounds))
        for y, h in _spans(region.y, region.h, edge)
        for x, w in _spans(region.x, region.w, edge)
        for target in (Rect(x, y, w, h),)
    )


def halve_block(block: Block, halo: int) -> tuple[Block, ...]:
    """Cut a block in half along each edge. Each part reads at most `halo` pixels around it, and no pixel that the block
    itself does not read."""
    target = block.target
    return plan_blocks(target, block.source, max(1, -(-max(target.w, target.h) // 2)), halo)


def _spans(start: int, length: int, edge: int) -> list[tuple[int, int]]:
    count = -(-length // edge)
    cuts = [start + length * i // count for i in range(count + 1)]
    return [(a, b - a) for a, b in pairwise(cuts)]


def scale_of(level: int) -> int:
    """Return pixels of the level per pixel of the photograph when computed; coarser levels are shrunk from level 0."""
    return 1 << max(0, level)


def tile_edge(level: int) -> int:
    """Return the photograph pixels along a tile of a level."""
    return TILE >> level if level >= 0 else TILE << -level


def group_tiles(tiles: Sequence[TileKey], bounds: Rect, edge: int) -> tuple[TileGroup, ...]:
    """Group wanted tiles to compute them together, most wanted first.

    Tiles that share a square cell of about `edge` photograph pixels (and at least one tile) are merged into rectangles
    that contain only wanted tiles. Groups come in the order of their most wanted tile. `bounds` is the photograph's own
    rectangle, to which targets are clipped.
    """
    cells: dict[tuple[int, int, int, int, int], list[TileKey]] = {}
    for key in tiles:
        per_cell = max(1, edge // tile_edge(key.level))
        cell = key.photograph, key.level, key.layer, key.col // per_cell, key.row // per_cell
        cells.setdefault(cell, []).append(key)
    groups = [group for members in cells.values() for group in _rectangles(members, bounds)]
    order = {key: i for i, key in enumerate(tiles)}
    return tuple(sorted(groups, key=lambda group: min(order[key] for key in group.tiles)))


def _rectangles(tiles: Iterable[TileKey], bounds: Rect) -> list[TileGroup]:
    """Split the tiles of one cell into full rectangles: find runs along each row, then merge equal runs of consecutive
    rows."""
    rows: dict[int, set[int]] = {}
    for key in tiles:
        rows.setdefault(key.row, set()).add(key.col)
        photograph, level, layer = key.photograph, key.level, key.layer
    found: list[Rect] = []
    for row in sorted(rows):
        for col, length in _runs(rows[row]):
            for i, above in enumerate(found):
                if (above.x, above.w, above.bottom) == (col, length, row):
                    found[i] = Rect(above.x, above.y, above.w, above.h + 1)
                    break
            else:
                found.append(Rect(col, row, length, 1))
    edge = tile_edge(level)
    return [
        TileGroup(
            photograph,
            level,
            tuple(TileKey(photograph, level, col, row, layer) for col, row in rect.points()),
            rect.scale(edge).intersect(bounds),
        )
        for rect in found
    ]


def _runs(cols: set[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for col in sorted(cols):
        if runs and runs[-1][0] + runs[-1][1] == col:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((col, 1))
    return runs


def first_group(tiles: Sequence[TileKey], bounds: Rect) -> TileGroup:
    """Return a few tiles around the first one. `tiles`: of one photograph and level, most wanted first; `bounds`: the
    photograph's own rectangle."""
    return group_tiles(tiles, bounds, FIRST_SIDE[scale_of(tiles[0].level)])[0]


def next_group(tiles: Sequence[TileKey], bounds: Rect, share: int = 1) -> TileGroup:
    """Return the tiles, given as for `first_group`, to compute with the first one: within the longest sides, or a
    fraction of them (`share` 2: half).

    The tiles' bounding box is cut into as few and as equal parts as that allows, and the part with the first tile is
    computed. Computing unwanted tiles in its midst costs less than two passes around them. The group names only wanted
    tiles.
    """
    first = tiles[0]
    scale, edge = scale_of(first.level), tile_edge(first.level)
    width, height = (max(sides[scale]) // share for sides in (WIDTHS, HEIGHTS))
    part = _part(tiles, *(max(1, side // edge) for side in (width, height)))
    if len(part) < WORTH_FILLING * _hull(part).area:
        return group_tiles(part, bounds, height)[0]
    target = _hull(part).scale(edge).intersect(bounds)
    return TileGroup(first.photograph, first.level, tuple(part), target)


def block_for(target: Rect, bounds: Rect, scale: int, halo: int, margin: int = MARGIN) -> Block:
    """Return the pass for a group's `target`: with `margin` around it, reading at least `halo` more, and along both
    axes one of the scale's sizes if the photograph is that large."""
    target = target.pad(margin).intersect(bounds)
    x, width = _stretch(target.x, target.w, bounds.w, WIDTHS[scale], halo)
    y, height = _stretch(target.y, target.h, bounds.h, HEIGHTS[scale], halo)
    return Block(target, Rect(x, y, width, height))


def sizes(scale: int, halo: int) -> list[tuple[int, int]]:
    """Return the width and height of everything that `block_for` reads inside a large photograph: first for a first
    pass and full passes, then the others."""
    axes = [sorted(sides[scale], reverse=True) for sides in (WIDTHS, HEIGHTS)]
    first = FIRST_SIDE[scale]
    ordered = dict.fromkeys([(first, first), *product(*(sides[:2] for sides in axes)), *product(*axes)])
    return [(_read(width, halo), _read(height, halo)) for width, height in ordered]


def _read(side: int, halo: int) -> int:
    return side + 2 * (MARGIN + halo)


def _stretch(start: int, length: int, whole: int, sides: Sequence[int], halo: int) -> tuple[int, int]:
    """Return start and length of what is read for a stretch of an axis that is `whole` pixels long."""
    needed = length + 2 * halo
    read = min((_read(side, halo) for side in sides if _read(side, halo) >= needed), default=needed)
    if read >= whole:
        return 0, whole
    return min(max(start - (read - length) // 2, 0), whole - read), read


def _part(tiles: Sequence[TileKey], columns: int, rows: int) -> list[TileKey]:
    """Return the tiles in the first tile's part, after cutting all of them into equal parts of at most that many
    tiles."""
    hull, first = _hull(tiles), tiles[0]
    col, right = _cut(hull.x, hull.w, columns, first.col)
    row, bottom = _cut(hull.y, hull.h, rows, first.row)
    return [key for key in tiles if col <= key.col < right and row <= key.row < bottom]


def _cut(start: int, length: int, most: int, at: int) -> tuple[int, int]:
    """Return start and end of the part that contains `at`."""
    count = -(-length // most)
    part = next(i for i in range(count) if at < start + length * (i + 1) // count)
    return start + length * part // count, start + length * (part + 1) // count


def _hull(tiles: Sequence[TileKey]) -> Rect:
    cols, rows = [key.col for key in tiles], [key.row for key in tiles]
    return Rect(min(cols), min(rows), max(cols) + 1 - min(cols), max(rows) + 1 - min(rows))
