"""Read the header of a JPEG file marker by marker (ITU-T T.81, annex B), without decoding a pixel."""

import struct
from dataclasses import dataclass, field

import numpy as np

_START, _TABLES, _ADOBE, _SCAN, _END = 0xD8, 0xDB, 0xEE, 0xDA, 0xD9
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)
_ALONE = (0x01, *range(0xD0, 0xD9))

ZIGZAG = np.array(
    [
        [0, 1, 5, 6, 14, 15, 27, 28],
        [2, 4, 7, 13, 16, 26, 29, 42],
        [3, 8, 12, 17, 25, 30, 41, 43],
        [9, 11, 18, 24, 31, 40, 44, 53],
        [10, 19, 23, 32, 39, 45, 52, 54],
        [20, 22, 33, 38, 46, 51, 55, 60],
        [21, 34, 37, 47, 50, 56, 59, 61],
        [35, 36, 48, 49, 57, 58, 62, 63],
    ]
)
"""The position in a file's table of the coefficient at each frequency, down and across."""


class UnusableJpegError(Exception):
    """A file whose coefficients set no constraint on the pixels; the message says why, as half a sentence."""


@dataclass(frozen=True, eq=False)
class Component:
    """The luma or a chroma component: its quantisation steps (8, 8) by frequency down and across, and the axes, across
    and down, on which it is stored at half the size."""

    steps: np.ndarray
    halved: tuple[bool, bool]


@dataclass(frozen=True, eq=False)
class JpegHeader:
    """Size in pixels as stored (not turned), luma and, unless the file is grey, Cb and Cr."""

    width: int
    height: int
    components: tuple[Component, ...]


@dataclass
class _Found:
    frame: tuple[int, bytes] | None = None
    tables: dict[int, np.ndarray] = field(default_factory=dict)
    transform: int | None = None


def read_header(data: bytes) -> JpegHeader:
    """Read the header of a file's bytes. Raises UnusableJpegError if it is not a JPEG, or truncated; uses arithmetic or
    lossless coding; has 12 bits, four colours or plain RGB; has tables of 16 bits or with steps of zero; or stores
    chroma at a size other than whole or half."""
    try:
        return _header(_markers(data))
    except (IndexError, struct.error, KeyError, ValueError):
        raise UnusableJpegError("its header is damaged") from None


def _markers(data: bytes) -> _Found:
    """Collect everything before the first scan."""
    if data[:2] != bytes((0xFF, _START)):
        raise UnusableJpegError("it is not a JPEG file")
    found, at = _Found(), 2
    while True:
        while data[at] == 0xFF:  # fill bytes may precede a marker
            at += 1
        marker = data[at]
        at += 1
        if marker in _ALONE:
            continue
        if marker in (_SCAN, _END):
            return found
        (length,) = struct.unpack_from(">H", data, at)
        body = data[at + 2 : at + length]
        if len(body) != length - 2:
            raise UnusableJpegError("it is cut short")
        if marker in _FRAMES:
            found.frame = marker, body
        elif marker == _TABLES:
            _read_tables(body, found.tables)
        elif marker == _ADOBE and body[:5] == b"Adobe":
            found.transform = body[11]
        at += length
        if data[at] != 0xFF:
            raise UnusableJpegError("its header is damaged")


def _read_tables(body: bytes, tables: dict[int, np.ndarray]) -> None:
    while body:
        if body[0] >> 4:
            raise UnusableJpegError("its quantisation tables have 16 bits")
        steps = np.frombuffer(body[1:65], np.uint8)
        if not steps.all():
            raise UnusableJpegError("its quantisation tables hold steps of zero")
        tables[body[0] & 15] = steps[ZIGZAG].astype(np.float64)
        body = body[65:]


def _header(found: _Found) -> JpegHeader:
    if found.frame is None:
        raise UnusableJpegError("its header is damaged")
    marker, body = found.frame
    if marker not in _HUFFMAN_FRAMES:
        raise UnusableJpegError("it is coded arithmetically or without loss")
    depth, height, width, count = struct.unpack_from(">BHHB", body)
    if depth != 8:
        raise UnusableJpegError(f"it has {depth} bits a colour")
    if count not in (1, 3):
        raise UnusableJpegError(f"it has {count} colours")
    parts = [body[6 + 3 * i : 9 + 3 * i] for i in range(count)]
    plain = found.transform == 0 or (found.transform is None and bytes(part[0] for part in parts) == b"RGB")
    if count == 3 and plain:
        raise UnusableJpegError("it keeps red, green and blue, not luma and chroma")
    most = max(part[1] >> 4 for part in parts), max(part[1] & 15 for part in parts)
    components = []
    for i, part in enumerate(parts):
        halved = _is_halved(most[0], part[1] >> 4), _is_halved(most[1], part[1] & 15)
        if i == 0 and any(halved):
            raise UnusableJpegError("it keeps luma at half the size")
        components.append(Component(found.tables[part[2]], halved))
    if count == 3 and components[1].halved != components[2].halved:
        raise UnusableJpegError("it keeps the two chromas at different sizes")
    return JpegHeader(width, height, tuple(components))


def _is_halved(most: int, own: int) -> bool:
    if own == most:
        return False
    if 2 * own != most:
        raise UnusableJpegError("it keeps chroma at another size than whole or half")
    return True
