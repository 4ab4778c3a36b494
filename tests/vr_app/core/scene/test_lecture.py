"""What a lecture hall's screen shows of a session in a headset."""

from dataclasses import replace

import numpy as np
import pytest

from vr_app.core.scene.lecture import lecture_rays, lecture_status, lecture_view
from vr_app.core.scene.scene import RayItem
from vr_app.core.scene.words import Status
from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import ImageView, photograph_uv
from vr_app.core.view.desk import Desk
from vr_app.core.view.intent import Pick, SetCompare, ShowLayout
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import place, within_reach
from vr_app.core.view.step import photograph_arrived, step
from vr_app.core.view.view import ViewState, with_image

SCREEN = Desk((1920, 1080), 2.0)
HAND = (0.2, -0.3, 0.1)


def headset(count: int, *intents: object) -> ViewState:
    view = ViewState.start(count)
    for index in range(count):
        record = PhotographRecord(f"{index}.jpg", (1500, 1000), (750.0, 500.0), 480.0)
        view = photograph_arrived(view, index, record)
    return step(view, intents, 0.1)


@pytest.mark.parametrize(
    ("count", "intents", "shown"),
    [
        (1, (), [0]),
        (3, (), [0]),
        (3, (ShowLayout(Layout.RETINA),), [0]),
        (3, (ShowLayout(Layout.WALL),), [0, 1, 2]),
        (3, (ShowLayout(Layout.WALL), Pick(2)), [2]),
        (2, (SetCompare(Compare.SIDE),), [0, 1]),
        (2, (SetCompare(Compare.SWIPE),), [0, 1]),
    ],
)
def test_the_screen_shows_what_the_teacher_looks_at(count, intents, shown):
    flat = lecture_view(headset(count, *intents), SCREEN)
    assert [item.image for item in place(flat)] == shown


def test_a_moved_panel_and_a_zoom_in_the_headset_leave_the_photograph_flat_in_the_screen():
    view = with_image(headset(1), 0, ImageView((0.3, 0.6), 4.0))
    flat = lecture_view(view, SCREEN)
    assert flat.images[0].zoom == 4.0
    assert flat.images[0].center == pytest.approx((0.3, 0.6))
    (item,) = place(flat)
    assert item.panel.pose.orientation == Pose().orientation


@pytest.mark.parametrize("layout", [Layout.ROW, Layout.WALL, Layout.RETINA])
@pytest.mark.parametrize("s", [(0.0, 0.0), (0.21, -0.13), (-0.3, 0.2)])
def test_the_ray_ends_at_the_same_point_of_the_photograph(layout, s):
    view = with_image(headset(2, ShowLayout(layout)), 0, ImageView((0.4, 0.55), 2.0))
    reach = within_reach(place(view))
    item = next(item for item in reach if item.image == 0)
    end = tuple(item.surface.point(np.array(s)).tolist())
    flat = lecture_view(view, SCREEN)
    placed = place(flat)
    (ray,) = lecture_rays([RayItem(HAND, end, True)], view, reach, flat, placed)
    there = next(item for item in placed if item.image == 0)
    along = np.asarray(ray.end) / np.linalg.norm(ray.end)
    met, _ = there.surface.hit(np.zeros(3), along)
    image, before = flat.images[0], view.images[0]
    assert photograph_uv(met, image.center, image.zoom) == pytest.approx(
        photograph_uv(np.array(s), before.center, before.zoom), abs=1e-6
    )
    assert SCREEN.place(ray.start)[1] > 1080  # from below the screen


def test_no_ray_is_shown_that_ends_on_something_before_the_photograph_or_beyond_the_screens_part():
    view = with_image(headset(1), 0, ImageView((0.5, 0.5), 3.0))
    reach = within_reach(place(view))
    (item,) = reach
    flat = lecture_view(view, SCREEN)
    middle = item.surface.point(np.array((0.0, 0.0)))
    halfway = tuple(((np.asarray(HAND) + middle) / 2).tolist())
    assert lecture_rays([RayItem(HAND, halfway, True)], view, reach, flat, place(flat)) == ()
    assert lecture_rays([RayItem(HAND, tuple(middle.tolist()), False)], view, reach, flat, place(flat)) == ()
    elsewhere = replace(flat, images=(ImageView((0.9, 0.9), 8.0),))
    assert lecture_rays([RayItem(HAND, tuple(middle.tolist()), True)], view, reach, elsewhere, place(elsewhere)) == ()


def test_what_concerns_the_teacher_alone_is_not_shown():
    status = Status(help=True, hint="Press H", notices=("a.jpg: not found",), recording=True, caption="The disc")
    assert lecture_status(status) == Status(caption="The disc")
