"""Arithmetic of tiles that tests alone need."""

from __future__ import annotations

from sr_core.image.geometry import TileKey


def ancestor(key: TileKey, level: int) -> TileKey:
    """The tile of the coarser `level` that contains this one."""
    shift = key.level - level
    return TileKey(key.photograph, level, key.col >> shift, key.row >> shift)
