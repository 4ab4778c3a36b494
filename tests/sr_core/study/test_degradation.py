"""The field preset: repeatable, each ingredient doing its own part, the tone near, and JPEG as libjpeg does it."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from sr_core.image.resample import shrink, to_uint8
from sr_core.study.data.degradation import FIELD, Degradation, apply, blur_kernel, degrade, draw, illumination, jpeg

CLEAN = Degradation((0.0, 0.0, 0.0, 0.0, 0.0), 0.0, 0.0, None, 0.0, 0.0, None, 0)


@pytest.fixture(scope="module")
def retina():
    """A red-brown ground with fine structure, uint8 (128, 160, 3), far from black and white."""
    rng = np.random.default_rng(5)
    texture = gaussian_filter(rng.standard_normal((128, 160)), 1.5)
    return to_uint8(np.array([150, 90, 60]) + 90 * texture[..., None] * np.array([0.7, 1.0, 0.6]))


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_the_same_seed_gives_the_same_pixels_and_another_gives_others(retina, scale):
    first = degrade(retina, scale, np.random.default_rng(1))
    assert first.shape == (128 // scale, 160 // scale, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, degrade(retina, scale, np.random.default_rng(1)))
    assert (first != degrade(retina, scale, np.random.default_rng(2))).mean() > 0.3


def test_sides_that_are_no_multiple_are_cropped(retina):
    assert degrade(retina[:127, :155], 8, np.random.default_rng(0)).shape == (15, 19, 3)


def test_without_any_ingredient_it_is_the_papers_bicubic(retina):
    np.testing.assert_array_equal(apply(CLEAN, retina, 4), to_uint8(shrink(retina, 4)))


def test_draws_stay_in_the_ranges_of_the_preset():
    rng = np.random.default_rng(0)
    drawn = [draw(rng) for _ in range(400)]
    assert all(FIELD.light[0] <= one.light_depth <= FIELD.light[1] for one in drawn)
    assert all(FIELD.blur[0] <= one.blur <= FIELD.blur[1] for one in drawn)
    assert all(FIELD.jpeg[0] <= one.jpeg <= FIELD.jpeg[1] for one in drawn)
    assert all(FIELD.shot[0] <= np.log10(one.shot) <= FIELD.shot[1] for one in drawn)
    assert 0.2 < np.mean([one.shake is not None for one in drawn]) < 0.4
    assert len({one.seed for one in drawn}) == 400


def test_the_tone_stays_near_the_reference(retina):
    rng = np.random.default_rng(3)
    means = np.mean([degrade(retina, 4, rng).mean(axis=(0, 1)) for _ in range(40)], axis=0)
    np.testing.assert_allclose(means, retina.mean(axis=(0, 1)), atol=2.0)


def test_light_is_smooth_means_one_and_keeps_its_depth():
    how = replace(CLEAN, light=(0.5, -1.0, 0.3, 0.8, -0.6), light_depth=0.2)
    light = illumination(how, (90, 120))
    assert light.mean() == pytest.approx(1, abs=1e-5)
    assert np.abs(light - 1).max() == pytest.approx(0.2, abs=1e-4)
    assert np.abs(np.diff(light, axis=0)).max() < 0.02
    np.testing.assert_array_equal(illumination(CLEAN, (9, 9)), 1)


def test_uneven_light_changes_corners_and_nothing_finer(retina):
    how = replace(CLEAN, light=(1.0, 0.0, 0.0, 0.0, 0.0), light_depth=0.2)
    ratio = apply(how, retina, 2).astype(float).mean(axis=(0, 2)) / apply(CLEAN, retina, 2).mean(axis=(0, 2))
    assert ratio[0] == pytest.approx(0.8, abs=0.01)
    assert ratio[-1] == pytest.approx(1.2, abs=0.01)


@pytest.mark.parametrize("direction", [None, 0.0, 0.9, np.pi / 2])
@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.4])
def test_blur_kernels_keep_the_light_and_have_the_width_asked(sigma, direction):
    kernel = blur_kernel(sigma, direction)
    assert kernel.sum() == pytest.approx(1, abs=1e-6)
    at = np.arange(len(kernel)) - len(kernel) // 2
    x, y = np.sqrt(kernel.sum(axis=0) @ at**2), np.sqrt(kernel.sum(axis=1) @ at**2)
    wanted = (sigma, sigma) if direction is None else (abs(np.cos(direction)) * sigma, np.sin(direction) * sigma)
    np.testing.assert_allclose((x, y), wanted, atol=0.3)


def test_blur_takes_detail_away(retina):
    spread = [apply(replace(CLEAN, blur=blur), retina, 2)[..., 1].std() for blur in (0.0, 1.0, 2.4)]
    assert spread[0] > 1.1 * spread[1] > 1.2 * spread[2]


def test_shake_blurs_along_its_path_alone():
    stripes = np.zeros((64, 64, 3), np.uint8) + 80
    stripes[:, ::8] = 200  # upright lines: shake along them changes nothing
    along, across = (apply(replace(CLEAN, blur=2.0, shake=way), stripes, 2) for way in (np.pi / 2, 0.0))
    np.testing.assert_allclose(along.astype(int), apply(CLEAN, stripes, 2), atol=1)
    assert across.std() < 0.6 * along.std()


def test_noise_has_the_variance_that_shot_and_read_give():
    how = replace(CLEAN, shot=1e-3, read=1e-4)
    for level in (40, 160):
        noisy = apply(how, np.full((256, 256, 3), level, np.uint8), 2) / 255
        assert noisy.var() == pytest.approx(1e-3 * level / 255 + 1e-4, rel=0.05)
        assert noisy.mean() == pytest.approx(level / 255, abs=0.002)


def test_lower_jpeg_quality_takes_more(retina):
    plain = apply(CLEAN, retina, 2).astype(int)
    errors = [np.abs(apply(replace(CLEAN, jpeg=quality), retina, 2) - plain).mean() for quality in (95, 60, 30)]
    assert 0 < errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("quality", [30, 50, 75, 95])
@pytest.mark.parametrize("size", [(128, 160), (61, 83)])
def test_jpeg_is_libjpegs_within_rounding(retina, quality, size):
    pixels = np.ascontiguousarray(retina[: size[0], : size[1]])
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    theirs = np.array(Image.open(file)).astype(int)
    difference, loss = np.abs(jpeg(pixels, quality) - theirs).mean(), np.abs(pixels - theirs).mean()
    assert difference < min(0.5 * loss, 1.2)


def test_jpeg_refuses_a_quality_that_is_none():
    with pytest.raises(ValueError, match="1 to 100"):
        jpeg(np.zeros((16, 16, 3), np.uint8), 0)
