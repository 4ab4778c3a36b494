"""Finding picture files in the folders that people have."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from sr_core.image.photograph import PhotographError

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp")
"""The file suffixes that a folder is searched for."""

MOST_FOLDERS = 200
"""Entries of a folder without pictures that are looked into: a whole disk must not be searched."""

MOST_NAMED = 5
"""Folders that a line names."""


def find_photographs(paths: Sequence[Path], tell: Callable[[str], None] = lambda line: None) -> list[Path]:
    """Return the given picture files, with each folder replaced by the pictures in it in natural order (1, 2, 10).

    Hidden files in a folder are skipped, including those that macOS adds beside each file (`._eye.jpg`). A file given
    by name is passed on whatever its name: ``load_photograph`` decides. A path that is missing or not readable is
    reported in one line and left out. Raises PhotographError if nothing is left.
    """
    found: list[Path] = []
    troubles: list[str] = []
    for path in map(Path, paths):
        try:
            found += _pictures(path, troubles) if stat.S_ISDIR(os.stat(path).st_mode) else [path]
        except PhotographError as error:
            troubles.append(str(error))
        except OSError as error:
            troubles.append(_unreadable(path, error))
    last = None if found else troubles.pop()
    for line in troubles:
        tell(line)
    if last is not None:
        raise PhotographError(last)
    return found


def _pictures(folder: Path, troubles: list[str]) -> list[Path]:
    """Return the pictures of a folder; add a line to `troubles` for each that is not readable. Raises OSError if the
    folder is not readable, and PhotographError if it holds none."""
    inside = [path for path in folder.iterdir() if _is_picture(path)]
    if inside and not os.access(folder, os.X_OK):
        raise PhotographError(f"{folder}: its files cannot be opened; check the folder's permissions")
    found, closed = [], []
    for path in sorted(inside, key=natural_order):
        try:
            if stat.S_ISREG(os.stat(path).st_mode):
                found.append(path)
        except OSError as error:
            closed.append(_unreadable(path, error))
    if found:
        troubles += closed
        return found
    troubles += closed[:-1]
    raise PhotographError(closed[-1] if closed else _empty(folder))


def folders_with_photographs(folder: Path) -> tuple[Path, ...]:
    """Return the folders directly inside a folder that hold picture files, in natural order; of the first
    MOST_FOLDERS. Hidden ones are left out, and those that cannot be read. Raises OSError if `folder` cannot be read."""
    inside = sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=natural_order)
    return tuple(path for path in inside[:MOST_FOLDERS] if _holds_pictures(path))


def _holds_pictures(folder: Path) -> bool:
    try:
        return any(_is_picture(path) for path in folder.iterdir())
    except OSError:  # a file, or a folder that is closed to this user
        return False


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _empty(folder: Path) -> str:
    """Say in one line that a folder holds no pictures, and which folders inside it do."""
    inside = [path.name for path in folders_with_photographs(folder)]
    if not inside:
        return f"{folder}: no pictures in this folder; name one that holds JPEG, PNG, TIFF or WebP files"
    more = f" and {len(inside) - MOST_NAMED} more" if len(inside) > MOST_NAMED else ""
    return f"{folder}: no pictures in this folder, but in {', '.join(inside[:MOST_NAMED])}{more} inside it; name one"


def _unreadable(path: Path, error: OSError) -> str:
    """Say in one line why a path is unusable and what to do."""
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return f"{path}: a link to {os.readlink(path)}, which is not there; mend the link or name the file itself"
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return f"{path}: no such file or folder; check the spelling"
    if isinstance(error, PermissionError):
        return f"{path}: cannot be looked at ({error.strerror}); check the permissions of its folder"
    return f"{path}: cannot be looked at ({error.strerror}); name another file or folder"


def unique_names(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return a unique name for each path, whatever the case: its last part, preceded by as many folders as needed, with
    forward slashes. Two files in one folder whose names differ only in case, and two paths of one file, get no
    folders."""
    parts = [Path(os.path.abspath(path)).parts for path in paths]
    lengths = [1] * len(parts)
    while True:
        names = ["/".join(part[-length:]) for part, length in zip(parts, lengths, strict=True)]
        folders: dict[str, set[tuple[str, ...]]] = {}
        for name, part in zip(names, parts, strict=True):
            folders.setdefault(name.casefold(), set()).add(part[:-1])
        alike = [n for n, name in enumerate(names) if len(folders[name.casefold()]) > 1 and lengths[n] < len(parts[n])]
        if not alike:
            return tuple(names)
        for n in alike:
            lengths[n] += 1


def natural_order(path: Path) -> list[tuple[int, int, str]]:
    """Return a sort key: numbers in a name count as numbers and letters without case; then the whole name."""
    pieces = re.split("([0-9]+)", path.stem)
    key = [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece.casefold()) for piece in pieces if piece]
    return [*key, (-1, 0, path.name)]
