"""How a JPEG file codes a photograph, as a network is told it: how coarsely, and where each pixel lies in its blocks.

A JPEG file rounds the cosine coefficients of 8x8 blocks of luma and chroma to multiples of the steps in its tables
(ITU-T T.81). The steps tell how much of a pixel is the eye's and how much the file's; blocks tell where their borders
lie. A photograph without a JPEG file behind it is *clean*: all of this is zero.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

STRENGTHS = 9
"""Numbers that tell how coarsely a file is coded (`Coding.strength`)."""

PLACES = 8
"""Planes that tell where in its blocks a pixel lies (`Coding.places`)."""

_OCTAVES = 4.0
"""The base-2 logarithm of a step is divided by this: 16 grey levels become 1."""

_FREQUENCY = np.add.outer(np.arange(8), np.arange(8))
_BANDS = (_FREQUENCY <= 2, (_FREQUENCY > 2) & (_FREQUENCY <= 6), _FREQUENCY > 6)


@dataclass(frozen=True, eq=False)
class Coding:
    """A photograph's coding as it is shown, turned as EXIF says.

    luma, chroma: quantisation steps, (8, 8), from the lowest frequency; chroma is None for a grey file. halved: whether
    chroma is kept at half the width, at half the height. origin: x and y of a corner of a block, of a chroma block
    where chroma is halved, in the shown photograph's pixels.
    """

    luma: np.ndarray
    chroma: np.ndarray | None
    halved: tuple[bool, bool]
    origin: tuple[int, int]

    def strength(self) -> np.ndarray:
        """How coarsely: 1; the mean logarithm of the steps in three bands of frequency of luma and in three of chroma;
        whether chroma is halved across and down. Float32 (STRENGTHS,), all about 0 to 2; see `clean_strength`."""
        tables = (self.luma, self.chroma if self.chroma is not None else np.ones((8, 8)))
        bands = [float(np.log2(table[band]).mean()) / _OCTAVES for table in tables for band in _BANDS]
        return np.array([1.0, *bands, *map(float, self.halved)], np.float32)

    def places(self, x: int, y: int, width: int, height: int) -> np.ndarray:
        """Where in its blocks every pixel of a rectangle of the photograph lies: cosine and sine of its place across
        and down blocks of 8 pixels, and of 16 along an axis whose chroma is halved (else zero). Float32 (PLACES,
        height, width)."""
        across = _waves(x - self.origin[0], width, self.halved[0])
        down = _waves(y - self.origin[1], height, self.halved[1])
        planes = np.empty((PLACES, height, width), np.float32)
        planes[0::2] = across[:, None, :]
        planes[1::2] = down[:, :, None]
        return planes


def clean_strength() -> np.ndarray:
    """`Coding.strength` of a photograph that no JPEG file lies behind: zeros."""
    return np.zeros(STRENGTHS, np.float32)


def clean_places(width: int, height: int) -> np.ndarray:
    """`Coding.places` of a photograph that no JPEG file lies behind: zeros."""
    return np.zeros((PLACES, height, width), np.float32)


def _waves(start: int, length: int, halved: bool) -> np.ndarray:
    """Four waves along an axis from `start`, its distance to a block's corner: (4, length) float32."""
    period = _period(halved)
    return period[:, (start + np.arange(length)) % 16]


@lru_cache(maxsize=2)
def _period(halved: bool) -> np.ndarray:
    """The waves over 16 pixels from a block's corner; pixels' centres lie at a half."""
    turns = 2 * np.pi * (np.arange(16) + 0.5)
    fine, coarse = turns / 8, turns / 16
    waves = np.stack([np.cos(fine), np.sin(fine), np.cos(coarse) * halved, np.sin(coarse) * halved])
    return waves.astype(np.float32)
