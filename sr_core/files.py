"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sr_core.errors import UserError


class OutputError(UserError):
    """A file that cannot be written: its name, the cause, the cure."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path`, open for writing, which takes its place, on the disk to the last byte, if all goes well.

    Otherwise it goes, and what was there stays. Raises OSError.
    """
    part = path.parent / f".{path.name}-{secrets.token_hex(4)}"  # not mkstemp's: its files are private
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text. Raises OutputError where that fails."""
    path = Path(path)
    try:
        with whole_file(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another place") from None


def check_writable(path: Path, suffixes: tuple[str, ...] = ()) -> None:
    """Raise OutputError now, not after long work, where a file of this name could not be written."""
    path = Path(path)
    if suffixes and path.suffix.lower() not in suffixes:
        raise OutputError(f"{path}: must end in {' or '.join(suffixes)}")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}; make it first")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise OutputError(f"{path}: may not be written; check the permissions of {path.parent}")
