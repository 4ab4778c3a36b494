"""`fundusxr evaluate`: enlargers compared on photographs; tables, a figure, and every number behind them."""

from __future__ import annotations

import re
import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from typer.core import TyperCommand

from sr_core.errors import UserError
from sr_core.files import check_writable
from vr_app.commands.options import make_folder

if TYPE_CHECKING:
    from sr_core.study.comparison.results import Comparison, Plan, Row

LISTS = ("--scales", "--models")


class Part(StrEnum):
    """Which photographs of the split."""

    test = "test"
    validation = "validation"


class Regime(StrEnum):
    """What is taken for truth."""

    paper = "paper"
    viewer = "viewer"
    both = "both"


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
        typer.Argument(help="Folder that holds the photographs.", envvar="FUNDUSXR_DATA", metavar="DATA"),
    ],
    scales: Annotated[list[int], typer.Option(help="Of 2, 4 and 8, one or more.", metavar="N ...")] = [2, 4, 8],  # noqa: B006 - typer's way
    models: Annotated[
        list[str] | None, typer.Option(help="Networks by name, one or more; else all with weights.", metavar="NAME ...")
    ] = None,
    split: Annotated[str, typer.Option(help="A bundled split, or a JSON file.", metavar="NAME|FILE")] = "fundus",
    part: Annotated[Part, typer.Option(help="Which photographs of the split.")] = Part.test,
    regime: Annotated[
        Regime, typer.Option(help="paper: short side 1024; viewer: the photograph as it is.")
    ] = Regime.paper,
    external: Annotated[
        list[str] | None, typer.Option(help="Pictures made elsewhere; may be repeated.", metavar="NAME=FOLDER")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many photographs, evenly spread.", metavar="N")
    ] = None,
    reductions: Annotated[
        Path | None, typer.Option(help="Only write what is to be enlarged, for programs elsewhere.", metavar="FOLDER")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where results go.", metavar="FOLDER")] = Path("docs/results"),
) -> None:
    """Compare networks with bicubic, Lanczos and back-projection on photographs, by PSNR, SSIM, S3 and invented detail.

    Writes results.json, results.md and figures into the folder. Stopped at any time (Ctrl-C), the same command goes on
    where it was. DATA comes first.

    Examples:

    ```
    fundusxr evaluate ~/fundus --scales 2 4 8 --models rdb-lite srcnn
    fundusxr evaluate ~/fundus --regime viewer --scales 4 --limit 2 --out trial
    fundusxr evaluate ~/fundus --reductions small  # for another program; then
    fundusxr evaluate ~/fundus --external other=enlarged
    ```
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    from sr_core.study.comparison.results import REGIMES, Comparison, Plan, write_results

    comparison = Comparison(
        root=data,
        scales=tuple(dict.fromkeys(scales)),
        models=tuple(dict.fromkeys(models or ())),
        split=split,
        part=part.value,
        regimes=tuple(REGIMES) if regime is Regime.both else (regime.value,),
        externals=_named_folders(external or []),
        limit=limit,
    )
    if reductions is not None:
        _write_reductions(comparison, reductions, console)
        return
    make_folder(out)
    for name in ("results.json", "results.md"):
        check_writable(out / name)
    plan = Plan(comparison, out / ".cache")
    rows = _run(plan, console)
    for file in write_results(plan, rows, out, command_line(comparison, regime.value)):
        console.print(f"fundusxr: wrote {file}", markup=False)


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


def _run(plan: Plan, console: Console) -> list[Row]:
    """All rows, with a bar on a terminal, else a line a photograph. Ctrl-C ends it with a line and exit code 130."""
    from sr_core.study.comparison.results import run

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    done = 0
    photograph = ""
    with Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)

        def show(now: int, count: int, what: str) -> None:
            nonlocal done, photograph
            done = now
            bar.update(task, completed=now, total=count, description=what)
            if not console.is_terminal and what.split(" ")[:2] != photograph.split(" ")[:2]:
                console.print(f"{now} of {count}: {' '.join(what.split(' ')[:2])}", markup=False)
                photograph = what

        try:
            return run(plan, show)
        except KeyboardInterrupt:
            bar.stop()
            console.print(f"stopped with {done} figures done and kept; the same command goes on from there")
            raise typer.Exit(130) from None


def _write_reductions(comparison: Comparison, folder: Path, console: Console) -> None:
    """The small pictures, named as the enlarged ones are to be named."""
    from sr_core.image.photograph import save_picture
    from sr_core.study.comparison.results import listed_photographs, load_reference
    from sr_core.study.comparison.rivals import picture_name
    from sr_core.study.data.references import shrink_reference

    make_folder(folder)
    count = 0
    for regime in comparison.regimes:
        for name in listed_photographs(comparison, regime):
            reference = load_reference(comparison.root, name, regime)
            for scale in comparison.scales:
                file = folder / f"{picture_name(regime, scale, name)}.png"
                save_picture(file, shrink_reference(reference, scale))
                count += 1
    console.print(f"fundusxr: wrote {count} pictures into {folder}; give theirs the same names", markup=False)


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
