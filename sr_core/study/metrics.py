"""Image quality inside the field of view."""

import numpy as np

from sr_core.image.field_of_view import FieldOfView


def psnr(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio in dB of two (H, W[, C]) images in grey levels 0-255, over the pixels of the
    bool (H, W) mask and all their channels. Equal images give infinity. Raises ValueError: shapes, empty
    mask."""
    if a.shape != b.shape:
        raise ValueError(f"images of different shapes: {a.shape} and {b.shape}")
    difference = a.astype(np.float64) - b.astype(np.float64)
    if mask is not None:
        difference = difference[mask]
    if not difference.size:
        raise ValueError("no pixels to compare: the mask is empty")
    error = float(np.mean(np.square(difference)))
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))


def scored_pixels(field: FieldOfView, shape: tuple[int, ...], scale: int) -> np.ndarray:
    """The pixels that scores count, bool (H, W): the field of view less ``scale`` pixels along its rim, and
    no pixel within ``scale`` of the frame. Over the whole frame the rim against the black surround rules
    PSNR."""
    mask = field.mask(shape, erode=scale)
    inner = np.zeros_like(mask)
    inner[scale:-scale, scale:-scale] = True
    return mask & inner
