"""Where a session puts what it was not told a place for: the current folder, or another that can be written."""

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
    """The current folder, if there is one, the user's own, the program's there, and the one for temporary files."""
    if (here := _current()) is not None:
        yield here
    with suppress(RuntimeError):  # a user without one
        yield Path.home()
    with suppress(OSError, RuntimeError):
        made = state_folder("saved")
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield made
    yield Path(tempfile.gettempdir())


def kept(stem: str, ending: str, write: Callable[[Path], None]) -> str:
    """Have a new file written, named by `stem`, the time and `ending`, to the first folder where that can be done.
    Returns its name, elsewhere than in the current folder with the reason. Raises UserError, of the first folder, where
    none can be written."""
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
    """None where somebody has deleted it meanwhile."""
    try:
        return Path.cwd()
    except OSError:
        return None


def new_path(folder: Path, stem: str, ending: str, taken: Iterable[Path] = ()) -> Path:
    """A file that is not there, and not `taken`, named by `stem`, the time and `ending`."""
    return free_path(folder, f"{stem}-{datetime.now():%Y%m%d-%H%M%S}", ending, taken)


def writable_folder() -> Path:
    """The first of `folders` in which a file can be made; the current one where none can."""
    found = list(folders())
    return next((folder for folder in found if _can_be_written(folder)), found[0])


def _can_be_written(folder: Path) -> bool:
    """Permissions do not tell: of a read-only file system, a full one, a network's."""
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
