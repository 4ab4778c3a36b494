"""Levels of a photograph, and the tiles cut from them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_core.image.geometry import TILE, Rect, TileKey, coarsest_level, level_size
from sr_core.image.pyramid import GUTTER, build_pyramid, cut_tile


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [(300, 517), (129, 128), (128, 128), (16, 1500), (1023, 1025)])
def test_each_level_has_the_size_that_geometry_says(size):
    height, width = size
    pyramid = build_pyramid(noise(height, width))
    assert pyramid.size == (width, height)
    assert len(pyramid.levels) == 1 - coarsest_level(width, height)
    for n, pixels in enumerate(pyramid.levels):
        assert (pixels.shape[1], pixels.shape[0]) == level_size(width, height, -n)
        assert not pixels.flags.writeable


def test_a_shrunk_pixel_is_the_mean_of_exactly_the_pixels_it_covers():
    pixels = noise(256, 512)
    level = build_pyramid(pixels).levels[2]
    means = pixels.astype(float).reshape(64, 4, 128, 4, 3).mean(axis=(1, 3))
    assert np.abs(level - means).max() <= 1.0  # rounded twice
    assert abs((level - means).mean()) < 0.3


def test_an_odd_last_row_and_column_keep_their_place():
    pixels = np.zeros((257, 259, 3), np.uint8)
    pixels[-1], pixels[:, -1] = 200, 200
    level = build_pyramid(pixels).levels[1]
    assert (level[-1] == 200).all()
    assert (level[:, -1] == 200).all()
    assert (level[:-1, :-1] == 0).all()


@settings(deadline=None, max_examples=40)
@given(*(st.tuples(*[st.integers(*bounds)] * 2) for bounds in ((130, 300), (0, 2), (0, 50))))
def test_a_tile_is_its_part_of_the_level_and_repeats_the_edge_beyond_it(size, cell, origin):
    (height, width), (col, row), (x0, y0) = size, cell, origin
    whole = noise(height, width)
    tile = Rect(col * TILE, row * TILE, TILE, TILE)
    if tile.x >= width or tile.y >= height:
        return
    x0, y0 = min(x0, max(0, tile.x - GUTTER)), min(y0, max(0, tile.y - GUTTER))
    cut = cut_tile(whole[y0:, x0:], (x0, y0), tile)
    ys = np.clip(np.arange(tile.y - GUTTER, tile.bottom + GUTTER), 0, height - 1)
    xs = np.clip(np.arange(tile.x - GUTTER, tile.right + GUTTER), 0, width - 1)
    assert np.array_equal(cut, whole[np.ix_(ys, xs)])
    assert cut.shape == (TILE + 2 * GUTTER, TILE + 2 * GUTTER, 3)
    assert cut.flags.c_contiguous
    assert cut.flags.owndata
    assert not cut.flags.writeable


def test_the_gutters_of_neighbours_hold_each_other():
    pyramid = build_pyramid(noise(300, 400))
    left, right = (pyramid.tile(TileKey(0, 0, col, 0)) for col in (0, 1))
    assert np.array_equal(left[:, -2 * GUTTER :], right[:, : 2 * GUTTER])


def test_a_tile_outlives_the_photograph_it_was_cut_from():
    pixels = noise(200, 200)
    tile = cut_tile(pixels, (0, 0), Rect(0, 0, TILE, TILE))
    before = tile.copy()
    pixels[:] = 0
    assert np.array_equal(tile, before)
