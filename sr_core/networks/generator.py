"""What all generators have in common.

A generator is a module with a ``config`` (frozen; ``scale``, ``receptive_radius`` in small-image pixels, ``build()``)
whose ``forward`` takes small images (N, 3, h, w) in 0..1 to the residual (N, 3, h * scale, w * scale), in the same
units, which the caller adds to the bicubic (a = -0.5) enlargement. The last layer begins at zero: a fresh generator is
exactly bicubic.

The published SRResNet and SRCNN give the picture itself and must first learn to enlarge at all. Here they are residuals
as well, like the network they are compared with: a deviation in favour of the rivals, which start at bicubic and need
no training to get there.
"""

from torch import nn

SCALES = (2, 4, 8)


def check_scale(scale: int) -> None:
    """Raises ValueError for a scale that generators are not built for."""
    if scale not in SCALES:
        raise ValueError(f"scale {scale}: must be one of {SCALES}")


def begin_at_zero(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with weights and bias zeroed: as a generator's last, it makes fresh weights exactly bicubic."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
