"""Region in, pixels out: the generator, in blocks with a halo, made to agree with the photograph."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from sr_core.engine import consistency
from sr_core.errors import UserError
from sr_core.image.geometry import Rect
from sr_core.image.tiling import Block, plan_blocks
from sr_core.networks.zoo import LoadedNetwork

BLOCK_EDGE = {2: 128, 4: 128, 8: 64}
"""Photograph pixels per side that one pass of the generator delivers, by scale: some 10^5 output pixels per pass."""

MAX_OUTPUT_PIXELS = 1_000_000_000
"""Output pixels of one region at most: 3 GB of memory."""


class EngineError(UserError):
    """The region cannot be computed; the message says why and what can."""


@dataclass(frozen=True)
class BlockResult:
    """A computed block: `pixels` (h * scale, w * scale, 3) uint8 for `target` (photograph pixels)."""

    target: Rect
    pixels: np.ndarray


def choose_device(name: str) -> torch.device:
    """'auto', 'cpu' or 'cuda' to a device. Raises EngineError where CUDA is asked for by name and not to be had."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise EngineError(
            f"--device cuda: torch {torch.__version__} finds no CUDA device; use --device cpu, or see fundusxr doctor"
        )
    return torch.device("cuda" if name == "cuda" or (name == "auto" and available) else "cpu")


def _precision(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it natively (twice the speed, at most 1 grey level apart), else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


class Engine:
    """One network on one device. Not thread-safe: for one thread at a time."""

    def __init__(self, network: LoadedNetwork, device: torch.device, precision: torch.dtype | None = None) -> None:
        self.network = network
        self.scale: int = network.config.scale
        self.device = device
        self.precision = precision or _precision(device)
        # A copy: `Module.to` changes the module itself, and the network may serve other engines.
        module = copy.deepcopy(network.module)
        self._module = module.to(device, self.precision, memory_format=torch.channels_last).eval()

    @property
    def block_edge(self) -> int:
        """Photograph pixels per side that one pass delivers."""
        return BLOCK_EDGE[self.scale]

    @torch.inference_mode()
    def compute(self, pixels: np.ndarray, block: Block) -> np.ndarray:
        """The target of one block, (h * scale, w * scale, 3) uint8.

        `pixels` is the whole photograph, (H, W, 3) uint8. The network reads 0 to 1 and its residual is added to the
        bicubic enlargement in float32; the sum is projected onto the pictures that shrink to the photograph.
        """
        grey = np.ascontiguousarray(pixels[block.source.slices()].transpose(2, 0, 1))
        y = torch.from_numpy(grey).to(self.device).float()
        batch = (y[None] / 255.0).to(self.precision, memory_format=torch.channels_last)
        residual = self._module(batch)[0].float() * 255.0
        sharp = consistency.project(consistency.enlarge(y, self.scale) + residual, y, self.scale)
        inner = block.target.shift(-block.source.x, -block.source.y).scale(self.scale)
        rows, columns = inner.slices()
        return sharp[:, rows, columns].round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()

    def blocks(self, pixels: np.ndarray, region: Rect) -> tuple[Block, ...]:
        """The passes that `region` (photograph pixels) takes."""
        height, width = pixels.shape[:2]
        return plan_blocks(region, Rect(0, 0, width, height), self.block_edge, self.network.halo)

    def results(self, pixels: np.ndarray, region: Rect) -> Iterator[BlockResult]:
        """Compute `region` block by block, in reading order."""
        for block in self.blocks(pixels, region):
            yield BlockResult(block.target, self.compute(pixels, block))

    def upscale(
        self, pixels: np.ndarray, region: Rect | None = None, progress: Callable[[int, int], None] | None = None
    ) -> np.ndarray:
        """Super-resolve a region (photograph pixels; None: all) to (h * scale, w * scale, 3) uint8.

        `progress` is called with the blocks done and the blocks in all. Raises EngineError where the region does not
        lie inside the photograph or the result would exceed MAX_OUTPUT_PIXELS.
        """
        height, width = pixels.shape[:2]
        region = region or Rect(0, 0, width, height)
        if region.empty or not Rect(0, 0, width, height).contains(region):
            raise EngineError(
                f"region {region.x},{region.y},{region.w},{region.h} does not lie inside the photograph "
                f"of {width}x{height} pixels; give X,Y,W,H within it"
            )
        if region.area * self.scale**2 > MAX_OUTPUT_PIXELS:
            raise EngineError(
                f"a region of {region.w}x{region.h} at x{self.scale} makes more than "
                f"{MAX_OUTPUT_PIXELS // 10**6} megapixels; choose a smaller --region or --scale"
            )
        out = np.empty((region.h * self.scale, region.w * self.scale, 3), np.uint8)
        count = len(self.blocks(pixels, region))
        for done, result in enumerate(self.results(pixels, region), start=1):
            out[result.target.shift(-region.x, -region.y).scale(self.scale).slices()] = result.pixels
            if progress is not None:
                progress(done, count)
        return out
