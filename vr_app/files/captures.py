"""Files that a session writes: screenshots, recorded tours, statistics."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

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
from vr_app.files.clipboard import ClipboardError, copy_picture
from vr_app.files.places import kept

DESCRIPTION = (
    "What FundusXR showed. Outlined in cyan, or framed so, are computed pixels, not photographed. Not for diagnosis."
)
SCALES = (2, 4, 8)
"""The scales of computed pixels; coarser ones may be visible beside finer ones."""

RESTORING = 2
"""The scale of the network whose picture, shrunk, is the restored photograph."""

PATIENCE = 300.0
"""Seconds that a screenshot requested on the command line waits for its tiles before the program gives up."""


def screenshot_entries(about: dict) -> dict[str, str]:
    """Return a screenshot's text entries: `about` it (`vr_app.core.scene.snapshot`), and what computed its pixels."""
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
    """Return when the photographs in it were taken, if all were taken at one moment."""
    moments = {surface["taken"] for surface in about["surfaces"]}
    return Context(taken=moments.pop()) if len(moments) == 1 else UNTOLD


class Screenshots:
    """Pictures to take as soon as everything wanted has arrived: one from the command line, others from a key."""

    def __init__(self, path: Path | None) -> None:
        self._first = path
        self._asked = self._copies = False
        self._since: float | None = None

    @property
    def due(self) -> bool:
        return self._asked or self._copies or self._first is not None

    def ask(self) -> None:
        """Request one more, named by the time, in the current folder."""
        self._asked = True

    def copy(self) -> None:
        """Request one on the desktop's clipboard."""
        self._copies = True

    def awaited(self, now: float) -> bool:
        """Whether the program must keep running for a picture. Raises UserError if that has taken too long."""
        if not self.due:
            return False
        self._since = now if self._since is None else self._since
        if now - self._since > PATIENCE:
            name = self._first or "screenshot"
            raise UserError(f"{name}: gave up after waiting {PATIENCE:.0f} s for its tiles; try a smaller --size")
        return True

    def save(self, pictures: Sequence[np.ndarray], about: dict) -> str:
        """Write every picture due: the eyes side by side, each (H, W, 3) uint8, with what a snapshot says `about` it.
        Return what to tell the user.

        The one from the command line, which may be the program's only purpose, raises PhotographError if it cannot be
        written; any other failure is reported, and the session continues.
        """
        picture = np.concatenate(pictures, axis=1)
        entries, context = screenshot_entries(about), screenshot_context(about)
        saved: list[str] = []
        told: list[str] = []
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
        if saved:
            told.append(f"Screenshot saved: {', '.join(saved)}")
        if self._copies:
            self._copies = False
            told.append(_copied(lambda path: save_picture(path, picture, entries, context)))
        return "; ".join(told)


def _copied(save: Callable[[Path], None]) -> str:
    """Put the picture that `save` writes on the clipboard; return what to tell the user."""
    try:
        with TemporaryDirectory(prefix="fundusxr-") as folder:
            path = Path(folder) / "view.png"
            save(path)
            copy_picture(path)
    except (ClipboardError, UserError, OSError) as error:
        return f"View not copied: {error}"
    return "View copied"


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
        """End it and write it to the current folder; return what to tell the user. If no folder is writable, the
        recording continues, and nothing is lost."""
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
    """Write the session's statistics as JSON; docs/viewer.md describes the fields."""
    write_text(path, json.dumps(about | statistics.summary() | {"tiles": asdict(tiles)}, indent=2) + "\n")
