"""Which tiles keep their texture slot, which make room, and when each begins to show."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_core.image.geometry import Rect, TileKey
from tests.helpers.tiles import ancestor
from vr_app.core.tiles.page_table import FADE, FAILURES, NO_SLOT, Residency


def key(col: int) -> TileKey:
    return TileKey(0, 1, col, 0)


def full(count: int) -> Residency:
    """Tiles 0 to count - 1 in as many slots, none drawn in this or the last frame."""
    residency = Residency(count)
    for col in range(count):
        assert residency.reserve(key(col), now=col) is not None
    residency.begin_frame()
    residency.begin_frame()
    return residency


def begin_of(residency: Residency, tile: TileKey) -> float:
    return float(residency.begins(np.array([residency.find(tile)]))[0])


def test_every_tile_has_a_slot_of_its_own_until_all_are_taken():
    residency = Residency(5)
    slots = [residency.reserve(key(col), now=0.0) for col in range(5)]
    assert sorted(slots) == [0, 1, 2, 3, 4]
    assert len(residency) == 5
    assert residency.reserve(key(5), now=0.0) is None


def test_a_rectangle_of_slots_is_told_row_by_row():
    residency = Residency(4)
    slots = {tile: residency.reserve(TileKey(0, 1, *tile), now=0.0) for tile in ((3, 7), (4, 8))}
    residency.reserve(TileKey(1, 1, 4, 7), now=0.0)
    residency.reserve(TileKey(0, 2, 3, 8), now=0.0)
    found = residency.slots(0, 1, Rect(3, 7, 3, 2))
    assert found.tolist() == [[slots[3, 7], NO_SLOT, NO_SLOT], [NO_SLOT, slots[4, 8], NO_SLOT]]
    assert residency.slots(0, 1, Rect(3, 7, 0, 2)).shape == (2, 0)


def test_looking_slots_up_does_not_count_as_drawing_them_and_drawing_them_does():
    residency = full(2)
    residency.slots(0, 1, Rect(0, 0, 2, 1))
    residency.draw(residency.slots(0, 1, Rect(0, 0, 1, 1)).ravel())
    assert residency.reserve(key(9), now=0.0) is not None
    assert residency.reserve(key(10), now=0.0) is None
    assert set(residency.resident) == {key(0), key(9)}


def test_reserving_a_resident_tile_again_keeps_its_slot_and_its_begin():
    residency = Residency(2)
    residency.reserve(ancestor(key(0), 0), now=0.0)
    slot = residency.reserve(key(0), now=1.0)
    assert residency.reserve(key(0), now=9.0) == slot == residency.find(key(0))
    assert begin_of(residency, key(0)) == 1.0
    assert len(residency) == 2
    assert residency.find(key(1)) is None


FINE = TileKey(0, 3, 12, 9)


def test_a_tile_with_nothing_coarser_under_it_shows_at_once():
    residency = Residency(4)
    for other in (TileKey(0, 0, 0, 0), TileKey(1, 0, 1, 1), FINE._replace(col=13)):  # beside it, or another's
        residency.reserve(other, now=5.0)
    residency.reserve(FINE, now=5.0)
    assert begin_of(residency, FINE) == -math.inf


def test_a_fade_begins_on_arrival_where_what_is_below_has_faded_in():
    residency = Residency(4)
    residency.reserve(ancestor(FINE, -2), now=0.0)
    residency.reserve(ancestor(FINE, 0), now=1.0)
    residency.reserve(FINE, now=1.0 + FADE)
    assert [begin_of(residency, ancestor(FINE, 0)), begin_of(residency, FINE)] == [1.0, 1.0 + FADE]


def test_a_fade_waits_for_the_end_of_an_ancestors_and_no_longer_however_many_wait_with_it():
    residency = Residency(6)
    residency.reserve(ancestor(FINE, -2), now=0.0)
    residency.reserve(ancestor(FINE, 0), now=1.0)
    for level, now in ((1, 1.02), (3, 1.04), (2, 1.06)):
        residency.reserve(ancestor(FINE, level), now)
        assert begin_of(residency, ancestor(FINE, level)) == 1.0 + FADE


def test_tiles_of_one_line_that_come_in_the_same_frame_fade_in_together():
    residency = Residency(4)
    for level in (-2, 0, 3):
        residency.reserve(ancestor(FINE, level), now=2.0)
    assert begin_of(residency, FINE) == begin_of(residency, ancestor(FINE, 0)) == 2.0


def test_whatever_changes_what_is_shown_changes_the_version():
    residency = Residency(1)
    versions = [residency.version]
    residency.reserve(key(0), now=0.0)
    versions.append(residency.version)
    residency.fail(key(1), "out of memory")
    versions.append(residency.version)
    residency.begin_frame()
    residency.begin_frame()
    residency.reserve(key(2), now=0.0)
    versions.append(residency.version)
    assert len(set(versions)) == 4
    residency.reserve(key(2), now=1.0)
    residency.find(key(2))
    residency.begin_frame()
    assert residency.version == versions[-1]


def test_the_tile_drawn_longest_ago_makes_room_whatever_came_first():
    residency = full(3)
    for drawn in (2, 0, 1):
        residency.begin_frame()
        residency.find(key(drawn))
    residency.begin_frame()
    residency.begin_frame()
    for new, evicted in ((10, 2), (11, 0), (12, 1)):
        assert residency.reserve(key(new), now=0.0) is not None
        assert key(evicted) not in residency.resident
    assert [col for col in range(20) if key(col) in residency.resident] == [10, 11, 12]


def test_asking_whether_a_tile_is_resident_does_not_count_as_drawing_it():
    residency = full(2)
    assert key(0) in residency.resident
    residency.reserve(key(9), now=0.0)
    assert key(0) not in residency.resident


def test_a_new_tile_takes_over_the_slot_of_the_one_that_went():
    residency = full(1)
    slot = residency.find(key(0))
    residency.begin_frame()
    residency.begin_frame()
    assert residency.reserve(key(1), now=0.0) == slot
    assert residency.find(key(0)) is None


def test_what_was_drawn_in_this_frame_is_not_evicted():
    residency = full(1)
    residency.find(key(0))
    assert residency.reserve(key(1), now=0.0) is None
    assert key(0) in residency.resident


def test_what_was_drawn_in_the_last_frame_is_not_evicted_and_afterwards_is():
    residency = full(1)
    residency.find(key(0))
    residency.begin_frame()
    assert residency.reserve(key(1), now=0.0) is None
    residency.begin_frame()
    assert residency.reserve(key(1), now=0.0) == 0


def test_a_tile_that_has_just_come_is_not_evicted_before_it_could_be_seen():
    residency = full(2)
    for col in (5, 6):
        assert residency.reserve(key(col), now=0.0) is not None
    assert residency.reserve(key(7), now=0.0) is None
    assert key(5) in residency.resident
    assert key(6) in residency.resident


def test_a_fade_is_awaited_until_its_end_also_where_it_waits_for_another():
    residency = Residency(3)
    residency.reserve(ancestor(FINE, 0), now=1.0)
    assert residency.fades_until < 1.0  # it replaces nothing
    residency.reserve(ancestor(FINE, 2), now=5.0)
    assert residency.fades_until == 5.0 + FADE
    residency.reserve(FINE, now=5.0 + FADE / 2)
    assert residency.fades_until == pytest.approx(5.0 + 2 * FADE)


def test_a_failed_tile_tells_why_until_it_comes_after_all():
    residency = Residency(1)
    assert residency.failed.get(key(0)) is None
    residency.fail(key(0), "out of memory")
    assert residency.failed.get(key(0)) == "out of memory"
    assert residency.failed.get(key(1)) is None
    assert list(residency.failed) == [key(0)]
    assert key(0) not in residency.resident
    residency.reserve(key(0), now=0.0)
    assert residency.failed.get(key(0)) is None


def test_of_tiles_drawn_together_those_named_first_make_room_first():
    residency = full(4)
    residency.draw(np.array([residency.find(key(col)) for col in (2, 0, 3, 1)]))
    residency.begin_frame()
    residency.begin_frame()
    for new, gone in ((10, 2), (11, 0), (12, 3)):
        residency.reserve(key(new), now=0.0)
        assert key(gone) not in residency.resident


def test_a_photograph_that_has_changed_leaves_no_tile_and_no_failure_behind_and_no_slot_is_lost():
    residency = Residency(6)
    mine, other = [TileKey(0, 1, col, 0) for col in range(3)], [TileKey(1, 1, col, 0) for col in range(3)]
    for tile in mine + other:
        residency.reserve(tile, now=0.0)
    residency.fail(TileKey(0, 1, 9, 9), "out of memory")
    residency.fail(TileKey(1, 1, 9, 9), "out of memory")
    before = residency.version
    residency.forget(0)
    assert residency.version != before
    assert set(residency.resident) == set(other)
    assert list(residency.failed) == [TileKey(1, 1, 9, 9)]
    slots = [residency.reserve(TileKey(2, 1, col, 0), now=0.0) for col in range(3)]
    assert sorted(slots) == [0, 1, 2]
    assert residency.reserve(TileKey(2, 1, 3, 0), now=0.0) is None
    assert len(residency) == 6


def test_failures_are_remembered_within_a_bound_the_newest():
    residency = Residency(1)
    for col in range(FAILURES + 5):
        residency.fail(key(col), "out of memory")
    assert [col for col in range(FAILURES + 5) if residency.failed.get(key(col)) is None] == [0, 1, 2, 3, 4]


ACTIONS = st.lists(st.tuples(st.sampled_from(["frame", "draw", "reserve"]), st.integers(0, 9)), max_size=80)


@settings(deadline=None)
@given(st.integers(1, 4), ACTIONS)
def test_slots_are_never_shared_and_a_victim_was_drawn_longest_ago_and_before_the_last_frame(count, actions):
    residency = Residency(count)
    last: dict[int, tuple[int, int]] = {}  # by tile: the frame and the moment at which it came or was drawn
    frame = 0
    for moment, (action, col) in enumerate(actions):
        if action == "frame":
            residency.begin_frame()
            frame += 1
        elif action == "draw":
            assert (residency.find(key(col)) is not None) == (col in last)
            if col in last:
                last[col] = frame, moment
        elif col not in last:
            oldest = min(last, key=lambda tile: last[tile][1], default=None)
            room = len(last) < count or last[oldest][0] < frame - 1
            assert (residency.reserve(key(col), now=0.0) is not None) == room
            if room:
                if len(last) == count:
                    del last[oldest]
                last[col] = frame, moment
        assert {c for c in range(10) if key(c) in residency.resident} == set(last)
    slots = [residency.find(key(c)) for c in last]
    assert len(set(slots)) == len(slots)
    assert all(0 <= slot < count for slot in slots)
