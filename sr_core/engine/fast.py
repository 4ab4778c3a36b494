"""The generator as the processor computes it fastest: the same sums, without its concatenations.

A convolution over concatenated maps is the sum of convolutions over each of them. oneDNN adds such a sum, its bias and
the ReLU while it writes the result, so that nothing is copied and no map is read once more only to be added. The
weights are reordered once for the processor. What was measured against it is told in docs/performance.md.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from sr_core.networks.rdb_srgan import RdbSrgan, ResidualDenseBlock

Generator = Callable[[Tensor], Tensor]
"""(1, 3, h, w) grey levels 0 to 255, float32, to the residual (1, 3, h * scale, w * scale) in grey levels, float32 and
contiguous. The caller may write over it; the next call does."""

GREY = 255.0

PRECISIONS = (torch.float32, torch.bfloat16)
"""What a convolution is computed in, the exact one first."""

STRIP = 16
"""Rows of the small picture that the head enlarges at a time."""

WORTHWHILE = 0.85
"""bfloat16 is taken where it needs less than this share of float32's time: rounding more coarsely must pay."""


def prepare(module: nn.Module, device: torch.device, precision: torch.dtype, edge: int) -> Generator:
    """The fastest way to compute `module`, a generator, on this device. `edge`: input pixels per side to be fast for.

    The module itself is left as it is.
    """
    if device.type == "cpu" and isinstance(module, RdbSrgan) and has_fused_convolutions():
        return FusedRdb(module, precision, edge)
    return Plain(module, device, precision)


def has_fused_convolutions() -> bool:
    """Whether this torch has the operators that `FusedRdb` needs. They are not part of its documented interface."""
    operators = ("_convolution_pointwise", "_convolution_pointwise_", "_reorder_convolution_weight")
    return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in operators)


@cache
def measured_precision(device: torch.device) -> torch.dtype:
    """The precision in which this device convolves faster, measured once per process.

    Not to be read off the processor's flags: of two with AVX512-BF16, one convolved twice as fast in bfloat16 as in
    float32, the other half as fast. The measurement takes some milliseconds of one thread's processor time, so that
    another program's load does not mislead it; a clock too coarse to tell means float32.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        exact, coarse = (_convolution_seconds(precision) for precision in PRECISIONS)
    finally:
        torch.set_num_threads(before)
    return torch.bfloat16 if coarse < WORTHWHILE * exact else torch.float32


@torch.inference_mode()
def _convolution_seconds(precision: torch.dtype) -> float:
    """Processor time of a convolution such as the generator's: the best of some, after one that compiles the kernel."""
    layer = nn.Conv2d(32, 32, 3, padding=1).to(precision, memory_format=torch.channels_last)
    x = torch.ones(1, 32, 96, 96, dtype=precision).contiguous(memory_format=torch.channels_last)
    layer(x)
    taken = []
    for _ in range(6):
        start = time.thread_time()
        layer(x)
        taken.append(time.thread_time() - start)
    return min(taken)


class Plain:
    """Any generator as torch computes it, channels last."""

    def __init__(self, module: nn.Module, device: torch.device, precision: torch.dtype) -> None:
        # A copy: `Module.to` changes the module itself, and the network may serve other engines.
        self._module = copy.deepcopy(module).to(device, precision, memory_format=torch.channels_last).eval()
        self._precision = precision

    def __call__(self, grey: Tensor) -> Tensor:
        batch = (grey / GREY).to(self._precision, memory_format=torch.channels_last)
        return self._module(batch).float().contiguous() * GREY


class _Convolution:
    """One convolution with its weights in the processor's order. Inputs and outputs are channels last."""

    def __init__(self, weight: Tensor, bias: Tensor | None, precision: torch.dtype, edge: int) -> None:
        self._pad = [weight.shape[2] // 2] * 2
        weight = weight.detach().to(precision).contiguous(memory_format=torch.channels_last)
        size = [1, weight.shape[1], edge, edge]
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(weight, self._pad, [1, 1], [1, 1], 1, size)
        self._bias = None if bias is None else bias.detach().to(precision)

    def __call__(self, x: Tensor, relu: bool = False) -> Tensor:
        return torch.ops.mkldnn._convolution_pointwise(
            x, self._weight, self._bias, self._pad, [1, 1], [1, 1], 1, "relu" if relu else "none", [], ""
        )

    def add_to(self, total: Tensor, x: Tensor, relu: bool = False) -> None:
        """total += this convolution of x, in place; then its ReLU."""
        torch.ops.mkldnn._convolution_pointwise_.binary(
            total, x, self._weight, self._bias, self._pad, [1, 1], [1, 1], 1, "add", None, "relu" if relu else None,
            [], "",
        )  # fmt: skip


class _Sum:
    """A convolution over concatenated maps, as the sum of convolutions over each of them."""

    def __init__(self, weight: Tensor, bias: Tensor, maps: list[int], precision: torch.dtype, edge: int) -> None:
        first, *rest = weight.split(maps, dim=1)
        self.first = _Convolution(first, bias, precision, edge)
        self.rest = [_Convolution(part, None, precision, edge) for part in rest]

    def __call__(self, maps: list[Tensor], relu: bool = False) -> Tensor:
        total = self.first(maps[0], relu and not self.rest)
        for convolution, x in zip(self.rest, maps[1:], strict=True):
            convolution.add_to(total, x, relu and convolution is self.rest[-1])
        return total


class _FusedBlock:
    """A residual dense block; its own residual is folded into the fusion's weights."""

    def __init__(self, block: ResidualDenseBlock, precision: torch.dtype, edge: int) -> None:
        features, growth = block.fusion.out_channels, block.dense[0].out_channels
        maps = [features] + [growth] * len(block.dense)
        self._dense = [
            _Sum(layer.weight, layer.bias, maps[: i + 1], precision, edge) for i, layer in enumerate(block.dense)
        ]
        weight = block.fusion.weight.detach().clone()
        weight[:, :features, 0, 0] += torch.eye(features)
        self._fusion = _Sum(weight, block.fusion.bias, maps, precision, edge)

    def __call__(self, x: Tensor) -> Tensor:
        maps = [x]
        for layer in self._dense:
            maps.append(layer(maps, relu=True))
        return self._fusion(maps)


class FusedRdb:
    """`RdbSrgan` on the processor. The scaling from and to grey levels is folded into the first and last weights."""

    def __init__(self, module: RdbSrgan, precision: torch.dtype, edge: int) -> None:
        def convolution(layer: nn.Conv2d, factor: float = 1.0, bias_factor: float = 1.0) -> _Convolution:
            return _Convolution(layer.weight * factor, layer.bias * bias_factor, precision, edge)

        self._precision = precision
        self._shallow = convolution(module.shallow, factor=1.0 / GREY)
        self._entry = convolution(module.entry)
        self._blocks = [_FusedBlock(block, precision, edge) for block in module.blocks]
        maps = [module.config.features] * module.config.blocks
        self._fusion = _Sum(module.fusion.weight, module.fusion.bias, maps, precision, edge)
        self._smooth = convolution(module.smooth)
        self._head = convolution(module.head, GREY, GREY)
        self._scale = module.config.scale
        self._kept = torch.empty(0)

    def __call__(self, grey: Tensor) -> Tensor:
        shallow = self._shallow(grey.to(self._precision, memory_format=torch.channels_last))
        x = self._blocks[0](self._entry(shallow))
        fused = self._fusion.first(x)  # the blocks' outputs are added up as they come, and need not be kept
        for block, fusion in zip(self._blocks[1:], self._fusion.rest, strict=True):
            x = block(x)
            fusion.add_to(fused, x)
        self._smooth.add_to(shallow, fused)
        return self._enlarged(shallow)

    def _enlarged(self, maps: Tensor) -> Tensor:
        """Head and pixel shuffle, a strip of rows at a time: at x8 the head's 192 maps would leave the caches, and
        torch's own shuffle of channels-last maps copies them twice."""
        _, _, height, width = maps.shape
        out = self._room(height, width)
        for start in range(0, height, STRIP):
            stop = min(start + STRIP, height)
            above, below = max(start - 1, 0), min(stop + 1, height)
            strip = self._head(maps[:, :, above:below])[:, :, start - above : stop - above]
            parts = strip.permute(0, 2, 3, 1).view(stop - start, width, 3, self._scale, self._scale)
            out[:, start:stop].copy_(parts.permute(2, 0, 3, 1, 4))
        return out.view(1, 3, height * self._scale, width * self._scale)

    def _room(self, height: int, width: int) -> Tensor:
        """Memory for the residual, (3, height, scale, width, scale), kept from one call to the next: fresh pages of
        that many megabytes cost as much as filling them."""
        size = 3 * height * width * self._scale**2
        if self._kept.numel() < size:
            self._kept = torch.empty(size)
        return self._kept[:size].view(3, height, self._scale, width, self._scale)
