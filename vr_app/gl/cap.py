"""The retina's triangles on the graphics card."""

from __future__ import annotations

import ctypes

import numpy as np

from vr_app.core.space.surface import CAP_ANGLE
from vr_app.gl import objects
from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL

MARGIN = 0.07
"""Radians by which the mesh extends beyond the cap, so that its straight edges stay outside the round one."""


class Cap:
    """The retina's mesh on the unit sphere. Making it imports trimesh, which takes about a second."""

    def __init__(self) -> None:
        from vr_app.gl.meshes import UNIT, retina_mesh

        mesh = retina_mesh(UNIT, reach=CAP_ANGLE + MARGIN)
        positions = np.ascontiguousarray(mesh.vertices, np.float32)
        indices = np.ascontiguousarray(mesh.faces, np.uint32)
        self._count = indices.size
        self._vertices = objects.vertex_array()
        self._buffers = objects.buffers(2)
        GL.glBindVertexArray(self._vertices)
        for target, name, data in (
            (GL.GL_ARRAY_BUFFER, self._buffers[0], positions),
            (GL.GL_ELEMENT_ARRAY_BUFFER, self._buffers[1], indices),
        ):
            GL.glBindBuffer(target, name)
            GL.glBufferData(target, data.nbytes, ctypes.c_void_p(data.ctypes.data), GL.GL_STATIC_DRAW)
        GL.glEnableVertexAttribArray(0)
        # The plain function: PyOpenGL's own keeps the pointer for the current context, as a buffer's does not need.
        from OpenGL.raw.GL.VERSION.GL_2_0 import glVertexAttribPointer

        glVertexAttribPointer(0, 3, GL.GL_FLOAT, False, 0, ctypes.c_void_p(0))
        GL.glBindVertexArray(0)

    def draw(self) -> None:
        """Draw it with the current program."""
        CALLS.glBindVertexArray(self._vertices)
        # Faces look inward: from outside, where the sphere's back hides the photograph, nothing is drawn.
        CALLS.glEnable(GL.GL_CULL_FACE)
        GL.glDrawElements(GL.GL_TRIANGLES, self._count, GL.GL_UNSIGNED_INT, ctypes.c_void_p(0))
        CALLS.glDisable(GL.GL_CULL_FACE)

    def close(self) -> None:
        """Delete the GL objects."""
        GL.glDeleteVertexArrays(1, [self._vertices])
        GL.glDeleteBuffers(2, self._buffers)
