"""What stands where in a photograph's window of tiles, while finer ones are still on their way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_core.image.geometry import Rect, TileKey
from vr_app.core.pose import Pose
from vr_app.core.residency import Residency
from vr_app.core.scene import FADE, NO_LAYER, finest_shown, label_pose, page_window, surface_items
from vr_app.core.surface import Panel
from vr_app.core.view import PhotographInfo, Placed, ViewState
from vr_app.core.wanted import Demand

INFO = PhotographInfo("eye", (1024, 512), (512.0, 256.0), 250.0)
BASE = TileKey(0, -3, 0, 0)
LONG_AGO, NOW = 0.0, 100.0


def demand(level: int, tiles: Rect) -> Demand:
    return Demand(0, level, tiles.scale(128), tiles, frozenset(tiles.points()), (tiles.x + 0.5, tiles.y + 0.5))


def residency_of(*keys: TileKey, since: float = LONG_AGO) -> Residency:
    residency = Residency(32)
    for key in keys:
        residency.reserve(key, since)
    return residency


def layer(residency: Residency, key: TileKey) -> int:
    return residency.find(key).layer


def cell(residency: Residency, wanted: TileKey, now: float = NOW) -> tuple[int, ...]:
    """The entry of one wanted tile."""
    pages = page_window(0, INFO, demand(wanted.level, Rect(wanted.col, wanted.row, 1, 1)), residency, now)
    assert pages.entries.shape == (1, 1, 8)
    return tuple(int(v) for v in pages.entries[0, 0])


def test_without_its_coarsest_tile_a_photograph_is_not_drawn():
    residency = residency_of(TileKey(0, 0, 0, 0))
    assert page_window(0, INFO, demand(0, Rect(0, 0, 1, 1)), residency, NOW) is None


def test_a_photograph_that_no_eye_meets_shows_its_coarsest_tile_alone():
    residency = residency_of(BASE)
    pages = page_window(0, INFO, None, residency, NOW)
    assert pages.base == (layer(residency, BASE), -3)
    assert (pages.cols, pages.rows) == (0, 0)
    assert finest_shown(pages) == -3


def test_the_window_covers_the_wanted_tiles_row_by_row():
    keys = [TileKey(0, 0, col, row) for col in (2, 3, 4) for row in (1, 2)]
    residency = residency_of(BASE, *keys)
    pages = page_window(0, INFO, demand(0, Rect(2, 1, 3, 2)), residency, NOW)
    assert (pages.level, pages.col, pages.row, pages.cols, pages.rows) == (0, 2, 1, 3, 2)
    assert pages.entries.dtype == np.int16
    for key in keys:
        assert pages.entries[key.row - 1, key.col - 2, 0] == layer(residency, key)
        assert pages.entries[key.row - 1, key.col - 2, 1] == 0


def test_the_nearest_resident_ancestor_stands_in():
    wanted = TileKey(0, 3, 20, 9)
    residency = residency_of(BASE)
    assert cell(residency, wanted)[:3] == (layer(residency, BASE), -3, NO_LAYER)
    for level in (-1, 0, 1, 3):
        stand_in = wanted.ancestor(level)
        residency.reserve(stand_in, LONG_AGO)
        assert cell(residency, wanted) == (layer(residency, stand_in), level, NO_LAYER, 0, 0, 0, 0, 0)


def test_another_places_tile_never_stands_in():
    residency = residency_of(BASE, TileKey(0, 0, 3, 1), TileKey(1, 0, 2, 1))
    assert cell(residency, TileKey(0, 0, 2, 1))[:2] == (layer(residency, BASE), -3)


def test_a_finer_tile_fades_in_over_what_stood_in_for_it():
    wanted = TileKey(0, 2, 8, 5)
    stand_in = wanted.ancestor(0)
    residency = residency_of(BASE, stand_in)
    residency.reserve(wanted, NOW)
    over = (layer(residency, stand_in), 0, layer(residency, wanted), 2)
    assert cell(residency, wanted, NOW)[:5] == (*over, 0)
    assert cell(residency, wanted, NOW + FADE / 4)[:4] == over
    assert cell(residency, wanted, NOW + FADE / 4)[4] == pytest.approx(250, abs=1)
    assert cell(residency, wanted, NOW + 0.99 * FADE)[4] == pytest.approx(990, abs=1)
    assert cell(residency, wanted, NOW + 1.001 * FADE)[:5] == (layer(residency, wanted), 2, NO_LAYER, 0, 0)


def test_a_tile_from_the_future_of_a_reset_clock_is_not_shown_more_than_not_at_all():
    wanted = TileKey(0, 0, 2, 1)
    residency = residency_of(BASE)
    residency.reserve(wanted, NOW)
    assert cell(residency, wanted, NOW - 50)[4] == 0


def test_the_coarsest_tile_does_not_fade_for_there_is_nothing_below_it():
    residency = residency_of(BASE, since=NOW)
    assert cell(residency, TileKey(0, 0, 2, 1), NOW)[:3] == (layer(residency, BASE), -3, NO_LAYER)


def test_a_tile_that_cannot_be_computed_is_flagged_and_what_is_there_still_shows():
    failed, fine = TileKey(0, 1, 4, 2), TileKey(0, 1, 5, 2)
    residency = residency_of(BASE, failed.ancestor(0))
    residency.fail(failed, "out of memory")
    assert cell(residency, failed) == (layer(residency, failed.ancestor(0)), 0, NO_LAYER, 0, 0, 1, 0, 0)
    assert cell(residency, fine)[5] == 0


def test_the_finest_level_shown_counts_every_layer_even_one_that_fades_in():
    wanted = TileKey(0, 2, 8, 5)
    window = demand(2, Rect(8, 5, 2, 1))
    residency = residency_of(BASE)
    assert finest_shown(page_window(0, INFO, window, residency, NOW)) == -3
    residency.reserve(wanted.ancestor(1), LONG_AGO)
    assert finest_shown(page_window(0, INFO, window, residency, NOW)) == 1
    residency.reserve(wanted, NOW)
    assert finest_shown(page_window(0, INFO, window, residency, NOW)) == 2


def test_every_tile_of_the_window_is_kept_from_eviction_while_it_is_drawn():
    wanted = TileKey(0, 1, 4, 2)
    residency = Residency(2)
    residency.reserve(BASE, LONG_AGO)
    residency.reserve(wanted, LONG_AGO)
    for _ in range(3):
        residency.begin_frame()
        cell(residency, wanted)
    assert residency.reserve(TileKey(0, 1, 9, 2), NOW) is None


RESIDENT = st.sets(st.integers(-2, 3))
AGES = st.floats(0, 3 * FADE)


@settings(deadline=None)
@given(RESIDENT, st.lists(AGES, min_size=6, max_size=6), st.integers(-3, 3), st.integers(0, 63), st.integers(0, 31))
def test_with_the_coarsest_tile_there_nothing_is_ever_blank(levels, ages, level, col, row):
    wanted = TileKey(0, 3, col, row).ancestor(level)
    line = [wanted.ancestor(n) for n in sorted(levels) if n <= level]
    residency = residency_of(BASE, since=NOW)
    for key, age in zip(line, ages, strict=False):
        residency.reserve(key, NOW - age)
    by_layer = {layer(residency, key): key.level for key in (BASE, *line)}
    below, below_level, above, above_level, fade, failed, *_ = cell(residency, wanted)
    assert by_layer[below] == below_level
    assert failed == 0
    finest = max(by_layer.values())
    if above == NO_LAYER:
        assert below_level == finest
    else:
        assert by_layer[above] == above_level == finest
        assert below_level == max(n for n in by_layer.values() if n != finest)
        assert 0 <= fade < 1000


def test_only_photographs_with_their_coarsest_tile_become_items_and_each_keeps_its_own_window():
    view = ViewState.start(3)
    panel = Panel(Pose((0, 0, -2)), 2.0, 1.0)
    residency = residency_of(BASE, TileKey(2, -3, 0, 0))
    placed = [Placed(i, panel) for i in (2, 1, 0)]
    items = surface_items(view, placed, [demand(0, Rect(1, 1, 2, 2))], [INFO] * 3, residency, NOW)
    assert [(item.photograph, item.pages.cols) for item in items] == [(2, 0), (0, 2)]
    assert all(item.size == (1024, 512) for item in items)


def test_a_label_stands_in_front_of_its_panel_however_it_is_turned():
    panel = Panel(Pose.facing((1.0, 0.5, -2.0), 0.7), 2.0, 1.0)
    pose = label_pose(panel, (0.25, 0.5), 0.1)
    local = panel.pose.inverse_matrix() @ [*pose.position, 1.0]
    np.testing.assert_allclose(local[:3], [0.5, -0.5, 0.1], atol=1e-9)
    assert pose.orientation == panel.pose.orientation
