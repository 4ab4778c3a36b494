"""Split picture files into the picture and its metadata, so that text, tags and profiles, however large or damaged,
never reach the decoder."""

from sr_core.image.containers import jpeg, png, tiff, webp
from sr_core.image.containers.contents import Colours, Contents, DamagedError

__all__ = ["Colours", "Contents", "DamagedError", "take_apart"]


def take_apart(data: bytes) -> Contents:
    """Return the contents of a JPEG, PNG, TIFF or WebP file; any other file's bytes are passed on unchanged. Raises
    DamagedError."""
    if data.startswith(b"\xff\xd8"):
        return jpeg.take_apart(data)
    if data.startswith(png.SIGNATURE):
        return png.take_apart(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return webp.take_apart(data)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return tiff.take_apart(data)
    return Contents(data)
