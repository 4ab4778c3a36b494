"""Pixels that a headset's lens never shows are not drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.helpers.gl_stage import SIZE, Stage, demo_photograph, eye_at, offscreen
from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Fov
from vr_app.core.view.intent import SurfaceKind
from vr_app.gl.context import GL
from vr_app.gl.mask import HiddenArea
from vr_app.gl.objects import Framebuffer

EYE = eye_at()

LOWER_LEFT = np.array([[[-1.0, -1.0], [0.0, -1.0], [-1.0, 1.0]]])
"""From the lower left corner half of the way along the lower edge, and all of it up the left one."""


def test_points_ahead_come_to_lie_across_the_picture() -> None:
    fov = Fov(math.atan(-1.0), math.atan(0.5), math.atan(0.25), math.atan(-0.75))
    corners = np.array([[-1.0, 0.25], [0.5, -0.75], [-0.25, -0.25]])
    assert fov.across(corners) == pytest.approx(np.array([[-1.0, 1.0], [1.0, -1.0], [0.0, 0.0]]))


def samples_drawn(stage: Stage, target: Framebuffer, scene: Scene) -> int:
    (query,) = map(int, GL.glGenQueries(1))
    GL.glBeginQuery(GL.GL_SAMPLES_PASSED, query)
    stage.renderer.draw(target, EYE, scene)
    GL.glEndQuery(GL.GL_SAMPLES_PASSED)
    return int(GL.glGetQueryObjectuiv(query, GL.GL_QUERY_RESULT))


def test_what_is_hidden_is_not_drawn_and_all_else_is_as_ever() -> None:
    with offscreen():
        stage = Stage(demo_photograph(200))
        scene = Scene(stage.items(stage.view(SurfaceKind.PANEL, (0.5, 0.5), 1.0), (EYE,)))
        open_, masked = Framebuffer.create(SIZE), Framebuffer.create(SIZE)
        hidden = HiddenArea(SIZE)
        hidden.draw(LOWER_LEFT)
        masked.hide(hidden.handle)
        # In turns: the stencil is drawn once, serves every picture, and leaves other framebuffers alone.
        samples = [samples_drawn(stage, target, scene) for target in (masked, open_, masked, open_)]
        assert samples[:2] == samples[2:]
        assert samples[0] < 0.85 * samples[1]
        whole, picture = open_.read(), masked.read()
        width, height = SIZE
        x, y = (np.arange(width) + 0.5) / width, 1 - (np.arange(height) + 0.5) / height
        inside = 2 * x[None, :] + y[:, None] < 1 - 1e-9
        assert (picture[inside] == whole[0, 0]).all()
        assert (picture[~inside] == whole[~inside]).all()
        for owner in (hidden, masked, open_, stage):
            owner.close()
