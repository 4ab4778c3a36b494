"""Split PNG files (W3C PNG, third edition)."""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from sr_core.files import printable
from sr_core.image.containers.contents import END_MISSING, LARGEST, Colours, Contents, DamagedError
from sr_core.image.containers.exif import read_both

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NAME = re.compile(rb"[A-Za-z]{4}")
_OF_PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
_NEEDED = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_KNOWN = re.compile(
    rb"IHDR|PLTE|tRNS|IDAT|IEND|eXIf|iCCP|cICP|sRGB|gAMA|cHRM|pHYs|iTXt|zTXt|tEXt|acTL|tIME|bKGD|sBIT|hIST|sPLT"
)
_METRES = 0.0254
"""Of an inch."""
_RAW_EXIF = b"Raw profile type exif"
_XMP = b"XML:com.adobe.xmp"


def take_apart(data: bytes) -> Contents:
    """Return the picture's own chunks. Raises DamagedError if a checksum shows that its pixels are damaged."""
    kept, beside, wrong = [SIGNATURE], {}, []
    ended = False
    for chunk in _chunks(data):
        name, body = chunk.name, chunk.body
        ended = name == b"IEND"
        if chunk.wrong:
            wrong.append(name)
            if name not in _OF_PICTURE or name == b"tRNS":
                continue
        if name in _OF_PICTURE:
            kept += [struct.pack(">I", len(body)), name, body, struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))]
        else:
            beside.setdefault(name, []).append(body)
    for name in (b"IHDR", b"PLTE"):
        if name in wrong:
            raise DamagedError(f"the checksum of {name.decode()} is wrong")
    if b"IDAT" in wrong and not _inflates(kept):
        raise DamagedError("the checksum of its pixels is wrong")
    exif, xmp = _exif_and_xmp(beside)
    told = read_both(exif, xmp)
    colours, colour_notices = _colours(beside, told.adobe)
    picture = b"".join((*kept, struct.pack(">I", 0), b"IEND", struct.pack(">I", zlib.crc32(b"IEND"))))
    context = told.context.with_dpi(_density(beside.get(b"pHYs", [b""])[0]))
    notices = (*told.notices, *colour_notices)
    contents = Contents(picture, colours, told.orientation or 1, context=context, notices=notices)
    if wrong:
        names = ", ".join(sorted({printable(name.decode("latin-1")) for name in wrong}))
        contents = contents.noting(f"a checksum in the file is wrong ({names}); its pixels are whole")
    if not ended:
        contents = contents.noting(END_MISSING)
    frames = int.from_bytes(beside.get(b"acTL", [b""])[0][:4], "big")
    return contents.noting(f"an animation of {frames} pictures: its still one is shown") if frames > 1 else contents


@dataclass(frozen=True)
class _Chunk:
    """A chunk of a file: its name, what it holds, and whether its length or its checksum is wrong."""

    name: bytes
    body: bytes
    wrong: bool


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Yield the chunks up to the end of the picture or of the file. One beside the picture whose length is wrong lasts
    until the next whose checksum is right."""
    at, name = len(SIGNATURE), b""
    while at + 8 <= len(data) and name != b"IEND":
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        body, check = data[at + 8 : end], data[end : end + 4]
        wrong = len(check) == 4 and zlib.crc32(body, zlib.crc32(name)) != int.from_bytes(check, "big")
        resumed, strange = None, not _NAME.fullmatch(name)
        ends_wrong = (wrong or len(check) < 4) and not _NAME.fullmatch(data[end + 8 : end + 12])
        if strange or (ends_wrong and name not in _NEEDED):
            resumed = _resume(data, at + 8)
        if resumed is None and (strange or (name not in _OF_PICTURE and len(body) < length)):
            return
        yield _Chunk(name, body, wrong or resumed is not None)
        at = end + 4 if resumed is None else resumed


def _resume(data: bytes, at: int) -> int | None:
    """Return where, from `at` on, the first known chunk with the right checksum begins; None if there is none."""
    for found in _KNOWN.finditer(data, at + 4):
        begin, name = found.end(), found[0]
        end = begin + int.from_bytes(data[begin - 8 : begin - 4], "big")
        check = data[end : end + 4]
        if len(check) == 4 and zlib.crc32(data[begin:end], zlib.crc32(name)) == int.from_bytes(check, "big"):
            return begin - 8
    return None


def _density(body: bytes) -> tuple[float, float] | None:
    """Pixels an inch, across and down, of a pHYs chunk; None where it tells only their proportion."""
    if len(body) != 9 or body[8] != 1:
        return None
    across, down = struct.unpack(">II", body[:8])
    return across * _METRES, down * _METRES


def _inflates(kept: list[bytes]) -> bool:
    """Whether the checksum of the compressed pixels is right although that of a chunk is not."""
    stream = zlib.decompressobj()
    try:
        for name, body in zip(kept[2::4], kept[3::4], strict=True):
            while name == b"IDAT" and body and not stream.eof:
                stream.decompress(body, 1 << 20)
                body = stream.unconsumed_tail
    except zlib.error:
        return False
    return stream.eof


def _inflate(packed: bytes) -> bytes:
    """Decompress. Raises DamagedError if that fails or gives more than LARGEST bytes."""
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(packed, LARGEST)
    except zlib.error:
        raise DamagedError("damaged") from None
    if stream.unconsumed_tail or not stream.eof:
        raise DamagedError("too large" if stream.unconsumed_tail else "damaged")
    return text


def _colours(beside: dict[bytes, list[bytes]], adobe: bool) -> tuple[Colours, tuple[str, ...]]:
    first = {name: bodies[0] for name, bodies in beside.items()}
    notices: tuple[str, ...] = ()
    profile = b""
    if b"iCCP" in first:
        try:
            profile = _inflate(first[b"iCCP"].partition(b"\0")[2][1:])
        except DamagedError as error:
            notices = (f"its colour profile is {error} and is ignored",)
    cicp = first.get(b"cICP", b"")
    gamma = int.from_bytes(first.get(b"gAMA", b"")[:4], "big")
    points = first.get(b"cHRM", b"")
    return (
        Colours(
            cicp=(cicp[0], cicp[1], cicp[2], cicp[3]) if len(cicp) == 4 else None,
            profile=profile,
            srgb=b"sRGB" in first,
            chromaticities=tuple(v / 100000 for v in struct.unpack(">8I", points)) if len(points) == 32 else None,
            gamma=100000 / gamma if gamma else None,
            adobe=adobe,
        ),
        notices,
    )


def _exif_and_xmp(beside: dict[bytes, list[bytes]]) -> tuple[bytes, list[bytes]]:
    """Return EXIF from its own chunk, or from ImageMagick's form (hexadecimal in a text), and XMP."""
    exif = beside.get(b"eXIf", [b""])[0]
    xmp = []
    for body in beside.get(b"iTXt", []):
        if body.startswith(_XMP + b"\0\0"):
            xmp.append(body)
    if not exif:
        for name in (b"zTXt", b"tEXt"):
            for body in beside.get(name, []):
                key, _, text = body.partition(b"\0")
                if key == _RAW_EXIF:
                    exif = exif or _unhex(text[1:], name == b"zTXt")
    return exif, xmp


def _unhex(text: bytes, packed: bool) -> bytes:
    """Return the bytes of ImageMagick's "raw profile": a line break, a name, a length, hexadecimal digits; b"" if the
    text is none."""
    try:
        lines = (_inflate(text) if packed else text).split(b"\n")
        return bytes.fromhex(b"".join(lines[3:]).decode("ascii"))
    except (DamagedError, ValueError):
        return b""
