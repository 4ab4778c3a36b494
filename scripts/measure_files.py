"""Measure the bundled weights that take the coding of JPEG files as input, and write the results into their cards:
halo, and scores on the test photographs, clean and coded.

    FUNDUSXR_DATA=~/fundus .venv/bin/python scripts/measure_files.py [MODEL-xSCALE ...]

Run it once after new weights have been put into assets/weights; without names it measures all such weights. Every test
photograph of HRF (01 to 05 of each group) is reduced, saved as JPEG, opened, super-resolved as the viewer does, and
compared with the photograph inside the field of view. Gains are over bicubic of the decoded file. Nothing here is used
to choose anything. Prints a table row for every coding.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from sr_core.engine.engine import Engine
from sr_core.files import write_text
from sr_core.image.jpeg_file import JpegFile, read_jpeg_file
from sr_core.image.photograph import jpeg_bytes, picture_of
from sr_core.image.resample import enlarge_bicubic, to_uint8
from sr_core.networks.names import BEGINS_AS
from sr_core.networks.zoo import available_models, load_model, weights_path
from sr_core.study.comparison.metrics import psnr, scored_pixels
from sr_core.study.data.references import Reference, data_root, load_references, load_split, shrink_reference

CODINGS = {
    "clean": None, "q95": (95, "4:2:0"), "q95 4:4:4": (95, "4:4:4"), "q90": (90, "4:2:0"), "q75": (75, "4:2:0"),
    "q50": (50, "4:2:0"),
}  # fmt: skip


@dataclass(frozen=True)
class Opened:
    """A small picture as decoded from its file, uint8 (h, w, 3), and the facts of the file."""

    pixels: np.ndarray
    file: JpegFile | None


def saved(small: np.ndarray, coding: tuple[int, str] | None, folder: Path) -> Opened:
    """Save a small picture as JPEG and open it, or return it unchanged for a clean one."""
    if coding is None:
        return Opened(small, None)
    path = folder / "small.jpg"
    data = jpeg_bytes(small, *coding)
    path.write_bytes(data)
    pixels = picture_of(io.BytesIO(data))
    return Opened(pixels, read_jpeg_file(data, path, 1, pixels))


def gains(engine: Engine, references: list[Reference], coding: tuple[int, str] | None) -> list[float]:
    """Return the gain in dB over bicubic of the decoded file, for each photograph."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for reference in references:
            opened = saved(shrink_reference(reference, engine.scale), coding, Path(folder))
            mask = scored_pixels(reference.field, reference.pixels.shape, engine.scale)
            pictures = (
                engine.upscale(opened.pixels, file=opened.file),
                to_uint8(enlarge_bicubic(opened.pixels, engine.scale)),
            )
            ours, bicubic = (psnr(picture, reference.pixels, mask) for picture in pictures)
            found.append(ours - bicubic)
    return found


def measure(name: str, scale: int, references: list[Reference]) -> None:
    """Write one card and print its rows. The halo is that of the network that it begins as: the cell's blocks extend
    farther, but out there they change few values, and by one grey level (docs/agreement.md)."""
    network = load_model(name, scale)
    assert network.clean is not None  # all networks measured here begin as another
    network = replace(network, card={**network.card, "halo": network.clean.halo})
    engine, test = Engine(network, torch.device("cpu")), {}
    for told, coding in CODINGS.items():
        found = gains(engine, references, coding)
        test[told] = {"gain_over_bicubic_db": round(float(np.mean(found)), 3), "least_db": round(min(found), 3)}
        print(f"| {name} | x{scale} | {told} | {np.mean(found):+.2f} dB | {min(found):+.2f} |", flush=True)
    card = {**network.card, "test": {"images": [reference.name for reference in references], "as_shown": test}}
    write_text(weights_path(name, scale).with_suffix(".json"), json.dumps(card, indent=1) + "\n")


def main() -> None:
    bundled = {
        weights_path(name, scale).stem: (name, scale)
        for name, scales in available_models().items()
        for scale in scales
        if name in BEGINS_AS
    }
    wanted = sys.argv[1:] or list(bundled)
    unknown = [stem for stem in wanted if stem not in bundled]
    if unknown:
        sys.exit(f"no bundled weights {', '.join(unknown)}; there are {', '.join(bundled)}")
    names = [name for name in load_split("fundus").test if name.startswith("HRF/")]
    references = load_references(data_root(), names)
    print("| model | scale | coding | gain over bicubic of the decoded file | least |\n| --- | --- | --- | --- | --- |")
    for stem in wanted:
        measure(*bundled[stem], references)


if __name__ == "__main__":
    main()
