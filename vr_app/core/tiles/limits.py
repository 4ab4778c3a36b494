"""The memory limits of a session in bytes, and their valid ranges."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from sr_core.errors import UserError
from sr_core.tiles.photographs import PHOTOGRAPH_MEMORY
from sr_core.tiles.request import TILE_MEMORY
from vr_app.core.tiles.page_table import ATLAS, SLOT_BYTES

MB = 1_000_000

GPU_MEMORY = 108 * MB
"""Bytes of the texture array: 6,144 tiles."""

GPU_BYTES_PER_PIXEL = 20
"""Bytes of tiles that one view may need at once for each pixel of the eye's picture. The level whose pixels are nearest
in size to the eye's has up to 2.4 times as many, and its tiles cover up to 1.3 times the visible area. The coarser
tiles beneath them add a third: 4.1 texels of 4 bytes, and 6 % for the gutters. The rest is reserve."""

TILE_BYTES_PER_PIXEL = 15
"""The same for computed tiles in memory, which also have four channels, but nothing beneath them."""

LEAST_GPU, LEAST_TILES, LEAST_PHOTOGRAPHS = 24 * MB, 18 * MB, 16 * MB
"""The minimum for any eye's picture: a view of 1280x800 with room to move; a photograph of 4 megapixels."""

PHOTOGRAPH_SHARE = 4
"""By default, decoded photographs take at most one part in this many of the machine's memory."""


@dataclass(frozen=True)
class Limits:
    """Limits in bytes: computed tiles in memory, decoded photographs in memory, tiles on the graphics card."""

    tiles: int = TILE_MEMORY
    photographs: int = PHOTOGRAPH_MEMORY
    gpu: int = GPU_MEMORY

    @property
    def slots(self) -> int:
        """The number of tiles that the graphics card may hold."""
        layer = ATLAS**2  # the texture array has whole layers
        return self.gpu // (layer * SLOT_BYTES) * layer


DEFAULT_LIMITS = Limits()


UNTOLD = 1 << 50
"""The machine's memory assumed if the system does not report it: more bytes than any machine has."""


def machine_memory() -> int | None:
    """Return the machine's memory in bytes, or None if the system does not report it (Windows)."""
    if sys.platform == "win32":
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def choose_limits(
    tiles: int | None, photographs: int | None, gpu: int | None, size: tuple[int, int], machine: int
) -> Limits:
    """Return the limits for the requested MB (None: the default, or more if the picture needs more).

    `size`: the eye's picture in pixels, as far as it is known before a headset reports it. `machine`: bytes of memory.
    Raises UserError for a limit that is below what one view needs, or above the machine's memory.
    """
    pixels = size[0] * size[1]
    least_tiles = max(LEAST_TILES, TILE_BYTES_PER_PIXEL * pixels)
    least_gpu = max(LEAST_GPU, GPU_BYTES_PER_PIXEL * pixels)
    decoded = max(LEAST_PHOTOGRAPHS, min(PHOTOGRAPH_MEMORY, machine // PHOTOGRAPH_SHARE))
    return Limits(
        _checked("--tile-memory", tiles, least_tiles, machine, max(TILE_MEMORY, least_tiles), size),
        _checked("--photograph-memory", photographs, LEAST_PHOTOGRAPHS, machine, decoded, size),
        _checked("--gpu-memory", gpu, least_gpu, machine, max(GPU_MEMORY, least_gpu), size),
    )


def _checked(name: str, given: int | None, least: int, most: int, default: int, size: tuple[int, int]) -> int:
    """Return a limit in bytes; the default if none was requested."""
    if given is None:
        return default
    least_mb, most_mb = -(-least // MB), most // MB
    if given < least_mb:
        raise UserError(
            f"{name} {given}: too small for one view of {size[0]}x{size[1]} pixels; give at least {least_mb} (MB)"
        )
    if given > most_mb:
        raise UserError(f"{name} {given}: more than this machine's memory; give at most {most_mb} (MB)")
    return given * MB
