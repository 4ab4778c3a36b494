"""The meaning of network names, without torch: names are checked before torch is loaded.

A name is that of a model, or of two models with the dial's setting between them: ``rdb-lite+rdb-lite-gan@0.5``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sr_core.assets import asset_path
from sr_core.errors import UserError

STARTS_FROM: Mapping[str, str] = {
    "rdb-lite-gan": "rdb-lite",
    "rdb-paper-gan": "rdb-paper",
    "srgan": "srresnet",
    "srgan-lite": "srresnet-lite",
}
"""Models of the adversarial stage, each with the model, trained on pixels, from whose weights it starts."""

BEGINS_AS: Mapping[str, str] = {"rdb-file": "rdb-lite"}
"""Models that take the file's coding as input, each with the model of the same size that does not: it starts from that
model's weights, leaves clean photographs to it, and shares its dial."""

DEFAULT_MODEL = "rdb-file"
"""The default model of viewer and commands."""

_BLEND = re.compile(r"(?P<pixel>[^+@]+)\+(?P<texture>[^+@]+)@(?P<amount>[0-9.e-]+)")


@dataclass(frozen=True)
class Blend:
    """A setting of the dial between two models: amount 0 is ``pixel``, 1 is ``texture``."""

    pixel: str
    texture: str
    amount: float

    @property
    def name(self) -> str:
        """The name that `parse_blend` reads; the amount has six digits."""
        return f"{self.pixel}+{self.texture}@{self.amount:g}"


def parse_blend(name: str) -> Blend | None:
    """Parse the name of a blend; None for any other name."""
    found = _BLEND.fullmatch(name)
    try:
        return Blend(found["pixel"], found["texture"], float(found["amount"])) if found else None
    except ValueError:
        return None


def texture_of(name: str) -> float:
    """Return a network's setting on the dial from fidelity (0) to texture (1), by its name."""
    blend = parse_blend(name)
    return blend.amount if blend else float(name in STARTS_FROM)


def base_of(name: str) -> str:
    """Return the model trained on pixels that a dial setting belongs to; any other name is returned unchanged."""
    blend = parse_blend(name)
    return blend.pixel if blend else STARTS_FROM.get(name, name)


def dialled(model: str, texture: float) -> str:
    """Return the name of a model trained on pixels with the dial at ``texture``: its own at 0, that of its adversarial
    stage at 1; a model that takes the file's coding is replaced by the one it begins as. Raises UserError for a value
    off the dial, and for a model without an adversarial stage of its own."""
    if not 0 <= texture <= 1:
        raise UserError(f"--texture {texture:g}: must be from 0 (fidelity) to 1 (texture)")
    if model in BEGINS_AS:
        return dialled(BEGINS_AS[model], texture) if texture else model
    stages = {start: name for name, start in STARTS_FROM.items()}
    if model not in stages:
        raise UserError(f"--texture: {model} has no adversarial stage; choose --model {', '.join(stages)}")
    if texture in (0, 1):
        return stages[model] if texture else model
    return Blend(model, stages[model], texture).name


WEIGHTS, RIVALS = "weights", "rivals"
"""The folders of bundled weights: those that the program ships with, and those of other authors' networks for
comparison, which only a checkout has."""


def weights_path(name: str, scale: int) -> Path:
    """Return the path of a network's bundled weights; its card lies beside them, ending in .json."""
    paths = [asset_path(folder, f"{name}-x{scale}.safetensors") for folder in (WEIGHTS, RIVALS)]
    return next((path for path in paths if path.is_file()), paths[0])


def is_rival(model: str) -> bool:
    """Whether a network, or an end of its dial, exists only for comparison."""
    mixed = parse_blend(model)
    ends = (mixed.pixel, mixed.texture) if mixed else (model,)
    return not models_at_hand().keys() >= set(ends) and _models_in(WEIGHTS, RIVALS).keys() >= set(ends)


def models_at_hand(asked: str = "") -> dict[str, list[int]]:
    """Return the networks that can be offered, by name, with their scales; includes rivals if one of them is `asked`
    for. Without torch."""
    folders = (WEIGHTS, RIVALS) if asked and is_rival(asked) else (WEIGHTS,)
    found = _models_in(*folders)
    for name, clean in BEGINS_AS.items():  # at a scale without weights of its own, that one is used (see `load_model`)
        if name in found:
            found[name] = sorted({*found[name], *found.get(clean, [])})
    return found


def _models_in(*folders: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for folder in folders:
        for path in sorted(asset_path(folder).glob("*-x[248].safetensors")):
            name, _, scale = path.stem.rpartition("-x")
            found.setdefault(name, []).append(int(scale))
    return found


@lru_cache(maxsize=16)
def weights_checksum(model: str, scale: int) -> str:
    """Return the SHA-256 of the bundled weights at a scale, for a blend as in `blend_checksum`; empty if there are
    none."""
    mixed = parse_blend(model)
    if mixed is not None:
        ends = weights_checksum(mixed.pixel, scale), weights_checksum(mixed.texture, scale)
        return blend_checksum(*ends, mixed.amount) if all(ends) else ""
    try:
        return hashlib.sha256(weights_path(model, scale).read_bytes()).hexdigest()
    except OSError:
        return ""


def blend_checksum(pixel: str, texture: str, amount: float) -> str:
    """Return the checksum that identifies blended weights: over both files' checksums and the dial."""
    return hashlib.sha256(f"{pixel} {texture} {float(amount)}".encode()).hexdigest()


def has_dial(model: str, scales: Sequence[int]) -> bool:
    """Whether there are weights for a dial between fidelity and texture."""
    try:
        return bool(turn_dial(model, 0.5, scales))
    except UserError:
        return False


def turn_dial(model: str, texture: float | None, scales: Sequence[int]) -> str:
    """Return the name of the network with the dial at ``texture`` (None: the model as named), for the worker and
    `load_model`.

    It does not need torch, which is not loaded yet. Raises UserError for a value off the dial, for a model without an
    adversarial stage, and if that stage's weights are missing at one of the scales.
    """
    if texture is None:
        return model
    name = dialled(model, texture)
    stage = dialled(model, 1.0)
    for scale in scales if texture else ():
        path = weights_path(stage, scale)
        if not path.is_file():
            config = f"{stage.replace('-', '_')}_x{scale}.toml"
            raise UserError(
                f"--texture {texture:g}: {path}: no weights of the adversarial stage at x{scale}; train them with "
                f"'fundusxr train assets/configs/{config}' and copy them there, or leave --texture out"
            )
    return name
