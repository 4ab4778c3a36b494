"""What the buttons of the hands ask for, and thumbsticks flicked to the side."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from vr_app.core.hands.hand import Hand
from vr_app.core.hands.sample import ControllerSample, HandSample
from vr_app.core.view.intent import (
    Gesture,
    NextImage,
    NextLayout,
    ResetView,
    SetCompare,
    SetLink,
    ShowInvention,
    SwitchSurface,
    Undo,
)
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare, Link
from vr_app.core.view.view import ViewState

FLICK, FLICK_ENDS = 0.8, 0.4
"""How far to the side a thumbstick must go to turn over, and back before it can again. It must also lie nearer to that
side than forward or back, which zooms."""

Kind = TypeVar("Kind", bound=Enum)


def pressed_buttons(sample: ControllerSample, view: ViewState) -> list[Gesture]:
    """What each button means that went down in this frame."""
    meant = {
        "switch_surface": SwitchSurface(),
        "next_layout": NextLayout(),
        "next_image": NextImage(),
        "image_before": NextImage(-1),
        "compare": SetCompare(_after(view.pair.compare if view.layout is Layout.PAIR and view.pair else None, Compare)),
        "link": SetLink(_after(view.pair.link if view.pair else None, Link)),
        "reset": ResetView(),
        "invention": ShowInvention(not view.invention),
        "undo": Undo(),
    }
    return [gesture for name, gesture in meant.items() if getattr(sample, name)]


def _after(now: Kind | None, kinds: type[Kind]) -> Kind:
    """The one after `now`, in turn; the first where there is none."""
    all_kinds = tuple(kinds)
    return all_kinds[0] if now is None else all_kinds[(all_kinds.index(now) + 1) % len(all_kinds)]


def flicked(hand: Hand, sample: HandSample) -> list[Gesture]:
    """A thumbstick flicked to the side turns over, once until it comes back."""
    aside = sample.stick_x if abs(sample.stick_x) > abs(sample.stick_y) else 0.0
    was, hand.flicked = hand.flicked, abs(aside) > (FLICK_ENDS if hand.flicked else FLICK)
    return [NextImage(1 if aside > 0 else -1)] if hand.flicked and not was else []
