"""Networks by name: their sizes, their weights files, and the cards that describe the weights."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from sr_core.errors import UserError
from sr_core.image.provenance import Made
from sr_core.networks import rdb_file, rdb_srgan, srcnn, srresnet
from sr_core.networks.generator import SCALES
from sr_core.networks.names import BEGINS_AS, Blend, blend_checksum, parse_blend, texture_of, weights_path

GeneratorConfig = rdb_srgan.RdbSrganConfig | srresnet.SrResNetConfig | srcnn.SrcnnConfig

CONFIGS: Mapping[str, Callable[[int], GeneratorConfig]] = {
    "rdb-lite": rdb_srgan.LITE,
    "rdb-lite-gan": rdb_srgan.LITE,
    "rdb-file": rdb_file.LITE,
    "rdb-paper": rdb_srgan.PAPER,
    "rdb-paper-gan": rdb_srgan.PAPER,
    "srresnet": srresnet.PUBLISHED,
    "srgan": srresnet.PUBLISHED,
    "srresnet-lite": srresnet.LITE,
    "srgan-lite": srresnet.LITE,
    "srcnn": srcnn.PUBLISHED,
}
"""Model names and their sizes at a scale."""

_HEADER_ROOM = 1 << 20
DEFAULT_HALO = 16
MOST_HALO = 256


class WeightsError(UserError):
    """Weights that cannot be used: the file, the cause, the cure."""


@dataclass(frozen=True, eq=False)
class LoadedNetwork:
    """A network ready to run: float32, evaluation mode, no gradients. sha256 is of the weights file; the card holds
    data, training and scores (see docs/training.md). clean: for a network that takes the file's coding as input, the
    network that computes photographs not from a JPEG file."""

    name: str
    config: GeneratorConfig
    module: nn.Module
    sha256: str
    card: Mapping[str, Any]
    clean: "LoadedNetwork | None" = None

    @property
    def halo(self) -> int:
        """The photograph pixels to read around a block so that blocks agree with the whole image within 1 grey level:
        as measured for these weights (the card's ``halo``), or else DEFAULT_HALO."""
        return int(self.card.get("halo", DEFAULT_HALO))

    @property
    def agrees(self) -> bool:
        """Whether its pictures must shrink to the photograph (the card's ``agrees``, true by default). False for a
        model that restores: it corrects what the photograph shows, and must not be held to it."""
        return bool(self.card.get("agrees", True))

    @property
    def texture(self) -> float:
        """Its setting on the dial from fidelity (0, trained on pixels) to texture (1, adversarial)."""
        return texture_of(self.name)

    @property
    def made(self) -> Made:
        """The provenance to record in a picture's file."""
        parts = self.card.get("blend")
        blended = f"{parts['pixel']} {parts['texture']}" if parts else ""
        return Made(self.config.scale, self.name, self.texture, self.sha256, self.agrees, blended=blended)


def network_config(name: str, scale: int) -> GeneratorConfig:
    """Return the sizes of the network of this name. Raises WeightsError for an unknown name or scale."""
    if name not in CONFIGS:
        raise WeightsError(f"model {name}: not known; choose one of {', '.join(CONFIGS)}")
    if scale not in SCALES:
        raise WeightsError(f"scale {scale}: no model has it; choose {', '.join(map(str, SCALES))}")
    return CONFIGS[name](scale)


def available_models() -> dict[str, tuple[int, ...]]:
    """Return the names with bundled weights, each with its scales."""
    found = {name: tuple(s for s in SCALES if weights_path(name, s).is_file()) for name in CONFIGS}
    return {name: scales for name, scales in found.items() if scales}


def load_model(name: str, scale: int, path: Path | None = None) -> LoadedNetwork:
    """Load a network with its bundled weights, or with those in ``path`` (safetensors, with any card beside it). For
    the name of a blend (see names), load both models' bundled weights and blend them. A model that takes the file's
    coding includes the model that computes clean photographs; at a scale without weights of its own, it is that model.

    Raises WeightsError: unknown name, missing, larger than the network can need, truncated, of another architecture
    (the first keys that disagree are named), or not finite.
    """
    mixed = parse_blend(name) if path is None else None
    if mixed is not None:
        return blend(load_model(mixed.pixel, scale), load_model(mixed.texture, scale), mixed.amount)
    config = network_config(name, scale)
    clean = load_model(BEGINS_AS[name], scale) if name in BEGINS_AS and path is None else None
    if clean is not None and not weights_path(name, scale).is_file():
        return clean
    path = weights_path(name, scale) if path is None else Path(path)
    module = config.build()
    data = _read(path, module)
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        cause = " ".join(str(error).split())
        raise WeightsError(f"{path}: damaged or cut short ({cause}); fetch or train it again") from None
    _check_tensors(path, f"{name} x{scale}", module.state_dict(), tensors)
    module.load_state_dict(tensors)
    module.eval().requires_grad_(False)
    return LoadedNetwork(name, config, module, hashlib.sha256(data).hexdigest(), _read_card(path, config), clean)


def blend(pixel: LoadedNetwork, texture: LoadedNetwork, amount: float) -> LoadedNetwork:
    """Blend two networks, the dial between fidelity and texture: each weight lies that fraction of the way from
    ``pixel``'s to ``texture``'s.

    amount 0 is ``pixel``, 1 is ``texture`` (network interpolation, Wang et al. 2018, "ESRGAN", section 3.4). The halo
    is the larger of the two; the blend agrees with the photograph if both do. Its sha256 is over both hashes and the
    amount. Raises WeightsError for an amount outside 0..1 and for networks of different architecture, size or scale.
    """
    if not 0 <= amount <= 1:
        raise WeightsError(
            f"blend of {pixel.name} and {texture.name}: amount {amount} is not within 0 to 1; choose one"
        )
    if pixel.config != texture.config:
        raise WeightsError(
            f"blend of {pixel.name} x{pixel.config.scale} and {texture.name} x{texture.config.scale}: they differ in "
            "architecture, size or scale; choose a model and the one that was trained on from it"
        )
    module = pixel.config.build().to(next(pixel.module.parameters()).device)
    ends = pixel.module.state_dict(), texture.module.state_dict()
    module.load_state_dict({key: _between(start, ends[1][key], amount) for key, start in ends[0].items()})
    module.eval().requires_grad_(False)
    parts = {"pixel": pixel.sha256, "texture": texture.sha256, "amount": float(amount)}
    card = {
        "network": asdict(pixel.config),
        "halo": max(pixel.halo, texture.halo),
        "agrees": pixel.agrees and texture.agrees,
        "blend": parts,
    }
    digest = blend_checksum(pixel.sha256, texture.sha256, amount)
    return LoadedNetwork(Blend(pixel.name, texture.name, amount).name, pixel.config, module, digest, card)


def _between(start: torch.Tensor, end: torch.Tensor, amount: float) -> torch.Tensor:
    """Interpolate linearly, exact at both ends. Batch normalisation's counts of batches have no meaning in between."""
    return torch.lerp(start, end, amount) if start.is_floating_point() else start


def _read(path: Path, module: nn.Module) -> bytes:
    limit = sum(t.numel() * t.element_size() for t in module.state_dict().values()) + _HEADER_ROOM
    try:
        size = path.stat().st_size
        if size > limit:
            raise WeightsError(
                f"{path}: {size} bytes are more than this network's {limit}; it is of another architecture, "
                "choose the model that it belongs to"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise WeightsError(
            f"{path}: no such weights; take another --model, run the program in a checkout, which has those of the "
            "comparison's rivals, or train them with 'fundusxr train'"
        ) from None
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None


def _check_tensors(path: Path, wanted: str, expected: Mapping, found: Mapping) -> None:
    wrong = [f"{key} missing" for key in expected if key not in found]
    wrong += [f"{key} unexpected" for key in found if key not in expected]
    for key in expected.keys() & found.keys():
        if found[key].shape != expected[key].shape:
            wrong.append(f"{key} is {tuple(found[key].shape)}, not {tuple(expected[key].shape)}")
        elif found[key].dtype != expected[key].dtype:
            wrong.append(f"{key} is {found[key].dtype}, not {expected[key].dtype}")
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise WeightsError(
            f"{path}: not weights of {wanted} ({'; '.join(sorted(wrong)[:3])}{more}); "
            "choose the model and scale that they belong to"
        )
    bad = [key for key, tensor in found.items() if not torch.isfinite(tensor).all()]
    if bad:
        raise WeightsError(f"{path}: {bad[0]} holds values that are not finite; fetch or train it again")
    bad = [key for key, tensor in found.items() if key.endswith("running_var") and (tensor < 0).any()]
    if bad:
        raise WeightsError(f"{path}: {bad[0]} holds variances below 0; fetch or train it again")


def _read_card(path: Path, config: GeneratorConfig) -> Mapping[str, Any]:
    """Read the card beside the weights, {} if there is none; values used in computation are checked."""
    card = path.with_suffix(".json")
    if not card.is_file():
        return {}
    try:
        told = json.loads(card.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{card}: not a readable card ({error}); fetch it again or delete it") from None
    network = json.loads(json.dumps(asdict(config)))
    if not isinstance(told, dict) or told.get("network", network) != network:
        raise WeightsError(f"{card}: not the card of these weights; fetch it again or delete it")
    halo, agrees = told.get("halo", DEFAULT_HALO), told.get("agrees", True)
    if type(halo) is not int or not 0 <= halo <= MOST_HALO or type(agrees) is not bool:
        raise WeightsError(f"{card}: its halo or agrees is invalid ({halo!r}, {agrees!r}); fetch it again or delete it")
    return told
