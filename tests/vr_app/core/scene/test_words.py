"""The words on the scene."""

import math
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vr_app.core.scene.overlay import LITTLE, MUCH, RESTORED_COLOUR
from vr_app.core.scene.scene import LabelItem, SurfaceItem
from vr_app.core.scene.words import (
    AI_COLOR,
    HELP,
    LEGEND,
    NOTICE_LENGTH,
    NOTICES,
    PLAIN,
    RESTORED,
    Status,
    hint,
    labels,
    shortened,
    texture_told,
    titles,
)
from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import ImageView, Panel, Retina, Surface
from vr_app.core.tiles.departure import Departure
from vr_app.core.tiles.page_table import NO_SLOT, PageWindow
from vr_app.core.view.intent import Moved, MovePanel, SetCompare, ShowLayout
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import place
from vr_app.core.view.step import photograph_arrived, step
from vr_app.core.view.view import ViewState
from vr_app.gl.text import line

PANEL = Panel(Pose((0.0, 0.0, -2.0)), 2.4, 1.6)
ASIDE = Panel(Pose.facing((-1.5, 0.0, -1.3), 0.85), 1.8, 1.2)
RETINA = Retina(Pose(), 2.0, 1.6, 1.2)
SURFACES = [PANEL, ASIDE, RETINA]
WARNING_TEXT = "Not for diagnosis"


def item(level: int, surface: Surface = PANEL, photograph: int = 0, fading: int | None = None) -> SurfaceItem:
    """A surface that shows tiles of `level`, over one of which another fades in."""
    entries = np.zeros((2, 2, 8), np.int16)
    entries[..., 0:4] = 1, min(level, 0), NO_SLOT, 0
    entries[0, 1, 1] = level
    if fading is not None:
        entries[1, 1, 2:5] = 3, fading, 1
    return SurfaceItem(surface, ImageView(), (1024, 512), PageWindow(level, 0, 0, entries, (0, -3)), photograph)


def texts(*items: SurfaceItem, front: int = 0, **status) -> list[str]:
    return [label.text for label in labels(items, front, Status(**status))]


def find(text: str, found: tuple[LabelItem, ...]) -> LabelItem:
    (label,) = (label for label in found if label.text == text)
    return label


@pytest.mark.parametrize("level", [-3, -1, 0])
def test_pixels_of_the_camera_are_called_photograph(level):
    assert texts(item(level)) == ["Photograph", WARNING_TEXT]


@pytest.mark.parametrize(("level", "badge"), [(1, "AI x2"), (2, "AI x4"), (3, "AI x8")])
def test_a_single_synthesised_tile_makes_the_badge_say_how_fine_it_is(level, badge):
    assert texts(item(level)) == [badge, WARNING_TEXT]
    assert find(badge, labels([item(level)], 0, Status())).color == AI_COLOR


def restored(there: bool, over: tuple[str, ...] = ()) -> SurfaceItem:
    """A photograph with the restored one in its place, where that is there, and further layers over it."""
    shown = item(0)
    entries = np.zeros((2, 2, 8), np.int16)
    entries[..., 0], entries[..., 2] = (5 if there else NO_SLOT), NO_SLOT
    windows = (PageWindow(0, 0, 0, entries, (0, -3), over=True), *(shown.pages for _ in over))
    return replace(shown, overlays=windows, over=("AI x1", *over), replaced=1)


def test_the_restored_photograph_is_never_called_photograph():
    figures = {0: Departure(0.0, restored=0.93)}
    assert texts(restored(True), invented=figures) == ["AI x1 · restores 0.9 levels", WARNING_TEXT]
    assert find("AI x1", labels([restored(True)], 0, Status())).color == AI_COLOR
    assert texts(restored(True, ("Vessels",)), invented=figures)[0] == "AI x1 · restores 0.9 levels + Vessels"
    assert texts(restored(False), invented=figures) == ["Photograph", WARNING_TEXT]
    assert texts(restored(True), invented=figures, original=True) == ["Original photograph", WARNING_TEXT]


@pytest.mark.parametrize(("levels", "told"), [(0.0, "0.0"), (1.84, "1.8"), (12.0, "12.0")])
def test_the_badge_says_how_many_grey_levels_are_invented(levels, told):
    assert texts(item(2), invented={0: Departure(levels)}) == [f"AI x4 · invents {told} levels", WARNING_TEXT]
    restored = {0: Departure(levels, restored=0.93)}
    assert texts(item(2), invented=restored) == [f"AI x4 · restores 0.9, invents {told} levels", WARNING_TEXT]


def test_a_restoring_networks_badge_says_that_it_does_not_agree_and_in_the_colour_of_warnings():
    found = labels([item(2)], 0, Status(invented={0: Departure(3.0, agrees=False)}))
    assert [label.text for label in found] == ["AI x4 restored", WARNING_TEXT, RESTORED]
    assert find(RESTORED, found).color == find(WARNING_TEXT, found).color


@pytest.mark.parametrize("texture", [0.25, 1.0])
def test_a_network_trained_to_look_sharp_says_so_where_its_pixels_are_seen(texture):
    told = texture_told(texture)
    assert f"Texture {texture:g}" in told
    assert texts(item(2), texture=texture) == ["AI x4", WARNING_TEXT, told]
    assert texts(item(0), texture=texture) == ["Photograph", WARNING_TEXT]
    assert texts(item(2), texture=texture, original=True) == ["Original photograph", WARNING_TEXT]
    both = [item(2), item(1, ASIDE, 1)]
    assert [label.text for label in labels(both, 0, Status(texture=texture))].count(told) == 2


@pytest.mark.parametrize("agrees", [True, False])
def test_where_no_computed_pixel_is_seen_nothing_is_said_to_be_invented(agrees):
    invented = {0: Departure(3.0, agrees), 1: Departure(1.0, agrees)}
    assert texts(item(0), invented=invented) == ["Photograph", WARNING_TEXT]
    assert texts(item(2), original=True, invented=invented) == ["Original photograph", WARNING_TEXT]
    assert texts(item(2), invented={1: Departure(1.0)}) == ["AI x4", WARNING_TEXT]


def test_the_legend_has_the_overlays_colours_and_stands_at_the_front_photograph_alone():
    found = labels([item(2), item(2, ASIDE, 1)], 1, Status(legend=True))
    shown = [label for label in found if label.text in {text for _, text, _ in LEGEND}]
    assert [label.color for label in shown if label.color != PLAIN] == [LITTLE, MUCH, RESTORED_COLOUR]
    assert all(label.pose.orientation == ASIDE.pose.orientation for label in shown)
    assert len(shown) == len(LEGEND)
    assert not {text for _, text, _ in LEGEND} & set(texts(item(2)))


def metres(label: LabelItem) -> tuple[float, float]:
    """Where a line on a frame straight ahead begins and ends, in metres to the right of the frame's middle."""
    width = line(label.text).advance * label.height
    begin = label.pose.position[0] - label.align * width
    return begin, begin + width


@pytest.mark.parametrize("surface", [Panel(Pose((0.0, 0.0, -2.0)), 1.6, 1.6), RETINA], ids=["panel", "retina"])
@pytest.mark.parametrize("agrees", [True, False])
@pytest.mark.parametrize("state", ["computing", "unavailable"])
def test_words_side_by_side_keep_apart(surface, agrees, state):
    status = {state: frozenset({0}), "invented": {0: Departure(12.8, agrees)}, "legend": True}
    found = labels([item(2, surface)], 0, Status(**status))
    by_row: dict[float, list[tuple[float, float]]] = {}
    for label in found:
        by_row.setdefault(round(label.pose.position[1], 6), []).append(metres(label))
    assert len(by_row) == (2 if agrees else 3)
    for words in by_row.values():
        ends = sorted(words)
        assert all(left[1] + 0.015 < right[0] for left, right in pairwise(ends))


def test_a_synthesised_tile_that_has_only_begun_to_fade_in_counts():
    assert texts(item(0, fading=3))[0] == "AI x8"


def test_a_synthesised_tile_that_is_wanted_but_not_there_yet_does_not_count():
    wanted = PageWindow(3, 0, 0, np.array([[[1, 0, NO_SLOT, 0, 0, 0, 0, 0]]], np.int16), (0, -3))
    assert texts(SurfaceItem(PANEL, ImageView(), (1024, 512), wanted))[0] == "Photograph"


def test_while_the_original_is_held_the_badge_says_so():
    assert texts(item(0), original=True) == ["Original photograph", WARNING_TEXT]


def test_computing_is_told_for_the_photograph_that_waits():
    two = item(0), item(0, ASIDE, 1)
    assert texts(*two, computing=frozenset({1})) == [
        "Photograph", WARNING_TEXT, "Photograph", "computing ...", WARNING_TEXT,
    ]  # fmt: skip


def test_not_available_takes_the_place_of_computing():
    found = texts(item(0), computing=frozenset({0}), unavailable=frozenset({0}))
    assert found == ["Photograph", "AI not available here", WARNING_TEXT]
    assert "AI not available here" not in texts(item(0), unavailable=frozenset({1}))


@given(
    st.lists(st.tuples(st.sampled_from(SURFACES), st.integers(-3, 3)), min_size=1, max_size=3),
    st.booleans(),
    st.frozensets(st.integers(0, 2)),
    st.frozensets(st.integers(0, 2)),
    st.booleans(),
    st.lists(st.text(max_size=300).filter(lambda notice: notice != WARNING_TEXT), max_size=4).map(tuple),
)
def test_every_surface_always_says_not_for_diagnosis(shown, original, computing, unavailable, help_, notices):
    items = [item(level, surface, i) for i, (surface, level) in enumerate(shown)]
    status = Status(original, computing, unavailable, "a caption", help_, True, notices)
    found = [label for label in labels(items, 0, status) if label.text == WARNING_TEXT]
    assert len(found) == len(items)
    assert all(label.color[3] == 1.0 and label.height > 0.04 for label in found)


def rows(label: LabelItem, frame: Pose) -> tuple[float, float]:
    """Lowest and highest point of a line of text along its frame's upward axis, in metres from the frame's middle."""
    x, y, z, _ = frame.inverse_matrix() @ [*label.pose.position, 1.0]
    assert 0 < z < 0.02
    assert label.pose.orientation == frame.orientation
    assert abs(x) < 2
    return y - label.height / 2, y + label.height / 2


EVERYTHING = Status(
    computing=frozenset({0}),
    caption="The optic disc",
    recording=True,
    notices=("lost.jpg: not found", "b.jpg: empty"),
    invented={0: Departure(1.8, agrees=False)},
    legend=True,
    texture=0.5,
)


@pytest.mark.parametrize("panel", [PANEL, ASIDE, Panel(Pose((0.0, 0.0, -2.0)), 0.4, 1.6)])
def test_no_word_covers_the_picture(panel):
    for label in labels([item(2, panel)], 0, EVERYTHING):
        low, high = rows(label, panel.pose)
        assert high < -panel.height / 2 or low > panel.height / 2


def test_words_stand_in_front_of_their_panel_however_it_is_turned():
    panel = Panel(Pose.facing((1.0, 0.5, -2.0), 0.7), 2.0, 1.0)
    (badge, *_) = labels([item(2, panel)], 0, Status())
    local = panel.pose.inverse_matrix() @ [*badge.pose.position, 1.0]
    assert local[0] == pytest.approx(-1.0, abs=1e-9)
    assert local[1] < -0.5
    assert local[2] == pytest.approx(0.004, abs=1e-9)
    assert badge.pose.orientation == panel.pose.orientation


def test_only_the_help_stands_on_the_picture():
    words = {label.text for label in labels([item(2)], 0, Status(help=True)) if abs(label.pose.position[1]) < 0.8}
    assert words == set(HELP)


@pytest.mark.parametrize("surface", SURFACES)
def test_notices_stand_below_the_badges_and_below_one_another(surface):
    found = labels([item(2, surface)], 0, EVERYTHING)
    frame = Pose((0.0, 0.0, -1.6)) if isinstance(surface, Retina) else surface.pose
    names = ("AI x4 restored", RESTORED, texture_told(0.5), LEGEND[0][1], "lost.jpg: not found", "b.jpg: empty")
    for upper, lower in pairwise(rows(find(name, found), frame) for name in names):
        assert upper[0] > lower[1]


def test_badges_stand_at_the_left_the_middle_and_the_right_end_of_their_panel():
    found = labels([item(1, ASIDE)], 0, Status(computing=frozenset({0})))
    across = ASIDE.pose.rotation()[:, 0]
    ends = [(np.subtract(label.pose.position, ASIDE.pose.position) @ across, label.align) for label in found]
    assert [align for _, align in ends] == [0.0, 0.5, 1.0]
    np.testing.assert_allclose([x for x, _ in ends], [-0.9, 0.0, 0.9], atol=1e-9)


def test_captions_and_notices_belong_to_the_front_photograph_alone():
    items = [item(0, PANEL, 0), item(0, ASIDE, 1)]
    found = labels(items, 1, Status(caption="The optic disc", notices=("lost.jpg: not found",)))
    assert find("The optic disc", found).pose.orientation == ASIDE.pose.orientation
    assert find("lost.jpg: not found", found).pose.orientation == ASIDE.pose.orientation


def test_without_any_photograph_what_went_wrong_is_still_told():
    assert texts(notices=("lost.jpg: not found",)) == ["lost.jpg: not found"]


def test_the_newest_notices_are_shown_and_no_more_than_there_is_room_for():
    notices = tuple(f"{i}.jpg: not found" for i in range(5))
    assert [text for text in texts(item(0), notices=notices) if "not found" in text] == list(notices[-NOTICES:])


def test_a_long_notice_gives_way_in_its_middle():
    path = "/".join(f"folder{i}" for i in range(60))
    (shown,) = (text for text in texts(item(0), notices=(f"first {path} last",)) if "first" in text)
    assert shown.startswith("first folder0/")
    assert shown.endswith("folder59 last")
    assert "..." in shown
    assert NOTICE_LENGTH - 1 <= len(shown) <= NOTICE_LENGTH


@given(st.text(max_size=3 * NOTICE_LENGTH))
def test_shortened_text_fits_and_what_fits_is_left_alone(text):
    assert len(shortened(text)) <= NOTICE_LENGTH
    assert (shortened(text) == text) == (len(text) <= NOTICE_LENGTH) or "..." in text


def layout_items(count: int, *intents: object, names: str = "{}.jpg") -> tuple[tuple[SurfaceItem, ...], dict]:
    """What a layout of photographs shows, all of it computed, and what the words need to know of it besides."""
    infos = tuple(
        PhotographRecord(names.format(i), (1000 + 400 * (i % 3), 1000), (500.0, 500.0), 480.0) for i in range(count)
    )
    view = ViewState.start(count)
    for index, info in enumerate(infos):
        view = photograph_arrived(view, index, info)
    view = step(view, intents, 0.1)
    entries = np.zeros((2, 2, 8), np.int16)
    entries[..., 0:4] = 1, 2, NO_SLOT, 0
    pages = PageWindow(2, 0, 0, entries, (0, -3))
    items = tuple(
        SurfaceItem(
            placed.surface, view.images[placed.image], infos[placed.image].size, pages, placed.image, placed.words
        )
        for placed in place(view)
        if placed.shown
    )
    known = {"titles": titles(view), "hint": hint(view), "computing": frozenset(range(count))}
    return items, known | {"invented": {i: Departure(11.8, agrees=False) for i in range(count)}}


def box(label: LabelItem, seen_in: Pose | None = None) -> np.ndarray:
    """Left, bottom, right and top of a label's plate: in metres of a pose's plane, or in tangents, as it is seen."""
    wide = line(label.text).advance
    corners = [(x, y) for x in (-label.align * wide - 0.3, (1 - label.align) * wide + 0.3) for y in (-0.5, 0.5)]
    points = np.array([label.pose.point((x * label.height, y * label.height, 0.0)) for x, y in corners])
    local = (points - seen_in.position) @ seen_in.rotation() if seen_in else points / -points[:, 2:]
    return np.concatenate([local[:, :2].min(axis=0), local[:, :2].max(axis=0)])


LAYOUTS = {
    "pair": (2, SetCompare(Compare.SIDE)),
    "swipe": (2, SetCompare(Compare.SWIPE)),
    "blink": (2, SetCompare(Compare.BLINK)),
    "wall of 4": (4, ShowLayout(Layout.WALL)),
    "wall of 30": (30, ShowLayout(Layout.WALL)),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("names", ["{}.jpg", "Mrs_Miller_right_eye_2024-11-22_follow-up_visit_{}.jpg"])
def test_no_words_of_a_layout_lie_on_others_or_beyond_a_windows_edge(name, names):
    items, known = layout_items(*LAYOUTS[name], names=names)
    found = labels(items, 0, Status(notices=("a.jpg: not found",), recording=True, **known))
    assert WARNING_TEXT in {label.text for label in found}
    for one, other in combinations(found, 2):
        plane = one.pose if one.pose.orientation == other.pose.orientation else None
        a, b = box(one, plane), box(other, plane)
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, (one.text, other.text)
    for label in found:
        assert np.abs(box(label)[[0, 2]]).max() < 0.8  # of a window of 1280 x 800
        assert np.abs(box(label)[[1, 3]]).max() < 0.5


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_words_of_every_layout_are_large_enough_to_read(name):
    items, known = layout_items(*LAYOUTS[name])
    for label in labels(items, 0, Status(**known)):
        degrees = math.degrees(label.height / np.linalg.norm(label.pose.position))
        assert degrees > (0.65 if label.text == RESTORED else 0.85)


def test_a_moved_panels_words_grow_and_shrink_with_it():
    items, known = layout_items(1, MovePanel(0, Moved(Pose((0.0, 0.0, -1.0)), 0.5)))
    usual, _ = layout_items(1)
    small, large = (labels(these, 0, Status(**known)) for these in (items, usual))
    assert [label.text for label in small] == [label.text for label in large]
    assert all(a.height == pytest.approx(b.height / 2) for a, b in zip(small, large, strict=True))


def test_a_blink_says_which_of_the_two_it_shows():
    items, known = layout_items(*LAYOUTS["blink"])
    assert {"1 of 2: 0.jpg", "hold it to stop blinking"} <= {label.text for label in labels(items, 0, Status(**known))}


def test_the_wall_tells_its_page_and_computed_pixels_by_photograph():
    items, known = layout_items(*LAYOUTS["wall of 30"])
    told = {label.text for label in labels(items, 0, Status(**known))}
    assert {"page 1 of 3", "AI x4 · 0.jpg", RESTORED} <= told
