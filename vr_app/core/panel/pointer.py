"""Which hands point at a sheet and are busy with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vr_app.core.hands.sample import LET_GO, PRESSED, ControllerSample, HandSample
from vr_app.core.space.surface import Panel

BEYOND = 8.0
"""How far a hand that holds something on a sheet may wander beside it, as a multiple of the sheet's size."""


@dataclass(frozen=True)
class Pointer:
    """Where a hand (its index) points on a sheet, in texels from the upper left corner, and whether it presses."""

    hand: int
    at: tuple[float, float]
    pressed: bool


class Grasp:
    """The hands that are busy with a sheet: those that point at it, and one that began to press there until it lets go.
    They do nothing else meanwhile. A hand that was already pressing when it arrived continues what it does."""

    def __init__(self) -> None:
        self._pressing: dict[int, bool] = {}
        self._held: Pointer | None = None

    def take(
        self, sample: ControllerSample, surface: Panel | None, size: tuple[int, int], holder: int | None
    ) -> tuple[ControllerSample, Pointer | None]:
        """Return what is left for photographs, and where the sheet is pointed at; a hand that presses takes precedence.

        `surface`: None without a sheet. `holder`: the hand that carries it, which cannot point at it.
        """
        found: dict[int, Pointer] = {}
        for index, hand in enumerate(sample.hands):
            was, now = self._presses(index, hand)
            at = _meets(hand, surface, size) if index != holder and surface is not None else None
            held = self._held if self._held is not None and self._held.hand == index else None
            if held is not None and not (now and hand.aim is not None and surface is not None):
                self._held = held = None
            if held is not None:
                self._held = found[index] = replace(held, at=at or held.at)
            elif at is not None and _within(at, size) and not (was and now):
                begins = now and self._held is None and hand.trigger >= PRESSED
                found[index] = Pointer(index, at, begins)
                self._held = found[index] if begins else self._held
        hands = tuple(_idle(hand) if i in found else hand for i, hand in enumerate(sample.hands))
        return replace(sample, hands=hands), self._held or next(iter(found.values()), None)

    def _presses(self, index: int, hand: HandSample) -> tuple[bool, bool]:
        """Whether a hand pressed anything in the last frame, and whether it does now."""
        was = self._pressing.get(index, False)
        most = max(hand.trigger, hand.grip)
        now = self._pressing[index] = most > LET_GO if was else most >= PRESSED
        return was, now


def _idle(hand: HandSample) -> HandSample:
    """Return a hand that points at no photograph and presses nothing."""
    return replace(hand, aim=None, pose=None, trigger=0.0, grip=0.0, stick_y=0.0, zoom_steps=0.0)


def _within(at: tuple[float, float], size: tuple[int, int]) -> bool:
    return all(0 <= place <= most for place, most in zip(at, size, strict=True))


def _meets(hand: HandSample, surface: Panel, size: tuple[int, int]) -> tuple[float, float] | None:
    """Return where a hand's ray meets the sheet's plane, in texels from its upper left corner; it may lie beyond the
    edges."""
    if hand.aim is None:
        return None
    plane = replace(surface, width=surface.width * BEYOND, height=surface.height * BEYOND)
    s, _ = plane.hit(np.asarray(hand.aim.origin), np.asarray(hand.aim.direction))
    if not np.isfinite(s).all():
        return None
    x, y = ((part * BEYOND + 0.5) * texels for part, texels in zip(s.tolist(), size, strict=True))
    return x, y
