"""How far away each pixel is, as a headset's runtime is told it, against where rays meet what is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.gl_stage import SIZE, Stage, ahead, demo_photograph, eye_at, offscreen, to_surface
from vr_app.core.scene.scene import LabelItem, RayItem, Scene
from vr_app.core.space.pose import FAR, Pose
from vr_app.core.space.surface import Panel
from vr_app.core.view.intent import SurfaceKind
from vr_app.gl import objects
from vr_app.gl.context import GL
from vr_app.gl.depth import DepthTarget

EYE = replace(eye_at(), pose=Pose((0.1, 0.05, 0.0), (0.0, 0.04, 0.02, 0.999)))


@pytest.fixture(scope="module", params=["GL_DEPTH_COMPONENT32F", "GL_DEPTH24_STENCIL8", "GL_DEPTH_COMPONENT16"])
def drawn(request: pytest.FixtureRequest) -> Iterator[tuple[Stage, DepthTarget]]:
    with offscreen():
        stage = Stage(demo_photograph(200))
        texture = objects.texture()
        GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
        GL.glTexStorage2D(GL.GL_TEXTURE_2D, 1, getattr(GL, request.param), *SIZE)
        target = DepthTarget(texture, SIZE)
        yield stage, target
        target.close()
        stage.close()


@pytest.mark.parametrize("kind", ["panel", "bent", "retina"])
def test_each_pixel_of_a_surface_is_as_far_away_as_it_is(drawn: tuple[Stage, DepthTarget], kind: str) -> None:
    stage, target = drawn
    surface = SurfaceKind.RETINA if kind == "retina" else SurfaceKind.PANEL
    (item,) = stage.items(stage.view(surface, (0.5, 0.5), 1.0), (EYE,))
    if kind == "bent":
        item = replace(item, surface=replace(item.surface, bend=0.5))
    # What is drawn last lies on top, though it is farther away.
    nearer = replace(item, surface=Panel(Pose((0.0, 0.0, -0.7)), 0.1, 0.1))
    stage.renderer.draw_depth(Scene((nearer, item), floor=-1.6), target, EYE)
    found, meant = ahead(SIZE), to_surface(item.surface, EYE)
    inside = np.isfinite(meant)
    assert inside.mean() > 0.1
    assert found[inside] == pytest.approx(meant[inside], rel=2e-3)
    if kind != "retina":
        assert (found[0] > 0.99 * FAR).all()  # nothing above the panel


def test_the_floor_words_and_rays_have_their_depth_too(drawn: tuple[Stage, DepthTarget]) -> None:
    stage, target = drawn
    eye = replace(EYE, pose=Pose((0.0, 0.0, 0.0), (-0.2, 0.0, 0.0, 0.98)))  # looking down
    ray = RayItem((0.0, -0.3, -0.3), (0.0, -0.6, -1.5), True)
    words = LabelItem("optic disc", Pose((0.6, -0.5, -1.2)), 0.1, align=0.5)
    stage.renderer.draw_depth(Scene(labels=(words,), rays=(ray,), floor=-1.6), target, eye)
    made = objects.made()
    stage.renderer.draw_depth(Scene(labels=(words,), rays=(ray,), floor=-1.6), target, eye)
    assert objects.made() == made
    found = ahead(SIZE)
    to_eye = eye.pose.inverse_matrix()
    clip = eye.fov.projection() @ to_eye
    for point in (ray.end, words.pose.position, (-0.5, -1.6, -3.0)):
        x, y, _, w = clip @ (*point, 1.0)
        column, row = (x / w + 1) / 2 * SIZE[0], (1 - y / w) / 2 * SIZE[1]
        assert found[int(row), int(column)] == pytest.approx(-(to_eye @ (*point, 1.0))[2], rel=5e-3)
    stage.renderer.draw_depth(Scene(), target, eye)
    assert (ahead(SIZE) > 0.99 * FAR).all()
