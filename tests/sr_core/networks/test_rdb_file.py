"""The generator that is told of the file: one network for all codings, a plain one for each."""

import numpy as np
import pytest
import torch

from sr_core.image.coding import PLACES, STRENGTHS, Coding
from sr_core.networks import rdb_srgan
from sr_core.networks.rdb_file import LITE, RdbFileConfig


@pytest.fixture
def taught() -> torch.nn.Module:
    """One whose every weight counts, as after training."""
    torch.manual_seed(3)
    net = RdbFileConfig(4, features=8, blocks=2, layers=2, growth=4).build()
    for weight in net.parameters():
        weight.data = torch.randn_like(weight) * 0.2
    return net.eval().requires_grad_(False)


def told(width: int, height: int) -> tuple[torch.Tensor, torch.Tensor]:
    coding = Coding(np.full((8, 8), 9.0), np.full((8, 8), 30.0), (True, False), (3, 1))
    places, strength = coding.places(5, 6, width, height), coding.strength()
    return torch.from_numpy(places)[None], torch.from_numpy(strength)[None]


def test_folded_for_a_coding_it_is_a_plain_network_that_computes_the_same(taught):
    small = torch.rand(1, 3, 20, 24)
    places, strength = told(24, 20)
    plain = taught.folded(strength[0], places=True)
    assert type(plain) is rdb_srgan.RdbSrgan
    torch.testing.assert_close(plain(torch.cat([small, places], 1)), taught(small, places, strength))
    clean = taught.folded(torch.zeros(STRENGTHS), places=False)
    torch.testing.assert_close(clean(small), taught(small))


def test_what_it_is_told_counts_per_photograph_of_a_batch(taught):
    small = torch.rand(1, 3, 12, 12).repeat(2, 1, 1, 1)
    places, strength = told(12, 12)
    places, strength = torch.cat([places, 0 * places]), torch.cat([strength, 0 * strength])
    found = taught(small, places, strength)
    torch.testing.assert_close(found[1:], taught(small[1:]))
    assert (found[0] - found[1]).abs().mean() > 0.01


def test_it_begins_as_the_network_that_is_not_told():
    torch.manual_seed(4)
    clean = rdb_srgan.LITE(2).build()
    for weight in clean.parameters():
        weight.data = torch.randn_like(weight) * 0.1
    net = LITE(2).build()
    net.begin_as(clean)
    small = torch.rand(1, 3, 10, 14)
    torch.testing.assert_close(net(small, *told(14, 10)), clean(small))
    assert net.shallow.weight.shape[1] == 3 + PLACES
    with pytest.raises((ValueError, RuntimeError)):
        net.begin_as(rdb_srgan.LITE(4).build())


def test_pixels_are_read_exactly_where_the_rest_is_computed_in_bfloat16(taught):
    """bfloat16 has eight binary digits: of bright pixels it would round away half a grey level."""
    small, seen = torch.rand(1, 3, 8, 8), []
    taught.shallow.register_forward_hook(lambda _module, _inputs, found: seen.append(found))
    taught(small)
    with torch.autocast("cpu", torch.bfloat16):
        coarse = taught(small)
    assert torch.equal(*seen)
    assert coarse.dtype == torch.bfloat16
