"""Which tiles are computed together, and what is read for them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_core.engine.blocks import FIRST_SIDE, HEIGHTS, MARGIN, WIDTHS, block_for, first_group, next_group, sizes
from sr_core.image.geometry import TILE, Rect, TileKey

examples = settings(deadline=None)
BOUNDS = Rect(0, 0, 640, 600)
HALO = 10

tiles = st.integers(1, 3).flatmap(
    lambda level: st.lists(
        st.builds(TileKey, st.just(0), st.just(level), st.integers(0, 19), st.integers(0, 18)),
        unique=True, min_size=1, max_size=80,
    )
)  # fmt: skip


def square(across: int, level: int = 2, start: int = 3) -> list[TileKey]:
    """Tiles of a square, from the middle outward."""
    keys = [TileKey(0, level, start + col, start + row) for row in range(across) for col in range(across)]
    middle = start + (across - 1) / 2
    return sorted(keys, key=lambda key: (key.col - middle) ** 2 + (key.row - middle) ** 2)


def worked_off(wanted: list[TileKey], share: int = 1) -> list:
    """The groups in which all wanted tiles are computed, as the worker does."""
    groups, left = [first_group(wanted, BOUNDS)], wanted
    while left := [key for key in left if key not in groups[-1].tiles]:
        groups.append(next_group(left, BOUNDS, share))
    return groups


@examples
@given(tiles, st.sampled_from([1, 2]))
def test_every_tile_is_computed_once_within_the_target_and_the_most_wanted_first(wanted, share):
    width, height = (max(sides[1 << wanted[0].level]) // share for sides in (WIDTHS, HEIGHTS))
    groups = worked_off(wanted, share)
    assert sorted(key for group in groups for key in group.tiles) == sorted(wanted)
    assert wanted[0] in groups[0].tiles
    for group in groups:
        assert group.target.w <= width
        assert group.target.h <= height
        for key in group.tiles:
            photographed = Rect(*(v * TILE >> group.level for v in (key.col, key.row, 1, 1)))
            assert group.target.contains(photographed.intersect(BOUNDS)) or not BOUNDS.contains(photographed)


@pytest.mark.parametrize(
    ("scale", "across", "passes"), [(4, 17, 4), (4, 18, 4), (4, 9, 1), (4, 19, 9), (8, 17, 2), (8, 18, 2), (2, 17, 16)]
)
def test_a_zooms_tiles_take_a_small_pass_and_few_large_ones(scale, across, passes):
    groups = worked_off(square(across, scale.bit_length() - 1))
    assert groups[0].target.w == groups[0].target.h == FIRST_SIDE[scale]
    assert len(groups) == 1 + passes


def test_tiles_far_apart_are_not_computed_with_all_between_them():
    apart = [TileKey(0, 2, 0, 0), TileKey(0, 2, 8, 8)]
    assert next_group(apart, BOUNDS).tiles == (apart[0],)


@examples
@given(st.integers(0, 600), st.integers(0, 560), st.integers(1, 144), st.integers(1, 144), st.sampled_from([2, 4, 8]))
def test_a_pass_reads_one_of_few_sizes_and_its_halo_within_the_photograph(x, y, w, h, scale):
    target = Rect(x, y, min(w, max(WIDTHS[scale])), min(h, max(HEIGHTS[scale]))).intersect(BOUNDS)
    block = block_for(target, BOUNDS, scale, HALO)
    assert block.target == target.pad(MARGIN).intersect(BOUNDS)
    assert BOUNDS.contains(block.source)
    assert block.source.contains(block.target.pad(HALO).intersect(BOUNDS))
    assert (block.source.w, block.source.h) in sizes(scale, HALO)


def test_a_small_photograph_is_read_as_a_whole():
    bounds = Rect(0, 0, 50, 300)
    block = block_for(Rect(16, 32, 16, 32), bounds, 4, HALO)
    assert (block.source.x, block.source.w) == (0, 50)


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_the_sizes_needed_first_are_warmed_up_first_and_each_once(scale):
    found = sizes(scale, HALO)
    beyond = 2 * (MARGIN + HALO)
    assert found[0] == (FIRST_SIDE[scale] + beyond,) * 2
    assert found[1] == (max(WIDTHS[scale]) + beyond, max(HEIGHTS[scale]) + beyond)
    assert len(set(found)) == len(found) == len(WIDTHS[scale]) * len(HEIGHTS[scale])
    sides = (*WIDTHS[scale], *HEIGHTS[scale], FIRST_SIDE[scale])
    assert all(side * scale % TILE == 0 for side in sides)
