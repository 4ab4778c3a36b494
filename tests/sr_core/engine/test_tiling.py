"""Blocks for the generator, and the groups of tiles they are made for."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_core.engine.blocks import Block, group_tiles, halve_block, plan_blocks
from sr_core.image.geometry import TILE, Rect, TileKey

examples = settings(deadline=None)
BOUNDS = Rect(0, 0, 300, 200)


@st.composite
def regions(draw):
    x, y = draw(st.integers(0, 299)), draw(st.integers(0, 199))
    return Rect(x, y, draw(st.integers(1, 300 - x)), draw(st.integers(1, 200 - y)))


@examples
@given(regions(), st.integers(1, 130), st.integers(0, 40))
def test_blocks_cover_the_region_once_and_read_their_halo_within_the_photograph(region, edge, halo):
    blocks = plan_blocks(region, BOUNDS, edge, halo)
    assert sum(block.target.area for block in blocks) == region.area
    for block in blocks:
        assert region.contains(block.target)
        assert 0 < block.target.w <= edge
        assert 0 < block.target.h <= edge
        assert block.source == block.target.pad(halo).intersect(BOUNDS)
    if len(blocks) < 100:
        assert not any(a.target.intersect(b.target).area for a in blocks for b in blocks if a is not b)


@examples
@given(regions(), st.integers(1, 130))
def test_blocks_are_as_equal_as_whole_pixels_allow(region, edge):
    blocks = plan_blocks(region, BOUNDS, edge, 0)
    for sides in ([block.target.w for block in blocks], [block.target.h for block in blocks]):
        assert max(sides) - min(sides) <= 1


@pytest.mark.parametrize("region", [Rect(0, 0, 0, 5), Rect(-1, 0, 5, 5), Rect(290, 0, 20, 5), Rect(0, 198, 5, 3)])
def test_a_region_that_is_empty_or_leaves_the_photograph_is_refused(region):
    with pytest.raises(ValueError, match="must lie inside"):
        plan_blocks(region, BOUNDS, 64, 8)


@examples
@given(regions(), st.integers(0, 40), st.integers(0, 40))
def test_halves_cover_the_block_and_read_no_more_than_it_did(target, read, halo):
    block = Block(target, target.pad(read).intersect(BOUNDS))
    halves = halve_block(block, halo)
    assert sum(half.target.area for half in halves) == target.area
    for half in halves:
        assert target.contains(half.target)
        assert half.source == half.target.pad(halo).intersect(block.source)
        assert 2 * max(half.target.w, half.target.h) <= max(target.w, target.h) + 1


tiles = st.lists(
    st.builds(TileKey, st.integers(0, 1), st.integers(1, 3), st.integers(0, 9), st.integers(0, 9)),
    unique=True, min_size=1, max_size=60,
)  # fmt: skip


@examples
@given(tiles, st.sampled_from([32, 64, 128]))
def test_groups_hold_every_wanted_tile_once_and_no_other(wanted, edge):
    groups = group_tiles(wanted, Rect(0, 0, 640, 640), edge)
    assert Counter(key for group in groups for key in group.tiles) == Counter(wanted)


@examples
@given(tiles, st.sampled_from([32, 64, 128]))
def test_a_group_is_one_rectangle_of_one_level_no_larger_than_a_block(wanted, edge):
    bounds = Rect(0, 0, 640, 600)
    for group in group_tiles(wanted, bounds, edge):
        assert {(key.photograph, key.level) for key in group.tiles} == {(group.photograph, group.level)}
        covered = [key.rect for key in group.tiles]
        x, y = min(r.x for r in covered), min(r.y for r in covered)
        hull = Rect(x, y, max(r.right for r in covered) - x, max(r.bottom for r in covered) - y)
        assert hull.area == len(covered) * TILE**2
        assert group.target == Rect(*(v >> group.level for v in (hull.x, hull.y, hull.w, hull.h))).intersect(bounds)
        assert max(group.target.w, group.target.h) <= max(edge, TILE >> group.level)


@examples
@given(tiles)
def test_the_group_of_the_most_wanted_tile_comes_first(wanted):
    groups = group_tiles(wanted, Rect(0, 0, 640, 640), 64)
    assert wanted[0] in groups[0].tiles
    ranks = [min(wanted.index(key) for key in group.tiles) for group in groups]
    assert ranks == sorted(ranks)


def test_tiles_that_touch_are_computed_together():
    square = [TileKey(0, 3, col, row) for row in range(4) for col in range(4)]
    assert [len(group.tiles) for group in group_tiles(square, Rect(0, 0, 500, 500), 64)] == [16]
