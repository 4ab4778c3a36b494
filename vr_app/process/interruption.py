"""How a session ends from outside: between two frames, and without waiting for work that cannot be interrupted."""

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
    """Register a check for `end_process`: whether a thread is still running that may spend seconds inside foreign
    code."""
    _running.append(running)


@contextmanager
def when_cut_off(save: Callable[[], None]) -> Iterator[None]:
    """While this lasts, `save` is called if foreign code is about to end the process."""
    _saving.append(save)
    try:
        yield
    finally:
        if save in _saving:
            _saving.remove(save)


def cut_off() -> NoReturn:
    """Save what can be saved, and exit with code 1: otherwise the caller's foreign code would end the process in its
    own way."""
    while _saving:
        with suppress(Exception):  # a failing one must not keep the others from being called
            _saving.pop()()
    with suppress(BaseException):  # whatever they raise, this is the end
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(1)


def end_process(code: int | str | None) -> NoReturn:
    """Exit with a code, as `sys.exit` does, once everything has been released and written.

    If a watched thread is still running, the interpreter is not shut down: that would wait for the dynamic loader, and
    a thread that returns from C++ to a closing interpreter aborts the process.
    """
    if isinstance(code, str):  # as in `sys.exit`: a message to print
        print(code, file=sys.stderr)
        code = 1
    if any(running() for running in _running):
        with suppress(OSError):  # nobody is reading any more
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code or 0)
    sys.exit(code)


ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that ask a program to end; Windows has fewer."""


class Interruption:
    """Holds back Ctrl-C, SIGTERM and SIGHUP (the terminal was closed) until a frame is over.

    If they were raised inside a frame they could be lost: while another thread imports, the interpreter runs callbacks
    on this one that swallow any error. A second signal has its usual effect at once.
    """

    def __init__(self) -> None:
        self._seen = False
        usual = {number: signal.getsignal(number) for number in ENDING}
        outlives = {number for number in ENDING[2:] if usual[number] is signal.SIG_IGN}  # ignored, as under nohup
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
