"""When a frame keeps the last picture: the session rests, or it waits for tiles and none has come."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace

from vr_app.core.hands.sample import ControllerSample
from vr_app.core.space.pose import Eye
from vr_app.core.tiles.prefetch import REST
from vr_app.core.tiles.visible import SETTLE
from vr_app.core.view.view import ViewState
from vr_app.runtime.interface import Frame

STILL = 1.0
"""Seconds without any change after which frames are left as they are. By then all that is smoothed has come to rest."""


class Rest:
    """Whether the session rests. `now`: this frame is left as the last one was. `eyes`, `sample`: those of the last
    frame."""

    def __init__(self) -> None:
        self.now = False
        self.eyes: tuple[Eye, ...] = ()
        self.sample: ControllerSample | None = None
        self._same_since = 0.0
        self._rested_on: Hashable = None

    def see(
        self, frame: Frame, sample: ControllerSample, shown: Hashable, awaits_something: Callable[[], bool]
    ) -> bool:
        """Whether this frame may stay as the last one was: eyes and hands have not moved for STILL seconds, nothing is
        awaited, and nothing moves by itself. The runtime then shows its last pictures again, without any work.

        `shown`: values whose change ends a rest. `awaits_something`: whether the next picture may differ, or the
        program may end soon, though eyes and hands rest. It is not asked again during a rest, because nothing changes
        by itself then.
        """
        same = frame.eyes == self.eyes and sample == self.sample
        if not same:
            self.sample, self.eyes, self._same_since = sample, frame.eyes, frame.time
        goes_on = self.now and same and self._rested_on == shown
        ends = self.now and not goes_on  # what has changed is drawn, even if nothing moves
        moves = sample.blink or frame.time - self._same_since < STILL
        rested = goes_on or not (ends or moves or awaits_something())
        self.now = rested and frame.repeat()
        if self.now and not goes_on:
            self._rested_on = shown
        return self.now


class Stand:
    """`now`: a window waits for tiles, and this frame would give the last picture again. The lanes that compute them
    need the processor more."""

    def __init__(self) -> None:
        self.now = False
        self._shown: object = None

    def see(self, frame: Frame, view: ViewState, sample: ControllerSample, words: tuple[str, ...], waits: bool) -> bool:
        """Whether everything that decides what is seen is as it was, and the session `waits` for nothing but tiles. A
        headset's pictures are drawn in every frame."""
        rested = view.still_for >= SETTLE, view.still_for >= REST
        shown = replace(view, still_for=0.0), rested, frame.eyes, frame.detail, sample, words
        same, self._shown = shown == self._shown, shown
        self.now = same and waits and frame.keeps and frame.should_render
        return self.now
