"""How a small picture is made from a reference: the paper's plain bicubic, and the ``field`` preset.

The paper degrades by MATLAB bicubic alone: that is ``sr_core.image.resample.shrink`` rounded to 8 bits
(``sr_core.study.data.references.shrink_reference``). The viewer's models learn to undo nothing else, so that their
pictures shrink back to the photograph. ``degrade`` follows what a hand-held or hurried camera, a mail program and a
slow connection do to a photograph before it is read: uneven light, defocus or shake, a coarser sensor, its noise and
JPEG. A model trained on it restores and does not agree with its input: it must be named accordingly, and not projected
onto the input.
"""

from dataclasses import dataclass

import numpy as np
from scipy.fft import dctn, idctn
from scipy.signal import fftconvolve

from sr_core.image.coding import standard_tables
from sr_core.image.resample import crop_to_multiple, shrink, to_uint8

Range = tuple[float, float]


@dataclass(frozen=True)
class FieldPreset:
    """The ranges that each picture's degradation is drawn from. Uneven light and blur are the two faults that Shen et
    al. 2020 ("Modeling and enhancing low-quality retinal fundus images", IEEE TMI) model for fundus cameras.

    light: the largest deviation of the illumination from its mean, as a fraction (a quadratic surface, mean 1, the same
    in all channels). The range is this project's choice. blur: standard deviation of the blur in pixels of the
    reference, as in BSRGAN (Zhang et al. 2021, 0.1 to 2.4 at x2 and 2.8 at x4): of a disc with twice that radius
    (defocus), or of a straight path (shake). shake: probability that the blur is shake and not defocus (this project's
    choice). shot: base-10 logarithm of the variance of the noise per unit of signal, white = 1. Brooks et al. 2019
    ("Unprocessing images for learned raw denoising") give -4 to -1.9 for phones in linear light; a fundus camera
    flashes, so the noisier part is left out, and the noise is added to the encoded values. The sensor's read variance
    follows from it by their fit, exp(2.18 ln shot + 1.20). jpeg: libjpeg's quality, with halved chroma: 30 to 95 as in
    BSRGAN.
    """

    light: Range = (0.05, 0.25)
    blur: Range = (0.1, 2.4)
    shake: float = 0.3
    shot: Range = (-4.0, -2.7)
    jpeg: Range = (30.0, 95.0)


FIELD = FieldPreset()


@dataclass(frozen=True)
class Degradation:
    """One picture's degradation, as drawn: ``light`` are the coefficients of x, y, xx, xy, yy over the frame -1..1 and
    ``light_depth`` the largest deviation from 1; ``blur`` in pixels of the reference; ``shake`` its direction in
    radians, None for defocus; ``shot`` and ``read`` variances for white = 1; ``jpeg`` quality 1 to 100, None for none;
    ``seed`` of the noise."""

    light: tuple[float, float, float, float, float]
    light_depth: float
    blur: float
    shake: float | None
    shot: float
    read: float
    jpeg: int | None
    seed: int


def degrade(hr: np.ndarray, scale: int, rng: np.random.Generator, preset: FieldPreset = FIELD) -> np.ndarray:
    """Degrade a reference, uint8 (H, W, 3), to uint8 (H // scale, W // scale, 3), as it would arrive from the field.

    The result depends on the generator alone: the same state gives the same pixels.
    """
    return apply(draw(rng, preset), hr, scale)


def draw(rng: np.random.Generator, preset: FieldPreset = FIELD) -> Degradation:
    """Draw a degradation uniformly from the preset's ranges."""
    a, b, c, d, e = (float(value) for value in rng.uniform(-1, 1, 5))
    depth, blur = float(rng.uniform(*preset.light)), float(rng.uniform(*preset.blur))
    shaken, direction = rng.random() < preset.shake, float(rng.uniform(0, np.pi))
    shot = 10 ** float(rng.uniform(*preset.shot))
    read = float(np.exp(2.18 * np.log(shot) + 1.20))
    quality = round(float(rng.uniform(*preset.jpeg)))
    seed = int(rng.integers(2**63))
    return Degradation((a, b, c, d, e), depth, blur, direction if shaken else None, shot, read, quality, seed)


def apply(how: Degradation, hr: np.ndarray, scale: int) -> np.ndarray:
    """Degrade uint8 (H, W, 3) in the physical order: light, optics, sensor, file."""
    image = crop_to_multiple(hr, scale).astype(np.float32) / np.float32(255)
    image = image * illumination(how, image.shape)[..., None]
    image = _blurred(image, blur_kernel(how.blur, how.shake))
    image = np.clip(shrink(image, scale), 0, 1)
    noise = np.random.default_rng(how.seed).standard_normal(image.shape, dtype=np.float32)
    pixels = to_uint8(255 * (image + np.sqrt(how.shot * image + how.read) * noise))
    return pixels if how.jpeg is None else jpeg(pixels, how.jpeg)


def illumination(how: Degradation, shape: tuple[int, ...]) -> np.ndarray:
    """Return the quadratic light field over a frame of shape[:2]: float32 (H, W), mean 1, and nowhere farther from 1
    than ``light_depth``."""
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape[:2])
    y = y[:, None]
    a, b, c, d, e = how.light
    surface = a * x + b * y + c * x * x + d * x * y + e * y * y
    surface -= surface.mean()
    peak = np.abs(surface).max()
    return 1 + surface * np.float32(how.light_depth / peak if peak else 0)


def _blurred(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve the image with a square kernel of odd side, with mirrored borders."""
    reach = kernel.shape[0] // 2
    padded = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    return fftconvolve(padded, kernel[..., None], mode="valid", axes=(0, 1))


def blur_kernel(sigma: float, direction: float | None = None) -> np.ndarray:
    """Return a kernel that sums to 1, float32 (2 n + 1, 2 n + 1): a disc (defocus), or for a direction in radians a
    straight path (shake), whose standard deviation along an axis, or along the path, is about ``sigma`` pixels.

    Edge pixels are covered in part, by counting the points of a grid in every pixel, so that small radii differ too.
    """
    reach = 2 * sigma if direction is None else np.sqrt(3) * sigma  # of a uniform disc, of a uniform line
    n = int(np.ceil(reach))
    side, grid = 2 * n + 1, 15
    fine = (np.arange(side * grid) - side * grid // 2) / grid
    x, y = fine[None, :], fine[:, None]
    if direction is None:
        inside = x * x + y * y <= reach * reach
    else:
        along = x * np.cos(direction) + y * np.sin(direction)
        across = x * np.sin(direction) - y * np.cos(direction)
        inside = (np.abs(along) <= reach) & (np.abs(across) <= 0.5 / grid + 1e-9)
    counts = inside.reshape(side, grid, side, grid).sum(axis=(1, 3))
    return (counts / counts.sum()).astype(np.float32)


# ITU-T T.871 (JFIF): Y, Cb, Cr of R, G, B
_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Return uint8 (H, W, 3) after JPEG at a quality of 1 to 100 with chroma halved both ways.

    Only the quantisation is lossy, so nothing is encoded: the result is within rounding of libjpeg's, does not depend
    on a codec's version, and needs no file.
    """
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((0, -height % 16), (0, -width % 16), (0, 0)), mode="edge")
    # Integers between the steps, as in libjpeg: coefficients near a tie then fall to the same side.
    luma, *chroma = np.moveaxis(np.rint(padded.astype(np.float32) @ _YCC.T), -1, 0)
    steps, chroma_steps = (table.astype(np.float32) for table in standard_tables(quality))
    luma = _quantised(luma - 128, steps) + 128
    # Chroma is halved by averaging four pixels and enlarged linearly, as libjpeg does.
    planes = [luma]
    for plane in chroma:
        half = np.rint(plane.reshape(plane.shape[0] // 2, 2, plane.shape[1] // 2, 2).mean(axis=(1, 3)))
        planes.append(_doubled(_doubled(_quantised(half, chroma_steps), 0), 1))
    rgb = np.stack(planes, axis=-1) @ np.linalg.inv(_YCC).T
    return to_uint8(rgb[:height, :width])


def _quantised(plane: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return the plane, (H, W) centred at zero with sides multiples of 8, after rounding its 8x8 cosine
    coefficients."""
    height, width = plane.shape
    blocks = plane.reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2)
    coefficients = np.rint(np.asarray(dctn(blocks, axes=(2, 3), norm="ortho")) / table) * table
    decoded = np.clip(np.rint(np.asarray(idctn(coefficients, axes=(2, 3), norm="ortho"))), -128, 127)
    return decoded.swapaxes(1, 2).reshape(height, width)


def _doubled(plane: np.ndarray, axis: int) -> np.ndarray:
    """Enlarge linearly by two along an axis: 3/4 of the nearer sample, 1/4 of the farther, edges repeated."""
    before = np.concatenate([plane.take([0], axis), plane.take(range(plane.shape[axis] - 1), axis)], axis)
    after = np.concatenate([plane.take(range(1, plane.shape[axis]), axis), plane.take([-1], axis)], axis)
    pair = np.stack([0.75 * plane + 0.25 * before, 0.75 * plane + 0.25 * after], axis + 1)
    shape = list(plane.shape)
    shape[axis] *= 2
    return pair.reshape(shape)
