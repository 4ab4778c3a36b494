"""The decoded photographs, within a limit in bytes.

The fine levels of the photograph looked at longest ago are dropped first, and decoded again when they are needed. The
coarse levels stay as long as they fit, so that no photograph goes blank; after that they are dropped too, except those
of photographs in view. What is needed now is never dropped for something less urgent: photographs that do not fit
together are served one after another, most wanted first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sr_core.image.geometry import TileKey
from sr_core.image.jpeg_file import FileFacts
from sr_core.image.pyramid import Pyramid, cut_tile

PHOTOGRAPH_MEMORY = 2_000_000_000
"""Bytes of decoded photographs to keep: about 31 photographs of 16 megapixels."""

COARSE_EDGE = 512
"""A level with at most this many pixels along its longer side counts as coarse: less than 1 MB per photograph."""


@dataclass
class _Photograph:
    """A photograph that has been decoded. `coarse`: its coarse levels (empty: dropped). `full` and `file`: all levels,
    and the facts of its file (None: dropped). `fine_bytes`: what dropping everything but the coarse levels frees."""

    sha256: str
    coarse: dict[int, np.ndarray]
    full: Pyramid | None
    file: FileFacts | None
    coarse_bytes: int
    fine_bytes: int
    looked_at: int = 0
    lost: str | None = None

    @staticmethod
    def of(pyramid: Pyramid, sha256: str, file: FileFacts | None) -> _Photograph:
        coarse = {-n: pixels for n, pixels in enumerate(pyramid.levels) if max(pixels.shape) <= COARSE_EDGE}
        coarse_bytes = sum(pixels.nbytes for pixels in coarse.values())
        fine_bytes = sum(pixels.nbytes for pixels in pyramid.levels) - coarse_bytes + (file.nbytes if file else 0)
        return _Photograph(sha256, coarse, pyramid, file, coarse_bytes, fine_bytes)


class Photographs:
    """Holds photographs; for one thread at a time. `memory`: the most bytes to keep. A single photograph may exceed it,
    because it is needed."""

    def __init__(self, memory: int = PHOTOGRAPH_MEMORY) -> None:
        self._photographs: dict[int, _Photograph] = {}
        self._memory = memory
        self._needed: tuple[int, ...] = ()
        self._moment = 0

    def add(self, index: int, pyramid: Pyramid, sha256: str = "", file: FileFacts | None = None) -> bool:
        """Add a photograph, decoded for the first time or again. Returns whether it differs from before."""
        before = self._photographs.get(index)
        photograph = self._photographs[index] = _Photograph.of(pyramid, sha256, file)
        if before is not None:
            photograph.looked_at = before.looked_at
        self._make_room()
        return before is not None and before.sha256 != sha256

    def lose(self, index: int, reason: str) -> None:
        """Record that a dropped photograph cannot be decoded again, so its fine tiles are not available."""
        self._photographs[index].lost = reason

    def knows(self, index: int) -> bool:
        """Whether the photograph was ever decoded."""
        return index in self._photographs

    def pixels(self, index: int) -> np.ndarray | None:
        """Return the photograph itself, (H, W, 3) uint8 read-only, or None while it is not in memory."""
        photograph = self._photographs.get(index)
        return None if photograph is None or photograph.full is None else photograph.full.levels[0]

    def coarse(self, index: int) -> np.ndarray | None:
        """Return the largest coarse level, (H, W, 3) uint8 read-only, or None if it is not in memory."""
        photograph = self._photographs.get(index)
        return None if photograph is None or not photograph.coarse else photograph.coarse[max(photograph.coarse)]

    def thumbnail(self, index: int, edge: int) -> np.ndarray | None:
        """Return the largest coarse level of at most `edge` pixels, (H, W, 3) uint8 read-only, or None if there is
        none in memory."""
        photograph = self._photographs.get(index)
        if photograph is None:
            return None
        fitting = [level for level, pixels in photograph.coarse.items() if max(pixels.shape) <= edge]
        return photograph.coarse[max(fitting)] if fitting else None

    def sha256(self, index: int) -> str:
        """Return the sha256 of the file that the photograph was decoded from."""
        return self._photographs[index].sha256

    def has(self, key: TileKey) -> bool:
        """Whether a photographed tile's level is in memory."""
        photograph = self._photographs.get(key.photograph)
        return photograph is not None and (photograph.full is not None or key.level in photograph.coarse)

    def file(self, index: int) -> FileFacts | None:
        """Return the facts of the photograph's file, or None if it is no JPEG or not in memory."""
        return self._photographs[index].file

    def tile(self, key: TileKey) -> np.ndarray | None:
        """Return a photographed tile with its gutter, or None if its level is not in memory."""
        photograph = self._photographs.get(key.photograph)
        if photograph is None:
            return None
        if photograph.full is not None:
            return photograph.full.tile(key)
        level = photograph.coarse.get(key.level)
        return None if level is None else cut_tile(level, (0, 0), key.rect)

    def look(self, indices: Iterable[int]) -> None:
        """Record that these photographs are looked at in this frame."""
        self._moment += 1
        for index in indices:
            if index in self._photographs:
                self._photographs[index].looked_at = self._moment

    def needed(self, lacking: Iterable[TileKey]) -> tuple[int, ...]:
        """Return the photographs that must be whole for these tiles, most wanted first, as many as fit together."""
        needed: list[int] = []
        taken = sum(photograph.coarse_bytes for photograph in self._photographs.values())
        for index in dict.fromkeys(key.photograph for key in lacking if self._needs_fine(key)):
            photograph = self._photographs[index]
            taken += photograph.fine_bytes
            if needed and taken > self._memory:
                break
            if not photograph.lost:
                needed.append(index)
        return tuple(needed)

    def dropped(self, indices: Iterable[int]) -> tuple[int, ...]:
        """Return those of these photographs that are not whole."""
        return tuple(index for index in indices if self._photographs[index].full is None)

    def need(self, needed: tuple[int, ...]) -> None:
        """Keep these photographs until others are needed, and make room now for those that are not whole."""
        self._needed = needed
        dropped = self.dropped(needed)
        if dropped:
            self._make_room(sum(self._photographs[index].fine_bytes for index in dropped))

    def to_decode(self, lacking: Iterable[TileKey]) -> tuple[int, ...]:
        """Return the dropped photographs that must be decoded for these tiles, most wanted first, as many as fit beside
        the needed ones in memory. Makes room for them now."""
        needed = self.needed(lacking)
        self.need(needed)
        return self.dropped(needed)

    def not_available(self, lacking: Iterable[TileKey]) -> list[tuple[TileKey, str]]:
        """Return the tiles that are not available because their photograph is lost, each with the reason."""
        lost = {index: photograph.lost for index, photograph in self._photographs.items() if photograph.lost}
        if not lost:
            return []
        return [(key, lost[key.photograph]) for key in lacking if key.photograph in lost and self._needs_fine(key)]

    @property
    def bytes(self) -> int:
        """Bytes of all decoded photographs in memory."""
        return sum(p.coarse_bytes + (p.fine_bytes if p.full else 0) for p in self._photographs.values())

    @property
    def whole(self) -> int:
        """The number of photographs with all their levels in memory."""
        return sum(photograph.full is not None for photograph in self._photographs.values())

    def _needs_fine(self, key: TileKey) -> bool:
        """Whether the tile comes from a level that may be dropped. False for a photograph never decoded."""
        photograph = self._photographs.get(key.photograph)
        return photograph is not None and photograph.fine_bytes > 0 and key.level not in photograph.coarse

    def _make_room(self, extra: int = 0) -> None:
        """Drop fine levels until `extra` more bytes fit, except those needed now and the last ones in memory.

        Start with the photograph looked at longest ago; among those never looked at, with the session's last. If that
        is not enough, drop coarse levels in the same order.
        """
        over = self._drop_fine(self.bytes + extra - self._memory)
        if over > 0:
            self._drop_coarse(over)

    def _drop_fine(self, over: int) -> int:
        """Drop fine levels; return how many bytes are still over the limit."""
        at_hand = [index for index, held in self._photographs.items() if held.full and held.fine_bytes]
        at_hand.sort(key=lambda index: (self._photographs[index].looked_at, -index))
        for index in at_hand if self._needed else at_hand[:-1]:
            if over <= 0:
                break
            if index not in self._needed:
                self._photographs[index].full = self._photographs[index].file = None
                over -= self._photographs[index].fine_bytes
        return over

    def _drop_coarse(self, over: int) -> None:
        """Drop coarse levels. A small photograph has no others, so it goes entirely."""
        held = [i for i, one in self._photographs.items() if one.coarse and not one.lost and i not in self._needed]
        held = [index for index in held if not (self._photographs[index].full and self._photographs[index].fine_bytes)]
        held = [index for index in held if self._photographs[index].looked_at < self._moment]
        held.sort(key=lambda index: (self._photographs[index].looked_at, -index))
        for index in held:
            if over <= 0:
                return
            photograph = self._photographs[index]
            over -= photograph.coarse_bytes
            photograph.fine_bytes += photograph.coarse_bytes
            photograph.coarse, photograph.coarse_bytes, photograph.full, photograph.file = {}, 0, None, None
