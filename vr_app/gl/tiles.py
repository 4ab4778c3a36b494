"""The tiles' pixels: one preallocated texture array. Which tile lies where is `vr_app.core.residency`'s business."""

from __future__ import annotations

import ctypes

import numpy as np

from sr_core.image.geometry import TILE
from sr_core.image.pyramid import GUTTER
from vr_app.gl.context import GL

EDGE = TILE + 2 * GUTTER
"""Texels along a layer's edge."""


class TileArray:
    """`layers` textures of EDGE x EDGE texels, sRGB, filtered bilinearly in linear light.

    There may be fewer layers than asked for, where the driver has a limit: read `layers`. One layer takes 68 kB.
    """

    def __init__(self, layers: int) -> None:
        self.layers = min(layers, int(GL.glGetIntegerv(GL.GL_MAX_ARRAY_TEXTURE_LAYERS)))
        self.texture = int(GL.glGenTextures(1))
        GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, self.texture)
        GL.glTexImage3D(
            GL.GL_TEXTURE_2D_ARRAY, 0, GL.GL_SRGB8_ALPHA8, EDGE, EDGE, self.layers, 0,
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

    def put(self, layer: int, pixels: np.ndarray) -> None:
        """Replace a layer by a tile with its gutter: (EDGE, EDGE, 3) uint8, C-contiguous, first row on top."""
        if pixels.shape != (EDGE, EDGE, 3) or pixels.dtype != np.uint8 or not pixels.flags.c_contiguous:
            raise ValueError(f"a tile is ({EDGE}, {EDGE}, 3) contiguous uint8, not {pixels.shape} {pixels.dtype}")
        if not 0 <= layer < self.layers:
            raise ValueError(f"layer {layer} of {self.layers}")
        GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, self.texture)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)  # rows of 390 bytes
        # The address, not the array: PyOpenGL's accelerated handler refuses read-only arrays, and tiles are read-only.
        GL.glTexSubImage3D(
            GL.GL_TEXTURE_2D_ARRAY, 0, 0, 0, layer, EDGE, EDGE, 1,
            GL.GL_RGB, GL.GL_UNSIGNED_BYTE, ctypes.c_void_p(pixels.ctypes.data),
        )  # fmt: skip

    def close(self) -> None:
        """Give the texture back. May be called twice."""
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
            self.texture = 0
