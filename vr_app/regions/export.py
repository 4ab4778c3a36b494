"""Export regions of interest to files, for the command line and for the viewer, which uses a separate process.

When run as a program, it reads its jobs from standard input, one line of JSON each as `Exporter` writes it, and prints
what to tell the user. Importing the network takes seconds, and its work fills the processor's caches: no frame waits
for either.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sr_core.engine.priority import give_way
from sr_core.errors import UserError
from sr_core.image.departure import Departure
from sr_core.image.photograph import Photograph, load_photograph
from sr_core.image.provenance import of_computation
from sr_core.image.saving import save_picture
from vr_app.core.view.region import Region
from vr_app.files.places import new_path, writable_folder
from vr_app.process.environment import apart, environment
from vr_app.regions.files import format_regions, parse_regions

if TYPE_CHECKING:
    from sr_core.engine.engine import Engine

SCALES = (8, 4, 2)

FITTING = 1600
"""The maximum width and height of a region's picture if the program chooses the scale, in pixels."""

MOST_PIXELS = 4_000_000
"""The most photograph pixels in one region: three pictures at x2 side by side are then 48 megapixels."""


class ExportError(UserError):
    """A region that cannot be exported: which one, and why."""


def fitting_scale(region: Region) -> int:
    """Return the finest scale at which the region's picture has at most FITTING pixels a side, but at least 2."""
    edge = max(region.rect.w, region.rect.h)
    return next((scale for scale in SCALES if edge * scale <= FITTING), 2)


def load_engine(model: str, scale: int, device: str) -> Engine:
    """Load the network to compute with. Imports torch."""
    from sr_core.engine.engine import Engine, choose_device
    from sr_core.networks.zoo import load_model

    return Engine(load_model(model, scale), choose_device(device))


def export_region(photograph: Photograph, region: Region, out: Path, engine: Engine) -> Departure:
    """Write a region's picture (`vr_app.regions.picture`) to `out`, a PNG; return how far it departs from the
    photograph.

    Raises UserError if it cannot be written.
    """
    from vr_app.regions.picture import describe, region_picture

    rect, (height, width) = region.rect, photograph.pixels.shape[:2]
    if photograph.sha256 != region.photograph:
        raise ExportError(f"{photograph.path}: has changed since {region.kind.value} was marked on it; mark it anew")
    if rect.right > width or rect.bottom > height:
        raise ExportError(
            f"{photograph.path}: {region.kind.value} lies outside it; delete that region and mark it anew"
        )
    if rect.area > MOST_PIXELS:
        raise ExportError(
            f"{photograph.path}: {region.kind.value} has {rect.w}x{rect.h} pixels, more than "
            f"{MOST_PIXELS // 10**6} megapixels; mark a smaller one, or use fundusxr upscale"
        )
    file = None if photograph.file is None else photograph.file.get()
    computed = engine.upscale_marked(photograph.pixels, rect, file=file)
    made = engine.used(file).made
    picture = region_picture(photograph.pixels[rect.slices()], computed, region, made)
    departure = computed.departure
    about = describe(region, of_computation(made, departure, engine.agrees_with(file)))
    save_picture(out, picture, about, photograph.context.scaled(engine.scale))
    return departure


@dataclass(frozen=True)
class Job:
    """One region to export: from the photograph at `path` to `out`, with the network `model` on `device`."""

    path: Path
    region: Region
    out: Path
    model: str
    device: str

    def told(self) -> str:
        """Return the job as a line of JSON."""
        regions = json.loads(format_regions([self.region]))
        words = {"path": str(self.path), "out": str(self.out), "model": self.model, "device": self.device}
        return json.dumps(words | {"regions": regions})

    @staticmethod
    def read(text: str) -> Job:
        """Read what `told` wrote."""
        words = json.loads(text)
        (region,) = parse_regions(json.dumps(words["regions"]))
        return Job(Path(words["path"]), region, Path(words["out"]), words["model"], words["device"])

    def run(self) -> str:
        """Do the job; return what to tell the user."""
        try:
            photograph = load_photograph(self.path)
            engine = load_engine(self.model, fitting_scale(self.region), self.device)
            export_region(photograph, self.region, self.out, engine)
        except UserError as error:
            return f"Region not exported: {error}"
        except Exception as error:  # whatever the error, the user must get a line about it
            return f"Region not exported: {' '.join(str(error).split()) or type(error).__name__}"
        return f"Region exported: {self.out}"


class Exporter:
    """Exports regions, one after the other. For the drawing thread: no call blocks."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._waiting: list[Job] = []
        self._given: list[Path] = []
        self._child: subprocess.Popen[str] | None = None

    def export(self, path: Path, region: Region, model: str) -> Path:
        """Start exporting a region of the photograph at `path` to a new file, with the network `model`. Return the
        file, named by the photograph, the region and the time, in the current folder or, if that is not writable, in
        another."""
        stem = f"fundusxr-{Path(region.file).stem}-{region.kind.value}-{region.number}"
        out = new_path(writable_folder(), stem, ".png", self._given)
        self._given.append(out)
        self._waiting.append(Job(Path(os.path.abspath(path)), region, out, model, self._device))
        self._begin()
        return out

    @property
    def busy(self) -> bool:
        """Whether there will be a message."""
        return self._child is not None

    def notices(self) -> tuple[str, ...]:
        """Return the messages since the last call: what has been exported, or could not be."""
        told = self._answer()
        if told:
            self._begin()
        return told

    def _answer(self) -> tuple[str, ...]:
        """Return the process's answer, if it has ended; it is then discarded."""
        if self._child is None or self._child.poll() is None:
            return ()
        with _answers(self._child) as answers:
            told = answers.read().strip().splitlines()
        code, self._child = self._child.returncode, None
        return (json.loads(told[-1]) if told else f"Region not exported: the process for it ended with {code}",)

    def _begin(self) -> None:
        if self._child is None and self._waiting:
            self._child = _started([self._waiting.pop(0)])

    def close(self) -> tuple[str, ...]:
        """Let the remaining jobs be finished by processes that continue after this one ends. Return what to tell the
        user. May be called twice."""
        told = self._answer()
        count = len(self._waiting) + (self._child is not None)
        if not count:
            return told
        children = [self._child, _started(self._waiting) if self._waiting else None]
        self._waiting, self._child = [], None
        for child in filter(None, children):
            _answers(child).close()
            child.returncode = child.poll() or 0  # nobody waits for it: it ends by itself
        files = ", ".join(map(str, self._given[-count:]))
        return (*told, f"Still exporting {count} region{'s' if count > 1 else ''}, soon written to {files}")


def _started(jobs: Sequence[Job]) -> subprocess.Popen[str]:
    """Start a process for the jobs. Ctrl-C in the terminal does not end it."""
    command, pipe = [sys.executable, "-m", "vr_app.regions.export"], subprocess.PIPE
    child = subprocess.Popen(
        command,
        env=environment(),
        stdin=pipe,
        stdout=pipe,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        **apart(),
    )
    assert child.stdin is not None  # it is a pipe
    with suppress(BrokenPipeError):  # its exit code will show it
        child.stdin.write("".join(f"{job.told()}\n" for job in jobs))
        child.stdin.close()
    return child


def _answers(child: subprocess.Popen[str]) -> IO[str]:
    """Return the process's output: one line for each of its jobs."""
    assert child.stdout is not None  # it is a pipe
    return child.stdout


def main() -> None:
    """Run the program that `Exporter` starts: read one job per line, and print a line of JSON for each with what to
    tell the user."""
    give_way()
    for line in sys.stdin.read().splitlines():
        said = Job.read(line).run()
        with suppress(BrokenPipeError):  # the viewer has ended meanwhile; the file has been written
            print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
