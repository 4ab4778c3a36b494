"""Draw the outlines of regions of interest."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from sr_core.image.geometry import Rect
from vr_app.core.scene.composition import Face
from vr_app.core.scene.outline import CASING, REACH, REGION_COLOUR, on_surface, strip
from vr_app.core.scene.scene import SurfaceItem
from vr_app.core.space.pose import Eye
from vr_app.core.space.surface import ImageView, Retina, Surface
from vr_app.gl import objects
from vr_app.gl.calls import CALLS
from vr_app.gl.colour import linear
from vr_app.gl.context import GL
from vr_app.gl.objects import Program

VERTICES = 6 * 4 * 72
"""Vertices of the largest strip, around the whole retina."""

FLOATS = 5

Strip = tuple[np.ndarray, tuple[float, float]]
"""Vertices (n, FLOATS), and half the region's width and height in metres."""


class OutlineRenderer:
    """Draws the outlines of one surface after another. It makes GL objects only at its start."""

    def __init__(self) -> None:
        self._program = Program("outline.vert", "outline.frag")
        self._vertices = objects.vertex_array()
        (self._buffer,) = objects.buffers(1)
        GL.glBindVertexArray(self._vertices)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._buffer)
        GL.glBufferData(GL.GL_ARRAY_BUFFER, VERTICES * FLOATS * 4, ctypes.c_void_p(None), GL.GL_STREAM_DRAW)
        from OpenGL.raw.GL.VERSION.GL_2_0 import glVertexAttribPointer  # see `vr_app.gl.cap`

        for place, count, offset in ((0, 3, 0), (1, 2, 12)):
            GL.glEnableVertexAttribArray(place)
            glVertexAttribPointer(place, count, GL.GL_FLOAT, False, FLOATS * 4, ctypes.c_void_p(offset))
        GL.glBindVertexArray(0)
        self._program.use()
        CALLS.glUniform3f(self._program["u_colour"], *linear(REGION_COLOUR)[:3])

    def draw(self, item: SurfaceItem, eye: Eye, to_clip: np.ndarray, finer: float) -> None:
        """Draw the outlines of a surface. `to_clip` (4, 4): world to clip coordinates. `finer`: the picture's pixels
        per pixel of the eye's; lines are wider by the same factor."""
        if item.outlines:
            self._draw(item, _pixel(item.surface, eye) * finer, to_clip, _strip, finer)

    def draw_unrolled(self, item: SurfaceItem, face: Face, finer: float) -> None:
        """Draw a retina's outlines on its own picture, which is unrolled by longitude and latitude."""
        if not item.outlines:
            return
        left, bottom, right, top = face.left, face.bottom, face.right, face.top
        to_clip = np.diag([2 / (right - left), 2 / (top - bottom), 0.0, 1.0])
        to_clip[:2, 3] = -(right + left) / (right - left), -(top + bottom) / (top - bottom)
        assert isinstance(item.surface, Retina)
        eye_pixel = finer * item.surface.radius * (right - left) / face.size[0]
        self._draw(item, eye_pixel, to_clip, _strip_unrolled, finer)

    def _draw(
        self,
        item: SurfaceItem,
        eye_pixel: float,
        to_clip: np.ndarray,
        strip_of: Callable[..., Strip],
        finer: float,
    ) -> None:
        """`eye_pixel`: the largest size of an eye pixel in metres; `to_clip`: from the coordinates of `strip_of`."""
        program = self._program
        program.use()
        program.set_matrix(to_clip)
        CALLS.glBindVertexArray(self._vertices)
        CALLS.glBindBuffer(GL.GL_ARRAY_BUFFER, self._buffer)
        CALLS.glUniform1f(program["u_casing"], CASING * finer)
        for outline in item.outlines:
            reach = _rounded((outline.width + 2 * CASING + 2) * REACH * eye_pixel)
            vertices, half = strip_of(outline.rect, item.surface, item.view, item.size, reach)
            if not len(vertices):
                continue
            GL.glBufferSubData(GL.GL_ARRAY_BUFFER, 0, vertices.nbytes, ctypes.c_void_p(vertices.ctypes.data))
            CALLS.glUniform2f(program["u_half"], *half)
            CALLS.glUniform1f(program["u_width"], outline.width * finer)
            GL.glDrawArrays(GL.GL_TRIANGLES, 0, len(vertices))

    def close(self) -> None:
        """Delete all GL objects. May be called twice."""
        self._program.close()
        if self._vertices:
            GL.glDeleteVertexArrays(1, [self._vertices])
            GL.glDeleteBuffers(1, [self._buffer])
            self._vertices = 0


@lru_cache(maxsize=512)
def _strip(rect: Rect, surface: Surface, view: ImageView, size: tuple[int, int], reach: float) -> Strip:
    """Return the strip around a region, and half its width and height in metres. It is cached, because most regions do
    not move."""
    first, last = on_surface(rect, surface, view.center, view.zoom, size)
    wide, high = ((last - first) * surface.extent() / 2).tolist()
    return strip(surface, first, last, reach)[:VERTICES], (wide, high)


@lru_cache(maxsize=64)
def _strip_unrolled(rect: Rect, retina: Retina, view: ImageView, size: tuple[int, int], reach: float) -> Strip:
    """Return the same as `_strip`, with longitude and latitude in place of world positions, for a retina at its
    original pose."""
    vertices, half = _strip(rect, retina, view, size, reach)
    x, y, z = (vertices[:, :3] / retina.radius).T
    place = np.stack([np.arctan2(x, -z), np.arcsin(np.clip(y, -1.0, 1.0)), np.zeros_like(x)], axis=-1)
    return np.concatenate([place, vertices[:, 3:]], axis=-1).astype(np.float32), half


def _pixel(surface: Surface, eye: Eye) -> float:
    """Return the largest size in metres of an eye pixel, where the eye sees the surface."""
    reach = surface.radius if isinstance(surface, Retina) else math.hypot(surface.width, surface.height) / 2
    left, right, _, _ = eye.fov.tangents()
    return (math.dist(surface.pose.position, eye.pose.position) + reach) * (right - left) / eye.size[0]


def _rounded(metres: float) -> float:
    """Round up to one of few lengths, so that a swaying head needs no new strips."""
    return 1.25 ** math.ceil(math.log(metres, 1.25))
