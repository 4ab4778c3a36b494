"""The cursor's shape says what a press would do."""

import numpy as np
import pytest

from sr_core.image.geometry import Rect
from vr_app.core.hands.cursor import Cursor, cursor_for
from vr_app.core.hands.marks import Mark
from vr_app.core.hands.sample import HandSample
from vr_app.core.space.pose import Ray
from vr_app.core.space.surface import ImageView
from vr_app.core.view.desk import Desk
from vr_app.core.view.intent import ArmMarking, MarkView, SetCompare, ShowLayout
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import place, within_reach
from vr_app.core.view.step import desk_changed, photograph_arrived, step
from vr_app.core.view.view import ViewState, with_image

DESK = Desk((800, 600))


def shown(count: int, *intents: object) -> ViewState:
    view = desk_changed(ViewState.start(count), DESK)
    for index in range(count):
        view = photograph_arrived(view, index, PhotographRecord(f"{index}.jpg", (900, 900), (450.0, 450.0), 440.0))
    return step(view, intents, 0.1)


def over(view: ViewState, x: float, y: float, marks: tuple[Mark, ...] = (), grip: float = 0.0) -> Cursor:
    along = np.array(DESK.at(x, y))
    along /= np.linalg.norm(along)
    hand = HandSample(Ray((0.0, 0.0, 0.0), tuple(along.tolist())), grip=grip)
    return cursor_for(hand, view, within_reach(place(view)), lambda: marks)


def test_a_whole_photograph_does_not_move_and_a_magnified_one_does():
    view = shown(1)
    assert over(view, 400, 300) is Cursor.ARROW
    near = with_image(view, 0, ImageView((0.5, 0.5), 3.0))
    assert over(near, 400, 300) is Cursor.MOVE
    assert over(near, 400, 595) is Cursor.ARROW  # the strip of text
    assert cursor_for(HandSample(), near, within_reach(place(near)), tuple) is Cursor.ARROW


def test_marking_has_a_cross():
    view = shown(1)
    assert over(view, 400, 300, grip=1.0) is Cursor.MARK
    assert over(step(view, (ArmMarking(True),), 0.0), 400, 300) is Cursor.MARK


def test_another_photograph_comes_forward_by_a_press():
    view = shown(6, ShowLayout(Layout.WALL))
    assert over(view, 60, 100) is Cursor.CHOOSE
    row = shown(2, ShowLayout(Layout.ROW))
    assert over(row, 200, 250) is Cursor.ARROW
    assert over(row, 600, 250) is Cursor.CHOOSE
    pair = shown(2, SetCompare(Compare.SIDE))
    assert over(pair, 600, 250) is Cursor.ARROW


def test_the_divider_moves_across():
    view = shown(2, SetCompare(Compare.SWIPE))
    assert over(view, 400, 250) is Cursor.ACROSS
    assert over(view, 300, 250) is not Cursor.ACROSS


@pytest.mark.parametrize("chosen", [True, False])
def test_a_region_is_chosen_moved_or_resized(chosen):
    view = shown(1, MarkView())
    (item,) = place(view)
    across, down = item.surface.extent()
    box = (-0.2 * across, -0.1 * down, 0.2 * across, 0.1 * down)
    mark = Mark(0, 1, Rect(270, 360, 360, 180), chosen, box, None, (float(across), float(down)), DESK.pixel)

    def at(u: float, v: float) -> Cursor:
        x, y = DESK.place(item.surface.point(np.array((u, v))))
        return over(view, x, y, (mark,))

    assert at(0.0, 0.0) is Cursor.ARROW  # inside, the photograph is meant
    assert at(0.0, -0.1) is (Cursor.MOVE if chosen else Cursor.CHOOSE)
    assert at(-0.2, -0.1) is (Cursor.FALLING if chosen else Cursor.CHOOSE)
    assert at(0.2, -0.1) is (Cursor.RISING if chosen else Cursor.CHOOSE)
