"""What is measured of a picture made from a JPEG photograph: how much of the file it keeps, how much of the file's
blocks it shows, how far it departs from what the decoded photograph determines, and the contrast of its vessels."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation

from sr_core.engine.cell import YCC
from sr_core.image.jpeg_file import COSINES, Coefficients, JpegFile
from sr_core.image.resample import enlarge_pseudo_inverse, shrink
from sr_core.study.comparison.metrics import luma

NEAR, FAR = 2, 6
"""Photograph pixels from a vessel's tracing at which what lies about it begins and ends."""


@dataclass(frozen=True)
class Agreement:
    """Shares of the file's numbers, 0 to 1, that a picture, shrunk and coded again, has in common with the file."""

    luma: float
    chroma: float


def agreement(picture: np.ndarray, scale: int, file: JpegFile) -> Agreement:
    """Of a finished picture of a whole photograph, shrunk in floating point and coded with the file's own tables. The
    file's coefficients must be known. Raises ValueError where the photograph holds no whole block."""
    small = shrink(picture.astype(np.float32), scale) if scale > 1 else picture.astype(np.float32)
    found = [_common(small, plane, i) for i, plane in enumerate(file.planes)]
    if not all(count for _, count in found):
        raise ValueError("no whole block of the file to compare")
    chroma = found[1:] or [(1, 1)]  # a grey file says nothing of it
    return Agreement(found[0][0] / found[0][1], sum(same for same, _ in chroma) / sum(count for _, count in chroma))


def _common(small: np.ndarray, plane: Coefficients, index: int) -> tuple[int, int]:
    """How many of a component's coefficients a small picture has in common with the file, of how many: of the blocks
    that lie whole in it."""
    (wide, tall), (x0, y0) = (8 * side for side in plane.pixel), plane.origin
    left, top = -(x0 // wide), -(y0 // tall)
    right, bottom = (small.shape[1] - x0) // wide, (small.shape[0] - y0) // tall
    if right <= left or bottom <= top:
        return 0, 0
    rows, columns = slice(y0 + top * tall, y0 + bottom * tall), slice(x0 + left * wide, x0 + right * wide)
    part = small[rows, columns] @ YCC[index].astype(np.float32) - (128 if index == 0 else 0)
    halved = part.reshape(8 * (bottom - top), plane.pixel[1], 8 * (right - left), plane.pixel[0]).mean(axis=(1, 3))
    tiles = halved.reshape(bottom - top, 8, right - left, 8).transpose(0, 2, 1, 3)
    cosines = COSINES.astype(np.float32)
    again = np.rint(cosines @ tiles @ cosines.T / plane.steps)
    return int((again == plane.blocks[top:bottom, left:right]).sum()), again.size


def border_ratio(picture: np.ndarray, scale: int, origin: tuple[int, int], inside: np.ndarray) -> float:
    """How much steeper luma changes across the borders of the file's blocks than elsewhere: the mean difference between
    neighbouring pixels less than half a photograph pixel from a border, over that of all others. 1 shows no blocks.

    `picture` (H, W, 3) uint8, enlarged `scale` times (1: as decoded); `origin`: x and y of a block's corner in
    photograph pixels, from the picture's own corner; `inside`: the pixels that count, bool (H, W).
    """
    grey = luma(picture).astype(np.float32)
    near, far = np.zeros(2), np.zeros(2)
    for axis in (0, 1):
        values, counted = (grey, inside) if axis == 0 else (grey.T, inside.T)
        both = counted[1:] & counted[:-1]
        steps = np.where(both, np.abs(np.diff(values, axis=0)), 0).sum(axis=1, dtype=np.float64)
        counts = both.sum(axis=1)
        place = np.arange(1, len(values)) - scale * origin[1 - axis]
        distance = np.abs((place + 4 * scale) % (8 * scale) - 4 * scale)
        border = 2 * distance < scale
        near += steps[border].sum(), counts[border].sum()
        far += steps[~border].sum(), counts[~border].sum()
    return float(near[0] / near[1] / (far[0] / far[1]))


def departure(picture: np.ndarray, decoded: np.ndarray, scale: int) -> float:
    """Mean over the pixels of the largest of |picture - W+ y| over the channels, in grey levels, y the decoded
    photograph: how much is shown that the decoded pixels do not determine."""
    alone = np.clip(enlarge_pseudo_inverse(decoded, scale), 0, 255) if scale > 1 else decoded.astype(np.float32)
    return float(np.abs(picture - alone).max(axis=2).mean())


def vessel_contrast(picture: np.ndarray, scale: int, tracing: np.ndarray) -> float:
    """Grey levels by which vessels are darker than what lies about them, in green. `tracing`: the vessels by hand, bool
    (h, w), in photograph pixels of the same part. Raises ValueError where it holds none."""
    near, far = (np.asarray(binary_dilation(tracing, iterations=reach), bool) for reach in (NEAR, FAR))
    about = far & ~near
    if not tracing.any() or not about.any():
        raise ValueError("no vessels traced here")
    green = picture[..., 1].astype(np.float32)
    vessel, rest = (mask.repeat(scale, axis=0).repeat(scale, axis=1) for mask in (tracing, about))
    return float(green[rest].mean() - green[vessel].mean())
