"""From a region to pixels: run the generator in blocks with a halo, and make the result agree with the photograph."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from sr_core.engine import consistency
from sr_core.engine.blocks import HEIGHTS, Block, halve_block, plan_blocks
from sr_core.engine.cell import cell
from sr_core.engine.clipping import mend
from sr_core.engine.generator_cpu import measured_precision
from sr_core.engine.generator_cuda import CudaGenerator
from sr_core.engine.generator_told import Generators
from sr_core.engine.lanes import Lanes, share_out
from sr_core.errors import UserError
from sr_core.image.departure import Computed
from sr_core.image.geometry import Rect
from sr_core.image.jpeg_file import JpegFile
from sr_core.networks.zoo import LoadedNetwork

BLOCK_EDGE = {scale: max(sides) for scale, sides in HEIGHTS.items()}
"""The height in photograph pixels, by scale, of a pass that somebody waits for; its width is at least that. Small, so
that it is soon done."""

BULK_EDGE = 256
"""The side in photograph pixels of a pass when only throughput matters: less of it is halo. Larger passes no longer
pay, because their feature maps exceed the processor's caches (docs/performance.md)."""

MAX_OUTPUT_PIXELS = 1_000_000_000
"""The most output pixels of one region: 3 GB of memory."""


class EngineError(UserError):
    """The region cannot be computed; the message says why, and what is possible."""


@dataclass(frozen=True)
class BlockResult:
    """A computed block, as `Engine.compute` returns it, for `target` (photograph pixels)."""

    target: Rect
    computed: Computed


def choose_device(name: str) -> torch.device:
    """Return the device for 'auto', 'cpu' or 'cuda'. Raises EngineError if CUDA is requested but not available."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise EngineError(
            f"--device cuda: torch {torch.__version__} finds no CUDA device; use --device cpu, or see fundusxr doctor"
        )
    return torch.device("cuda" if name == "cuda" or (name == "auto" and available) else "cpu")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out; torch reports it by RuntimeErrors with various wordings."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    wordings = (
        "not enough memory",
        "can't allocate memory",
        "out of memory",
        "could not create a memory",
        "could not create a primitive",
    )
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in wordings)


class Engine:
    """One network on one device. On the processor several threads may compute at a time; on a CUDA device only one.

    `precision` None: the faster one, by measurement (`measured_precision`); the two differ by at most 1 grey level.
    """

    def __init__(self, network: LoadedNetwork, device: torch.device, precision: torch.dtype | None = None) -> None:
        self.network = network
        self.scale: int = network.config.scale
        self.device = device
        self.precision = precision or measured_precision(device)
        self._lanes: Lanes | None = None
        self._each = 0  # processor threads of each lane
        mend()  # compiled now, not while somebody waits for the first bright block
        edge = self.bulk_edge + 2 * network.halo
        self._generators = Generators(network, device, self.precision, edge)

    def used(self, file: JpegFile | None) -> LoadedNetwork:
        """Return the network that computes photographs with this file (None: clean ones)."""
        return self.network.clean if file is None and self.network.clean is not None else self.network

    def agrees_with(self, file: JpegFile | None) -> str:
        """Return what pictures of a photograph with this file (None: a clean one) agree with when shrunk again: 'file',
        'traces' (what the pixels show of a file that is lost), 'pixels' or 'nothing'."""
        if not self.used(file).agrees:
            return "nothing"
        if not self._generators.told or file is None or not file.planes:
            return "pixels"
        return "traces" if file.lost else "file"

    def restores(self, file: JpegFile | None) -> bool:
        """Whether pictures of a photograph with this file may shrink to a different picture that the file also
        allows."""
        return self.agrees_with(file) in ("file", "traces")

    @property
    def block_edge(self) -> int:
        """The height in photograph pixels of a pass that somebody waits for."""
        return BLOCK_EDGE[self.scale]

    @property
    def bulk_edge(self) -> int:
        """The side in photograph pixels of a pass when only throughput matters."""
        return BULK_EDGE

    def warm_up(self, width: int, height: int) -> None:
        """Compute a grey block that reads `width` by `height` photograph pixels and discard it, so that the first real
        block of that size finds kernels, matrices and memory ready."""
        whole = Rect(0, 0, width, height)
        self.compute(np.full((whole.h, whole.w, 3), 128, np.uint8), Block(whole.pad(-self.network.halo), whole))

    def compute(self, pixels: np.ndarray, block: Block, file: JpegFile | None = None) -> Computed:
        """Compute the target of one block: RGB, and in alpha the invented part: how far the finished picture departs
        from what the small picture that it agrees with determines, as the largest over its channels of |RGB - W+ y'|,
        in grey levels, rounded, with W+ y' clipped to 0 to 255 (`consistency.determined`).

        `pixels` is the whole photograph y, (H, W, 3) uint8, and normally y' = y. `file` is the JPEG file that it comes
        from, if any: a network that takes the file's coding as input then agrees with the file, not with the decoded
        pixels (`sr_core.engine.cell`). In that case y' is the small picture in the file's cell, and `restored` is the
        largest over the channels of |y' - y|. If memory runs out, the block is computed in halves (`halve_block`); if
        that fails too, raises EngineError.
        """
        try:
            return self._compute(pixels, block, file)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the handler, because the error keeps the failed call's frames alive, and with them their memory.
        try:
            return self._compute_halves(pixels, block, file)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        raise EngineError(
            f"not enough memory for {block.target.w}x{block.target.h} photograph pixels at x{self.scale}, nor for "
            "their halves; close other programs or choose a smaller scale"
        )

    def _compute_halves(self, pixels: np.ndarray, block: Block, file: JpegFile | None) -> Computed:
        out = _Assembly(block.target, self.scale, 4, restored=self.restores(file))
        for half in halve_block(block, self.network.halo):
            out.enter(half.target, self._compute(pixels, half, file))
        return out.computed

    @torch.inference_mode()
    def _compute(self, pixels: np.ndarray, block: Block, file: JpegFile | None) -> Computed:
        """Add the residual to the bicubic enlargement in float32, and project the sum onto the pictures that shrink to
        the photograph, or to what its file allows, unless the network restores and must not be held to it."""
        grey = np.ascontiguousarray(pixels[block.source.slices()].transpose(2, 0, 1))
        coding = None if file is None else file.coding
        generator = self._generators.of(coding)
        cuda = isinstance(generator, CudaGenerator)
        with torch.cuda.stream(generator.stream) if cuda else nullcontext():
            y = generator.upload(grey) if cuda else torch.from_numpy(grey).float()
            residual = generator(self._generators.inputs(y, coding, block.source))[0]
            return self._completed(residual, y, pixels, block, file)

    def _completed(
        self, residual: torch.Tensor, y: torch.Tensor, pixels: np.ndarray, block: Block, file: JpegFile | None
    ) -> Computed:
        """Complete the network's residual (3, h * scale, w * scale) over the enlargement of y (3, h, w): the block's
        target and its departure."""
        restores, aim = self.restores(file), y
        if self.used(file).agrees:
            hold = cell(file, pixels, block.source, y.device).deblocked if restores and file is not None else None
            sharp, aim = consistency.complete_(residual, y, self.scale, hold)
        else:
            sharp = residual.add_(consistency.enlarge(y, self.scale)).clamp_(0.0, 255.0)
        small = block.target.shift(-block.source.x, -block.source.y)
        inner = small.scale(self.scale)
        finished = _finished(sharp[(slice(None), *inner.slices())], aim, self.scale, inner)
        return Computed(finished, restored_levels(aim, y, small) if restores else None)

    def blocks(self, pixels: np.ndarray, region: Rect) -> tuple[Block, ...]:
        """Return the passes for `region` (photograph pixels) when only throughput matters."""
        height, width = pixels.shape[:2]
        return plan_blocks(region, Rect(0, 0, width, height), self.bulk_edge, self.network.halo)

    def results(self, pixels: np.ndarray, region: Rect, file: JpegFile | None = None) -> Iterator[BlockResult]:
        """Compute `region` block by block, in reading order; see `compute_all`."""
        blocks = self.blocks(pixels, region)
        with closing(self.compute_all(pixels, blocks, file)) as results:
            for block, found in zip(blocks, results, strict=True):
                yield BlockResult(block.target, found)

    def compute_all(
        self, pixels: np.ndarray, blocks: Sequence[Block], file: JpegFile | None = None
    ) -> Generator[Computed, None, None]:
        """Yield `compute` of each block, in order, running as many in parallel as torch's current number of threads
        suggests. A block starts only when it, or one shortly before it, is asked for: a caller that stops asking soon
        stops the work."""
        threads = torch.get_num_threads()
        lanes, each = share_out(threads, len(blocks) if self.device.type == "cpu" else 1)
        if lanes == 1:
            yield from (self.compute(pixels, block, file) for block in blocks)
            return
        if self._lanes is None or (self._lanes.count, self._each) != (lanes, each):
            self._lanes, self._each = Lanes(lanes, partial(torch.set_num_threads, each)), each
        torch.set_num_threads(each)  # OpenMP keeps this number per thread, MKL (for products) per process
        try:
            yield from self._lanes.in_order(partial(self.compute, pixels, block, file) for block in blocks)
        finally:
            torch.set_num_threads(threads)

    def upscale(
        self,
        pixels: np.ndarray,
        region: Rect | None = None,
        progress: Callable[[int, int], None] | None = None,
        file: JpegFile | None = None,
    ) -> np.ndarray:
        """Super-resolve a region (photograph pixels; None: all) to (h * scale, w * scale, 3) uint8.

        `file` as for `compute`. `progress` is called with the number of blocks done and the total. Raises EngineError
        if the region does not lie inside the photograph or the result would exceed MAX_OUTPUT_PIXELS.
        """
        return self._assemble(pixels, region, progress, 3, file).pixels

    def upscale_marked(
        self,
        pixels: np.ndarray,
        region: Rect | None = None,
        progress: Callable[[int, int], None] | None = None,
        file: JpegFile | None = None,
    ) -> Computed:
        """Return `upscale` with the alpha and the restored part of `compute`."""
        return self._assemble(pixels, region, progress, 4, file)

    def _assemble(
        self,
        pixels: np.ndarray,
        region: Rect | None,
        progress: Callable[[int, int], None] | None,
        channels: int,
        file: JpegFile | None,
    ) -> Computed:
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
        out = _Assembly(region, self.scale, channels, restored=self.restores(file))
        count = len(self.blocks(pixels, region))
        for done, result in enumerate(self.results(pixels, region, file), start=1):
            out.enter(result.target, result.computed)
            if progress is not None:
                progress(done, count)
        return out.computed


class _Assembly:
    """The parts of a region, put together. `channels`: how many to keep, 3 or 4; `restored`: whether the parts have
    it."""

    def __init__(self, region: Rect, scale: int, channels: int, restored: bool) -> None:
        self._region, self._scale = region, scale
        pixels = np.empty((region.h * scale, region.w * scale, channels), np.uint8)
        self.computed = Computed(pixels, np.empty((region.h, region.w), np.float32) if restored else None)

    def enter(self, target: Rect, part: Computed) -> None:
        """Insert the part for `target` (photograph pixels)."""
        place = target.shift(-self._region.x, -self._region.y)
        whole = self.computed
        whole.pixels[place.scale(self._scale).slices()] = part.pixels[..., : whole.pixels.shape[2]]
        if whole.restored is not None:
            whole.restored[place.slices()] = part.restored


def restored_levels(aim: torch.Tensor, y: torch.Tensor, small: Rect) -> np.ndarray:
    """Return how far the small picture lies from the decoded one, both (3, h, w), in their part `small`: float32
    (small.h, small.w)."""
    part = (slice(None), *small.slices())
    return (aim[part] - y[part]).abs_().amax(dim=0).cpu().numpy()


def _finished(sharp: torch.Tensor, y: torch.Tensor, scale: int, inner: Rect) -> np.ndarray:
    """(3, h, w) grey levels, the part `inner` of an enlargement of y, to `Engine.compute`'s (h, w, 4) uint8, and
    rounded in place."""
    found = consistency.compared(sharp, y, scale, inner).cpu().numpy()
    return found.view(np.uint8).reshape(*found.shape, 4)
