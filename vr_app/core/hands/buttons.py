"""What the buttons of the hands, a window's keys and thumbstick flicks ask for."""

from __future__ import annotations

from vr_app.core.hands.hand import Hand
from vr_app.core.hands.keys import MEANINGS, Meaning, meant
from vr_app.core.hands.sample import ControllerSample, HandSample
from vr_app.core.view.intent import Intent, NextImage
from vr_app.core.view.view import ViewState

FLICK, FLICK_ENDS = 0.8, 0.4
"""How far to the side a thumbstick must go to turn a page, and how far back before it can do so again. It must also be
nearer to that side than to forward or back, which zoom."""

BUTTONS: dict[str, Meaning] = {
    "next_layout": MEANINGS["l"],
    "next_image": MEANINGS["n"],
    "reset": MEANINGS["0"],
    "invention": MEANINGS["v"],
    "undo": MEANINGS["u"],
    "panel": MEANINGS["space"],
}
"""The meanings of the buttons of `ControllerSample`: each does what a key does."""


def pressed_buttons(sample: ControllerSample, view: ViewState) -> list[Intent]:
    """Return the meanings of the buttons and keys that went down in this frame."""
    return [means(view) for name, means in BUTTONS.items() if getattr(sample, name)] + list(meant(sample.keys, view))


def flicked(hand: Hand, sample: HandSample) -> list[Intent]:
    """Turn a page if a thumbstick is flicked to the side, once until it comes back."""
    aside = sample.stick_x if abs(sample.stick_x) > abs(sample.stick_y) else 0.0
    was, hand.flicked = hand.flicked, abs(aside) > (FLICK_ENDS if hand.flicked else FLICK)
    return [NextImage(1 if aside > 0 else -1)] if hand.flicked and not was else []
