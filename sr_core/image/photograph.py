"""Decode picture files to pixels. No other module decodes picture files."""

import hashlib
import io
import json
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageStat, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from sr_core.errors import UserError
from sr_core.image.colour import has_inks, to_srgb
from sr_core.image.containers import Contents, DamagedError, take_apart
from sr_core.image.context import UNTOLD, Context
from sr_core.image.field_of_view import FieldOfView, fit_field_of_view
from sr_core.image.jpeg_file import FileFacts, JpegFile, read_jpeg_file
from sr_core.image.jpeg_header import UnusableJpegError
from sr_core.image.jpeg_traces import find_traces, lost_file

MAX_PIXELS = 100_000_000
MIN_SIDE = 16
_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "PPM")
_PPM_DEPTH = re.compile(rb"P[56]\s(?:\s|#.*\n)*\d+\s(?:\s|#.*\n)*\d+\s(?:\s|#.*\n)*(\d+)\s")
_LEAST_OPAQUE = 0.05
"""Of all of a picture: a field of view in the least of frames fills more."""
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "La", "RGBa", "YCbCr", "LAB")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How to turn a picture upright, by EXIF orientation."""

# Pillow's own limit only warns, and accepts twice its limit. _check_header is stricter, and runs before Pillow
# allocates the pixels.
Image.MAX_IMAGE_PIXELS = None


class PhotographError(UserError):
    """A picture file that cannot be read or written: the file, the cause and the cure."""


@dataclass(frozen=True, eq=False)
class Photograph:
    """A decoded photograph: pixels uint8 (H, W, 3) sRGB, read-only; field in its pixel coordinates; sha256 of the
    file's bytes, hexadecimal; file: the facts of the file if it is a JPEG, or if the pixels show that it was one;
    context: what else the file says; notices: what the user should know about it, as clauses without its name."""

    path: Path
    pixels: np.ndarray
    field: FieldOfView
    sha256: str
    file: FileFacts | None = None
    context: Context = UNTOLD
    notices: tuple[str, ...] = ()


def load_photograph(path: Path) -> Photograph:
    """Read an 8-bit JPEG, PNG, TIFF or WebP file (the first picture of an animation, the first page that is a whole
    photograph), or a PPM, the format of STARE.

    The orientation of EXIF or XMP is applied, grey becomes RGB, transparency is laid over black (the background's
    colour), and colours are converted to sRGB from what the file declares. Text, tags and profiles never keep a picture
    from opening. Raises PhotographError if the file is missing, empty, damaged or truncated, of another format, of 16
    bits, CMYK without an ink profile, above MAX_PIXELS or below MIN_SIDE pixels a side.
    """
    path = Path(path)
    data = _read(path)
    with _decoding(path):
        contents = take_apart(data)
        pixels, notices = _decode(path, contents)
        doubtful = contents.other_end and (contents.doubtful or _ends_in_grey(pixels))
        if doubtful and not np.array_equal(pixels, _decode(path, contents, contents.alternative)[0]):
            raise DamagedError("pixels are missing")
    pixels.setflags(write=False)
    field = fit_field_of_view(pixels)
    if data.startswith(b"\xff\xd8"):
        turn = contents.orientation  # not the contents: they hold the file's bytes
        file = FileFacts(lambda: _jpeg_file(path, turn, pixels), pixels.nbytes)
    else:
        file, told = _saved_again(pixels)
        notices = (*notices, *told)
    notices = (*contents.notices, *notices)
    context = contents.context.upright(contents.orientation)
    return Photograph(path, pixels, field, hashlib.sha256(data).hexdigest(), file, context, notices)


def check_photograph(path: Path) -> None:
    """Check what a file's header says, in a fraction of the time that decoding takes. Raises PhotographError as
    `load_photograph` does, but not for damaged pixels."""
    data = _read(path)
    with _decoding(path):
        contents = take_apart(data)
        with Image.open(io.BytesIO(contents.picture), formats=_FORMATS) as image:
            _check_header(path, image, contents.picture, has_inks(contents.colours))


@contextmanager
def _decoding(path: Path) -> Iterator[None]:
    """Tell whatever goes wrong inside as a PhotographError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UnidentifiedImageError:
        raise PhotographError(f"{path}: not a JPEG, PNG, TIFF or WebP picture; convert it to one of these") from None
    except PhotographError:
        raise
    except MemoryError:
        raise PhotographError(f"{path}: not enough memory to open it; close programs or shrink it") from None
    except Exception as error:  # Pillow's decoders raise a dozen types on damaged files
        cause = " ".join(str(error).split()) or type(error).__name__
        raise PhotographError(f"{path}: damaged or cut short ({cause}); copy it again") from None


def _decode(path: Path, contents: Contents, picture: bytes = b"") -> tuple[np.ndarray, tuple[str, ...]]:
    """Return pixels uint8 (H, W, 3), upright, in sRGB, and notices; decode `picture` in place of the contents' own."""
    picture = picture or contents.picture
    with Image.open(io.BytesIO(picture), formats=_FORMATS) as image:
        _check_header(path, image, picture, has_inks(contents.colours))
        image.load()
        opaque, alpha, notices = _without_alpha(image)
        opaque, unfollowed = to_srgb(opaque, contents.colours)
        if alpha is not None:
            clear = Image.new("RGB", opaque.size)
            clear.paste(opaque, mask=alpha)
            opaque = clear
        turn = _TURNS.get(contents.orientation)
        upright = opaque if turn is None else opaque.transpose(turn)
        return np.array(upright), (*notices, *unfollowed)


def _jpeg_file(path: Path, orientation: int, pixels: np.ndarray) -> JpegFile:
    """Raises UnusableJpegError and OSError."""
    try:
        picture = take_apart(path.read_bytes()).picture
    except DamagedError as error:  # it has changed meanwhile
        raise UnusableJpegError(str(error)) from None
    return read_jpeg_file(picture, path, orientation, pixels)


def _ends_in_grey(pixels: np.ndarray) -> bool:
    """Whether a corner, whichever was stored last, is of one colour, neither dark nor bright: the grey that libjpeg
    puts where a scan ends early."""
    sides = slice(None, 4), slice(-4, None)
    corners = np.stack([pixels[y, x].reshape(-1, 3) for y in sides for x in sides])
    low, high = corners.min(axis=1), corners.max(axis=1)
    return bool(((low == high) & (low > 50) & (low < 205)).all(axis=1).any())


def _saved_again(pixels: np.ndarray) -> tuple[FileFacts | None, tuple[str, ...]]:
    """What is known of the JPEG file that a picture in another kind of file once was, and the notice of it."""
    traces = find_traces(pixels)
    if traces is None:
        return None, ()
    notice = (
        f"was a JPEG of quality about {traces.quality} and was saved again; what is computed keeps to what its pixels "
        "tell of that file's brightness; open the JPEG itself, if there is one, to keep to all of it"
    )
    return FileFacts(lambda: lost_file(pixels, traces), pixels.nbytes), (notice,)


def _read(path: Path) -> bytes:
    try:
        kind = path.stat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):  # reading one could wait, or go on, for ever
            raise PhotographError(f"{path}: a pipe or a device, not a picture file; save it as a file first")
        data = path.read_bytes()
    except FileNotFoundError:
        raise PhotographError(f"{path}: no such file; check the spelling") from None
    except IsADirectoryError:
        raise PhotographError(f"{path}: a folder, not a picture; name a file in it") from None
    except OSError as error:
        raise PhotographError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    if not data:
        raise PhotographError(f"{path}: the file is empty; copy it again")
    return data


def _check_header(path: Path, image: Image.Image, data: bytes, inks_known: bool) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotographError(
            f"{path}: {width}x{height} pixels are more than {MAX_PIXELS // 10**6} megapixels; shrink it first"
        )
    if min(width, height) < MIN_SIDE:
        raise PhotographError(
            f"{path}: {width}x{height} pixels are too small for a photograph; use one of at least {MIN_SIDE}x{MIN_SIDE}"
        )
    if _bits(image, data) > 8:
        raise PhotographError(f"{path}: more than 8 bits a channel; convert it to 8 bit")
    if image.mode not in _MODES and not (image.mode == "CMYK" and inks_known):
        raise PhotographError(f"{path}: colour model {image.mode}; convert it to 8-bit RGB")


def _bits(image: Image.Image, data: bytes) -> int:
    """Return the stored bits per channel. Pillow opens 16-bit RGB PNGs as mode RGB and drops half of every value."""
    if image.format == "PNG":
        return data[24]  # IHDR's bit depth
    if isinstance(image, TiffImageFile):
        return max(image.tag_v2.get(258, (1,)))  # BitsPerSample
    if image.format == "PPM":
        depth = _PPM_DEPTH.match(data[:4096])
        return int(depth[1]).bit_length() if depth else 16
    return 8


def _without_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None, tuple[str, ...]]:
    """The colours in mode L, RGB, CMYK or LAB; how opaque each pixel is, None where all are; notices. What is
    transparent almost everywhere was not meant so."""
    if image.mode in ("CMYK", "LAB"):
        return image, None, ()
    grey = image.mode in ("1", "L", "LA", "La")
    if not image.has_transparency_data and "a" not in image.getbands():
        return image.convert("L" if grey else "RGB"), None, ()
    clear = image.convert("RGBA")
    alpha = clear.getchannel("A")
    opaque = clear.getchannel("R") if grey else clear.convert("RGB")
    low, high = alpha.getextrema()
    if low == 255:
        return opaque, None, ()
    if ImageStat.Stat(alpha).mean[0] < _LEAST_OPAQUE * 255:
        part = "most" if high else "all"
        return opaque, None, (f"its transparency would hide {part} of it, and is ignored",)
    return opaque, alpha, ()


def through_jpeg(pixels: np.ndarray, luma: np.ndarray, chroma: np.ndarray, subsampling: str) -> np.ndarray:
    """Encode uint8 (H, W, 3) as JPEG with these tables, (8, 8) integers, and decode it again. subsampling: '4:4:4',
    '4:2:2' or '4:2:0'."""
    out = io.BytesIO()
    tables = [luma.ravel().tolist(), chroma.ravel().tolist()]
    Image.fromarray(pixels).save(out, "JPEG", qtables=tables, subsampling=subsampling)
    return picture_of(out)


def jpeg_bytes(pixels: np.ndarray, quality: int, subsampling: str) -> bytes:
    """Encode uint8 (H, W, 3) by libjpeg at a quality, 1 to 100, and a subsampling, '4:4:4', '4:2:2' or '4:2:0'."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, subsampling=subsampling)
    return out.getvalue()


def picture_of(file: io.BytesIO) -> np.ndarray:
    """Decode a JPEG file in memory to uint8 (H, W, 3)."""
    with Image.open(file, formats=["JPEG"]) as image:
        return np.asarray(image)


def is_see_through(path: Path) -> bool:
    """Whether a picture has pixels that are not opaque. False for an unreadable file, which is reported when it is
    loaded."""
    try:
        with Image.open(path) as image:
            opaque = image.width * image.height > MAX_PIXELS or not image.has_transparency_data
            return not opaque and bool(np.asarray(image.convert("RGBA").getchannel("A")).min() < 255)
    except (OSError, ValueError, SyntaxError):
        return False


def read_entries(path: Path) -> dict[str, str]:
    """Return the text entries that ``saving.save_picture`` wrote into a file; {} for any other file or none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=("PNG", "TIFF")) as image:
                # In a PNG, the entries before the pixels: there is no need to decode it.
                told = json.loads(image.tag_v2.get(270, "{}")) if isinstance(image, TiffImageFile) else image.info
    except Exception:  # also raised for a damaged file, which then has no entries
        return {}
    return {str(k): str(value) for k, value in told.items() if isinstance(value, str)} if isinstance(told, dict) else {}
