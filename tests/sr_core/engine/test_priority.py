"""The worker's threads run behind the others."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from sr_core.engine.priority import LAST, NICENESS, give_way
from sr_core.tiles.worker import Worker
from tests.rig import wait_until

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


@pytest.mark.parametrize(
    ("threads", "expected"), [(1, [LAST, NICENESS]), (3, [LAST, NICENESS, NICENESS, NICENESS, LAST])]
)
def test_lanes_that_compute_while_frames_are_drawn_come_last_and_those_for_a_view_that_rests_do_not(
    threads, expected
) -> None:
    """Beside busy programs of the same session, what comes last gets nearly nothing."""
    worker = Worker("rdb-lite", "cpu", threads=threads)
    worker.warm_up()
    wait_until(lambda: not worker.warming, "the lanes")

    def found() -> list[int]:
        return [os.getpriority(os.PRIO_PROCESS, lane.native_id) for lane in worker._lanes]

    wanted = [max(niceness(), steps) for steps in expected]
    wait_until(lambda: found() == wanted, f"niceness {wanted}, but {found()}")
    worker.close()
