"""How a session ends from outside: between two frames, and without waiting for what cannot be cut short."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn, Self

_running: list[Callable[[], bool]] = []
_saving: list[Callable[[], None]] = []


def watch(running: Callable[[], bool]) -> None:
    """Let `end_process` ask whether a thread still runs that may be inside foreign code for seconds."""
    _running.append(running)


@contextmanager
def when_cut_off(save: Callable[[], None]) -> Iterator[None]:
    """While this lasts `save` is called where foreign code is about to end the process."""
    _saving.append(save)
    try:
        yield
    finally:
        if save in _saving:
            _saving.remove(save)


def cut_off() -> NoReturn:
    """Save what can be saved, and end with 1: the caller's foreign code would end the process in its own way."""
    while _saving:
        with suppress(Exception):  # one that fails keeps no other from being called
            _saving.pop()()
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(1)


def end_process(code: int | str | None) -> NoReturn:
    """End with an exit code, as `sys.exit` does, once everything has been given back and written.

    Where a watched thread still runs, the interpreter is not taken down under it: that waits for the dynamic loader,
    and a thread that comes back from C++ to an interpreter that ends aborts the process.
    """
    if isinstance(code, str):  # as for `sys.exit`: what to tell
        print(code, file=sys.stderr)
        code = 1
    if any(running() for running in _running):
        with suppress(OSError):  # nobody reads any more
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code or 0)
    sys.exit(code)


ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that ask a program to end; Windows has fewer."""


class Interruption:
    """Ctrl-C, SIGTERM and SIGHUP (its terminal is closed), held back until a frame is over.

    Raised in its midst they can be lost: while another thread imports, the interpreter runs callbacks here that swallow
    any error. The second signal has its usual effect at once.
    """

    def __init__(self) -> None:
        self._seen = False
        usual = {number: signal.getsignal(number) for number in ENDING}
        outlives = {number for number in ENDING[2:] if usual[number] is signal.SIG_IGN}  # as with nohup
        self._usual = {number: handler for number, handler in usual.items() if number not in outlives}

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
