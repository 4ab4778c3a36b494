"""How a session ends from outside: between two frames, and without waiting for what cannot be cut short."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn, Self

_running: list[Callable[[], bool]] = []


def watch(running: Callable[[], bool]) -> None:
    """Let `end_process` ask whether a thread still runs that may be inside foreign code for seconds."""
    _running.append(running)


def end_process(code: int | None) -> NoReturn:
    """End with an exit code, as `sys.exit` does, once everything has been given back and written.

    Where a watched thread still runs, the interpreter is not taken down under it: that waits for the dynamic loader,
    and a thread that comes back from C++ to an interpreter that ends aborts the process.
    """
    if any(running() for running in _running):
        with suppress(OSError):  # nobody reads any more
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code or 0)
    sys.exit(code)


class Interruption:
    """Ctrl-C and SIGTERM, held back until a frame is over.

    Raised in its midst they can be lost: while another thread imports, the interpreter runs callbacks here that swallow
    any error. The second signal has its usual effect at once.
    """

    def __init__(self) -> None:
        self._seen = False
        self._usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def __enter__(self) -> Self:
        for number in self._usual:
            signal.signal(number, self._hold_back)
        return self

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has come."""
        if self._seen:
            raise KeyboardInterrupt

    def _hold_back(self, number: int, frame: FrameType | None) -> None:
        self._seen = True
        self.__exit__()

    def __exit__(self, *error: object) -> None:
        for number, handler in self._usual.items():
            signal.signal(number, handler)
