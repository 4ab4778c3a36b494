"""Split JPEG files (ITU-T T.81; ICC.1 annex B.4; CIPA DC-007 for several pictures in one file)."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sr_core.image.containers.contents import END_MISSING, Colours, Contents, DamagedError, others_told
from sr_core.image.containers.exif import content, numbers, read_both, read_directory, read_header

_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
"""A marker inside a scan: neither a stuffed 0xFF nor a restart."""
_SOI, _EOI, _SOS, _APP, _COM = 0xD8, 0xD9, 0xDA, range(0xE0, 0xF0), 0xFE
_RESTARTS, _LEAST_WITH_LENGTH = range(0xD0, 0xD8), 0xC0
_BESIDE = (*_APP, _COM)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = (0xC2, 0xCA)
_END = bytes((0xFF, _EOI))
_OTHER_END = b"\x5a\x33\xc9" * 16 + _END
_MOST_IN_A_SEGMENT = 0xFFFF - 2
_PREVIEWS = (0x010001, 0x010002)


def take_apart(data: bytes) -> Contents:
    """Return the picture without comments and application segments, except those that define its colour model. Raises
    DamagedError."""
    kept, exif, xmp, profile, mpf = [data[:2]], b"", [], {}, None
    dpi = None
    frame, scans, at = None, [], 2
    complete = False
    damaged = []
    for segment in _segments(data):
        marker, body = segment.marker, segment.body
        if scans:  # before the scans: stray bytes between segments
            kept.append(data[at : segment.start])
        at = segment.end
        if marker == _EOI:
            complete = True
            break
        if segment.damaged:
            damaged.append(_name(marker, body))
        if marker == 0xE1 and body.startswith(b"Exif\0"):
            exif = exif or body
        elif marker == 0xE1 and body.startswith(b"http://ns.adobe.com/xap"):
            xmp.append(body)
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            profile.setdefault(body[12], body[14:])
        elif marker == 0xE0 and body.startswith(b"JFIF\0"):
            dpi = dpi or _density(body)
        elif marker == 0xE2 and body.startswith(b"MPF\0"):
            mpf = segment.start + 4 + 4, body[4:]
        if marker not in _BESIDE:
            kept.append(data[segment.start : at])
        elif _tells_the_model(marker, body):
            body = body[:_MOST_IN_A_SEGMENT]
            kept += [struct.pack(">BBH", 0xFF, marker, len(body) + 2), body]
        if marker in _FRAMES:
            frame = marker, body
        if marker == _SOS:
            scans.append(body)
    if frame is None or not scans:
        raise DamagedError("it holds no picture")
    if not complete:
        kept.append(data[at:].rstrip(b"\xff"))
    if frame[0] in _PROGRESSIVE and not _all_bits_sent(frame[1], scans):
        raise DamagedError("its last scans are missing")
    told = read_both(exif, xmp)
    colours = Colours(profile=b"".join(profile[i] for i in sorted(profile)), adobe=told.adobe)
    context = told.context.with_dpi(dpi)
    contents = Contents(b"".join((*kept, _END)), colours, told.orientation or 1, context=context, notices=told.notices)
    doubtful = not complete or frame[0] in _PROGRESSIVE or bool(data[at:].strip(b"\0"))
    contents = replace(contents, other_end=_OTHER_END, doubtful=doubtful)
    if damaged:
        names = ", ".join(dict.fromkeys(damaged))
        contents = contents.noting(f"a segment of the file is damaged ({names}); its pixels are whole")
    return contents.noting(*(others_told(_further_pictures(data, frame[1], mpf)) if complete else (END_MISSING,)))


@dataclass(frozen=True)
class _Segment:
    """A segment of a file: its marker, the place of that, what it holds, and where it ends. `damaged`: its length is
    wrong."""

    marker: int
    start: int
    body: bytes
    end: int
    damaged: bool = False


def _segments(data: bytes) -> Iterator[_Segment]:
    """Yield the segments behind the start of the picture up to its end. A comment or an application segment whose
    length is wrong lasts until the segments that lead to the picture. Raises DamagedError where another one is cut
    short."""
    at, framed = 2, False
    while found := _MARKER.search(data, at):
        marker, begin = found[1][0], found.end() + 2
        start = found.end() - 2
        if marker == _EOI:
            yield _Segment(marker, found.start(), b"", found.end())
            return
        length = int.from_bytes(data[begin - 2 : begin], "big")
        at = begin - 2 + length
        whole = length >= 2 and at <= len(data)
        resumed = None
        if marker in _BESIDE and not (whole and _MARKER.match(data, at)):
            resumed = _resume(data, begin - 2, framed)
            at = at if resumed is None else resumed
        if resumed is None and not whole:
            raise DamagedError("a segment is cut short")
        framed |= marker in _FRAMES
        yield _Segment(marker, start, data[begin:at], at, resumed is not None)


def _resume(data: bytes, at: int, framed: bool) -> int | None:
    """Return where, from `at` on, the segments begin that lead to the picture; None if none do. Of two pictures it is
    the larger one: the other is its thumbnail. `framed`: whether the picture's frame header has come before."""
    best, largest = None, 0
    seen: set[int] = set()
    for found in _MARKER.finditer(data, at):
        size = _frame_ahead(data, found.end() - 2, seen)
        if framed and size == 0:
            return found.start()
        if not framed and size is not None and size > largest:
            best, largest = found.start(), size
    return best


def _frame_ahead(data: bytes, at: int, seen: set[int]) -> int | None:
    """Return the number of pixels in the frame header among the segments from `at` to the next scan or end of a
    picture, 0 if there is none; None if they do not lead there, or join those `seen` before."""
    size = 0
    while at + 4 <= len(data) and data[at] == 0xFF and at not in seen:
        seen.add(at)
        marker, length = struct.unpack_from(">BH", data, at + 1)
        if marker == 0xFF:
            at += 1
            continue
        if marker in _FRAMES and at + 9 <= len(data):
            height, width = struct.unpack_from(">HH", data, at + 5)
            size = height * width
        if marker in (_SOS, _EOI):
            return size
        if marker < _LEAST_WITH_LENGTH or marker in (*_RESTARTS, _SOI) or length < 2:
            return None
        at += 2 + length
    return size if data[at:] == _END else None


def _name(marker: int, body: bytes) -> str:
    """Return what people call a segment beside the picture."""
    names = {b"Exif\0": "EXIF", b"http://ns.adobe.com/xap": "XMP", b"ICC_PROFILE\0": "colour profile"}
    if marker == _COM:
        return "comment"
    return next((name for start, name in names.items() if body.startswith(start)), f"APP{marker - _APP[0]}")


def _density(body: bytes) -> tuple[float, float] | None:
    """Pixels an inch, across and down, of a JFIF segment; None where it tells only their proportion."""
    if len(body) < 12:
        return None
    unit, across, down = struct.unpack_from(">BHH", body, 7)
    times = {1: 1.0, 2: 2.54}.get(unit)
    return None if times is None else (across * times, down * times)


def _tells_the_model(marker: int, body: bytes) -> bool:
    """Whether the segment defines the colour model: JFIF means YCbCr, and Adobe's segment names the model."""
    jfif = marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 14
    return jfif or (marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12)


def _all_bits_sent(frame: bytes, scans: list[bytes]) -> bool:
    """Whether the progressive scans contain every coefficient down to its last bit."""
    missing = {frame[i]: [True] * 64 for i in range(6, len(frame) - 2, 3)}
    for scan in scans:
        count = scan[0]
        first, last, bits = scan[1 + 2 * count : 4 + 2 * count]
        for component in scan[1 : 1 + 2 * count : 2]:
            if component in missing:
                missing[component][first : last + 1] = [bits & 15 > 0] * (last + 1 - first)
    return not any(map(any, missing.values()))


def _further_pictures(data: bytes, frame: bytes, mpf: tuple[int, bytes] | None) -> int:
    """Return how many more pictures the index of a multi-picture file lists after the first, not counting previews:
    pictures marked as such, and those smaller than half the first one's sides."""
    if mpf is None:
        return 0
    origin, index = mpf
    try:
        header = read_header(index)
        tags, _ = read_directory(index, header, header.first)
    except DamagedError:
        return 0
    count = int((numbers(index, header, tags.get(0xB001)) or (0,))[0])
    entries = content(index, tags.get(0xB002))
    further = 0
    for i in range(1, min(count, len(entries) // 16)):
        kind, _size, at = struct.unpack_from(header.order + "III", entries, 16 * i)
        sides = _sides(data, origin + at)
        half = struct.unpack_from(">HH", frame, 1)
        further += kind & 0xFFFFFF not in _PREVIEWS and sides is not None and max(sides) * 2 >= max(half)
    return further


def _sides(data: bytes, at: int) -> tuple[int, int] | None:
    """Return height and width of the JPEG picture that begins there."""
    if data[at : at + 2] != bytes((0xFF, _SOI)):
        return None
    at += 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in _FRAMES:
            return struct.unpack_from(">HH", data, at + 5)
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None
