"""Measure the memory of long sessions, many photographs and large ones, its limits, and whether a zoom costs more."""

from __future__ import annotations

import mmap
import tempfile
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from vr_app.bench import pictures
from vr_app.bench.progress import Progress
from vr_app.bench.report import Measured, Settings, milliseconds, percentiles
from vr_app.bench.stage import EDGE, QUICK_EDGE, Stage, eye_on_region, open_stage, two_eyes
from vr_app.bench.zoom import WARM_UP, photograph_for, size_of, warm_up
from vr_app.core.tiles.limits import DEFAULT_LIMITS, Limits
from vr_app.core.tiles.page_table import ATLAS, SLOT_BYTES
from vr_app.core.view.intent import LookAt, SurfaceKind
from vr_app.gl.context import Context, open_offscreen

ZOOMS, QUICK_ZOOMS = 1000, 6
FIRST, QUICK_FIRST = 100, 3
"""The number of zooms after which memory should stop growing."""

COMPARED_MP, QUICK_COMPARED_MP = (4, 100), (1, 2)
"""Megapixels of the two photographs compared."""

COMPARED, QUICK_COMPARED = 20, 3

FILES, QUICK_FILES = 64, 5
FILE_PIXELS, QUICK_PIXELS = (4624, 3468), (1200, 900)
QUICK_LIMITS = Limits(tiles=18_000_000, photographs=16_000_000, gpu=24_000_000)
"""So small that even a few small files exceed them."""

CLOSE = LookAt(SurfaceKind.PANEL, (0.4, 0.45), 60.0)
"""So close that the network is asked for some tiles of each photograph."""


def measure(settings: Settings, progress: Progress) -> Measured:
    """Measure the rows of `memory`."""
    measured = Measured(about={"prefetch": False})
    with tempfile.TemporaryDirectory(prefix="fundusxr-bench-") as name, open_offscreen() as context:
        measured.renderer = context.renderer
        _growth(context, Path(name), settings, progress, measured)
        _large_photograph(context, Path(name), settings, progress, measured)
        _many_files(context, Path(name), settings, progress, measured)
    return measured


def resident_bytes() -> int | None:
    """Return the memory that this process uses now, or None if the system does not report it (Linux does)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    return pages * mmap.PAGESIZE


def _growth(context: Context, folder: Path, settings: Settings, progress: Progress, measured: Measured) -> None:
    """Visit regions in turn, more than the limits hold, so that each must be computed again."""
    zooms, first = (QUICK_ZOOMS, QUICK_FIRST) if settings.quick else (ZOOMS, FIRST)
    path, origin = photograph_for(settings, folder)
    edge = QUICK_EDGE if settings.quick else EDGE
    progress.begin("zooms", zooms)
    resident = []
    with open_stage(context, [path], [eye_on_region(edge)], device=settings.device, model=settings.model) as stage:
        stage.warm_up()
        regions = stage.regions(edge)
        for look in islice(cycle(regions), zooms):
            stage.visit(look)
            resident.append(resident_bytes())
            progress.step()
        computed = stage.viewer.supply.service.worker.counts.computed
    known = None not in resident
    measured.values["memory_growth_1000_zooms"] = (
        100 * (max(resident[first:]) / resident[first - 1] - 1) if known else None
    )
    measured.samples["resident_bytes_after_zooms"] = resident
    measured.about |= {
        "photograph": origin,
        "region": f"{edge}x{edge} photograph pixels at x4",
        "zooms": zooms,
        "zooms_before_growth_counts": first,
        "regions_in_turns": len(regions),
        "tiles_computed": computed,
        "growth": "the most resident memory of any later zoom against that after the first ones",
    }


def _large_photograph(
    context: Context, folder: Path, settings: Settings, progress: Progress, measured: Measured
) -> None:
    """Zoom in turn on two photographs in one session."""
    count, edge = (QUICK_COMPARED, QUICK_EDGE) if settings.quick else (COMPARED, EDGE)
    megapixels = QUICK_COMPARED_MP if settings.quick else COMPARED_MP
    paths = [pictures.write_photographs(folder, size_of(value))[0] for value in megapixels]
    times: list[list[float]] = [[], []]
    with open_stage(context, paths, [eye_on_region(edge)], device=settings.device, model=settings.model) as stage:
        unseen = []
        for photograph in (0, 1):
            _bring(stage, photograph)
            unseen.append(warm_up(stage, edge))
        rounds = min(count, *map(len, unseen))
        progress.begin("large photograph", rounds)
        for number in range(rounds):
            for photograph in (0, 1) if number % 2 else (1, 0):
                _bring(stage, photograph)
                times[photograph].append(stage.visit(unseen[photograph][number]).all)
            progress.step()
    for path in paths:
        path.unlink()
    small, large = times
    measured.values["zoom_100mp_to_4mp"] = float(np.median(large) / np.median(small))
    measured.samples |= {"zoom_small_ms": milliseconds(small), "zoom_large_ms": milliseconds(large)}
    measured.about |= {
        "zoom_small_ms": percentiles(np.array(small) * 1000),
        "zoom_large_ms": percentiles(np.array(large) * 1000),
        "photographs_compared_mp": megapixels,
        "compared_by": f"median time until all is visible; {WARM_UP} regions of each before",
    }


def _bring(stage: Stage, photograph: int) -> None:
    """Show the whole of a photograph in front, at rest."""
    stage.show(photograph)
    stage.visit(LookAt(SurfaceKind.PANEL, (0.5, 0.5), 1.0))


def _many_files(context: Context, folder: Path, settings: Settings, progress: Progress, measured: Measured) -> None:
    """Open every file, bring it to the front and zoom in, recording the peak memory at the end of any frame."""
    files, size = (QUICK_FILES, QUICK_PIXELS) if settings.quick else (FILES, FILE_PIXELS)
    limits = QUICK_LIMITS if settings.quick else DEFAULT_LIMITS
    progress.begin("files", 2 * files)
    paths = pictures.write_photographs(folder, size, files, progress.step)
    before = resident_bytes()
    with open_stage(
        context, paths, two_eyes((320, 240)), device=settings.device, model=settings.model, limits=limits
    ) as stage:
        watch = _Watch(stage)
        for photograph in range(files):
            stage.show(photograph)
            for look in (LookAt(SurfaceKind.PANEL, (0.5, 0.5), 1.0), CLOSE):
                stage.visit(look, watch.see)
            progress.step()
        gpu = -(-stage.viewer.supply.tiles.slots // ATLAS**2) * ATLAS**2 * SLOT_BYTES  # whole layers are allocated
    after = resident_bytes()
    measured.values |= {
        "ram_held_64_panels": 100 * max(watch.photographs / limits.photographs, watch.tiles / limits.tiles),
        "gpu_held_64_panels": 100 * gpu / limits.gpu,
    }
    measured.about |= {
        "files": f"{files} different files of {size[0]}x{size[1]} pixels ({pictures.ABOUT})",
        "limits_bytes": {"photographs": limits.photographs, "tiles": limits.tiles, "gpu": limits.gpu},
        "held_bytes": {"photographs": watch.photographs, "tiles": watch.tiles, "gpu": gpu},
        "resident_bytes": {"before": before, "most": watch.resident, "after": after},
    }


class _Watch:
    """The peak memory of a session at the end of any frame, in bytes."""

    def __init__(self, stage: Stage) -> None:
        self._viewer = stage.viewer
        self.photographs = self.tiles = 0
        self.resident: int | None = None
        self.see()

    def see(self) -> None:
        """Take a reading after a frame."""
        self.photographs = max(self.photographs, self._viewer.supply.service.photographs.bytes)
        self.tiles = max(self.tiles, self._viewer.supply.service.memory.bytes)
        resident = resident_bytes()
        self.resident = resident if resident is None or self.resident is None else max(self.resident, resident)
