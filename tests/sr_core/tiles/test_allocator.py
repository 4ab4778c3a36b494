"""Memory for tiles: copies that nobody overwrites while they, or parts of them, are in use."""

import numpy as np
import pytest

from sr_core.tiles.allocator import CHUNK, EDGE, TileMemory


def tile(value: int) -> np.ndarray:
    return np.full((EDGE, EDGE, 4), value, np.uint8)


def test_tiles_are_read_only_copies_each_with_memory_of_its_own():
    memory = TileMemory()
    given = [tile(n) for n in range(2 * CHUNK + 1)]
    kept = [memory.keep(pixels) for pixels in given]
    for n, pixels in enumerate(given):
        pixels[:] = 255
        assert (kept[n] == n).all()
    with pytest.raises(ValueError, match="read-only"):
        kept[0][0, 0, 0] = 1


def test_memory_is_used_again_once_nobody_has_the_tile():
    memory = TileMemory()
    places = set()
    for n in range(3 * CHUNK):
        places.add(memory.keep(tile(n)).ctypes.data)
    assert len(places) <= CHUNK


def test_a_part_of_a_tile_keeps_its_memory():
    memory = TileMemory()
    part = memory.keep(tile(7))[1:-1, 1:-1, 3]
    others = [memory.keep(tile(9)) for _ in range(CHUNK)]
    assert (part == 7).all()
    assert all((other == 9).all() for other in others)
