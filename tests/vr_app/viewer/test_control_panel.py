"""The control panel without a screen: what it offers, what that means, where it stands, and who presses it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sr_core.networks.names import base_of, texture_of
from vr_app.core.hands.hands import Hands
from vr_app.core.hands.sample import ControllerSample, HandSample
from vr_app.core.panel import stand as sheet
from vr_app.core.panel.pointer import Grasp, Pointer
from vr_app.core.scene.words import LETTER
from vr_app.core.space.pose import Eye, Fov, Pose, Ray
from vr_app.core.space.surface import Panel
from vr_app.core.view.appearance import AS_PHOTOGRAPHED, Appearance, Channel
from vr_app.core.view.desk import Desk
from vr_app.core.view.intent import (
    Adjust,
    BringForward,
    ComputeWith,
    Intent,
    LimitLevel,
    MarkView,
    NextImage,
    OpenFolder,
    OpenPhotographs,
    Recentre,
    RecordTour,
    ResetView,
    SetCompare,
    SetFieldAngle,
    SetLink,
    ShowHelp,
    ShowInvention,
    ShowLayout,
    ShowPixels,
    ShowRoom,
    SurfaceKind,
    TakeScreenshot,
    ToggleFullScreen,
    Undo,
)
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare, Link
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.step import photograph_arrived, photograph_failed, step
from vr_app.core.view.view import Settings, ViewState
from vr_app.fonts import all_fonts
from vr_app.ui.contents import (
    APART,
    NAME_LENGTH,
    PAGES,
    Buttons,
    Choice,
    Field,
    Gallery,
    Listing,
    PanelState,
    Place,
    Slider,
    Turn,
    Words,
    moved,
    rows,
    shortened,
    written,
)
from vr_app.ui.imgui import Interface
from vr_app.ui.style import HIGH, HIGH_ROW, WIDE
from vr_app.viewer.control_panel import Networks, state_of
from vr_app.xr.bindings import PROFILES, SIDES, named

IMAGES, VIEW, REGIONS, ADJUST, HELP = range(5)
INFO = PhotographRecord("disc.png", (400, 300), (200.0, 150.0), 150.0)
NAMES = ("disc.png", "arcade.png", "macula.png")
STATE = PanelState(
    photographs=(INFO, None, replace(INFO, name="macula.png")),
    listing=Listing(NAMES),
    layouts=(Layout.ONE, Layout.PAIR, Layout.RETINA),
    layout=Layout.ONE,
    models=("rdb-lite", "rdb-paper"),
    model="rdb-lite",
    texture=0.25,
    about=("FundusXR",),
)


def choice(state: PanelState, page: int, title: str) -> Choice:
    return next(row for row in rows(state, Place(True, page)) if isinstance(row, Choice) and row.title == title)


def test_each_page_has_rows():
    for page in range(len(PAGES)):
        assert rows(STATE, Place(True, page))


def test_the_gallery_shows_all_that_may_open_and_marks_the_front_one():
    gallery, *_ = rows(replace(STATE, front=2, thumbnails=((2, (1.0, 0.75)),)), Place(True, IMAGES))
    assert [picture.event for picture in gallery.pictures] == [BringForward(0), BringForward(1), BringForward(2)]
    assert [picture.name for picture in gallery.pictures] == list(NAMES)
    assert [picture.chosen for picture in gallery.pictures] == [False, False, True]
    assert [picture.extent for picture in gallery.pictures] == [None, None, (1.0, 0.75)]
    gallery, *_ = rows(replace(STATE, listing=Listing(NAMES, frozenset({1}))), Place(True, IMAGES))
    assert [picture.event for picture in gallery.pictures] == [BringForward(0), BringForward(2)]


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout.ONE, ("Previous image", "Next image")),
        (Layout.PAIR, ("Previous pair", "Next pair")),
        (Layout.WALL, ("Previous page", "Next page")),
    ],
)
def test_what_is_shown_can_be_turned_over_both_ways(layout, words):
    (*_, turns, opens) = rows(replace(STATE, layout=layout), Place(True, IMAGES))
    assert turns == Buttons(tuple(zip(words, (NextImage(-1), NextImage(1)), strict=True)))
    assert opens == Buttons((("Open photographs ...", OpenPhotographs()), ("Open a folder ...", OpenFolder())))
    assert rows(replace(STATE, photographs=(INFO,)), Place(True, IMAGES))[1:] == (opens,)
    worn = rows(replace(STATE, layout=layout, controls=((), ())), Place(True, IMAGES))
    assert worn[-1] == turns  # the dialog would be on the desktop


def test_many_images_have_pages_that_go_round():
    state = replace(STATE, photographs=tuple(replace(INFO, name=f"{n}.png") for n in range(64)))
    seen, place = [], Place(True, IMAGES)
    for _ in range(11):
        gallery, _, buttons, *_ = rows(state, place)
        seen += [picture.event.image for picture in gallery.pictures]
        place = buttons.buttons[-1][1].place
    assert seen == list(range(64))
    assert place == Place(True, IMAGES, 0)
    back = rows(state, place)[2].buttons[0][1].place
    assert isinstance(rows(state, back)[0], Gallery)
    assert rows(state, back)[0].pictures[-1].event == BringForward(63)
    assert rows(replace(state, photographs=(INFO,)), replace(place, gallery=9))  # fewer than there were


def test_the_slider_reaches_every_page_of_three_thousand_images_that_are_not_loaded():
    count = 3000
    state = replace(STATE, photographs=(None,) * count, listing=Listing(tuple(f"{n:04}.png" for n in range(count))))
    slider = next(row for row in rows(state, Place(True, IMAGES)) if isinstance(row, Slider))
    assert slider.limits == (1, 500)
    seen = []
    for page in range(1, 501):
        place = moved(slider.title, page + 0.3, state).place
        gallery, slider, *_ = rows(state, place)
        assert (slider.value, slider.told) == (page, f"{page}")
        seen += [(picture.event.image, picture.name) for picture in gallery.pictures]
    assert seen == [(n, f"{n:04}.png") for n in range(count)]
    assert isinstance(rows(state, Place(True, IMAGES, 499))[0], Gallery)
    assert Interface.extent(state)[1] < HIGH


def test_what_is_not_there_is_not_offered():
    little = replace(STATE, models=("rdb-lite",), texture=None, layouts=(Layout.ONE,))
    titles = {row.title for row in rows(little, Place(True, VIEW)) if isinstance(row, Choice | Slider)}
    assert titles == {"Show", "AI up to", "Invented", "At x1", "Field"}
    (buttons,) = (row for row in rows(STATE, Place(True, VIEW)) if isinstance(row, Buttons))
    assert buttons.buttons == (
        ("Whole image", ResetView()),
        ("Undo", Undo()),
        ("Pixel for pixel", ShowPixels()),
        ("Full screen", ToggleFullScreen()),
        ("Screenshot", TakeScreenshot()),
        ("Record tour", RecordTour()),
    )
    (worn,) = (row for row in rows(replace(STATE, controls=((), ())), Place(True, VIEW)) if isinstance(row, Buttons))
    there, beside = dict(worn.buttons), dict(buttons.buttons)
    assert set(there) ^ set(beside) == {"Room", "Recentre", "Pixel for pixel", "Full screen"}
    assert there["Room"] == ShowRoom(True)


@pytest.mark.parametrize(
    ("changes", "page", "title", "chosen"),
    [
        ({"layout": Layout.RETINA}, VIEW, "Layout", "Eye"),
        ({"compare": Compare.SWIPE}, VIEW, "Compare", "Swipe"),
        ({"link": Link.MIRRORED}, VIEW, "Link", "Mirrored"),
        ({"finest": 0}, VIEW, "Show", "Original"),
        ({"finest": 2}, VIEW, "Show", "AI"),
        ({"finest": 2}, VIEW, "AI up to", "x4"),
        ({"finest": 0}, VIEW, "AI up to", None),
        ({"model": "rdb-paper"}, VIEW, "Network", "rdb-paper"),
        ({"invention": True}, VIEW, "Invented", "Colour"),
        ({"appearance": Appearance(Channel.RED_FREE, contrast=2.0)}, ADJUST, "Channel", "Red-free"),
    ],
)
def test_the_panel_tells_what_is(changes, page, title, chosen):
    row = choice(replace(STATE, **changes), page, title)
    assert (row.options[row.chosen][0] if row.chosen >= 0 else None) == chosen


def words(state: PanelState) -> list[str]:
    found = rows(state, Place(True, REGIONS))
    return [word for row in found if isinstance(row, Buttons) for word, _ in row.buttons]


def test_regions_are_marked_named_and_exported_as_far_as_there_are_any():
    view = photograph_arrived(ViewState.start(1), 0, INFO)
    networks = Networks((), ())
    state = state_of(view, networks, NAMES)
    assert words(state) == ["Mark this view", "Mark by dragging", "Undo"]

    def pressed(word: str) -> None:
        nonlocal view, state
        events = {word: event for row in rows(state, Place(True, REGIONS)) if isinstance(row, Buttons)
                  for word, event in row.buttons}  # fmt: skip
        view = step(view, (events[word],), 0.0)
        state = state_of(view, networks, NAMES)

    pressed("Mark by dragging")
    assert view.regions.armed
    pressed("Cancel marking")
    assert not view.regions.armed
    pressed("Mark this view")
    assert "Export" in words(state)
    pressed("Haemorrhage")
    assert view.regions.chosen_region.kind == "haemorrhage"
    assert rows(state, Place(True, REGIONS))[0].lines == ("Region 1 of 1: haemorrhage",)
    pressed("Blink with original")
    assert view.regions.blinking
    pressed("Stop blinking")
    assert not view.regions.blinking
    pressed("Hide outlines")
    assert view.regions.hidden
    pressed("Show outlines")
    assert not view.regions.hidden
    found = rows(state, Place(True, REGIONS))
    assert found.index(APART) == len(found) - 2  # nobody who names a region deletes it
    pressed("Delete")
    assert not view.regions.known
    assert words(state) == ["Mark this view", "Mark by dragging", "Undo"]
    pressed("Undo")
    assert [region.kind for region in view.regions.known] == ["haemorrhage"]


def test_whatever_is_offered_is_an_intent_or_the_panels_own_turn():
    marked = step(photograph_arrived(ViewState.start(3), 0, INFO), (MarkView(),), 0.0)
    full = replace(STATE, compare=Compare.SIDE, link=Link.SAME, regions=marked.regions, controls=((), ()))
    offered = []
    for page in range(len(PAGES)):
        for row in rows(full, Place(True, page)):
            if isinstance(row, Choice | Buttons):
                offered += [event for _, event in (row.options if isinstance(row, Choice) else row.buttons)]
            elif isinstance(row, Gallery):
                offered += [picture.event for picture in row.pictures]
            elif isinstance(row, Slider):
                offered.append(moved(row.title, row.value, full))
            elif isinstance(row, Field):
                offered.append(written(row.text))
    assert len(offered) > 50
    offered = [event for event in offered if not isinstance(event, Turn)]
    assert all(isinstance(event, Intent) for event in offered)
    for event in offered:  # obeyed as they are: none is told apart on the way
        assert isinstance(step(marked, (event,), 0.0), ViewState)


def test_recentring_is_offered_where_there_is_a_head():
    view, networks = ViewState.start(1), Networks((), frozenset())

    def offered(headset: bool) -> list[str]:
        state = state_of(view, networks, NAMES, (HandSample(), HandSample()) if headset else None)
        found = (row for row in rows(state, Place(True, VIEW)) if isinstance(row, Buttons))
        return [word for row in found for word, event in row.buttons if event == Recentre()]

    assert offered(headset=True) == ["Recentre"]
    assert offered(headset=False) == []


def test_the_page_help_names_every_control_of_both_hands_once():
    left, right = ("Trigger: hold and drag", "X: next image"), ("Trigger: hold and drag", "A: next layout")
    state, place = replace(STATE, controls=(left, right)), Place(True, HELP)

    def told(place: Place) -> list[str]:
        return [line.strip() for row in rows(state, place) if isinstance(row, Words) for line in row.lines]

    assert told(place) == ["Both hands", left[0], "Left hand", left[1], "Right hand", right[1]]
    (turn,) = (event for row in rows(state, place) if isinstance(row, Buttons) for _, event in row.buttons)
    assert "FundusXR" in told(turn.place)


def test_every_controllers_help_fits_the_panel():
    for profile in (*PROFILES, *(profile.mirrored() for profile in PROFILES)):
        state = replace(STATE, controls=tuple(named(profile, side) for side in SIDES))
        assert Interface.extent(state)[1] < HIGH
        assert max(len(line) for hand in state.controls for line in hand) * LETTER < WIDE - 2


def test_a_windows_page_help_leads_to_its_keys():
    (keys,) = (row for row in rows(STATE, Place(True, HELP)) if isinstance(row, Buttons))
    assert keys.buttons == (("Keys and mouse", ShowHelp(True)),)


def test_sliders_mean_values_and_the_photographs_own_is_easy_to_find():
    look = Adjust(Appearance(contrast=1.5))
    assert moved("Contrast", 1.5, STATE) == look
    assert moved("Contrast", 1.03, replace(STATE, appearance=look.appearance)) == Adjust(AS_PHOTOGRAPHED)
    assert moved("Local", 7.0, STATE) == Adjust(Appearance(local=1.0))
    assert moved("Brightness", -0.2, STATE) == Adjust(Appearance(brightness=-0.2))
    assert moved("Gamma", 2.0, STATE) == Adjust(Appearance(gamma=2.0))
    assert moved("Texture", 0.123, STATE) == ComputeWith("rdb-lite+rdb-lite-gan@0.12")
    assert moved("Field", 49.6, STATE) == SetFieldAngle(50.0)


def test_every_row_of_sliders_has_a_meaning():
    for page in range(len(PAGES)):
        for row in rows(STATE, Place(True, page)):
            if isinstance(row, Slider):
                assert moved(row.title, row.limits[1], STATE)
                assert row.limits[0] <= row.value <= row.limits[1]


def test_events_change_the_view():
    view = ViewState.start(3)
    for index in (0, 2):
        view = photograph_arrived(view, index, INFO)

    def after(event):
        return step(view, (event,), 0.0)

    assert after(BringForward(2)).active == 2
    assert after(BringForward(1)).active == 1  # it is opened once it is in front
    assert step(photograph_failed(view, 1), (BringForward(1),), 0.0).active == 0
    assert after(BringForward(99)).active == 0
    assert after(ShowLayout(Layout.RETINA)).surface is SurfaceKind.RETINA
    assert after(ShowLayout(Layout.PAIR)).compared.images == (0, 2)
    assert after(ShowLayout(Layout.ROW)).moment == view.moment
    assert after(SetCompare(Compare.BLINK)).compared.compare is Compare.BLINK
    assert step(after(ShowLayout(Layout.PAIR)), (SetLink(Link.OFF),), 0.0).compared.link is Link.OFF
    assert after(LimitLevel(1)).finest == 1
    assert after(ShowInvention(True)).invention
    assert after(Adjust(Appearance(gamma=2.0))).appearance.gamma == 2.0
    assert after(SetFieldAngle(60.0)).settings.field_angle == 60.0
    assert after(SetFieldAngle(math.nan)).settings.field_angle == 45.0
    assert after(SetFieldAngle(1e9)).settings.field_angle == 130.0
    assert after(TakeScreenshot()) == view
    assert after(ComputeWith("rdb-paper")) == view  # no weights of it are known
    moved_on = step(view, (BringForward(2),), 0.0)
    assert step(moved_on, (Undo(),), 0.0).active == 0


def test_network_room_and_help_are_state_of_the_view():
    settings = Settings("rdb-lite", ("rdb-lite", "rdb-lite-gan", "srcnn"))
    view = replace(ViewState.start(1), settings=settings)
    dialled = "rdb-lite+rdb-lite-gan@0.5"
    for name, model in (("srcnn", "srcnn"), (dialled, dialled), ("rdb-lite+rdb-lite-gan@7", "rdb-lite"),
                        ("rdb-lite+srresnet@0.5", "rdb-lite"), ("", "rdb-lite")):  # fmt: skip
        assert step(view, (ComputeWith(name),), 0.0).settings == replace(settings, model=model)
    assert step(view, (ShowRoom(True), ShowHelp(True)), 0.0).settings == replace(settings, room=True, help=True)
    assert step(view, (ShowRoom(True), ShowRoom(False)), 0.0).settings == settings


def test_the_state_tells_the_session():
    dialled = Settings("rdb-lite+rdb-lite-gan@0.5")
    view = photograph_arrived(replace(ViewState.start(2, SurfaceKind.RETINA), settings=dialled), 0, INFO)
    networks = Networks(("rdb-lite", "srcnn"), frozenset({"rdb-lite"}))
    state = state_of(view, networks, NAMES)
    assert state.photographs == (INFO, None)
    assert state.layout is Layout.RETINA
    assert state.layouts == (Layout.ONE, Layout.RETINA)
    assert (state.compare, state.link) == (None, None)
    pair = step(photograph_arrived(view, 1, INFO), (SetCompare(Compare.SIDE),), 0.0)
    state = state_of(pair, networks, NAMES)
    assert (state.layout, state.compare, state.link) == (Layout.PAIR, Compare.SIDE, Link.SAME)
    assert state.layouts == (Layout.ONE, Layout.PAIR, Layout.RETINA)
    assert (base_of(state.model), state.texture) == ("rdb-lite", 0.5)
    assert choice(replace(state, models=("rdb-lite", "srcnn")), VIEW, "Network").chosen == 0
    assert state_of(replace(view, settings=Settings("srcnn")), networks, NAMES).texture is None
    assert base_of("rdb-lite-gan") == "rdb-lite"


def test_networks_at_hand_have_weights_at_every_scale():
    assert Networks.at_hand().names == ("rdb-file", "rdb-lite")
    assert Networks.at_hand("rdb-lite+rdb-lite-gan@0.5").names == ("rdb-file", "rdb-lite")


@pytest.mark.parametrize("asked", ["srgan", "srresnet+srgan@0.3"])
def test_rivals_are_offered_where_one_of_them_is_asked_for(asked):
    networks = Networks.at_hand(asked)
    assert {"rdb-file", "rdb-lite", "srresnet", "srresnet-lite", "srcnn"} == set(networks.names)
    assert "srresnet" in networks.dials


def test_long_names_keep_their_ends():
    assert shortened("disc.png") == "disc.png"
    assert len(shortened("a_very_long_name_of_a_file_0042.jpg")) <= NAME_LENGTH
    assert shortened("a_very_long_name_of_a_file_0042.jpg").endswith("042.jpg")


def test_two_panels_in_one_process_are_drawn_alike_in_turns():
    """As the measurements have them: the toolkit draws whichever was named last."""
    pytest.importorskip("imgui_bundle")
    from vr_app.ui.imgui import Interface

    drawn = []
    one, other = Interface(all_fonts()), Interface(all_fonts())
    for _ in range(2):
        for interface, state in ((one, STATE), (other, replace(STATE, front=2))):
            drawn.append(interface.draw(state, Place(True, VIEW), 20, (640, 640), None)[1])
    one.close()
    drawn.append(other.draw(STATE, Place(True, IMAGES), 20, (640, 640), None)[1])
    other.close()
    assert all(panel.letters is not None for panel in drawn[:2])
    assert np.array_equal(drawn[0].vertices[:, :2], drawn[1].vertices[:, :2])
    assert drawn[4].indices.size > 0


def test_the_dial_is_turned_where_it_is_let_go():
    """Not on the way there: each place of it is another network."""
    pytest.importorskip("imgui_bundle")
    from vr_app.ui.imgui import Interface

    interface, place, size = Interface(all_fonts()), Place(True, VIEW), (640, 640)
    _, drawn = interface.draw(STATE, place, 20, size, None)
    x, y = drawn.targets["Texture"]
    events = []
    for aside, pressed in ((0, False), (0, True), (0, True), (40, True), (40, True), (40, False), (40, False)):
        for _ in range(2):
            asked, _ = interface.draw(STATE, place, 20, size, Pointer(0, (x + aside, y), pressed))
            events.append(asked)
    interface.close()
    assert not any(events[:10])
    (turned,) = [event for asked in events for event in asked]
    assert isinstance(turned, ComputeWith)
    assert 0.5 < texture_of(turned.model) < 1.0


def test_the_longest_page_ends_within_the_panel():
    pytest.importorskip("imgui_bundle")
    from vr_app.ui.imgui import Interface

    pair = replace(STATE, layout=Layout.PAIR, compare=Compare.SIDE, link=Link.OFF, controls=((), ()))
    interface, em = Interface(all_fonts()), 20
    size = round(WIDE * em), round(HIGH * em)
    for _ in range(3):
        _, drawn = interface.draw(pair, Place(True, VIEW), em, size, None)
    interface.close()
    assert {"Network: rdb-lite", "Link: Same", "Texture", "Record tour"} <= drawn.targets.keys()
    assert max(y for _, y in drawn.targets.values()) + HIGH_ROW * em / 2 <= size[1]


def test_turning_the_page_is_the_panels_own_affair():
    assert not isinstance(Turn(Place(True, 2)), Intent)


# Where it stands.

LEFT, RIGHT = 0, 1
EYES = tuple(Eye(Pose((x, 1.6, 0.0)), Fov(-0.8, 0.8, 0.85, -0.85), (1344, 1512)) for x in (-0.03, 0.03))


@pytest.mark.parametrize("hand", [(-0.2, 1.2, -0.4), (0.3, 1.5, -0.5), (-0.6, 1.0, 0.1), (0.0, 0.9, -0.6)])
def test_a_sheet_in_the_hand_faces_the_head_and_is_legible(hand):
    head = sheet.head_of(EYES)
    scale = sheet.scale_for(head, hand, (23.0, 23.5))
    panel = sheet.in_hand(head, hand, (23.0, 23.5), scale)
    toward = np.subtract(head, panel.pose.position)
    distance = np.linalg.norm(toward)
    assert panel.pose.rotation()[:, 2] @ toward == pytest.approx(distance)
    assert abs(panel.pose.rotation()[1, 0]) < 1e-9  # its lines are level
    assert scale / distance == pytest.approx(sheet.EM, rel=0.1)
    assert np.linalg.norm(np.subtract(panel.pose.position, hand)) < panel.height / 2 + 2 * sheet.ABOVE


@pytest.mark.parametrize("side", [-1, 1])
def test_a_handle_beside_the_hand_is_level_with_it_and_hides_nothing_above(side):
    head, hand = sheet.head_of(EYES), (0.2 * side, 1.2, -0.5)
    panel = sheet.in_hand(head, hand, (3.0, 3.0), 0.03, 2.7 * side, level=True)
    assert panel.pose.position[1] == pytest.approx(hand[1])
    x = (panel.pose.inverse_matrix() @ (*hand, 1.0))[0]
    assert x * side < -panel.width / 2  # the hand is at its inner side


def test_a_sheet_over_a_picture_lies_on_whole_pixels_at_its_right_side():
    eye = Eye(Pose(), Fov.framing((1280, 801), 0.64, 0.5), (1280, 801))
    panel = sheet.in_picture(eye, (414, 423), 12)
    corners = panel.point(np.array([(-0.5, -0.5), (0.5, 0.5)]))
    across = (eye.fov.across(corners[:, :2] / -corners[:, 2:]) + 1) / 2 * eye.size
    assert across[:, 0] == pytest.approx([1280 - 12 - 414, 1280 - 12])
    assert across[:, 1] == pytest.approx([801 - 189, 801 - 189 - 423])


@pytest.mark.parametrize("window", [(1280, 800), (640, 1001)])
def test_the_handle_stands_in_a_windows_lower_corner_above_its_strip_of_text(window):
    desk = Desk(window)
    panel = sheet.in_picture(desk.eye, (47, 47), 0, low=True)
    corners = panel.point(np.array([(-0.5, -0.5), (0.5, 0.5)]))
    left, right, up, down = desk.eye.fov.tangents()
    x, y = (corners[:, :2] / -corners[:, 2:]).T
    assert (x - left) / (right - left) * window[0] == pytest.approx([window[0] - 47, window[0]])
    (cell,) = desk.cells(1)
    bottom = cell.top + cell.height
    assert (y - up) / (down - up) * window[1] == pytest.approx([bottom - 3 - 47, bottom - 3])


# Who presses it.

PANEL = Panel(Pose((0.0, 0.0, -1.0)), 0.4, 0.3)
SIZE = (400, 300)


def pointing(x: float, y: float = 0.0, **pressed: float) -> HandSample:
    return HandSample(Ray((x, y, 0.0), (0.0, 0.0, -1.0)), pose=Pose((x, y, 0.0)), **pressed)


def test_a_hand_on_the_sheet_does_nothing_else():
    grasp = Grasp()
    other = pointing(1.0, trigger=1.0)
    left, pointer = grasp.take(ControllerSample((pointing(0.1, stick_y=1.0), other)), PANEL, SIZE, None)
    assert pointer.at == pytest.approx((300, 150))
    assert not pointer.pressed
    assert left.hands[0] == HandSample()
    assert left.hands[1] == other
    left, pointer = grasp.take(ControllerSample((pointing(0.1, trigger=1.0), other)), PANEL, SIZE, None)
    assert pointer.pressed
    left, pointer = grasp.take(ControllerSample((pointing(0.9, trigger=1.0), other)), PANEL, SIZE, None)
    assert pointer.pressed  # it holds a slider, say, and wanders
    assert pointer.at == pytest.approx((1100, 150))
    assert left.hands[0].aim is None
    left, pointer = grasp.take(ControllerSample((pointing(0.9), other)), PANEL, SIZE, None)
    assert pointer is None
    assert left.hands[0].aim is not None


@pytest.mark.parametrize("what", ["trigger", "grip"])
def test_a_hand_that_holds_a_photograph_goes_on_over_the_sheet(what):
    grasp = Grasp()
    for x in (0.9, 0.1):
        sample = ControllerSample((pointing(x, **{what: 1.0}),))
        assert grasp.take(sample, PANEL, SIZE, None) == (sample, None)


def test_a_grip_presses_nothing():
    grasp = Grasp()
    grasp.take(ControllerSample((pointing(0.1),)), PANEL, SIZE, None)
    left, pointer = grasp.take(ControllerSample((pointing(0.1, grip=1.0),)), PANEL, SIZE, None)
    assert left.hands[0].grip == 0.0
    assert not pointer.pressed


def test_the_hand_that_carries_the_sheet_cannot_press_it():
    sample = ControllerSample((pointing(0.0), pointing(0.5)))
    assert Grasp().take(sample, PANEL, SIZE, LEFT) == (sample, None)


@pytest.mark.parametrize("after", [None, PANEL])
def test_a_hand_that_is_lost_or_a_sheet_that_goes_lets_go(after):
    grasp = Grasp()
    grasp.take(ControllerSample((pointing(0.1),)), PANEL, SIZE, None)
    assert grasp.take(ControllerSample((pointing(0.1, trigger=1.0),)), PANEL, SIZE, None)[1].pressed
    lost = HandSample(trigger=1.0) if after else pointing(0.1, trigger=1.0)
    assert grasp.take(ControllerSample((lost,)), after, SIZE, None)[1] is None
    assert not grasp.take(ControllerSample((pointing(0.1),)), PANEL, SIZE, None)[1].pressed


def test_a_press_on_the_sheet_drags_no_photograph_beneath_it():
    view = photograph_arrived(ViewState.start(1), 0, INFO)
    beneath = Panel(Pose((0.0, 0.0, -2.0)), 2.0, 1.5)
    from vr_app.core.view.place import Placed

    hands, grasp = Hands(), Grasp()
    for x, trigger in ((0.0, 0.0), (0.0, 1.0), (0.1, 1.0), (0.19, 1.0), (0.0, 0.0)):
        left, _ = grasp.take(ControllerSample((pointing(x, trigger=trigger),)), PANEL, SIZE, None)
        intents = hands.read(hands.steady(left, 1 / 60), view, (Placed(0, beneath),), 1 / 60)
        assert intents == ()
