"""Poses, rays, fields of view and eyes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vr_app.core.space.pose import Eye, Fov, Pose, Ray

examples = settings(deadline=None, max_examples=60)

coordinates = st.floats(-5, 5)
positions = st.tuples(coordinates, coordinates, coordinates)
parts = st.floats(-1, 1)
orientations = (
    st.tuples(parts, parts, parts, parts)
    .filter(lambda q: math.hypot(*q) > 0.1)
    .map(lambda q: tuple(part / math.hypot(*q) for part in q))
)
poses = st.builds(Pose, positions, orientations)
half_angles = st.floats(0.1, 1.2)
fovs = st.builds(
    lambda left, right, up, down: Fov(-left, right, up, -down), half_angles, half_angles, half_angles, half_angles
)
sizes = st.tuples(st.integers(1, 4000), st.integers(1, 4000))
eyes = st.builds(Eye, poses, fovs, sizes)
fractions = st.floats(0, 1)

SKEWED = Fov(-0.9, 0.6, 0.5, -0.8)


def picture_position(eye: Eye, point: np.ndarray) -> np.ndarray:
    """Column and row at which OpenGL's viewport transform shows a world point."""
    assert np.array_equal(eye.to_clip, eye.fov.projection() @ eye.pose.inverse_matrix())
    clip = eye.to_clip @ np.append(point, 1.0)
    x, y = clip[:2] / clip[3]
    return np.array([(x + 1) / 2 * eye.size[0], (1 - y) / 2 * eye.size[1]])


@examples
@given(eyes, fractions, fractions, st.floats(0.1, 50))
def test_a_point_along_an_eyes_ray_is_drawn_at_the_pixel_the_ray_came_from(eye, across, down, distance):
    pixel = np.array([across * eye.size[0], down * eye.size[1]])
    direction = eye.rays(pixel[0], pixel[1])
    point = np.asarray(eye.pose.position) + distance * direction
    assert picture_position(eye, point) == pytest.approx(pixel, abs=1e-6)


def test_the_corner_rays_of_a_skewed_eye_run_along_its_four_tangents():
    eye = Eye(Pose(), SKEWED, (200, 100))
    upper_left, lower_right = eye.rays(np.array([0, 200]), np.array([0, 100]))
    assert upper_left[:2] / -upper_left[2] == pytest.approx([math.tan(-0.9), math.tan(0.5)])
    assert lower_right[:2] / -lower_right[2] == pytest.approx([math.tan(0.6), math.tan(-0.8)])


def test_rays_broadcast_columns_with_rows_and_have_unit_length():
    eye = Eye(Pose.facing((1, 2, 3), 0.7), SKEWED, (7, 5))
    rays = eye.rays(np.arange(7) + 0.5, (np.arange(5) + 0.5)[:, None])
    assert rays.shape == (5, 7, 3)
    assert np.linalg.norm(rays, axis=-1) == pytest.approx(np.ones((5, 7)))
    assert rays[3, 6] == pytest.approx(eye.rays(6.5, 3.5))


@pytest.mark.parametrize(("distance", "depth"), [(0.2, -1.0), (30.0, 1.0)])
def test_the_projection_puts_the_near_and_far_planes_at_the_ends_of_clip_space(distance, depth):
    clip = SKEWED.projection(near=0.2, far=30.0) @ np.array([0.1, -0.2, -distance, 1.0])
    assert clip[3] == pytest.approx(distance)
    assert clip[2] / clip[3] == pytest.approx(depth)


@examples
@given(poses, positions)
def test_the_inverse_matrix_undoes_the_matrix(pose, point):
    there = pose.matrix() @ np.append(point, 1.0)
    assert pose.inverse_matrix() @ there == pytest.approx(np.append(point, 1.0), abs=1e-9)


@examples
@given(poses)
def test_the_inverse_matrix_brings_the_poses_own_place_and_axes_to_the_origin(pose):
    axes = np.vstack([pose.rotation(), np.zeros(3)])
    assert pose.inverse_matrix() @ axes == pytest.approx(np.eye(4)[:, :3], abs=1e-9)
    assert pose.inverse_matrix() @ np.append(pose.position, 1.0) == pytest.approx([0, 0, 0, 1], abs=1e-9)


@pytest.mark.parametrize(
    ("yaw", "ahead"), [(0.0, (0, 0, -1)), (math.pi / 2, (-1, 0, 0)), (-math.pi / 2, (1, 0, 0)), (math.pi, (0, 0, 1))]
)
def test_facing_turns_to_the_left_for_a_positive_yaw_and_stays_upright(yaw, ahead):
    pose = Pose.facing((1.0, 2.0, 3.0), yaw)
    assert Ray.along(pose).direction == pytest.approx(ahead, abs=1e-12)
    assert pose.rotation()[:, 1] == pytest.approx([0, 1, 0])
    assert pose.position == (1.0, 2.0, 3.0)


@examples
@given(poses, st.floats(0, 50))
def test_an_aim_ray_runs_from_the_pose_along_its_own_minus_z(pose, distance):
    local = pose.inverse_matrix() @ np.append(Ray.along(pose).at(distance), 1.0)
    assert local[:3] == pytest.approx([0, 0, -distance], abs=1e-9)


def test_a_symmetric_field_of_view_has_the_given_height_and_the_pictures_aspect():
    left, right, up, down = Fov.symmetric(math.radians(60), 16 / 9).tangents()
    assert (up, down) == pytest.approx((math.tan(math.radians(30)), -math.tan(math.radians(30))))
    assert (left, right) == pytest.approx((-up * 16 / 9, up * 16 / 9))


@examples
@given(st.tuples(st.integers(10, 4000), st.integers(10, 4000)), st.floats(0.05, 5), st.floats(0.05, 5))
def test_framing_shows_both_halves_and_no_more_than_it_must(size, half_width, half_height):
    left, right, up, down = Fov.framing(size, half_width, half_height).tangents()
    assert (left, down) == pytest.approx((-right, -up))
    assert right / up == pytest.approx(size[0] / size[1])
    spare = (right / half_width, up / half_height)
    assert min(spare) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("size", "expected"), [((200, 100), (2.0, 1.0)), ((100, 200), (0.8, 1.6)), ((100, 100), (1.0, 1.0))]
)
def test_framing_lets_the_tighter_side_of_the_picture_decide(size, expected):
    _, right, up, _ = Fov.framing(size, 0.8, 1.0).tangents()
    assert (right, up) == pytest.approx(expected)
