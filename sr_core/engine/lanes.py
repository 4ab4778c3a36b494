"""Compute blocks in parallel lanes, each on processor threads of its own.

The threads of one block wait for each other at each of some hundred convolutions, and during the work that one thread
does alone: correcting clipping, banded products, rounding. Two blocks on one thread each wait for nothing, and another
program that takes a core delays one of them, not both.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

Answer = TypeVar("Answer")

LANES = 4
"""The most lanes: a view makes four blocks, and more would crowd the caches."""


class OfThread(threading.local):
    """A value per thread, None at first."""

    value: Any = None


def share_out(threads: int, blocks: int = LANES) -> tuple[int, int]:
    """Return the number of lanes for these processor threads and blocks, and the threads of each lane."""
    lanes = max(1, min(LANES, threads, blocks))
    return lanes, max(1, threads // lanes)


class Lanes:
    """A fixed number of threads, kept from one use to the next; each has first called `prepare`."""

    def __init__(self, count: int, prepare: Callable[[], object]) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count, "lane", initializer=prepare)

    def in_order(self, calls: Iterable[Callable[[], Answer]]) -> Iterator[Answer]:
        """Yield the results of the calls in order. As many calls run in parallel as there are lanes, and one more
        waits, so that no lane idles for a slower one. If closed early, it waits for the running calls."""
        begun: deque[Future[Answer]] = deque()
        try:
            for call in calls:
                if len(begun) > self.count:
                    yield begun.popleft().result()
                begun.append(self._pool.submit(call))
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
            wait(begun)
