"""Where the scene stands: before the head, level, at eye height; never where a bad pose would put it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vr_app.core.space.origin import EYE_HEIGHT, at_eye_height, before_head, floor_height
from vr_app.core.space.pose import Pose, product

angles = st.floats(-math.pi, math.pi)
NAN = float("nan")


def turned(yaw: float, pitch: float, roll: float) -> tuple:
    about = [(0, math.sin(yaw / 2), 0, math.cos(yaw / 2)), (math.sin(pitch / 2), 0, 0, math.cos(pitch / 2))]
    return product(product(*about), (0, 0, math.sin(roll / 2), math.cos(roll / 2)))


@given(angles, st.floats(-1.3, 1.3), st.floats(-0.6, 0.6))
def test_it_stands_level_before_the_head_whatever_its_nod_and_tilt(yaw, pitch, roll):
    origin = before_head(Pose((1.0, 1.4, -2.0), turned(yaw, pitch, roll)))
    assert origin.position == (1.0, 1.4, -2.0)
    axes = origin.rotation()
    assert axes[:, 1] == pytest.approx([0, 1, 0], abs=1e-9)
    assert -axes[:, 2] == pytest.approx([-math.sin(yaw), 0, -math.cos(yaw)], abs=1e-6)


@pytest.mark.parametrize("pitch", [math.pi / 2, -math.pi / 2])
def test_who_looks_straight_up_or_down_has_it_where_the_body_faces(pitch):
    origin = before_head(Pose((0.0, 1.6, 0.0), turned(0.7, pitch, 0.0)))
    assert -origin.rotation()[:, 2] == pytest.approx([-math.sin(0.7), 0, -math.cos(0.7)], abs=1e-6)


@pytest.mark.parametrize(
    "head",
    [
        Pose((NAN, 1.6, 0.0)),
        Pose((0.0, math.inf, 0.0)),
        Pose((0.0, 1e9, 0.0)),
        Pose((0.0, 1.6, 0.0), (0.0, 0.0, 0.0, 0.0)),
        Pose((0.0, 1.6, 0.0), (NAN, 0.0, 0.0, 1.0)),
    ],
)
def test_a_head_that_is_nowhere_moves_nothing(head):
    assert before_head(head) is None
    assert at_eye_height(head) is None


@pytest.mark.parametrize(("height", "moved"), [(0.0, None), (0.2, None), (-0.2, None), (1.6, 1.6), (-0.5, -0.5)])
def test_the_first_sight_is_at_eye_height_and_as_the_runtime_has_it_otherwise(height, moved):
    origin = at_eye_height(Pose((0.7, height, -0.3), turned(1.0, 0.2, 0.0)))
    assert origin == (None if moved is None else Pose((0.0, moved, 0.0)))


@pytest.mark.parametrize("found", [None, 0.0, -0.2, 10.0, -10.0, NAN, math.inf])
def test_a_floor_that_is_none_is_where_it_mostly_is(found):
    assert floor_height(found) == -EYE_HEIGHT


@pytest.mark.parametrize("found", [-1.1, -1.6, -2.0])
def test_a_floor_that_is_told_is_believed(found):
    assert floor_height(found) == found


def test_rotations_here_are_what_they_say():
    assert Pose((0, 0, 0), turned(0.0, 0.3, 0.0)).rotation()[:, 2] == pytest.approx(
        np.array([0, -math.sin(0.3), math.cos(0.3)])
    )
