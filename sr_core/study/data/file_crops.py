"""Random crops of photographs as files deliver them: clean, or through JPEG with the facts of its coding."""

from collections.abc import Sequence

import numpy as np

from sr_core.image.coding import Coding, clean_places, clean_strength
from sr_core.image.resample import downsample_matrix, enlarge_matrix
from sr_core.study.data.file_degradation import CLEAN, TWICE, Save, coding_of, draw_save, saved
from sr_core.study.data.references import DataError, Reference, draw_group, draw_window

_ENLARGED = 4
"""The pixels around a small crop that its enlargement is computed from."""

_BLOCK = 16
"""The side in pixels of a block of halved chroma."""

TURNED = 0.25
"""The fraction of coded pictures that are turned after their file is opened."""


class FileCropSampler:
    """Random small crops as files deliver them, each with its coding, its bicubic enlargement and the photograph's
    pixels.

    Groups, draws, flips and candidates are as in `data.CropSampler`; a crop's candidates share one coding. Some coded
    pictures are then turned once more, as EXIF turns a camera's.
    """

    def __init__(self, groups: Sequence[Sequence[Reference]], scale: int, crop: int, candidates: int = 1) -> None:
        """`crop`: the side of the small crops in pixels. Raises DataError if a picture is too small."""
        self._groups, self._scale, self._crop, self._candidates = groups, scale, crop, candidates
        self._small = -(-(crop + 2 * _ENLARGED + _BLOCK) // 8) * 8
        self._side = self._small * scale
        self._down = downsample_matrix(self._small, scale).astype(np.float32)
        self._up = enlarge_matrix(crop + 2 * _ENLARGED, scale).astype(np.float32)
        for reference in (reference for group in groups for reference in group):
            if min(reference.pixels.shape[:2]) < self._side:
                raise DataError(f"{reference.name}: too small for crops of {crop} pixels; lower 'crop'")

    def draw(self, rng: np.random.Generator, batch: int) -> tuple[np.ndarray, ...]:
        """Draw (batch, crop, crop, 3) small crops; their bicubic enlargements and the photographs' own pixels, (batch,
        crop * scale, crop * scale, 3), in 0..1 of full white; `Coding.places` (batch, crop, crop, PLACES) and
        `Coding.strength` (batch, STRENGTHS). Float32."""
        drawn = [self._draw_one(rng) for _ in range(batch)]
        small, enlarged, photograph, places, strength = (np.stack(parts) for parts in zip(*drawn, strict=True))
        white = np.float32(255)
        return small / white, enlarged / white, photograph / white, places, strength

    def _draw_one(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        saves = _draw_saves(rng)
        before, after = _draw_turn(rng), _draw_turn(rng) if rng.random() < TURNED else (0, False)
        group = draw_group(self._groups, rng)
        reference = group[int(rng.integers(len(group)))]
        windows = [_turn(draw_window(reference, self._side, rng), *before) for _ in range(self._candidates)]
        corner = tuple(_ENLARGED + int(rng.integers(_BLOCK)) for _ in "yx")
        found = [self._cut(window, corner, saves, after) for window in windows]
        small, enlarged, photograph = max(found, key=_missed)
        if not saves:
            places = clean_places(self._crop, self._crop).transpose(1, 2, 0)
            return small, enlarged, photograph, places, clean_strength()
        coding = turned(cropped(coding_of(saves[-1]), corner), self._crop, *after)
        places = coding.places(0, 0, self._crop, self._crop).transpose(1, 2, 0)
        return small, enlarged, photograph, places, coding.strength()

    def _cut(
        self, window: np.ndarray, corner: tuple[int, ...], saves: Sequence[Save], after: tuple[int, bool]
    ) -> tuple[np.ndarray, ...]:
        """Return the small crop that begins at `corner`, its enlargement and the photograph's pixels, in grey
        levels."""
        scale, (y, x) = self._scale, corner
        small = np.clip(np.rint(_along_both(self._down, window.astype(np.float32))), 0, 255)
        for save in saves:
            small = saved(small.astype(np.uint8), save).astype(np.float32)
        rows, columns = (slice(start, start + self._crop) for start in corner)
        wide = (slice(scale * start, scale * (start + self._crop)) for start in corner)
        photograph = window[tuple(wide)].astype(np.float32)
        near = small[y - _ENLARGED : rows.stop + _ENLARGED, x - _ENLARGED : columns.stop + _ENLARGED]
        edge = slice(_ENLARGED * scale, -_ENLARGED * scale)
        parts = small[rows, columns], _along_both(self._up[edge], near), photograph
        return tuple(_turn(part, *after) for part in parts)


def _along_both(matrix: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Apply matrix (n, m) along both axes of (m, m, 3): (n, n, 3)."""
    n, m = matrix.shape
    tall = (matrix @ image.reshape(m, -1)).reshape(n, m, 3).transpose(0, 2, 1).reshape(-1, m)
    return (tall @ matrix.T).reshape(n, 3, n).transpose(0, 2, 1)


def _draw_saves(rng: np.random.Generator) -> list[Save]:
    """Draw how often a picture is saved, and how; the last saving is its file; none for a clean one."""
    if rng.random() < CLEAN:
        return []
    return [draw_save(rng) for _ in range(2 if rng.random() < TWICE else 1)]


def _draw_turn(rng: np.random.Generator) -> tuple[int, bool]:
    """Draw the number of quarter turns and whether a flip follows: one of the eight orientations."""
    return int(rng.integers(4)), bool(rng.integers(2))


def _turn(image: np.ndarray, turn: int, flip: bool) -> np.ndarray:
    image = np.rot90(image, turn)
    return image[:, ::-1] if flip else image


def cropped(coding: Coding, corner: tuple[int, ...]) -> Coding:
    """Return the coding of the part of a picture that begins at row and column `corner`."""
    (y, x), origin = corner, coding.origin
    return Coding(coding.luma, coding.chroma, coding.halved, ((origin[0] - x) % 16, (origin[1] - y) % 16))


def turned(coding: Coding, side: int, turn: int, flip: bool) -> Coding:
    """Return the coding of a square picture of `side` pixels after that many quarter turns to the left and a flip from
    left to right."""
    (x, y), halved, luma, chroma = coding.origin, coding.halved, coding.luma, coding.chroma
    for _ in range(turn % 4):  # right becomes up: new x is old y, new y counts from the right
        x, y = y, (side - x) % 16
        halved, luma, chroma = halved[::-1], luma.T, None if chroma is None else chroma.T
    if flip:
        x = (side - x) % 16
    return Coding(luma, chroma, (halved[0], halved[1]), (x, y))


def _missed(crop: tuple[np.ndarray, ...]) -> float:
    """Return bicubic's squared error on every fourth pixel's green: enough to choose by."""
    _, enlarged, photograph = crop
    return float(np.square(photograph[::2, ::2, 1] - enlarged[::2, ::2, 1]).mean())
