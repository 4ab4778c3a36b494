"""Which thread the system runs first where there are fewer cores than threads that have work."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

NICENESS = 10
"""Steps of lower priority: on a core that it shares with the thread that draws, the worker gets a tenth of the time
while that one has work, and all of it otherwise. With 5 steps, a quarter, frames waited for a core; with 10 the worker
computed as many tiles. On a desktop other programs have a share of their own: Linux counts priorities by session."""

LAST = 19
"""Steps of the lowest priority, for what computes while frames are drawn: with 10, a frame that woke still waited for
the end of its turn, and the slowest tenth took 1.3 times as long as beside a worker at rest; now 1.02 times, for a
fifth fewer tiles. Not for all that computes: beside busy programs of the same session it gets nearly nothing."""


def give_way(steps: int = NICENESS) -> None:
    """Let the calling thread, and threads that it starts from now on, run behind the process's others.

    Call it before torch is imported: the threads that torch computes with inherit it. Only Linux has priorities by
    thread; elsewhere, or where the system refuses, nothing changes.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            # 0 is the calling thread, although POSIX says process.
            os.setpriority(os.PRIO_PROCESS, 0, max(steps, os.getpriority(os.PRIO_PROCESS, 0)))
