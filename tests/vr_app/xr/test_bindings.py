"""The table of controls: what the OpenXR specification knows, what the documentation says, and what hands can do with
each controller."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.places import ROOT
from tests.vr_app.core.hands.test_hands import DT, HAND, Session, along, at
from vr_app.core.hands.sample import HandSample
from vr_app.core.space.pose import Pose
from vr_app.core.view.intent import SurfaceKind
from vr_app.xr.bindings import (
    ACTIONS,
    EXTENSIONS,
    PER_HAND,
    PROFILES,
    SIDES,
    TAP,
    WORDS,
    TapOrHold,
    documented,
    profiles,
)

every_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.path.rsplit("/", 1)[1])

POSES = "input/aim/pose input/grip/pose"
STICK = "input/thumbstick/x input/thumbstick/y input/thumbstick/click"
PAD = "input/trackpad/x input/trackpad/y input/trackpad/click"
TOUCH = f"input/squeeze/value input/trigger/value {STICK} {POSES} output/haptic"
SPECIFIED = {
    # Controls of both hands, of the left and of the right: the specification's lists, as far as they serve here.
    "khr/simple_controller": (f"input/select/click input/menu/click {POSES} output/haptic", "", ""),
    "oculus/touch_controller": (TOUCH, "input/x/click input/y/click input/menu/click", "input/a/click input/b/click"),
    "valve/index_controller": (f"{TOUCH} input/a/click input/b/click input/trigger/click", "", ""),
    "htc/vive_controller": (
        f"input/squeeze/click input/menu/click input/trigger/click input/trigger/value {PAD} {POSES} output/haptic",
        "",
        "",
    ),
    "microsoft/motion_controller": (
        f"input/menu/click input/squeeze/click input/trigger/value {STICK} {PAD} {POSES} output/haptic",
        "",
        "",
    ),
    "hp/mixed_reality_controller": (
        f"{TOUCH} input/menu/click",
        "input/x/click input/y/click",
        "input/a/click input/b/click",
    ),
    "bytedance/pico4_controller": (
        TOUCH,
        "input/x/click input/y/click input/menu/click",
        "input/a/click input/b/click",
    ),
    "bytedance/pico_neo3_controller": (
        f"{TOUCH} input/menu/click",
        "input/x/click input/y/click",
        "input/a/click input/b/click",
    ),
    "ext/hand_interaction_ext": (
        f"input/pinch_ext/value input/grasp_ext/value input/aim_activate_ext/value {POSES}",
        "",
        "",
    ),
}
NEEDED = {
    "hp/mixed_reality_controller": "XR_EXT_hp_mixed_reality_controller",
    "bytedance/pico4_controller": "XR_BD_controller_interaction",
    "bytedance/pico_neo3_controller": "XR_BD_controller_interaction",
    "ext/hand_interaction_ext": "XR_EXT_hand_interaction",
}


def test_every_controller_that_should_be_there_is():
    assert {profile.path.removeprefix("/interaction_profiles/") for profile in PROFILES} == set(SPECIFIED)


@every_profile
@pytest.mark.parametrize("left_handed", [False, True])
def test_only_controls_that_the_specification_knows_are_bound_each_to_one_action(profile, left_handed):
    name = profile.path.removeprefix("/interaction_profiles/")
    both, left, right = (set(text.split()) for text in SPECIFIED[name])
    known = {f"left/{control}" for control in both | left} | {f"right/{control}" for control in both | right}
    profile = profile.mirrored() if left_handed else profile
    bound = [path for paths in profile.bindings.values() for path in paths]
    assert set(bound) <= known
    assert len(set(bound)) == len(bound)
    assert set(profile.both) <= set(PER_HAND)
    assert set(profile.one) <= set(ACTIONS) - set(PER_HAND)
    assert profile.extension == NEEDED.get(name, "")


@every_profile
def test_the_documentation_has_the_table(profile):
    assert documented(profile) in (ROOT / "docs" / "headset.md").read_text()


def test_the_table_says_what_each_control_does():
    vive = next(profile for profile in PROFILES if "vive" in profile.path)
    rows = documented(vive).splitlines()
    assert f"| {WORDS['grip']} | both `squeeze/click` |" in rows
    assert f"| {WORDS['original']} | right `menu/click`, held longer than 0.3 s |" in rows


def test_the_left_handed_have_it_the_other_way_round():
    touch = PROFILES[0].mirrored()
    assert touch.one["original"] == ("left", "input/y/click")
    assert touch.one["next_image"] == ("right", "input/a/click")
    assert touch.one["undo"] == ("left", "input/thumbstick/click")
    for profile in PROFILES:
        assert profile.mirrored() != profile
        assert profile.mirrored().mirrored() == profile


def test_profiles_of_extensions_are_suggested_where_these_are_enabled():
    assert len(profiles(EXTENSIONS)) == len(PROFILES)
    plain = {profile.path.split("/")[2] for profile in profiles(())}
    assert plain == {"khr", "oculus", "valve", "htc", "microsoft"}
    assert len(profiles(["XR_EXT_hand_interaction"], left_handed=True)) == len(profiles(())) + 1


def test_tap_or_hold():
    button = TapOrHold()
    assert button.step(False, 0.0) == (False, False)
    assert button.step(True, 1.0) == (False, False)
    assert button.step(True, 1.0 + TAP / 2) == (False, False)
    assert button.step(False, 1.0 + TAP * 0.9) == (False, True)
    assert button.step(False, 2.0) == (False, False)
    assert button.step(True, 3.0) == (False, False)
    assert button.step(True, math.nextafter(3.0 + TAP, 9.0)) == (True, False)
    assert button.step(True, 5.0) == (True, False)
    assert button.step(False, 5.1) == (False, False)


class Controllers:
    """Hands that hold one kind of controller: only what its profile binds can be pressed."""

    def __init__(self, profile, session):
        self.profile, self.session = profile, session
        self.hands = [HandSample(push_zooms=profile.pushes, empty_grip=profile.empty_grip.get(s, "")) for s in SIDES]

    def can(self, action, side):
        ways = self.profile.menu.get(SIDES[side])
        return action in self.profile.both or (ways is not None and ways.held == action)

    def frame(self, side=1, pose=None, **pressed):
        for action in pressed:
            assert self.can(action, side), f"{self.profile.name} has no {action}"
        if pose is not None:
            pressed |= {"pose": pose, "aim": along(pose)}
        self.hands[side] = replace(self.hands[side], **pressed)
        self.session.frame(*self.hands)

    def settle(self, seconds=1.0):
        for _ in range(round(seconds / DT)):
            self.session.frame(*self.hands)


BESIDE = Pose(HAND, (0.0, 1.0, 0.0, 0.0))
"""Behind the viewer, where there is nothing."""


@every_profile
def test_every_gesture_works_on_every_controller(profile):
    """Pan, zoom, move and scale a panel, centre, the original, undo: with what the profile binds and nothing else."""
    session = Session.of(zoom=4.0)
    hands = Controllers(profile, session)
    left, right = at(session, (-0.1, 0.0), (-0.2, -0.3, 0.0)), at(session, (0.1, 0.0))
    hands.frame(0, left, trigger=0.0)
    hands.frame(1, right, trigger=0.0)

    start = session.view.front
    hands.frame(1, right, trigger=1.0)
    hands.frame(1, at(session, (0.2, 0.1)))
    hands.settle()
    hands.frame(1, trigger=0.0)
    panned = session.view.front
    assert panned.center == pytest.approx((0.475, 0.475))

    hands.frame(0, left, trigger=1.0)
    hands.frame(1, right, trigger=1.0)
    hands.frame(1, at(session, (0.4, 0.0)))
    hands.settle()
    hands.frame(0, trigger=0.0)
    hands.frame(1, trigger=0.0)
    stretched = session.view.front.zoom
    assert stretched > 1.8 * panned.zoom
    for action, side in (("zoom", 1),):
        if hands.can(action, side):
            hands.session.frame(hands.hands[0], replace(hands.hands[1], stick_y=1.0), dt=0.1)
            assert session.view.front.zoom > stretched

    # Undo: twice beside every photograph, until all is as it was.
    hands.frame(1, BESIDE)
    for _ in range(3):
        hands.settle()
        for trigger in (1.0, 0.0, 1.0, 0.0):
            hands.frame(1, trigger=trigger)
    assert session.view.front == start

    hands.settle()
    hands.frame(1, trigger=1.0)
    hands.settle(0.5)
    assert session.view.original
    hands.frame(1, trigger=0.0)
    assert not session.view.original

    spot = at(session, (0.2, -0.1))
    hands.frame(1, spot)
    hands.settle()
    uv = session.pointed(along(spot)).uv
    for trigger in (1.0, 0.0, 1.0, 0.0):
        hands.frame(1, trigger=trigger)
    assert session.view.front.center == pytest.approx(uv, abs=1e-3)

    side = next(side for side in (0, 1) if hands.can("grip", side))
    other = 1 - side
    hands.frame(0, left)
    hands.frame(1, right)
    hands.settle()
    if "grip" in profile.both:
        hands.frame(side, grip=1.0)
    else:
        hands.hands[side] = replace(hands.hands[side], grip=1.0)
        hands.settle(0.1)
    hands.frame(other, trigger=1.0)
    hands.frame(
        other, replace((left, right)[other], position=tuple(np.add((left, right)[other].position, (0, 0.5, 0))))
    )
    hands.settle()
    moved = session.view.moved(0)
    assert moved.scale > 1.2
    before = np.array(moved.pose.position)
    mine = (left, right)[side]
    hands.frame(side, replace(mine, position=tuple(np.add(mine.position, (0.0, 0.0, 0.1)))))
    hands.settle()
    assert session.view.moved(0).pose.position[2] > before[2]
    assert session.view.surface is SurfaceKind.PANEL


def test_bare_hands_have_two_buttons_besides():
    session = Session.of(count=2)
    hands = Controllers(next(profile for profile in PROFILES if profile.empty_grip), session)
    hands.frame(0, BESIDE, grip=0.0)
    hands.frame(1, BESIDE, grip=0.0)
    hands.frame(1, grip=1.0)
    hands.frame(1, grip=0.0)
    assert session.view.active == 1
    hands.frame(0, grip=1.0)
    hands.settle(0.2)
    assert session.view.surface is SurfaceKind.RETINA
