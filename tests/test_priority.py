"""The worker's threads run behind the others."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from sr_core.engine.priority import NICENESS, give_way

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities by thread")


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def test_the_thread_that_gives_way_and_those_it_starts_run_later_and_no_other_does() -> None:
    before = niceness()
    found = []

    def start_another() -> None:
        found.append(niceness())
        other = threading.Thread(target=lambda: found.append(niceness()))
        give_way()
        other.start()
        other.join()
        give_way()
        found.append(niceness())

    thread = threading.Thread(target=start_another)
    thread.start()
    thread.join()
    lowered = max(before, NICENESS)
    assert found == [before, lowered, lowered]
    assert niceness() == before
