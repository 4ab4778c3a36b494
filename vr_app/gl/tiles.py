"""The tiles' pixels: slots in one preallocated texture array. `vr_app.core.residency` knows which tile lies where."""

from __future__ import annotations

import ctypes

import numpy as np

from sr_core.image.geometry import TILE
from sr_core.image.pyramid import GUTTER
from vr_app.gl.context import GL

EDGE = TILE + 2 * GUTTER
"""Texels along a slot's edge."""

ATLAS = 8
"""Slots along a layer's edge: a layer holds ATLAS x ATLAS, because drivers allow too few layers (often 2,048) for each
tile to have its own. Gutters keep bilinear sampling within the slot."""


class TileArray:
    """`slots` places for tiles of EDGE x EDGE texels, sRGB, filtered bilinearly in linear light.

    Slot n lies in layer n // ATLAS**2, there in column n % ATLAS and row n // ATLAS % ATLAS, as `surface.frag` knows.
    There may be fewer than asked for, where the driver has a limit: read `slots`. A slot takes 17 kB.
    """

    def __init__(self, slots: int) -> None:
        # The plain function: PyOpenGL's own looks at each argument, which takes as long as copying a tile.
        from OpenGL.raw.GL.VERSION.GL_1_2 import glTexSubImage3D

        self._copy = glTexSubImage3D
        layers = min(-(-slots // ATLAS**2), int(GL.glGetIntegerv(GL.GL_MAX_ARRAY_TEXTURE_LAYERS)))
        self.slots = min(slots, layers * ATLAS**2)
        self.texture = int(GL.glGenTextures(1))
        GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, self.texture)
        GL.glTexImage3D(
            GL.GL_TEXTURE_2D_ARRAY, 0, GL.GL_SRGB8_ALPHA8, ATLAS * EDGE, ATLAS * EDGE, layers, 0,
            GL.GL_RGB, GL.GL_UNSIGNED_BYTE, ctypes.c_void_p(None),
        )  # fmt: skip
        for name, value in (
            (GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_MAX_LEVEL, 0),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_2D_ARRAY, name, value)

    def put(self, slot: int, pixels: np.ndarray) -> None:
        """Fill a slot with a tile and its gutter: (EDGE, EDGE, 3) uint8, C-contiguous, first row on top."""
        if pixels.shape != (EDGE, EDGE, 3) or pixels.dtype != np.uint8 or not pixels.flags.c_contiguous:
            raise ValueError(f"a tile is ({EDGE}, {EDGE}, 3) contiguous uint8, not {pixels.shape} {pixels.dtype}")
        if not 0 <= slot < self.slots:
            raise ValueError(f"slot {slot} of {self.slots}")
        layer, place = divmod(slot, ATLAS**2)
        row, col = divmod(place, ATLAS)
        GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, self.texture)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)  # rows of 198 bytes
        self._copy(
            GL.GL_TEXTURE_2D_ARRAY, 0, col * EDGE, row * EDGE, layer, EDGE, EDGE, 1,
            GL.GL_RGB, GL.GL_UNSIGNED_BYTE, ctypes.c_void_p(pixels.ctypes.data),
        )  # fmt: skip

    def close(self) -> None:
        """Give the texture back. May be called twice."""
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
            self.texture = 0
