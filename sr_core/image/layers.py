"""The layers of a picture: everything that can be shown of a photograph, each with its own levels and tiles.

A layer is a row of `LAYERS` and a module that computes it. Tiles, slots, page tables, file names, the overlay, the
badge and the provenance in saved pictures all follow from the row. `TileKey.layer` is an index into the table.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

PHOTOGRAPHED = 0
"""The first row: the photograph itself."""


@dataclass(frozen=True)
class Layer:
    """What is known about a layer before any of it is computed.

    `name`: in file names and on command lines: lower-case letters, digits and hyphens. `title`: for people. `levels`:
    the levels that have tiles. `completes`: at its levels it is the picture itself; otherwise it lies over the picture.
    `channels` of its tiles: 3 or 4: red, green and blue, and then for a picture its departure from what the photograph
    determines, or for an overlay its opacity; 1: its opacity in `colour` (8-bit sRGB). `replaces`: it lies over the
    picture in the photograph's place: opaque, at its own levels only, and marked as computed; its fourth channel is its
    departure. `module`: the module whose `open_engine` computes it (`sr_core.tiles.engines`); empty: it is cut from the
    photograph. It is given by name so that importing the table does not import torch.
    """

    name: str
    title: str
    levels: Collection[int]
    channels: int
    completes: bool = False
    replaces: bool = False
    colour: tuple[int, int, int] = (255, 255, 255)
    module: str = ""

    @property
    def computed(self) -> bool:
        return bool(self.module)

    @property
    def pictured(self) -> bool:
        """Whether its tiles are computed pictures, whose fourth channel says how far they depart."""
        return self.computed and (self.completes or self.replaces)


LAYERS: tuple[Layer, ...] = (
    Layer("photograph", "Photograph", range(-12, 1), 3, completes=True),
    Layer("super-resolution", "AI", range(1, 4), 4, completes=True, module="sr_core.tiles.super_resolution"),
    Layer("restored", "AI x1", range(-3, 1), 4, replaces=True, module="sr_core.tiles.restored"),
)
"""The table. Always refer to it as `layers.LAYERS`."""

SUPER_RESOLUTION = 1

RESTORED_LAYER = "restored"
"""The name of the layer that a key and the control panel switch."""

PICTURE = {level: at for at, layer in enumerate(LAYERS) if layer.completes for level in layer.levels}
"""The layer that is the picture at each level. A table, because thousands of tiles are looked up in it."""

FINEST_PHOTOGRAPHED = max(LAYERS[PHOTOGRAPHED].levels)

COMPUTED = frozenset(level for level, at in PICTURE.items() if LAYERS[at].computed)
"""The levels at which the picture's pixels are computed, not photographed."""


def overlay_level(layer: Layer, level: int) -> int | None:
    """Return the level of a layer to lay over a picture of `level`: the nearest that is not finer; None if there is
    none."""
    if layer.replaces and level > max(layer.levels):
        return None
    return max((own for own in layer.levels if own <= level), default=None)


def overlays_of(names: Collection[str]) -> tuple[int, ...]:
    """Return the named layers that lie over the picture, from bottom to top."""
    return tuple(at for at, layer in enumerate(LAYERS) if layer.name in names and not layer.completes)
