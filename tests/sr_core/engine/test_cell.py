"""Agreement with the file: shrunk and coded again, a super-resolved picture has the JPEG file's own coefficients."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from sr_core.engine import consistency
from sr_core.engine.blocks import Block
from sr_core.engine.cell import ENLARGED, OWN_SIZE, cell
from sr_core.engine.engine import Engine, EngineError
from sr_core.engine.restorer import Restorer
from sr_core.image.geometry import Rect
from sr_core.image.jpeg_file import JpegFile
from sr_core.image.photograph import Photograph, load_photograph
from sr_core.image.resample import shrink, to_uint8
from sr_core.networks.zoo import LoadedNetwork, load_model, network_config
from tests.helpers.fundus import HRF_BRIGHT, HYGD, IDRID
from tests.helpers.jpegs import coded_again, open_jpeg, save_jpeg

CPU = torch.device("cpu")
LUMA, CHROMA = 0.998, 0.999
EDGE = 8
"""Photograph pixels at a region's borders that are left out: its shrinking mirrors there."""


@cache
def engine(scale: int) -> Engine:
    """The network that is told of files, as it begins: it makes what the one that is not told makes of them, blocks and
    ringing made crisper, so that there is much to bring into the cell."""
    plain = load_model("rdb-lite", scale)
    config = network_config("rdb-file", scale)
    module = config.build()
    module.begin_as(plain.module)
    module.eval().requires_grad_(False)
    return Engine(LoadedNetwork("rdb-file", config, module, plain.sha256, {"halo": plain.halo}), CPU)


@cache
def photograph_of(path: Path) -> Photograph:
    return load_photograph(path)


def shares(picture: np.ndarray, scale: int, file: JpegFile, region: Rect) -> list[tuple[float, int]]:
    """For every component the share of its coefficients that a picture of a region of the photograph, shrunk and coded
    again, has in common with the file, and the most steps that one is off."""
    small = picture.astype(np.float64) if scale == 1 else shrink(picture.astype(np.float64), scale)
    small = small[EDGE:-EDGE, EDGE:-EDGE]
    pairs = [coded_again(small, plane, i, region.pad(-EDGE)) for i, plane in enumerate(file.planes)]
    return [(float((again == own).mean()), int(np.abs(again - own).max())) for again, own in pairs]


@pytest.mark.parametrize(("name", "scale"), [(HRF_BRIGHT, 2), (HRF_BRIGHT, 8), (IDRID, 4), (HYGD, 4)])
def test_a_region_of_a_real_file_shrunk_and_coded_again_has_the_files_own_coefficients(fundus_data, name, scale):
    photograph = photograph_of(fundus_data / name)
    file = photograph.file.get()
    field = photograph.field
    region = Rect(int(field.cx) - 101, int(field.cy) + 53, 176, 128)
    (luma, off), *chroma = shares(engine(scale).upscale(photograph.pixels, region, file=file), scale, file, region)
    assert luma >= LUMA
    assert min(share for share, _ in chroma) >= CHROMA
    assert max(off, *(steps for _, steps in chroma)) <= 1


@pytest.mark.parametrize(("quality", "subsampling"), [(95, 2), (95, 0), (90, 2), (75, 0)])
def test_at_every_quality_more_coefficients_agree_than_of_the_decoded_picture_or_without_the_cell(
    fundus_data, tmp_path, quality, subsampling
):
    reduced = to_uint8(shrink(photograph_of(fundus_data / HRF_BRIGHT).pixels, 4))
    pixels, file = open_jpeg(save_jpeg(tmp_path / "a.jpg", reduced, quality=quality, subsampling=subsampling))
    region = Rect(301, 203, 160, 128)
    found = shares(engine(4).upscale(pixels, region, file=file), 4, file, region)
    assert found[0][0] >= LUMA
    assert min(share for share, _ in found[1:]) >= CHROMA
    assert max(steps for _, steps in found) <= 1
    without = shares(engine(4).upscale(pixels, region, file=replace(file, planes=())), 4, file, region)
    inner = region.pad(-EDGE)
    decoded = pixels[inner.slices()].astype(np.float64)
    itself = [coded_again(decoded, plane, i, inner) for i, plane in enumerate(file.planes)]
    total = sum(share for share, _ in found)
    assert total >= sum(share for share, _ in without)
    assert total >= sum(float((again == own).mean()) for again, own in itself)
    if quality == 95:  # where steps are one grey level, agreement with the decoded pixels is none with the file
        assert without[0][0] < LUMA


def test_the_nearest_picture_of_the_cell_lies_in_it_and_what_lies_in_it_stays(fundus_data):
    """Away from black and white, whose bounds take turns to meet."""
    photograph = photograph_of(fundus_data / HYGD)
    file = photograph.file.get()
    source = Rect(896, 800, 96, 80)  # whole blocks: others are completed by the decoded photograph
    rng = np.random.default_rng(1)
    rough = photograph.pixels[source.slices()].transpose(2, 0, 1) + rng.normal(0, 3, (3, source.h, source.w))
    assert 1 < rough.min() < rough.max() < 254
    inside = cell(file, photograph.pixels, source, CPU)
    found = inside.nearest(torch.tensor(rough, dtype=torch.float32))
    torch.testing.assert_close(inside.nearest(found), found, atol=0.02, rtol=0)
    assert (found - torch.tensor(rough)).abs().mean() > 0.1
    small = found.permute(1, 2, 0).double().numpy()
    for i, plane in enumerate(file.planes):
        again, own = coded_again(small, plane, i, source)
        assert (again == own).all()


def test_the_deblocked_picture_lies_in_the_cell_and_changes_the_less_abruptly_at_block_borders(fundus_data):
    """Of a smooth picture, so that every step at a border comes from the cell."""
    photograph = photograph_of(fundus_data / HYGD)
    source = Rect(896, 800, 96, 80)  # whole blocks, away from black
    smooth = gaussian_filter(photograph.pixels[source.slices()].astype(np.float32), (6, 6, 0)).transpose(2, 0, 1)
    inside = cell(photograph.file.get(), photograph.pixels, source, CPU)
    nearest, deblocked = (hold(torch.tensor(smooth)) for hold in (inside.nearest, inside.deblocked))
    torch.testing.assert_close(inside.nearest(deblocked), deblocked, atol=0.02, rtol=0)
    torch.testing.assert_close(inside.deblocked(deblocked), deblocked, atol=0.02, rtol=0)
    steps = [float((found[..., 8::8] - found[..., 7:-1:8]).abs().mean()) for found in (nearest, deblocked)]
    assert steps[1] < 0.6 * steps[0]
    away = [float((found - torch.tensor(smooth)).square().mean().sqrt()) for found in (nearest, deblocked)]
    assert away[0] <= away[1] < 1.3 * away[0]


@pytest.mark.parametrize(("name", "scale"), [(IDRID, 2), (IDRID, 4), (HYGD, 8)])
def test_what_is_restored_and_what_is_invented_are_told_apart(fundus_data, name, scale):
    """Both from the finished picture alone: how far its shrinking lies from the decoded photograph, and how far it lies
    itself from what that shrinking determines."""
    photograph = photograph_of(fundus_data / name)
    region = Rect(int(photograph.field.cx) - 101, int(photograph.field.cy) + 53, 96, 80)
    net = Engine(load_model("rdb-file", scale), CPU)
    found = net.upscale_marked(photograph.pixels, region, file=photograph.file.get())
    finished = found.pixels[..., :3].astype(np.float64)
    small, decoded = shrink(finished, scale), photograph.pixels[region.slices()].astype(np.float64)
    inner, inner_fine = (region.shift(-region.x, -region.y).pad(-EDGE).scale(n).slices() for n in (1, scale))
    restored = np.abs(small - decoded).max(axis=-1)[inner]
    assert 0.5 < restored.mean() < 6
    assert found.restored[inner].mean() == pytest.approx(restored.mean(), abs=0.05)
    assert np.abs(found.restored[inner] - restored).max() < 1
    alone = consistency.determined(torch.tensor(small.transpose(2, 0, 1), dtype=torch.float32), scale).clamp(0, 255)
    invented = np.abs(finished - alone.permute(1, 2, 0).numpy()).max(axis=-1)[inner_fine]
    assert found.pixels[..., 3][inner_fine].mean() == pytest.approx(np.round(invented).mean(), abs=0.05)
    assert np.abs(found.pixels[..., 3][inner_fine] - invented).max() < 1.5


@pytest.mark.parametrize("name", [HRF_BRIGHT, IDRID, HYGD])
def test_the_restored_photograph_has_the_files_own_coefficients_and_is_what_x2_shrinks_to(fundus_data, name):
    photograph = photograph_of(fundus_data / name)
    file, network = photograph.file.get(), load_model("rdb-file", 2)
    region = Rect(int(photograph.field.cx) - 101, int(photograph.field.cy) + 53, 128, 96)
    found = Restorer(network, CPU).upscale_marked(photograph.pixels, region, file=file)
    (luma, off), *chroma = shares(found.pixels[..., :3], 1, file, region)
    (decoded, _), *_ = shares(photograph.pixels[region.slices()], 1, file, region)
    # No averaging at its own size: where steps are of one grey level, rounding alone moves some coefficients.
    assert luma >= (decoded if name == HRF_BRIGHT else LUMA)
    assert luma >= 0.985
    assert min(share for share, _ in chroma) >= (0.99 if name == HRF_BRIGHT else CHROMA)
    assert max(off, *(steps for _, steps in chroma)) <= 1
    assert found.departure.invented == 0 < found.departure.restored
    finished = Engine(network, CPU).upscale(photograph.pixels, region, file=file).astype(np.float64)
    apart = np.abs(shrink(finished, 2) - found.pixels[..., :3])[EDGE:-EDGE, EDGE:-EDGE]
    assert apart.mean() < 0.35
    assert apart.max() <= 2


def test_without_coefficients_nothing_can_be_restored(fundus_data):
    photograph = photograph_of(fundus_data / IDRID)
    file, region = photograph.file.get(), Rect(1500, 1200, 40, 30)
    restorer = Restorer(load_model("rdb-file", 2), CPU)
    for unknown, told in ((None, "no JPEG file"), (replace(file, planes=(), reason="it is odd"), "it is odd")):
        with pytest.raises(EngineError, match=f"nothing to restore: .*{told}"):
            restorer.upscale(photograph.pixels, region, file=unknown)
    with pytest.raises(EngineError, match="rdb-lite is not told of files"):
        Restorer(load_model("rdb-lite", 2), CPU).upscale(photograph.pixels, region, file=file)


def test_of_clean_photographs_nothing_is_restored(fundus_data):
    photograph = photograph_of(fundus_data / IDRID)
    found = engine(4).upscale_marked(photograph.pixels, Rect(1500, 1200, 40, 30))
    assert found.restored is None
    assert found.departure.restored == 0 < found.departure.invented


@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_files_that_exif_turns_and_blocks_at_the_photographs_borders_agree_too(fundus_data, tmp_path, orientation):
    reduced = to_uint8(shrink(photograph_of(fundus_data / HRF_BRIGHT).pixels, 4))[100:351, 200:507]
    pixels, file = open_jpeg(save_jpeg(tmp_path / "a.jpg", reduced, orientation, quality=92, subsampling=2))
    whole = Rect(0, 0, pixels.shape[1], pixels.shape[0])
    found = shares(engine(4).upscale(pixels, file=file), 4, file, whole)
    assert found[0][0] >= LUMA
    assert min(share for share, _ in found[1:]) >= CHROMA


@pytest.mark.parametrize("scale", [2, 4])
def test_blocks_equal_one_pass_whatever_their_place_on_the_files_grid(fundus_data, scale):
    photograph = photograph_of(fundus_data / HRF_BRIGHT)
    file = photograph.file.get()
    pixels, net = photograph.pixels, engine(scale)
    region = Rect(1501, 903, 70, 61)
    whole = net.compute(pixels, Block(region, region.pad(40)), file).pixels[..., :3].astype(int)
    alone = net.compute(pixels, Block(region, region.pad(net.network.halo + 1)), file).pixels[..., :3].astype(int)
    inner = np.abs(whole - alone)
    assert inner.max() <= 3
    assert (inner > 1).mean() < 1e-3
    assert (inner > 0).mean() < 0.02


def test_a_network_that_is_not_told_of_files_makes_what_it_made():
    rng = np.random.default_rng(2)
    pixels = rng.integers(40, 200, (64, 64, 3), dtype=np.uint8)
    plain = Engine(load_model("rdb-lite", 2), CPU)
    np.testing.assert_array_equal(plain.upscale(pixels), engine(2).upscale(pixels))


@pytest.mark.parametrize("margin", [ENLARGED, OWN_SIZE])
def test_the_margin_is_taken_of_both_ends(fundus_data, margin):
    photograph = photograph_of(fundus_data / IDRID)
    inside = cell(photograph.file.get(), photograph.pixels, Rect(800, 800, 32, 32), CPU, margin)
    steps = torch.tensor(photograph.file.get().planes[0].steps, dtype=torch.float32).view(64)
    torch.testing.assert_close(
        inside.planes[0].most - inside.planes[0].least, (steps - 2 * margin.levels).expand(16, 64), atol=1e-3, rtol=0
    )
