"""The rivals' generators and the discriminator: shapes, starting point, receptive field, and what they cost."""

import re

import numpy as np
import pytest
import torch

from sr_core.image.resample import enlarge_bicubic
from sr_core.networks import srcnn, srresnet, zoo
from sr_core.networks.cost import multiply_adds, parameters
from sr_core.networks.discriminator import Discriminator
from sr_core.networks.generator import ConvolutionToColours
from sr_core.networks.srcnn import SrcnnConfig
from sr_core.networks.srresnet import SrResNetConfig
from tests.helpers.places import ROOT

DOCUMENT = ROOT / "docs" / "training.md"
PIECE = 32


def randomised(config):
    """A network in evaluation mode whose last layer is no longer zero and whose ReLUs stay open."""
    torch.manual_seed(1)
    network = config.build().eval().requires_grad_(False)
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.constant_(parameter, 0.5)
    torch.nn.init.normal_(network.head.weight, std=0.1)
    return network


RIVALS = [
    *(SrResNetConfig(scale, features=6, blocks=2) for scale in (2, 4, 8)),
    *(SrcnnConfig(scale, features=6, mapped=4) for scale in (2, 4, 8)),
]


@pytest.mark.parametrize("config", RIVALS, ids=str)
def test_a_fresh_rival_is_exactly_bicubic_and_gives_the_scaled_shape(config):
    lr = torch.rand(2, 3, 9, 7)
    fresh = config.build()
    assert fresh.config == config
    residual = fresh(lr)
    assert residual.shape == (2, 3, 9 * config.scale, 7 * config.scale)
    assert not residual.any()
    assert randomised(config)(lr).std() > 0


@pytest.mark.parametrize("config", RIVALS, ids=str)
def test_receptive_radius_is_what_output_pixels_depend_on(config):
    network, radius, scale = randomised(config), config.receptive_radius, config.scale
    lr = torch.rand(1, 3, 41, 41, requires_grad=True)
    own = slice(20 * scale, 21 * scale)
    network(lr)[..., own, own].sum().backward()
    rows = lr.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert (rows.min().item(), rows.max().item()) == (20 - radius, 20 + radius)


@pytest.mark.parametrize("config", RIVALS, ids=str)
def test_every_parameter_of_a_rival_reaches_the_output(config):
    network = randomised(config).train().requires_grad_(True)
    network(torch.rand(2, 3, 12, 12)).square().sum().backward()
    assert [name for name, p in network.named_parameters() if not p.grad.any()] == []


@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)], ids=str)
@pytest.mark.parametrize("kernel", [1, 5, 9])
def test_a_convolution_to_colours_without_gradient_is_the_convolution(kernel, precision, tolerance):
    torch.manual_seed(1)
    layer = ConvolutionToColours(7, kernel).to(precision)
    x = torch.rand(2, 7, 11, 5, dtype=precision)
    plain = layer(x)
    with torch.inference_mode():
        fast = layer(x)
    assert plain.requires_grad
    assert not fast.requires_grad
    torch.testing.assert_close(fast, plain, rtol=tolerance, atol=tolerance)


def test_srcnn_works_on_the_matlab_bicubic_enlargement():
    network = SrcnnConfig(4, features=3, mapped=3).build()
    for layer in (network.extract, network.map, network.head):  # each hands the three colours on
        torch.nn.init.dirac_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    small = np.random.default_rng(1).uniform(0.3, 0.7, (7, 5, 3)).astype(np.float32)
    passed = network(torch.from_numpy(small).permute(2, 0, 1)[None])[0].permute(1, 2, 0).detach().numpy()
    np.testing.assert_allclose(passed, enlarge_bicubic(small, 4), atol=1e-6)


def test_srcnn_lets_gradients_through_after_it_has_been_run_without():
    network = randomised(SrcnnConfig(2, features=6, mapped=4))
    with torch.inference_mode():
        network(torch.rand(1, 3, 11, 13))
    lr = torch.rand(1, 3, 11, 13, requires_grad=True)
    network(lr).sum().backward()
    assert lr.grad.any()


def test_rivals_run_in_bfloat16():
    for config in RIVALS:
        network, lr = randomised(config), torch.rand(1, 3, 8, 8)
        exact, rounded = network(lr), network.to(torch.bfloat16)(lr.bfloat16())
        assert rounded.dtype == torch.bfloat16
        assert (rounded.float() - exact).abs().max() < 0.05 * exact.abs().max()


@pytest.mark.parametrize("make", [srresnet.LITE, srresnet.PUBLISHED, srcnn.PUBLISHED])
def test_impossible_scales_are_refused(make):
    with pytest.raises(ValueError, match="scale 3"):
        make(3)


def test_impossible_sizes_are_refused():
    for make in (lambda: SrResNetConfig(2, 0, 1), lambda: SrcnnConfig(2, 1, 0), lambda: Discriminator(0)):
        with pytest.raises(ValueError, match="at least 1"):
            make()


def test_multiply_adds_are_those_counted_by_hand():
    config = SrResNetConfig(4, features=5, blocks=2)
    body = 81 * 3 * 5 + (2 * 2 + 1) * 9 * 5 * 5  # at small size
    enlarging = 9 * 5 * 20 * (1 + 4)
    head = 81 * 5 * 3 * 16
    assert multiply_adds(config.build(), 6, 7) == 42 * (body + enlarging + head)
    dense = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 7))
    assert multiply_adds(dense, 4, 4) == 48 * 7


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_the_lite_rival_costs_what_the_lite_generator_costs(scale):
    costs = [
        multiply_adds(zoo.network_config(name, scale).build(), PIECE, PIECE) for name in ("srresnet-lite", "rdb-lite")
    ]
    assert costs[0] == pytest.approx(costs[1], rel=0.15)


@pytest.mark.parametrize("side", [64, 96, 130])
def test_the_discriminator_takes_crops_of_any_size_from_64(side):
    torch.manual_seed(1)
    critic = Discriminator(4)
    logits = critic(torch.rand(3, 3, side, side))
    assert logits.shape == (3,)
    assert logits.std() > 0
    logits.sum().backward()
    assert [name for name, p in critic.named_parameters() if p.grad is None] == []


def test_the_discriminator_refuses_smaller_crops():
    with pytest.raises(ValueError, match=r"64x63.*64x64"):
        Discriminator(4)(torch.rand(2, 3, 63, 64))


def test_the_discriminator_learns_to_tell_sharp_from_blurred():
    torch.manual_seed(1)
    sharp = torch.rand(8, 3, 64, 64)
    blurred = torch.nn.functional.avg_pool2d(sharp, 5, stride=1, padding=2)
    critic = Discriminator(4)
    adam = torch.optim.Adam(critic.parameters(), 1e-3)
    for _ in range(10):
        loss = torch.nn.functional.softplus(torch.cat([-critic(sharp), critic(blurred)])).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert critic(sharp).min() > critic(blurred).max()


def table(heading):
    """The rows of the first table under a heading of docs/training.md: first cell -> the others."""
    text = DOCUMENT.read_text(encoding="utf-8").split(f"\n{heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE).group().splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows}


def test_the_documents_tell_what_networks_cost():
    rows = table("## Networks")
    told = {}
    for names, cells in rows.items():
        for name in re.findall(r"`([^`]+)`", names):
            told[name] = cells
    assert told.keys() == zoo.CONFIGS.keys()
    for name, cells in told.items():
        with torch.device("meta"):
            networks = [zoo.network_config(name, scale).build() for scale in (2, 4, 8)]
        assert cells[1].split(" / ") == [f"{parameters(net):,}" for net in networks], name
        per_pixel = [multiply_adds(net, PIECE, PIECE) / PIECE**2 / 1000 for net in networks]
        assert cells[2].split(" / ") == [f"{cost:,.0f}" for cost in per_pixel], name
        assert cells[3].split(" / ") == [str(net.config.receptive_radius) for net in networks], name


def test_the_documents_tell_what_discriminators_cost():
    rows = table("### Discriminator")
    assert "64" in rows
    for features, cells in rows.items():
        with torch.device("meta"):
            critic = Discriminator(int(features))
        assert cells == [f"{parameters(critic):,}", f"{multiply_adds(critic, 128, 128) / 1e6:,.0f}"], features
