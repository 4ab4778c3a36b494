"""What hands do beyond pointing and dragging: stretch, move panels, centre, undo, feel; and hands that go wrong."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vr_app.core.hands.test_hands import AWAY, HAND, INFO, Session, along, at, both_surfaces, seen, surfaces
from vr_app.core.hands.dragging import DOUBLE
from vr_app.core.hands.hand import JUMP_M, RESISTANCE, SoftStop, reaches_stop
from vr_app.core.hands.sample import TAP, HandSample, Pulse
from vr_app.core.hands.stretching import flattened, unflattened
from vr_app.core.space.pose import Pose, Ray, product
from vr_app.core.space.surface import photograph_uv
from vr_app.core.view.intent import Begin, Pan, SurfaceKind, Undo, Zoom

examples = settings(deadline=None, max_examples=40)
OTHER = (-0.2, -0.3, 0.1)
PIXEL = 1 / max(INFO.size)
BOTH = {"trigger": 1.0}


def hand(pose: Pose, **pressed: float) -> HandSample:
    return HandSample(along(pose), pose=pose, **pressed)


def taps(session: Session, sample: HandSample, count: int, seconds: float = 0.08) -> list:
    """Presses the trigger `count` times, each for `seconds` and then let go as long; the intents made."""
    made = []
    for _ in range(count):
        made += session.frame(replace(sample, trigger=1.0), dt=seconds)
        made += session.frame(sample, dt=seconds)
    return made


# Zoom about a point.


@both_surfaces
@pytest.mark.parametrize("place", [(0.2, -0.3), (-0.4, 0.45), (0.0, 0.0)])
def test_the_point_under_the_ray_stays_within_a_photograph_pixel_from_x1_to_the_largest_zoom(surface, place):
    session = Session.of(surface, zoom=1.0)
    if surface is SurfaceKind.RETINA:
        place = (place[0] * 0.5, place[1] * 0.5)
    ray = session.ray(place)
    spot = session.pointed(ray).uv
    for _ in range(72 * 6):
        session.frame(HandSample(ray, stick_y=1.0))
        assert math.dist(session.pointed(ray).uv, spot) < PIXEL
    assert session.view.front.zoom == pytest.approx(INFO.largest_zoom)
    assert session.view.front.zoom > 32


def test_the_stick_rests_at_each_soft_stop_ticks_there_once_and_leads_beyond():
    session = Session.of(zoom=1.0)
    sample = HandSample(session.ray((0.1, 0.1)), stick_y=1.0)
    zooms, ticks = [], []
    for _ in range(72 * 5):
        session.frame(sample)
        zooms.append(session.view.front.zoom)
        ticks += [session.view.front.zoom] if session.pulses else []
    assert ticks == pytest.approx([2.0, 4.0, 8.0])
    for stop in (2.0, 4.0, 8.0):
        at_rest = sum(abs(zoom - stop) < 1e-6 for zoom in zooms)
        assert at_rest == pytest.approx(RESISTANCE / 1.6 * 72, abs=2)
    back = []
    for _ in range(72 * 6):
        session.frame(replace(sample, stick_y=-1.0))
        back += [session.view.front.zoom] if session.pulses else []
    assert back == pytest.approx([8.0, 4.0, 2.0, 1.0])
    assert session.view.front.zoom == 1.0


def test_a_tick_is_felt_in_the_hand_that_zooms():
    session = Session.of(zoom=1.9)
    idle = HandSample(session.ray((0.3, 0.3)))
    while not session.pulses:
        session.frame(idle, HandSample(session.ray((0.1, 0.1)), stick_y=1.0))
    (pulse,) = session.pulses
    assert (pulse.hand, session.view.front.zoom) == (1, pytest.approx(2.0))
    assert 0 < pulse.amplitude <= 1
    assert 0.005 <= pulse.seconds <= 0.1
    assert Pulse(1) == pulse


def test_leaving_a_soft_stop_gives_way_at_once_after_the_stick_was_let_go_or_turned():
    stop = SoftStop()
    assert stop.soften(0.95, 0.1) == pytest.approx(0.05)
    assert stop.soften(1.0, 0.02) == 0.0
    assert stop.soften(1.0, -0.02) == pytest.approx(-0.02)
    assert stop.soften(0.98, 0.02) == pytest.approx(0.02)
    assert stop.soften(1.0, 0.0) == 0.0
    assert stop.soften(1.0, 0.02) == pytest.approx(0.02)


@pytest.mark.parametrize("frames", [1, 2, 7, 100])
def test_a_soft_stop_swallows_the_same_however_many_frames_it_takes(frames):
    stop, log_zoom = SoftStop(), 0.5
    for _ in range(frames):
        log_zoom += stop.soften(log_zoom, 2.0 / frames)
    assert log_zoom == pytest.approx(2.5 - 2 * RESISTANCE)


@examples
@given(st.floats(0, 6))
def test_a_stretch_is_flat_at_soft_stops_rises_between_them_and_can_be_taken_up_where_it_was(log_zoom):
    assert flattened(unflattened(log_zoom)) == pytest.approx(log_zoom, abs=2e-6)
    assert flattened(log_zoom + 0.01) >= flattened(log_zoom)
    assert abs(flattened(log_zoom) - log_zoom) <= 0.1 + 1e-9


@pytest.mark.parametrize(
    ("before", "after", "felt"),
    [(1.9, 2.1, True), (1.9, 2.0, True), (2.0, 2.1, False), (2.0, 2.0, False), (3.0, 3.9, False), (1.2, 1.0, True)],
)
def test_a_tick_is_for_arriving_not_for_leaving(before, after, felt):
    assert reaches_stop(before, after) is felt


# Two hands stretch.


@examples
@given(surfaces, seen, seen, seen, seen)
def test_what_lies_between_two_hands_stays_between_them_and_grows_as_they_part(surface, a, b, c, d):
    session = Session.of(surface, zoom=3.0)
    left, right = HandSample(session.ray(a, OTHER), **BOTH), HandSample(session.ray(b), **BOTH)
    session.frame(left, right)
    held = photograph_uv(np.add(a, b) / 2, session.view.front.center, 3.0)
    session.frame(replace(left, aim=session.ray(c, OTHER)), replace(right, aim=session.ray(d)))
    front = session.view.front
    middle = photograph_uv(np.add(c, d) / 2, front.center, front.zoom)
    margin = 0.5 / front.zoom if surface is SurfaceKind.PANEL else 0.0
    for axis in (0, 1):
        at_an_end = min(abs(front.center[axis] - margin), abs(front.center[axis] - 1 + margin)) < 1e-6
        assert at_an_end or middle[axis] == pytest.approx(held[axis], abs=1e-9)
    extent = session.placed[0].surface.extent()
    apart = [
        max(0.05, math.hypot(*((p - q) * e for p, q, e in zip(x, y, extent, strict=True)))) for x, y in ((a, b), (c, d))
    ]
    wanted = flattened(min(6.0, max(0.0, unflattened(math.log2(3.0)) + math.log2(apart[1] / apart[0]))))
    assert math.log2(front.zoom) == pytest.approx(wanted, abs=1e-6)


def test_strokes_of_both_hands_lead_from_x1_to_beyond_x32():
    session = Session.of(zoom=1.0)
    felt = []
    for _ in range(4):
        for s in np.linspace(0.04, 0.3, 40):
            left, right = (HandSample(session.ray((x, 0.05), o), **BOTH) for x, o in ((-s, OTHER), (s, HAND)))
            session.frame(left, right)
            felt += session.pulses
        session.frame(replace(left, trigger=0.0), replace(right, trigger=0.0))
        session.frame(replace(left, trigger=0.0), replace(right, trigger=0.0), dt=1.0)
    assert session.view.front.zoom > 32
    assert [pulse.hand for pulse in felt] == [0, 1] * 3


@both_surfaces
def test_a_hand_that_goes_on_alone_drags_what_is_under_its_ray(surface):
    session = Session.of(surface, zoom=3.0)
    left, right = HandSample(session.ray((-0.2, 0.0), OTHER), **BOTH), HandSample(session.ray((0.2, 0.0)), **BOTH)
    session.frame(left, right)
    session.frame(left, replace(right, aim=session.ray((0.3, 0.1))))
    stretched = session.view.front
    session.frame(replace(left, trigger=0.0), replace(right, aim=session.ray((0.3, 0.1))))
    assert session.view.front == stretched
    uv = session.pointed(session.ray((0.3, 0.1))).uv
    session.frame(replace(left, trigger=0.0), replace(right, aim=session.ray((0.1, -0.1))))
    assert session.pointed(session.ray((0.1, -0.1))).uv == pytest.approx(uv)
    assert session.view.front.zoom == stretched.zoom


def test_two_spots_close_together_do_not_leap():
    session = Session.of(zoom=3.0)
    left, right = HandSample(session.ray((0.0, 0.0), OTHER), **BOTH), HandSample(session.ray((0.0001, 0.0)), **BOTH)
    session.frame(left, right)
    session.frame(left, replace(right, aim=session.ray((0.005, 0.0))))
    assert session.view.front.zoom == pytest.approx(3.0)


# Panels in the hand.


def posed(position=HAND, yaw=0.0, pitch=0.0) -> Pose:
    tilt = (math.sin(pitch / 2), 0.0, 0.0, math.cos(pitch / 2))
    return Pose(position, product(Pose.facing(position, yaw).orientation, tilt))


def panel_pose(session: Session) -> Pose:
    return session.placed[0].surface.pose


moves = st.tuples(
    st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(-0.6, 0.6), st.floats(-0.6, 0.6)
)


@examples
@given(st.lists(moves, min_size=1, max_size=5))
def test_a_gripped_panel_keeps_its_place_in_the_hand(path):
    session = Session.of()
    session.frame(hand(posed(), grip=1.0))
    in_hand = posed().inverse().after(panel_pose(session)).matrix()
    for x, y, z, yaw, pitch in path:
        session.frame(hand(posed(tuple(np.add(HAND, (x, y, z)).tolist()), yaw, pitch), grip=1.0))
        smooth = session.sample.hands[0].pose
        assert smooth.inverse().after(panel_pose(session)).matrix() == pytest.approx(in_hand, abs=1e-9)
        assert session.placed[0].surface.width == pytest.approx(1.6 * 4 / 3)
    left_at = panel_pose(session)
    session.frame(hand(posed(), grip=0.0))
    session.frame(hand(posed(yaw=0.5), grip=0.0))
    assert panel_pose(session) == left_at


def test_the_other_hand_scales_a_gripped_panel_about_the_spot_that_is_held():
    session = Session.of()
    mine = at(session, (0.3, 0.2))
    spot = session.placed[0].surface.point(np.array([0.3, 0.2]))
    for action in ("grip", "trigger"):
        theirs = Pose(OTHER)
        session.frame(hand(mine, grip=1.0), hand(theirs))
        session.frame(hand(mine, grip=1.0), hand(theirs, **{action: 1.0}))
        before = session.placed[0].surface
        farther = replace(theirs, position=(-0.4, -0.3, 0.1))
        for _ in range(72):
            session.frame(hand(mine, grip=1.0), hand(farther, **{action: 1.0}))
        panel = session.placed[0].surface
        assert panel.width / before.width == pytest.approx(0.6 / 0.4)
        assert panel.height / panel.width == pytest.approx(0.75)
        assert panel.point(np.array([0.3, 0.2])) == pytest.approx(spot)
        session.frame(hand(mine, grip=1.0), hand(farther))
        assert session.placed[0].surface.width == pytest.approx(panel.width)
        assert session.placed[0].surface.pose.position == pytest.approx(panel.pose.position)
        session.frame(hand(mine), hand(farther))
        for _ in range(72):
            session.frame(hand(mine), hand(theirs))


def test_a_panel_grows_and_shrinks_within_limits():
    session = Session.of()
    mine = at(session, (0.0, 0.1))
    session.frame(hand(mine, grip=1.0), hand(Pose((0.15, -0.3, 0.1))))
    session.frame(hand(mine, grip=1.0), hand(Pose((0.15, -0.3, 0.1)), trigger=1.0))
    for x in np.linspace(0.15, -2.0, 100):
        session.frame(hand(mine, grip=1.0), hand(Pose((float(x), -0.3, 0.1)), trigger=1.0))
    assert session.view.moved(0).scale == pytest.approx(4.0)


def test_on_the_retina_there_is_nothing_to_grip():
    session = Session.of(SurfaceKind.RETINA)
    session.frame(hand(posed(), grip=1.0))
    session.frame(hand(posed(yaw=0.3), grip=1.0))
    assert session.view.panels == ()


def test_what_a_hand_moved_stays_and_the_others_keep_their_places():
    session = Session.of(count=3)
    before = {item.image: item.surface for item in session.placed}
    session.frame(hand(posed(), grip=1.0))
    session.frame(hand(posed((0.2, 0.2, 0.1)), grip=1.0))
    session.frame(hand(posed((0.2, 0.2, 0.1))))
    after = {item.image: item.surface for item in session.placed}
    assert after[0] != before[0]
    assert (after[1], after[2]) == (before[1], before[2])
    session.frame(next_image=True)
    assert session.placed[-1].surface == after[0] or after[0] in [item.surface for item in session.placed]
    session.frame(undo=True)
    session.frame(reset=True)
    assert {item.image: item.surface for item in session.placed} == before


# Double presses, and what is beside.


@both_surfaces
def test_a_double_press_brings_the_spot_to_the_middle(surface):
    session = Session.of(surface)
    sample = HandSample(session.ray((0.2, -0.1)))
    uv = session.pointed(sample.aim).uv
    made = taps(session, sample, 2)
    assert made == [Begin(), Begin(), Pan(0, pytest.approx(uv), (0.0, 0.0))]
    assert session.view.front.center == pytest.approx(uv)
    assert session.view.front.zoom == 4.0


def test_two_slow_presses_or_two_strokes_centre_nothing():
    for seconds, second in ((TAP + 0.05, (0.2, 0.1)), (0.1, (0.0, 0.0))):
        session = Session.of()
        taps(session, HandSample(session.ray((0.2, 0.1))), 1, seconds)
        before = session.view.front
        taps(session, HandSample(session.ray(second)), 1, seconds)
        assert session.view.front == before
    session = Session.of()
    taps(session, HandSample(session.ray((0.2, 0.1))), 1)
    session.frame(HandSample(session.ray((0.2, 0.1))), dt=DOUBLE)
    taps(session, HandSample(session.ray((0.2, 0.1))), 1)
    assert session.view.front.center == (0.5, 0.5)


def test_a_double_press_does_not_hold_the_spot_it_centred():
    session = Session.of()
    sample = HandSample(session.ray((0.2, -0.1)))
    taps(session, sample, 1)
    session.frame(replace(sample, trigger=1.0))
    centred = session.view.front
    session.frame(replace(sample, trigger=1.0, aim=session.ray((-0.3, 0.3))))
    assert session.view.front == centred


def test_a_press_beside_every_photograph_shows_the_original_while_it_is_held():
    session = Session.of()
    shown = []
    for trigger in (1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0):
        session.frame(HandSample(AWAY, trigger=trigger), dt=0.1)
        shown.append(session.view.original)
    assert shown == [False, False, False, False, True, False, False]


def test_a_press_that_began_beside_holds_nothing():
    session = Session.of()
    session.frame(HandSample(AWAY, trigger=1.0))
    session.frame(HandSample(session.ray((0.1, 0.1)), trigger=1.0))
    before = session.view.front
    session.frame(HandSample(session.ray((0.3, 0.3)), trigger=1.0))
    assert session.view.front == before


# Undo.


def test_undo_takes_back_one_move_after_the_other_exactly():
    session = Session.of(count=2)
    start = session.view.moment
    moments = [start]
    drag = [HandSample(session.ray((x, 0.1)), trigger=1.0) for x in (0.1, 0.2, 0.3)]
    for sample in (*drag, replace(drag[-1], trigger=0.0)):
        session.frame(sample)
    moments.append(session.view.moment)
    for stick in (1.0,) * 20 + (0.0,):
        session.frame(HandSample(session.ray((0.3, 0.1)), stick_y=stick))
    moments.append(session.view.moment)
    for _ in range(5):
        session.frame(HandSample(session.ray((0.1, 0.1)), zoom_steps=-0.25))
    moments.append(session.view.moment)
    session.frame(hand(posed(), grip=1.0), dt=1.0)
    for x in (0.25, 0.3):
        session.frame(hand(posed((x, -0.3, 0.1)), grip=1.0))
    session.frame(hand(posed((0.3, -0.3, 0.1))))
    moments.append(session.view.moment)
    session.frame(next_layout=True)
    moments.append(session.view.moment)
    session.frame(next_image=True)
    assert len({*moments, session.view.moment}) == 7
    for moment in reversed(moments):
        session.frame(undo=True)
        assert session.view.moment == moment
    session.frame(undo=True)
    assert session.view.moment == start


def test_a_double_press_beside_every_photograph_undoes():
    session = Session.of()
    session.frame(reset=True)
    assert taps(session, HandSample(AWAY), 2) == [Undo()]
    assert session.view.front.zoom == 4.0


def test_undo_skips_what_nobody_saw():
    session = Session.of()
    session.frame(reset=True)
    whole = session.view.front
    taps(session, HandSample(session.ray((0.1, 0.1))), 1)
    session.frame(HandSample(session.ray((0.1, 0.1)), trigger=1.0), dt=1.0)
    session.frame(HandSample(session.ray((0.1005, 0.1)), trigger=1.0))
    session.frame(HandSample(session.ray((0.1005, 0.1))))
    session.frame(undo=True)
    assert session.view.front.zoom == 4.0 != whole.zoom


def test_undo_while_holding_lets_go():
    session = Session.of()
    session.frame(HandSample(session.ray((0.1, 0.1)), trigger=1.0))
    session.frame(HandSample(session.ray((0.3, 0.1)), trigger=1.0), undo=True)
    assert session.view.front.center == (0.5, 0.5)
    session.frame(HandSample(session.ray((0.4, 0.1)), trigger=1.0))
    assert session.view.front.center == (0.5, 0.5)


# Hands that go wrong.

BAD = [
    HandSample(None, trigger=1.0, grip=1.0),
    HandSample(Ray((math.nan,) * 3, (0.0, 0.0, -1.0)), trigger=1.0, grip=1.0),
    HandSample(Ray(HAND, (math.nan, 0.0, -1.0)), trigger=1.0, grip=1.0),
    HandSample(Ray(HAND, (0.0, 0.0, 0.0)), trigger=1.0, grip=1.0),
    HandSample(Ray(HAND, (0.0, 0.0, -1.0)), trigger=1.0, grip=1.0, pose=Pose((math.inf, 0.0, 0.0))),
    HandSample(Ray(HAND, (0.0, 0.0, -1.0)), trigger=1.0, grip=1.0, pose=Pose(orientation=(0.0,) * 4)),
    hand(Pose((10.0, -0.3, 0.1)), trigger=1.0, grip=1.0),
    hand(Pose(HAND, (1.0, 0.0, 0.0, 0.0)), trigger=1.0, grip=1.0),
]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("doing", ["drag", "push", "grip", "stretch", "scale"])
def test_a_hand_that_goes_wrong_ends_its_gesture_and_the_view_stays(bad, doing):
    session = Session.of()
    good = at(session, (0.1, 0.1))
    pressed = {"grip": 1.0} if doing in ("grip", "scale") else {"trigger": 1.0, "push_zooms": doing == "push"}
    other = [hand(at(session, (-0.2, 0.0), OTHER), trigger=1.0)] if doing in ("stretch", "scale") else []
    session.frame(hand(good, **pressed))
    for _ in range(3):
        session.frame(hand(good, **pressed), *other)
    before = session.view.moment
    for _ in range(3):
        session.frame(bad, *other)
        assert session.view.moment == before
    for _ in range(20):  # back, the trigger still down: nothing is held any more
        session.frame(hand(good, **pressed), *other)
        assert session.view.moment == before


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_values_that_are_no_numbers_count_as_nothing(number):
    session = Session.of()
    before = session.view.moment
    ray = session.ray((0.1, 0.1))
    session.frame(HandSample(ray, trigger=number, grip=number, stick_y=number, zoom_steps=number))
    session.frame(HandSample(session.ray((0.2, 0.1)), trigger=number, stick_y=number))
    assert session.view.moment == before


anything = st.floats(allow_nan=True, allow_infinity=True)
wild_hands = st.builds(
    HandSample,
    st.none()
    | st.builds(Ray, st.tuples(anything, anything, anything), st.sampled_from([(0.0, 0.0, -1.0), (0.0, 0.6, -0.8)])),
    trigger=st.sampled_from([0.0, 1.0]) | anything,
    stick_y=anything,
    zoom_steps=anything,
    push_zooms=st.booleans(),
    grip=st.sampled_from([0.0, 1.0]) | anything,
    pose=st.none()
    | st.builds(Pose, st.tuples(anything, anything, anything), st.tuples(anything, anything, anything, anything))
    | st.builds(Pose, st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))),
)


@settings(deadline=None, max_examples=60)
@given(surfaces, st.lists(st.tuples(wild_hands, wild_hands), max_size=12))
def test_whatever_hands_send_the_view_is_one(surface, frames):
    session = Session.of(surface)
    for hands in frames:
        session.frame(*hands)
        front = session.view.front
        assert 1.0 <= front.zoom <= INFO.largest_zoom
        assert all(0.0 <= c <= 1.0 for c in front.center)
        for _, moved in session.view.panels:
            assert moved.pose.sound
            assert 0.125 <= moved.scale <= 4.0


@pytest.mark.parametrize("left", [0, 1])
def test_hands_that_are_no_longer_there_let_go(left):
    session = Session.of()
    both = [hand(at(session, (x, 0.0), o), trigger=1.0) for x, o in ((-0.2, OTHER), (0.2, HAND))]
    session.frame(*both)
    session.frame(*both[:left])
    assert session.holds[left:] == [None] * (2 - left)
    before = session.view.moment
    session.frame(*both)
    assert session.view.moment == before


def test_a_jump_is_not_a_quick_hand():
    session = Session.of()
    session.frame(hand(posed(), grip=1.0))
    session.frame(hand(posed((0.2, -0.3, 0.1 - 0.9 * JUMP_M)), grip=1.0))
    assert session.view.moved(0) is not None


def test_a_gesture_made_of_nothing_leaves_the_view_alone():
    session = Session.of()
    before = session.view.moment
    for intent in (Pan(0, (math.nan, 0.5), (0.0, 0.0)), Zoom(0, (0.5, 0.5), math.nan), Zoom(0, (0.5, math.inf), 1.0)):
        session.apply(intent)
        assert session.view.moment == before
    session.apply(Zoom(0, (0.5, 0.5), 1e9))
    assert session.view.front.zoom == pytest.approx(INFO.largest_zoom)
