"""Split WebP files (RFC 9649)."""

import re
import struct

from sr_core.files import printable
from sr_core.image.containers.contents import END_MISSING, Colours, Contents, DamagedError
from sr_core.image.containers.exif import read_both

_OF_PICTURE = (b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L")
_NAME = re.compile(rb"[ -~]{4}")
_BESIDE = 0x20 | 0x08 | 0x04
"""The flags of a colour profile, EXIF and XMP."""


def take_apart(data: bytes) -> Contents:
    """Return the picture's own chunks. Raises DamagedError if one of them is truncated."""
    kept, beside, damaged = [], {}, []
    frames = 0
    end = 8 + struct.unpack_from("<I", data, 4)[0] if len(data) >= 12 else 0
    at = 12
    while at + 8 <= min(len(data), end):
        name, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        begin, at = at + 8, at + 8 + length + length % 2
        if name not in _OF_PICTURE and not _leads_on(data, at, end):
            damaged.append(printable(name.decode("latin-1")).strip())
            at = _resume(data, begin) or at  # its length is wrong
            continue
        if name in _OF_PICTURE:
            if len(body) < length:
                raise DamagedError("its pixels are cut short")
            if name == b"VP8X":
                body = bytes((body[0] & ~_BESIDE,)) + body[1:]
            kept += [name, struct.pack("<I", length), body, b"\0" * (length % 2)]
            frames += name == b"ANMF"
        elif len(body) == length:
            beside.setdefault(name, body)
    if not kept:
        raise DamagedError("it holds no picture")
    told = read_both(beside.get(b"EXIF", b""), [beside.get(b"XMP ", b"")])
    inner = b"".join((b"WEBP", *kept))
    colours = Colours(profile=beside.get(b"ICCP", b""), adobe=told.adobe)
    picture = b"RIFF" + struct.pack("<I", len(inner)) + inner
    contents = Contents(picture, colours, told.orientation or 1, context=told.context, notices=told.notices)
    if damaged:
        contents = contents.noting(f"a chunk of the file is damaged ({', '.join(damaged)}); its pixels are whole")
    if end > len(data) + 1:
        contents = contents.noting(END_MISSING)
    return contents.noting(f"an animation of {frames} pictures: the first is shown") if frames > 1 else contents


def _leads_on(data: bytes, at: int, end: int) -> bool:
    """Whether the chunks from `at` lead to one of the picture or to the `end`."""
    while at < end and _NAME.match(data, at) and data[at : at + 4] not in _OF_PICTURE:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return end <= at <= end + 1 or data[at : at + 4] in _OF_PICTURE


def _resume(data: bytes, at: int) -> int | None:
    """Return where, from `at` on, the first chunk of the picture begins that lies in the file; None if none does."""
    for found in re.finditer(rb"VP8[ LX]|ALPH|ANIM|ANMF", data[at:]):
        begin = at + found.end()
        if begin + 4 + int.from_bytes(data[begin : begin + 4], "little") <= len(data):
            return begin - 4
    return None
