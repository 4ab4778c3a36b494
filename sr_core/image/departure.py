"""How far computed pixels depart from the photograph, in two figures, and how a tile keeps both.

*Restored*: how far what the pixels shrink to lies from the decoded photograph, within what its file leaves open; 0
where no file does. *Invented*: how far the pixels lie from what that small picture determines alone. Both in grey
levels of 255: of every pixel the largest over red, green and blue, and as a figure the mean. docs/agreement.md has the
formulas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST = 15
"""Grey levels that a tile's alpha can tell of each, at most; the overlay's colours end below it."""


@dataclass(frozen=True, slots=True)
class Departure:
    """The figures of some pixels, in grey levels. `agrees`: they shrink to the photograph, or to what its file leaves
    open; False: the network restores, may change what the photograph shows, and was not held to it."""

    invented: float = 0.0
    agrees: bool = True
    restored: float = 0.0

    @property
    def told(self) -> str:
        """'restores 0.9, invents 0.8 levels'; where nothing is restored, 'invents 0.8 levels'."""
        restores = f"restores {self.restored:.1f}, " if self.restored else ""
        return f"{restores}invents {self.invented:.1f} levels"


@dataclass(frozen=True, eq=False)
class Computed:
    """Computed pixels, uint8 (h * scale, w * scale, channels), and how far they depart from the photograph.

    Of four channels the last is what is invented, in whole grey levels, or, of a layer that lies over the picture, how
    opaque it is. `restored`: float32 (h, w), for each of the photograph's pixels; None: nothing is.
    """

    pixels: np.ndarray
    restored: np.ndarray | None = None

    @property
    def departure(self) -> Departure:
        """The figures of all of it; it has four channels."""
        restored = 0.0 if self.restored is None else float(self.restored.mean(dtype=np.float64))
        return Departure(float(self.pixels[..., 3].mean()), restored=restored)


def in_alpha(invented: np.ndarray, restored: np.ndarray | None) -> np.ndarray:
    """What a tile's alpha tells of its pixels, (h, w) uint8: in the lower four bits the grey levels invented, (h, w)
    uint8, in the upper four those restored, float (h / scale, w / scale), each rounded and at most MOST."""
    found = np.minimum(invented, MOST)
    if restored is not None:
        times = invented.shape[0] // restored.shape[0]
        levels = np.minimum(np.round(restored), MOST).astype(np.uint8) << 4
        found |= levels.repeat(times, axis=0).repeat(times, axis=1)
    return found


def of_alpha(alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The grey levels invented and restored, uint8: the inverse of `in_alpha`."""
    return alpha & MOST, alpha >> 4
