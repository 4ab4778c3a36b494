"""SRCNN 9-1-5: three convolutions on the bicubic enlargement.

Dong et al. 2014, "Learning a Deep Convolutional Network for Image Super-Resolution": 64 and 32 maps. Deviations: all
three colours instead of brightness alone, zero padding instead of a cropped border, and a residual over bicubic (see
``generator``).
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from sr_core.image.resample import enlarge_matrix
from sr_core.networks.generator import ConvolutionToColours, begin_at_zero, check_scale


@dataclass(frozen=True)
class SrcnnConfig:
    """The sizes: scale 2, 4 or 8; feature maps of the first and of the second layer."""

    scale: int
    features: int
    mapped: int

    def __post_init__(self) -> None:
        check_scale(self.scale)
        if min(self.features, self.mapped) < 1:
            raise ValueError(f"{self}: every size must be at least 1")

    @property
    def receptive_radius(self) -> int:
        """The radius in small-image pixels of the input that can affect an output pixel: the first and the last
        convolution reach 4 and 2 enlarged pixels, and the bicubic kernel less than 2 small ones beyond that."""
        return int(5.5 / self.scale + 2.5)

    def build(self) -> "Srcnn":
        """Return a new network."""
        return Srcnn(self)


def PUBLISHED(scale: int) -> SrcnnConfig:  # noqa: N802 - a named preset, in the house's spelling
    """Return the published sizes: 64 and 32 maps (20 thousand parameters), at any scale."""
    return SrcnnConfig(scale, features=64, mapped=32)


@lru_cache(maxsize=64)
def _enlarging(n: int, scale: int, device: torch.device) -> Tensor:
    """Return the bicubic enlargement of an axis of n pixels, (n * scale, n), float32."""
    # Cached across calls: a matrix made during validation must still work where gradients flow.
    with torch.inference_mode(False):
        return torch.tensor(enlarge_matrix(n, scale), dtype=torch.float32, device=device)


class Srcnn(nn.Module):
    """The network; its output is a residual over bicubic."""

    def __init__(self, config: SrcnnConfig) -> None:
        super().__init__()
        self.config = config
        self.extract = nn.Conv2d(3, config.features, 9, padding=4)
        self.map = nn.Conv2d(config.features, config.mapped, 1)
        self.head = begin_at_zero(ConvolutionToColours(config.mapped, 5))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) in 0..1 to the residual, (N, 3, h * scale, w * scale), in the same units."""
        rows, columns = (_enlarging(n, self.config.scale, lr.device) for n in lr.shape[2:])
        enlarged = (rows @ lr.float() @ columns.T).to(lr.dtype)
        maps = torch.relu(self.extract(enlarged))
        return self.head(torch.relu(self.map(maps)))
