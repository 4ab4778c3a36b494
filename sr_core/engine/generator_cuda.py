"""The generator on a CUDA device: its own stream, pinned memory, and one recorded graph for the full block.

Untested: written without access to such a device.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from sr_core.engine.generator_cpu import Plain


class CudaGenerator:
    """A generator whose full blocks (edge x edge pixels, halo included) are replayed from a CUDA graph: one launch
    instead of several hundred. Blocks of other shapes, at a photograph's borders, are computed without a graph.

    Use it inside `torch.cuda.stream(generator.stream)`.
    """

    def __init__(
        self, module: nn.Module, device: torch.device, precision: torch.dtype, edge: int, channels: int = 3
    ) -> None:
        """`channels`: those of the input, grey levels first."""
        self.stream = torch.cuda.Stream(device)
        self._device = device
        self._plain = Plain(module, device, precision)
        self._pinned = torch.empty(3 * edge * edge, dtype=torch.uint8, pin_memory=True)
        self._input = torch.zeros(1, channels, edge, edge, device=device)
        self.stream.wait_stream(torch.cuda.current_stream(device))  # it has copied weights and input there
        with torch.inference_mode(), torch.cuda.stream(self.stream):
            for _ in range(3):  # the libraries choose their kernels before the recording
                self._plain(self._input)
            self.stream.synchronize()
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, stream=self.stream):
                self._output = self._plain(self._input)

    def upload(self, grey: np.ndarray) -> Tensor:
        """Copy (3, h, w) uint8 to the device as float32, through pinned memory if it fits."""
        pixels = torch.from_numpy(grey)
        if grey.size > self._pinned.numel():
            return pixels.to(self._device).float()
        self.stream.synchronize()  # the previous copy out of the pinned memory must have finished
        pinned = self._pinned[: grey.size].view(grey.shape)
        pinned.copy_(pixels)
        return pinned.to(self._device, non_blocking=True).float()

    def __call__(self, grey: Tensor) -> Tensor:
        """Return the residual in grey levels, float32; the next full block overwrites that of a full block."""
        if grey.shape != self._input.shape:
            return self._plain(grey)
        self._input.copy_(grey)
        self._graph.replay()
        return self._output
