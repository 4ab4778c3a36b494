"""How photographs stand in a window: flat and filling it, however large it is, and wherever one zooms and pans."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.vr_app.core.hands.test_hands import DT, Session
from vr_app.core.hands.hand import pointed_at
from vr_app.core.hands.keys import meant
from vr_app.core.hands.sample import HandSample
from vr_app.core.space.pose import Eye, Pose, Ray
from vr_app.core.space.surface import ImageView, photograph_uv
from vr_app.core.view.desk import Desk
from vr_app.core.view.intent import (
    ArmMarking,
    BringForward,
    GoBack,
    GoToRegion,
    MarkRegion,
    Moved,
    MovePanel,
    NextImage,
    Pan,
    Pick,
    SetCompare,
    SetLink,
    ShowHelp,
    ShowPixels,
    SwitchSurface,
    Undo,
    Zoom,
)
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare, Link
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import Placed, place
from vr_app.core.view.region import Draft
from vr_app.core.view.step import desk_changed, photograph_arrived, step
from vr_app.core.view.view import ViewState

examples = settings(deadline=None, max_examples=60)

SQUARE, WIDE, TALL = (2000, 2000), (3504, 2336), (900, 1300)
WINDOWS = [(1280, 800), (800, 800), (600, 1000), (2560, 1080), (3840, 2160)]

windows = st.tuples(st.integers(480, 4000), st.integers(480, 4000))
sizes = st.tuples(st.integers(200, 6000), st.integers(200, 6000))
spots = st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0))


def shown(window: tuple[int, int], *photographs: tuple[int, int], layout: Layout = Layout.ROW) -> ViewState:
    view = desk_changed(ViewState.start(len(photographs), layout=layout), Desk(window))
    for index, size in enumerate(photographs):
        record = PhotographRecord(
            f"{index}.jpg", size, (size[0] / 2, size[1] / 2), min(size) / 2, sha256=f"{index:064}"
        )
        view = photograph_arrived(view, index, record)
    return view


def after(view: ViewState, *intents: object) -> ViewState:
    for intent in intents:
        view = step(view, (intent,), DT)
    return view


def in_pixels(view: ViewState, points: np.ndarray) -> np.ndarray:
    """Where world points (n, 3) are seen in the window, in pixels from its upper left corner."""
    eye = view.desk.eye
    left, right, up, down = eye.fov.tangents()
    x, y = (points[:, :2] / -points[:, 2:]).T
    return np.stack([(x - left) / (right - left) * eye.size[0], (y - up) / (down - up) * eye.size[1]], axis=-1)


def box(view: ViewState, item: Placed, photograph: bool = False) -> np.ndarray:
    """Left, top, right, bottom of a panel in the window, in pixels; or of its photograph, which may lie beyond."""
    corners = np.array(item.panel.bounds).reshape(2, 2)
    if photograph:
        image = view.images[item.image]
        corners = (np.array([(0.0, 0.0), (1.0, 1.0)]) - image.center) * image.zoom
    return in_pixels(view, item.panel.point(corners)).ravel()


def pointing(view: ViewState, x: float, y: float) -> Ray:
    """The ray through a place of the window."""
    return Ray((0.0, 0.0, 0.0), tuple(view.desk.eye.rays(x, y).tolist()))


def seen_at(view: ViewState, x: float, y: float) -> np.ndarray:
    """The photograph's pixel under a place of the window."""
    for item in place(view):
        s, _ = item.surface.hit(np.zeros(3), view.desk.eye.rays(x, y))
        if np.isfinite(s).all():
            image = view.images[item.image]
            return photograph_uv(s, image.center, image.zoom) * view.record_of(item.image).size
    raise AssertionError("nothing is there")


# What fills the window.


@examples
@given(windows, sizes)
def test_a_whole_photograph_lies_in_the_middle_and_is_as_large_as_the_window_allows(window, size):
    view = shown(window, size)
    (item,) = place(view)
    left, top, right, bottom = box(view, item, photograph=True)
    strip = view.desk.strip
    assert left + right == pytest.approx(window[0], abs=0.01)
    assert top + bottom == pytest.approx(window[1] - strip + 3, abs=0.01)
    assert max((right - left) / window[0], (bottom - top) / (window[1] - strip)) > 0.985
    assert (right - left) / (bottom - top) == pytest.approx(size[0] / size[1])
    assert view.images[0] == ImageView()


@pytest.mark.parametrize("window", [*WINDOWS, (640, 480), (480, 480), (460, 900)])
def test_a_square_photograph_takes_95_percent_of_the_shorter_side(window):
    view = shown(window, SQUARE)
    left, top, right, bottom = box(view, place(view)[0], photograph=True)
    assert right - left == pytest.approx(bottom - top)
    assert right - left >= 0.95 * min(window)


@examples
@given(windows, sizes, st.floats(1.0, 8.0), spots)
def test_what_is_magnified_takes_the_whole_window_as_far_as_the_photograph_goes(window, size, zoom, spot):
    view = shown(window, size)
    view = after(view, Zoom(0, spot, np.log2(zoom)))
    (item,) = place(view)
    left, top, right, bottom = box(view, item)
    assert left <= 3.01
    assert right >= window[0] - 3.01
    assert top <= 3.01
    assert bottom >= window[1] - view.desk.strip - 1.01
    # Nowhere in it is the photograph cut off before its own end.
    there = box(view, item, photograph=True)
    whole = box(shown(window, size), place(shown(window, size))[0], photograph=True)
    assert (there[:2] <= whole[:2] + 0.01).all()
    assert (there[2:] >= whole[2:] - 0.01).all()


@examples
@given(windows, st.lists(sizes, min_size=1, max_size=30), st.sampled_from([Layout.ROW, Layout.WALL]))
def test_cells_lie_flat_apart_and_within_the_window_each_with_room_for_its_text(window, photographs, layout):
    view = shown(window, *photographs, layout=layout)
    items = place(view)
    assert len(items) == min(len(photographs), 4 if layout is Layout.ROW else 12)
    taken = []
    for item in items:
        assert item.panel.pose.orientation == (0.0, 0.0, 0.0, 1.0)
        assert item.panel.pose.position[2] == -2.0
        assert item.panel.bend == 0.0
        left, top, right, bottom = box(view, item)
        taken.append((left, top, right, bottom + view.desk.strip))
        assert left > 2.9
        assert top > 2.9
        assert right < window[0] - 2.9
        assert bottom + view.desk.strip < window[1] + 0.01
        inside = box(view, item, photograph=True)
        assert (inside[:2] >= (left - 0.01, top - 0.01)).all()
        assert (inside[2:] <= (right + 0.01, bottom + 0.01)).all()
    for n, a in enumerate(taken):
        for b in taken[:n]:
            assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]


@pytest.mark.parametrize(
    ("window", "count", "columns"),
    [((1280, 800), 2, 2), ((600, 1000), 2, 1), ((1280, 800), 4, 2), ((2560, 720), 4, 4), ((500, 1800), 4, 1)],
)
def test_cells_are_divided_as_the_windows_shape_asks(window, count, columns):
    view = shown(window, *[WIDE] * count)
    tops = {round(box(view, item)[1]) for item in place(view)}
    assert len(tops) == count // columns


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("count", [2, 4])
def test_photographs_side_by_side_fill_the_window(window, count):
    """The rest of it is what their proportions leave, and text: no other way to divide it makes them larger."""
    view = shown(window, *[(1500, 1200)] * count)
    _, top, _, bottom = box(view, place(view)[0], photograph=True)
    best = max(
        min(window[0] / columns / 1.25, window[1] / -(-count // columns) - view.desk.strip)
        for columns in range(1, count + 1)
    )
    assert bottom - top >= best - 20


@pytest.mark.parametrize("window", [(1280, 800), (700, 700), (640, 900)])
def test_the_field_of_view_fills_the_window_on_the_retina_too(window):
    view = after(shown(window, SQUARE), SwitchSurface())
    (item,) = place(view)
    angles = np.linspace(0, 2 * np.pi, 60)
    rim = in_pixels(view, item.surface.point(np.stack([np.cos(angles), np.sin(angles)], axis=-1) / 2))
    room = np.array([window[0] - 6, window[1] - view.desk.strip - 3])
    assert np.ptp(rim, axis=0) == pytest.approx([room.min()] * 2, abs=1.0)
    assert (rim > 0).all()
    assert (rim < (window[0], window[1] - view.desk.strip + 0.5)).all()


def test_panels_that_hands_have_moved_stand_in_their_cells():
    view = after(shown((1280, 800), SQUARE), MovePanel(0, Moved(Pose((1.0, 0.5, -1.0)), 0.5)))
    assert place(view) == place(shown((1280, 800), SQUARE))


def test_around_the_viewer_nothing_has_changed():
    view = shown((1280, 800), SQUARE, WIDE)
    back = desk_changed(view, None)
    plain = ViewState.start(2)
    for index in range(2):
        plain = photograph_arrived(plain, index, view.record_of(index))
    assert place(back) == place(plain)


# Zooming and panning.


@examples
@given(windows, sizes, st.data())
def test_what_is_under_the_cursor_stays_there_while_the_wheel_zooms_in(window, size, data):
    view = shown(window, size)
    left, top, right, bottom = box(view, place(view)[0], photograph=True)
    x, y = data.draw(st.floats(left + 1, right - 1)), data.draw(st.floats(top + 1, bottom - 1))
    session = Session(view)
    there = seen_at(view, x, y)
    for _ in range(data.draw(st.integers(1, 16))):
        session.frame(HandSample(pointing(view, x, y), zoom_steps=0.25))
        # To the pixel: pixel for pixel, the photograph's lie on the window's.
        assert seen_at(session.view, x, y) == pytest.approx(there, abs=0.71)
    assert session.view.images[0].zoom > 1.0


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("size", [SQUARE, WIDE, TALL, (300, 250)])
def test_the_wheel_stops_at_the_whole_photograph_and_pixel_for_pixel(window, size):
    view = shown(window, size)
    session = Session(view)
    cursor = pointing(view, window[0] / 2, window[1] / 2)
    passed = [1.0]
    for steps in (0.25, -0.25):
        while True:
            session.frame(HandSample(cursor, zoom_steps=steps))
            if session.view.images[0].zoom == passed[-1]:
                break
            passed.append(session.view.images[0].zoom)
    fit = view.fit(0)
    for scale in (1, 2, 4, 8):
        assert any(abs(zoom * fit / scale - 1) < 1e-9 for zoom in passed) or scale / fit > max(passed) + 1e-9
    assert any(abs(zoom - 1.0) < 1e-9 for zoom in passed[1:])
    assert min(passed) == pytest.approx(min(1.0, 1.0 / fit))  # no pixel is ever shown smaller to no purpose


@pytest.mark.parametrize("size", [SQUARE, WIDE, (300, 250)])
def test_notches_of_one_frame_lead_as_far_as_in_several(size):
    view = shown((1280, 800), size)
    cursor = pointing(view, 640, 390)
    for notches in range(-6, 7):
        together, apart = Session(view), Session(view)
        together.frame(HandSample(cursor, zoom_steps=0.25 * notches))
        for _ in range(abs(notches)):
            apart.frame(HandSample(cursor, zoom_steps=0.25 if notches > 0 else -0.25))
        assert together.view.images[0].zoom == pytest.approx(apart.view.images[0].zoom)


def test_the_wheel_zooms_beside_the_photograph_too():
    view = shown((1280, 800), SQUARE)
    session = Session(view)
    session.frame(HandSample(pointing(view, 20, 400), zoom_steps=1.0))
    assert session.view.images[0].zoom > 1.0
    assert session.view.images[0].center[0] < 0.5  # toward the edge that is nearest


@examples
@given(windows, sizes, spots, st.floats(-3, 3), st.floats(-3, 3), st.floats(0, 4))
def test_no_photograph_can_be_dragged_out_of_sight(window, size, uv, s_u, s_v, doublings):
    view = after(shown(window, size), Zoom(0, uv, doublings), Pan(0, uv, (s_u, s_v)))
    (item,) = place(view)
    there = box(view, item, photograph=True)
    whole = box(shown(window, size), place(shown(window, size))[0], photograph=True)
    assert (there[:2] <= whole[:2] + 0.51).all()
    assert (there[2:] >= whole[2:] - 0.51).all()


@examples
@given(windows, sizes, spots, st.integers(-300, 300), st.integers(-300, 300))
def test_pixel_for_pixel_the_photographs_pixels_lie_on_the_windows(window, size, uv, right, down):
    view = after(shown(window, size), Zoom(0, uv, 1.3), ShowPixels())
    assume(view.largest_zoom(0) >= 1 / view.fit(0))
    (item,) = place(view)
    left, top, far, low = box(view, item, photograph=True)
    assert (far - left, low - top) == pytest.approx(size, abs=1e-3)
    fits = size[0] <= window[0] - 6 and size[1] <= window[1] - view.desk.strip - 3
    for dragged in (view, after(view, Pan(0, seen_by(view, 0.0, 0.0), (right / size[0], down / size[1])))):
        cell = dragged.cells[0]
        x, y = cell.left + cell.width // 2 + 0.5, cell.top + cell.height // 2 + 0.5
        p = seen_at(dragged, x, y)
        assert p - np.floor(p) == pytest.approx([0.5, 0.5], abs=1e-3)
        assert seen_at(dragged, x + 1, y) - p == pytest.approx([1.0, 0.0], abs=1e-3)
        assert seen_at(dragged, x, y + 1) - p == pytest.approx([0.0, 1.0], abs=1e-3)
    if fits:
        assert left + far == pytest.approx(window[0], abs=1.01)


def seen_by(view: ViewState, s_u: float, s_v: float) -> tuple[float, float]:
    u, v = photograph_uv((s_u, s_v), view.images[0].center, view.images[0].zoom)
    return float(u), float(v)


def test_a_pair_is_shown_pixel_for_pixel_together_and_undone_at_once():
    view = after(shown((1280, 800), SQUARE, WIDE), SetCompare(Compare.SIDE), SetLink(Link.SAME))
    there = after(view, ShowPixels())
    for item in place(there):
        left, top, right, bottom = box(there, item, photograph=True)
        assert (right - left, bottom - top) == pytest.approx(there.record_of(item.image).size, abs=1e-3)
    assert after(there, Undo()).images == view.images


def test_around_the_viewer_there_is_no_pixel_for_pixel():
    view = desk_changed(shown((1280, 800), SQUARE), None)
    assert after(view, ShowPixels()).images == view.images


@examples
@given(windows, windows, sizes, spots)
def test_a_window_that_changes_its_size_keeps_what_was_chosen(one, other, size, spot):
    view = shown(one, size)
    assert desk_changed(view, Desk(other)).images[0] == ImageView()
    exact = after(view, Zoom(0, spot, 0.2), ShowPixels())
    if abs(exact.images[0].zoom * exact.fit(0) - 1) < 1e-9:
        again = desk_changed(exact, Desk(other))
        assert again.images[0].zoom * again.fit(0) == pytest.approx(min(1.0, again.largest_zoom(0) * again.fit(0)))
    near = after(view, Zoom(0, spot, 1.7))
    again = desk_changed(near, Desk(other))
    scale, now = near.images[0].zoom * near.fit(0), again.images[0].zoom * again.fit(0)
    assert now == pytest.approx(scale) or again.images[0].zoom in (1.0, again.largest_zoom(0))


# Two on one panel.


@pytest.mark.parametrize("window", [(1280, 800), (700, 900)])
def test_a_swipe_fills_the_window_and_its_divider_follows_the_cursor(window):
    view = after(shown(window, SQUARE, SQUARE), SetCompare(Compare.SWIPE))
    session = Session(view, 2)
    for part, x in ((0.5, 0.2), (0.2, 0.7), (0.7, 0.4)):
        left, right = place(session.view)
        a, b = box(session.view, left), box(session.view, right)
        assert a[0] == pytest.approx(3, abs=0.1)
        assert b[2] == pytest.approx(window[0] - 3, abs=0.1)
        assert a[2] == pytest.approx(b[0])
        assert (a[2] - a[0]) / (window[0] - 6) == pytest.approx(part, abs=1e-6)
        y = window[1] / 2
        session.frame(HandSample(pointing(view, a[2] - 2, y)))
        grabbed = a[2] - 2 if abs(a[2] - window[0] / 2) < 0.3 * min(window) else None
        if grabbed is None:  # the divider is beside the whole photographs, where no hand points at them
            session.view = after(session.view, Zoom(0, (0.5, 0.5), 2.0))
            grabbed = a[2] - 2
        for trigger, at in ((0.0, grabbed), (1.0, grabbed), (1.0, 3 + x * (window[0] - 6)), (0.0, 3)):
            session.frame(HandSample(pointing(view, at, y), trigger=trigger))
        assert session.view.pair.divider == pytest.approx(x, abs=1e-6)


@pytest.mark.parametrize("compare", [Compare.SWIPE, Compare.BLINK])
def test_on_one_panel_both_fields_of_view_lie_on_each_other_magnified_too(compare):
    view = after(shown((1280, 800), SQUARE, WIDE), SetCompare(compare), Zoom(0, (0.3, 0.6), 1.0))
    first, second = (next(item for item in place(view) if item.image == image) for image in (0, 1))
    for item in (first, second):
        record, image = view.record_of(item.image), view.images[item.image]
        s = (np.divide(record.field_center, record.size) - image.center) * image.zoom
        item_middle = in_pixels(view, item.panel.point(s[None]))[0]
        if item is first:
            middle = item_middle
        assert item_middle == pytest.approx(middle, abs=1e-6)
    bounds = [box(view, item) for item in (first, second)]
    together = np.minimum(*bounds)[:2], np.maximum(*bounds)[2:]
    assert np.concatenate(together) == pytest.approx([3, 3, 1277, 780], abs=1.0)


# What the mouse means.


def test_the_photograph_under_a_press_comes_to_the_front_and_is_dragged():
    view = shown((1280, 800), SQUARE, SQUARE)
    session = Session(after(view, Zoom(1, (0.5, 0.5), 2.0)), 2)
    session.frame(HandSample(pointing(view, 960, 400)))
    assert BringForward(1) in session.frame(HandSample(pointing(view, 960, 400), trigger=1.0))
    assert session.view.active == 1
    session.frame(HandSample(pointing(view, 900, 380), trigger=1.0))
    assert seen_at(session.view, 900, 380) == pytest.approx(seen_at(after(view, Zoom(1, (0.5, 0.5), 2.0)), 960, 400))
    assert session.view.images[0] == ImageView()


@pytest.mark.parametrize("armed", [False, True])
def test_the_middle_button_drags_and_does_nothing_else(armed):
    view = after(shown((1280, 800), SQUARE), Zoom(0, (0.5, 0.5), 2.0), ArmMarking(armed))
    session = Session(view)
    for x, trigger in ((600, 0.0), (600, 1.0), (640, 1.0), (640, 0.0)):
        session.frame(HandSample(pointing(view, x, 400), trigger=trigger, drags=trigger > 0))
    assert seen_at(session.view, 640, 400) == pytest.approx(seen_at(view, 600, 400))
    assert session.view.regions.known == ()
    session.view = shown((1280, 800), SQUARE)
    for _ in range(60):  # beside the photograph, where the left button shows the original
        session.frame(HandSample(pointing(view, 60, 400), trigger=1.0, drags=True))
        assert not session.view.original


def test_keys_zoom_about_the_middle_and_stop_where_the_wheel_does():
    view = shown((1280, 800), WIDE)
    for key in ("+", "ctrl+=", "+", "+"):
        view = step(view, meant((key,), view), DT)
    fit = view.fit(0)
    assert view.images[0].center == pytest.approx((0.5, 0.5), abs=1e-3)
    at = [np.log2(1 / fit), *(np.log2(1 / fit) + 0.5 * n for n in range(1, 8))]
    assert min(abs(np.log2(view.images[0].zoom) - stop) for stop in at) < 1e-6
    for key in ("-",) * 6:
        view = step(view, meant((key,), view), DT)
    assert view.images[0] == ImageView()
    assert step(view, meant(("y",), view), DT).images[0].zoom == pytest.approx(1 / fit)


def test_back_leads_out_step_by_step():
    view = shown((1280, 800), *[SQUARE] * 6, layout=Layout.WALL)
    view = after(view, Pick(3), Zoom(3, (0.2, 0.2), 2.0), ArmMarking(True), ShowHelp(True))
    view = after(view, GoBack())
    assert (view.settings.help, view.regions.armed) == (False, True)
    view = after(view, GoBack())
    assert not view.regions.armed
    assert view.images[3].zoom == 4.0
    view = after(view, GoBack())
    assert view.images[3] == ImageView()
    assert view.layout is Layout.ONE
    view = after(view, GoBack())
    assert (view.layout, view.active) == (Layout.WALL, 3)
    assert after(view, GoBack()) == replace(view, still_for=view.still_for + DT)


def test_a_row_turns_its_pages_with_the_front_photograph():
    view = shown((1280, 800), *[SQUARE] * 6)
    assert [item.image for item in place(view)] == [0, 1, 2, 3]
    for _ in range(4):
        view = after(view, NextImage())
    assert view.active == 4
    assert [item.image for item in place(view)] == [4, 5]
    assert view.page == (1, 2)
    assert [item.image for item in place(after(view, NextImage(-1)))] == [0, 1, 2, 3]


def test_a_photograph_has_its_cell_before_the_others_are_there():
    whole = place(shown((1280, 800), *[SQUARE] * 4))
    view = desk_changed(ViewState.start(4), Desk((1280, 800)))
    record = PhotographRecord("2.jpg", SQUARE, (1000.0, 1000.0), 1000.0)
    assert place(photograph_arrived(view, 2, record)) == (whole[2],)


def test_a_region_that_is_gone_to_takes_its_part_of_the_window():
    view = shown((1280, 800), SQUARE)
    view = after(view, MarkRegion(Draft(0, (0.4, 0.4), (0.7, 0.5))), GoToRegion(1))
    x, y = seen_at(view, 1000, 400) - seen_at(view, 280, 400)
    assert 720 / x * 0.3 * SQUARE[0] == pytest.approx(0.6 * 1274, rel=1e-3)
    assert y == pytest.approx(0.0, abs=1e-6)


def test_only_the_photograph_in_sight_is_pointed_at():
    view = shown((1280, 800), SQUARE)
    assert pointed_at(pointing(view, 60, 400), view, place(view)) is None
    assert pointed_at(pointing(view, 60, 400), view, place(view), beyond=True).uv[0] == 0.0
    assert pointed_at(pointing(view, 640, 795), view, place(view), beyond=True) is None  # the strip of text


def test_the_eye_of_a_window_sees_all_of_it():
    eye = Desk((1280, 800)).eye
    assert isinstance(eye, Eye)
    assert eye.size == (1280, 800)
    for x, y in ((0, 0), (1280, 800), (640, 400)):
        direction = eye.rays(x, y)
        assert Desk((1280, 800)).at(x, y) == pytest.approx((direction * 2 / -direction[2]).tolist(), abs=1e-9)
