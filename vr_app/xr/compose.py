"""What a frame hands to the runtime, kept while it stays the same."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field

from vr_app.core.scene.composition import Arrangement
from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Eye


@dataclass(frozen=True, eq=False)
class Composed:
    """A `scene` as `eyes` saw it, taken apart; and the `layers` that show it, which the runtime still has."""

    scene: Scene
    eyes: tuple[Eye, ...]
    arrangement: Arrangement
    layers: Sequence[ctypes.Structure] = field(default_factory=tuple)

    def stands(self, scene: Scene, eyes: tuple[Eye, ...]) -> bool:
        """Whether it shows this scene to these eyes."""
        return self.eyes == eyes and self.scene == scene
