"""`fundusxr upscale`: photographs, or a region of one, super-resolved into files."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer

from sr_core.errors import UserError
from sr_core.files import check_writable, file_name, keep_apart, keep_inputs, printable
from sr_core.image.departure import Computed
from sr_core.image.folder import find_photographs
from sr_core.image.geometry import Rect
from sr_core.image.photograph import Photograph, load_photograph, read_entries
from sr_core.image.provenance import of_computation, of_photograph
from sr_core.image.saving import save_picture
from sr_core.networks.names import turn_dial
from vr_app.commands.console import Terminal, progress
from vr_app.commands.options import check_picture, make_folder

if TYPE_CHECKING:
    from sr_core.engine.engine import Engine

INVENTION_GAIN = 10
"""Brightness of a departure of one grey level in the picture that shows it; from 25.5 on it is full."""

_COMPUTED = "Computed by FundusXR, not photographed. Not for diagnosis."
INVENTION_TEXT = (
    f"How far super-resolved pixels depart from what the photograph determines, in grey levels x {INVENTION_GAIN}. "
    f"{_COMPUTED}"
)
DEPARTURE_TEXT = (
    "How far super-resolved pixels depart from the photograph, in grey levels x "
    f"{INVENTION_GAIN}: red and green what is invented, blue what is restored within what the file leaves open. "
    f"{_COMPUTED}"
)
NOT_FINISHED = 1
"""Exit code where some photographs of a folder could not be super-resolved."""

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Wish:
    """What is asked for besides IN and OUT: `region` 'X,Y,W,H', the dial's place `texture` (None: the model as named),
    and where the picture of departures goes (None: nowhere)."""

    scale: int
    region: str | None
    model: str
    device: str
    invention: Path | None = None
    texture: float | None = None

    @property
    def network(self) -> str:
        """The network's name, dial and all."""
        return turn_dial(self.model, self.texture, [self.network_scale])

    @property
    def network_scale(self) -> int:
        """Of the network: the restored photograph is its picture at x2, shrunk."""
        return max(2, self.scale)

    @property
    def area(self) -> Rect | None:
        return None if self.region is None else parse_region(self.region)


def upscale(source: Path, out: Path, wish: Wish, console: Terminal) -> None:
    """Write the photograph `source` to the picture `out`, or the photographs of the folder `source` into the folder
    `out`. Raises UserError for anything that the user can mend."""
    if wish.scale not in (1, 2, 4, 8):
        raise UserError(f"--scale {wish.scale}: must be 2, 4 or 8, or 1 to restore alone")
    _ = wish.network, wish.area  # their errors come first
    (_upscale_folder if os.path.isdir(source) else _upscale_one)(source, out, wish, console)


def load_engine(wish: Wish) -> Engine:
    """The network to compute with. Imports torch."""
    from sr_core.engine.engine import Engine, choose_device
    from sr_core.engine.restorer import Restorer
    from sr_core.networks.zoo import load_model

    kind = Restorer if wish.scale == 1 else Engine
    return kind(load_model(wish.network, wish.network_scale), choose_device(wish.device))


# One photograph.


def _upscale_one(source: Path, out: Path, wish: Wish, console: Terminal) -> None:
    check_picture(out, (".png", ".tif", ".tiff"), [source])
    if wish.invention is not None:
        check_picture(wish.invention, inputs=[source])
        keep_apart(out, wish.invention)
    photograph = load_photograph(source)
    engine = load_engine(wish)
    with progress(console) as bar:
        task = bar.add_task(f"{printable(source.name)} x{wish.scale}", total=None)

        def report(done: int, count: int) -> None:
            bar.update(task, completed=done, total=count)

        lines = _write(photograph, out, wish, engine, wish.invention, report)
    for line in lines:
        console.tell(line)


def _write(
    photograph: Photograph, out: Path, wish: Wish, engine: Engine, invention: Path | None, report: Report
) -> list[str]:
    """Compute and write the pictures; return the lines for the user."""
    from sr_core.engine.restorer import Restorer

    file = photograph.file.get() if photograph.file is not None else None
    if isinstance(engine, Restorer) and not engine.restores(file):
        raise UserError(f"{photograph.path}: {engine.reason_against(file)}")
    computed = engine.upscale_marked(photograph.pixels, wish.area, report, file)
    pixels, departure, network = computed.pixels, computed.departure, engine.used(file)
    made = replace(network.made, scale=wish.scale)
    about = {
        "Description": made.description,
        **of_photograph(photograph.path.name, photograph.sha256, wish.area),
        **of_computation(made, departure, engine.agrees_with(file)),
    }
    context = photograph.context.scaled(wish.scale)
    save_picture(out, pixels[..., :3], about, context)
    height, width = pixels.shape[:2]
    dial = f", texture {network.texture:g}" if network.texture else ""
    restored = "" if network.agrees else ", restored: does not agree with the photograph"
    figures = departure.told_at_own_size if wish.scale == 1 else departure.told
    figures = f", {figures}" if network.agrees else ""
    how = f"{width}x{height}, {network.name} x{wish.scale}{dial}, {engine.device.type}{restored}{figures}"
    lines = [f"fundusxr: {photograph.path}: {notice}" for notice in photograph.notices]
    lines.append(f"fundusxr: wrote {out} ({how})")
    if invention is not None:
        text = INVENTION_TEXT if computed.restored is None else DEPARTURE_TEXT
        save_picture(invention, _visible(computed), about | {"Description": text}, context)
        restored = "" if computed.restored is None else f"restored: {departure.restored:.2f}, "
        levels = f"{restored}invented: {departure.invented:.2f} grey levels on average"
        lines.append(f"fundusxr: wrote {invention} ({levels})")
    return lines


def _visible(computed: Computed) -> np.ndarray:
    """An (h, w, 3) picture of the grey levels by which pixels depart, INVENTION_GAIN times as bright: in grey what is
    invented; where anything may be restored, that in blue, and in yellow what is invented."""
    found = np.repeat(_bright(computed.pixels[..., 3])[..., None], 3, axis=2)
    if computed.restored is not None:
        times = len(found) // len(computed.restored)
        found[..., 2] = _bright(computed.restored).repeat(times, axis=0).repeat(times, axis=1)
    return found


def _bright(levels: np.ndarray) -> np.ndarray:
    return np.minimum(np.round(levels.astype(np.float32) * INVENTION_GAIN), 255).astype(np.uint8)


def parse_region(text: str) -> Rect:
    """'X,Y,W,H' in whole pixels."""
    parts = text.split(",")
    if len(parts) == 4 and all(part.strip().isdecimal() for part in parts):
        x, y, w, h = map(int, parts)
        if w and h:
            return Rect(x, y, w, h)
    raise UserError(f"--region {text}: must be X,Y,W,H in pixels of the photograph, for example 1020,880,256,256")


# A folder.


@dataclass(frozen=True)
class _Job:
    """A photograph of a folder, the picture to make of it, and that of its departures, if any."""

    source: Path
    out: Path
    invention: Path | None

    @property
    def outputs(self) -> tuple[Path, ...]:
        return (self.out,) if self.invention is None else (self.out, self.invention)


def _upscale_folder(source: Path, out: Path, wish: Wish, console: Terminal) -> None:
    """Skip finished pictures, so that the same command resumes."""
    if wish.region is not None:
        raise UserError("--region: needs one photograph, but IN is a folder; name the photograph")
    photographs = find_photographs([source], lambda line: console.tell(f"fundusxr: {line}"))
    for option, folder in (("OUT", out), ("--invention", wish.invention)):
        if folder is not None and folder.exists():
            if not folder.is_dir():
                raise UserError(f"{option} {folder}: is a file, but IN is a folder; name a folder")
            if folder.samefile(source):
                raise UserError(f"{option} {folder}: is the folder of photographs itself; name another folder")
        if folder is not None:
            make_folder(folder)
    jobs = _jobs(photographs, out, wish)
    outputs = [path for job in jobs for path in job.outputs]
    for path in outputs:
        check_writable(path)
    keep_inputs(outputs, photographs)
    engine = load_engine(wish)
    count: Counter[str] = Counter()
    try:
        for how in _work_through(jobs, wish, engine, console):
            count[how] += 1
    except KeyboardInterrupt:
        done = sum(all("fundusxr:source-sha256" in read_entries(path) for path in job.outputs) for job in jobs)
        console.tell(f"stopped: {done} of {len(jobs)} photographs are finished; the same command resumes")
        raise typer.Exit(130) from None
    totals = ", ".join(f"{count[how]} {how}" for how in (WRITTEN, BEFORE, FAILED))
    console.tell(f"fundusxr: {totals}, in {out}")
    if count[FAILED]:
        raise typer.Exit(NOT_FINISHED)


WRITTEN, BEFORE, FAILED = "written", "finished before", "failed"


def _work_through(jobs: Sequence[_Job], wish: Wish, engine: Engine, console: Terminal) -> Iterator[str]:
    """Make the pictures one after the other, under one progress bar; yield WRITTEN, BEFORE or FAILED for each."""
    with progress(console) as bar:
        task = bar.add_task("", total=len(jobs))
        for number, job in enumerate(jobs):
            bar.update(task, description=f"{printable(job.source.name)} x{wish.scale}", completed=number, refresh=True)

            def report(done: int, count: int, before: int = number) -> None:
                bar.update(task, completed=before + done / count)

            try:
                lines = _make(job, wish, engine, report)
                yield WRITTEN if lines else BEFORE
            except UserError as error:
                lines = [f"fundusxr: {error}"]
                yield FAILED
            for line in lines:
                console.tell(line)


def _jobs(photographs: Sequence[Path], out: Path, wish: Wish) -> list[_Job]:
    """Pictures are named after their photographs; of those that differ in their endings alone, after these too."""
    stems = Counter(path.stem.casefold() for path in photographs)
    taken: Counter[str] = Counter()
    jobs = []
    for path in photographs:
        stem = path.name if stems[path.stem.casefold()] > 1 else path.stem
        taken[stem.casefold()] += 1
        if taken[stem.casefold()] > 1:  # they differ in their letters' case
            stem = f"{stem}-{taken[stem.casefold()]}"
        departures = wish.invention and wish.invention / file_name(stem, f"_x{wish.scale}-invented.png")
        jobs.append(_Job(path, out / file_name(stem, f"_x{wish.scale}.png"), departures))
    return jobs


def _make(job: _Job, wish: Wish, engine: Engine, report: Report) -> list[str]:
    """Return the lines for the user; none if the picture was finished before. Raises UserError."""
    there = [path for path in job.outputs if path.exists()]
    entries = [read_entries(path) for path in there]
    for path, found in zip(there, entries, strict=True):
        if "fundusxr:source-sha256" not in found:
            raise UserError(f"{path}: exists, but this program did not make it; move it or choose another folder")
    if len(there) == len(job.outputs) and all(_is_finished(job.source, found, wish, engine) for found in entries):
        return []
    return _write(load_photograph(job.source), job.out, wish, engine, job.invention, report)


def _is_finished(source: Path, found: dict[str, str], wish: Wish, engine: Engine) -> bool:
    """Whether a picture was made from the same file with the same weights: those for JPEG files or for clean ones."""
    try:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return False  # reported when it is opened
    networks = filter(None, (engine.network, engine.network.clean))
    made = (replace(network.made, scale=wish.scale).entries() for network in networks)
    expected = [of_photograph(source.name, digest, None) | entries for entries in made]
    ignored = ("fundusxr:source", "fundusxr:version")
    return any(all(found.get(key) == entries[key] for key in entries if key not in ignored) for entries in expected)
