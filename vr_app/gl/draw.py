"""The scene's plain values become pixels."""

from __future__ import annotations

import ctypes

import numpy as np

from sr_core.image.geometry import TILE
from sr_core.image.pyramid import GUTTER
from vr_app.core.labels import AI_COLOR
from vr_app.core.pose import Eye
from vr_app.core.scene import LabelItem, PageWindow, RayItem, Scene, SurfaceItem, finest_shown
from vr_app.core.surface import CAP_ANGLE, Panel
from vr_app.gl.context import GL
from vr_app.gl.framebuffer import Framebuffer
from vr_app.gl.program import Program
from vr_app.gl.text import TextCache
from vr_app.gl.tiles import ATLAS, TileArray

ROOM_COLOUR = (0.0052, 0.0056, 0.0063)
"""Linear light: dim and neutral, about 15 of 255 when encoded."""

BEZEL = 0.012
"""Width of a panel's bezel in metres."""

_SOFT_EDGE = 0.006
"""Metres drawn beyond the bezel, for its antialiased edge."""

_CAP_MARGIN = 0.07
"""Radians by which the retina's mesh reaches beyond the cap, so that its straight edges stay outside the round one."""

_PAD_X, _PAD_Y = 0.45, 0.65
"""A label's plate reaches this far beyond the text, sideways and from its middle up and down, in em."""

_BEAM_WIDTH = 0.004
_DOT_ANGLE = 0.005
"""Radius of a pointer's dot, in radians as the eye sees it."""

_TILES_UNIT, _PAGES_UNIT, _TEXT_UNIT = 0, 1, 2


class Renderer:
    """Draws scenes, with tiles out of `tiles`.

    Makes no GL object in a frame, except for a line of text or one surface more than ever before. Belongs to the
    thread and the context it was made in.
    """

    def __init__(self, tiles: TileArray) -> None:
        self._tiles = tiles
        sizes = f"TILE {TILE}.0", f"GUTTER {GUTTER}.0", f"ATLAS {ATLAS}"
        self._panel = Program("panel.vert", "surface.frag", sizes)
        self._retina = Program("retina.vert", "surface.frag", (*sizes, "RETINA"))
        self._label = Program("label.vert", "label.frag")
        self._ray = Program("ray.vert", "ray.frag")
        self._no_vertices = int(GL.glGenVertexArrays(1))
        self._cap: _Cap | None = None
        self._pages: list[_PageTexture] = []
        self._text = TextCache()
        for program in (self._panel, self._retina):
            program.use()
            GL.glUniform1i(program["u_tiles"], _TILES_UNIT)
            GL.glUniform1i(program["u_pages"], _PAGES_UNIT)
            GL.glUniform3f(program["u_ai_colour"], *_linear(AI_COLOR)[:3])
        self._label.use()
        GL.glUniform1i(self._label["u_ink"], _TEXT_UNIT)

    def prepare_retina(self) -> None:
        """Make the retina's mesh, which imports trimesh (about a second), unless it is there.

        Call it when a hitch hurts nobody; otherwise the first retina drawn pays for it.
        """
        if self._cap is None:
            self._cap = _Cap()

    def draw(self, framebuffer: Framebuffer, eye: Eye, scene: Scene) -> None:
        """Draw all of `scene` as `eye` sees it; what `framebuffer` held is gone."""
        framebuffer.bind()
        _set_state()
        GL.glClearColor(*ROOM_COLOUR, 1.0)
        GL.glClear(GL.GL_COLOR_BUFFER_BIT)
        to_clip = eye.fov.projection() @ eye.pose.inverse_matrix()
        GL.glActiveTexture(GL.GL_TEXTURE0 + _TILES_UNIT)
        GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, self._tiles.texture)
        for index, item in enumerate(scene.surfaces):
            self._draw_surface(index, item, eye, to_clip)
        if scene.labels:
            self._draw_labels(scene.labels, to_clip)
        if scene.rays:
            self._draw_rays(scene.rays, eye, to_clip)
        GL.glBindVertexArray(0)
        GL.glActiveTexture(GL.GL_TEXTURE0)

    def close(self) -> None:
        """Give all GL objects back, except the tiles. May be called twice."""
        for owner in (self._panel, self._retina, self._label, self._ray, self._text, *self._pages):
            owner.close()
        self._pages.clear()
        if self._cap is not None:
            self._cap.close()
            self._cap = None
        if self._no_vertices:
            GL.glDeleteVertexArrays(1, [self._no_vertices])
            self._no_vertices = 0

    def _draw_surface(self, index: int, item: SurfaceItem, eye: Eye, to_clip: np.ndarray) -> None:
        if index == len(self._pages):
            self._pages.append(_PageTexture())
        GL.glActiveTexture(GL.GL_TEXTURE0 + _PAGES_UNIT)
        self._pages[index].show(item.pages)
        surface = item.surface
        program = self._panel if isinstance(surface, Panel) else self._retina
        program.use()
        GL.glUniformMatrix4fv(program["u_to_clip"], 1, True, _f32(to_clip @ surface.pose.matrix()))
        if isinstance(surface, Panel):
            metres = np.array([surface.width, surface.height])
            half = metres / 2
            GL.glUniform2f(program["u_size"], *half)
            GL.glUniform2f(program["u_half"], *(half + BEZEL + _SOFT_EDGE))
            GL.glUniform1f(program["u_bezel"], BEZEL)
            _set_photograph(program, item, metres)
            GL.glBindVertexArray(self._no_vertices)
            GL.glEnable(GL.GL_CULL_FACE)  # a panel has no back
            GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, 4)
            GL.glDisable(GL.GL_CULL_FACE)
            return
        self.prepare_retina()
        inside = surface.pose.inverse_matrix()
        GL.glUniform3f(program["u_eye"], *(inside[:3, :3] @ eye.pose.position + inside[:3, 3]))
        GL.glUniform1f(program["u_radius"], surface.radius)
        GL.glUniform2f(program["u_size"], surface.radius, CAP_ANGLE)
        _set_photograph(program, item, np.array([surface.radians_u, surface.radians_v]) * surface.radius)
        self._cap.draw()

    def _draw_labels(self, labels: tuple[LabelItem, ...], to_clip: np.ndarray) -> None:
        program = self._label
        program.use()
        GL.glBindVertexArray(self._no_vertices)
        GL.glActiveTexture(GL.GL_TEXTURE0 + _TEXT_UNIT)
        for label in labels:
            text = self._text.get(label.text)
            GL.glBindTexture(GL.GL_TEXTURE_2D, text.texture)
            matrix = to_clip @ label.pose.matrix() @ np.diag([label.height, label.height, 1.0, 1.0])
            GL.glUniformMatrix4fv(program["u_to_clip"], 1, True, _f32(matrix))
            start = -label.align * text.advance
            GL.glUniform4f(program["u_plate"], start - _PAD_X, -_PAD_Y, start + text.advance + _PAD_X, _PAD_Y)
            GL.glUniform4f(program["u_texture"], start + text.left, text.bottom, start + text.right, text.top)
            GL.glUniform4f(program["u_colour"], *_linear(label.color))
            GL.glUniform4f(program["u_background"], *_linear(label.background))
            GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, 4)

    def _draw_rays(self, rays: tuple[RayItem, ...], eye: Eye, to_clip: np.ndarray) -> None:
        program = self._ray
        program.use()
        GL.glBindVertexArray(self._no_vertices)
        GL.glUniformMatrix4fv(program["u_to_clip"], 1, True, _f32(to_clip))
        GL.glUniform3f(program["u_eye"], *eye.pose.position)
        GL.glUniform1f(program["u_width"], _BEAM_WIDTH)
        for ray in rays:
            GL.glUniform3f(program["u_start"], *ray.start)
            GL.glUniform3f(program["u_end"], *ray.end)
            GL.glUniform1f(program["u_dot"], 0.0)
            GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, 4)
            if ray.hits:
                distance = float(np.linalg.norm(np.subtract(ray.end, eye.pose.position)))
                GL.glUniform1f(program["u_dot"], _DOT_ANGLE * distance)
                GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, 4)


def _set_state() -> None:
    """All the state that drawing relies on: between frames an OpenXR runtime uses the same context."""
    for unwanted in (GL.GL_DEPTH_TEST, GL.GL_STENCIL_TEST, GL.GL_SCISSOR_TEST, GL.GL_CULL_FACE, GL.GL_DITHER):
        GL.glDisable(unwanted)
    GL.glEnable(GL.GL_BLEND)
    GL.glBlendEquation(GL.GL_FUNC_ADD)
    GL.glBlendFunc(GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)
    GL.glColorMask(True, True, True, True)


def _set_photograph(program: Program, item: SurfaceItem, metres: np.ndarray) -> None:
    """What both surfaces share. `metres`: what the photograph's width and height span on the surface at zoom 1."""
    pages = item.pages
    # Differences of large numbers are taken here, in double precision; what the shader gets is small.
    origin = np.array([pages.col, pages.row]) * (TILE * 2.0**-pages.level)
    size = np.asarray(item.size, float)
    GL.glUniform4i(program["u_window"], pages.col, pages.row, pages.cols, pages.rows)
    GL.glUniform1i(program["u_level"], pages.level)
    GL.glUniform2i(program["u_base"], *pages.base)
    GL.glUniform2f(program["u_base_origin"], *(origin * 2.0 ** pages.base[1]))
    GL.glUniform1i(program["u_synthesised"], finest_shown(pages) > 0)
    GL.glUniform2f(program["u_center"], *(item.view.center * size - origin))
    GL.glUniform2f(program["u_per_metre"], *(size / (item.view.zoom * metres)))
    GL.glUniform4f(program["u_photograph"], *-origin, *(size - origin))


class _PageTexture:
    """A page window as a texture: two RGBA16I texels per tile, the window in its first corner."""

    def __init__(self) -> None:
        self._texture = int(GL.glGenTextures(1))
        self._cols = self._rows = 0
        self._shown = np.zeros((0, 0, 8), np.int16)
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._texture)
        for name in (GL.GL_TEXTURE_MIN_FILTER, GL.GL_TEXTURE_MAG_FILTER):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, name, GL.GL_NEAREST)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAX_LEVEL, 0)
        self._grow(64, 64)

    def show(self, pages: PageWindow) -> None:
        """Bind it, with the window's entries in it."""
        GL.glBindTexture(GL.GL_TEXTURE_2D, self._texture)
        entries = pages.entries
        # The second eye draws the same window, and mostly nothing changes from one frame to the next.
        if entries is self._shown or np.array_equal(entries, self._shown):
            return
        self._shown = entries
        if entries.size == 0:
            return
        if pages.cols > self._cols or pages.rows > self._rows:
            self._grow(pages.cols, pages.rows)
        data = np.ascontiguousarray(entries)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)
        GL.glTexSubImage2D(
            GL.GL_TEXTURE_2D, 0, 0, 0, 2 * pages.cols, pages.rows,
            GL.GL_RGBA_INTEGER, GL.GL_SHORT, ctypes.c_void_p(data.ctypes.data),
        )  # fmt: skip

    def _grow(self, cols: int, rows: int) -> None:
        self._cols = max(self._cols, 1 << (cols - 1).bit_length())
        self._rows = max(self._rows, 1 << (rows - 1).bit_length())
        GL.glTexImage2D(
            GL.GL_TEXTURE_2D, 0, GL.GL_RGBA16I, 2 * self._cols, self._rows, 0,
            GL.GL_RGBA_INTEGER, GL.GL_SHORT, ctypes.c_void_p(None),
        )  # fmt: skip

    def close(self) -> None:
        GL.glDeleteTextures(1, [self._texture])


class _Cap:
    """The retina's triangles, on the unit sphere."""

    def __init__(self) -> None:
        from vr_app.gl.meshes import UNIT, retina_mesh

        mesh = retina_mesh(UNIT, reach=CAP_ANGLE + _CAP_MARGIN)
        positions = np.ascontiguousarray(mesh.vertices, np.float32)
        indices = np.ascontiguousarray(mesh.faces, np.uint32)
        self._count = indices.size
        self._vertices = int(GL.glGenVertexArrays(1))
        self._buffers = [int(name) for name in GL.glGenBuffers(2)]
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
        GL.glBindVertexArray(self._vertices)
        # Faces look inward: from outside, where the sphere's back hides the photograph, nothing is drawn.
        GL.glEnable(GL.GL_CULL_FACE)
        GL.glDrawElements(GL.GL_TRIANGLES, self._count, GL.GL_UNSIGNED_INT, ctypes.c_void_p(0))
        GL.glDisable(GL.GL_CULL_FACE)

    def close(self) -> None:
        GL.glDeleteVertexArrays(1, [self._vertices])
        GL.glDeleteBuffers(2, self._buffers)


def _f32(matrix: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(matrix, np.float32)


def _linear(colour: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """An sRGB colour with straight alpha, 0 to 1, as linear light (IEC 61966-2-1); alpha stays."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3])
    return red, green, blue, colour[3]
