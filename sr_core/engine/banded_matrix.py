"""Multiply by banded matrices along both axes of a picture, piece by piece along the band.

A bicubic matrix for 278 pixels at x8 is 2224 x 278 with four nonzero weights per row: multiplied as a dense matrix,
nearly all of the work is on zeros. Cut into pieces of a few dozen rows, each with the columns it uses, it costs a fifth
(x4) to a tenth (x8), and the pieces are still large enough for the matrix routines.

All pieces of a product are one foreign call: TorchScript runs them without the interpreter's lock. Called from Python,
each of them would have to take it again, from the other lane and from the thread that draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sr_core.image.geometry import Rect

PIECE = 16
"""Pixels of the shorter side per piece: small pieces multiply fewer zeros, large ones multiply faster."""

STRIP = 32
"""Rows at most that are made and used up at a time, so that they stay in the processor's caches."""

_SOURCE = """
def across(x: Tensor, weights: List[Tensor], bounds: List[List[int]], made: int) -> Tensor:
    out = torch.empty([x.size(0), x.size(1), made], dtype=x.dtype, device=x.device)
    flat, wide = x.reshape(-1, x.size(2)), out.view(-1, made)
    for i in range(len(weights)):
        first, last, begin, end = bounds[i]
        torch.mm(flat[:, begin:end], weights[i].t(), out=wide[:, first:last])
    return out

def down(x: Tensor, weights: List[Tensor], bounds: List[List[int]], made: int) -> Tensor:
    out = torch.empty([x.size(0), made, x.size(2)], dtype=x.dtype, device=x.device)
    for i in range(len(weights)):
        first, last, begin, end = bounds[i]
        for channel in range(x.size(0)):
            torch.mm(weights[i], x[channel, begin:end], out=out[channel, first:last])
    return out

def add_down(out: Tensor, wide: List[Tensor], weights: List[List[Tensor]], bounds: List[List[List[int]]]) -> Tensor:
    least: List[Tensor] = []
    largest: List[Tensor] = []
    for channel in range(out.size(0)):
        for i in range(len(bounds[0])):
            made = out[channel, bounds[0][i][0] : bounds[0][i][1]]
            for term in range(len(wide)):
                made.addmm_(weights[term][i], wide[term][channel, bounds[term][i][2] : bounds[term][i][3]])
            low, high = torch.aminmax(made)
            least.append(low)
            largest.append(high)
    low, high = torch.stack(least), torch.stack(largest)
    return torch.stack([low.view(out.size(0), -1).amin(dim=1), high.view(out.size(0), -1).amax(dim=1)], dim=1)

def compare(picture: Tensor, wide: Tensor, weights: List[Tensor], bounds: List[List[int]], top: int, strip: int,
            out: Tensor) -> Tensor:
    for i in range(len(weights)):
        first, last, begin, end = bounds[i]
        start, bottom = max(first, top), min(last, top + picture.size(1))
        while start < bottom:
            stop = min(start + strip, bottom)
            alone = torch.empty([picture.size(0), stop - start, picture.size(2)], device=picture.device)
            for channel in range(picture.size(0)):
                part = weights[i][start - first : stop - first]
                torch.mm(part, wide[channel, begin:end], out=alone[channel])
            rounded = picture[:, start - top : stop - top].round_()
            departure = alone.clamp_(0.0, 255.0).sub_(rounded).abs_().amax(dim=0).round_()
            # Below 2^24: exact in float32.
            colour = torch.add(rounded[0], rounded[1], alpha=256).add_(rounded[2], alpha=65536)
            torch.add(colour.int(), departure.int(), alpha=16777216, out=out[start - top : stop - top])
            start = stop
    return out
"""


@cache
def _script() -> Any:
    """The four functions, compiled at the first call, once. `bounds`: for every piece the pixels that it makes and
    those that it uses, each from and to."""
    return torch.jit.CompilationUnit(_SOURCE)


@dataclass(frozen=True)
class Piece:
    """Some rows of a matrix, (rows, columns): they compute the pixels `made` from the pixels `used`."""

    made: slice
    used: slice
    weights: Tensor


@dataclass(frozen=True)
class Banded:
    """An (n, m) matrix as pieces that together compute all n pixels of an axis from its m pixels."""

    made: int
    used: int
    pieces: tuple[Piece, ...]

    @cached_property
    def weights(self) -> list[Tensor]:
        return [piece.weights for piece in self.pieces]

    @cached_property
    def bounds(self) -> list[list[int]]:
        return [[piece.made.start, piece.made.stop, piece.used.start, piece.used.stop] for piece in self.pieces]


def banded(matrix: np.ndarray, device: torch.device, piece: int = PIECE) -> Banded:
    """Cut an (n, m) matrix along its band; float32. Columns that are exactly zero throughout a piece are left out.
    `piece`: pixels of the shorter side in each."""
    made, used = matrix.shape
    step = piece * max(1, made // used)
    pieces = []
    for start in range(0, made, step):
        rows = slice(start, min(start + step, made))
        columns = np.flatnonzero(matrix[rows].any(axis=0))
        band = slice(int(columns[0]), int(columns[-1]) + 1) if len(columns) else slice(0, 1)
        weights = torch.tensor(matrix[rows, band], dtype=torch.float32, device=device)
        pieces.append(Piece(rows, band, weights))
    return Banded(made, used, tuple(pieces))


def transform(x: Tensor, rows: Banded, columns: Banded) -> Tensor:
    """Return rows @ x @ columns', float32: (c, rows.used, columns.used) to (c, rows.made, columns.made)."""
    if rows.made >= rows.used:
        return _down(_across(x, columns), rows)
    return _across(_down(x, rows), columns)


def add_transformed_(out: Tensor, *terms: tuple[Tensor, Banded, Banded]) -> list[tuple[float, float]]:
    """Add rows @ x @ columns' of every term (x, rows, columns) to `out` in place, without a second array of its size.

    All terms are added to one piece of `out` before the next, so that each piece is fetched from memory once. All rows
    must make the same number of pixels in the same number of pieces. Returns the smallest and the largest value of
    every channel.
    """
    wide = [_across(x, columns) for x, _, columns in terms]
    weights, bounds = [rows.weights for _, rows, _ in terms], [rows.bounds for _, rows, _ in terms]
    return [(low, high) for low, high in _script().add_down(out, wide, weights, bounds).tolist()]


def compared(picture: Tensor, x: Tensor, rows: Banded, columns: Banded, inner: Rect) -> Tensor:
    """`picture`, the part `inner` of an enlargement (3, h, w), as its grey levels, and how far it departs from
    rows @ x @ columns': (h, w) int32, of which the bytes, lowest first, are red, green, blue, each rounded, and the
    largest departure among the three, rounded, from what is compared with, taken within 0 to 255.

    `picture` is rounded in place. A strip at a time: that takes half of what all at once does; and four bytes as one
    number take a third less than every fourth byte four times.
    """
    wide = _across(x, columns)[:, :, inner.x : inner.right].contiguous()
    out = torch.empty(picture.shape[1:], dtype=torch.int32, device=picture.device)
    return _script().compare(picture, wide, rows.weights, rows.bounds, inner.y, STRIP, out)


def _across(x: Tensor, columns: Banded) -> Tensor:
    """x @ columns'."""
    return _script().across(x, columns.weights, columns.bounds, columns.made)


def _down(x: Tensor, rows: Banded) -> Tensor:
    """rows @ x."""
    return _script().down(x, rows.weights, rows.bounds, rows.made)
