"""Agreement with the photograph: the super-resolved picture, shrunk again, is the photograph.

With W the MATLAB bicubic shrinking and W+ its pseudo-inverse, x + W+ (y - W x W') W+' is the picture nearest to x
whose shrinking is y (the consistency-enforcing module of Bahat and Michaeli 2020; range-null-space decomposition in
Wang et al. 2022, DDNM). The photograph itself was rounded to whole grey levels, so what lies within its rounding agrees
as well as what hits it: only the disagreement beyond SLACK is taken away. To take all would put the rounding's noise
into the picture (measured on validation photographs: 0.14 dB at x2; with the slack nothing is lost).

That is exact only where no value leaves 0 to 255. Near the rim and in highlights clipping breaks it; there the squared
disagreement is brought down under that bound, by projected gradient steps.

Not every photograph is the shrinking of a picture: a bright pixel in noise about black would need light below zero
beside it. Then the disagreement is spread until the largest is about as small as it can be.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from sr_core.image import resample
from sr_core.image.geometry import Rect

SLACK = 0.15
"""Grey levels of disagreement that are left alone. The photograph's rounding would allow 0.5, but the finished picture
is rounded too, which adds up to 0.4 at x2."""

STAGES = ((12, 0.2), (12, 0.6))
"""Steps at most, and the disagreement in grey levels that they leave alone; rounding adds up to about half a level. The
second stage is for what cannot be met: left in peace up to 0.6, the neighbours take what is worse in one place."""

MOMENTUM = 0.5
"""The part of the last step that is taken once more. Small: what has come to rest must not drift."""

LEAST_FREE = 0.25
"""The share of an area's pixels, at least, that is taken as free to move when a step is enlarged for them."""

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


def departure(x: Tensor, y: Tensor, scale: int, inner: Rect) -> Tensor:
    """|x - W+ y|, the largest over the channels: how far a picture departs from what the photograph alone determines.

    `x` (3, inner.h, inner.w) in grey levels is the part `inner` (enlarged pixels) of an enlargement of y (3, h, w).
    W+ y is taken within 0 to 255, as pictures are. Returns (inner.h, inner.w).
    """
    whole = (_matrices(n, scale, y.device)[1] for n in y.shape[1:])
    rows, columns = (matrix[part] for matrix, part in zip(whole, inner.slices(), strict=True))
    far = torch.zeros(x.shape[1:], device=x.device)
    for channel in range(x.shape[0]):  # one at a time: the maps stay in the processor's caches
        alone = (rows @ y[channel] @ columns.T).clamp_(0.0, 255.0)
        far = torch.maximum(far, alone.sub_(x[channel]).abs_(), out=far)
    return far


def disagreement(x: Tensor, y: Tensor, scale: int) -> Tensor:
    """y - W x W', (3, h, w), in the units of y."""
    rows, columns = _matrices(y.shape[1], scale, y.device)[0], _matrices(y.shape[2], scale, y.device)[0]
    return y - rows @ x @ columns.T


def project(x: Tensor, y: Tensor, scale: int) -> Tensor:
    """Bring x (3, h * scale, w * scale) into agreement with the photograph y (3, h, w); grey levels 0 to 255, float32.

    Returns values within 0 to 255. The borders are mirrored, so a block cut from a larger picture needs a few pixels
    of halo.
    """
    x = x + determined(_beyond(disagreement(x, y, scale), SLACK), scale)
    clipped = x.clamp(0.0, 255.0)
    for channel in range(x.shape[0]):
        if not torch.equal(x[channel], clipped[channel]):
            _correct(clipped[channel : channel + 1], y[channel : channel + 1], scale)
    return clipped


def _beyond(error: Tensor, slack: float) -> Tensor:
    """What exceeds the slack on either side."""
    return error - error.clamp(-slack, slack)


def _correct(x: Tensor, y: Tensor, scale: int) -> None:
    """Mend one channel, in place, where clipping has broken the projection, and nowhere else: what is done at a pixel
    follows from its neighbourhood alone, so that blocks and the whole picture come to the same."""
    before = x.clone()
    for steps, slack in STAGES:
        for _ in range(steps):
            ahead = x + MOMENTUM * (x - before)
            error = disagreement(ahead, y, scale)
            # Only what exceeds the slack: a jump there, or an end while some is left, would tell blocks from the whole.
            pull = _beyond(error, slack)
            if not pull.any():
                break
            rows, columns = (_window(pull.any(dim).any(0)) for dim in (2, 1))
            pull = pull[:, rows, columns]
            window = (slice(None), *(slice(axis.start * scale, axis.stop * scale) for axis in (rows, columns)))
            before.copy_(x)
            x.copy_(ahead)
            x[window] += _spread(pull / _free_share(ahead[window], pull, scale), scale)
            x.clamp_(0.0, 255.0)


def _spread(error: Tensor, scale: int) -> Tensor:
    """The gradient step: W' error W times scale squared, the inverse of the largest eigenvalue of W W' in both axes."""
    rows, columns = _matrices(error.shape[1], scale, error.device)[0], _matrices(error.shape[2], scale, error.device)[0]
    return scale**2 * (rows.T @ error @ columns)


def _window(wrong: Tensor) -> slice:
    """The stretch of an axis that holds what is wrong (bool, some of it) and what it reaches; photograph pixels."""
    where = wrong.nonzero()
    start = max(0, int(where[0]) - REACH)
    stop = min(len(wrong), int(where[-1]) + 1 + REACH)
    length = min(len(wrong), -(-(stop - start) // WINDOW_STEP) * WINDOW_STEP)
    start = min(start, len(wrong) - length)
    return slice(start, start + length)


def _free_share(x: Tensor, pull: Tensor, scale: int) -> Tensor:
    """For each photograph pixel the share of its footprint that a step after `pull` can still move.

    Clipped pixels that would be pushed further out stay where they are; the others must move by so much more.
    """
    step = _spread(pull, scale)
    free = ((x > 0.0) | (step > 0.0)) & ((x < 255.0) | (step < 0.0))
    return (-disagreement(free.float(), torch.zeros_like(pull), scale)).clamp_(LEAST_FREE, 1.0)
