"""Turn the scene's plain values into pixels."""

from __future__ import annotations

from sr_core.image.geometry import Rect
from vr_app.core.scene.composition import SHARPER, Layered, flat_eye
from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Eye
from vr_app.core.space.surface import Panel
from vr_app.gl import units
from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL
from vr_app.gl.depth import DepthRenderer, DepthTarget
from vr_app.gl.labels import LabelRenderer, text_defines
from vr_app.gl.objects import Framebuffer
from vr_app.gl.photographs import PhotographRenderer
from vr_app.gl.rays import RayRenderer
from vr_app.gl.room import ROOM_COLOUR, RoomRenderer
from vr_app.gl.sheet import SheetPicture
from vr_app.gl.tiles import TileArray


class Renderer:
    """Draws scenes, with tiles out of `tiles`.

    Makes no GL object in a frame, once `prepare_retina` has been called. Belongs to the thread and the context that it
    was made in.
    """

    def __init__(self, tiles: TileArray) -> None:
        self._photographs = PhotographRenderer()
        self._labels = LabelRenderer()
        self._rays = RayRenderer()
        self._room = RoomRenderer()
        self._depth: DepthRenderer | None = None
        self._arrays = {units.TILES: tiles.texture, **self._photographs.textures}
        self._letters = self._labels.texture
        self.sheets: SheetPicture | None = None
        """The picture on the control panel; its maker closes it."""

    def prepare_retina(self) -> None:
        """Make the retina's mesh, which imports trimesh (about a second), and the programs for adjusted photographs, if
        they do not exist yet.

        Call it when a pause goes unnoticed; otherwise the first retina drawn pays for it.
        """
        self._photographs.prepare()

    def draw(self, framebuffer: Framebuffer, eye: Eye, scene: Scene, part: Rect | None = None) -> None:
        """Draw `scene` as `eye` sees it, replacing the content of `framebuffer`. `part`: only these pixels, counted
        from the lower left corner; None: all."""
        framebuffer.bind()
        self._begin(scene, part)
        to_clip = eye.to_clip
        if scene.floor is not None:
            self._room.draw_floor(scene.floor, eye.size, to_clip)
        if scene.surfaces:
            self._photographs.draw(scene, eye, to_clip)
        if scene.labels:
            self._labels.draw(scene.labels, to_clip)
        if scene.sheet is not None and self.sheets is not None:
            self.sheets.draw(scene.sheet, to_clip)
        if scene.rays:
            self._rays.draw(scene.rays, eye, to_clip)
        if scene.veil > 0:
            self._room.draw_veil(scene.veil)
        _end()

    def draw_depth(self, scene: Scene, target: DepthTarget, eye: Eye) -> None:
        """Draw the depth of everything that `draw` shows. The first call makes the programs for it."""
        if self._depth is None:
            self._depth = DepthRenderer(text_defines())
        depth, to_clip = self._depth, eye.to_clip
        target.clear()
        if scene.floor is not None:
            depth.draw_floor(scene.floor, to_clip)
        for item in scene.surfaces:
            if isinstance(item.surface, Panel):
                depth.draw_panel(item.surface, to_clip)
            else:
                depth.draw_retina(item.surface, to_clip, self._photographs.cap())
        if scene.labels:
            self._labels.draw(scene.labels, to_clip, depth.label)
        if scene.sheet is not None and self.sheets is not None:
            depth.draw_sheet(scene.sheet.surface, to_clip)
        if scene.rays:
            self._rays.draw(scene.rays, eye, to_clip, depth.ray)
        CALLS.glDisable(GL.GL_DEPTH_TEST)
        _end()

    def draw_face(self, framebuffer: Framebuffer, layered: Layered) -> None:
        """Draw the picture of a surface that a headset's runtime shows by itself."""
        framebuffer.bind()
        self._begin(layered.content)
        if isinstance(layered.surface, Panel):
            eye = flat_eye(layered.face)
            self._photographs.draw(layered.content, eye, eye.to_clip, SHARPER)
            self._labels.draw(layered.content.labels, eye.to_clip)
        else:
            self._photographs.draw_unrolled(layered.content, layered.face, SHARPER)
        _end()

    def close(self) -> None:
        """Delete all GL objects, except the tiles. May be called twice."""
        for owner in (self._photographs, self._labels, self._rays, self._room):
            owner.close()
        if self._depth is not None:
            self._depth.close()

    def _begin(self, scene: Scene, part: Rect | None = None) -> None:
        """Clear what is bound, or a part of it, and bind the textures that are drawn with."""
        _set_state()
        if part is not None:
            CALLS.glEnable(GL.GL_SCISSOR_TEST)
            CALLS.glScissor(part.x, part.y, part.w, part.h)
        CALLS.glClearColor(*((*ROOM_COLOUR, 1.0) if scene.backdrop else (0.0, 0.0, 0.0, 0.0)))
        GL.glClear(GL.GL_COLOR_BUFFER_BIT)
        CALLS.glActiveTexture(GL.GL_TEXTURE0 + units.TEXT)
        CALLS.glBindTexture(GL.GL_TEXTURE_2D, self._letters)
        for unit, texture in self._arrays.items():
            CALLS.glActiveTexture(GL.GL_TEXTURE0 + unit)
            CALLS.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, texture)


def _end() -> None:
    """Reset any state that would disturb the runtime."""
    CALLS.glDisable(GL.GL_SCISSOR_TEST)
    CALLS.glBindVertexArray(0)
    CALLS.glActiveTexture(GL.GL_TEXTURE0)


def _set_state() -> None:
    """Set the state that drawing relies on, because an OpenXR runtime uses the same context between frames. The
    stencil's state belongs to the framebuffer."""
    for unwanted in (GL.GL_DEPTH_TEST, GL.GL_SCISSOR_TEST, GL.GL_CULL_FACE, GL.GL_DITHER):
        CALLS.glDisable(unwanted)
    CALLS.glEnable(GL.GL_BLEND)
    CALLS.glBlendEquation(GL.GL_FUNC_ADD)
    CALLS.glBlendFunc(GL.GL_ONE, GL.GL_ONE_MINUS_SRC_ALPHA)
    CALLS.glColorMask(True, True, True, True)
