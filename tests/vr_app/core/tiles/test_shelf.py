"""Tiles at hand in memory."""

from collections.abc import Iterable

import numpy as np
import pytest

from sr_core.image.geometry import TILE, Rect, TileKey, level_size
from sr_core.image.pyramid import GUTTER, Pyramid, build_pyramid
from vr_app.core.tiles.album import Album
from vr_app.core.tiles.shelf import Shelf
from vr_app.core.tiles.slots import Residency

EDGE = TILE + 2 * GUTTER
TILE_BYTES = EDGE * EDGE * 3


@pytest.fixture(scope="module")
def pyramid() -> Pyramid:
    return build_pyramid(np.random.default_rng(5).integers(0, 256, (300, 517, 3), np.uint8))


def computed(value: int) -> np.ndarray:
    return np.full((EDGE, EDGE, 3), value, np.uint8)


def fine(col: int) -> TileKey:
    return TileKey(0, 2, col, 0)


def at_hand(shelf: Shelf, keys: Iterable[TileKey]) -> list[TileKey]:
    return [key for key, _ in shelf.to_upload(keys, Residency(4))]


def test_photographed_tiles_of_every_level_are_the_pyramids_own(pyramid):
    album = Album()
    shelf = Shelf(album)
    album.add(3, pyramid)
    keys = [
        TileKey(3, -n, col, row)
        for n in range(len(pyramid.levels))
        for col, row in Rect(0, 0, *level_size(*pyramid.size, -n)).cells(TILE).points()
    ]
    uploads = list(shelf.to_upload(keys, Residency(4)))
    assert [key for key, _ in uploads] == keys
    for key, pixels in uploads:
        np.testing.assert_array_equal(pixels, pyramid.tile(key))
    inner = dict(uploads)[TileKey(3, 0, 1, 1)]
    np.testing.assert_array_equal(inner, pyramid.levels[0][63:129, 63:129])


def test_tiles_are_looked_up_only_when_taken(pyramid):
    album, residency = Album(), Residency(4)
    shelf = Shelf(album)
    keys = [TileKey(0, 0, col, 0) for col in range(3)]
    uploads = shelf.to_upload(keys, residency)
    album.add(0, pyramid)
    assert next(uploads)[0] == keys[0]
    residency.reserve(keys[1], 0.0)
    assert next(uploads)[0] == keys[2]


def test_neither_resident_tiles_nor_those_of_photographs_not_loaded_are_uploaded(pyramid):
    album, residency = Album(), Residency(4)
    shelf = Shelf(album)
    album.add(0, pyramid)
    shelf.keep(fine(0), computed(1))
    shelf.keep(fine(1), computed(2))
    residency.reserve(fine(0), 0.0)
    residency.reserve(TileKey(0, 0, 0, 0), 0.0)
    wanted = [TileKey(1, 0, 0, 0), fine(1), TileKey(0, 0, 0, 0), fine(2), fine(0), TileKey(0, 0, 1, 0)]
    assert [key for key, _ in shelf.to_upload(wanted, residency)] == [fine(1), TileKey(0, 0, 1, 0)]


def test_a_computed_tile_comes_back_with_its_own_pixels_the_newest_if_kept_twice():
    shelf = Shelf(Album())
    shelf.keep(fine(0), computed(1))
    shelf.keep(fine(1), computed(2))
    shelf.keep(fine(0), computed(3))
    pixels = {key: int(tile[0, 0, 0]) for key, tile in shelf.to_upload([fine(0), fine(1)], Residency(4))}
    assert pixels == {fine(0): 3, fine(1): 2}


def test_computed_tiles_stay_within_the_bytes_given_the_oldest_dropped_first():
    shelf = Shelf(Album(), memory=3 * TILE_BYTES)
    keys = [fine(col) for col in range(5)]
    for key in keys:
        shelf.keep(key, computed(0))
    assert at_hand(shelf, keys) == keys[2:]


def test_one_byte_short_of_three_tiles_keeps_two():
    shelf = Shelf(Album(), memory=3 * TILE_BYTES - 1)
    for col in range(3):
        shelf.keep(fine(col), computed(0))
    assert at_hand(shelf, map(fine, range(3))) == [fine(1), fine(2)]


def test_a_computed_tile_that_is_wanted_outlives_one_that_is_not():
    shelf = Shelf(Album(), memory=3 * TILE_BYTES)
    for col in range(3):
        shelf.keep(fine(col), computed(0))
    shelf.mark((fine(0), fine(1), fine(9)))  # the first the most wanted
    for col, gone in ((3, 2), (4, 1)):
        shelf.keep(fine(col), computed(0))
        assert fine(gone) not in at_hand(shelf, map(fine, range(5)))
    assert fine(0) in at_hand(shelf, [fine(0)])


def test_keeping_a_tile_again_is_counted_once():
    shelf = Shelf(Album(), memory=2 * TILE_BYTES)
    for _ in range(10):
        shelf.keep(fine(0), computed(0))
    shelf.keep(fine(1), computed(0))
    assert at_hand(shelf, [fine(0), fine(1)]) == [fine(0), fine(1)]


def test_the_newest_tile_is_kept_however_little_memory_there_is():
    shelf = Shelf(Album(), memory=1)
    shelf.keep(fine(0), computed(0))
    shelf.keep(fine(1), computed(0))
    assert at_hand(shelf, [fine(0), fine(1)]) == [fine(1)]


def test_lacking_are_the_tiles_neither_kept_nor_resident_nor_failed_in_the_order_wanted():
    shelf, residency = Shelf(Album()), Residency(4)
    shelf.keep(fine(1), computed(0))
    residency.reserve(fine(2), 0.0)
    residency.fail(fine(3), "out of memory")
    wanted = [fine(9), TileKey(0, 0, 0, 0), fine(3), fine(0), fine(1), fine(2), fine(7)]
    assert shelf.lacking(wanted, residency) == [fine(9), TileKey(0, 0, 0, 0), fine(0), fine(7)]


def test_only_synthesised_tiles_of_photographs_at_hand_are_to_be_computed(pyramid):
    album = Album()
    album.add(0, pyramid)
    wanted = [fine(9), TileKey(0, 0, 0, 0), TileKey(1, 2, 0, 0), fine(0)]
    assert Shelf(album).to_compute(wanted) == (fine(9), fine(0))


def test_a_dropped_tile_is_lacking_again():
    shelf, residency = Shelf(Album(), memory=TILE_BYTES), Residency(4)
    shelf.keep(fine(0), computed(0))
    assert shelf.lacking([fine(0)], residency) == []
    shelf.keep(fine(1), computed(0))
    assert shelf.lacking([fine(0), fine(1)], residency) == [fine(0)]


def test_a_photograph_that_has_changed_loses_its_tiles_and_no_other_does():
    shelf = Shelf(Album())
    other = TileKey(1, 2, 0, 0)
    for key in (fine(0), other, fine(1)):
        shelf.keep(key, computed(0))
    shelf.forget(0)
    assert at_hand(shelf, [fine(0), other, fine(1)]) == [other]
    assert shelf.bytes == TILE_BYTES
