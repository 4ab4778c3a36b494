"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Device(StrEnum):
    """What computes."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


DeviceOption = Annotated[Device, typer.Option(help="What super-resolves; auto: CUDA where there is one.")]
ModelOption = Annotated[str, typer.Option(help="Network by name; see `fundusxr doctor` for those at hand.")]
