"""The desktop's clipboard, by the programs that keep a picture there after this one has ended."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

WAYLAND = ("wl-copy", "--type", "image/png")
X11 = ("xclip", "-selection", "clipboard", "-t", "image/png")

PATIENCE = 10.0
"""Seconds that the program gets to take a picture."""


class ClipboardError(Exception):
    """The picture cannot be copied; the message says why, and what to do instead."""


def copy_picture(path: Path) -> None:
    """Put a PNG file on the clipboard; the file may go then. Raises ClipboardError."""
    programs = (WAYLAND, X11) if os.environ.get("WAYLAND_DISPLAY") else (X11,)
    command = next((program for program in programs if shutil.which(program[0])), None)
    if command is None:
        wanted = "wl-clipboard" if programs[0] is WAYLAND else "xclip"
        raise ClipboardError(f"there is no clipboard program here: install {wanted}, or save a screenshot with P")
    try:
        with path.open("rb") as picture:
            # It lives on with the picture, and would keep a pipe open.
            subprocess.run(
                command, stdin=picture, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
                timeout=PATIENCE,
            )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise ClipboardError(f"{command[0]} fails ({error}); save a screenshot with P instead") from error
