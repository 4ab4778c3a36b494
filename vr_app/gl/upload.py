"""From pixels to texture slots, a little in every frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from time import perf_counter, thread_time

import numpy as np

from sr_core.image import layers
from sr_core.image.geometry import TileKey
from vr_app.core.tiles.slots import Residency
from vr_app.gl.tiles import TILE_BYTES, TileArray

ReadyTile = tuple[TileKey, np.ndarray]

FIRST_TILE_SECONDS = 1e-4
"""Seconds that a tile is expected to take before any has been measured."""

MANY = 8
"""From this many tiles on, a frame's time per tile predicts that of other frames. With fewer it is mostly the cost of
the frame itself: the staging buffer is mapped and unmapped once, which takes as long as ten tiles."""

PLANNED = 0.75
"""The largest share of the budgeted seconds that tiles are planned to take, because some take longer than expected."""

REMEMBERED = 5
"""The next frame is planned with the median time per tile of this many frames, so that a single slow one counts
little."""


@dataclass(frozen=True)
class UploadReport:
    """What one frame copied: how many tiles, their bytes, and the seconds that it took.

    `work_seconds`: of these, what this thread worked. `over_budget`: it copied more bytes than its budget, or worked
    longer. The processor's time taken by other threads meanwhile is in `seconds`, and is not the upload's.
    """

    count: int = 0
    bytes: int = 0
    seconds: float = 0.0
    work_seconds: float = 0.0
    over_budget: bool = False


class Uploader:
    """Copies ready tiles as long as the next one is expected to stay within the frame's budget: `budget_bytes`, and
    `budget_s` seconds. What a tile takes is measured in the frames before.

    At least one tile is copied in each frame that has one, so that a budget too small only slows things down; only then
    is it exceeded. A budget of bytes is no more than `tiles` can stage.
    """

    def __init__(self, tiles: TileArray, budget_bytes: int, budget_s: float) -> None:
        self._tiles = tiles
        self._budget_bytes = budget_bytes
        self._budget_s = budget_s
        self._tile_seconds = deque([FIRST_TILE_SECONDS], REMEMBERED)

    def upload(self, ready: Iterable[ReadyTile], residency: Residency, now: float) -> UploadReport:
        """Copy tiles in the order given and enter them in `residency` as of `now` (seconds on the frame clock).

        `ready` is taken from only as far as the budget, or a texture array full of tiles being drawn, lets it: it may
        make each tile as it is asked for, which counts as the upload's time. What is not copied now comes again in the
        next frame's. Raises ValueError for a tile that has not its layer's channels: a computed one without the
        fourth would not tell how far it departs from the photograph.
        """
        began, began_work = perf_counter(), thread_time()
        waiting = iter(ready)
        count = 0
        room = True
        each = median(self._tile_seconds)
        while room:
            tile = next(waiting, None)
            if tile is None:
                break
            key, pixels = tile
            if pixels.shape[2] != (channels := layers.LAYERS[key.layer].channels):
                told = "; a computed one must tell how far it departs from the photograph" if channels == 4 else ""
                raise ValueError(f"{key}: a tile of this layer has {channels} channels, not {pixels.shape[2]}{told}")
            slot = residency.reserve(key, now)
            if slot is None:
                break
            self._tiles.stage(slot, pixels, layers.LAYERS[key.layer].colour)
            count += 1
            room = self._has_room(count, each, perf_counter() - began)
        if not count:
            return UploadReport()
        self._tiles.flush()
        work = thread_time() - began_work
        if count >= MANY or not room:
            self._tile_seconds.append(work / count)
        over = count * TILE_BYTES > self._budget_bytes or work > self._budget_s
        return UploadReport(count, count * TILE_BYTES, perf_counter() - began, work, over)

    def _has_room(self, count: int, each: float, seconds: float) -> bool:
        """Whether one tile more than `count`, which took `seconds` so far, is expected to stay within the budget;
        `each`: what earlier frames' tiles took."""
        expected = (count + 1) * max(seconds / count, each)
        in_time = expected <= PLANNED * self._budget_s
        return in_time and not self._tiles.full and (count + 1) * TILE_BYTES <= self._budget_bytes
