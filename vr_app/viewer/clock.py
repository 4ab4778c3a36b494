"""The viewer's own clock, which stops while nothing is drawn."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST = 0.1
"""The most seconds that a frame counts, so that nothing leaps after a pause."""


@dataclass(frozen=True)
class Tick:
    """A frame's time in seconds: `now` on the viewer's clock, `dt` since the frame before, `at` on the runtime's."""

    now: float = 0.0
    dt: float = 0.0
    at: float | None = None

    def next(self, at: float) -> Tick:
        """Return the tick of the frame that is displayed at `at`."""
        dt = 0.0 if self.at is None else min(LONGEST, max(0.0, at - self.at))
        return Tick(self.now + dt, dt, at)
