"""What the shader is told of each tile, read as the shader reads it, against where the pixels lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_core.image.geometry import TILE
from sr_core.image.pyramid import GUTTER
from vr_app.core.tiles.page_table import ATLAS, EDGE, NO_SLOT, PageWindow, synthesised_around
from vr_app.gl.tiles import BITS, CORNERS, LEVEL_ZERO, outside, texels

levels = st.integers(-6, 3)
slots = st.integers(0, 32767)


def lies(slot: int, level: int, window: PageWindow, col: int, row: int) -> tuple[int, float, float, float]:
    """Layer, and in its texels corner and edge, of tile (col, row) of the window's level in a tile of `level`."""
    layer, place = divmod(slot, ATLAS**2)
    finer = window.level - level
    edge = TILE / 2**finer
    x, y = (at * edge % TILE for at in (col, row))
    return layer, place % ATLAS * EDGE + GUTTER + x, place // ATLAS * EDGE + GUTTER + y, edge


def read(corner: int, bits: int) -> tuple[int, float, float, float]:
    finer = bits >> BITS["FINER"] & 15
    return bits & 4095, (corner & 65535) / CORNERS, (corner >> 16) / CORNERS, TILE / 2**finer


def window_of(level: int, col: int, row: int, entry: list[int], base: tuple[int, int]) -> PageWindow:
    entries = np.array([[entry, entry], [entry, entry]], np.int16)
    entries[..., 6] = synthesised_around(entries)
    return PageWindow(level, col, row, entries, base)


@given(st.data())
def test_tiles_and_their_stand_ins_are_told_where_they_lie(data):
    level = data.draw(levels)
    below, above = (data.draw(st.integers(-8, level)) for _ in range(2))
    fade = data.draw(st.integers(1, 999))
    one, other = data.draw(slots), data.draw(slots)
    col, row = data.draw(st.integers(0, 4000)), data.draw(st.integers(0, 4000))
    window = window_of(level, col, row, [one, below, other, above, fade, 0, 0, 0], (0, -8))
    found = texels(window)
    for y in range(2):
        for x in range(2):
            first, bits, second, more = (int(n) for n in found[y, x])
            at = col + x, row + y
            assert read(first, bits) == pytest.approx(lies(one, below, window, *at), abs=1 / CORNERS)
            assert read(second, more) == pytest.approx(lies(other, above, window, *at), abs=1 / CORNERS)
            assert (bits >> BITS["SYNTHESISED"] & 1, more >> BITS["SYNTHESISED"] & 1) == (below > 0, above > 0)
            assert more >> BITS["FADE"] & 1023 == fade
            assert (more >> BITS["LEVEL"]) - LEVEL_ZERO == above
            assert bits >> BITS["AROUND"] & 511 == window.entries[y, x, 6]


@given(levels, slots, st.integers(0, 500), st.integers(0, 500), st.integers(-600, 600), st.integers(-600, 600))
def test_outside_the_window_lies_the_coarsest_tile(level, slot, col, row, x, y):
    """Reckoned from one entry, modulo 2^32, as the shader does it; all of the photograph lies in that tile."""
    window = window_of(level, col, row, [NO_SLOT, 0, NO_SLOT, 0, 0, 0, 0, 0], (slot, -6))
    tile = col + x, row + y
    if not all(0 <= at < 2 ** (level + 6) for at in tile):
        return
    first, bits, second, more = outside(window)
    assert second == 0
    assert (more >> BITS["LEVEL"]) - LEVEL_ZERO == -6
    edge = TILE * CORNERS >> (bits >> BITS["FINER"] & 15)
    corner = (first + edge * ((x % 2**32) + 65536 * (y % 2**32))) % 2**32
    assert read(corner, bits) == pytest.approx(lies(slot, -6, window, *tile), abs=1 / CORNERS)
    inside = texels(PageWindow(level, *tile, window.entries, window.base))[0, 0]
    assert read(int(inside[0]), int(inside[1])) == read(corner, bits)


def test_what_has_faded_in_hides_what_lies_below_and_what_has_not_begun_is_not_read():
    for fade, slot, level in ((1000, 7, 2), (0, 5, 0)):
        found = texels(window_of(2, 3, 3, [5, 0, 7, 2, fade, 0, 0, 0], (0, -6)))[0, 0]
        assert read(int(found[0]), int(found[1]))[1] == lies(slot, level, window_of(2, 3, 3, [0] * 8, (0, 0)), 3, 3)[1]
        assert int(found[3]) >> BITS["FADE"] & 1023 == 0
        assert int(found[1]) >> BITS["SYNTHESISED"] & 1 == (level > 0)
        assert (int(found[3]) >> BITS["LEVEL"]) - LEVEL_ZERO == 2


def test_a_tile_that_failed_says_so():
    found = texels(window_of(2, 0, 0, [5, 0, NO_SLOT, 0, 0, 1, 0, 0], (0, -6)))
    assert (found[..., 1] >> BITS["FAILED"] & 1 == 1).all()
