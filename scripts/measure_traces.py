"""How often a JPEG file that was saved again as another kind of picture is found, and how often one is seen where none
was, as docs/agreement.md tells.

    FUNDUSXR_DATA=~/fundus .venv/bin/python scripts/measure_traces.py [PHOTOGRAPHS]

PHOTOGRAPHS (40) of the training and validation photographs, evenly spread, are reduced 2, 4 and 5.3 times, which leaves
nothing of their own files, and saved: at each quality with chroma halved or whole, cut by 0 to 15 pixels, some resized
afterwards. No test photograph is looked at.
"""

from __future__ import annotations

import io
import sys
from collections import Counter

import numpy as np

from sr_core.image.jpeg_traces import Traces, find_traces
from sr_core.image.photograph import jpeg_bytes, load_photograph, picture_of
from sr_core.image.resample import resize, to_uint8
from sr_core.study.comparison.results import spread
from sr_core.study.data.references import data_root, load_split

QUALITIES = (50, 75, 85, 90, 92, 95, 96, 97)
FACTORS = (2.0, 4.0, 5.3)


def main() -> None:
    split, rng = load_split("fundus-files"), np.random.default_rng(1)
    names = spread([*split.validation, *split.train], int(sys.argv[1]) if len(sys.argv) > 1 else 40)
    found, told = Counter(), {quality: [] for quality in QUALITIES}
    for name in names:
        pixels = load_photograph(data_root() / name).pixels
        factor = FACTORS[int(rng.integers(3))]
        small = to_uint8(resize(pixels, *(round(side / factor) for side in pixels.shape[:2])))
        found["clean", find_traces(small) is not None] += 1
        for quality in QUALITIES:
            saved = picture_of(io.BytesIO(jpeg_bytes(small, quality, ("4:2:0", "4:4:4")[int(rng.integers(2))])))
            x, y = (int(shift) for shift in rng.integers(16, size=2))
            traces = find_traces(saved[y:, x:])
            found[quality, _place(traces, x, y)] += 1
            told[quality] += [traces.quality] if traces else []
        resized = to_uint8(resize(saved, *(round(side * 0.9) for side in saved.shape[:2])))
        found["resized to 90 % (from quality 97)", find_traces(resized) is not None] += 1
        coarse = picture_of(io.BytesIO(jpeg_bytes(small, 50, "4:2:0")))
        resized = to_uint8(resize(coarse, *(round(side * 0.9) for side in coarse.shape[:2])))
        found["resized to 90 % (from quality 50)", find_traces(resized) is not None] += 1
    print(f"{len(names)} photographs")
    for what, count in sorted(found.items(), key=str):
        print(what, count)
    for quality, values in told.items():
        print(quality, "told", (min(values), float(np.median(values)), max(values)) if values else "nothing")


def _place(traces: Traces | None, x: int, y: int) -> str:
    if traces is None:
        return "not found"
    return "found" if traces.coding.origin == (-x % 8, -y % 8) else "found at a wrong place"


if __name__ == "__main__":
    main()
