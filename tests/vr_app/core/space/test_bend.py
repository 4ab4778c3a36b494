"""Panels that are bent: the wall's."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vr_app.core.scene.outline import standing_at
from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import LINE_ANGLE, Panel, bent, columns, standing_on, unbent

FRACTION = st.floats(-0.5, 0.5)
BEND = 0.5
PANEL = Panel(Pose.facing((-0.9, 0.4, -1.7), 0.5), 1.4, 0.9, bend=BEND)


@given(st.tuples(st.floats(-3, 3), st.floats(-2, 2), st.floats(-0.5, 0.5)), st.floats(0.1, 0.9))
def test_what_is_bent_is_unrolled_to_where_it_was(flat, bend):
    there = bent(np.array(flat), bend)
    assert math.hypot(there[0], there[2] - 1 / bend) == pytest.approx(
        1 / bend - flat[2]
    )  # on the cylinder, or before it
    assert np.allclose(unbent(there, bend), flat, atol=1e-9)


@given(FRACTION, FRACTION, st.floats(-0.6, 0.6), st.floats(-0.5, 0.5), st.floats(-0.5, 2.0))
def test_a_ray_to_a_point_of_a_bent_panel_hits_that_point(u, v, x, y, back):
    s = np.array([u, v]) * 0.99
    origin = np.array([x, y, back])
    way = PANEL.point(s) - origin
    far = float(np.linalg.norm(way))
    hit, distance = PANEL.hit(origin, way / far)
    assert np.allclose(hit, s, atol=1e-9)
    assert distance == pytest.approx(far)


def test_its_back_its_gap_and_what_lies_behind_are_not_hit():
    middle = PANEL.point(np.zeros(2))
    toward = PANEL.pose.rotation()[:, 2]
    front, behind = middle + toward, middle - toward
    assert np.isfinite(PANEL.hit(front, -toward)[0]).all()
    assert np.isnan(PANEL.hit(front, toward)[0]).all()
    assert np.isnan(PANEL.hit(behind, toward)[0]).all()
    assert np.isnan(PANEL.hit(front, np.array([0.0, 1.0, 0.0]))[0]).all()  # along the axis' direction
    beside = PANEL.point(np.array([0.52, 0.0])) - front
    assert np.isnan(PANEL.hit(front, beside / np.linalg.norm(beside))[0]).all()
    # From beyond the axis, outside of the cylinder, it is still seen.
    far = middle + 6 * toward
    assert PANEL.hit(far, -toward)[1] == pytest.approx(6.0)


def test_it_touches_the_flat_one_along_its_middle_and_is_as_wide():
    flat = replace(PANEL, bend=0.0)
    upright = np.array([[0.0, v] for v in (-0.5, 0.0, 0.5)])
    assert np.allclose(PANEL.point(upright), flat.point(upright))
    along = PANEL.point(np.stack([np.linspace(-0.5, 0.5, 2001), np.zeros(2001)], axis=-1))
    assert np.linalg.norm(np.diff(along, axis=0), axis=1).sum() == pytest.approx(PANEL.width, rel=1e-6)


def test_what_stands_on_it_is_turned_as_it_is_there():
    s = np.array([0.4, -0.2])
    pose = standing_at(PANEL, s, 0.01)
    right, up, before = pose.rotation().T
    step = np.array([1e-5, 0.0])
    slope = PANEL.point(s + step) - PANEL.point(s - step)
    assert np.allclose(right, slope / np.linalg.norm(slope), atol=1e-6)
    assert np.allclose(up, PANEL.pose.rotation()[:, 1])
    assert np.allclose(pose.position, PANEL.point(s) + 0.01 * before)
    assert standing_on(PANEL.pose, np.array([0.1, 0.2, 0.3]), 0.0).orientation == PANEL.pose.orientation


def test_it_is_drawn_in_pieces_that_nobody_sees_to_be_straight():
    assert columns(1.4, 0.0) == 1
    pieces = columns(PANEL.width, PANEL.bend)
    angle = PANEL.width * PANEL.bend / pieces
    assert 0.9 * LINE_ANGLE < angle <= LINE_ANGLE
    assert (1 - math.cos(angle / 2)) / PANEL.bend < 1e-4  # metres between the arc and the line
