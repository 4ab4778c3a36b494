"""Measure the bundled weights and write the results into their cards: halo, and scores on the test photographs.

    FUNDUSXR_DATA=~/fundus .venv/bin/python scripts/measure_weights.py [MODEL-xSCALE ...]

Run it once after new weights have been put into assets/weights; without names (srcnn-x4 is one) it measures all of
them. The test photographs (HRF 01 to 05 of each group) are scored here and never used to choose anything. Prints the
table of docs/training.md. Networks that are told of JPEG files are scored clean and at every coding of the file's
regime, over bicubic of the decoded file. For every method on every photograph, see fundusxr evaluate.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from sr_core.engine.engine import Engine
from sr_core.engine.halo import measure_halo
from sr_core.files import write_text
from sr_core.image.photograph import load_photograph
from sr_core.image.resample import enlarge_bicubic, to_uint8
from sr_core.networks.names import BEGINS_AS
from sr_core.networks.zoo import LoadedNetwork, available_models, load_model, weights_path
from sr_core.study.comparison.coded import CODINGS
from sr_core.study.comparison.evaluation import Score, bare_network, evaluate, through_engine
from sr_core.study.comparison.file_methods import SAVED, file_engine, open_saved
from sr_core.study.comparison.metrics import psnr, scored_pixels
from sr_core.study.data.references import Reference, data_root, load_references, load_split, shrink_reference

HALO_PIECES = ("HRF/images/13_dr.JPG", "IDRiD/grading_q75/IDRiD_087.jpg")
"""Photographs that are not test photographs."""

HALO_MARGIN = 2
"""Photograph pixels added to the measured halo, for photographs that are not measured. With every pixel of halo the
fraction of values that differ at a seam halves, until only the correction of clipping differs; see
docs/performance.md."""


def needed_halo(network: LoadedNetwork, root: Path) -> int:
    """Return the largest halo that crops of the photographs need: the middle, and across the rim."""
    engine = Engine(network, torch.device("cpu"), torch.float32)
    found = []
    for name in HALO_PIECES:
        photograph = load_photograph(root / name)
        field, (height, width) = photograph.field, photograph.pixels.shape[:2]
        for x, y in ((field.cx, field.cy), (field.cx - 0.7 * field.radius, field.cy - 0.7 * field.radius)):
            left, top = (int(min(max(v - 110, 0), size - 220)) for v, size in ((x, width), (y, height)))
            found.append(measure_halo(engine, photograph.pixels[top : top + 220, left : left + 220]))
    return max(found)


def summary(scores: list[Score]) -> dict:
    """Return means over the photographs, in dB."""
    ahead = np.mean([score.gain_over_pseudo_inverse >= 0.2 for score in scores])
    return {
        "psnr_db": round(float(np.mean([score.psnr for score in scores])), 2),
        "gain_over_bicubic_db": round(float(np.mean([score.gain for score in scores])), 3),
        "least_gain_over_bicubic_db": round(min(score.gain for score in scores), 3),
        "gain_over_pseudo_inverse_db": round(float(np.mean([score.gain_over_pseudo_inverse for score in scores])), 3),
        "share_ahead_of_pseudo_inverse_by_0.2_db": round(float(ahead), 3),
    }


def measure(name: str, scale: int, root: Path, references: list[Reference]) -> str:
    """Write one card; return the table's row."""
    network = load_model(name, scale)
    halo = needed_halo(network, root) + HALO_MARGIN
    network = replace(network, card={**network.card, "halo": halo})
    bare = summary(evaluate(references, scale, bare_network(network.module)))
    shown = summary(evaluate(references, scale, through_engine(Engine(network, torch.device("cpu")))))
    images = [reference.name for reference in references]
    card = {**network.card, "test": {"images": images, "network_alone": bare, "as_shown": shown}}
    write_text(weights_path(name, scale).with_suffix(".json"), json.dumps(card, indent=1) + "\n")
    return (
        f"| {name} | x{scale} | {halo} px | {bare['gain_over_bicubic_db']:+.2f} dB "
        f"| {shown['gain_over_bicubic_db']:+.2f} dB (least {shown['least_gain_over_bicubic_db']:+.2f}) "
        f"| {shown['gain_over_pseudo_inverse_db']:+.2f} dB "
        f"| {shown['share_ahead_of_pseudo_inverse_by_0.2_db']:.0%} |"
    )


def measure_told(name: str, scale: int, references: list[Reference]) -> str:
    """Write the card of a network that is told of files; its rows of a table of their own."""
    network = load_model(name, scale)
    engine, test, rows = file_engine(network), {}, []
    for coding in (CODINGS[0], *SAVED):
        gains = []
        for reference in references:
            opened = open_saved(shrink_reference(reference, scale), coding)
            mask = scored_pixels(reference.field, reference.pixels.shape, scale)
            ours = engine.upscale(opened.pixels, file=opened.file)
            bicubic = to_uint8(enlarge_bicubic(opened.pixels, scale))
            gains.append(psnr(ours, reference.pixels, mask) - psnr(bicubic, reference.pixels, mask))
        test[coding.name] = {"gain_over_bicubic_db": round(float(np.mean(gains)), 3), "least_db": round(min(gains), 3)}
        rows.append(f"| {name} | x{scale} | {coding.name} | {np.mean(gains):+.2f} dB (least {min(gains):+.2f}) |")
    images = [reference.name for reference in references]
    card = {**engine.network.card, "test": {"images": images, "as_shown": test}}
    write_text(weights_path(name, scale).with_suffix(".json"), json.dumps(card, indent=1) + "\n")
    return "\n".join(rows)


def main() -> None:
    bundled = {
        weights_path(name, scale).stem: (name, scale) for name, scales in available_models().items() for scale in scales
    }
    wanted = sys.argv[1:] or list(bundled)
    unknown = [stem for stem in wanted if stem not in bundled]
    if unknown:
        sys.exit(f"no bundled weights {', '.join(unknown)}; there are {', '.join(bundled)}")
    root = data_root()
    names = [name for name in load_split("fundus").test if name.startswith("HRF/")]
    references = load_references(root, names)
    columns = "model", "scale", "halo", "network alone", "as shown", "over W+ y", "ahead of W+ y by 0.2 dB"
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for stem in wanted:
        name, scale = bundled[stem]
        row = measure_told(name, scale, references) if name in BEGINS_AS else measure(name, scale, root, references)
        print(row, flush=True)


if __name__ == "__main__":
    main()
