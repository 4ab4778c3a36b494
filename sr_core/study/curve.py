"""The picture of a training's course: loss and validation gain over the iterations."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

_SIZE, _MARGIN, _INK = (900, 640), 60, (40, 40, 40)


def curve_picture(entries: Sequence[dict]) -> np.ndarray:
    """uint8 (640, 900, 3): above the loss (logarithm, grey levels), below the gain over bicubic (dB)."""
    image = Image.new("RGB", _SIZE, "white")
    draw = ImageDraw.Draw(image)
    half = _SIZE[1] // 2
    steps = [entry["step"] for entry in entries]
    _panel(draw, 0, half, steps, [entry["loss"] for entry in entries], "L1 loss, grey levels")
    _panel(draw, half, half, steps, [entry["gain_db"] for entry in entries], "validation gain over bicubic, dB")
    return np.array(image)


def _panel(draw: ImageDraw.ImageDraw, top: int, height: int, x: list, y: list, title: str) -> None:
    left, right = _MARGIN, _SIZE[0] - 20
    upper, lower = top + 30, top + height - 30
    draw.text((left, top + 10), title, fill=_INK)
    draw.rectangle((left, upper, right, lower), outline=_INK)
    if not x:
        return
    low, high = min(y), max(y)
    span = (high - low) or 1.0
    points = [
        (left + (right - left) * a / max(x), lower - (lower - upper) * (b - low) / span)
        for a, b in zip(x, y, strict=True)
    ]
    draw.text((5, upper - 5), f"{high:.3f}", fill=_INK)
    draw.text((5, lower - 10), f"{low:.3f}", fill=_INK)
    draw.text((right - 60, lower + 5), f"{max(x)}", fill=_INK)
    draw.line(points, fill=(200, 60, 40), width=2)
