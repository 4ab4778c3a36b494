"""Local contrast: contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994).

The photograph's field of view is divided into REGIONS x REGIONS; each has a monotone curve, the cumulative histogram of
its pixels with no bin counted beyond a limit. A pixel's curve is interpolated between those of the four regions around
it. The curves come from a coarse level of the photograph and hold for every finer level, photographed or computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from vr_app.core.scene.scene import SurfaceItem
from vr_app.core.view.appearance import LUMA, REGIONS, SAMPLES, Channel, Curves

BINS = 256
"""The number of bins of a histogram."""

CLIP = 3.0
"""A bin counts at most this many times the mean count. It limits how much steeper than the photograph a curve can
be."""

LEAST = 0.1
"""The fraction of a region's pixels that must lie within the field of view. A region with fewer uses the whole field's
curve."""

DARK = 12
"""Grey level, of the largest channel, up to which a pixel belongs to the dark background and not to the field of
view."""


def local_curves(pixels: np.ndarray, channel: Channel) -> Curves:
    """Return the curves of a photograph shown in a channel; in colour they are those of its lightness.

    `pixels` (H, W, 3) uint8: a coarse level, at least REGIONS pixels along each edge. A 512 x 512 level takes about 10
    ms.
    """
    grey = shown_grey(pixels, channel)
    height, width = grey.shape
    field = pixels.max(axis=2) > DARK
    rows = np.arange(height) * REGIONS // height
    columns = np.arange(width) * REGIONS // width
    region = rows[:, None] * REGIONS + columns[None, :]
    counted = (region * BINS + grey)[field]
    counts = np.bincount(counted, minlength=REGIONS**2 * BINS).reshape(REGIONS**2, BINS).astype(float)
    whole = counts.sum(axis=0)
    if not whole.any():
        whole[:] = 1.0  # all dark: the curve is straight
    areas = np.bincount(region.ravel(), minlength=REGIONS**2)
    few = counts.sum(axis=1) <= LEAST * areas
    counts[few] = whole
    return Curves(_sampled(_limited(counts)).reshape(REGIONS, REGIONS, SAMPLES))


def shown_grey(pixels: np.ndarray, channel: Channel) -> np.ndarray:
    """Return the values that the curves are made from: (H, W) uint8 of (H, W, 3) uint8 pixels, one channel or the
    lightness."""
    place = {Channel.RED: 0, Channel.RED_FREE: 1, Channel.BLUE: 2}.get(channel)
    if place is not None:
        return pixels[..., place]
    return (pixels.astype(np.float32) @ np.array(LUMA, np.float32) + 0.5).astype(np.uint8)


def _limited(counts: np.ndarray) -> np.ndarray:
    """Return histograms (n, BINS) with the excess over the limit spread evenly over all bins, as fractions that sum to
    1."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    kept = np.minimum(shares, CLIP / BINS)
    return kept + (1 - kept.sum(axis=1, keepdims=True)) / BINS


def _sampled(shares: np.ndarray) -> np.ndarray:
    """Return the cumulative curves (n, SAMPLES) uint16 of histograms (n, BINS)."""
    total = np.concatenate([np.zeros((len(shares), 1)), np.cumsum(shares, axis=1)], axis=1)
    at = np.arange(SAMPLES) * BINS / (SAMPLES - 1)
    low = np.minimum(at.astype(int), BINS - 1)
    part = at - low
    values = total[:, low] * (1 - part) + total[:, low + 1] * part
    return np.round(65535 * np.clip(values, 0, 1)).astype(np.uint16)


class CurveBook:
    """The curves of a session's photographs, each made when it is first asked for: for the thread that draws.

    `coarse` returns a photograph's coarse level, (H, W, 3) uint8, or None if it was never decoded.
    """

    def __init__(self, coarse: Callable[[int], np.ndarray | None]) -> None:
        self._coarse = coarse
        self._made: dict[tuple[int, Channel], Curves] = {}

    def of(self, photograph: int, channel: Channel) -> Curves | None:
        """Return the photograph's curves, the same object until it is forgotten; None if it was never decoded."""
        key = photograph, channel
        if key not in self._made:
            pixels = self._coarse(photograph)
            if pixels is None:
                return None
            self._made[key] = local_curves(pixels, channel)
        return self._made[key]

    def forget(self, photograph: int) -> None:
        """Forget a photograph that has changed."""
        self._made = {key: curves for key, curves in self._made.items() if key[0] != photograph}

    def added_to(self, items: Sequence[SurfaceItem], channel: Channel) -> tuple[SurfaceItem, ...]:
        """Return the items, each with its photograph's curves."""
        return tuple(replace(item, curves=self.of(item.photograph, channel)) for item in items)
