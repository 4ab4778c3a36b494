"""Where the program keeps what a user's sessions leave behind, and what becomes of such a file that is damaged."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_state_path


def state_folder(name: str) -> Path:
    """A folder of the user's own, by the platform's custom (on Linux below XDG_STATE_HOME). It need not be there."""
    return user_state_path("fundusxr", appauthor=False) / name


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be used to one ending in .bad-1, .bad-2 and so on, so that it is neither read again nor
    overwritten; its new name. Raises OSError."""
    number = 1
    while (aside := path.with_name(f"{path.name}.bad-{number}")).exists():
        number += 1
    path.rename(aside)
    return aside
