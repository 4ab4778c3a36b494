"""Run a long session under a random tour to see whether anything fails, never arrives, or grows."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sr_core.errors import UserError
from sr_core.image.layers import COMPUTED
from vr_app.bench import pictures
from vr_app.bench.bars import Bar
from vr_app.bench.memory import resident_bytes
from vr_app.bench.progress import Progress
from vr_app.bench.report import Measured, Settings
from vr_app.bench.stage import DISPLAY_PERIOD, BenchRuntime, two_eyes
from vr_app.core.tiles.limits import MB, Limits
from vr_app.core.view.bounds import MAX_ZOOM
from vr_app.core.view.intent import LookAt, NextImage, SurfaceKind
from vr_app.core.view.step import step
from vr_app.core.view.tour import Stop, Tour, TourPlayer
from vr_app.gl.context import open_offscreen
from vr_app.runtime.choose import open_runtime
from vr_app.runtime.interface import Runtime
from vr_app.viewer.loop import Viewer, session
from vr_app.viewer.options import Options, first_view

BARS = (
    Bar("soak_errors", "soak", "what the viewer had to tell: tiles or photographs that failed", "0", "", "most", 0),
    Bar("soak_missed_wishes", "soak", "rests after which a tile wanted was not there", "0", "rests", "most", 0),
    Bar("soak_tiles_unaccounted", "soak", "tiles wished for that were neither answered nor cancelled", "0", "tiles",
        "most", 0),
    Bar("soak_memory_growth", "soak", "most memory in the second half against the first", "less than 2 %", "%",
        "below", 2),
)  # fmt: skip
"""The limits of a soak."""

FILES = 3
SIZE, QUICK_SIZE = (3504, 2336), (1200, 800)
EYE_SIZE = (320, 240)
"""The size of each eye's picture without a headset."""

QUICK_SECONDS = 6.0

LIMITS = Limits(tiles=48 * MB, photographs=200 * MB, gpu=60 * MB)
"""Small, so that they are reached within minutes: growth after that never stops."""

REST_EVERY = 4
"""At every stop of this number the tour waits until all wanted tiles have arrived; from the others it moves on when
their time is over, whatever is still missing."""

PATIENCE = 120.0
"""Seconds after which a tile that is still missing counts as missed."""


class Wanderer:
    """Leads the view from one random stop to the next, in place of a tour's player."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._stop = Stop(SurfaceKind.PANEL, (0.5, 0.5), 1.0, duration=0.5)
        self._player = TourPlayer(Tour((self._stop,)))
        self.stops = 0

    @property
    def over(self) -> bool:
        """Whether the stop's time has run out."""
        return self._player.over

    def advance(self, dt: float) -> tuple[LookAt, str]:
        """See `TourPlayer.advance`."""
        return self._player.advance(dt)

    def go_on(self) -> bool:
        """Go to the next stop: a jump, or a zoom of up to two seconds. Return whether another photograph should come
        first."""
        random = self._random
        start = replace(self._stop, duration=0.0, travel=0.0)
        self._stop = Stop(
            SurfaceKind.RETINA if random.random() < 0.25 else SurfaceKind.PANEL,
            (float(random.uniform(0.15, 0.85)), float(random.uniform(0.15, 0.85))),
            math.exp(random.uniform(0.0, math.log(MAX_ZOOM))),
            duration=float(random.uniform(0.1, 1.0)),
            travel=0.0 if random.random() < 0.3 else float(random.uniform(0.3, 2.0)),
            invention=bool(random.random() < 0.2),
        )
        self._player = TourPlayer(Tour((start, self._stop)))
        self.stops += 1
        return bool(random.random() < 0.1)


@dataclass
class _Seen:
    """What happened: the viewer's messages, missed rests, and the resident memory (bytes) of each second."""

    said: list[str] = field(default_factory=list)
    missed: int = 0
    resident: list[int | None] = field(default_factory=list)


def measure(settings: Settings, progress: Progress) -> Measured:
    """Measure the rows of BARS."""
    seconds = QUICK_SECONDS if settings.quick else settings.seconds
    seen = _Seen()
    with tempfile.TemporaryDirectory(prefix="fundusxr-bench-") as folder, _runtime(settings.mode) as runtime:
        size = QUICK_SIZE if settings.quick else SIZE
        paths = (settings.photograph,) if settings.photograph else pictures.write_photographs(Path(folder), size, FILES)
        options = Options(
            tuple(paths),
            first_view(len(paths), settings.model),
            device=settings.device,
            limits=LIMITS,
            prefetch=True,
            say=seen.said.append,
        )
        wanderer = Wanderer(settings.seed)
        with session(runtime, options) as viewer:
            _wander(viewer, wanderer, seconds, seen, progress)
            return _measured(viewer, wanderer, settings, seconds, seen)


@contextmanager
def _runtime(mode: str) -> Iterator[Runtime]:
    """Open a headset, or two eyes without a screen."""
    if mode == "xr":
        with open_runtime("xr", EYE_SIZE) as choice:
            yield choice.runtime
        return
    with open_offscreen() as context:
        runtime = BenchRuntime(context, two_eyes(EYE_SIZE), period=DISPLAY_PERIOD)
        try:
            yield runtime
        finally:
            runtime.close()


def _wander(viewer: Viewer, wanderer: Wanderer, seconds: float, seen: _Seen, progress: Progress) -> None:
    """Visit stop after stop, until the first rest after that many seconds; the rest before the first stop does not
    count."""
    viewer.intake.guide = wanderer
    _frames_until(viewer, lambda: all(viewer.view.photographs), PATIENCE)
    progress.begin("soak, seconds", math.ceil(seconds))
    begun = time.monotonic()
    while True:
        _frames_until(viewer, lambda: wanderer.over, PATIENCE)
        while len(seen.resident) < min(seconds, time.monotonic() - begun):
            seen.resident.append(resident_bytes())
            progress.step()
        if wanderer.stops % REST_EVERY == 0:
            seen.missed += not _frames_until(viewer, lambda: _whole(viewer), PATIENCE)
            if wanderer.stops and time.monotonic() - begun >= seconds:
                # All that was wished for is accounted for only once the worker has nothing left to do.
                _frames_until(viewer, lambda: not viewer.supply.service.worker.busy, PATIENCE)
                return
        if wanderer.go_on():
            viewer.view = step(viewer.view, (NextImage(),), 0.0)


def _frames_until(viewer: Viewer, reached: Callable[[], bool], patience: float) -> bool:
    """Run frames until something holds; return False if that takes longer than `patience` seconds. Raises UserError if
    the headset's session ends."""
    begun = time.monotonic()
    while not reached():
        if time.monotonic() - begun > patience:
            return False
        if not viewer.runtime.poll_events():
            raise UserError("bench soak: the headset's session ended; keep the headset on, and start again")
        viewer.frame()
    return True


def _whole(viewer: Viewer) -> bool:
    """Whether the view rests and all its tiles have arrived."""
    levels = {want.photograph: want.level for want in viewer.seen.wants}
    sharp = any(level in COMPUTED for level in levels.values())
    due = any(key.synthesised for key in viewer.supply.wanted) or not sharp
    return bool(viewer.seen.wants) and due and viewer.supply.all_on_card


def _measured(viewer: Viewer, wanderer: Wanderer, settings: Settings, seconds: float, seen: _Seen) -> Measured:
    counts = viewer.supply.service.worker.counts
    resident = [size for size in seen.resident if size is not None]
    half = len(resident) // 2
    known = half > 0 and len(resident) == len(seen.resident)
    growth = 100 * (max(resident[half:]) / max(resident[:half]) - 1) if known else None
    done = counts.computed + counts.cached + counts.failed + counts.cancelled
    return Measured(
        values={
            "soak_errors": len(seen.said),
            "soak_missed_wishes": seen.missed,
            "soak_tiles_unaccounted": counts.wished - done,
            "soak_memory_growth": growth,
        },
        samples={"resident_bytes_each_second": seen.resident, "said": seen.said},
        about={
            "mode": viewer.runtime.name,
            "seconds": seconds,
            "seed": settings.seed,
            "stops": wanderer.stops,
            "tiles": vars(counts),
            "frames": viewer.statistics.summary() | {"zooms": len(viewer.statistics.zooms)},
            "limits_bytes": vars(LIMITS),
            "memory": viewer.supply.memory,
        },
        renderer=viewer.runtime.describe().get("renderer"),
    )
