"""What surrounds the panels: a dim room with a grid on its floor, and the veil over a change of scene."""

from __future__ import annotations

import numpy as np

from vr_app.gl import objects
from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL
from vr_app.gl.objects import Program

ROOM_COLOUR = (0.0052, 0.0056, 0.0063)
"""Linear light: dim and neutral, about 15 of 255 when encoded."""

REACH = 7.0
"""How far the floor is visible, in metres."""

LINES, PIECES = 13, 28
"""Lines of the floor's grid in each direction, one metre apart, and the half-metre pieces of each. The floor between
them is not drawn: in software that took 35 ms for each of a headset's eyes."""


class RoomRenderer:
    """Draws floor and veil. It makes GL objects only at its start."""

    def __init__(self) -> None:
        self._floor = Program("room.vert", "room.frag", (f"LINES {LINES}", f"PIECES {PIECES}"))
        self._veil = Program("veil.vert", "veil.frag")
        self._no_vertices = objects.vertex_array()
        self._floor.use()
        CALLS.glUniform1f(self._floor["u_reach"], REACH)

    def draw_floor(self, height: float, size: tuple[int, int], to_clip: np.ndarray) -> None:
        """Draw the floor's grid at a height in metres, over the present content, in a picture of `size` pixels.
        `to_clip` (4, 4): world to clip coordinates."""
        self._floor.use()
        self._floor.set_matrix(to_clip)
        CALLS.glUniform1f(self._floor["u_floor"], height)
        CALLS.glUniform2f(self._floor["u_half_size"], size[0] / 2, size[1] / 2)
        CALLS.glBindVertexArray(self._no_vertices)
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, 2 * LINES * PIECES * 6)

    def draw_veil(self, shade: float) -> None:
        """Darken everything, by 0 to 1."""
        self._veil.use()
        CALLS.glUniform4f(self._veil["u_colour"], *(part * shade for part in ROOM_COLOUR), shade)
        CALLS.glBindVertexArray(self._no_vertices)
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, 3)

    def close(self) -> None:
        """Delete all GL objects. May be called twice."""
        self._floor.close()
        self._veil.close()
        if self._no_vertices:
            GL.glDeleteVertexArrays(1, [self._no_vertices])
            self._no_vertices = 0
