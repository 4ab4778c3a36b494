"""The generator that takes the coding of the photograph's file as input: RDB-SRGAN's layers, modulated by nine numbers.

Besides the pixels it reads where each of them lies in its blocks (eight more planes for the first convolution). The
coarseness of the file's coding shifts the biases of all dense layers and scales every block's fusion. For one file
these are constants: `folded` returns the plain `RdbSrgan` that computes the same, so that a photograph costs no more
than with a plain network. For a clean photograph all of these inputs are zero; when it begins as a network for clean
photographs, it computes the same as that network.
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
"""The hidden numbers between the strength of the coding and its effects."""


@dataclass(frozen=True)
class RdbFileConfig(RdbSrganConfig):
    """Sizes as in `RdbSrganConfig`; the places in the blocks are read besides the three colours."""

    def build(self) -> "RdbFile":
        """Return a new network."""
        return RdbFile(self)


def LITE(scale: int) -> RdbFileConfig:  # noqa: N802 - a named preset, in the house's spelling
    """Return the size of `rdb_srgan.LITE`."""
    sizes = RDB_LITE(scale)
    return RdbFileConfig(scale, sizes.features, sizes.blocks, sizes.layers, sizes.growth)


class RdbFile(RdbSrgan):
    """The network; its output is a residual over bicubic like that of `RdbSrgan`."""

    def __init__(self, config: RdbFileConfig) -> None:
        super().__init__(config, inputs=3 + PLACES)
        moved = config.layers * config.growth + config.features
        self.told = nn.Sequential(nn.Linear(STRENGTHS, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, config.blocks * moved))
        for weights in self.told[2].parameters():
            nn.init.zeros_(weights)

    def begin_as(self, clean: RdbSrgan) -> None:
        """Copy a network of the same size for clean photographs: until further training the pictures are the same, for
        any coding."""
        weights = clean.state_dict()
        shallow = torch.zeros_like(self.shallow.weight)
        shallow[:, :3] = weights.pop("shallow.weight")
        found = self.load_state_dict({**weights, "shallow.weight": shallow}, strict=False)
        if found.unexpected_keys or any(not key.startswith("told.") for key in found.missing_keys):
            raise ValueError(f"{clean.config} and {self.config} are of different sizes")

    def forward(self, lr: Tensor, places: Tensor | None = None, strength: Tensor | None = None) -> Tensor:
        """Map (N, 3, H, W) in 0..1, `Coding.places` (N, PLACES, H, W) and `Coding.strength` (N, STRENGTHS) to the
        residual, (N, 3, H * scale, W * scale), in the units of the first. Without the last two the photographs are
        clean."""
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
        """Return, for every block, the offsets of its layers' biases, each (N, growth), and the factor of its fusion,
        (N, features)."""
        config = self.config
        moves = self.told(strength).unflatten(1, (config.blocks, -1)).unbind(1)
        sizes = [config.growth] * config.layers + [config.features]
        parts = [move.split(sizes, dim=1) for move in moves]
        return [(list(part[:-1]), 1 + part[-1]) for part in parts]

    @torch.no_grad()
    def folded(self, strength: Tensor, places: bool) -> RdbSrgan:
        """Return the plain network for photographs with this coding, (STRENGTHS,): it takes the colours and, with
        `places`, the places as channels of one input, (N, 3 + PLACES, H, W). Without, they are assumed zero: for clean
        photographs."""
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
    """Disable autocast: in bfloat16 bright pixels would be rounded by half a grey level."""
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


def _told_block(block: ResidualDenseBlock, x: Tensor, biases: list[Tensor], gain: Tensor) -> Tensor:
    maps = x
    for conv, bias in zip(block.dense, biases, strict=True):
        maps = torch.cat([maps, torch.relu(conv(maps) + bias[:, :, None, None])], dim=1)
    return x + block.fusion(maps) * gain[:, :, None, None]
