"""MATLAB-compatible bicubic resampling, its dense per-axis matrices, and the pseudo-inverse of the shrinking.

The kernel is Keys' cubic with a = -0.5 (Keys 1981, "Cubic convolution interpolation for digital image processing"),
widened by the factor when shrinking, with each output's weights normalised to one and a symmetric (half-sample mirror)
border, as in MATLAB's ``imresize``. Resampling is separable, so along an axis it is a matrix: shrunk = W_rows @ image @
W_columns.T.

A *scale* is a whole factor (2, 4, 8). Images are (H, W) or (H, W, channels); floating images keep their type,
all others are computed in float32. Nothing is clipped or rounded here.

The ``*_rows`` functions give an interior piece of the whole image's operator, so that tiles agree with the
whole image: output[start:stop] = rows.matrix @ input[rows.lo:rows.hi].
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

PSEUDO_INVERSE_REACH = 16
"""The distance, in shrunk pixels, beyond which a pseudo-inverse weight is below 1e-6 of the largest (see the tests)."""


@dataclass(frozen=True, eq=False)
class AxisRows:
    """Some rows of an axis operator: ``output[start:stop] = matrix @ input[lo:hi]``; matrix is float64."""

    lo: int
    hi: int
    matrix: np.ndarray


def cubic(x: np.ndarray) -> np.ndarray:
    """Evaluate Keys' cubic convolution kernel with a = -0.5, zero outside (-2, 2)."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x <= 1.0, near, np.where(x < 2.0, far, 0.0))


def _taps(n_in: int, n_out: int, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Return input indices, not yet mirrored, and weights of output pixels start..stop: both (stop - start, taps)."""
    if n_in < 1 or n_out < 1:
        raise ValueError(f"cannot resample an axis of {n_in} pixels to {n_out}: both must be at least 1")
    step = n_in / n_out
    widen = max(step, 1.0)
    centre = (np.arange(start, stop) + 0.5) * step - 0.5
    first = np.floor(centre - 2.0 * widen).astype(np.int64)
    index = first[:, None] + np.arange(int(np.ceil(4.0 * widen)) + 2)
    weight = cubic((centre[:, None] - index) / widen)
    weight /= weight.sum(axis=1, keepdims=True)
    used = np.any(weight != 0.0, axis=0)
    return index[:, used], weight[:, used]


def _mirror(index: np.ndarray, n: int) -> np.ndarray:
    """Reflect any index into 0..n-1 about the half-sample border: -1 -> 0, n -> n-1."""
    index = np.mod(index, 2 * n)
    return np.where(index < n, index, 2 * n - 1 - index)


def _rows(n_in: int, n_out: int, start: int, stop: int) -> AxisRows:
    if not 0 <= start < stop <= n_out:
        raise ValueError(f"rows {start}..{stop} are not inside 0..{n_out}")
    index, weight = _taps(n_in, n_out, start, stop)
    index = _mirror(index, n_in)
    lo, hi = int(index.min()), int(index.max()) + 1
    matrix = np.zeros((stop - start, hi - lo))
    np.add.at(matrix, (np.arange(stop - start)[:, None], index - lo), weight)
    return AxisRows(lo, hi, matrix)


def downsample_rows(n_out: int, scale: int, start: int, stop: int) -> AxisRows:
    """Return rows start..stop (shrunk pixels) of the shrinking W of an axis of ``n_out * scale`` pixels."""
    return _rows(n_out * scale, n_out, start, stop)


def enlarge_rows(n_in: int, scale: int, start: int, stop: int) -> AxisRows:
    """Return rows start..stop (enlarged pixels) of the bicubic enlargement of an axis of ``n_in`` pixels."""
    return _rows(n_in, n_in * scale, start, stop)


def pseudo_inverse_rows(n_in: int, scale: int, start: int, stop: int) -> AxisRows:
    """Return rows start..stop (enlarged pixels) of W+ of an axis of ``n_in`` shrunk pixels.

    W+ is formally full, but its weights fall off geometrically, so it is built on the shrunk pixels within
    PSEUDO_INVERSE_REACH of the rows. True image borders inside that reach are exact.
    """
    if not 0 <= start < stop <= n_in * scale:
        raise ValueError(f"rows {start}..{stop} are not inside 0..{n_in * scale}")
    lo = max(start // scale - PSEUDO_INVERSE_REACH, 0)
    hi = min(-(-stop // scale) + PSEUDO_INVERSE_REACH, n_in)
    whole = pseudo_inverse(hi - lo, scale)
    return AxisRows(lo, hi, whole[start - lo * scale : stop - lo * scale])


@lru_cache(maxsize=32)
def downsample_matrix(n_out: int, scale: int) -> np.ndarray:
    """Return W of an axis: (n_out, n_out * scale), float64, read-only. Its rows sum to 1."""
    rows = downsample_rows(n_out, scale, 0, n_out)
    matrix = np.zeros((n_out, n_out * scale))
    matrix[:, rows.lo : rows.hi] = rows.matrix
    matrix.setflags(write=False)
    return matrix


@lru_cache(maxsize=32)
def enlarge_matrix(n_in: int, scale: int) -> np.ndarray:
    """Return the bicubic enlargement of an axis: (n_in * scale, n_in), float64, read-only. Its rows sum to 1."""
    rows = enlarge_rows(n_in, scale, 0, n_in * scale)
    matrix = np.zeros((n_in * scale, n_in))
    matrix[:, rows.lo : rows.hi] = rows.matrix
    matrix.setflags(write=False)
    return matrix


@lru_cache(maxsize=32)
def pseudo_inverse(n_out: int, scale: int) -> np.ndarray:
    """Return the Moore-Penrose W+ of ``downsample_matrix(n_out, scale)``: (n_out * scale, n_out), float64, read-only.

    W has full row rank and a condition number below 1.5, so W+ = W' (W W')^-1 is safe. W @ W+ = identity. The cost
    grows with n_out cubed: use ``pseudo_inverse_rows`` for whole photographs.
    """
    down = downsample_matrix(n_out, scale)
    inverse = np.linalg.solve(down @ down.T, down).T.copy()
    inverse.setflags(write=False)
    return inverse


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resample bicubically to any size, antialiased along each axis that shrinks. Rows first, then columns."""
    image = image if np.issubdtype(image.dtype, np.floating) else image.astype(np.float32)
    return _resize_axis(_resize_axis(image, height, 0), width, 1)


def _resize_axis(image: np.ndarray, n_out: int, axis: int) -> np.ndarray:
    n_in = image.shape[axis]
    if n_in == n_out:
        return image
    index, weight = _taps(n_in, n_out, 0, n_out)
    index = _mirror(index, n_in)
    along = [1] * image.ndim
    along[axis] = n_out
    # One pass per tap instead of a dense matrix: an axis of a photograph enlarged x8 has 34,000 pixels.
    out = np.zeros((*image.shape[:axis], n_out, *image.shape[axis + 1 :]), image.dtype)
    for k in range(index.shape[1]):
        out += np.take(image, index[:, k], axis=axis) * weight[:, k].astype(image.dtype).reshape(along)
    return out


def crop_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """Return the image without the last rows and columns that do not fill a whole shrunk pixel (a view)."""
    height, width = image.shape[0] // scale * scale, image.shape[1] // scale * scale
    if not height or not width:
        raise ValueError(f"an image of {image.shape[1]}x{image.shape[0]} pixels is too small for x{scale}")
    return image[:height, :width]


def shrink(image: np.ndarray, scale: int) -> np.ndarray:
    """Shrink by the scale: W image W'. Sides that are no multiple of the scale are first cropped at right and
    bottom."""
    image = crop_to_multiple(image, scale)
    return resize(image, image.shape[0] // scale, image.shape[1] // scale)


def enlarge_bicubic(image: np.ndarray, scale: int) -> np.ndarray:
    """Enlarge by plain bicubic interpolation (a = -0.5; torch's own uses a = -0.75)."""
    return resize(image, image.shape[0] * scale, image.shape[1] * scale)


def enlarge_pseudo_inverse(image: np.ndarray, scale: int) -> np.ndarray:
    """Return W+ image W+': the smallest image that ``shrink`` maps exactly back onto this one. For images up to about
    2000 pixels a side (dense matrices)."""
    image = image if np.issubdtype(image.dtype, np.floating) else image.astype(np.float32)
    rows = pseudo_inverse(image.shape[0], scale).astype(image.dtype)
    columns = pseudo_inverse(image.shape[1], scale).astype(image.dtype)
    tall = np.tensordot(rows, image, axes=(1, 0))
    return np.moveaxis(np.tensordot(columns, tall, axes=(1, 1)), 0, 1)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Round grey levels 0-255 to the nearest (half to even) and clip them."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
