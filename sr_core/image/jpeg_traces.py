"""A JPEG file saved again as PNG, TIFF or another kind, found by what it left in the pixels.

Decoded from a JPEG file, the cosine coefficients of a picture's blocks lie near whole multiples of the tables' steps,
on one grid of 8x8 pixels out of 64; on any other grid, and in any other picture, they lie anywhere. For coefficients c
and a step q the mean of cos(2 pi c / q) over all |c| > q / 2 tells it: near 1 for multiples, else near 0. (The
histograms are those of Neelamani et al. 2006, "JPEG compression history estimation for color images".)

Steps of 1 leave nothing to be seen beside the rounding to whole grey levels: above quality 97 such files pass for
clean. A picture that was resized afterwards has no grid any more, and passes for clean too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sr_core.image.coding import Coding, standard_tables
from sr_core.image.jpeg_file import COSINES, LUMA_OF_RGB, Coefficients, JpegFile

WINDOW = 448
"""Pixels a side, at most, of the part that is looked at, about the picture's middle."""

FREQUENCIES = tuple((u, v) for u in range(6) for v in range(6) if 1 <= u + v <= 5)
"""The coefficients, down and across, that are looked at: at low qualities only the first are not zero, at high ones
only the last have steps of more than 1."""

PLAIN = 1.4
"""How much more than on any grid that has other rows and other columns multiples must stand out on a plain one. Of
clean reductions of photographs none came to 1.15 (docs/agreement.md)."""

CERTAIN = 0.2
"""The mean of cos(2 pi c / q) below which a frequency's coefficients are not taken for multiples of the nearest table's
step: nothing is claimed of them. Rounding to whole grey levels leaves 0.29 of a step of 2, 0.6 of 3, 0.75 of 4."""

FREE = 1 << 12
"""A step so coarse that it holds nothing."""

FEWEST = 30
"""Coefficients of a frequency, at least, that are not zero."""

_STEPS = np.arange(2, 61)
_FINE = 4
"""Bins of the histograms, a grey level."""

_BINS = 400 * _FINE
_QUALITIES = np.arange(30, 98)


@dataclass(frozen=True, eq=False)
class Traces:
    """What a picture's pixels tell of the JPEG file that it was. `quality`, 30 to 97: that of the libjpeg tables
    nearest to the steps seen. coding: of it the blocks' place and luma's steps are seen; chroma is taken to be coded so
    too, at half the size, as in most files."""

    quality: int
    coding: Coding


def find_traces(pixels: np.ndarray) -> Traces | None:
    """What a picture, uint8 (H, W, 3), that comes from no JPEG file tells of one that it was; None where no grid is
    plain. Takes a tenth of a second."""
    height, width = pixels.shape[:2]
    y, x = max(0, (height - WINDOW) // 2), max(0, (width - WINDOW) // 2)
    part = pixels[y : y + WINDOW, x : x + WINDOW]
    if min(part.shape[:2]) < 16:
        return None
    plainness, steps = _multiples(part.astype(np.float32) @ LUMA_OF_RGB.astype(np.float32))
    total, grids = plainness.sum(axis=1), np.arange(64)
    grid = int(total.argmax())
    apart = (grids // 8 != grid // 8) & (grids % 8 != grid % 8)
    if total[grid] < PLAIN * max(float(total[apart].max()), 1.0):
        return None
    quality = _nearest_quality(steps[grid], plainness[grid] > float(plainness[apart].max()))
    luma, chroma = standard_tables(quality)
    grey = bool((part == part[..., :1]).all())
    origin = (x + grid % 8) % 8, (y + grid // 8) % 8
    return Traces(quality, Coding(luma, None if grey else chroma, (not grey, not grey), origin))


def lost_file(pixels: np.ndarray, traces: Traces) -> JpegFile:
    """The file that a picture, uint8 (H, W, 3), was: the coefficients of luma in whole blocks, rounded to multiples of
    the steps; frequencies whose coefficients are none have steps of FREE. Takes about as long as decoding."""
    steps, (x, y) = traces.coding.luma, traces.coding.origin
    tall, wide = (pixels.shape[0] - y) // 8, (pixels.shape[1] - x) // 8
    luma = pixels[y : y + 8 * tall, x : x + 8 * wide].astype(np.float32) @ LUMA_OF_RGB.astype(np.float32) - 128
    tiles = luma.reshape(tall, 8, wide, 8).transpose(0, 2, 1, 3)
    cosines = COSINES.astype(np.float32)
    share = (cosines @ tiles @ cosines.T) / steps.astype(np.float32)
    counted = np.abs(share) > 0.5
    count = counted.sum(axis=(0, 1))
    mean = np.where(counted, np.cos(2 * np.pi * share), 0).sum(axis=(0, 1)) / np.maximum(count, 1)
    certain = (mean >= CERTAIN) | (count < FEWEST)
    blocks = np.where(certain, np.rint(share), 0).astype(np.int16)
    blocks.setflags(write=False)
    plane = Coefficients(blocks, np.where(certain, steps, FREE).astype(float), (1, 1), (x, y))
    return JpegFile(
        traces.coding, (plane,), "the file is lost: it was saved again as another kind of picture", lost=True
    )


def _multiples(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of the 64 grids (8 * rows + columns before the first block) and each of FREQUENCIES how plainly its
    coefficients are multiples of a step, in standard deviations of values that lie anywhere, and the step: both (64,
    frequencies)."""
    plainness, steps = np.zeros((64, len(FREQUENCIES))), np.zeros((64, len(FREQUENCIES)), int)
    waves, counted = _waves()
    windows = np.lib.stride_tricks.sliding_window_view
    down = {u: windows(luma, 8, axis=0) @ COSINES[u].astype(np.float32) for u in {u for u, _ in FREQUENCIES}}
    for k, (u, v) in enumerate(FREQUENCIES):
        found = windows(down[u], 8, axis=1) @ COSINES[v].astype(np.float32)
        bins = np.minimum(np.rint(np.abs(found) * _FINE), _BINS).astype(np.int64)
        for grid in range(64):
            histogram = np.bincount(bins[grid // 8 :: 8, grid % 8 :: 8].ravel(), minlength=_BINS + 1)[:_BINS]
            count = counted @ histogram
            score = np.where(count < FEWEST, 0.0, waves @ histogram / np.sqrt(np.maximum(count, 1) / 2))
            best = int(score.argmax())
            plainness[grid, k], steps[grid, k] = score[best], _STEPS[best]
    return plainness, steps


@lru_cache(maxsize=1)
def _waves() -> tuple[np.ndarray, np.ndarray]:
    """cos(2 pi c / q) of every bin's c for every step q, zero where c is nearer to zero than to q; and where it is not:
    both (steps, _BINS)."""
    values = np.arange(_BINS) / _FINE
    counted = (values > _STEPS[:, None] / 2).astype(float)
    return np.cos(2 * np.pi * values / _STEPS[:, None]) * counted, counted


def _nearest_quality(steps: np.ndarray, plain: np.ndarray) -> int:
    """The quality of libjpeg's luma table whose steps at FREQUENCIES are nearest to these, by their logarithms; of the
    plain ones, and where a table has steps of 1 nothing is plain."""
    rows, columns = np.array(FREQUENCIES).T
    tables = np.stack([standard_tables(int(quality))[0][rows, columns] for quality in _QUALITIES])
    missed = np.square(np.log2(tables) - np.where(plain, np.log2(steps), 0))
    counted = plain | (tables == 1)
    return int(_QUALITIES[(missed * counted).sum(axis=1).argmin()])
