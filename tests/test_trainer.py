"""A tiny real training: its data, its repeatability, its interruptions and its refusals."""

import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from rich.console import Console

from sr_core.errors import UserError
from sr_core.image.field_of_view import FieldOfView
from sr_core.image.photograph import load_photograph, save_picture
from sr_core.image.resample import enlarge_bicubic, resize
from sr_core.networks.zoo import load_model
from sr_core.study.data import (
    CropSampler,
    DataError,
    Reference,
    cut_reference,
    is_test_image,
    load_split,
    load_tuning_references,
    shrink_reference,
)
from sr_core.study.trainer import Trainer, TrainingError, load_config, train

QUIET = Console(quiet=True)
SETTINGS = {
    "name": "tiny",
    "model": "rdb-lite",
    "scale": 4,
    "iterations": 6,
    "batch": 2,
    "crop": 8,
    "learning_rate": 1e-3,
    "warmup": 2,
    "ema": 0.9,
    "validate_every": 2,
    "seed": 7,
}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def retina(seed, side=160):
    """A disc with fine structure that bicubic loses."""
    rng = np.random.default_rng(seed)
    field = FieldOfView(side / 2, side / 2, side * 0.47)
    grain = resize(rng.uniform(-60, 60, (side // 3, side // 3, 3)), side, side)
    pixels = np.where(field.mask((side, side))[..., None], 120 + grain, 3).clip(0, 255).astype(np.uint8)
    return Reference(f"eye{seed}", pixels, field)


@pytest.fixture
def config(tmp_path):
    return load_config(write_config(tmp_path))


def write_config(folder, **changes):
    path = folder / "tiny.toml"
    values = {"split": str(folder / "split.json")} | SETTINGS | changes
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None]
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def data(tmp_path):
    """A data folder with three photographs and a split of them."""
    folder = tmp_path / "data"
    folder.mkdir()
    for i in range(3):
        save_picture(folder / f"{i}.png", retina(i).pixels)
    split = {"about": "drawn discs", "train": ["0.png", "1.png"], "validation": ["2.png"], "test": []}
    (tmp_path / "split.json").write_text(json.dumps(split))
    return folder


def trainer_in(folder, config):
    folder.mkdir(exist_ok=True)
    return Trainer(config, [retina(0), retina(1)], [retina(2)], folder)


def curve_of(trainer):
    return [{k: v for k, v in entry.items() if k != "cpu_seconds"} for entry in trainer.curve]


# --- data ---------------------------------------------------------------------------------------------------


def test_the_split_keeps_test_images_apart():
    split = load_split("fundus")
    lists = [set(split.train), set(split.validation), set(split.test)]
    assert [len(part) for part in lists] == [91, 6, 42]
    assert not (lists[0] & lists[1])
    assert not (lists[0] & lists[2])
    assert not (lists[1] & lists[2])
    assert all(map(is_test_image, split.test))
    assert not any(map(is_test_image, split.train + split.validation))
    hrf = [name for name in split.test if name.startswith("HRF")]
    wanted = {f"{i:02}_{group}" for i in range(1, 6) for group in ("h", "dr", "g")}
    assert {Path(name).stem for name in hrf} == wanted


def test_a_test_image_cannot_be_trained_or_tuned_on(tmp_path):
    for name in ("HRF/images/03_dr.JPG", "IDRiD/segmentation_testing/IDRiD_60.jpg"):
        with pytest.raises(DataError, match="test image"):
            load_tuning_references(tmp_path, [name])
        path = tmp_path / "bad.json"
        path.write_text(json.dumps({"about": "", "train": [], "validation": [name], "test": []}))
        with pytest.raises(DataError, match="test image"):
            load_split(str(path))
    path.write_text(json.dumps({"about": "", "train": ["a.png"], "validation": ["a.png"], "test": []}))
    with pytest.raises(DataError, match="listed twice"):
        load_split(str(path))
    path.write_text("[]")
    with pytest.raises(DataError, match="not a split file"):
        load_split(str(path))


def test_references_have_the_right_size_and_field():
    pixels = np.zeros((500, 900, 3), np.uint8)
    field = FieldOfView(450.0, 250.0, 300.0)  # clipped above and below
    pixels[field.mask(pixels.shape)] = 150
    reference = cut_reference("eye", pixels, field)
    assert reference.pixels.shape == (1024, 1224, 3)  # 600 wide x 2.048 = 1228.8, cut to a multiple of 8
    lit = reference.pixels[..., 0] > 75
    assert np.mean(lit != reference.field.mask(lit.shape)) < 0.002


def test_references_are_kept_in_the_cache(data, tmp_path):
    cache = tmp_path / "cache"
    first = load_tuning_references(data, ["0.png"], cache)[0]
    kept = list(cache.iterdir())
    before = kept[0].stat().st_mtime_ns
    again = load_tuning_references(data, ["0.png"], cache)[0]
    assert len(kept) == 1
    assert kept[0].stat().st_mtime_ns == before
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.field == again.field
    with pytest.raises(DataError, match="missing"):
        load_tuning_references(data, ["9.png"], cache)


def test_crops_are_aligned_and_come_in_all_eight_positions():
    reference = retina(0)
    sampler = CropSampler([reference], 4, 8)
    rng = np.random.default_rng(0)
    small = shrink_reference(reference, 4)
    # the crop's residual plus bicubic must be the reference: find each crop again, in one of eight positions
    wanted = (reference.pixels - enlarge_bicubic(small, 4)) / 255
    seen = set()
    for crop, residual in zip(*sampler.draw(rng, 60), strict=True):
        matches = [
            (turn, flip)
            for turn in range(4)
            for flip in (False, True)
            for y in range(33)
            for x in range(33)
            if same(small[y : y + 8, x : x + 8] / np.float32(255), crop, turn, flip)
            and same(wanted[4 * y : 4 * y + 32, 4 * x : 4 * x + 32], residual, turn, flip)
        ]
        assert matches
        seen.add(matches[0])
    assert len(seen) == 8


def same(part, other, turn, flip):
    turned = np.rot90(part, turn)
    turned = turned[:, ::-1] if flip else turned
    return abs(turned[0, 0, 0] - other[0, 0, 0]) < 1e-3 and np.allclose(turned, other, atol=1e-3)


def test_crops_larger_than_the_picture_are_refused():
    with pytest.raises(DataError, match="crop"):
        CropSampler([retina(0)], 4, 40)


# --- training -----------------------------------------------------------------------------------------------


def test_interrupted_and_uninterrupted_runs_agree_exactly(tmp_path, config):
    whole = trainer_in(tmp_path / "whole", config)
    for _ in range(6):
        whole.train_step()
    whole.save()
    for _ in range(2):
        part = trainer_in(tmp_path / "parts", config)
        part.resume()
        for _ in range(3):  # the first sitting ends between two validations
            part.train_step()
        part.save()
    assert part.step == whole.step == 6
    assert curve_of(part) == curve_of(whole)
    assert len(whole.curve) == 3
    a, b = (safetensors.torch.load_file(trainer.checkpoint) for trainer in (whole, part))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert part.cpu_seconds > 0


def test_training_beats_bicubic_on_structure_it_has_seen(tmp_path, config):
    config = dataclasses.replace(config, iterations=60, batch=8, validate_every=60, learning_rate=2e-3)
    trainer = Trainer(config, [retina(0)], [retina(0)], tmp_path)
    assert trainer.validate()[0].gain == 0
    losses = [trainer.train_step() for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.98 * np.mean(losses[:10])
    assert trainer.validate()[0].gain > 0.1


def test_the_rate_warms_up_and_falls_to_nothing(tmp_path, config):
    trainer = trainer_in(tmp_path, dataclasses.replace(config, iterations=100, warmup=10))
    rates = []
    for trainer.step in range(101):
        rates.append(trainer.rate())
    assert rates[0] == pytest.approx(1e-4)
    assert max(rates) > 0.97e-3
    assert rates[100] < 1e-9
    assert rates[55] == pytest.approx(1e-3 * 0.5 * (1 + math.cos(math.pi * 0.55)))


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_checkpoint(tmp_path, config):
    trainer = trainer_in(tmp_path, config)
    trainer.train_step()
    trainer.save()
    before = trainer.checkpoint.read_bytes()
    broken = trainer_in(tmp_path, config)
    broken.resume()
    broken._net.head.bias.data[0] = float("nan")
    with pytest.raises(TrainingError, match="not finite at iteration 1"):
        broken.train_step()
    with pytest.raises(TrainingError, match="not finite"):
        broken.save()
    assert trainer.checkpoint.read_bytes() == before


def test_train_ends_with_weights_that_load_and_a_card(tmp_path, data):
    result = train(write_config(tmp_path), data, tmp_path / "runs", threads=1, console=QUIET)
    assert result.finished
    assert result.step == 6
    loaded = load_model("rdb-lite", 4, result.weights)
    card = loaded.card
    assert card["training"]["seed"] == 7
    assert card["cpu_minutes"] >= 0
    assert card["loss"] == "L1"
    assert card["data"] == "drawn discs"
    assert card["training_images"] == 2
    assert card["validation"]["gain_over_bicubic_db"] == [round(result.gain_db, 3)]
    assert card["command"] == f"fundusxr train {tmp_path / 'tiny.toml'}"
    names = {path.name for path in result.folder.iterdir()}
    assert names == {
        "checkpoint.safetensors", "curve.jsonl", "curve.png", "rdb-lite-x4.safetensors", "rdb-lite-x4.json",
    }  # fmt: skip
    entries = [json.loads(line) for line in (result.folder / "curve.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries] == [2, 4, 6]
    assert load_photograph(result.folder / "curve.png").pixels.std() > 0
    again = train(write_config(tmp_path), data, tmp_path / "runs", threads=1, console=QUIET)
    assert again.finished
    assert again.gain_db == result.gain_db


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_a_checkpoint(tmp_path, data, number):
    config = write_config(tmp_path, iterations=100_000)
    code = (
        "import sys; from pathlib import Path; from sr_core.study.trainer import train;"
        "r = train(*map(Path, sys.argv[1:]), threads=1); print(r.finished, r.step)"
    )
    command = [sys.executable, "-u", "-c", code, str(config), str(data), str(tmp_path / "runs")]
    root = Path(__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as child:
        lines = [child.stdout.readline(), child.stdout.readline()]
        assert "loss" in lines[1]
        assert "min left" in lines[1]
        child.send_signal(number)
        rest = child.stdout.read()
        assert child.wait(60) == 0
    assert "run again to go on" in rest
    done = int(rest.split()[-1])
    assert rest.split()[-2] == "False"
    assert done >= 2
    resumed = trainer_in(tmp_path / "runs/tiny", load_config(config))
    assert resumed.resume()
    assert resumed.step == done
    assert not [path for path in (tmp_path / "runs/tiny").iterdir() if path.name.startswith(".")]


def test_the_horizon_may_change_on_resuming_but_not_the_network(tmp_path, config):
    trainer = trainer_in(tmp_path, config)
    trainer.train_step()
    trainer.save()
    longer = trainer_in(tmp_path, dataclasses.replace(config, iterations=50))
    assert longer.resume()
    assert longer.step == 1
    with pytest.raises(TrainingError, match="scale 4"):
        trainer_in(tmp_path, dataclasses.replace(config, scale=2)).resume()
    trainer.checkpoint.write_bytes(trainer.checkpoint.read_bytes()[:5000])
    with pytest.raises(TrainingError, match="damaged"):
        trainer_in(tmp_path, config).resume()


# --- configuration ------------------------------------------------------------------------------------------


def test_the_bundled_configurations_are_valid():
    configs = Path(__file__).parent.parent / "assets/configs"
    found = {path.stem: load_config(path) for path in configs.glob("*.toml")}
    assert {(c.model, c.scale) for c in found.values()} >= {("rdb-lite", 2), ("rdb-lite", 4), ("rdb-lite", 8)}
    assert len({config.name for config in found.values()}) == len(found)
    assert all(load_split(config.split) for config in found.values())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"momentum": 1}, "unknown key 'momentum'"),
        ({"batch": None}, "'batch' is missing"),
        ({"batch": "many"}, "'batch' is 'many'; it must be of type int"),
        ({"batch": True}, "must be of type int"),
        ({"batch": 0}, "above 0"),
        ({"learning_rate": -1.0}, "above 0"),
        ({"ema": 1.0}, "below 1"),
        ({"warmup": -1}, "not be below 0"),
        ({"name": "../elsewhere"}, "plain folder name"),
        ({"name": ""}, "plain folder name"),
        ({"model": "rdb-huge"}, "not known"),
        ({"scale": 3}, "scale 3"),
    ],
)
def test_bad_configurations_are_refused_in_one_line(tmp_path, changes, words):
    with pytest.raises(UserError) as caught:
        load_config(write_config(tmp_path, **changes))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_configuration_are_refused(tmp_path):
    path = tmp_path / "bad.toml"
    for data in (b"name = ", b"\xff\xfe\x00"):
        path.write_bytes(data)
        with pytest.raises(TrainingError, match="not a TOML file"):
            load_config(path)
    with pytest.raises(TrainingError, match="cannot be read"):
        load_config(tmp_path / "none.toml")


def test_a_missing_data_folder_is_named(tmp_path, data, monkeypatch):
    monkeypatch.delenv("FUNDUSXR_DATA", raising=False)
    with pytest.raises(DataError, match="set FUNDUSXR_DATA"):
        train(write_config(tmp_path), runs=tmp_path / "runs", console=QUIET)
    with pytest.raises(DataError, match="no such data folder"):
        train(write_config(tmp_path), tmp_path / "gone", tmp_path / "runs", console=QUIET)
