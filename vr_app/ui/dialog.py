"""The desktop's own dialog for choosing files, as a process beside this one: no frame waits for it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sr_core.errors import UserError
from vr_app.ui.imgui import InterfaceError, imported

PROGRAMS = ("zenity", "kdialog", "matedialog", "qarma")
"""Those that show the dialog on Linux; other systems have one of their own."""


INSTEAD = "drop files on the window, or name them on the command line"


class DialogError(UserError):
    """There is no dialog; the message says what to do instead."""


class FileDialog:
    """A dialog that is open. `folder`: it asks for a folder, otherwise for one or more files with one of `suffixes`.
    `start`: the folder that it begins in. Raises DialogError if this desktop has none."""

    def __init__(self, folder: bool, start: Path, suffixes: Sequence[str]) -> None:
        if sys.platform.startswith("linux") and not any(map(shutil.which, PROGRAMS)):
            raise DialogError(f"No file dialog here (install zenity or kdialog): {INSTEAD}")
        try:
            dialogs = imported("portable_file_dialogs")
        except InterfaceError as error:
            raise DialogError(f"{error}: {INSTEAD}") from error
        begin = os.fsdecode(start) + os.sep
        self._folder = folder
        if folder:
            self._dialog: Any = dialogs.select_folder("Open a folder of photographs", begin)
        else:
            patterns = " ".join(f"*{each}" for suffix in suffixes for each in (suffix, suffix.upper()))
            filters = ["Photographs", patterns, "All files", "*"]
            self._dialog = dialogs.open_file("Open photographs", begin, filters, dialogs.opt.multiselect)

    @property
    def over(self) -> bool:
        """Whether the user has chosen, or has closed it."""
        return bool(self._dialog.ready(0))

    def chosen(self) -> tuple[Path, ...]:
        """Return what the user has chosen, once it is over; nothing if they closed it."""
        result = self._dialog.result()
        return tuple(Path(name) for name in ([result] if self._folder else result) if name)

    def close(self) -> None:
        """End it, whether it is over or not: otherwise its destruction would wait for the user."""
        if not self.over:
            self._dialog.kill()
