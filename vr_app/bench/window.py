"""Measure a real window: what it costs at rest, how exactly a drag follows the mouse, how much of the window a
photograph takes, and how soon the next photograph is sharp."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from sr_core.errors import UserError
from sr_core.image.saving import save_picture
from vr_app.bench import pictures
from vr_app.bench.progress import Progress
from vr_app.bench.report import Measured, Settings, milliseconds, percentiles
from vr_app.core.hands.hand import met_at
from vr_app.core.space.pose import Ray
from vr_app.core.space.surface import photograph_uv
from vr_app.core.view.intent import LookAt, SurfaceKind
from vr_app.core.view.layout import Layout
from vr_app.core.view.step import step
from vr_app.gl import context
from vr_app.runtime.window import WindowRuntime
from vr_app.viewer.loop import Viewer, session
from vr_app.viewer.options import Options, first_view

WINDOW = (1000, 800)

SIZE, QUICK_SIZE = (3264, 2448), (600, 450)
"""8 megapixels, 4 to 3."""

PHOTOGRAPHS, QUICK_PHOTOGRAPHS = 11, 2

SQUARE = 1000
"""The side of the square photograph, in pixels."""

REST_SECONDS, QUICK_REST_SECONDS = 10.0, 1.0
"""How long the window is watched at rest."""

STAY, QUICK_STAY = 1.0, 0.1
"""Seconds at each photograph before the next is asked for."""

STEPS = 300
"""The steps of a drag: a pixel each, to the right and down by turns, a millisecond apart."""

RED = (180, 90, 60)
LIT = 60
"""Every pixel of the square photograph, and more red than anything around it has."""

PATIENCE = 300.0


def measure(settings: Settings, progress: Progress) -> Measured:
    """Measure the rows of `bench window`. Raises UserError without an X display and xdotool."""
    if shutil.which("xdotool") is None:
        raise UserError("bench window: xdotool, which moves the mouse, is missing: apt-get install xdotool")
    title = f"FundusXR bench {os.getpid()}"
    progress.begin("bench window", 4)
    with tempfile.TemporaryDirectory(prefix="fundusxr-bench-") as name, _window(title) as (window, runtime):
        folder, hands = Path(name), _Hands(title)
        square = folder / "square.png"
        save_picture(square, np.full((SQUARE, SQUARE, 3), RED, np.uint8))
        with _showing(runtime, settings, (square,), prefetch=False) as viewer:
            _frames_until(viewer, lambda: viewer.rest.now)
            covered = _covered(runtime)
            progress.step()
            offset = _drag_offset(viewer, window, hands)
            progress.step()
            idle = _idle(viewer, QUICK_REST_SECONDS if settings.quick else REST_SECONDS)
            progress.step()
        size, count = (QUICK_SIZE, QUICK_PHOTOGRAPHS) if settings.quick else (SIZE, PHOTOGRAPHS)
        paths = pictures.write_photographs(folder, size, count)
        with _showing(runtime, settings, paths, prefetch=True) as viewer:
            waits = [_next_sharp(viewer, hands, QUICK_STAY if settings.quick else STAY) for _ in range(count - 1)]
            progress.step()
        hands.close()
        waits_ms = milliseconds(waits)
        return Measured(
            values={
                "window_idle": idle,
                "window_drag_offset": offset,
                "window_square_covers": covered,
                "window_next_sharp_p95": percentiles(waits_ms)["p95"],
            },
            samples={"next_sharp_ms": waits_ms},
            about={
                "window": WINDOW,
                "photographs": f"{pictures.ABOUT}, {size[0]}x{size[1]}",
                "next_sharp": percentiles(waits_ms),
                "idle": "processor time of all threads of the process, against the time that passed",
            },
            renderer=window.renderer,
        )


class _Hands:
    """The mouse and the keyboard: one xdotool that takes commands, so that no event waits for a program to start."""

    def __init__(self, title: str) -> None:
        found = subprocess.run(["xdotool", "search", "--name", f"^{title}$"], capture_output=True, text=True)
        if not found.stdout.split():
            raise UserError("bench window: xdotool does not find the window: start it on an X display")
        self._window = found.stdout.split()[0]
        self._program = subprocess.Popen(["xdotool", "-"], stdin=subprocess.PIPE, text=True)
        self.do(f"windowfocus {self._window}")

    def do(self, *commands: str) -> None:
        """Send commands, without waiting for them."""
        assert self._program.stdin is not None
        self._program.stdin.write("".join(f"{command}\n" for command in commands))
        self._program.stdin.flush()

    def at(self, x: int, y: int) -> str:
        """The command that moves the cursor to a pixel of the window."""
        return f"mousemove --window {self._window} {x} {y}"

    def close(self) -> None:
        assert self._program.stdin is not None
        self._program.stdin.close()
        self._program.wait(PATIENCE)


@contextmanager
def _window(title: str) -> Iterator[tuple[context.Window, WindowRuntime]]:
    with context.open_window(title, WINDOW, x11=True) as window:
        runtime = WindowRuntime(window)
        try:
            yield window, runtime
        finally:
            runtime.close()


@contextmanager
def _showing(
    runtime: WindowRuntime, settings: Settings, paths: tuple[Path, ...], *, prefetch: bool
) -> Iterator[Viewer]:
    """Yield a viewer of photographs, one at a time, that shows the first and is warm."""
    view = replace(first_view(len(paths), settings.model), layout=Layout.ONE, flat=Layout.ONE)
    options = Options(tuple(paths), view, device=settings.device, prefetch=prefetch, say=lambda line: None)
    with session(runtime, options) as viewer:
        _frames_until(viewer, lambda: viewer.warm and _sharp(viewer))
        yield viewer


def _frames_until(viewer: Viewer, reached: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not reached():
        if time.monotonic() - begun > PATIENCE:
            raise UserError(f"bench window: gave up after waiting {PATIENCE:.0f} s; is the machine very busy?")
        if not viewer.runtime.poll_events():
            raise UserError("bench window: the window was closed; leave it open, and start again")
        viewer.frame()


def _covered(runtime: WindowRuntime) -> float:
    """Return the percentage of the window's shorter side that the square photograph takes, counted in the picture."""
    assert runtime.framebuffer is not None
    lit = runtime.framebuffer.read()[..., 0] > LIT
    across, down = (int(lit.sum(axis=axis).max()) for axis in (1, 0))
    return 100.0 * min(across, down) / min(runtime.framebuffer.size)


def _next_sharp(viewer: Viewer, hands: _Hands, stay: float) -> float:
    """Stay at a photograph, then ask for the next one. Return the seconds until it stands sharp in the window."""
    begun = time.monotonic()
    _frames_until(viewer, lambda: time.monotonic() - begun >= stay)
    wanted = (viewer.view.active + 1) % len(viewer.view.images)
    asked = time.perf_counter()
    hands.do("key Next")
    _frames_until(viewer, lambda: viewer.view.active == wanted and _sharp(viewer))
    return time.perf_counter() - asked


def _sharp(viewer: Viewer) -> bool:
    """Whether the picture shows every wanted tile of the photograph, none of them still fading in."""
    waits = viewer.picture.holds_back or viewer.picture.fading(viewer.tick.now)
    return bool(viewer.seen.wants) and viewer.supply.complete and not waits


def _drag_offset(viewer: Viewer, window: context.Window, hands: _Hands) -> float:
    """Drag the magnified photograph. Return how many of its pixels the point under the cursor at the end is away from
    the one that was pressed."""
    start, way = np.array(window.size) // 3, STEPS // 2
    viewer.view = step(viewer.view, (LookAt(SurfaceKind.PANEL, (0.5, 0.5), 4.0),), 0.0)
    hands.do(hands.at(*start))
    _frames_until(viewer, lambda: not viewer.rest.now)
    _frames_until(viewer, lambda: viewer.rest.now)
    pressed = _under(viewer, start)
    moves = (hands.at(start[0] + (n + 1) // 2, start[1] + n // 2) for n in range(1, STEPS + 1))
    hands.do("mousedown 1", *(line for move in moves for line in (move, "sleep 0.001")))
    end = start + way
    _frames_until(viewer, lambda: window.cursor() == tuple(end))
    hands.do("mouseup 1")
    _frames_until(viewer, lambda: viewer.rest.now)
    size = viewer.view.record_of(viewer.view.active).size
    return float(np.hypot(*(np.subtract(_under(viewer, end), pressed) * size)))


def _under(viewer: Viewer, at: np.ndarray) -> np.ndarray:
    """Return the photograph point at a pixel of the window."""
    view = viewer.view
    assert view.desk is not None
    x, y, z = map(float, view.desk.eye.rays(*map(float, at)))
    s = met_at(view.active, Ray(view.desk.eye.pose.position, (x, y, z)), viewer.seen.reach)
    assert s is not None  # photographs stand in the plane of the window
    return photograph_uv(np.array(s), view.front.center, view.front.zoom)


def _idle(viewer: Viewer, seconds: float) -> float:
    """Return what the window costs at rest, with everything sharp, in percent of a core."""
    _frames_until(viewer, lambda: viewer.rest.now)
    begun, worked = time.perf_counter(), time.process_time()
    _frames_until(viewer, lambda: time.perf_counter() - begun >= seconds)
    return 100.0 * (time.process_time() - worked) / (time.perf_counter() - begun)
