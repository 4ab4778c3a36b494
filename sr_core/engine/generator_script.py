"""The fused generator as one foreign call: TorchScript runs its hundred convolutions without the interpreter's lock.

Called one by one from Python, each of them would have to take the lock again when it is done, also from the drawing
thread; and a thread that loses its core while it holds the lock stops that one as well. One call is also faster: a call
from Python costs about 30 microseconds, one from TorchScript less than ten.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

_SOURCE = """
def convolve(x: Tensor, weight: Tensor, bias: Optional[Tensor], relu: bool, rows_there: bool = False) -> Tensor:
    pad, one = [0 if rows_there else weight.size(2) // 2, weight.size(2) // 2], [1, 1]
    none: List[Optional[number]] = []
    unary = "relu" if relu else "none"
    return torch.ops.mkldnn._convolution_pointwise(x, weight, bias, pad, one, one, 1, unary, none, "")

def add_convolved(total: Tensor, x: Tensor, weight: Tensor, bias: Optional[Tensor], relu: bool) -> Tensor:
    pad, one = [weight.size(2) // 2] * 2, [1, 1]
    none: List[Optional[number]] = []
    unary: Optional[str] = None
    if relu:
        unary = "relu"
    return torch.ops.mkldnn._convolution_pointwise_(
        total, x, weight, bias, pad, one, one, 1, "add", None, unary, none, "")

def convolve_all(maps: List[Tensor], weights: List[Tensor], biases: List[Optional[Tensor]], at: int,
                 relu: bool) -> Tensor:
    last = len(maps) - 1
    total = convolve(maps[0], weights[at], biases[at], relu and last == 0)
    for i in range(1, len(maps)):
        add_convolved(total, maps[i], weights[at + i], biases[at + i], relu and i == last)
    return total

def generate(grey: Tensor, weights: List[Tensor], biases: List[Optional[Tensor]], blocks: int, layers: int,
             out: Tensor, strip: int) -> Tensor:
    shallow = convolve(grey, weights[0], biases[0], False)
    x = convolve(shallow, weights[1], biases[1], False)
    at = 2
    fusion = at + blocks * (layers * (layers + 1) // 2 + layers + 1)
    fused = x
    for block in range(blocks):
        maps = [x]
        for layer in range(layers):
            maps.append(convolve_all(maps, weights, biases, at, True))
            at += layer + 1
        x = convolve_all(maps, weights, biases, at, False)
        at += layers + 1
        if block == 0:
            fused = convolve(x, weights[fusion], biases[fusion], False)
        else:
            add_convolved(fused, x, weights[fusion + block], biases[fusion + block], False)
    add_convolved(shallow, fused, weights[-2], biases[-2], False)
    edged = torch.ops.aten.constant_pad_nd(shallow, [0, 0, 1, 1])
    height, width, scale = out.size(1), out.size(3), out.size(2)
    for start in range(0, height, strip):
        stop = min(start + strip, height)
        # Widened first: torch takes twice as long to move and widen at once.
        made = convolve(edged[:, :, start : stop + 2], weights[-1], biases[-1], False, True).float()
        parts = made.permute(0, 2, 3, 1).view(stop - start, width, 3, scale, scale)
        out[:, start:stop].copy_(parts.permute(2, 0, 3, 1, 4))
    return out
"""

Generate = Callable[[Tensor, list[Tensor], list[Tensor | None], int, int, Tensor, int], Tensor]


@cache
def generate() -> Generate:
    """Return the compiled function, which takes (grey, weights, biases, blocks, layers, out, strip) and returns `out`.

    `grey` (1, 3, h, w) channels last; `weights` reordered for the processor, and `biases`, in the order of their use:
    the first two convolutions; for every block its layers and its fusion, with one convolution for every map that they
    read; the fusion of the blocks, with one for each block; the last two. `out` (3, h, scale, w, scale) float32; the
    last convolution fills `strip` rows at a time. Compiled once, at the first call.
    """
    return torch.jit.CompilationUnit(_SOURCE).generate
