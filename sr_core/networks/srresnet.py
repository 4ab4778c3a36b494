"""SRResNet, the generator of SRGAN: residual blocks with batch normalisation, enlarging twofold step by step.

Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", figure 4.
Trained on pixels alone it is SRResNet; trained further against a discriminator it is SRGAN. Two deviations: it outputs
the residual over bicubic (see ``generator``), and at x8 it has three enlarging steps where the paper's x4 has two.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from sr_core.networks.generator import ConvolutionToColours, begin_at_zero, check_scale

LITE_FEATURES = {2: 26, 4: 20, 8: 11}
"""The number of feature maps with about the cost of the lite generator at this scale. The 9x9 convolution and the steps
before it run on enlarged maps, which leaves little for the rest at x8."""


@dataclass(frozen=True)
class SrResNetConfig:
    """The sizes: scale 2, 4 or 8; feature maps; residual blocks."""

    scale: int
    features: int
    blocks: int

    def __post_init__(self) -> None:
        check_scale(self.scale)
        if min(self.features, self.blocks) < 1:
            raise ValueError(f"{self}: every size must be at least 1")

    @property
    def receptive_radius(self) -> int:
        """The radius in small-image pixels of the input that can affect an output pixel: 4 for the first convolution, 2
        for each block, 1 after the blocks, 3 for the enlarging and the last convolution. (The last reaches 4 enlarged
        pixels; each step back halves the reach, rounded up, and adds 1: 4, 3, 3, 3.)"""
        return 8 + 2 * self.blocks

    def build(self) -> "SrResNet":
        """Return a new network."""
        return SrResNet(self)


def PUBLISHED(scale: int) -> SrResNetConfig:  # noqa: N802 - a named preset, in the house's spelling
    """Return the published size: 16 blocks of 64 maps (1.5 million parameters at x4)."""
    return SrResNetConfig(scale, features=64, blocks=16)


def LITE(scale: int) -> SrResNetConfig:  # noqa: N802 - a named preset, in the house's spelling
    """Return the published architecture with so few maps that it costs about as much as the lite generator (3 to 9 %
    more)."""
    check_scale(scale)
    return SrResNetConfig(scale, features=LITE_FEATURES[scale], blocks=16)


class ResidualBlock(nn.Module):
    """conv3, batch norm, PReLU, conv3, batch norm, local skip. (N, features, H, W) -> the same."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            # Batch normalisation has its own bias.
            nn.Conv2d(features, features, 3, padding=1, bias=False),
            nn.BatchNorm2d(features),
            nn.PReLU(),
            nn.Conv2d(features, features, 3, padding=1, bias=False),
            nn.BatchNorm2d(features),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def _enlarge_twofold(features: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(features, 4 * features, 3, padding=1), nn.PixelShuffle(2), nn.PReLU())


class SrResNet(nn.Module):
    """The network; its output is a residual over bicubic. In training it normalises by the batch, in evaluation by
    running averages, which are part of its state."""

    def __init__(self, config: SrResNetConfig) -> None:
        super().__init__()
        self.config = config
        maps = config.features
        self.shallow = nn.Sequential(nn.Conv2d(3, maps, 9, padding=4), nn.PReLU())
        self.blocks = nn.Sequential(*(ResidualBlock(maps) for _ in range(config.blocks)))
        self.smooth = nn.Sequential(nn.Conv2d(maps, maps, 3, padding=1, bias=False), nn.BatchNorm2d(maps))
        steps = config.scale.bit_length() - 1
        self.enlarge = nn.Sequential(*(_enlarge_twofold(maps) for _ in range(steps)))
        self.head = begin_at_zero(ConvolutionToColours(maps, 9))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) in 0..1 to the residual, (N, 3, h * scale, w * scale), in the same units."""
        shallow = self.shallow(lr)
        deep = shallow + self.smooth(self.blocks(shallow))
        return self.head(self.enlarge(deep))
