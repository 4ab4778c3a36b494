"""The words of a window: in strips below the photographs and in its corners, never on one another."""

import math
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest

from tests.vr_app.core.scene.test_words import WARNING_TEXT
from vr_app.core.scene.scene import PLATE_X, PLATE_Y, LabelItem, SurfaceItem
from vr_app.core.scene.window_words import nice_length, window_labels
from vr_app.core.scene.words import AI_COLOR, LEGEND, Status, degree, details, flat_in_window, hint, titles
from vr_app.core.tiles.departure import Departure
from vr_app.core.tiles.page_table import NO_SLOT, PageWindow
from vr_app.core.view.desk import Desk
from vr_app.core.view.intent import SetCompare, ShowLayout, ShowPixels, SwitchSurface, Zoom
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import place
from vr_app.core.view.step import desk_changed, photograph_arrived, step
from vr_app.core.view.view import ViewState
from vr_app.gl.text import line

WINDOWS = [(1280, 800), (800, 800), (640, 480), (640, 1000), (2560, 1080), (3840, 2160)]
LAYOUTS = {
    "one": (1, ShowLayout(Layout.ONE)),
    "row of 2": (2, ShowLayout(Layout.ROW)),
    "row of 9": (9, ShowLayout(Layout.ROW)),
    "pair": (2, SetCompare(Compare.SIDE)),
    "swipe": (2, SetCompare(Compare.SWIPE)),
    "blink": (2, SetCompare(Compare.BLINK)),
    "wall of 30": (30, ShowLayout(Layout.WALL)),
    "retina": (1, SwitchSurface()),
}
NAMES = ["{}.jpg", "Mrs_Miller_right_eye_2024-11-22_follow-up_visit_{}.jpg"]


def shown(window: tuple[int, int], count: int, *intents: object, names: str = "{}.jpg") -> tuple[ViewState, tuple]:
    """A view in a window, and its surfaces, all of them computed."""
    view = desk_changed(ViewState.start(count), Desk(window))
    for index in range(count):
        size = 1000 + 400 * (index % 3), 1000
        record = PhotographRecord(names.format(index), size, (size[0] / 2, 500.0), 480.0)
        view = photograph_arrived(view, index, record)
    view = step(view, intents, 0.1)
    entries = np.zeros((2, 2, 8), np.int16)
    entries[..., 0:4] = 1, 2, NO_SLOT, 0
    pages = PageWindow(2, 0, 0, entries, (0, -3))
    items = tuple(
        SurfaceItem(item.surface, view.images[item.image], (1000, 1000), pages, item.image, item.words)
        for item in place(view)
        if item.shown
    )
    return view, items


def told(view: ViewState, items: tuple[SurfaceItem, ...], **more: object) -> tuple[LabelItem, ...]:
    count = len(view.images)
    known = {"titles": titles(view), "hint": hint(view), "computing": frozenset(range(count))}
    known |= {"invented": {i: Departure(11.8, restored=2.5, agrees=True) for i in range(count)}}
    return window_labels(items, view.active, Status(**known | more), view.desk)


def box(label: LabelItem, desk: Desk) -> np.ndarray:
    """Left, top, right and bottom of a label's plate, in pixels of the window."""
    wide, em = label.wide or line(label.text).advance, label.height / desk.pixel
    beyond = 0.0 if label.wide else PLATE_X
    x, y = desk.place(label.pose.position)
    left = x - (label.align * wide + beyond) * em
    return np.array([left, y - PLATE_Y * em, left + (wide + 2 * beyond) * em, y + PLATE_Y * em])


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("names", NAMES)
def test_no_words_of_a_window_lie_on_others_or_beyond_its_edge(window, name, names):
    view, items = shown(window, *LAYOUTS[name], names=names)
    beside = {i: details(view, i) for i in flat_in_window(view)}, {i: degree(view, i) for i in flat_in_window(view)}
    for more in ({}, {"original": True}, {"unavailable": frozenset(range(30))}):
        more |= dict(zip(("details", "degrees"), beside, strict=True))
        more |= {"caption": "One of the longest captions that anybody will ever write " * 3} if "one" in name else {}
        found = told(view, items, notices=("a.jpg: not found",), recording=True, adjusted="red-free", **more)
        assert WARNING_TEXT in {label.text for label in found}
        boxes = [(label, box(label, view.desk)) for label in found]
        for label, (left, top, right, bottom) in boxes:
            assert left > -0.1, label.text
            assert top > -0.1, label.text
            assert right < window[0] + 0.1, label.text
            assert bottom < window[1] + 0.1, label.text
        for (one, a), (other, b) in combinations(boxes, 2):
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] + 0.5 or b[3] <= a[1] + 0.5
            assert apart or "< >" in (one.text, other.text), (one.text, other.text)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "retina"])
def test_what_is_always_told_covers_no_photograph(window, name):
    view, items = shown(window, *LAYOUTS[name])
    found = told(view, items)
    assert hint(view) or len(found) >= 1 + 2 * len(items)
    for label in found:
        if label.text in (hint(view), "< >") or (label.text == WARNING_TEXT and len(items) > 4):
            continue
        left, top, right, bottom = box(label, view.desk)
        for cell in view.cells:
            beside = right <= cell.left or left >= cell.left + cell.width
            assert beside or bottom <= cell.top or top >= cell.top + cell.height - 0.1, label.text


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_photograph_tells_what_it_is_and_its_name_large_enough_to_read(window, name):
    view, items = shown(window, *LAYOUTS[name])
    found = told(view, items)
    for item in items:
        assert any(f"{item.photograph}.jpg" in label.text for label in found)
    assert sum(label.text.startswith("AI x4") and label.color == AI_COLOR for label in found) == len(items)
    for label in found:
        assert label.height / view.desk.pixel >= 13.9 or label.text == "< >", label.text


def test_figures_give_way_to_names_and_names_are_shortened():
    view, items = shown((1280, 800), *LAYOUTS["wall of 30"], names=NAMES[1])
    texts = [label.text for label in told(view, items, computing=frozenset())]
    assert not any("invents" in text for text in texts)
    assert sum("..." in text for text in texts) == 12
    view, items = shown((1280, 800), *LAYOUTS["one"], names=NAMES[1])
    texts = [label.text for label in told(view, items)]
    assert any("invents 11.8" in text for text in texts)
    assert NAMES[1].format(0) in texts


def test_of_the_camera_and_its_name_the_name_stays():
    view, items = shown((1280, 800), *LAYOUTS["wall of 30"], names="12_h_{}.jpg")
    plain = tuple(replace(item, pages=PageWindow(0, 0, 0, np.zeros((2, 2, 8), np.int16), (0, -3))) for item in items)
    texts = [label.text for label in told(view, plain, computing=frozenset())]
    assert texts.count("Photograph") == 11  # the last one has little room beside what stands in the corner
    assert {f"12_h_{n}.jpg" for n in range(12)} <= set(texts)


def test_beside_the_name_stand_the_eye_the_size_and_the_place_as_far_as_there_is_room():
    view, items = shown((1280, 800), *LAYOUTS["one"], names="{}_OD.jpg")
    texts = [label.text for label in told(view, items, details={0: details(view, 0)})]
    fit = min(1274 / 1000, (800 - Desk((1280, 800)).strip - 3) / 1000)
    assert f"0_OD.jpg · right eye · {100 * fit:.0f} %" in texts
    view, items = shown((1280, 800), *LAYOUTS["row of 9"])
    view = step(view, (ShowPixels(),), 0.1)
    assert details(view, 0) == ("100 %", "1 of 9")
    texts = [label.text for label in told(view, items, details={i: details(view, i) for i in range(4)}, computing=())]
    assert "0.jpg · 100 % · 1 of 9" in texts
    view, items = shown((1280, 800), *LAYOUTS["wall of 30"], names="12_h_{}.jpg")
    texts = [label.text for label in told(view, items, details={i: details(view, i) for i in range(30)})]
    assert {f"12_h_{n}.jpg" for n in range(11)} <= {text.split(" · ")[0] for text in texts}


def test_a_picture_coarser_than_the_photograph_says_that_it_is_loading():
    for name in ("one", "wall of 30"):
        view, items = shown((1280, 800), *LAYOUTS[name])
        plain = tuple(
            replace(item, pages=PageWindow(0, 0, 0, np.zeros((2, 2, 8), np.int16), (0, -3))) for item in items
        )
        for more in ({}, {"original": True}):
            found = told(view, plain, computing=frozenset(), loading=frozenset(range(30)), **more)
            assert sum("loading" in label.text for label in found) == len(items)
            assert not any("hotograph" in label.text and "loading" not in label.text for label in found)


def test_a_cell_without_anything_of_its_photograph_says_what_is_loading():
    view, items = shown((1280, 800), *LAYOUTS["wall of 30"])
    found = told(view, items[:2], coming=tuple((cell, f"{n}.jpg") for n, cell in enumerate(view.cells) if n > 1))
    words = {label.text: box(label, view.desk) for label in found if label.text.startswith("loading")}
    assert list(words) == [f"loading {n}.jpg" for n in range(2, 12)]
    for (left, top, right, bottom), cell in zip(words.values(), view.cells[2:], strict=True):
        assert cell.left < left < right < cell.left + cell.width
        assert cell.top < top < bottom < cell.bottom


@pytest.mark.parametrize(
    ("per_unit", "most", "units"), [(10.0, 99, 5), (10.0, 101, 10), (70.0, 140, 2), (900, 140, 0.1)]
)
def test_a_scale_bar_spans_a_round_number_of_units(per_unit, most, units):
    found, long = nice_length(per_unit, most)
    assert found == pytest.approx(units)
    assert long == pytest.approx(units * per_unit)
    assert nice_length(0.0, most) is None


@pytest.mark.parametrize("zoom", [1.0, 3.0])
def test_the_scale_bar_is_as_long_as_the_angle_that_it_names(zoom):
    view, items = shown((1280, 800), *LAYOUTS["one"])
    view = step(view, (Zoom(0, (0.5, 0.5), math.log2(zoom)),), 0.1)
    found = told(view, items, degrees={0: degree(view, 0)}, computing=frozenset(), invented={})
    (bar,) = (label for label in found if label.wide)
    (angle,) = (float(label.text[:-1]) for label in found if label.text.endswith("°"))
    whole_field = 2 * 480 * zoom * view.fit(0)  # of 45 degrees, in pixels of the window
    assert bar.wide * bar.height / view.desk.pixel == pytest.approx(whole_field * angle / 45)
    assert 40 < bar.wide * bar.height / view.desk.pixel <= 10 * 14


def test_what_only_sometimes_is_told_stands_in_the_corners():
    view, items = shown((1280, 800), *LAYOUTS["one"])
    found = told(view, items, caption="The disc", recording=True, adjusted="red-free", notices=("a.jpg: not found",))
    places = {label.text: box(label, view.desk) for label in found}
    assert places["The disc"][:2] == pytest.approx([0, 0], abs=2)
    assert places["recording a tour"][2] == pytest.approx(1280, abs=2)
    assert places["recording a tour"][1] < 3
    for text in ("Adjusted: red-free", "a.jpg: not found"):
        assert places[text][0] == pytest.approx(0, abs=2)
        assert 700 < places[text][1] < 780


def test_the_legend_is_in_one_line_and_its_parts_apart():
    view, items = shown((640, 480), *LAYOUTS["one"])
    found = [label for label in told(view, items, legend=True) if label.text in {text for _, text, _ in LEGEND}]
    assert len(found) == len(LEGEND)
    assert len({round(label.pose.position[1], 6) for label in found}) == 1
    ends = sorted(box(label, view.desk)[[0, 2]].tolist() for label in found)
    assert ends[-1][1] <= 640
    assert all(one[1] < other[0] + PLATE_X * 14 for one, other in pairwise(ends))  # plates may meet


@pytest.mark.parametrize("window", WINDOWS)
def test_the_help_fits_the_window(window):
    view, items = shown(window, *LAYOUTS["one"])
    found = told(view, items, help=True)
    for label in found:
        left, top, right, bottom = box(label, view.desk)
        assert left > -0.1
        assert right < window[0] + 0.1
        assert top > -0.1
        assert bottom < window[1] + 0.1


def test_the_front_photograph_of_several_is_told_by_its_name():
    view, items = shown((1280, 800), *LAYOUTS["row of 9"])
    names = {label.text: label.color for label in told(view, items) if label.text.endswith(".jpg")}
    assert names["0.jpg"] != names["1.jpg"] == names["2.jpg"]
    assert hint(view) == "page 1 of 3"
