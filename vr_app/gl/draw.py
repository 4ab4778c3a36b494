"""The scene's plain values become pixels."""

from __future__ import annotations

import ctypes
from functools import lru_cache

import numpy as np

from sr_core.image.geometry import TILE, Rect
from vr_app.core.scene import overlay
from vr_app.core.scene.composition import SHARPER, Face, Layered, flat_eye
from vr_app.core.scene.outline import REGION_COLOUR
from vr_app.core.scene.scene import LabelItem, RayItem, Scene, SurfaceItem
from vr_app.core.scene.words import AI_COLOR
from vr_app.core.space.bend import columns
from vr_app.core.space.pose import Eye
from vr_app.core.space.surface import BEZEL, CAP_ANGLE, Panel
from vr_app.core.view.appearance import LUMA, REGIONS, SAMPLES, Appearance, Channel
from vr_app.gl import objects, pages
from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL
from vr_app.gl.curves import CurveTextures
from vr_app.gl.depth import DepthRenderer, DepthTarget
from vr_app.gl.framebuffer import Framebuffer
from vr_app.gl.outline import OutlineRenderer
from vr_app.gl.pages import PAGE_WINDOWS, PageTextures
from vr_app.gl.program import Program
from vr_app.gl.room import ROOM_COLOUR, RoomRenderer
from vr_app.gl.sheet import SheetPicture
from vr_app.gl.text import EM, GLYPHS_DRAWN, LetterTexture, letters, line
from vr_app.gl.tiles import TileArray

_SOFT_EDGE = 0.006
"""Metres drawn beyond the bezel, for its antialiased edge."""

_CAP_MARGIN = 0.07
"""Radians by which the retina's mesh reaches beyond the cap, so that its straight edges stay outside the round one."""

_PAD_X, _PAD_Y = 0.45, 0.65
"""A label's plate reaches this far beyond the text, sideways and from its middle up and down, in em."""

_BEAM_WIDTH = 0.004
_DOT_ANGLE = 0.005
"""Radius of a pointer's dot, in radians as the eye sees it."""

_TILES_UNIT, _PAGES_UNIT, _TEXT_UNIT, _CURVES_UNIT = 0, 1, 2, 3

_CHANNELS = {Channel.RED: 1, Channel.RED_FREE: 2, Channel.BLUE: 3}

_TILES_UNIT, _PAGES_UNIT, _TEXT_UNIT = 0, 1, 2


class Renderer:
    """Draws scenes, with tiles out of `tiles`.

    Makes no GL object in a frame, once `prepare_retina` has been called. Belongs to the thread and the context it was
    made in.
    """

    def __init__(self, tiles: TileArray) -> None:
        self._tiles = tiles
        sizes = (
            *pages.defines(), f"INVENTED_FROM {overlay.FROM}", f"INVENTED_FULL {overlay.FULL}",
            f"INVENTED_OPACITY {overlay.OPACITY}", f"REGIONS {REGIONS}.0", f"SAMPLES {SAMPLES}.0",
            f"LUMA vec3{LUMA}",
        )  # fmt: skip
        self._text = f"GLYPHS {GLYPHS_DRAWN}", f"EM {EM}.0", f"ROW_HEIGHT {letters().row_height}.0"
        self._sizes = sizes
        self._full = self._surface_programs()
        self._plain = self._surface_programs("PLAIN")
        self._adjusted: tuple[Program, Program] | None = None
        self._unrolled: dict[bool, Program] = {}
        self._finer = 1.0
        self.sheets: SheetPicture | None = None
        """What is on the control panel's sheet; its maker closes it."""
        self._label = Program("label.vert", "label.frag", self._text)
        self._ray = Program("ray.vert", "ray.frag")
        self._no_vertices = objects.vertex_array()
        self._cap: _Cap | None = None
        self._depth: DepthRenderer | None = None
        self._pages = PageTextures()
        self._letters = LetterTexture()
        self._curves = CurveTextures(PAGE_WINDOWS, _CURVES_UNIT)
        self._room = RoomRenderer()
        self._outlines = OutlineRenderer(_linear(REGION_COLOUR)[:3])
        self._label.use()
        CALLS.glUniform1i(self._label["u_ink"], _TEXT_UNIT)

    def _surface_programs(self, *defines: str) -> tuple[Program, Program]:
        """For panels and for the retina. Drawing photographs that nothing is laid over costs less than half: the PLAIN
        ones, for a panel's interior and for the retina, do nothing else."""
        panel = Program("panel.vert", "surface.frag", (*self._sizes, *defines))
        retina = Program("retina.vert", "surface.frag", (*self._sizes, *defines, "RETINA"))
        for program in (panel, retina):
            _set_constants(program)
        return panel, retina

    def _unrolled_program(self, adjusted: bool) -> Program:
        """For the retina's own picture: made for the first one."""
        if adjusted not in self._unrolled:
            defines = *self._sizes, *(("ADJUSTED",) if adjusted else ()), "RETINA", "UNROLLED"
            self._unrolled[adjusted] = Program("unrolled.vert", "surface.frag", defines)
            _set_constants(self._unrolled[adjusted])
        return self._unrolled[adjusted]

    def _programs(self, adjusted: bool) -> tuple[Program, Program]:
        """Photographs that look as they were photographed do not pay for what could be done to them."""
        if not adjusted:
            return self._full
        if self._adjusted is None:
            self._adjusted = self._surface_programs("ADJUSTED")
        return self._adjusted

    def prepare_retina(self) -> None:
        """Make the retina's mesh, which imports trimesh (about a second), and the programs for adjusted photographs,
        unless they are there.

        Call it when a hitch hurts nobody; otherwise the first retina drawn pays for it.
        """
        if self._cap is None:
            self._cap = _Cap()
        self._programs(adjusted=True)

    def draw(self, framebuffer: Framebuffer, eye: Eye, scene: Scene, part: Rect | None = None) -> None:
        """Draw `scene` as `eye` sees it; what `framebuffer` held is gone. `part`: of these pixels alone, counted from
        the lower left corner; None: of all."""
        framebuffer.bind()
        self._begin(scene, part)
        to_clip = eye.fov.projection() @ eye.pose.inverse_matrix()
        if scene.floor is not None:
            self._room.draw_floor(scene.floor, eye.size, to_clip)
        self._draw_surfaces(scene, eye, to_clip)
        if scene.labels:
            self._draw_labels(self._label, scene.labels, to_clip)
        if scene.sheet is not None and self.sheets is not None:
            self.sheets.draw(scene.sheet, to_clip)
        if scene.rays:
            self._draw_rays(self._ray, scene.rays, eye, to_clip)
        if scene.veil > 0:
            self._room.draw_veil(scene.veil)
        _end()

    def draw_depth(self, scene: Scene, target: DepthTarget, eye: Eye) -> None:
        """Tell how far away everything is that `draw` shows; what is drawn with is made for the first one."""
        if self._depth is None:
            self._depth = DepthRenderer(self._text)
        depth, to_clip = self._depth, eye.fov.projection() @ eye.pose.inverse_matrix()
        target.clear()
        if scene.floor is not None:
            depth.draw_floor(scene.floor, to_clip)
        for item in scene.surfaces:
            if isinstance(item.surface, Panel):
                depth.draw_panel(item.surface, to_clip)
            else:
                self.prepare_retina()
                depth.draw_retina(item.surface, to_clip, self._cap.draw)
        if scene.labels:
            self._draw_labels(depth.label, scene.labels, to_clip)
        if scene.sheet is not None and self.sheets is not None:
            depth.draw_sheet(scene.sheet.surface, to_clip)
        if scene.rays:
            self._draw_rays(depth.ray, scene.rays, eye, to_clip)
        CALLS.glDisable(GL.GL_DEPTH_TEST)
        _end()

    def draw_face(self, framebuffer: Framebuffer, layered: Layered) -> None:
        """Draw the picture of a surface that a headset's runtime shows by itself."""
        framebuffer.bind()
        self._begin(layered.content)
        self._outlines.finer = self._finer = SHARPER
        if isinstance(layered.surface, Panel):
            eye = flat_eye(layered.face)
            to_clip = eye.fov.projection() @ eye.pose.inverse_matrix()
            self._draw_surfaces(layered.content, eye, to_clip)
            self._draw_labels(self._label, layered.content.labels, to_clip)
        else:
            self._draw_unrolled(layered.content, layered.face)
        self._outlines.finer = self._finer = 1.0
        _end()

    def _begin(self, scene: Scene, part: Rect | None = None) -> None:
        """Clear what is bound, or a part of it, and have at hand what is drawn with."""
        _set_state()
        if part is not None:
            CALLS.glEnable(GL.GL_SCISSOR_TEST)
            CALLS.glScissor(part.x, part.y, part.w, part.h)
        CALLS.glClearColor(*((*ROOM_COLOUR, 1.0) if scene.backdrop else (0.0, 0.0, 0.0, 0.0)))
        GL.glClear(GL.GL_COLOR_BUFFER_BIT)
        for unit, target, texture in (
            (_TILES_UNIT, GL.GL_TEXTURE_2D_ARRAY, self._tiles.texture),
            (_TEXT_UNIT, GL.GL_TEXTURE_2D, self._letters.texture),
            (_PAGES_UNIT, GL.GL_TEXTURE_2D_ARRAY, self._pages.texture),
            (_CURVES_UNIT, GL.GL_TEXTURE_2D_ARRAY, self._curves.texture),
        ):
            CALLS.glActiveTexture(GL.GL_TEXTURE0 + unit)
            CALLS.glBindTexture(target, texture)

    def close(self) -> None:
        """Give all GL objects back, except the tiles. May be called twice."""
        for owner in (
            *self._full,
            *self._plain,
            *(self._adjusted or ()),
            *self._unrolled.values(),
            self._label,
            self._ray,
            self._letters,
            self._pages,
            self._curves,
            self._outlines,
            self._room,
        ):
            owner.close()
        if self._depth is not None:
            self._depth.close()
        if self._cap is not None:
            self._cap.close()
            self._cap = None
        if self._no_vertices:
            GL.glDeleteVertexArrays(1, [self._no_vertices])
            self._no_vertices = 0

    def _draw_surfaces(self, scene: Scene, eye: Eye, to_clip: np.ndarray) -> None:
        full = self._programs(scene.appearance.adjusted)
        marked = scene.invention or scene.appearance.adjusted
        for program in full:
            program.use()
            CALLS.glUniform1i(program["u_invention"], scene.invention)
            _set_appearance(program, scene.appearance)
        # All page windows first: to change a texture that was drawn with, some drivers finish that drawing.
        for at in range(0, len(scene.surfaces), PAGE_WINDOWS):
            together = scene.surfaces[at : at + PAGE_WINDOWS]
            self._curves.show([item.curves for item in together])
            CALLS.glActiveTexture(GL.GL_TEXTURE0 + _PAGES_UNIT)
            self._pages.show([item.pages for item in together])
            for page, item in enumerate(together):
                inside = full if marked or self._pages.failed(page) else self._plain
                if isinstance(item.surface, Panel):
                    self._draw_panel(full[0], inside[0], page, item, to_clip)
                else:
                    self._draw_retina(inside[1], page, item, eye, to_clip)
                self._outlines.draw(item, eye, to_clip)

    def _draw_panel(self, ring: Program, inside: Program, page: int, item: SurfaceItem, to_clip: np.ndarray) -> None:
        # What is drawn lies about the middle of what is there of the panel, which the photograph's may not be.
        surface = item.surface
        left, top, right, bottom = surface.bounds
        middle = (left + right) / 2, (top + bottom) / 2
        to_world = surface.pose.matrix()
        to_world[:3, 3] = surface.point(np.array(middle))
        to_clip = to_clip @ to_world
        width, height = surface.width * (right - left), surface.height * (bottom - top)
        right, top = (edge / 2 + BEZEL + _SOFT_EDGE for edge in (width, height))
        CALLS.glBindVertexArray(self._no_vertices)
        CALLS.glEnable(GL.GL_CULL_FACE)  # a panel has no back
        pieces = columns(width, surface.bend)
        for program, around, vertices in ((ring, 1, 4 * pieces + 6), (inside, 0, 2 * pieces + 2)):
            if program is self._plain[0]:
                CALLS.glDisable(GL.GL_BLEND)  # nothing shows through
            program.use()
            _set_matrix(program, to_clip)
            _set_photograph(program, page, item, (surface.width, surface.height), middle)
            CALLS.glUniform2f(program["u_size"], width / 2, height / 2)
            CALLS.glUniform1f(program["u_bezel"], BEZEL)
            CALLS.glUniform1f(program["u_finer"], self._finer)
            CALLS.glUniform4f(program["u_inner"], *_interior(item, middle, (width, height)))
            CALLS.glUniform4f(program["u_outer"], -right, -top, right, top)
            CALLS.glUniform1f(program["u_bend"], surface.bend)
            CALLS.glUniform1i(program["u_columns"], pieces)
            CALLS.glUniform1i(program["u_ring"], around)
            GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, vertices)
        CALLS.glEnable(GL.GL_BLEND)
        CALLS.glDisable(GL.GL_CULL_FACE)

    def _draw_retina(self, program: Program, page: int, item: SurfaceItem, eye: Eye, to_clip: np.ndarray) -> None:
        self.prepare_retina()
        surface = item.surface
        program.use()
        _set_matrix(program, to_clip @ surface.pose.matrix())
        inside = surface.pose.inverse_matrix()
        CALLS.glUniform3f(program["u_eye"], *(inside[:3, :3] @ eye.pose.position + inside[:3, 3]).tolist())
        CALLS.glUniform1f(program["u_radius"], surface.radius)
        CALLS.glUniform2f(program["u_size"], surface.radius, CAP_ANGLE)
        CALLS.glUniform1f(program["u_finer"], self._finer)
        metres = surface.radians_u * surface.radius, surface.radians_v * surface.radius
        _set_photograph(program, page, item, metres)
        self._cap.draw()

    def _draw_unrolled(self, scene: Scene, face: Face) -> None:
        (item,) = scene.surfaces
        program, surface = self._unrolled_program(scene.appearance.adjusted), item.surface
        program.use()
        CALLS.glUniform1i(program["u_invention"], scene.invention)
        _set_appearance(program, scene.appearance)
        self._curves.show([item.curves])
        CALLS.glActiveTexture(GL.GL_TEXTURE0 + _PAGES_UNIT)
        self._pages.show([item.pages])
        CALLS.glUniform4f(program["u_bounds"], face.left, face.bottom, face.right, face.top)
        CALLS.glUniform2f(program["u_size"], surface.radius, CAP_ANGLE)
        CALLS.glUniform1f(program["u_finer"], self._finer)
        metres = surface.radians_u * surface.radius, surface.radians_v * surface.radius
        _set_photograph(program, 0, item, metres)
        CALLS.glBindVertexArray(self._no_vertices)
        GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, 4)
        self._outlines.draw_unrolled(item, face)

    def _draw_labels(self, program: Program, labels: tuple[LabelItem, ...], to_clip: np.ndarray) -> None:
        program.use()
        CALLS.glBindVertexArray(self._no_vertices)
        texts = [line(label.text) for label in labels]
        CALLS.glActiveTexture(GL.GL_TEXTURE0 + _TEXT_UNIT)
        self._letters.update()
        for label, text in zip(labels, texts, strict=True):
            _set_matrix(program, to_clip @ label.pose.matrix() * (label.height, label.height, label.height, 1.0))
            CALLS.glUniform1f(program["u_bend"], label.bend * label.height)
            start = -label.align * text.advance
            CALLS.glUniform4f(program["u_plate"], start - _PAD_X, -_PAD_Y, start + text.advance + _PAD_X, _PAD_Y)
            CALLS.glUniform2f(program["u_start"], start, letters().top)
            CALLS.glUniform4f(program["u_colour"], *_linear(label.color))
            CALLS.glUniform4f(program["u_background"], *_linear(label.background))
            # One call draws the plate and the letters that there is room for; the first vertices are the plate's.
            for at in range(0, max(len(text.glyphs), 1), GLYPHS_DRAWN):
                glyphs = text.glyphs[at : at + GLYPHS_DRAWN]
                CALLS.glUniform4fv(program["u_glyphs"], len(glyphs), glyphs.tobytes())
                first = 0 if at == 0 else 6
                GL.glDrawArrays(GL.GL_TRIANGLES, first, 6 * (len(glyphs) + 1) - first)

    def _draw_rays(self, program: Program, rays: tuple[RayItem, ...], eye: Eye, to_clip: np.ndarray) -> None:
        program.use()
        CALLS.glBindVertexArray(self._no_vertices)
        _set_matrix(program, to_clip)
        CALLS.glUniform3f(program["u_eye"], *eye.pose.position)
        CALLS.glUniform1f(program["u_width"], _BEAM_WIDTH)
        for ray in rays:
            CALLS.glUniform3f(program["u_start"], *ray.start)
            CALLS.glUniform3f(program["u_end"], *ray.end)
            CALLS.glUniform1f(program["u_dot"], 0.0)
            GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, 4)
            if ray.hits:
                distance = float(np.linalg.norm(np.subtract(ray.end, eye.pose.position)))
                CALLS.glUniform1f(program["u_dot"], _DOT_ANGLE * distance)
                GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, 4)


def _set_constants(program: Program) -> None:
    """What never changes, of a program that draws photographs."""
    program.use()
    CALLS.glUniform1i(program["u_tiles"], _TILES_UNIT)
    CALLS.glUniform1i(program["u_pages"], _PAGES_UNIT)
    CALLS.glUniform1i(program["u_curves"], _CURVES_UNIT)
    for name, colour in (("u_ai_colour", AI_COLOR), ("u_little", overlay.LITTLE), ("u_much", overlay.MUCH)):
        CALLS.glUniform3f(program[name], *_linear(colour)[:3])


def _end() -> None:
    """Leave nothing behind that would disturb the runtime."""
    CALLS.glDisable(GL.GL_SCISSOR_TEST)
    CALLS.glBindVertexArray(0)
    CALLS.glActiveTexture(GL.GL_TEXTURE0)


def _set_state() -> None:
    """The state that drawing relies on, but for the stencil's, which is the framebuffer's: between frames an OpenXR
    runtime uses the same context."""
    for unwanted in (GL.GL_DEPTH_TEST, GL.GL_SCISSOR_TEST, GL.GL_CULL_FACE, GL.GL_DITHER):
        CALLS.glDisable(unwanted)
    CALLS.glEnable(GL.GL_BLEND)
    CALLS.glBlendEquation(GL.GL_FUNC_ADD)
    CALLS.glBlendFunc(GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)
    CALLS.glColorMask(True, True, True, True)


def _set_matrix(program: Program, to_clip: np.ndarray) -> None:
    CALLS.glUniformMatrix4fv(program["u_to_clip"], 1, True, to_clip.astype(np.float32).tobytes())


def _interior(
    item: SurfaceItem, middle: tuple[float, float], size: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Left, lower, right and upper edge, in metres from the `middle` of what is there of a panel, of where it shows the
    photograph; within its `size`, width and height in metres."""
    sides = []
    spans = item.surface.width, item.surface.height
    for whole, center, off, there in zip(spans, item.view.center, middle, size, strict=True):
        ends = ((at * item.view.zoom - off) * whole for at in (-center, 1 - center))
        sides.append([min(max(end, -there / 2), there / 2) for end in ends])
    (left, right), (upper, lower) = sides
    return left, -lower, right, -upper


def _set_appearance(program: Program, appearance: Appearance) -> None:
    CALLS.glUniform1i(program["u_channel"], _CHANNELS.get(appearance.channel, 0))
    tone = appearance.brightness, appearance.contrast, 1 / appearance.gamma, appearance.local
    CALLS.glUniform4f(program["u_tone"], *tone)


def _set_photograph(
    program: Program, page: int, item: SurfaceItem, metres: tuple[float, float], middle: tuple[float, float] = (0, 0)
) -> None:
    """What both surfaces share. `metres`: what the photograph's width and height span on the surface at zoom 1;
    `middle`: the surface coordinates in the middle of what is drawn."""
    window, (width, height), zoom = item.pages, item.size, item.view.zoom
    # Differences of large numbers are taken here, in double precision; what the shader gets is small.
    per_tile = TILE * 2.0**-window.level
    x, y = window.col * per_tile, window.row * per_tile
    u, v = (center + s / zoom for center, s in zip(item.view.center, middle, strict=True))
    CALLS.glUniform1i(program["u_page"], page)
    CALLS.glUniform2i(program["u_window"], window.cols, window.rows)
    CALLS.glUniform1f(program["u_tiles_per_pixel"], 1 / per_tile)
    CALLS.glUniform4ui(program["u_outside"], *pages.outside(window))
    CALLS.glUniform2f(program["u_center"], u * width - x, v * height - y)
    CALLS.glUniform2f(program["u_per_metre"], width / (zoom * metres[0]), height / (zoom * metres[1]))
    CALLS.glUniform4f(program["u_photograph"], -x, -y, width - x, height - y)
    CALLS.glUniform1f(program["u_hair"], 0.01 * 2.0 ** -max(window.level, 0))


class _Cap:
    """The retina's triangles, on the unit sphere."""

    def __init__(self) -> None:
        from vr_app.gl.meshes import UNIT, retina_mesh

        mesh = retina_mesh(UNIT, reach=CAP_ANGLE + _CAP_MARGIN)
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
        CALLS.glBindVertexArray(self._vertices)
        # Faces look inward: from outside, where the sphere's back hides the photograph, nothing is drawn.
        CALLS.glEnable(GL.GL_CULL_FACE)
        GL.glDrawElements(GL.GL_TRIANGLES, self._count, GL.GL_UNSIGNED_INT, ctypes.c_void_p(0))
        CALLS.glDisable(GL.GL_CULL_FACE)

    def close(self) -> None:
        GL.glDeleteVertexArrays(1, [self._vertices])
        GL.glDeleteBuffers(2, self._buffers)


@lru_cache(maxsize=64)
def _linear(colour: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """An sRGB colour with straight alpha, 0 to 1, as linear light (IEC 61966-2-1); alpha stays."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3])
    return red, green, blue, colour[3]
