"""Draw photographs on their surfaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from sr_core.image.geometry import TILE
from vr_app.core.scene import overlay
from vr_app.core.scene.composition import Face
from vr_app.core.scene.scene import Scene, SurfaceItem
from vr_app.core.scene.words import AI_COLOR
from vr_app.core.space.pose import Eye
from vr_app.core.space.surface import BEZEL, CAP_ANGLE, ImageView, Panel, Retina
from vr_app.core.tiles.page_table import ATLAS, EDGE
from vr_app.core.view.appearance import AS_PHOTOGRAPHED, LUMA, REGIONS, SAMPLES, Channel
from vr_app.gl import objects, units
from vr_app.gl.calls import CALLS
from vr_app.gl.cap import Cap
from vr_app.gl.colour import linear
from vr_app.gl.context import GL
from vr_app.gl.curves import CurveTextures
from vr_app.gl.objects import Program
from vr_app.gl.outline import OutlineRenderer
from vr_app.gl.tiles import BITS, CORNERS, LEVEL_ZERO, PAGE_WINDOWS, PageTextures, outside

_SOFT_EDGE = 0.006
"""Metres drawn beyond the bezel, for its antialiased edge."""

MOST_OVERLAYS = 8
"""The most layers that are drawn over a photograph."""

_COLOURS = {
    "u_ai_colour": AI_COLOR,
    "u_little": overlay.LITTLE,
    "u_much": overlay.MUCH,
    "u_restored": overlay.RESTORED_COLOUR,
}

_DEFINES = (
    f"TILE {TILE}.0",
    f"CORNERS {CORNERS}.0",
    f"LAYER_EDGE {ATLAS * EDGE}.0",
    f"LEVEL_ZERO {LEVEL_ZERO}u",
    *(f"{name} {bit}u" for name, bit in BITS.items() if bit),
    f"INVENTED_FROM {overlay.FROM}",
    f"INVENTED_FULL {overlay.FULL}",
    f"INVENTED_OPACITY {overlay.OPACITY}",
    f"REGIONS {REGIONS}.0",
    f"SAMPLES {SAMPLES}.0",
    f"LUMA vec3{LUMA}",
)
"""What `surface.frag` needs to know."""

_CHANNELS = {Channel.RED: 1, Channel.RED_FREE: 2, Channel.BLUE: 3}


class PhotographRenderer:
    """Draws surfaces with the tiles that the page table gives, and the outlines of regions over them.

    `finer`, here and below: the picture's pixels per pixel of the eye's, so that lines look equally wide.
    """

    def __init__(self) -> None:
        self._programs = SurfacePrograms()
        self._no_vertices = objects.vertex_array()
        self._cap: Cap | None = None
        self._pages = PageTextures()
        self._curves = CurveTextures(PAGE_WINDOWS, units.CURVES)
        self._outlines = OutlineRenderer()

    def prepare(self) -> None:
        """Make the objects that the first retina and the first adjusted photograph would otherwise make."""
        self.cap()
        for looks in ((True, False), (False, True), (True, True)):
            self._programs.of(_defines(*looks))

    def cap(self) -> Cap:
        """The retina's mesh, made for the first one."""
        if self._cap is None:
            self._cap = Cap()
        return self._cap

    @property
    def textures(self) -> dict[int, int]:
        """The array textures that must be bound while photographs are drawn, by their units."""
        return {units.PAGES: self._pages.texture, units.CURVES: self._curves.texture}

    def draw(self, scene: Scene, eye: Eye, to_clip: np.ndarray, finer: float = 1.0) -> None:
        """Draw a scene's surfaces as `eye` sees them. `to_clip` (4, 4): world to clip coordinates."""
        over = any(item.overlays for item in scene.surfaces)
        adjusted = scene.appearance != AS_PHOTOGRAPHED
        full = self._programs.of(_defines(adjusted, scene.invention, over))
        marked = scene.invention or adjusted
        for program in full:
            program.use()
            _set_look(program, scene, finer)
        for program in self._programs.plain:
            program.use()
            CALLS.glUniform1f(program["u_finer"], finer)
        # All page windows first: to change a texture that was drawn with, some drivers finish that drawing.
        for together in _batches(scene.surfaces):
            over_pages = self._show(together)
            for page, item in enumerate(together):
                inside = full if marked or item.overlays or self._pages.failed(page) else self._programs.plain
                if over:
                    for program in full:
                        program.use()
                        _set_overlays(program, over_pages[page], item.replaced)
                if isinstance(item.surface, Panel):
                    self._draw_panel(full[0], inside[0], page, item, item.surface, to_clip)
                else:
                    self._draw_retina(inside[1], page, item, item.surface, eye, to_clip)
                self._outlines.draw(item, eye, to_clip, finer)

    def draw_unrolled(self, scene: Scene, face: Face, finer: float) -> None:
        """Draw a scene's one retina on its own picture, unrolled by longitude and latitude."""
        (item,) = scene.surfaces
        adjusted = scene.appearance != AS_PHOTOGRAPHED
        defines, surface = _defines(adjusted, scene.invention, bool(item.overlays)), item.surface
        assert isinstance(surface, Retina)
        program = self._programs.unrolled(defines)
        program.use()
        _set_look(program, scene, finer)
        (over_pages,) = self._show(scene.surfaces)
        if item.overlays:
            _set_overlays(program, over_pages, item.replaced)
        CALLS.glUniform4f(program["u_bounds"], face.left, face.bottom, face.right, face.top)
        CALLS.glUniform2f(program["u_size"], surface.radius, CAP_ANGLE)
        _set_photograph(program, 0, item, _spanned(surface))
        CALLS.glBindVertexArray(self._no_vertices)
        GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, 4)
        self._outlines.draw_unrolled(item, face, finer)

    def close(self) -> None:
        """Delete all GL objects. May be called twice."""
        for owner in (self._programs, self._pages, self._curves, self._outlines):
            owner.close()
        if self._cap is not None:
            self._cap.close()
            self._cap = None
        if self._no_vertices:
            GL.glDeleteVertexArrays(1, [self._no_vertices])
            self._no_vertices = 0

    def _show(self, items: Sequence[SurfaceItem]) -> list[range]:
        """Put the photographs' data into the textures, from the first layer on; return for each item the layers of its
        overlays' page windows."""
        curves = [item.curves for item in items]
        if any(curves):
            self._curves.show(curves)
        CALLS.glActiveTexture(GL.GL_TEXTURE0 + units.PAGES)
        windows, found = [item.pages for item in items], []
        for item in items:
            found.append(range(len(windows), len(windows) + len(item.overlays)))
            windows += item.overlays
        self._pages.show(windows)
        return found

    def _draw_panel(
        self, ring: Program, inside: Program, page: int, item: SurfaceItem, surface: Panel, to_clip: np.ndarray
    ) -> None:
        drawn = surface.drawn
        to_clip = to_clip @ drawn.to_world
        width, height = drawn.size
        right, top = (edge / 2 + BEZEL + _SOFT_EDGE for edge in (width, height))
        CALLS.glBindVertexArray(self._no_vertices)
        CALLS.glEnable(GL.GL_CULL_FACE)  # a panel has no back
        for program, around, vertices in ((ring, 1, 4 * drawn.columns + 6), (inside, 0, 2 * drawn.columns + 2)):
            if program is self._programs.plain[0]:
                CALLS.glDisable(GL.GL_BLEND)  # nothing shows through
            program.use()
            program.set_matrix(to_clip)
            _set_photograph(program, page, item, (surface.width, surface.height), drawn.middle)
            CALLS.glUniform2f(program["u_size"], width / 2, height / 2)
            CALLS.glUniform1f(program["u_bezel"], BEZEL)
            CALLS.glUniform4f(program["u_inner"], *_interior(item.view, surface))
            CALLS.glUniform4f(program["u_outer"], -right, -top, right, top)
            CALLS.glUniform1f(program["u_bend"], surface.bend)
            CALLS.glUniform1i(program["u_columns"], drawn.columns)
            CALLS.glUniform1i(program["u_ring"], around)
            GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, vertices)
        CALLS.glEnable(GL.GL_BLEND)
        CALLS.glDisable(GL.GL_CULL_FACE)

    def _draw_retina(
        self, program: Program, page: int, item: SurfaceItem, surface: Retina, eye: Eye, to_clip: np.ndarray
    ) -> None:
        cap = self.cap()
        program.use()
        program.set_matrix(to_clip @ surface.pose.matrix())
        inside = surface.pose.inverse_matrix()
        CALLS.glUniform3f(program["u_eye"], *(inside[:3, :3] @ eye.pose.position + inside[:3, 3]).tolist())
        CALLS.glUniform1f(program["u_radius"], surface.radius)
        CALLS.glUniform2f(program["u_size"], surface.radius, CAP_ANGLE)
        _set_photograph(program, page, item, _spanned(surface))
        cap.draw()


class SurfacePrograms:
    """The programs that draw photographs, each pair for panels and for the retina."""

    def __init__(self) -> None:
        self._full: dict[tuple[str, ...], tuple[Program, Program]] = {(): self._pair()}
        self.plain = self._pair("PLAIN")
        """For a panel's interior and for the retina, if nothing lies over the photograph: less than half the cost."""
        self._unrolled: dict[tuple[str, ...], Program] = {}

    def of(self, defines: tuple[str, ...]) -> tuple[Program, Program]:
        """Return the programs for everything in `defines`. Unadjusted photographs do not pay for adjustments, nor those
        without an overlay for overlays."""
        if defines not in self._full:
            self._full[defines] = self._pair(*defines)
        return self._full[defines]

    def unrolled(self, defines: tuple[str, ...]) -> Program:
        """Return the program for the retina's own picture; the first call makes it."""
        if defines not in self._unrolled:
            self._unrolled[defines] = self._program("unrolled.vert", *defines, "RETINA", "UNROLLED")
        return self._unrolled[defines]

    def _pair(self, *defines: str) -> tuple[Program, Program]:
        return self._program("panel.vert", *defines), self._program("retina.vert", *defines, "RETINA")

    def _program(self, vertex: str, *defines: str) -> Program:
        """Return a program with its constants set."""
        program = Program(vertex, "surface.frag", (*_DEFINES, *defines))
        program.use()
        CALLS.glUniform1i(program["u_tiles"], units.TILES)
        CALLS.glUniform1i(program["u_pages"], units.PAGES)
        CALLS.glUniform1i(program["u_curves"], units.CURVES)
        for name, colour in _COLOURS.items():
            CALLS.glUniform3f(program[name], *linear(colour)[:3])
        return program

    def close(self) -> None:
        """Delete all programs. May be called twice."""
        for program in (*chain.from_iterable(self._full.values()), *self.plain, *self._unrolled.values()):
            program.close()


def _defines(adjusted: bool, invention: bool, over: bool = False) -> tuple[str, ...]:
    wanted = {"ADJUSTED": adjusted, "INVENTION": invention, f"OVERLAYS {MOST_OVERLAYS}": over}
    return tuple(name for name, asked in wanted.items() if asked)


def _batches(items: Sequence[SurfaceItem]) -> Iterator[list[SurfaceItem]]:
    """Yield the items in order, in batches whose page windows fit together."""
    together: list[SurfaceItem] = []
    windows = 0
    for item in items:
        needed = 1 + len(item.overlays)
        if windows + needed > PAGE_WINDOWS:
            yield together
            together, windows = [], 0
        together.append(item)
        windows += needed
    if together:
        yield together


def _spanned(retina: Retina) -> tuple[float, float]:
    """Return the metres that the photograph's width and height span on the retina at zoom 1."""
    return retina.radians_u * retina.radius, retina.radians_v * retina.radius


def _interior(view: ImageView, panel: Panel) -> tuple[float, float, float, float]:
    """Return the left, lower, right and upper edge of the part of a panel that shows the photograph, in metres from the
    middle of what is there of the panel."""
    sides = []
    spans, drawn = (panel.width, panel.height), panel.drawn
    for whole, center, off, there in zip(spans, view.center, drawn.middle, drawn.size, strict=True):
        ends = ((at * view.zoom - off) * whole for at in (-center, 1 - center))
        sides.append([min(max(end, -there / 2), there / 2) for end in ends])
    (left, right), (upper, lower) = sides
    return left, -lower, right, -upper


def _set_overlays(program: Program, over_pages: range, replacing: int) -> None:
    """Set the page windows of the layers over a photograph, of which the first `replacing` take its place; beyond
    MOST_OVERLAYS the last ones are left out."""
    shown = over_pages[:MOST_OVERLAYS]
    CALLS.glUniform1i(program["u_replacing"], replacing)
    CALLS.glUniform1i(program["u_overlays"], len(shown))
    CALLS.glUniform1i(program["u_first_overlay"], shown.start)


def _set_look(program: Program, scene: Scene, finer: float) -> None:
    """Set what all photographs of a scene share."""
    CALLS.glUniform1f(program["u_finer"], finer)
    appearance = scene.appearance
    CALLS.glUniform1i(program["u_channel"], _CHANNELS.get(appearance.channel, 0))
    tone = appearance.brightness, appearance.contrast, 1 / appearance.gamma, appearance.local
    CALLS.glUniform4f(program["u_tone"], *tone)


def _set_photograph(
    program: Program, page: int, item: SurfaceItem, metres: tuple[float, float], middle: tuple[float, float] = (0, 0)
) -> None:
    """Set what both surfaces share. `metres`: what the photograph's width and height span on the surface at zoom 1;
    `middle`: the surface coordinates in the middle of what is drawn."""
    window, (width, height), zoom = item.pages, item.size, item.view.zoom
    # Differences of large numbers are taken here, in double precision; what the shader gets is small.
    per_tile = TILE * 2.0**-window.level
    x, y = window.col * per_tile, window.row * per_tile
    u, v = (center + s / zoom for center, s in zip(item.view.center, middle, strict=True))
    CALLS.glUniform1i(program["u_page"], page)
    CALLS.glUniform3f(program["u_mean"], *item.stretched_about)
    CALLS.glUniform2i(program["u_window"], window.cols, window.rows)
    CALLS.glUniform1f(program["u_tiles_per_pixel"], 1 / per_tile)
    CALLS.glUniform4ui(program["u_outside"], *outside(window))
    CALLS.glUniform2f(program["u_center"], u * width - x, v * height - y)
    CALLS.glUniform2f(program["u_per_metre"], width / (zoom * metres[0]), height / (zoom * metres[1]))
    CALLS.glUniform4f(program["u_photograph"], -x, -y, width - x, height - y)
    CALLS.glUniform1f(program["u_hair"], 0.01 * 2.0 ** -max(window.level, 0))
