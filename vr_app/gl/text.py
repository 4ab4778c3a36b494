"""Words from one texture that holds every letter."""

from __future__ import annotations

import ctypes
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vr_app.gl import objects
from vr_app.gl.context import GL

EM = 64
"""Texels per em. Labels are seen smaller than this; mipmaps do the rest."""

MIPMAPS = 4
"""Halvings of the texture that are used; further ones would mix neighbouring letters."""

GLYPHS_DRAWN = 128
"""Letters that one call draws, as `label.vert` has room for: every driver has it for 256 vectors in all."""

_MARGIN = EM // 8
"""Empty texels around each letter."""

_WIDTH = 1024
"""Of the texture."""

_DRAWN = tuple(chr(code) for code in range(0x20, 0x7F)) + tuple("©«°±´·»‘’“”…‹›⁄™")
_NEAREST = str.maketrans({"×": "x", "µ": "u", "μ": "u", "–": "-", "—": "-", "−": "-", "•": "·", "ß": "ss"})
_CAP_MIDDLE = 0.36
"""Half the height of a capital letter above the baseline, in em: what `LabelItem` calls the text's middle."""


@dataclass(frozen=True)
class Letters:
    """How much ink covers each texel: `coverage` (h, w) uint8, EM texels per em, in rows of `row_height` texels.

    `places`: each letter's first column, width and row. Its ink begins `_MARGIN` right of that column, and right of the
    pen by its `bearings`. `top`: em from the text's middle up to a row's first texel.
    """

    coverage: np.ndarray
    places: dict[str, tuple[int, int, int]]
    bearings: dict[str, float]
    row_height: int
    top: float


@dataclass(frozen=True)
class Line:
    """A line of text in em from the point on its left end at half the height of its capitals.

    `glyphs` (n, 4) float32: each letter's left edge (em), and its column, width and row in `Letters`. `advance`: the
    width of the text.
    """

    glyphs: np.ndarray
    advance: float


def drawable(text: str) -> str:
    """The line in the letters that the embedded font has: accents are left off, what is strange to it becomes '?'."""
    plain = unicodedata.normalize("NFKD", text.translate(_NEAREST))
    return "".join(c if c in _DRAWN else "?" for c in plain if not unicodedata.combining(c))


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    """The embedded Aileron."""
    return ImageFont.load_default(EM)


@lru_cache(maxsize=1)
def letters() -> Letters:
    """Every letter of the embedded font, drawn once."""
    font = _font()
    ascent, descent = font.getmetrics()
    row_height = ascent + descent + 2 * _MARGIN
    places, bearings = {}, {}
    column = row = 0
    for letter in _DRAWN:
        left, _, right, _ = font.getbbox(letter)
        width = int(right - left) + 2 * _MARGIN
        if column + width > _WIDTH:
            column, row = 0, row + 1
        places[letter], bearings[letter] = (column, width, row), left
        column += width
    image = Image.new("L", (_WIDTH, (row + 1) * row_height))
    pen = ImageDraw.Draw(image)
    for letter, (column, _, row) in places.items():
        pen.text((column + _MARGIN - bearings[letter], row * row_height + _MARGIN), letter, fill=255, font=font)
    top = (_MARGIN + ascent) / EM - _CAP_MIDDLE
    return Letters(np.asarray(image), places, bearings, row_height, top)


@lru_cache(maxsize=8192)
def _advance(pair: str) -> float:
    """Texels from a pair's first letter to its second, which may stand closer than the first alone would have it."""
    return _font().getlength(pair) - _font().getlength(pair[1])


@lru_cache(maxsize=256)
def line(text: str) -> Line:
    """Where the letters of a line stand."""
    drawn = drawable(text)
    known = letters()
    glyphs = np.zeros((len(drawn), 4), np.float32)
    pen = 0.0
    for n, letter in enumerate(drawn):
        glyphs[n] = ((pen + known.bearings[letter] - _MARGIN) / EM, *known.places[letter])
        pen += _advance(drawn[n : n + 2]) if n + 1 < len(drawn) else _font().getlength(letter)
    return Line(glyphs[[letter != " " for letter in drawn]], pen / EM)


class LetterTexture:
    """`letters` on the graphics card, the coverage in red."""

    def __init__(self) -> None:
        pixels = np.ascontiguousarray(letters().coverage)
        height, width = pixels.shape
        self.texture = objects.texture()
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.texture)
        for name, value in (
            (GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_LINEAR),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_MAX_LEVEL, MIPMAPS),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, name, value)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
        GL.glTexImage2D(
            GL.GL_TEXTURE_2D, 0, GL.GL_R8, width, height, 0, GL.GL_RED, GL.GL_UNSIGNED_BYTE,
            ctypes.c_void_p(pixels.ctypes.data),
        )  # fmt: skip
        GL.glGenerateMipmap(GL.GL_TEXTURE_2D)

    def close(self) -> None:
        """Give the texture back. May be called twice."""
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
            self.texture = 0
