"""When Python's garbage collector runs while a viewer does: between frames, never inside one.

By default it runs whenever enough objects have been allocated, that is in the middle of drawing, and now and then it
looks at every object: a fifth of a second once torch is loaded. So it is switched off. The objects made at start-up are
frozen, which excludes them from all later collections. Young objects, among which nearly all cycles are, are collected
between frames at intervals. The rest is collected only while the view rests.
"""

from __future__ import annotations

import gc
from typing import Self

YOUNG_EVERY = 32
"""The number of frames between two collections of the young objects."""

FULL_EVERY = 60.0
"""The minimum number of seconds between two full collections."""

FEW = 1000
"""With fewer young objects, a collection is skipped while the view rests and makes hardly any."""

MANY = 20_000
"""With more young objects, a collection between two frames takes too long (milliseconds). A frame leaves a few; this
many come from an import in another thread, which freezes them when it is done."""

_YOUNG, _FULL = 1, 2


class _InFrame:
    """Whether a frame is in progress; entered when it begins."""

    goes_on = False

    def __enter__(self) -> None:
        self.goes_on = True

    def __exit__(self, *error: object) -> None:
        self.goes_on = False


class Collector:
    """The interpreter's garbage collector while a viewer runs: entered at its start, left at its end."""

    def __init__(self) -> None:
        self.full_in_frames = 0
        """The number of full collections that began inside a frame, whatever caused them."""
        self._during = _InFrame()
        self._frames = 0
        self._full_at = 0.0

    def __enter__(self) -> Self:
        self._automatic = gc.isenabled()
        gc.disable()
        gc.callbacks.append(self._note)
        return self

    def started(self) -> None:
        """Start-up is over: collect, and exclude what is left from all later collections."""
        gc.collect()
        gc.freeze()

    def frame(self) -> _InFrame:
        """Return a frame's context, in which no full collection should run."""
        return self._during

    def between_frames(self, now: float, resting: bool) -> None:
        """Collect what is due. `now` in seconds on the frame clock; `resting`: a few milliseconds go unnoticed."""
        self._frames += 1
        if resting and now - self._full_at >= FULL_EVERY:
            self._full_at = now
            gc.collect(_FULL)
        elif self._frames % YOUNG_EVERY == 0 and (FEW if resting else 0) <= gc.get_count()[0] < MANY:
            gc.collect(_YOUNG)

    def _note(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == _FULL and self._during.goes_on:
            self.full_in_frames += 1

    def __exit__(self, *error: object) -> None:
        gc.callbacks.remove(self._note)
        gc.unfreeze()
        if self._automatic:
            gc.enable()
