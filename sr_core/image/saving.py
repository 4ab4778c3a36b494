"""Save pixels as picture files that record their colour space, their resolution, and how they were made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from sr_core.files import printable, whole_file
from sr_core.image.context import UNTOLD, Context
from sr_core.image.photograph import PhotographError

KINDS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF"}
"""The formats that can be written, by file suffix."""


def save_picture(
    path: Path, pixels: np.ndarray, about: Mapping[str, str] | None = None, context: Context = UNTOLD
) -> None:
    """Write uint8 (H, W, 3) sRGB as PNG (`about`: one text entry per key) or TIFF (`about`: JSON in the description),
    with the sRGB profile and what `context` holds.

    The file appears complete or not at all. Raises PhotographError for another suffix or an unwritable path.
    """
    path = Path(path)
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise PhotographError(f"{path}: cannot write this kind of file; name it .png or .tif")
    about = {key: _text(value) for key, value in (about or {}).items()}
    options: dict = {"icc_profile": srgb_profile(), "exif": context.exif(nested=kind == "PNG").tobytes()}
    if context.dpi is not None:
        options["dpi"] = context.dpi
    if kind == "PNG":
        options["pnginfo"] = _text_entries(about)
    elif about:
        options |= {"compression": "tiff_deflate", "description": json.dumps(about)}
    try:
        with whole_file(path) as file:
            Image.fromarray(pixels).save(file, format=kind, **options)
    except OSError as error:
        cause = error.strerror or " ".join(str(error).split())
        raise PhotographError(f"{path}: cannot be written ({cause}); choose another place") from None


def _text(value: str) -> str:
    """Return an entry's text; line breaks are kept."""
    return "\n".join(map(printable, value.split("\n")))


def _text_entries(about: Mapping[str, str]) -> PngImagePlugin.PngInfo:
    entries = PngImagePlugin.PngInfo()
    for key, value in about.items():
        entries.add_itxt(key, value)
    return entries


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """Return the ICC profile of sRGB, always the same bytes: the date in its header (bytes 24 to 35) is left empty."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    made[24:36] = bytes(12)
    return bytes(made)
