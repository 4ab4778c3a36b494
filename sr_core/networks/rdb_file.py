"""The generator that is told how the file codes the photograph: RDB-SRGAN's layers, turned by nine numbers.

Beside the pixels it reads where in its blocks each of them lies (eight planes more for the first convolution). How
coarsely the file is coded moves the biases of all dense layers and the gain of every block's fusion. For one file these
are constants: `folded` gives the plain `RdbSrgan` that computes the same, so that a photograph costs what it costs
without being told. For a clean photograph all of it is zero; begun from a network that knows clean photographs alone,
it is that network.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from sr_core.image.coding import PLACES, STRENGTHS
from sr_core.networks.generator import bias_of
from sr_core.networks.rdb_srgan import LITE as RDB_LITE
from sr_core.networks.rdb_srgan import RdbSrgan, RdbSrganConfig, ResidualDenseBlock

_HIDDEN = 32
"""Numbers between the strength of the coding and what it moves."""


@dataclass(frozen=True)
class RdbFileConfig(RdbSrganConfig):
    """Sizes as of `RdbSrganConfig`; the places in the blocks are read beside the three colours."""

    def build(self) -> "RdbFile":
        """A fresh network."""
        return RdbFile(self)


def LITE(scale: int) -> RdbFileConfig:  # noqa: N802 - a named preset, in the house's spelling
    """The size of `rdb_srgan.LITE`."""
    sizes = RDB_LITE(scale)
    return RdbFileConfig(scale, sizes.features, sizes.blocks, sizes.layers, sizes.growth)


class RdbFile(RdbSrgan):
    """The generator's network; its output is a residual over bicubic as `RdbSrgan`'s."""

    def __init__(self, config: RdbFileConfig) -> None:
        super().__init__(config, inputs=3 + PLACES)
        moved = config.layers * config.growth + config.features
        self.told = nn.Sequential(nn.Linear(STRENGTHS, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, config.blocks * moved))
        for weights in self.told[2].parameters():
            nn.init.zeros_(weights)

    def begin_as(self, clean: RdbSrgan) -> None:
        """Take over a network of the same sizes that knows clean photographs alone: the same pictures, whatever it is
        told, until it is trained."""
        weights = clean.state_dict()
        shallow = torch.zeros_like(self.shallow.weight)
        shallow[:, :3] = weights.pop("shallow.weight")
        found = self.load_state_dict({**weights, "shallow.weight": shallow}, strict=False)
        if found.unexpected_keys or any(not key.startswith("told.") for key in found.missing_keys):
            raise ValueError(f"{clean.config} and {self.config} are of different sizes")

    def forward(self, lr: Tensor, places: Tensor | None = None, strength: Tensor | None = None) -> Tensor:
        """(N, 3, H, W) in 0..1, `Coding.places` (N, PLACES, H, W) and `Coding.strength` (N, STRENGTHS) -> the residual,
        (N, 3, H * scale, W * scale), in the units of the first. Without the two the photographs are clean."""
        if places is None or strength is None:
            places, strength = lr.new_zeros(len(lr), PLACES, *lr.shape[2:]), lr.new_zeros(len(lr), STRENGTHS)
        with _exactly(lr.device.type):
            shallow = self.shallow(torch.cat([lr, places], dim=1))
        x = self.entry(shallow)
        outputs = []
        for block, (biases, gain) in zip(self.blocks, self._moved(strength), strict=True):
            x = _told_block(cast(ResidualDenseBlock, block), x, biases, gain)
            outputs.append(x)
        deep = self.smooth(self.fusion(torch.cat(outputs, dim=1)))
        return self.shuffle(self.head(shallow + deep))

    def _moved(self, strength: Tensor) -> list[tuple[list[Tensor], Tensor]]:
        """For every block what is added to its layers' biases, each (N, growth), and what its fusion is multiplied by,
        (N, features)."""
        config = self.config
        moves = self.told(strength).unflatten(1, (config.blocks, -1)).unbind(1)
        sizes = [config.growth] * config.layers + [config.features]
        parts = [move.split(sizes, dim=1) for move in moves]
        return [(list(part[:-1]), 1 + part[-1]) for part in parts]

    @torch.no_grad()
    def folded(self, strength: Tensor, places: bool) -> RdbSrgan:
        """The plain network for photographs coded so, (STRENGTHS,): it takes the colours and, with `places`, those as
        channels of one input, (N, 3 + PLACES, H, W). Without, they are taken as zero: for clean photographs."""
        config = self.config
        sizes = RdbSrganConfig(config.scale, config.features, config.blocks, config.layers, config.growth)
        inputs = 3 + (PLACES if places else 0)
        weights = {key: value for key, value in self.state_dict().items() if not key.startswith("told.")}
        weights["shallow.weight"] = weights["shallow.weight"][:, :inputs]
        plain = RdbSrgan(sizes, inputs)
        plain.load_state_dict(weights)
        blocks = (cast(ResidualDenseBlock, block) for block in plain.blocks)
        for block, (biases, gain) in zip(blocks, self._moved(strength[None]), strict=True):
            for layer, bias in zip(block.dense, biases, strict=True):
                own = bias_of(cast(nn.Conv2d, layer))
                own += bias[0].to(own.device)
            block.fusion.weight *= gain[0][:, None, None, None]
            scaled = bias_of(block.fusion)
            scaled *= gain[0]
        return plain.eval().requires_grad_(False)


def _exactly(device: str) -> AbstractContextManager:
    """Without autocast: in bfloat16 bright pixels would be rounded by half a grey level."""
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


def _told_block(block: ResidualDenseBlock, x: Tensor, biases: list[Tensor], gain: Tensor) -> Tensor:
    maps = x
    for conv, bias in zip(block.dense, biases, strict=True):
        maps = torch.cat([maps, torch.relu(conv(maps) + bias[:, :, None, None])], dim=1)
    return x + block.fusion(maps) * gain[:, :, None, None]
