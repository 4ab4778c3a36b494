"""The RDB-SRGAN generator: residual dense blocks and one sub-pixel head, as a residual over bicubic.

Blocks and fusions after Zhang et al. 2018, "Residual Dense Network for Image Super-Resolution"; no batch
normalisation. One pixel shuffle at the end keeps every convolution at the small image's size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sr_core.networks.generator import begin_at_zero, check_scale


@dataclass(frozen=True)
class RdbSrganConfig:
    """The sizes of a generator: scale 2, 4 or 8; feature maps G0; D blocks of C dense layers with G new maps each."""

    scale: int
    features: int
    blocks: int
    layers: int
    growth: int

    def __post_init__(self) -> None:
        check_scale(self.scale)
        if min(self.features, self.blocks, self.layers, self.growth) < 1:
            raise ValueError(f"{self}: every size must be at least 1")

    @property
    def receptive_radius(self) -> int:
        """The radius in small-image pixels of the input that can affect an output pixel: one for each 3x3 convolution
        in sequence (two shallow, C in each block, one after the fusion, one in the head)."""
        return 4 + self.blocks * self.layers

    def build(self) -> "RdbSrgan":
        """Return a new network."""
        return RdbSrgan(self)


def PAPER(scale: int) -> RdbSrganConfig:  # noqa: N802 - a named preset, in the house's spelling
    """Return the paper's size: D16 C8 G64 G0 64 (22 million parameters)."""
    return RdbSrganConfig(scale, features=64, blocks=16, layers=8, growth=64)


def LITE(scale: int) -> RdbSrganConfig:  # noqa: N802 - a named preset, in the house's spelling
    """Return the size for processors without a GPU: D6 C4 G16 G0 32 (a quarter of a million parameters)."""
    return RdbSrganConfig(scale, features=32, blocks=6, layers=4, growth=16)


class ResidualDenseBlock(nn.Module):
    """C dense 3x3 convolutions with ReLU, 1x1 fusion to G0 maps, local residual. (N, G0, H, W) -> the
    same."""

    def __init__(self, features: int, layers: int, growth: int) -> None:
        super().__init__()
        self.dense = nn.ModuleList(nn.Conv2d(features + i * growth, growth, 3, padding=1) for i in range(layers))
        self.fusion = nn.Conv2d(features + layers * growth, features, 1)

    def forward(self, x: Tensor) -> Tensor:
        maps = x
        for conv in self.dense:
            maps = torch.cat([maps, torch.relu(conv(maps))], dim=1)
        return x + self.fusion(maps)


class RdbSrgan(nn.Module):
    """The network. The caller adds its output to the bicubic (a = -0.5) enlargement, so zeroed weights give exactly
    bicubic; a new network does too, because the last layer begins at zero."""

    def __init__(self, config: RdbSrganConfig, inputs: int = 3) -> None:
        """`inputs`: the channels of the input, colours first."""
        super().__init__()
        self.config = config
        g0 = config.features
        self.shallow = nn.Conv2d(inputs, g0, 3, padding=1)
        self.entry = nn.Conv2d(g0, g0, 3, padding=1)
        self.blocks = nn.ModuleList(ResidualDenseBlock(g0, config.layers, config.growth) for _ in range(config.blocks))
        self.fusion = nn.Conv2d(g0 * config.blocks, g0, 1)
        self.smooth = nn.Conv2d(g0, g0, 3, padding=1)
        self.head = begin_at_zero(nn.Conv2d(g0, 3 * config.scale**2, 3, padding=1))
        self.shuffle = nn.PixelShuffle(config.scale)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, inputs, H, W), colours in 0..1, to the residual, (N, 3, H * scale, W * scale), in the same units."""
        shallow = self.shallow(lr)
        x = self.entry(shallow)
        outputs = []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        deep = self.smooth(self.fusion(torch.cat(outputs, dim=1)))
        return self.shuffle(self.head(shallow + deep))
