"""Rectangles, levels and tiles."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_core.image.geometry import MAX_LEVEL, TILE, Rect, TileKey, coarsest_level, level_size
from tests.helpers.tiles import ancestor

examples = settings(deadline=None)
numbers = st.integers(-50, 50)
sizes = st.integers(0, 40)
rects = st.builds(Rect, numbers, numbers, sizes, sizes)
sides = st.integers(1, 60_000)


def pixels(rect: Rect) -> set[tuple[int, int]]:
    return {(x, y) for x in range(rect.x, rect.right) for y in range(rect.y, rect.bottom)}


@examples
@given(rects, rects)
def test_an_intersection_holds_the_common_pixels_and_no_others(a, b):
    common = a.intersect(b)
    assert pixels(common) == pixels(a) & pixels(b)
    assert min(common.w, common.h) >= 0
    assert common.empty == (not pixels(common))


@examples
@given(rects, rects)
def test_containing_means_that_no_pixel_lies_outside(a, b):
    if not b.empty:
        assert a.contains(b) == (pixels(b) <= pixels(a))


@examples
@given(rects, st.integers(0, 20))
def test_padding_moves_every_edge_outward(rect, n):
    grown = rect.pad(n)
    assert grown.contains(rect)
    assert (grown.w, grown.h) == (rect.w + 2 * n, rect.h + 2 * n)
    assert (rect.x - grown.x, grown.right - rect.right, rect.y - grown.y, grown.bottom - rect.bottom) == (n, n, n, n)


@examples
@given(rects, st.sampled_from([2, 4, 8]))
def test_scaling_multiplies_the_area_and_keeps_neighbours_neighbours(rect, factor):
    fine = rect.scale(factor)
    assert fine.area == rect.area * factor**2
    assert fine.right == rect.right * factor
    beside = Rect(rect.right, rect.y, 3, rect.h).scale(factor)
    assert beside.x == fine.right
    assert not beside.intersect(fine).area


@examples
@given(rects, st.integers(1, 16))
def test_cells_are_exactly_those_that_hold_a_pixel(rect, edge):
    cells = rect.cells(edge)
    assert set(cells.points()) == {(x // edge, y // edge) for x, y in pixels(rect)}


def test_points_go_row_by_row_and_slices_cut_the_same_pixels():
    rect = Rect(2, 1, 3, 2)
    assert list(rect.points()) == [(2, 1), (3, 1), (4, 1), (2, 2), (3, 2), (4, 2)]
    x, y = np.meshgrid(np.arange(6), np.arange(6))
    rows, columns = rect.slices()
    assert list(zip(x[rows, columns].ravel(), y[rows, columns].ravel(), strict=True)) == list(rect.points())


@examples
@given(st.integers(-5, MAX_LEVEL), st.integers(0, 7), st.integers(0, 500), st.integers(0, 500))
def test_an_ancestor_covers_its_descendant(level, up, col, row):
    key = TileKey(0, level, col, row)
    above = ancestor(key, level - up)
    assert above.rect.scale(2**up).contains(key.rect)


@examples
@given(sides, sides, st.integers(-8, MAX_LEVEL))
def test_a_level_covers_the_photograph_with_less_than_a_pixel_to_spare(width, height, level):
    for side, there in zip((width, height), level_size(width, height, level), strict=True):
        assert 0 <= there - side * 2.0**level < 1


@examples
@given(sides, sides)
def test_the_coarsest_level_is_the_first_that_one_tile_holds(width, height):
    level = coarsest_level(width, height)
    assert max(level_size(width, height, level)) <= TILE
    assert level == 0 or max(level_size(width, height, level + 1)) > TILE


def test_only_tiles_finer_than_the_photograph_are_synthesised():
    assert [TileKey(0, level, 0, 0).synthesised for level in range(-2, 4)] == [False] * 3 + [True] * 3
