"""Measures by hand, by direct formulas, and by what must not change them."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sr_core.image.field_of_view import FieldOfView
from sr_core.study.comparison.metrics import (
    frame_pixels,
    invention,
    luma,
    psnr,
    s3_index,
    s3_map,
    scored_pixels,
    ssim,
    ssim_map,
)

SKIMAGE_SSIM = 0.9635136057876112
"""scikit-image 0.26.0 on the pictures of `noisy_pair`: structural_similarity(a, b, gaussian_weights=True, sigma=1.5,
use_sample_covariance=False, data_range=255)."""


def noisy_pair():
    rng = np.random.default_rng(7)
    a = rng.integers(0, 256, (40, 48)).astype(float)
    return a, np.clip(a + rng.normal(0, 20, a.shape), 0, 255).round()


def white_noise(side=256):
    return np.random.default_rng(0).uniform(0, 255, (side, side))


def test_psnr_by_hand():
    a = np.zeros((4, 4, 3), np.uint8)
    b = np.full((4, 4, 3), 5, np.uint8)
    assert psnr(a, b) == pytest.approx(10 * np.log10(255**2 / 25))
    b[0, 0] = 255
    mask = np.ones((4, 4), bool)
    mask[0, 0] = False
    assert psnr(a, b, mask) == pytest.approx(10 * np.log10(255**2 / 25))
    assert psnr(a, a) == float("inf")


def test_psnr_of_uint8_does_not_wrap_around():
    a, b = np.full((2, 2), 250, np.uint8), np.full((2, 2), 5, np.uint8)
    assert psnr(a, b) == psnr(b, a) == pytest.approx(10 * np.log10(255**2 / 245**2))


def test_psnr_refuses_other_shapes_and_empty_masks():
    a = np.zeros((4, 4))
    with pytest.raises(ValueError, match="different shapes"):
        psnr(a, np.zeros((4, 5)))
    with pytest.raises(ValueError, match="empty"):
        psnr(a, a, np.zeros((4, 4), bool))


def test_scored_pixels_leave_out_rim_and_frame():
    pixels = scored_pixels(FieldOfView(50, 50, 48), (100, 80, 3), 4)
    assert not pixels[:4].any()
    assert not pixels[-4:].any()
    assert not pixels[:, -4:].any()
    assert pixels[50, 75]
    assert pixels[7, 50]
    assert not pixels[4, 50]
    assert frame_pixels((10, 12, 3), 3).sum() == 4 * 6


def test_ssim_is_scikit_images():
    assert ssim(*noisy_pair()) == pytest.approx(SKIMAGE_SSIM, abs=1e-12)


def test_ssim_by_the_direct_formula():
    a, b = noisy_pair()
    offset = np.arange(-5, 6)
    window = np.exp(-(offset[:, None] ** 2 + offset**2) / (2 * 1.5**2))
    window /= window.sum()
    found = ssim_map(a, b)
    for y, x in ((5, 5), (20, 30), (34, 42)):
        p, q = (image[y - 5 : y + 6, x - 5 : x + 6] for image in (a, b))
        mean_p, mean_q = (window * p).sum(), (window * q).sum()
        spread = (window * (p - mean_p) ** 2).sum() + (window * (q - mean_q) ** 2).sum()
        shared = (window * (p - mean_p) * (q - mean_q)).sum()
        c1, c2 = 2.55**2, 7.65**2
        value = (2 * mean_p * mean_q + c1) * (2 * shared + c2) / ((mean_p**2 + mean_q**2 + c1) * (spread + c2))
        assert found[y, x] == pytest.approx(value, abs=1e-10)


def test_ssim_of_equal_pictures_is_one_and_of_colour_that_of_the_luma():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 256, (2, 30, 30, 3), np.uint8)
    assert ssim(a, a) == pytest.approx(1)
    assert ssim(a, b) == ssim(luma(a), luma(b)) < 0.2
    with pytest.raises(ValueError, match="empty"):
        ssim(a, b, np.zeros((30, 30), bool))


def test_s3_check_values():
    assert s3_index(s3_map(white_noise())) == pytest.approx(0.96, abs=0.015)
    assert not s3_map(np.full((256, 256), 90.0)).any()


def test_s3_does_not_know_transposition_and_hardly_flips_and_brightness():
    image = gaussian_filter(white_noise(128), 1) + 20
    sharp = s3_map(image)
    np.testing.assert_allclose(s3_map(image.T), sharp.T, atol=1e-12)
    index = s3_index(sharp)
    for other in (image[::-1], image[:, ::-1], np.rot90(image)):
        assert s3_index(s3_map(other)) == pytest.approx(index, rel=0.02)
    for offset in (-15, 15):  # not exactly: the window lets the mean leak into the lowest frequency
        assert s3_index(s3_map(image + offset)) == pytest.approx(index, rel=0.05)


def test_s3_falls_with_blur_and_rises_with_noise():
    image = gaussian_filter(white_noise(128), 1)
    index = s3_index(s3_map(image))
    assert s3_index(s3_map(gaussian_filter(image, 2))) < 0.7 * index
    assert s3_index(s3_map(image + np.random.default_rng(1).normal(0, 10, image.shape))) > index


def test_s3_shows_where_it_is_sharp():
    image = np.full((128, 128), 100.0)
    image[:, 64:] = white_noise(128)[:, 64:]
    sharp = s3_map(image)
    assert not sharp[:, :40].any()
    assert sharp[:, 90:].min() > 0.6


def test_a_block_of_s1_by_the_direct_formula():
    """The value at (60, 60): the block of 32 about (64, 64) reads 48 to 79 and paints 60 to 67."""
    image = gaussian_filter(white_noise(128), 0.8)
    w = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, 33) / 33)
    f = np.abs(np.fft.fft2(image[48:80, 48:80] * w[:, None] * w))
    f[0, 0] = (f[1, 0] + f[0, 1]) / 2
    means = []
    for r in range(1, 17):
        total = 0.0
        for degree in range(360):
            y, x = r * np.sin(np.deg2rad(degree)), r * np.cos(np.deg2rad(degree))
            i, j = int(np.floor(y)), int(np.floor(x))
            a, b = y - i, x - j
            upper = (1 - b) * f[i % 32, j % 32] + b * f[i % 32, (j + 1) % 32]
            lower = (1 - b) * f[(i + 1) % 32, j % 32] + b * f[(i + 1) % 32, (j + 1) % 32]
            total += (1 - a) * upper + a * lower
        means.append(total / 360)
    alpha = -np.polyfit(np.log(np.linspace(0, 0.5, 17)[1:]), np.log(means), 1)[0]
    s1 = 1 - 1 / (1 + np.exp(-3 * (alpha - 2)))

    def variation(top, left):
        block = image[top : top + 8, left : left + 8]
        quads = np.stack([block[:-1, :-1], block[:-1, 1:], block[1:, :-1], block[1:, 1:]])
        pairs = [np.abs(quads[m] - quads[n]) for m in range(4) for n in range(m)]
        return np.max(np.sum(pairs, axis=0)) / 255 / 4

    s2 = max(variation(56, 56), variation(60, 60))
    assert s3_map(image)[60, 60] == pytest.approx(np.sqrt(s1 * s2), abs=1e-9)


def test_what_cannot_be_seen_is_not_sharp():
    dark = np.random.default_rng(2).uniform(0, 12, (64, 64))
    assert not s3_map(dark).any()
    with pytest.raises(ValueError, match="too small"):
        s3_map(np.zeros((31, 64)))


def test_s3_index_is_the_mean_of_the_largest_hundredth():
    sharp = np.arange(400.0).reshape(20, 20)
    assert s3_index(sharp) == np.mean([396, 397, 398, 399])
    assert s3_index(sharp, sharp < 100) == 99
    with pytest.raises(ValueError, match="empty"):
        s3_index(sharp, sharp < 0)


def test_invention_of_the_truth_of_nothing_and_of_the_opposite():
    rng = np.random.default_rng(4)
    determined, photograph = (rng.integers(60, 180, (24, 24, 3), np.uint8) for _ in range(2))
    mask = np.ones((24, 24), bool)
    truth = invention(photograph, photograph, determined, mask)
    assert (truth.ratio, truth.correlation) == (1, pytest.approx(1))
    nothing = invention(determined, photograph, determined, mask)
    assert (nothing.ratio, nothing.correlation) == (0, None)
    opposite = invention(2 * determined.astype(float) - photograph, photograph, determined, mask)
    assert (opposite.ratio, opposite.correlation) == (1, pytest.approx(-1))
    with pytest.raises(ValueError, match="no detail"):
        invention(photograph, determined, determined, mask)
