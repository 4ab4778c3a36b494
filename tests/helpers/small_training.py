"""A tiny but real training run for tests: drawn discs, a split of them, a settings file."""

import json
from dataclasses import replace

import numpy as np
from rich.console import Console

from sr_core.image.field_of_view import FieldOfView
from sr_core.image.resample import resize
from sr_core.image.saving import save_picture
from sr_core.study.data.references import Reference
from sr_core.study.training.config import ADVERSARY_KEYS

QUIET = Console(quiet=True)
SETTINGS = {
    "name": "tiny",
    "model": "rdb-lite",
    "scale": 4,
    "short_sides": [1024],
    "loss": "l1",
    "iterations": 6,
    "batch": 2,
    "crop": 8,
    "learning_rate": 1e-3,
    "warmup": 2,
    "ema": 0.9,
    "validate_every": 2,
    "seed": 7,
}


def retina(seed, side=160):
    """Draw a disc with fine structure that bicubic loses."""
    rng = np.random.default_rng(seed)
    field = FieldOfView(side / 2, side / 2, side * 0.47)
    grain = resize(rng.uniform(-60, 60, (side // 3, side // 3, 3)), side, side)
    pixels = np.where(field.mask((side, side))[..., None], 120 + grain, 3).clip(0, 255).astype(np.uint8)
    return Reference(f"eye{seed}", pixels, field)


def changed(config, **values):
    """Return a training run's settings with other values for some keys of its file."""
    adversary = {key: values.pop(key) for key in ADVERSARY_KEYS if key in values}
    return replace(config, **values, adversary=replace(config.adversary, **adversary))


def write_config(folder, **changes):
    path = folder / "tiny.toml"
    values = {"split": str(folder / "split.json")} | SETTINGS | changes
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None]
    path.write_text("\n".join(lines))
    return path


def write_data(tmp_path):
    """Write a data folder with three photographs, and a split of them beside it; return the folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    for i in range(3):
        save_picture(folder / f"{i}.png", retina(i).pixels)
    split = {"about": "drawn discs", "train": ["0.png", "1.png"], "validation": ["2.png"], "test": []}
    (tmp_path / "split.json").write_text(json.dumps(split))
    return folder


def curve_of(trainer):
    return [{k: v for k, v in entry.items() if k != "cpu_seconds"} for entry in trainer.curve]
