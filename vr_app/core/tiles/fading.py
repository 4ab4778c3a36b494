"""When tiles that have come are drawn: how they fade in, and who waits for the processor meanwhile."""

from __future__ import annotations

import math

from vr_app.core.tiles.slots import FADE

FADE_STEPS = 3
"""Frames that a tile's fade takes at least, or there is none."""

TURN = 3
"""Where a picture of tiles that fade in takes longer than TURN_FROM seconds, as software's does, the next one waits for
so many times as long while other tiles are computed: they need the same processor, and who waits looks for them."""

TURN_FROM = FADE / 8


class Pace:
    """What lasts of it from frame to frame. Times are in seconds, of the viewer's own clock."""

    def __init__(self) -> None:
        self._came_at = 0.0
        self._sharp_since = 0.0
        self._drew_fade = False
        self._drawn_at = self._took = 0.0

    def frame_took(self, dt: float) -> None:
        """So long is it since the frame before."""
        if self._drew_fade:
            self._drew_fade, self._took = False, dt

    def born(self, now: float, dt: float, jumped: bool) -> float:
        """When tiles that are copied now begin to fade in. What comes with a picture that is new anyhow needs no fade;
        nor where a frame takes so long that it would have but a step or two, and the next tiles wait for the processor.
        """
        return now - FADE if jumped or dt > FADE / FADE_STEPS else now

    def copied(self, count: int, now: float, moves: bool, sharp: bool) -> None:
        """So many tiles have been copied; `moves`: the view does; `sharp`: a synthesised one that is wanted is in."""
        if count:
            self._came_at = now
        if moves:
            self._sharp_since = math.inf  # not yet
        elif count and self._sharp_since == math.inf:
            self._sharp_since = now if sharp else math.inf

    def fading(self, now: float) -> bool:
        """Whether a tile may still be fading in: it may first wait for another's fade."""
        return now - self._came_at <= 2 * FADE

    def waits(self, now: float, rests: bool) -> bool:
        """Whether a picture in which tiles have come or faded in leaves the processor to those being computed, if any
        are. That of a view's first synthesised ones does not wait."""
        slow = self._took > TURN_FROM and now - self._drawn_at < TURN * self._took
        return slow and rests and self._sharp_since < now

    def drew(self, now: float, only_fades: bool) -> None:
        """A picture is drawn, in which tiles alone are new or not."""
        self._drew_fade = only_fades
        if only_fades:
            self._drawn_at = now
