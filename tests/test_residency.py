"""Which tiles keep their texture layer, and which make room."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sr_core.image.geometry import TileKey
from vr_app.core.residency import Residency


def key(col: int) -> TileKey:
    return TileKey(0, 1, col, 0)


def full(count: int) -> Residency:
    """Tiles 0 to count - 1 in as many layers, none drawn in this or the last frame."""
    residency = Residency(count)
    for col in range(count):
        assert residency.reserve(key(col), now=col) is not None
    residency.begin_frame()
    residency.begin_frame()
    return residency


def test_every_tile_has_a_layer_of_its_own_until_all_are_taken():
    residency = Residency(5)
    layers = [residency.reserve(key(col), now=0.0) for col in range(5)]
    assert sorted(layers) == [0, 1, 2, 3, 4]
    assert len(residency) == 5
    assert residency.reserve(key(5), now=0.0) is None


def test_a_found_tile_tells_its_layer_and_when_it_came():
    residency = Residency(2)
    layer = residency.reserve(key(0), now=3.5)
    slot = residency.find(key(0))
    assert (slot.layer, slot.since) == (layer, 3.5)
    assert residency.find(key(1)) is None


def test_reserving_a_resident_tile_again_keeps_its_layer_and_its_arrival():
    residency = Residency(2)
    layer = residency.reserve(key(0), now=1.0)
    assert residency.reserve(key(0), now=9.0) == layer
    assert residency.find(key(0)).since == 1.0
    assert len(residency) == 1


def test_the_tile_drawn_longest_ago_makes_room_whatever_came_first():
    residency = full(3)
    for drawn in (2, 0, 1):
        residency.begin_frame()
        residency.find(key(drawn))
    residency.begin_frame()
    residency.begin_frame()
    for new, evicted in ((10, 2), (11, 0), (12, 1)):
        assert residency.reserve(key(new), now=0.0) is not None
        assert not residency.has(key(evicted))
    assert [col for col in range(20) if residency.has(key(col))] == [10, 11, 12]


def test_asking_whether_a_tile_is_resident_does_not_count_as_drawing_it():
    residency = full(2)
    assert residency.has(key(0))
    residency.reserve(key(9), now=0.0)
    assert not residency.has(key(0))


def test_a_new_tile_takes_over_the_layer_of_the_one_that_went():
    residency = full(1)
    layer = residency.find(key(0)).layer
    residency.begin_frame()
    residency.begin_frame()
    assert residency.reserve(key(1), now=0.0) == layer
    assert residency.find(key(0)) is None


def test_what_was_drawn_in_this_frame_is_not_evicted():
    residency = full(1)
    residency.find(key(0))
    assert residency.reserve(key(1), now=0.0) is None
    assert residency.has(key(0))


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
    assert residency.has(key(5))
    assert residency.has(key(6))


def test_a_failed_tile_tells_why_until_it_comes_after_all():
    residency = Residency(1)
    assert residency.failure(key(0)) is None
    residency.fail(key(0), "out of memory")
    assert residency.failure(key(0)) == "out of memory"
    assert residency.failure(key(1)) is None
    assert not residency.has(key(0))
    residency.reserve(key(0), now=0.0)
    assert residency.failure(key(0)) is None


ACTIONS = st.lists(st.tuples(st.sampled_from(["frame", "draw", "reserve"]), st.integers(0, 9)), max_size=80)


@settings(deadline=None)
@given(st.integers(1, 4), ACTIONS)
def test_layers_are_never_shared_and_a_victim_was_drawn_longest_ago_and_before_the_last_frame(layers, actions):
    residency = Residency(layers)
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
            room = len(last) < layers or last[oldest][0] < frame - 1
            assert (residency.reserve(key(col), now=0.0) is not None) == room
            if room:
                if len(last) == layers:
                    del last[oldest]
                last[col] = frame, moment
        assert {c for c in range(10) if residency.has(key(c))} == set(last)
    slots = [residency.find(key(c)).layer for c in last]
    assert len(set(slots)) == len(slots)
    assert all(0 <= layer < layers for layer in slots)
