"""How far computed pixels depart from the photograph, as two figures, and how a tile stores both.

*Restored*: how far the pixels, shrunk again, lie from the decoded photograph, within what its file leaves open; 0
without such a file. *Invented*: how far the pixels lie from those that the shrunk picture alone determines. Both are in
grey levels of 255: per pixel the largest over red, green and blue, and as a figure the mean. docs/agreement.md has the
formulas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST = 15
"""The largest departure that a tile's alpha can store of each, in grey levels; the overlay's colours end below it."""


@dataclass(frozen=True, slots=True)
class Departure:
    """The departure of some pixels, in grey levels. `agrees`: shrunk again, they give the photograph, or what its file
    leaves open; False: the network restores, may change what the photograph shows, and was not held to it."""

    invented: float = 0.0
    agrees: bool = True
    restored: float = 0.0

    @property
    def told(self) -> str:
        """In words: 'restores 0.9, invents 0.8 levels', or 'invents 0.8 levels' if nothing is restored."""
        restores = f"restores {self.restored:.1f}, " if self.restored else ""
        return f"{restores}invents {self.invented:.1f} levels"

    @property
    def told_at_own_size(self) -> str:
        """'restores 0.9 levels': at the photograph's own size nothing is invented."""
        return f"restores {self.restored:.1f} levels"


@dataclass(frozen=True, eq=False)
class Computed:
    """Computed pixels, uint8 (h * scale, w * scale, channels), and how far they depart from the photograph.

    With four channels, the last is the invented part in whole grey levels, or the opacity for a layer that lies over
    the picture. `restored`: float32 (h, w), one value per pixel of the photograph; None if nothing is restored.
    """

    pixels: np.ndarray
    restored: np.ndarray | None = None

    @property
    def departure(self) -> Departure:
        """The figures of all the pixels, which must have four channels."""
        restored = 0.0 if self.restored is None else float(self.restored.mean(dtype=np.float64))
        return Departure(float(self.pixels[..., 3].mean()), restored=restored)


def in_alpha(invented: np.ndarray, restored: np.ndarray | None) -> np.ndarray:
    """Return a tile's alpha, (h, w) uint8: the lower four bits hold the grey levels invented, (h, w) uint8, the upper
    four those restored, float (h / scale, w / scale), each rounded and at most MOST."""
    found = np.minimum(invented, MOST)
    if restored is not None:
        times = invented.shape[0] // restored.shape[0]
        levels = np.minimum(np.round(restored), MOST).astype(np.uint8) << 4
        found |= levels.repeat(times, axis=0).repeat(times, axis=1)
    return found


def of_alpha(alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the grey levels invented and restored, uint8: the inverse of `in_alpha`."""
    return alpha & MOST, alpha >> 4
