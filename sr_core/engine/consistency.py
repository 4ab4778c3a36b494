"""Agreement with the photograph: the super-resolved picture, shrunk again, is the photograph.

With W the MATLAB bicubic shrinking and W+ its pseudo-inverse, x + W+ (y - W x W') W+' is the picture nearest to x
whose shrinking is y (the consistency-enforcing module of Bahat and Michaeli 2020; range-null-space decomposition in
Wang et al. 2022, DDNM). One projection is exact only where no value leaves 0 to 255; near the rim and in highlights
clipping breaks it, so it is repeated, each time handing what clipped pixels cannot take to those still free to move.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from sr_core.image import resample

TOLERANCE = 0.25
"""Grey levels of disagreement before rounding that are left alone; rounding adds up to about half a level."""

MAX_ITERATIONS = 16
"""Corrections at most after the first projection. Most blocks need none or a few; black noise asks for more than any
picture without negative light can give, and gets what is nearest."""

LEAST_FREE = 0.25
"""The share of an area's pixels, at least, that is taken as free to move when a correction is enlarged for them."""

REACH = 8
"""Photograph pixels past which a correction is below a thousandth (W+ falls off threefold with every pixel)."""

NOTHING = 1e-9
"""Weights of W+ below this are taken as none; grey levels have eight bits."""

WINDOW_STEP = 32
"""Sides of corrected windows are multiples of this many photograph pixels: few sizes, so that matrices are kept."""


@lru_cache(maxsize=64)
def _matrices(n: int, scale: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """W (n, n * scale), W+ (n * scale, n) and the bicubic enlargement (n * scale, n) of one axis, float32.

    Weights below NOTHING are zeroed: W+ has thousands that single precision holds only as subnormal numbers, with
    which processors multiply twenty times slower.
    """
    made = (resample.downsample_matrix(n, scale), resample.pseudo_inverse(n, scale), resample.enlarge_matrix(n, scale))
    kept = (np.where(np.abs(matrix) < NOTHING, 0.0, matrix) for matrix in made)
    return tuple(torch.tensor(matrix, dtype=torch.float32, device=device) for matrix in kept)


def enlarge(y: Tensor, scale: int) -> Tensor:
    """Bicubic (a = -0.5) enlargement of (3, h, w) to (3, h * scale, w * scale)."""
    rows, columns = _matrices(y.shape[1], scale, y.device)[2], _matrices(y.shape[2], scale, y.device)[2]
    return rows @ y @ columns.T


def determined(y: Tensor, scale: int) -> Tensor:
    """W+ y: what the photograph alone determines, (3, h, w) to (3, h * scale, w * scale)."""
    rows, columns = _matrices(y.shape[1], scale, y.device)[1], _matrices(y.shape[2], scale, y.device)[1]
    return rows @ y @ columns.T


def disagreement(x: Tensor, y: Tensor, scale: int) -> Tensor:
    """y - W x W', (3, h, w), in the units of y."""
    rows, columns = _matrices(y.shape[1], scale, y.device)[0], _matrices(y.shape[2], scale, y.device)[0]
    return y - rows @ x @ columns.T


def project(x: Tensor, y: Tensor, scale: int) -> Tensor:
    """Bring x (3, h * scale, w * scale) into agreement with the photograph y (3, h, w); grey levels 0 to 255, float32.

    Returns values within 0 to 255. The borders are mirrored, so a block cut from a larger picture needs a few pixels
    of halo. Where the photograph holds values that no clipped picture can shrink to, the nearest found is returned.
    """
    x = (x + determined(disagreement(x, y, scale), scale)).clamp_(0.0, 255.0)
    for channel in range(x.shape[0]):
        _correct(x[channel : channel + 1], y[channel : channel + 1], scale)
    return x


def _correct(x: Tensor, y: Tensor, scale: int) -> None:
    """Repeat the projection of one channel, in place, where clipping has broken it, and nowhere else: what is done at
    a pixel follows from its neighbourhood alone, so that blocks and the whole picture come to the same."""
    for _ in range(MAX_ITERATIONS):
        error = disagreement(x, y, scale)
        error = torch.where(error.abs() > TOLERANCE, error, 0.0)
        rows, columns = (_window(error.any(dim).any(0)) for dim in (2, 1))
        if rows is None:
            return
        error = error[:, rows, columns]
        part = x[:, *(slice(axis.start * scale, axis.stop * scale) for axis in (rows, columns))]
        step = determined(error / _free_share(part, error, scale), scale)
        part += step
        part.clamp_(0.0, 255.0)


def _window(wrong: Tensor) -> slice | None:
    """The stretch of an axis that holds what is wrong (bool, one value per photograph pixel) and what it reaches."""
    where = wrong.nonzero()
    if not len(where):
        return None
    start = max(0, int(where[0]) - REACH)
    stop = min(len(wrong), int(where[-1]) + 1 + REACH)
    length = min(len(wrong), -(-(stop - start) // WINDOW_STEP) * WINDOW_STEP)
    start = min(start, len(wrong) - length)
    return slice(start, start + length)


def _free_share(x: Tensor, error: Tensor, scale: int) -> Tensor:
    """For each photograph pixel the share of its footprint that a correction by `error` can still move.

    Clipped pixels that would be pushed further out stay where they are; the others must move by so much more.
    """
    step = determined(error, scale)
    free = ((x > 0.0) | (step > 0.0)) & ((x < 255.0) | (step < 0.0))
    nothing = torch.zeros_like(error)
    return (-disagreement(free.float(), nothing, scale)).clamp_(LEAST_FREE, 1.0)
