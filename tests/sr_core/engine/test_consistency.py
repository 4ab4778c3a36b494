"""The super-resolved picture, shrunk again, is the photograph."""

from functools import cache

import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear

from sr_core.engine import consistency
from sr_core.engine.engine import Engine
from sr_core.image.geometry import Rect
from sr_core.image.photograph import load_photograph
from sr_core.image.resample import downsample_matrix, shrink
from sr_core.networks.zoo import load_model
from tests.helpers.fundus import CHASE, HRF, HRF_BRIGHT, IDRID, hard_crops

SCALES = (2, 4, 8)


@cache
def engine(scale: int) -> Engine:
    return Engine(load_model("rdb-lite", scale), torch.device("cpu"))


def disagreement(picture: np.ndarray, photograph: np.ndarray, scale: int) -> np.ndarray:
    """Grey levels between the photograph and the finished uint8 picture, shrunk in float64."""
    return np.abs(shrink(picture.astype(np.float64), scale) - photograph)


def tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float32).transpose(2, 0, 1).copy())


def project(pixels: np.ndarray, scale: int, noise: float = 0.0) -> torch.Tensor:
    """Bicubic enlargement with noise added, projected."""
    y = tensor(pixels)
    x = consistency.enlarge(y, scale)
    x += noise * torch.randn(x.shape, generator=torch.Generator().manual_seed(5))
    return consistency.project(x, y, scale)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", [HRF, HRF_BRIGHT, IDRID])
def test_hard_places_of_real_photographs_agree(fundus_data, name, scale):
    errors = []
    for _place, pixels, field in hard_crops(fundus_data / name, 128):
        errors.append(disagreement(engine(scale).upscale(pixels), pixels, scale)[field])
    errors = np.concatenate(errors)
    assert len(errors) > 30_000
    assert errors.max() <= 1.0
    assert np.mean(errors <= 0.5) >= 0.999


def test_a_whole_photograph_agrees(fundus_data):
    photograph = load_photograph(fundus_data / CHASE)
    errors = disagreement(engine(2).upscale(photograph.pixels), photograph.pixels, 2)
    errors = errors[photograph.field.mask(photograph.pixels.shape)]
    assert errors.max() <= 1.0
    assert np.mean(errors <= 0.5) >= 0.999


def test_without_the_projection_the_same_places_do_not_agree(fundus_data, monkeypatch):
    def enlarged(residual, y, scale, nearest):
        return (residual + consistency.enlarge(y, scale)).clamp(0, 255), y

    monkeypatch.setattr(consistency, "complete_", enlarged)
    errors = [disagreement(engine(4).upscale(p), p, 4)[f] for _, p, f in hard_crops(fundus_data / HRF, 128)]
    assert np.mean(np.concatenate(errors) <= 0.5) < 0.999


def test_one_projection_alone_does_not_agree_where_values_clip(fundus_data, monkeypatch):
    monkeypatch.setattr(consistency, "LEFT_ALONE", dict.fromkeys(SCALES, ()))
    errors = [disagreement(engine(2).upscale(p), p, 2)[f] for _, p, f in hard_crops(fundus_data / IDRID, 128)]
    assert np.concatenate(errors).max() > 1.0


@pytest.mark.parametrize("scale", SCALES)
def test_where_nothing_clips_one_projection_does_it(scale):
    pixels = np.random.default_rng(3).integers(90, 160, (40, 52, 3)).astype(np.uint8)
    y = tensor(pixels)
    x = consistency.enlarge(y, scale) + 5 * torch.randn((3, 40 * scale, 52 * scale))
    projected = consistency.project(x, y, scale)
    assert consistency.disagreement(projected, y, scale).abs().max() < consistency.SLACK + 0.01
    beyond = consistency.disagreement(x, y, scale)
    beyond -= beyond.clamp(-consistency.SLACK, consistency.SLACK)
    assert (projected - x - consistency.determined(beyond, scale)).abs().max() < 1e-3


@pytest.mark.parametrize("scale", SCALES)
def test_completing_a_residual_is_projecting_its_sum_with_the_enlargement(scale):
    pixels = np.random.default_rng(6).integers(60, 190, (70, 45, 3)).astype(np.uint8)
    y = tensor(pixels)
    residual = 5 * torch.randn((3, 70 * scale, 45 * scale), generator=torch.Generator().manual_seed(6))
    projected = consistency.project(consistency.enlarge(y, scale) + residual, y, scale)
    assert (consistency.complete_(residual, y, scale)[0] - projected).abs().max() < 1e-3


@pytest.mark.parametrize("scale", SCALES)
def test_a_part_of_a_picture_is_compared_with_what_the_photograph_determines_there(scale):
    y = tensor(np.random.default_rng(7).integers(0, 256, (70, 45, 3)).astype(np.uint8))
    inner = Rect(3 * scale + 1, 5, 30 * scale, 66 * scale)
    alone = consistency.determined(y, scale).clamp(0, 255)[:, inner.y : inner.bottom, inner.x : inner.right]
    picture = 255 * torch.rand(alone.shape, generator=torch.Generator().manual_seed(7))
    departure = (picture.round() - alone).abs().amax(dim=0)
    found = consistency.compared(picture.clone(), y, scale, inner).numpy().view(np.uint8).reshape(*alone.shape[1:], 4)
    assert np.array_equal(found[..., :3], picture.round().permute(1, 2, 0).numpy())
    assert np.abs(found[..., 3] - departure.numpy()).max() < 0.501


@pytest.mark.parametrize("scale", SCALES)
def test_a_picture_that_agrees_already_is_left_as_it_is(scale):
    pixels = np.random.default_rng(3).integers(90, 160, (40 * scale, 52 * scale, 3)).astype(np.float64)
    y = torch.from_numpy(shrink(pixels, scale).transpose(2, 0, 1)).float()
    y += 0.9 * consistency.SLACK * torch.sign(torch.randn(y.shape, generator=torch.Generator().manual_seed(2)))
    picture = tensor(pixels)
    assert torch.equal(consistency.project(picture, y, scale), picture)


@pytest.mark.parametrize("scale", SCALES)
def test_highlights_and_shadows_agree_although_they_clip(scale):
    y, x = np.mgrid[:48, :64]
    spot = 300 * np.exp(-(((x - 20) / 9) ** 2 + ((y - 20) / 7) ** 2)) - 20
    pixels = np.clip(spot[..., None] + [0, 30, -15], 0, 255).astype(np.uint8)
    picture = project(pixels, scale, noise=8.0)
    assert picture.min() >= 0
    assert picture.max() <= 255
    errors = disagreement(picture.round().numpy().transpose(1, 2, 0), pixels, scale)
    assert errors.max() <= 1.0
    assert np.mean(errors <= 0.5) >= 0.999


@pytest.mark.parametrize(("scale", "level"), [(2, 6), (2, 40), (2, 255), (4, 6)])
def test_where_no_picture_shrinks_to_the_photograph_the_error_is_near_the_least_that_any_has(scale, level):
    # Bright dots on black: what a dot spreads to its neighbours, only light below zero could take away.
    side = 24 // scale
    dots = np.where(np.random.default_rng(2).random((side, side, 1)) < 0.08, level, 0).astype(np.uint8)
    picture = project(dots.repeat(3, axis=2), scale)
    assert 0 <= picture.min() <= picture.max() <= 255
    squares = float((consistency.disagreement(picture, tensor(dots), scale) ** 2).mean())
    shrinking = downsample_matrix(side, scale)
    best = lsq_linear(np.kron(shrinking, shrinking), dots.ravel().astype(float), (0, 255), tol=1e-6)
    assert squares <= 1.6 * 2 * best.cost / dots.size + 0.1


@pytest.mark.parametrize("scale", SCALES)
def test_a_block_comes_to_the_same_as_the_whole_where_both_iterate(scale):
    pixels = np.random.default_rng(4).integers(0, 9, (72, 72, 3)).astype(np.uint8)  # noise about black: all clips
    y = tensor(pixels)
    x = consistency.enlarge(y, scale) + 6 * torch.randn((3, 72 * scale, 72 * scale), generator=torch.manual_seed(1))
    whole = consistency.project(x, y, scale)
    inner = slice(24 * scale, 48 * scale)
    block = consistency.project(x[:, 12 * scale : 60 * scale, 12 * scale : 60 * scale], y[:, 12:60, 12:60], scale)
    there = slice(12 * scale, 36 * scale)
    assert (whole[:, inner, inner].round() - block[:, there, there].round()).abs().max() <= 1


@pytest.mark.parametrize("scale", SCALES)
def test_mending_cell_by_cell_is_mending_all_at_once(scale, monkeypatch):
    # Two places where noise about black clips, the one across cells' borders, and much between them where nothing does.
    pixels = np.full((90, 75, 3), 90, np.uint8)
    noise = np.random.default_rng(8).integers(0, 9, (2, 20, 20, 3))
    pixels[22:42, 25:45], pixels[68:88, 2:22] = noise
    y = tensor(pixels)
    noisy = consistency.enlarge(y, scale) + 6 * torch.randn((3, 90 * scale, 75 * scale), generator=torch.manual_seed(1))
    in_cells = consistency.project(noisy, y, scale)
    monkeypatch.setattr(consistency, "LEFT_ALONE", dict.fromkeys(SCALES, ()))
    clipped = consistency.project(noisy, y, scale)
    monkeypatch.undo()
    monkeypatch.setattr(consistency, "CELL", dict.fromkeys(SCALES, 1000))
    consistency._cells.cache_clear()
    at_once = consistency.project(noisy, y, scale)
    consistency._cells.cache_clear()
    assert (clipped - at_once).abs().max() > 1.0
    assert (in_cells - at_once).abs().max() < 0.05
    assert torch.equal(in_cells[:, :, 60 * scale :], clipped[:, :, 60 * scale :])


@pytest.mark.parametrize("scale", SCALES)
def test_no_weight_is_a_subnormal_number(scale):
    # Processors multiply those many times slower: it made a block twenty times as dear.
    axis = consistency._axis(160, scale, torch.device("cpu"))
    cells = consistency._cells(160, scale, torch.device("cpu"))
    banded = (axis.shrink, axis.determine, axis.enlarge, axis.back)
    for weights in [piece.weights for matrix in banded for piece in matrix.pieces] + cells.shrink + cells.spread:
        assert weights[weights != 0].abs().min() >= torch.finfo(torch.float32).tiny
