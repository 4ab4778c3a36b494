"""Decoded photographs within a limit: which stay whole, which are decoded again, and in which order."""

import gc
import weakref

import numpy as np
import pytest

from sr_core.image.geometry import TileKey
from sr_core.image.pyramid import Pyramid, build_pyramid
from sr_core.tiles.photographs import COARSE_EDGE, Photographs

SIZE = (1200, 800)


def pyramid(value: int = 0, size: tuple[int, int] = SIZE) -> Pyramid:
    return build_pyramid(np.full((size[1], size[0], 3), value, np.uint8))


COARSE = sum(level.nbytes for level in pyramid().levels if max(level.shape) <= COARSE_EDGE)
FINE = sum(level.nbytes for level in pyramid().levels) - COARSE


def album(count: int, whole: int) -> Photographs:
    """`count` photographs, of which `whole` fit with all their levels."""
    found = Photographs(count * COARSE + whole * FINE)
    for index in range(count):
        found.add(index, pyramid(index), f"sha {index}")
    return found


def whole(album: Photographs, count: int) -> list[int]:
    return [index for index in range(count) if album.pixels(index) is not None]


def fine(index: int, level: int = 2) -> TileKey:
    return TileKey(index, level, 0, 0)


def test_the_limit_holds_and_every_photograph_keeps_its_coarse_levels():
    found = album(6, whole=2)
    assert found.bytes == 6 * COARSE + 2 * FINE
    assert found.whole == 2
    assert whole(found, 6) == [0, 1]  # those that were never looked at: the session's first
    for index in range(6):
        for level in (-2, -3, -5):
            np.testing.assert_array_equal(
                found.tile(TileKey(index, level, 0, 0)), pyramid(index).tile(TileKey(index, level, 0, 0))
            )
    assert found.tile(fine(0, 0)) is not None
    assert found.tile(fine(3, 0)) is None
    assert found.tile(fine(3, -1)) is None


def test_what_is_dropped_is_given_back_to_the_system():
    found = album(3, whole=1)
    fine_levels = [weakref.ref(level) for level in pyramids_of(found, 0) if max(level.shape) > COARSE_EDGE]
    assert all(level() is not None for level in fine_levels)
    found.to_decode([fine(1)])  # makes room
    gc.collect()
    assert [level() for level in fine_levels] == [None] * len(fine_levels)


def pyramids_of(album: Photographs, index: int) -> list[np.ndarray]:
    """A photograph's levels, the owners of their pixels."""
    pixels = album.pixels(index)
    again = build_pyramid(np.array(pixels))
    album.add(index, again, album.sha256(index))
    return list(again.levels)


def test_the_photograph_looked_at_longest_ago_is_dropped_first():
    found = album(4, whole=2)
    found.look([1])
    found.look([0])
    assert found.to_decode([fine(3)]) == (3,)
    assert whole(found, 4) == [0]  # room is made at once
    found.add(3, pyramid(3), "sha 3")
    assert whole(found, 4) == [0, 3]
    assert found.to_decode([]) == ()


def test_what_is_needed_now_is_not_dropped_for_what_is_needed_less():
    found = album(4, whole=2)
    found.look([0, 1, 2, 3])
    needs = [fine(3), fine(2), fine(1), fine(0)]
    assert found.to_decode(needs) == (3, 2)
    for index in (3, 2):
        found.add(index, pyramid(index), f"sha {index}")
    assert whole(found, 4) == [2, 3]
    assert found.to_decode(needs) == ()  # the others wait until these have what they need
    assert whole(found, 4) == [2, 3]
    assert found.to_decode(needs[2:]) == (1, 0)


def test_one_that_arrives_meanwhile_does_not_displace_one_that_is_needed():
    found = album(3, whole=1)
    assert found.to_decode([fine(2)]) == (2,)
    found.add(2, pyramid(2), "sha 2")
    assert found.to_decode([fine(2)]) == ()
    found.add(3, pyramid(3), "sha 3")
    assert whole(found, 4) == [2]


def test_a_single_photograph_larger_than_the_limit_is_kept_whole():
    found = Photographs(1000)
    found.add(0, pyramid(), "")
    assert found.pixels(0) is not None
    assert found.to_decode([fine(0)]) == ()
    found.add(1, pyramid(1), "")
    assert found.to_decode([fine(1)]) == (1,)
    found.add(1, pyramid(1), "")
    assert whole(found, 2) == [1]


def test_coarse_tiles_need_no_decoding_and_a_small_photograph_is_never_dropped():
    found = album(2, whole=1)
    assert found.to_decode([TileKey(1, -2, 0, 0), TileKey(1, -5, 0, 0)]) == ()
    assert found.to_decode([TileKey(1, -1, 0, 0)]) == (1,)
    small = Photographs(1)
    for index in range(3):
        small.add(index, pyramid(index, (COARSE_EDGE, 100)), "")
    assert whole(small, 3) == [0, 1, 2]


def test_a_photograph_decoded_again_is_told_apart_from_one_that_has_changed():
    found = album(3, whole=1)
    assert not found.add(2, pyramid(2), "sha 2")
    assert found.add(1, pyramid(9, (640, 600)), "another")
    assert found.sha256(1) == "another"
    assert found.tile(TileKey(1, -1, 0, 0))[5, 5, 0] == 9
    assert not found.add(3, pyramid(3), "new")


def test_bytes_are_counted_right_whatever_comes_and_goes():
    rng = np.random.default_rng(3)
    found = album(5, whole=2)
    pyramids = [pyramid(index) for index in range(5)]
    for _ in range(300):
        index = int(rng.integers(5))
        found.look([int(rng.integers(5))])
        found.to_decode([fine(int(i)) for i in rng.integers(0, 5, 3)])
        found.add(index, pyramids[index], f"sha {index}")
        count = len(whole(found, 5))
        assert found.bytes == 5 * COARSE + count * FINE
        assert found.whole == count <= 2


def test_tiles_of_a_lost_photograph_are_not_available_and_it_is_not_asked_for_again():
    found = album(2, whole=1)
    found.lose(1, "eye.png: no such file")
    coarse = TileKey(1, -3, 0, 0)
    assert found.to_decode([fine(1), fine(0)]) == ()
    assert found.not_available([fine(1), coarse, fine(0)]) == [(fine(1), "eye.png: no such file")]
    assert found.tile(coarse) is not None
    assert album(2, whole=2).not_available([fine(1)]) == []


def test_nothing_is_known_of_a_photograph_before_it_came():
    found = Photographs()
    assert not found.knows(0)
    assert found.pixels(0) is None
    assert found.tile(fine(0, 0)) is None
    assert found.to_decode([fine(0)]) == ()
    found.look([0])
    with pytest.raises(KeyError):
        found.sha256(0)
