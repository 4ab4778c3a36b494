"""Hides changes of the surroundings behind a veil: the scene goes dark, changes, and comes back. A cut would startle.

For headsets only: a window does not surround its viewer.
"""

from __future__ import annotations

import math
from collections.abc import Hashable

OUT, BACK = 0.10, 0.18
"""Seconds to go dark, and to come back."""


class Veil:
    """The darkness of the veil, from frame to frame."""

    def __init__(self) -> None:
        self._shown: Hashable = None
        self._age = math.inf

    def see(self, shown: Hashable, dt: float) -> None:
        """Note what is `shown` from now on (None: nothing); a change of it is veiled. `dt` seconds have passed."""
        self._age += dt
        if shown != self._shown:
            if self._shown is not None and not self.holds:
                self._age = self.shade * OUT  # starting as dark as it is now
            self._shown = shown

    @property
    def holds(self) -> bool:
        """Whether the scene from before the change is still visible."""
        return self._age < OUT

    @property
    def shade(self) -> float:
        """From 0 (nothing is veiled) to 1 (everything is dark)."""
        if self.holds:
            return self._age / OUT
        return max(0.0, 1.0 - (self._age - OUT) / BACK)
