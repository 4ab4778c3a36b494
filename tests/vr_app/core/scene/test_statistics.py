"""What is counted in a session: frames, missed frames, and how long a zoom took to become sharp."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sr_core.image.geometry import TILE, Rect, TileKey
from vr_app.core.scene.statistics import MAX_FRAMES_KEPT, Statistics
from vr_app.core.space.surface import ImageView
from vr_app.core.tiles.page_table import Residency
from vr_app.core.tiles.visible import SETTLE, Demand
from vr_app.core.view.layout import Layout
from vr_app.core.view.view import ViewState

TILES = Rect(4, 2, 2, 2)
DEMAND = Demand(0, 2, Rect(265, 130, 110, 115), TILES, bytes([0, 1, 1, 1]), (5.0, 3.0))
KEYS = [TileKey(0, 2, 4, 3), TileKey(0, 2, 5, 2), TileKey(0, 2, 5, 3)]
MOVING = ViewState((ImageView((0.4, 0.4), 8.0),), (None,))
RESTING = replace(MOVING, still_for=SETTLE)


def session(*intervals: float, period: float | None = None, work: float = 0.004) -> Statistics:
    statistics = Statistics()
    now = 50.0
    statistics.frame(now, work, period)
    for interval in intervals:
        now += interval
        statistics.frame(now, work, period)
    return statistics


def test_without_frames_there_is_nothing_to_tell():
    summary = Statistics().summary()
    assert summary["frames"] == 0
    assert summary["frame_interval_ms"] == {"p50": None, "p99": None, "max": None}
    assert summary["render_thread_work_ms"] == {"p50": None, "p99": None, "max": None}
    assert (summary["missed_frames"], summary["upload_bytes"], summary["zooms"]) == (0, 0, [])


def test_intervals_lie_between_frames_so_that_one_frame_has_none():
    assert session().summary()["frame_interval_ms"]["max"] is None
    assert session().frames == 1


def test_percentiles_are_those_of_the_intervals_in_milliseconds():
    intervals = np.random.default_rng(2).permutation(np.arange(1, 101)) / 1000
    found = session(*intervals).summary()["frame_interval_ms"]
    assert found == {"p50": pytest.approx(50.5), "p99": pytest.approx(99.01), "max": pytest.approx(100.0)}


def test_work_is_counted_apart_from_the_intervals():
    summary = session(0.010, 0.010, work=0.002).summary()
    assert summary["render_thread_work_ms"]["p50"] == pytest.approx(2.0)
    assert summary["frame_interval_ms"]["p50"] == pytest.approx(10.0)
    assert summary["frames"] == 3


@pytest.mark.parametrize(("interval", "missed"), [(0.5, 0), (1.0, 0), (1.49, 0), (1.6, 1), (2.0, 1), (3.1, 2), (10, 9)])
def test_frames_missed_are_the_periods_that_went_by_without_one(interval, missed):
    period = 1 / 90
    assert session(period, interval * period, period, period=period).missed == missed


def test_without_a_period_no_frame_is_missed():
    assert session(5.0, 0.01).missed == 0
    assert session(5.0, 0.01, period=0.0).missed == 0


def test_a_long_session_keeps_no_more_intervals_but_goes_on_counting_frames_and_misses():
    statistics = Statistics()
    for frame in range(MAX_FRAMES_KEPT + 1):
        statistics.frame(frame * 0.01, 0.001, 0.01)
    last = MAX_FRAMES_KEPT * 0.01
    statistics.frame(last + 0.03, 0.001, 0.01)
    assert statistics.missed == 2
    assert statistics.summary()["frames"] == MAX_FRAMES_KEPT + 2
    assert statistics.summary()["frame_interval_ms"]["max"] == pytest.approx(10.0)


def zoomed(
    arrivals: list[tuple[float, int]], computed_per_tile: int = 1, view: ViewState = RESTING
) -> tuple[Statistics, Residency]:
    """A motion that ends at 10 s, then frames at the times given, each with so many tiles more."""
    statistics, residency = Statistics(), Residency(16)
    computed = 7
    statistics.see(MOVING, [DEMAND], residency, computed, 10.0)
    come = 0
    for time, tiles in arrivals:
        for key in KEYS[come : come + tiles]:
            residency.reserve(key, time)
        come += tiles
        statistics.see(view, [DEMAND], residency, computed + come * computed_per_tile, time)
    return statistics, residency


def test_a_moving_view_leaves_no_record():
    assert zoomed([(10.01, 3)], view=MOVING)[0].zooms == []
    assert zoomed([(10.01, 3)], view=replace(MOVING, still_for=SETTLE / 2))[0].zooms == []


def test_a_rest_tells_what_was_visible_and_when_the_first_and_the_last_tile_came():
    statistics, _ = zoomed([(10.1, 0), (10.25, 1), (10.3, 1), (10.5, 1), (11.0, 0)])
    (record,) = statistics.zooms
    assert (record.level, record.zoom, record.tiles) == (2, 8.0, 3)
    assert record.visible_pixels == 110 * 115
    assert record.first_sharp_ms == pytest.approx(250)
    assert record.last_sharp_ms == pytest.approx(500)
    assert record.computed_pixels == 3 * TILE**2


def test_a_zoom_left_before_it_was_sharp_says_so():
    statistics, _ = zoomed([(10.1, 0), (10.25, 1)])
    (record,) = statistics.zooms
    assert record.first_sharp_ms == pytest.approx(250)
    assert record.last_sharp_ms is None
    (record,) = zoomed([(10.1, 0)])[0].zooms
    assert (record.first_sharp_ms, record.last_sharp_ms, record.computed_pixels) == (None, None, 0)


def test_a_tile_that_no_eye_sees_need_not_come_for_the_zoom_to_be_sharp():
    statistics, residency = zoomed([(10.1, 3)])
    assert TileKey(0, 2, 4, 2) not in residency.resident
    assert statistics.zooms[0].last_sharp_ms == pytest.approx(100)


def test_tiles_computed_after_the_zoom_was_sharp_do_not_count():
    statistics, residency = zoomed([(10.1, 3)])
    statistics.see(RESTING, [DEMAND], residency, 900, 12.0)
    assert statistics.zooms[0].computed_pixels == 3 * TILE**2


def test_all_that_the_network_computed_counts_even_what_nobody_saw():
    assert zoomed([(10.1, 3)], computed_per_tile=2)[0].zooms[0].computed_pixels == 6 * TILE**2


@pytest.mark.parametrize(
    "other",
    [
        replace(RESTING, images=(ImageView((0.4, 0.5), 8.0),)),
        replace(RESTING, images=(ImageView((0.4, 0.4), 8.1),)),
        replace(RESTING, layout=Layout.RETINA),
    ],
    ids=["panned", "zoomed", "surface"],
)
def test_each_place_of_rest_has_a_record_of_its_own_timed_from_its_own_motion(other):
    statistics, residency = zoomed([(10.1, 3)])
    statistics.see(replace(other, still_for=0.0), [DEMAND], residency, 20, 20.0)
    statistics.see(other, [DEMAND], residency, 21, 20.2)
    first, second = statistics.zooms
    assert first.last_sharp_ms == pytest.approx(100)
    assert second.last_sharp_ms == pytest.approx(200)
    assert second.computed_pixels == TILE**2


@pytest.mark.parametrize("demand", [replace(DEMAND, level=0), replace(DEMAND, photograph=1), None])
def test_a_rest_on_photographed_tiles_or_another_photograph_is_no_zoom(demand):
    statistics = Statistics()
    statistics.see(MOVING, [demand] if demand else [], Residency(4), 0, 10.0)
    statistics.see(RESTING, [demand] if demand else [], Residency(4), 0, 10.2)
    assert statistics.zooms == []


def test_the_summary_is_plain_json():
    statistics, _ = zoomed([(10.1, 3)])
    statistics.frame(0.0, 0.001, 0.01)
    statistics.frame(0.01, 0.001, 0.01)
    statistics.upload_bytes = 1234
    summary = json.loads(json.dumps(statistics.summary()))
    assert summary["zooms"][0]["tiles"] == 3
    assert summary["upload_bytes"] == 1234
