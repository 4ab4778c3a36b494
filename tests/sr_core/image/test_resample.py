"""MATLAB bicubic against its definition computed slowly, and the operators that consistency is built on."""

import numpy as np
import pytest

from sr_core.image.resample import (
    PSEUDO_INVERSE_REACH,
    crop_to_multiple,
    downsample_matrix,
    downsample_rows,
    enlarge_bicubic,
    enlarge_matrix,
    enlarge_pseudo_inverse,
    enlarge_rows,
    pseudo_inverse,
    pseudo_inverse_rows,
    resize,
    shrink,
    to_uint8,
)

SCALES = (2, 4, 8)


def literal_imresize_axis(signal, n_out):
    """imresize along a 1-D signal, from its definition, one sample at a time."""
    n_in = len(signal)
    factor = n_out / n_in
    squeeze = min(factor, 1.0)  # antialiasing: h(x) = squeeze * cubic(squeeze * x)
    out = []
    for i in range(1, n_out + 1):  # MATLAB counts from 1: u = i / factor + 0.5 (1 - 1 / factor)
        u = i / factor + 0.5 * (1 - 1 / factor)
        total, norm = 0.0, 0.0
        for j in range(int(u - 2 / squeeze) - 2, int(u + 2 / squeeze) + 4):
            x = abs(squeeze * (u - j))
            if x <= 1:
                weight = 1.5 * x**3 - 2.5 * x**2 + 1
            elif x <= 2:
                weight = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
            else:
                weight = 0.0
            k = j
            while not 1 <= k <= n_in:  # symmetric border
                k = 1 - k if k < 1 else 2 * n_in + 1 - k
            total += weight * signal[k - 1]
            norm += weight
        out.append(total / norm)
    return np.array(out)


@pytest.fixture
def noise():
    return np.random.default_rng(3).uniform(0, 255, (64, 48, 3))


@pytest.mark.parametrize("n_out", [3, 6, 12, 24, 48, 96, 192, 17, 31])
def test_every_pixel_of_an_axis_equals_the_definition_borders_included(n_out):
    signal = np.random.default_rng(n_out).uniform(0, 255, 24)
    ours = resize(signal[:, None], n_out, 1)[:, 0]
    np.testing.assert_allclose(ours, literal_imresize_axis(signal, n_out), atol=1e-9)


def test_weights_of_halving_and_doubling_are_the_published_ones():
    halving = np.array([-0.01171875, -0.03515625, 0.11328125, 0.43359375])
    np.testing.assert_allclose(downsample_matrix(8, 2)[3, 3:11], np.r_[halving, halving[::-1]], atol=1e-15)
    doubling = [-0.0234375, 0.2265625, 0.8671875, -0.0703125]
    np.testing.assert_allclose(enlarge_matrix(8, 2)[6, 1:5], doubling, atol=1e-15)


@pytest.mark.parametrize("scale", SCALES)
def test_matrices_and_images_agree(noise, scale):
    rows, columns = downsample_matrix(64 // scale, scale), downsample_matrix(48 // scale, scale)
    small = np.einsum("ab,bcd,ec->aed", rows, noise, columns, optimize=True)
    np.testing.assert_allclose(shrink(noise, scale), small, atol=1e-9)
    rows, columns = enlarge_matrix(64, scale), enlarge_matrix(48, scale)
    np.testing.assert_allclose(
        enlarge_bicubic(noise, scale), np.einsum("ab,bcd,ec->aed", rows, noise, columns, optimize=True), atol=1e-9
    )


@pytest.mark.parametrize("scale", SCALES)
def test_pseudo_inverse_is_moore_penrose_and_well_conditioned(scale):
    down, up = downsample_matrix(40, scale), pseudo_inverse(40, scale)
    np.testing.assert_allclose(down @ up, np.eye(40), atol=1e-12)
    np.testing.assert_allclose(up, np.linalg.pinv(down), atol=1e-12)
    assert np.linalg.cond(down) < 1.5


@pytest.mark.parametrize("scale", SCALES)
def test_pseudo_inverse_enlargement_shrinks_back_exactly(noise, scale):
    np.testing.assert_allclose(shrink(enlarge_pseudo_inverse(noise, scale), scale), noise, atol=1e-9)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("start", "stop"), [(0, 9), (31, 50), (71, 80), (0, 80)])
def test_rows_of_an_interior_region_equal_the_whole_image(scale, start, stop):
    n = 80
    for rows, whole in (
        (downsample_rows(n, scale, start, stop), downsample_matrix(n, scale)[start:stop]),
        (
            enlarge_rows(n, scale, start * scale, stop * scale),
            enlarge_matrix(n, scale)[start * scale : stop * scale],
        ),
    ):
        np.testing.assert_array_equal(rows.matrix, whole[:, rows.lo : rows.hi])
        assert not np.delete(whole, np.s_[rows.lo : rows.hi], axis=1).any()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("start", "stop"), [(0, 9), (31, 50), (71, 80)])
def test_pseudo_inverse_rows_agree_with_the_whole_to_a_millionth(scale, start, stop):
    rows = pseudo_inverse_rows(80, scale, start * scale + 1, stop * scale - 1)
    whole = pseudo_inverse(80, scale)[start * scale + 1 : stop * scale - 1]
    assert rows.lo == max(start - PSEUDO_INVERSE_REACH, 0)
    assert rows.hi == min(stop + PSEUDO_INVERSE_REACH, 80)
    np.testing.assert_allclose(rows.matrix, whole[:, rows.lo : rows.hi], atol=1e-6)
    assert np.abs(np.delete(whole, np.s_[rows.lo : rows.hi], axis=1)).max() < 1e-6


def test_interior_rows_do_not_depend_on_the_image_size():
    a, b = downsample_rows(50, 4, 20, 30), downsample_rows(500, 4, 220, 230)
    np.testing.assert_allclose(a.matrix, b.matrix, atol=1e-12)
    assert (b.lo - a.lo, b.hi - a.hi) == (800, 800)


def test_rows_outside_the_image_are_refused():
    for start, stop in ((-1, 3), (3, 3), (5, 11)):
        with pytest.raises(ValueError, match="not inside"):
            downsample_rows(10, 2, start, stop)
        with pytest.raises(ValueError, match="not inside"):
            pseudo_inverse_rows(5, 2, start, stop)


def test_flat_images_stay_flat_and_types_are_kept():
    flat = np.full((33, 21), 77, np.uint8)
    assert shrink(flat, 4).shape == (8, 5)
    np.testing.assert_allclose(shrink(flat, 4), 77, atol=1e-4)
    np.testing.assert_allclose(enlarge_bicubic(flat, 2), 77, atol=1e-4)
    assert shrink(flat, 4).dtype == np.float32
    assert shrink(flat.astype(np.float64), 4).dtype == np.float64


def test_sides_that_are_no_multiple_are_cropped_first(noise):
    np.testing.assert_array_equal(shrink(noise[:63, :45], 4), shrink(noise[:60, :44], 4))
    with pytest.raises(ValueError, match="too small"):
        crop_to_multiple(noise[:7], 8)


def test_rounding_clips_and_goes_to_the_nearest():
    assert to_uint8(np.array([-3.0, 0.4, 0.6, 254.6, 300.0])).tolist() == [0, 0, 1, 255, 255]
