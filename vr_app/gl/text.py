"""Text from one texture that holds every letter."""

from __future__ import annotations

import ctypes
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vr_app.fonts import all_fonts
from vr_app.gl import objects
from vr_app.gl.context import GL

EM = 64
"""Texels per em. Labels are seen smaller than this; mipmaps do the rest."""

MIPMAPS = 4
"""Halvings of the texture that are used; further ones would mix neighbouring letters."""

GLYPHS_DRAWN = 128
"""The number of letters that one call draws: `label.vert` has space for that many, because every driver allows 256
vectors in all."""

_MARGIN = EM // 8
"""Empty texels around each letter."""

_SIZE = 1024, 2048
"""Size of the texture; it holds some 420 letters."""

_FIRST = "".join(chr(code) for code in range(0x20, 0x7F)) + "·×…°µ"
"""The letters that are drawn before the first picture; others are drawn when first used."""

UNKNOWN = "?"
"""Stands for letters that no font has."""

_CAP_MIDDLE = 0.365
"""Half the height of a capital letter above the baseline, in em: what `LabelItem` calls the text's middle."""


@dataclass(frozen=True)
class Line:
    """A line of text in em from the point on its left end at half the height of its capitals.

    `glyphs` (n, 4) float32: each letter's left edge (em), and its column, width and row in `Letters`. `advance`: the
    width of the text.
    """

    glyphs: np.ndarray
    advance: float


class Letters:
    """The letters met so far, drawn into one picture: in rows of `row_height` texels, EM texels per em.

    `coverage` (h, w) uint8: how much ink covers each texel. `places`: each letter's first column, width and row. Its
    ink begins `_MARGIN` right of that column, and right of the pen by its `bearings`. `top`: em from the text's middle
    up to a row's first texel. `met` counts the letters.
    """

    def __init__(self, fonts: Sequence[Path]) -> None:
        self._files = list(fonts)
        self._fonts = [ImageFont.truetype(str(self._files[0]), EM)]
        ascent, descent = self._fonts[0].getmetrics()
        self._ascent = ascent
        self.row_height = ascent + descent + 2 * _MARGIN
        self.top = (_MARGIN + ascent) / EM - _CAP_MIDDLE
        self.coverage = np.zeros(_SIZE[::-1], np.uint8)
        self.places: dict[str, tuple[int, int, int]] = {}
        self.bearings: dict[str, float] = {}
        self._of: dict[str, ImageFont.FreeTypeFont] = {}
        self._column = self._row = 0
        for letter in _FIRST:
            self.meet(letter)

    @property
    def met(self) -> int:
        return len(self.places)

    def meet(self, letter: str) -> str:
        """Draw a letter if it is new. Returns what to show: the letter, or UNKNOWN if no font has it or no room is
        left."""
        if letter in self.places:
            return letter
        font = self._font_of(letter)
        if font is None:
            return UNKNOWN
        left, _, right, _ = font.getbbox(letter)
        width = int(right - left) + 2 * _MARGIN
        if self._column + width > _SIZE[0]:
            self._column, self._row = 0, self._row + 1
        if (self._row + 1) * self.row_height > _SIZE[1]:
            return UNKNOWN
        self.places[letter], self.bearings[letter] = (self._column, width, self._row), left
        self._of[letter] = font
        image = Image.new("L", (width, self.row_height))
        pen = ImageDraw.Draw(image)
        pen.text((_MARGIN - left, _MARGIN + self._ascent), letter, fill=255, font=font, anchor="ls")
        top = self._row * self.row_height
        self.coverage[top : top + self.row_height, self._column : self._column + width] = np.asarray(image)
        self._column += width
        return letter

    def advance(self, pair: str) -> float:
        """Return the texels from a pair's first letter to its second, with kerning; for a single letter, to its end."""
        font = self._of[pair[0]]
        if len(pair) == 1 or self._of[pair[1]] is not font:
            return font.getlength(pair[0])
        return font.getlength(pair) - font.getlength(pair[1])

    def _font_of(self, letter: str) -> ImageFont.FreeTypeFont | None:
        """Return the first font that has it; further fonts are opened when needed."""
        for number, file in enumerate(self._files):
            if number == len(self._fonts):
                self._fonts.append(ImageFont.truetype(str(file), EM))
            if has_letter(self._fonts[number], letter):
                return self._fonts[number]
        return None


def has_letter(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Whether a font can draw a letter: one that it lacks looks like one that no font has."""
    return letter == " " or _drawn(font, letter) != _missing(font)


@lru_cache(maxsize=4)
def _missing(font: ImageFont.FreeTypeFont) -> tuple[tuple[int, int], bytes]:
    """Return what a font draws for a letter that it lacks."""
    return _drawn(font, "\U0010fffe")


def _drawn(font: ImageFont.FreeTypeFont, letter: str) -> tuple[tuple[int, int], bytes]:
    """Return a letter's size in pixels, and the coverage of each pixel."""
    mask: Any = font.getmask(letter)  # Pillow's types leave out that it can be read as bytes
    return mask.size, bytes(mask)


def drawable(text: str) -> str:
    """Return the line in letters that can be drawn, composing them first: a letter that no font has becomes UNKNOWN."""
    known = letters()
    return "".join(known.meet(c) if c.isprintable() else UNKNOWN for c in unicodedata.normalize("NFC", text))


@lru_cache(maxsize=1)
def letters() -> Letters:
    """Return the letters of the bundled font, and of the system's fonts for those that it lacks."""
    return Letters(all_fonts())


@lru_cache(maxsize=256)
def line(text: str) -> Line:
    """Return the positions of a line's letters."""
    drawn = drawable(text)
    known = letters()
    glyphs = np.zeros((len(drawn), 4), np.float32)
    pen = 0.0
    for n, letter in enumerate(drawn):
        glyphs[n] = ((pen + known.bearings[letter] - _MARGIN) / EM, *known.places[letter])
        pen += known.advance(drawn[n : n + 2])
    return Line(glyphs[[letter != " " for letter in drawn]], pen / EM)


class LetterTexture:
    """`letters` on the graphics card, the coverage in red."""

    def __init__(self) -> None:
        width, height = _SIZE
        self._met = 0
        self.texture = objects.texture()
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.texture)
        for name, value in (
            (GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_LINEAR),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_MAX_LEVEL, MIPMAPS),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, name, value)
        GL.glTexImage2D(
            GL.GL_TEXTURE_2D, 0, GL.GL_R8, width, height, 0, GL.GL_RED, GL.GL_UNSIGNED_BYTE, ctypes.c_void_p(None)
        )
        self.update()

    def update(self) -> None:
        """Upload the letters met since the last call: this takes a millisecond or two if there are any. The texture is
        bound."""
        known = letters()
        if known.met == self._met:
            return
        self._met = known.met
        width, height = _SIZE
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
        GL.glTexSubImage2D(
            GL.GL_TEXTURE_2D, 0, 0, 0, width, height, GL.GL_RED, GL.GL_UNSIGNED_BYTE,
            ctypes.c_void_p(known.coverage.ctypes.data),
        )  # fmt: skip
        GL.glGenerateMipmap(GL.GL_TEXTURE_2D)

    def close(self) -> None:
        """Delete the texture. May be called twice."""
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
            self.texture = 0
