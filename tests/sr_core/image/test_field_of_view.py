"""The fitted circle against HRF's own masks, drawn discs and pictures without a rim."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.image.field_of_view import FieldOfView, fit_field_of_view
from sr_core.image.photograph import load_photograph

DATA = Path(os.environ.get("FUNDUSXR_DATA", "no-data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="FUNDUSXR_DATA is not set to the image data")


def disc(width, height, field, seed=0):
    """A noisy disc, brighter at its centre, on a near-black surround."""
    rng = np.random.default_rng(seed)
    x = np.arange(width) + 0.5 - field.cx
    y = np.arange(height)[:, None] + 0.5 - field.cy
    bright = 190 - 110 * (x * x + y * y) / field.radius**2
    grey = np.where(field.mask((height, width)), bright, 4) + rng.normal(0, 2.5, (height, width))
    return np.clip(np.stack([grey, grey * 0.5, grey * 0.2], axis=-1), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "field"),
    [
        ((1200, 900), FieldOfView(600, 450, 400)),
        ((1200, 900), FieldOfView(580, 460, 560)),  # clipped above and below
        ((900, 1200), FieldOfView(430, 610, 500)),  # clipped left and right
        ((700, 700), FieldOfView(350, 350, 345)),
        ((300, 200), FieldOfView(150.5, 99.5, 80)),
    ],
)
def test_a_drawn_disc_is_found_within_half_a_percent(size, field):
    found = fit_field_of_view(disc(*size, field))
    for got, wanted in ((found.cx, field.cx), (found.cy, field.cy), (found.radius, field.radius)):
        assert abs(got - wanted) < max(0.005 * field.radius, 0.75)


def test_a_label_in_the_surround_does_not_pull_the_circle():
    field = FieldOfView(600, 450, 400)
    pixels = disc(1200, 900, field).copy()
    pixels[20:60, 20:300] = 255
    found = fit_field_of_view(pixels)
    assert np.hypot(found.cx - 600, found.cy - 450) < 2
    assert abs(found.radius - 400) < 2


@pytest.mark.parametrize("value", [0, 90, 255])
def test_a_picture_without_a_rim_gets_the_circle_over_its_longer_side(value):
    assert fit_field_of_view(np.full((300, 500, 3), value, np.uint8)) == FieldOfView(250, 150, 250)


def test_noise_and_tiny_pictures_do_not_crash():
    for shape in ((16, 16, 3), (16, 4000, 3)):
        found = fit_field_of_view(np.random.default_rng(1).integers(0, 255, shape, dtype=np.uint8))
        assert np.isfinite([found.cx, found.cy, found.radius]).all()
        assert found.radius > 0


def test_mask_counts_pixel_centres_and_erodes():
    field = FieldOfView(2.0, 2.0, 1.0)
    assert field.mask((4, 4, 3)).sum() == 4
    assert not field.mask((4, 4), erode=0.5).any()
    assert FieldOfView(50, 50, 40).mask((100, 100)).sum() == pytest.approx(np.pi * 1600, rel=0.01)


def test_bounding_rect_is_clipped_to_the_frame_and_moves_with_crops():
    field = FieldOfView(50.0, 20.0, 30.0)
    assert field.bounding_rect((60, 100, 3)) == (20, 0, 80, 50)
    assert FieldOfView(-50, -50, 3).bounding_rect((10, 10)) == (0, 0, 1, 1)
    assert field.cropped(20, 10).scaled(0.5) == FieldOfView(15.0, 5.0, 15.0)


@needs_data
def test_all_hrf_fields_agree_with_the_masks_within_one_percent():
    worst = {}
    for path in sorted((DATA / "HRF/images").iterdir()):
        mask = np.array(Image.open(DATA / "HRF/mask" / f"{path.stem}_mask.png").convert("L")) > 0
        truth = circle_of_mask(mask)
        found = load_photograph(path).field
        error = np.hypot(found.cx - truth[0], found.cy - truth[1]), abs(found.radius - truth[2])
        worst[path.name] = max(error) / truth[2]
    assert len(worst) == 45
    assert max(worst.values()) < 0.01, max(worst.items(), key=lambda item: item[1])


def circle_of_mask(mask):
    """Centre and radius from a mask's extreme columns, and rows by its area-free symmetry: the disc reaches
    its full width, and is cut evenly or not at all above and below, so the widest row's middle is the
    centre."""
    columns = np.flatnonzero(mask.any(axis=0))
    left, right = columns[0], columns[-1] + 1
    rows = np.flatnonzero(mask[:, left + 3])
    return (left + right) / 2, (rows[0] + rows[-1] + 1) / 2, (right - left) / 2


@needs_data
def test_demo_and_clipped_photographs():
    demo = load_photograph(DATA / "demo/retina.jpg").field
    assert demo.cx == pytest.approx(705, abs=7)
    assert demo.radius == pytest.approx(697, abs=7)
    for name in ("IDRiD_01", "IDRiD_30"):
        field = load_photograph(DATA / f"IDRiD/segmentation_training/{name}.jpg").field
        assert field.radius == pytest.approx(1707, rel=0.01)
        assert field.radius * 2 > 2848
