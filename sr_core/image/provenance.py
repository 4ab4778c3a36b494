"""How a picture was made, as text entries in its file."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from sr_core.image.departure import Departure
from sr_core.image.geometry import Rect

COMPUTED = "computed pixels, not photographed. Not for diagnosis."
DESCRIPTION = f"Super-resolved by FundusXR: {COMPUTED}"
RESTORED = f"Restored by FundusXR, and not made to agree with the photograph: {COMPUTED}"
"""For a network that restores what the photograph shows: shrunk again, its picture differs from the photograph."""
WITHIN_THE_FILE = f"Restored by FundusXR within what the photograph's file leaves open: {COMPUTED}"
"""For pictures of the photograph's own size."""


@dataclass(frozen=True)
class Made:
    """What computed the pixels: `scale`, the network's name and its setting on the dial, the SHA-256 of its weights
    (for blended weights, of both files and the dial; `blended` then holds both), whether its pictures agree with the
    photograph; and the program's version."""

    scale: int
    model: str
    texture: float
    weights: str
    agrees: bool
    version: str = version("fundusxr")
    blended: str = ""

    @property
    def description(self) -> str:
        """The description, in a sentence."""
        if self.scale == 1:
            return WITHIN_THE_FILE
        return DESCRIPTION if self.agrees else RESTORED

    def entries(self) -> dict[str, str]:
        """Return it as the file's entries."""
        told = {
            "fundusxr:scale": str(self.scale),
            "fundusxr:model": self.model,
            "fundusxr:texture": f"{self.texture:g}",
            "fundusxr:weights-sha256": self.weights,
            "fundusxr:agrees": "yes" if self.agrees else "no",
            "fundusxr:version": self.version,
        }
        return told | ({"fundusxr:blended-sha256": self.blended} if self.blended else {})


def of_computation(made: Made, departure: Departure, agrees_with: str) -> dict[str, str]:
    """Return entries of computed pixels: what computed them, what they agree with (`Engine.agrees_with`), and how far
    they depart from the photograph, in grey levels."""
    return made.entries() | {
        "fundusxr:agrees-with": agrees_with,
        "fundusxr:restored-levels": f"{departure.restored:.3f}",
        "fundusxr:invented-levels": f"{departure.invented:.3f}",
    }


def of_figure(description: str, command: str) -> dict[str, str]:
    """Entries of a drawn figure: what it shows, and the command that draws it."""
    return {"Description": description, "fundusxr:command": command, "fundusxr:version": version("fundusxr")}


def of_photograph(name: str, sha256: str, part: Rect | None) -> dict[str, str]:
    """Return entries that say which photograph a picture was made from, and which part of it (None: all)."""
    region = "all" if part is None else f"{part.x},{part.y},{part.w},{part.h}"
    return {"fundusxr:source": name, "fundusxr:source-sha256": sha256, "fundusxr:region": region}
