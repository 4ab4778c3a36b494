"""Run a fresh viewer to its first picture; `vr_app.bench.start` runs this in separate processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vr_app.bench.stage import BenchFrame, BenchRuntime
from vr_app.gl.context import Context, open_offscreen
from vr_app.process.interruption import end_process
from vr_app.runtime.one_eye import one_eye
from vr_app.viewer.loop import session
from vr_app.viewer.options import Options, first_view

SIZE = (1280, 800)
"""The size that `fundusxr view` uses."""


class StartingRuntime(BenchRuntime):
    """Records whether torch was loaded when the last frame was finished, since the warm-up that loads it may follow
    immediately."""

    torch = False

    @contextmanager
    def frame(self) -> Iterator[BenchFrame]:
        with super().frame() as frame:
            yield frame
        self.torch = "torch" in sys.modules


def main() -> None:
    """Run with the arguments file, device, model, and the start time. Prints one line of JSON."""
    file, device, model, begun = sys.argv[1:]
    with open_offscreen() as context:
        runtime = StartingRuntime(context, [one_eye(SIZE)])
        answer = _start(context, runtime, Options((Path(file),), first_view(1, model), device=device), float(begun))
        runtime.close()
        print(json.dumps(answer), flush=True)
    end_process(0)


def _start(context: Context, runtime: StartingRuntime, options: Options, begun: float) -> dict:
    """Run frames until one has shown the photograph; return the seconds since `begun`."""
    with session(runtime, options) as viewer:
        viewer.frame()
        first = runtime.finished_at
        while not (viewer.view.photographs[0] and len(viewer.supply.residency)):
            viewer.frame()
        return {
            "first_s": round(first - begun, 4),
            "photograph_s": round(runtime.finished_at - begun, 4),
            "torch": runtime.torch,
            "frames": viewer.statistics.frames,
            "renderer": context.renderer,
        }
