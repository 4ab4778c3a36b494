"""What is computed next: the newest wish of each client counts, nobody starves, and no tile is computed twice."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_core.image.departure import Departure
from sr_core.image.geometry import Rect, TileKey
from sr_core.tiles.request import Priority, Source, TileReady, Wish
from sr_core.tiles.schedule import PASSED_OVER, Schedule

BOUNDS = Rect(0, 0, 300, 260)

SOURCES = (Source(0, np.zeros((260, 300, 3), np.uint8), "5" * 64),)


def tiles(cols: range, rows: range, level: int = 2) -> tuple[TileKey, ...]:
    return tuple(TileKey(0, level, col, row) for row in rows for col in cols)


def wish(client: str, wanted: tuple[TileKey, ...], priority: Priority = Priority.WATCHED, ahead=()) -> Wish:
    return Wish(wanted, SOURCES, tuple(ahead), client=client, priority=priority)


def ready(key: TileKey) -> TileReady:
    return TileReady(key, 0, np.zeros(0), "w", "p", Departure())


def begin(schedule: Schedule) -> tuple[str, tuple[TileKey, ...]]:
    """Begin the next group; whose it is, and its tiles."""
    choice = schedule.choose() or schedule.choose_ahead()
    group = choice.group(BOUNDS)
    assert schedule.begin(choice, group)
    return choice.wish.client, group.tiles


def one_turn(schedule: Schedule) -> str:
    """Begin the next group and answer it; whose it was."""
    client, group = begin(schedule)
    schedule.answer([ready(key) for key in group], "computed")
    schedule.taken()
    return client


def adds_up(schedule: Schedule) -> bool:
    counts = schedule.counts
    return counts.wished == counts.computed + counts.failed + counts.cancelled


def test_a_lane_that_chose_long_ago_does_not_compute_what_another_has_answered_since():
    schedule = Schedule()
    for ahead in (False, True):
        wanted = tiles(range(8), range(6), level=2 + ahead)
        schedule.want(wish("viewer", () if ahead else wanted, ahead=wanted if ahead else ()))
        slow = schedule.choose() or schedule.choose_ahead()
        group = slow.group(BOUNDS)
        one_turn(schedule)
        assert not schedule.begin(slow, group)
        while schedule.waits:
            one_turn(schedule)


def test_a_tile_that_two_clients_want_is_computed_once_and_counted_once():
    schedule = Schedule()
    schedule.want(wish("viewer", tiles(range(4), range(4))))
    schedule.want(wish("web", tiles(range(2, 6), range(4)), Priority.REQUESTED))
    begun: list[TileKey] = []
    while schedule.waits:
        _, group = begin(schedule)
        begun += group
        schedule.answer([ready(key) for key in group], "computed")
    assert sorted(begun) == sorted(tiles(range(6), range(4)))
    assert schedule.counts.wished == schedule.counts.computed == 24


def test_a_tile_under_way_for_one_client_is_not_begun_for_another():
    schedule = Schedule()
    schedule.want(wish("viewer", tiles(range(2), range(2))))
    _, group = begin(schedule)
    schedule.want(wish("web", group, Priority.REQUESTED))
    while (choice := schedule.choose()) is not None:
        assert not set(choice.tiles) & set(group)
        schedule.answer([ready(key) for key in choice.tiles], "computed")
    assert schedule.waits  # for those under way
    schedule.answer([ready(key) for key in group], "computed")
    assert not schedule.waits
    assert schedule.counts.wished == schedule.counts.computed == 4


def test_the_most_urgent_client_is_next():
    schedule = Schedule()
    schedule.want(wish("export", tiles(range(10), range(9), 3), Priority.BULK))
    schedule.want(wish("web", tiles(range(2), range(2), 1), Priority.REQUESTED))
    schedule.want(wish("viewer", tiles(range(2), range(2))))
    assert one_turn(schedule) == "viewer"
    assert one_turn(schedule) == "web"
    assert one_turn(schedule) == "export"


def test_an_export_goes_on_beside_a_view_that_never_has_enough():
    schedule = Schedule()
    schedule.want(wish("export", tiles(range(30), range(20), 3), Priority.BULK))
    turns = []
    for turn in range(5 * (PASSED_OVER + 1)):
        schedule.want(wish("viewer", (TileKey(0, 2, turn % 4, turn // 4),)))
        turns.append(one_turn(schedule))
    assert turns == (["viewer"] * PASSED_OVER + ["export"]) * 5


def test_clients_of_one_priority_take_turns():
    schedule = Schedule()
    for name, level in (("one", 2), ("other", 3)):
        schedule.want(wish(name, tiles(range(30), range(20), level), Priority.BULK))
    turns = [one_turn(schedule) for _ in range(8)]
    assert turns.count("one") == turns.count("other") == 4


def test_a_newer_wish_replaces_the_same_clients_alone():
    schedule = Schedule()
    schedule.want(wish("viewer", tiles(range(4), range(2))))
    schedule.want(wish("web", tiles(range(3, 6), range(2)), Priority.REQUESTED))
    schedule.want(wish("viewer", tiles(range(8, 10), range(2))))
    assert schedule.counts.cancelled == 6  # the two that the other client wants too are still wanted
    left = []
    while schedule.waits:
        _, group = begin(schedule)
        left += group
        schedule.answer([ready(key) for key in group], "computed")
    assert sorted(left) == sorted((*tiles(range(3, 6), range(2)), *tiles(range(8, 10), range(2))))
    assert adds_up(schedule)


def test_what_a_client_may_want_next_waits_for_all_that_any_wants():
    schedule = Schedule()
    schedule.want(wish("viewer", (), ahead=tiles(range(2), range(2))))
    schedule.want(wish("export", tiles(range(4, 6), range(2)), Priority.BULK))
    assert one_turn(schedule) == "export"
    assert schedule.choose() is None
    assert one_turn(schedule) == "viewer"
    assert not schedule.has_ahead
    assert schedule.counts.prefetched == 4


def test_a_group_chosen_before_a_newer_wish_is_not_begun():
    schedule = Schedule()
    schedule.want(wish("viewer", tiles(range(4), range(4))))
    choice = schedule.choose()
    schedule.want(wish("viewer", tiles(range(5, 8), range(4))))
    assert not schedule.begin(choice, choice.group(BOUNDS))


def test_a_client_that_wants_nothing_more_leaves_nothing_behind():
    schedule = Schedule()
    for name in ("viewer", "web", "export"):
        schedule.want(wish(name, tiles(range(4), range(4)), ahead=tiles(range(5, 7), range(2))))
    for name in ("viewer", "web", "export"):
        schedule.want(wish(name, ()))
    kept = [value for name, value in vars(schedule).items() if name not in ("counts", "request_id")]
    assert all(len(value) == 0 for value in kept), vars(schedule)
    assert adds_up(schedule)


CLIENTS = {"viewer": Priority.WATCHED, "web": Priority.REQUESTED, "export": Priority.BULK}

WISHES = st.tuples(
    st.sampled_from(sorted(CLIENTS)), st.integers(0, 6), st.integers(0, 5), st.integers(0, 3), st.integers(1, 3)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(WISHES, st.sampled_from(["begin", "answer", "fail", "take"])), max_size=40))
def test_whatever_happens_when_all_that_was_wished_is_done_with_once(events):
    schedule, under_way = Schedule(), []
    for event in events:
        if isinstance(event, tuple):
            client, col, row, side, level = event
            schedule.want(wish(client, tiles(range(col, col + side), range(row, row + side), level), CLIENTS[client]))
        elif event == "begin" and schedule.has_unbegun:
            under_way.append(begin(schedule)[1])
        elif event == "answer" and under_way:
            schedule.answer([ready(key) for key in under_way.pop()], "computed")
        elif event == "fail" and under_way:
            group = under_way.pop()
            schedule.fail(lambda key, group=group: key in group, "broken", group)
        elif event == "take":
            schedule.taken()
        begun = [key for group in under_way for key in group]
        assert len(begun) == len(set(begun))
    for group in under_way:
        schedule.answer([ready(key) for key in group], "computed")
    schedule.taken()
    while schedule.waits:
        assert schedule.has_unbegun
        one_turn(schedule)
    assert schedule.choose() is None
    assert adds_up(schedule)


def test_the_same_wish_with_another_photograph_is_another():
    schedule = Schedule()
    asked = wish("viewer", tiles(range(2), range(2)))
    assert schedule.want(asked)
    assert not schedule.want(asked)
    assert schedule.want(replace(asked, sources=(replace(SOURCES[0], sha256="6" * 64),)))
    assert schedule.want(replace(asked, priority=Priority.BULK))
