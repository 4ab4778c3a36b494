"""The outlines of regions of interest become pixels."""

from __future__ import annotations

import ctypes

import numpy as np

from vr_app.core.outline import CASING, REACH, on_surface, strip
from vr_app.core.pose import Eye
from vr_app.core.scene import SurfaceItem
from vr_app.gl import objects
from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL
from vr_app.gl.program import Program

VERTICES = 6 * 4 * 72
"""Of the largest strip: around the whole retina."""

FLOATS = 5


class OutlineRenderer:
    """Draws the outlines of one surface after the other. Makes no GL object but at its start."""

    def __init__(self, linear: tuple[float, float, float]) -> None:
        """`linear`: REGION_COLOUR as linear light."""
        self._program = Program("outline.vert", "outline.frag")
        self._vertices = objects.vertex_array()
        (self._buffer,) = objects.buffers(1)
        GL.glBindVertexArray(self._vertices)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._buffer)
        GL.glBufferData(GL.GL_ARRAY_BUFFER, VERTICES * FLOATS * 4, ctypes.c_void_p(None), GL.GL_STREAM_DRAW)
        from OpenGL.raw.GL.VERSION.GL_2_0 import glVertexAttribPointer  # see `vr_app.gl.draw._Cap`

        for place, count, offset in ((0, 3, 0), (1, 2, 12)):
            GL.glEnableVertexAttribArray(place)
            glVertexAttribPointer(place, count, GL.GL_FLOAT, False, FLOATS * 4, ctypes.c_void_p(offset))
        GL.glBindVertexArray(0)
        self._program.use()
        CALLS.glUniform3f(self._program["u_colour"], *linear)
        CALLS.glUniform1f(self._program["u_casing"], CASING)

    def draw(self, item: SurfaceItem, eye: Eye, to_clip: np.ndarray) -> None:
        """Those of a surface. `to_clip` (4, 4): world to clip coordinates."""
        if not item.outlines:
            return
        program = self._program
        program.use()
        CALLS.glUniformMatrix4fv(program["u_to_clip"], 1, True, to_clip.astype(np.float32).tobytes())
        CALLS.glBindVertexArray(self._vertices)
        CALLS.glBindBuffer(GL.GL_ARRAY_BUFFER, self._buffer)
        extent = np.array(item.surface.extent())
        for outline in item.outlines:
            first, last = on_surface(outline.rect, item.surface, item.view.center, item.view.zoom, item.size)
            reach = (outline.width + 2 * CASING + 2) * REACH * _pixel(item, first, last, eye)
            vertices = strip(item.surface, first, last, reach)[:VERTICES]
            if not len(vertices):
                continue
            GL.glBufferSubData(GL.GL_ARRAY_BUFFER, 0, vertices.nbytes, ctypes.c_void_p(vertices.ctypes.data))
            CALLS.glUniform2f(program["u_half"], *((last - first) * extent / 2).tolist())
            CALLS.glUniform1f(program["u_width"], outline.width)
            GL.glDrawArrays(GL.GL_TRIANGLES, 0, len(vertices))

    def close(self) -> None:
        """Give all GL objects back. May be called twice."""
        self._program.close()
        if self._vertices:
            GL.glDeleteVertexArrays(1, [self._vertices])
            GL.glDeleteBuffers(1, [self._buffer])
            self._vertices = 0


def _pixel(item: SurfaceItem, first: np.ndarray, last: np.ndarray, eye: Eye) -> float:
    """Metres that one of the eye's pixels measures where it sees the farthest corner of a region."""
    left, top, right, bottom = item.surface.bounds
    corners = np.clip([first, last, (first[0], last[1]), (last[0], first[1])], (left, top), (right, bottom))
    farthest = np.linalg.norm(item.surface.point(corners) - eye.pose.position, axis=-1).max()
    left, right, _, _ = eye.fov.tangents()
    return float(farthest) * (right - left) / eye.size[0]
