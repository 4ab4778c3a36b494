"""Regions of interest that a hand marks by dragging from corner to corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vr_app.core.hands.hand import Hand, Shown, met_at, pointed_at
from vr_app.core.hands.sample import HandSample
from vr_app.core.space.pose import Ray
from vr_app.core.space.surface import photograph_uv
from vr_app.core.view.intent import Intent, MarkRegion, Undo
from vr_app.core.view.region import Draft
from vr_app.core.view.view import ViewState

SQUEEZE = 0.5
"""Seconds after gripping within which pulling the trigger as well marks a region, so the grip was not meant for the
panel."""


def means_marking(hand: Hand, others: Sequence[Hand], sample: HandSample, view: ViewState) -> bool:
    """Whether a pull of the trigger marks: together with the grip, or because marking was requested for the next drag.
    A hand that helps the other to scale a panel does not mark."""
    helps = any(other.grip is not None for other in others)
    return not (helps or sample.drags) and (view.regions.armed or (sample.squeezes and hand.grips.down))


def mark_begun(hand: Hand, aim: Ray, shown: Shown) -> list[Intent]:
    """Start a region at the photograph point under the ray. A panel that came along with the squeeze is put back."""
    pointed = pointed_at(aim, shown.view, shown.placed)
    if pointed is None:
        return []
    slipped = hand.grip is not None and hand.carried and shown.now - hand.gripped_at < SQUEEZE
    hand.let_go()
    hand.marking = Draft(pointed.image, pointed.uv, pointed.uv)
    return [Undo()] if slipped else []


def mark_dragged(hand: Hand, aim: Ray, shown: Shown) -> None:
    """Let the region's corner follow the ray, as far as the photograph extends."""
    draft = hand.marking
    if draft is None:
        return
    s = met_at(draft.image, aim, shown.placed)
    if s is not None:
        image = shown.view.images[draft.image]
        u, v = np.clip(photograph_uv(s, image.center, image.zoom), 0.0, 1.0)
        hand.marking = replace(draft, end=(float(u), float(v)))


def mark_ended(hand: Hand) -> list[Intent]:
    """Return the region, once the trigger is released."""
    draft = hand.marking
    if draft is None or hand.trigger.down:
        return []
    hand.marking = None
    return [MarkRegion(draft)]
