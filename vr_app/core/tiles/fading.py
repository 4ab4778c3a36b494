"""When new tiles are drawn: how they fade in, and when drawing them leaves the processor to those being computed."""

from __future__ import annotations

import math

from vr_app.core.tiles.page_table import FADE

FADE_STEPS = 3
"""The fewest frames of a fade. A tile that would have fewer shows at once."""

TURN = 3
"""If drawing fading tiles takes longer than TURN_FROM seconds, as in software rendering, the next picture waits this
many times as long while other tiles are computed: they need the same processor, and the user is waiting for them."""

TURN_FROM = FADE / 8


class Pace:
    """The state kept from frame to frame. Times are in seconds on the viewer's clock."""

    def __init__(self) -> None:
        self._sharp_since = 0.0
        self._drew_fade = False
        self._drawn_at = self._took = 0.0

    def frame_took(self, dt: float) -> None:
        """Record the time since the last frame."""
        if self._drew_fade:
            self._drew_fade, self._took = False, dt

    def born(self, now: float, dt: float, jumped: bool) -> float:
        """Return when tiles copied now begin to fade in. There is no fade in a picture that is new as a whole, nor if
        frames take so long that the fade would have only a step or two while the next tiles wait for the processor."""
        return now - FADE if jumped or dt > FADE / FADE_STEPS else now

    def copied(self, count: int, now: float, moves: bool, sharp: bool) -> None:
        """Record that `count` tiles have been copied. `moves`: the view moves; `sharp`: a wanted computed tile is on
        the card."""
        if moves:
            self._sharp_since = math.inf  # not yet
        elif count and self._sharp_since == math.inf:
            self._sharp_since = now if sharp else math.inf

    def waits(self, now: float, rests: bool) -> bool:
        """Whether a picture in which only tiles are new should leave the processor to tiles being computed. The picture
        with a view's first computed tiles does not wait."""
        slow = self._took > TURN_FROM and now - self._drawn_at < TURN * self._took
        return slow and rests and self._sharp_since < now

    def drew(self, now: float, only_fades: bool) -> None:
        """Record that a picture is drawn; `only_fades`: only its tiles are new."""
        self._drew_fade = only_fades
        if only_fades:
            self._drawn_at = now
