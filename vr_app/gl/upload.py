"""From pixels to texture slots, a little in every frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from sr_core.image.geometry import TileKey
from vr_app.core.residency import Residency
from vr_app.gl.tiles import TileArray

ReadyTile = tuple[TileKey, np.ndarray]


@dataclass(frozen=True)
class UploadReport:
    """What one frame copied: how many tiles, their bytes, and the seconds that it took."""

    count: int
    bytes: int
    seconds: float


class Uploader:
    """Copies ready tiles until the frame's budget is spent: `budget_bytes`, or `budget_s` seconds.

    At least one tile is copied in each frame that has one, so that a budget too small only slows things down.
    """

    def __init__(self, tiles: TileArray, budget_bytes: int, budget_s: float) -> None:
        self._tiles = tiles
        self._budget_bytes = budget_bytes
        self._budget_s = budget_s

    def upload(self, ready: Iterable[ReadyTile], residency: Residency, now: float) -> UploadReport:
        """Copy tiles in the order given and enter them in `residency` as of `now` (seconds on the frame clock).

        `ready` is taken from only as far as the budget, or a texture array full of tiles being drawn, lets it: it may
        make each tile as it is asked for. What is not copied now comes again in the next frame's.
        """
        started = perf_counter()
        count = copied = 0
        seconds = 0.0
        for key, pixels in ready:
            if count and (copied + pixels.nbytes > self._budget_bytes or seconds >= self._budget_s):
                break
            slot = residency.reserve(key, now)
            if slot is None:
                break
            self._tiles.put(slot, pixels)
            count += 1
            copied += pixels.nbytes
            seconds = perf_counter() - started
        return UploadReport(count, copied, seconds)
