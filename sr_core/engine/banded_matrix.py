"""Multiply by banded matrices along both axes of a picture, piece by piece along the band.

A bicubic matrix for 278 pixels at x8 is 2224 x 278 with four nonzero weights per row: multiplied as a dense matrix,
nearly all of the work is on zeros. Cut into pieces of a few dozen rows, each with the columns it uses, it costs a fifth
(x4) to a tenth (x8), and the pieces are still large enough for the matrix routines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sr_core.image.geometry import Rect

PIECE = 16
"""Pixels of the shorter side per piece: small pieces multiply fewer zeros, large ones multiply faster."""


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
    across = [_across(x, columns) for x, _, columns in terms]
    extremes = [(float("inf"), float("-inf"))] * len(out)
    for pieces in zip(*(rows.pieces for _, rows, _ in terms), strict=True):
        for channel, (low, high) in enumerate(extremes):
            made = out[channel, pieces[0].made]
            for piece, wide in zip(pieces, across, strict=True):
                made.addmm_(piece.weights, wide[channel, piece.used])
            least, largest = torch.aminmax(made)
            extremes[channel] = min(low, float(least)), max(high, float(largest))
    return extremes


def strips(x: Tensor, rows: Banded, columns: Banded, inner: Rect) -> Iterator[tuple[slice, Tensor]]:
    """Yield the part `inner` of rows @ x @ columns' in strips that fit the caches: the rows, counted from the first of
    the part, and (c, rows, inner.w), which the caller may overwrite."""
    across = _across(x, columns)[:, :, inner.x : inner.right].contiguous()
    for piece in rows.pieces:
        start, stop = max(piece.made.start, inner.y), min(piece.made.stop, inner.bottom)
        if start >= stop:
            continue
        weights = piece.weights[start - piece.made.start : stop - piece.made.start]
        made = x.new_empty(len(x), stop - start, inner.w)
        for channel in range(len(x)):
            torch.mm(weights, across[channel, piece.used], out=made[channel])
        yield slice(start - inner.y, stop - inner.y), made


def _across(x: Tensor, columns: Banded) -> Tensor:
    """Return x @ columns'."""
    out = x.new_empty(x.shape[0], x.shape[1], columns.made)
    flat, made = x.reshape(-1, columns.used), out.view(-1, columns.made)
    for piece in columns.pieces:
        torch.mm(flat[:, piece.used], piece.weights.T, out=made[:, piece.made])
    return out


def _down(x: Tensor, rows: Banded) -> Tensor:
    """Return rows @ x."""
    out = x.new_empty(x.shape[0], rows.made, x.shape[2])
    for piece in rows.pieces:
        for channel in range(len(x)):
            torch.mm(piece.weights, x[channel, piece.used], out=out[channel, piece.made])
    return out
