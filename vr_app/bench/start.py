"""Measure the time from starting the program to its first picture: fresh processes, one after another."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sr_core.errors import UserError
from vr_app.bench import pictures
from vr_app.bench.progress import Progress
from vr_app.bench.report import Measured, Settings, percentiles

SIZE, QUICK_SIZE = (4624, 3468), (1200, 900)
"""16 megapixels, 4 to 3."""

RUNS, QUICK_RUNS = 5, 1
PATIENCE = 300.0

PROGRAM = "import vr_app.cli, vr_app.commands.view; from vr_app.bench.first_frame import main; main()"
"""The imports of `fundusxr view`, and then a viewer made as it makes one."""


def measure(settings: Settings, progress: Progress) -> Measured:
    """Measure the rows of `start`."""
    runs = QUICK_RUNS if settings.quick else RUNS
    size = QUICK_SIZE if settings.quick else SIZE
    with tempfile.TemporaryDirectory(prefix="fundusxr-bench-") as folder:
        path = settings.photograph or pictures.write_photographs(Path(folder), size)[0]
        progress.begin("starts", runs + 1)
        starts = []
        for _ in range(runs + 1):
            starts.append(_start(path, settings))
            progress.step()
    starts = starts[1:]
    shown = [start["photograph_s"] for start in starts]
    return Measured(
        values={
            "start_first_frame": max(shown),
            "start_with_torch_loaded": sum(start["torch"] for start in starts),
        },
        samples={"starts": starts},
        about={
            "photograph": settings.photograph.name if settings.photograph else f"{pictures.ABOUT}, {size[0]}x{size[1]}",
            "first_frame": "the first that shows the photograph, finished by the driver; the value is the worst run's",
            "photograph_s": percentiles(shown),
            "first_frame_of_all_s": percentiles([start["first_s"] for start in starts]),
            "median_s": float(np.median(shown)),
            "warm_up": "one start not counted, so that the system has the files in memory",
        },
        renderer=starts[0]["renderer"],
    )


def _start(path: Path, settings: Settings) -> dict:
    """Run one fresh process; time it from just before its creation."""
    begun = time.perf_counter()  # the system's own clock, the same in every process
    words = [sys.executable, "-c", PROGRAM, str(path), settings.device, settings.model, repr(begun)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise UserError(f"bench start: no picture within {PATIENCE:.0f} s; is the machine very busy?") from None
    if done.returncode:
        raise UserError(f"bench start: the viewer ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout.splitlines()[-1])
