"""Marking regions with hands and mouse, played frame by frame."""

from itertools import pairwise

import pytest

from tests.vr_app.core.hands.test_hands import AWAY, DT, HAND, INFO, Session, at
from vr_app.core.hands.sample import HandSample
from vr_app.core.space.pose import Pose, Ray
from vr_app.core.space.surface import photograph_uv
from vr_app.core.view.intent import ArmMarking, BlinkRegion, SurfaceKind
from vr_app.core.view.region import BLINK

both_surfaces = pytest.mark.parametrize("surface", [SurfaceKind.PANEL, SurfaceKind.RETINA])


def uv(session: Session, s: tuple[float, float]):
    return photograph_uv(s, session.view.front.center, session.view.front.zoom)


def marked(session: Session) -> list:
    return [region.rect for region in session.view.regions.known]


def covers(session: Session, rect, one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether a region spans what lies between two places of the surface, to a pixel."""
    corners = [uv(session, s) * INFO.size for s in (one, other)]
    low, high = (pick(*corners) for pick in (lambda a, b: [*map(min, a, b)], lambda a, b: [*map(max, a, b)]))
    found = (rect.x, rect.y, rect.right, rect.bottom)
    return all(abs(a - b) <= 1.001 for a, b in zip(found, (*low, *high), strict=True))


@both_surfaces
def test_shift_and_drag_with_the_mouse_marks_and_moves_nothing(surface):
    session = Session.of(surface)
    seen = session.view.images
    session.frame(HandSample(session.ray((-0.2, -0.1)), grip=1.0))
    session.frame(HandSample(session.ray((-0.2, -0.1)), trigger=1.0, grip=1.0))
    session.frame(HandSample(session.ray((0.1, 0.2)), trigger=1.0, grip=1.0))
    assert session.view.regions.draft is not None
    assert not marked(session)
    session.frame(HandSample(session.ray((0.1, 0.2)), grip=1.0))
    (rect,) = marked(session)
    assert covers(session, rect, (-0.2, -0.1), (0.1, 0.2))
    assert session.view.regions.draft is None
    assert session.view.images == seen
    assert not session.view.panels


def squeezed(session: Session, s: tuple[float, float], trigger: float, shift: float = 0.0, **more) -> HandSample:
    pose = at(session, s, (HAND[0] + shift, HAND[1], HAND[2]))
    return HandSample(Ray.along(pose), trigger=trigger, grip=1.0, pose=pose, **more)


def test_a_squeeze_and_drag_marks_and_puts_back_the_panel_that_slipped():
    session = Session.of()
    session.frame(squeezed(session, (-0.2, -0.1), 0.0))
    for _ in range(5):
        session.frame(squeezed(session, (-0.2, -0.1), 0.0, shift=0.01))
    assert session.view.panels
    session.frame(squeezed(session, (-0.2, -0.1), 1.0, shift=0.01))
    assert not session.view.panels
    for _ in range(200):
        session.frame(squeezed(session, (0.1, 0.2), 1.0))
    session.frame(squeezed(session, (0.1, 0.2), 0.0))
    (rect,) = marked(session)
    assert abs(rect.right - (uv(session, (0.1, 0.2)) * INFO.size)[0]) < 3
    for _ in range(5):
        session.frame(squeezed(session, (0.3, 0.2), 0.0))
    assert not session.view.panels  # it takes a new squeeze to move it


def test_a_panel_that_was_carried_for_a_while_stays_where_it_is():
    session = Session.of()
    for step in range(60):
        session.frame(squeezed(session, (0.0, 0.0), 0.0, shift=0.001 * step))
    moved = session.view.panels
    session.frame(squeezed(session, (0.0, 0.0), 1.0, shift=0.06))
    assert moved
    assert [image for image, _ in session.view.panels] == [0]


def test_bare_hands_that_close_only_move_the_panel():
    session = Session.of()
    session.frame(squeezed(session, (0.0, 0.0), 0.0, squeezes=False))
    session.frame(squeezed(session, (0.0, 0.0), 1.0, shift=0.02, squeezes=False))
    session.frame(squeezed(session, (0.2, 0.0), 1.0, shift=0.05, squeezes=False))
    assert session.view.regions.draft is None
    assert session.view.panels


def test_the_other_hands_trigger_still_scales_a_panel():
    session = Session.of()
    left = at(session, (-0.3, 0.0), (-0.2, -0.3, 0.1))
    other = HandSample(Ray.along(left), grip=0.0, pose=left)
    session.frame(squeezed(session, (0.0, 0.0), 0.0), other)
    session.frame(squeezed(session, (0.0, 0.0), 0.0), HandSample(other.aim, trigger=1.0, grip=1.0, pose=left))
    assert session.view.regions.draft is None


@both_surfaces
def test_once_armed_a_trigger_alone_marks(surface):
    session = Session.of(surface)
    session.apply(ArmMarking(True))
    session.frame(HandSample(session.ray((0.0, 0.0))))
    session.frame(HandSample(session.ray((0.0, 0.0)), trigger=1.0))
    session.frame(HandSample(session.ray((0.2, 0.2)), trigger=1.0))
    session.frame(HandSample(session.ray((0.2, 0.2))))
    (rect,) = marked(session)
    assert covers(session, rect, (0.0, 0.0), (0.2, 0.2))
    centre = session.view.front.center
    session.frame(HandSample(session.ray((0.2, 0.2)), trigger=1.0))
    session.frame(HandSample(session.ray((0.1, 0.2)), trigger=1.0))
    assert session.view.front.center != centre  # the next drag pans again
    assert len(marked(session)) == 1


@pytest.mark.parametrize(
    "lost", [HandSample(), HandSample(pose=Pose((float("nan"), 0.0, 0.0)), aim=Ray((0.0, 0.0, 0.0), (0.0, 0.0, -1.0)))]
)
def test_a_hand_that_vanishes_marks_nothing(lost):
    session = Session.of()
    session.frame(squeezed(session, (0.0, 0.0), 0.0))
    session.frame(squeezed(session, (0.0, 0.0), 1.0))
    session.frame(squeezed(session, (0.2, 0.2), 1.0))
    assert session.view.regions.draft is not None
    session.frame(lost)
    assert session.view.regions.draft is None
    session.frame(squeezed(session, (0.2, 0.2), 1.0))
    session.frame(squeezed(session, (0.2, 0.2), 0.0))
    assert not marked(session)


def test_a_drag_beyond_the_surface_marks_up_to_where_it_left():
    session = Session.of()
    session.frame(HandSample(session.ray((0.0, 0.0)), grip=1.0))
    session.frame(HandSample(session.ray((0.0, 0.0)), trigger=1.0, grip=1.0))
    session.frame(HandSample(session.ray((0.3, 0.3)), trigger=1.0, grip=1.0))
    session.frame(HandSample(AWAY, trigger=1.0, grip=1.0))
    session.frame(HandSample(AWAY, grip=1.0))
    (rect,) = marked(session)
    assert covers(session, rect, (0.0, 0.0), (0.3, 0.3))


def test_a_squeeze_beside_every_photograph_marks_nothing():
    session = Session.of()
    session.frame(HandSample(AWAY, grip=1.0))
    session.frame(HandSample(AWAY, trigger=1.0, grip=1.0))
    session.frame(HandSample(session.ray((0.0, 0.0)), trigger=1.0, grip=1.0))
    session.frame(HandSample(session.ray((0.0, 0.0)), grip=1.0))
    assert not marked(session)


@pytest.mark.parametrize("asked", ["held", "switched"])
def test_blinking_shows_photograph_and_super_resolution_in_turn_while_it_lasts(asked):
    session = Session.of()
    if asked == "switched":
        session.apply(BlinkRegion(True))
    held = asked == "held"
    shown = []
    for _ in range(round(4 * BLINK / DT)):
        session.frame(blink=held)
        shown.append(session.view.original)
    turns = sum(a != b for a, b in pairwise(shown))
    assert shown[0] is True
    assert turns == 3
    assert sum(shown) == pytest.approx(len(shown) / 2, abs=2)
    if asked == "switched":
        session.apply(BlinkRegion(False))
    session.frame()
    assert session.view.original is False
