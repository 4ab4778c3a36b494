"""The engine on a CUDA device: the processor's pixels, whatever the block, the precision and the memory.

`scripts/gpu_check.sh` runs these tests on a machine that has such a device; elsewhere they are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from sr_core.assets import asset_path
from sr_core.engine import consistency
from sr_core.engine.blocks import Block
from sr_core.engine.engine import Engine, EngineError, choose_device
from sr_core.engine.generator_cuda import CudaGenerator
from sr_core.image.geometry import Rect
from sr_core.image.photograph import load_photograph
from sr_core.image.resample import shrink
from sr_core.networks.zoo import load_model
from tests.helpers.fundus import HRF_BRIGHT, IDRID, hard_crops

pytestmark = pytest.mark.gpu

SCALES = (2, 4, 8)
CPU = torch.device("cpu")
EDGE = 160
DEMO = asset_path("demo", "retina.jpg")


@cache
def engine(scale: int, device: torch.device, precision: torch.dtype | None = None, model: str = "rdb-lite") -> Engine:
    return Engine(load_model(model, scale), device, precision)


@pytest.fixture(scope="module")
def crops() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Hard places of the bundled photograph, and where FUNDUSXR_DATA is set of two others: pixels and field of view."""
    paths = [DEMO]
    if folder := os.environ.get("FUNDUSXR_DATA"):
        paths += [Path(folder) / name for name in (HRF_BRIGHT, IDRID)]
    return {
        f"{path.stem} {place}": (pixels, field) for path in paths for place, pixels, field in hard_crops(path, EDGE)
    }


def tensor(pixels: np.ndarray, device: torch.device = CPU) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float32).transpose(2, 0, 1).copy()).to(device)


def apart(a: np.ndarray, b: np.ndarray) -> int:
    """The largest difference of two uint8 pictures, in grey levels."""
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b).max())


def test_auto_takes_the_device(cuda):
    assert choose_device("auto").type == choose_device("cuda").type == "cuda"
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize("precision", [None, torch.float32], ids=["own-precision", "float32"])
@pytest.mark.parametrize("scale", SCALES)
def test_the_device_gives_the_processors_pixels_within_one_grey_level(cuda, crops, scale, precision):
    for place, (pixels, _) in crops.items():
        expected = engine(scale, CPU, torch.float32).upscale(pixels)
        assert apart(engine(scale, cuda, precision).upscale(pixels), expected) <= 1, place


@pytest.mark.parametrize("model", ["rdb-lite-gan", "srresnet-lite", "srcnn"])
def test_other_networks_give_the_processors_pixels_too(cuda, crops, model):
    for place, (pixels, _) in crops.items():
        expected = engine(4, CPU, torch.float32, model).upscale(pixels)
        assert apart(engine(4, cuda, torch.float32, model).upscale(pixels), expected) <= 1, place


@pytest.mark.parametrize("scale", SCALES)
def test_alpha_tells_the_same_departure_as_on_the_processor(cuda, crops, scale):
    largest = 0
    for place, (pixels, _) in crops.items():
        expected = engine(scale, CPU, torch.float32).upscale_marked(pixels).pixels
        largest = max(largest, int(expected[..., 3].max()))
        assert apart(engine(scale, cuda, torch.float32).upscale_marked(pixels).pixels, expected) <= 1, place
    assert largest > 4


@pytest.mark.parametrize("scale", SCALES)
def test_what_the_device_computes_agrees_with_the_photograph(cuda, crops, scale):
    errors = []
    for pixels, field in crops.values():
        picture = engine(scale, cuda).upscale(pixels)
        errors.append(np.abs(shrink(picture.astype(np.float64), scale) - pixels)[field])
    found = np.concatenate(errors)
    assert found.max() <= 1.0
    assert np.mean(found <= 0.5) >= 0.999


@pytest.mark.parametrize("scale", SCALES)
def test_mending_on_the_device_comes_to_what_it_comes_to_on_the_processor(cuda, scale):
    pixels = np.full((90, 75, 3), 90, np.uint8)
    noise = np.random.default_rng(8).integers(0, 9, (2, 20, 20, 3))  # about black: there values clip
    pixels[22:42, 25:45], pixels[68:88, 2:22] = noise
    y = tensor(pixels)
    x = consistency.enlarge(y, scale) + 6 * torch.randn((3, 90 * scale, 75 * scale), generator=torch.manual_seed(1))
    expected = consistency.project(x, y, scale)
    found = consistency.project(x.to(cuda), y.to(cuda), scale)
    assert found.device.type == "cuda"
    assert 0 <= found.min() <= found.max() <= 255
    assert (found.cpu() - expected).abs().max() < 0.5
    before, after = (consistency.disagreement(picture.cpu(), y, scale).abs() for picture in (x.clamp(0, 255), found))
    assert after.max() < before.max() / 4


@pytest.mark.parametrize("scale", SCALES)
def test_the_recorded_graph_gives_what_the_network_gives_and_keeps_nothing_of_the_last_block(cuda, scale):
    generator = engine(scale, cuda)._generators.of(None)
    assert isinstance(generator, CudaGenerator)
    edge = engine(scale, cuda).bulk_edge + 2 * engine(scale, cuda).network.halo
    photograph = load_photograph(DEMO).pixels
    places = [photograph[at : at + edge, at : at + edge] for at in (200, 500, 800)]
    with torch.inference_mode(), torch.cuda.stream(generator.stream):
        for pixels in (*places, places[0]):
            grey = generator.upload(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]
            assert grey.shape == generator._input.shape
            replayed = generator(grey).clone()
            assert (replayed - generator._plain(grey)).abs().max() < 0.05


@pytest.mark.parametrize("scale", SCALES)
def test_blocks_of_odd_shapes_between_full_ones_give_the_processors_pixels(cuda, scale):
    """1x1 pixels, a line, a block at the border, and two full blocks with strips of a photograph's odd rest."""
    bulk = engine(scale, cuda).bulk_edge
    pixels = load_photograph(DEMO).pixels[300 : 300 + bulk + 131, 100 : 100 + 2 * bulk + 77]
    height, width = pixels.shape[:2]
    regions = [
        Rect(0, 0, width, height),
        Rect(width - 1, height - 1, 1, 1),
        Rect(0, 40, width, 1),
        Rect(17, 0, 3, height),
        Rect(bulk - 33, bulk - 9, 70, 61),
    ]
    exact = engine(scale, CPU, torch.float32).upscale_marked(pixels).pixels
    for region in regions:
        found = engine(scale, cuda, torch.float32).upscale_marked(pixels, region).pixels
        assert apart(found, exact[region.scale(scale).slices()]) <= 1, region


def test_engines_of_three_scales_computed_in_turns_do_not_disturb_each_other(cuda, crops):
    pixels = next(iter(crops.values()))[0]
    alone = {scale: engine(scale, cuda).upscale(pixels) for scale in SCALES}
    for _ in range(3):
        for scale in SCALES:
            assert np.array_equal(engine(scale, cuda).upscale(pixels), alone[scale])


def test_another_thread_than_the_one_that_made_the_engine_computes_the_same(cuda, crops):
    pixels = next(iter(crops.values()))[0]
    expected = engine(4, cuda).upscale(pixels)
    with ThreadPoolExecutor(1) as other:
        assert np.array_equal(other.submit(engine(4, cuda).upscale, pixels).result(), expected)


# --- lack of memory --------------------------------------------------------------------------------------------------


@contextmanager
def limited_to(size: int) -> Iterator[None]:
    """torch finds no more than so many bytes of the device's memory."""
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(size / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


def peak(compute) -> tuple[np.ndarray, int, int]:
    """What is computed, and the most bytes that were allocated and reserved for it."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    found = compute()
    return found, torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()


def refusals() -> int:
    """How often the device's memory did not suffice so far."""
    return torch.cuda.memory_stats()["num_ooms"]


@pytest.fixture
def large(cuda) -> tuple[Engine, np.ndarray, Block]:
    """An engine, a photograph, and nearly all of it as one block."""
    pixels = load_photograph(DEMO).pixels
    height, width = pixels.shape[:2]
    exact = engine(4, cuda, torch.float32)
    source = Rect(100, 100, width - 201, height - 203)
    return exact, pixels, Block(source.pad(-exact.network.halo), source)


def test_a_block_for_which_the_devices_memory_does_not_suffice_is_computed_in_its_halves(large):
    exact, pixels, block = large
    whole, needed, _ = peak(lambda: exact._compute(pixels, block).pixels)
    _, _, enough = peak(lambda: exact._compute_halves(pixels, block))
    assert enough < needed
    before = refusals()
    with limited_to((enough + needed) // 2):
        halves = exact.compute(pixels, block).pixels
    assert refusals() > before
    assert apart(halves, whole) <= 1


def test_where_the_halves_find_no_memory_either_it_is_told_and_smaller_blocks_go_on(large):
    exact, pixels, block = large
    small = Rect(200, 200, 48, 48)
    expected = exact.upscale(pixels, small)
    torch.cuda.empty_cache()
    with limited_to(torch.cuda.memory_reserved() + (64 << 20)):
        with pytest.raises(EngineError, match="not enough memory for"):
            exact.compute(pixels, block)
        assert apart(exact.upscale(pixels, small), expected) <= 1
    assert apart(exact.upscale(pixels, small), expected) <= 1
