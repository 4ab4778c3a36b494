"""Agreement with the file: the small pictures that encode to a JPEG file's own coefficients, and the nearest of them.

A file does not determine the photograph's pixels. For each frequency of each 8x8 block, of luma and of chroma, it gives
an interval: the coefficient lay within half a step of a whole number of steps. All pictures whose coefficients lie in
these intervals form the file's *cell*; the decoded photograph is only the one in its middle. Blocking and ringing may
be removed within the cell; nothing may change beyond it.

Luma and chroma are independent coordinates, and so are the coefficients of every block: the nearest picture is found by
moving each coefficient to the nearer end of its interval. If chroma is halved, the file encodes the mean of each two or
four pixels (libjpeg's reduction), and all of them are moved alike. Only the bounds of red, green and blue couple the
coordinates, which takes a few iterations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sr_core.image.geometry import Rect
from sr_core.image.jpeg_file import COSINES, Coefficients, JpegFile


@dataclass(frozen=True)
class Margin:
    """How far an interval is narrowed at either end, so that rounding the finished picture to whole grey levels does
    not leave it again: by `levels` grey levels, or by the `share` of half the interval if that is less."""

    levels: float
    share: float


ENLARGED = Margin(0.6, 0.6)
"""For an enlarged picture: shrinking averages its rounding errors, but in smooth areas many pixels err alike. Measured
in docs/agreement.md."""

OWN_SIZE = Margin(1.0, 0.7)
"""For a picture of the photograph's own size, where nothing averages the rounding errors."""

PASSES = 4
"""How often the change is made continuous across block borders and brought back into the cell. Each pass lowers the
steps at the borders, by less and less: docs/agreement.md has the measurements."""

RAMP = (1 / 16, 3 / 16, 5 / 16, 7 / 16)
"""The shares of a step that four pixels before a border take over, the nearest last: a straight line across it."""

TURNS = 4
"""The most iterations that bring pixels within 0 to 255 and back into the cell."""

NEAR = 0.02
"""The distance outside 0 to 255, in grey levels, that needs no further iteration."""

YCC = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.299 / 1.772, -0.587 / 1.772, 0.886 / 1.772],
        [0.701 / 1.402, -0.587 / 1.402, -0.114 / 1.402],
    ]
)
"""ITU-T T.871 (JFIF): luma and the two chromas, centred at zero, from red, green and blue."""


MEAN = 8 * 128.0
"""The first coefficient of a block that is 128 everywhere: luma is coded about it, and the chromas about zero."""

_SOURCE = """
def step(moved: Tensor, rows: int, columns: int, across: int, ends: Tensor, ramps: Tensor) -> Tensor:
    # Spread the steps of a change, (blocks, 64) coefficients, from block to block along one axis.
    at = torch.mm(moved, ends).view(rows, columns, 16)
    near, far = at.slice(across, 1), at.slice(across, 0, -1)
    steps = far[:, :, 8:] - near[:, :, :8]
    taken = torch.zeros_like(at)
    taken.slice(across, 1)[:, :, :8].copy_(steps)
    taken.slice(across, 0, -1)[:, :, 8:].copy_(steps)
    return moved.addmm_(taken.view(-1, 16), ramps)

def enter(component: Tensor, bounds: List[int], least: Tensor, most: Tensor, cosines: Tensor, passes: int,
          ramps: List[Tensor]) -> None:
    # Move a component's coefficients into their intervals. `bounds`: its rows and columns, each from and to, and the
    # width and height of its pixels.
    top, bottom, left, right, wide, tall = bounds
    rows, columns = (bottom - top) // (8 * tall), (right - left) // (8 * wide)
    part = component[top:bottom, left:right]
    coded = part
    if wide * tall > 1:
        coded = torch.ops.aten.avg_pool2d(part.unsqueeze(0), [tall, wide], [tall, wide])[0]
    blocks = coded.unflatten(1, [columns, 8]).unflatten(0, [rows, 8]).permute(0, 2, 1, 3).reshape(-1, 64)
    found = torch.mm(blocks, cosines.t())
    moved = torch.clamp(found, least, most).sub_(found)
    for i in range(passes):
        moved = step(moved, rows, columns, 1, ramps[0], ramps[1])
        moved = step(moved, rows, columns, 0, ramps[2], ramps[3])
        moved = moved.add_(found).clamp_(least, most).sub_(found)
    moved = torch.mm(moved, cosines)
    change = moved.view(rows, columns, 8, 8).permute(0, 2, 1, 3).reshape(1, 1, rows * 8, columns * 8)
    if wide * tall > 1:
        change = torch.ops.aten.upsample_nearest2d(change, part.size())
    part.add_(change[0, 0])

def nearest(rgb: Tensor, forth: Tensor, back: Tensor, cosines: Tensor, index: List[int], bounds: List[List[int]],
            least: List[Tensor], most: List[Tensor], turns: int, near: float, passes: int,
            ramps: List[Tensor]) -> Tensor:
    for turn in range(turns):
        ycc = torch.mm(forth, rgb.view(3, -1)).view_as(rgb)
        for i in range(len(index)):
            enter(ycc[index[i]], bounds[i], least[i], most[i], cosines, passes, ramps)
        rgb = torch.mm(back, ycc.view(3, -1)).view_as(rgb)
        low, high = torch.aminmax(rgb)
        if float(low) >= -near and float(high) <= 255.0 + near:
            break
        rgb.clamp_(0.0, 255.0)
    return rgb
"""


@dataclass(frozen=True)
class _Plane:
    """A component's whole blocks within a canvas: rows and columns of the canvas that they fill; pixel: the width and
    height of the component's pixels in the canvas's; least and most of every coefficient, (blocks in reading order,
    64), of pixels that are no less than zero."""

    index: int
    rows: slice
    columns: slice
    pixel: tuple[int, int]
    least: Tensor
    most: Tensor

    @property
    def bounds(self) -> list[int]:
        """As `_SOURCE` has it."""
        return [self.rows.start, self.rows.stop, self.columns.start, self.columns.stop, *self.pixel]


@dataclass(frozen=True)
class Cell:
    """The cell of a file within a rectangle of its photograph. Blocks that extend beyond the rectangle are completed
    from the decoded photograph; those that extend beyond the photograph set no constraint."""

    canvas: Tensor
    """(3, H, W) decoded grey levels of all blocks that the rectangle touches."""
    inner: tuple[slice, slice]
    """The rectangle within the canvas."""
    planes: tuple[_Plane, ...]

    def nearest(self, small: Tensor) -> Tensor:
        """Return the picture of the cell near `small` (3, h, w), grey levels 0 to 255 of the rectangle: within 0 to
        255, and within the cell if both are possible. Exact except for the bounds of red, green and blue."""
        return self._entered(small, 0)

    def deblocked(self, small: Tensor) -> Tensor:
        """Return a picture of the cell almost as near to `small` as `nearest`, with smaller steps at block borders.

        The nearest picture moves every block on its own, which leaves steps between blocks. Here the change is made
        continuous across their borders and brought back into the cell, PASSES times (projections onto convex sets):
        the coefficients that have room for it take up the steps. Only the change is smoothed, not the picture.
        """
        return self._entered(small, PASSES)

    def _entered(self, small: Tensor, passes: int) -> Tensor:
        rgb = self.canvas.clone()
        rgb[(slice(None), *self.inner)] = small
        planes = self.planes
        rgb = _script().nearest(
            rgb, *_colour_matrices(rgb.device), _cosines(rgb.device), [plane.index for plane in planes],
            [plane.bounds for plane in planes], [plane.least for plane in planes], [plane.most for plane in planes],
            TURNS, NEAR, passes, _ramps(rgb.device),
        )  # fmt: skip
        return rgb[(slice(None), *self.inner)].clamp_(0.0, 255.0)


def cell(file: JpegFile, pixels: np.ndarray, source: Rect, device: torch.device, margin: Margin = ENLARGED) -> Cell:
    """Return the file's cell within `source`, in photograph pixels; `pixels` is the whole photograph, (H, W, 3) uint8.
    `file.planes` must be known."""
    whole = Rect(0, 0, pixels.shape[1], pixels.shape[0])
    touched = [_blocks(plane, source)[1] for plane in file.planes]
    left, top = (min(getattr(rect, side) for rect in touched) for side in ("x", "y"))
    right, bottom = (max(getattr(rect, side) for rect in touched) for side in ("right", "bottom"))
    canvas = Rect(left, top, right - left, bottom - top).intersect(whole)
    grey = torch.from_numpy(np.ascontiguousarray(pixels[canvas.slices()].transpose(2, 0, 1))).to(device)
    inner = source.shift(-canvas.x, -canvas.y).slices()
    planes = (_plane(i, plane, source, canvas, device, margin) for i, plane in enumerate(file.planes))
    return Cell(grey.float(), inner, tuple(plane for plane in planes if plane is not None))


def _blocks(plane: Coefficients, source: Rect) -> tuple[Rect, Rect]:
    """Return the blocks that a rectangle touches, as a rectangle of blocks and as one of photograph pixels."""
    (wide, tall), (x0, y0) = (8 * side for side in plane.pixel), plane.origin
    left, top = (source.x - x0) // wide, (source.y - y0) // tall
    right, bottom = -(-(source.right - x0) // wide), -(-(source.bottom - y0) // tall)
    count = Rect(left, top, right - left, bottom - top)
    return count, Rect(x0 + left * wide, y0 + top * tall, count.w * wide, count.h * tall)


def _plane(
    index: int, plane: Coefficients, source: Rect, canvas: Rect, device: torch.device, margin: Margin
) -> _Plane | None:
    """Return the blocks of a component that `source` touches and that lie entirely in the canvas, and so in the
    photograph."""
    count, _ = _blocks(plane, source)
    (wide, tall), (x0, y0) = (8 * side for side in plane.pixel), plane.origin
    left, top = max(count.x, -(-(canvas.x - x0) // wide)), max(count.y, -(-(canvas.y - y0) // tall))
    right, bottom = min(count.right, (canvas.right - x0) // wide), min(count.bottom, (canvas.bottom - y0) // tall)
    if left >= right or top >= bottom:
        return None
    rows, columns = (
        slice(start + first * size, start + last * size)
        for start, first, last, size in (
            (y0 - canvas.y, top, bottom, tall),
            (x0 - canvas.x, left, right, wide),
        )
    )
    steps = torch.tensor(plane.steps, dtype=torch.float32, device=device).reshape(64)
    found = torch.from_numpy(plane.blocks[top:bottom, left:right].astype(np.float32)).to(device)
    half = 0.5 * steps - torch.clamp(margin.share * 0.5 * steps, max=margin.levels)
    middle = found.reshape(-1, 64) * steps
    if index == 0:
        middle[:, 0] += MEAN
    return _Plane(index, rows, columns, plane.pixel, middle - half, middle + half)


@cache
def _script() -> Any:
    """Compiled at the first call, once: all turns are one foreign call, without the interpreter's lock."""
    return torch.jit.CompilationUnit(_SOURCE)


@lru_cache(maxsize=4)
def _cosines(device: torch.device) -> Tensor:
    """The cosine transform of a block, (64 frequencies, 64 pixels), rows first in both."""
    return torch.tensor(np.kron(COSINES, COSINES), dtype=torch.float32, device=device)


@lru_cache(maxsize=4)
def _ramps(device: torch.device) -> list[Tensor]:
    """For each axis, across first: the matrix from a block's coefficients to its first and last column (row) of
    pixels, each by the frequencies of the other axis, (64, 16); and from the steps there to the coefficients of the
    ramps that take them up, (16, 64)."""
    whole, rising = np.eye(8), COSINES @ np.concatenate([np.zeros(4), RAMP])
    falling = COSINES @ np.concatenate([RAMP[::-1], np.zeros(4)])
    ends, ramps = (COSINES[:, :1], COSINES[:, 7:]), (falling[None], -rising[None])
    matrices = (
        np.concatenate([np.kron(whole, end) for end in ends], axis=1),
        np.concatenate([np.kron(whole, ramp) for ramp in ramps]),
        np.concatenate([np.kron(end, whole) for end in ends], axis=1),
        np.concatenate([np.kron(ramp, whole) for ramp in ramps]),
    )
    return [torch.tensor(matrix, dtype=torch.float32, device=device) for matrix in matrices]


@lru_cache(maxsize=4)
def _colour_matrices(device: torch.device) -> tuple[Tensor, Tensor]:
    forth, back = (torch.tensor(m, dtype=torch.float32, device=device) for m in (YCC, np.linalg.inv(YCC)))
    return forth, back
