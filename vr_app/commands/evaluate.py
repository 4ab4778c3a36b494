"""`fundusxr evaluate`: enlargers compared on photographs; tables, a figure, and every number behind them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.progress import TimeElapsedColumn
from typer.core import TyperCommand

from sr_core.errors import UserError
from sr_core.files import check_writable, keep_inputs, printable
from vr_app.commands.console import Terminal, progress
from vr_app.commands.options import check_picture, make_folder

if TYPE_CHECKING:
    from sr_core.study.comparison.results import Comparison

LISTS = ("--scales", "--models")

AnyPlan = TypeVar("AnyPlan")
AnyRow = TypeVar("AnyRow")
Progress = Callable[[int, int, str], None]


class Part(StrEnum):
    """Which photographs of the split."""

    test = "test"
    validation = "validation"


class Regime(StrEnum):
    """What is taken for truth."""

    paper = "paper"
    viewer = "viewer"
    both = "both"
    file = "file"


class ListCommand(TyperCommand):
    """A command whose list options take several values in a row: `--scales 2 4 8` is `--scales 2 --scales 4 ...`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        spread: list[str] = []
        option: str | None = None
        fresh = False  # the option itself has just been given: its first value follows
        for arg in args:
            if arg in LISTS:
                option, fresh = arg, True
                spread.append(arg)
            elif option and not arg.startswith("-"):
                spread += [arg] if fresh else [option, arg]
                fresh = False
            else:
                option = None
                spread.append(arg)
        return super().parse_args(ctx, spread)


def evaluate(
    data: Annotated[
        Path,
        typer.Argument(
            help="Folder that holds the photographs.", envvar="FUNDUSXR_DATA", metavar="DATA", readable=False
        ),
    ],
    scales: Annotated[list[int], typer.Option(help="One or more of 2, 4 and 8.", metavar="N ...")] = [2, 4, 8],  # noqa: B006 - typer's way
    models: Annotated[
        list[str] | None, typer.Option(help="Networks; by default all with weights.", metavar="NAME ...")
    ] = None,
    split: Annotated[str, typer.Option(help="A bundled split, or a JSON file.", metavar="NAME|FILE")] = "fundus",
    part: Annotated[Part, typer.Option(help="Which photographs of the split.")] = Part.test,
    regime: Annotated[
        Regime,
        typer.Option(help="paper: short side 1024; viewer: the photograph as it is; both; file: saved as JPEG."),
    ] = Regime.paper,
    external: Annotated[
        list[str] | None, typer.Option(help="Pictures by another program; may be repeated.", metavar="NAME=FOLDER")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use only N photographs, evenly spread.", metavar="N")
    ] = None,
    reductions: Annotated[
        Path | None,
        typer.Option(
            help="Only write the small pictures, for another program to enlarge.", metavar="FOLDER", readable=False
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where results go.", metavar="FOLDER", readable=False)] = Path(
        "docs/results"
    ),
) -> None:
    """Compare networks with bicubic, Lanczos and back-projection on photographs, by PSNR, SSIM, S3 and invented detail.

    Writes results.json, results.md and figures into the folder. You can stop it at any time (Ctrl-C); the same command
    resumes. DATA comes first.

    Examples:

    ```
    fundusxr evaluate ~/fundus --scales 2 4 8 --models rdb-lite srcnn
    fundusxr evaluate ~/fundus --regime viewer --scales 4 --limit 2 --out trial
    fundusxr evaluate ~/fundus --reductions small  # for another program; then
    fundusxr evaluate ~/fundus --external other=enlarged
    fundusxr evaluate ~/fundus --regime file --scales 4 --limit 6 --out files
    ```
    """
    console = Terminal(stderr=True)
    from sr_core.study.comparison.results import REGIMES, Comparison, Plan, result_files, run, write_results

    comparison = Comparison(
        root=data,
        scales=tuple(dict.fromkeys(scales)),
        models=tuple(dict.fromkeys(models or ())),
        split=split,
        part=part.value,
        regimes=tuple(REGIMES) if regime is Regime.both else ("paper",) if regime is Regime.file else (regime.value,),
        externals=_named_folders(external or []),
        limit=limit,
    )
    if regime is Regime.file:
        _evaluate_files(comparison, reductions, out, console)
        return
    if reductions is not None:
        _write_reductions(comparison, reductions, console)
        return
    make_folder(out)
    for file in result_files(out):
        check_writable(file)
    plan = Plan(comparison, out / ".cache")
    keep_inputs(result_files(out), plan.inputs)
    rows = _run(plan, run, console)
    for file in write_results(plan, rows, out, command_line(comparison, regime.value)):
        console.tell(f"fundusxr: wrote {file}")


def _named_folders(pairs: list[str]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for pair in pairs:
        name, equals, folder = pair.partition("=")
        if not (name and equals and folder):
            raise UserError(f"--external {pair}: must be NAME=FOLDER, for example other=enlarged/")
        if not re.fullmatch(r"\w[\w.+-]{,39}", name):  # it heads rows of tables
            raise UserError(f"--external {name!r}: must be one word of letters, digits and . _ - +")
        if name in folders:
            raise UserError(f"--external {name}: given twice; choose another name")
        folders[name] = Path(folder)
    return folders


def _evaluate_files(comparison: Comparison, reductions: Path | None, out: Path, console: Terminal) -> None:
    """The file's regime, which has measures, tables and files of its own."""
    from sr_core.study.comparison.file_regime import FilePlan, result_files, run, write_results

    if reductions is not None:
        raise UserError("--reductions: only in the regimes paper and viewer; save their pictures as JPEG yourself")
    make_folder(out)
    for file in result_files(out):
        check_writable(file)
    plan = FilePlan(comparison, out / ".cache")
    keep_inputs(result_files(out), plan.inputs)
    rows = _run(plan, run, console)
    for file in write_results(plan, rows, out, command_line(comparison, "file")):
        console.tell(f"fundusxr: wrote {file}")


def _run(plan: AnyPlan, run: Callable[[AnyPlan, Progress], list[AnyRow]], console: Terminal) -> list[AnyRow]:
    """All rows, with a bar on a terminal, else a line a photograph. Ctrl-C ends it with a line and exit code 130."""
    done = 0
    photograph = ""
    with progress(console, TimeElapsedColumn(), transient=False) as bar:
        task = bar.add_task("", total=None)

        def show(now: int, count: int, what: str) -> None:
            nonlocal done, photograph
            done = now
            bar.update(task, completed=now, total=count, description=printable(what))
            if not console.is_terminal and what.split(" ")[:2] != photograph.split(" ")[:2]:
                console.tell(f"{now} of {count}: {' '.join(what.split(' ')[:2])}")
                photograph = what

        try:
            return run(plan, show)
        except KeyboardInterrupt:
            bar.stop()
            console.tell(f"stopped with {done} figures done and kept; the same command resumes")
            raise typer.Exit(130) from None


def _write_reductions(comparison: Comparison, folder: Path, console: Terminal) -> None:
    """The small pictures, named as the enlarged ones are to be named."""
    from sr_core.image.provenance import of_figure
    from sr_core.image.saving import save_picture
    from sr_core.study.comparison.results import listed_photographs, load_reference
    from sr_core.study.comparison.rivals import picture_name
    from sr_core.study.data.references import shrink_reference

    make_folder(folder)
    wanted = [(regime, name) for regime in comparison.regimes for name in listed_photographs(comparison, regime)]
    files = {
        (regime, name, scale): folder / f"{picture_name(regime, scale, name)}.png"
        for regime, name in wanted
        for scale in comparison.scales
    }
    for file in files.values():
        check_picture(file, inputs=[comparison.root / name for _, name in wanted])
    for regime, name in wanted:
        reference = load_reference(comparison.root, name, regime)
        for scale in comparison.scales:
            about = of_figure(f"A photograph shrunk {scale} times, to be enlarged.", "fundusxr evaluate --reductions")
            about |= {"fundusxr:source": name}
            save_picture(files[regime, name, scale], shrink_reference(reference, scale), about)
    console.tell(f"fundusxr: wrote {len(files)} pictures into {folder}; give the enlarged ones the same names")


def command_line(comparison: Comparison, regime: str) -> str:
    """The command that repeats a comparison, without this machine's folders."""
    words = ["fundusxr", "evaluate", "DATA", "--scales", *map(str, comparison.scales)]
    if comparison.models:
        words += ["--models", *comparison.models]
    split = comparison.split
    words += ["--split", Path(split).name if split.endswith(".json") else split]
    words += ["--part", comparison.part, "--regime", regime]
    for name in comparison.externals:
        words += ["--external", f"{name}=FOLDER"]
    if comparison.limit:
        words += ["--limit", str(comparison.limit)]
    return shlex.join(words)
