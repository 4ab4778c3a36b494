"""Where the window was when it was closed last, and how large, for the next start; readable by its user alone."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from sr_core.files import whole_file
from vr_app.core.view.window_place import WindowPlace
from vr_app.files.state_folder import state_folder

LARGEST = 10_000
"""Bytes of the file: far more than a place takes."""


def place_file() -> Path:
    """Return where the place is kept."""
    return state_folder("window") / "place.json"


def read_place() -> WindowPlace | None:
    """Return the place kept last. A file that is missing or damaged counts as none."""
    try:
        if place_file().stat().st_size > LARGEST:
            return None
        place = WindowPlace(**json.loads(place_file().read_text(encoding="ascii")))
    except (OSError, ValueError, TypeError):
        return None
    return place if place.sound else None


def keep_place(place: WindowPlace) -> None:
    """Keep a place for the next start. Without anywhere to write to, nothing is kept."""
    with suppress(OSError):
        place_file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with whole_file(place_file()) as file:
            file.write(json.dumps(asdict(place)).encode())
