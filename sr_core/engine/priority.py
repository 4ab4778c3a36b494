"""Which thread the system runs first where there are fewer cores than threads that have work."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

NICENESS = 5
"""Steps of lower priority: on a core that it shares with the thread that draws, the worker gets a quarter of the time
while that one has work, and all of it otherwise."""


def give_way() -> None:
    """Let the calling thread, and threads that it starts from now on, run behind the process's others, and never
    interrupt one when it wakes: it wakes after every foreign call, and the thread that draws would stand aside for it.

    Call it before torch is imported: the threads that torch computes with inherit it. Only Linux has priorities by
    thread; elsewhere, or where the system refuses, nothing changes.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            # 0 is the calling thread, although POSIX says process.
            os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
