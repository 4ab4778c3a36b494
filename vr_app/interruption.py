"""How a session ends from outside: between two frames."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Self


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
