"""What a hand's controls do, in words below the hand while it is looked at: there they hide nothing it points at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vr_app.core.hands.sample import HandSample
from vr_app.core.panel.stand import ABOVE, head_of, in_hand, scale_for
from vr_app.core.scene.scene import LabelItem
from vr_app.core.scene.words import LETTER, PLAIN, PLATE
from vr_app.core.space.pose import Eye

LOOKS, LOOKS_AWAY = math.radians(14.0), math.radians(32.0)
"""The angle between where the head points and a hand below which the hand is looked at, and above which it is no
longer: the last line is some 25 degrees below it. Nobody holds a head that still for long while looking at a photograph
past a hand."""

DWELL = 0.35
"""Seconds for which a hand is looked at before its words appear: a glance in passing shows nothing."""

FADE = 0.15
"""Seconds in which words appear and go."""

HINT = ("Look here", "for its buttons")
HINT_SECONDS = 45.0
"""How long the hint stands at a hand that has never been looked at."""

LINE = 1.5
"""From one line to the next, in em."""


@dataclass(frozen=True)
class _Gaze:
    """One hand's state. `looked`: seconds for which it has been looked at, 0 if it is not; `shade`: how much of its
    words is visible, 0 to 1; `learnt`: they have been seen once; `hinted`: seconds for which the hint stood there."""

    looked: float = 0.0
    shade: float = 0.0
    learnt: bool = False
    hinted: float = 0.0

    def after(self, angle: float, dt: float) -> _Gaze:
        """Return the state `dt` seconds later; `angle` in radians between head and hand."""
        looks = angle < (LOOKS_AWAY if self.looked > 0 else LOOKS)
        looked = self.looked + dt if looks else 0.0
        shows = looked >= DWELL
        shade = min(1.0, self.shade + dt / FADE) if shows else max(0.0, self.shade - dt / FADE)
        hinted = self.hinted if self.learnt or shows else self.hinted + dt
        return _Gaze(looked, shade, self.learnt or shade == 1.0, hinted)


class HandWords:
    """The words of both hands from frame to frame."""

    def __init__(self) -> None:
        self._gazes: list[_Gaze] = []

    def see(
        self, hands: Sequence[HandSample], eyes: Sequence[Eye], dt: float, silent: int | None = None
    ) -> tuple[LabelItem, ...]:
        """Return the words to show `dt` seconds after the last call. A hand without named controls, such as a mouse,
        has none. `silent`: the hand that carries the open control panel, which tells the same."""
        self._gazes += [_Gaze() for _ in hands[len(self._gazes) :]]
        if not eyes:
            return ()
        head = np.array(head_of(eyes))
        ahead = eyes[0].pose.rotation() @ (0.0, 0.0, -1.0)
        out: list[LabelItem] = []
        for index, hand in enumerate(hands):
            if hand.aim is None or not hand.names or index == silent:
                self._gazes[index] = replace(self._gazes[index], looked=0.0, shade=0.0)
                continue
            to = np.subtract(hand.aim.origin, head)
            cosine = float(to @ ahead) / max(1e-6, float(np.linalg.norm(to)))
            gaze = self._gazes[index] = self._gazes[index].after(math.acos(min(1.0, max(-1.0, cosine))), dt)
            if gaze.shade > 0:
                out += _lines(hand.names, hand.aim.origin, tuple(head.tolist()), gaze.shade)
            elif not gaze.learnt and gaze.hinted < HINT_SECONDS:
                out += _lines(HINT, hand.aim.origin, tuple(head.tolist()), 1.0)
        return tuple(out)


def _lines(lines: Sequence[str], hand: tuple[float, ...], head: tuple[float, ...], shade: float) -> list[LabelItem]:
    """Return lines that stand below a hand and face the head, as large as the control panel's."""
    ems = LETTER * max(map(len, lines)), LINE * len(lines)
    em = scale_for(head, hand, ems)
    beneath = (hand[0], hand[1] - ems[1] * em - 2 * ABOVE, hand[2])
    sheet = in_hand(head, beneath, ems, em)
    color, plate = ((*colour[:3], colour[3] * shade) for colour in (PLAIN, PLATE))
    found = []
    for row, text in enumerate(lines):
        x, y, z = sheet.point(np.array((-0.5, (row + 0.5) / len(lines) - 0.5))).tolist()
        found.append(LabelItem(text, replace(sheet.pose, position=(x, y, z)), em, 0.0, color, plate))
    return found
