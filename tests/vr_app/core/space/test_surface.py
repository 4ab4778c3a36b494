"""The panel and the curved retina: where they are, and where rays meet them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vr_app.core.space.pose import Eye, Fov, Pose
from vr_app.core.space.surface import CAP_ANGLE, Panel, Retina, photograph_uv, retina_angle, surface_s

examples = settings(deadline=None, max_examples=60)

TURNED = Pose((0.3, -0.2, 0.5), (0.1825741858350554, 0.3651483716701107, 0.5477225575051661, 0.7302967433402214))
"""A pose without any symmetry to hide a swapped axis or a forgotten inverse."""

PANEL = Panel(TURNED, 2.4, 1.6)
SIZE, FIELD_RADIUS = (1600, 1200), 550.0
RETINA = Retina.of(SIZE, FIELD_RADIUS, 45.0, TURNED, 2.0)
CENTER = np.asarray(TURNED.position)

halves = st.floats(-0.49, 0.49)
signed = st.floats(-1, 1)


def world(*local: float) -> np.ndarray:
    """A point of TURNED's own axes in the world."""
    return (TURNED.matrix() @ np.array([*local, 1.0]))[:3]


def toward(origin: np.ndarray, target: np.ndarray) -> np.ndarray:
    return (target - origin) / np.linalg.norm(target - origin)


def angle_between(a: np.ndarray, b: np.ndarray) -> float:
    return math.atan2(float(np.linalg.norm(np.cross(a, b))), float(a @ b))


def angle_at_centre(*s: tuple[float, float]) -> float:
    """The angle at the sphere's centre between two points of the retina (or one and the middle)."""
    first, second = (RETINA.point(np.array(point)) - CENTER for point in (s if len(s) == 2 else (*s, (0.0, 0.0))))
    return angle_between(first, second)


@examples
@given(halves, halves, st.floats(-3, 3), st.floats(-3, 3), st.floats(0.1, 5))
def test_a_ray_to_a_panels_point_hits_that_point(u, v, x, y, before):
    origin, target = world(x, y, before), PANEL.point(np.array([u, v]))
    s, distance = PANEL.hit(origin, toward(origin, target))
    assert s == pytest.approx([u, v], abs=1e-9)
    assert distance == pytest.approx(np.linalg.norm(target - origin))


def test_a_panels_corners_lie_where_a_viewer_in_front_reads_them():
    assert PANEL.point(np.array([-0.5, -0.5])) == pytest.approx(world(-1.2, 0.8, 0))
    assert PANEL.point(np.array([0.5, -0.5])) == pytest.approx(world(1.2, 0.8, 0))
    assert PANEL.point(np.array([0.5, 0.5])) == pytest.approx(world(1.2, -0.8, 0))


@pytest.mark.parametrize(
    ("origin", "target"),
    [
        pytest.param((0, 0, -1), (0, 0, 0), id="from behind"),
        pytest.param((0, 0, 1), (0, 0, 2), id="turned away"),
        pytest.param((0, 0, 1), (1, 0, 1), id="parallel"),
        pytest.param((0, 0, 0), (1, 0, 0), id="within the plane"),
        pytest.param((0, 0, 1), (1.21, 0, 0), id="right of the edge"),
        pytest.param((0, 0, 1), (-1.21, 0, 0), id="left of the edge"),
        pytest.param((0, 0, 1), (0, 0.81, 0), id="above the edge"),
        pytest.param((0, 0, 1), (0, -0.81, 0), id="below the edge"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_ray_misses_a_panel(origin, target):
    s, distance = PANEL.hit(world(*origin), toward(world(*origin), world(*target)))
    assert np.isnan(s).all()
    assert np.isnan(distance)


@pytest.mark.parametrize("edge", [(1.19, 0, 0), (-1.19, 0, 0), (0, 0.79, 0), (0, -0.79, 0)])
def test_a_ray_just_within_a_panels_edge_hits(edge):
    s, _ = PANEL.hit(world(0, 0, 1), toward(world(0, 0, 1), world(*edge)))
    assert s == pytest.approx([edge[0] / 2.4, -edge[1] / 1.6])


@pytest.mark.parametrize("surface", [PANEL, RETINA], ids=["panel", "retina"])
def test_many_rays_are_answered_as_each_alone(surface):
    origin = world(0.1, 0.2, 0.4)
    eye = Eye(Pose(tuple(origin), TURNED.orientation), Fov.symmetric(2.4, 1.0), (9, 9))
    rays = eye.rays(np.arange(9) + 0.5, (np.arange(9) + 0.5)[:, None])
    s, distance = surface.hit(origin, rays)
    assert s.shape == (9, 9, 2)
    assert 0 < np.isfinite(distance).sum() < 81
    for row, column in np.ndindex(9, 9):
        alone, far = surface.hit(origin, rays[row, column])
        np.testing.assert_allclose(s[row, column], alone)
        np.testing.assert_allclose(distance[row, column], far)


def test_a_field_of_45_degrees_subtends_65_degrees_at_the_spheres_centre():
    across, down = FIELD_RADIUS / SIZE[0], FIELD_RADIUS / SIZE[1]
    assert math.degrees(angle_at_centre((-across, 0), (across, 0))) == pytest.approx(65.0, abs=0.05)
    assert math.degrees(angle_at_centre((0, -down), (0, down))) == pytest.approx(65.0, abs=0.05)


@pytest.mark.parametrize("field", [20.0, 30.0, 45.0, 60.0])
def test_a_degree_of_the_field_is_029_mm_of_arc_on_an_eye_of_115_mm(field):
    retina = Retina.of(SIZE, FIELD_RADIUS, field, TURNED, 2.0)
    rim = retina.point(np.array([FIELD_RADIUS / SIZE[0], 0])) - CENTER
    pole = retina.point(np.zeros(2)) - CENTER
    assert angle_between(rim, pole) * 11.5 == pytest.approx(0.29 * field / 2)
    assert retina_angle(field) * 11.5 == pytest.approx(0.29 * field)


@examples
@given(st.floats(0, 2 * math.pi), st.floats(0, 1))
def test_the_angle_from_the_pole_grows_with_the_photographs_radius_alone(bearing, fraction):
    pixels = fraction * FIELD_RADIUS
    s = (pixels * math.cos(bearing) / SIZE[0], pixels * math.sin(bearing) / SIZE[1])
    assert angle_at_centre(s) == pytest.approx(fraction * 45 * 0.29 / 11.5 / 2, abs=1e-9)


@examples
@given(st.floats(0, 2 * math.pi), st.floats(0.05, 1))
def test_a_bearing_in_the_photograph_is_the_same_bearing_seen_from_the_centre(bearing, fraction):
    pixels = fraction * FIELD_RADIUS
    s = np.array([pixels * math.cos(bearing) / SIZE[0], pixels * math.sin(bearing) / SIZE[1]])
    x, y, z = (TURNED.inverse_matrix() @ np.append(RETINA.point(s), 1.0))[:3]
    assert (x, -y) / np.hypot(x, y) == pytest.approx([math.cos(bearing), math.sin(bearing)])
    assert z < 0


def test_the_retinas_middle_lies_straight_ahead_at_the_spheres_radius():
    assert RETINA.point(np.zeros(2)) == pytest.approx(world(0, 0, -2.0))


@pytest.mark.parametrize("place", [(0, 0, 0), (0.4, -0.3, 0.2), (0, 0, 0.9)])
def test_from_inside_the_photograph_is_not_mirrored(place):
    eye = Eye(Pose(tuple(world(*place)), TURNED.orientation), Fov.symmetric(math.radians(60), 1.0), (100, 100))
    s, _ = RETINA.hit(world(*place), eye.rays(np.array([10, 50, 90, 50]), np.array([50, 10, 50, 90])))
    left, top, right, bottom = s
    assert left[0] < top[0] < right[0]
    assert top[1] < left[1] < bottom[1]


@examples
@given(signed, signed, st.tuples(signed, signed, signed).filter(lambda p: math.hypot(*p) < 0.9))
def test_a_ray_from_anywhere_inside_to_a_point_of_the_retina_hits_that_point(u, v, place):
    s = np.array([u, v])
    assume(math.hypot(u * RETINA.radians_u, v * RETINA.radians_v) < CAP_ANGLE - 1e-6)
    origin, target = world(*(2.0 * part for part in place)), RETINA.point(s)
    assert np.linalg.norm(target - CENTER) == pytest.approx(2.0)
    hit, distance = RETINA.hit(origin, toward(origin, target))
    assert hit == pytest.approx(s, abs=1e-9)
    assert distance == pytest.approx(np.linalg.norm(target - origin))


@pytest.mark.parametrize("bearing", [0, 1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("place", [(0, 0, 0), (0.5, 0.1, 0.4)])
def test_the_retina_ends_80_degrees_from_its_pole(bearing, place):
    def at(degrees: float) -> np.ndarray:
        angle = math.radians(degrees)
        side = 2 * math.sin(angle)
        return world(side * math.cos(bearing), side * math.sin(bearing), -2 * math.cos(angle))

    inside, _ = RETINA.hit(world(*place), toward(world(*place), at(79.99)))
    outside, distance = RETINA.hit(world(*place), toward(world(*place), at(80.01)))
    assert np.isfinite(inside).all()
    assert np.isnan(outside).all()
    assert np.isnan(distance)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("origin", "target"),
    [((0, 0, 0), (0, 0, 1)), ((0, 5, 0), (1, 5, 0)), ((0, 0, -5), (0, 0, -6))],
    ids=["behind the viewer", "past the sphere", "the sphere behind"],
)
def test_a_ray_misses_the_retina(origin, target):
    s, distance = RETINA.hit(world(*origin), toward(world(*origin), world(*target)))
    assert np.isnan(s).all()
    assert np.isnan(distance)


def test_the_extents_reach_the_panels_edges_and_the_retinas_end():
    assert PANEL.bounds == (-0.5, -0.5, 0.5, 0.5)
    left, top, across, down = RETINA.bounds
    assert (left, top) == (-across, -down)
    assert angle_at_centre((across, 0)) == pytest.approx(math.radians(80))
    assert angle_at_centre((0, down)) == pytest.approx(math.radians(80))


def test_at_zoom_1_a_centred_surface_shows_the_photograph_edge_to_edge():
    corners = photograph_uv(np.array([[-0.5, -0.5], [0.5, 0.5]]), (0.5, 0.5), 1.0)
    assert corners == pytest.approx(np.array([[0, 0], [1, 1]]))


def test_a_quarter_to_the_right_at_zoom_4_is_a_sixteenth_of_the_photograph():
    assert photograph_uv(np.array([0.25, 0.0]), (0.3, 0.6), 4.0) == pytest.approx([0.3625, 0.6])


@examples
@given(signed, signed, st.tuples(st.floats(0, 1), st.floats(0, 1)), st.floats(1, 64))
def test_a_photograph_point_is_seen_where_it_is_read(u, v, center, zoom):
    assert surface_s(photograph_uv([u, v], center, zoom), center, zoom) == pytest.approx([u, v], abs=1e-9)


@pytest.mark.parametrize("panel", [PANEL, replace(PANEL, window=(-0.2, -0.5, 0.4, 0.1)), replace(PANEL, bend=0.5)])
def test_drawing_begins_in_the_middle_of_what_is_there_of_a_panel(panel):
    drawn = panel.drawn
    left, top, right, bottom = panel.bounds
    assert drawn.middle == pytest.approx(((left + right) / 2, (top + bottom) / 2))
    assert drawn.size == pytest.approx((2.4 * (right - left), 1.6 * (bottom - top)))
    assert drawn.to_world @ (0, 0, 0, 1) == pytest.approx([*panel.point(np.array(drawn.middle)), 1])
    corner = [*panel.point(np.array([right, top])), 1]
    there = drawn.to_world @ (drawn.size[0] / 2, drawn.size[1] / 2, 0, 1)
    assert (there == pytest.approx(corner)) == (panel.bend == 0)
    assert (drawn.columns > 1) == (panel.bend > 0)
