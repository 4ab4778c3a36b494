"""Tours: the way between stops, the file's form and its faults, playing and recording."""

import json
import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_core.errors import UserError
from tests.helpers.places import ROOT
from vr_app.core.space.surface import ImageView
from vr_app.core.view.intent import SurfaceKind
from vr_app.core.view.tour import (
    MAX_STOPS,
    Stop,
    Tour,
    TourError,
    TourPlayer,
    TourRecorder,
    format_tour,
    parse_tour,
)
from vr_app.core.view.view import ViewState

PANEL, RETINA = SurfaceKind.PANEL, SurfaceKind.RETINA
GOOD = {"surface": "panel", "center": [0.5, 0.25], "zoom": 2, "duration": 1}

points = st.tuples(st.floats(0, 1), st.floats(0, 1))
zooms = st.floats(1, 64)


def view_at(center: tuple[float, float], zoom: float, surface: SurfaceKind = PANEL) -> ViewState:
    return replace(ViewState.start(1, surface), images=(ImageView(center, zoom),))


def test_travel_begins_where_the_last_stop_stood_and_ends_exactly_at_its_own():
    tour = Tour((Stop(PANEL, (0.1, 0.9), 2.0, 1.0), Stop(PANEL, (0.7, 0.3), 20.0, 2.0, travel=4.0)))
    start, _ = tour.at(1.0)
    assert start.center == pytest.approx((0.1, 0.9))
    assert start.zoom == pytest.approx(2.0)
    for time in (5.0, 6.0, 7.0, 1e6):
        look, _ = tour.at(time)
        assert (look.center, look.zoom) == ((0.7, 0.3), 20.0)


def test_travel_has_no_jump_and_is_slow_at_both_ends():
    tour = Tour((Stop(PANEL, (0.1, 0.9), 2.0, 1.0), Stop(PANEL, (0.7, 0.3), 32.0, 1.0, travel=4.0)))
    zooms = [math.log2(tour.at(1.0 + 4.0 * i / 400)[0].zoom) for i in range(401)]
    steps = [b - a for a, b in pairwise(zooms)]
    assert zooms[-1] == 5.0
    assert max(steps) == pytest.approx(1.5 * 4 / 400, rel=0.01)
    assert max(steps[0], steps[-1]) < 0.02 * max(steps)
    assert min(steps) > 0


def test_halfway_the_zoom_is_the_geometric_mean():
    tour = Tour((Stop(PANEL, (0.5, 0.5), 1.0, 0.0), Stop(PANEL, (0.5, 0.5), 64.0, 0.0, travel=2.0)))
    assert tour.at(1.0)[0].zoom == pytest.approx(8.0)


@settings(deadline=None)
@given(points, points, zooms, zooms, st.floats(0, 1))
def test_zooming_in_or_out_the_closer_stop_never_swings_out_of_sight(a, b, zoom_a, zoom_b, part):
    tour = Tour((Stop(PANEL, a, zoom_a, 0.0), Stop(PANEL, b, zoom_b, 1.0, travel=1.0)))
    look, _ = tour.at(part)
    spot, far = (b, a) if zoom_b >= zoom_a else (a, b)
    for axis in (0, 1):
        widest = abs(spot[axis] - far[axis]) * min(zoom_a, zoom_b)
        assert abs(spot[axis] - look.center[axis]) * look.zoom <= widest + 1e-5
    assert min(zoom_a, zoom_b) - 1e-9 <= look.zoom <= max(zoom_a, zoom_b) + 1e-9


def test_at_one_zoom_the_middle_goes_straight_and_reaches_the_half_at_half_time():
    tour = Tour((Stop(PANEL, (0.2, 0.2), 8.0, 0.0), Stop(PANEL, (0.6, 0.4), 8.0, 0.0, travel=2.0)))
    assert tour.at(1.0)[0].center == pytest.approx((0.4, 0.3))


def test_what_is_invented_is_shown_at_the_stops_that_ask_for_it_and_on_the_way_there():
    tour = Tour((Stop(PANEL, (0.5, 0.5), 1.0, 1.0), Stop(PANEL, (0.2, 0.2), 4.0, 1.0, 1.0, invention=True)))
    assert [tour.at(time)[0].invention for time in (0.5, 1.5, 2.5, 9.0)] == [False, True, True, True]
    back = Tour((*tour.stops, Stop(PANEL, (0.5, 0.5), 1.0, 1.0)))
    assert not back.at(3.0)[0].invention


def test_a_change_of_surface_is_at_once():
    tour = Tour((Stop(PANEL, (0.2, 0.2), 8.0, 1.0, caption="a"), Stop(RETINA, (0.6, 0.4), 2.0, 1.0, 3.0, caption="b")))
    before, caption = tour.at(0.999)
    assert (before.surface, before.zoom, caption) == (PANEL, 8.0, "a")
    after, caption = tour.at(1.0)
    assert (after.surface, after.center, after.zoom, caption) == (RETINA, (0.6, 0.4), 2.0, "b")


def test_the_first_stop_is_shown_at_once_even_if_it_has_a_travel_time():
    tour = Tour((Stop(PANEL, (0.2, 0.2), 8.0, 1.0, travel=2.0),))
    assert tour.at(0.0)[0].center == pytest.approx((0.2, 0.2))
    assert tour.at(0.0)[0].zoom == pytest.approx(8.0)
    assert tour.seconds == 3.0


def test_stops_of_no_time_are_passed_over_without_fault():
    tour = Tour((Stop(PANEL, (0, 0), 1, 0), Stop(PANEL, (0.3, 0.3), 2, 0), Stop(PANEL, (1, 1), 4, 0)))
    assert tour.at(0.0)[0].center == (1, 1)


stops = st.builds(
    Stop,
    st.sampled_from(SurfaceKind),
    points.map(lambda uv: (round(uv[0], 5), round(uv[1], 5))),
    zooms.map(lambda zoom: round(zoom, 4)),
    st.floats(0, 100).map(lambda seconds: round(seconds, 3)),
    st.floats(0, 100).map(lambda seconds: round(seconds, 3)),
    st.text(st.characters(codec="utf-8").filter(str.isprintable), max_size=40),
    st.booleans(),
)
paths = st.none() | st.text(min_size=1, max_size=20)


@settings(deadline=None)
@given(st.lists(stops, min_size=1, max_size=5).map(tuple), paths)
def test_what_is_written_is_read_back_the_same(tour_stops, image):
    tour = Tour(tour_stops, image)
    assert parse_tour(format_tour(tour), "t.json") == tour


def test_a_photograph_whose_name_is_not_unicode_can_be_written_and_found_again():
    tour = Tour((Stop(PANEL, (0.5, 0.5), 1.0, 1.0),), "eye\udce9.jpg")
    text = format_tour(tour)
    text.encode()
    assert parse_tour(text, "t.json") == tour


def test_what_may_be_left_out_has_its_documented_value():
    tour = parse_tour(json.dumps({"version": 1, "stops": [GOOD]}), "t.json")
    assert tour == Tour((Stop(PANEL, (0.5, 0.25), 2.0, 1.0, 0.0, "", False),), None)


def test_the_demo_tour_can_be_played():
    path = ROOT / "assets" / "tours" / "demo.json"
    tour = parse_tour(path.read_text(encoding="utf-8"), path.name)
    assert len(tour.stops) > 1
    assert (path.parent / tour.image).is_file()


def refusal(text: str) -> str:
    with pytest.raises(TourError) as caught:
        parse_tour(text, "lesson.json")
    assert isinstance(caught.value, UserError)
    message = str(caught.value)
    assert message.startswith("lesson.json")
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1, 2", "\ufeff{}", "[" * 200_000, '{"version": ' + "9" * 5000 + "}", "\0", '{"version": 1} 2'],
    ids=["empty", "cut", "cut-list", "bom", "deep", "long-number", "nul", "more"],
)
def test_what_is_not_json_is_refused_in_one_line(text):
    assert "not JSON" in refusal(text)


@pytest.mark.parametrize(
    "text",
    ["null", "3", "[]", "{}", '"tour"', '{"version": true, "stops": []}', '{"version": "1"}', '{"version": 2}',
     '{"version": NaN}', '{"version": [1]}', '{"version": null}'],
)  # fmt: skip
def test_what_is_not_a_tour_of_this_version_is_refused_in_one_line(text):
    assert "version" in refusal(text)


@pytest.mark.parametrize("value", [None, {}, [], "abc", 3, [GOOD] * (MAX_STOPS + 1)], ids=lambda v: str(v)[:8])
def test_stops_must_be_a_list_of_some_but_not_too_many(value):
    assert "stops" in refusal(json.dumps({"version": 1, "stops": value}))


def test_a_list_of_a_million_stops_is_refused_for_its_length():
    message = refusal('{"version": 1, "stops": [' + "0," * 1_000_000 + "0]}")
    assert "10000" in message
    assert len(message) < 200


@pytest.mark.parametrize("value", ["", 3, [], {}, True])
def test_image_must_be_a_path(value):
    assert "image" in refusal(json.dumps({"version": 1, "image": value, "stops": [GOOD]}))


def test_an_unknown_field_is_named_whole():
    assert "'author'" in refusal(json.dumps({"version": 1, "author": "x", "stops": [GOOD]}))


BAD_NUMBERS: list[Any] = [
    math.nan, math.inf, -math.inf, True, False, "1", [1], {}, 1e300, -1e300, 10**400, -(10**400), -0.001,
]  # fmt: skip
BAD_FIELDS = [
    *(("zoom", value) for value in [*BAD_NUMBERS, None, 0, 0.999, 64.001]),
    *(("duration", value) for value in [*BAD_NUMBERS, None, 3600.1]),
    *(("travel", value) for value in [*BAD_NUMBERS, None, 3600.1]),
    *(("center", [value, 0.5]) for value in [*BAD_NUMBERS, None, 1.001]),
    *(("center", [0.5, value]) for value in [*BAD_NUMBERS, None, 1.001]),
    *(("center", value) for value in [None, 0.5, "ab", {}, [], [0.5], [0.5] * 3, [0.5] * 100_000, {"u": 0, "v": 0}]),
    *(("surface", value) for value in [None, "", "Panel", "sphere", 1, True, ["panel"], {}, math.nan]),
    *(("caption", value) for value in [None, 3, ["a"], "two\nlines", "tab\t", "\x1b[31m", "x" * 201]),
    *(("caption", value) for value in ["\ud800", "\u2028"]),
    *(("invention", value) for value in [None, 0, 1, "true", [], {}]),
]


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=lambda v: repr(v)[:20])
def test_a_wrong_value_is_refused_with_the_stop_and_the_field(field, value):
    message = refusal(json.dumps({"version": 1, "stops": [GOOD, GOOD | {field: value}, GOOD]}))
    assert message.startswith("lesson.json: stop 2")
    assert f'"{field}"' in message
    assert len(message) < 200


@pytest.mark.parametrize("field", sorted(GOOD))
def test_a_missing_field_is_refused_with_the_stop_and_the_field(field):
    stop = {name: value for name, value in GOOD.items() if name != field}
    message = refusal(json.dumps({"version": 1, "stops": [stop]}))
    assert "stop 1" in message
    assert f'"{field}"' in message


@pytest.mark.parametrize("value", [None, 3, "panel", [], [GOOD], math.nan, True])
def test_a_stop_that_is_no_object_is_refused_by_its_number(value):
    assert "stop 3" in refusal(json.dumps({"version": 1, "stops": [GOOD, GOOD, value]}))


@pytest.mark.parametrize("name", ["Zoom", "", "a\nb", "\ud800"])
def test_an_unknown_field_of_a_stop_is_named_in_one_line(name):
    message = refusal(json.dumps({"version": 1, "stops": [GOOD | {name: 1}]}))
    assert "stop 1" in message
    assert repr(name) in message


def test_a_tour_of_more_than_an_hour_is_refused():
    assert "3602 s" in refusal(json.dumps({"version": 1, "stops": [GOOD | {"duration": 1801}] * 2}))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*GOOD, "travel", "caption", "invention", "else"]), json_values))
def test_any_json_is_either_a_tour_in_range_or_one_line(fields):
    text = json.dumps({"version": 1, "stops": [GOOD | fields]})
    try:
        tour = parse_tour(text, "lesson.json")
    except TourError:
        assert "stop 1" in refusal(text) or "lasts" in refusal(text)
        return
    (stop,) = tour.stops
    assert 1 <= stop.zoom <= 64
    assert all(0 <= c <= 1 for c in stop.center)
    assert 0 <= tour.seconds <= 3600


def test_the_player_begins_with_its_first_frame_and_holds_the_last_view():
    tour = Tour((Stop(PANEL, (0.5, 0.5), 1.0, 1.0, caption="a"), Stop(RETINA, (0.2, 0.2), 4.0, 1.0, caption="b")))
    player = TourPlayer(tour)
    assert not player.over
    assert player.advance(100.0) == tour.at(0.0)
    assert player.advance(0.5) == tour.at(0.5)
    assert player.advance(1.0) == tour.at(1.5)
    assert not player.over
    player.advance(0.5)
    assert player.over
    assert player.advance(7.0) == tour.at(1.5)
    assert player.over


def record(*views: tuple[ViewState, float]) -> Tour | None:
    """Each view seen for so many seconds, in frames of 1/32 s."""
    recorder = TourRecorder()
    for view, seconds in views:
        for _ in range(round(seconds * 32)):
            recorder.see(view, 1 / 32)
    return recorder.finish()


def test_nothing_seen_is_no_tour():
    assert TourRecorder().finish() is None


def test_views_held_become_stops_and_what_flew_past_becomes_travel():
    a, b = view_at((0.2, 0.3), 2.0), view_at((0.6, 0.7), 8.0, RETINA)
    flight = [(view_at((0.3 + i / 100, 0.4), 3.0), 0.25) for i in range(4)]
    tour = record((a, 2.0), *flight, (b, 3.0))
    assert [(stop.surface, stop.center, stop.zoom) for stop in tour.stops] == [
        (PANEL, (0.2, 0.3), 2.0), (RETINA, (0.6, 0.7), 8.0),
    ]  # fmt: skip
    assert tour.stops[0].duration == pytest.approx(2.0, abs=0.07)
    assert tour.stops[1].duration == pytest.approx(3.0, abs=0.07)
    assert (tour.stops[0].travel, tour.stops[1].travel) == (0.0, pytest.approx(1.0, abs=0.07))


def test_the_overlay_of_what_is_invented_is_recorded():
    plain = view_at((0.2, 0.3), 2.0)
    tour = record((plain, 1.0), (replace(plain, invention=True), 1.0), (plain, 1.0))
    assert [stop.invention for stop in tour.stops] == [False, True, False]


def test_a_view_held_just_short_of_half_a_second_is_no_stop_and_half_a_second_is_one():
    end = (view_at((0.9, 0.9), 4.0), 1.0)
    short = record((view_at((0.5, 0.5), 1.0), 1.0), (view_at((0.2, 0.2), 2.0), 0.4), end)
    assert [stop.zoom for stop in short.stops] == [1.0, 4.0]
    held = record((view_at((0.5, 0.5), 1.0), 1.0), (view_at((0.2, 0.2), 2.0), 0.5), end)
    assert [stop.zoom for stop in held.stops] == [1.0, 2.0, 4.0]


def test_the_view_at_the_end_is_always_a_stop_whatever_the_clock_stands_at():
    first, last = view_at((0.5, 0.5), 1.0), view_at((0.25, 0.25), 4.0)
    for i in range(2000):
        recorder = TourRecorder()
        recorder.see(first, 1 / 60)
        recorder.see(first, 1.0 + i / 60)
        recorder.see(last, 1 / 60)
        tour = recorder.finish()
        assert tour.stops[-1].zoom == 4.0
        assert tour.stops[-1].duration == pytest.approx(TourRecorder.REST)


def test_a_recording_can_be_written_read_and_played_to_the_same_views():
    held = [((0.2, 0.3), 2.0), ((0.6, 0.7), 8.0), ((0.5, 0.5), 1.0)]
    tour = record(*((view_at(center, zoom), 1.0) for center, zoom in held))
    again = parse_tour(format_tour(tour), "t.json")
    assert [(stop.center, stop.zoom) for stop in again.stops] == held
    assert again.seconds == pytest.approx(3.0, abs=0.1)


def test_a_recording_of_more_than_an_hour_still_makes_a_tour_that_can_be_read():
    recorder = TourRecorder()
    for minute in range(80):
        recorder.see(view_at((0.5, 0.5), 1.0 + minute / 80), 60.0)
    tour = recorder.finish()
    assert len(tour.stops) > 50
    assert parse_tour(format_tour(tour), "t.json").seconds <= 3600
