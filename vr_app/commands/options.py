"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sr_core.errors import UserError


class Device(StrEnum):
    """What computes."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


DeviceOption = Annotated[Device, typer.Option(help="What computes; auto: CUDA if there is one.")]
ModelOption = Annotated[str, typer.Option(help="Network by name; `fundusxr doctor` lists the installed ones.")]
TextureOption = Annotated[
    float | None,
    typer.Option(
        help="From fidelity (0) to likely texture (1): blends the weights of both stages.",
        metavar="0..1",
        show_default="the model as named",
    ),
]


def make_folder(out: Path) -> None:
    """Make a folder that results go to, unless it is there. Raises UserError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out}: cannot be made ({error.strerror}); choose another folder") from None
