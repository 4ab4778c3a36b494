"""The depth of each pixel of an eye's picture, for a headset's runtime that reprojects the picture to the head's latest
pose.

Pictures are painted in order, without depth. So the same shapes are drawn once more in the same order, as depth alone.
"""

from __future__ import annotations

import math

import numpy as np

from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import BEZEL, Panel, Retina
from vr_app.gl import objects
from vr_app.gl.calls import CALLS
from vr_app.gl.cap import Cap
from vr_app.gl.context import GL
from vr_app.gl.objects import Program
from vr_app.gl.room import REACH

_LYING = (-math.sqrt(0.5), 0.0, 0.0, math.sqrt(0.5))
"""Orientation of a sheet on the floor, seen from above."""


class DepthTarget:
    """A framebuffer over somebody else's depth texture (a swapchain image), which it never deletes.

    The stored depth is 0 at `pose.NEAR` metres in front of the eye and 1 at `pose.FAR`; the projection sets the rest.
    """

    def __init__(self, texture: int, size: tuple[int, int]) -> None:
        self._size = size
        self._handle = objects.framebuffer()
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._handle)
        GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, GL.GL_DEPTH_ATTACHMENT, GL.GL_TEXTURE_2D, texture, 0)
        GL.glDrawBuffer(GL.GL_NONE)
        GL.glReadBuffer(GL.GL_NONE)
        status = GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER)
        if status != GL.GL_FRAMEBUFFER_COMPLETE:
            raise RuntimeError(f"depth of {size[0]} x {size[1]} pixels is incomplete: GL status {status:#x}")

    def clear(self) -> None:
        """Draw into it from now on. It starts empty, and what is drawn last counts."""
        for unwanted in (GL.GL_STENCIL_TEST, GL.GL_SCISSOR_TEST, GL.GL_CULL_FACE):
            CALLS.glDisable(unwanted)
        CALLS.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._handle)
        CALLS.glViewport(0, 0, *self._size)
        CALLS.glEnable(GL.GL_DEPTH_TEST)  # without it no depth is stored
        GL.glDepthFunc(GL.GL_ALWAYS)
        GL.glClear(GL.GL_DEPTH_BUFFER_BIT)

    def close(self) -> None:
        """Delete the framebuffer. May be called twice."""
        if self._handle:
            GL.glDeleteFramebuffers(1, [self._handle])
            self._handle = 0


class DepthRenderer:
    """Draws shapes into the bound framebuffer. It makes GL objects only at its start.

    `label`, `ray`: programs that draw in depth what `vr_app.gl.labels` and `vr_app.gl.rays` draw in colour. `text`:
    what the former defines.
    """

    def __init__(self, text: tuple[str, ...]) -> None:
        self.label = Program("label.vert", "depth.frag", text)
        self.ray = Program("ray.vert", "depth.frag")
        self._panel = Program("panel.vert", "depth.frag")
        self._retina = Program("retina.vert", "depth.frag")
        self._sheet = Program("sheet.vert", "depth.frag")
        self._no_vertices = objects.vertex_array()

    def draw_panel(self, panel: Panel, to_clip: np.ndarray) -> None:
        """Draw a panel with its bezel. `to_clip`, here and below: 4x4, world to clip coordinates."""
        left, lower, right, upper = panel.edges
        pieces = panel.drawn.columns
        self._use(self._panel, panel.pose, to_clip)
        CALLS.glUniform4f(self._panel["u_inner"], left - BEZEL, lower - BEZEL, right + BEZEL, upper + BEZEL)
        CALLS.glUniform1f(self._panel["u_bend"], panel.bend)
        CALLS.glUniform1i(self._panel["u_columns"], pieces)
        CALLS.glUniform1i(self._panel["u_ring"], 0)
        self._draw_front(2 * pieces + 2)

    def draw_retina(self, retina: Retina, to_clip: np.ndarray, cap: Cap) -> None:
        """Draw the retina, of which `cap` is the part of the unit sphere."""
        self._use(self._retina, retina.pose, to_clip)
        CALLS.glUniform1f(self._retina["u_radius"], retina.radius)
        cap.draw()

    def draw_sheet(self, panel: Panel, to_clip: np.ndarray) -> None:
        """Draw the control panel."""
        self._use(self._sheet, panel.pose, to_clip)
        CALLS.glUniform2f(self._sheet["u_half"], panel.width / 2, panel.height / 2)
        self._draw_front(4)

    def draw_floor(self, height: float, to_clip: np.ndarray) -> None:
        """Draw the whole floor, as far as it is visible; between its grid's lines there is nothing else."""
        self._use(self._sheet, Pose((0.0, height, 0.0), _LYING), to_clip)
        CALLS.glUniform2f(self._sheet["u_half"], REACH, REACH)
        self._draw_front(4)

    def _use(self, program: Program, pose: Pose, to_clip: np.ndarray) -> None:
        program.use()
        program.set_matrix(to_clip @ pose.matrix())

    def _draw_front(self, vertices: int) -> None:
        CALLS.glBindVertexArray(self._no_vertices)
        CALLS.glEnable(GL.GL_CULL_FACE)
        GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, vertices)
        CALLS.glDisable(GL.GL_CULL_FACE)

    def close(self) -> None:
        """Delete all GL objects. May be called twice."""
        for program in (self.label, self.ray, self._panel, self._retina, self._sheet):
            program.close()
        if self._no_vertices:
            GL.glDeleteVertexArrays(1, [self._no_vertices])
            self._no_vertices = 0
