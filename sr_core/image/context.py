"""What a picture file says besides its pixels, limited to what stays true of pictures made from it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from PIL import ExifTags, Image

_MOMENT = re.compile(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d")
_OFFSET = re.compile(r"[+-]\d\d:\d\d")
_MOST_DPI = 1e6
_MOST_WORD = 80
"""The most characters in a camera's name."""
_TURNED = (5, 6, 7, 8)
"""The EXIF orientations that swap width and height."""


@dataclass(frozen=True)
class Context:
    """When a photograph was taken (EXIF: 'YYYY:MM:DD HH:MM:SS', and the offset from UTC, '+HH:MM'), the camera's maker
    and model, and pixels per inch across and down; each is empty or None if the file does not say.

    Names of people are left out: any of EXIF's free texts may hold a patient's name.
    """

    taken: str = ""
    offset: str = ""
    maker: str = ""
    camera: str = ""
    dpi: tuple[float, float] | None = None

    @staticmethod
    def of(words: Mapping[int, str], dpi: tuple[float, float] | None = None) -> Context:
        """What a file's EXIF tells, `words` by their tags, and how many pixels an inch has. What is no moment, name or
        resolution tells nothing."""
        moment = _word(words, ExifTags.Base.DateTimeOriginal) or _word(words, ExifTags.Base.DateTime)
        offset = _word(words, ExifTags.Base.OffsetTimeOriginal)
        return Context(
            moment if _MOMENT.fullmatch(moment) else "",
            offset if _OFFSET.fullmatch(offset) else "",
            _word(words, ExifTags.Base.Make),
            _word(words, ExifTags.Base.Model),
            dpi if dpi and all(math.isfinite(side) and 0 < side <= _MOST_DPI for side in dpi) else None,
        )

    def upright(self, orientation: int) -> Context:
        """Of the picture turned as EXIF's orientation, 1 to 8, says."""
        return replace(self, dpi=self.dpi and (self.dpi[1], self.dpi[0])) if orientation in _TURNED else self

    def with_dpi(self, dpi: tuple[float, float] | None) -> Context:
        """With what the file says of its resolution elsewhere than in EXIF, if it does."""
        told = Context.of({}, dpi).dpi
        return replace(self, dpi=told) if told else self

    def scaled(self, scale: float) -> Context:
        """Return the context of a picture with `scale` times the pixels over the same length."""
        return replace(self, dpi=self.dpi and (self.dpi[0] * scale, self.dpi[1] * scale))

    def exif(self, nested: bool = True) -> Image.Exif:
        """Return it as EXIF tags; without `nested`, as TIFF's own tags for libtiff, which cannot write EXIF's table."""
        exif = Image.Exif()
        if self.maker:
            exif[ExifTags.Base.Make] = self.maker
        if self.camera:
            exif[ExifTags.Base.Model] = self.camera
        if self.taken and not nested:
            exif[ExifTags.Base.DateTime] = self.taken
        elif self.taken:
            inner = {ExifTags.Base.DateTimeOriginal: self.taken}
            if self.offset:
                inner[ExifTags.Base.OffsetTimeOriginal] = self.offset
            exif[ExifTags.IFD.Exif] = inner
        return exif


UNTOLD = Context()


def _word(words: Mapping[int, str], tag: int) -> str:
    """A tag's text in ASCII, as EXIF has it; empty where it is none."""
    text = words.get(tag, "").split("\0")[0].strip()
    return text if text.isascii() and text.isprintable() and len(text) <= _MOST_WORD else ""
