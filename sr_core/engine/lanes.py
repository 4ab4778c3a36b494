"""Blocks beside each other, each on processor threads of its own.

The threads of one block wait for each other at each of some hundred convolutions, and for whoever does what is not
shared out: mending, products along the band, rounding. Two blocks on one thread each wait for nothing, and another
program that takes a core holds up one of them, not both.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

Answer = TypeVar("Answer")

LANES = 4
"""Blocks beside each other at most: what is wanted of a view makes four, and more of them would crowd the caches."""


class OfThread(threading.local):
    """A value that each thread has for itself, None at first."""

    value: Any = None


def share_out(threads: int, blocks: int = LANES) -> tuple[int, int]:
    """Lanes for so many processor threads and blocks, and the threads of each."""
    lanes = max(1, min(LANES, threads, blocks))
    return lanes, max(1, threads // lanes)


class Lanes:
    """So many threads, kept from one use to the next; each has called `prepare` first."""

    def __init__(self, count: int, prepare: Callable[[], object]) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count, "lane", initializer=prepare)

    def in_order(self, calls: Iterable[Callable[[], Answer]]) -> Iterator[Answer]:
        """What the calls return, in their order, as many beside each other as there are lanes, and one more at hand, so
        that no lane waits for a slower one. Closed early, it waits for those under way."""
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
