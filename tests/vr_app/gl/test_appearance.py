"""What is drawn of an adjusted photograph, against the same formulas in NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.gl_stage import Stage, demo_photograph, enlarged, eye_at, offscreen
from vr_app.core.scene.field_mean import MeanBook, field_means
from vr_app.core.scene.local_contrast import CurveBook, local_curves
from vr_app.core.scene.scene import Scene
from vr_app.core.scene.words import AI_COLOR
from vr_app.core.view.appearance import LUMA, REGIONS, SAMPLES, Appearance, Channel, Curves
from vr_app.core.view.intent import SurfaceKind

PANEL, RETINA = SurfaceKind.PANEL, SurfaceKind.RETINA


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with offscreen():
        stage = Stage(demo_photograph())
        yield stage
        stage.close()


def coarse(stage: Stage) -> np.ndarray:
    return stage.pyramid.levels[2]


def drawn(stage: Stage, look: Appearance, kind: SurfaceKind = PANEL) -> np.ndarray:
    eye = eye_at()
    items = stage.items(stage.view(kind, (0.5, 0.5), 1.0), (eye,))
    items = MeanBook(lambda _: coarse(stage)).added_to(items, stage.view(kind, (0.5, 0.5), 1.0).record_of, look.channel)
    items = CurveBook(lambda _: coarse(stage)).added_to(items, look.channel) if look.local else items
    return stage.draw(Scene(items, appearance=look), eye)


def curve_at(curves: Curves, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The four nearest regions' curves, interpolated: `values` (n,) 0 to 1, `at` (n, 2) 0 to 1."""
    place = np.clip(at * REGIONS - 0.5, 0, REGIONS - 1)
    first = np.minimum(place.astype(int), REGIONS - 2)
    part = place - first
    along = values * (SAMPLES - 1)
    low = np.minimum(along.astype(int), SAMPLES - 2)
    total = np.zeros_like(values)
    for dx in (0, 1):
        for dy in (0, 1):
            rows = curves.samples[first[:, 1] + dy, first[:, 0] + dx] / 65535.0
            n = np.arange(len(values))
            value = rows[n, low] * (1 - (along - low)) + rows[n, low + 1] * (along - low)
            total += value * np.where(dx, part[:, 0], 1 - part[:, 0]) * np.where(dy, part[:, 1], 1 - part[:, 1])
    return total


def expected(picture: np.ndarray, look: Appearance, curves: Curves, at: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """What becomes of pixels (n, 3) uint8 as photographed, 0 to 255. `mean`: of the channels of the field of view."""
    value = picture / 255.0
    place = {Channel.RED: 0, Channel.RED_FREE: 1, Channel.BLUE: 2}.get(look.channel)
    if place is not None:
        value = np.repeat(value[:, place : place + 1], 3, axis=1)
    if look.local:
        grey = np.maximum(value @ LUMA, 1e-4)
        wanted = grey + look.local * (curve_at(curves, grey, at) - grey)
        value = value * (wanted / grey)[:, None]
        most = value.max(axis=1)
        pale = np.divide(1 - wanted, most - wanted, where=most > 1, out=np.ones_like(most))
        value = wanted[:, None] + (value - wanted[:, None]) * pale[:, None]
    mean = mean if place is None else mean[place]
    value = np.clip((value - mean) * look.contrast + mean + look.brightness, 0, 1)
    return 255 * value ** (1 / look.gamma)


@pytest.mark.parametrize(
    "look",
    [
        Appearance(Channel.RED_FREE),
        Appearance(Channel.RED),
        Appearance(Channel.BLUE),
        Appearance(brightness=0.1),
        Appearance(contrast=1.6),
        Appearance(contrast=0.5, brightness=-0.05),
        Appearance(gamma=1.8),
        Appearance(gamma=0.5),
        Appearance(local=1.0),
        Appearance(local=0.5),
        Appearance(Channel.RED_FREE, 0.05, 1.3, 1.2, 0.7),
    ],
    ids=lambda look: look.told(),
)
def test_pixels_follow_the_formula(stage: Stage, look: Appearance) -> None:
    eye = eye_at()
    plain, shown = drawn(stage, Appearance()), drawn(stage, look)
    panel = stage.items(stage.view(PANEL, (0.5, 0.5), 1.0), (eye,))[0].surface
    x, y = np.meshgrid(np.arange(eye.size[0]) + 0.5, np.arange(eye.size[1]) + 0.5)
    s, _ = panel.hit(np.zeros(3), eye.rays(x, y))
    inside = (np.abs(s) < 0.49).all(axis=-1)
    field = stage.view(PANEL, (0.5, 0.5), 1.0).field_of(0)
    mean = np.array(field_means(coarse(stage), field))
    assert (np.abs(mean - 0.5) > 0.05).all()  # so that it matters which it is
    wanted = expected(plain[inside], look, local_curves(coarse(stage), look.channel), s[inside] + 0.5, mean)
    # The plain picture is rounded before the formula stretches it.
    steep = max(1.0, look.contrast) * (4.0 if look.local else 1.0) * (3.0 if look.gamma > 1 else 1.0)
    assert np.abs(shown[inside] - wanted).mean() < 1.0
    assert np.percentile(np.abs(shown[inside] - wanted), 99) < 1.5 * steep
    assert np.abs(shown[inside].astype(int) - plain[inside]).mean() > 2
    room = (plain == plain[0, 0]).all(axis=-1)
    assert room.sum() > 10_000
    assert np.array_equal(shown[room & ~inside], plain[room & ~inside])


def test_what_is_as_photographed_is_drawn_as_before(stage: Stage) -> None:
    eye = eye_at()
    items = stage.items(stage.view(PANEL, (0.5, 0.5), 1.0), (eye,))
    assert np.array_equal(stage.draw(Scene(items), eye), drawn(stage, Appearance()))


@pytest.mark.parametrize("kind", [PANEL, RETINA])
def test_local_contrast_raises_contrast_and_shows_no_seams(stage: Stage, kind: SurfaceKind) -> None:
    plain, shown = (drawn(stage, Appearance(Channel.RED_FREE, local=part), kind)[..., 0] for part in (0.0, 1.0))
    middle = np.s_[120:240, 180:300]
    assert shown[middle].std() > 1.3 * plain[middle].std()
    even = Curves(np.broadcast_to(np.linspace(0, 65535, SAMPLES).astype(np.uint16), (REGIONS, REGIONS, SAMPLES)))
    eye = eye_at()
    look = Appearance(Channel.RED_FREE, local=1.0)
    items = stage.items(stage.view(kind, (0.5, 0.5), 1.0), (eye,))
    straight = stage.draw(Scene(tuple(replace(item, curves=even) for item in items), appearance=look), eye)
    assert np.abs(straight[middle][..., 0].astype(int) - plain[middle]).max() <= 1


def test_marks_of_what_is_computed_keep_their_colours() -> None:
    with offscreen():
        pixels = demo_photograph(edge=403)
        stage = Stage(pixels, {level: enlarged(pixels, level) for level in (1, 2, 3)})
        eye = eye_at()
        items = stage.items(stage.view(PANEL, (0.5, 0.5), 1.6), (eye,))
        look = Appearance(Channel.RED_FREE, contrast=2.0, brightness=-0.3)
        for scene in (Scene(items), Scene(items, appearance=look)):
            cyan = np.abs(stage.draw(scene, eye) - 255 * np.array(AI_COLOR[:3])).max(axis=-1) < 6
            assert cyan.sum() > 400
        stage.close()
