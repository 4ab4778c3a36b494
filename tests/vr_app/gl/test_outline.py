"""Outlines of regions as they are drawn: around the region and nowhere in it, on panel and retina, to the pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from sr_core.image.geometry import Rect
from tests.helpers.gl_stage import Stage, demo_photograph, eye_at, offscreen
from vr_app.core.scene.composition import SHARPER, Offer, Shape, arrange
from vr_app.core.scene.outline import CASING, REGION_COLOUR, Outline
from vr_app.core.scene.region_words import region_labels
from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import photograph_uv
from vr_app.core.view.intent import SurfaceKind
from vr_app.gl.objects import Framebuffer

EYE = eye_at(0.05, size=(720, 540))
SHINES = np.array([round(255 * part) for part in REGION_COLOUR[:3]])


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with offscreen():
        stage = Stage(demo_photograph(edge=600))
        yield stage
        stage.close()


def seen_uv(item, eye) -> np.ndarray:
    """(H, W, 2) the photograph pixel under each of the eye's; NaN beside the surface."""
    columns, rows = np.arange(eye.size[0])[None] + 0.5, np.arange(eye.size[1])[:, None] + 0.5
    s, _ = item.surface.hit(np.asarray(eye.pose.position), eye.rays(columns, rows))
    return photograph_uv(s, item.view.center, item.view.zoom) * item.size


def grown(mask: np.ndarray, by: int) -> np.ndarray:
    padded = np.pad(mask, by)
    height, width = mask.shape
    shifts = [(y, x) for y in range(2 * by + 1) for x in range(2 * by + 1)]
    return np.any([padded[y : y + height, x : x + width] for y, x in shifts], axis=0)


@pytest.mark.parametrize("kind", list(SurfaceKind))
@pytest.mark.parametrize("rect", [Rect(200, 150, 160, 120), Rect(0, 0, 600, 480), Rect(500, 20, 90, 440)])
@pytest.mark.parametrize("chosen", [False, True])
def test_the_line_runs_around_the_region_and_covers_none_of_it(stage, kind, rect, chosen):
    zoom = 1.3 if kind is SurfaceKind.PANEL else 1.0
    (item,) = stage.items(stage.view(kind, (0.5, 0.5), zoom), (EYE,))
    outline = Outline(rect, chosen)
    without = stage.draw(Scene((item,)), EYE)
    drawn = stage.draw(Scene((replace(item, outlines=(outline,)),)), EYE)
    x, y = np.moveaxis(seen_uv(item, EYE), -1, 0)
    inside = (x >= rect.x) & (x <= rect.right) & (y >= rect.y) & (y <= rect.bottom)
    changed = (drawn != without).any(axis=-1)
    shines = (np.abs(drawn.astype(int) - SHINES) < 40).all(axis=-1)
    # A pixel on the border may have a trace of the line's soft edge; deeper in, nothing may.
    within = inside & ~grown(~inside, 1)
    assert not (changed & within).any()
    reach = int(np.ceil(outline.width + 2 * CASING)) + 2
    ring = grown(inside, reach) & ~inside
    assert not (changed & ~(ring | inside)).any()
    on_border = grown(inside, 3) & ~inside & np.isfinite(x)
    if rect.w < 600:
        assert shines.sum() > 0.5 * on_border.sum() / 3
    assert (shines & ring).sum() == shines.sum()


def test_the_line_is_as_wide_near_and_far(stage):
    """Whatever the zoom, it covers as many pixels for its length."""
    widths = []
    for zoom in (1.0, 4.0):
        (item,) = stage.items(stage.view(SurfaceKind.PANEL, (0.5, 0.5), zoom), (EYE,))
        edge = round(300 / zoom)
        around = Outline(Rect(300 - edge // 2, 240 - edge // 2, edge, edge), True)
        drawn = stage.draw(Scene((replace(item, outlines=(around,)),)), EYE)
        shines = (np.abs(drawn.astype(int) - SHINES) < 40).all(axis=-1)
        middle = shines[EYE.size[1] // 2]
        widths.append(int(middle.sum()))
    assert widths[0] == pytest.approx(widths[1], abs=2)
    assert 2 <= widths[0] <= 8


def test_names_stand_beside_their_regions_and_never_on_each_other(stage):
    (item,) = stage.items(stage.view(SurfaceKind.PANEL, (0.5, 0.5), 1.0), (EYE,))
    rects = [Rect(200, 150, 100, 100), Rect(205, 152, 95, 95), Rect(40, 0, 100, 60), Rect(0, 0, 600, 480)]
    around = tuple(Outline(rect, i == 0, f"{i + 1} lesion") for i, rect in enumerate(rects))
    told = region_labels([replace(item, outlines=around)])
    assert told[0].text == "1 lesion"
    half = item.surface.height / 2
    boxes = [
        (label.pose.position[1] - 0.65 * label.height, label.pose.position[1] + 0.65 * label.height) for label in told
    ]
    assert all(-half <= low and high <= half for low, high in boxes)
    spots = [(label.pose.position[0], label.pose.position[1], label.height) for label in told]
    for i, (x, y, height) in enumerate(spots):
        for other_x, other_y, _ in spots[:i]:
            assert abs(y - other_y) > height or abs(x - other_x) > 3 * height
    x0 = (rects[0].x / 600 - 0.5) * item.surface.width
    y0 = (0.5 - rects[0].y / 480) * item.surface.height
    assert told[0].pose.position[1] > y0
    assert told[0].pose.position[0] == pytest.approx(x0, abs=0.05)


def test_names_of_regions_out_of_sight_are_not_told(stage):
    (item,) = stage.items(stage.view(SurfaceKind.PANEL, (0.2, 0.2), 6.0), (EYE,))
    assert region_labels([replace(item, outlines=(Outline(Rect(400, 300, 50, 50), True, "1 disc"),))]) == ()


def test_a_region_of_the_retina_has_its_name_turned_to_the_eye(stage):
    (item,) = stage.items(stage.view(SurfaceKind.RETINA, (0.5, 0.5), 1.0), (EYE,))
    (told,) = region_labels([replace(item, outlines=(Outline(Rect(420, 100, 60, 60), True, "1 disc"),))])
    toward = told.pose.rotation()[:, 2]
    position = np.array(told.pose.position)
    assert toward @ (-position / np.linalg.norm(position)) == pytest.approx(1.0, abs=1e-6)
    assert told.pose.rotation()[1, 1] > 0.9  # upright


@pytest.mark.parametrize("chosen", [False, True])
def test_on_the_retinas_own_picture_too_the_line_runs_around_the_region(stage, chosen):
    rect = Rect(200, 150, 160, 120)
    (item,) = stage.items(stage.view(SurfaceKind.RETINA, (0.5, 0.5), 1.5), (EYE,))
    scene = Scene((replace(item, outlines=(Outline(rect, chosen),)),))
    offer = Offer(16, 4096, frozenset(Shape))
    (layered,) = arrange(scene, (EYE, EYE), offer, {}, len).layers
    assert layered.shape is Shape.EQUIRECT
    face, retina = layered.face, layered.surface
    pictures = []
    for content in (layered.content, replace(layered.content, surfaces=(replace(item, outlines=()),))):
        framebuffer = Framebuffer.create(face.size)
        stage.renderer.draw_face(framebuffer, replace(layered, content=content))
        pictures.append(framebuffer.read().astype(int))
        framebuffer.close()
    drawn, without = pictures
    # Where each of its pixels lies on the photograph, by way of the sphere.
    columns, rows = np.meshgrid(*[(np.arange(count) + 0.5) / count for count in face.size])
    longitude, latitude = face.left + columns * (face.right - face.left), face.top - rows * (face.top - face.bottom)
    across = np.cos(latitude)
    towards = np.stack([np.sin(longitude) * across, np.sin(latitude), -np.cos(longitude) * across], axis=-1)
    s, _ = replace(retina, pose=Pose()).hit(np.zeros(3), towards)
    x, y = np.moveaxis(photograph_uv(s, item.view.center, item.view.zoom) * item.size, -1, 0)
    inside = (x >= rect.x) & (x <= rect.right) & (y >= rect.y) & (y <= rect.bottom)
    changed = (drawn != without).any(axis=-1)
    assert not (changed & inside & ~grown(~inside, 1)).any()
    width = Outline(rect, chosen).width
    shines = (np.abs(drawn - SHINES) < 40).all(axis=-1)
    assert not (changed & ~grown(inside, round(SHARPER * (width + 2 * CASING)) + 3)).any()
    # As wide as 1.5 times the line in the eye, all around.
    middle = int(np.flatnonzero(inside.any(axis=1)).mean())
    left = np.flatnonzero(inside[middle])[0]
    assert shines[middle, left - 12 : left].sum() == pytest.approx(SHARPER * width, abs=1.0)
    border = grown(inside, 8) & ~inside
    assert shines[border].sum() > 2 * (inside.any(axis=0).sum() + inside.any(axis=1).sum())
