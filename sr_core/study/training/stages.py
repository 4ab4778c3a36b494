"""One iteration of training: on pixels alone, or against a discriminator as well."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from sr_core.networks.discriminator import Discriminator
from sr_core.networks.generator import channels_last
from sr_core.networks.names import BEGINS_AS, STARTS_FROM
from sr_core.networks.zoo import load_model
from sr_core.study.training import losses
from sr_core.study.training.checkpoint import named_tensors, restore
from sr_core.study.training.config import TERMS, TrainingConfig, TrainingError
from sr_core.study.training.processes import Processes

BALANCE_OVER = 8
"""The iterations whose gradients determine the first factors for 'shares'. During them only the discriminator learns;
otherwise it would know nothing yet."""

REMEMBERED = 0.98
"""The fraction of the gradients' running averages kept from one iteration to the next: the factors follow them. With
factors fixed from the start, a learning adversary rose from 20 to 56 % of the gradient within 1,000 iterations."""

RIGHT_REMEMBERED = 0.9
"""The fraction of the running average of the discriminator's success kept from one iteration to the next."""


@dataclass(frozen=True)
class Crops:
    """A batch in 0..1, float32: `small` (N, 3, h, w); its bicubic enlargement and the photograph's own pixels (N, 3, h
    * scale, w * scale). `told`: the network's inputs for the file's coding, besides `small`: places (N, PLACES, h, w)
    and strength (N, STRENGTHS), or nothing."""

    small: Tensor
    bicubic: Tensor
    photograph: Tensor
    told: tuple[Tensor, ...] = ()


class PixelStage:
    """The generator learns to match the photograph, pixel by pixel."""

    about: Mapping[str, Any] = {}

    def __init__(
        self, config: TrainingConfig, generator: nn.Module, processes: Processes, untrained: bool = False
    ) -> None:
        """A generator that takes the coding as input starts from the one that does not; ``untrained`` is for the other
        stage."""
        self._config, self._generator = config, generator
        if config.model in BEGINS_AS and not untrained:
            clean = load_model(BEGINS_AS[config.model], config.scale)
            cast(Any, generator).begin_as(clean.module)
            self.about = {"started_from": clean.sha256}
        self._forward = processes.prepare(generator)
        self._adam = _adam(generator)

    def step(self, crops: Crops, rate: float) -> dict[str, Tensor]:
        """Return one iteration's losses by name; 'loss' is in grey levels for L1. ``apply`` may follow."""
        residual = generate(self._forward, crops.small, self._config.precision, crops.told)
        loss = losses.PIXEL_LOSSES[self._config.loss](residual, crops.photograph - crops.bicubic)
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        set_rate(self._adam, rate)
        return {"loss": loss.detach()}

    def apply(self) -> None:
        """Update the weights by the step's gradients."""
        self._adam.step()

    def tensors(self) -> dict[str, Tensor]:
        return named_tensors("net", self._generator, self._adam)

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        restore(tensors, "net", self._generator, self._adam)


class AdversarialStage:
    """The generator learns to match the photograph in pixels and features, and to pass for one."""

    def __init__(
        self, config: TrainingConfig, generator: nn.Module, processes: Processes, untrained: bool = False
    ) -> None:
        """``untrained``: use the generator as it is, when only the time of an iteration is wanted."""
        self._config, self._generator = config, generator
        adversary = config.adversary
        self.about: dict[str, str] = {}
        if not untrained:
            first = Path(adversary.start) if adversary.start else None
            start = load_model(STARTS_FROM[config.model], config.scale, first)
            generator.load_state_dict(start.module.state_dict())
            self.about["started_from"] = start.sha256
        self._trunk = losses.choose_trunk(Path(adversary.trunk) if adversary.trunk else None).to(processes.device)
        self._discriminator = channels_last(Discriminator(adversary.discriminator).to(processes.device))
        self._forward, self._judge = processes.prepare(generator), processes.prepare(self._discriminator)
        self._processes = processes
        self._adam, self._judge_adam = _adam(generator), _adam(self._discriminator)
        self._weights: dict[str, float] = dict(zip(TERMS, adversary.weights, strict=True)) if adversary.weights else {}
        self._equal: dict[str, float] = {}
        self._seen: list[dict[str, list[float]]] = []
        self._norms: dict[str, float] = {}
        self._right = 0.5
        self.about["trunk"] = self._trunk.name

    def step(self, crops: Crops, rate: float) -> dict[str, Tensor]:
        """Return one iteration's losses by name: the unweighted terms, their shares of the gradient at the picture, and
        the discriminator's loss. ``apply`` may follow. Raises TrainingError if the terms cannot be balanced."""
        picture = crops.bicubic + generate(self._forward, crops.small, self._config.precision)
        photograph = crops.photograph
        seen = self._without_screens(picture, crops), self._without_screens(photograph, crops)
        found = self._judge_step(seen[1], seen[0].detach(), rate)
        terms = losses.generator_terms(picture, photograph, self._trunk, self._discriminator, self._config.loss, seen)
        pulls = losses.pulls(picture, terms)
        scales = losses.term_scales(terms, pulls)
        found |= {"loss": terms["pixel"].detach()} | {name: terms[name].detach() for name in TERMS[1:]}
        if not all(math.isfinite(scale.value + scale.gradient) for scale in scales.values()):
            return found | {"loss": torch.tensor(math.nan)}  # nothing to balance: the trainer ends the run
        try:
            self._look_at(scales)
            shares = losses.gradient_shares(scales, self._weights) if self._weights else {}
        except ValueError as error:
            raise TrainingError(f"{self._config.name}: {error}; check 'weights', 'shares' and the trunk") from None
        self._adam.zero_grad(set_to_none=True)
        if self._weights:
            picture.backward(torch.stack([self._weights[name] * pull for name, pull in pulls.items()]).sum(0))
        set_rate(self._adam, rate)
        return found | {f"{name}_share": torch.tensor(share) for name, share in shares.items()}

    def _without_screens(self, picture: Tensor, crops: Crops) -> Tensor:
        """Return a picture of the crops, or their photograph, as trunk and discriminator see it."""
        if not self._config.adversary.against_screens:
            return picture
        return losses.without_screen(picture, crops.bicubic, self._config.scale)

    def apply(self) -> None:
        """Update the weights by the step's gradients, and the discriminator's too unless it rests."""
        self._judge_adam.step()  # without gradients this changes nothing
        if self._weights:
            self._adam.step()

    def _judge_step(self, photograph: Tensor, picture: Tensor, rate: float) -> dict[str, Tensor]:
        self._judge_adam.zero_grad(set_to_none=True)
        learns = self._right <= self._config.adversary.judge_until or not self._weights
        with torch.set_grad_enabled(learns):
            photographed = self._judge(photograph)
            # Each backward pass comes before the next forward pass: several processes share running averages at every
            # pass.
            first = losses.discriminator_loss(photographed, photographs=True)
            if learns:
                first.backward()
            synthesised = self._judge(picture)
            second = losses.discriminator_loss(synthesised, photographs=False)
            if learns:
                second.backward()
        set_rate(self._judge_adam, rate)
        right = torch.cat([photographed > 0, synthesised < 0]).float().mean()
        now = self._processes.mean(float(right))
        self._right = RIGHT_REMEMBERED * self._right + (1 - RIGHT_REMEMBERED) * now
        return {
            "discriminator": (first + second).detach(), "discriminator_right": right,
            "discriminator_learned": torch.tensor(float(learns)),
        }  # fmt: skip

    def _look_at(self, scales: Mapping[str, losses.TermScale]) -> None:
        """Record the sizes of the terms: to equalise them at the start, and to keep the shares as requested."""
        if not self._equal:
            self._seen.append({name: [scales[name].value, scales[name].gradient] for name in TERMS})
            if len(self._seen) < BALANCE_OVER:
                return
            mean = {n: np.mean([seen[n] for seen in self._seen], axis=0) for n in TERMS}
            typical = {n: losses.TermScale(*map(self._processes.mean, map(float, mean[n]))) for n in TERMS}
            self._equal = losses.balanced_weights(typical)
            self._norms = {name: scale.gradient for name, scale in typical.items()}
            self._seen.clear()
        elif self._config.adversary.shares:
            for name, norm in self._norms.items():
                now = self._processes.mean(scales[name].gradient)
                self._norms[name] = REMEMBERED * norm + (1 - REMEMBERED) * now
        if self._config.adversary.shares:
            shares: dict[str, float] = dict(zip(TERMS, self._config.adversary.shares, strict=True))
            self._weights = losses.weights_for_shares(self._norms, shares)

    def tensors(self) -> dict[str, Tensor]:
        judge = named_tensors("discriminator", self._discriminator, self._judge_adam)
        return named_tensors("net", self._generator, self._adam) | judge

    def state(self) -> dict[str, Any]:
        """Return the factors in use, those that would make the terms equally large at the start (equation 6), the
        values that determine them, and the running average of the discriminator's success."""
        return {
            "weights": self._weights, "weights_of_equal_terms": self._equal, "seen": self._seen, "norms": self._norms,
            "right": self._right,
        }  # fmt: skip

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        self._weights, self._equal = dict(state["weights"]), dict(state["weights_of_equal_terms"])
        self._seen, self._norms, self._right = list(state["seen"]), dict(state["norms"]), state.get("right", 0.5)
        restore(tensors, "net", self._generator, self._adam)
        restore(tensors, "discriminator", self._discriminator, self._judge_adam)


Stage = PixelStage | AdversarialStage


def generate(network: nn.Module, small: Tensor, precision: str, told: tuple[Tensor, ...] = ()) -> Tensor:
    """Return the residual in float32, computed in the given precision."""
    with torch.autocast(small.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        return network(small, *told).float()


def _adam(module: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(module.parameters(), betas=(0.9, 0.999))


def set_rate(optimiser: torch.optim.Adam, rate: float) -> None:
    """Set Adam's learning rate for the next step."""
    for group in optimiser.param_groups:
        group["lr"] = rate
