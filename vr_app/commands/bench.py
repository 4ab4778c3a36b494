"""`fundusxr bench`: what the program reaches on this machine, held against what it has to reach."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from sr_core.files import keep_apart, write_text
from sr_core.image.folder import find_photographs
from sr_core.networks.names import DEFAULT_MODEL
from vr_app.commands.console import Terminal
from vr_app.commands.options import Device, DeviceOption, ModelOption, check_figures, check_picture

if TYPE_CHECKING:
    from vr_app.bench.bars import Bar
    from vr_app.bench.report import Settings


class Mode(StrEnum):
    """Where a soak is shown."""

    offscreen = "offscreen"
    xr = "xr"


bench = typer.Typer(
    help="""Measure this machine: engine, zoom, frame, start and memory; window, xr with a headset; and soak.

Each prints a table. With `--json` it also writes every sample, the machine and its load. Do not use the machine while
it measures.

Example:

```
fundusxr bench zoom --json zoom.json
fundusxr bench table engine.json zoom.json frame.json start.json memory.json
```
""",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
console = Terminal()
errors = Terminal(stderr=True)


JsonOption = Annotated[Path | None, typer.Option("--json", help="Write all figures.", metavar="FILE", readable=False)]
QuickOption = Annotated[bool, typer.Option("--quick", help="Few samples, for a trial; the figures mean nothing.")]
StrictOption = Annotated[bool, typer.Option("--strict", help="Exit with 1 if a bar is missed.")]
CurvesOption = Annotated[bool, typer.Option("--curves", help="Also measure how it scales; takes longer.")]
PhotographOption = Annotated[
    Path | None, typer.Option(help="Instead of the bundled photograph, enlarged.", metavar="IMAGE", readable=False)
]  # fmt: skip

TraceOption = Annotated[
    Path | None,
    typer.Option(help="Write a timeline of the zooms, as Chrome's trace format.", metavar="FILE", readable=False),
]


@bench.command()
def engine(
    json_file: JsonOption = None,
    quick: QuickOption = False,
    strict: StrictOption = False,
    curves: CurvesOption = False,
    device: DeviceOption = Device.auto,
    model: ModelOption = DEFAULT_MODEL,
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads.", metavar="N")] = None,
) -> None:
    """The engine alone: output megapixels a second, against a plain implementation and this machine's convolutions.

    Example:

    ```
    fundusxr bench engine --threads 2 --json engine.json
    ```
    """
    _measure("engine", _settings(quick, curves, device, model, threads=threads), json_file, strict)


@bench.command()
def zoom(
    json_file: JsonOption = None,
    quick: QuickOption = False,
    strict: StrictOption = False,
    curves: CurvesOption = False,
    device: DeviceOption = Device.auto,
    model: ModelOption = DEFAULT_MODEL,
    photograph: PhotographOption = None,
    trace: TraceOption = None,
) -> None:
    """The viewer: from a zoom to the first sharp tile, and to the last, in regions not seen before.

    `--trace` writes what each thread did when; open the file with chrome://tracing or https://ui.perfetto.dev.

    Example:

    ```
    fundusxr bench zoom --photograph HRF/images/01_h.jpg --json zoom.json
    fundusxr bench zoom --trace trace.json
    ```
    """
    settings = replace(_settings(quick, curves, device, model, photograph), trace=trace)
    _measure("zoom", settings, json_file, strict)


@bench.command()
def frame(
    json_file: JsonOption = None,
    quick: QuickOption = False,
    strict: StrictOption = False,
    curves: CurvesOption = False,
    device: DeviceOption = Device.auto,
    model: ModelOption = DEFAULT_MODEL,
    photograph: PhotographOption = None,
) -> None:
    """The viewer: what a frame costs while the network computes and while it rests, and with 64 panels.

    Example:

    ```
    fundusxr bench frame --json frame.json
    ```
    """
    _measure("frame", _settings(quick, curves, device, model, photograph), json_file, strict)


@bench.command()
def start(
    json_file: JsonOption = None,
    quick: QuickOption = False,
    strict: StrictOption = False,
    device: DeviceOption = Device.auto,
    model: ModelOption = DEFAULT_MODEL,
    photograph: PhotographOption = None,
) -> None:
    """The viewer: from the start of a process to the first frame that shows a 16 megapixel JPEG.

    Example:

    ```
    fundusxr bench start --json start.json
    ```
    """
    _measure("start", _settings(quick, False, device, model, photograph), json_file, strict)


@bench.command()
def memory(
    json_file: JsonOption = None,
    quick: QuickOption = False,
    strict: StrictOption = False,
    device: DeviceOption = Device.auto,
    model: ModelOption = DEFAULT_MODEL,
    photograph: PhotographOption = None,
) -> None:
    """The viewer: memory over 1,000 zooms and with 64 photographs; what a zoom costs on one of 100 megapixels.

    Example:

    ```
    fundusxr bench memory --json memory.json
    ```
    """
    _measure("memory", _settings(quick, False, device, model, photograph), json_file, strict)


@bench.command()
def soak(
    seconds: Annotated[float, typer.Option(min=1, help="How long the tour lasts.")] = 600.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random tour.")] = 0,
    mode: Annotated[Mode, typer.Option(help="Where it is shown: xr (a headset) or offscreen.")] = Mode.offscreen,
    json_file: JsonOption = None,
    quick: QuickOption = False,
    strict: StrictOption = False,
    device: DeviceOption = Device.auto,
    model: ModelOption = DEFAULT_MODEL,
    photograph: PhotographOption = None,
) -> None:
    """The viewer under a random tour: nothing may fail, every wished tile must arrive, and memory must stay flat.

    Example:

    ```
    fundusxr bench soak --seconds 600 --mode xr --json soak.json
    ```
    """
    settings = _settings(quick, False, device, model, photograph)
    settings = replace(settings, seconds=seconds, seed=seed, mode=mode.value)
    _measure("soak", settings, json_file, strict)


@bench.command()
def xr(
    json_file: JsonOption = None,
    quick: QuickOption = False,
    strict: StrictOption = False,
    device: DeviceOption = Device.auto,
    model: ModelOption = DEFAULT_MODEL,
) -> None:
    """A headset: what a still scene of 8 panels costs, against the shortest program that shows as many layers.

    Example:

    ```
    fundusxr bench xr --json xr.json
    ```
    """
    _measure("xr", _settings(quick, False, device, model), json_file, strict)


@bench.command()
def window(
    json_file: JsonOption = None,
    quick: QuickOption = False,
    strict: StrictOption = False,
    device: DeviceOption = Device.auto,
    model: ModelOption = DEFAULT_MODEL,
) -> None:
    """A window: its cost at rest, what a drag is off by, how much a photograph takes, how soon the next is sharp.

    It opens on the X display there is, and xdotool moves mouse and keys: leave both alone meanwhile.

    Example:

    ```
    fundusxr bench window --json window.json
    ```
    """
    _measure("window", _settings(quick, False, device, model), json_file, strict)


@bench.command()
def table(
    files: Annotated[
        list[Path], typer.Argument(help="Files that --json wrote; the last counts if a row is in two.", readable=False)
    ],
    figure: Annotated[Path | None, typer.Option(help="Also draw the curves.", metavar="PNG", readable=False)] = None,
) -> None:
    """Make one Markdown table of all bars, and one for each curve, from several measurements.

    Example:

    ```
    fundusxr bench table engine.json zoom.json frame.json start.json memory.json
    ```
    """
    from vr_app.bench.report import read_document
    from vr_app.bench.report import table as markdown

    if figure is not None:
        check_picture(figure, inputs=files)
    documents = [read_document(path) for path in files]
    if figure is not None:
        from sr_core.image.provenance import of_figure
        from sr_core.image.saving import save_picture
        from vr_app.bench.figure import curves_picture

        names = " ".join(document["command"] for document in documents)
        about = of_figure("Curves measured by fundusxr bench.", "fundusxr bench table FILES --figure")
        save_picture(figure, curves_picture(documents), about | {"fundusxr:measured": names})
        errors.tell(f"fundusxr: wrote {figure}")
    for line in markdown(documents).splitlines():
        console.tell(line)


def _settings(
    quick: bool,
    curves: bool,
    device: Device,
    model: str,
    photograph: Path | None = None,
    threads: int | None = None,
) -> Settings:
    from vr_app.bench.report import Settings

    path = None if photograph is None else find_photographs([photograph])[0]
    return Settings(device.value, model, quick, curves, path, threads)


def _measure(command: str, settings: Settings, json_file: Path | None, strict: bool) -> None:
    """Measure, print, write. Ends with 1 where a row of the list is missing or, if `strict`, a bar does not hold."""
    from vr_app.bench.bars import MissingRowError, all_bars, judge
    from vr_app.bench.progress import Progress
    from vr_app.bench.report import document, load_average

    _check_device(settings.device)
    outputs = [path for path in (json_file, settings.trace) if path is not None]
    keep_apart(*outputs)
    for path in outputs:
        inputs = [] if settings.photograph is None else [settings.photograph]
        check_figures(path, "bars" if path is json_file else "traceEvents", (".json",), inputs)
    load = load_average()
    module = importlib.import_module(f"vr_app.bench.{command}")
    rows = getattr(module, "BARS", None) or all_bars()
    with Progress(errors) as progress:
        measured = module.measure(settings, progress)
    try:
        bars = judge(command, measured.values, rows)
    except MissingRowError as error:
        errors.tell(f"fundusxr: {error}")
        raise typer.Exit(1) from None
    found = document(command, settings, measured, bars, load)
    if json_file is not None:
        write_text(json_file, json.dumps(found, indent=1) + "\n")
    console.print(_printed(found, rows))
    for path in outputs:
        errors.tell(f"fundusxr: wrote {path}")
    if strict and not all(row["holds"] for row in bars):
        raise typer.Exit(1)


def _check_device(name: str) -> None:
    """Raise UserError where the device asked for is not to be had. Only CUDA may be missing, and only torch knows: a
    measurement that has no need of it does not import it here."""
    if name == Device.cuda:
        from sr_core.engine.torch_import import import_torch

        import_torch()
        from sr_core.engine.engine import choose_device

        choose_device(name)


def _printed(found: dict, bars: Sequence[Bar]) -> Table:
    """The rows of one measurement, and under what load they came about."""
    from vr_app.bench.report import shown

    about = {bar.name: bar for bar in bars}
    load = found["machine"]["load_average"]
    quick = "QUICK, the figures mean nothing; " if found["quick"] else ""
    printed = Table(
        title=f"bench {found['command']}",
        caption=f"{quick}load average {_load(load['before'])} before, {_load(load['after'])} after",
    )
    printed.add_column("what")
    printed.add_column("bar")
    printed.add_column("measured", justify="right")
    printed.add_column("holds")
    for row in found["bars"]:
        bar = about[row["name"]]
        holds = "[green]yes[/]" if row["holds"] else "[red]no[/]"
        printed.add_row(bar.what, bar.bar, shown(row["value"], row["unit"]), holds)
    return printed


def _load(values: list[float] | None) -> str:
    return "unknown" if values is None else f"{values[0]:.1f}"
