"""Convert colours to sRGB from the colour space that a file declares (littleCMS)."""

import io
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
from PIL import Image, ImageCms

from sr_core.image.containers import Colours

_Curve = tuple[float, ...]
"""ICC's parametric curve: (g) for light = v ** g, or (g, a, b, c, d) for (a v + b) ** g from d on, c v below."""

_SRGB_CURVE: _Curve = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BT709_CURVE: _Curve = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_D65 = (0.3127, 0.3290)
_SRGB = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_ADOBE = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_ADOBE_GAMMA = 563 / 256
_PRIMARIES = {
    1: _SRGB,
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    12: (*_D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
_TRANSFERS: dict[int, _Curve] = {
    **dict.fromkeys((1, 6, 14, 15), _BT709_CURVE), 4: (2.2,), 5: (2.8,), 8: (1.0,), 13: _SRGB_CURVE,
}  # fmt: skip
"""By the codes of ITU-T H.273; those brighter than white (16, 18) are not supported."""

_LIKE_SRGB = 0.05
"""A gamma within this fraction of 2.2 means sRGB, as in libpng: sRGB files declare 0.45455 in PNG."""
_SAME = 1
"""Grey levels: a profile that changes no colour by more than this is sRGB, whatever its name, and the values are
kept."""

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])
_SPACES = {"L": (b"GRAY", b"RGB "), "RGB": (b"RGB ",), "CMYK": (b"CMYK",)}


def has_inks(colours: Colours) -> bool:
    """Whether an embedded profile describes the four inks."""
    return colours.profile[16:20] == b"CMYK"


def to_srgb(image: Image.Image, colours: Colours) -> tuple[Image.Image, tuple[str, ...]]:
    """Convert an opaque image (mode L, RGB, CMYK or LAB) to RGB in sRGB; also return notices of what was not
    supported."""
    if image.mode == "LAB":
        return _convert(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))), ()
    notices: list[str] = []
    for blob, name in _declared(colours, image.mode):
        try:
            return _followed(image, blob), tuple(notices)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError, np.linalg.LinAlgError):
            notices.append(f"its {name} cannot be used: colours may be wrong")
    return image.convert("RGB"), tuple(notices)


def _declared(colours: Colours, mode: str) -> Iterator[tuple[Callable[[], bytes], str]]:
    """Yield what the file declares, in order of preference: a function that makes an ICC profile (b"": sRGB), and the
    declaration's name."""
    code = colours.cicp
    if code is not None and mode in ("L", "RGB"):
        yield lambda: _of_code(*code, mode), "colour code (cICP)"
    if colours.profile:
        yield lambda: _checked(colours.profile, mode), "colour profile"
    if colours.srgb:
        yield lambda: b"", "sRGB"
    elif colours.gamma or colours.chromaticities or colours.curves:
        yield lambda: _of_values(colours, mode), "gamma or primaries"
    elif colours.adobe:
        yield lambda: _of_values(replace(colours, gamma=_ADOBE_GAMMA, chromaticities=_ADOBE), mode), "Adobe RGB"


def _followed(image: Image.Image, profile: Callable[[], bytes]) -> Image.Image:
    blob = profile()
    if not blob:
        return image.convert("RGB")
    if image.mode == "L" and blob[16:20] == b"RGB ":
        image = image.convert("RGB")
    return _convert(image, ImageCms.ImageCmsProfile(io.BytesIO(blob)))


def _convert(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), image.mode, "RGB")
    if image.mode in ("L", "RGB"):
        probe = _probe(image.mode)
        before, after = (np.asarray(i, np.int16) for i in (probe.convert("RGB"), transform.apply(probe)))
        if np.abs(before - after).max() <= _SAME:
            return image.convert("RGB")
    return transform.apply(image)


def _probe(mode: str) -> Image.Image:
    """Return an image of all greys, or of a colour grid with nine values per channel."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    values = np.linspace(0, 255, 9).round().astype(np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(values, values, values), axis=-1).reshape(27, 27, 3))


def _checked(profile: bytes, mode: str) -> bytes:
    """Return the profile. Raises ValueError if it is of another colour model."""
    if profile[16:20] not in _SPACES[mode]:
        raise ValueError("a profile of another colour model")
    return profile


def _of_code(primaries: int, transfer: int, matrix: int, full_range: int, mode: str) -> bytes:
    """Raises ValueError for codes that are not followed."""
    if primaries not in _PRIMARIES or transfer not in _TRANSFERS or matrix != 0 or full_range != 1:
        raise ValueError("a code that is not followed")
    if mode == "L":
        return _grey_profile(_parametric(_TRANSFERS[transfer]))
    return _rgb_profile(_PRIMARIES[primaries], [_parametric(_TRANSFERS[transfer])] * 3)


def _of_values(colours: Colours, mode: str) -> bytes:
    points = colours.chromaticities or _SRGB
    alike = np.allclose(points, _SRGB, atol=0.003)
    if alike and not colours.curves and (colours.gamma is None or abs(colours.gamma / 2.2 - 1) < _LIKE_SRGB):
        return b""
    if colours.curves:
        curves = [_table(curve) for curve in colours.curves] * (3 // len(colours.curves))
    else:
        curves = [_parametric(_SRGB_CURVE if colours.gamma is None else (colours.gamma,))] * 3
    return _grey_profile(curves[0]) if mode == "L" else _rgb_profile(points, curves)


def _rgb_profile(chromaticities: tuple[float, ...], curves: list[bytes]) -> bytes:
    """Return an ICC profile (4.2, matrix and curves) from x, y of white, red, green and blue. Raises LinAlgError if the
    points do not span a colour space."""
    xy = np.array(chromaticities).reshape(4, 2)
    if (xy <= 0).any() or not np.isfinite(xy).all():
        raise ValueError("no colours")
    white, *primaries = np.stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(axis=1)) / xy[:, 1]], axis=1)
    matrix = np.stack(primaries, axis=1)
    matrix = matrix * np.linalg.solve(matrix, white)
    cone = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    columns = (np.linalg.inv(_BRADFORD) @ cone @ _BRADFORD @ matrix).T
    if np.abs(columns).max() > 4:
        raise ValueError("no colours")
    tags = {b"wtpt": _xyz(_D50)}
    tags |= {name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    tags |= dict(zip((b"rTRC", b"gTRC", b"bTRC"), curves, strict=True))
    return _profile(b"RGB ", tags)


def _grey_profile(curve: bytes) -> bytes:
    return _profile(b"GRAY", {b"wtpt": _xyz(_D50), b"kTRC": curve})


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Return the bytes of a profile (ICC.1:2004): a header of 128 bytes, the tag table, and the tags."""
    at = 132 + 12 * len(tags)
    table, body = [struct.pack(">I", len(tags))], []
    for name, value in tags.items():
        table.append(name + struct.pack(">II", at, len(value)))
        body.append(value)
        at += len(value)
    head = struct.pack(">I4xI4s4s4s12x4s28x", at, 0x04200000, b"mntr", space, b"XYZ ", b"acsp") + _fixed(_D50)
    return b"".join((head.ljust(128, b"\0"), *table, *body))


def _fixed(values: Iterable[float]) -> bytes:
    return b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(values)


def _parametric(curve: _Curve) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", 0 if len(curve) == 1 else 3, 0) + _fixed(curve)


def _table(values: tuple[int, ...]) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *values)
