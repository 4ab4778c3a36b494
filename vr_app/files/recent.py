"""The folders that were opened last, by name: for the start page of a window, and readable by their user alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sr_core.files import whole_file
from vr_app.files.state_folder import state_folder

MOST = 8
"""Folders that are kept."""

LARGEST = 100_000
"""Bytes of the file: far more than the names take."""


def recent_file() -> Path:
    """Return where the names are kept."""
    return state_folder("recent") / "folders.json"


def recent_folders() -> tuple[Path, ...]:
    """Return the folders opened last that are still there, the last one first. A damaged file counts as none."""
    try:
        if recent_file().stat().st_size > LARGEST:
            return ()
        names = json.loads(recent_file().read_text(encoding="ascii"))
    except (OSError, ValueError):
        return ()
    if not isinstance(names, list):
        return ()
    return tuple(path for name in names[:MOST] if isinstance(name, str) and _is_folder(path := Path(name)))


def remember_folders(opened: Iterable[Path]) -> None:
    """Put the folders of what was opened first. Without a place to write to, nothing is kept."""
    folders = [path if path.is_dir() else path.parent for path in map(Path.absolute, opened)]
    names = [os.fspath(path) for path in dict.fromkeys((*folders, *recent_folders()))][:MOST]
    with suppress(OSError):
        recent_file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with whole_file(recent_file()) as file:
            file.write(json.dumps(names).encode())


def forget_folders() -> None:
    """Forget them all."""
    with suppress(OSError):
        recent_file().unlink()


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
