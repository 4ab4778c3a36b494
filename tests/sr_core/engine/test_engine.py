"""The generator in blocks: the same pixels as in one pass, whatever the region, the block and the precision."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from sr_core.engine import consistency
from sr_core.engine import engine as engine_module
from sr_core.engine.blocks import Block
from sr_core.engine.engine import Engine, EngineError, choose_device
from sr_core.engine.halo import MAX_DIFFERENCE, MAX_SHARE, agreement, measure_halo
from sr_core.engine.lanes import share_out
from sr_core.image import resample
from sr_core.image.geometry import Rect
from sr_core.networks.zoo import load_model
from tests.helpers.fundus import HRF_BRIGHT, IDRID, hard_crops

SCALES = (2, 4, 8)
CPU = torch.device("cpu")
needs_bf16 = pytest.mark.skipif(
    not torch.cpu._is_avx512_bf16_supported(), reason="this processor multiplies no bfloat16 (AVX-512 BF16)"
)


@cache
def engine(scale: int, precision: torch.dtype | None = None) -> Engine:
    return Engine(load_model("rdb-lite", scale), CPU, precision)


@pytest.fixture(scope="module")
def crops(fundus_data) -> dict[str, np.ndarray]:
    """The optic disc of one photograph and the rim of another, 160 pixels a side."""
    disc = {name: pixels for name, pixels, _ in hard_crops(fundus_data / HRF_BRIGHT, 160)}["brightest"]
    rim = {name: pixels for name, pixels, _ in hard_crops(fundus_data / IDRID, 160)}["left rim"]
    return {"disc": disc, "rim": rim}


def texture(height: int, width: int) -> np.ndarray:
    """Smooth colours with edges, read-only as photographs are."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 3.0 + c) * np.cos(y / (4.0 + c)) + (x // 20 + y // 20) % 2 for c in range(3)]
    pixels = np.clip(110 + 60 * np.stack(waves, axis=-1), 0, 255).astype(np.uint8)
    pixels.setflags(write=False)
    return pixels


@pytest.mark.parametrize("scale", SCALES)
def test_blocks_equal_one_pass_within_one_grey_level_on_real_photographs(crops, scale):
    for pixels in crops.values():
        worst, share = agreement(engine(scale), pixels, engine(scale).network.halo)
        assert worst <= MAX_DIFFERENCE
        assert share < 0.005  # of bfloat16: in float32 see below


@pytest.mark.parametrize("scale", SCALES)
def test_the_halo_of_the_weights_card_is_wide_enough_for_other_photographs_than_it_was_measured_on(crops, scale):
    exact = engine(scale, torch.float32)
    for pixels in crops.values():
        worst, share = agreement(exact, pixels, exact.network.halo)
        assert worst <= MAX_DIFFERENCE
        assert share < 3 * MAX_SHARE  # processors sum in different orders: 2.1 times on one with AVX2 alone


def test_the_measurement_finds_the_least_halo(crops):
    exact = engine(4, torch.float32)
    measured = measure_halo(exact, crops["disc"])
    assert measured > 0
    worst, share = agreement(exact, crops["disc"], measured)
    assert worst <= MAX_DIFFERENCE
    assert share < MAX_SHARE
    worst, share = agreement(exact, crops["disc"], measured - 1)
    assert worst > MAX_DIFFERENCE or share >= MAX_SHARE


@needs_bf16
@pytest.mark.parametrize("scale", SCALES)
def test_bfloat16_equals_float32_within_one_grey_level_on_real_photographs(crops, scale):
    for pixels in crops.values():
        half = engine(scale, torch.bfloat16).upscale(pixels)
        full = engine(scale, torch.float32).upscale(pixels)
        assert np.abs(half.astype(int) - full).max() <= 1


@pytest.mark.parametrize("scale", SCALES)
def test_the_engine_equals_the_network_as_torch_computes_it_within_one_grey_level_on_real_photographs(crops, scale):
    network = load_model("rdb-lite", scale)
    for pixels in crops.values():
        y = torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32))
        with torch.inference_mode():
            residual = network.module(y[None] / 255.0)[0] * 255.0
        plain = consistency.project(consistency.enlarge(y, scale) + residual, y, scale).round()
        for precision in (torch.float32, None):
            found = engine(scale, precision).upscale(pixels).transpose(2, 0, 1)
            assert np.abs(found - plain.numpy()).max() <= 1


@pytest.mark.parametrize("scale", SCALES)
def test_a_region_is_its_part_of_the_whole(scale):
    pixels, region = texture(150, 190), Rect(33, 71, 101, 79)
    whole = engine(scale, torch.float32).upscale(pixels)
    part = engine(scale, torch.float32).upscale(pixels, region)
    assert part.shape == (region.h * scale, region.w * scale, 3)
    assert np.abs(part.astype(int) - whole[region.scale(scale).slices()]).max() <= 1


@pytest.mark.parametrize("scale", SCALES)
def test_the_smallest_photograph_and_the_smallest_region_work(scale):
    pixels = texture(16, 16)
    assert engine(scale).upscale(pixels).shape == (16 * scale, 16 * scale, 3)
    assert engine(scale).upscale(pixels, Rect(15, 0, 1, 1)).shape == (scale, scale, 3)


def departure(finished: np.ndarray, photograph: np.ndarray, scale: int) -> np.ndarray:
    """|RGB - W+ y|, the largest over the channels, in double precision and over the whole photograph."""
    rows, columns = (resample.pseudo_inverse(n, scale) for n in photograph.shape[:2])
    alone = np.einsum("ij,jkc,lk->ilc", rows, photograph.astype(float), columns, optimize=True)
    return np.abs(finished.astype(float) - alone.clip(0, 255)).max(axis=2)


@pytest.mark.parametrize("scale", SCALES)
def test_alpha_tells_how_far_real_photographs_were_departed_from(crops, scale):
    for pixels in crops.values():
        found = engine(scale).upscale_marked(pixels).pixels
        expected = departure(found[..., :3], pixels, scale)
        assert expected.max() > 1
        assert np.abs(found[..., 3] - expected).max() <= 1


@pytest.mark.parametrize("scale", SCALES)
def test_alpha_tells_how_far_noise_and_edges_were_departed_from_in_blocks_too(scale):
    pixels = texture(150, 190).copy()
    pixels[:, 120:] = np.random.default_rng(3).integers(0, 256, (150, 70, 3))
    # Noise clips everywhere, and mending makes more of what bfloat16's blocks differ by from the whole.
    exact = engine(scale, torch.float32)
    found = exact.upscale_marked(pixels).pixels
    expected = departure(found[..., :3], pixels, scale).clip(0, 255)
    assert expected.max() > 60
    assert np.abs(found[..., 3] - expected).max() <= 1
    part = Rect(33, 71, 101, 79)
    assert np.abs(exact.upscale_marked(pixels, part).pixels[..., 3] - expected[part.scale(scale).slices()]).max() <= 2


def untrained(scale: int, agrees: bool) -> Engine:
    """A network whose every weight is zero."""
    network = load_model("rdb-lite", scale)
    for weights in network.module.parameters():
        weights.zero_()
    return Engine(replace(network, card=network.card | {"agrees": agrees}), CPU, torch.float32)


@pytest.mark.parametrize("scale", SCALES)
def test_without_weights_alpha_is_what_bicubic_enlargement_invents(scale):
    """A network that restores is not projected: then the picture is the enlargement itself. One that agrees keeps of it
    what the photograph does not determine, so that it departs no further."""
    pixels = texture(60, 70)
    bicubic = resample.to_uint8(resample.enlarge_bicubic(pixels.astype(np.float32), scale))
    restored, agreeing = (untrained(scale, agrees).upscale_marked(pixels).pixels for agrees in (False, True))
    expected = departure(bicubic, pixels, scale)
    assert expected.max() > 10
    assert np.abs(restored[..., :3].astype(int) - bicubic).max() <= 1
    assert np.abs(restored[..., 3] - expected).max() <= 2
    assert np.abs(agreeing[..., 3] - departure(agreeing[..., :3], pixels, scale)).max() <= 1
    assert 0 < agreeing[..., 3].mean() < expected.mean()


def test_marked_pixels_are_the_upscaled_ones():
    marked = engine(4).upscale_marked(texture(40, 50)).pixels
    assert marked.shape == (160, 200, 4)
    assert np.array_equal(marked[..., :3], engine(4).upscale(texture(40, 50)))


def test_progress_counts_the_blocks():
    told = []
    engine(2).upscale(texture(100, 600), progress=lambda done, count: told.append((done, count)))
    count = len(engine(2).blocks(texture(100, 600), Rect(0, 0, 600, 100)))
    assert count > 2
    assert told == [(i, count) for i in range(1, count + 1)]


def test_engines_of_one_network_do_not_disturb_each_other():
    network = load_model("rdb-lite", 4)
    full = Engine(network, CPU, torch.float32)
    block = Block(Rect(0, 0, 40, 40), Rect(0, 0, 40, 40))
    before = full.compute(texture(40, 40), block).pixels
    Engine(network, CPU, torch.bfloat16).compute(texture(40, 40), block)
    assert np.array_equal(full.compute(texture(40, 40), block).pixels, before)
    assert next(network.module.parameters()).dtype is torch.float32


class Starved:
    """A generator for which memory suffices up to so many pixels."""

    def __init__(self, generator, pixels: int, error: Exception) -> None:
        self.generator, self.pixels, self.error, self.refused = generator, pixels, error, 0

    def __call__(self, grey: torch.Tensor) -> torch.Tensor:
        if grey[0, 0].numel() <= self.pixels:
            return self.generator(grey)
        self.refused += 1
        raise self.error


OUT_OF_MEMORY = (
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: not enough memory: you tried to allocate"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4294967296 bytes. Error code 12"),
)


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_a_block_without_memory_is_computed_in_its_halves(monkeypatch, error):
    exact, pixels = engine(4, torch.float32), texture(120, 140)
    block = Block(Rect(20, 15, 90, 80), Rect(20, 15, 90, 80).pad(exact.network.halo))
    whole = exact.compute(pixels, block).pixels
    starved = Starved(exact._generators.of(None), block.source.area - 1, error)
    monkeypatch.setattr(exact._generators, "of", lambda coding: starved)
    halves = exact.compute(pixels, block).pixels
    assert starved.refused == 1
    assert halves.shape == whole.shape
    assert np.abs(halves.astype(int) - whole).max() <= 1


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_where_the_halves_find_no_memory_either_it_is_told(monkeypatch, error):
    exact = Engine(load_model("rdb-lite", 4), CPU, torch.float32)
    starved = Starved(exact._generators.of(None), 50, error)
    monkeypatch.setattr(exact._generators, "of", lambda coding: starved)
    with pytest.raises(EngineError, match="not enough memory for 60x50 photograph pixels at x4"):
        exact.upscale(texture(50, 60))
    assert starved.refused == 2


def test_another_error_is_not_taken_for_a_lack_of_memory(monkeypatch):
    exact = Engine(load_model("rdb-lite", 4), CPU, torch.float32)
    starved = Starved(exact._generators.of(None), 50, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    monkeypatch.setattr(exact._generators, "of", lambda coding: starved)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        exact.upscale(texture(50, 60))
    assert starved.refused == 1


def test_who_stops_asking_for_results_stops_the_work(monkeypatch):
    begun = []
    compute = Engine.compute
    monkeypatch.setattr(
        Engine, "compute", lambda self, pixels, block, *file: begun.append(block) or compute(self, pixels, block, *file)
    )
    results = engine(2).results(texture(40, 2000), Rect(0, 0, 2000, 40))
    assert begun == []
    assert next(results).computed.pixels.shape[0] == 80
    results.close()
    lanes, _ = share_out(torch.get_num_threads())
    assert 1 <= len(begun) <= lanes + 1 < len(engine(2).blocks(texture(40, 2000), Rect(0, 0, 2000, 40)))


@pytest.mark.parametrize("scale", SCALES)
def test_warming_up_changes_no_result(scale):
    pixels = texture(60, 50)
    before = engine(scale).upscale(pixels)
    engine(scale).warm_up(60, 60)
    assert np.array_equal(engine(scale).upscale(pixels), before)


@pytest.mark.parametrize("region", [Rect(-1, 0, 5, 5), Rect(0, 0, 5, 0), Rect(30, 0, 11, 5), Rect(0, 500, 1, 1)])
def test_a_region_outside_the_photograph_is_refused_with_its_size(region):
    with pytest.raises(EngineError, match="does not lie inside the photograph of 40x40 pixels"):
        engine(2).upscale(texture(40, 40), region)


def test_a_result_too_large_for_memory_is_refused_before_any_is_taken():
    endless = np.broadcast_to(np.uint8(0), (20_000, 20_000, 3))
    with pytest.raises(EngineError, match=f"more than {engine_module.MAX_OUTPUT_PIXELS // 10**6} megapixels"):
        engine(2).upscale(endless)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the CUDA device that must be missing")
def test_a_device_that_is_not_there_is_refused_by_name_and_not_missed_by_auto():
    with pytest.raises(EngineError, match=r"--device cuda: .* finds no CUDA device"):
        choose_device("cuda")
    assert choose_device("auto") == choose_device("cpu") == CPU
