"""Commands: arguments in, one line out where they cannot be followed. All else lies below."""

from __future__ import annotations

import os
import signal
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from sr_core.errors import UserError
from sr_core.networks.names import DEFAULT_MODEL
from vr_app.commands.bench import bench
from vr_app.commands.console import Terminal
from vr_app.commands.data import data as data_commands
from vr_app.commands.evaluate import ListCommand, evaluate
from vr_app.commands.options import Device, DeviceOption, ModelOption, TextureOption, check_picture
from vr_app.commands.regions import regions
from vr_app.commands.view import VIEW_HELP, view
from vr_app.process.interruption import ENDING, end_process
from vr_app.process.streams import flush_output, guarded_streams

app = typer.Typer(
    name="fundusxr",
    help="Look at fundus photographs, super-resolved where you look, in a headset or on the desktop.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data_commands, name="data")
app.add_typer(bench, name="bench")
app.add_typer(regions, name="regions")
errors = Terminal(stderr=True)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"fundusxr {metadata.version('fundusxr')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """What stands before the command."""


app.command(help=VIEW_HELP)(view)


@app.command()
def upscale(
    source: Annotated[Path, typer.Argument(help="A photograph, or a folder of them.", metavar="IN", readable=False)],
    out: Annotated[
        Path,
        typer.Argument(
            help="The picture to write (.png or .tif); if IN is a folder, a folder.", metavar="OUT", readable=False
        ),
    ],
    scale: Annotated[int, typer.Option(help="2, 4 or 8; 1: restored alone.")] = 4,
    region: Annotated[
        str | None, typer.Option(help="Only this part, in pixels of the photograph.", metavar="X,Y,W,H")
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    texture: TextureOption = None,
    device: DeviceOption = Device.auto,
    invention: Annotated[
        Path | None,
        typer.Option(
            help="Also write how far each pixel departs from what the photograph determines.",
            metavar="PNG|FOLDER",
            readable=False,
        ),
    ] = None,
) -> None:
    """Super-resolve a photograph, or a region of it, into a file: the same pixels that the viewer shows.

    If IN is a folder, every photograph in it is written into the folder OUT. You can stop it at any time (Ctrl-C); the
    same command resumes.

    Examples:

    ```
    fundusxr upscale eye.jpg eye_x4.png
    fundusxr upscale eye.jpg disc.tif --scale 8 --region 1020,880,256,256
    fundusxr upscale eye.jpg eye_x4.png --invention invented.png
    fundusxr upscale eye.jpg eye_x4.png --texture 0.5
    fundusxr upscale eye.jpg restored.png --scale 1
    fundusxr upscale clinic/ sharp/
    ```
    """
    from vr_app.commands.upscale import Wish
    from vr_app.commands.upscale import upscale as run

    run(source, out, Wish(scale, region, model, device, invention, texture), errors)


@app.command()
def train(
    config: Annotated[
        Path,
        typer.Argument(help="A training's settings (TOML, see docs/training.md).", metavar="CONFIG", readable=False),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder that holds HRF/ and IDRiD/.", envvar="FUNDUSXR_DATA", metavar="FOLDER", readable=False
        ),
    ] = None,
    runs: Annotated[
        Path, typer.Option(help="Where checkpoints, curves and weights go.", metavar="FOLDER", readable=False)
    ] = Path("runs"),
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="Processor threads.", metavar="N")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Time a few iterations, estimate the whole cost, train nothing.")
    ] = False,
    iterations: Annotated[int | None, typer.Option(min=1, help="How many a dry run times (3).", metavar="N")] = None,
    device: Annotated[Device, typer.Option(help="What trains; auto: CUDA if there is one.")] = Device.auto,
) -> None:
    """Train a network. You can stop it at any time (Ctrl-C); the same command resumes. For several processes, see
    docs/training.md.

    Examples:

    ```
    fundusxr train assets/configs/rdb_lite_x4.toml --data ~/fundus
    fundusxr train assets/configs/rdb_paper_x4.toml --data ~/fundus --dry-run
    fundusxr train mine.toml --data ~/fundus --runs /scratch/runs --threads 2
    ```
    """
    from sr_core.study.training.run import DRY_ITERATIONS, cost
    from sr_core.study.training.run import train as run_training

    if dry_run:
        found = cost(config, data, runs, threads, errors, iterations or DRY_ITERATIONS, device=device)
        for line in found.lines():
            errors.tell(line)
        return
    if iterations is not None:
        raise UserError("--iterations: sets how many a --dry-run times; CONFIG sets those of a training")
    result = run_training(config, data, runs, threads, device=device)
    if not result.finished:
        errors.tell(f"stopped at iteration {result.step}; the same command resumes")
        raise typer.Exit(130)


app.command(cls=ListCommand)(evaluate)


@app.command()
def curves(
    runs: Annotated[
        list[Path] | None, typer.Argument(help="Folders of runs.", metavar="RUNS...", readable=False)
    ] = None,
    out: Annotated[Path, typer.Option(help="The picture to write.", metavar="PNG", readable=False)] = Path(
        "learning-curves.png"
    ),
) -> None:
    """Draw the learning curves of all trainings in one picture: validation gain over processor time, a panel per scale.

    RUNS: folders that hold runs (default `runs`). If several hold the same run, the last counts.

    Example:

    ```
    fundusxr curves docs/results/runs runs --out docs/images/learning-curves.png
    ```
    """
    from sr_core.files import keep_inputs
    from sr_core.image.provenance import of_figure
    from sr_core.image.saving import save_picture
    from sr_core.study.training.curve import comparison_picture, read_runs

    found = read_runs(runs or [Path("runs")])
    keep_inputs([out], (path for folder in runs or [Path("runs")] for path in folder.rglob("*") if path.is_file()))
    check_picture(out)
    about = of_figure("Learning curves of trainings: validation gain over processor time.", "fundusxr curves RUNS")
    save_picture(out, comparison_picture(found), about | {"fundusxr:runs": " ".join(sorted(found))})
    errors.tell(f"fundusxr: wrote {out} ({len(found)} runs)")


@app.command()
def doctor() -> None:
    """Check what the program needs (Python, torch, device, OpenGL, OpenXR, weights), say how to mend what is missing.

    The exit code is 0 if the viewer works at least offscreen, else 1.

    Example:

    ```
    fundusxr doctor
    ```
    """
    from vr_app.commands.doctor import examine

    raise typer.Exit(examine(Terminal()))


def main() -> None:
    """The command `fundusxr`."""
    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:  # else somebody has set it: nohup, Python itself
            signal.signal(number, _terminated)
    with guarded_streams():
        code = _run()
    end_process(code)


def _run() -> int | str | None:
    """Run the command, tell the user's errors in a line, and return the exit code."""
    try:
        try:
            _check_working_folder()
            app()
        finally:
            flush_output()
    except UserError as error:
        errors.tell(f"fundusxr: {error}")
        return 2
    except KeyboardInterrupt:
        return 130
    except SystemExit as end:
        return end.code
    return 0


def _check_working_folder() -> None:
    """Raise UserError where the working folder has been deleted: torch's libraries would end the process."""
    try:
        os.getcwd()
    except OSError as error:
        raise UserError(f"the current folder cannot be used ({error.strerror}); change to another (cd)") from None


def _terminated(number: int, frame: object) -> None:
    """SIGTERM and SIGHUP end the program the way Ctrl-C does, so that everything is given back."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
