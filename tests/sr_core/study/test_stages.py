"""The adversarial stage, several processes, and what a training would cost."""

import io
import json
import os
import re
import socket
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import safetensors.torch
import torch
from rich.console import Console
from threadpoolctl import threadpool_info, threadpool_limits

from sr_core.errors import UserError
from sr_core.image.saving import save_picture
from sr_core.networks.zoo import load_model
from sr_core.study.training.config import TrainingError, load_config
from sr_core.study.training.losses import TermScale, balanced_weights, gradient_shares
from sr_core.study.training.processes import OneProcess, join_processes
from sr_core.study.training.run import cost, operations, train
from sr_core.study.training.trainer import Trainer
from tests.helpers.places import ROOT
from tests.helpers.small_training import QUIET, changed, curve_of, retina, write_config

pytestmark = pytest.mark.usefixtures("one_thread")

needs_trunk = pytest.mark.skipif(
    find_spec("stlpips_pytorch") is None, reason="needs a perceptual trunk: pip install 'fundusxr[perceptual]'"
)
needs_accelerate = pytest.mark.skipif(
    find_spec("accelerate") is None, reason="needs Accelerate: pip install 'fundusxr[train]'"
)
ADVERSARIAL = {"model": "rdb-lite-gan", "crop": 16, "discriminator": 4, "loss": "mse", "shares": [0.5, 0.3, 0.2]}


@pytest.fixture
def adversarial(tmp_path):
    return load_config(write_config(tmp_path, **ADVERSARIAL, iterations=12, validate_every=12))


def trainer_in(folder, config):
    folder.mkdir(exist_ok=True)
    return Trainer(config, [[retina(0, 240), retina(1, 240)]], [retina(2)], folder)


# --- the adversarial stage ----------------------------------------------------------------------------------


@needs_trunk
def test_the_adversarial_stage_starts_from_the_pixel_stage_and_shares_the_gradient_as_told(tmp_path, adversarial):
    trainer = trainer_in(tmp_path / "run", adversarial)
    start = load_model("rdb-lite", 4)
    before = {key: value.clone() for key, value in trainer._net.state_dict().items()}
    assert all(torch.equal(before[key], value) for key, value in start.module.state_dict().items())
    for _ in range(7):
        trainer.train_step()
    assert all(torch.equal(before[key], value) for key, value in trainer._net.state_dict().items())  # still balancing
    for _ in range(5):
        trainer.train_step()
    assert not all(torch.equal(before[key], value) for key, value in trainer._net.state_dict().items())
    entry = trainer.curve[-1]
    shares = [entry[f"{name}_share"] for name in ("pixel", "feature", "adversarial")]
    assert sum(shares) == pytest.approx(1)
    assert np.allclose(shares, adversarial.adversary.shares, atol=0.15)
    assert {"feature", "adversarial", "discriminator", "discriminator_right", "gain_db"} <= entry.keys()
    weights = trainer.stage.state()["weights"]
    assert weights["pixel"] == 1
    assert min(weights.values()) > 0
    trainer.save()
    assert (tmp_path / "run/curve.png").is_file()


@needs_trunk
@pytest.mark.parametrize("first", [5, 10])
def test_an_interrupted_adversarial_run_agrees_exactly(tmp_path, adversarial, first):
    whole = trainer_in(tmp_path / "whole", adversarial)
    for _ in range(12):
        whole.train_step()
    whole.save()
    for count in (first, 12 - first):  # within the balancing, and after it
        part = trainer_in(tmp_path / "parts", adversarial)
        part.resume()
        for _ in range(count):
            part.train_step()
        part.save()
    assert curve_of(part) == curve_of(whole)
    a, b = (safetensors.torch.load_file(trainer.checkpoint) for trainer in (whole, part))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)


@needs_trunk
def test_shares_hold_while_the_adversary_grows(tmp_path, adversarial):
    stage = trainer_in(tmp_path, adversarial).stage
    early = {"pixel": TermScale(1e-5, 2e-5), "feature": TermScale(0.2, 2.0), "adversarial": TermScale(0.7, 0.7)}
    late = early | {"adversarial": TermScale(1.2, 3.5)}
    for scales, count in ((early, 20), (late, 300)):
        for _ in range(count):
            stage._look_at(scales)
    shares = gradient_shares(late, stage.state()["weights"])
    assert list(shares.values()) == pytest.approx(adversarial.adversary.shares, abs=0.01)
    assert stage.state()["weights_of_equal_terms"] == pytest.approx(balanced_weights(early))


@needs_trunk
def test_the_discriminator_rests_while_it_is_right_too_often(tmp_path, adversarial):
    config = changed(adversarial, shares=(), weights=(1.0, 2e-6, 1e-3), judge_until=0.8, validate_every=1)
    trainer = trainer_in(tmp_path, config)
    judge, stage = trainer.stage._discriminator, trainer.stage
    for right, learns in ((0.81, False), (0.79, True)):
        before = [value.clone() for value in judge.parameters()], trainer._net.head.weight.clone()
        stage._right = right
        trainer.train_step()
        assert any(not torch.equal(a, b) for a, b in zip(before[0], judge.parameters(), strict=True)) == learns
        assert not torch.equal(before[1], trainer._net.head.weight)
        entry = trainer.curve[-1]
        assert entry["discriminator_learned"] == learns
        assert stage._right == pytest.approx(0.9 * right + 0.1 * entry["discriminator_right"])
    assert stage.state()["right"] == stage._right


@needs_trunk
def test_screens_are_not_seen_where_they_are_not_to_be(tmp_path, adversarial):
    found = {}
    for against in (False, True):
        trainer = trainer_in(tmp_path / str(against), changed(adversarial, against_screens=against))
        with torch.no_grad():
            trainer._net.head.bias += 0.1 * torch.rand(48)  # one for each colour and place in a small pixel
        crops = trainer._draw()
        picture = crops.bicubic + trainer._net(crops.small)
        found[against] = (trainer.stage._without_screens(picture, crops) - picture).detach().abs().max()
    assert found[False] == 0
    assert found[True] > 0.02


@needs_trunk
def test_factors_given_are_taken_as_they_are(tmp_path, adversarial):
    config = changed(adversarial, shares=(), weights=(1.0, 2e-6, 1e-3), iterations=1, validate_every=1)
    trainer = trainer_in(tmp_path, config)
    before = trainer._net.head.weight.clone()
    trainer.train_step()
    assert not torch.equal(before, trainer._net.head.weight)
    assert trainer.stage.state()["weights"] == {"pixel": 1.0, "feature": 2e-6, "adversarial": 1e-3}
    assert trainer.curve[-1]["adversarial_share"] > trainer.curve[-1]["feature_share"]


@needs_trunk
@pytest.mark.parametrize("changes", [{}, {"shares": (), "weights": (1.0, 2e-6, 1e-3)}])
def test_a_loss_that_is_not_finite_stops_the_adversarial_stage_too(tmp_path, adversarial, changes):
    trainer = trainer_in(tmp_path, changed(adversarial, **changes))
    trainer.train_step()
    trainer._net.head.bias.data[0] = float("nan")
    with pytest.raises(TrainingError, match="the loss is not finite at iteration 1; lower 'learning_rate'"):
        trainer.train_step()


@needs_trunk
def test_a_trunk_that_sees_nothing_is_told(tmp_path, adversarial):
    trainer = trainer_in(tmp_path, adversarial)
    for parameter in trainer.stage._trunk.parameters():
        parameter.zero_()
    for _ in range(7):
        trainer.train_step()
    with pytest.raises(TrainingError, match="tiny: the term 'feature' has a value of 0"):
        trainer.train_step()


@needs_trunk
def test_an_adversarial_run_goes_on_with_the_same_factors_alone(tmp_path, adversarial):
    trainer_in(tmp_path, adversarial).save()
    for key, value in {"shares": (0.6, 0.2, 0.2), "start": "other.safetensors", "trunk": "other.pth"}.items():
        trainer = trainer_in(tmp_path, adversarial)
        trainer.config = changed(adversarial, **{key: value})
        with pytest.raises(TrainingError, match=f"from a run with {key}"):
            trainer.resume()


@needs_trunk
def test_a_pixel_run_is_not_gone_on_with_by_another(tmp_path, adversarial):
    trainer = trainer_in(tmp_path, adversarial)
    trainer.save()
    with pytest.raises(TrainingError, match="from a run with model rdb-lite-gan"):
        trainer_in(tmp_path, changed(adversarial, model="rdb-lite")).resume()
    with pytest.raises(TrainingError, match="from a run with discriminator 4"):
        trainer_in(tmp_path, changed(adversarial, discriminator=8)).resume()


@needs_trunk
def test_an_adversarial_run_ends_with_a_card_that_tells_its_factors(tmp_path, drawn_data):
    for path, seed in zip(sorted(drawn_data.iterdir()), range(3), strict=True):
        path.unlink()
        save_picture(path, retina(seed, 240).pixels)
    config = write_config(tmp_path, **ADVERSARIAL, iterations=9, validate_every=9)
    said = io.StringIO()
    result = train(config, drawn_data, tmp_path / "runs", threads=1, console=Console(file=said, width=300))
    loaded = load_model("rdb-lite-gan", 4, result.weights)
    assert loaded.card["trunk"].startswith("VGG16")
    assert loaded.card["weights"]["pixel"] == 1
    assert loaded.card["started_from"] == load_model("rdb-lite", 4).sha256
    assert re.search(r"shares \d+%/\d+%/\d+%, discriminator", said.getvalue())


# --- several processes --------------------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from rich.console import Console
from sr_core.study.training.run import train
train(*map(Path, sys.argv[1:]), threads=1, console=Console(quiet=True))
"""


@needs_accelerate
def test_two_processes_match_one_with_the_whole_batch(tmp_path, drawn_data):
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    for count in (1, 2):
        config = write_config(tmp_path, batch=4)
        # By number: where the tests run there may be no name service for 'localhost'.
        with socket.create_server(("127.0.0.1", 0)) as free:
            here = ["--master-addr=127.0.0.1", f"--master-port={free.getsockname()[1]}", "--local-addr=127.0.0.1"]
        launched = ["-m", "torch.distributed.run", f"--nproc-per-node={count}", *here] if count > 1 else []
        command = [sys.executable, *launched, script, config, drawn_data, tmp_path / f"runs{count}"]
        words = list(map(str, command))
        done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
    curves = [
        [json.loads(line) for line in (tmp_path / f"runs{count}/tiny/curve.jsonl").read_text().splitlines()]
        for count in (1, 2)
    ]
    assert len(curves[0]) == 3
    for one, two in zip(*curves, strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)
        assert two["gain_db"] == pytest.approx(one["gain_db"], abs=1e-4)
    one, two = (safetensors.torch.load_file(tmp_path / f"runs{count}/tiny/rdb-lite-x4.safetensors") for count in (1, 2))
    assert all(torch.allclose(one[key], two[key], atol=1e-5) for key in one)


def test_a_batch_that_cannot_be_shared_evenly_and_half_a_torchrun_are_refused(tmp_path, monkeypatch):
    config = load_config(write_config(tmp_path, batch=3))
    two = OneProcess()
    two.count = 2
    with pytest.raises(TrainingError, match="2 processes cannot share 'batch' = 3 evenly"):
        Trainer(config, [[retina(0)]], [retina(2)], tmp_path, two)
    for value, words in (("2", "RANK is not set; start with torchrun"), ("abc", "not a number of processes")):
        monkeypatch.setenv("WORLD_SIZE", value)
        with pytest.raises(TrainingError, match=words):
            join_processes(torch.device("cpu"))


# --- what it would cost -------------------------------------------------------------------------------------


def test_a_dry_run_tells_the_cost_and_leaves_no_run(tmp_path, drawn_data):
    found = cost(write_config(tmp_path, iterations=1000), drawn_data, tmp_path / "runs", threads=1, console=QUIET)
    assert found.iterations == 1000
    assert found.seconds > 0
    config = load_config(tmp_path / "tiny.toml")
    assert found.operations == 1000 * operations(config)
    # 251,000 multiply-adds a small pixel, twice two operations more backward, for 2 crops of 8x8 pixels
    assert operations(config) == pytest.approx(2 * 3 * 251e3 * 2 * 64, rel=0.01)
    assert found.disk == pytest.approx(3 * 4 * 251_984, rel=0.01)
    text = " ".join(found.lines())
    assert "1000 iterations" in text
    assert "data-centre GPU" in text
    assert "501 validations of" in text
    assert not (tmp_path / "runs/tiny").exists()


@needs_trunk
def test_a_dry_run_of_the_adversarial_stage_needs_no_trained_first_stage(tmp_path, adversarial, drawn_data):
    for path, seed in zip(sorted(drawn_data.iterdir()), range(3), strict=True):
        path.unlink()
        save_picture(path, retina(seed, 240).pixels)
    config = write_config(tmp_path, **ADVERSARIAL, start=str(tmp_path / "not-trained-yet.safetensors"))
    assert cost(config, drawn_data, tmp_path / "runs", threads=1, console=QUIET, iterations=1).seconds > 0
    with pytest.raises(UserError, match="not-trained-yet"):
        train(config, drawn_data, tmp_path / "runs", threads=1, console=QUIET)


def test_the_threads_asked_for_hold_for_numpy_as_well(tmp_path, drawn_data):
    with threadpool_limits(2, user_api="blas"):
        cost(write_config(tmp_path), drawn_data, tmp_path / "runs", threads=1, console=QUIET, iterations=1)
        pools = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert pools
    assert set(pools) == {1}


@needs_trunk
def test_the_adversary_and_the_trunk_count(adversarial):
    pixels = changed(adversarial, model="rdb-lite")
    assert operations(adversarial) > 3 * operations(pixels)
