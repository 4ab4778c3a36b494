"""Which blocks of the photograph the generator computes for the tiles that are wanted.

A block is not a tile: at x8 a tile is 8 photographed pixels wide, less than the halo it needs. Wanted tiles that
touch are computed together and cut apart afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sr_core.image.geometry import TILE, Rect, TileKey


@dataclass(frozen=True)
class Block:
    """One pass of the generator. `target`: photograph pixels whose synthesis is delivered; `source`: those it reads."""

    target: Rect
    source: Rect


@dataclass(frozen=True)
class TileGroup:
    """Tiles of one photograph and level that fill a rectangle; `target` is that rectangle in photograph pixels."""

    photograph: int
    level: int
    tiles: tuple[TileKey, ...]
    target: Rect


def plan_blocks(region: Rect, bounds: Rect, edge: int, halo: int) -> tuple[Block, ...]:
    """Cut `region` (photograph pixels) into blocks of at most edge x edge, each read with `halo` pixels around it.

    Blocks are as equal as whole pixels allow, row by row; sources are clipped to `bounds`, the photograph.
    Raises ValueError where the region is empty or reaches beyond the bounds.
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
    """Cut a block into blocks of half its edges, each read with at most `halo` pixels around it, and no pixel that the
    block itself does not read."""
    target = block.target
    return plan_blocks(target, block.source, max(1, -(-max(target.w, target.h) // 2)), halo)


def _spans(start: int, length: int, edge: int) -> list[tuple[int, int]]:
    count = -(-length // edge)
    cuts = [start + length * i // count for i in range(count + 1)]
    return [(a, b - a) for a, b in pairwise(cuts)]


def group_tiles(tiles: Sequence[TileKey], bounds: Rect, edge: int) -> tuple[TileGroup, ...]:
    """Group wanted tiles for common computation, most wanted first.

    Tiles that share a square cell of about `edge` photograph pixels (and at least one tile) are merged into
    rectangles without a tile that nobody wanted. Groups come in the order of their most wanted tile. `bounds` is the
    photograph's own rectangle, to which targets are clipped.
    """
    cells: dict[tuple[int, int, int, int], list[TileKey]] = {}
    for key in tiles:
        per_cell = max(1, edge * 2**key.level // TILE)
        cells.setdefault((key.photograph, key.level, key.col // per_cell, key.row // per_cell), []).append(key)
    groups = [group for members in cells.values() for group in _rectangles(members, bounds)]
    order = {key: i for i, key in enumerate(tiles)}
    return tuple(sorted(groups, key=lambda group: min(order[key] for key in group.tiles)))


def _rectangles(tiles: Iterable[TileKey], bounds: Rect) -> list[TileGroup]:
    """Split tiles of one cell into full rectangles: runs along each row, equal runs of following rows merged."""
    rows: dict[int, set[int]] = {}
    for key in tiles:
        rows.setdefault(key.row, set()).add(key.col)
        photograph, level = key.photograph, key.level
    found: list[Rect] = []
    for row in sorted(rows):
        for col, length in _runs(rows[row]):
            for i, above in enumerate(found):
                if (above.x, above.w, above.bottom) == (col, length, row):
                    found[i] = Rect(above.x, above.y, above.w, above.h + 1)
                    break
            else:
                found.append(Rect(col, row, length, 1))
    edge = TILE >> level
    return [
        TileGroup(
            photograph,
            level,
            tuple(TileKey(photograph, level, col, row) for col, row in rect.points()),
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
