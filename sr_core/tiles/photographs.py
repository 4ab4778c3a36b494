"""The decoded photographs, within a limit in bytes.

The full levels of the photograph looked at longest ago make room first, and are decoded again when they are needed.
The coarse ones stay as long as they fit, so that none is blank; then those make room too, but for photographs looked at
now. What is needed now is never dropped for what is needed less: photographs that do not fit together are looked after
one after another, in the order wanted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sr_core.image.geometry import TileKey
from sr_core.image.jpeg_file import FileFacts
from sr_core.image.pyramid import Pyramid, cut_tile

PHOTOGRAPH_MEMORY = 2_000_000_000
"""Bytes of decoded photographs kept: some 31 of 16 megapixels."""

COARSE_EDGE = 512
"""Pixels along the longer side of the largest level that stays longest: less than 1 MB a photograph."""


@dataclass
class _Photograph:
    """One that was decoded: its `coarse` levels (none: dropped), and all of them with what is known of its file (None:
    dropped). `fine_bytes`: what a drop of the others than the coarse ones frees."""

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
    """For one thread at a time. `memory`: bytes of decoded photographs. A single one may exceed it: it is needed."""

    def __init__(self, memory: int = PHOTOGRAPH_MEMORY) -> None:
        self._photographs: dict[int, _Photograph] = {}
        self._memory = memory
        self._needed: tuple[int, ...] = ()
        self._moment = 0

    def add(self, index: int, pyramid: Pyramid, sha256: str = "", file: FileFacts | None = None) -> bool:
        """A photograph, decoded for the first time or again. Returns whether it is not the same as before."""
        before = self._photographs.get(index)
        photograph = self._photographs[index] = _Photograph.of(pyramid, sha256, file)
        if before is not None:
            photograph.looked_at = before.looked_at
        self._make_room()
        return before is not None and before.sha256 != sha256

    def lose(self, index: int, reason: str) -> None:
        """A dropped photograph cannot be decoded again: its fine tiles are not available."""
        self._photographs[index].lost = reason

    def knows(self, index: int) -> bool:
        """Whether the photograph was ever decoded."""
        return index in self._photographs

    def pixels(self, index: int) -> np.ndarray | None:
        """The photograph itself, (H, W, 3) uint8 read-only; None while it is not at hand."""
        photograph = self._photographs.get(index)
        return None if photograph is None or photograph.full is None else photograph.full.levels[0]

    def coarse(self, index: int) -> np.ndarray | None:
        """The largest level that stays longest, (H, W, 3) uint8 read-only; None where it is not at hand."""
        photograph = self._photographs.get(index)
        return None if photograph is None or not photograph.coarse else photograph.coarse[max(photograph.coarse)]

    def thumbnail(self, index: int, edge: int) -> np.ndarray | None:
        """The largest level of at most `edge` pixels, (H, W, 3) uint8 read-only; None where it is not at hand."""
        photograph = self._photographs.get(index)
        if photograph is None:
            return None
        fitting = [level for level, pixels in photograph.coarse.items() if max(pixels.shape) <= edge]
        return photograph.coarse[max(fitting)] if fitting else None

    def sha256(self, index: int) -> str:
        """The sha256 of the file that the photograph was decoded from."""
        return self._photographs[index].sha256

    def has(self, key: TileKey) -> bool:
        """Whether a photographed tile's level is at hand."""
        photograph = self._photographs.get(key.photograph)
        return photograph is not None and (photograph.full is not None or key.level in photograph.coarse)

    def file(self, index: int) -> FileFacts | None:
        """What is known of the file that the photograph was decoded from, where it is a JPEG and at hand."""
        return self._photographs[index].file

    def tile(self, key: TileKey) -> np.ndarray | None:
        """A photographed tile with its gutter, if its level is at hand."""
        photograph = self._photographs.get(key.photograph)
        if photograph is None:
            return None
        if photograph.full is not None:
            return photograph.full.tile(key)
        level = photograph.coarse.get(key.level)
        return None if level is None else cut_tile(level, (0, 0), key.rect)

    def look(self, indices: Iterable[int]) -> None:
        """These photographs are looked at in this frame."""
        self._moment += 1
        for index in indices:
            if index in self._photographs:
                self._photographs[index].looked_at = self._moment

    def needed(self, lacking: Iterable[TileKey]) -> tuple[int, ...]:
        """Photographs that must be whole for these tiles, most wanted first, as many as fit beside each other."""
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
        """Those of these photographs that are not whole."""
        return tuple(index for index in indices if self._photographs[index].full is None)

    def need(self, needed: tuple[int, ...]) -> None:
        """These are not dropped until others are needed. Room for those that are not whole is made now."""
        self._needed = needed
        dropped = self.dropped(needed)
        if dropped:
            self._make_room(sum(self._photographs[index].fine_bytes for index in dropped))

    def to_decode(self, lacking: Iterable[TileKey]) -> tuple[int, ...]:
        """Dropped photographs that must be decoded for these tiles, most wanted first, as many as fit beside those at
        hand that are needed too. Room for them is made now."""
        needed = self.needed(lacking)
        self.need(needed)
        return self.dropped(needed)

    def not_available(self, lacking: Iterable[TileKey]) -> list[tuple[TileKey, str]]:
        """Those of the tiles that cannot be had because their photograph is lost, and why."""
        lost = {index: photograph.lost for index, photograph in self._photographs.items() if photograph.lost}
        if not lost:
            return []
        return [(key, lost[key.photograph]) for key in lacking if key.photograph in lost and self._needs_fine(key)]

    @property
    def bytes(self) -> int:
        """What is at hand."""
        return sum(p.coarse_bytes + (p.fine_bytes if p.full else 0) for p in self._photographs.values())

    @property
    def whole(self) -> int:
        """Photographs with all their levels at hand."""
        return sum(photograph.full is not None for photograph in self._photographs.values())

    def _needs_fine(self, key: TileKey) -> bool:
        """Whether the tile can only be had from levels that may be dropped. False of a photograph never decoded."""
        photograph = self._photographs.get(key.photograph)
        return photograph is not None and photograph.fine_bytes > 0 and key.level not in photograph.coarse

    def _make_room(self, extra: int = 0) -> None:
        """Drop fine levels until `extra` more bytes fit, but for those needed now: first of what was looked at longest
        ago; of photographs never looked at, first the last of the session. Never the only one at hand. Where that is
        not enough, drop coarse levels likewise."""
        over = self._drop_fine(self.bytes + extra - self._memory)
        if over > 0:
            self._drop_coarse(over)

    def _drop_fine(self, over: int) -> int:
        """Bytes that are still too many."""
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
        """A small photograph has no others: all of it goes."""
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
