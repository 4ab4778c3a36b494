"""The generator's structure: sizes, starting point, receptive field."""

import pytest
import torch

from sr_core.networks.rdb_srgan import LITE, PAPER, RdbSrgan, RdbSrganConfig

TINY = RdbSrganConfig(scale=4, features=6, blocks=2, layers=2, growth=4)


def randomised(config):
    """A network whose last layer is no longer zero."""
    torch.manual_seed(1)
    network = RdbSrgan(config)
    torch.nn.init.normal_(network.head.weight, std=0.1)
    return network


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_output_has_the_scaled_shape(scale):
    residual = randomised(LITE(scale))(torch.rand(2, 3, 9, 7))
    assert residual.shape == (2, 3, 9 * scale, 7 * scale)
    assert residual.abs().max() > 0


def test_presets_have_the_published_sizes():
    paper, lite = PAPER(4), LITE(4)
    assert (paper.blocks, paper.layers, paper.growth, paper.features) == (16, 8, 64, 64)
    assert (lite.blocks, lite.layers, lite.growth, lite.features) == (6, 4, 16, 32)
    # by hand: block = C dense 3x3 convolutions and a 1x1; around them two 3x3, 1x1, 3x3 and the head
    dense = sum(9 * (32 + 16 * i) * 16 + 16 for i in range(4)) + (32 + 64) * 32 + 32
    around = 9 * 3 * 32 + 32 + 2 * (9 * 32 * 32 + 32) + 32 * 6 * 32 + 32 + 9 * 32 * 48 + 48
    assert sum(p.numel() for p in RdbSrgan(lite).parameters()) == 6 * dense + around
    with torch.device("meta"):
        assert 21.5e6 < sum(p.numel() for p in RdbSrgan(paper).parameters()) < 22.5e6


def test_a_fresh_network_is_exactly_bicubic_and_so_is_a_zeroed_one():
    zeroed = randomised(TINY)
    for parameter in zeroed.parameters():
        torch.nn.init.zeros_(parameter)
    for network in (RdbSrgan(TINY), zeroed):
        assert not network(torch.rand(1, 3, 8, 8)).any()


def test_every_parameter_reaches_the_output():
    network = randomised(TINY)
    network(torch.rand(1, 3, 12, 12)).square().sum().backward()
    assert [name for name, p in network.named_parameters() if not p.grad.any()] == []


def test_receptive_radius_is_what_an_output_pixel_depends_on():
    network, radius = randomised(TINY), TINY.receptive_radius
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.constant_(parameter, 0.5)  # keeps the ReLUs open
    lr = torch.rand(1, 3, 41, 41, requires_grad=True)
    network(lr)[..., 80:84, 80:84].sum().backward()
    rows = lr.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert (rows.min().item(), rows.max().item()) == (20 - radius, 20 + radius)


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="scale 3"):
        LITE(3)
    with pytest.raises(ValueError, match="at least 1"):
        RdbSrganConfig(2, 0, 1, 1, 1)
