"""Measure the engine's speed against the fastest convolutions of the processor, and against the plain method.

The jobs are timed in turn, so that another program's load affects all of them alike, with torch's current number of
threads; raw samples are kept. Useful work is the network's multiply-adds per photograph pixel delivered: halo,
enlargement and the agreement with the photograph take time but do not count.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch
from torch import nn

from sr_core.engine.blocks import Block, block_for, first_group, next_group
from sr_core.engine.engine import Engine
from sr_core.engine.lanes import share_out
from sr_core.image.geometry import TILE, Rect, TileKey
from sr_core.networks.cost import multiply_adds
from sr_core.networks.generator import channels_last
from sr_core.networks.zoo import LoadedNetwork

CPU = torch.device("cpu")

CEILING_CHANNELS = (32, 64, 128)
CEILING_EDGE = 256
"""Side in pixels of the feature maps that the ceiling convolves."""

PLAIN_EDGE, PLAIN_PAD = 256, 10
"""Tiles of the plain method: side in photograph pixels, and padding around each."""


@dataclass(frozen=True)
class Sample:
    """One run: wall-clock seconds, and processor seconds of all the process's threads."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Job:
    """Something to time. `operations`: useful operations per run; a multiply-add counts as two. `output_pixels`: pixels
    delivered."""

    name: str
    run: Callable[[], object]
    operations: int
    output_pixels: int = 0


@dataclass(frozen=True)
class Timing:
    """The samples of one job."""

    name: str
    operations: int
    output_pixels: int
    samples: tuple[Sample, ...]

    @property
    def seconds(self) -> float:
        """The median of the wall-clock times."""
        return median(sample.seconds for sample in self.samples)

    @property
    def operations_per_second(self) -> float:
        return self.operations / self.seconds

    @property
    def pixels_per_second(self) -> float:
        return self.output_pixels / self.seconds


@dataclass(frozen=True)
class Measurement:
    """Timings of one interleaved run. `ceiling` has one per width (channels) and precision, `engine` (regions in bulk)
    and `zoom` (the passes of a zoom in the viewer) one per scale. `width`: the channels of the network's own layers."""

    threads: int
    precision: str
    width: int
    ceiling: dict[tuple[int, str], Timing]
    plain: Timing
    engine: dict[int, Timing]
    zoom: dict[int, Timing]

    @property
    def own_ceiling(self) -> Timing:
        """Of convolutions as wide as the network's own, in the faster precision: wider ones reach more, but no network
        of this width can."""
        own = [timing for (channels, _), timing in self.ceiling.items() if channels == self.width]
        return max(own, key=lambda timing: timing.operations_per_second)

    @property
    def ceiling_operations_per_second(self) -> float:
        return self.own_ceiling.operations_per_second

    def share_of_ceiling(self, scale: int) -> float:
        """Useful operations per second at a scale over those of the ceiling at the network's own width."""
        return self.engine[scale].operations_per_second / self.ceiling_operations_per_second

    def share_in_a_zoom(self, scale: int) -> float:
        """Return the same fraction for the passes of a zoom."""
        return self.zoom[scale].operations_per_second / self.ceiling_operations_per_second

    def times_plain(self, scale: int = 4) -> float:
        """Return output pixels per second as a multiple of the plain method's, measured at the same scale."""
        return self.engine[scale].pixels_per_second / self.plain.pixels_per_second


def own_width(network: LoadedNetwork) -> int:
    """Channels of the maps that go from block to block; of a network without blocks the most that any layer makes."""
    features = getattr(network.config, "features", None)
    return features or max(layer.out_channels for layer in network.module.modules() if isinstance(layer, nn.Conv2d))


def ceiling_jobs(device: torch.device, width: int) -> dict[tuple[int, str], Job]:
    """3x3 convolutions of as many maps as they make, in float32 and bfloat16: `width` and CEILING_CHANNELS."""
    jobs = {}
    for channels in sorted({width, *CEILING_CHANNELS}):
        for precision in (torch.float32, torch.bfloat16):
            layer = nn.Conv2d(channels, channels, 3, padding=1).requires_grad_(False)
            layer = channels_last(layer.to(device, precision))
            x = torch.ones(1, channels, CEILING_EDGE, CEILING_EDGE, dtype=precision, device=device)
            x = x.contiguous(memory_format=torch.channels_last)
            of = str(precision).removeprefix("torch.")
            operations = 2 * channels**2 * 9 * CEILING_EDGE**2
            jobs[channels, of] = Job(f"{channels} channels, {of}", lambda layer=layer, x=x: layer(x), operations)
    return jobs


def plain_job(network: LoadedNetwork, pixels: np.ndarray, device: torch.device) -> Job:
    """Return a job for one tile from the middle of a photograph, (H, W, 3) uint8, by the usual method: float32, NCHW,
    eager, 256 pixels padded by 10; added to torch's bicubic enlargement, without agreement."""
    block = _middle(pixels, PLAIN_EDGE, PLAIN_PAD)
    scale = network.config.scale
    inner = block.target.shift(-block.source.x, -block.source.y).scale(scale)
    module = copy.deepcopy(network.module).to(device)

    def run() -> np.ndarray:
        grey = torch.from_numpy(np.ascontiguousarray(pixels[block.source.slices()].transpose(2, 0, 1)))
        tile = grey[None].to(device) / 255.0
        sharp = module(tile) + nn.functional.interpolate(tile, scale_factor=scale, mode="bicubic")
        cut = sharp[0][(slice(None), *inner.slices())]
        return (cut.clamp(0, 1) * 255.0).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()

    return Job(f"plain x{scale}", run, _useful(network, block), block.target.area * scale**2)


def engine_job(engine: Engine, pixels: np.ndarray) -> Job:
    """Return a job for one bulk block per lane, from the middle of a photograph, (H, W, 3) uint8, from pixels to
    pixels."""
    lanes, _ = share_out(torch.get_num_threads())
    block = _middle(pixels, engine.bulk_edge, engine.network.halo, across=lanes)
    return Job(
        f"engine x{engine.scale}",
        lambda: engine.upscale_marked(pixels, block.target),
        _useful(engine.network, block),
        block.target.area * engine.scale**2,
    )


ZOOM_TILES = 17
"""The minimum number of tiles a side that a zoom by the network's scale brings into a picture of 1024 pixels."""


def zoom_job(engine: Engine, pixels: np.ndarray) -> Job:
    """Return a job for the passes that the worker makes after a zoom to the middle of a photograph."""
    level = engine.scale.bit_length() - 1
    bounds = Rect(0, 0, pixels.shape[1], pixels.shape[0])
    col, row = ((side * engine.scale // TILE - ZOOM_TILES) // 2 for side in (bounds.w, bounds.h))
    left = [TileKey(0, level, *at) for at in Rect(col, row, ZOOM_TILES, ZOOM_TILES).points()]
    middle = [at + (ZOOM_TILES - 1) / 2 for at in (col, row)]
    left.sort(key=lambda key: (key.col - middle[0]) ** 2 + (key.row - middle[1]) ** 2)
    groups = [first_group(left, bounds)]
    while left := [key for key in left if key not in groups[-1].tiles]:
        groups.append(next_group(left, bounds))
    blocks = [block_for(group.target, bounds, engine.scale, engine.network.halo) for group in groups]
    edge = ZOOM_TILES * TILE // engine.scale
    useful = _useful(engine.network, _middle(pixels, edge, engine.network.halo))
    shown = (edge * engine.scale) ** 2
    return Job(f"zoom x{engine.scale}", lambda: list(engine.compute_all(pixels, blocks)), useful, shown)


def _middle(pixels: np.ndarray, edge: int, pad: int, across: int = 1) -> Block:
    """Return `across` squares of `edge` pixels side by side."""
    height, width = pixels.shape[:2]
    target = Rect((width - across * edge) // 2, (height - edge) // 2, across * edge, edge)
    block = Block(target, target.pad(pad))
    if not Rect(0, 0, width, height).contains(block.source):
        needed = f"{block.source.w}x{block.source.h}"
        raise ValueError(f"a photograph of {width}x{height} pixels is too small to time; it takes {needed}")
    return block


def _useful(network: LoadedNetwork, block: Block) -> int:
    return 2 * multiply_adds(network.module, block.target.h, block.target.w)


def time_jobs(jobs: Sequence[Job], rounds: int, warm_up: bool = True) -> tuple[Timing, ...]:
    """Run every job once without timing (`warm_up`), then `rounds` times in turn."""
    samples: list[list[Sample]] = [[] for _ in jobs]
    with torch.inference_mode():
        for job in jobs if warm_up else ():
            job.run()
        for _ in range(rounds):
            for job, taken in zip(jobs, samples, strict=True):
                start, cpu_start = time.perf_counter(), time.process_time()
                job.run()
                _finish()
                taken.append(Sample(time.perf_counter() - start, time.process_time() - cpu_start))
    return tuple(
        Timing(job.name, job.operations, job.output_pixels, tuple(taken))
        for job, taken in zip(jobs, samples, strict=True)
    )


def _finish() -> None:
    """Wait for the graphics card, whose calls return before the work is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def measure(
    networks: Sequence[LoadedNetwork],
    pixels: np.ndarray,
    rounds: int,
    plain_scale: int = 4,
    threads: int | None = None,
    device: torch.device = CPU,
    warm_up: bool = True,
) -> Measurement:
    """Time ceiling, plain method (at `plain_scale`) and engine (at the scale of each network) in turn, with `threads`
    processor threads (None: torch's current number). `warm_up`: after one run of each that does not count."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        return _measure(networks, pixels, rounds, plain_scale, device, warm_up)
    finally:
        torch.set_num_threads(before)


def _measure(
    networks: Sequence[LoadedNetwork],
    pixels: np.ndarray,
    rounds: int,
    plain_scale: int,
    device: torch.device,
    warm_up: bool,
) -> Measurement:
    engines = [Engine(network, device) for network in networks]
    plain = next(network for network in networks if network.config.scale == plain_scale)
    width = own_width(plain)
    ceiling = ceiling_jobs(device, width)
    bulk = [engine_job(engine, pixels) for engine in engines]
    zooms = [zoom_job(engine, pixels) for engine in engines]
    timings = time_jobs([*ceiling.values(), plain_job(plain, pixels, device), *bulk, *zooms], rounds, warm_up)
    scales = [engine.scale for engine in engines]
    by_scale = timings[len(ceiling) + 1 :]
    return Measurement(
        threads=torch.get_num_threads(),
        precision=str(engines[0].precision).removeprefix("torch."),
        width=width,
        ceiling=dict(zip(ceiling, timings, strict=False)),
        plain=timings[len(ceiling)],
        engine=dict(zip(scales, by_scale[: len(scales)], strict=True)),
        zoom=dict(zip(scales, by_scale[len(scales) :], strict=True)),
    )
