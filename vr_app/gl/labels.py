"""Turn lines of text into pixels, each on its plate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vr_app.core.scene.scene import PLATE_X, PLATE_Y, LabelItem
from vr_app.gl import objects, units
from vr_app.gl.calls import CALLS
from vr_app.gl.colour import linear
from vr_app.gl.context import GL
from vr_app.gl.objects import Program
from vr_app.gl.text import EM, GLYPHS_DRAWN, LetterTexture, letters, line


def text_defines() -> tuple[str, ...]:
    """Return what `label.vert` needs to know about the letters."""
    return f"GLYPHS {GLYPHS_DRAWN}", f"EM {EM}.0", f"ROW_HEIGHT {letters().row_height}.0"


class LabelRenderer:
    """Draws labels. It makes GL objects only at its start."""

    def __init__(self) -> None:
        self._program = Program("label.vert", "label.frag", text_defines())
        self._letters = LetterTexture()
        self._no_vertices = objects.vertex_array()
        self._program.use()
        CALLS.glUniform1i(self._program["u_ink"], units.TEXT)

    @property
    def texture(self) -> int:
        """The letters; bound to `units.TEXT` while labels are drawn."""
        return self._letters.texture

    def draw(self, labels: Sequence[LabelItem], to_clip: np.ndarray, program: Program | None = None) -> None:
        """Draw labels in order. `to_clip` (4, 4): world to clip coordinates. `program`: another program, which draws
        the same shapes with something other than colour."""
        program = program or self._program
        program.use()
        CALLS.glBindVertexArray(self._no_vertices)
        texts = [line(label.text) for label in labels]
        CALLS.glActiveTexture(GL.GL_TEXTURE0 + units.TEXT)
        self._letters.update()
        for label, text in zip(labels, texts, strict=True):
            program.set_matrix(to_clip @ label.pose.matrix() * (label.height, label.height, label.height, 1.0))
            CALLS.glUniform1f(program["u_bend"], label.bend * label.height)
            long, beyond = (label.wide, 0.0) if label.wide else (text.advance, PLATE_X)
            start = -label.align * long
            CALLS.glUniform4f(program["u_plate"], start - beyond, -PLATE_Y, start + long + beyond, PLATE_Y)
            CALLS.glUniform2f(program["u_start"], start, letters().top)
            CALLS.glUniform4f(program["u_colour"], *linear(label.color))
            CALLS.glUniform4f(program["u_background"], *linear(label.background))
            # One call draws the plate and the letters that there is room for; the first vertices are the plate's.
            for at in range(0, max(len(text.glyphs), 1), GLYPHS_DRAWN):
                glyphs = text.glyphs[at : at + GLYPHS_DRAWN]
                CALLS.glUniform4fv(program["u_glyphs"], len(glyphs), glyphs.tobytes())
                first = 0 if at == 0 else 6
                GL.glDrawArrays(GL.GL_TRIANGLES, first, 6 * (len(glyphs) + 1) - first)

    def close(self) -> None:
        """Delete all GL objects. May be called twice."""
        self._program.close()
        self._letters.close()
        if self._no_vertices:
            GL.glDeleteVertexArrays(1, [self._no_vertices])
            self._no_vertices = 0
