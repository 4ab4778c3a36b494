"""Regions of interest into files, by the command line and by the viewer, which has a process of its own do it.

Run as a program it reads what to do from its standard input, a line of JSON as `Exporter` writes it, and prints what to
tell the user. The network's import alone takes seconds, and its work the processor's caches: no frame waits for either.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from sr_core.engine.priority import give_way
from sr_core.errors import UserError
from sr_core.image.photograph import Photograph, load_photograph, save_picture
from vr_app.core.view.region import Region
from vr_app.process.environment import environment
from vr_app.regions.files import format_regions, parse_regions

if TYPE_CHECKING:
    from sr_core.engine.engine import Engine

SCALES = (8, 4, 2)

FITTING = 1600
"""Pixels that a region's picture is wide and high at most, where its scale is left to the program."""

MOST_PIXELS = 4_000_000
"""Of the photograph in one region: three pictures at x2 side by side are then 48 megapixels."""


class ExportError(UserError):
    """A region that cannot be exported: which, and why."""


def fitting_scale(region: Region) -> int:
    """The finest at which the region's picture has at most FITTING pixels a side; else 2."""
    edge = max(region.rect.w, region.rect.h)
    return next((scale for scale in SCALES if edge * scale <= FITTING), 2)


def load_engine(model: str, scale: int, device: str) -> Engine:
    """The network to compute with. Imports torch."""
    from sr_core.engine.engine import Engine, choose_device
    from sr_core.networks.zoo import load_model

    return Engine(load_model(model, scale), choose_device(device))


def export_region(photograph: Photograph, region: Region, out: Path, engine: Engine) -> None:
    """Write a region's picture (`vr_app.regions.picture`) to `out`, a PNG. Raises UserError where it cannot be."""
    from vr_app.regions.picture import Made, describe, region_picture

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
    network = engine.network
    file = None if photograph.file is None else photograph.file.get()
    computed = engine.upscale_marked(photograph.pixels, rect, file=file)
    made = Made(
        engine.scale, network.name, network.texture, network.sha256, network.agrees, version("fundusxr")
    )  # fmt: skip
    save_picture(out, region_picture(photograph.pixels[rect.slices()], computed, region, made), describe(region, made))


@dataclass(frozen=True)
class Job:
    """One region to export: of the photograph in `path` to `out`, with the network `model` on `device`."""

    path: Path
    region: Region
    out: Path
    model: str
    device: str

    def told(self) -> str:
        """As a line of JSON."""
        regions = json.loads(format_regions([self.region]))
        words = {"path": str(self.path), "out": str(self.out), "model": self.model, "device": self.device}
        return json.dumps(words | {"regions": regions})

    @staticmethod
    def read(text: str) -> Job:
        """The inverse of `told`."""
        words = json.loads(text)
        (region,) = parse_regions(json.dumps(words["regions"]))
        return Job(Path(words["path"]), region, Path(words["out"]), words["model"], words["device"])

    def run(self) -> str:
        """Do it; what to tell the user."""
        try:
            photograph = load_photograph(self.path)
            engine = load_engine(self.model, fitting_scale(self.region), self.device)
            export_region(photograph, self.region, self.out, engine)
        except UserError as error:
            return f"Region not exported: {error}"
        except Exception as error:  # whatever it is, a line of it belongs before the user
            return f"Region not exported: {' '.join(str(error).split()) or type(error).__name__}"
        return f"Region exported: {self.out}"


def output_name(region: Region, moment: datetime) -> Path:
    """A new file in the current folder, named by the photograph, the region's name, and the time."""
    return Path(f"fundusxr-{Path(region.file).stem}-{region.kind.value}-{moment:%Y%m%d-%H%M%S}.png")


class Exporter:
    """Has regions exported, one after the other. For the thread that draws: no call waits."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._waiting: list[Job] = []
        self._child: subprocess.Popen[str] | None = None

    def export(self, path: Path, region: Region, model: str) -> None:
        """Put a region of the photograph in `path` into a file in the current folder, with the network `model`."""
        out = output_name(region, datetime.now()).absolute()
        self._waiting.append(Job(path.absolute(), region, out, model, self._device))
        self._begin()

    @property
    def busy(self) -> bool:
        """Whether there will be something to tell."""
        return self._child is not None

    def notices(self) -> tuple[str, ...]:
        """What has been exported, or could not be, since the last call."""
        if self._child is None or self._child.poll() is None:
            return ()
        told = self._child.stdout.read().strip().splitlines()
        self._child.stdout.close()
        line = told[-1] if told else f"Region not exported: the process for it ended with {self._child.returncode}"
        self._child = None
        self._begin()
        return (line,)

    def _begin(self) -> None:
        if self._child is not None or not self._waiting:
            return
        job = self._waiting.pop(0)
        command = [sys.executable, "-m", "vr_app.regions.export"]
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(
            command, env=environment(), stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        )
        with suppress(BrokenPipeError):  # its exit code will tell
            self._child.stdin.write(job.told())
            self._child.stdin.close()

    def close(self) -> None:
        """Let the one under way finish; others are not begun. May be called twice."""
        self._waiting.clear()
        if self._child is not None:
            self._child.stdout.close()
            self._child.returncode = self._child.poll() or 0  # nobody waits for it: it ends by itself
            self._child = None


def main() -> None:
    """The program that `Exporter` starts."""
    give_way()
    said = Job.read(sys.stdin.read()).run()
    with suppress(BrokenPipeError):  # the viewer has ended meanwhile; the file is there
        print(said, flush=True)


if __name__ == "__main__":
    main()
