"""What hands mean: grabbing, panning, zooming, and letting go, played frame by frame as in a session."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vr_app.core.hands.hand import Hold, Pointed, pointed_at
from vr_app.core.hands.hands import Hands
from vr_app.core.hands.sample import ControllerSample, HandSample, Pulse
from vr_app.core.space.pose import Pose, Ray
from vr_app.core.space.surface import Panel, surface_s
from vr_app.core.view.bounds import MAX_ZOOM
from vr_app.core.view.intent import (
    Intent,
    LookAt,
    NextImage,
    NextLayout,
    Pan,
    ResetView,
    ShowInvention,
    ShowOriginal,
    SurfaceKind,
    SwitchSurface,
    ToggleControlPanel,
    Undo,
    Zoom,
)
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import Placed, place, within_reach
from vr_app.core.view.step import photograph_arrived, step
from vr_app.core.view.view import ViewState

examples = settings(deadline=None, max_examples=60)
both_surfaces = pytest.mark.parametrize("surface", [SurfaceKind.PANEL, SurfaceKind.RETINA])
surfaces = st.sampled_from([SurfaceKind.PANEL, SurfaceKind.RETINA])

INFO = PhotographRecord("fundus", (4800, 3600), (2400.0, 1800.0), 1680.0)
DT = 1 / 72
HAND = (0.2, -0.3, 0.1)
AWAY = Ray(HAND, (0.0, 0.0, 1.0))


@dataclass
class Session:
    """One viewer's frames: each sample is read on what is shown now, and its intents applied."""

    view: ViewState
    count: int = 1
    hands: Hands = field(default_factory=Hands)
    pulses: tuple[Pulse, ...] = ()
    sample: ControllerSample = field(default_factory=ControllerSample)

    @staticmethod
    def of(surface: SurfaceKind = SurfaceKind.PANEL, zoom: float = 4.0, count: int = 1) -> "Session":
        view = ViewState.start(count)
        for index in range(count):
            view = photograph_arrived(view, index, INFO)
        return Session(step(view, (LookAt(surface, (0.5, 0.5), zoom),), 0.0), count)

    @property
    def placed(self) -> tuple[Placed, ...]:
        return place(self.view)

    def ray(self, s: tuple[float, float], origin: tuple[float, float, float] = HAND) -> Ray:
        """From a hand to a place on the front photograph's surface."""
        surface = next(item.surface for item in self.placed if item.image == self.view.active)
        along = surface.point(np.array(s)) - np.array(origin)
        return Ray(origin, tuple((along / np.linalg.norm(along)).tolist()))

    def pointed(self, ray: Ray) -> Pointed:
        found = pointed_at(ray, self.view, self.placed)
        assert found is not None
        return found

    def frame(self, *hands: HandSample, dt: float = DT, **buttons: bool) -> tuple[Intent, ...]:
        self.sample = sample = self.hands.steady(ControllerSample(hands, **buttons), dt)
        intents = self.hands.read(sample, self.view, within_reach(self.placed), dt)
        before, self.view = self.view, step(self.view, intents, dt)
        self.pulses = self.hands.ticks(before, self.view)
        return intents

    def apply(self, intent: Intent) -> None:
        self.view = step(self.view, (intent,), DT)

    @property
    def holds(self) -> list[Hold | None]:
        return [hand.hold for hand in self.hands._hands]


def along(pose: Pose) -> Ray:
    return Ray.along(pose)


def at(session: Session, s: tuple[float, float], origin: tuple[float, float, float] = HAND) -> Pose:
    """A hand's pose at `origin` that points at a place on the front photograph's surface."""
    x, y, z = session.ray(s, origin).direction
    axis, angle = np.array([y, -x, 0.0]), math.acos(-z)  # the shortest turn from -z
    half = axis / np.hypot(x, y) * math.sin(angle / 2) if angle > 1e-9 else np.zeros(3)
    return Pose(origin, (*half.tolist(), math.cos(angle / 2)))


def advanced(ray: Ray, metres: float) -> Ray:
    return Ray(tuple(ray.at(metres).tolist()), ray.direction)


@both_surfaces
def test_a_ray_points_at_the_place_it_meets_and_the_photograph_point_shown_there(surface):
    session = Session.of(surface, zoom=2.0)
    found = session.pointed(session.ray((0.2, -0.3)))
    assert found.image == 0
    assert found.s == pytest.approx((0.2, -0.3))
    assert found.uv == pytest.approx((0.6, 0.35))
    surface_point = session.placed[0].surface.point(np.array([0.2, -0.3]))
    assert found.distance == pytest.approx(np.linalg.norm(surface_point - np.array(HAND)))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_photographs_behind_each_other_the_nearer_is_pointed_at(order):
    far, near = (Placed(i, Panel(Pose((0.0, 0.0, -z)), 2.0, 2.0)) for i, z in enumerate((3.0, 1.0)))
    placed = [(far, near)[i] for i in order]
    found = pointed_at(Ray((0.0, 0.0, 0.0), (0.0, 0.0, -1.0)), ViewState.start(2), placed)
    assert found is not None
    assert (found.image, found.distance) == (1, pytest.approx(1.0))


def test_each_panel_of_the_arc_is_found_by_a_ray_toward_it():
    session = Session.of(count=3)
    for item in session.placed:
        along = item.surface.point(np.zeros(2))
        ray = Ray((0.0, 0.0, 0.0), tuple((along / np.linalg.norm(along)).tolist()))
        assert session.pointed(ray).image == item.image


seen = st.tuples(st.floats(-0.49, 0.49), st.floats(-0.49, 0.49))


@examples
@given(surfaces, seen, st.lists(seen, min_size=1, max_size=4), st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=3))
def test_a_grabbed_photograph_point_stays_under_the_moving_ray(surface, start, path, shift):
    session = Session.of(surface)
    ray = session.ray(start)
    held = session.pointed(ray).uv
    session.frame(HandSample(ray, trigger=1.0))
    hand = tuple(np.add(HAND, shift).tolist())
    for s in path:
        ray = session.ray(s, hand)
        session.frame(HandSample(ray, trigger=1.0))
        assert session.pointed(ray).uv == pytest.approx(held, abs=1e-9)
        assert session.pointed(ray).s == pytest.approx(s, abs=1e-9)
    assert session.view.front.zoom == 4.0


@examples
@given(surfaces, seen, st.floats(1.1, 60))
def test_a_hand_that_holds_still_lets_the_view_rest(surface, s, zoom):
    session = Session.of(surface, zoom)
    hand = HandSample(session.ray(s), trigger=1.0)
    for _ in range(3):
        session.frame(hand)
    assert session.view.still_for == pytest.approx(3 * DT)


@both_surfaces
def test_a_pan_stops_at_the_photographs_edge_and_comes_back_with_the_hand(surface):
    session = Session.of(surface, zoom=1.0)
    start = session.ray((0.3, 0.0))
    held = session.pointed(start).uv
    session.frame(HandSample(start, trigger=1.0))
    session.frame(HandSample(session.ray((-0.4, 0.0)), trigger=1.0))
    session.frame(HandSample(start, trigger=1.0))
    assert session.pointed(start).uv == pytest.approx(held)


def test_a_grabbed_panel_waits_while_the_ray_is_beyond_it_and_follows_again():
    session = Session.of()
    session.frame(HandSample(session.ray((0.4, 0.0)), trigger=1.0))
    before = session.holds
    assert session.frame(HandSample(AWAY, trigger=1.0)) == ()
    assert session.holds == before
    ray = session.ray((0.2, 0.1))
    session.frame(HandSample(ray, trigger=1.0))
    assert session.pointed(ray).uv == pytest.approx(before[0].uv)


def test_a_trigger_grabs_late_and_lets_go_late():
    session = Session.of()
    ray = session.ray((0.1, 0.1))
    held = []
    for trigger in (0.0, 0.41, 0.59, 0.6, 0.5, 0.41, 0.59, 0.4, 0.5, 0.59, 0.61):
        session.frame(HandSample(ray, trigger=trigger), dt=0.4)
        held.append(session.holds != [None])
    assert held == [False, False, False, True, True, True, True, False, False, False, True]


def test_letting_go_leaves_the_photograph_where_it_was_dragged():
    session = Session.of()
    for s, trigger in (((0.1, 0.1), 1.0), ((0.3, -0.2), 1.0)):
        session.frame(HandSample(session.ray(s), trigger=trigger))
    dragged = session.view.front
    assert session.frame(HandSample(session.ray((-0.4, 0.4)), trigger=0.0)) == ()
    session.frame(HandSample(session.ray((0.4, 0.0)), trigger=0.0))
    assert session.view.front == dragged


def test_a_hand_that_loses_tracking_lets_go():
    session = Session.of()
    session.frame(HandSample(session.ray((0.1, 0.1)), trigger=1.0))
    assert session.frame(HandSample(None, trigger=1.0)) == ()
    assert session.holds == [None]
    assert session.frame(HandSample(None, trigger=1.0, stick_y=1.0, zoom_steps=1.0)) == ()


def test_a_hand_beside_the_photograph_neither_steals_what_the_other_holds_nor_ends_it():
    session = Session.of()
    first = HandSample(session.ray((0.1, 0.1)), trigger=1.0)
    session.frame(first)
    held = session.holds[0]
    for other in (HandSample(trigger=1.0), HandSample(AWAY), HandSample(AWAY, trigger=1.0)):
        session.frame(first, other)
        assert session.holds == [held, None]


@pytest.mark.parametrize("size", [0.0, 0.1, 0.15])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_thumbstick_within_its_dead_zone_does_nothing(size, sign):
    session = Session.of()
    assert session.frame(HandSample(session.ray((0.1, 0.1)), stick_y=sign * size)) == ()


@pytest.mark.parametrize(
    ("stick", "rate"), [(1.0, 1.6), (-1.0, -1.6), (0.575, 0.8), (-0.575, -0.8), (0.151, 1.6 * 0.001 / 0.85)]
)
@pytest.mark.parametrize("trigger", [0.0, 1.0])
def test_a_thumbstick_zooms_at_a_rate_that_starts_from_nothing_at_its_dead_zone(stick, rate, trigger):
    session = Session.of()
    hand = HandSample(session.ray((0.1, 0.1)), trigger=trigger)
    session.frame(hand)
    session.frame(replace(hand, stick_y=stick), dt=0.5)
    assert np.log2(session.view.front.zoom / 4.0) == pytest.approx(rate * 0.5)


def test_the_thumbsticks_zoom_does_not_depend_on_the_frame_rate():
    slow, fast = Session.of(), Session.of()
    hand = HandSample(slow.ray((0.2, -0.3)), stick_y=0.7)
    slow.frame(hand, dt=0.5)
    for _ in range(50):
        fast.frame(hand, dt=0.01)
    assert fast.view.front.zoom == pytest.approx(slow.view.front.zoom)
    assert fast.view.front.center == pytest.approx(slow.view.front.center)


@both_surfaces
@pytest.mark.parametrize("trigger", [0.0, 1.0])
def test_a_step_of_the_wheel_doubles_the_zoom_about_the_pointed_spot(surface, trigger):
    session = Session.of(surface)
    hand = HandSample(session.ray((0.2, -0.3)), trigger=trigger)
    session.frame(hand)
    spot = session.pointed(hand.aim)
    session.frame(replace(hand, zoom_steps=1.0))
    assert session.view.front.zoom == pytest.approx(8.0)
    assert surface_s(spot.uv, session.view.front.center, 8.0) == pytest.approx((0.2, -0.3))
    session.frame(replace(hand, zoom_steps=-2.0))
    assert session.view.front.zoom == pytest.approx(2.0)


@examples
@given(surfaces, seen, st.lists(st.floats(-0.1, 0.2), min_size=1, max_size=4))
def test_pushing_magnifies_about_the_held_point_by_how_far_the_hand_went(surface, s, pushes):
    session = Session.of(surface, zoom=16.0)
    ray = session.ray(s)
    session.frame(HandSample(ray, trigger=1.0, push_zooms=True))
    held = session.holds[0].uv
    for push in pushes:
        ray = advanced(ray, push)
        before = session.view.front.zoom
        session.frame(HandSample(ray, trigger=1.0, push_zooms=True))
        now = session.view.front
        assert now.zoom == pytest.approx(min(MAX_ZOOM, before * 2 ** (6.0 * push)))
        assert surface_s(held, now.center, now.zoom) == pytest.approx(s, abs=1e-6)


@both_surfaces
def test_a_pushed_point_stays_under_a_ray_that_also_wanders(surface):
    session = Session.of(surface)
    session.frame(HandSample(session.ray((0.1, 0.1)), trigger=1.0, push_zooms=True))
    held = session.holds[0].uv
    for s, hand in (((0.15, 0.0), (0.2, -0.3, 0.0)), ((0.0, -0.2), (0.25, -0.2, -0.1))):
        ray = session.ray(s, hand)
        session.frame(HandSample(ray, trigger=1.0, push_zooms=True))
        assert session.pointed(ray).uv == pytest.approx(held, abs=1e-9)
    assert session.view.front.zoom > 5.0


def test_turning_the_wrist_or_moving_across_the_ray_is_no_push():
    session = Session.of()
    ray = session.ray((0.1, 0.1))
    session.frame(HandSample(ray, trigger=1.0, push_zooms=True))
    session.frame(HandSample(session.ray((-0.3, 0.3)), trigger=1.0, push_zooms=True))
    assert session.view.front.zoom == 4.0
    straight = Ray(HAND, (0.0, 0.0, -1.0))
    session.frame(HandSample(straight, trigger=1.0, push_zooms=True))
    session.frame(HandSample(replace(straight, origin=(0.4, -0.1, 0.1)), trigger=1.0, push_zooms=True))
    assert session.view.front.zoom == 4.0


def test_a_push_zooms_only_while_holding_and_only_without_a_thumbstick():
    for hand in (HandSample(push_zooms=True), HandSample(trigger=1.0)):
        session = Session.of()
        ray = session.ray((0.1, 0.1))
        session.frame(replace(hand, aim=ray))
        session.frame(replace(hand, aim=advanced(ray, 0.3)))
        assert session.view.front.zoom == 4.0


BUSY = HandSample(trigger=1.0, stick_y=1.0, zoom_steps=1.0, push_zooms=True)


@both_surfaces
def test_a_ray_that_meets_nothing_does_nothing(surface):
    session = Session.of(surface)
    assert pointed_at(AWAY, session.view, session.placed) is None
    assert session.frame(replace(BUSY, aim=AWAY)) == ()


def test_a_ray_on_the_retina_beyond_the_photographs_edge_does_nothing():
    session = Session.of(SurfaceKind.RETINA, zoom=1.0)
    inside, beyond = session.ray((0.49, 0.0)), session.ray((0.51, 0.0))
    assert session.pointed(inside).uv == pytest.approx((0.99, 0.5))
    assert pointed_at(beyond, session.view, session.placed) is None
    assert session.frame(replace(BUSY, aim=beyond)) == ()


def test_the_gestures_work_on_the_photograph_pointed_at_not_the_one_in_front():
    session = Session.of(zoom=1.0, count=2)
    along = session.placed[1].surface.point(np.zeros(2))
    ray = Ray((0.0, 0.0, 0.0), tuple((along / np.linalg.norm(along)).tolist()))
    session.frame(HandSample(ray, zoom_steps=2.0))
    assert [image.zoom for image in session.view.images] == [1.0, 4.0]


def test_the_original_is_told_of_only_when_its_button_changes():
    session = Session.of()
    pressed = (False, True, True, True, False, False)
    told = [session.frame(original=original) for original in pressed]
    assert told == [(), (ShowOriginal(True),), (), (), (ShowOriginal(False),), ()]


@pytest.mark.parametrize(
    ("button", "intent"),
    [
        ("next_image", NextImage()),
        ("next_layout", NextLayout()),
        ("reset", ResetView()),
        ("invention", ShowInvention(True)),
        ("undo", Undo()),
        ("panel", ToggleControlPanel()),
    ],
)
def test_a_button_asks_for_what_it_is_named_after(button, intent):
    assert Session.of().frame(**{button: True}) == (intent,)


def test_keys_ask_through_the_same_hands():
    assert Session.of().frame(keys=("s",)) == (SwitchSurface(),)
    assert Session.of().frame(keys=("page_up",)) == (NextImage(-1),)


def test_what_is_invented_is_shown_and_hidden_by_the_same_button():
    session = Session.of()
    shown = [session.frame(invention=pressed) and session.view.invention for pressed in (True, False, True, True)]
    assert shown == [True, (), False, True]


def test_switching_the_surface_while_dragging_lets_go_of_the_old_one():
    session = Session.of()
    hand = HandSample(session.ray((0.1, 0.1)), trigger=1.0, push_zooms=True)
    session.frame(hand)
    session.frame(hand, keys=("s",))
    assert session.view.surface is SurfaceKind.RETINA
    assert session.frame(replace(hand, aim=session.ray((0.3, 0.0)))) == ()
    assert session.holds == [None]


def test_a_wheel_and_a_drag_of_one_frame_keep_the_held_point_under_the_ray():
    session = Session.of()
    session.frame(HandSample(session.ray((0.1, 0.1)), trigger=1.0))
    held = session.holds[0].uv
    ray = session.ray((-0.2, 0.3))
    intents = session.frame(HandSample(ray, trigger=1.0, zoom_steps=0.5))
    assert [type(intent) for intent in intents] == [Pan, Zoom]
    assert session.pointed(ray).uv == pytest.approx(held)
