"""Whether a photograph is good enough for training, and whether two photographs are the same.

Everything is measured inside the field of view on a copy whose field is MEASURED_DIAMETER pixels across, so that
figures are comparable across camera resolutions. The limits were set on the 167 photographs of HRF, IDRiD (81 of its
segmentation task, 13 of grading) and CHASE_DB1 and on degraded copies of them: the figures beside each limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from sr_core.image.field_of_view import FieldOfView
from sr_core.image.resample import resize

MEASURED_DIAMETER = 512
RIM = 0.1
"""The fraction of the radius left out at the rim, where the light always falls off."""
LEAST_BRIGHTNESS = 35.0
MOST_BRIGHTNESS = 180.0
MOST_CLIPPED = 0.05
LEAST_SHARPNESS = 0.17
STRONGEST = 99.9
"""The percentile of detail that sharpness compares: the top thousandth of the field is edges of vessels and lesions.
The deviation of the whole field is dominated by the blocks of a JPEG file, which a blurred photograph has too."""
CLIPPED = 250
FINGERPRINT_SIDE = 12
SAME_PHOTOGRAPH = 0.15


@dataclass(frozen=True)
class Quality:
    """brightness: median luminance (Rec. 601) in grey levels 0-255; clipped: the fraction of the field whose green is
    at least 250 (red alone says nothing: it is saturated over most of many good photographs); sharpness: the strength
    of green's detail finer than 1 pixel where it is strongest (percentile STRONGEST), relative to the structures of 2
    to 8 pixels there (differences of Gaussians at the measured size). Strong noise counts as detail, so a blurred and
    noisy photograph can pass."""

    brightness: float
    clipped: float
    sharpness: float

    def fault(self) -> str | None:
        """Why the photograph should not be used, or None."""
        if self.brightness < LEAST_BRIGHTNESS:
            return f"too dark: median luminance {self.brightness:g}, at least {LEAST_BRIGHTNESS:g} is wanted"
        if self.brightness > MOST_BRIGHTNESS:
            return f"over-exposed: median luminance {self.brightness:g}, at most {MOST_BRIGHTNESS:g} is wanted"
        if self.clipped > MOST_CLIPPED:
            return f"over-exposed: {self.clipped:.2%} of the field is clipped, at most {MOST_CLIPPED:.0%} is wanted"
        if self.sharpness < LEAST_SHARPNESS:
            return f"too blurred: sharpness {self.sharpness:g}, at least {LEAST_SHARPNESS:g} is wanted"
        return None


def measure_quality(pixels: np.ndarray, field: FieldOfView) -> Quality:
    """Measure the quality of uint8 (H, W, 3) inside its field of view."""
    small, circle = _at_measured_size(pixels, field)
    inside = circle.mask(small.shape, erode=RIM * circle.radius)
    if not inside.any():
        return Quality(0.0, 0.0, 0.0)
    luminance = small @ np.array([0.299, 0.587, 0.114], np.float32)
    green = small[..., 1]
    finer, coarser = green - gaussian_filter(green, 1), gaussian_filter(green, 2) - gaussian_filter(green, 8)
    detail, structure = (float(np.percentile(np.abs(band[inside]), STRONGEST)) for band in (finer, coarser))
    return Quality(
        round(float(np.median(luminance[inside])), 2),
        round(float((green[inside] >= CLIPPED).mean()), 4),
        round(detail / structure, 4) if structure else 0.0,
    )


def fingerprint(pixels: np.ndarray, field: FieldOfView) -> str:
    """Return a digest of what a photograph shows, hexadecimal, that survives resizing and another JPEG quality.

    It takes the box of the field in green, at FINGERPRINT_SIDE squared, removes the slow changes of the light and
    normalises the contrast.
    """
    small, circle = _at_measured_size(pixels, field)
    green = small[..., 1]
    grain = circle.radius / FINGERPRINT_SIDE / 2
    bands = gaussian_filter(green, grain) - gaussian_filter(green, 4 * grain)
    bands = bands * circle.mask(small.shape, erode=RIM * circle.radius)
    coarse = resize(bands, FINGERPRINT_SIDE, FINGERPRINT_SIDE)
    coarse = coarse - coarse.mean()
    deviation = float(coarse.std()) or 1.0
    return np.clip(np.rint(coarse / deviation * 24) + 128, 0, 255).astype(np.uint8).tobytes().hex()


def same_photographs(fingerprints: Sequence[str]) -> list[tuple[int, int]]:
    """Return index pairs of fingerprints that differ by less than SAME_PHOTOGRAPH (root mean square, contrast = 1)."""
    if not fingerprints:
        return []
    points = np.stack([np.frombuffer(bytes.fromhex(text), np.uint8) for text in fingerprints]).astype(np.float32)
    pairs = KDTree(points).query_pairs(SAME_PHOTOGRAPH * 24 * FINGERPRINT_SIDE)
    return sorted((int(a), int(b)) for a, b in pairs)


def _at_measured_size(pixels: np.ndarray, field: FieldOfView) -> tuple[np.ndarray, FieldOfView]:
    """Return the box of the field as float32, shrunk (never enlarged) so that the field is MEASURED_DIAMETER across."""
    x0, y0, x1, y1 = field.bounding_rect(pixels.shape)
    box = pixels[y0:y1, x0:x1]
    factor = min(MEASURED_DIAMETER / (2 * field.radius), 1.0)
    height, width = (max(round(side * factor), 1) for side in box.shape[:2])
    return resize(box, height, width), field.cropped(x0, y0).scaled(factor)
