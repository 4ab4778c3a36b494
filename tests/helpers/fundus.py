"""Crops of real photographs for tests, at the places that are hardest for super-resolution."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import uniform_filter

from sr_core.image.photograph import load_photograph

HRF = "HRF/images/02_dr.JPG"
HRF_BRIGHT = "HRF/images/05_g.jpg"
"""Its optic disc is clipped to white."""
IDRID = "IDRiD/segmentation_testing/IDRiD_55.jpg"
"""Its background is JPEG noise around black."""
CHASE = "CHASE_DB1/Image_11L.jpg"

HYGD = "HYGD/images/100_5.jpg"


def hard_crops(path: Path, edge: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield name, pixels (edge, edge, 3) and field of view (edge, edge) of crops at native resolution: the brightest
    spot (the optic disc), the darkest one inside, and three places on the rim."""
    photograph = load_photograph(path)
    pixels, field = photograph.pixels, photograph.field
    grey = uniform_filter(pixels.mean(axis=2), 31)
    bright = np.argmax(np.where(field.mask(grey.shape), grey, -1.0))
    dark = np.argmin(np.where(field.mask(grey.shape, erode=100), grey, 256.0))
    diagonal = field.radius * np.sqrt(0.5)
    for name, (cy, cx) in {
        "brightest": np.unravel_index(bright, grey.shape),
        "darkest": np.unravel_index(dark, grey.shape),
        "left rim": (field.cy, field.cx - field.radius),
        "upper rim": (field.cy - field.radius, field.cx),
        "lower right rim": (field.cy + diagonal, field.cx + diagonal),
    }.items():
        x = int(np.clip(cx - edge // 2, 0, grey.shape[1] - edge))
        y = int(np.clip(cy - edge // 2, 0, grey.shape[0] - edge))
        crop = np.ascontiguousarray(pixels[y : y + edge, x : x + edge])
        yield name, crop, field.cropped(x, y).mask(crop.shape)
