"""The tiles' pixels: slots in one preallocated texture array. `vr_app.core.tiles.slots` knows which tile lies where."""

from __future__ import annotations

import ctypes

import numpy as np

from sr_core.image.geometry import TILE
from sr_core.image.pyramid import GUTTER
from vr_app.gl import objects
from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL

EDGE = TILE + 2 * GUTTER
"""Texels along a slot's edge."""

TILE_BYTES = 4 * EDGE**2
"""Bytes of a tile on the graphics card, and on its way there."""

ATLAS = 8
"""Slots along a layer's edge: a layer holds ATLAS x ATLAS, because drivers allow too few layers (often 2,048) for each
tile to have its own. Gutters keep bilinear sampling within the slot."""

RING = 3
"""Staging buffers used in turn: while the driver still copies the tiles of earlier frames, the next frame has its
own."""


class TileArray:
    """`slots` places for tiles of EDGE x EDGE texels, sRGB, filtered bilinearly in linear light; alpha tells how far
    a synthesised pixel departs from the photograph (`sr_core.image.departure.in_alpha`), or how opaque it is.

    Slot n lies in layer n // ATLAS**2, there in column n % ATLAS and row n // ATLAS % ATLAS, as `surface.frag` knows.
    There may be fewer than asked for, where the driver has a limit: read `slots`. A slot takes 17 kB.

    Pixels go through a ring of staging buffers, each for `staged` tiles: `stage` a few, then `flush`. Measured with
    llvmpipe, a tile takes 8 us so, the same as from persistently mapped buffers (which need OpenGL 4.4) and as from
    plain memory; those would make a graphics card's driver wait or copy once more.
    """

    def __init__(self, slots: int, staged: int = 256) -> None:
        layers = min(-(-slots // ATLAS**2), int(GL.glGetIntegerv(GL.GL_MAX_ARRAY_TEXTURE_LAYERS)))
        self.slots = min(slots, layers * ATLAS**2)
        self.staged = staged
        self.texture = objects.texture()
        GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, self.texture)
        GL.glTexImage3D(
            GL.GL_TEXTURE_2D_ARRAY, 0, GL.GL_SRGB8_ALPHA8, ATLAS * EDGE, ATLAS * EDGE, layers, 0,
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
            GL.glBufferData(GL.GL_PIXEL_UNPACK_BUFFER, staged * TILE_BYTES, ctypes.c_void_p(None), GL.GL_STREAM_DRAW)
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
        """Take a tile with its gutter for a slot: uint8, C-contiguous, first row on top, (EDGE, EDGE, 4), or
        (EDGE, EDGE, 3), whose alpha is 0, or (EDGE, EDGE, 1), the alpha of `colour`. It is not seen before `flush`."""
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
                GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, n * TILE_BYTES,
            )  # fmt: skip
        CALLS.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, 0)
        self._waiting.clear()

    def put(self, slot: int, pixels: np.ndarray) -> None:
        """Fill a slot at once."""
        self.stage(slot, pixels)
        self.flush()

    def _map(self) -> np.ndarray:
        """The next staging buffer's memory, (staged, EDGE, EDGE, 4) uint8 to write to; the buffer is bound."""
        self._turn = (self._turn + 1) % RING
        CALLS.glBindBuffer(GL.GL_PIXEL_UNPACK_BUFFER, self._ring[self._turn])
        # Its content is no longer needed: a driver that still reads it hands out other memory instead of waiting.
        access = GL.GL_MAP_WRITE_BIT | GL.GL_MAP_INVALIDATE_BUFFER_BIT
        size = self.staged * TILE_BYTES
        address = ctypes.cast(GL.glMapBufferRange(GL.GL_PIXEL_UNPACK_BUFFER, 0, size, access), ctypes.c_void_p).value
        if not address:
            raise RuntimeError("the OpenGL driver has no memory left for copying tiles")
        memory = (ctypes.c_ubyte * size).from_address(address)
        return np.ctypeslib.as_array(memory).reshape(self.staged, EDGE, EDGE, 4)

    def close(self) -> None:
        """Give the texture and the buffers back. May be called twice."""
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
            GL.glDeleteBuffers(RING, self._ring)
            self.texture = 0
