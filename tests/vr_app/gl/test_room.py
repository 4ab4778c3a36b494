"""The room's floor and the veil as they are drawn: where the grid is, how dim, how calm, and how dark it gets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.gl_stage import Stage, demo_photograph, eye_at, offscreen
from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Eye, Pose
from vr_app.core.view.intent import SurfaceKind
from vr_app.gl.room import REACH

FLOOR = -1.6
EYE = eye_at(0.4, size=(900, 700), vertical=80.0)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with offscreen():
        stage = Stage(demo_photograph(edge=600))
        yield stage
        stage.close()


def light(picture: np.ndarray) -> np.ndarray:
    return (picture.astype(float).mean(axis=-1) / 255) ** 2.2


def on_floor(eye: Eye) -> np.ndarray:
    """(H, W, 2) where each pixel's ray meets the floor, metres right and back; NaN above the horizon."""
    columns, rows = np.arange(eye.size[0])[None] + 0.5, np.arange(eye.size[1])[:, None] + 0.5
    rays = eye.rays(columns, rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        away = (FLOOR - eye.pose.position[1]) / rays[..., 1]
    points = np.asarray(eye.pose.position) + away[..., None] * rays
    return np.where((away > 0)[..., None], points[..., [0, 2]], np.nan)


@pytest.mark.parametrize("pitch", [0.0, -0.5, -1.2])
@pytest.mark.parametrize("yaw", [0.0, 0.6])
def test_the_lines_lie_a_metre_apart_on_the_floor_and_nowhere_else(stage, pitch, yaw):
    turn = np.array([math.sin(pitch / 2), 0, 0, math.cos(pitch / 2)])
    about = math.sin(yaw / 2), math.cos(yaw / 2)
    orientation = (about[1] * turn[0], about[0] * turn[3], -about[0] * turn[0], about[1] * turn[3])
    eye = replace(EYE, pose=Pose(EYE.pose.position, tuple(float(part) for part in orientation)))
    bare, room = (light(stage.draw(Scene(floor=floor), eye)) for floor in (None, FLOOR))
    drawn = room - bare
    place = on_floor(eye)
    radius = np.hypot(place[..., 0], place[..., 1])
    off = np.abs(place - np.round(place))
    with np.errstate(invalid="ignore"):
        assert np.abs(drawn[~(radius < REACH)]).max(initial=0.0) < 1e-3  # neither beyond nor above the horizon
        near = radius < 3.0
        between = near & (off.min(axis=-1) > 0.1)
        on_line = near & (off.min(axis=-1) < 0.003)
    assert between.any()
    assert on_line.any()
    assert np.abs(drawn[between]).max() < 1e-3
    assert drawn[on_line].mean() > 0.006
    assert room.max() < 0.06  # dim


def test_a_swaying_head_makes_nothing_flicker(stage):
    """The light of a piece of the floor stays the same, wherever the lines fall between the pixels. (Farther away they
    are so faint that an 8-bit picture's own steps are larger.)"""
    sums = []
    for step in range(12):
        eye = replace(EYE, pose=Pose((0.4 + 0.004 * step, 0.003 * step, 0.0)))
        place = on_floor(eye)
        with np.errstate(invalid="ignore"):
            far = (np.abs(place[..., 0]) < 3.0) & (place[..., 1] < -1.5) & (place[..., 1] > -3.5)
        picture = light(stage.draw(Scene(floor=FLOOR), eye)) - light(stage.draw(Scene(), eye))
        sums.append(picture[far].mean())
    sums = np.array(sums)
    assert sums.min() > 0
    assert sums.max() / sums.min() < 1.15
    assert np.abs(np.diff(sums)).max() < 0.1 * sums.mean()


def test_panels_stand_before_the_floor(stage):
    (item,) = stage.items(stage.view(SurfaceKind.PANEL, (0.5, 0.5), 1.0), (EYE,))
    bare, room = (stage.draw(Scene((item,), floor=floor), EYE) for floor in (None, FLOOR))
    columns, rows = np.arange(EYE.size[0])[None] + 0.5, np.arange(EYE.size[1])[:, None] + 0.5
    s, _ = item.surface.hit(np.asarray(EYE.pose.position), EYE.rays(columns, rows))
    inside = np.isfinite(s).all(axis=-1)
    assert inside.any()
    assert np.array_equal(bare[inside], room[inside])


@pytest.mark.parametrize("shade", [0.25, 0.7, 1.0])
def test_the_veil_darkens_all_alike(stage, shade):
    (item,) = stage.items(stage.view(SurfaceKind.PANEL, (0.5, 0.5), 1.0), (EYE,))
    open_, veiled = (light(stage.draw(Scene((item,), veil=veil), EYE)) for veil in (0.0, shade))
    bright = open_ > 0.1
    assert veiled[bright] == pytest.approx(open_[bright] * (1 - shade) + 0.0056 * shade, abs=0.03)
    if shade == 1.0:
        assert veiled.max() - veiled.min() < 1e-3
