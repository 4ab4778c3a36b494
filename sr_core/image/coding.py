"""How a JPEG file encodes a photograph, in the form that a network takes as input: how coarsely, and where each pixel
lies in its block.

A JPEG file rounds the cosine coefficients of 8x8 blocks of luma and chroma to multiples of the steps in its tables
(ITU-T T.81). The steps say how much of a pixel comes from the eye and how much from the compression; the block
positions say where the block borders lie. A photograph that does not come from a JPEG file is *clean*: all of these
inputs are zero.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

STRENGTHS = 9
"""The numbers that describe how coarsely a file is coded (`Coding.strength`)."""

PLACES = 8
"""The planes that describe where each pixel lies in its blocks (`Coding.places`)."""

_OCTAVES = 4.0
"""The divisor of a step's base-2 logarithm: a step of 16 grey levels becomes 1."""

_FREQUENCY = np.add.outer(np.arange(8), np.arange(8))
_BANDS = (_FREQUENCY <= 2, (_FREQUENCY > 2) & (_FREQUENCY <= 6), _FREQUENCY > 6)

_LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
_CHROMA = np.full((8, 8), 99)
_CHROMA[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]


@dataclass(frozen=True, eq=False)
class Coding:
    """The coding of a photograph as displayed, rotated as EXIF says.

    luma, chroma: quantisation steps, (8, 8), from the lowest frequency; chroma is None for a grey file. halved: whether
    chroma is stored at half the width, at half the height. origin: x and y of a block's corner (of a chroma block's if
    chroma is halved) in the displayed photograph's pixels.
    """

    luma: np.ndarray
    chroma: np.ndarray | None
    halved: tuple[bool, bool]
    origin: tuple[int, int]

    def strength(self) -> np.ndarray:
        """Return how coarsely the file is coded: 1; the mean logarithm of the steps in three frequency bands of luma
        and in three of chroma; whether chroma is halved across and down. Float32 (STRENGTHS,), all about 0 to 2; see
        `clean_strength`."""
        tables = (self.luma, self.chroma if self.chroma is not None else np.ones((8, 8)))
        bands = [float(np.log2(table[band]).mean()) / _OCTAVES for table in tables for band in _BANDS]
        return np.array([1.0, *bands, *map(float, self.halved)], np.float32)

    def places(self, x: int, y: int, width: int, height: int) -> np.ndarray:
        """Return where in its blocks every pixel of a rectangle of the photograph lies: cosine and sine of its position
        across and down blocks of 8 pixels, and of 16 along an axis whose chroma is halved (else zero). Float32 (PLACES,
        height, width)."""
        across = _waves(x - self.origin[0], width, self.halved[0])
        down = _waves(y - self.origin[1], height, self.halved[1])
        planes = np.empty((PLACES, height, width), np.float32)
        planes[0::2] = across[:, None, :]
        planes[1::2] = down[:, :, None]
        return planes


def standard_tables(quality: int) -> tuple[np.ndarray, np.ndarray]:
    """Return libjpeg's quantisation tables of luma and chroma, (8, 8) integers by frequency, at a quality of 1 to 100:
    those of ITU-T T.81, annex K, scaled by the Independent JPEG Group's rule. Raises ValueError for another quality."""
    if not 1 <= quality <= 100:
        raise ValueError(f"JPEG quality {quality}: must be 1 to 100")
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    luma, chroma = (np.clip((table * scale + 50) // 100, 1, 255) for table in (_LUMA, _CHROMA))
    return luma, chroma


def clean_strength() -> np.ndarray:
    """Return `Coding.strength` of a photograph that does not come from a JPEG file: zeros."""
    return np.zeros(STRENGTHS, np.float32)


def clean_places(width: int, height: int) -> np.ndarray:
    """Return `Coding.places` of a photograph that does not come from a JPEG file: zeros."""
    return np.zeros((PLACES, height, width), np.float32)


def _waves(start: int, length: int, halved: bool) -> np.ndarray:
    """Return four waves along an axis that begins `start` pixels from a block's corner: (4, length) float32."""
    period = _period(halved)
    return period[:, (start + np.arange(length)) % 16]


@lru_cache(maxsize=2)
def _period(halved: bool) -> np.ndarray:
    """Return the waves over the 16 pixels after a block's corner; pixel centres lie at one half."""
    turns = 2 * np.pi * (np.arange(16) + 0.5)
    fine, coarse = turns / 8, turns / 16
    waves = np.stack([np.cos(fine), np.sin(fine), np.cos(coarse) * halved, np.sin(coarse) * halved])
    return waves.astype(np.float32)
