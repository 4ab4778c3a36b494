"""Which threads the system runs first when there are fewer cores than busy threads."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

NICENESS = 10
"""Steps of lower priority: on a core shared with the drawing thread, the worker gets a tenth of the time while that
thread is busy, and all of it otherwise. With 5 steps, a quarter, frames waited for a core; with 10 the worker computed
as many tiles. On a desktop other programs keep their own share: Linux applies priorities per session."""

LAST = 19
"""Steps to the lowest priority, for computing while frames are drawn: with 10, a frame that woke up still waited for
the end of the worker's time slice, and one in ten took 1.3 times as long as beside an idle worker; now at most 1.1
times, for up to a fifth fewer tiles. Not for all computing: beside busy programs of the same session it gets almost no
time."""


def give_way(steps: int = NICENESS) -> None:
    """Lower the priority of the calling thread, and of threads that it starts from now on, below the process's others.

    Call it before torch is imported: the threads that torch computes with inherit it. Only Linux has priorities per
    thread; elsewhere, or if the system refuses, nothing changes.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            # 0 is the calling thread, although POSIX says process.
            os.setpriority(os.PRIO_PROCESS, 0, max(steps, os.getpriority(os.PRIO_PROCESS, 0)))
