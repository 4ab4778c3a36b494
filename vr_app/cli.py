"""Commands: arguments in, one line out where they cannot be followed. All else lies below."""

from __future__ import annotations

import signal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sr_core.errors import UserError
from sr_core.networks.names import DEFAULT_MODEL
from vr_app.commands.bench import bench
from vr_app.commands.console import Terminal, pass_names_through
from vr_app.commands.data import data as data_commands
from vr_app.commands.evaluate import ListCommand, evaluate
from vr_app.commands.options import Device, DeviceOption, ModelOption, TextureOption
from vr_app.commands.regions import regions
from vr_app.process.interruption import ENDING, end_process

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


class Mode(StrEnum):
    """Where to show."""

    auto = "auto"
    xr = "xr"
    desktop = "desktop"
    offscreen = "offscreen"


class MirrorView(StrEnum):
    """What somebody beside the headset sees: an eye's picture, both, or a camera that follows the head calmly."""

    left = "left"
    right = "right"
    both = "both"
    spectator = "spectator"


class LayersWord(StrEnum):
    """auto: where the runtime is known to show them well; on: wherever it offers them; off: never."""

    auto = "auto"
    on = "on"
    off = "off"


class Room(StrEnum):
    """Whether the panels stand in a room."""

    auto = "auto"
    on = "on"
    off = "off"


class Side(StrEnum):
    """The hand that holds a pen."""

    left = "left"
    right = "right"


class SurfaceName(StrEnum):
    """What to show it on."""

    panel = "panel"
    retina = "retina"


class LayoutName(StrEnum):
    """How photographs stand."""

    one = "one"
    pair = "pair"
    row = "row"
    wall = "wall"
    retina = "retina"


class CompareName(StrEnum):
    """How a pair is compared."""

    side = "side"
    swipe = "swipe"
    blink = "blink"


VIEW_HELP = """Look at photographs, on panels or inside the eye; what you look at closely is super-resolved.

IMAGE: photographs or folders of photographs (JPEG, PNG, TIFF, WebP, 8 bit). Without one: the tour's, or a bundled
photograph.

**auto** takes a headset if an OpenXR runtime answers with one, else a window, else an offscreen picture, and says
which and why. A mode asked for by name that cannot be had exits with 2.

**offscreen** plays the tour (without `--tour` a short one that ends zoomed in and sharp) at a fixed time step and
ends with it. In a headset or a window `--tour` plays and then hands over; with `--screenshot` or `--stats` it ends
there too.

Examples:

```
fundusxr view                                    # the bundled photograph
fundusxr view right.jpg left.jpg --mode desktop  # two panels in a window
fundusxr view before.jpg now.jpg --compare swipe # with a divider
fundusxr view clinic/ --layout wall              # many, to choose from
fundusxr view clinic/ --surface retina           # from inside the eye
fundusxr view eye.jpg --mode xr --tour lesson.json
fundusxr view eye.jpg --mode offscreen --screenshot eye.png --stats eye.json
```
"""


@app.command(help=VIEW_HELP)
def view(
    image: Annotated[
        list[Path] | None, typer.Argument(help="Photographs or folders.", metavar="IMAGE|FOLDER", readable=False)
    ] = None,
    mode: Annotated[Mode, typer.Option(help="Where to show it.")] = Mode.auto,
    surface: Annotated[SurfaceName | None, typer.Option(help="Flat panels, or the curved retina from inside.")] = None,
    layout: Annotated[
        LayoutName | None,
        typer.Option(help="One photograph, a pair, a row, a wall of pages, or the retina from inside."),
    ] = None,
    compare: Annotated[
        CompareName | None,
        typer.Option(help="A pair side by side, on one panel with a divider to swipe, or blinking."),
    ] = None,
    tour: Annotated[
        Path | None, typer.Option(help="A tour to play (JSON, see docs/tours.md).", metavar="FILE", readable=False)
    ] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="End after so many frames.", metavar="N")] = None,
    screenshot: Annotated[
        Path | None, typer.Option(help="Save a picture once everything wanted is sharp.", metavar="PNG", readable=False)
    ] = None,
    stats: Annotated[
        Path | None, typer.Option(help="Write frame, upload and zoom figures.", metavar="JSON", readable=False)
    ] = None,
    size: Annotated[str, typer.Option(help="Size of the window or offscreen picture.", metavar="WxH")] = "1280x800",
    device: DeviceOption = Device.auto,
    model: ModelOption = DEFAULT_MODEL,
    texture: TextureOption = None,
    tile_memory: Annotated[int | None, typer.Option(help="Limit of computed tiles in memory.", metavar="MB")] = None,
    photograph_memory: Annotated[
        int | None, typer.Option(help="Limit of decoded photographs in memory.", metavar="MB")
    ] = None,
    gpu_memory: Annotated[int | None, typer.Option(help="Limit of tiles on the graphics card.", metavar="MB")] = None,
    tile_cache: Annotated[
        str,
        typer.Option(
            help="Keep computed tiles for the next session: on (your own cache folder), a folder, or off.",
            metavar="on|off|FOLDER",
            envvar="FUNDUSXR_TILE_CACHE",
        ),
    ] = "off",
    tile_cache_size: Annotated[int, typer.Option(help="Limit of kept tiles on disk.", metavar="MB")] = 512,
    hand: Annotated[Side | None, typer.Option(help="Left: a headset's controllers swap their buttons.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Not as these photographs were left, but as at the first time.")
    ] = False,
    mirror: Annotated[MirrorView, typer.Option(help="What the window beside a headset shows.")] = MirrorView.left,
    layers: Annotated[
        LayersWord, typer.Option(help="Whether a headset's runtime shows panels and retina from pictures of their own.")
    ] = LayersWord.auto,
    room: Annotated[Room, typer.Option(help="A dim room with a grid on its floor; auto: in a headset.")] = Room.auto,
    no_prefetch: Annotated[bool, typer.Option("--no-prefetch", help="Compute only what is looked at.")] = False,
) -> None:
    from vr_app.commands.view import ViewRequest, view_photographs

    request = ViewRequest(
        images=tuple(image or ()),
        mode=mode,
        surface=surface,
        layout=layout,
        compare=compare,
        fresh=fresh,
        tour=tour,
        frames=frames,
        screenshot=screenshot,
        stats=stats,
        size=size,
        device=device,
        model=model,
        texture=texture,
        tile_memory=tile_memory,
        photograph_memory=photograph_memory,
        gpu_memory=gpu_memory,
        tile_cache=tile_cache,
        tile_cache_size=tile_cache_size,
        prefetch=not no_prefetch,
        hand=hand,
        room=room,
        mirror=mirror,
        layers=layers,
    )
    view_photographs(request, say=errors.tell)


@app.command()
def upscale(
    source: Annotated[Path, typer.Argument(help="A photograph, or a folder of them.", metavar="IN", readable=False)],
    out: Annotated[
        Path,
        typer.Argument(
            help="The picture to write (.png or .tif); of a folder, a folder.", metavar="OUT", readable=False
        ),
    ],
    scale: Annotated[int, typer.Option(help="2, 4 or 8.")] = 4,
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

    Of a folder every photograph, into the folder OUT. Stopped at any time (Ctrl-C), the same command goes on where it
    was.

    Examples:

    ```
    fundusxr upscale eye.jpg eye_x4.png
    fundusxr upscale eye.jpg disc.tif --scale 8 --region 1020,880,256,256
    fundusxr upscale eye.jpg eye_x4.png --invention invented.png
    fundusxr upscale eye.jpg eye_x4.png --texture 0.5
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
        bool, typer.Option("--dry-run", help="Run a few iterations, say what all would cost, train nothing.")
    ] = False,
    iterations: Annotated[int | None, typer.Option(min=1, help="How many a dry run times (3).", metavar="N")] = None,
    device: Annotated[Device, typer.Option(help="What trains; auto: CUDA where there is one.")] = Device.auto,
) -> None:
    """Train a network; stopped at any time (Ctrl-C), the same command goes on where it was. For several processes:
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
        raise UserError("--iterations: says how many a --dry-run times; a training's own stand in CONFIG")
    result = run_training(config, data, runs, threads, device=device)
    if not result.finished:
        errors.tell(f"stopped at iteration {result.step}; the same command goes on from there")
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
    """Draw the learning curves of all trainings in one picture: validation gain over processor time, a panel a scale.

    RUNS: folders that hold runs (else `runs`); of a run in several of them the last counts.

    Example:

    ```
    fundusxr curves docs/results/runs runs --out docs/images/learning-curves.png
    ```
    """
    from sr_core.files import check_writable, keep_inputs
    from sr_core.image.saving import save_picture
    from sr_core.study.training.curve import comparison_picture, read_runs

    check_writable(out, (".png",))
    found = read_runs(runs or [Path("runs")])
    keep_inputs(out, (path for folder in runs or [Path("runs")] for path in folder.rglob("*") if path.is_file()))
    save_picture(out, comparison_picture(found))
    errors.tell(f"fundusxr: wrote {out} ({len(found)} runs)")


@app.command()
def doctor() -> None:
    """Check what the program needs: Python, torch and device, OpenGL, OpenXR, weights; each with its cure.

    Ends with 0 where the viewer can work at least offscreen, else with 1.

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
    pass_names_through()
    try:
        app()
        code = 0
    except UserError as error:
        errors.tell(f"fundusxr: {error}")
        code = 2
    except KeyboardInterrupt:
        code = 130
    except SystemExit as end:
        code = end.code
    end_process(code)


def _terminated(number: int, frame: object) -> None:
    """SIGTERM and SIGHUP end the program the way Ctrl-C does, so that everything is given back."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
