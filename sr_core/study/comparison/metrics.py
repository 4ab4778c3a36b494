"""Image quality of fundus photographs: fidelity (PSNR, SSIM), sharpness (S3) and invented detail.

Pictures are (H, W) or (H, W, 3) in grey levels 0-255. SSIM and S3 use the luma (Rec. 601); PSNR and invented detail use
all three channels. Sharpness rewards noise and artefacts: it means nothing unless fidelity is given beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter

from sr_core.image.field_of_view import FieldOfView

SSIM_REACH = 5
"""How many pixels an SSIM window extends beyond its own pixel: 11 x 11."""

S3_REACH = 20
"""How many pixels the block that gives a pixel its S1 extends beyond that pixel: half a block and half a patch."""

S3_TOP_SHARE = 0.01
"""The index is the mean of this fraction of the S3 map, its largest values."""

_BLOCK, _PATCH = 32, 8
_BAND = 64


def psnr(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB of two (H, W[, C]) images in grey levels 0-255, over the pixels of
    the bool (H, W) mask and all their channels. Equal images give infinity. Raises ValueError: shapes, empty mask."""
    _check_same_shape(a, b)
    mask = np.ones(a.shape[:2], bool) if mask is None else mask
    count, total = 0, 0.0
    for rows in _bands(mask):
        difference = np.subtract(a[rows], b[rows], dtype=np.float64)[mask[rows]].ravel()
        count, total = count + difference.size, total + float(difference @ difference)
    if not count:
        raise ValueError("no pixels to compare: the mask is empty")
    return float("inf") if total == 0 else float(10 * np.log10(255.0**2 * count / total))


def frame_pixels(shape: tuple[int, ...], margin: int) -> np.ndarray:
    """Return the pixels at least ``margin`` away from the frame, bool (H, W)."""
    inner = np.zeros(shape[:2], bool)
    inner[margin : shape[0] - margin, margin : shape[1] - margin] = True
    return inner


def scored_pixels(field: FieldOfView, shape: tuple[int, ...], margin: int) -> np.ndarray:
    """Return the pixels that scores count, bool (H, W): the field of view without ``margin`` pixels along its rim, and
    no pixel within ``margin`` of the frame; for PSNR the margin is the scale. Over the whole frame, the rim against the
    black background dominates PSNR."""
    return field.mask(shape, erode=margin) & frame_pixels(shape, margin)


def luma(image: np.ndarray) -> np.ndarray:
    """Return the (H, W) float64 Rec. 601 luma, 0-255, of a grey or RGB picture in grey levels."""
    if image.ndim == 2:
        return image.astype(np.float64)
    return image[..., :3].astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def ssim_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the structural similarity at each pixel, (H, W), of the lumas of two pictures.

    Wang et al. 2004: Gaussian window of 11 x 11 with sigma 1.5, K1 = 0.01, K2 = 0.03, population covariance. Borders
    are mirrored: leave SSIM_REACH pixels out of a mean. Raises ValueError for different shapes.
    """
    _check_same_shape(a, b)
    x, y = luma(a), luma(b)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    var_x = _window_mean(x * x) - mean_x**2
    var_y = _window_mean(y * y) - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return likeness / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))


def ssim(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Return the mean of ``ssim_map`` over a bool (H, W) mask, or else over all pixels at least SSIM_REACH from the
    frame. Raises ValueError: shapes, empty mask."""
    mask = frame_pixels(a.shape, SSIM_REACH) if mask is None else mask
    if not mask.any():
        raise ValueError("no pixels to compare: the mask is empty")
    return float(ssim_map(a, b)[mask].mean())


def s3_map(image: np.ndarray) -> np.ndarray:
    """Return the perceived sharpness at each pixel, (H, W), 0 to 1: the geometric mean of S1 (spectral) and S2
    (spatial).

    Vu, Phan and Chandler 2012, "S3: A spectral and spatial measure of local perceived sharpness in natural images",
    with the block sizes and borders of the authors' published map. Their code swaps two weights of its bilinear
    interpolation at negative coordinates; here they are correct, so this index is 0.010 to 0.023 higher. Raises
    ValueError below 32 pixels a side.
    """
    if min(image.shape[:2]) < _BLOCK:
        raise ValueError(f"a picture of {image.shape[1]}x{image.shape[0]} pixels is too small for S3: 32x32 at least")
    grey = luma(image)
    return np.sqrt(_s1_map(grey) * np.maximum(_s2_map(grey, 8), _s2_map(grey, 4)))


def s3_index(sharpness: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Return the mean of the largest 1 % of an S3 map, over a bool (H, W) mask if given; 0 to 1. Raises ValueError:
    empty mask."""
    values = sharpness[mask] if mask is not None else sharpness.ravel()
    if not values.size:
        raise ValueError("no pixels to measure: the mask is empty")
    count = max(round(values.size * S3_TOP_SHARE), 1)
    return float(np.partition(values, values.size - count)[-count:].mean())


@dataclass(frozen=True)
class Invention:
    """What a picture shows beyond what the small photograph determines (W+ y), compared with the true detail.

    ratio: mean |SR - W+ y| over mean |HR - W+ y|; 1 means as much detail as the photograph has. correlation: Pearson's,
    of the two differences; 1 means the true detail, 0 unrelated detail; None if either shows none.
    """

    ratio: float
    correlation: float | None


def invention(picture: np.ndarray, photograph: np.ndarray, determined: np.ndarray, mask: np.ndarray) -> Invention:
    """Measure invented detail over the mask's pixels in three (H, W, C) pictures in grey levels; ``determined`` is W+
    y. Raises ValueError: shapes, and a photograph that has no detail beyond W+ y."""
    _check_same_shape(picture, photograph)
    _check_same_shape(picture, determined)
    count, magnitudes, sums, products = 0, np.zeros(2), np.zeros(2), np.zeros((2, 2))
    for rows in _bands(mask):
        base = determined[rows][mask[rows]].astype(np.float64)
        both = np.stack([(image[rows][mask[rows]] - base).ravel() for image in (picture, photograph)])
        count += both.shape[1]
        magnitudes += np.abs(both).sum(axis=1)
        sums += both.sum(axis=1)
        products += both @ both.T
    if magnitudes[1] == 0:
        raise ValueError("the photograph has no detail beyond its reduction: nothing to compare with")
    covariance = products - np.outer(sums, sums) / count
    flat = covariance.diagonal().min() <= 1e-9 * count
    correlation = None if flat else float(covariance[0, 1] / np.sqrt(covariance.diagonal().prod()))
    return Invention(float(magnitudes[0] / magnitudes[1]), correlation)


def _bands(mask: np.ndarray) -> Iterator[slice]:
    """Yield bands of rows in which the mask has pixels. Summing a whole picture of many megapixels in float64 would
    leave the processor's caches at every step."""
    for first in range(0, len(mask), _BAND):
        rows = slice(first, first + _BAND)
        if mask[rows].any():
            yield rows


def _check_same_shape(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape:
        raise ValueError(f"images of different shapes: {a.shape} and {b.shape}")


def _window_mean(x: np.ndarray) -> np.ndarray:
    return gaussian_filter(x, 1.5, mode="reflect", radius=SSIM_REACH)


def _padded(grey: np.ndarray, p: int) -> np.ndarray:
    """Pad by the borders of the published map: mirrored by p at left and top, p + 1 at right and bottom."""
    return np.pad(grey, ((p, p + 1), (p, p + 1)), mode="symmetric")


def _paint(values: np.ndarray, first: int, shape: tuple[int, ...]) -> np.ndarray:
    """Paint each value onto its patch of 8 x 8; the first patch begins ``first`` pixels before the picture. Pixels
    without a patch stay 0."""
    painted = values.repeat(_PATCH, axis=0).repeat(_PATCH, axis=1)[first:, first:][: shape[0], : shape[1]]
    out = np.zeros(shape)
    out[: painted.shape[0], : painted.shape[1]] = painted
    return out


def _s1_map(grey: np.ndarray) -> np.ndarray:
    """Return the spectral sharpness: the steeper a block's amplitude spectrum falls, the softer the block."""
    padded = _padded(grey, _BLOCK // 2)
    blocks = np.lib.stride_tricks.sliding_window_view(padded, (_BLOCK, _BLOCK))[::_PATCH, ::_PATCH]
    seen = _has_contrast(padded)
    values = np.zeros(blocks.shape[:2])
    circles, slope = _spectrum_weights()
    for row, some, out in zip(blocks, seen, values, strict=True):  # row by row: all blocks at once would take gigabytes
        amplitude = np.abs(np.asarray(fft.rfft2(row[some] * _hann(), axes=(1, 2))))
        means = amplitude.reshape(-1, circles.shape[1]) @ circles.T
        alpha = -np.log(np.maximum(means, np.finfo(float).tiny)) @ slope
        out[some] = 1 - 1 / (1 + np.exp(-3 * (alpha - 2)))
    return _paint(values, _PATCH // 2, grey.shape)


def _has_contrast(padded: np.ndarray) -> np.ndarray:
    """Return the blocks, bool, with some 8 x 8 part, of those at every 4th pixel, that is visible on a display: its
    mean luminance exceeds 2 and its range 5. (The published inversion of means above 127.5 changes nothing: luminance
    ends at 161.)"""
    luminance = (0.7656 + 0.0364 * padded) ** 2.2
    height, width = (side // 4 * 4 for side in luminance.shape)
    cells = luminance[:height, :width].reshape(height // 4, 4, width // 4, 4)

    def parts(values: np.ndarray) -> np.ndarray:
        return np.stack([values[i : i - 1 or None, j : j - 1 or None] for i in (0, 1) for j in (0, 1)])

    mean = parts(cells.mean(axis=(1, 3))).mean(axis=0)
    extent = parts(cells.max(axis=(1, 3))).max(axis=0) - parts(cells.min(axis=(1, 3))).min(axis=0)
    visible = (mean > 2) & (extent > 5)
    return np.any(np.lib.stride_tricks.sliding_window_view(visible, (7, 7))[::2, ::2], axis=(2, 3))


@lru_cache(maxsize=1)
def _hann() -> np.ndarray:
    """Return a Hann window of 34 points without its zero ends; (32, 32), as an outer product."""
    w = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, _BLOCK + 1) / (_BLOCK + 1))
    return np.outer(w, w)


@lru_cache(maxsize=1)
def _spectrum_weights() -> tuple[np.ndarray, np.ndarray]:
    """Return circle means, (16, 32 * 17), of a half spectrum |rfft2|, and the slope functional, (16,), over log
    frequency.

    The mean of 360 bilinear samples on the circle of radius r = 1..16 is a weighted sum, the same for every block. The
    spectrum's own mean is not content: F(0,0) is replaced by the mean of F(1,0) and F(0,1). Conjugate symmetry halves
    the columns.
    """
    radius = np.arange(1, _BLOCK // 2 + 1)
    angle = np.deg2rad(np.arange(360))
    position = radius[:, None, None] * np.stack([np.sin(angle), np.cos(angle)])  # (16, 2, 360)
    low = np.floor(position).astype(int)
    part = position - low
    full = np.zeros((len(radius), _BLOCK, _BLOCK))
    ring = np.broadcast_to(np.arange(len(radius))[:, None], (len(radius), 360))
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = np.abs(1 - i - part[:, 0]) * np.abs(1 - j - part[:, 1]) / 360
        np.add.at(full, (ring, (low[:, 0] + i) % _BLOCK, (low[:, 1] + j) % _BLOCK), weight)
    full[:, 1, 0] += full[:, 0, 0] / 2
    full[:, 0, 1] += full[:, 0, 0] / 2
    full[:, 0, 0] = 0
    half = full[:, :, : _BLOCK // 2 + 1].copy()
    inner = slice(1, _BLOCK // 2)
    half[:, :, inner] += np.roll(full[:, ::-1, ::-1], (1, 1), axis=(1, 2))[:, :, inner]
    x = np.log(np.linspace(0, 0.5, _BLOCK // 2 + 1)[1:])
    x -= x.mean()
    return half.reshape(len(radius), -1), x / (x @ x)


def _s2_map(grey: np.ndarray, p: int) -> np.ndarray:
    """Return the spatial sharpness: the largest total variation of 2 x 2 neighbourhoods in blocks of 8 x 8."""
    x = _padded(grey, p)
    a, b, c, d = x[:-1, :-1], x[:-1, 1:], x[1:, :-1], x[1:, 1:]
    variation = sum(np.abs(u - v) for u, v in ((a, b), (a, c), (a, d), (b, c), (b, d), (c, d))) / 255
    rows, columns = (side // _PATCH for side in x.shape)
    variation = np.pad(variation, ((0, 1), (0, 1)))[: rows * _PATCH, : columns * _PATCH]
    blocks = variation.reshape(rows, _PATCH, columns, _PATCH)[:, :-1, :, :-1]
    return _paint(blocks.max(axis=(1, 3)) / 4, p, grey.shape)
