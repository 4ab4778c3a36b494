"""JPEG files for tests, and re-encoding a picture with a file's own tables."""

import io
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from sr_core.image.geometry import Rect
from sr_core.image.jpeg_file import COSINES, Coefficients, JpegFile, read_jpeg_file

YCC_OF_RGB = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


def save_jpeg(path: Path, pixels: np.ndarray, orientation: int = 1, **options) -> Path:
    """Write pixels as a JPEG file that EXIF turns; `options` as in Pillow."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(pixels).save(path, "JPEG", exif=exif, **options)
    return path


def open_jpeg(path: Path) -> tuple[np.ndarray, JpegFile]:
    """Return a file's pixels as displayed, and the facts of the file."""
    data = path.read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        pixels = np.array(ImageOps.exif_transpose(image).convert("RGB"))
    return pixels, read_jpeg_file(data, path, orientation, pixels)


def coded_again(small: np.ndarray, plane: Coefficients, index: int, region: Rect) -> tuple[np.ndarray, np.ndarray]:
    """Encode a picture (h, w, 3), floating-point grey levels of `region` of the photograph, with the plane's own steps;
    return its coefficients and the file's own, for the blocks that lie entirely in the region."""
    component = small @ YCC_OF_RGB[index] - (128 if index == 0 else 0)
    (wide, tall), (x0, y0) = (8 * side for side in plane.pixel), plane.origin
    left, top = -(-(region.x - x0) // wide), -(-(region.y - y0) // tall)
    right, bottom = (region.right - x0) // wide, (region.bottom - y0) // tall
    rows = slice(y0 + top * tall - region.y, y0 + bottom * tall - region.y)
    columns = slice(x0 + left * wide - region.x, x0 + right * wide - region.x)
    part = component[rows, columns]
    part = part.reshape(8 * (bottom - top), plane.pixel[1], 8 * (right - left), plane.pixel[0]).mean(axis=(1, 3))
    blocks = part.reshape(bottom - top, 8, right - left, 8)
    found = np.einsum("fp,rpcq,gq->rcfg", COSINES, blocks, COSINES) / plane.steps
    return np.rint(found), plane.blocks[top:bottom, left:right]
