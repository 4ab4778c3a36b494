"""Tiles at hand in memory."""

from collections.abc import Iterable

import numpy as np
import pytest

from sr_core.image.geometry import TILE, Rect, TileKey, level_size
from sr_core.image.pyramid import GUTTER, Pyramid, build_pyramid
from sr_core.tiles.photographs import Photographs
from sr_core.tiles.service import TilesInMemory

EDGE = TILE + 2 * GUTTER
TILE_BYTES = EDGE * EDGE * 3


@pytest.fixture(scope="module")
def pyramid() -> Pyramid:
    return build_pyramid(np.random.default_rng(5).integers(0, 256, (300, 517, 3), np.uint8))


def computed(value: int) -> np.ndarray:
    return np.full((EDGE, EDGE, 3), value, np.uint8)


def fine(col: int) -> TileKey:
    return TileKey(0, 2, col, 0)


def at_hand(memory: TilesInMemory, keys: Iterable[TileKey]) -> list[TileKey]:
    return [tile.key for tile in memory.tiles(keys)]


def test_photographed_tiles_of_every_level_are_the_pyramids_own(pyramid):
    photographs = Photographs()
    memory = TilesInMemory(photographs)
    photographs.add(3, pyramid)
    keys = [
        TileKey(3, -n, col, row)
        for n in range(len(pyramid.levels))
        for col, row in Rect(0, 0, *level_size(*pyramid.size, -n)).cells(TILE).points()
    ]
    uploads = list(memory.tiles(keys))
    assert [tile.key for tile in uploads] == keys
    for key, pixels, departure in uploads:
        assert departure is None
        np.testing.assert_array_equal(pixels, pyramid.tile(key))
    (inner,) = (tile.pixels for tile in uploads if tile.key == TileKey(3, 0, 1, 1))
    np.testing.assert_array_equal(inner, pyramid.levels[0][63:129, 63:129])


def test_tiles_are_looked_up_only_when_taken(pyramid):
    photographs, had = Photographs(), set()
    memory = TilesInMemory(photographs)
    keys = [TileKey(0, 0, col, 0) for col in range(3)]
    uploads = memory.tiles(keys, had)
    photographs.add(0, pyramid)
    assert next(uploads)[0] == keys[0]
    had.add(keys[1])
    assert next(uploads)[0] == keys[2]


def test_neither_tiles_that_the_client_has_nor_those_of_photographs_not_loaded_are_uploaded(pyramid):
    photographs = Photographs()
    memory = TilesInMemory(photographs)
    photographs.add(0, pyramid)
    memory.keep(fine(0), computed(1))
    memory.keep(fine(1), computed(2))
    had = {fine(0), TileKey(0, 0, 0, 0)}
    wanted = [TileKey(1, 0, 0, 0), fine(1), TileKey(0, 0, 0, 0), fine(2), fine(0), TileKey(0, 0, 1, 0)]
    assert [tile.key for tile in memory.tiles(wanted, had)] == [fine(1), TileKey(0, 0, 1, 0)]


def test_a_computed_tile_comes_back_with_its_own_pixels_the_newest_if_kept_twice():
    memory = TilesInMemory(Photographs())
    memory.keep(fine(0), computed(1))
    memory.keep(fine(1), computed(2))
    memory.keep(fine(0), computed(3))
    pixels = {tile.key: int(tile.pixels[0, 0, 0]) for tile in memory.tiles([fine(0), fine(1)])}
    assert pixels == {fine(0): 3, fine(1): 2}


def test_computed_tiles_stay_within_the_bytes_given_the_oldest_dropped_first():
    memory = TilesInMemory(Photographs(), memory=3 * TILE_BYTES)
    keys = [fine(col) for col in range(5)]
    for key in keys:
        memory.keep(key, computed(0))
    assert at_hand(memory, keys) == keys[2:]


def test_one_byte_short_of_three_tiles_keeps_two():
    memory = TilesInMemory(Photographs(), memory=3 * TILE_BYTES - 1)
    for col in range(3):
        memory.keep(fine(col), computed(0))
    assert at_hand(memory, map(fine, range(3))) == [fine(1), fine(2)]


def test_a_computed_tile_that_is_wanted_outlives_one_that_is_not():
    memory = TilesInMemory(Photographs(), memory=3 * TILE_BYTES)
    for col in range(3):
        memory.keep(fine(col), computed(0))
    memory.mark((fine(0), fine(1), fine(9)))  # the first the most wanted
    for col, gone in ((3, 2), (4, 1)):
        memory.keep(fine(col), computed(0))
        assert fine(gone) not in at_hand(memory, map(fine, range(5)))
    assert fine(0) in at_hand(memory, [fine(0)])


def test_keeping_a_tile_again_is_counted_once():
    memory = TilesInMemory(Photographs(), memory=2 * TILE_BYTES)
    for _ in range(10):
        memory.keep(fine(0), computed(0))
    memory.keep(fine(1), computed(0))
    assert at_hand(memory, [fine(0), fine(1)]) == [fine(0), fine(1)]


def test_the_newest_tile_is_kept_however_little_memory_there_is():
    memory = TilesInMemory(Photographs(), memory=1)
    memory.keep(fine(0), computed(0))
    memory.keep(fine(1), computed(0))
    assert at_hand(memory, [fine(0), fine(1)]) == [fine(1)]


def test_lacking_are_the_tiles_not_kept_in_the_order_wanted():
    memory = TilesInMemory(Photographs())
    memory.keep(fine(1), computed(0))
    wanted = [fine(9), TileKey(0, 0, 0, 0), fine(0), fine(1), fine(7)]
    assert memory.lacking(wanted) == [fine(9), TileKey(0, 0, 0, 0), fine(0), fine(7)]


def test_a_tile_is_in_memory_where_it_was_kept_or_its_level_is_at_hand(pyramid):
    photographs = Photographs()
    memory = TilesInMemory(photographs)
    photographs.add(0, pyramid)
    memory.keep(fine(1), computed(0))
    keys = [fine(0), fine(1), TileKey(0, 0, 0, 0), TileKey(0, -3, 0, 0), TileKey(1, 0, 0, 0)]
    assert [memory.has(key) for key in keys] == [False, True, True, True, False]
    assert [memory.tile(key) is not None for key in keys] == [False, True, True, True, False]


def test_only_synthesised_tiles_of_photographs_at_hand_are_to_be_computed(pyramid):
    photographs = Photographs()
    photographs.add(0, pyramid)
    wanted = [fine(9), TileKey(0, 0, 0, 0), TileKey(1, 2, 0, 0), fine(0)]
    assert TilesInMemory(photographs).to_compute(wanted) == (fine(9), fine(0))


def test_a_dropped_tile_is_lacking_again():
    memory = TilesInMemory(Photographs(), memory=TILE_BYTES)
    memory.keep(fine(0), computed(0))
    assert memory.lacking([fine(0)]) == []
    memory.keep(fine(1), computed(0))
    assert memory.lacking([fine(0), fine(1)]) == [fine(0)]


def test_a_photograph_that_has_changed_loses_its_tiles_and_no_other_does():
    memory = TilesInMemory(Photographs())
    other = TileKey(1, 2, 0, 0)
    for key in (fine(0), other, fine(1)):
        memory.keep(key, computed(0))
    memory.forget(0)
    assert at_hand(memory, [fine(0), other, fine(1)]) == [other]
    assert memory.bytes == TILE_BYTES
