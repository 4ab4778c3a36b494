"""The curves of local contrast on the graphics card."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np

from vr_app.core.view.appearance import REGIONS, SAMPLES, Curves
from vr_app.gl import objects
from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL


class CurveTextures:
    """`layers` photographs' curves as layers of a texture on unit `unit`: a row for each region, row by row of regions,
    with a texel for each sample. Rows are sampled in their middle, so that only samples of one curve mix."""

    def __init__(self, layers: int, unit: int) -> None:
        self._unit = unit
        self._shown: list[Curves | None] = [None] * layers
        self.texture = objects.texture()
        GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, self.texture)
        GL.glTexImage3D(
            GL.GL_TEXTURE_2D_ARRAY, 0, GL.GL_R16, SAMPLES, REGIONS**2, layers, 0, GL.GL_RED, GL.GL_UNSIGNED_SHORT,
            ctypes.c_void_p(None),
        )  # fmt: skip
        for name, value in (
            (GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_MAX_LEVEL, 0),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_2D_ARRAY, name, value)

    def show(self, curves: Sequence[Curves | None]) -> None:
        """Put curves into the layers, from the first on; a layer without any keeps what it has. The texture must be
        bound to its unit, which becomes the active one if anything is put."""
        new = [(n, wanted) for n, wanted in enumerate(curves) if wanted is not None and wanted is not self._shown[n]]
        if not new:
            return
        CALLS.glActiveTexture(GL.GL_TEXTURE0 + self._unit)
        CALLS.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 2)
        for layer, wanted in new:
            self._shown[layer] = wanted
            samples = np.ascontiguousarray(wanted.samples)
            CALLS.glTexSubImage3D(
                GL.GL_TEXTURE_2D_ARRAY, 0, 0, 0, layer, SAMPLES, REGIONS**2, 1,
                GL.GL_RED, GL.GL_UNSIGNED_SHORT, samples.ctypes.data,
            )  # fmt: skip

    def close(self) -> None:
        """Delete the texture. May be called twice."""
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
            self.texture = 0
