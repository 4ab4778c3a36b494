"""Recognise a JPEG file that was saved again as PNG, TIFF or another kind, by the traces in its pixels.

In a picture decoded from a JPEG file, the cosine coefficients of the blocks lie near whole multiples of the tables'
steps, on one of the 64 possible grids of 8x8 pixels. On the other grids, and in other pictures, they take any value.
For coefficients c and a step q, the mean of cos(2 pi c / q) over all |c| > q / 2 shows the difference: it is near 1 for
multiples, and near 0 otherwise. (The histograms are those of Neelamani et al. 2006, "JPEG compression history
estimation for color images".)

Two kinds pass for clean: files above quality 97, because the rounding to whole grey levels hides steps of 1, and
pictures that were resized afterwards, because the grid is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sr_core.image.coding import Coding, standard_tables
from sr_core.image.jpeg_file import COSINES, LUMA_OF_RGB, Coefficients, JpegFile

WINDOW = 448
"""The largest side in pixels of the part that is analysed, around the centre of the picture."""

FREQUENCIES = tuple((u, v) for u in range(6) for v in range(6) if 1 <= u + v <= 5)
"""The frequencies that are analysed, down and across. At low qualities only the lowest have coefficients other than 0;
at high qualities only the highest have steps above 1."""

PLAIN = 1.4
"""A grid is plain if its multiples stand out by this factor over every grid with other rows and other columns. No clean
reduction of a photograph reached 1.15 (docs/agreement.md)."""

CERTAIN = 0.2
"""If the mean of cos(2 pi c / q) is lower, a frequency's coefficients do not count as multiples of the nearest table's
step, and nothing is claimed of them. After rounding to whole grey levels the mean is 0.29 for a step of 2, 0.6 for 3
and 0.75 for 4."""

FREE = 1 << 12
"""A step so coarse that it sets no limit."""

FEWEST = 30
"""The fewest coefficients other than 0 from which a frequency's step is estimated."""

_STEPS = np.arange(2, 61)
_FINE = 4
"""Histogram bins per grey level."""

_BINS = 400 * _FINE
_QUALITIES = np.arange(30, 98)


@dataclass(frozen=True, eq=False)
class Traces:
    """What is known of the lost JPEG file. `quality`: of the libjpeg tables nearest to the observed steps, 30 to 97.
    `coding`: the block positions and luma's steps are observed; chroma is assumed to have the same quality at half the
    size, as in most files."""

    quality: int
    coding: Coding


def find_traces(pixels: np.ndarray) -> Traces | None:
    """Return the traces of a JPEG file in a picture, uint8 (H, W, 3), or None if no grid is plain. Takes a tenth of a
    second."""
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
    """Rebuild the lost file of a picture, uint8 (H, W, 3): luma's coefficients in whole blocks, rounded to multiples of
    the steps. Frequencies whose coefficients are not multiples get the step FREE. Takes about as long as decoding."""
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
    """Measure how plainly coefficients are multiples of a step, for each of the 64 grids (8 * rows + columns before the
    first block) and each of FREQUENCIES. Returns that score, in standard deviations of coefficients without a step, and
    the step: both (64, frequencies)."""
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
    """Return cos(2 pi c / q) for every step q and every bin's c, 0 where c is nearer to 0 than to q, and where it is
    not: both (steps, _BINS)."""
    values = np.arange(_BINS) / _FINE
    counted = (values > _STEPS[:, None] / 2).astype(float)
    return np.cos(2 * np.pi * values / _STEPS[:, None]) * counted, counted


def _nearest_quality(steps: np.ndarray, plain: np.ndarray) -> int:
    """Return the quality of libjpeg's luma table whose steps at FREQUENCIES are nearest to these, by their logarithms.
    Only plain frequencies count, and those where the table's step is 1, which must not be plain."""
    rows, columns = np.array(FREQUENCIES).T
    tables = np.stack([standard_tables(int(quality))[0][rows, columns] for quality in _QUALITIES])
    missed = np.square(np.log2(tables) - np.where(plain, np.log2(steps), 0))
    counted = plain | (tables == 1)
    return int(_QUALITIES[(missed * counted).sum(axis=1).argmin()])
