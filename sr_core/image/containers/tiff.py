"""Split TIFF files (TIFF 6.0, BigTIFF; technical note 1 for sub-pages)."""

import struct
from dataclasses import dataclass

from sr_core.image.containers.contents import Colours, Contents, DamagedError, others_told
from sr_core.image.containers.exif import (
    Entry,
    Header,
    content,
    is_adobe_rgb,
    numbers,
    orientation,
    read_context,
    read_directory,
    read_header,
)

_MOST_PAGES = 1000
_KIND, _OLD_KIND, _WIDTH, _HEIGHT, _BITS, _MODEL, _SAMPLES, _BELOW, _XMP, _PROFILE = (
    254, 255, 256, 257, 258, 262, 277, 330, 700, 34675,
)  # fmt: skip
_CURVES, _WHITE, _PRIMARIES = 301, 318, 319
_REDUCED, _MASK = 1, 4
_SHARED = (271, 272, 274, 306, _PROFILE, 34665)
"""Camera, orientation, date, colour profile, EXIF."""
_OF_PICTURE = (
    *(254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325),
    *(332, 334, 338, 339, 347, *range(512, 522), 529, 530, 531, 532),
)
"""The tags needed to decode the pixels."""


@dataclass(frozen=True)
class _Page:
    tags: dict[int, Entry]
    width: int
    height: int
    aside: bool
    """Whether the page is declared a reduced copy or a mask, or has one bit per pixel."""


def take_apart(data: bytes) -> Contents:
    """The page that is the photograph: the first that is no reduced copy, no mask, and not below half the largest one's
    sides, nor a step of its pyramid. Raises DamagedError where no page is found."""
    header = read_header(data)
    pages = _pages(data, header)
    if not pages:
        raise DamagedError("it holds no picture")
    whole = [page for page in pages if not page.aside] or pages
    largest = max(max(page.width, page.height) for page in whole)
    whole = [page for page in whole if 2 * max(page.width, page.height) >= largest]
    whole = [page for page in whole if not any(_is_reduced(page, other) for other in whole)]
    chosen, first = whole[0], pages[0]
    # A page below or behind another may leave to that one what holds for both.
    tags = {**{tag: first.tags[tag] for tag in _SHARED if tag in first.tags}, **chosen.tags}
    picture = _with_page_alone(data, header, chosen)
    turned = orientation(data, header, tags) or 1
    context = read_context(data, header, tags)
    contents = Contents(picture, _colours(data, header, tags), turned, context=context)
    return contents.noting(*others_told(len(whole) - 1, "page"))


def _is_reduced(page: _Page, other: _Page) -> bool:
    """Whether a page has the sides of another over a whole number, as the steps of a pyramid have."""
    times = round(other.width / page.width)
    sides = (page.width, other.width), (page.height, other.height)
    return times > 1 and all(abs(small * times - large) < times for small, large in sides)


def _pages(data: bytes, header: Header) -> list[_Page]:
    """Return all pages of the file, each followed by its sub-pages."""
    pages, seen = [], set()
    waiting = [header.first]
    while waiting and len(seen) < _MOST_PAGES:
        at = waiting.pop(0)
        if at in seen or not at:
            continue
        seen.add(at)
        try:
            tags, following = read_directory(data, header, at)
        except DamagedError:
            continue
        waiting = [*map(int, numbers(data, header, tags.get(_BELOW))[:_MOST_PAGES]), *waiting, following]
        page = _page(data, header, tags)
        if page is not None:
            pages.append(page)
    return pages


def _page(data: bytes, header: Header, tags: dict[int, Entry]) -> _Page | None:
    def number(tag: int, otherwise: int) -> int:
        return int((numbers(data, header, tags.get(tag)) or (otherwise,))[0])

    width, height = number(_WIDTH, 0), number(_HEIGHT, 0)
    if not (width and height):
        return None
    reduced = number(_KIND, 0) & (_REDUCED | _MASK) or number(_OLD_KIND, 1) == 2
    mask = number(_MODEL, 0) == 4 or (number(_BITS, 1) == 1 and number(_SAMPLES, 1) == 1)
    return _Page(tags, width, height, bool(reduced or mask))


def _with_page_alone(data: bytes, header: Header, page: _Page) -> bytes:
    """Return the file with a directory of only this page's picture tags appended at the end, so that all offsets stay
    valid."""
    entries = [page.tags[tag].raw for tag in sorted(_OF_PICTURE) if tag in page.tags]
    counts, offset = ("Q", "Q") if header.big else ("H", "I")
    gap = -len(data) % 8
    at = len(data) + gap
    count = struct.pack(header.order + counts, len(entries))
    directory = b"".join((count, *entries, struct.pack(header.order + offset, 0)))
    first = struct.pack(header.order + offset, at)
    start = 8 if header.big else 4
    return b"".join((data[:start], first, memoryview(data)[start + len(first) :], bytes(gap), directory))


def _colours(data: bytes, header: Header, tags: dict[int, Entry]) -> Colours:
    white, primaries = (numbers(data, header, tags.get(tag)) for tag in (_WHITE, _PRIMARIES))
    curves = tuple(map(int, numbers(data, header, tags.get(_CURVES))))
    return Colours(
        profile=content(data, tags.get(_PROFILE)),
        chromaticities=(*white, *primaries) if len(white) == 2 and len(primaries) == 6 else None,
        curves=tuple(curves[i : i + 256] for i in range(0, len(curves), 256)) if len(curves) in (256, 768) else (),
        adobe=is_adobe_rgb(data, header, tags),
    )
