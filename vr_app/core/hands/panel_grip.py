"""A panel held in one hand or in both."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from vr_app.core.space.pose import Pose, Vec3
from vr_app.core.view.bounds import PANEL_SCALES
from vr_app.core.view.intent import Moved

LEAST_APART = 0.05
"""In metres. Two hands or two points that are nearer count as this far apart, so that the scale cannot jump."""


@dataclass(frozen=True)
class Grip:
    """A panel that a hand has held since it was at `start`: rigid in the hand's coordinates.

    `in_hand`: the panel's pose there; `spot`: the point of it that is held; `scale`: its size as in `Moved`. `partner`:
    the other hand (its index) if it helps, and how far `apart` the hands were when it joined (metres). `grown`: by how
    much they have scaled it since.
    """

    image: int
    in_hand: Pose
    scale: float
    spot: Vec3
    start: Pose
    partner: int | None = None
    apart: float = 1.0
    grown: float = 1.0

    @staticmethod
    def of(image: int, panel: Pose, moved: Moved | None, hand: Pose, distance: float) -> Grip:
        """Taken by `hand` at `distance` metres along its ray. `moved`: where hands had put it before."""
        return Grip(image, hand.inverse().after(panel), moved.scale if moved else 1.0, (0.0, 0.0, -distance), hand)

    def helped(self, here: Vec3, partner: tuple[int, Vec3] | None) -> Grip:
        """Return the grip with the hand at `here` and the other one (its index and position), or alone.

        The panel grows about the held point as the hands move apart. A hand that joins or leaves does not change its
        size.
        """
        index, there = partner or (None, here)
        apart = max(LEAST_APART, math.dist(here, there))
        if index != self.partner:
            resized = replace(self.in_hand, position=self._middle)
            return replace(self, in_hand=resized, scale=self.scale * self.grown, partner=index, apart=apart, grown=1.0)
        if index is None:
            return self
        smallest, largest = (limit / self.scale for limit in PANEL_SCALES)
        return replace(self, grown=min(largest, max(smallest, apart / self.apart)))

    def untouched(self, hand: Pose) -> bool:
        """Whether nothing has happened to it since it was taken."""
        return hand == self.start and self.partner is None

    def panel(self, hand: Pose) -> Moved:
        """Return where the panel is when the hand is there."""
        return Moved(hand.after(replace(self.in_hand, position=self._middle)), self.scale * self.grown)

    @property
    def _middle(self) -> Vec3:
        x, y, z = (
            spot + (part - spot) * self.grown for part, spot in zip(self.in_hand.position, self.spot, strict=True)
        )
        return x, y, z
