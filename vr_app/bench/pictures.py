"""Make photographs of a given size to measure with: the bundled one enlarged, with every file different."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from sr_core.assets import asset_path
from sr_core.image.photograph import load_photograph

GRAIN = 4.0
"""Standard deviation of the added noise, in grey levels: a smooth enlargement would be too easy to decode."""

QUALITY = 92

ABOUT = "the bundled photograph enlarged (bicubic), with grain, as JPEG of quality 92"


def write_photographs(
    folder: Path, size: tuple[int, int], count: int = 1, done: Callable[[], None] = lambda: None
) -> tuple[Path, ...]:
    """Write `count` JPEG files of `size` (width, height) pixels; `done` is called after each.

    The picture is cropped to the size's proportions around its middle, so that its field of view stays a circle. Each
    file's grain is shifted and its brightness differs, so that no two have the same pixels.
    """
    bundled = Image.fromarray(load_photograph(asset_path("demo", "retina.jpg")).pixels)
    scale = max(size[0] / bundled.width, size[1] / bundled.height)
    beside, above = (bundled.width - size[0] / scale) / 2, (bundled.height - size[1] / scale) / 2
    box = (beside, above, bundled.width - beside, bundled.height - above)
    enlarged = np.asarray(bundled.resize(size, Image.Resampling.BICUBIC, box=box))
    grain = np.random.default_rng(0).normal(0, GRAIN, (size[1], size[0], 1)).astype(np.float32)
    paths = []
    for index in range(count):
        noise = np.roll(grain, 7 * index, axis=1) - index % 16
        pixels = np.empty_like(enlarged)
        for rows in np.array_split(np.arange(size[1]), max(1, size[1] // 512)):  # in strips: 100 MP fit in memory
            strip = slice(rows[0], rows[-1] + 1)
            pixels[strip] = np.clip(enlarged[strip] + noise[strip], 0, 255)
        path = folder / f"{size[0]}x{size[1]}-{index:02}.jpg"
        Image.fromarray(pixels).save(path, quality=QUALITY)
        paths.append(path)
        done()
    return tuple(paths)
