"""The filter that steadies the rays: it stills a hand that trembles and keeps up with one that moves."""

import math
from itertools import pairwise

import numpy as np
import pytest

from vr_app.core.hands.hand import PoseFilter
from vr_app.core.space.pose import Pose, Ray, product

FRAME = 1 / 72


def turned(angle: float, position=(0.0, 0.0, 0.0)) -> Pose:
    """About the vertical, to the left."""
    return Pose.facing(position, angle)


def yaw(pose: Pose) -> float:
    x, _, z = Ray.along(pose).direction
    return math.atan2(-x, -z)


def test_the_first_pose_is_taken_as_it_is():
    pose = turned(0.4, (1.0, 2.0, 3.0))
    smooth = PoseFilter()
    assert smooth.smooth(pose, FRAME) == pose
    smooth.smooth(turned(0.5), FRAME)
    smooth.forget()
    assert smooth.last is None
    assert smooth.smooth(turned(-2.0), FRAME) == turned(-2.0)


def test_a_trembling_hand_at_rest_trembles_three_times_less():
    noise = np.random.default_rng(1).normal(0.0, 1.0, (720, 4))
    smooth, seen = PoseFilter(), []
    for n in noise:
        pose = turned(math.radians(0.1) * n[0], tuple((0.001 * n[1:]).tolist()))
        seen.append(smooth.smooth(pose, FRAME))
    angles = np.array([yaw(pose) for pose in seen[72:]])
    places = np.array([pose.position for pose in seen[72:]])
    assert angles.std() < math.radians(0.1) / 3
    assert (places.std(axis=0) < 0.001 / 3).all()
    assert abs(angles.mean()) < math.radians(0.02)


@pytest.mark.parametrize("speed", [0.2, 0.5, 1.0, 3.0])
def test_a_hand_that_moves_is_followed_within_a_frame(speed):
    smooth, behind = PoseFilter(), []
    for n in range(144):
        along = speed * n * FRAME
        pose = smooth.smooth(turned(along, (along, 0.0, 0.0)), FRAME)
        behind.append((math.remainder(along - yaw(pose), 2 * math.pi), along - pose.position[0]))
    turn, way = behind[-1]
    assert -1e-9 <= turn <= speed * FRAME
    assert -1e-9 <= way <= speed * FRAME


@pytest.mark.parametrize("speed", [0.005, 0.02, 0.05, 0.1, 0.2, 2.0])
def test_at_no_steady_speed_is_it_more_behind_than_a_sixth_of_a_degree_and_three_millimetres(speed):
    smooth = PoseFilter()
    for n in range(720):
        along = speed * n * FRAME
        pose = smooth.smooth(turned(along, (along, 0.0, 0.0)), FRAME)
    turn = math.remainder(along - yaw(pose), 2 * math.pi)
    assert turn <= math.radians(0.16)
    assert along - pose.position[0] <= 0.0028


def test_a_hand_that_stops_is_reached_soon_and_then_exactly():
    smooth = PoseFilter()
    for n in range(36):
        smooth.smooth(turned(0.02 * n, (0.01 * n, 0.0, 0.0)), FRAME)
    end = turned(0.02 * 35, (0.35, 0.0, 0.0))
    poses = [smooth.smooth(end, FRAME) for _ in range(72)]
    assert poses[-1] == end
    gaps = [math.dist(pose.position, end.position) for pose in poses]
    assert all(later <= sooner for sooner, later in pairwise(gaps))
    assert gaps[5] < 1e-3


def test_the_two_signs_of_a_quaternion_are_one_orientation():
    smooth = PoseFilter()
    other = tuple(-part for part in turned(0.2).orientation)
    smooth.smooth(turned(0.2), FRAME)
    pose = smooth.smooth(Pose(orientation=other), FRAME)
    assert yaw(pose) == pytest.approx(0.2)
    assert math.hypot(*pose.orientation) == pytest.approx(1.0)


def test_without_time_nothing_moves():
    smooth = PoseFilter()
    first = smooth.smooth(turned(0.1), FRAME)
    assert smooth.smooth(turned(0.5), 0.0) == first


def test_poses_compose_and_invert():
    one = Pose((1.0, -2.0, 0.5), product(turned(0.7).orientation, (math.sin(0.2), 0.0, 0.0, math.cos(0.2))))
    two = Pose((0.3, 0.1, -4.0), turned(-1.2).orientation)
    assert one.after(two).matrix() == pytest.approx(one.matrix() @ two.matrix())
    assert one.inverse().matrix() == pytest.approx(one.inverse_matrix())
    assert one.point((1.0, 2.0, 3.0)) == pytest.approx((one.matrix() @ [1, 2, 3, 1])[:3])


@pytest.mark.parametrize(
    "pose",
    [
        Pose((math.nan, 0.0, 0.0)),
        Pose((0.0, math.inf, 0.0)),
        Pose(orientation=(0.0, 0.0, 0.0, 0.0)),
        Pose(orientation=(math.nan, 0.0, 0.0, 1.0)),
    ],
)
def test_what_is_no_pose_says_so(pose):
    assert not pose.sound
    assert Pose((1.0, 2.0, 3.0)).sound
