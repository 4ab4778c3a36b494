"""Regions of interest: what marking, naming, deleting and jumping make of them, and what undoing brings back."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_core.image.geometry import Rect
from vr_app.core.view.intent import (
    ArmMarking,
    BlinkRegion,
    DeleteRegion,
    GoToRegion,
    LookAt,
    MarkRegion,
    MarkView,
    NameRegion,
    NextRegion,
    NoteRegion,
    SurfaceKind,
    Undo,
)
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.region import BLINK, Draft, Kind, Region, drafted
from vr_app.core.view.region_step import FILLS, OF_VIEW
from vr_app.core.view.step import photograph_arrived, regions_arrived, regions_stamped, step
from vr_app.core.view.view import ViewState

SIZE = (4000, 3000)
EYES = [PhotographRecord(f"{name}.jpg", SIZE, (2000.0, 1500.0), 1400.0, name * 64) for name in "ab"]
examples = settings(deadline=None, max_examples=80)


def session(count: int = 1) -> ViewState:
    view = ViewState.start(count)
    for index in range(count):
        view = photograph_arrived(view, index, EYES[index])
    return view


def after(view: ViewState, *intents) -> ViewState:
    for intent in intents:
        view = step(view, (intent,), 0.01)
    return view


def drag(x0: int, y0: int, x1: int, y1: int, image: int = 0) -> MarkRegion:
    return MarkRegion(Draft(image, (x0 / SIZE[0], y0 / SIZE[1]), (x1 / SIZE[0], y1 / SIZE[1])))


def rects(view: ViewState) -> list[Rect]:
    return [region.rect for region in view.regions.known]


@pytest.mark.parametrize("corners", [(100, 200, 400, 600), (400, 600, 100, 200), (100, 600, 400, 200)])
def test_what_was_dragged_becomes_a_region_of_its_photograph_and_is_chosen(corners):
    view = after(session(), drag(*corners))
    (region,) = view.regions.known
    assert region == Region("a" * 64, "a.jpg", Rect(100, 200, 300, 400))
    assert view.regions.chosen_region == region


@examples
@given(*(st.floats(-2, 3) for _ in range(4)))
def test_a_region_holds_every_pixel_dragged_over_and_stays_in_its_photograph(a, b, c, d):
    rect = drafted(Draft(0, (a, b), (c, d)), SIZE)
    whole = Rect(0, 0, *SIZE)
    assert rect.empty or whole.contains(rect)
    for low, high, first, end, side in ((a, c, rect.x, rect.right, 4000), (b, d, rect.y, rect.bottom, 3000)):
        low, high = (min(side, max(0, x * side)) for x in sorted((low, high)))
        assert first <= low + 1e-3
        assert first + 1 > low - 1e-3 or first == side
        assert end == first or high - 1e-3 <= end < high + 1


@pytest.mark.parametrize(
    "corners", [(100, 100, 103, 400), (100, 100, 100, 100), (-900, 100, -100, 900), (math.nan, 100, 400, 400)]
)
def test_a_tap_or_a_drag_that_is_nowhere_marks_nothing(corners):
    assert not after(session(), drag(*corners)).regions.known


def test_the_same_again_is_not_there_twice():
    view = after(session(), drag(100, 200, 400, 600), drag(700, 200, 900, 600), drag(100, 200, 400, 600))
    assert len(view.regions.known) == 2
    assert view.regions.chosen == 0


@pytest.mark.parametrize("zoom", [1.0, 5.0])
def test_marking_the_view_takes_what_is_seen_but_for_a_rim_that_shows_the_outline(zoom):
    view = after(session(), LookAt(SurfaceKind.PANEL, (0.5, 0.5), zoom), MarkView())
    (rect,) = rects(view)
    assert rect.w == pytest.approx(OF_VIEW * SIZE[0] / zoom, abs=2)
    assert rect.h == pytest.approx(OF_VIEW * SIZE[1] / zoom, abs=2)
    assert rect.x + rect.w / 2 == pytest.approx(2000, abs=1)


def test_names_go_round_the_list_or_are_given():
    view = after(session(), drag(100, 200, 400, 600))
    seen = []
    for _ in Kind:
        view = after(view, NameRegion())
        seen.append(view.regions.chosen_region.kind)
    assert sorted(seen) == sorted(Kind)
    assert seen[-1] is Kind.OTHER
    view = after(view, NameRegion(Kind.MACULA), NoteRegion("  soft\ndrusen? "))
    assert view.regions.chosen_region.kind is Kind.MACULA
    assert view.regions.chosen_region.note == "soft drusen?"


def test_without_a_chosen_region_there_is_nothing_to_name_or_delete():
    view = session()
    assert after(view, NameRegion(), DeleteRegion(), NoteRegion("x"), GoToRegion(1), NextRegion()).regions == (
        view.regions
    )


def test_what_was_deleted_comes_back_by_undo_and_each_mark_is_a_move_of_its_own():
    view = after(session(), drag(100, 200, 400, 600), drag(700, 200, 900, 600), GoToRegion(1), DeleteRegion())
    assert rects(view) == [Rect(700, 200, 200, 400)]
    assert view.regions.chosen is None
    view = after(view, Undo())
    assert rects(view) == [Rect(100, 200, 300, 400), Rect(700, 200, 200, 400)]
    view = after(view, Undo(), Undo())
    assert rects(view) == [Rect(100, 200, 300, 400)]
    assert rects(after(view, Undo())) == []


def test_jumping_fills_the_surface_with_the_region_and_undo_leads_back():
    view = after(session(2), drag(1000, 600, 1400, 900), drag(100, 200, 300, 220, image=1))
    there = after(view, NextRegion())
    assert (there.active, there.regions.chosen) == (0, 0)
    assert there.front.center == pytest.approx((1200 / 4000, 750 / 3000))
    assert there.front.zoom == pytest.approx(FILLS / 0.1)
    other = after(there, NextRegion())
    assert (other.active, other.regions.chosen) == (1, 1)
    assert other.front.center == pytest.approx((200 / 4000, 210 / 3000))
    assert after(other, NextRegion()).regions.chosen == 0
    back = after(other, Undo())
    assert (back.active, back.front) == (0, there.front)


def test_a_number_counts_the_front_photographs_own_regions():
    view = after(session(2), drag(100, 200, 400, 600, image=1), drag(1000, 600, 1400, 900))
    view = after(view, GoToRegion(1))
    assert view.regions.chosen_region.rect == Rect(1000, 600, 400, 300)
    assert after(view, GoToRegion(2), GoToRegion(0)).regions.chosen == view.regions.chosen


def test_going_to_a_number_that_is_not_there_stays_where_a_region_of_an_absent_photograph_is_chosen():
    view = session()
    absent = Region("c" * 64, "c.jpg", Rect(0, 0, 100, 100))
    view = replace(view, regions=replace(view.regions, known=(absent,), chosen=0))
    there = after(view, GoToRegion(7))
    assert (there.active, there.front, there.regions.chosen_region) == (view.active, view.front, absent)


def numbers(view: ViewState) -> list[int]:
    return [region.number for region in view.regions.known]


def test_a_regions_number_is_its_own_whatever_becomes_of_others():
    view = after(session(), *(drag(x, 200, x + 200, 600) for x in (100, 700, 1300)))
    assert numbers(view) == [1, 2, 3]
    view = after(view, GoToRegion(1), NameRegion(Kind.DISC), GoToRegion(2), DeleteRegion())
    assert numbers(view) == [1, 3]
    view = after(view, GoToRegion(3))
    assert view.regions.chosen_region.rect.x == 1300
    assert after(view, GoToRegion(2)).regions.chosen == view.regions.chosen
    view = after(view, DeleteRegion(), drag(2000, 200, 2200, 600))
    assert numbers(view) == [1, 4]
    again = after(view, Undo(), drag(2500, 200, 2700, 600))
    assert numbers(again) == [1, 5]


def test_kept_regions_keep_their_numbers_and_numbers_given_before_are_not_given_again():
    view = after(session(), drag(100, 200, 400, 600))
    kept = Region("a" * 64, "a.jpg", Rect(1, 2, 30, 40), number=1)
    view = regions_arrived(view, [kept], (("a" * 64, 7),))
    assert {region.rect.x: region.number for region in view.regions.known} == {1: 1, 100: 8}
    assert numbers(after(view, drag(700, 200, 900, 600))) == [8, 1, 9]


def test_a_region_never_needs_more_zoom_than_its_photograph_allows():
    view = after(session(), drag(1000, 600, 1005, 605), GoToRegion(1))
    assert view.front.zoom == view.largest_zoom(0)


def test_the_next_drag_marks_once():
    view = after(session(), ArmMarking(True))
    assert view.regions.armed
    assert not after(view, drag(100, 200, 400, 600)).regions.armed


def test_regions_kept_from_before_are_there_once_and_undoing_leaves_them():
    kept = Region("a" * 64, "old.jpg", Rect(1, 2, 30, 40), Kind.DISC, made="2026-01-01T00:00:00+00:00")
    view = after(session(), drag(100, 200, 400, 600))
    view = regions_arrived(regions_arrived(view, [kept]), [kept, kept])
    assert rects(view) == [Rect(100, 200, 300, 400), kept.rect]
    assert after(view, Undo()).regions.known == (kept,)


def test_time_is_entered_once_and_undoing_keeps_it():
    view = regions_stamped(after(session(), drag(100, 200, 400, 600)), "then")
    view = after(view, drag(700, 200, 900, 600))
    assert view.regions.unstamped
    view = regions_stamped(view, "now")
    assert [region.made for region in view.regions.known] == ["then", "now"]
    assert [region.made for region in after(view, Undo()).regions.known] == ["then"]


def test_a_region_belongs_to_its_file_whatever_its_name():
    renamed = replace(EYES[0], name="renamed.jpg")
    view = photograph_arrived(ViewState.start(1), 0, renamed)
    view = regions_arrived(view, [Region("a" * 64, "a.jpg", Rect(1, 2, 30, 40))])
    assert view.regions.of(view.record) == (0,)


def test_blinking_is_slow_enough_to_hurt_nobody():
    assert after(session(), BlinkRegion(True)).regions.blinking
    assert 1 / (2 * BLINK) < 1.0
