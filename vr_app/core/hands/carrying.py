"""What a grip does to a panel: take it, and carry it along with the hand."""

from __future__ import annotations

from collections.abc import Sequence

from vr_app.core.hands.buttons import BUTTONS
from vr_app.core.hands.hand import Hand, Shown, pointed_at
from vr_app.core.hands.panel_grip import Grip
from vr_app.core.hands.sample import HandSample
from vr_app.core.space.surface import Panel
from vr_app.core.view.intent import Begin, Intent, MovePanel


def gripped(hand: Hand, others: Sequence[Hand], sample: HandSample, shown: Shown) -> list[Intent]:
    """Take the panel under the ray; if another hand has one, help to scale it."""
    hand.hold, hand.divides, hand.spent = None, None, True
    if sample.aim is None or any(other.grip is not None for other in others):
        return []
    pointed = pointed_at(sample.aim, shown.view, shown.placed)
    if pointed is None:
        return [BUTTONS[sample.empty_grip](shown.view)] if sample.empty_grip else []
    panel = next(item.surface for item in shown.placed if item.image == pointed.image)
    if sample.pose is None or not isinstance(panel, Panel):
        return []
    hand.gripped_at, hand.carried = shown.now, False
    hand.grip = Grip.of(pointed.image, panel.pose, shown.view.moved(pointed.image), sample.pose, pointed.distance)
    return [Begin()]


def carried(hand: Hand, sample: HandSample, others: Sequence[tuple[Hand, HandSample]]) -> list[Intent]:
    """Move the panel as if it were part of the hand; a second hand that presses or grips scales it."""
    if hand.grip is None or sample.pose is None:
        return []
    helping = ((other.index, now.pose.position) for other, now in others if now.pose is not None and other.helps)
    hand.grip = hand.grip.helped(sample.pose.position, next(helping, None))
    if hand.grip.untouched(sample.pose):
        return []
    hand.carried = True
    return [MovePanel(hand.grip.image, hand.grip.panel(sample.pose))]
