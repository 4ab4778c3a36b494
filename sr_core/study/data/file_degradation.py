"""What a JPEG file does to a small picture: tables as libjpeg and cameras write them, every subsampling, blocks at any
offset, and files saved twice.

libjpeg itself does the encoding: a network learns to undo what it will really see.
"""

from dataclasses import dataclass

import numpy as np

from sr_core.image.coding import Coding, standard_tables
from sr_core.image.photograph import through_jpeg

CLEAN = 0.25
"""The fraction of pictures that do not come from a JPEG file: they must lose nothing."""

TWICE = 0.15
"""The fraction of files that were saved before, with other tables and other block offsets."""

OTHER_TABLES = 0.25
"""The fraction of files whose tables are not libjpeg's at one quality: luma and chroma of different qualities, steps
that rise less with frequency, another first step. The fundus cameras' files available all have libjpeg's tables, or
these with another first step (IDRiD's of quality 75: 4 for 8)."""

FINE = 0.4
"""The fraction of files at the qualities of FINE_QUALITY alone, where most camera photographs lie."""

QUALITY, FINE_QUALITY = (30, 97), (85, 97)

SUBSAMPLINGS = {"4:4:4": (False, False), "4:2:2": (True, False), "4:2:0": (True, True)}
"""The names of the subsamplings, and along which axes, across and down, chroma is halved."""

_SHARES = (0.2, 0.2, 0.6)


@dataclass(frozen=True, eq=False)
class Save:
    """One saving as JPEG: tables (8, 8) of luma and chroma, the subsampling's name, and how many pixels the picture
    lies right of and below a block's corner."""

    luma: np.ndarray
    chroma: np.ndarray
    subsampling: str
    shift: tuple[int, int]


_TABLES = {quality: standard_tables(quality) for quality in range(QUALITY[0], QUALITY[1] + 1)}


def draw_save(rng: np.random.Generator) -> Save:
    """Draw a saving at random."""
    low, high = FINE_QUALITY if rng.random() < FINE else QUALITY
    luma, chroma = _TABLES[int(rng.integers(low, high + 1))]
    if rng.random() < OTHER_TABLES:
        luma, chroma = _other_tables(luma, int(rng.integers(low, high + 1)), rng)
    name = list(SUBSAMPLINGS)[int(rng.choice(3, p=_SHARES))]
    return Save(luma, chroma, name, (int(rng.integers(16)), int(rng.integers(16))))


def _other_tables(luma: np.ndarray, quality: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    power, share = rng.uniform(0.6, 1.1), rng.uniform(0.5, 1.0)

    def bent(table: np.ndarray) -> np.ndarray:
        steps = np.clip(np.rint(table[0, 0] * (table / table[0, 0]) ** power), 1, 255)
        steps[0, 0] = max(1, round(steps[0, 0] * share))
        return steps.astype(int)

    return bent(luma), bent(_TABLES[quality][1])


def saved(pixels: np.ndarray, save: Save) -> np.ndarray:
    """Return uint8 (H, W, 3) as decoded from such a JPEG file. Its first pixel lies `save.shift` from a block's
    corner."""
    right, down = save.shift
    padded = np.pad(pixels, ((down, 0), (right, 0), (0, 0)), mode="reflect")
    return through_jpeg(padded, save.luma, save.chroma, save.subsampling)[down:, right:]


def coding_of(save: Save) -> Coding:
    """Return the coding of the saved picture, in the pixels that `saved` returns."""
    halved = SUBSAMPLINGS[save.subsampling]
    return Coding(save.luma, save.chroma, halved, ((-save.shift[0]) % 16, (-save.shift[1]) % 16))
