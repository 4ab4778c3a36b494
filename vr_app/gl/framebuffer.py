"""Where pictures are drawn: an sRGB colour texture, the project's own or a swapchain's."""

from __future__ import annotations

import ctypes

import numpy as np

from vr_app.gl import objects
from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL


class Framebuffer:
    """A framebuffer object over one GL_SRGB8_ALPHA8 texture. There is no depth: everything is painted in order."""

    def __init__(self, texture: int, size: tuple[int, int], owned: bool) -> None:
        self.texture = texture
        self.size = size
        self._owned = owned
        self._hides = False
        self._handle = objects.framebuffer()
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._handle)
        GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, texture, 0)
        status = GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER)
        if status != GL.GL_FRAMEBUFFER_COMPLETE:
            raise RuntimeError(f"framebuffer of {size[0]} x {size[1]} pixels is incomplete: GL status {status:#x}")

    @staticmethod
    def create(size: tuple[int, int]) -> Framebuffer:
        """Create one with its own texture of `size` (width, height) pixels."""
        texture = objects.texture()
        GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
        GL.glTexImage2D(
            GL.GL_TEXTURE_2D, 0, GL.GL_SRGB8_ALPHA8, *size, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, ctypes.c_void_p(None)
        )
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAX_LEVEL, 0)
        return Framebuffer(texture, size, owned=True)

    @staticmethod
    def of_texture(texture: int, size: tuple[int, int]) -> Framebuffer:
        """Wrap another owner's GL_SRGB8_ALPHA8 texture (a swapchain image), which it never deletes."""
        return Framebuffer(texture, size, owned=False)

    def hide(self, stencil: int) -> None:
        """Leave out, from now on, the pixels where `stencil` (a renderbuffer of the same size) is not 0."""
        self._hides = True
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._handle)
        attachment = GL.GL_DEPTH_STENCIL_ATTACHMENT
        GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, attachment, GL.GL_RENDERBUFFER, stencil)

    def bind(self) -> None:
        """Draw into it from now on: whole viewport, colours taken as linear light and stored as sRGB."""
        if self._hides:
            CALLS.glEnable(GL.GL_STENCIL_TEST)
            GL.glStencilFunc(GL.GL_EQUAL, 0, 0xFF)
        else:
            CALLS.glDisable(GL.GL_STENCIL_TEST)
        CALLS.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._handle)
        CALLS.glViewport(0, 0, *self.size)
        CALLS.glEnable(GL.GL_FRAMEBUFFER_SRGB)

    def read(self) -> np.ndarray:
        """Return the picture as stored: (H, W, 3) uint8, sRGB-encoded, first row on top. Waits for all drawing to
        end."""
        width, height = self.size
        pixels = np.empty((height, width, 3), np.uint8)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._handle)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
        GL.glReadPixels(0, 0, width, height, GL.GL_RGB, GL.GL_UNSIGNED_BYTE, ctypes.c_void_p(pixels.ctypes.data))
        return np.ascontiguousarray(pixels[::-1])

    def blit_to_window(self, width: int, height: int) -> None:
        """Copy into the window's back buffer of `width` x `height` pixels: as large as fits, bytes unchanged.

        Bars at the sides, or above and below, are black. Leaves the default framebuffer bound.
        """
        self.blit_part_to_window(self.size, width, height)

    def blit_part_to_window(self, part: tuple[int, int], width: int, height: int) -> None:
        """Like `blit_to_window`, but only of the lower left `part` (width, height in pixels) of the picture."""
        # A window's buffer is mostly not sRGB. Without this GL 4.4 copies the bytes as they are (Mesa and NVIDIA too).
        GL.glDisable(GL.GL_FRAMEBUFFER_SRGB)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._handle)
        GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, 0)
        scale = min(width / part[0], height / part[1])
        w, h = round(part[0] * scale), round(part[1] * scale)
        if (w, h) != (width, height):
            GL.glClearColor(0.0, 0.0, 0.0, 1.0)
            GL.glClear(GL.GL_COLOR_BUFFER_BIT)
        x, y = (width - w) // 2, (height - h) // 2
        filtering = GL.GL_NEAREST if (w, h) == part else GL.GL_LINEAR
        GL.glBlitFramebuffer(0, 0, *part, x, y, x + w, y + h, GL.GL_COLOR_BUFFER_BIT, filtering)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)

    def blit_to(self, target: Framebuffer, x: int, y: int, width: int, height: int) -> None:
        """Copy the whole picture into `width` x `height` pixels of `target`, with its lower left corner at (x, y).

        The bytes stay as they are. Leaves the default framebuffer bound.
        """
        GL.glDisable(GL.GL_FRAMEBUFFER_SRGB)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._handle)
        GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, target._handle)
        filtering = GL.GL_NEAREST if (width, height) == self.size else GL.GL_LINEAR
        GL.glBlitFramebuffer(0, 0, *self.size, x, y, x + width, y + height, GL.GL_COLOR_BUFFER_BIT, filtering)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)

    def close(self) -> None:
        """Delete the GL objects, except another owner's texture. May be called twice."""
        if self._handle:
            GL.glDeleteFramebuffers(1, [self._handle])
            if self._owned:
                GL.glDeleteTextures(1, [self.texture])
            self._handle = 0
