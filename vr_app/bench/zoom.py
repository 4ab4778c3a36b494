"""Measure how long a zoom takes to become sharp, from the frame that brought the view to the frame that shows its
tiles."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sr_core.image.photograph import MAX_PIXELS
from vr_app.bench import pictures
from vr_app.bench.progress import Progress
from vr_app.bench.report import Measured, Settings, milliseconds, percentiles
from vr_app.bench.stage import EDGE, QUICK_EDGE, Stage, Visit, eye_on_region, open_stage
from vr_app.bench.trace import Trace
from vr_app.core.view.intent import LookAt
from vr_app.gl.context import Context, open_offscreen

SIZE, QUICK_SIZE = (3504, 2336), (1200, 800)
REGIONS, QUICK_REGIONS = 50, 3
WARM_UP = 3
"""The number of regions visited first and not counted, after the worker's own warm-up: they grow its memory."""

CURVE_REGIONS = 12
MEGAPIXELS = (1, 4, 16, 36, 64, 100)
EDGES = (64, 128, 192, 256, 384, 512)


def measure(settings: Settings, progress: Progress) -> Measured:
    """Measure the rows of `zoom`."""
    with tempfile.TemporaryDirectory(prefix="fundusxr-bench-") as folder, open_offscreen() as context:
        measured = Measured(renderer=context.renderer)
        path, origin = photograph_for(settings, Path(folder))
        count, edge = (QUICK_REGIONS, QUICK_EDGE) if settings.quick else (REGIONS, EDGE)
        with open_stage(context, [path], [eye_on_region(edge)], device=settings.device, model=settings.model) as stage:
            unseen = warm_up(stage, edge)[:count]
            with _tracing(settings.trace, measured):
                _visit_regions(stage, unseen, edge, progress, measured)
        measured.about |= {"photograph": origin, "region": f"{edge}x{edge} photograph pixels"}
        if settings.curves:
            _measure_curves(context, Path(folder), settings, progress, measured)
    return measured


def photograph_for(settings: Settings, folder: Path) -> tuple[Path, str]:
    """Return the photograph to measure with, made in `folder` if none was named, and a description of it."""
    if settings.photograph is not None:
        return settings.photograph, settings.photograph.name
    size = QUICK_SIZE if settings.quick else SIZE
    return pictures.write_photographs(folder, size)[0], f"{pictures.ABOUT}, {size[0]}x{size[1]}"


def warm_up(stage: Stage, edge: int, count: int = WARM_UP) -> list[LookAt]:
    """Visit some regions; return the rest, never visited."""
    regions = stage.regions(edge)
    count = min(count, max(1, len(regions) // 4))
    stage.warm_up()
    for look in regions[:count]:
        stage.visit(look)
    return regions[count:]


@contextmanager
def _tracing(path: Path | None, measured: Measured) -> Iterator[None]:
    """Write a timeline of what runs meanwhile to `path`, if it is asked for."""
    if path is None:
        yield
        return
    trace = Trace()
    with trace.recording():
        yield
    trace.write(path)
    measured.about |= {"traced": True, "missing_in_the_trace": trace.told}


def _visit_regions(stage: Stage, unseen: list[LookAt], edge: int, progress: Progress, measured: Measured) -> None:
    visits: list[Visit] = []
    again: list[Visit] = []
    progress.begin("zooms", len(unseen))
    for number, look in enumerate(unseen):
        visits.append(stage.visit(look))
        if number:
            again.append(stage.visit(unseen[number - 1]))
        progress.step()
    later = [stage.visit(look) for look in unseen[:10]]
    first, whole = [v.first * 1000 for v in visits], [v.all * 1000 for v in visits]
    measured.values |= {
        "zoom_first_sharp_p95": float(np.percentile(first, 95)),
        "zoom_all_visible_p95": float(np.percentile(whole, 95)),
        "zoom_same_region_again": float(max(visit.frames for visit in again)),
    }
    measured.samples |= {
        "first_sharp_ms": milliseconds([v.first for v in visits]),
        "all_visible_ms": milliseconds([v.all for v in visits]),
        "tiles": [v.tiles for v in visits],
        "frames": [v.frames for v in visits],
        "again_frames": [v.frames for v in again],
        "again_ms": milliseconds([v.all for v in again]),
        "first_ones_again_at_the_end_frames": [v.frames for v in later],
    }
    measured.about |= {
        "first_sharp_ms": percentiles(first),
        "all_visible_ms": percentiles(whole),
        "levels": sorted({v.level for v in visits}),
        "picture": f"one eye, {4 * edge}x{4 * edge} pixels",
        "warm_up": f"the viewer's own, then {WARM_UP} other regions",
        "again": "each region once more after one other region; the most frames of all counts",
        "prefetch": False,
        "disk_cache": False,
        "counted_from": "the begin of the frame in which the view arrives, to the end of the frame that first draws "
        "the tiles, finished by the driver; a view that is jumped to need not rest; the tiles' fade begins there",
    }


def _measure_curves(context: Context, folder: Path, settings: Settings, progress: Progress, measured: Measured) -> None:
    sizes = MEGAPIXELS[:2] if settings.quick else MEGAPIXELS
    edges = EDGES[:2] if settings.quick else EDGES
    progress.begin("curves", len(sizes) + len(edges))
    by_size = []
    for megapixels in sizes:
        size = size_of(megapixels)
        (path,) = pictures.write_photographs(folder, size)
        edge = QUICK_EDGE if settings.quick else EDGE
        by_size.append({"photograph, MP": megapixels} | _medians(context, path, edge, settings))
        path.unlink()
        progress.step()
    (path,) = pictures.write_photographs(folder, SIZE)
    by_area = []
    for edge in edges:
        by_area.append({"visible, photograph pixels a side": edge} | _medians(context, path, edge, settings))
        progress.step()
    measured.curves |= {
        f"Zoom against the photograph's size ({EDGE}x{EDGE} pixels visible, x4)": by_size,
        f"Zoom against the visible area ({SIZE[0]}x{SIZE[1]} photograph, x4)": by_area,
    }


def _medians(context: Context, path: Path, edge: int, settings: Settings) -> dict[str, float]:
    count = 1 if settings.quick else CURVE_REGIONS
    with open_stage(context, [path], [eye_on_region(edge)], device=settings.device, model=settings.model) as stage:
        regions = stage.regions(edge)
        stage.warm_up()
        stage.visit(regions[0])
        visits = [stage.visit(look) for look in regions[1 : 1 + count]]
    return {
        "first sharp, ms (median)": _median_ms(visits, lambda visit: visit.first),
        "all visible, ms (median)": _median_ms(visits, lambda visit: visit.all),
        "zooms": len(visits),
    }


def _median_ms(visits: list[Visit], part: Callable[[Visit], float]) -> float:
    return round(1000 * float(np.median([part(visit) for visit in visits])), 1)


def size_of(megapixels: float) -> tuple[int, int]:
    """Return width and height, 4 to 3, for that many megapixels, within what can be opened."""
    height = int((min(megapixels * 1_000_000, MAX_PIXELS) * 3 / 4) ** 0.5) // 2 * 2
    return height * 4 // 3, height
