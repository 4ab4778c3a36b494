"""Count the project files that one zoom enters: from the thumbstick to the wish for computed tiles, and from the first
finished tile to the draw call that shows it.

    python -m tests.helpers.zoom_path

A headset's two eyes and two hands are fed into the real viewer, offscreen, with the real network. It counts the files
with a function that runs on the drawing thread within the phases of a frame that the zoom's values pass through, and
the file that calls them. Other work in a frame (notices, region files, statistics) does not count.
"""

from __future__ import annotations

import json
import sys
import time
from types import CodeType, FrameType

from sr_core.assets import asset_path
from sr_core.tiles.request import TileReady
from sr_core.tiles.worker import Worker
from tests.helpers.places import ROOT
from vr_app.bench.stage import BenchRuntime, Stage, open_stage, two_eyes
from vr_app.core.hands.sample import ControllerSample, HandSample
from vr_app.core.space.pose import Pose, Ray
from vr_app.gl.context import GL, open_offscreen
from vr_app.process.interruption import end_process

TO_WISH = "Hands.steady", "Hands.read", "step", "look", "Supply.ask"
TO_DRAW = "Supply.take", "Supply.upload", "Picture.surfaces", "Picture.draw"
"""The phases, by the names of their functions."""

BEYOND = "Worker.want", "Loader.want", "Worker.ready", "Worker.notices", "Loader.ready"
"""Where other threads take over or hand over: files entered inside these do not count."""

EYE = (128, 128)
HALF_WIDTH = 0.1
"""An eye with few pixels on a small part of the photograph, because software draws it."""

WANTED_ZOOM = 6.0
"""The zoom at which the thumbstick is released: there the eye resolves more than the photograph has."""

PATIENCE = 600.0
"""Seconds allowed for the network to load and compute."""


class Watch:
    """Records the files entered on this thread, within functions of certain names."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self._phases: tuple[str, ...] = ()
        self._inside = self._beyond = 0

    def begin(self, phases: tuple[str, ...]) -> None:
        """Begin a new count of what runs within `phases`."""
        self.files, self._phases, self._inside, self._beyond = set(), phases, 0, 0
        sys.setprofile(self._note)

    def end(self) -> list[str]:
        """Stop; return the files in order."""
        sys.setprofile(None)
        self._phases = ()
        return sorted(self.files)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        if event not in ("call", "return"):
            return
        here = _file(frame.f_code) is not None
        phase, beyond = (here and frame.f_code.co_qualname in names for names in (self._phases, BEYOND))
        if event == "return":
            self._inside -= phase and self._inside > 0
            self._beyond -= beyond and self._beyond > 0
            return
        if phase and not self._inside and frame.f_back is not None:
            self._enter(frame.f_back.f_code)
        self._inside += phase
        self._beyond += beyond
        if self._inside and not self._beyond:
            self._enter(frame.f_code)

    def _enter(self, code: CodeType) -> None:
        if (name := _file(code)) is not None:
            self.files.add(name)


def _file(code: CodeType) -> str | None:
    """Return a file of the program, relative to the project's root, or None for other code or code made at run time."""
    name = code.co_filename.removeprefix(f"{ROOT}/")
    return name if name.startswith(("vr_app/", "sr_core/")) and not name.startswith("vr_app/bench/") else None


def hands(stick: float) -> ControllerSample:
    """Return a left hand that points away, and a right one that points at the photograph with its stick pushed that
    far."""
    away, at = Pose((-0.5, -0.3, 1.0), (0.0, 0.7071, 0.0, 0.7071)), Pose((0.1, -0.1, 0.0))
    return ControllerSample((HandSample(Ray.along(away), pose=away), HandSample(Ray.along(at), pose=at, stick_y=stick)))


def measured(stage: Stage) -> tuple[list[str], list[str]]:
    """Return the files up to the wish and up to the draw call, for one zoom."""
    viewer, watch = stage.viewer, Watch()
    viewer.intake.guide = None
    stick, wished, ready, shown = [0.0], [], [], []
    BenchRuntime.read = lambda runtime, now: hands(stick[0])
    want, take, draw = Worker.want, Worker.ready, GL.glDrawArrays

    def wanted(worker: Worker, tiles, sources, *rest) -> None:
        if not wished and any(key.synthesised for key in tiles):
            wished.extend(watch.end())
        want(worker, tiles, sources, *rest)

    def taken(worker: Worker) -> list:
        answers = take(worker)
        if wished and any(isinstance(answer, TileReady) for answer in answers):
            ready.append(True)
        return answers

    def drawn(*given) -> None:
        if ready and not shown and viewer.supply.sharp:
            shown.extend(watch.end())
        draw(*given)

    Worker.want, Worker.ready, GL.glDrawArrays = wanted, taken, drawn
    for _ in range(20):
        viewer.frame()
    watch.begin(TO_WISH)
    stick[0] = 1.0
    while viewer.view.front.zoom < WANTED_ZOOM:
        viewer.frame()
    stick[0] = 0.0
    deadline = time.monotonic() + PATIENCE
    while not shown and time.monotonic() < deadline:
        if wished and not ready:
            watch.begin(TO_DRAW)  # anew in each frame, up to the one that takes the first tile
        viewer.frame()
        time.sleep(0.05)  # the network needs the processor
    return wished, shown


def main() -> None:
    paths = [asset_path("demo", "retina.jpg")]
    eyes = two_eyes(EYE, HALF_WIDTH)
    with (
        open_offscreen() as context,
        open_stage(context, paths, eyes, device="cpu", model="rdb-lite", time_step=1 / 72, period=0.0) as stage,
    ):
        print(json.dumps(dict(zip(("wish", "draw"), measured(stage), strict=True)), indent=1))
    end_process(0)


if __name__ == "__main__":
    main()
