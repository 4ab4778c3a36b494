"""Files that a session leaves behind: screenshots, recorded tours, statistics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from sr_core.errors import UserError
from sr_core.files import write_text
from sr_core.image.photograph import save_picture
from sr_core.tiles.request import Counts
from vr_app.core.scene.statistics import Statistics
from vr_app.core.view.tour import TourRecorder, format_tour
from vr_app.core.view.view import ViewState

PATIENCE = 300.0
"""Seconds that a screenshot asked for on the command line waits for its tiles before the program gives up."""

VIEW_KEY = "fundusxr:view"
"""The PNG text entry that tells what a screenshot shows (`vr_app.core.scene.snapshot`)."""


def _stamped(stem: str, suffix: str) -> Path:
    return Path(f"{stem}-{datetime.now():%Y%m%d-%H%M%S}{suffix}")


class Screenshots:
    """Pictures to take as soon as everything wanted is there: one from the command line, others from a key."""

    def __init__(self, path: Path | None) -> None:
        self._first = path
        self._paths = [path] if path else []
        self._since: float | None = None

    @property
    def due(self) -> bool:
        return bool(self._paths)

    def ask(self) -> None:
        """One more, named by the time, in the current folder."""
        self._paths.append(_stamped("fundusxr", ".png"))

    def awaited(self, now: float) -> bool:
        """Whether the program must go on for a picture. Raises UserError when that has lasted too long."""
        if not self._paths:
            return False
        self._since = now if self._since is None else self._since
        if now - self._since > PATIENCE:
            raise UserError(
                f"{self._paths[0]}: gave up after waiting {PATIENCE:.0f} s for its tiles; try a smaller --size"
            )
        return True

    def save(self, pictures: Sequence[np.ndarray], about: dict) -> list[str]:
        """Write every picture due: the eyes side by side, each (H, W, 3) uint8; returns the names."""
        names = [str(path) for path in self._paths]
        for path in self._paths:
            save_picture(path, np.concatenate(pictures, axis=1), {VIEW_KEY: json.dumps(about)})
        self._paths = []
        return names


class Recording:
    """A tour being recorded, or none."""

    def __init__(self) -> None:
        self._recorder: TourRecorder | None = None

    @property
    def active(self) -> bool:
        return self._recorder is not None

    def begin(self) -> None:
        self._recorder = TourRecorder()

    def see(self, view: ViewState, dt: float) -> None:
        if self._recorder is not None:
            self._recorder.see(view, dt)

    def save(self, image: Path) -> str:
        """End it and write it to the current folder; returns what to tell the user."""
        tour, self._recorder = self._recorder.finish(), None
        if tour is None:
            return "No tour saved: nothing was seen"
        path = _stamped("fundusxr-tour", ".json")
        write_text(path, format_tour(replace(tour, image=str(image.resolve()))))
        return f"Tour saved: {path}"


def write_statistics(path: Path, about: dict, statistics: Statistics, tiles: Counts) -> None:
    """The session's figures as JSON; its fields are told in docs/viewer.md."""
    write_text(path, json.dumps(about | statistics.summary() | {"tiles": asdict(tiles)}, indent=2) + "\n")
