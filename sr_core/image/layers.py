"""The layers of a picture: what there is to show of a photograph, each with levels and tiles of its own.

A layer is a row of `LAYERS`, and a module that computes it. Tiles, slots, page tables, names on disk, the overlay, the
badge and what pictures tell of themselves follow from the row. A key's `layer` is its place in the table.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

PHOTOGRAPHED = 0
"""The first row: the photograph itself."""


@dataclass(frozen=True)
class Layer:
    """What is known of a layer before anything of it is computed.

    `name`: in file names and on command lines: small letters, digits and hyphens. `title`: as people read it. `levels`:
    those that it has tiles of. `completes`: it is the picture itself at its levels; else it lies over the picture.
    `channels` of its tiles: 3 or 4: red, green and blue, and, computed for a picture, how far it departs from what the
    photograph determines, or, over it, how opaque it is; 1: how opaque it is in `colour` (8-bit sRGB). `module`: what
    computes it, by its `open_engine` (`sr_core.tiles.engines`); empty: it is cut from the photograph. By name, so that
    what knows the table need not load torch.
    """

    name: str
    title: str
    levels: Collection[int]
    channels: int
    completes: bool = False
    colour: tuple[int, int, int] = (255, 255, 255)
    module: str = ""

    @property
    def computed(self) -> bool:
        return bool(self.module)


LAYERS: tuple[Layer, ...] = (
    Layer("photograph", "Photograph", range(-12, 1), 3, completes=True),
    Layer("super-resolution", "AI", range(1, 4), 4, completes=True, module="sr_core.tiles.super_resolution"),
)
"""The table. Whoever reads it says `layers.LAYERS`."""

SUPER_RESOLUTION = 1

PICTURE = {level: at for at, layer in enumerate(LAYERS) if layer.completes for level in layer.levels}
"""The layer that is the picture at a level. A table, because tiles are looked up by thousands."""

FINEST_PHOTOGRAPHED = max(LAYERS[PHOTOGRAPHED].levels)

COMPUTED = frozenset(level for level, at in PICTURE.items() if LAYERS[at].computed)
"""The levels at which the picture's pixels are computed, not photographed."""


def overlay_level(layer: Layer, level: int) -> int | None:
    """The level of a layer that lies over a picture of `level`: the nearest that is not finer; None: there is none."""
    return max((own for own in layer.levels if own <= level), default=None)


def overlays_of(names: Collection[str]) -> tuple[int, ...]:
    """The layers of these names that lie over the picture, in the order in which they lie over each other."""
    return tuple(at for at, layer in enumerate(LAYERS) if layer.name in names and not layer.completes)
