"""Where a window is on the screen."""

from __future__ import annotations

from dataclasses import dataclass

USUAL_SIZE = (1280, 800)
"""Of a window that was never opened before, and of an offscreen picture."""

FARTHEST = 100_000
"""In screen coordinates: no screen is as far from the first one."""

SIDES = (64, 16_384)
"""The shortest and the longest side of a window, in screen coordinates."""


@dataclass(frozen=True)
class WindowPlace:
    """A window's upper left corner and its size, in screen coordinates; when `maximised`, those it would go back to."""

    x: int
    y: int
    width: int
    height: int
    maximised: bool = False

    @property
    def sound(self) -> bool:
        """Whether a window could be there."""
        numbers = self.x, self.y, self.width, self.height
        if not all(type(number) is int for number in numbers) or type(self.maximised) is not bool:
            return False
        low, high = SIDES
        return max(abs(self.x), abs(self.y)) <= FARTHEST and all(low <= side <= high for side in numbers[2:])
