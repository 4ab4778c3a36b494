"""Colours in the form that the shaders take."""

from __future__ import annotations

from functools import lru_cache

Rgba = tuple[float, float, float, float]


@lru_cache(maxsize=64)
def linear(colour: Rgba) -> Rgba:
    """Convert an sRGB colour with straight alpha, 0 to 1, to linear light (IEC 61966-2-1); alpha is unchanged."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3])
    return red, green, blue, colour[3]
