"""`fundusxr regions`: regions of interest without the viewer: told, and put into files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sr_core.errors import UserError
from sr_core.image.photograph import Photograph, PhotographError, find_photographs, load_photograph
from sr_core.networks.names import turn_dial
from vr_app.commands.options import Device, DeviceOption, ModelOption, TextureOption, make_folder
from vr_app.core.view.region import Region
from vr_app.regions.export import SCALES, export_region, fitting_scale, load_engine
from vr_app.regions.files import read_regions

regions = typer.Typer(
    help="""Regions of interest that were marked in the viewer.

Examples:

```
fundusxr regions list clinic/
fundusxr regions export clinic/ --out report/
```
""",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

PathsArgument = Annotated[list[Path], typer.Argument(help="Photographs or folders.", metavar="IMAGE|FOLDER")]


@regions.command("list")
def list_(image: PathsArgument) -> None:
    """Tell the regions of photographs, a line each: photograph, number, name, x, y, width, height, time, note.

    Example:

    ```
    fundusxr regions list clinic/
    ```
    """
    found = 0
    for photograph, marked in _marked(image):
        for number, region in enumerate(marked, start=1):
            rect = region.rect
            place = f"{rect.x},{rect.y},{rect.w},{rect.h}"
            words = (str(photograph.path), str(number), region.kind.value, place, region.made, region.note)
            typer.echo("\t".join(words))
            found += 1
    errors.print(f"fundusxr: {found} regions", markup=False)


@regions.command()
def export(
    image: PathsArgument,
    out: Annotated[Path, typer.Option(help="The folder to write to; made if it is not there.", metavar="FOLDER")],
    scale: Annotated[
        int | None, typer.Option(help="2, 4 or 8.", metavar="N", show_default="the finest up to 1600 pixels a side")
    ] = None,
    model: ModelOption = "rdb-lite",
    texture: TextureOption = None,
    device: DeviceOption = Device.auto,
) -> None:
    """Write each region as a PNG: photograph, super-resolution and difference side by side.

    Example:

    ```
    fundusxr regions export clinic/ --out report/ --scale 4
    ```
    """
    if scale is not None and scale not in SCALES:
        raise UserError(f"--scale {scale}: must be 2, 4 or 8")
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    make_folder(out)
    try:
        if not _export(image, out, scale, model, texture, device):
            raise UserError("no region was exported; mark some in fundusxr view (Shift and drag)")
    finally:
        for folder in made:
            with suppress(OSError):  # there is something in it
                folder.rmdir()


def _export(images: list[Path], out: Path, scale: int | None, model: str, texture: float | None, device: str) -> int:
    """How many pictures of regions have been written to the folder `out`."""
    engines: dict[int, object] = {}
    written = 0
    for photograph, marked in _marked(images):
        for number, region in enumerate(marked, start=1):
            wanted = scale or fitting_scale(region)
            if wanted not in engines:
                engines[wanted] = load_engine(turn_dial(model, texture, [wanted]), wanted, device)
            path = out / f"{photograph.path.stem}-{number}-{region.kind.value}.png"
            try:
                export_region(photograph, region, path, engines[wanted])
            except UserError as error:
                errors.print(f"fundusxr: {error}", markup=False)
                continue
            written += 1
            errors.print(f"fundusxr: wrote {path}", markup=False)
    return written


def _marked(images: list[Path]) -> Iterator[tuple[Photograph, list[Region]]]:
    """The photographs that have regions, each with them. One that cannot be opened is told and left out."""
    kept: dict[Path, tuple[Region, ...]] = {}
    for path in find_photographs(images):
        if path.parent not in kept:
            kept[path.parent] = _read(path.parent, lambda line: errors.print(f"fundusxr: {line}", markup=False))
        if not kept[path.parent]:
            continue
        try:
            photograph = load_photograph(path)
        except PhotographError as error:
            errors.print(f"fundusxr: {error}", markup=False)
            continue
        marked = [region for region in kept[path.parent] if region.photograph == photograph.sha256]
        if marked:
            yield photograph, marked


def _read(folder: Path, say: Callable[[str], None]) -> tuple[Region, ...]:
    found, told = read_regions(folder)
    for line in told:
        say(line)
    return found
