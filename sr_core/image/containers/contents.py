"""What a picture file holds: the bytes of one picture, and its metadata."""

from dataclasses import dataclass, replace

from sr_core.image.context import UNTOLD, Context

END_MISSING = "the end of the file is missing, after its last pixel"

LARGEST = 16 << 20
"""The largest profile, tag or unpacked text that is read, in bytes."""


@dataclass(frozen=True)
class Colours:
    """Which colours a file's numbers stand for, as far as it says. The first that is there counts: cicp (primaries,
    transfer, matrix and full range of ITU-T H.273), an ICC profile, sRGB, chromaticities (white, red, green, blue; x, y
    each) or a transfer curve, Adobe RGB by EXIF. `gamma`: light = value ** gamma. `curves`: 16-bit light of every 8-bit
    value, one for grey or three."""

    cicp: tuple[int, int, int, int] | None = None
    profile: bytes = b""
    srgb: bool = False
    chromaticities: tuple[float, ...] | None = None
    gamma: float | None = None
    curves: tuple[tuple[int, ...], ...] = ()
    adobe: bool = False


@dataclass(frozen=True)
class Contents:
    """`picture`: a file with the picture alone, nothing beside it that its pixels do not need. `orientation`: as EXIF
    counts, 1 to 8. `other_end`: what may replace the picture's last two bytes; if both ends decode to the same pixels,
    all of them are there. `doubtful`: whether pixels may be missing: the file is cut short, is progressive, or goes on
    after its end. `context`: what else the file tells, of the picture as stored. `notices`: what the user should know,
    clauses about the file."""

    picture: bytes
    colours: Colours = Colours()
    orientation: int = 1
    other_end: bytes = b""
    doubtful: bool = False
    context: Context = UNTOLD
    notices: tuple[str, ...] = ()

    @property
    def alternative(self) -> bytes:
        """The picture with its other end."""
        return self.picture[:-2] + self.other_end

    def noting(self, *notices: str) -> "Contents":
        """Return a copy with these notices appended."""
        return replace(self, notices=(*self.notices, *notices))


class DamagedError(ValueError):
    """A file that cannot be taken apart, and why in a few words; a decoder may still be able to read it."""


def others_told(count: int, what: str = "picture") -> tuple[str, ...]:
    """Return the notice that a file holds `count` further pictures of the kind `what`."""
    if count < 1:
        return ()
    further = f"a further {what}" if count == 1 else f"{count} further {what}s"
    return (f"the file holds {further}, not shown",)
