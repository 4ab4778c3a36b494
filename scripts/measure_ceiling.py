"""Estimate the possible gain on each test photograph, and how much of it the lite generator achieves.

    FUNDUSXR_DATA=~/fundus .venv/bin/python scripts/measure_ceiling.py [SCALE ...]

A photograph's noise cannot be computed from its reduction, and in blocks without structure it is nearly all that is
left. So the network's mean squared error in the tenth of all blocks where it is lowest is taken as the noise, and the
possible gain is the gain over bicubic of a method that left only this error everywhere. It is an estimate: noise
differs with brightness. Prints the table of docs/training.md; nothing is chosen by it.
"""

from __future__ import annotations

import sys

import numpy as np

from sr_core.image.resample import enlarge_bicubic, to_uint8
from sr_core.networks.zoo import SCALES, load_model
from sr_core.study.comparison.evaluation import Upscale, bare_network
from sr_core.study.comparison.metrics import scored_pixels
from sr_core.study.data.references import Reference, data_root, load_references, load_split, shrink_reference

BLOCK = 32
"""The side in pixels of the photograph: enough to average noise, small enough to fit between vessels."""

QUIETEST = 10
"""The percentile of the blocks' errors that is taken as the noise."""


def block_errors(picture: np.ndarray, reference: Reference, scale: int) -> np.ndarray:
    """Return the mean squared error, in squared grey levels, of each block that is scored entirely; float64
    (blocks,)."""
    inside = scored_pixels(reference.field, reference.pixels.shape, scale)
    error = ((picture.astype(np.float64) - reference.pixels) ** 2).mean(axis=2)
    rows, columns = (side // BLOCK for side in error.shape)
    tiled = (rows, BLOCK, columns, BLOCK)
    error, inside = (array[: rows * BLOCK, : columns * BLOCK].reshape(tiled) for array in (error, inside))
    return error.mean(axis=(1, 3))[inside.all(axis=(1, 3))]


def gains(reference: Reference, scale: int, network: Upscale) -> tuple[float, float]:
    """Return the gain in dB over bicubic (a = -0.5), over those blocks: the network's, and the possible one."""
    small = shrink_reference(reference, scale)
    bicubic = block_errors(to_uint8(enlarge_bicubic(small, scale)), reference, scale).mean()
    errors = block_errors(network(small, scale), reference, scale)
    found, most = (float(10 * np.log10(bicubic / left)) for left in (errors.mean(), np.percentile(errors, QUIETEST)))
    return found, most


def main() -> None:
    root = data_root()
    known = {str(scale): scale for scale in SCALES}
    wanted = sys.argv[1:] or list(known)
    if unknown := [word for word in wanted if word not in known]:
        sys.exit(f"no scale {unknown[0]}; there are {', '.join(known)}")
    scales = [known[word] for word in wanted]
    names = [name for name in load_split("fundus").test if name.startswith("HRF/")]
    networks = {scale: bare_network(load_model("rdb-lite", scale).module) for scale in scales}
    print("| photograph | " + " | ".join(f"x{scale}: gained | the most there is" for scale in scales) + " |")
    print("| --- |" + " ---: |" * 2 * len(scales))
    for reference in load_references(root, names):
        cells = [f"{gain:+.2f} dB" for scale in scales for gain in gains(reference, scale, networks[scale])]
        print(f"| {reference.name.rpartition('/')[2].partition('.')[0]} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
