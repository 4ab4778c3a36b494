"""What is looked at: how intents change it, and where the photographs stand."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sr_core.image import layers
from tests.helpers import dummy_layer
from tests.helpers.records import of
from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import ImageView, Panel, Retina, photograph_uv, surface_s
from vr_app.core.view.bounds import MAX_ZOOM
from vr_app.core.view.intent import (
    Begin,
    LimitLevel,
    LookAt,
    Moved,
    MovePanel,
    NextImage,
    Pan,
    ResetView,
    SetFieldAngle,
    ShowInvention,
    ShowOriginal,
    ShowOverlay,
    SurfaceKind,
    SwitchSurface,
    Undo,
    Zoom,
)
from vr_app.core.view.layout import PANEL_GAP, PANEL_MAX_WIDTH
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import RETINA_RADIUS, place
from vr_app.core.view.step import PAST, photograph_arrived, photograph_failed, step
from vr_app.core.view.view import ViewState

examples = settings(deadline=None, max_examples=60)

PANEL, RETINA = SurfaceKind.PANEL, SurfaceKind.RETINA
both_surfaces = pytest.mark.parametrize("surface", [PANEL, RETINA])
HOME = (0.4, 0.55)
INFO = PhotographRecord("fundus", (8000, 4000), (3200.0, 2200.0), 2000.0)

fractions = st.floats(0, 1)
points = st.tuples(fractions, fractions)
halves = st.floats(-0.5, 0.5)
zooms = st.floats(1, MAX_ZOOM)
surfaces = st.sampled_from([PANEL, RETINA])


def loaded(count: int = 1, surface: SurfaceKind = PANEL) -> ViewState:
    view = ViewState.start(count, surface)
    for index in range(count):
        view = photograph_arrived(view, index, INFO)
    return view


def looking(surface: SurfaceKind, center: tuple[float, float], zoom: float, count: int = 1) -> ViewState:
    return step(loaded(count), (LookAt(surface, center, zoom),), 0.0)


def infos(*aspects: float | None) -> tuple[PhotographRecord | None, ...]:
    """A photograph for every aspect, 1000 pixels high; None where it is not loaded."""
    sizes = [aspect and (round(1000 * aspect), 1000) for aspect in aspects]
    return tuple(size and PhotographRecord("x", size, (size[0] / 2, 500.0), 450.0) for size in sizes)


def azimuth(point: np.ndarray) -> float:
    """Radians to the right of straight ahead, as the viewer at the origin sees it."""
    return math.atan2(point[0], -point[2])


@pytest.mark.parametrize("surface", [PANEL, RETINA])
@pytest.mark.parametrize("s", [(0.3, -0.2), (-0.45, 0.4), (0.0, 0.0)])
def test_a_pan_brings_the_photograph_point_to_the_place_asked_for(surface, s):
    view = step(looking(surface, (0.5, 0.5), 4.0), (Pan(0, (0.4, 0.6), s),), 0.01)
    assert photograph_uv(s, view.front.center, view.front.zoom) == pytest.approx((0.4, 0.6))
    assert view.front.zoom == 4.0


@examples
@given(surfaces, points, zooms, halves, halves)
def test_a_pan_reaches_every_view_that_the_surface_allows(surface, center, zoom, s_u, s_v):
    aim = looking(surface, center, zoom).front
    uv = photograph_uv((s_u, s_v), aim.center, zoom)
    view = step(looking(surface, (0.5, 0.5), zoom), (Pan(0, tuple(uv), (s_u, s_v)),), 0.01)
    assert surface_s(uv, view.front.center, zoom) == pytest.approx((s_u, s_v), abs=1e-9)


@examples
@given(surfaces, points, zooms, halves, halves, st.floats(0, 6))
def test_magnifying_leaves_the_anchor_where_it_is_seen(surface, center, zoom, s_u, s_v, doublings):
    before = looking(surface, center, zoom)
    anchor = photograph_uv((s_u, s_v), before.front.center, zoom)
    assume(((anchor >= 0) & (anchor <= 1)).all())
    after = step(before, (Zoom(0, tuple(anchor), doublings),), 0.01).front
    assert after.zoom == pytest.approx(min(MAX_ZOOM, zoom * 2**doublings))
    assert surface_s(anchor, after.center, after.zoom) == pytest.approx((s_u, s_v), abs=1e-9)


@examples
@given(surfaces, points, zooms, halves, halves, st.floats(-6, 0))
def test_shrinking_moves_the_anchor_only_along_an_axis_where_the_photograph_ends(
    surface, center, zoom, s_u, s_v, doublings
):
    before = looking(surface, center, zoom)
    anchor = photograph_uv((s_u, s_v), before.front.center, zoom)
    assume(((anchor >= 0) & (anchor <= 1)).all())
    after = step(before, (Zoom(0, tuple(anchor), doublings),), 0.01).front
    assert after.zoom == pytest.approx(max(1.0, zoom * 2**doublings))
    margin = 0.5 / after.zoom if surface is PANEL else 0.0
    seen = surface_s(anchor, after.center, after.zoom)
    for axis, s in enumerate((s_u, s_v)):
        at_an_end = after.center[axis] == pytest.approx(margin) or after.center[axis] == pytest.approx(1 - margin)
        assert at_an_end or seen[axis] == pytest.approx(s, abs=1e-9)


@both_surfaces
def test_the_zoom_stops_at_both_ends_and_then_leaves_the_view_alone(surface):
    inner = step(looking(surface, (0.3, 0.6), 50.0), (Zoom(0, (0.3, 0.6), 3.0),), 0.1)
    assert inner.front.zoom == MAX_ZOOM
    assert step(inner, (Zoom(0, (0.1, 0.9), 0.5),), 0.1).front == inner.front
    outer = step(inner, (Zoom(0, (0.3, 0.6), -9.0),), 0.1)
    assert outer.front.zoom == 1.0
    assert step(outer, (Zoom(0, (0.1, 0.9), -0.5),), 0.1).front == outer.front


@pytest.mark.parametrize(
    ("size", "largest"),
    [
        ((3504, 2336), 8 * 2336 / 384),
        ((1200, 1024), 8 * 1024 / 384),
        ((1024, 1200), 8 * 1024 / 384),
        ((480, 360), 7.5),
        ((192, 300), 4.0),
        ((1, 1), 4.0),
        ((9000, 3072), MAX_ZOOM),
        ((60000, 1600), 8 * 1600 / 384),
        ((10000, 10000), MAX_ZOOM),
    ],
)
def test_the_largest_zoom_leaves_384_pixels_of_x8_across_the_shorter_side_and_lies_between_4_and_64(size, largest):
    assert replace(INFO, size=size).largest_zoom == pytest.approx(largest)


@both_surfaces
def test_no_gesture_magnifies_a_photograph_beyond_its_own_end(surface):
    small = PhotographRecord("small", (1600, 1200), (800.0, 600.0), 600.0)
    view = photograph_arrived(loaded(2), 1, small)
    for intent in (Zoom(1, (0.5, 0.5), 9.0), Zoom(0, (0.5, 0.5), 9.0), LookAt(surface, (0.5, 0.5), 60.0)):
        view = step(view, (intent,), 0.01)
    view = step(view, (NextImage(), LookAt(surface, (0.5, 0.5), 60.0)), 0.01)
    assert [image.zoom for image in view.images] == [60.0, 25.0]


def test_a_photograph_that_arrives_brings_a_zoom_that_was_set_before_within_its_end():
    view = step(ViewState.start(1), (LookAt(PANEL, (0.02, 0.5), 60.0),), 0.01)
    view = photograph_arrived(view, 0, PhotographRecord("small", (1600, 1200), (800.0, 600.0), 600.0))
    assert view.front == ImageView((0.02, 0.5), 25.0)


@examples
@given(surfaces, points, points)
def test_a_zoom_at_its_end_does_not_creep_by_rounding(surface, center, anchor):
    view = looking(surface, center, MAX_ZOOM)
    assert step(view, (Zoom(0, anchor, 0.5),), 0.25).still_for == 0.25


anywhere = st.tuples(st.floats(-2, 3), st.floats(-2, 3))
intents = st.one_of(
    st.builds(Pan, st.integers(0, 1), anywhere, anywhere),
    st.builds(Zoom, st.integers(0, 1), anywhere, st.floats(-8, 8)),
    st.builds(LookAt, surfaces, anywhere, zooms),
    st.sampled_from([SwitchSurface(), NextImage(), ResetView()]),
)


@examples
@given(st.lists(intents, max_size=12))
def test_no_gestures_lead_beyond_the_photograph_or_the_zooms_ends(sequence):
    view = step(loaded(2), tuple(sequence), 0.01)
    for image in view.images:
        assert 1.0 <= image.zoom <= MAX_ZOOM
        margin = 0.5 / image.zoom if view.surface is PANEL else 0.0
        assert min(image.center) >= margin - 1e-12
        assert max(image.center) <= 1 - margin + 1e-12


def test_a_panel_panned_off_the_photograph_stops_at_its_corner():
    view = step(looking(PANEL, (0.5, 0.5), 2.0), (Pan(0, (0.0, 1.0), (3.0, -3.0)),), 0.01)
    assert photograph_uv((-0.5, 0.5), view.front.center, 2.0) == pytest.approx((0.0, 1.0))


def test_gestures_work_on_the_photograph_they_name_alone():
    before = looking(PANEL, (0.5, 0.5), 2.0, count=3)
    after = step(before, (Zoom(1, (0.5, 0.5), 1.0), Pan(1, (0.5, 0.5), (0.1, 0.0))), 0.01)
    assert after.images[1] == ImageView((pytest.approx(0.45), 0.5), 2.0)
    assert (after.images[0], after.images[2]) == (before.images[0], before.images[2])


def test_gestures_apply_in_their_order():
    zoom, pan = Zoom(0, (0.5, 0.5), 1.0), Pan(0, (0.4, 0.4), (0.0, 0.0))
    assert step(loaded(), (zoom, pan), 0.01).front.center == pytest.approx((0.4, 0.4))
    assert step(loaded(), (pan, zoom), 0.01).front.center == pytest.approx((0.5, 0.5))


def test_a_whole_photograph_is_centred_on_its_field_on_the_retina_and_whole_on_the_panel():
    retina = step(loaded(), (SwitchSurface(),), 0.01)
    assert (retina.surface, retina.front) == (RETINA, ImageView(HOME, 1.0))
    panel = step(retina, (SwitchSurface(),), 0.01)
    assert (panel.surface, panel.front) == (PANEL, ImageView((0.5, 0.5), 1.0))


def test_a_magnified_photograph_keeps_its_place_from_surface_to_surface():
    before = looking(PANEL, (0.3, 0.7), 4.0)
    retina = step(before, (SwitchSurface(),), 0.01)
    assert retina.front == before.front
    assert step(retina, (SwitchSurface(),), 0.01).front == before.front


def test_a_view_of_the_photographs_edge_on_the_retina_moves_inward_on_the_panel():
    view = step(looking(RETINA, (0.0, 1.0), 4.0), (SwitchSurface(),), 0.01)
    assert view.front == ImageView((0.125, 0.875), 4.0)


def test_the_next_photograph_skips_what_is_not_loaded_and_wraps():
    view = of(replace(ViewState.start(5), active=1), (None, INFO, None, INFO, None))
    seen = []
    for _ in range(3):
        view = step(view, (NextImage(),), 0.01)
        seen.append(view.active)
    assert seen == [3, 1, 3]


@pytest.mark.parametrize("photographs", [(None, INFO, None), (None, None, None)])
def test_the_next_photograph_is_the_same_where_no_other_is_loaded(photographs):
    view = of(replace(ViewState.start(3), active=1), photographs)
    assert step(view, (NextImage(),), 0.01).active == 1


def test_each_photograph_keeps_its_own_view_while_another_is_in_front():
    zoomed = looking(PANEL, (0.3, 0.6), 8.0, count=2)
    other = step(zoomed, (NextImage(),), 0.01)
    assert other.front == ImageView()
    assert step(other, (NextImage(),), 0.01).front == zoomed.front


def test_the_next_whole_photograph_on_the_retina_is_centred_on_its_own_field():
    view = of(loaded(2, RETINA), (INFO, replace(INFO, field_center=(4800.0, 1800.0))))
    assert step(view, (NextImage(),), 0.01).front == ImageView((0.6, 0.45), 1.0)


@pytest.mark.parametrize(("surface", "center"), [(PANEL, (0.5, 0.5)), (RETINA, HOME)])
def test_a_reset_shows_the_whole_of_the_front_photograph_and_leaves_the_others(surface, center):
    magnified = step(looking(surface, (0.3, 0.7), 8.0, count=2), (Zoom(1, (0.5, 0.5), 2.0),), 0.01)
    view = step(magnified, (ResetView(),), 0.01)
    assert view.front == ImageView(center, 1.0)
    assert view.images[1].zoom == 4.0


def test_a_tours_jump_takes_surface_centre_and_zoom_at_once():
    view = step(loaded(2), (LookAt(RETINA, (0.2, 0.9), 5.0),), 0.01)
    assert (view.surface, view.front) == (RETINA, ImageView((0.2, 0.9), 5.0))
    assert view.images[1] == ImageView((0.5, 0.5), 1.0)


def test_a_photograph_that_arrives_in_front_on_the_retina_is_centred_on_its_field():
    view = photograph_arrived(ViewState.start(2, RETINA), 0, INFO)
    assert view.photographs == (INFO, None)
    assert view.home(0) == HOME
    assert view.front.center == HOME


def test_a_photograph_that_arrives_behind_moves_nothing_in_sight():
    before = photograph_arrived(ViewState.start(2, RETINA), 0, INFO)
    before = step(before, (Pan(0, (0.2, 0.7), (0.0, 0.0)),), 0.01)
    view = photograph_arrived(before, 1, INFO)
    assert view.photographs == (INFO, INFO)
    assert (view.images, view.active) == (before.images, before.active)


def test_the_next_that_may_still_load_comes_to_the_front_while_none_is_loaded():
    view = photograph_failed(ViewState.start(3), 0)
    assert view.active == 1
    assert photograph_failed(view, 1).active == 2


def test_a_loaded_photograph_comes_to_the_front_in_the_place_of_one_that_failed():
    view = of(replace(ViewState.start(4, RETINA), active=1), (INFO, None, None, INFO))
    after = photograph_failed(view, 1)
    assert after.active == 3
    assert after.front == ImageView(HOME, 1.0)


def test_a_failed_photograph_behind_the_front_one_changes_nothing():
    view = loaded(3)
    assert photograph_failed(view, 2) == replace(view, failed=frozenset({2}))


def test_stillness_counts_while_nothing_changes_and_starts_again_when_something_does():
    view = loaded()
    for _ in range(3):
        view = step(view, (), 0.25)
    assert view.still_for == pytest.approx(0.75)
    moved = step(view, (Zoom(0, (0.5, 0.5), 1.0),), 0.25)
    assert moved.still_for == 0.0
    assert step(moved, (), 0.25).still_for == pytest.approx(0.25)


@pytest.mark.parametrize(
    "intent",
    [Pan(0, (0.4, 0.4), (0.0, 0.0)), Zoom(0, (0.5, 0.5), -0.1), SwitchSurface(), NextImage(), ResetView()],
)
def test_whatever_changes_the_picture_ends_the_stillness(intent):
    view = step(looking(PANEL, (0.5, 0.5), 4.0, count=2), (), 1.0)
    assert step(view, (intent,), 0.25).still_for == 0.0


@pytest.mark.parametrize(
    "intent",
    [
        ShowOriginal(True),
        ShowInvention(True),
        Begin(),
        Undo(),
        Pan(0, (0.5, 0.5), (0.0, 0.0)),
        Zoom(0, (0.2, 0.2), -1.0),
        ResetView(),
        NextImage(),
    ],
)
def test_an_intent_that_leaves_the_view_as_it_was_does_not_end_the_stillness(intent):
    view = step(loaded(), (), 1.0)
    assert step(view, (intent,), 0.25).still_for == pytest.approx(1.25)


def test_the_original_shows_only_while_it_is_asked_for():
    shown = step(loaded(), (ShowOriginal(True),), 0.01)
    assert shown.original
    assert step(shown, (), 0.01).original
    assert not step(shown, (ShowOriginal(False),), 0.01).original


def test_what_is_invented_shows_until_it_is_asked_for_no_more_and_a_tour_decides():
    shown = step(loaded(), (ShowInvention(True),), 0.01)
    assert shown.invention
    assert step(shown, (SwitchSurface(), NextImage()), 0.01).invention
    assert not step(shown, (ShowInvention(False),), 0.01).invention
    assert not step(shown, (LookAt(RETINA, (0.5, 0.5), 1.0),), 0.01).invention
    assert step(loaded(), (LookAt(PANEL, (0.5, 0.5), 1.0, invention=True),), 0.01).invention


def test_the_front_panel_stands_straight_ahead_2_metres_away_and_1_point_6_high():
    (placed,) = place(loaded(), (INFO,))
    panel = placed.surface
    assert isinstance(panel, Panel)
    assert (panel.width, panel.height) == pytest.approx((3.2, 1.6))
    assert panel.point(np.zeros(2)) == pytest.approx([0, 0, -2.0])
    assert panel.point(np.array([-0.5, -0.5])) == pytest.approx([-1.6, 0.8, -2.0])


@pytest.mark.parametrize("active", [0, 1, 2])
def test_photographs_stand_in_their_order_from_left_to_right_about_the_active_one(active):
    placed = place(of(replace(loaded(3), active=active), infos(1.0, 1.5, 0.8)))
    assert [item.image for item in placed] == [0, 1, 2]
    middles = [azimuth(item.surface.point(np.zeros(2))) for item in placed]
    assert middles == sorted(middles)
    assert middles[active] == pytest.approx(0.0)


some_infos = st.lists(st.none() | st.floats(0.1, 12), min_size=1, max_size=9).map(lambda aspects: infos(*aspects))


@examples
@given(some_infos, st.integers(0, 8))
def test_panels_on_the_arc_face_the_viewer_keep_their_aspect_and_never_overlap(photographs, active):
    assume(active < len(photographs))
    assume(photographs[active] is not None)
    placed = place(of(replace(ViewState.start(len(photographs)), active=active), photographs))
    indices = [item.image for item in placed]
    present = [index for index, info in enumerate(photographs) if info is not None]
    assert active in indices
    assert indices == [index for index in present if indices[0] <= index <= indices[-1]]
    ends = []
    for item in placed:
        panel, size = item.surface, photographs[item.image].size
        assert panel.width / panel.height == pytest.approx(size[0] / size[1])
        assert panel.width <= PANEL_MAX_WIDTH + 1e-9
        assert panel.height <= 1.6 + 1e-9
        assert panel.width == pytest.approx(PANEL_MAX_WIDTH) or panel.height == pytest.approx(1.6)
        middle = panel.point(np.zeros(2))
        assert np.linalg.norm(middle) == pytest.approx(2.0)
        _, distance = panel.hit(np.zeros(3), middle / 2.0)
        assert distance == pytest.approx(2.0)
        assert panel.pose.rotation()[:, 2] == pytest.approx(-middle / 2.0, abs=1e-9)
        half = math.atan2(np.linalg.norm(panel.point(np.array([0.5, 0.0])) - middle), 2.0)
        ends.append((azimuth(middle) - half, azimuth(middle) + half))
    for (_, right_end), (left_end, _) in pairwise(ends):
        assert left_end - right_end == pytest.approx(PANEL_GAP)
    assert ends[0][0] >= -math.pi - 1e-9
    assert ends[-1][1] <= math.pi + 1e-9


def test_a_panorama_is_bounded_in_width_and_lower_for_it():
    (placed,) = place(of(loaded(), infos(6.0)))
    assert (placed.surface.width, placed.surface.height) == pytest.approx((3.6, 0.6))


def test_what_is_not_loaded_leaves_no_gap_on_the_arc():
    with_gap = place(of(loaded(3), infos(1.0, None, 1.5)))
    without = place(of(loaded(2), infos(1.0, 1.5)))
    assert [item.image for item in with_gap] == [0, 2]
    assert [item.surface for item in with_gap] == [item.surface for item in without]


@both_surfaces
def test_nothing_is_placed_while_the_active_photograph_is_not_loaded(surface):
    assert place(of(ViewState.start(2, surface), infos(None, 1.0))) == ()


def test_photographs_that_find_no_room_on_the_arc_are_left_out():
    placed = place(of(replace(loaded(40), active=20), infos(*[1.0] * 40)))
    assert 3 < len(placed) < 15
    assert placed[len(placed) // 2].image == 20


def test_the_retina_stands_alone_around_the_viewer_and_spans_the_field_angle():
    pose = Pose.facing((0.5, 1.0, -0.5), 0.3)
    view = replace(step(loaded(3, RETINA), (SetFieldAngle(60.0),), 0.01), active=1)
    (placed,) = place(view, pose)
    assert placed.image == 1
    assert placed.surface == Retina.of(INFO.size, INFO.field_radius, 60.0, pose, RETINA_RADIUS)
    for s in ((0, 0), (0.25, 0), (0, -0.5)):
        reach = placed.surface.point(np.array(s)) - np.asarray(pose.position)
        assert np.linalg.norm(reach) == pytest.approx(RETINA_RADIUS)


THERE = Moved(Pose.facing((0.5, 0.2, -1.0), 0.3), 0.5)


def test_a_moved_panel_stands_where_it_was_put_and_leaves_its_gap_on_the_arc():
    before = place(loaded(3))
    view = step(loaded(3), (MovePanel(1, THERE),), 0.01)
    after = place(view)
    assert [item.image for item in after] == [item.image for item in before]
    for item, old in zip(after, before, strict=True):
        if item.image == 1:
            assert item.surface == Panel(THERE.pose, 1.6, 0.8)
        else:
            assert item == old
    assert view.still_for == 0.0


def test_a_moved_panel_is_seen_where_the_arc_has_no_room_for_it():
    view = step(replace(loaded(40), active=20), (MovePanel(0, THERE),), 0.01)
    placed = place(of(view, infos(*[1.0] * 40)))
    assert placed[-1].image == 0
    assert placed[-1].surface.pose == THERE.pose


def test_a_moved_panel_is_no_retina():
    view = step(loaded(2, RETINA), (MovePanel(0, THERE),), 0.01)
    assert isinstance(place(view)[0].surface, Retina)


def test_a_reset_brings_the_front_panel_alone_back():
    view = step(loaded(2), (MovePanel(0, THERE), MovePanel(1, THERE), ResetView()), 0.01)
    assert view.moved(0) is None
    assert view.moved(1) == THERE


@pytest.mark.parametrize(
    "moved",
    [
        Moved(Pose((math.nan, 0.0, 0.0))),
        Moved(Pose((0.0, 0.0, -1e9))),
        Moved(Pose(orientation=(0.0, 0.0, 0.0, 0.0))),
        Moved(Pose(), math.nan),
    ],
)
def test_a_panel_put_nowhere_stays(moved):
    before = step(loaded(), (MovePanel(0, THERE),), 0.01)
    assert step(before, (MovePanel(0, moved),), 0.01).moment == before.moment


def test_a_move_lasts_until_the_next_one_begins():
    view = looking(PANEL, (0.5, 0.5), 4.0)
    pans = [Pan(0, (0.5 + 0.05 * n, 0.5), (0.0, 0.0)) for n in range(1, 5)]
    end = step(view, (Begin(), pans[0], pans[1], Begin(), Begin(), pans[2], pans[3]), 0.01)
    back = step(end, (Undo(),), 0.01)
    assert back.front.center == pytest.approx((0.6, 0.5))
    assert step(back, (Undo(),), 0.01).front == view.front
    assert step(back, (Undo(), Undo(), Undo()), 0.01).front == view.front


def test_a_tour_leaves_nothing_to_undo():
    view = step(looking(PANEL, (0.5, 0.5), 4.0), (Begin(), Pan(0, (0.6, 0.5), (0.0, 0.0))), 0.01)
    led = step(view, (LookAt(PANEL, (0.3, 0.3), 8.0),), 0.01)
    assert step(led, (Undo(),), 0.01).moment == led.moment


def test_undo_leaves_a_photograph_that_arrived_meanwhile_as_it_is():
    view = photograph_arrived(ViewState.start(2, RETINA), 0, INFO)
    view = step(view, (Pan(0, (0.2, 0.7), (0.0, 0.0)),), 0.01)
    arrived = photograph_arrived(view, 1, replace(INFO, size=(1600, 1200)))
    back = step(arrived, (Undo(),), 0.01)
    assert back.images == (ImageView(HOME, 1.0), arrived.images[1])


def test_undo_does_not_lead_to_a_photograph_that_could_not_be_opened():
    view = of(replace(loaded(3), active=1), (INFO, INFO, None))
    failed = photograph_failed(replace(step(view, (NextImage(),), 0.01), active=1), 1)
    assert step(failed, (Undo(),), 0.01).active == failed.active


def test_only_so_many_moves_are_kept():
    view = loaded(2)
    for _ in range(PAST + 10):
        view = step(view, (NextImage(),), 0.01)
    assert len(view.past) == PAST


def test_a_layer_that_there_is_lies_over_the_picture_while_it_is_shown(monkeypatch):
    monkeypatch.setattr(layers, "LAYERS", (*layers.LAYERS, dummy_layer.ROW))
    view = step(ViewState.start(1), (ShowOverlay("brightness", True), ShowOverlay("no such layer", True)), 0.0)
    assert view.settings.overlays == {"brightness"}
    assert step(view, (ShowOverlay("brightness", False),), 0.0).settings.overlays == frozenset()
    assert step(ViewState.start(1), (ShowOverlay("super-resolution", True),), 0.0).settings.overlays == frozenset()


def test_over_the_original_lies_nothing_and_where_it_alone_is_wanted_nothing_in_its_place(monkeypatch):
    monkeypatch.setattr(layers, "LAYERS", (*layers.LAYERS, dummy_layer.ROW))
    view = step(ViewState.start(1), (ShowOverlay("brightness", True), ShowOverlay("restored", True)), 0.0)
    assert view.over == (2, 3)
    assert step(view, (ShowOriginal(True),), 0.0).over == ()
    assert step(view, (LimitLevel(0),), 0.0).over == (3,)
