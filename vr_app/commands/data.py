"""`fundusxr data`: photographs made ready for training and measuring."""

from __future__ import annotations

import os
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vr_app.commands.console import Terminal, progress

if TYPE_CHECKING:
    from sr_core.study.data.prepare import Preparation

data = typer.Typer(
    help="""Prepare folders of photographs for training and evaluation.

Example:

```
fundusxr data prepare ~/HRF ~/prepared/hrf
```
""",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
console = Terminal(stderr=True)
_NAMED = 20
"""The most photographs left out that are listed one by one; the manifest lists all."""


class LayoutName(StrEnum):
    """How the source folder names its photographs."""

    auto = "auto"
    folder = "folder"
    eyepacs = "eyepacs"
    hrf = "hrf"
    idrid = "idrid"
    chase = "chase"
    drive = "drive"
    stare = "stare"


@data.callback()
def about() -> None:
    """Keeps `prepare` a command of its own name while it is the only one."""


@data.command()
def prepare(
    source: Annotated[
        Path, typer.Argument(help="A folder of photographs, or of data sets.", metavar="SOURCE", readable=False)
    ],
    out: Annotated[Path, typer.Argument(help="A new folder, or one to resume.", metavar="OUT", readable=False)],
    layout: Annotated[LayoutName, typer.Option(help="The data set's layout; auto recognises it by the names.")] = (
        LayoutName.auto
    ),
    short_side: Annotated[
        str, typer.Option(help="Pixels of the short side, or native; nothing is enlarged.", metavar="N|native")
    ] = "1024",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; by default one per processor core.", metavar="N")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split by patient.")] = 0,
) -> None:
    """Crop photographs to the retina, resize them to one size, screen them, and split them by patient.

    You can stop it at any time (Ctrl-C); the same command resumes.

    Examples:

    ```
    fundusxr data prepare ~/HRF ~/prepared/hrf
    fundusxr data prepare ~/kaggle ~/prepared/eyepacs --layout eyepacs --workers 8
    fundusxr data prepare ~/CHASE_DB1 ~/prepared/chase --short-side native
    ```
    """
    from sr_core.study.data.prepare import parse_short_side
    from sr_core.study.data.prepare import prepare as run

    size = parse_short_side(short_side)
    done = 0
    with progress(console) as bar:
        task = bar.add_task("preparing", total=None)

        def report(finished: int, count: int) -> None:
            nonlocal done
            done = finished
            bar.update(task, completed=finished, total=count)

        try:
            result = run(source, out, layout.value, size, workers or os.cpu_count() or 1, seed, report)
        except KeyboardInterrupt:
            bar.stop()
            console.tell(f"stopped: {done} photographs are finished and kept; the same command resumes")
            raise typer.Exit(130) from None
    for line in _summary(result):
        console.tell(line)


def _summary(result: Preparation) -> list[str]:
    """What the user wants to know at the end."""
    found, parts = result.survey, result.parts
    lines = [f"fundusxr: layout {found.layout} ({found.about}), {len(found.entries)} photographs"]
    if found.others:
        lines.append(f"  {len(found.others)} other pictures do not follow this layout, for example {found.others[0]}")
    lines += [f"  not read: {folder}" for folder in found.closed]
    if result.gone:
        lines.append(
            f"  {len(result.gone)} photographs that were prepared before are no longer in the source, for example "
            f"{result.gone[0]}: their pictures stay, but the lists leave them out"
        )
    if result.resumed:
        lines.append(f"  {result.resumed} were finished before")
    assumed = [one.source for one in result.kept if one.field_from == "assumed"]
    if assumed:
        lines.append(
            f"  {len(assumed)} without a round rim, for example {assumed[0]}: the field of view is assumed, the "
            "circle about the lit part"
        )
    noted = [f"  {one.source}: {notice}" for one in result.kept for notice in one.notices]
    lines += noted[:_NAMED]
    if len(noted) > _NAMED:
        lines.append(f"  {len(noted) - _NAMED} more such notices; the manifest has them all")
    if len(result.left_out) <= _NAMED:
        lines += [f"  left out: {one.source}: {one.reason}" for one in result.left_out]
    else:
        kinds = Counter(one.kind for one in result.left_out).most_common()
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds)
        lines.append(f"  left out: {counts}; the manifest lists each with its reason")
    counts = ", ".join(f"{count} {part}" for part, count in parts.items())
    return [*lines, f"fundusxr: wrote {result.manifest} ({counts})"]
