"""Two hands that hold one photograph stretch it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vr_app.core.hands.hand import STOPS, Hand, Hold, Shown, met_at
from vr_app.core.hands.panel_grip import LEAST_APART
from vr_app.core.hands.sample import HandSample
from vr_app.core.space.surface import Uv, photograph_uv
from vr_app.core.view.intent import Intent, Pan, Zoom
from vr_app.core.view.view import AT_STOP

FLAT = 0.1
"""Doublings to either side of a soft stop within which two stretching hands stay on it."""


@dataclass(frozen=True)
class Stretch:
    """Two hands hold one photograph: the point `uv` between theirs, the distance in metres between the rays' points on
    the surface when the second took hold, and the zoom's base-2 logarithm then."""

    image: int
    uv: Uv
    apart: float
    log_zoom: float

    def log_zoom_at(self, apart: float, largest: float) -> float:
        """Return the zoom's base-2 logarithm for rays that far apart; `largest`: the largest zoom there is."""
        wanted = self.log_zoom + math.log2(apart / self.apart)
        return flattened(min(math.log2(largest), max(0.0, wanted)))


def stretched(
    stretch: Stretch | None, hands: Sequence[tuple[Hand, HandSample]], shown: Shown
) -> tuple[Stretch | None, list[Intent]]:
    """Return the current stretch, and its intents: the point between the hands stays between their rays.

    `stretch`: the last frame's. None: no two hands hold the same photograph.
    """
    held = [(hand, hand.hold, now) for hand, now in hands if hand.hold is not None]
    if len(held) != 2 or held[0][1].image != held[1][1].image:
        if stretch is not None:
            _hold_on(held, shown)
        return None, []
    index = held[0][1].image
    one, other = (met_at(index, now.aim, shown.placed) for _, _, now in held)
    if one is None or other is None:
        return stretch, []
    image = shown.view.images[index]
    middle = (one[0] + other[0]) / 2, (one[1] + other[1]) / 2
    extent = next(item.surface for item in shown.placed if item.image == index).extent()
    apart = max(LEAST_APART, math.hypot(*((a - b) * unit for a, b, unit in zip(one, other, extent, strict=True))))
    between = photograph_uv(middle, image.center, image.zoom)
    if stretch is None or stretch.image != index:
        u, v = between
        stretch = Stretch(index, (float(u), float(v)), apart, unflattened(math.log2(image.zoom)))
    intents: list[Intent] = []
    doublings = stretch.log_zoom_at(apart, shown.view.largest_zoom(index)) - math.log2(image.zoom)
    if abs(doublings) > 1e-9:
        intents.append(Zoom(index, stretch.uv, doublings))
        for hand, _, _ in held:
            hand.zoomed = index
    if intents or math.dist(between, stretch.uv) > 1e-9:
        intents.append(Pan(index, stretch.uv, middle))
    return stretch, intents


def _hold_on(held: Sequence[tuple[Hand, Hold, HandSample]], shown: Shown) -> None:
    """Let a hand that continues alone hold what is under its ray now."""
    for hand, hold, now in held:
        s = met_at(hold.image, now.aim, shown.placed)
        if s is not None and now.aim is not None:
            image = shown.view.images[hold.image]
            u, v = photograph_uv(s, image.center, image.zoom)
            hand.hold = replace(hold, uv=(float(u), float(v)), position=now.aim.origin)


def flattened(log_zoom: float) -> float:
    """Return the zoom shown for a stretch: constant within FLAT of a soft stop, steeper beside it, unchanged from half
    way on."""
    stop, away = _nearest(log_zoom)
    if abs(away) >= 0.5:
        return log_zoom
    return stop + math.copysign(max(0.0, abs(away) - FLAT) * 0.5 / (0.5 - FLAT), away)


def unflattened(log_zoom: float) -> float:
    """Return the stretch that shows a zoom; at a soft stop, the middle one of those that do."""
    stop, away = _nearest(log_zoom)
    if abs(away) >= 0.5 or abs(away) < AT_STOP:
        return log_zoom
    return stop + math.copysign(abs(away) * (0.5 - FLAT) / 0.5 + FLAT, away)


def _nearest(log_zoom: float) -> tuple[float, float]:
    """Return the nearest soft stop, and the distance beyond it."""
    stop = min(STOPS, key=lambda stop: abs(log_zoom - stop))
    return stop, log_zoom - stop
