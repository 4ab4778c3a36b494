"""The last view of a folder, kept in the user's state directory."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sr_core.files import whole_file
from vr_app.core.view.remembered import (
    MemoryFileError,
    Remembered,
    Side,
    format_memory,
    parse_memory,
    remember,
    restore,
)
from vr_app.core.view.view import ViewState
from vr_app.files.state_folder import set_aside, state_folder

REST = 2.0
"""Seconds that a view must rest before it is saved."""

APART = 5.0
"""The minimum number of seconds between two saves."""

LARGEST = 10_000_000
"""In bytes: far more than the memory of any folder."""


def memory_path(named: Sequence[Path]) -> Path:
    """Return the path for a folder or files, which are identified by their own paths, in order."""
    digest = hashlib.sha256(b"\0".join(os.fsencode(path.resolve()) for path in named))
    return state_folder("folders") / f"{digest.hexdigest()[:32]}.json"


def keys_of(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return what identifies photographs: their paths' checksums, since names can be patients' names."""
    return tuple(hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16] for path in paths)


@dataclass(frozen=True)
class Found:
    """What was remembered, if anything; and a line for the user if it could not be read."""

    remembered: Remembered | None = None
    notice: str = ""


def read_memory(path: Path) -> Found:
    """Read it. A damaged file, or one of a newer version, is reported and renamed, so that nothing is lost."""
    try:
        if path.stat().st_size > LARGEST:
            raise MemoryFileError("damaged (too large)")
        return Found(parse_memory(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Found()
    except OSError as error:
        return Found(notice=f"{path}: what was remembered of these photographs cannot be read ({error.strerror})")
    except UnicodeDecodeError:
        reason = "damaged (not text)"
    except MemoryFileError as error:
        reason = str(error)
    try:
        aside = f"it is kept as {set_aside(path)}"
    except OSError as error:
        aside = f"it cannot be put aside ({error.strerror})"
    return Found(notice=f"What was remembered of these photographs is {reason}; {aside}, and begun anew")


def write_memory(path: Path, remembered: Remembered) -> None:
    """Write it completely or not at all. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(format_memory(remembered).encode())


class Memory:
    """Follows a session's view, and saves it when it rests, on a thread that lives only as long as that takes, since
    writing safely to a disk can take far longer than a frame.

    `hand`: the session's. To be called by the thread that made it.
    """

    def __init__(self, path: Path, keys: Sequence[str], hand: Side, found: Found) -> None:
        self._path, self._keys, self._hand, self._found = path, tuple(keys), hand, found.remembered
        self._written: tuple | None = None
        self._last: ViewState | None = None
        self._at = 0.0
        self._thread: threading.Thread | None = None
        self._problem = found.notice

    def restored(self, view: ViewState) -> ViewState:
        """Return the session's first view: as it was last left, if anything is remembered."""
        return restore(view, self._keys, self._found) if self._found else view

    def see(self, view: ViewState, now: float) -> None:
        """Process the view of a frame, at `now` seconds."""
        if self._last is None:
            self._written, self._at = _told(view), now
        self._last = view
        if view.still_for < REST or now - self._at < APART or (self._thread and self._thread.is_alive()):
            return
        if _told(view) != self._written:
            self._written, self._at = _told(view), now
            remembered = remember(view, self._keys, self._hand)
            self._thread = threading.Thread(target=self._write, args=(remembered,), name="memory", daemon=True)
            self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether the last view is still to be saved, or is being saved."""
        writing = self._thread is not None and self._thread.is_alive()
        return writing or bool(self._problem) or (self._last is not None and _told(self._last) != self._written)

    def take_notice(self) -> str:
        """Return, once, what went wrong in reading or writing; '' if nothing did."""
        problem, self._problem = self._problem, ""
        return problem

    def close(self) -> None:
        """Save the last view if it has not been saved."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._last is not None and _told(self._last) != self._written:
            self._written = _told(self._last)
            self._write(remember(self._last, self._keys, self._hand))

    def _write(self, remembered: Remembered) -> None:
        try:
            write_memory(self._path, remembered)
        except OSError as error:
            self._problem = f"{self._path}: the layout cannot be remembered ({error.strerror})"


def _told(view: ViewState) -> tuple:
    """Return everything about a view that is saved."""
    layout = view.layout, view.flat, view.panels, view.elsewhere, view.pair
    return view.images, view.active, *layout, view.appearance
