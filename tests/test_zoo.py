"""Weights files, good and bad."""

import hashlib
import json

import pytest
import safetensors.torch
import torch

from sr_core.errors import UserError
from sr_core.networks import zoo
from sr_core.networks.rdb_srgan import LITE, RdbSrgan


@pytest.fixture
def tensors():
    torch.manual_seed(0)
    return RdbSrgan(LITE(4)).state_dict()


def write(path, tensors, card=None):
    safetensors.torch.save_file({k: v.contiguous() for k, v in tensors.items()}, path)
    if card is not None:
        path.with_suffix(".json").write_text(json.dumps(card))
    return path


def refused(path, *words, name="rdb-lite", scale=4):
    with pytest.raises(zoo.WeightsError) as caught:
        zoo.load_model(name, scale, path)
    line = str(caught.value)
    assert isinstance(caught.value, UserError)
    assert "\n" not in line
    assert all(word in line for word in words), line


def test_weights_come_back_with_hash_and_card(tmp_path, tensors):
    path = write(tmp_path / "w.safetensors", tensors, {"loss": "L1"})
    loaded = zoo.load_model("rdb-lite", 4, path)
    assert loaded.config == LITE(4)
    assert loaded.card == {"loss": "L1"}
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not loaded.module.training
    assert not any(p.requires_grad for p in loaded.module.parameters())
    for key, value in loaded.module.state_dict().items():
        assert torch.equal(value, tensors[key])


def test_other_architectures_are_named_by_their_keys(tmp_path, tensors):
    path = tmp_path / "w.safetensors"
    write(path, RdbSrgan(LITE(2)).state_dict())
    refused(path, "head.weight is (12, 32, 3, 3), not (48, 32, 3, 3)", "rdb-lite x4")
    write(path, {k: v for k, v in tensors.items() if k != "smooth.bias"} | {"other": torch.zeros(1)})
    refused(path, "smooth.bias missing", "other unexpected")
    write(path, tensors | {"smooth.bias": tensors["smooth.bias"].half()})
    refused(path, "smooth.bias is torch.float16")
    write(path, {f"x{i}": torch.zeros(1) for i in range(9)})
    refused(path, "more)")


def test_files_cut_short_or_foreign_are_refused(tmp_path, tensors):
    path = write(tmp_path / "w.safetensors", tensors)
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], whole[:5], b"", b"not weights at all", b"\x80\x04" * 50):
        path.write_bytes(data)
        refused(path, str(path), "damaged or cut short")
    refused(tmp_path / "none.safetensors", "no such weights")


def test_a_file_too_large_for_the_network_is_not_read(tmp_path):
    path = tmp_path / "w.safetensors"
    with open(path, "wb") as file:
        file.truncate(1 << 40)  # a sparse terabyte: reading it would not come back
    refused(path, "more than this network's")


def test_values_that_are_not_finite_are_refused(tmp_path, tensors):
    tensors["entry.bias"][3] = float("nan")
    refused(write(tmp_path / "w.safetensors", tensors), "entry.bias", "not finite")


def test_a_damaged_card_and_unknown_names_are_refused(tmp_path, tensors):
    path = write(tmp_path / "w.safetensors", tensors)
    path.with_suffix(".json").write_text("{")
    refused(path, "card")
    refused(path, "rdb-lite", name="rdb-huge")
    refused(path, "2, 4, 8", scale=3)


def test_only_models_with_weights_are_available(tmp_path, tensors, monkeypatch):
    monkeypatch.setattr(zoo, "asset_path", lambda *parts: tmp_path.joinpath(*parts))
    assert zoo.available_models() == {}
    (tmp_path / "weights").mkdir()
    write(tmp_path / "weights/rdb-lite-x4.safetensors", tensors)
    assert zoo.available_models() == {"rdb-lite": (4,)}
    assert zoo.load_model("rdb-lite", 4).card == {}
