"""How a zoom moves: at the thumbstick's pace or as two hands stretch it, with soft stops on the way."""

from __future__ import annotations

import math

STICK_DEAD_ZONE = 0.15
STICK_SPEED = 1.6
"""Doublings of the zoom per second with the thumbstick fully pushed."""

STOPS = (0.0, 1.0, 2.0, 3.0)
"""Base 2 logarithms of the zooms with a soft stop and a tick in the hand: x1, x2, x4, x8."""

RESISTANCE = 0.25
"""Doublings that a soft stop swallows before the thumbstick leads beyond it: a sixth of a second, fully pushed."""

FLAT = 0.1
"""Doublings to either side of a soft stop within which two stretching hands stay on it."""

LEAST_APART = 0.05
"""Metres. Two hands or two spots that are nearer count as this far apart, so that what they stretch cannot leap."""

_AT = 1e-6
"""Fewer doublings from a soft stop than this count as none."""


class SoftStop:
    """The soft stops of one thumbstick."""

    def __init__(self) -> None:
        self._resistance = 0.0
        self._pushed = 0.0

    def soften(self, log_zoom: float, asked: float) -> float:
        """Doublings to zoom by from a zoom (its base 2 logarithm), where the stick asks for `asked` in this frame.

        It lands on a stop and, pushed on, leaves it; let go (`asked` 0) or turned round, it leaves freely.
        """
        if asked * self._pushed <= 0.0:
            self._resistance = 0.0
        self._pushed = asked
        sign, left, at = math.copysign(1.0, asked), abs(asked), log_zoom
        while True:
            swallowed = min(left, self._resistance)
            self._resistance -= swallowed
            left -= swallowed
            reach = min((sign * (stop - at) for stop in STOPS if sign * (stop - at) > _AT), default=math.inf)
            if left < reach:
                return at + sign * left - log_zoom
            at, left = at + sign * reach, left - reach
            self._resistance = RESISTANCE


def stick(value: float) -> float:
    """Thumbstick deflection beyond the dead zone, 0 to 1 either way."""
    size = abs(value)
    if size <= STICK_DEAD_ZONE:
        return 0.0
    return (size - STICK_DEAD_ZONE) / (1 - STICK_DEAD_ZONE) * (1 if value > 0 else -1)


def reaches_stop(before: float, after: float) -> bool:
    """Whether a zoom came to a soft stop or went through it; leaving one does not count."""
    a, b = math.log2(before), math.log2(after)
    return any(abs(a - stop) > _AT and (abs(b - stop) <= _AT or (a < stop) != (b < stop)) for stop in STOPS)


def flattened(log_zoom: float) -> float:
    """The zoom shown for a stretch: constant within FLAT of a soft stop, steeper beside it, unchanged from half way
    on."""
    stop, away = _nearest(log_zoom)
    if abs(away) >= 0.5:
        return log_zoom
    return stop + math.copysign(max(0.0, abs(away) - FLAT) * 0.5 / (0.5 - FLAT), away)


def unflattened(log_zoom: float) -> float:
    """The stretch that shows a zoom; at a soft stop, the middle one of those that do."""
    stop, away = _nearest(log_zoom)
    if abs(away) >= 0.5 or abs(away) < _AT:
        return log_zoom
    return stop + math.copysign(abs(away) * (0.5 - FLAT) / 0.5 + FLAT, away)


def _nearest(log_zoom: float) -> tuple[float, float]:
    """The nearest soft stop, and how far beyond it."""
    stop = min(STOPS, key=lambda stop: abs(log_zoom - stop))
    return stop, log_zoom - stop
