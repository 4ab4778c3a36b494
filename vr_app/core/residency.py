"""Which tiles lie in which layer of the texture array. Bookkeeping only; `vr_app.gl.tiles` holds the pixels."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from sr_core.image.geometry import TileKey


@dataclass(frozen=True)
class Slot:
    """A resident tile's layer, and when it arrived (seconds on the frame clock)."""

    layer: int
    since: float


class Residency:
    """Least recently drawn tiles make room. Not thread-safe: for the thread that draws."""

    def __init__(self, layers: int) -> None:
        self._free = list(range(layers - 1, -1, -1))
        self._slots: OrderedDict[TileKey, Slot] = OrderedDict()
        self._drawn: dict[TileKey, int] = {}
        self._failed: dict[TileKey, str] = {}
        self._frame = 0

    def __len__(self) -> int:
        return len(self._slots)

    def begin_frame(self) -> None:
        """Tiles drawn from now on are not evicted before the next call."""
        self._frame += 1

    def find(self, key: TileKey) -> Slot | None:
        """The tile's slot if it is resident; marks it as drawn in this frame."""
        slot = self._slots.get(key)
        if slot is not None:
            self._slots.move_to_end(key)
            self._drawn[key] = self._frame
        return slot

    def has(self, key: TileKey) -> bool:
        """Whether the tile is resident; does not count as drawing it."""
        return key in self._slots

    def reserve(self, key: TileKey, now: float) -> int | None:
        """A layer for a new tile's pixels, at the cost of the least recently drawn one.

        None where every layer holds a tile that came or was drawn in this or the last frame.
        """
        if key in self._slots:
            return self._slots[key].layer
        if self._free:
            layer = self._free.pop()
        else:
            oldest, slot = next(iter(self._slots.items()))
            if self._drawn.get(oldest, -1) >= self._frame - 1:
                return None
            del self._slots[oldest]
            self._drawn.pop(oldest, None)
            layer = slot.layer
        self._slots[key] = Slot(layer, now)
        self._drawn[key] = self._frame  # else the next arrival of this frame could take its place before it is seen
        self._failed.pop(key, None)
        return layer

    def fail(self, key: TileKey, reason: str) -> None:
        """The tile cannot be computed: it is shown as not available and not wished for again."""
        self._failed[key] = reason

    def failure(self, key: TileKey) -> str | None:
        """Why the tile is not available, or None."""
        return self._failed.get(key)
