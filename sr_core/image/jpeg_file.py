"""What a JPEG file says about the photograph as displayed: its coding and its blocks' coefficients.

The coefficients are the file's own integers: the photograph's cosine coefficients divided by the steps of the tables,
and rounded. jpeglib reads them if it is installed. They are then turned as EXIF turns the picture, and compared with
the displayed pixels: if the two do not match, because a colour profile was applied or the file is damaged, the
coefficients are not used.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sr_core.image.coding import Coding
from sr_core.image.geometry import Rect
from sr_core.image.jpeg_header import Component, JpegHeader, UnusableJpegError, read_header

_TURNS = {
    1: (False, False, False), 2: (False, True, False), 3: (False, True, True), 4: (False, False, True),
    5: (True, False, False), 6: (True, True, False), 7: (True, True, True), 8: (True, False, True),
}  # fmt: skip
"""How to turn the stored picture upright, by EXIF orientation: whether to swap rows and columns, and then whether to
mirror left to right and top to bottom."""

PROBES = 400
"""The luma blocks that are decoded to check that coefficients and pixels match."""

BELONGS = 1.0
"""The largest mismatch between the luma decoded from the coefficients and that of the pixels, in grey levels, as the
median over the probes: decoders differ by rounding, while a colour profile moves every pixel by several."""

_READING = threading.Lock()
"""jpeglib keeps the libjpeg version that it has selected in a global."""


@dataclass(frozen=True, eq=False)
class Coefficients:
    """One component's coefficients, int16 (rows, columns, 8, 8) by frequency down and across, read-only; steps (8, 8);
    pixel: width and height of the component's pixels in the photograph's pixels, 2 along an axis on which it is halved;
    origin: x and y of the first block's corner in the photograph's pixels, 0 or negative."""

    blocks: np.ndarray
    steps: np.ndarray
    pixel: tuple[int, int]
    origin: tuple[int, int]


@dataclass(frozen=True, eq=False)
class JpegFile:
    """A photograph's file. planes: luma and, unless the file is grey, Cb and Cr; empty if the coefficients are unknown,
    and then `reason` says why. The coding is valid in any case. lost: the file no longer exists, and the only plane is
    luma, as far as the pixels show it (`sr_core.image.jpeg_traces`)."""

    coding: Coding
    planes: tuple[Coefficients, ...]
    reason: str = ""
    lost: bool = False


class FileFacts:
    """The facts of the file behind a displayed photograph. They are read once, when first needed: reading takes about
    as long as decoding. Thread-safe. nbytes: roughly what it holds once read, in bytes."""

    def __init__(self, read: Callable[[], JpegFile], nbytes: int) -> None:
        """`read` may raise UnusableJpegError and OSError."""
        self._read: Callable[[], JpegFile] | None = read  # until it is read
        self.nbytes = nbytes
        self._lock = threading.Lock()
        self._file: JpegFile | None = None
        self._reason = ""

    def get(self) -> JpegFile | None:
        """Return the JPEG file, or None if it sets no constraint on the pixels; then `reason` says why."""
        with self._lock:
            read, self._read = self._read, None
            if read is not None:
                try:
                    self._file = read()
                    self._reason = self._file.reason
                except UnusableJpegError as error:
                    self._reason = str(error)
                except OSError as error:
                    self._reason = f"it cannot be read any more ({error.strerror})"
            return self._file

    @property
    def reason(self) -> str:
        """Why the file's coefficients are not used, as half a sentence; empty if they are."""
        self.get()
        return self._reason


def read_jpeg_file(data: bytes, path: Path, orientation: int, pixels: np.ndarray) -> JpegFile:
    """Return what the file `data`, stored at `path`, says about the displayed `pixels`, uint8 (H, W, 3), turned as the
    EXIF `orientation` says. Raises UnusableJpegError if it sets no constraint on the pixels."""
    header = read_header(data)
    turn = _TURNS.get(orientation, _TURNS[1])
    shown = (header.height, header.width) if turn[0] else (header.width, header.height)
    if shown != (pixels.shape[1], pixels.shape[0]):
        raise UnusableJpegError("its size is not that of the picture shown")
    coding = _coding(header, turn)
    try:
        planes = _planes(header, _read_blocks(path, header), turn)
    except UnusableJpegError as error:
        return JpegFile(coding, (), str(error))
    if _departure(planes[0], pixels) > BELONGS:
        raise UnusableJpegError("its coefficients do not give the picture shown (a colour profile, or damage)")
    return JpegFile(coding, planes)


def _coding(header: JpegHeader, turn: tuple[bool, bool, bool]) -> Coding:
    luma, *chroma = header.components
    flip, halved = turn[0], chroma[0].halved if chroma else (False, False)
    halved = halved[::-1] if flip else halved
    size = (header.height, header.width) if flip else (header.width, header.height)
    origin = tuple(
        side % (16 if half else 8) if mirrored else 0
        for side, half, mirrored in zip(size, halved, turn[1:], strict=True)
    )
    tables = [steps.T if flip else steps for steps in (luma.steps, *(part.steps for part in chroma[:1]))]
    return Coding(tables[0], tables[1] if chroma else None, (halved[0], halved[1]), (origin[0], origin[1]))


def _read_blocks(path: Path, header: JpegHeader) -> list[np.ndarray]:
    """Return every component's coefficients as stored. Raises UnusableJpegError."""
    if importlib.util.find_spec("jpeglib") is None:
        raise UnusableJpegError("jpeglib, which reads coefficients, is not installed")
    import jpeglib

    try:
        with _READING:
            found = jpeglib.read_dct(str(path))
            blocks = [found.Y] if len(header.components) == 1 else [found.Y, found.Cb, found.Cr]
    except Exception as error:  # whatever a damaged file raises
        raise UnusableJpegError(f"its coefficients cannot be read ({error})") from None
    for part, component in zip(blocks, header.components, strict=True):
        wide, tall = (
            -(-side // (16 if half else 8))
            for side, half in zip((header.width, header.height), component.halved, strict=True)
        )
        if part is None or part.shape != (tall, wide, 8, 8):
            raise UnusableJpegError("its coefficients are not as many as its header says")
    return blocks


def _planes(header: JpegHeader, blocks: list[np.ndarray], turn: tuple[bool, bool, bool]) -> tuple[Coefficients, ...]:
    size = header.width, header.height
    return tuple(_turned(c, part, size, turn) for c, part in zip(header.components, blocks, strict=True))


def _turned(
    component: Component, blocks: np.ndarray, size: tuple[int, int], turn: tuple[bool, bool, bool]
) -> Coefficients:
    """Return a component as displayed. Mirroring flips the sign of odd frequencies; the last block, which extends
    beyond the picture's edge, then comes first."""
    flip, mirrored = turn[0], turn[1:]
    steps = component.steps
    width, height = (2 if half else 1 for half in component.halved)
    pixel = width, height
    if flip:
        blocks, steps, size, pixel = (
            blocks.transpose(1, 0, 3, 2),
            steps.T,
            (size[1], size[0]),
            (height, width),
        )
    sign = np.array([1, -1] * 4, np.int16)
    if mirrored[0]:
        blocks = blocks[:, ::-1] * sign
    if mirrored[1]:
        blocks = blocks[::-1] * sign[:, None]
    origin = tuple(
        side - 8 * count * wide if mirror else 0
        for side, count, wide, mirror in zip(size, blocks.shape[1::-1], pixel, mirrored, strict=True)
    )
    blocks = np.ascontiguousarray(blocks)
    blocks.setflags(write=False)
    return Coefficients(blocks, steps, (pixel[0], pixel[1]), (origin[0], origin[1]))


def _departure(luma: Coefficients, pixels: np.ndarray) -> float:
    """Return the median over some blocks of the mean difference, in grey levels, between decoded luma and pixel
    luma."""
    rows, columns = luma.blocks.shape[:2]
    x0, y0 = luma.origin
    whole = Rect(0, 0, pixels.shape[1], pixels.shape[0])
    found = []
    for index in np.linspace(0, rows * columns - 1, min(PROBES, rows * columns)).astype(int):
        row, column = divmod(int(index), columns)
        rect = Rect(x0 + 8 * column, y0 + 8 * row, 8, 8)
        if not whole.contains(rect):
            continue
        shown = pixels[rect.slices()].astype(np.float64)
        if shown.min() == 0 or shown.max() == 255:
            continue  # decoding has clipped this block
        decoded = COSINES.T @ (luma.blocks[row, column] * luma.steps) @ COSINES + 128
        found.append(np.abs(decoded - shown @ LUMA_OF_RGB).mean())
    return float(np.median(found)) if found else 0.0


def _cosines() -> np.ndarray:
    """Return the orthonormal cosine transform of eight values: coefficients = COSINES @ values."""
    matrix = np.cos(np.pi / 8 * np.arange(8)[:, None] * (np.arange(8) + 0.5)) / 2
    matrix[0] /= np.sqrt(2)
    return matrix


COSINES = _cosines()
LUMA_OF_RGB = np.array([0.299, 0.587, 0.114])
"""ITU-T T.871 (JFIF)."""
