"""The generator on a CUDA device: a stream of its own, pinned memory, one recorded graph for the full block.

Untested: written without such a device at hand.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from sr_core.engine.generator_cpu import Plain


class CudaGenerator:
    """A generator whose full blocks (edge x edge pixels, halo included) are replayed from a CUDA graph: one launch
    instead of some hundred. Blocks of other shapes, at a photograph's borders, are computed as they come.

    To be used inside `torch.cuda.stream(generator.stream)`.
    """

    def __init__(
        self, module: nn.Module, device: torch.device, precision: torch.dtype, edge: int, channels: int = 3
    ) -> None:
        """`channels`: of the input, grey levels first."""
        self.stream = torch.cuda.Stream(device)
        self._device = device
        self._plain = Plain(module, device, precision)
        self._pinned = torch.empty(3 * edge * edge, dtype=torch.uint8, pin_memory=True)
        self._input = torch.zeros(1, channels, edge, edge, device=device)
        self.stream.wait_stream(torch.cuda.current_stream(device))  # on which weights and input were put there
        with torch.inference_mode(), torch.cuda.stream(self.stream):
            for _ in range(3):  # the libraries choose their kernels before anything is recorded
                self._plain(self._input)
            self.stream.synchronize()
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, stream=self.stream):
                self._output = self._plain(self._input)

    def upload(self, grey: np.ndarray) -> Tensor:
        """(3, h, w) uint8 to the device as float32, by way of pinned memory where it fits."""
        pixels = torch.from_numpy(grey)
        if grey.size > self._pinned.numel():
            return pixels.to(self._device).float()
        self.stream.synchronize()  # the last copy out of the pinned memory must have ended
        pinned = self._pinned[: grey.size].view(grey.shape)
        pinned.copy_(pixels)
        return pinned.to(self._device, non_blocking=True).float()

    def __call__(self, grey: Tensor) -> Tensor:
        """The residual in grey levels, float32; of a full block it is overwritten by the next one."""
        if grey.shape != self._input.shape:
            return self._plain(grey)
        self._input.copy_(grey)
        self._graph.replay()
        return self._output
