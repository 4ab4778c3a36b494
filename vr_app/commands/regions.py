"""`fundusxr regions`: list regions of interest, and export them, without the viewer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sr_core.errors import UserError
from sr_core.files import file_name
from sr_core.image.folder import find_photographs, unique_names
from sr_core.image.photograph import Photograph, PhotographError, load_photograph, read_entries
from sr_core.image.provenance import of_photograph
from sr_core.networks.names import DEFAULT_MODEL, turn_dial
from vr_app.commands.console import Terminal
from vr_app.commands.options import Device, DeviceOption, ModelOption, TextureOption, make_folder
from vr_app.core.view.region import Region
from vr_app.regions.export import SCALES, export_region, fitting_scale, load_engine
from vr_app.regions.files import read_regions

if TYPE_CHECKING:
    from sr_core.engine.engine import Engine

regions = typer.Typer(
    help="""List and export regions of interest that were marked in the viewer.

Examples:

```
fundusxr regions list clinic/
fundusxr regions export clinic/ --out report/
```
""",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
errors = Terminal(stderr=True)

PathsArgument = Annotated[
    list[Path], typer.Argument(help="Photographs or folders.", metavar="IMAGE|FOLDER", readable=False)
]


@regions.command("list")
def list_(image: PathsArgument) -> None:
    """List the regions of photographs, one per line: photograph, number, name, x, y, width, height, time, note.

    Example:

    ```
    fundusxr regions list clinic/
    ```
    """
    found = 0
    for photograph, marked in _marked(_found(image)):
        for region in sorted(marked, key=lambda region: region.number):
            rect = region.rect
            place = f"{rect.x},{rect.y},{rect.w},{rect.h}"
            words = (str(photograph.path), str(region.number), region.kind.value, place, region.made, region.note)
            typer.echo("\t".join(words))
            found += 1
    errors.tell(f"fundusxr: {found} region{'' if found == 1 else 's'}")


@regions.command()
def export(
    image: PathsArgument,
    out: Annotated[
        Path, typer.Option(help="The folder to write to; created if missing.", metavar="FOLDER", readable=False)
    ],
    scale: Annotated[
        int | None, typer.Option(help="2, 4 or 8.", metavar="N", show_default="the finest up to 1600 pixels a side")
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
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
    made = [folder for folder in (out, *out.parents) if not os.path.lexists(folder)]
    make_folder(out)
    try:
        if not _export(image, out, scale, model, texture, device):
            raise UserError("no region was exported; mark some in fundusxr view (Shift and drag)")
    finally:
        for folder in made:
            with suppress(OSError):  # there is something in it
                folder.rmdir()


def _export(images: list[Path], out: Path, scale: int | None, model: str, texture: float | None, device: str) -> int:
    """Write the pictures of regions to the folder `out`; return how many were written."""
    engines: dict[int, Engine] = {}
    photographs = _found(images)
    names = dict(zip(photographs, unique_names(photographs), strict=True))
    written: list[Path] = []
    for photograph, marked in _marked(photographs):
        for region in sorted(marked, key=lambda region: region.number):
            wanted = scale or fitting_scale(region)
            if wanted not in engines:
                engines[wanted] = load_engine(turn_dial(model, texture, [wanted]), wanted, device)
            stem = Path(names[photograph.path]).with_suffix("").as_posix().replace("/", "-")
            path = picture_path(out, stem, region, written)
            try:
                departure = export_region(photograph, region, path, engines[wanted])
            except UserError as error:
                errors.tell(f"fundusxr: {error}")
                continue
            written.append(path)
            errors.tell(f"fundusxr: wrote {path} ({departure.told})")
    return len(written)


def picture_path(out: Path, stem: str, region: Region, written: Sequence[Path]) -> Path:
    """The file in `out` for a region's picture: one that is not there, or holds the same region of the same photograph
    from another time. What has just been written, and what else lies there, stays."""
    same = of_photograph(region.file, region.photograph, region.rect) | {"fundusxr:region-name": region.kind.value}
    del same["fundusxr:source"]  # it may have another name now
    ending = f"-{region.number}-{region.kind.value}"
    for again in count(1):
        path = out / file_name(stem, f"{ending}-{again}.png" if again > 1 else f"{ending}.png")
        if path not in written and (not os.path.lexists(path) or same.items() <= read_entries(path).items()):
            return path
    raise AssertionError  # the numbers do not end


def _found(images: list[Path]) -> list[Path]:
    """Return each file once, however often and however it is spelled."""
    found = find_photographs(images, lambda line: errors.tell(f"fundusxr: {line}"))
    return list({os.path.realpath(path): path for path in reversed(found)}.values())[::-1]


def _marked(photographs: list[Path]) -> Iterator[tuple[Photograph, list[Region]]]:
    """Yield each photograph that has regions, with its regions. Report and skip one that cannot be opened."""
    kept: dict[Path, tuple[Region, ...]] = {}
    for path in photographs:
        if path.parent not in kept:
            kept[path.parent] = _read(path.parent, lambda line: errors.tell(f"fundusxr: {line}"))
        if not kept[path.parent]:
            continue
        try:
            photograph = load_photograph(path)
        except PhotographError as error:
            errors.tell(f"fundusxr: {error}")
            continue
        marked = [region for region in kept[path.parent] if region.photograph == photograph.sha256]
        if marked:
            yield photograph, marked


def _read(folder: Path, say: Callable[[str], None]) -> tuple[Region, ...]:
    found, warnings = read_regions(folder)
    for line in warnings:
        say(line)
    return found
