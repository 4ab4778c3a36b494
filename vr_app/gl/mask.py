"""The part of an eye's picture that its lens never shows, kept in a stencil, so that nothing is computed for it."""

from __future__ import annotations

import ctypes

import numpy as np

from vr_app.gl import objects
from vr_app.gl.context import GL
from vr_app.gl.objects import Program


class HiddenArea:
    """A stencil of `size` (width, height) pixels, 1 where a picture is never seen, for all pictures of one eye.

    It stays as it is drawn until the next `draw`: `Framebuffer.hide` attaches it, and pays nothing for it.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self.handle = objects.renderbuffer()
        GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, self.handle)
        GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, GL.GL_DEPTH24_STENCIL8, *size)
        self._framebuffer = objects.framebuffer()
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._framebuffer)
        GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, GL.GL_DEPTH_STENCIL_ATTACHMENT, GL.GL_RENDERBUFFER, self.handle)
        GL.glDrawBuffer(GL.GL_NONE)
        self._program = Program("mask.vert", "mask.frag")
        self._vertices = objects.vertex_array()
        (self._buffer,) = objects.buffers(1)

    def draw(self, triangles: np.ndarray) -> None:
        """Hide these triangles and nothing else: (N, 3, 2), -1 to 1 across the picture and up it."""
        corners = np.ascontiguousarray(triangles, np.float32)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._framebuffer)
        GL.glViewport(0, 0, *self._size)
        for unwanted in (GL.GL_DEPTH_TEST, GL.GL_SCISSOR_TEST, GL.GL_CULL_FACE):
            GL.glDisable(unwanted)
        GL.glEnable(GL.GL_STENCIL_TEST)
        GL.glStencilMask(0xFF)
        GL.glClearStencil(0)
        GL.glClear(GL.GL_STENCIL_BUFFER_BIT)
        GL.glStencilFunc(GL.GL_ALWAYS, 1, 0xFF)
        GL.glStencilOp(GL.GL_REPLACE, GL.GL_REPLACE, GL.GL_REPLACE)
        self._program.use()
        GL.glBindVertexArray(self._vertices)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._buffer)
        GL.glBufferData(GL.GL_ARRAY_BUFFER, corners.nbytes, ctypes.c_void_p(corners.ctypes.data), GL.GL_STATIC_DRAW)
        GL.glEnableVertexAttribArray(0)
        GL.glVertexAttribPointer(0, 2, GL.GL_FLOAT, False, 0, ctypes.c_void_p(0))
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, corners.size // 2)
        GL.glBindVertexArray(0)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, 0)
        GL.glStencilOp(GL.GL_KEEP, GL.GL_KEEP, GL.GL_KEEP)
        GL.glDisable(GL.GL_STENCIL_TEST)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)

    def close(self) -> None:
        """Delete the GL objects. May be called twice."""
        if self.handle:
            self._program.close()
            GL.glDeleteVertexArrays(1, [self._vertices])
            GL.glDeleteBuffers(1, [self._buffer])
            GL.glDeleteFramebuffers(1, [self._framebuffer])
            GL.glDeleteRenderbuffers(1, [self.handle])
            self.handle = 0
