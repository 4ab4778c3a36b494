"""The generator in the form that the processor computes fastest: the same sums, without concatenation.

A convolution over concatenated maps is the sum of convolutions over each of them. oneDNN adds such a sum, its bias and
the ReLU while it writes the result, so that nothing is copied and no map is read again only to be added. The weights
are reordered once for the processor; the whole is one call (`sr_core.engine.generator_script`). docs/performance.md
compares it with the alternatives.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import cast

import torch
from torch import Tensor, nn

from sr_core.engine.generator_script import generate
from sr_core.engine.lanes import OfThread
from sr_core.networks.generator import bias_of, channels_last
from sr_core.networks.rdb_srgan import RdbSrgan, ResidualDenseBlock

Generator = Callable[[Tensor], Tensor]
"""Maps (1, 3, h, w) grey levels 0 to 255, float32, with further channels if the network takes them, to the residual (1,
3, h * scale, w * scale) in grey levels, float32 and contiguous. The caller may overwrite it; the same thread's next
call does."""

GREY = 255.0

PRECISIONS = (torch.float32, torch.bfloat16)
"""The precisions of a convolution, the exact one first."""

STRIP = 8
"""Rows of the small picture that the head enlarges at a time: at x8 its 192 maps would exceed the caches, and torch's
own shuffle of channels-last maps copies them twice."""

WORTHWHILE = 0.85
"""bfloat16 is used if it takes less than this fraction of float32's time: coarser rounding must pay."""


def prepare(module: nn.Module, device: torch.device, precision: torch.dtype, edge: int) -> Generator:
    """Prepare the fastest way to compute `module`, a generator, on this device. `edge`: the input side in pixels to
    optimise for.

    The module itself is not changed.
    """
    if device.type == "cpu" and isinstance(module, RdbSrgan) and has_fused_convolutions(precision):
        return FusedRdb(module, precision, edge)
    return Plain(module, device, precision)


def has_fused_convolutions(precision: torch.dtype = torch.float32) -> bool:
    """Whether this torch has the operators that `FusedRdb` needs, and this processor supports them.

    They are not part of torch's documented interface. In bfloat16 they reject a processor without AVX-512, on which
    torch's own convolution is slow but works.
    """
    operators = ("_convolution_pointwise", "_convolution_pointwise_", "_reorder_convolution_weight")
    if not (torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in operators)):
        return False
    return precision is torch.float32 or torch.ops.mkldnn._is_mkldnn_bf16_supported()


@cache
def measured_precision(device: torch.device) -> torch.dtype:
    """Return the precision in which this device convolves faster, measured once per process.

    The processor's flags do not predict it: of two processors with AVX512-BF16, one convolved twice as fast in bfloat16
    as in float32, the other half as fast. The measurement uses a few milliseconds of one thread's processor time, so
    that another program's load does not distort it; if the clock is too coarse, the answer is float32.
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
    """Return the processor time of a convolution such as the generator's: the best of several, after one that compiles
    the kernel."""
    layer = channels_last(nn.Conv2d(32, 32, 3, padding=1).to(precision))
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
        self._module = channels_last(copy.deepcopy(module).to(device, precision)).eval()
        self._precision = precision

    def __call__(self, grey: Tensor) -> Tensor:
        batch = (grey * _of_grey(grey)).to(self._precision, memory_format=torch.channels_last)
        return self._module(batch).float().contiguous() * GREY


def _of_grey(channels: Tensor) -> Tensor:
    """Return a function that divides the first three of (N, channels, H, W) by white and leaves the others."""
    scale = torch.ones(channels.shape[1], device=channels.device)
    scale[:3] = 1 / GREY
    return scale.view(-1, 1, 1)


class FusedRdb:
    """`RdbSrgan` on the processor. The scaling from and to grey levels is folded into the first and last weights, and a
    block's residual into its fusion's weights."""

    def __init__(self, module: RdbSrgan, precision: torch.dtype, edge: int) -> None:
        self._precision = precision
        self._edge = edge
        self._weights: list[Tensor] = []
        self._biases: list[Tensor | None] = []
        config = module.config
        self._add(module.shallow.weight * _of_grey(module.shallow.weight), bias_of(module.shallow))
        self._add(module.entry.weight, bias_of(module.entry))
        for block in cast(Iterable[ResidualDenseBlock], module.blocks):
            self._add_block(block)
        self._add(module.fusion.weight, bias_of(module.fusion), [config.features] * config.blocks)
        self._add(module.smooth.weight, bias_of(module.smooth))
        self._add(module.head.weight * GREY, bias_of(module.head) * GREY)
        self._blocks, self._layers, self._scale = config.blocks, config.layers, config.scale
        self._kept = OfThread()

    def _add_block(self, block: ResidualDenseBlock) -> None:
        dense = [cast(nn.Conv2d, layer) for layer in block.dense]
        features, growth = block.fusion.out_channels, dense[0].out_channels
        maps = [features] + [growth] * len(dense)
        for i, layer in enumerate(dense):
            self._add(layer.weight, bias_of(layer), maps[: i + 1])
        weight = block.fusion.weight.detach().clone()
        weight[:, :features, 0, 0] += torch.eye(features)
        self._add(weight, bias_of(block.fusion), maps)

    def _add(self, weight: Tensor, bias: Tensor, maps: list[int] | None = None) -> None:
        """Add a convolution over concatenated maps (the channels of each; None: one map) as a sum of one convolution
        per map, with its weights in the processor's order."""
        for i, part in enumerate(weight.detach().split(maps or [weight.shape[1]], dim=1)):
            part = part.to(self._precision).contiguous(memory_format=torch.channels_last)
            pad, size = [part.shape[2] // 2] * 2, [1, part.shape[1], self._edge, self._edge]
            reorder = torch.ops.mkldnn._reorder_convolution_weight
            self._weights.append(reorder(part, pad, [1, 1], [1, 1], 1, size))
            self._biases.append(None if i else bias.detach().to(self._precision))

    def __call__(self, grey: Tensor) -> Tensor:
        _, _, height, width = grey.shape
        grey = grey.to(self._precision, memory_format=torch.channels_last)
        out = self._room(height, width)
        generate()(grey, self._weights, self._biases, self._blocks, self._layers, out, STRIP)
        return out.view(1, 3, height * self._scale, width * self._scale)

    def _room(self, height: int, width: int) -> Tensor:
        """Return memory for the residual, (3, height, scale, width, scale), which each thread keeps from call to call:
        that many megabytes of fresh pages cost as much as filling them."""
        size = 3 * height * width * self._scale**2
        kept = self._kept.value
        if kept is None or kept.numel() < size:
            kept = self._kept.value = torch.empty(size)
        return kept[:size].view(3, height, self._scale, width, self._scale)
