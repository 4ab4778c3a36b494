"""Measure what a frame costs the drawing thread: while the worker computes and while it rests, and with many panels."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from sr_core.image.geometry import Rect, TileKey
from sr_core.tiles.request import Source
from sr_core.tiles.worker import Worker
from vr_app.bench import pictures
from vr_app.bench.progress import Progress
from vr_app.bench.report import Measured, Settings, milliseconds, percentiles
from vr_app.bench.stage import DISPLAY_PERIOD, Stage, open_stage, two_eyes
from vr_app.bench.zoom import photograph_for
from vr_app.core.view.intent import LookAt, SurfaceKind
from vr_app.core.view.tour import Stop, Tour
from vr_app.gl.context import Context, open_offscreen

EYE_SIZE = (320, 240)
FRAMES, QUICK_FRAMES = 1000, 40
CHUNKS, QUICK_CHUNKS = 20, 2
"""The tour is cut into this many parts; each is shown in one state and then in the other, in alternating order."""

PANELS, QUICK_PANELS = 64, 6
FEW_PANELS = 4
PANEL_PIXELS = (4000, 4000)
"""16 megapixels, square as cropped fundus photographs are."""

QUICK_PIXELS = (640, 640)
FOUR_IN_VIEW = 1.9
"""The tangent to either side of an eye that sees four square panels: one in front, one on its left, two on its
right."""

CURVE_PANELS = (1, 4, 16, 64)

_PANEL, _RETINA = SurfaceKind.PANEL, SurfaceKind.RETINA
TOUR = Tour(
    (
        Stop(_PANEL, (0.5, 0.5), 1.0, duration=0.6),
        Stop(_PANEL, (0.3, 0.45), 4.0, duration=0.6, travel=1.2),
        Stop(_PANEL, (0.32, 0.4), 10.0, duration=0.6, travel=1.2),
        Stop(_PANEL, (0.6, 0.6), 16.0, duration=0.6, travel=1.2),
        Stop(_PANEL, (0.6, 0.6), 2.0, duration=0.6, travel=1.2),
        Stop(_RETINA, (0.6, 0.6), 2.0, duration=0.6),
        Stop(_RETINA, (0.4, 0.5), 6.0, duration=0.6, travel=1.2),
    )
)
"""From the whole photograph to the finest level on a panel, back, and then the same eye on the retina."""

PANEL_TOUR = Tour(
    (
        Stop(_PANEL, (0.5, 0.5), 1.0, duration=0.5),
        Stop(_PANEL, (0.4, 0.45), 4.0, duration=0.5, travel=1.0),
        Stop(_PANEL, (0.5, 0.5), 1.0, duration=0.5, travel=1.0),
    )
)

FILLER = Rect(16, 16, 16, 16)
"""Tiles at x4, as columns and rows, that keep the worker saturated by being computed again and again: four blocks."""


def looks(tour: Tour, frames: int) -> list[LookAt]:
    """Return the tour's view in each of `frames` frames."""
    return [tour.at(tour.seconds * i / frames)[0] for i in range(frames)]


@dataclass
class Times:
    """The seconds of each frame."""

    work: list[float] = field(default_factory=list)
    interval: list[float] = field(default_factory=list)

    def play(self, stage: Stage, views: Sequence[LookAt]) -> None:
        """Show views, one frame each, and record the time of each frame."""
        for look in views:
            stage.frame(look)
            self.work.append(stage.runtime.work)
            self.interval.append(stage.runtime.interval)

    def about(self) -> dict:
        return {
            "work_ms": percentiles(np.array(self.work) * 1000),
            "interval_ms": percentiles(np.array(self.interval) * 1000),
        }

    def samples(self) -> dict:
        return {"work_ms": milliseconds(self.work), "interval_ms": milliseconds(self.interval)}


class SaturatedWorker:
    """The viewer's own worker, whose wishes, while `saturated`, are followed by FILLER's tiles without end."""

    def __init__(self, stage: Stage) -> None:
        self._worker = stage.viewer.supply.service.worker
        self._photographs = stage.viewer.supply.service.photographs
        self._filler = tuple(TileKey(0, 2, col, row) for col, row in FILLER.points())
        self.saturated = False

    def want(
        self, tiles: Sequence[TileKey], sources: Sequence[Source], ahead: Sequence[TileKey] = (), *who: Any
    ) -> None:
        """See `Worker.want`; `who`: the client and its priority."""
        if self.saturated:
            tiles = tuple(dict.fromkeys((*tiles, *self._filler)))
            held = self._photographs
            pixels = held.pixels(0)
            if not sources and pixels is not None:
                sources = (Source(0, pixels, held.sha256(0), held.file(0)),)
        self._worker.want(tiles, sources, ahead, *who)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._worker, name)


def measure(settings: Settings, progress: Progress) -> Measured:
    """Measure the rows of `frame`."""
    measured = Measured(about={"eyes": f"two, {EYE_SIZE[0]}x{EYE_SIZE[1]} pixels each", "prefetch": False})
    with tempfile.TemporaryDirectory(prefix="fundusxr-bench-") as name, open_offscreen() as context:
        measured.renderer = context.renderer
        _worker_rows(context, Path(name), settings, progress, measured)
        _panel_rows(context, Path(name), settings, progress, measured)
    return measured


def _worker_rows(context: Context, folder: Path, settings: Settings, progress: Progress, measured: Measured) -> None:
    frames, chunks = (QUICK_FRAMES, QUICK_CHUNKS) if settings.quick else (FRAMES, CHUNKS)
    views = looks(TOUR, frames)
    path, origin = photograph_for(settings, folder)
    step = TOUR.seconds / frames
    with open_stage(
        context, [path], two_eyes(EYE_SIZE), device=settings.device, model=settings.model, time_step=step, period=0.0
    ) as stage:
        worker = SaturatedWorker(stage)
        stage.viewer.supply.service.worker = cast(Worker, worker)  # the worker answers everything else that it is asked
        stage.visit(views[0])
        stage.warm_up()
        _make_sharp(stage, views, progress)
        # No display slows these frames, so whatever the worker takes away is fully visible.
        free = _interleave(stage, worker, views, chunks, progress, "frames")
        stage.runtime.period = DISPLAY_PERIOD
        paced = _interleave(stage, worker, views, chunks, progress, "frames at 90 Hz")
        statistics = stage.viewer.statistics
        measured.values |= {
            "frame_work_p99_saturated_to_idle": _ratio(free, lambda times: times.work, 99),
            "frame_interval_p99_saturated_to_idle": _ratio(free, lambda times: times.interval, 99),
            "frames_with_upload_over_budget": statistics.uploads_over_budget,
            "gl_objects_after_warm_up": statistics.gl_objects_after_warm_up,
            "full_collections_in_frames": statistics.full_collections_in_frames,
        }
        measured.about |= {
            "photograph": origin,
            "warm_up": "the whole tour once, waiting wherever it rests until all is sharp; uploads, GL objects and "
            "collections are counted in that pass as well",
            "frames_each": frames,
            "interleaved_in_chunks_of": frames // chunks,
            "frames_counted_in_all": statistics.frames,
            "saturated": free[True].about(),
            "idle": free[False].about(),
            "saturated_at_90_hz": paced[True].about(),
            "idle_at_90_hz": paced[False].about(),
        }
    measured.samples |= {
        "saturated": free[True].samples(),
        "idle": free[False].samples(),
        "saturated_at_90_hz": paced[True].samples(),
        "idle_at_90_hz": paced[False].samples(),
    }


def _make_sharp(stage: Stage, views: Sequence[LookAt], progress: Progress) -> None:
    """Play the tour once, and wait at every rest until everything is sharp: then nothing is left to compute."""
    progress.begin("warm-up", len(views))
    before = None
    for look in views:
        stage.frame(look)
        if look == before:
            stage.visit(look)
        before = look
        progress.step()


@dataclass
class WorkerTimes(Times):
    """Counts also how many tiles the worker computed in these frames."""

    computed: int = 0

    def about(self) -> dict:
        return super().about() | {"tiles_computed_meanwhile": self.computed}


def _interleave(
    stage: Stage, worker: SaturatedWorker, views: Sequence[LookAt], chunks: int, progress: Progress, what: str
) -> dict[bool, WorkerTimes]:
    """Play each part of the tour with the worker saturated (True) and idle (False), alternating which comes first."""
    times = {True: WorkerTimes(), False: WorkerTimes()}
    progress.begin(what, 2 * chunks)
    for number, part in enumerate(np.array_split(np.arange(len(views)), chunks)):
        for saturated in (True, False) if number % 2 else (False, True):
            _bring(stage, worker, saturated, views[part[0]])
            before = worker.counts.computed
            times[saturated].play(stage, [views[i] for i in part])
            times[saturated].computed += worker.counts.computed - before
            progress.step()
    worker.saturated = False
    return times


def _bring(stage: Stage, worker: SaturatedWorker, saturated: bool, look: LookAt) -> None:
    """Run frames, unmeasured, until the worker computes or rests."""
    worker.saturated = saturated
    stage.visit(look)
    if saturated:
        before = worker.counts.computed
        stage.frames_until(lambda: worker.counts.computed > before, "the worker to compute")
    else:
        stage.frames_until(lambda: not worker.busy, "the worker to rest")


def _ratio(times: Mapping[bool, Times], part: Callable[[Times], list[float]], percent: float) -> float:
    busy, idle = (float(np.percentile(part(times[state]), percent)) for state in (True, False))
    return busy / idle


def _panel_rows(context: Context, folder: Path, settings: Settings, progress: Progress, measured: Measured) -> None:
    """Compare many panels with few: two viewers with the same eyes and the same tour, alternating chunk by chunk."""
    many, size = (QUICK_PANELS, QUICK_PIXELS) if settings.quick else (PANELS, PANEL_PIXELS)
    frames, chunks = (QUICK_FRAMES, QUICK_CHUNKS) if settings.quick else (FRAMES // 2, CHUNKS // 2)
    progress.begin("files", many)
    paths = pictures.write_photographs(folder, size, many, progress.step)
    few, all_of_them = _compare(context, [paths[:FEW_PANELS], paths], frames, chunks, settings, progress)
    measured.values["frame_work_64_panels_to_4"] = float(np.median(all_of_them.work) / np.median(few.work))
    measured.about |= {
        "panels": f"{many} different files of {size[0]}x{size[1]} pixels ({pictures.ABOUT}); four panels in view",
        "panels_frames_each": frames,
        "few_panels": few.about(),
        "many_panels": all_of_them.about(),
        "panels_compared_by": "median work",
    }
    measured.samples |= {"few_panels": few.samples(), "many_panels": all_of_them.samples()}
    if settings.curves:
        counts = [count for count in CURVE_PANELS if count <= many]
        series = _compare(context, [paths[:count] for count in counts], frames, chunks, settings, progress)
        points = zip(counts, series, strict=True)
        measured.curves["Frame against panels open (two eyes, up to four panels in view)"] = [
            {"panels": count} | _point(times) for count, times in points
        ]


def _point(times: Times) -> dict[str, float]:
    about = times.about()
    return {
        "work, ms (median)": round(about["work_ms"]["p50"], 2),
        "work, ms (p99)": round(about["work_ms"]["p99"], 2),
        "interval, ms (median)": round(about["interval_ms"]["p50"], 2),
    }


def _compare(
    context: Context,
    sessions: Sequence[Sequence[Path]],
    frames: int,
    chunks: int,
    settings: Settings,
    progress: Progress,
) -> list[Times]:
    """Play the same tour in viewers with different numbers of photographs, in alternation."""
    views = looks(PANEL_TOUR, frames)
    eyes = two_eyes(EYE_SIZE, FOUR_IN_VIEW)
    step = PANEL_TOUR.seconds / frames
    times = [Times() for _ in sessions]
    with ExitStack() as stack:
        stages = []
        progress.begin("panels: decoding", len(sessions))
        for paths in sessions:
            stage = stack.enter_context(
                open_stage(
                    context, paths, eyes, device=settings.device, model=settings.model, time_step=step, period=0.0
                )
            )
            stage.warm_up()
            stage.show(min(1, len(paths) - 1))
            Times().play(stage, views)  # uploads everything that it shows
            for stop in PANEL_TOUR.stops:
                stage.visit(LookAt(stop.surface, stop.center, stop.zoom))
            stages.append(stage)
            progress.step()
        progress.begin("panels: frames", chunks)
        for number, part in enumerate(np.array_split(np.arange(frames), chunks)):
            order = range(len(stages)) if number % 2 else reversed(range(len(stages)))
            for i in order:
                stages[i].visit(views[part[0]])
                times[i].play(stages[i], [views[at] for at in part])
            progress.step()
    return times
