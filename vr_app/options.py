"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sr_core.assets import asset_path
from sr_core.errors import UserError
from sr_core.networks.names import dialled


class Device(StrEnum):
    """What computes."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


DeviceOption = Annotated[Device, typer.Option(help="What super-resolves; auto: CUDA where there is one.")]
ModelOption = Annotated[str, typer.Option(help="Network by name; see `fundusxr doctor` for those at hand.")]
TextureOption = Annotated[
    float | None,
    typer.Option(
        help="From fidelity (0) to likely texture (1): the weights of both stages, blended.",
        metavar="0..1",
        show_default="the model as named",
    ),
]


def models_at_hand() -> dict[str, list[int]]:
    """The networks that there are weights of, by name, and their scales. Without torch."""
    found: dict[str, list[int]] = {}
    for path in sorted(asset_path("weights").glob("*-x[248].safetensors")):
        name, _, scale = path.stem.rpartition("-x")
        found.setdefault(name, []).append(int(scale))
    return found


def has_dial(model: str, scales: Sequence[int]) -> bool:
    """Whether there are weights for the dial between fidelity and texture."""
    try:
        return bool(turn_dial(model, 0.5, scales))
    except UserError:
        return False


def turn_dial(model: str, texture: float | None, scales: Sequence[int]) -> str:
    """The name of the network with the dial at ``texture`` (None: the model as named), for the worker and `load_model`.

    Without torch, which is not loaded yet. Raises UserError off the dial, for a model without an adversarial stage, and
    where that stage's weights are missing at one of the scales.
    """
    if texture is None:
        return model
    name = dialled(model, texture)
    stage = dialled(model, 1.0)
    for scale in scales if texture else ():
        path = asset_path("weights", f"{stage}-x{scale}.safetensors")
        if not path.is_file():
            config = f"{stage.replace('-', '_')}_x{scale}.toml"
            raise UserError(
                f"--texture {texture:g}: {path}: no weights of the adversarial stage at x{scale}; train them with "
                f"'fundusxr train assets/configs/{config}' and copy them there, or leave --texture out"
            )
    return name


def make_folder(out: Path) -> None:
    """Make a folder that results go to, unless it is there. Raises UserError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out}: cannot be made ({error.strerror}); choose another folder") from None
