"""Opening other photographs while a session shows some: what was dropped on the window, or chosen in a dialog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sr_core.errors import UserError
from sr_core.image.folder import SUFFIXES, find_photographs
from sr_core.image.photograph import PhotographError, check_photograph
from vr_app.ui.dialog import FileDialog


@dataclass(frozen=True)
class Wish:
    """Photographs to look at next. `named`: the files and folders as the user named them; `paths`: the photographs
    found there; `troubles`: a line for each that is left out."""

    named: tuple[Path, ...]
    paths: tuple[Path, ...]
    troubles: tuple[str, ...] = ()


def wish_for(named: Sequence[Path]) -> Wish:
    """Return the photographs in files and folders. Raises PhotographError if there is none, or if not even the header
    of one can be read."""
    troubles: list[str] = []
    paths = find_photographs(named, troubles.append)
    first: PhotographError | None = None
    for path in paths:
        try:
            check_photograph(path)
            return Wish(tuple(named), tuple(paths), tuple(troubles))
        except PhotographError as error:
            first = first or error
    raise first or PhotographError("nothing to open; name a photograph")


class Opening:
    """Takes what the user wants to look at next. `wish`: it, once there is one that can be opened: the session then
    ends. `start`: the folder that a dialog begins in."""

    def __init__(self, start: Path) -> None:
        self.wish: Wish | None = None
        self._start = start
        self._dialog: FileDialog | None = None

    def ask(self, folder: bool) -> str:
        """Show a dialog for photographs, or for a `folder` of them; one at a time. Returns what to tell the user."""
        if self._dialog is None:
            try:
                self._dialog = FileDialog(folder, self._start, SUFFIXES)
            except UserError as error:
                return str(error)
        return ""

    def see(self, dropped: Sequence[Path]) -> str:
        """Follow the dialog, and what was dropped since the last call. Returns what to tell the user."""
        named = tuple(dropped) or self._chosen()
        if named:
            try:
                self.wish = wish_for(named)
            except UserError as error:
                return str(error)
        return ""

    def close(self) -> None:
        """Close the dialog."""
        if self._dialog is not None:
            self._dialog.close()

    def _chosen(self) -> tuple[Path, ...]:
        if self._dialog is None or not self._dialog.over:
            return ()
        dialog, self._dialog = self._dialog, None
        return dialog.chosen()
