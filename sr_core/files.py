"""Write files completely or not at all, never over an input, and with valid names."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from sr_core.errors import UserError

LONGEST_NAME = 255
"""The longest name in bytes that file systems accept."""

_UNDECODED = re.compile("[\udc80-\udcff]")
"""The bytes of a file name that are not UTF-8, as Python keeps them (PEP 383)."""


class OutputError(UserError):
    """A file that cannot be written: its name, the cause, the cure."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file beside `path`, open for writing, which replaces it, synced to disk, if all goes well.

    Otherwise it is removed, and the old file stays. Raises OSError.
    """
    name = _shorter(path.stem, f"-{secrets.token_hex(4)}{path.suffix}", LONGEST_NAME - 1)
    part = path.parent / f".{name}"  # not mkstemp's: its files are private
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        with suppress(OSError):  # never created, or in a folder that has become read-only: the first error counts
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text. Bytes of file names that are not UTF-8 are written as JSON escapes, so that JSON stays valid,
    and its reader finds the file again. Raises OutputError if that fails."""
    path = Path(path)
    try:
        with whole_file(path) as file:
            file.write(_UNDECODED.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode())
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another place") from None


def check_writable(path: Path, suffixes: tuple[str, ...] = (), inputs: Iterable[Path] = ()) -> None:
    """Raise OutputError now, not after long work, if a file of this name could not be written, or is one of the
    `inputs`."""
    path = Path(path)
    if suffixes and path.suffix.lower() not in suffixes:
        raise OutputError(f"{path}: must end in {' or '.join(suffixes)}")
    try:
        if path.is_dir():
            raise OutputError(f"{path}: is a folder; name a file")
        there = path.exists()
        if there and not path.is_file():  # a file would take the place of /dev/null itself
            raise OutputError(f"{path}: is a pipe or a device; name a file")
        if not path.parent.is_dir():
            raise OutputError(f"{path}: there is no folder {path.parent}; make it first")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another place") from None
    if not os.access(path.parent, os.W_OK | os.X_OK) or (there and not os.access(path, os.W_OK)):
        raise OutputError(f"{path}: may not be written; check the permissions of {path.parent}")
    keep_inputs([path], inputs)


def keep_inputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise OutputError if an output is one of the inputs, whose bytes would be lost. The file counts, not the spelling
    of its name: links, `..` and another case are recognised."""
    there = {which: out for out in outputs if (which := _identity(out)) is not None}
    if not there:
        return  # there is nothing to lose
    for source in inputs:
        which = _identity(source)
        if which is not None and (out := there.get(which)) is not None:
            raise OutputError(f"{out}: is the input {source}, which would be lost; name another file")


def _identity(path: Path) -> tuple[int, int] | None:
    """Return which file it is, or None if there is none, or none that is accessible."""
    try:
        there = os.stat(path)
    except OSError:
        return None
    return there.st_dev, there.st_ino


def keep_apart(*outputs: Path | None) -> None:
    """Raise OutputError if two outputs would be one file, also on file systems that fold case and accents."""
    seen: dict[tuple[str, str], Path] = {}
    for out in filter(None, outputs):
        name = unicodedata.normalize("NFC", out.name).casefold()
        first = seen.setdefault((os.path.realpath(out.parent), name), out)
        if first is not out:
            raise OutputError(f"{out}: is {first}, which is also written; name another file")


def free_path(folder: Path, stem: str, ending: str, taken: Iterable[Path] = ()) -> Path:
    """Return a path in `folder` that does not exist and is not `taken`: `stem` and `ending`, with a number from 2
    between them if needed. A stem that is too long is truncated."""
    taken = frozenset(taken)
    number = 1
    while True:
        path = folder / file_name(stem, f"-{number}{ending}" if number > 1 else ending)
        if path not in taken and not os.path.lexists(path):
            return path
        number += 1


def file_name(stem: str, ending: str) -> str:
    """Return `stem` and `ending` as one name. A stem that is too long is truncated and gets a digest, so that two long
    ones stay distinct."""
    room = LONGEST_NAME - 50  # leaves room for the longer name of a file beside it, or of a copy elsewhere
    if len(os.fsencode(stem + ending)) <= room:
        return stem + ending
    digest = hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
    return _shorter(stem, f"-{digest}{ending}", room)


def _shorter(stem: str, ending: str, room: int) -> str:
    """Return as much of `stem`, in whole letters, as fits with `ending` in at most `room` bytes."""
    while stem and len(os.fsencode(stem + ending)) > room:
        stem = stem[:-1]
    return stem + ending


def printable(text: str) -> str:
    """Return the text in one line that any reader can show: bytes that are not UTF-8, and characters that would move
    the cursor or change the writing direction, become escapes."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(c: str) -> str:
    return f"\\x{ord(c) - 0xDC00:02x}" if _UNDECODED.match(c) else c.encode("unicode_escape").decode()
