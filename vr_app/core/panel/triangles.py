"""The control panel as triangles: what `vr_app.ui` draws and `vr_app.gl` paints."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

ATLAS = 1024
"""Texels along the edges of the letters' texture."""

LETTERS, THUMBNAILS = 1, 2
"""The textures that drawn triangles name."""

THUMBNAIL_EDGE = 192
"""The edge of a thumbnail's place, in texels."""

THUMBNAILS_ACROSS = 8
"""The number of places along an edge of the thumbnails' texture."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """A panel as triangles. `size` (width, height) in texels. `vertices` (n, 5) float32: x and y in texels from the
    upper left corner, u, v, and a colour's four bytes; `indices` uint32. `parts`: texture, clip rectangle (left, top,
    right, bottom), first index and their count. `letters`: the letters' texture (ATLAS, ATLAS, 4) uint8 if it has
    changed. `targets`: the middle of each control in texels, by its label."""

    size: tuple[int, int]
    vertices: np.ndarray
    indices: np.ndarray
    parts: tuple[tuple[int, tuple[int, int, int, int], int, int], ...]
    letters: np.ndarray | None
    targets: dict[str, tuple[float, float]] = field(default_factory=dict)
