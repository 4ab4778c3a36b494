"""Wait for a condition, never for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 300.0
"""Seconds for what comes at once on an idle machine: a test fails for what is wrong, not for what is slow."""


def wait_until(condition: Callable[[], T], what: str, timeout_s: float = PATIENCE, interval_s: float = 0.02) -> T:
    """Call `condition` until its answer is true and return that answer.

    Raises `TimeoutError` naming `what` after `timeout_s` seconds; whatever `condition` raises passes through.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s for {what}")
        time.sleep(interval_s)
