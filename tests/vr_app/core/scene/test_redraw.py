"""What has not changed in a picture need not be drawn again: the part that is drawn holds every pixel that differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from sr_core.image.geometry import Rect
from tests.helpers.gl_stage import Stage, demo_photograph, eye_at, offscreen
from vr_app.core.scene.redraw import changed_part, only_tiles
from vr_app.core.scene.scene import LabelItem, RayItem, Scene, SurfaceItem
from vr_app.core.space.pose import Pose
from vr_app.core.tiles.page_table import synthesised_around
from vr_app.core.view.intent import SurfaceKind
from vr_app.gl.objects import Framebuffer

EYE = eye_at()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with offscreen():
        stage = Stage(demo_photograph(edge=600))
        yield stage
        stage.close()


def shown(stage: Stage, kind: SurfaceKind = SurfaceKind.PANEL, zoom: float = 3.0) -> SurfaceItem:
    return stage.items(stage.view(kind, (0.5, 0.5), zoom), (EYE,))[0]


def with_tiles(item: SurfaceItem, tiles: Rect, **columns: int) -> SurfaceItem:
    """The item with other entries in some of its window's tiles."""
    entries = item.pages.entries.copy()
    for name, value in columns.items():
        entries[*tiles.slices(), ("below", "level", "above", "above_level", "fade", "failed").index(name)] = value
    entries[..., 6] = synthesised_around(entries)
    return replace(item, pages=replace(item.pages, entries=entries))


def label(text: str, x: float = 0.0) -> LabelItem:
    return LabelItem(text, Pose((x, -0.2, -1.2)), 0.03, align=0.5, background=(0.1, 0.1, 0.1, 1.0))


def differ(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(H, W) bool, first row at the bottom: more than by a level, by which two variants of a shader may round apart."""
    return (np.abs(a.astype(int) - b.astype(int)) > 1).any(axis=-1)[::-1]


@pytest.mark.parametrize("tiles", [Rect(1, 1, 1, 1), Rect(0, 0, 2, 1), Rect(2, 1, 1, 2)])
@pytest.mark.parametrize("change", [{"level": 1}, {"failed": 1}, {"below": -1}])
def test_the_part_holds_every_pixel_that_differs_and_is_no_more_than_needed(stage, tiles, change):
    before = Scene((shown(stage),), (label("before"), label("always", 0.3)))
    now = Scene((with_tiles(before.surfaces[0], tiles, **change),), (label("and now"), label("always", 0.3)))
    part = changed_part(before, now, EYE)
    changed = differ(stage.draw(before, EYE), stage.draw(now, EYE))
    assert changed.any()
    outside = changed.copy()
    outside[part.slices()] = False
    assert not outside.any()
    assert Rect(0, 0, *EYE.size).contains(part)


def test_the_part_drawn_over_what_stands_is_the_whole_picture(stage):
    before = Scene((shown(stage),), (label("before"),))
    now = Scene((with_tiles(before.surfaces[0], Rect(1, 1, 1, 1), level=1),), (label("before"),))
    part = changed_part(before, now, EYE)
    assert 0 < part.area < EYE.size[0] * EYE.size[1] / 2
    framebuffer = Framebuffer.create(EYE.size)
    stage.renderer.draw(framebuffer, EYE, before)
    stage.renderer.draw(framebuffer, EYE, now, part)
    np.testing.assert_array_equal(framebuffer.read(), stage.draw(now, EYE))
    framebuffer.close()


def test_where_nothing_differs_nothing_is_drawn(stage):
    item = shown(stage)
    again = replace(item, pages=replace(item.pages, entries=item.pages.entries.copy()))
    assert changed_part(Scene((item,)), Scene((item,)), EYE).empty
    assert changed_part(Scene((item,)), Scene((again,)), EYE).empty
    out_of_sight = LabelItem("far", Pose((50.0, 0.0, -1.0)), 0.03)
    assert changed_part(Scene((item,)), Scene((item,), (out_of_sight,)), EYE).empty


def test_all_is_drawn_again_where_the_view_the_window_or_anything_but_tiles_and_labels_changed(stage):
    item = shown(stage)
    before = Scene((item,))
    behind = LabelItem("behind", Pose((0.0, 0.0, 1.0)), 0.03)
    retina = shown(stage, SurfaceKind.RETINA)
    for now in (
        Scene((shown(stage, zoom=3.1),)),
        Scene((replace(item, pages=replace(item.pages, base=(item.pages.base[0] + 1, item.pages.base[1]))),)),
        Scene((item, item)),
        Scene((item,), rays=(RayItem((0.0, 0.0, 0.0), (0.0, 0.0, -1.0), True),)),
        Scene((item,), invention=True),
        Scene((item,), (behind,)),
    ):
        assert changed_part(before, now, EYE) is None
    changed = with_tiles(retina, Rect(0, 0, 1, 1), level=1)
    assert changed_part(Scene((retina,)), Scene((changed,)), EYE) is None


def test_tiles_and_labels_that_come_are_told_from_all_else_that_changes(stage):
    before = Scene((shown(stage),), (label("before"),))
    item = before.surfaces[0]
    more = with_tiles(item, Rect(1, 1, 1, 1), fade=500)
    assert only_tiles(before, replace(before, surfaces=(more,), labels=(label("and now"),)))
    assert not only_tiles(before, replace(before, surfaces=(more, more)))
    assert not only_tiles(before, replace(before, surfaces=(shown(stage, zoom=3.5),)))
    assert not only_tiles(before, replace(before, surfaces=(shown(stage, SurfaceKind.RETINA),)))
    assert not only_tiles(before, replace(before, surfaces=(more,), invention=True))
    assert not only_tiles(before, replace(before, rays=(RayItem((0.0, 0.0, 0.0), (0.0, 0.0, -1.0), False),)))
