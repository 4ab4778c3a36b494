"""The options of a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sr_core.image.source import FileSource, PhotographSource
from sr_core.tiles.request import DiskCache
from vr_app.core.tiles.limits import DEFAULT_LIMITS, Limits
from vr_app.core.view.tour import Tour
from vr_app.core.view.view import Settings, ViewState
from vr_app.files.folder_view import Memory


@dataclass(frozen=True)
class Options:
    """How a command, a measurement or a test starts a session.

    `view`: the first view, and the session's settings (None: the first photograph of a row). `memory`: the view as
    these photographs were last left, which then comes first (None: nothing is remembered). `ends`: the program ends
    with the tour. `device`: what computes. `stand_back`: metres that the eye stands behind the retina's centre (a
    window's picture is too narrow to show the retina from there). `limits`: of memory. `prefetch`: whether tiles are
    computed before they are wanted. `tile_cache`: where computed tiles are kept on disk (None: nowhere). `left_handed`:
    the right hand carries the control panel. `say` gets what the user should read in a terminal. `sources`: what to
    open in place of the files `paths`, one for each; a path then only says where the files that belong to its
    photograph are. `notices`: what to tell the user first.
    """

    paths: tuple[Path, ...]
    view: ViewState | None = None
    memory: Memory | None = None
    tour: Tour | None = None
    ends: bool = False
    frames: int | None = None
    screenshot: Path | None = None
    stats: Path | None = None
    device: str = "auto"
    stand_back: float = 0.0
    limits: Limits = DEFAULT_LIMITS
    prefetch: bool = False
    tile_cache: DiskCache | None = None
    left_handed: bool = False
    say: Callable[[str], None] = print
    sources: tuple[PhotographSource, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def photographs(self) -> tuple[PhotographSource, ...]:
        """The photographs to open."""
        return self.sources or tuple(map(FileSource, self.paths))


def first_view(count: int, model: str) -> ViewState:
    """Return a row of `count` photographs, computed with a network."""
    return replace(ViewState.start(count), settings=Settings(model))
