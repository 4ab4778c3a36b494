"""What all generators have in common.

A generator is a module with a ``config`` (frozen; ``scale``, ``receptive_radius`` in small-image pixels, ``build()``)
whose ``forward`` maps small images (N, 3, h, w) in 0..1 to the residual (N, 3, h * scale, w * scale), in the same
units, which the caller adds to the bicubic (a = -0.5) enlargement. The last layer begins at zero: a fresh generator is
exactly bicubic.

The published SRResNet and SRCNN output the picture itself and must first learn to enlarge at all. Here they output
residuals as well, like the network they are compared with: a deviation in favour of the rivals, which start at bicubic
without any training.
"""

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

SCALES = (2, 4, 8)

Module = TypeVar("Module", bound=nn.Module)


def check_scale(scale: int) -> None:
    """Raise ValueError for a scale that generators are not built for."""
    if scale not in SCALES:
        raise ValueError(f"scale {scale}: must be one of {SCALES}")


def channels_last(module: Module) -> Module:
    """Convert the module's weights, in place, to the memory order in which convolutions are faster; return the
    module."""
    return module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]: torch's types leave it out


class ConvolutionToColours(nn.Conv2d):
    """A convolution of odd kernel and equal size to three maps, (N, maps, H, W) -> (N, 3, H, W), fast when no gradient
    is needed.

    The processor takes as long for three maps as for sixteen. Computing one column of the kernel at a time gives it
    three maps per column to compute at once; their shifted sum is the convolution, up to rounding. With a gradient this
    gains nothing.
    """

    def __init__(self, maps: int, kernel: int) -> None:
        super().__init__(maps, 3, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the result of ``nn.Conv2d``."""
        if torch.is_grad_enabled():
            return super().forward(x)
        columns = self.weight.permute(3, 0, 1, 2).flatten(0, 1)[..., None]
        kernel, width = self.kernel_size[1], x.shape[3]
        parts = functional.conv2d(x, columns.contiguous(memory_format=torch.channels_last), padding=self.padding)
        out = bias_of(self).view(3, 1, 1).expand(len(x), 3, *x.shape[2:]).float()
        for i, part in enumerate(parts.unflatten(1, (kernel, 3)).unbind(1)):
            out = out + part[..., i : i + width]
        return out.to(x.dtype)


def bias_of(layer: nn.Conv2d) -> Tensor:
    """Return the bias of a layer that has one, (maps,)."""
    assert layer.bias is not None
    return layer.bias


def begin_at_zero(layer: nn.Conv2d) -> nn.Conv2d:
    """Zero the layer's weights and bias and return it: as a generator's last layer, it makes a fresh generator exactly
    bicubic."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(bias_of(layer))
    return layer
