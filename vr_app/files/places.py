"""Where a session writes files for which no place was given: the current folder, or another writable one."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sr_core.errors import UserError
from sr_core.files import OutputError, free_path
from vr_app.files.state_folder import state_folder


def folders() -> Iterator[Path]:
    """Yield the current folder, if there is one, the user's home folder, the program's folder there, and the one for
    temporary files."""
    if (here := _current()) is not None:
        yield here
    with suppress(RuntimeError):  # a user without a home folder
        yield Path.home()
    with suppress(OSError, RuntimeError):
        made = state_folder("saved")
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield made
    yield Path(tempfile.gettempdir())


def kept(stem: str, ending: str, write: Callable[[Path], None]) -> str:
    """Write a new file, named by `stem`, the time and `ending`, to the first folder where that works. Return its name,
    and the reason if it is not in the current folder. Raises UserError, for the first folder, if none works."""
    first: UserError | None = None
    for folder in folders():
        path = new_path(folder, stem, ending)
        try:
            write(path)
        except UserError as error:
            first = first or error
            continue
        return path.name if folder == _current() else f"{path} (the current folder cannot be written)"
    raise first or OutputError(f"{stem}{ending}: there is no folder to write it to; make one")


def _current() -> Path | None:
    """Return the current folder, or None if somebody has deleted it."""
    try:
        return Path.cwd()
    except OSError:
        return None


def new_path(folder: Path, stem: str, ending: str, taken: Iterable[Path] = ()) -> Path:
    """Return the path of a file that does not exist and is not `taken`, named by `stem`, the time and `ending`."""
    return free_path(folder, f"{stem}-{datetime.now():%Y%m%d-%H%M%S}", ending, taken)


def writable_folder() -> Path:
    """Return the first of `folders` in which a file can be created, or the current one if there is none."""
    found = list(folders())
    return next((folder for folder in found if _can_be_written(folder)), found[0])


def _can_be_written(folder: Path) -> bool:
    """Whether a file can be created. Permissions do not tell: the file system may be read-only, full, or a
    network's."""
    trial = folder / f".fundusxr-{secrets.token_hex(4)}"
    try:
        with trial.open("xb") as file:
            file.write(b"\0")
    except OSError:
        return False
    finally:
        with suppress(OSError):
            trial.unlink(missing_ok=True)
    return True
