"""The textures that photographs are drawn from: the tiles' pixels, and page windows, which say which tile shows where.

Tiles lie in slots of one preallocated texture array, where they are copied a little in every frame.
`vr_app.core.tiles.page_table` knows which tile lies where, and which one shows.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from time import perf_counter, thread_time

import numpy as np

from sr_core.image import layers
from sr_core.image.geometry import TILE
from sr_core.image.pyramid import GUTTER
from sr_core.tiles.request import TileInMemory
from vr_app.core.tiles.page_table import ATLAS, EDGE, NO_SLOT, SLOT_BYTES, PageWindow, Residency, computed_levels
from vr_app.gl import objects
from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL

RING = 3
"""Staging buffers used in turn: while the driver still copies the tiles of earlier frames, the next frame has its
own."""

PAGE_WINDOWS = 32
"""Surfaces whose page windows lie beside each other. About a dozen panels fit on the arc around the viewer."""

BITS = {"LAYER": 0, "AROUND": 12, "FAILED": 21, "SYNTHESISED": 22, "FINER": 23, "FADE": 12, "LEVEL": 27}
"""The first bit of each value in a tile's second and fourth number. Both have the LAYER of the texture array, whether
the tile there is SYNTHESISED (its alpha counts), and by how many levels the window is FINER. The second has column 6 of
`PageWindow.entries` from AROUND on, and whether the tile FAILED. The fourth has from FADE on how much of the tile above
shows, in 1/1000, and from LEVEL on the level that shows, plus LEVEL_ZERO."""

LEVEL_ZERO = 16

CORNERS = 64
"""The parts of a texel in which corners are given: a tile that stands in for a much finer one begins between texels."""

_MOST_FINER = 15

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


class TileArray:
    """`slots` places for tiles of EDGE x EDGE texels, sRGB, filtered bilinearly in linear light; alpha holds how far a
    synthesised pixel departs from the photograph (`sr_core.image.departure.in_alpha`), or its opacity.

    Slot n lies in layer n // ATLAS**2, there in column n % ATLAS and row n // ATLAS % ATLAS, as `surface.frag` knows.
    There may be fewer than asked for, where the driver has a limit: read `slots`. A slot takes 17 kB.

    Pixels go through a ring of staging buffers, each for `staged` tiles: `stage` a few, then `flush`. Measured with
    llvmpipe, a tile takes 8 us so, the same as from persistently mapped buffers (which need OpenGL 4.4) and as from
    plain memory; those would make a graphics card's driver wait or copy once more.
    """

    def __init__(self, slots: int, staged: int = 256) -> None:
        depth = min(-(-slots // ATLAS**2), int(GL.glGetIntegerv(GL.GL_MAX_ARRAY_TEXTURE_LAYERS)))
        self.slots = min(slots, depth * ATLAS**2)
        self.staged = staged
        self.texture = objects.texture()
        GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, self.texture)
        GL.glTexImage3D(
            GL.GL_TEXTURE_2D_ARRAY, 0, GL.GL_SRGB8_ALPHA8, ATLAS * EDGE, ATLAS * EDGE, depth, 0,
            GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, ctypes.c_void_p(None),
        )  # fmt: skip
        for name, value in (
            (GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_MAX_LEVEL, 0),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_2D_ARRAY, name, value)
        self._ring = objects.buffers(RING)
        for buffer in self._ring:
            GL.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, buffer)
            GL.glBufferData(GL.GL_PIXEL_UNPACK_BUFFER, staged * SLOT_BYTES, ctypes.c_void_p(None), GL.GL_STREAM_DRAW)
        GL.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, 0)
        self._turn = 0
        self._mapped: np.ndarray | None = None
        self._waiting: list[int] = []
        self._opaque = np.zeros((EDGE, EDGE, 4), np.uint8)
        for _ in range(RING):  # pay here for what only a first copy costs: functions looked up, memory touched
            self.put(0, self._opaque)

    @property
    def full(self) -> bool:
        """Whether no more can be staged before `flush`."""
        return len(self._waiting) == self.staged

    def stage(self, slot: int, pixels: np.ndarray, colour: tuple[int, int, int] = (0, 0, 0)) -> None:
        """Stage a tile with its gutter for a slot: uint8, C-contiguous, first row on top, (EDGE, EDGE, 4), or (EDGE,
        EDGE, 3), whose alpha is 0, or (EDGE, EDGE, 1), the alpha of `colour`. It is not visible before `flush`."""
        if pixels.shape[:2] != (EDGE, EDGE) or pixels.shape[2:] not in ((1,), (3,), (4,)) or pixels.dtype != np.uint8:
            raise ValueError(f"a tile is ({EDGE}, {EDGE}, 1, 3 or 4) uint8, not {pixels.shape} {pixels.dtype}")
        if not pixels.flags.c_contiguous:
            raise ValueError("a tile's pixels are contiguous")
        if not 0 <= slot < self.slots:
            raise ValueError(f"slot {slot} of {self.slots}")
        if self.full:
            raise ValueError(f"{self.staged} tiles are staged: flush first")
        if self._mapped is None:
            self._mapped = self._map()
        if pixels.shape[2] == 3:
            for channel in range(3):  # a tenth of the time that numpy takes for the three at once
                self._opaque[..., channel] = pixels[..., channel]
            pixels = self._opaque
        elif pixels.shape[2] == 1:
            pixels = np.concatenate([np.full((EDGE, EDGE, 3), colour, np.uint8), pixels], axis=2)
        self._mapped[len(self._waiting)] = pixels
        self._waiting.append(slot)

    def flush(self) -> None:
        """Copy what is staged into its slots."""
        if not self._waiting:
            return
        self._mapped = None
        GL.glUnmapBuffer(GL.GL_PIXEL_UNPACK_BUFFER)
        CALLS.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, self.texture)
        CALLS.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)
        for n, slot in enumerate(self._waiting):
            layer, place = divmod(slot, ATLAS**2)
            row, col = divmod(place, ATLAS)
            CALLS.glTexSubImage3D(
                GL.GL_TEXTURE_2D_ARRAY, 0, col * EDGE, row * EDGE, layer, EDGE, EDGE, 1,
                GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, n * SLOT_BYTES,
            )  # fmt: skip
        CALLS.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, 0)
        self._waiting.clear()

    def put(self, slot: int, pixels: np.ndarray) -> None:
        """Fill a slot at once."""
        self.stage(slot, pixels)
        self.flush()

    def _map(self) -> np.ndarray:
        """Return the next staging buffer's memory, (staged, EDGE, EDGE, 4) uint8 to write to; the buffer is bound."""
        self._turn = (self._turn + 1) % RING
        CALLS.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, self._ring[self._turn])
        # Its content is no longer needed: a driver that still reads it hands out other memory instead of waiting.
        access = GL.GL_MAP_WRITE_BIT | GL.GL_MAP_INVALIDATE_BUFFER_BIT
        size = self.staged * SLOT_BYTES
        address = ctypes.cast(GL.glMapBufferRange(GL.GL_PIXEL_UNPACK_BUFFER, 0, size, access), ctypes.c_void_p).value
        if not address:
            raise RuntimeError("the OpenGL driver has no memory left for copying tiles")
        memory = (ctypes.c_ubyte * size).from_address(address)
        return np.ctypeslib.as_array(memory).reshape(self.staged, EDGE, EDGE, 4)

    def close(self) -> None:
        """Delete the texture and the buffers. May be called twice."""
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
            GL.glDeleteBuffers(RING, self._ring)
            self.texture = 0


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

    def upload(self, ready: Iterable[TileInMemory], residency: Residency, now: float) -> UploadReport:
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
            key, pixels, departure = tile
            if pixels.shape[2] != (channels := layers.LAYERS[key.layer].channels):
                told = "; a computed one must tell how far it departs from the photograph" if channels == 4 else ""
                raise ValueError(f"{key}: a tile of this layer has {channels} channels, not {pixels.shape[2]}{told}")
            slot = residency.reserve(key, now, departure)
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
        over = count * SLOT_BYTES > self._budget_bytes or work > self._budget_s
        return UploadReport(count, count * SLOT_BYTES, perf_counter() - began, work, over)

    def _has_room(self, count: int, each: float, seconds: float) -> bool:
        """Whether one tile more than `count`, which took `seconds` so far, is expected to stay within the budget;
        `each`: what earlier frames' tiles took."""
        expected = (count + 1) * max(seconds / count, each)
        in_time = expected <= PLANNED * self._budget_s
        return in_time and not self._tiles.full and (count + 1) * SLOT_BYTES <= self._budget_bytes


class PageTextures:
    """Page windows as layers of a texture: an RGBA32UI texel per tile, each window in its layer's first corner."""

    def __init__(self) -> None:
        self.texture = objects.texture()
        self._shown: list[PageWindow | None] = [None] * PAGE_WINDOWS
        GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, self.texture)
        for name in (GL.GL_TEXTURE_MIN_FILTER, GL.GL_TEXTURE_MAG_FILTER):
            GL.glTexParameteri(GL.GL_TEXTURE_2D_ARRAY, name, GL.GL_NEAREST)
        GL.glTexParameteri(GL.GL_TEXTURE_2D_ARRAY, GL.GL_TEXTURE_MAX_LEVEL, 0)
        self._any_failed = [False] * PAGE_WINDOWS
        self._cols = self._rows = 0
        self._grow(64, 64)

    def show(self, windows: list[PageWindow]) -> None:
        """Put 1 to PAGE_WINDOWS windows into the layers from the first on. The texture is bound."""
        cols, rows = max(window.cols for window in windows), max(window.rows for window in windows)
        if cols > self._cols or rows > self._rows:
            self._grow(cols, rows)
        CALLS.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)
        for layer, window in enumerate(windows):
            self._fill(layer, window)

    def failed(self, layer: int) -> bool:
        """Whether a window that is shown has a tile that failed."""
        return self._any_failed[layer]

    def _fill(self, layer: int, window: PageWindow) -> None:
        # The second eye draws the same window, and mostly nothing changes from one frame to the next.
        shown = self._shown[layer]
        if window is shown or (shown is not None and _alike(window, shown)):
            return
        self._shown[layer] = window
        self._any_failed[layer] = bool(window.entries[..., 5].any())
        if window.entries.size:
            data = texels(window)
            CALLS.glTexSubImage3D(
                GL.GL_TEXTURE_2D_ARRAY, 0, 0, 0, layer, window.cols, window.rows, 1,
                GL.GL_RGBA_INTEGER, GL.GL_UNSIGNED_INT, data.ctypes.data,
            )  # fmt: skip

    def _grow(self, cols: int, rows: int) -> None:
        """Make the layers larger, and empty. Only pictures of over 2,500 pixels need more than the first size."""
        self._cols = max(self._cols, 1 << (cols - 1).bit_length())
        self._rows = max(self._rows, 1 << (rows - 1).bit_length())
        self._shown = [None] * PAGE_WINDOWS
        GL.glTexImage3D(
            GL.GL_TEXTURE_2D_ARRAY, 0, GL.GL_RGBA32UI, self._cols, self._rows, PAGE_WINDOWS, 0,
            GL.GL_RGBA_INTEGER, GL.GL_UNSIGNED_INT, ctypes.c_void_p(None),
        )  # fmt: skip

    def close(self) -> None:
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
            self.texture = 0


def _alike(one: PageWindow, other: PageWindow) -> bool:
    places = [(window.level, window.col, window.row, window.base, window.over) for window in (one, other)]
    return places[0] == places[1] and np.array_equal(one.entries, other.entries)


# In the shader's form: computed here once per tile, so that the shader need not do it for every pixel.


def texels(window: PageWindow) -> np.ndarray:
    """Return the shader's data for each tile: (rows, columns, 4) uint32.

    The first two numbers describe the tile below, the last two the one that fades in above it. The first of each pair
    is the tile's first corner in its layer: x + 65536 y, in 1/CORNERS texels. If a coarser tile stands in, it is the
    corner of the part that does. The second holds bits: see BITS.
    """
    entries = window.entries.astype(np.int64)
    slot, level, over, over_level, fade, failed, around, _ = np.moveaxis(entries, -1, 0)
    shown = np.where(over != NO_SLOT, over_level, np.where(slot != NO_SLOT, level, window.base[1]))
    hidden = (over != NO_SLOT) & (fade >= 1000)
    slot, level = np.where(hidden, over, slot), np.where(hidden, over_level, level)
    nothing = slot == NO_SLOT
    slot, level = np.where(nothing, window.base[0], slot), np.where(nothing, window.base[1], level)
    below, above = (~nothing, True) if window.over else map(computed_levels, (level, over_level))
    fade = np.where(hidden | (over == NO_SLOT), 0, fade)
    row, col = np.indices(slot.shape) + np.array([window.row, window.col])[:, None, None]
    found = np.zeros((*slot.shape, 4), np.int64)
    found[..., 0], found[..., 1] = _place(window, slot, level, below, col, row)
    found[..., 1] += (around << BITS["AROUND"]) + ((failed != 0) << BITS["FAILED"])
    if fade.any():
        found[..., 2], found[..., 3] = _place(window, np.maximum(over, 0), over_level, above, col, row)
    found[..., 3] += (fade << BITS["FADE"]) + (shown + LEVEL_ZERO << BITS["LEVEL"])
    return found.astype(np.uint32)


def outside(window: PageWindow) -> tuple[int, int, int, int]:
    """Return the same for tiles outside the window, where the coarsest tile shows, as if the window's first tile were
    one of them. For another tile, the corner moves by as many of its edges as that tile is away."""
    slot, level = np.array([window.base]).T
    (corner,), (bits,) = _place(window, slot, level, False, np.zeros(1, int), np.zeros(1, int))
    edge = TILE * CORNERS >> (int(bits) >> BITS["FINER"] & _MOST_FINER)
    corner += edge * (window.col + 65536 * window.row)
    return int(corner), int(bits), 0, window.base[1] + LEVEL_ZERO << BITS["LEVEL"]


def _place(
    window: PageWindow,
    slot: np.ndarray,
    level: np.ndarray,
    computed: np.ndarray | bool,
    col: np.ndarray,
    row: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first corners of tiles (col, row) of the window's level within tiles of `level`, and the bits of their
    layers. `computed`: whether those are. All arrays have one shape."""
    finer = np.clip(window.level - level, 0, _MOST_FINER)
    place = slot % ATLAS**2
    parts = ((at & (1 << finer) - 1) * TILE * CORNERS >> finer for at in (col, row))
    x, y = (
        (at * EDGE + GUTTER) * CORNERS + part for at, part in zip((place % ATLAS, place // ATLAS), parts, strict=True)
    )
    return x + (y << 16), slot // ATLAS**2 + (np.asarray(computed, np.int64) << BITS["SYNTHESISED"]) + (
        finer << BITS["FINER"]
    )
