"""The frozen values that cross the tile service's threads: wishes and plans go in, answers and news come out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sr_core.image.departure import Departure
from sr_core.image.facts import PhotographFacts
from sr_core.image.geometry import TileKey
from sr_core.image.jpeg_file import FileFacts

VIEWER = "viewer"
"""The client assumed when none is named."""


TILE_MEMORY = 256_000_000
"""Bytes of computed tiles to keep, about 14,700 tiles; the least recently wanted are dropped first."""


class Priority(IntEnum):
    """How soon a client needs its tiles. The lowest number goes first, but nobody waits forever (see `Schedule`)."""

    WATCHED = 0
    """Somebody is looking at the tile's place."""
    REQUESTED = 1
    """Somebody is waiting for an answer, as a web server's client does."""
    BULK = 2
    """Only throughput matters, as for an export."""


@dataclass(frozen=True, eq=False)
class Source:
    """A photograph to compute from: its index in the session, (H, W, 3) uint8 read-only pixels, the sha256 of its file,
    and the file's facts if it is a JPEG."""

    photograph: int
    pixels: np.ndarray
    sha256: str
    file: FileFacts | None = None


@dataclass(frozen=True)
class Wish:
    """The tiles that a client wants computed, most wanted first, and the photographs to compute them from.

    `ahead`: tiles that it may want next, computed when there is nothing else to do. A newer wish by the same client
    replaces this one. `request_id` grows with every wish by any client.
    """

    tiles: tuple[TileKey, ...]
    sources: tuple[Source, ...]
    ahead: tuple[TileKey, ...] = ()
    request_id: int = 0
    client: str = VIEWER
    priority: Priority = Priority.WATCHED

    def same_as(self, other: Wish | None) -> bool:
        """Whether the other asks for the same tiles of the same photographs at the same priority."""
        return other is not None and self._asks == other._asks

    @property
    def _asks(self) -> tuple:
        photographs = [(source.photograph, source.sha256) for source in self.sources]
        return self.client, self.priority, self.tiles, self.ahead, photographs

    def source(self, photograph: int) -> Source:
        """Return the photograph's source. Raises ValueError if the wish does not carry it."""
        for source in self.sources:
            if source.photograph == photograph:
                return source
        raise ValueError(f"photograph {photograph} was not given with the wish for its tiles")


@dataclass(frozen=True)
class TileReady:
    """A computed tile with its gutter, (TILE + 2, TILE + 2, channels) uint8 read-only, with its layer's channels. For
    super-resolution these are RGB, and in alpha its departure from the photograph, as `in_alpha` encodes it.

    Provenance: the key's layer and level; `weights` and `photograph`, the sha256 of the network's weights and of the
    photograph's file. `departure`: of its pixels; zero for a layer that lies over the picture.
    """

    key: TileKey
    request_id: int
    pixels: np.ndarray
    weights: str
    photograph: str
    departure: Departure


class TileInMemory(NamedTuple):
    """A tile in memory, with its gutter: (TILE + 2, TILE + 2, channels) uint8 read-only. `departure`: of a computed
    tile's pixels; None for a photographed one."""

    key: TileKey
    pixels: np.ndarray
    departure: Departure | None = None


@dataclass(frozen=True)
class TileFailed:
    """A tile that is not available; `reason` says why in one line."""

    key: TileKey
    request_id: int
    reason: str


Answer = TileReady | TileFailed


@dataclass(frozen=True)
class Counts:
    """Tiles since the start: `wished` for (each counted once), and their fate: computed, found on disk (`cached`),
    failed, or cancelled (dropped by a newer wish). `prefetched`, counted apart: ready before anyone wished for them."""

    wished: int = 0
    computed: int = 0
    cached: int = 0
    failed: int = 0
    cancelled: int = 0
    prefetched: int = 0


@dataclass(frozen=True)
class DiskCache:
    """Where computed tiles are kept on disk, and the most bytes that they may take there."""

    folder: Path
    limit: int


@dataclass(frozen=True)
class PhotographOpened:
    """A photograph is ready to be shown. `changed`: it was shown before, and its source has changed since."""

    index: int
    facts: PhotographFacts
    changed: bool = False


@dataclass(frozen=True)
class PhotographLost:
    """A photograph cannot be opened. `known`: it was opened before, and keeps its coarse picture."""

    index: int
    reason: str
    known: bool


@dataclass(frozen=True)
class Notice:
    """A message for the user, in one line."""

    text: str


News = PhotographOpened | PhotographLost | TileReady | TileFailed | Notice


@dataclass(frozen=True)
class Wanted:
    """What a client shows or is about to show: `tiles`, most wanted first, and those of them that it `lacks`. `seen`:
    the photographs in view, which are dropped last."""

    tiles: tuple[TileKey, ...]
    lacking: tuple[TileKey, ...]
    seen: tuple[int, ...] = ()
    client: str = VIEWER
    priority: Priority = Priority.WATCHED


@dataclass(frozen=True)
class Plan:
    """What must be done to get what is wanted, most wanted first.

    `decode`: photographs to open again, for this client or others. `compute`: tiles for a lane to compute, or to read
    if they are on disk. `upload`: tiles in memory, to be taken with `TileService.tiles`. `unavailable`: tiles that will
    not come, each with the reason. `waits`: some tile that the client lacks is not in memory, or will only be cut when
    it is taken.
    """

    wanted: Wanted
    needed: tuple[int, ...]
    decode: tuple[int, ...]
    compute: tuple[TileKey, ...]
    upload: tuple[TileKey, ...]
    unavailable: tuple[tuple[TileKey, str], ...]
    waits: bool
