"""Lines of text as textures."""

from __future__ import annotations

import ctypes
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vr_app.gl.context import GL

EM = 64
"""Texels per em. Labels are seen smaller than this; mipmaps do the rest."""

KEPT = 64
"""Lines whose textures are kept; the least recently drawn goes first."""

_MARGIN = EM // 8
_DRAWN = {chr(code) for code in range(0x20, 0x7F)} | set("©«°±´·»‘’“”…‹›⁄™")
_NEAREST = str.maketrans({"×": "x", "µ": "u", "μ": "u", "–": "-", "—": "-", "−": "-", "•": "·", "ß": "ss"})
_CAP_MIDDLE = 0.36
"""Half the height of a capital letter above the baseline, in em: what `LabelItem` calls the text's middle."""


@dataclass(frozen=True)
class TextTexture:
    """How much ink covers each texel. In em about the point on the left end, at half the height of its capitals.

    `left`, `right`, `top`, `bottom`: the texture's edges (x right, y up). `advance`: the width of the text itself.
    """

    texture: int
    left: float
    right: float
    top: float
    bottom: float
    advance: float


def drawable(text: str) -> str:
    """The line in the letters that the embedded font has: accents are left off, what is strange to it becomes '?'."""
    plain = unicodedata.normalize("NFKD", text.translate(_NEAREST))
    return "".join(c if c in _DRAWN else "?" for c in plain if not unicodedata.combining(c))


def rasterise(text: str) -> tuple[np.ndarray, float]:
    """Coverage (h, w) uint8 of a line in the embedded Aileron, EM pixels per em, and its advance in pixels.

    The baseline lies `_MARGIN` + the font's ascent below the first row, the text starts `_MARGIN` from the left.
    """
    text = drawable(text)
    font = ImageFont.load_default(EM)
    ascent, descent = font.getmetrics()
    advance = font.getlength(text)
    width = int(np.ceil(max(advance, font.getbbox(text)[2]))) + 2 * _MARGIN
    image = Image.new("L", (width, ascent + descent + 2 * _MARGIN))
    ImageDraw.Draw(image).text((_MARGIN, _MARGIN), text, fill=255, font=font)
    return np.asarray(image), advance


class TextCache:
    """Textures of the lines drawn lately. One is made only when a new line appears."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, TextTexture] = OrderedDict()

    def get(self, text: str) -> TextTexture:
        """The line's texture, made now if it is not kept."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        texture = self._kept.popitem(last=False)[1].texture if len(self._kept) >= KEPT else _new_texture()
        found = self._kept[text] = _fill(texture, text)
        return found

    def close(self) -> None:
        """Give every texture back. May be called twice."""
        for kept in self._kept.values():
            GL.glDeleteTextures(1, [kept.texture])
        self._kept.clear()


def _new_texture() -> int:
    texture = int(GL.glGenTextures(1))
    GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
    GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_LINEAR)
    GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE)
    GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE)
    return texture


def _fill(texture: int, text: str) -> TextTexture:
    pixels, advance = rasterise(text)
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape
    GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
    GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
    GL.glTexImage2D(
        GL.GL_TEXTURE_2D, 0, GL.GL_R8, width, height, 0, GL.GL_RED, GL.GL_UNSIGNED_BYTE,
        ctypes.c_void_p(pixels.ctypes.data),
    )  # fmt: skip
    GL.glGenerateMipmap(GL.GL_TEXTURE_2D)
    ascent = ImageFont.load_default(EM).getmetrics()[0]
    top = (_MARGIN + ascent) / EM - _CAP_MIDDLE
    return TextTexture(texture, -_MARGIN / EM, (width - _MARGIN) / EM, top, top - height / EM, advance / EM)
