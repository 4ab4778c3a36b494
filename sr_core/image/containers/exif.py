"""TIFF tags (TIFF 6.0, BigTIFF), which EXIF uses too. Only the tags asked for are read, so that other, damaged tags do
no harm."""

import re
import struct
from collections.abc import Collection
from dataclasses import dataclass, replace

from sr_core.image.containers.contents import LARGEST, DamagedError
from sr_core.image.context import UNTOLD, Context

ORIENTATION, EXIF_IFD, COLOUR_SPACE, INTEROP_IFD, INTEROP_INDEX = 0x0112, 0x8769, 0xA001, 0xA005, 1
_ACROSS, _DOWN, _UNIT = 282, 283, 296
_INCHES: dict[float, float] = {2: 1.0, 3: 2.54}
"""How many of TIFF's units of resolution an inch has."""
_MOST_NUMBERS = 1 << 16
_ADOBE_BY_INDEX, _ADOBE = 0xFFFF, 2
_TEXT = 2
"""TIFF's type of ASCII."""
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:\s*=\s*["\']|>)\s*([1-8])')


@dataclass(frozen=True)
class Header:
    """Byte order ("<" or ">"), whether offsets have 64 bits, and the offset of the first directory."""

    order: str
    big: bool
    first: int


@dataclass(frozen=True)
class Entry:
    """A tag: its type, the number and the offset of its values, and its own bytes in the directory."""

    kind: int
    count: int
    at: int
    raw: bytes


def read_header(data: bytes) -> Header:
    """Read the header. Raises DamagedError if the data is not TIFF."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        raise DamagedError("no TIFF header")
    (magic,) = struct.unpack_from(order + "H", data, 2)
    if magic == 42:
        return Header(order, False, *struct.unpack_from(order + "I", data, 4))
    if magic == 43 and len(data) >= 16:
        return Header(order, True, *struct.unpack_from(order + "Q", data, 8))
    raise DamagedError("no TIFF header")


def read_directory(data: bytes, header: Header, at: int) -> tuple[dict[int, Entry], int]:
    """Return the tags of a directory whose values lie inside the file, and the offset of the next directory (0: none).
    Raises DamagedError if the directory lies outside the file."""
    counts, step, inline, offset = ("Q", 20, 8, "Q") if header.big else ("H", 12, 4, "I")
    try:
        (count,) = struct.unpack_from(header.order + counts, data, at)
    except struct.error:
        raise DamagedError("a directory lies outside the file") from None
    start = at + struct.calcsize(counts)
    entries = {}
    for place in range(start, min(start + count * step, len(data) - step + 1), step):
        tag, kind = struct.unpack_from(header.order + "HH", data, place)
        (number,) = struct.unpack_from(header.order + offset, data, place + 4)
        size = _SIZES.get(kind, 0) * number
        value = place + step - inline
        if size > inline:
            (value,) = struct.unpack_from(header.order + offset, data, value)
        if size and value + size <= len(data):
            entries.setdefault(tag, Entry(kind, number, value, data[place : place + step]))
    end = start + count * step
    following = struct.unpack_from(header.order + offset, data, end) if end + inline <= len(data) else (0,)
    return entries, following[0]


def numbers(data: bytes, header: Header, entry: Entry | None) -> tuple[float, ...]:
    """Return a tag's values; () if the tag is missing, is not numeric or has too many values."""
    if entry is None or entry.count > _MOST_NUMBERS:
        return ()
    if entry.kind in (5, 10):
        code = "I" if entry.kind == 5 else "i"
        parts = struct.unpack_from(f"{header.order}{2 * entry.count}{code}", data, entry.at)
        return tuple(a / b if b else 0.0 for a, b in zip(parts[::2], parts[1::2], strict=True))
    code = _CODES.get(entry.kind)
    return struct.unpack_from(f"{header.order}{entry.count}{code}", data, entry.at) if code else ()


def content(data: bytes, entry: Entry | None) -> bytes:
    """Return a tag's bytes; b"" if it is missing or too large."""
    size = 0 if entry is None else entry.count * _SIZES[entry.kind]
    return data[entry.at : entry.at + size] if entry is not None and size <= LARGEST else b""


def orientation(data: bytes, header: Header, tags: dict[int, Entry]) -> int | None:
    """Return the orientation, 1 to 8, or None if the tags do not give one."""
    value = numbers(data, header, tags.get(ORIENTATION))
    return int(value[0]) if value and value[0] in range(1, 9) else None


def is_adobe_rgb(data: bytes, header: Header, tags: dict[int, Entry]) -> bool:
    """Whether the directory's EXIF declares Adobe RGB: colour space 2, or uncalibrated with the interoperability index
    R03 (EXIF 2.3, DCF 2.0)."""
    exif = _inner(data, header, tags, EXIF_IFD)
    space = numbers(data, header, exif.get(COLOUR_SPACE))[:1]
    if space == (_ADOBE_BY_INDEX,):
        interop = _inner(data, header, exif, INTEROP_IFD) or _inner(data, header, tags, INTEROP_IFD)
        return content(data, interop.get(INTEROP_INDEX)).startswith(b"R03")
    return space == (_ADOBE,)


def _inner(data: bytes, header: Header, tags: dict[int, Entry], tag: int) -> dict[int, Entry]:
    at = numbers(data, header, tags.get(tag))
    try:
        return read_directory(data, header, int(at[0]))[0] if at else {}
    except DamagedError:
        return {}


@dataclass(frozen=True)
class Told:
    """What EXIF and XMP tell: the orientation (None: nothing of it), whether the colours are Adobe RGB, the context,
    and what the user should know."""

    orientation: int | None = None
    adobe: bool = False
    context: Context = UNTOLD
    notices: tuple[str, ...] = ()


def read_context(data: bytes, header: Header, tags: dict[int, Entry]) -> Context:
    """When and with what it was taken, and its resolution. A damaged tag tells nothing, and hides no other."""
    tags = {**tags, **_inner(data, header, tags, EXIF_IFD)}
    words = {tag: content(data, entry).decode("latin-1") for tag, entry in tags.items() if entry.kind == _TEXT}
    unit = (numbers(data, header, tags.get(_UNIT)) or (2,))[0]
    sides = [numbers(data, header, tags.get(tag))[:1] for tag in (_ACROSS, _DOWN)]
    dpi = (sides[0][0] * _INCHES[unit], sides[1][0] * _INCHES[unit]) if all(sides) and unit in _INCHES else None
    return Context.of(words, dpi)


def read_exif(blob: bytes) -> Told:
    """Raises DamagedError for what is no EXIF."""
    blob = blob.removeprefix(b"Exif\0\0")
    header = read_header(blob)
    tags, _ = read_directory(blob, header, header.first)
    adobe, context = is_adobe_rgb(blob, header, tags), read_context(blob, header, tags)
    return Told(orientation(blob, header, tags), adobe, context)


def read_both(exif: bytes, xmp: Collection[bytes] = ()) -> Told:
    """What EXIF tells (b"" for none); XMP's orientation where EXIF has none, else 1."""
    told = Told()
    if exif:
        try:
            told = read_exif(exif)
        except DamagedError:
            told = Told(notices=("its EXIF is damaged: it is shown as stored, perhaps not upright",))
    if told.orientation is None:
        found = next(filter(None, map(_XMP_ORIENTATION.search, xmp)), None)
        told = replace(told, orientation=int(found[1]) if found else 1)
    return told
