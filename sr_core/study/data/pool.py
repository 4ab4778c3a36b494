"""Distribute work over processes that can be interrupted, and that end when this process does."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import TypeVar

from sr_core.errors import UserError

Task = TypeVar("Task")
Done = TypeVar("Done")


def side_by_side(function: Callable[[Task], Done], tasks: Sequence[Task], workers: int) -> Iterator[Done]:
    """Yield a picklable function's result for each task, in the order of completion, from `workers` processes (1: this
    one).

    On an interrupt (Ctrl-C), running tasks are finished and yielded, the rest are dropped; on a second one, the
    processes are ended at once. Raises UserError if a process was killed, and whatever the function raises.
    """
    if workers == 1:
        yield from map(function, tasks)
        return
    # spawn: a fork would copy locks that this process's libraries may hold
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_follow_the_parent)
    futures: list[Future[Done]] = []
    given: set[Future[Done]] = set()
    try:
        with _interrupts_held_back():
            futures = [pool.submit(function, task) for task in tasks]
        for future in as_completed(futures):
            given.add(future)
            yield future.result()
    except KeyboardInterrupt:
        _finish(pool)
        done = (future for future in futures if future.done() and not future.cancelled() and future not in given)
        yield from (future.result() for future in done if future.exception() is None)
        raise
    except BrokenProcessPool:
        raise UserError(
            "a worker process was killed, probably for lack of memory: use fewer --workers; what is finished is kept, "
            "and the same command resumes"
        ) from None
    finally:
        _finish(pool)


def _finish(pool: ProcessPoolExecutor) -> None:
    """Let the workers finish their current tasks; on another interrupt, end them now."""
    try:
        pool.shutdown(wait=True, cancel_futures=True)
    except KeyboardInterrupt:
        for worker in active_children():
            worker.kill()
        raise


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Processes started within ignore Ctrl-C from their first instruction; in this process it takes effect
    afterwards."""
    if sys.platform == "win32":  # Windows cannot hold signals back
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow_the_parent() -> None:
    """In a worker: leave Ctrl-C to the parent, and end when the parent ends, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None  # a worker always has one

    def end_with_it() -> None:
        parent.join()
        os._exit(1)

    Thread(target=end_with_it, daemon=True).start()
