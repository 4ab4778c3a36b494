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

MARGIN = 1.0
"""Grey levels by which an interval is narrowed at either end, so that rounding the finished picture to whole grey
levels does not leave it again; for a narrow interval at most NARROWEST of its half. In smooth areas rounding errs alike
in many pixels. Measured on reduced HRF photographs at quality 95: with 0.25 and a half 99.46 % of luma's coefficients
agreed in the worst region, with these values 99.94 %, and the pictures were at least as near to the truth."""

NARROWEST = 0.7

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
def enter(component: Tensor, bounds: List[int], least: Tensor, most: Tensor, cosines: Tensor) -> None:
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
    moved = torch.mm(torch.minimum(torch.maximum(found, least), most).sub_(found), cosines)
    change = moved.view(rows, columns, 8, 8).permute(0, 2, 1, 3).reshape(1, 1, rows * 8, columns * 8)
    if wide * tall > 1:
        change = torch.ops.aten.upsample_nearest2d(change, part.size())
    part.add_(change[0, 0])

def nearest(rgb: Tensor, forth: Tensor, back: Tensor, cosines: Tensor, index: List[int], bounds: List[List[int]],
            least: List[Tensor], most: List[Tensor], turns: int, near: float) -> Tensor:
    for turn in range(turns):
        ycc = torch.mm(forth, rgb.view(3, -1)).view_as(rgb)
        for i in range(len(index)):
            enter(ycc[index[i]], bounds[i], least[i], most[i], cosines)
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
        rgb = self.canvas.clone()
        rgb[(slice(None), *self.inner)] = small
        planes = self.planes
        rgb = _script().nearest(
            rgb, *_colour_matrices(rgb.device), _cosines(rgb.device), [plane.index for plane in planes],
            [plane.bounds for plane in planes], [plane.least for plane in planes], [plane.most for plane in planes],
            TURNS, NEAR,
        )  # fmt: skip
        return rgb[(slice(None), *self.inner)].clamp_(0.0, 255.0)


def cell(file: JpegFile, pixels: np.ndarray, source: Rect, device: torch.device) -> Cell:
    """Return the file's cell within `source`, in photograph pixels; `pixels` is the whole photograph, (H, W, 3) uint8.
    `file.planes` must be known."""
    whole = Rect(0, 0, pixels.shape[1], pixels.shape[0])
    touched = [_blocks(plane, source)[1] for plane in file.planes]
    left, top = (min(getattr(rect, side) for rect in touched) for side in ("x", "y"))
    right, bottom = (max(getattr(rect, side) for rect in touched) for side in ("right", "bottom"))
    canvas = Rect(left, top, right - left, bottom - top).intersect(whole)
    grey = torch.from_numpy(np.ascontiguousarray(pixels[canvas.slices()].transpose(2, 0, 1))).to(device)
    inner = source.shift(-canvas.x, -canvas.y).slices()
    planes = (_plane(i, plane, source, canvas, device) for i, plane in enumerate(file.planes))
    return Cell(grey.float(), inner, tuple(plane for plane in planes if plane is not None))


def _blocks(plane: Coefficients, source: Rect) -> tuple[Rect, Rect]:
    """Return the blocks that a rectangle touches, as a rectangle of blocks and as one of photograph pixels."""
    (wide, tall), (x0, y0) = (8 * side for side in plane.pixel), plane.origin
    left, top = (source.x - x0) // wide, (source.y - y0) // tall
    right, bottom = -(-(source.right - x0) // wide), -(-(source.bottom - y0) // tall)
    count = Rect(left, top, right - left, bottom - top)
    return count, Rect(x0 + left * wide, y0 + top * tall, count.w * wide, count.h * tall)


def _plane(index: int, plane: Coefficients, source: Rect, canvas: Rect, device: torch.device) -> _Plane | None:
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
    half = 0.5 * steps - torch.clamp(NARROWEST * 0.5 * steps, max=MARGIN)
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
def _colour_matrices(device: torch.device) -> tuple[Tensor, Tensor]:
    forth, back = (torch.tensor(m, dtype=torch.float32, device=device) for m in (YCC, np.linalg.inv(YCC)))
    return forth, back
