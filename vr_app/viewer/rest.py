"""When a session rests: nothing has changed for a while, and a frame costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from vr_app.core.hands.sample import ControllerSample
from vr_app.core.space.pose import Eye
from vr_app.runtime.interface import Frame

STILL = 1.0
"""Seconds for which nothing has changed before frames are left as they are: all that is smoothed has come to rest."""


class Rest:
    """`now`: this frame is left as the last one was. `eyes`, `sample`: those of the frame before."""

    def __init__(self) -> None:
        self.now = False
        self.eyes: tuple[Eye, ...] = ()
        self.sample: ControllerSample | None = None
        self._same_since = 0.0
        self._rested_on: Hashable = None

    def see(
        self, frame: Frame, sample: ControllerSample, shown: Hashable, awaits_something: Callable[[], bool]
    ) -> bool:
        """Whether this frame is as the last one: eyes and hands have been where they are for STILL seconds, nothing is
        awaited and nothing moves by itself. Then the runtime shows again what it has, and no work is done.

        `shown`: what would end a rest by changing. `awaits_something`: whether the next picture may differ, or the
        program's end be near, with eyes and hands at rest; at rest it is not asked again, since nothing comes of itself
        any more.
        """
        same = frame.eyes == self.eyes and sample == self.sample
        if not same:
            self.sample, self.eyes, self._same_since = sample, frame.eyes, frame.time
        goes_on = self.now and same and self._rested_on == shown
        rested = goes_on or (frame.time - self._same_since >= STILL and not awaits_something())
        self.now = rested and frame.repeat()
        if self.now and not goes_on:
            self._rested_on = shown
        return self.now
