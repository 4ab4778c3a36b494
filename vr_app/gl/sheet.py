"""Draw the control panel's picture from triangles into a texture, and that texture on a sheet in the room."""

from __future__ import annotations

import ctypes

import numpy as np

from vr_app.core.panel.stand import SheetItem
from vr_app.core.panel.triangles import ATLAS, LETTERS, THUMBNAIL_EDGE, THUMBNAILS, THUMBNAILS_ACROSS, Drawn
from vr_app.gl import objects
from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL
from vr_app.gl.objects import Framebuffer, Program

_STRIDE = 20
"""Bytes of a vertex: four floats and a colour."""

_UNIT = 0


class SheetPicture:
    """A picture of at most `most` (width, height) texels, kept from frame to frame until `draw` changes it.

    All GL objects are made at once. Belongs to the thread and the context that it was made in.
    """

    def __init__(self, most: tuple[int, int]) -> None:
        self._framebuffer = Framebuffer.create(most)
        _filtered(self._framebuffer.texture)
        self._letters = _texture(GL.GL_RGBA8, ATLAS)
        self._thumbnails = _texture(GL.GL_SRGB8_ALPHA8, THUMBNAIL_EDGE * THUMBNAILS_ACROSS)
        self._interface = Program("interface.vert", "interface.frag")
        self._sheet = Program("sheet.vert", "sheet.frag")
        for program in (self._interface, self._sheet):
            program.use()
            CALLS.glUniform1i(program["u_texture"], _UNIT)
        self._buffers = objects.buffers(2)
        self._no_vertices = objects.vertex_array()
        self._vertices = objects.vertex_array()
        GL.glBindVertexArray(self._vertices)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._buffers[0])
        GL.glBindBuffer(GL.GL_ELEMENT_ARRAY_BUFFER, self._buffers[1])
        from OpenGL.raw.GL.VERSION.GL_2_0 import glVertexAttribPointer

        for place, (count, kind, offset) in enumerate(
            ((2, GL.GL_FLOAT, 0), (2, GL.GL_FLOAT, 8), (4, GL.GL_UNSIGNED_BYTE, 16))
        ):
            GL.glEnableVertexAttribArray(place)
            glVertexAttribPointer(place, count, kind, kind != GL.GL_FLOAT, _STRIDE, ctypes.c_void_p(offset))
        GL.glBindVertexArray(0)

    def put_thumbnail(self, image: int, pixels: np.ndarray) -> None:
        """Put an image's thumbnail, (H, W, 3) uint8, each edge at most THUMBNAIL_EDGE, into its place, which other
        images share."""
        row, column = divmod(image % THUMBNAILS_ACROSS**2, THUMBNAILS_ACROSS)
        data = np.ascontiguousarray(pixels)
        height, width = data.shape[:2]
        CALLS.glActiveTexture(GL.GL_TEXTURE0 + _UNIT)
        CALLS.glBindTexture(GL.GL_TEXTURE_2D, self._thumbnails)
        CALLS.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
        GL.glTexSubImage2D(
            GL.GL_TEXTURE_2D, 0, column * THUMBNAIL_EDGE, row * THUMBNAIL_EDGE, width, height,
            GL.GL_RGB, GL.GL_UNSIGNED_BYTE, ctypes.c_void_p(data.ctypes.data),
        )  # fmt: skip

    def paint(self, drawn: Drawn) -> None:
        """Draw the picture again. Leaves its framebuffer bound."""
        self._take_letters(drawn.letters)
        self._framebuffer.bind()
        width, height = drawn.size
        CALLS.glViewport(0, 0, width, height)
        for unwanted in (GL.GL_DEPTH_TEST, GL.GL_CULL_FACE, GL.GL_DITHER):
            CALLS.glDisable(unwanted)
        CALLS.glEnable(GL.GL_SCISSOR_TEST)
        CALLS.glEnable(GL.GL_BLEND)
        CALLS.glBlendEquation(GL.GL_FUNC_ADD)
        CALLS.glBlendFunc(GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)
        CALLS.glColorMask(True, True, True, True)
        self._interface.use()
        CALLS.glUniform2f(self._interface["u_size"], width, height)
        CALLS.glBindVertexArray(self._vertices)
        self._fill(GL.GL_ARRAY_BUFFER, self._buffers[0], drawn.vertices)
        self._fill(GL.GL_ELEMENT_ARRAY_BUFFER, self._buffers[1], drawn.indices)
        CALLS.glActiveTexture(GL.GL_TEXTURE0 + _UNIT)
        textures = {LETTERS: self._letters, THUMBNAILS: self._thumbnails}
        for texture, (left, top, right, bottom), first, count in drawn.parts:
            CALLS.glBindTexture(GL.GL_TEXTURE_2D, textures[texture])
            CALLS.glScissor(left, height - bottom, max(0, right - left), max(0, bottom - top))
            GL.glDrawElements(GL.GL_TRIANGLES, count, GL.GL_UNSIGNED_INT, ctypes.c_void_p(4 * first))
        CALLS.glDisable(GL.GL_SCISSOR_TEST)
        CALLS.glBindVertexArray(0)

    def draw(self, item: SheetItem, to_clip: np.ndarray) -> None:
        """Draw the sheet into the bound framebuffer. `to_clip`: 4x4, world to clip coordinates."""
        program, surface = self._sheet, item.surface
        program.use()
        matrix = to_clip @ surface.pose.matrix()
        CALLS.glUniformMatrix4fv(program["u_to_clip"], 1, True, matrix.astype(np.float32).tobytes())
        CALLS.glUniform2f(program["u_half"], surface.width / 2, surface.height / 2)
        most = self._framebuffer.size
        CALLS.glUniform2f(program["u_part"], item.size[0] / most[0], item.size[1] / most[1])
        CALLS.glActiveTexture(GL.GL_TEXTURE0 + _UNIT)
        CALLS.glBindTexture(GL.GL_TEXTURE_2D, self._framebuffer.texture)
        CALLS.glBindVertexArray(self._no_vertices)
        CALLS.glEnable(GL.GL_CULL_FACE)  # a sheet has no back
        GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, 4)
        CALLS.glDisable(GL.GL_CULL_FACE)
        CALLS.glBindVertexArray(0)

    def copy_to(self, target: Framebuffer) -> None:
        """Copy a picture of the target's size into it."""
        self._framebuffer.blit_to(target, 0, 0, *self._framebuffer.size)

    def read(self, size: tuple[int, int]) -> np.ndarray:
        """Return the used part of the picture, `size` (width, height) texels: (H, W, 3) uint8."""
        return self._framebuffer.read()[self._framebuffer.size[1] - size[1] :, : size[0]]

    def close(self) -> None:
        """Delete all GL objects. May be called twice."""
        self._framebuffer.close()
        self._interface.close()
        self._sheet.close()
        if self._buffers:
            GL.glDeleteTextures(2, [self._letters, self._thumbnails])
            GL.glDeleteVertexArrays(2, [self._no_vertices, self._vertices])
            GL.glDeleteBuffers(2, self._buffers)
            self._buffers = []

    def _fill(self, target: int, buffer: int, data: np.ndarray) -> None:
        GL.glBindBuffer(target, buffer)
        GL.glBufferData(target, data.nbytes, ctypes.c_void_p(data.ctypes.data), GL.GL_STREAM_DRAW)

    def _take_letters(self, pixels: np.ndarray | None) -> None:
        if pixels is None:
            return
        CALLS.glActiveTexture(GL.GL_TEXTURE0 + _UNIT)
        CALLS.glBindTexture(GL.GL_TEXTURE_2D, self._letters)
        CALLS.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)
        GL.glTexSubImage2D(
            GL.GL_TEXTURE_2D,
            0,
            0,
            0,
            ATLAS,
            ATLAS,
            GL.GL_RGBA,
            GL.GL_UNSIGNED_BYTE,
            ctypes.c_void_p(pixels.ctypes.data),
        )


def _texture(kind: int, edge: int) -> int:
    name = objects.texture()
    GL.glBindTexture(GL.GL_TEXTURE_2D, name)
    GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, kind, edge, edge, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, ctypes.c_void_p(None))
    _filtered(name)
    return name


def _filtered(texture: int) -> None:
    GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
    for name, value in (
        (GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR),
        (GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR),
        (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
        (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
        (GL.GL_TEXTURE_MAX_LEVEL, 0),
    ):
        GL.glTexParameteri(GL.GL_TEXTURE_2D, name, value)
