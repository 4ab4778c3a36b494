"""What crosses the threads of the tile service: frozen values, a wish inward and answers outward."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np

from sr_core.image.departure import Departure
from sr_core.image.geometry import TileKey
from sr_core.image.jpeg_file import FileFacts

VIEWER = "viewer"
"""The client that has the service to itself where nobody says otherwise."""


class Priority(IntEnum):
    """How soon a client needs its tiles. The lowest number goes first, but nobody waits for ever (`Schedule`)."""

    WATCHED = 0
    """Somebody looks at the place where the tile belongs."""
    REQUESTED = 1
    """Somebody waits for an answer, as the client of a web server does."""
    BULK = 2
    """Only the rate counts, as for an export."""


@dataclass(frozen=True, eq=False)
class Source:
    """A photograph, by its index in the session: (H, W, 3) uint8 read-only pixels, the sha256 of its file, and what is
    known of the file, where it is a JPEG."""

    photograph: int
    pixels: np.ndarray
    sha256: str
    file: FileFacts | None = None


@dataclass(frozen=True)
class Wish:
    """Tiles that a client wants computed, most wanted first, and the photographs that they are computed from.

    `ahead`: tiles that it may wish for next, computed when there is nothing else to do. A newer wish of the same client
    replaces this one. `request_id` grows with every wish of any client.
    """

    tiles: tuple[TileKey, ...]
    sources: tuple[Source, ...]
    ahead: tuple[TileKey, ...] = ()
    request_id: int = 0
    client: str = VIEWER
    priority: Priority = Priority.WATCHED

    def same_as(self, other: Wish | None) -> bool:
        """Whether the other asks for the same tiles of the same photographs, as urgently."""
        return other is not None and self._asks == other._asks

    @property
    def _asks(self) -> tuple:
        photographs = [(source.photograph, source.sha256) for source in self.sources]
        return self.client, self.priority, self.tiles, self.ahead, photographs

    def source(self, photograph: int) -> Source:
        """The photograph. Raises ValueError where the wish does not carry it."""
        for source in self.sources:
            if source.photograph == photograph:
                return source
        raise ValueError(f"photograph {photograph} was not given with the wish for its tiles")


@dataclass(frozen=True)
class TileReady:
    """A computed tile with its gutter, (TILE + 2, TILE + 2, channels) uint8 read-only, as its layer has it: of the
    super-resolution RGB, and in alpha how far it departs from the photograph, as of `in_alpha`.

    Provenance: the key's layer and level; `weights` and `photograph`, the sha256 of the network's weights and of the
    photograph's file. `departure`: of its pixels; nothing of what lies over the picture.
    """

    key: TileKey
    request_id: int
    pixels: np.ndarray
    weights: str
    photograph: str
    departure: Departure


@dataclass(frozen=True)
class TileFailed:
    """A tile that cannot be had, and why, in one line."""

    key: TileKey
    request_id: int
    reason: str


Answer = TileReady | TileFailed


@dataclass(frozen=True)
class Counts:
    """Tiles since the start: wished for (each once), and what became of them: computed, found on disk (`cached`),
    failed, or cancelled (dropped by a newer wish). Apart from these `prefetched`: had before they were wished for."""

    wished: int = 0
    computed: int = 0
    cached: int = 0
    failed: int = 0
    cancelled: int = 0
    prefetched: int = 0


@dataclass(frozen=True)
class DiskCache:
    """Where computed tiles are kept, and the bytes on disk that they may take."""

    folder: Path
    limit: int
