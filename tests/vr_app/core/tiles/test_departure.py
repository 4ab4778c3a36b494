"""How much of what is seen the network invented: the figure of the badge."""

import numpy as np
import pytest

from sr_core.image.geometry import Rect, TileKey
from vr_app.core.tiles.departure import STEADY, Departure, Departures
from vr_app.core.tiles.page_table import Residency
from vr_app.core.tiles.visible import Demand

TILES = Rect(4, 2, 2, 2)
DEMAND = Demand(0, 2, Rect(265, 130, 110, 115), TILES, bytes([0, 1, 1, 1]), (5.0, 3.0))
KEYS = [TileKey(0, 2, 4, 3), TileKey(0, 2, 5, 2), TileKey(0, 2, 5, 3)]
UNSEEN = TileKey(0, 2, 4, 2)


def holding(tiles: dict[TileKey, float], slots: int = 9) -> Residency:
    """Tiles that were computed, each in a frame of its own."""
    residency = Residency(slots)
    for key, levels in tiles.items():
        for _ in range(2):  # what a frame or the one before it drew stays
            residency.begin_frame()
        assert residency.reserve(key, 0.0, Departure(levels)) is not None
    return residency


def test_it_is_the_mean_over_the_tiles_in_sight():
    found, residency = Departures(), holding(dict(zip([*KEYS, UNSEEN], [1.0, 2.0, 6.0, 100.0], strict=True)))
    assert found.seen([DEMAND], residency) == {0: Departure(3.0)}
    for key, restored in zip(KEYS, (0.5, 1.0, 3.0), strict=True):
        residency.reserve(key, 0.0, Departure(2.0, restored=restored))
    assert found.seen([DEMAND], residency) == {0: Departure(2.0, restored=1.5)}


def test_tiles_that_are_not_resident_do_not_count_and_without_any_there_is_no_figure():
    found, residency = Departures(), holding({KEYS[1]: 50.0, UNSEEN: 7.0, KEYS[0]: 1.0}, slots=2)
    assert KEYS[1] not in residency.resident
    assert found.seen([DEMAND], residency) == {0: Departure(1.0)}
    assert found.seen([DEMAND], Residency(9)) == {}


def test_where_a_coarser_synthesised_tile_stands_in_that_one_counts_and_photographed_ones_never():
    found, residency = Departures(), holding({KEYS[0]: 1.0, TileKey(0, 1, 2, 1): 4.0})
    residency.reserve(TileKey(0, 0, 1, 0), 0.0)
    assert found.seen([DEMAND], residency) == {0: Departure(3.0)}  # 1, and twice the 4 of their common parent
    photographed = Demand(0, 0, DEMAND.visible, TILES, DEMAND.seen, DEMAND.focus)
    assert found.seen([photographed], residency) == {}


def test_each_photograph_has_its_own_figure_and_one_that_changed_has_none():
    found, residency = Departures(), holding({KEYS[0]: 1.0, KEYS[0]._replace(photograph=1): 2.0})
    other = Demand(1, 2, DEMAND.visible, TILES, DEMAND.seen, DEMAND.focus)
    assert found.seen([DEMAND, other], residency) == {0: Departure(1.0), 1: Departure(2.0)}
    residency.forget(0)
    assert found.seen([DEMAND, other], residency) == {1: Departure(2.0)}


def test_one_restored_tile_in_sight_is_enough_to_say_so():
    found, residency = Departures(), holding({KEYS[0]: 1.0})
    residency.reserve(KEYS[1], 0.0, Departure(3.0, agrees=False))
    assert found.seen([DEMAND], residency) == {0: Departure(2.0, agrees=False)}


def test_what_is_shown_changes_at_most_twice_a_second():
    """Tiles arrive all the time, each with another figure."""
    residency, found = Residency(9), Departures()
    changes, shown = [], None
    for frame, levels in enumerate(np.linspace(1, 9, 270)):
        residency.reserve(KEYS[0], 0.0, Departure(float(levels)))
        residency.version += 1
        now = frame / 90
        new = found.shown([DEMAND], residency, now)
        if new != shown:
            changes.append(now)
            shown = new
    assert len(changes) == 6
    assert np.diff(changes).min() >= STEADY
    assert found.shown([DEMAND], residency, now, at_once=True) == {0: Departure(9.0)}


def test_the_first_figure_after_a_rest_is_shown_without_delay():
    residency, found = Residency(9), Departures()
    assert found.shown([DEMAND], residency, 0.0) == {}
    residency.reserve(KEYS[0], 5.0, Departure(2.0))
    assert found.shown([DEMAND], residency, 5.0) == {0: Departure(2.0)}


@pytest.mark.parametrize("limit", [1, 2])
def test_of_more_tiles_than_can_be_kept_the_oldest_are_forgotten(limit):
    found, residency = Departures(), holding(dict(zip(KEYS, [1.0, 2.0, 6.0], strict=True)), slots=limit)
    assert found.seen([DEMAND], residency) == {0: Departure({1: 6.0, 2: 4.0}[limit])}
