"""Picture files to pixels: the only module that decodes picture files."""

import hashlib
import io
import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from sr_core.errors import UserError
from sr_core.image.context import UNTOLD, Context
from sr_core.image.field_of_view import FieldOfView, fit_field_of_view
from sr_core.image.jpeg_file import FileFacts

MAX_PIXELS = 100_000_000
MIN_SIDE = 16
_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "PPM")
_PPM_DEPTH = re.compile(rb"P[56]\s(?:\s|#.*\n)*\d+\s(?:\s|#.*\n)*\d+\s(?:\s|#.*\n)*(\d+)\s")
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "La", "RGBa", "YCbCr")

# Pillow's own limit only warns, and lets twice its limit pass: _check_header is stricter, and comes before
# Pillow takes memory for the pixels.
Image.MAX_IMAGE_PIXELS = None


class PhotographError(UserError):
    """A picture file that cannot be read or written: the file, the cause, the cure."""


@dataclass(frozen=True, eq=False)
class Photograph:
    """A decoded photograph: pixels uint8 (H, W, 3) sRGB, read-only; field in its pixel coordinates; sha256 of
    the file's bytes, hexadecimal; file: what is known of the file itself, where it is a JPEG; context: what else the
    file tells."""

    path: Path
    pixels: np.ndarray
    field: FieldOfView
    sha256: str
    file: FileFacts | None = None
    context: Context = UNTOLD


def load_photograph(path: Path) -> Photograph:
    """Read an 8-bit JPEG, PNG, TIFF or WebP file (of an animation the first picture), or a PPM, in which STARE comes.

    EXIF orientation is applied, grey becomes RGB, transparency is laid on black (the surround's colour), and
    an embedded RGB profile is converted to sRGB. Raises PhotographError: missing, empty, damaged or cut
    short, another format, 16 bits, CMYK, above MAX_PIXELS or below MIN_SIDE pixels a side.
    """
    path = Path(path)
    data = _read(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged EXIF and TIFF tags: the pixels decide
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                _check_header(path, image, data)
                image.load()
                orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
                is_jpeg = image.format in ("JPEG", "MPO")
                context = Context.of(image)
                pixels = np.array(_to_srgb(ImageOps.exif_transpose(image)))
    except UnidentifiedImageError:
        raise PhotographError(f"{path}: not a JPEG, PNG, TIFF or WebP picture; convert it to one of these") from None
    except PhotographError:
        raise
    except MemoryError:
        raise PhotographError(f"{path}: not enough memory to open it; close programs or shrink it") from None
    except Exception as error:  # Pillow's decoders raise a dozen types on damaged files
        cause = " ".join(str(error).split()) or type(error).__name__
        raise PhotographError(f"{path}: damaged or cut short ({cause}); copy it again") from None
    pixels.setflags(write=False)
    file = FileFacts(path, orientation, pixels) if is_jpeg else None
    return Photograph(path, pixels, fit_field_of_view(pixels), hashlib.sha256(data).hexdigest(), file, context)


def _read(path: Path) -> bytes:
    try:
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


def _check_header(path: Path, image: Image.Image, data: bytes) -> None:
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
    if image.mode not in _MODES:
        raise PhotographError(f"{path}: colour model {image.mode}; convert it to 8-bit RGB")


def _bits(image: Image.Image, data: bytes) -> int:
    """Bits a channel as stored. Pillow opens 16-bit RGB PNGs as mode RGB, dropping half of every value."""
    if image.format == "PNG":
        return data[24]  # IHDR's bit depth
    if image.format == "TIFF":
        return max(image.tag_v2.get(258, (1,)))  # BitsPerSample
    if image.format == "PPM":
        depth = _PPM_DEPTH.match(data[:4096])
        return int(depth[1]).bit_length() if depth else 16
    return 8


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        clear = image.convert("RGBA")
        image = Image.new("RGB", image.size)
        image.paste(clear, mask=clear.getchannel("A"))
    image = image.convert("RGB")
    if not profile:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return image
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image  # a damaged profile, or one of another colour model: the values as they stand


def standard_tables(quality: int) -> tuple[np.ndarray, np.ndarray]:
    """libjpeg's quantisation tables of luma and chroma, (8, 8) by frequency, at a quality of 1 to 100."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", quality=quality)
    with Image.open(out) as image:
        tables = image.quantization
    return np.array(tables[0]).reshape(8, 8), np.array(tables[1]).reshape(8, 8)


def through_jpeg(pixels: np.ndarray, luma: np.ndarray, chroma: np.ndarray, subsampling: str) -> np.ndarray:
    """Uint8 (H, W, 3) as a JPEG file with these tables, (8, 8) whole numbers, gives it back. subsampling: '4:4:4',
    '4:2:2' or '4:2:0'."""
    out = io.BytesIO()
    tables = [luma.ravel().tolist(), chroma.ravel().tolist()]
    Image.fromarray(pixels).save(out, "JPEG", qtables=tables, subsampling=subsampling)
    return picture_of(out)


def jpeg_bytes(pixels: np.ndarray, quality: int, subsampling: str) -> bytes:
    """Uint8 (H, W, 3) as libjpeg's file of a quality, 1 to 100, and a subsampling, '4:4:4', '4:2:2' or '4:2:0'."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, subsampling=subsampling)
    return out.getvalue()


def picture_of(file: io.BytesIO) -> np.ndarray:
    """The pixels of a JPEG file in memory, uint8 (H, W, 3)."""
    with Image.open(file, formats=["JPEG"]) as image:
        return np.asarray(image)


def is_see_through(path: Path) -> bool:
    """Whether a picture has pixels that are not opaque; False for one that cannot be read, which says so when it is
    loaded."""
    try:
        with Image.open(path) as image:
            opaque = image.width * image.height > MAX_PIXELS or not image.has_transparency_data
            return not opaque and image.convert("RGBA").getextrema()[3][0] < 255
    except (OSError, ValueError, SyntaxError):
        return False


def read_entries(path: Path) -> dict[str, str]:
    """The text entries that ``saving.save_picture`` has written into a file; {} for another file, or none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=("PNG", "TIFF")) as image:
                # Of a PNG what stands before its pixels: it need not be decoded.
                told = image.info if image.format == "PNG" else json.loads(image.tag_v2.get(270, "{}"))
    except Exception:  # of a damaged file as well: it tells nothing
        return {}
    return {key: str(value) for key, value in told.items() if isinstance(value, str)} if isinstance(told, dict) else {}
