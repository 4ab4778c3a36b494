"""Blocks beside each other, each on processor threads of its own."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from sr_core.assets import asset_path
from sr_core.engine.engine import Engine
from sr_core.engine.lanes import LANES, Lanes, OfThread, share_out
from sr_core.image.geometry import Rect
from sr_core.image.photograph import load_photograph
from sr_core.networks.zoo import load_model


@pytest.mark.parametrize("threads", range(1, 70))
@pytest.mark.parametrize("blocks", [1, 2, 3, 100])
def test_no_more_threads_are_shared_out_than_there_are_and_few_are_left_over(threads, blocks):
    lanes, each = share_out(threads, blocks)
    assert 1 <= lanes <= min(LANES, blocks)
    assert threads - lanes < lanes * each <= threads


def test_answers_come_in_order_and_calls_beside_each_other():
    together = threading.Barrier(3)

    def call(number: int) -> int:
        together.wait(60)  # for two others: alone it would break
        return number

    lanes = Lanes(3, lambda: None)
    assert list(lanes.in_order(lambda n=n: call(n) for n in range(9))) == list(range(9))


def test_every_lane_is_prepared_and_has_values_of_its_own():
    kept = OfThread()
    names = set()

    def prepare() -> None:
        kept.value = threading.current_thread().name

    def call() -> bool:
        names.add(threading.current_thread().name)
        return kept.value == threading.current_thread().name

    assert all(Lanes(2, prepare).in_order(call for _ in range(20)))
    assert kept.value is None
    assert names


def test_an_error_is_raised_and_what_follows_is_not_begun():
    begun = []

    def call(number: int) -> None:
        begun.append(number)
        if number == 1:
            raise ValueError("the second")

    with pytest.raises(ValueError, match="the second"):
        list(Lanes(2, lambda: None).in_order(lambda n=n: call(n) for n in range(50)))
    assert max(begun) <= 4


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_a_region_in_lanes_is_the_same_as_block_by_block(two_threads):
    """The same blocks: to the last level, but where a sum in another order is rounded otherwise."""
    engine = Engine(load_model("rdb-lite", 2), torch.device("cpu"), torch.float32)
    pixels = load_photograph(asset_path("demo", "retina.jpg")).pixels
    region = Rect(500, 600, 300, 280)
    blocks = engine.blocks(pixels, region)
    assert len(blocks) > 2
    found = engine.upscale_marked(pixels, region).pixels
    assert torch.get_num_threads() == 2
    for block in blocks:
        place = block.target.shift(-region.x, -region.y).scale(2)
        difference = found[place.slices()].astype(int) - engine.compute(pixels, block).pixels
        assert np.abs(difference).max() <= 1
        assert np.count_nonzero(difference) < 1e-4 * difference.size
