"""The generator in the processor's own form: the same residual as the module's, whatever the size."""

import copy
import sys
import threading
import time

import numpy as np
import pytest
import torch

from sr_core.engine.banded_matrix import add_transformed_, banded, transform
from sr_core.engine.generator_cpu import (
    PRECISIONS,
    FusedRdb,
    Plain,
    has_fused_convolutions,
    measured_precision,
    prepare,
)
from sr_core.image.resample import downsample_matrix, enlarge_matrix, pseudo_inverse
from sr_core.networks.rdb_srgan import RdbSrgan, RdbSrganConfig
from sr_core.networks.srcnn import SrcnnConfig
from sr_core.networks.zoo import load_model

CPU = torch.device("cpu")
SCALES = (2, 4, 8)
needs_fused = pytest.mark.skipif(not has_fused_convolutions(), reason="this torch has no fused oneDNN convolutions")


def grey(height: int, width: int) -> torch.Tensor:
    return torch.randint(0, 256, (1, 3, height, width), generator=torch.Generator().manual_seed(height)).float()


def random_network(config: RdbSrganConfig) -> RdbSrgan:
    """With all weights drawn, the last layer's too."""
    torch.manual_seed(7)
    module = RdbSrgan(config).requires_grad_(False)
    module.head.weight.normal_(0.0, 0.05)
    module.head.bias.normal_(0.0, 0.05)
    return module


@needs_fused
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", [(1, 1), (3, 70), (33, 32), (64, 97)])
def test_the_fused_form_equals_the_module(scale, size):
    module = load_model("rdb-lite", scale).module
    fused = prepare(module, CPU, torch.float32, 48)
    assert isinstance(fused, FusedRdb)
    with torch.inference_mode():
        expected = module(grey(*size) / 255.0) * 255.0
        assert (fused(grey(*size)) - expected).abs().max() < 0.01


@needs_fused
@pytest.mark.parametrize("shape", [(8, 1, 1, 4), (16, 3, 2, 8), (12, 2, 3, 20)])
def test_the_fused_form_has_any_number_of_blocks_and_layers(shape):
    features, blocks, layers, growth = shape
    module = random_network(RdbSrganConfig(2, features=features, blocks=blocks, layers=layers, growth=growth))
    with torch.inference_mode():
        expected = module(grey(30, 20) / 255.0) * 255.0
        assert expected.abs().max() > 1.0
        assert (FusedRdb(module, torch.float32, 30)(grey(30, 20)) - expected).abs().max() < 0.01


@needs_fused
def test_blocks_in_a_row_do_not_disturb_each_other():
    fused = prepare(load_model("rdb-lite", 2).module, CPU, torch.float32, 48)
    with torch.inference_mode():
        first = fused(grey(40, 40)).clone()
        fused(grey(64, 30))
        assert torch.equal(fused(grey(40, 40)), first)


@needs_fused
def test_the_generator_goes_to_its_end_while_another_thread_keeps_the_interpreter():
    fused = prepare(load_model("rdb-lite", 8).module, CPU, torch.float32, 48)
    x = grey(256, 48)
    came_to_its_end = []

    def keep_the_interpreter():
        patience = time.monotonic() + 60
        while np.isnan(out[0]) and time.monotonic() < patience:
            time.sleep(0)
        patience = time.monotonic() + 60
        while np.isnan(out[-1]) and time.monotonic() < patience:
            pass
        came_to_its_end.append(not np.isnan(out[-1]))

    before = sys.getswitchinterval()
    with torch.inference_mode():
        out = fused(x).view(-1).numpy()  # where the next call writes, strip by strip
        out[:] = np.nan
        thread = threading.Thread(target=keep_the_interpreter)
        thread.start()
        sys.setswitchinterval(1000.0)  # a thread that does not let go is not made to
        try:
            fused(x)
        finally:
            sys.setswitchinterval(before)
            thread.join()
    assert came_to_its_end == [True]


def test_the_module_is_left_as_it_is():
    module = load_model("rdb-lite", 4).module
    before = copy.deepcopy(module.state_dict())
    for precision in PRECISIONS:
        prepare(module, CPU, precision, 48)
        Plain(module, CPU, precision)
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())


def test_without_bfloat16_in_the_processor_the_module_is_computed_as_it_is(monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    module = load_model("rdb-lite", 4).module
    plain = prepare(module, CPU, torch.bfloat16, 48)
    assert isinstance(plain, Plain)
    with torch.inference_mode():
        assert (plain(grey(8, 8)) - module(grey(8, 8) / 255.0) * 255.0).abs().max() < 2.0
    assert isinstance(prepare(module, CPU, torch.float32, 48), FusedRdb) == has_fused_convolutions()


def test_a_network_of_another_kind_is_computed_as_it_is():
    module = SrcnnConfig(2, features=8, mapped=4).build().requires_grad_(False)
    plain = prepare(module, CPU, torch.float32, 48)
    assert isinstance(plain, Plain)
    with torch.inference_mode():
        assert torch.allclose(plain(grey(20, 20)), module(grey(20, 20) / 255.0) * 255.0, atol=1e-3)


def test_the_precision_is_measured_once_and_the_threads_are_left_as_they_are():
    before = torch.get_num_threads()
    measured_precision.cache_clear()
    assert measured_precision(CPU) in PRECISIONS
    assert measured_precision(CPU) is measured_precision(CPU)
    assert measured_precision.cache_info().misses == 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("make", [downsample_matrix, enlarge_matrix, pseudo_inverse])
def test_products_in_pieces_are_those_of_the_whole_matrices(scale, make):
    rows, columns = make(45, scale), make(70, scale)
    x = np.random.default_rng(1).normal(size=(3, rows.shape[1], columns.shape[1]))
    expected = torch.from_numpy(rows @ x @ columns.T).float()
    cut = banded(rows, CPU), banded(columns, CPU)
    assert (transform(torch.from_numpy(x).float(), *cut) - expected).abs().max() < 1e-4


def test_several_products_are_added_to_what_is_there():
    terms = [(torch.randn(3, 40, 50), make(40, 4), make(50, 4)) for make in (enlarge_matrix, pseudo_inverse)]
    out = torch.randn(3, 160, 200)
    expected = out.double() + sum(torch.from_numpy(rows @ x.double().numpy() @ cols.T) for x, rows, cols in terms)
    extremes = add_transformed_(out, *((x, banded(rows, CPU), banded(columns, CPU)) for x, rows, columns in terms))
    assert (out - expected).abs().max() < 1e-4
    assert extremes == [(float(channel.min()), float(channel.max())) for channel in out]
