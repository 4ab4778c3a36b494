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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from sr_core.engine.banded import Banded, add_transformed_, banded, strips, transform
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

NOTHING = 1e-6
"""Weights of W+ below this are taken as none; grey levels have eight bits."""

WINDOW_STEP = 32
"""Sides of corrected windows are multiples of this many photograph pixels: few sizes, so that matrices are kept."""


@dataclass(frozen=True)
class _Axis:
    """The matrices of one axis of n photograph pixels."""

    shrink: Banded
    """W, (n, n * scale)."""
    spread: Banded
    """W', the gradient's."""
    determine: Banded
    """W+, (n * scale, n)."""
    enlarge: Banded
    """The bicubic enlargement, (n * scale, n)."""
    back: Banded
    """The enlargement shrunk again, (n, n)."""


@lru_cache(maxsize=64)
def _axis(n: int, scale: int, device: torch.device) -> _Axis:
    """Weights below NOTHING are zeroed: what falls off threefold with every pixel ends, and the band is narrow."""

    def cut(matrix: np.ndarray) -> Banded:
        return banded(np.where(np.abs(matrix) < NOTHING, 0.0, matrix), device)

    shrink = resample.downsample_matrix(n, scale)
    determine, enlarged = resample.pseudo_inverse(n, scale), resample.enlarge_matrix(n, scale)
    return _Axis(cut(shrink), cut(shrink.T), cut(determine), cut(enlarged), cut(shrink @ enlarged))


def _axes(y: Tensor, scale: int) -> tuple[_Axis, _Axis]:
    return _axis(y.shape[1], scale, y.device), _axis(y.shape[2], scale, y.device)


def enlarge(y: Tensor, scale: int) -> Tensor:
    """Bicubic (a = -0.5) enlargement of (3, h, w) to (3, h * scale, w * scale)."""
    rows, columns = _axes(y, scale)
    return transform(y, rows.enlarge, columns.enlarge)


def determined(y: Tensor, scale: int) -> Tensor:
    """W+ y: what the photograph alone determines, (3, h, w) to (3, h * scale, w * scale)."""
    rows, columns = _axes(y, scale)
    return transform(y, rows.determine, columns.determine)


def determined_strips(y: Tensor, scale: int, inner: Rect) -> Iterator[tuple[slice, Tensor]]:
    """`determined` within 0 to 255, as pictures are, and of it the part `inner` (enlarged pixels), a strip of rows at a
    time: the rows, counted from the part's first, and (3, rows, inner.w), the caller's to write over."""
    rows, columns = _axes(y, scale)
    for strip, alone in strips(y, rows.determine, columns.determine, inner):
        yield strip, alone.clamp_(0.0, 255.0)


def disagreement(x: Tensor, y: Tensor, scale: int) -> Tensor:
    """y - W x W', (3, h, w), in the units of y."""
    rows, columns = _axes(y, scale)
    return y - transform(x, rows.shrink, columns.shrink)


def project(x: Tensor, y: Tensor, scale: int) -> Tensor:
    """Bring x (3, h * scale, w * scale) into agreement with the photograph y (3, h, w); grey levels 0 to 255, float32.

    Returns values within 0 to 255. The borders are mirrored, so a block cut from a larger picture needs a few pixels
    of halo.
    """
    rows, columns = _axes(y, scale)
    beyond = _beyond(disagreement(x, y, scale), SLACK)
    x = x.clone()
    extremes = add_transformed_(x, (beyond, rows.determine, columns.determine))
    return _bounded_(x, y, scale, extremes)


def complete_(residual: Tensor, y: Tensor, scale: int) -> Tensor:
    """`project` of the bicubic enlargement of y plus a residual (3, h * scale, w * scale), written over the residual.

    The same in fewer passes over memory: the enlargement's own disagreement is computed at the photograph's size, and
    enlargement and correction are added together.
    """
    rows, columns = _axes(y, scale)
    missed = y - transform(y, rows.back, columns.back) - transform(residual, rows.shrink, columns.shrink)
    correction = _beyond(missed, SLACK), rows.determine, columns.determine
    extremes = add_transformed_(residual, (y, rows.enlarge, columns.enlarge), correction)
    return _bounded_(residual, y, scale, extremes)


def _bounded_(x: Tensor, y: Tensor, scale: int, extremes: Sequence[tuple[float, float]]) -> Tensor:
    """Clamp to 0 to 255 in place, and mend what that breaks. `extremes`: least and largest value of each channel."""
    for channel, (low, high) in enumerate(extremes):
        if low < 0.0 or high > 255.0:
            x[channel].clamp_(0.0, 255.0)
            _correct(x[channel : channel + 1], y[channel : channel + 1], scale)
    return x


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
    rows, columns = _axes(error, scale)
    return transform(scale**2 * error, rows.spread, columns.spread)


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
