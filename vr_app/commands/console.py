"""Lines and bars for the terminal, in which file names stand as they are, whatever they are."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from sr_core.files import printable


class Terminal(Console):
    """rich's console with a way to print a line as it is."""

    def __init__(self, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, soft_wrap=True)

    def tell(self, line: str) -> None:
        """Print a line in which nothing is markup, and nothing moves the cursor."""
        with suppress(OSError):  # the terminal is gone: nobody reads it
            self.print(printable(line), markup=False)


def progress(console: Console, *further: ProgressColumn, transient: bool = True) -> Progress:
    """A bar with the task's description as it is, on a terminal; nothing elsewhere. `further` columns come before the
    time that is left."""
    columns: Sequence[ProgressColumn] = (TextColumn("{task.description}", markup=False), BarColumn())
    counted = (*columns, MofNCompleteColumn(), *further, TimeRemainingColumn())
    return Progress(*counted, console=console, transient=transient, disable=not console.is_terminal)


def pass_names_through() -> None:
    """Let standard output take every file name: its bytes where it is no text in the file system's encoding, so that a
    program behind a pipe finds the file, and an escape for a letter that the console does not have."""
    codecs.register_error("fundusxr", _encodable)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="fundusxr")


def _encodable(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeEncodeError):
        code = ord(error.object[error.start])
        if 0xDC80 <= code <= 0xDCFF:
            return bytes([code - 0xDC00]), error.start + 1
    return codecs.backslashreplace_errors(error)
