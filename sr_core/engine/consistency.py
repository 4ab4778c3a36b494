"""Agreement with the photograph: the super-resolved picture, shrunk again, is the photograph.

With W the MATLAB bicubic shrinking and W+ its pseudo-inverse, x + W+ (y - W x W') W+' is the picture nearest to x whose
shrinking is y (the consistency-enforcing module of Bahat and Michaeli 2020; range-null-space decomposition in Wang et
al. 2022, DDNM). The photograph itself was rounded to whole grey levels, so any value within its rounding agrees as well
as an exact match: only the disagreement beyond SLACK is removed. Removing all of it would put the rounding's noise into
the picture (measured on validation photographs: 0.14 dB at x2; with the slack nothing is lost).

This is exact only if no value leaves 0 to 255. Near the rim and in highlights clipping breaks it; there projected
gradient steps reduce the squared disagreement within these bounds.

Not every photograph is the shrinking of a picture: a bright pixel in noise around black would need negative light
beside it. Then the disagreement is spread until the largest is about as small as possible.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from sr_core.engine import banded_matrix
from sr_core.engine.banded_matrix import Banded, add_transformed_, banded, transform
from sr_core.engine.clipping import mend
from sr_core.image import resample
from sr_core.image.geometry import Rect

SLACK = 0.15
"""The disagreement that is left alone, in grey levels. The photograph's rounding would allow 0.5, but the finished
picture is rounded too, which adds up to 0.4 at x2."""

LEFT_ALONE = {
    2: (0.17,) * 6 + (0.6,) * 4,
    4: (0.2, 0.22, 0.24, 0.26, 0.28, 0.3, 0.5, 0.5),
    8: (0.22, 0.24, 0.26, 0.28, 0.3, 0.32, 0.5, 0.5),
}
"""By scale, the disagreement in grey levels that each step after clipping leaves alone. It grows slowly, so that few
steps go to pixels that are nearly right: at larger scales, rounding adds less. The last steps are for what cannot be
met: they leave the neighbours alone and reduce only the worst errors."""

STEP_LENGTH, MOMENTUM = 1.6, 0.4
"""The length of a step, as a multiple of the safe gradient step, and the fraction of the previous step that is
repeated. Measured: two thirds of the steps that 1 and 0.5 take."""

NEGLIGIBLE = 0.05
"""Grey levels below which the rest of an earlier step is dropped; it would never end."""

LEAST_FREE = 0.25
"""The smallest fraction of an area's pixels assumed free to move when a step is enlarged for them."""

REACH = 4
"""The distance, in photograph pixels, beyond which a step changes no disagreement: W' and W reach two each."""

CELL = {2: 32, 4: 32, 8: 16}
"""The side, in photograph pixels, of the cells in which steps are computed, by scale; only cells with an error are."""

NOTHING = 1e-6
"""Weights of W+ below this are set to zero; grey levels have eight bits."""


@dataclass(frozen=True)
class _Axis:
    """The matrices of one axis of n photograph pixels."""

    shrink: Banded
    """W, (n, n * scale)."""
    determine: Banded
    """W+, (n * scale, n)."""
    enlarge: Banded
    """The bicubic enlargement, (n * scale, n)."""
    back: Banded
    """The enlargement, shrunk again, (n, n)."""


@lru_cache(maxsize=64)
def _axis(n: int, scale: int, device: torch.device) -> _Axis:
    """Return the matrices of an axis. Weights below NOTHING are zeroed: the weights fall to a third with every pixel,
    so the band becomes narrow."""

    def cut(matrix: np.ndarray) -> Banded:
        return banded(np.where(np.abs(matrix) < NOTHING, 0.0, matrix), device)

    shrink = resample.downsample_matrix(n, scale)
    determine, enlarged = resample.pseudo_inverse(n, scale), resample.enlarge_matrix(n, scale)
    return _Axis(cut(shrink), cut(determine), cut(enlarged), cut(shrink @ enlarged))


def _axes(y: Tensor, scale: int) -> tuple[_Axis, _Axis]:
    return _axis(y.shape[1], scale, y.device), _axis(y.shape[2], scale, y.device)


def enlarge(y: Tensor, scale: int) -> Tensor:
    """Enlarge (3, h, w) bicubically (a = -0.5) to (3, h * scale, w * scale)."""
    rows, columns = _axes(y, scale)
    return transform(y, rows.enlarge, columns.enlarge)


def determined(y: Tensor, scale: int) -> Tensor:
    """Return W+ y, which the photograph alone determines: (3, h, w) to (3, h * scale, w * scale)."""
    rows, columns = _axes(y, scale)
    return transform(y, rows.determine, columns.determine)


def compared(picture: Tensor, y: Tensor, scale: int, inner: Rect) -> Tensor:
    """The part `inner` (enlarged pixels) of a finished picture, (3, h, w), rounded in place, and how far it departs
    from `determined` within 0 to 255, as pictures are: (h, w) int32 as of `sr_core.engine.banded_matrix.compared`."""
    rows, columns = _axes(y, scale)
    return banded_matrix.compared(picture, y, rows.determine, columns.determine, inner)


def disagreement(x: Tensor, y: Tensor, scale: int) -> Tensor:
    """Return y - W x W', (3, h, w), in the units of y."""
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


def complete_(
    residual: Tensor, y: Tensor, scale: int, hold: Callable[[Tensor], Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """Write `project` of the bicubic enlargement of y plus a residual (3, h * scale, w * scale) over the residual;
    return it and the small picture (3, h, w) that it agrees with.

    It takes fewer passes over memory than `project`: the enlargement's own disagreement is computed at the photograph's
    size, and enlargement and correction are added together. `hold` maps a small picture to one near it that agrees
    with the photograph's file: the result then agrees with that picture, not with y itself (`sr_core.engine.cell`).
    """
    rows, columns = _axes(y, scale)
    missed = _missed(residual, y, scale)
    if hold is None:
        aim, missed = y, _beyond(missed, SLACK)
    else:
        small = y - missed
        aim = hold(small)
        missed = aim - small
    correction = missed, rows.determine, columns.determine
    extremes = add_transformed_(residual, (y, rows.enlarge, columns.enlarge), correction)
    return _bounded_(residual, aim, scale, extremes), aim


def shrunk(residual: Tensor, y: Tensor, scale: int) -> Tensor:
    """Return W x W', (3, h, w), of the bicubic enlargement of y plus a residual (3, h * scale, w * scale)."""
    return y - _missed(residual, y, scale)


def _missed(residual: Tensor, y: Tensor, scale: int) -> Tensor:
    """Return the `disagreement` of the bicubic enlargement of y plus a residual."""
    rows, columns = _axes(y, scale)
    return y - transform(y, rows.back, columns.back) - transform(residual, rows.shrink, columns.shrink)


def _bounded_(x: Tensor, y: Tensor, scale: int, extremes: Sequence[tuple[float, float]]) -> Tensor:
    """Clamp to 0 to 255 in place, and correct the disagreement that this causes. `extremes`: minimum and maximum of
    each channel."""
    for channel, (low, high) in enumerate(extremes):
        if low < 0.0 or high > 255.0:
            x[channel].clamp_(0.0, 255.0)
            _mend(x[channel], y[channel], scale)
    return x


def _beyond(error: Tensor, slack: float) -> Tensor:
    """Return what exceeds the slack on either side."""
    return torch.nn.functional.softshrink(error, slack)


@dataclass(frozen=True)
class _Cells:
    """One axis of n photograph pixels in pieces of CELL, in the form that `sr_core.engine.clipping` takes."""

    bounds: list[list[int]]
    spread: list[Tensor]
    """W' times scale, (n * scale, n): the gradient step, scaled by the inverse of W W's largest eigenvalue."""
    shrink: list[Tensor]
    """W, (n, n * scale)."""


@lru_cache(maxsize=64)
def _cells(n: int, scale: int, device: torch.device) -> _Cells:
    matrix = resample.downsample_matrix(n, scale)
    shrink, spread = banded(matrix, device, CELL[scale]), banded(scale * matrix.T, device, CELL[scale])
    bounds = []
    for step, back in zip(spread.pieces, shrink.pieces, strict=True):
        felt = slice(max(0, back.made.start - REACH), back.made.stop + REACH)
        spans = (step.made, step.used, back.made, back.used, felt)
        bounds.append([end for span in spans for end in (span.start, span.stop)])
    return _Cells(bounds, [piece.weights for piece in spread.pieces], [piece.weights for piece in shrink.pieces])


def _mend(x: Tensor, y: Tensor, scale: int) -> None:
    """Correct one channel (h * scale, w * scale) of y (h, w), in place, but only where clipping has broken the
    projection. The change at a pixel follows from its neighbourhood alone, so that blocks give the same result as the
    whole picture.

    Every step removes only what exceeds its slack: a sudden change there, or stopping while some is left, would make
    blocks differ from the whole. Whatever moves less than NEGLIGIBLE stops. Clipped pixels stay where they are, and the
    others must move further: a step is divided by the fraction of free pixels around it, estimated from 16 samples.
    """
    rows, columns = (_cells(n, scale, y.device) for n in y.shape)
    error = disagreement(x[None], y[None], scale)[0]
    mend()(
        x, y, error, list(LEFT_ALONE[scale]), scale, rows.bounds, columns.bounds, rows.spread, columns.spread,
        rows.shrink, columns.shrink, STEP_LENGTH, MOMENTUM, NEGLIGIBLE, LEAST_FREE,
    )  # fmt: skip
