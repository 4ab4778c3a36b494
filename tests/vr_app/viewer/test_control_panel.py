"""The control panel without a screen: what it offers, what that means, where it stands, and who presses it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from vr_app.core.hands.hands import Hands
from vr_app.core.hands.sample import ControllerSample, HandSample
from vr_app.core.panel import stand as sheet
from vr_app.core.panel.pointer import Grasp, Pointer
from vr_app.core.space.pose import Eye, Fov, Pose, Ray
from vr_app.core.space.surface import Panel
from vr_app.core.view.appearance import AS_PHOTOGRAPHED, Appearance, Channel
from vr_app.core.view.intent import NextImage, SetCompare, SurfaceKind
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare, Link
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.step import photograph_arrived, step
from vr_app.core.view.view import ViewState
from vr_app.fonts import all_fonts
from vr_app.runtime.interface import COMMANDS
from vr_app.ui.contents import (
    ACTIONS,
    NAME_LENGTH,
    PAGES,
    Ask,
    Buttons,
    Choice,
    Gallery,
    LookLike,
    Overlay,
    PanelState,
    PickCompare,
    PickImage,
    PickLayout,
    PickLink,
    PickModel,
    Place,
    SetAngle,
    Slider,
    Turn,
    TurnDial,
    TurnOver,
    UpTo,
    moved,
    rows,
    shortened,
)
from vr_app.viewer.control_panel import LAYOUTS, Networks, base_of, gestures_of, state_of

IMAGES, VIEW, REGIONS, ADJUST, ABOUT = range(5)
INFO = PhotographRecord("disc.png", (400, 300), (200.0, 150.0), 150.0)
STATE = PanelState(
    photographs=(INFO, None, replace(INFO, name="macula.png")),
    layouts=("One", "Pair", "Eye"),
    layout="One",
    models=("rdb-lite", "rdb-paper"),
    model="rdb-lite",
    texture=0.25,
    actions=("reset", "screenshot"),
    about=("FundusXR",),
)


def choice(state: PanelState, page: int, title: str) -> Choice:
    return next(row for row in rows(state, Place(True, page)) if isinstance(row, Choice) and row.title == title)


def test_each_page_has_rows():
    for page in range(len(PAGES)):
        assert rows(STATE, Place(True, page))


def test_the_gallery_shows_what_is_loaded_and_marks_the_front_one():
    gallery, _ = rows(replace(STATE, front=2, thumbnails=((2, (1.0, 0.75)),)), Place(True, IMAGES))
    assert [picture.event for picture in gallery.pictures] == [PickImage(0), PickImage(2)]
    assert [picture.chosen for picture in gallery.pictures] == [False, True]
    assert [picture.extent for picture in gallery.pictures] == [None, (1.0, 0.75)]


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("One", ("Image before", "Next image")),
        ("Pair", ("Pair before", "Next pair")),
        ("Wall", ("Page before", "Next page")),
    ],
)
def test_what_is_shown_can_be_turned_over_both_ways(layout, words):
    (*_, turns) = rows(replace(STATE, layout=layout), Place(True, IMAGES))
    assert turns == Buttons(tuple(zip(words, (TurnOver(-1), TurnOver(1)), strict=True)))
    view = ViewState.start(3)
    assert [gestures_of(event, view) for _, event in turns.buttons] == [(NextImage(-1),), (NextImage(1),)]
    assert len(rows(replace(STATE, photographs=(INFO,)), Place(True, IMAGES))) == 1


def test_many_images_have_pages_that_go_round():
    state = replace(STATE, photographs=tuple(replace(INFO, name=f"{n}.png") for n in range(64)))
    seen, place = [], Place(True, IMAGES)
    for _ in range(11):
        gallery, buttons, _ = rows(state, place)
        seen += [picture.event.image for picture in gallery.pictures]
        place = buttons.buttons[-1][1].place
    assert seen == list(range(64))
    assert place == Place(True, IMAGES, 0)
    back = rows(state, place)[1].buttons[0][1].place
    assert isinstance(rows(state, back)[0], Gallery)
    assert rows(state, back)[0].pictures[-1].event == PickImage(63)
    assert rows(replace(state, photographs=(INFO,)), replace(place, gallery=9))  # fewer than there were


def test_what_is_not_there_is_not_offered():
    little = replace(STATE, models=("rdb-lite",), texture=None, layouts=("One",))
    titles = {row.title for row in rows(little, Place(True, VIEW)) if isinstance(row, Choice | Slider)}
    assert titles == {"Show", "AI up to", "Invented", "Field"}
    (buttons,) = (row for row in rows(STATE, Place(True, VIEW)) if isinstance(row, Buttons))
    assert buttons.buttons == (("Whole image", Ask("reset")), ("Screenshot", Ask("screenshot")))


@pytest.mark.parametrize(
    ("changes", "page", "title", "chosen"),
    [
        ({"layout": "Eye"}, VIEW, "Layout", "Eye"),
        ({"compare": "swipe"}, VIEW, "Compare", "Swipe"),
        ({"link": "mirrored"}, VIEW, "Link", "Mirrored"),
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
    state = state_of(view, "rdb-lite", 0.0, networks)
    assert words(state) == ["Mark what is seen", "Mark by dragging"]

    def pressed(word: str) -> None:
        nonlocal view, state
        events = {word: event for row in rows(state, Place(True, REGIONS)) if isinstance(row, Buttons)
                  for word, event in row.buttons}  # fmt: skip
        view = step(view, gestures_of(events[word], view), 0.0)
        state = state_of(view, "rdb-lite", 0.0, networks)

    pressed("Mark by dragging")
    assert view.regions.armed
    pressed("Drag now, or not")
    assert not view.regions.armed
    pressed("Mark what is seen")
    assert "Export" in words(state)
    pressed("Haemorrhage")
    assert view.regions.chosen_region.kind == "haemorrhage"
    assert rows(state, Place(True, REGIONS))[0].lines == ("Region 1 of 1: haemorrhage",)
    pressed("Blink with original")
    assert view.regions.blinking
    pressed("Stop blinking")
    assert not view.regions.blinking
    pressed("Delete")
    assert not view.regions.known
    assert words(state) == ["Mark what is seen", "Mark by dragging"]


def test_what_can_be_asked_for_is_a_command_that_exists():
    assert set(ACTIONS) - {"reset", "undo"} <= set(COMMANDS.values())


def test_recentring_is_offered_where_there_is_a_head():
    view, networks = ViewState.start(1), Networks((), ())
    assert "recentre" in state_of(view, "rdb-lite", 0.0, networks, headset=True).actions
    assert "recentre" not in state_of(view, "rdb-lite", 0.0, networks).actions


def test_sliders_mean_values_and_the_photographs_own_is_easy_to_find():
    look = LookLike(Appearance(contrast=1.5))
    assert moved("Contrast", 1.5, STATE) == look
    assert moved("Contrast", 1.03, replace(STATE, appearance=look.appearance)) == LookLike(AS_PHOTOGRAPHED)
    assert moved("Local", 7.0, STATE) == LookLike(Appearance(local=1.0))
    assert moved("Brightness", -0.2, STATE) == LookLike(Appearance(brightness=-0.2))
    assert moved("Gamma", 2.0, STATE) == LookLike(Appearance(gamma=2.0))
    assert moved("Texture", 0.123, STATE) == TurnDial(0.12)
    assert moved("Field", 49.6, STATE) == SetAngle(50.0)


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
        return step(view, gestures_of(event, view), 0.0)

    assert after(PickImage(2)).active == 2
    assert after(PickImage(1)).active == 0  # not loaded
    assert after(PickImage(99)).active == 0
    assert after(PickLayout("Eye")).surface is SurfaceKind.RETINA
    assert after(PickLayout("Pair")).compared.images == (0, 2)
    assert after(PickLayout("Row")).moment == view.moment
    assert after(PickCompare("blink")).compared.compare is Compare.BLINK
    assert step(after(PickLayout("Pair")), gestures_of(PickLink("off"), view), 0.0).compared.link is Link.OFF
    assert after(UpTo(1)).finest == 1
    assert after(Overlay(True)).invention
    assert after(LookLike(Appearance(gamma=2.0))).appearance.gamma == 2.0
    assert after(SetAngle(60.0)).field_angle == 60.0
    assert after(SetAngle(math.nan)).field_angle == 45.0
    assert after(SetAngle(1e9)).field_angle == 130.0
    assert gestures_of(Ask("screenshot"), view) == ()
    assert gestures_of(PickModel("rdb-paper"), view) == ()
    moved_on = step(view, gestures_of(PickImage(2), view), 0.0)
    assert step(moved_on, gestures_of(Ask("undo"), moved_on), 0.0).active == 0


def test_the_state_tells_the_session():
    view = photograph_arrived(ViewState.start(2, SurfaceKind.RETINA), 0, INFO)
    networks = Networks(("rdb-lite", "srcnn"), frozenset({"rdb-lite"}))
    state = state_of(view, "rdb-lite+rdb-lite-gan@0.5", 0.5, networks)
    assert state.photographs == (INFO, None)
    assert LAYOUTS[state.layout] is Layout.RETINA
    assert state.layouts == ("One", "Eye")
    assert (state.compare, state.link) == ("", "")
    pair = step(photograph_arrived(view, 1, INFO), (SetCompare(Compare.SIDE),), 0.0)
    state = state_of(pair, "rdb-lite+rdb-lite-gan@0.5", 0.5, networks)
    assert (state.layout, state.compare, state.link) == ("Pair", "side", "same")
    assert state.layouts == ("One", "Pair", "Eye")
    assert (state.model, state.texture) == ("rdb-lite", 0.5)
    assert state_of(view, "srcnn", 0.0, networks).texture is None
    assert base_of("rdb-lite-gan") == "rdb-lite"
    assert set(state.actions) <= set(ACTIONS)


def test_networks_at_hand_have_weights_at_every_scale():
    assert "rdb-lite" in Networks.at_hand().names


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
    assert isinstance(turned, TurnDial)
    assert 0.5 < turned.texture < 1.0


def test_turning_the_page_is_the_panels_own_affair():
    assert gestures_of(Turn(Place(True, 2)), ViewState.start(1)) == ()


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
        gestures = hands.read(hands.steady(left, 1 / 60), view, (Placed(0, beneath),), 1 / 60)
        assert gestures == ()
