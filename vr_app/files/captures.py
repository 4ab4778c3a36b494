"""Files that a session leaves behind: screenshots, recorded tours, statistics."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from sr_core.errors import UserError
from sr_core.files import write_text
from sr_core.image.context import UNTOLD, Context
from sr_core.image.saving import save_picture
from sr_core.networks.names import weights_checksum
from sr_core.tiles.request import Counts
from vr_app.core.scene.statistics import Statistics
from vr_app.core.view.tour import TourRecorder, format_tour
from vr_app.core.view.view import ViewState
from vr_app.files.places import kept

DESCRIPTION = (
    "What FundusXR showed. Outlined in cyan, or framed so, are computed pixels, not photographed. Not for diagnosis."
)
SCALES = (2, 4, 8)
"""Of computed pixels; those of a coarser one may be seen beside those of a finer one."""

RESTORING = 2
"""The scale of the network whose picture, shrunk, is the restored photograph."""

PATIENCE = 300.0
"""Seconds that a screenshot asked for on the command line waits for its tiles before the program gives up."""


def screenshot_entries(about: dict) -> dict[str, str]:
    """The text entries of a screenshot: `about` it (`vr_app.core.scene.snapshot`), and what computed what it shows."""
    model, finest = about["model"], max((surface["scale"] for surface in about["surfaces"]), default=1)
    scales = [scale for scale in SCALES if scale <= finest]
    agrees = {surface["agrees"] for surface in about["surfaces"]} - {None}
    entries = {"Description": DESCRIPTION, "fundusxr:view": json.dumps(about), "fundusxr:version": version("fundusxr")}
    if not scales and any(surface["restored_photograph"] for surface in about["surfaces"]):
        scales, finest = [RESTORING], 1
    if scales:
        weights = ", ".join(f"x{scale} {weights_checksum(model, scale)}" for scale in scales)
        entries |= {"fundusxr:scale": f"{finest}", "fundusxr:model": model, "fundusxr:texture": f"{about['texture']:g}"}
        entries |= {"fundusxr:weights-sha256": weights, "fundusxr:agrees": "no" if False in agrees else "yes"}
    return entries


def screenshot_context(about: dict) -> Context:
    """When the photographs were taken that it shows, where that is one moment."""
    moments = {surface["taken"] for surface in about["surfaces"]}
    return Context(taken=moments.pop()) if len(moments) == 1 else UNTOLD


class Screenshots:
    """Pictures to take as soon as everything wanted is there: one from the command line, others from a key."""

    def __init__(self, path: Path | None) -> None:
        self._first = path
        self._asked = False
        self._since: float | None = None

    @property
    def due(self) -> bool:
        return self._asked or self._first is not None

    def ask(self) -> None:
        """One more, named by the time, in the current folder."""
        self._asked = True

    def awaited(self, now: float) -> bool:
        """Whether the program must go on for a picture. Raises UserError when that has lasted too long."""
        if not self.due:
            return False
        self._since = now if self._since is None else self._since
        if now - self._since > PATIENCE:
            name = self._first or "screenshot"
            raise UserError(f"{name}: gave up after waiting {PATIENCE:.0f} s for its tiles; try a smaller --size")
        return True

    def save(self, pictures: Sequence[np.ndarray], about: dict) -> str:
        """Write every picture due: the eyes side by side, each (H, W, 3) uint8, with what a snapshot tells `about` it.
        Returns what to tell the user.

        That of the command line, for which the program may have been started, raises PhotographError where it cannot
        be written; another is told, and the session goes on.
        """
        picture = np.concatenate(pictures, axis=1)
        entries, context = screenshot_entries(about), screenshot_context(about)
        saved: list[str] = []
        if self._first is not None:
            path, self._first = self._first, None
            save_picture(path, picture, entries, context)
            saved.append(str(path))
        if self._asked:
            self._asked = False
            try:
                saved.append(kept("fundusxr", ".png", lambda path: save_picture(path, picture, entries, context)))
            except UserError as error:
                saved.append(f"no other: {error}")
        return f"Screenshot saved: {', '.join(saved)}"


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
        """End it and write it to the current folder; returns what to tell the user. Where it can be written nowhere it
        goes on, and nothing of it is lost."""
        tour = None if self._recorder is None else self._recorder.finish()
        if tour is None:
            self._recorder = None
            return "No tour saved: nothing was seen"
        text = format_tour(replace(tour, image=os.path.realpath(image)))
        try:
            told = kept("fundusxr-tour", ".json", lambda path: write_text(path, text))
        except UserError as error:
            return f"Tour not saved, recording goes on: {error}"
        self._recorder = None
        return f"Tour saved: {told}"


def write_statistics(path: Path, about: dict, statistics: Statistics, tiles: Counts) -> None:
    """The session's figures as JSON; its fields are told in docs/viewer.md."""
    write_text(path, json.dumps(about | statistics.summary() | {"tiles": asdict(tiles)}, indent=2) + "\n")
