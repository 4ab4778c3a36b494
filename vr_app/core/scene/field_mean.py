"""The mean of a photograph inside its field of view, about which contrast stretches it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from vr_app.core.scene.scene import MID_GREY, Rgb, SurfaceItem
from vr_app.core.view.appearance import Channel
from vr_app.core.view.pair import FieldOfView
from vr_app.core.view.photograph import PhotographRecord

_PLACES = {Channel.RED: 0, Channel.RED_FREE: 1, Channel.BLUE: 2}


def field_means(pixels: np.ndarray, field: FieldOfView) -> Rgb:
    """Return the mean of each channel inside the circle of the field of view, 0 to 1. `pixels` (H, W, 3) uint8: a
    coarse level. If no pixel lies within the circle, all pixels count."""
    height, width = pixels.shape[:2]
    u, v = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    (x, y), (across, down) = field.home, field.reach
    inside = ((u[None, :] - x) / across) ** 2 + ((v[:, None] - y) / down) ** 2 <= 1.0
    red, green, blue = (pixels[inside] if inside.any() else pixels.reshape(-1, 3)).mean(axis=0) / 255.0
    return float(red), float(green), float(blue)


class MeanBook:
    """The means of a session's photographs, each taken when it is first asked for: for the thread that draws.

    `coarse` returns a photograph's coarse level, (H, W, 3) uint8, or None if it was never decoded.
    """

    def __init__(self, coarse: Callable[[int], np.ndarray | None]) -> None:
        self._coarse = coarse
        self._taken: dict[int, Rgb] = {}

    def of(self, photograph: int, field: FieldOfView, channel: Channel) -> Rgb:
        """Return the mean about which each channel of what is shown is stretched."""
        if photograph not in self._taken:
            pixels = self._coarse(photograph)
            if pixels is None:
                return MID_GREY
            self._taken[photograph] = field_means(pixels, field)
        means = self._taken[photograph]
        place = _PLACES.get(channel)
        return means if place is None else (means[place], means[place], means[place])

    def forget(self, photograph: int) -> None:
        """Forget a photograph that has changed."""
        self._taken.pop(photograph, None)

    def added_to(
        self, items: Sequence[SurfaceItem], record_of: Callable[[int], PhotographRecord], channel: Channel
    ) -> tuple[SurfaceItem, ...]:
        """Return the items, each with its photograph's mean."""
        return tuple(
            replace(item, stretched_about=self.of(item.photograph, record_of(item.photograph).field, channel))
            for item in items
        )
