"""Weights files, good and bad."""

import hashlib
import json
from dataclasses import replace

import pytest
import safetensors.torch
import torch

from sr_core.errors import UserError
from sr_core.image.geometry import TileKey
from sr_core.networks import names, zoo
from sr_core.networks.names import STARTS_FROM, Blend, dialled, parse_blend, texture_of
from sr_core.networks.rdb_srgan import LITE, RdbSrgan
from sr_core.networks.srresnet import SrResNet, SrResNetConfig
from sr_core.tiles.disk import TileName


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
    monkeypatch.setattr(names, "asset_path", lambda *parts: tmp_path.joinpath(*parts))
    assert zoo.available_models() == {}
    (tmp_path / "weights").mkdir()
    write(tmp_path / "weights/rdb-lite-x4.safetensors", tensors)
    assert zoo.available_models() == {"rdb-lite": (4,)}
    assert zoo.load_model("rdb-lite", 4).card == {}


@pytest.mark.parametrize("name", [name for name in zoo.CONFIGS if "paper" not in name])
def test_every_model_comes_back_as_it_was_written(name, tmp_path):
    torch.manual_seed(2)
    network = zoo.network_config(name, 2).build()
    for buffer in network.buffers():
        buffer.copy_(torch.rand(buffer.shape) * 9)
    path = write(tmp_path / "w.safetensors", network.state_dict())
    loaded = zoo.load_model(name, 2, path)
    assert loaded.config == network.config
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.module.state_dict()[key], value), key


def test_gan_models_start_from_models_of_their_own_architecture():
    assert STARTS_FROM.keys() == {name for name in zoo.CONFIGS if "gan" in name}
    for name, start in STARTS_FROM.items():
        assert start not in STARTS_FROM
        for scale in zoo.SCALES:
            assert zoo.network_config(name, scale) == zoo.network_config(start, scale)


def test_variances_below_zero_are_refused(tmp_path):
    tensors = zoo.network_config("srresnet-lite", 2).build().state_dict()
    tensors["smooth.1.running_var"][0] = -1
    refused(write(tmp_path / "w.safetensors", tensors), "smooth.1.running_var", name="srgan-lite", scale=2)


@pytest.mark.parametrize(
    "card", [[1], {"network": {"blocks": 1}}, {"halo": "abc"}, {"halo": None}, {"halo": -5}, {"agrees": "no"}]
)
def test_a_card_of_other_weights_or_with_nonsense_is_refused(tmp_path, tensors, card):
    path = tmp_path / "w.safetensors"
    write(path, tensors, card)
    refused(path, "w.json")


def test_a_model_agrees_unless_its_card_says_that_it_restores(tmp_path, tensors):
    path = tmp_path / "w.safetensors"
    for card, agrees in ((None, True), ({"agrees": True}, True), ({"agrees": False}, False)):
        assert zoo.load_model("rdb-lite", 4, write(path, tensors, card)).agrees is agrees


LITE_X4 = LITE(4)


def loaded(seed, name="pixel", config=LITE_X4, **card):
    torch.manual_seed(seed)
    network = config.build().eval().requires_grad_(False)
    torch.nn.init.normal_(network.head.weight, std=0.1)
    for buffer in network.buffers():
        buffer.copy_(torch.rand(buffer.shape) * 9)
    return zoo.LoadedNetwork(name, config, network, f"{seed:064}", card)


def test_the_dial_runs_from_one_networks_weights_to_the_others():
    config = SrResNetConfig(2, features=4, blocks=1)
    pixel, texture = loaded(1, config=config), loaded(2, "texture", config)
    first, last = pixel.module.state_dict(), texture.module.state_dict()
    for amount in (0, 0.25, 1):
        mixed = zoo.blend(pixel, texture, amount).module
        assert isinstance(mixed, SrResNet)
        assert not mixed.training
        assert not any(p.requires_grad for p in mixed.parameters())
        for key, value in mixed.state_dict().items():
            if value.is_floating_point():
                torch.testing.assert_close(value, (1 - amount) * first[key] + amount * last[key])
                assert amount not in (0, 1) or torch.equal(value, (first, last)[amount][key])
    assert torch.equal(pixel.module.state_dict()["head.weight"], first["head.weight"])


def test_a_blend_tells_what_it_is():
    pixel, texture = loaded(1, halo=9), loaded(2, "texture", halo=12)
    half = zoo.blend(pixel, texture, 0.5)
    assert (half.name, half.halo, half.agrees, half.config) == ("pixel+texture@0.5", 12, True, LITE(4))
    assert half.card["blend"] == {"pixel": pixel.sha256, "texture": texture.sha256, "amount": 0.5}
    others = [
        zoo.blend(pixel, texture, 0.5000001),
        zoo.blend(texture, pixel, 0.5),
        zoo.blend(pixel, replace(texture, sha256="0" * 64), 0.5),
        pixel,
        texture,
    ]
    assert half.sha256 not in {other.sha256 for other in others}
    assert len(half.sha256) == 64
    assert half.sha256 == zoo.blend(pixel, texture, 0.5).sha256
    assert zoo.blend(pixel, texture, 1).sha256 == zoo.blend(pixel, texture, 1.0).sha256
    assert not zoo.blend(pixel, loaded(2, agrees=False), 0.5).agrees


@pytest.mark.parametrize("other", [LITE(2), SrResNetConfig(4, features=4, blocks=1)], ids=str)
def test_networks_that_differ_are_not_blended(other):
    with pytest.raises(zoo.WeightsError, match="pixel x4 and texture x"):
        zoo.blend(loaded(1), loaded(2, "texture", other), 0.5)


@pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan")])
def test_amounts_off_the_dial_are_refused(amount):
    with pytest.raises(zoo.WeightsError, match="within 0 to 1"):
        zoo.blend(loaded(1), loaded(2), amount)


@pytest.fixture
def both_stages(tmp_path, tensors, monkeypatch):
    """Weights of both stages at x4, the second's moved a little."""
    monkeypatch.setattr(names, "asset_path", lambda *parts: tmp_path.joinpath(*parts))
    (tmp_path / "weights").mkdir()
    write(tmp_path / "weights/rdb-lite-x4.safetensors", tensors)
    moved = {key: value + 0.01 for key, value in tensors.items()}
    write(tmp_path / "weights/rdb-lite-gan-x4.safetensors", moved, {"halo": 20})


@pytest.mark.parametrize("texture", [0, 0.25, 0.5, 0.123456, 1])
def test_the_dial_is_a_name_that_loads_the_weights_it_says(both_stages, tensors, texture):
    network = zoo.load_model(dialled("rdb-lite", texture), 4)
    assert network.texture == texture
    expected = tensors["entry.bias"] + 0.01 * texture
    torch.testing.assert_close(network.module.state_dict()["entry.bias"], expected)
    assert network.halo == (20 if texture else zoo.DEFAULT_HALO)


def test_every_place_of_the_dial_has_its_own_hash(both_stages):
    found = [zoo.load_model(dialled("rdb-lite", texture), 4) for texture in (0, 0.25, 0.5, 0.75, 1)]
    key = TileKey(0, 2, 1, 1)
    assert len({TileName.of(key, "0" * 64, network.sha256).folder for network in found}) == len(found)
    assert found[-1].sha256 == zoo.load_model("rdb-lite-gan", 4).sha256
    assert found[0].sha256 == zoo.load_model("rdb-lite", 4).sha256


def test_a_blend_whose_second_weights_are_missing_names_the_file(both_stages):
    with pytest.raises(zoo.WeightsError, match=r"rdb-lite-gan-x2.safetensors: no such weights|rdb-lite-x2.safetensors"):
        zoo.load_model(dialled("rdb-lite", 0.5), 2)


@pytest.mark.parametrize("amount", [0.001, 0.5, 1e-7, 1.0])
def test_a_blends_name_comes_back_as_it_was(amount):
    blend = Blend("rdb-lite", "rdb-lite-gan", amount)
    assert parse_blend(blend.name) == blend
    assert texture_of(blend.name) == amount


@pytest.mark.parametrize("name", ["rdb-lite", "", "a+b", "a@0.5", "a+b@", "a+b@x", "a+b@1.2.3", "a+b+c@0.5"])
def test_other_names_are_no_blends(name):
    assert parse_blend(name) is None


@pytest.mark.parametrize(
    ("model", "texture", "words"),
    [
        ("rdb-lite", -0.1, "from 0"),
        ("rdb-lite", 1.01, "from 0"),
        ("rdb-lite", float("nan"), "from 0"),
        ("rdb-lite-gan", 0.5, "rdb-lite-gan has no adversarial stage"),
        ("srcnn", 0.5, "choose --model rdb-lite"),
    ],
)
def test_what_is_not_on_the_dial_is_refused(model, texture, words):
    with pytest.raises(UserError, match=words):
        dialled(model, texture)


def test_names_tell_the_texture_of_models():
    assert [texture_of(name) for name in ("rdb-lite", "srgan", "srgan-lite", "srcnn")] == [0, 1, 1, 0]
