"""How many photograph pixels a block needs around it with given weights. It is measured, because a trained network sees
far less widely than its layers allow."""

from __future__ import annotations

import numpy as np

from sr_core.engine.blocks import Block, plan_blocks
from sr_core.engine.consistency import REACH
from sr_core.engine.engine import Engine
from sr_core.image.geometry import Rect

MAX_DIFFERENCE = 1
"""The most by which a value computed in blocks may differ from one computed in a single pass, in grey levels."""

MAX_SHARE = 1e-4
"""The largest fraction of values that may differ at all."""

BLOCKS = 3
"""The minimum number of blocks per side into which the measurement cuts its photograph: one then has neighbours all
round."""


def measure_halo(engine: Engine, pixels: np.ndarray) -> int:
    """Return the smallest halo, in photograph pixels, with which blocks agree with one pass over all of `pixels`.

    `pixels` is (H, W, 3) uint8, a crop of a real photograph that fits one pass: about 200 to 300 pixels a side, and at
    least six times the expected halo. Agreement: no value differs by more than MAX_DIFFERENCE and fewer than MAX_SHARE
    differ. Take the largest result of several photographs, and an engine in float32: until the halo is as wide as the
    layers reach, bfloat16's own rounding alone changes more than MAX_SHARE of the values by one grey level. The search
    is a bisection, up to the reach of the layers plus that of the consistency.
    """
    whole = _one_pass(engine, pixels)
    low, high = 0, engine.network.config.receptive_radius + REACH
    while low < high:
        halo = (low + high) // 2
        worst, share = _compare(engine, pixels, whole, halo)
        if worst <= MAX_DIFFERENCE and share < MAX_SHARE:
            high = halo
        else:
            low = halo + 1
    return high


def agreement(engine: Engine, pixels: np.ndarray, halo: int) -> tuple[int, float]:
    """Return the largest difference in grey levels between blocks with this halo and one pass over `pixels`, and the
    fraction of values that differ."""
    return _compare(engine, pixels, _one_pass(engine, pixels), halo)


def _one_pass(engine: Engine, pixels: np.ndarray) -> np.ndarray:
    everything = _bounds(pixels)
    return engine.compute(pixels, Block(everything, everything)).pixels[..., :3]


def _compare(engine: Engine, pixels: np.ndarray, whole: np.ndarray, halo: int) -> tuple[int, float]:
    bounds = _bounds(pixels)
    edge = min(engine.block_edge, max(1, min(bounds.w, bounds.h) // BLOCKS))
    worst = differing = 0
    for block in plan_blocks(bounds, bounds, edge, halo):
        expected = whole[block.target.scale(engine.scale).slices()]
        difference = np.abs(engine.compute(pixels, block).pixels[..., :3].astype(np.int16) - expected)
        worst = max(worst, int(difference.max()))
        differing += np.count_nonzero(difference)
    return worst, float(differing / whole.size)


def _bounds(pixels: np.ndarray) -> Rect:
    return Rect(0, 0, pixels.shape[1], pixels.shape[0])
