"""Where the program keeps the state of a user's sessions, and how it handles a damaged file there."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_state_path


def state_folder(name: str) -> Path:
    """Return a folder in the user's state directory, by the platform's convention (on Linux below XDG_STATE_HOME). It
    may not exist."""
    return user_state_path("fundusxr", appauthor=False) / name


def set_aside(path: Path) -> Path:
    """Rename an unusable file to one ending in .bad-1, .bad-2 and so on, so that it is neither read again nor
    overwritten; return its new name. Raises OSError."""
    number = 1
    while (aside := path.with_name(f"{path.name}.bad-{number}")).exists():
        number += 1
    path.rename(aside)
    return aside
