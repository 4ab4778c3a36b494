"""Tile arithmetic that only tests need."""

from __future__ import annotations

from sr_core.image.geometry import TileKey


def ancestor(key: TileKey, level: int) -> TileKey:
    """Return the tile of the coarser `level` that contains this one."""
    shift = key.level - level
    return TileKey(key.photograph, level, key.col >> shift, key.row >> shift)
