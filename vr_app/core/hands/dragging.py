"""What a trigger does on a photograph: hold and drag it, centre it, undo, or move the divider of a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vr_app.core.hands.hand import Hand, Hold, Pointed, Shown, Tap, met_at, pointed_at
from vr_app.core.hands.sample import HandSample
from vr_app.core.space.pose import Ray
from vr_app.core.space.surface import photograph_uv
from vr_app.core.view.intent import Begin, BringForward, Intent, MoveDivider, Pan, Pick, Undo, Zoom
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare, divider_at
from vr_app.core.view.place import Placed
from vr_app.core.view.view import ViewState

PUSH_GAIN = 6.0
"""Doublings of the zoom per metre that a hand pushes along its ray while it holds a point (pushing magnifies)."""

DOUBLE = 0.35
"""Seconds after a tap within which the next press makes it a double press."""

DIVIDER_REACH = 0.06
"""Metres to either side of the divider of two photographs within which a trigger grabs it."""


def pressed(hand: Hand, others: Sequence[Hand], aim: Ray, shown: Shown) -> list[Intent]:
    """Grab the point under the ray; a double press centres it, or undoes if it is beside every photograph."""
    if any(other.grip is not None for other in others):
        hand.spent = True  # it helps the other hand to scale a panel
        return []
    pointed = pointed_at(aim, shown.view, shown.placed)
    image = pointed.image if pointed else None
    double = hand.tap is not None and hand.tap.image == image and hand.tap.soon_followed(aim, shown.now, DOUBLE)
    hand.tap = None
    hand.press, hand.spent = Tap(shown.now, aim.direction, image), double
    if pointed is None:
        return [Undo()] if double else []
    if double and shown.view.layout is Layout.WALL:
        return [Pick(pointed.image)]
    if double:
        return [Begin(), Pan(pointed.image, pointed.uv, (0.0, 0.0))]
    if at_divider(pointed, shown.view, shown.placed):
        hand.divides = pointed.image
        return [Begin()]
    hand.hold = Hold(pointed.image, pointed.uv, aim.origin)
    forward = [BringForward(pointed.image)] if shown.view.cells and pointed.image != shown.view.active else []
    return [] if any(other.hold is not None for other in others) else [Begin(), *forward]


def dragged(hand: Hand, sample: HandSample, shown: Shown) -> list[Intent]:
    """Keep the grabbed photograph point under the ray; pushing, the stick or the wheel zooms about it."""
    hold, aim = hand.hold, sample.aim
    if hold is None or aim is None:
        return []
    intents: list[Intent] = []
    # The surface counts, not whether the photograph reaches there: it is being dragged there.
    s = met_at(hold.image, aim, shown.placed)
    image = shown.view.images[hold.image]
    if s is not None and tuple(photograph_uv(s, image.center, image.zoom)) != hold.uv:
        intents.append(Pan(hold.image, hold.uv, s))
    doublings = hand.doublings(sample, image.zoom, shown.dt)
    if sample.push_zooms:
        # Along the current ray, from where the hand was: turning the wrist is no push.
        doublings += float(np.subtract(aim.origin, hold.position) @ aim.direction) * PUSH_GAIN
        hand.hold = replace(hold, position=aim.origin)
    if doublings:
        hand.zoomed = hold.image
        intents.append(Zoom(hold.image, hold.uv, doublings))
    return intents


def divider_dragged(hand: Hand, aim: Ray, shown: Shown) -> list[Intent]:
    """Move the divider to where the ray meets the panel; it stays if the ray misses the panel."""
    panel = next((item.panel for item in shown.placed if item.image == hand.divides), None)
    s = met_at(hand.divides, aim, shown.placed) if hand.divides is not None else None
    return [MoveDivider(divider_at(panel, s[0]))] if panel is not None and s is not None else []


def at_divider(pointed: Pointed, view: ViewState, placed: Sequence[Placed]) -> bool:
    """Whether a point lies on the divider between two photographs on one panel."""
    pair = view.compared
    if pair is None or pair.compare is not Compare.SWIPE or pointed.image != pair.images[0]:
        return False
    panel = next(item.panel for item in placed if item.image == pointed.image)
    left, _, right, _ = panel.edges
    return abs(divider_at(panel, pointed.s[0]) - pair.divider) * (right - left) <= DIVIDER_REACH
