"""Standard output and standard error: any file name can be written to them, and their failure ends in order."""

from __future__ import annotations

import codecs
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, RawIOBase, TextIOWrapper
from typing import Any, TextIO

from sr_core.errors import UserError

NOBODY_READS = 128 + getattr(signal, "SIGPIPE", 13)
"""The exit code by which a shell reports a program that a closed pipe has ended."""


@contextmanager
def guarded_streams() -> Iterator[None]:
    """While this lasts, standard output and standard error take every file name: its bytes where it is not text in the
    file system's encoding, so that a program behind a pipe finds the file, and an escape for a letter that the console
    does not have.

    The first write to standard output that fails raises UserError (a full disk), or SystemExit with NOBODY_READS (a
    closed pipe). What follows, and whatever standard error does not take, is dropped, so that the interpreter's own
    last flush cannot fail.
    """
    codecs.register_error("fundusxr", _encodable)
    usual = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _guarded(sys.stdout, ends=True), _guarded(sys.stderr, ends=False)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = usual


def flush_output() -> None:
    """Write what standard output still holds. Raises as a write does."""
    if sys.stdout is not None:  # it is None where it was closed from the start
        sys.stdout.flush()


def _guarded(stream: TextIO, ends: bool) -> TextIO:
    if not isinstance(stream, TextIOWrapper):
        return stream
    raw = _Guard(getattr(stream.buffer, "raw", stream.buffer), ends)
    by_line = stream.line_buffering or stream.write_through
    return TextIOWrapper(BufferedWriter(raw), stream.encoding, "fundusxr", line_buffering=by_line)


class _Guard(RawIOBase):
    """Passes bytes on to `stream` until that fails once. `ends`: whether its failure ends the command."""

    def __init__(self, stream: Any, ends: bool) -> None:
        self._stream, self._ends, self._failed = stream, ends, False

    def write(self, data: Any) -> int | None:
        if self._failed:
            return len(data)
        try:
            return self._stream.write(data)
        except OSError as error:
            self._failed = True
            if not self._ends:
                return len(data)
            if isinstance(error, BrokenPipeError):
                raise SystemExit(NOBODY_READS) from None
            cause = error.strerror or str(error)
            raise UserError(f"standard output: cannot be written ({cause}); send it elsewhere") from None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()


def _encodable(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeEncodeError):
        code = ord(error.object[error.start])
        if 0xDC80 <= code <= 0xDCFF:
            return bytes([code - 0xDC00]), error.start + 1
    return codecs.backslashreplace_errors(error)
