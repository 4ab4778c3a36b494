"""What stands where in a photograph's window of tiles, while finer ones are still on their way."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sr_core.image.geometry import TILE, Rect, TileKey
from tests.helpers.records import of
from tests.helpers.tiles import ancestor
from vr_app.core.scene.scene import SurfaceItem, in_sight, surface_items
from vr_app.core.scene.words import Status, labels
from vr_app.core.space.pose import Eye, Fov, Pose
from vr_app.core.space.surface import Panel, Retina
from vr_app.core.tiles.page_table import (
    FADE,
    NO_SLOT,
    PageTable,
    PageWindow,
    Residency,
    finest_shown,
    synthesised_around,
)
from vr_app.core.tiles.visible import Demand
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import Placed
from vr_app.core.view.view import ViewState

INFO = PhotographRecord("eye", (1024, 512), (512.0, 256.0), 250.0)
COARSEST = -4
BASE = TileKey(0, COARSEST, 0, 0)
EYE = Eye(Pose(), Fov.symmetric(math.radians(50), 4 / 3), (640, 480))
LONG_AGO, NOW = 0.0, 100.0
ITSELF = 1 << 4
"""The bit of a tile among those around it that show synthesised pixels."""


def demand(level: int, tiles: Rect) -> Demand:
    return Demand(0, level, tiles.scale(TILE), tiles, bytes([1]) * tiles.area, (tiles.x + 0.5, tiles.y + 0.5))


def residency_of(*keys: TileKey, since: float = LONG_AGO) -> Residency:
    residency = Residency(64)
    for key in keys:
        residency.reserve(key, since)
    return residency


def page_window(demand: Demand | None, residency: Residency, now: float) -> PageWindow | None:
    return PageTable(residency).window(0, INFO, demand, now)


def cell(residency: Residency, wanted: TileKey, now: float = NOW) -> tuple[int, ...]:
    """The entry of one wanted tile."""
    pages = page_window(demand(wanted.level, Rect(wanted.col, wanted.row, 1, 1)), residency, now)
    assert pages.entries.shape == (1, 1, 8)
    return tuple(int(v) for v in pages.entries[0, 0])


def test_without_its_coarsest_tile_a_photograph_is_not_drawn():
    residency = residency_of(TileKey(0, 0, 0, 0))
    assert page_window(demand(0, Rect(0, 0, 1, 1)), residency, NOW) is None


def test_a_photograph_that_no_eye_meets_shows_its_coarsest_tile_alone():
    residency = residency_of(BASE)
    pages = page_window(None, residency, NOW)
    assert pages.base == (residency.find(BASE), COARSEST)
    assert (pages.cols, pages.rows) == (0, 0)
    assert finest_shown(pages) == COARSEST


def test_the_window_covers_the_wanted_tiles_row_by_row():
    keys = [TileKey(0, 0, col, row) for col in (2, 3, 4) for row in (1, 2)]
    residency = residency_of(BASE, *keys)
    pages = page_window(demand(0, Rect(2, 1, 3, 2)), residency, NOW)
    assert (pages.level, pages.col, pages.row, pages.cols, pages.rows) == (0, 2, 1, 3, 2)
    assert pages.entries.dtype == np.int16
    for key in keys:
        assert pages.entries[key.row - 1, key.col - 2, 0] == residency.find(key)
        assert pages.entries[key.row - 1, key.col - 2, 1] == 0


def test_the_nearest_resident_ancestor_stands_in():
    wanted = TileKey(0, 3, 20, 9)
    residency = residency_of(BASE)
    assert cell(residency, wanted)[:3] == (residency.find(BASE), COARSEST, NO_SLOT)
    for level in (-1, 0, 1, 3):
        stand_in = ancestor(wanted, level)
        residency.reserve(stand_in, LONG_AGO)
        assert cell(residency, wanted) == (residency.find(stand_in), level, NO_SLOT, 0, 0, 0, ITSELF * (level > 0), 0)


def test_another_places_tile_never_stands_in():
    residency = residency_of(BASE, TileKey(0, 0, 3, 1), TileKey(1, 0, 2, 1))
    assert cell(residency, TileKey(0, 0, 2, 1))[:2] == (residency.find(BASE), COARSEST)


def test_a_finer_tile_fades_in_over_what_stood_in_for_it():
    wanted = TileKey(0, 2, 8, 5)
    stand_in = ancestor(wanted, 0)
    residency = residency_of(BASE, stand_in)
    residency.reserve(wanted, NOW)
    over = (residency.find(stand_in), 0, residency.find(wanted), 2)
    assert cell(residency, wanted, NOW)[:5] == (*over, 0)
    assert cell(residency, wanted, NOW + FADE / 4)[:4] == over
    assert cell(residency, wanted, NOW + FADE / 4)[4] == pytest.approx(250, abs=1)
    assert cell(residency, wanted, NOW + 0.99 * FADE)[4] == pytest.approx(990, abs=1)
    assert cell(residency, wanted, NOW + 1.001 * FADE)[:5] == (residency.find(wanted), 2, NO_SLOT, 0, 0)


def test_a_tile_from_the_future_of_a_reset_clock_is_not_shown_more_than_not_at_all():
    wanted = TileKey(0, 0, 2, 1)
    residency = residency_of(BASE)
    residency.reserve(wanted, NOW)
    assert cell(residency, wanted, NOW - 50)[4] == 0


def test_the_coarsest_tile_does_not_fade_for_there_is_nothing_below_it():
    residency = residency_of(BASE, since=NOW)
    assert cell(residency, TileKey(0, 0, 2, 1), NOW)[:3] == (residency.find(BASE), COARSEST, NO_SLOT)


def test_a_tile_that_cannot_be_computed_is_flagged_and_what_is_there_still_shows():
    failed, fine = TileKey(0, 1, 4, 2), TileKey(0, 1, 5, 2)
    residency = residency_of(BASE, ancestor(failed, 0))
    residency.fail(failed, "out of memory")
    assert cell(residency, failed) == (residency.find(ancestor(failed, 0)), 0, NO_SLOT, 0, 0, 1, 0, 0)
    assert cell(residency, fine)[5] == 0


def test_the_finest_level_shown_counts_every_layer_even_one_that_fades_in():
    wanted = TileKey(0, 2, 8, 5)
    window = demand(2, Rect(8, 5, 2, 1))
    residency = residency_of(BASE)
    assert finest_shown(page_window(window, residency, NOW)) == COARSEST
    residency.reserve(ancestor(wanted, 1), LONG_AGO)
    assert finest_shown(page_window(window, residency, NOW)) == 1
    residency.reserve(wanted, NOW)
    assert finest_shown(page_window(window, residency, NOW)) == 2


def test_every_tile_of_the_window_is_kept_from_eviction_while_it_is_drawn():
    wanted = TileKey(0, 1, 4, 2)
    residency = Residency(2)
    residency.reserve(BASE, LONG_AGO)
    residency.reserve(wanted, LONG_AGO)
    for _ in range(3):
        residency.begin_frame()
        cell(residency, wanted)
    assert residency.reserve(TileKey(0, 1, 9, 2), NOW) is None


ARRIVALS = st.lists(st.tuples(st.integers(-3, 3), st.floats(0, 3 * FADE)), max_size=7)


def shown(entry: tuple[int, ...]) -> dict[int, float]:
    """By level: its part in what the entry shows."""
    below, below_level, above, above_level, fade, *_ = entry
    assert below != NO_SLOT
    assert 0 <= fade < 1000
    parts = {below_level: 1.0}
    if above != NO_SLOT:
        assert above_level > below_level
        parts = {below_level: 1 - fade / 1000, above_level: fade / 1000}
    return parts


@settings(deadline=None, max_examples=150)
@given(ARRIVALS, st.integers(-3, 3), st.integers(0, 63), st.integers(0, 31))
@example([(0, 0.0), (1, 0.0625), (-1, 0.0625), (2, 0.125)], 2, 0, 0)  # what is waited for ends while another fades in
def test_as_tiles_arrive_nothing_is_ever_blank_jumps_or_stays_coarser_than_it_could_be(arrivals, level, col, row):
    """Whatever the order in which the tiles of one place come, the mixture shown changes no faster than a fade does."""
    wanted = ancestor(TileKey(0, 3, col, row), level)
    residency = residency_of(BASE)
    pages, window = PageTable(residency), demand(wanted.level, Rect(wanted.col, wanted.row, 1, 1))
    coming = sorted(arrivals, key=lambda arrival: arrival[1])
    frames, steps = FADE / 20, 110
    before = {COARSEST: 1.0}
    finest = COARSEST
    for step in range(steps):
        now = NOW + step * frames
        while coming and NOW + coming[0][1] <= now:
            come = coming.pop(0)[0]
            if come <= level:
                residency.reserve(ancestor(wanted, come), now)
                finest = max(finest, come)
        parts = shown(tuple(int(v) for v in pages.window(0, INFO, window, now).entries[0, 0]))
        for part in parts.keys() | before.keys():
            assert abs(parts.get(part, 0.0) - before.get(part, 0.0)) <= 1 / 20 + 0.003
        assert max(parts) >= max(level for level, share in before.items() if share > 0)
        if not coming and now >= residency.fades_until:
            assert parts == {finest: 1.0}
        before = parts
    assert now >= residency.fades_until
    assert before == {finest: 1.0}


def test_a_tile_that_comes_while_its_ancestor_still_fades_waits_until_that_has_ended():
    wanted = TileKey(0, 2, 8, 5)
    residency = residency_of(BASE)
    residency.reserve(ancestor(wanted, 0), NOW)
    residency.reserve(wanted, NOW + FADE / 2)
    assert shown(cell(residency, wanted, NOW + 0.8 * FADE)) == {
        COARSEST: pytest.approx(0.2, abs=0.002),
        0: pytest.approx(0.8, abs=0.002),
    }
    assert shown(cell(residency, wanted, NOW + 1.5 * FADE)) == {
        0: pytest.approx(0.5, abs=0.002),
        2: pytest.approx(0.5, abs=0.002),
    }
    assert shown(cell(residency, wanted, NOW + 2.01 * FADE)) == {2: 1.0}


def test_a_waiting_tile_is_kept_from_eviction():
    wanted = TileKey(0, 2, 8, 5)
    residency = Residency(3)
    residency.reserve(BASE, LONG_AGO)
    residency.reserve(ancestor(wanted, 0), NOW)
    residency.reserve(wanted, NOW + FADE / 2)
    for _ in range(3):
        residency.begin_frame()
        cell(residency, wanted, NOW + 0.8 * FADE)
    assert residency.reserve(TileKey(0, 1, 9, 2), NOW + FADE) is None


def test_what_stands_below_a_tile_is_kept_with_it_and_afterwards_makes_room_the_coarser_the_later():
    wanted = TileKey(0, 2, 8, 5)
    line = [BASE, ancestor(wanted, -1), ancestor(wanted, 0), ancestor(wanted, 1), wanted]
    residency = Residency(len(line))
    for tile in line:
        residency.reserve(tile, LONG_AGO)
    for _ in range(3):
        residency.begin_frame()
        assert shown(cell(residency, wanted, NOW)) == {2: 1.0}
    assert residency.reserve(TileKey(0, 1, 9, 2), NOW) is None
    residency.begin_frame()
    residency.begin_frame()
    for at, gone in enumerate(reversed(line)):
        assert residency.reserve(TileKey(1, 0, at, 0), NOW) is not None
        assert gone not in residency.resident


def test_a_window_in_which_nothing_changes_is_the_same_one_and_still_keeps_its_tiles_from_eviction():
    wanted = TileKey(0, 1, 4, 2)
    residency = Residency(2)
    residency.reserve(BASE, LONG_AGO)
    residency.reserve(wanted, LONG_AGO)
    pages, window = PageTable(residency), demand(1, Rect(4, 2, 2, 1))
    first = pages.window(0, INFO, window, NOW)
    for later in range(3):
        residency.begin_frame()
        assert pages.window(0, INFO, replace(window, visible=Rect(300, 140, 90, 50)), NOW + later) is first
    assert residency.reserve(TileKey(0, 1, 9, 2), NOW) is None


def test_a_window_is_made_anew_when_a_tile_comes_fails_or_fades_or_another_place_is_looked_at():
    wanted = TileKey(0, 1, 4, 2)
    residency = residency_of(BASE)
    pages, window = PageTable(residency), demand(1, Rect(4, 2, 2, 1))
    made = [pages.window(0, INFO, window, NOW)]
    residency.reserve(wanted, NOW)
    made += [pages.window(0, INFO, window, NOW + part * FADE) for part in (0.2, 0.4, 2.0)]
    residency.fail(wanted._replace(col=5), "out of memory")
    made.append(pages.window(0, INFO, window, NOW + 2 * FADE))
    made.append(pages.window(0, INFO, demand(1, Rect(4, 2, 1, 1)), NOW + 2 * FADE))
    assert [int(each.entries[0, 0, 4]) for each in made] == [0, 200, 400, 0, 0, 0]
    assert len({id(each) for each in made}) == len(made)
    assert made[4].entries[0, 1, 5] == 1
    assert made[5].cols == 1


def seen_by(eye: Eye, points: np.ndarray) -> np.ndarray:
    """Whether each of the points (n, 3) lies in the eye's picture."""
    clip = np.column_stack([points, np.ones(len(points))]) @ (eye.fov.projection() @ eye.pose.inverse_matrix()).T
    return (clip[:, 3] > 0) & (np.abs(clip[:, :2]) <= clip[:, 3:]).all(axis=1)


def test_a_panel_of_which_any_point_or_word_is_in_view_is_never_left_out():
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 81)] * 2), axis=-1).reshape(-1, 2)
    pages = page_window(None, residency_of(BASE), NOW)
    in_view = left_out = barely = 0
    for _ in range(1000):
        width, height = rng.uniform(0.1, 3.6), rng.uniform(0.2, 1.6)
        panel = Panel(Pose.facing(tuple(rng.normal(0, 2, 3)), rng.uniform(-math.pi, math.pi)), width, height)
        turn = tuple(Rotation.from_rotvec(rng.normal(0, 0.6, 3)).as_quat())
        fov = Fov(*np.radians([-rng.uniform(5, 50), rng.uniform(5, 50), rng.uniform(5, 50), -rng.uniform(5, 50)]))
        eye = Eye(Pose(tuple(rng.normal(0, 0.3, 3)), turn), fov, (640, 480))
        words = labels([SurfaceItem(panel, ViewState.start(1).front, INFO.size, pages)], 9, Status())
        points = np.concatenate([panel.point(grid), [label.pose.position for label in words]])
        share = float(seen_by(eye, points).mean())
        assert share == 0 or in_sight(panel, (eye,))
        in_view += share > 0
        barely += 0 < share < 0.02
        left_out += not in_sight(panel, (eye,))
    assert in_view > 100
    assert barely > 10
    assert left_out > 200


@pytest.mark.parametrize(("yaw", "kept"), [(0.0, True), (0.5, True), (1.6, False), (math.pi, False), (-1.6, False)])
def test_a_panel_behind_or_beside_the_eye_is_left_out_unless_it_is_the_front_one(yaw, kept):
    panel = Panel(Pose.facing((-2 * math.sin(yaw), 0.0, -2 * math.cos(yaw)), yaw), 1.6, 1.6)
    residency = residency_of(BASE, BASE._replace(photograph=1))
    placed = [Placed(1, panel), Placed(0, panel)]
    items = surface_items(of(ViewState.start(2), [INFO] * 2), placed, (), PageTable(residency), (EYE,), NOW)
    assert [item.photograph for item in items] == ([1, 0] if kept else [0])
    assert in_sight(panel, (EYE,)) == kept
    other = replace(EYE, pose=Pose.facing((0.0, 0.0, 0.0), yaw))
    assert in_sight(panel, (EYE, other))
    assert not in_sight(panel, ())
    assert in_sight(Retina.of(INFO.size, 250.0, 45.0, Pose.facing((0.0, 0.0, 0.0), yaw), 2.0), (EYE,))


def test_the_coarsest_tile_of_a_panel_out_of_sight_is_kept_for_when_the_head_turns():
    behind = Panel(Pose.facing((0.0, 0.0, 2.0), math.pi), 1.6, 1.6)
    residency = Residency(2)
    residency.reserve(BASE, LONG_AGO)
    residency.reserve(BASE._replace(photograph=1), LONG_AGO)
    pages = PageTable(residency)
    for _ in range(3):
        residency.begin_frame()
        placed = [Placed(0, Panel(Pose((0, 0, -2)), 2.0, 1.0)), Placed(1, behind)]
        assert len(surface_items(of(ViewState.start(2), [INFO] * 2), placed, (), pages, (EYE,), NOW)) == 1
    assert residency.reserve(TileKey(0, 0, 0, 0), NOW) is None


def test_only_photographs_with_their_coarsest_tile_become_items_and_each_keeps_its_own_window():
    view = ViewState.start(3)
    panel = Panel(Pose((0, 0, -2)), 2.0, 1.0)
    residency = residency_of(BASE, TileKey(2, COARSEST, 0, 0))
    placed = [Placed(i, panel) for i in (2, 1, 0)]
    wants = [demand(0, Rect(1, 1, 2, 2))]
    items = surface_items(of(view, [INFO] * 3), placed, wants, PageTable(residency), (EYE,), NOW)
    assert [(item.photograph, item.pages.cols) for item in items] == [(2, 0), (0, 2)]
    assert all(item.size == (1024, 512) for item in items)


def test_every_tile_knows_which_of_those_around_it_show_synthesised_pixels():
    rng = np.random.default_rng(1)
    entries = np.zeros((5, 7, 8), np.int16)
    entries[..., 0] = rng.choice([NO_SLOT, 3], (5, 7))
    entries[..., 2] = rng.choice([NO_SLOT, 4], (5, 7))
    entries[..., 1], entries[..., 3] = rng.integers(-1, 2, (2, 5, 7))
    entries[..., 4] = rng.choice([0, 500], (5, 7))

    def synthesised(row: int, col: int) -> bool:
        if not (0 <= row < 5 and 0 <= col < 7):
            return False
        below, below_level, above, above_level, fade = entries[row, col, :5]
        return (below != NO_SLOT and below_level > 0) or (above != NO_SLOT and above_level > 0 and fade > 0)

    for (row, col), bits in np.ndenumerate(synthesised_around(entries)):
        for y in (-1, 0, 1):
            for x in (-1, 0, 1):
                assert bool(bits >> (4 + x + 3 * y) & 1) == synthesised(row + y, col + x)
