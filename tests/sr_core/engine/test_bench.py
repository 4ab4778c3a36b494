"""The engine's benchmark: what it counts and what it returns. Never how fast anything was."""

import numpy as np
import pytest
import torch

from sr_core.engine import bench
from sr_core.engine.bench import Job, Measurement, Sample, Timing
from sr_core.engine.engine import Engine
from sr_core.engine.lanes import LANES, share_out
from sr_core.image.geometry import TILE
from sr_core.networks.cost import multiply_adds
from sr_core.networks.zoo import load_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    y, x = np.mgrid[:300, : LANES * 256 + 54]
    return np.stack([120 + 60 * np.sin(x / 9 + c) * np.cos(y / 7) for c in range(3)], axis=-1).astype(np.uint8)


def timing(name: str, operations: int, output_pixels: int, *seconds: float) -> Timing:
    return Timing(name, operations, output_pixels, tuple(Sample(value, value) for value in seconds))


def test_jobs_take_turns_and_every_sample_is_kept():
    turns = []
    jobs = [Job("a", lambda: turns.append("a"), 10, 3), Job("b", lambda: turns.append("b"), 20)]
    timings = bench.time_jobs(jobs, 3)
    assert "".join(turns) == "ab" + 3 * "ab"
    assert [(t.name, t.operations, t.output_pixels, len(t.samples)) for t in timings] == [
        ("a", 10, 3, 3),
        ("b", 20, 0, 3),
    ]
    assert all(sample.seconds > 0 <= sample.cpu_seconds for t in timings for sample in t.samples)


def test_shares_are_of_the_fastest_convolution_of_the_networks_own_width_and_by_the_median():
    measured = Measurement(
        threads=2,
        precision="float32",
        width=32,
        ceiling={
            (32, "float32"): timing("slow", 100, 0, 1.0, 1.0),
            (32, "bfloat16"): timing("fast", 100, 0, 0.5, 0.1, 9.0),
            (128, "bfloat16"): timing("wide", 100, 0, 0.1),
        },
        plain=timing("plain", 50, 1000, 2.0),
        engine={4: timing("engine", 120, 3000, 1.0, 0.1, 5.0)},
        zoom={4: timing("zoom", 80, 2000, 1.0)},
    )
    assert measured.share_in_a_zoom(4) == pytest.approx(0.4)
    assert measured.ceiling_operations_per_second == 200
    assert measured.share_of_ceiling(4) == pytest.approx(0.6)
    assert measured.times_plain(4) == pytest.approx(6.0)


def test_halo_counts_as_waste(pixels):
    network = load_model("rdb-lite", 4)
    job, plain = bench.engine_job(Engine(network, CPU), pixels), bench.plain_job(network, pixels, CPU)
    lanes, _ = share_out(torch.get_num_threads())
    assert job.output_pixels == lanes * plain.output_pixels == lanes * 1024**2
    weights = 864 + 9216 + 6 * 35328 + 6144 + 9216 + 13824  # shallow, entry, blocks, fusion, smooth, head
    assert job.operations == lanes * plain.operations == lanes * 2 * weights * 256**2


def test_the_ceiling_is_of_all_widths_in_both_precisions_and_of_the_networks_own():
    jobs = bench.ceiling_jobs(CPU, 32)
    assert len({job.name for job in jobs.values()}) == 6
    assert {job.operations for job in jobs.values()} == {2 * 9 * width**2 * 256**2 for width in (32, 64, 128)}
    assert {width for width, _ in bench.ceiling_jobs(CPU, 24)} == {24, 32, 64, 128}
    widths = {name: bench.own_width(load_model(name, 4)) for name in ("rdb-file", "rdb-lite", "srresnet-lite", "srcnn")}
    assert widths == {"rdb-file": 32, "rdb-lite": 32, "srresnet-lite": 20, "srcnn": 64}


def test_engine_and_plain_way_give_nearly_the_same_picture(pixels):
    network = load_model("rdb-lite", 4)
    ours = bench.engine_job(Engine(network, CPU), pixels).run().pixels[..., :3]
    with torch.inference_mode():
        theirs = bench.plain_job(network, pixels, CPU).run()
    lanes, _ = share_out(torch.get_num_threads())
    assert ours.shape == (1024, lanes * 1024, 3)
    ours = ours[:, (lanes - 1) * 512 :][:, :1024]
    assert theirs.shape == ours.shape
    assert np.abs(ours.astype(float) - theirs).mean() < 3


def test_a_photograph_too_small_to_time_is_refused():
    with pytest.raises(ValueError, match="300x200 pixels is too small to time"):
        bench.plain_job(load_model("rdb-lite", 2), np.zeros((200, 300, 3), np.uint8), CPU)


def test_a_zoom_is_computed_in_the_workers_passes_once_each(pixels):
    engine = Engine(load_model("rdb-lite", 8), CPU)
    job = bench.zoom_job(engine, pixels)
    found = job.run()
    edge = bench.ZOOM_TILES * TILE
    assert job.output_pixels == edge**2
    assert len(found) == 3  # the first few tiles, and two halves around them
    assert edge**2 <= sum(part.pixels[..., 0].size for part in found[1:]) < 1.2 * edge**2
    assert job.operations == 2 * multiply_adds(engine.network.module, edge // 8, edge // 8)
