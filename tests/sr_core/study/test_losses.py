"""The losses of the paper, their trunk, and how they are brought to one scale."""

import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch.nn import functional

from sr_core.errors import UserError
from sr_core.networks.discriminator import Discriminator
from sr_core.study.training import losses
from sr_core.study.training.losses import PAPER_WEIGHTS, PIXEL_LOSSES, TermScale, choose_trunk, generator_terms

needs_package = pytest.mark.skipif(
    find_spec("stlpips_pytorch") is None, reason="the extra 'perceptual' (stlpips-pytorch) is not installed"
)


@pytest.fixture(scope="module")
def vgg19():
    """Random weights of VGG19 under torchvision's keys, scaled so that activations neither vanish nor explode."""
    torch.manual_seed(3)
    groups, number, before, tensors = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)), 0, 3, {}
    for maps, count in groups:
        for _ in range(count):
            tensors[f"features.{number}.weight"] = torch.randn(maps, before, 3, 3) * math.sqrt(2 / (9 * before))
            tensors[f"features.{number}.bias"] = torch.randn(maps) / 10
            number, before = number + 2, maps
        number += 1
    return tensors | {"classifier.6.bias": torch.zeros(1000)}


@pytest.fixture(scope="module")
def trunk(vgg19, tmp_path_factory):
    path = tmp_path_factory.mktemp("trunk") / "vgg19.pth"
    torch.save(vgg19, path)
    return choose_trunk(path)


def normalised(picture):
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (picture - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)


def test_vgg19_is_read_up_to_relu5_4(trunk, vgg19, tmp_path):
    assert trunk.name == "VGG19 (relu5_4)"
    picture = torch.rand(1, 3, 48, 64)
    x = normalised(picture)
    for number in (0, 2, "pool", 5, 7, "pool", 10, 12, 14, 16, "pool", 19, 21, 23, 25, "pool", 28, 30, 32, 34):
        if number == "pool":
            x = functional.max_pool2d(x, 2)
        else:
            weight, bias = vgg19[f"features.{number}.weight"], vgg19[f"features.{number}.bias"]
            x = functional.conv2d(x, weight, bias, padding=1).relu()
    features = trunk(picture)
    assert features.shape == (1, 512, 3, 4)
    assert features.std() > 0.01
    torch.testing.assert_close(features, x)
    path = tmp_path / "vgg19.safetensors"
    safetensors.torch.save_file(vgg19, path)
    assert torch.equal(choose_trunk(path)(picture), features)


@needs_package
def test_the_shift_tolerant_vgg16_is_read_up_to_relu5_3():
    trunk = choose_trunk()
    assert trunk.name == "VGG16 (shift-tolerant LPIPS trunk)"
    folder = Path(find_spec("stlpips_pytorch").submodule_search_locations[0])
    file = torch.load(folder / "weights/vST0.0/vgg_shift_tolerant.pth", map_location="cpu", weights_only=True)
    torch.manual_seed(1)
    picture = torch.rand(1, 3, 64, 48)
    x = (2 * picture - 1 - file["scaling_layer.shift"]) / file["scaling_layer.scale"]
    groups = {1: (0, 2), 2: (6, 8), 3: (12, 14, 16), 4: (20, 22, 24), 5: (28, 30, 32)}
    for group, numbers in groups.items():
        if group > 1:
            x = functional.max_pool2d(x, 2, stride=1)
            blur = file[f"net.slice{group}.{numbers[0] - 1}.filt"]
            x = functional.conv2d(functional.pad(x, (2,) * 4, "reflect"), blur, stride=2, groups=x.shape[1])
        for number in numbers:
            key = f"net.slice{group}.{number}"
            x = functional.conv2d(x, file[f"{key}.weight"], file[f"{key}.bias"], padding=1).relu()
    assert x.std() > 0.01
    torch.testing.assert_close(trunk(picture), x, rtol=1e-3, atol=1e-3)


@needs_package
def test_the_trunk_holds_a_shifted_picture_nearer_than_a_blurred_one():
    torch.manual_seed(1)
    broad = functional.interpolate(torch.rand(1, 3, 24, 24), scale_factor=4, mode="nearest")
    picture, shifted = broad[..., 16:80, 16:80], broad[..., 16:80, 17:81]
    blurred = functional.avg_pool2d(broad, 7, stride=1, padding=3)[..., 16:80, 16:80]
    trunk = choose_trunk()
    assert losses.feature_loss(trunk, shifted, picture) < losses.feature_loss(trunk, blurred, picture)


def refused(path, *words):
    with pytest.raises(losses.TrunkError) as caught:
        choose_trunk(path)
    line = str(caught.value)
    assert isinstance(caught.value, UserError)
    assert "\n" not in line
    assert all(word in line for word in words), line


def test_without_a_file_and_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(losses, "find_spec", lambda name: None)
    refused(None, "fundusxr[perceptual]", "VGG19")


@pytest.mark.parametrize("kind", ["pth", "pt", "safetensors"])
def test_files_that_are_no_weights_are_refused(kind, tmp_path):
    path = tmp_path / f"w.{kind}"
    refused(path, str(path), "no such file")
    for data in (b"", b"not weights at all", b"\x80\x04" * 50, b"PK\x03\x04" + bytes(90)):
        path.write_bytes(data)
        refused(path, str(path), "damaged")
    with open(path, "wb") as file:
        file.truncate(1 << 40)  # a sparse terabyte: reading it would not come back
    refused(path, "more than a VGG has")


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "w.bin"
    path.write_bytes(b"x")
    refused(path, ".safetensors, .pth or .pt")
    refused(tmp_path, "kind of weights")
    path = tmp_path / "w.pth"
    torch.save([torch.zeros(1)], path)
    refused(path, "holds a list")


def test_a_weights_file_with_flipped_bytes_is_refused_in_one_line(tmp_path):
    path = tmp_path / "w.pth"
    torch.save({f"features.{n}.weight": torch.ones(2) for n in range(4)}, path)
    whole = path.read_bytes()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 8):
            data[place] ^= int(rng.integers(1, 256))
        path.write_bytes(data[: len(data) - int(rng.integers(0, 2)) * 300])
        refused(path, str(path))


def test_code_in_a_weights_file_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    path = tmp_path / "w.pth"
    torch.save({"features.0.weight": Trap()}, path)
    refused(path, "damaged, or holds more than tensors", "state_dict")
    assert not (tmp_path / "sprung").exists()


def test_weights_of_another_network_are_named_by_their_keys(vgg19, tmp_path):
    path = tmp_path / "w.safetensors"
    kept = {key: value for key, value in vgg19.items() if key != "features.34.bias"}
    safetensors.torch.save_file(kept, path)
    refused(path, "VGG19 (relu5_4)", "features.34.bias missing")
    safetensors.torch.save_file(kept | {"features.34.bias": torch.zeros(5)}, path)
    refused(path, "features.34.bias is torch.float32 (5,), not torch.float32 (512,)")
    safetensors.torch.save_file(kept | {"features.34.bias": torch.zeros(512).half()}, path)
    refused(path, "features.34.bias is torch.float16 (512,)")
    safetensors.torch.save_file(kept | {"features.34.bias": torch.full((512,), math.nan)}, path)
    refused(path, "features.34.bias", "not finite")
    safetensors.torch.save_file({"other": torch.zeros(1)}, path)
    refused(path, "features.0.weight missing", "and 30 more")


def test_pixel_losses_have_their_known_values():
    a, b = torch.zeros(1, 3, 2, 2), torch.tensor([0.0, 0.2, 0.4, 0.4]).view(1, 1, 2, 2).expand(1, 3, 2, 2)
    assert PIXEL_LOSSES["mse"](a, b).item() == pytest.approx(0.09)
    assert PIXEL_LOSSES["l1"](a, b).item() == pytest.approx(0.25)
    smooth = sum(math.sqrt(d * d + 1e-6) for d in (0, 0.2, 0.4, 0.4)) / 4
    assert PIXEL_LOSSES["charbonnier"](a, b).item() == pytest.approx(smooth)


def test_charbonnier_has_a_gradient_of_0_where_pictures_are_equal():
    picture = torch.rand(1, 3, 4, 4, requires_grad=True)
    losses.charbonnier(picture, picture.detach()).backward()
    assert not picture.grad.any()


def test_adversarial_losses_have_their_known_values():
    logits = torch.tensor([0.0, 2.0, -3.0])
    expected = -sum(math.log(1 / (1 + math.exp(-x))) for x in (0.0, 2.0, -3.0)) / 3
    assert losses.adversarial_loss(logits).item() == pytest.approx(expected)
    for photographs in (True, False):
        expected = functional.binary_cross_entropy_with_logits(logits, torch.full((3,), float(photographs)))
        assert losses.discriminator_loss(logits, photographs).item() == pytest.approx(expected.item())
        assert losses.discriminator_loss(torch.zeros(4), photographs).item() == pytest.approx(math.log(2))
    # where the logistic function itself would round to 0
    assert losses.adversarial_loss(torch.tensor([-200.0])).item() == 200


def test_the_feature_loss_is_0_for_equal_pictures_and_grows_with_the_difference(trunk):
    torch.manual_seed(1)
    picture, change = torch.rand(1, 3, 64, 64), torch.randn(1, 3, 64, 64)
    found = [losses.feature_loss(trunk, picture + size * change, picture).item() for size in (0, 0.01, 0.1)]
    assert found[0] == 0
    assert 0 < found[1] < found[2]


@pytest.fixture
def setting(trunk):
    torch.manual_seed(5)
    output = torch.rand(2, 3, 64, 64, requires_grad=True)
    return output * 1, torch.rand(2, 3, 64, 64, requires_grad=True), trunk, Discriminator(4), output


@pytest.mark.parametrize("pixel", PIXEL_LOSSES)
def test_gradients_flow_to_the_generator_alone(setting, pixel):
    picture, target, trunk, critic, output = setting
    terms = generator_terms(picture, target, trunk, critic, pixel)
    assert terms.keys() == PAPER_WEIGHTS.keys()
    for term in terms.values():
        output.grad = None
        term.backward(retain_graph=True)
        assert output.grad.any()
    assert target.grad is None
    assert all(p.grad is None and p.requires_grad for p in critic.parameters())
    assert all(p.grad is None and not p.requires_grad for p in trunk.parameters())
    losses.discriminator_loss(critic(picture.detach()), photographs=False).backward()
    assert all(p.grad is not None for p in critic.parameters())


def test_the_discriminator_learns_again_even_after_an_error(setting):
    picture, target, trunk, critic, _ = setting
    with pytest.raises(ValueError, match="larger"):
        generator_terms(picture[..., :32], target[..., :32], trunk, critic)
    assert all(p.requires_grad for p in critic.parameters())


def test_without_its_screen_a_crop_keeps_all_else():
    torch.manual_seed(1)
    bicubic, screen = torch.rand(2, 3, 48, 48), 0.1 * torch.randn(1, 3, 8, 8)
    screen = (screen - screen.mean(dim=(2, 3), keepdim=True)).repeat(1, 1, 6, 6)
    detail = 0.1 * torch.randn(2, 3, 48, 48)
    for added in (torch.zeros(1), torch.full((1,), 0.1), screen):  # a tint is no screen
        clean = losses.without_screen(bicubic + added, bicubic, 8)
        assert torch.allclose(clean, bicubic + (added if added.ndim == 1 else 0), atol=1e-6)
    kept = losses.without_screen(bicubic + detail, bicubic, 8) - bicubic
    assert (kept - detail).square().mean() < 0.03 * detail.square().mean()  # 1 / 36 of noise looks like a screen


def test_trunk_and_discriminator_ask_for_no_screen(setting):
    picture, target, trunk, critic, _ = setting
    bicubic = torch.zeros_like(picture)
    seen = tuple(losses.without_screen(whole, bicubic, 8) for whole in (picture, target))
    pulls = losses.pulls(picture, generator_terms(picture, target, trunk, critic, seen=seen))
    asked = {name: pull - losses.without_screen(pull, bicubic, 8) for name, pull in pulls.items()}
    for name in ("feature", "adversarial"):
        assert asked[name].norm() < 1e-5 * pulls[name].norm()
    assert asked["pixel"].norm() > 0.05 * pulls["pixel"].norm()


def test_scales_are_values_and_gradient_norms(setting):
    picture, target, trunk, critic, output = setting
    terms = generator_terms(picture, target, trunk, critic)
    pulls = losses.pulls(picture, terms)
    scales = losses.term_scales(terms, pulls)
    assert output.grad is None
    for name, term in terms.items():
        output.grad = None
        term.backward(retain_graph=True)
        assert torch.allclose(pulls[name], output.grad, rtol=1e-4, atol=1e-9)
        assert scales[name] == TermScale(term.item(), pytest.approx(output.grad.norm().item(), rel=1e-5))
    by_hand = 2 * (picture - target).norm().item() / picture.numel()
    assert scales["pixel"].gradient == pytest.approx(by_hand, rel=1e-5)


SCALES = {
    "pixel": TermScale(1e-4, 2e-5),
    "feature": TermScale(0.4, 3e-3),
    "adversarial": TermScale(0.7, 1e-2),
}


def test_shares_of_the_gradient_sum_to_1():
    shares = losses.gradient_shares(SCALES, PAPER_WEIGHTS)
    assert sum(shares.values()) == pytest.approx(1)
    total = 2e-5 + 6e-9 + 1e-5
    assert shares == pytest.approx({"pixel": 2e-5 / total, "feature": 6e-9 / total, "adversarial": 1e-5 / total})


def test_balanced_weights_bring_values_to_one_scale():
    weights = losses.balanced_weights(SCALES)
    assert weights["pixel"] == 1
    assert [weights[name] * scale.value for name, scale in SCALES.items()] == pytest.approx([1e-4] * 3)


def test_weights_can_be_had_for_wanted_shares():
    wanted = {"pixel": 0.6, "feature": 0.25, "adversarial": 0.15}
    norms = {name: scale.gradient for name, scale in SCALES.items()}
    weights = losses.weights_for_shares(norms, wanted)
    assert weights["pixel"] == pytest.approx(1)
    assert losses.gradient_shares(SCALES, weights) == pytest.approx(wanted)
    assert losses.weights_for_shares(norms, wanted | {"adversarial": 0.0})["adversarial"] == 0


def test_terms_without_a_scale_cannot_be_balanced():
    nothing = SCALES | {"feature": TermScale(0.0, 0.0)}
    with pytest.raises(ValueError, match=r"'feature'.*value"):
        losses.balanced_weights(nothing)
    with pytest.raises(ValueError, match=r"'feature'.*gradient"):
        losses.weights_for_shares({"pixel": 2e-5, "feature": 0.0, "adversarial": 1e-2}, PAPER_WEIGHTS)
    with pytest.raises(ValueError, match=r"'pixel'.*share"):
        losses.weights_for_shares({"pixel": 2e-5, "feature": 3e-3}, {"pixel": 0.0, "feature": 0.5})
    with pytest.raises(ValueError, match="no shares"):
        losses.gradient_shares({"pixel": TermScale(0.0, 0.0)}, PAPER_WEIGHTS)
