"""A tiny real training: its data, its repeatability, its interruptions and its refusals."""

import dataclasses
import hashlib
import json
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from sr_core.assets import asset_path
from sr_core.errors import UserError
from sr_core.image.field_of_view import FieldOfView
from sr_core.image.photograph import load_photograph
from sr_core.image.resample import crop_to_multiple, enlarge_bicubic, shrink, to_uint8
from sr_core.image.saving import save_picture
from sr_core.networks.zoo import load_model
from sr_core.study.data.references import (
    NATIVE,
    CropSampler,
    DataError,
    Reference,
    cut_reference,
    degrade_reference,
    is_test_image,
    load_split,
    load_tuning_references,
)
from sr_core.study.training.checkpoint import load_checkpoint
from sr_core.study.training.config import TrainingError, load_config
from sr_core.study.training.processes import OneProcess
from sr_core.study.training.run import train
from sr_core.study.training.trainer import Trainer
from tests.helpers.children import started
from tests.helpers.places import ROOT
from tests.helpers.small_training import QUIET, curve_of, retina, write_config

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def config(tmp_path):
    return load_config(write_config(tmp_path))


def trainer_in(folder, config):
    folder.mkdir(exist_ok=True)
    return Trainer(config, [[retina(0), retina(1)]], [retina(2)], folder)


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


def test_the_split_tells_the_photographs_by_their_checksums(fundus_data):
    manifest = json.loads(asset_path("splits", "fundus.json").read_text(encoding="utf-8"))
    split = load_split("fundus")
    assert list(manifest["sha256"]) == [*split.train, *split.validation, *split.test]
    for name, told in manifest["sha256"].items():
        assert hashlib.sha256((fundus_data / name).read_bytes()).hexdigest() == told, name


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
    for text in ("[]", json.dumps({"about": "", "train": [1], "validation": [], "test": []}), '{"about": ""}'):
        path.write_text(text)
        with pytest.raises(DataError, match="not a split file"):
            load_split(str(path))
    path.write_text(json.dumps({"about": "", "train": ["a.png"], "validation": ["./a.png"], "test": []}))
    with pytest.raises(DataError, match="listed twice"):
        load_split(str(path))
    path.write_text(json.dumps({"about": "", "train": ["b/../../a.png"], "validation": [], "test": []}))
    with pytest.raises(DataError, match="outside the data folder"):
        load_split(str(path))
    with pytest.raises(DataError, match="cannot be read"):
        load_split("no-such-split")


@pytest.mark.parametrize(
    ("root", "name"),
    [
        ("", "HRF//images/01_h.jpg"),
        ("", "HRF/./images/01_h.jpg"),
        ("", "HRF/images/../images/01_h.jpg"),
        ("HRF", "images/01_h.jpg"),
        ("HRF/images", "01_h.jpg"),
        ("IDRiD", "segmentation_testing/IDRiD_60.jpg"),
        ("IDRiD/segmentation_testing", "IDRiD_60.jpg"),
    ],
)
def test_a_test_image_is_known_however_its_path_is_spelt(tmp_path, root, name):
    with pytest.raises(DataError, match="test image"):
        load_tuning_references(tmp_path / root, [name])


def test_references_have_the_right_size_and_field():
    pixels = np.zeros((1250, 2250, 3), np.uint8)
    field = FieldOfView(1125.0, 625.0, 750.0)  # clipped above and below
    pixels[field.mask(pixels.shape)] = 150
    reference = cut_reference("eye", pixels, field)
    assert reference.pixels.shape == (1024, 1224, 3)  # 1500 wide x 0.8192 = 1228.8, cut to a multiple of 8
    lit = reference.pixels[..., 0] > 75
    assert np.mean(lit != reference.field.mask(lit.shape)) < 0.002


def test_a_reference_is_never_enlarged_and_may_stay_at_its_own_size():
    eye = retina(1, 400)
    for short_side in (1024, NATIVE):
        reference = cut_reference("eye", eye.pixels, eye.field, short_side)
        x0, y0, x1, y1 = eye.field.bounding_rect(eye.pixels.shape)
        height, width = reference.pixels.shape[:2]
        assert (height, width) == ((y1 - y0) // 8 * 8, (x1 - x0) // 8 * 8)
        np.testing.assert_array_equal(reference.pixels, eye.pixels[y0 : y0 + height, x0 : x0 + width])


def test_references_are_kept_in_the_cache(drawn_data, tmp_path):
    cache = tmp_path / "cache"
    first = load_tuning_references(drawn_data, ["0.png"], cache)[0]
    kept = sorted(cache.iterdir())
    before = [path.stat().st_mtime_ns for path in kept]
    again = load_tuning_references(drawn_data, ["0.png"], cache)[0]
    assert [path.suffix for path in kept] == [".json", ".npy"]
    assert [path.stat().st_mtime_ns for path in kept] == before
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.field == again.field
    assert first.field.assumed == again.field.assumed  # which equality leaves out
    load_tuning_references(drawn_data, ["0.png"], cache, NATIVE)
    assert len(list(cache.iterdir())) == 4
    with pytest.raises(DataError, match="missing"):
        load_tuning_references(drawn_data, ["9.png"], cache)
    pixels = np.array(first.pixels)  # a copy: the file that is mapped is cut short below
    for suffix, data in ((".npy", b""), (".npy", kept[1].read_bytes()[:300]), (".json", b""), (".json", b"[1]")):
        kept[0].with_suffix(suffix).write_bytes(data)
        np.testing.assert_array_equal(load_tuning_references(drawn_data, ["0.png"], cache)[0].pixels, pixels)


def test_a_field_that_was_assumed_is_assumed_in_the_cache_too(tmp_path):
    """A photograph without a rim: the whole of it is retina."""
    texture = np.random.default_rng(1).integers(90, 160, (96, 96, 3), dtype=np.uint8)
    save_picture(tmp_path / "piece.png", texture)
    first, again = (load_tuning_references(tmp_path, ["piece.png"], tmp_path / "cache")[0] for _ in range(2))
    assert first.field.assumed
    assert first.field.assumed == again.field.assumed


def test_pictures_of_one_name_and_size_are_kept_apart(tmp_path):
    for folder, level in (("one", 90), ("two", 140)):
        (tmp_path / folder).mkdir()
        save_picture(tmp_path / folder / "a.tif", np.full((64, 64, 3), level, np.uint8))
    sizes = {path.stat().st_size for path in tmp_path.glob("*/a.tif")}
    levels = [
        load_tuning_references(tmp_path / f, ["a.tif"], tmp_path / "cache")[0].pixels.max() for f in ("one", "two")
    ]
    assert len(sizes) == 1
    assert levels == [90, 140]


def test_crops_are_cut_from_the_photograph_in_all_eight_positions():
    reference = retina(0, 96)
    sampler = CropSampler([[reference]], 4, 8)
    seen = set()
    for small, enlarged, photograph in zip(*sampler.draw(np.random.default_rng(0), 60), strict=True):
        matches = [
            (turn, flip, y, x)
            for turn in range(4)
            for flip in (False, True)
            for y in range(16, 49)
            for x in range(16, 49)
            if same(reference.pixels[y : y + 32, x : x + 32] / np.float32(255), photograph, turn, flip)
        ]
        assert len(matches) == 1
        turn, flip, y, x = matches[0]
        seen.add((turn, flip))
        # what the whole picture, cut at the crop's phase, gives there
        around = crop_to_multiple(reference.pixels[y % 4 :, x % 4 :], 4)
        shrunk = to_uint8(shrink(around, 4))
        wide = enlarge_bicubic(shrunk, 4)
        assert same(shrunk[y // 4 : y // 4 + 8, x // 4 : x // 4 + 8] / np.float32(255), small, turn, flip)
        there = wide[y - y % 4 : y - y % 4 + 32, x - x % 4 : x - x % 4 + 32]
        assert same(there / np.float32(255), enlarged, turn, flip)
    assert len(seen) == 8


def same(part, other, turn, flip):
    turned = np.rot90(part, turn)
    turned = turned[:, ::-1] if flip else turned
    return abs(turned[0, 0, 0] - other[0, 0, 0]) < 1e-3 and np.allclose(turned, other, atol=1e-5)


def test_half_of_the_crops_come_from_the_first_size():
    groups = [[Reference("eye", np.full((80, 80, 3), 40 * i, np.uint8), FieldOfView(40, 40, 38))] for i in range(3)]
    _, _, photographs = CropSampler(groups, 4, 8).draw(np.random.default_rng(1), 400)
    counts = [np.isclose(photographs, 40 * i / 255).all(axis=(1, 2, 3)).sum() for i in range(3)]
    assert sum(counts) == 400
    assert 160 <= counts[0] <= 240
    assert min(counts[1:]) >= 70


def test_crops_larger_than_the_picture_are_refused():
    with pytest.raises(DataError, match="crop"):
        CropSampler([[retina(0)]], 4, 33)


def test_of_several_candidates_the_one_that_bicubic_gets_most_wrong_is_taken():
    rough, smooth = retina(0, 96), retina(1, 96)
    smooth = Reference("smooth", (smooth.pixels // 8 + 100).astype(np.uint8), smooth.field)
    wrong = []
    for candidates in (1, 4):
        sampler = CropSampler([[rough, smooth]], 4, 8, candidates)
        _, enlarged, photograph = sampler.draw(np.random.default_rng(1), 100)
        wrong.append((np.square(enlarged - photograph).mean(axis=(1, 2, 3)) > 1e-3).mean())
    assert 0.35 < wrong[0] < 0.65
    assert wrong[1] > 0.85


def test_a_model_of_the_field_learns_from_degraded_crops_and_does_not_agree(tmp_path, drawn_data):
    reference = retina(0, 160)
    crops = [
        CropSampler([[reference]], 2, 16, 1, kind).draw(np.random.default_rng(3), 8) for kind in ("bicubic", "field")
    ]
    blurred, clean = (np.abs(enlarged - photograph).mean() for _, enlarged, photograph in reversed(crops))
    assert blurred > 1.1 * clean
    np.testing.assert_array_equal(degrade_reference(reference, 2), degrade_reference(reference, 2))
    result = train(write_config(tmp_path, degradation="field"), drawn_data, tmp_path / "runs", threads=1, console=QUIET)
    assert not load_model("rdb-lite", 4, result.weights).agrees
    assert load_model("rdb-lite", 4).agrees


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


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_a_run_begun_on_a_graphics_card_goes_on_anywhere(tmp_path, config, name):
    device = torch.device("cuda")
    run = Trainer(config, [[retina(0), retina(1)]], [retina(2)], tmp_path, OneProcess(device))
    run.train_step()
    run.save()
    later = Trainer(config, [[retina(0), retina(1)]], [retina(2)], tmp_path, OneProcess(torch.device(name)))
    assert later.resume()
    assert math.isfinite(later.train_step())


def test_training_beats_bicubic_on_structure_it_has_seen(tmp_path, config):
    config = dataclasses.replace(config, iterations=60, batch=8, validate_every=60, learning_rate=2e-3)
    trainer = Trainer(config, [[retina(0)]], [retina(0)], tmp_path)
    assert trainer.validate()[0].gain == 0
    losses = [trainer.train_step() for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.98 * np.mean(losses[:10])
    assert trainer.validate()[0].gain > 0.1


def test_the_rate_warms_up_and_falls_to_nothing(tmp_path, config):
    trainer = trainer_in(tmp_path, dataclasses.replace(config, iterations=100, warmup=10))
    rates = []
    for trainer.step in range(101):
        rates.append(trainer.config.rate(trainer.step))
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


def test_a_disk_full_while_checkpointing_is_one_line_and_keeps_the_last_checkpoint(tmp_path, drawn_data):
    """A limit on the size of files stands for the full disk: the writing itself fails, as there."""
    code = (
        "import resource, sys; from pathlib import Path; from sr_core.study.training.run import train\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))\n"
        "train(*map(Path, sys.argv[1:4]), threads=1, checkpoint_seconds=0)"
    )
    train(write_config(tmp_path), drawn_data, tmp_path / "runs", threads=1, console=QUIET)
    checkpoint = tmp_path / "runs/tiny/checkpoint.safetensors"
    before = checkpoint.read_bytes()
    path = write_config(tmp_path, iterations=400)
    command = [sys.executable, "-c", code, path, drawn_data, tmp_path / "runs", len(before) // 2]
    answer = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert answer.returncode != 0
    last = answer.stderr.strip().splitlines()[-1]
    assert last.endswith(f"{checkpoint}: cannot be written (File too large); free the place and run again")
    assert checkpoint.read_bytes() == before
    assert not list(checkpoint.parent.glob(".*"))


def test_train_ends_with_weights_that_load_and_a_card(tmp_path, drawn_data):
    result = train(write_config(tmp_path), drawn_data, tmp_path / "runs", threads=1, console=QUIET)
    assert result.finished
    assert result.step == 6
    loaded = load_model("rdb-lite", 4, result.weights)
    card = loaded.card
    assert card["training"]["seed"] == 7
    assert card["cpu_minutes"] >= 0
    assert card["training"]["loss"] == "l1"
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
    again = train(write_config(tmp_path), drawn_data, tmp_path / "runs", threads=1, console=QUIET)
    assert again.finished
    assert again.gain_db == result.gain_db


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_a_checkpoint(tmp_path, drawn_data, number):
    config = write_config(tmp_path, iterations=100_000)
    code = (
        "import sys; from pathlib import Path; from sr_core.study.training.run import train;"
        "r = train(*map(Path, sys.argv[1:]), threads=1); print(r.finished, r.step)"
    )
    command = [sys.executable, "-u", "-c", code, str(config), str(drawn_data), str(tmp_path / "runs")]
    root = ROOT
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with started(command, stderr=None, cwd=tmp_path, env=environment) as child:
        lines = [child.stdout.readline(), child.stdout.readline()]
        assert "loss" in lines[1]
        assert " left" in lines[1]
        child.send_signal(number)
        rest = child.stdout.read()
        assert child.wait(60) == 0
    assert "run again to go on" in rest
    done = int(rest.split()[-1])
    assert rest.split()[-2] == "False"
    assert done >= 2
    assert load_checkpoint(tmp_path / "runs/tiny/checkpoint.safetensors")[1]["step"] == done
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


def test_flipped_bytes_in_a_checkpoint_are_noticed(tmp_path, config):
    trainer = trainer_in(tmp_path, config)
    trainer.train_step()
    trainer.save()
    data = bytearray(trainer.checkpoint.read_bytes())
    data[len(data) // 2] ^= 1
    trainer.checkpoint.write_bytes(data)
    with pytest.raises(TrainingError, match=r"damaged \(its checksum is another"):
        trainer_in(tmp_path, config).resume()
    trainer.checkpoint.unlink()
    trainer.checkpoint.mkdir()
    with pytest.raises(TrainingError, match="damaged"):
        trainer_in(tmp_path, config).resume()


def test_a_run_goes_on_with_its_own_photographs_and_its_card_tells_of_what_was_trained(tmp_path, config):
    trainer = trainer_in(tmp_path, config)
    for _ in range(6):
        trainer.train_step()
    trainer.save()
    other = Trainer(config, [[retina(0), retina(2)]], [retina(1)], tmp_path)
    with pytest.raises(TrainingError, match="from a run on photographs that"):
        other.resume()
    assert trainer_in(tmp_path, config).resume()
    with pytest.raises(TrainingError, match=r"from a run with learning_rate 0\.001"):
        trainer_in(tmp_path, dataclasses.replace(config, learning_rate=0.5)).resume()
    with pytest.raises(TrainingError, match="has 6 iterations already"):
        trainer_in(tmp_path, dataclasses.replace(config, iterations=3)).resume()


def test_what_a_killed_process_left_half_written_goes(tmp_path, config):
    trainer = trainer_in(tmp_path / "run", config)
    (tmp_path / "run/.checkpoint.safetensors-0123abcd").write_bytes(b"half")
    assert not trainer.resume()
    assert not list((tmp_path / "run").iterdir())


def test_photographs_that_nothing_can_be_validated_on_are_refused_before_the_work(tmp_path, config):
    flat = dataclasses.replace(retina(3), pixels=np.zeros((160, 160, 3), np.uint8))
    with pytest.raises(TrainingError, match="eye3: all of one colour"):
        Trainer(config, [[retina(0)]], [flat], tmp_path)
    with pytest.raises(TrainingError, match="eye4: too small to validate on at x4"):
        Trainer(config, [[retina(0)]], [retina(4, 8)], tmp_path)


# --- configuration ------------------------------------------------------------------------------------------


def test_the_document_tells_the_iterations_of_the_configurations():
    rows = re.findall(r"^\| `([a-z-]+)` \| (.* min) \|$", (ROOT / "docs/science.md").read_text("utf-8"), re.MULTILINE)
    assert len(rows) == 7
    for model, cells in rows:
        told = [int(count.replace(",", "")) for count in re.findall(r" s x ([\d,]+): ", cells)]
        paths = [ROOT / f"assets/configs/{model.replace('-', '_')}_x{scale}.toml" for scale in (2, 4, 8)]
        assert told == [load_config(path).iterations for path in paths], model


def test_the_bundled_configurations_are_valid():
    configs = ROOT / "assets/configs"
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
        ({"batch": 0}, "'batch' is 0; it must be from 1 to 4096"),
        ({"batch": 300_000}, "from 1 to 4096"),
        ({"batch": 4096, "crop": 128}, "more than 128 megapixels; lower 'batch' or 'crop'"),
        ({"crop": 10**9}, "from 1 to 4096"),
        ({"iterations": 10**40}, "'iterations' is larger than any machine counts"),
        ({"seed": 2**64}, "'seed' is 18446744073709551616; it must be from 0"),
        ({"learning_rate": -1.0}, "from 1e-12 to 1.0"),
        ({"learning_rate": 1e38}, "from 1e-12 to 1.0"),
        ({"ema": 1.0}, "below 1"),
        ({"warmup": -1}, "'warmup' is -1; it must be from 0"),
        ({"name": "../elsewhere"}, "plain folder name"),
        ({"name": ""}, "plain folder name"),
        ({"name": "cache"}, "not that of the cache"),
        ({"name": "a\nb"}, "plain folder name"),
        ({"trunk": "a\0b"}, "'trunk' is 'a\\x00b', not a file name"),
        ({"model": "rdb-huge"}, "not known"),
        ({"scale": 3}, "tiny.toml: scale 3"),
        ({"short_sides": [1]}, "64 or more"),
        ({"loss": "l3"}, "choose mse, l1, charbonnier"),
        ({"schedule": "never"}, "choose cosine, step"),
        ({"degradation": "dust"}, "choose bicubic, field"),
        ({"precision": "int8"}, "choose float32, bfloat16"),
        ({"short_sides": []}, "at least one size"),
        ({"short_sides": ["native"]}, "must be of type list of numbers"),
        ({"judge_until": 0.4}, "from 0.5 to 1"),
        ({"against_screens": 1}, "must be of type bool"),
        ({"shares": [0.5, 0.3, 0.2]}, "'shares' belongs to the adversarial stage"),
        ({"against_screens": True}, "'against_screens' belongs to the adversarial stage"),
        ({"judge_until": 0.8}, "'judge_until' belongs to the adversarial stage"),
        ({"discriminator": 24}, "'discriminator' belongs to the adversarial stage"),
        ({"model": "rdb-lite-gan"}, "either 'weights' or 'shares'"),
        ({"model": "rdb-lite-gan", "shares": [0.5, 0.5]}, "three numbers for pixel, feature, adversarial"),
        ({"model": "rdb-lite-gan", "weights": [0, 1, 1]}, "three numbers"),
        ({"model": "rdb-lite-gan", "weights": [1, 1, -0.1]}, "none below"),
        ({"model": "rdb-lite-gan", "shares": [0.5, 0.3, 0.2], "crop": 15}, "set 'crop' to 16 at least"),
    ],
)
def test_bad_configurations_are_refused_in_one_line(tmp_path, changes, words):
    with pytest.raises(UserError) as caught:
        load_config(write_config(tmp_path, **changes))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_configuration_are_refused(tmp_path):
    path = tmp_path / "bad.toml"
    for data in (b"name = ", b"\xff\xfe\x00", b"a = " + b"[" * 5000, b"seed = " + b"9" * 5000):
        path.write_bytes(data)
        with pytest.raises(TrainingError, match="not a TOML file"):
            load_config(path)
    with pytest.raises(TrainingError, match="cannot be read"):
        load_config(tmp_path / "none.toml")


def test_a_missing_data_folder_is_named(tmp_path, drawn_data, monkeypatch):
    monkeypatch.delenv("FUNDUSXR_DATA", raising=False)
    with pytest.raises(DataError, match="set FUNDUSXR_DATA"):
        train(write_config(tmp_path), runs=tmp_path / "runs", console=QUIET)
    with pytest.raises(DataError, match="no such data folder"):
        train(write_config(tmp_path), tmp_path / "gone", tmp_path / "runs", console=QUIET)
