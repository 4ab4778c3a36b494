"""Measure what a still scene of panels costs in a headset whose runtime shows them by itself, against the lower
bound."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sr_core.errors import UserError
from vr_app.bench import pictures
from vr_app.bench.progress import Progress
from vr_app.bench.report import Measured, Settings, milliseconds, percentiles
from vr_app.core.scene.layer_mode import LayerMode
from vr_app.core.space.pose import Pose
from vr_app.core.view.intent import Moved
from vr_app.runtime.choose import open_runtime
from vr_app.viewer.loop import Viewer, session
from vr_app.viewer.options import Options, first_view

if TYPE_CHECKING:
    from vr_app.runtime.headset import HeadsetRuntime

PANELS = 8
SCALE = 0.3
"""The scale of each panel: all eight fit in two rows within the eyes' view."""

FRAMES, QUICK_FRAMES = 1000, 40
CHUNKS, QUICK_CHUNKS = 20, 2
SIZE, QUICK_SIZE = (1600, 1600), (400, 400)

AT_REST = 2.0
"""Seconds without any change before anything is measured."""

PATIENCE = 300.0

WINDOW = (1280, 800)


def measure(settings: Settings, progress: Progress) -> Measured:
    """Measure the rows of `bench xr`. Raises UserError without a headset, or with one that shows no layers."""
    frames, chunks = (QUICK_FRAMES, QUICK_CHUNKS) if settings.quick else (FRAMES, CHUNKS)
    with (
        tempfile.TemporaryDirectory(prefix="fundusxr-bench-") as folder,
        open_runtime("xr", WINDOW, layers=LayerMode.ON) as choice,
    ):
        paths = pictures.write_photographs(Path(folder), QUICK_SIZE if settings.quick else SIZE, PANELS)
        options = Options(tuple(paths), first_view(len(paths), settings.model), device=settings.device, prefetch=False)
        from vr_app.runtime.headset import HeadsetRuntime

        runtime = choice.runtime
        assert isinstance(runtime, HeadsetRuntime)  # a headset was requested
        with session(runtime, options) as viewer:
            progress.begin("bench xr: panels", 1)
            _set_up(viewer)
            progress.begin("bench xr: frames", 2 * chunks)
            ours, least = _times(viewer, runtime, frames, chunks, progress)
            layers = runtime.layers_shown
            about: dict[str, object] = {"runtime": runtime.describe(), "frames_each": frames, "layers": layers}
    if layers < PANELS + 1:
        raise UserError(f"bench xr: the headset's runtime shows at most {layers} layers")
    ours_ms, least_ms = milliseconds(ours), milliseconds(least)
    ratio = [float(np.percentile(ours, part) / np.percentile(least, part)) for part in (50, 99)]
    return Measured(
        values={"still_layers_p50_to_least": ratio[0], "still_layers_p99_to_least": ratio[1]},
        samples={"frame_ms": ours_ms, "least_ms": least_ms},
        about=about | {"frame": percentiles(ours_ms), "least": percentiles(least_ms)},
        renderer=choice.runtime.describe().get("renderer"),
    )


def _set_up(viewer: Viewer) -> None:
    """Bring all panels into view, whole and sharp, and at rest."""
    _frames_until(viewer, lambda: all(viewer.view.photographs))
    moved = []
    for n in range(PANELS):
        across, up = (n % 4 - 1.5) * 0.56, 0.32 - 0.64 * (n // 4)
        moved.append((n, Moved(Pose((across, up, -2.0)), SCALE)))
    viewer.view = replace(viewer.view, panels=tuple(moved))
    rested: list[float] = []

    def at_rest() -> bool:
        whole = len(viewer.seen.wants) == PANELS and viewer.supply.all_on_card
        rested.append(viewer.tick.now) if whole and viewer.rest.now else rested.clear()
        return bool(rested) and rested[-1] - rested[0] > AT_REST

    _frames_until(viewer, at_rest)


def _frames_until(viewer: Viewer, reached: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not reached():
        if time.monotonic() - begun > PATIENCE:
            raise UserError(f"bench xr: gave up after waiting {PATIENCE:.0f} s; is the headset worn, the machine busy?")
        _frame(viewer)


def _frame(viewer: Viewer) -> None:
    if not viewer.runtime.poll_events():
        raise UserError("bench xr: the headset's session ended; keep the headset on, and start again")
    viewer.frame()


def _times(
    viewer: Viewer, runtime: HeadsetRuntime, frames: int, chunks: int, progress: Progress
) -> tuple[list[float], list[float]]:
    """Return the seconds of this thread's processor time for each of our frames, and for each minimal frame, in
    turn."""
    ours: list[float] = []
    least: list[float] = []
    for _ in range(chunks):
        for step, times in ((lambda: _frame(viewer), ours), (runtime.repeat_frame, least)):
            step()  # the first frame after the other kind may include its leftovers
            for _ in range(math.ceil(frames / chunks)):
                begun = time.thread_time()
                step()
                times.append(time.thread_time() - begun)
            progress.step()
    return ours, least
