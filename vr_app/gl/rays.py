"""Draw the hands' pointers: beams, and a dot where one hits something."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vr_app.core.scene.scene import RayItem
from vr_app.core.space.pose import Eye
from vr_app.gl import objects
from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL
from vr_app.gl.objects import Program

_BEAM_WIDTH = 0.004
"""Metres."""

_DOT_ANGLE = 0.005
"""Radius of a pointer's dot, in radians as the eye sees it."""


class RayRenderer:
    """Draws beams. It makes GL objects only at its start."""

    def __init__(self) -> None:
        self._program = Program("ray.vert", "ray.frag")
        self._no_vertices = objects.vertex_array()

    def draw(self, rays: Sequence[RayItem], eye: Eye, to_clip: np.ndarray, program: Program | None = None) -> None:
        """Draw beams as `eye` sees them. `to_clip` (4, 4): world to clip coordinates. `program`: another program, which
        draws the same shapes with something other than colour."""
        program = program or self._program
        program.use()
        CALLS.glBindVertexArray(self._no_vertices)
        program.set_matrix(to_clip)
        CALLS.glUniform3f(program["u_eye"], *eye.pose.position)
        for ray in rays:
            CALLS.glUniform1f(program["u_width"], _BEAM_WIDTH * ray.width)
            CALLS.glUniform3f(program["u_start"], *ray.start)
            CALLS.glUniform3f(program["u_end"], *ray.end)
            CALLS.glUniform1f(program["u_dot"], 0.0)
            GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, 4)
            if ray.hits:
                distance = float(np.linalg.norm(np.subtract(ray.end, eye.pose.position)))
                CALLS.glUniform1f(program["u_dot"], _DOT_ANGLE * ray.width * distance)
                GL.glDrawArrays(GL.GL_TRIANGLE_STRIP, 0, 4)

    def close(self) -> None:
        """Delete all GL objects. May be called twice."""
        self._program.close()
        if self._no_vertices:
            GL.glDeleteVertexArrays(1, [self._no_vertices])
            self._no_vertices = 0
