"""Page windows as the shader reads them: computed here once per tile, so that the shader need not for every pixel."""

from __future__ import annotations

import ctypes

import numpy as np

from sr_core.image.geometry import TILE
from sr_core.image.pyramid import GUTTER
from vr_app.core.tiles.page_table import PageWindow, computed_levels
from vr_app.core.tiles.slots import NO_SLOT
from vr_app.gl import objects
from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL
from vr_app.gl.tiles import ATLAS, EDGE

PAGE_WINDOWS = 32
"""Surfaces whose page windows lie beside each other. About a dozen panels fit on the arc around the viewer."""

BITS = {
    "LAYER": 0,
    "AROUND": 12,
    "FAILED": 21,
    "SYNTHESISED": 22,
    "FINER": 23,
    "FADE": 12,
    "LEVEL": 27,
}
"""The first bit of what a tile's second and fourth number hold. Both: the LAYER of the texture array, whether what lies
there is SYNTHESISED (its alpha counts), and by how many levels the window is FINER. The second: column 6 of
`PageWindow.entries` from AROUND on, and whether the tile FAILED. The fourth: from FADE on how much of what lies above
shows, in 1/1000, and from LEVEL on the level that shows, LEVEL_ZERO added."""

LEVEL_ZERO = 16

CORNERS = 64
"""Parts of a texel in which corners are told: tiles that stand in for so much finer ones begin between texels."""

_MOST_FINER = 15


def defines() -> tuple[str, ...]:
    """What `surface.frag` needs to know of it."""
    places = f"TILE {TILE}.0", f"CORNERS {CORNERS}.0", f"LAYER_EDGE {ATLAS * EDGE}.0", f"LEVEL_ZERO {LEVEL_ZERO}u"
    return *places, *(f"{name} {bit}u" for name, bit in BITS.items() if bit)


def texels(window: PageWindow) -> np.ndarray:
    """(rows, columns, 4) uint32: where the texture array has what shows in each tile.

    The first two numbers tell of what lies below, the others of what fades in above it. Of both the first is the tile's
    first corner in its layer: x, and 65536 y, in 1/CORNERS texels. Where a coarser tile stands in, that is its part of
    it. The other numbers' bits: see BITS.
    """
    entries = window.entries.astype(np.int64)
    slot, level, over, over_level, fade, failed, around, _ = np.moveaxis(entries, -1, 0)
    shown = np.where(over != NO_SLOT, over_level, np.where(slot != NO_SLOT, level, window.base[1]))
    hidden = (over != NO_SLOT) & (fade >= 1000)
    slot, level = np.where(hidden, over, slot), np.where(hidden, over_level, level)
    nothing = slot == NO_SLOT
    slot, level = np.where(nothing, window.base[0], slot), np.where(nothing, window.base[1], level)
    below, above = (~nothing, True) if window.over else map(computed_levels, (level, over_level))
    fade = np.where(hidden | (over == NO_SLOT), 0, fade)
    row, col = np.indices(slot.shape) + np.array([window.row, window.col])[:, None, None]
    found = np.zeros((*slot.shape, 4), np.int64)
    found[..., 0], found[..., 1] = _place(window, slot, level, below, col, row)
    found[..., 1] += (around << BITS["AROUND"]) + ((failed != 0) << BITS["FAILED"])
    if fade.any():
        found[..., 2], found[..., 3] = _place(window, np.maximum(over, 0), over_level, above, col, row)
    found[..., 3] += (fade << BITS["FADE"]) + (shown + LEVEL_ZERO << BITS["LEVEL"])
    return found.astype(np.uint32)


def outside(window: PageWindow) -> tuple[int, int, int, int]:
    """The same for the tiles outside the window, which show the coarsest tile, as if the window's first one were one of
    them. Of another the corner lies as many of its edges away as that tile does."""
    slot, level = np.array([window.base]).T
    (corner,), (bits,) = _place(window, slot, level, False, np.zeros(1, int), np.zeros(1, int))
    edge = TILE * CORNERS >> (int(bits) >> BITS["FINER"] & _MOST_FINER)
    corner += edge * (window.col + 65536 * window.row)
    return int(corner), int(bits), 0, window.base[1] + LEVEL_ZERO << BITS["LEVEL"]


def _place(
    window: PageWindow,
    slot: np.ndarray,
    level: np.ndarray,
    computed: np.ndarray | bool,
    col: np.ndarray,
    row: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The first corners of tiles (col, row) of the window's level in tiles of `level`, `computed` or not, and what
    tells of their layers; all arrays of one shape."""
    finer = np.clip(window.level - level, 0, _MOST_FINER)
    place = slot % ATLAS**2
    parts = ((at & (1 << finer) - 1) * TILE * CORNERS >> finer for at in (col, row))
    x, y = (
        (at * EDGE + GUTTER) * CORNERS + part for at, part in zip((place % ATLAS, place // ATLAS), parts, strict=True)
    )
    return x + (y << 16), slot // ATLAS**2 + (np.asarray(computed, np.int64) << BITS["SYNTHESISED"]) + (
        finer << BITS["FINER"]
    )


class PageTextures:
    """Page windows as layers of a texture: an RGBA32UI texel per tile, each window in its layer's first corner."""

    def __init__(self) -> None:
        self.texture = objects.texture()
        self._shown: list[PageWindow | None] = [None] * PAGE_WINDOWS
        GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, self.texture)
        for name in (GL.GL_TEXTURE_MIN_FILTER, GL.GL_TEXTURE_MAG_FILTER):
            GL.glTexParameteri(GL.GL_TEXTURE_2D_ARRAY, name, GL.GL_NEAREST)
        GL.glTexParameteri(GL.GL_TEXTURE_2D_ARRAY, GL.GL_TEXTURE_MAX_LEVEL, 0)
        self._any_failed = [False] * PAGE_WINDOWS
        self._cols = self._rows = 0
        self._grow(64, 64)

    def show(self, windows: list[PageWindow]) -> None:
        """Put 1 to PAGE_WINDOWS windows into the layers from the first on. The texture is bound."""
        cols, rows = max(window.cols for window in windows), max(window.rows for window in windows)
        if cols > self._cols or rows > self._rows:
            self._grow(cols, rows)
        CALLS.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 4)
        for layer, window in enumerate(windows):
            self._fill(layer, window)

    def failed(self, layer: int) -> bool:
        """Whether a window that is shown has a tile that failed."""
        return self._any_failed[layer]

    def _fill(self, layer: int, window: PageWindow) -> None:
        # The second eye draws the same window, and mostly nothing changes from one frame to the next.
        shown = self._shown[layer]
        if window is shown or (shown is not None and _alike(window, shown)):
            return
        self._shown[layer] = window
        self._any_failed[layer] = bool(window.entries[..., 5].any())
        if window.entries.size:
            data = texels(window)
            CALLS.glTexSubImage3D(
                GL.GL_TEXTURE_2D_ARRAY, 0, 0, 0, layer, window.cols, window.rows, 1,
                GL.GL_RGBA_INTEGER, GL.GL_UNSIGNED_INT, data.ctypes.data,
            )  # fmt: skip

    def _grow(self, cols: int, rows: int) -> None:
        """Make the layers larger, and empty. Only pictures of over 2,500 pixels need more than the first size."""
        self._cols = max(self._cols, 1 << (cols - 1).bit_length())
        self._rows = max(self._rows, 1 << (rows - 1).bit_length())
        self._shown = [None] * PAGE_WINDOWS
        GL.glTexImage3D(
            GL.GL_TEXTURE_2D_ARRAY, 0, GL.GL_RGBA32UI, self._cols, self._rows, PAGE_WINDOWS, 0,
            GL.GL_RGBA_INTEGER, GL.GL_UNSIGNED_INT, ctypes.c_void_p(None),
        )  # fmt: skip

    def close(self) -> None:
        if self.texture:
            GL.glDeleteTextures(1, [self.texture])
            self.texture = 0


def _alike(one: PageWindow, other: PageWindow) -> bool:
    places = [(window.level, window.col, window.row, window.base, window.over) for window in (one, other)]
    return places[0] == places[1] and np.array_equal(one.entries, other.entries)
