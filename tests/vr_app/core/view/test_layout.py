"""How photographs stand: pairs and walls, what leads from one to the other, and how two are compared."""

import math
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vr_app.core.hands.test_hands import DT, Session
from vr_app.core.hands.sample import HandSample
from vr_app.core.space.pose import Eye, Fov, Pose
from vr_app.core.space.surface import ImageView, Panel, photograph_uv, surface_s
from vr_app.core.tiles.visible import demands
from vr_app.core.view import layout
from vr_app.core.view.intent import (
    Begin,
    Moved,
    MovePanel,
    NextImage,
    NextLayout,
    Pan,
    Pick,
    ResetView,
    SetCompare,
    SetLink,
    ShowLayout,
    ShowPair,
    SwitchSurface,
    Undo,
    Zoom,
)
from vr_app.core.view.layout import PAGE, Layout
from vr_app.core.view.pair import BLINK_SECONDS, Compare, Link, Pair, side_of
from vr_app.core.view.pairing import layouts_offered
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import panels_of_pair, panels_on_wall, place, within_reach
from vr_app.core.view.step import photograph_arrived, photograph_failed, step
from vr_app.core.view.view import ViewState

examples = settings(deadline=None, max_examples=60)

WINDOW = 0.64
"""Tangent to the side that every window shows (vr_app.runtime.one_eye)."""

INFOS = (
    PhotographRecord("right_then.jpg", (2000, 1000), (1000.0, 480.0), 500.0),
    PhotographRecord("left.jpg", (1200, 1200), (640.0, 600.0), 560.0),
    PhotographRecord("other.jpg", (1000, 800), (500.0, 400.0), 400.0),
    PhotographRecord("more.jpg", (1000, 800), (500.0, 400.0), 400.0),
)


def infos(count: int) -> tuple[PhotographRecord, ...]:
    return tuple(replace(INFOS[i % 4], name=f"{i}.jpg") for i in range(count))


def loaded(these: tuple[PhotographRecord, ...] = INFOS, **start: object) -> ViewState:
    view = ViewState.start(len(these), **start)
    for index, info in enumerate(these):
        view = photograph_arrived(view, index, info)
    return view


def after(view: ViewState, *intents: object) -> ViewState:
    for intent in intents:
        view = step(view, (intent,), DT)
    return view


def paired(compare: Compare = Compare.SIDE, link: Link = Link.SAME, these: tuple[int, int] = (2, 3)) -> ViewState:
    return after(loaded(), ShowPair(*these), SetLink(link), SetCompare(compare))


def field_place(view: ViewState, image: int) -> np.ndarray:
    """The middle of what is shown, in radii of the field of view from its middle."""
    info = INFOS[image]
    return (np.multiply(view.images[image].center, info.size) - info.field_center) / info.field_radius


def reach(panel: Panel) -> tuple[float, float]:
    """Tangents to the left and right that its corners lie at, as the viewer sees them."""
    corners = np.array([panel.point(np.array(s)) for s in ((-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5))])
    tangents = corners[:, 0] / -corners[:, 2]
    return tangents.min(), tangents.max()


# Where they stand.


sizes = st.tuples(st.integers(200, 6000), st.integers(200, 6000))


@examples
@given(sizes, sizes)
def test_a_pair_stands_beside_each_other_in_sight_of_every_window_and_turned_to_the_viewer(first, second):
    left, right = panels_of_pair(first, second)
    assert -WINDOW < reach(left)[0] < reach(left)[1] < reach(right)[0] < reach(right)[1] < WINDOW
    for panel, size in ((left, first), (right, second)):
        assert panel.width / panel.height == pytest.approx(size[0] / size[1])
        middle = np.array(panel.pose.position)
        assert np.linalg.norm(middle) == pytest.approx(2.0)
        assert panel.pose.rotation()[:, 2] == pytest.approx(-middle / 2.0)


@examples
@given(st.lists(st.none() | sizes, min_size=1, max_size=64))
def test_a_wall_shows_each_photograph_on_one_page_apart_from_the_others_and_in_sight_of_every_window(photographs):
    shown = [panels_on_wall(photographs, page) for page in range(layout.pages(len(photographs)))]
    assert [index for page in shown for index in page] == [i for i, size in enumerate(photographs) if size]
    for page in shown:
        assert len(page) <= PAGE
        for one, other in combinations(page.values(), 2):
            across = reach(one)[1] < reach(other)[0] or reach(other)[1] < reach(one)[0]
            between = abs(one.pose.position[1] - other.pose.position[1]) - (one.height + other.height) / 2
            assert across or between >= layout.WALL_LINE - 1e-9
        for index, panel in page.items():
            assert -WINDOW < reach(panel)[0] < reach(panel)[1] < WINDOW
            assert abs(panel.pose.position[1]) + panel.height / 2 < 0.5 * 2
            assert panel.width / panel.height == pytest.approx(photographs[index][0] / photographs[index][1])


def test_a_wall_reads_from_left_to_right_and_then_down():
    panels = list(panels_on_wall([(100, 100)] * 12, 0).values())
    rows = [panels[n : n + 4] for n in (0, 4, 8)]
    for row in rows:
        assert all(a.pose.position[0] < b.pose.position[0] for a, b in pairwise(row))
        assert len({panel.pose.position[1] for panel in row}) == 1
    assert all(a[0].pose.position[1] > b[0].pose.position[1] for a, b in pairwise(rows))


def test_nothing_moves_on_the_wall_while_photographs_arrive():
    photographs = infos(15)
    view = ViewState.start(15, layout=Layout.WALL)
    seen: dict[int, Panel] = {}
    for index, info in enumerate(photographs):
        view = photograph_arrived(view, index, info)
        now = {item.image: item.surface for item in place(view)}
        assert seen.items() <= now.items()
        seen = now
    assert set(seen) == set(range(PAGE))


def test_a_photograph_that_cannot_be_opened_has_no_place_on_the_wall():
    view = photograph_failed(loaded(infos(5), layout=Layout.WALL), 1)
    assert view.hung == (0, 2, 3, 4)
    placed = place(view)
    assert [item.image for item in placed] == [0, 2, 3, 4]


# What leads from one to the other.


@pytest.mark.parametrize("count", [1, 2, 3, 4, 30])
def test_the_layouts_come_in_turn_and_back_again_the_other_way(count):
    view = after(loaded(infos(count)), ShowLayout(Layout.ONE))
    offered = layouts_offered(count)
    seen = []
    for _ in offered:
        pair = view.pair.compare if view.layout is Layout.PAIR else Compare.SIDE
        seen.append((view.layout, pair))
        view = after(view, NextLayout())
    assert tuple(seen) == offered
    assert view.layout is Layout.ONE
    assert after(view, NextLayout(-1)).layout is Layout.RETINA
    assert {kind for kind, _ in offered} >= {Layout.ONE, Layout.RETINA}
    assert len(offered) == {1: 2, 2: 5, 3: 6}.get(count, 7)


def test_every_layout_places_what_it_is_named_after():
    view = loaded()
    shown = {}
    for kind in Layout:
        placed = place(after(view, ShowLayout(kind)))
        shown[kind] = [item.image for item in placed]
    assert shown == {
        Layout.ONE: [0],
        Layout.PAIR: [0, 1],
        Layout.ROW: [0, 1, 2],  # no room for more of these wide ones on the arc
        Layout.WALL: [0, 1, 2, 3],
        Layout.RETINA: [0],
    }


def test_the_retina_leads_back_to_the_layout_before():
    view = after(loaded(), ShowLayout(Layout.WALL), SwitchSurface())
    assert view.layout is Layout.RETINA
    assert after(view, SwitchSurface()).layout is Layout.WALL


def test_pages_turn_round_and_back_and_the_front_photograph_is_on_the_page():
    view = after(loaded(infos(30)), ShowLayout(Layout.WALL))
    pages = []
    for _ in range(3):
        pages.append(view.page)
        shown = [item.image for item in place(view)]
        assert shown == list(range(12 * view.page[0], min(30, 12 * view.page[0] + 12)))
        assert view.active in shown
        view = after(view, NextImage())
    assert pages == [(0, 3), (1, 3), (2, 3)]
    assert view.page[0] == 0
    assert after(view, NextImage(-1)).page[0] == 2
    assert after(loaded(infos(12)), ShowLayout(Layout.WALL), NextImage()).active == 0


def test_a_photograph_taken_from_the_wall_stands_alone_and_undo_hangs_it_back():
    wall = after(loaded(), ShowLayout(Layout.WALL))
    view = after(wall, Pick(2))
    assert (view.layout, view.active) == (Layout.ONE, 2)
    assert after(view, Undo()).moment == wall.moment


def test_the_two_taken_last_are_the_pair():
    view = after(loaded(), ShowLayout(Layout.WALL), Pick(3), ShowLayout(Layout.WALL), Pick(2), ShowLayout(Layout.PAIR))
    assert view.pair.images == (2, 3)
    assert view.active == 2


@pytest.mark.parametrize(("count", "pairs"), [(2, [(0, 1)]), (4, [(0, 1), (2, 3)]), (5, [(0, 1), (2, 3), (3, 4)])])
def test_pairs_come_in_turn_and_none_is_left_out(count, pairs):
    view = after(loaded(infos(count)), ShowLayout(Layout.PAIR))
    seen = []
    for _ in pairs:
        seen.append(view.pair.images)
        view = after(view, NextImage())
    assert seen == pairs
    assert view.pair.images == pairs[0]
    assert after(view, NextImage(-1)).pair.images == pairs[-1]


def test_a_pair_of_one_photograph_is_that_one_until_another_comes():
    view = photograph_arrived(ViewState.start(2, layout=Layout.PAIR), 0, INFOS[0])
    assert [item.image for item in place(view)] == [0]
    view = photograph_arrived(view, 1, INFOS[1])
    assert [item.image for item in place(view)] == [0, 1]


def test_a_photograph_that_cannot_be_opened_leaves_the_pair_to_another():
    view = photograph_arrived(ViewState.start(3, layout=Layout.PAIR), 0, INFOS[0])
    view = photograph_arrived(photograph_failed(view, 1), 2, INFOS[2])
    assert view.pair.images == (0, 2)


def test_a_panel_is_where_hands_have_put_it_in_the_layout_in_which_they_did():
    there = Moved(Pose((0.3, 0.1, -1.0)), 0.5)
    view = after(loaded(), ShowLayout(Layout.WALL), MovePanel(1, there))
    for kind in (Layout.ONE, Layout.PAIR, Layout.ROW):
        other = after(view, ShowLayout(kind))
        assert other.moved(1) is None
        assert after(other, ShowLayout(Layout.WALL)).moved(1) == there
    row = after(view, ShowLayout(Layout.ROW), Begin(), MovePanel(1, replace(there, scale=2.0)), Undo())
    assert row.moved(1) is None
    assert after(row, Undo()).moved(1) == there
    (wall,) = (item for item in place(view) if item.image == 1)
    assert wall.surface.pose == there.pose
    assert wall.words.scale == pytest.approx(0.5 * layout.WALL_WORDS)


# Two compared.


@pytest.mark.parametrize(
    ("name", "side"),
    [
        *(("OD_2024.jpg", "right"), ("Image_01R.jpg", "right"), ("12-left.png", "left"), ("os.tif", "left")),
        *(("color.jpg", ""), ("01_h.jpg", ""), ("left and right.jpg", ""), ("normal.png", ""), ("", "")),
    ],
)
def test_whose_eye_it_is_is_told_by_a_word_of_the_name(name, side):
    assert side_of(name) == side


def test_the_right_eye_stands_on_the_left_and_is_linked_mirrored():
    view = after(loaded(INFOS[1::-1]), ShowLayout(Layout.PAIR))
    assert view.pair.images == (1, 0)  # the file order is left, right
    assert view.pair.link is Link.MIRRORED
    assert after(loaded(INFOS[2:]), ShowLayout(Layout.PAIR)).pair.link is Link.SAME


def test_a_pair_asked_for_at_the_start_is_linked_as_the_names_tell():
    assert loaded(INFOS[:2], layout=Layout.PAIR).pair.link is Link.MIRRORED
    assert loaded(INFOS[:2], layout=Layout.PAIR, compare=Compare.BLINK).pair.compare is Compare.BLINK


pans = st.tuples(st.floats(0.2, 0.8), st.floats(0.2, 0.8))


@examples
@given(st.integers(0, 1), pans, st.floats(0.0, 2.5), st.sampled_from([Link.SAME, Link.MIRRORED]))
def test_what_is_linked_whole_shows_the_same_place_of_the_field(which, spot, doublings, link):
    view = paired(link=link, these=(1, 2))
    changed, other = view.pair.images[which], view.pair.images[1 - which]
    view = after(view, Zoom(changed, (0.5, 0.5), 3.0), Pan(changed, spot, (0.0, 0.0)), Zoom(changed, spot, -doublings))
    mirror = np.array([-1 if link is Link.MIRRORED else 1, 1])
    margin = 0.5 / view.images[other].zoom
    shown = np.array(view.images[other].center)
    at_an_edge = (shown <= margin + 1e-9) | (shown >= 1 - margin - 1e-9)
    apart = field_place(view, other) - mirror * field_place(view, changed)
    assert (at_an_edge | (np.abs(apart) < 1e-6)).all()
    assert view.images[other].zoom == pytest.approx(view.images[changed].zoom)


def test_what_is_linked_keeps_what_the_two_differed_by_also_when_they_come_back_from_the_edge():
    view = paired(link=Link.OFF)
    view = after(view, Zoom(2, (0.5, 0.5), 2.0), Zoom(3, (0.5, 0.5), 1.0), Pan(3, (0.45, 0.55), (0.0, 0.0)))
    view = after(view, SetLink(Link.SAME))
    before = field_place(view, 3) - field_place(view, 2)
    moved = after(view, Pan(2, (0.0, 0.5), (0.0, 0.0)), Zoom(2, (0.3, 0.5), -2.0))
    back = after(moved, Zoom(2, (0.5, 0.5), 3.0), Pan(2, (0.5, 0.55), (0.0, 0.0)))
    assert field_place(back, 3) - field_place(back, 2) == pytest.approx(before)
    assert back.images[2].zoom / back.images[3].zoom == pytest.approx(2.0)


def test_what_is_not_linked_stays():
    view = after(paired(link=Link.OFF), Zoom(2, (0.3, 0.5), 2.0))
    assert view.images[3] == ImageView()


def test_one_move_of_a_linked_pair_is_undone_at_once_and_a_reset_shows_both_whole():
    start = paired()
    view = after(start, Begin(), Zoom(2, (0.3, 0.5), 2.0), Pan(2, (0.4, 0.4), (0.0, 0.0)))
    assert view.images[3].zoom == 4.0
    assert after(view, Undo()).images == start.images
    assert after(view, ResetView()).images == start.images


def test_only_the_pair_is_linked_and_only_while_it_is_shown():
    view = after(paired(), Zoom(0, (0.5, 0.5), 2.0))
    assert [image.zoom for image in view.images] == [4.0, 1.0, 1.0, 1.0]
    view = after(view, ShowLayout(Layout.ROW), Zoom(2, (0.5, 0.5), 1.0))
    assert [image.zoom for image in view.images] == [4.0, 1.0, 2.0, 1.0]


@pytest.mark.parametrize("compare", [Compare.SWIPE, Compare.BLINK])
@pytest.mark.parametrize("these", [(2, 1), (0, 1), (1, 0)])
@examples
@given(pans, st.floats(0, 3))
def test_on_one_panel_field_lies_upon_field_wherever_one_looks(compare, these, spot, doublings):
    view = after(paired(compare, these=these), Zoom(these[0], spot, doublings))
    first, second = place(view)
    for angle in np.linspace(0, 2 * math.pi, 7):
        points = []
        for item in (first, second):
            info = INFOS[item.image]
            rim = np.add(info.field_center, 0.7 * info.field_radius * np.array([math.cos(angle), math.sin(angle)]))
            image = view.images[item.image]
            points.append(item.surface.point(surface_s(rim / info.size, image.center, image.zoom)))
        np.testing.assert_allclose(points[0], points[1], atol=1e-9)


def test_a_swipe_shows_the_first_left_of_the_divider_and_the_second_right_of_it():
    view = after(paired(Compare.SWIPE, these=(2, 1)), Zoom(2, (0.4, 0.5), 1.0))
    view = replace(view, pair=replace(view.pair, divider=0.3))
    first, second = place(view)
    whole = within_reach((first, second))
    assert [item.image for item in whole] == [view.pair.images[0]]
    panel = whole[0].surface
    for across in (0.05, 0.29, 0.31, 0.95):
        target = panel.point(np.array([across - 0.5, 0.2]))
        toward = target / np.linalg.norm(target)
        hits = [not np.isnan(item.surface.hit(np.zeros(3), toward)[1]) for item in (first, second)]
        assert hits == [across < 0.3, across > 0.3]


def test_only_what_is_seen_on_either_side_of_the_divider_is_wanted():
    eye = Eye(Pose(), Fov.symmetric(1.0, 1.6), (1280, 800))
    view = replace(paired(Compare.SWIPE), still_for=1.0)
    view = replace(view, pair=replace(view.pair, divider=0.25))
    first, second = demands(view, place(view), (eye,))
    scale = 2.0**first.level
    assert first.visible.right == pytest.approx(0.25 * 1000 * scale, abs=2)
    assert second.visible.x == pytest.approx(0.25 * 1000 * scale, abs=2)


def blinking() -> Session:
    session = Session.of(zoom=1.0, count=2)
    session.view = after(session.view, SetCompare(Compare.BLINK))
    return session


def seen(session: Session) -> int:
    (shown,) = (item.image for item in session.placed if item.shown)
    return shown


def test_a_blink_shows_each_in_turn_for_the_same_time_and_never_more_than_one_change_a_second():
    session = blinking()
    frames = [seen(session)]
    for _ in range(round(10 / DT)):
        session.frame()
        frames.append(seen(session))
    changes = [n for n, (a, b) in enumerate(pairwise(frames)) if a != b]
    assert len(changes) == int(10 / BLINK_SECONDS)
    assert BLINK_SECONDS >= 1.0
    assert all(b - a == pytest.approx(BLINK_SECONDS / DT, abs=1) for a, b in pairwise(changes))
    assert session.view.still_for > 9.0  # or the network would never begin


def test_a_hand_that_holds_the_photograph_keeps_what_a_blink_shows():
    session = blinking()
    ray = session.ray((0.1, 0.1))
    while seen(session) == session.view.pair.images[0]:
        session.frame(HandSample(ray))
    for _ in range(round(3 * BLINK_SECONDS / DT)):
        session.frame(HandSample(ray, trigger=1.0))
        assert seen(session) == session.view.pair.images[1]
    session.frame(HandSample(ray))
    for _ in range(round(0.9 * BLINK_SECONDS / DT)):
        session.frame(HandSample(ray))
        assert seen(session) == session.view.pair.images[1]
    for _ in range(round(0.2 * BLINK_SECONDS / DT)):
        session.frame(HandSample(ray))
    assert seen(session) == session.view.pair.images[0]


def test_a_hand_drags_the_divider_and_elsewhere_the_photographs():
    session = Session.of(zoom=1.0, count=2)
    session.view = after(session.view, SetCompare(Compare.SWIPE), Zoom(0, (0.5, 0.5), 2.0))
    for trigger, s in ((0.0, 0.01), (1.0, 0.01), (1.0, 0.2), (1.0, -0.3)):
        session.frame(HandSample(session.ray((s, 0.2)), trigger=trigger))
    assert session.view.pair.divider == pytest.approx(0.2)
    session.frame(HandSample(session.ray((-0.3, 0.2))))
    before = session.view.images[0].center
    for trigger, s in ((1.0, -0.1), (1.0, -0.35), (1.0, 0.1)):  # across the divider
        session.frame(HandSample(session.ray((s, 0.2)), trigger=trigger))
    assert session.view.pair.divider == pytest.approx(0.2)
    assert session.view.images[0].center[0] == pytest.approx(before[0] - 0.2 / 4)
    session.frame(undo=True)
    session.frame(undo=True)
    assert session.view.pair.divider == 0.5


def test_a_double_trigger_takes_a_photograph_from_the_wall():
    session = Session.of(zoom=1.0, count=5)
    session.view = after(session.view, ShowLayout(Layout.WALL))
    target = next(item.surface for item in session.placed if item.image == 3).point(np.zeros(2))
    ray = replace(session.ray((0.0, 0.0)), origin=(0.0, 0.0, 0.0), direction=tuple(target / np.linalg.norm(target)))
    for trigger in (0.0, 1.0, 0.0, 1.0, 0.0):
        session.frame(HandSample(ray, trigger=trigger), dt=0.05)
    assert (session.view.layout, session.view.active) == (Layout.ONE, 3)


def test_a_thumbstick_flicked_to_the_side_turns_over_once_until_it_comes_back():
    session = Session.of(zoom=1.0, count=5)
    ray = session.ray((0.0, 0.0))
    turns = []
    for x, y in ((0.5, 0), (0.9, 0), (1.0, 0), (0.7, 0), (0.3, 0), (-1.0, 0), (0.0, 0), (0.85, 1.0), (0.0, 0.0)):
        turns += [g for g in session.frame(HandSample(ray, stick_x=x, stick_y=y)) if isinstance(g, NextImage)]
    assert turns == [NextImage(1), NextImage(-1)]


def test_buttons_lead_through_comparisons_and_links():
    session = Session.of(zoom=1.0, count=2)
    seen_compared, seen_links = [], []
    for _ in range(4):
        session.frame(keys=("c",))
        seen_compared.append(session.view.compared.compare)
    for _ in range(3):
        session.frame(keys=("k",))
        seen_links.append(session.view.pair.link)
    assert seen_compared == [Compare.SIDE, Compare.SWIPE, Compare.BLINK, Compare.SIDE]
    assert set(seen_links) == set(Link)
    session.frame(next_layout=True)
    assert session.view.pair.compare is Compare.SWIPE


def test_a_view_that_was_on_one_panel_lies_within_its_photograph_again_side_by_side():
    view = after(paired(Compare.SWIPE, these=(0, 1)), Zoom(0, (0.0, 0.0), 1.5))
    second = view.pair.images[1]
    assert min(view.images[second].center) - 0.5 / view.images[second].zoom < 0
    view = after(view, SetCompare(Compare.SIDE))
    corner = photograph_uv((-0.5, -0.5), view.images[second].center, view.images[second].zoom)
    assert corner.min() >= -1e-9


def test_no_pair_can_be_of_one_photograph():
    view = loaded()
    assert after(view, ShowPair(1, 1)).pair is None
    assert Pair((0, 1)).other(0) == 1
