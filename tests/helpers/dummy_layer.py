"""A layer that the program does not have: a module like this one and a row of the table are all that a layer takes.

It lies over the picture and paints the photograph's left half, where that is bright, in a colour that no fundus has.
"""

from __future__ import annotations

import numpy as np

from sr_core.engine.blocks import Block
from sr_core.image.departure import Computed
from sr_core.image.layers import Layer
from sr_core.tiles.engines import Setting
from sr_core.tiles.request import Source

COLOUR = 20, 40, 250

ROW = Layer("brightness", "Brightness", range(-6, 2), 1, colour=COLOUR, module=__name__)

BRIGHT = 60
"""The threshold of the green channel."""


class Brightness:
    """Computes one level of the layer."""

    alone, halo, agrees, sha256 = False, 0, True, "b" * 64

    def __init__(self, level: int) -> None:
        self.scale = 1 << level

    def load(self) -> None:
        """Do nothing: there is nothing to load."""

    def warm_up(self, width: int, height: int) -> None:
        """Do nothing: there is nothing to prepare."""

    def compute(self, source: Source, block: Block) -> Computed:
        """Return (h * scale, w * scale, 1): opaque where the photograph's left half is bright."""
        target = block.target
        part = source.pixels[target.slices()][..., 1] > BRIGHT
        left = np.arange(target.x, target.right) < source.pixels.shape[1] // 2
        opaque = np.where(part & left, 255, 0).astype(np.uint8)
        return Computed(opaque.repeat(self.scale, axis=0).repeat(self.scale, axis=1)[..., None])


def open_engine(level: int, setting: Setting) -> Brightness:
    return Brightness(level)
