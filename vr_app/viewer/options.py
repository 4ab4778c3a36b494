"""What the command line asks of the viewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sr_core.networks.names import DEFAULT_MODEL
from sr_core.tiles.request import DiskCache
from vr_app.core.tiles.limits import DEFAULT_LIMITS, Limits
from vr_app.core.view.intent import SurfaceKind
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare
from vr_app.core.view.tour import Tour
from vr_app.files.folder_view import Memory


@dataclass(frozen=True)
class Options:
    """What the command line asks for.

    `ends`: the program ends with the tour. `stand_back`: metres that the eye stands behind the retina's centre (a
    window's picture is too narrow to show the retina from there). `room`: the panels stand in one. `limits`: of memory.
    `prefetch`: whether tiles are computed before they are wanted. `tile_cache`: where computed tiles are kept on disk
    (None: nowhere). `memory`: what the view was when these photographs were last left (None: nothing is remembered).
    `left_handed`: the right hand carries the control panel. `say` gets what the user should read in a terminal.
    """

    paths: tuple[Path, ...]
    surface: SurfaceKind = SurfaceKind.PANEL
    layout: Layout = Layout.ROW
    compare: Compare = Compare.SIDE
    memory: Memory | None = None
    tour: Tour | None = None
    ends: bool = False
    frames: int | None = None
    screenshot: Path | None = None
    stats: Path | None = None
    device: str = "auto"
    model: str = DEFAULT_MODEL
    room: bool = False
    stand_back: float = 0.0
    limits: Limits = DEFAULT_LIMITS
    prefetch: bool = False
    tile_cache: DiskCache | None = None
    left_handed: bool = False
    say: Callable[[str], None] = print
