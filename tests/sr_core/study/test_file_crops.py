"""Small pictures as JPEG files give them, and what a network is told of them."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from sr_core.image.coding import PLACES, STRENGTHS, Coding, standard_tables
from sr_core.image.field_of_view import FieldOfView
from sr_core.image.jpeg_file import COSINES, LUMA_OF_RGB
from sr_core.networks.zoo import load_model
from sr_core.study.comparison.coded import CODINGS, FileCoding
from sr_core.study.data import file_crops
from sr_core.study.data.file_crops import FileCropSampler, turned
from sr_core.study.data.file_degradation import Save, coding_of, draw_save, saved
from sr_core.study.data.references import DataError, Reference
from sr_core.study.training.config import TrainingError
from sr_core.study.training.run import train
from tests.helpers.small_training import QUIET, write_config, write_data


def retina(side: int = 512) -> np.ndarray:
    rng = np.random.default_rng(5)
    rough = rng.normal(0, 1, (side // 4, side // 4, 3)).repeat(4, 0).repeat(4, 1)
    y, x = np.mgrid[:side, :side]
    return np.clip(120 + 18 * rough + 30 * np.sin(x / 17 + y / 29)[..., None], 15, 240).astype(np.uint8)


def reference(side: int = 512) -> Reference:
    return Reference("a.jpg", retina(side), FieldOfView(side / 2, side / 2, side / 2))


def off_grid(pixels: np.ndarray, coding: Coding) -> float:
    """How far the luma's coefficients lie from whole steps, in steps, on the grid that a coding tells: decoded again on
    its own grid a file's are near 0, else they are 0.25 on average."""
    (x, y), luma = coding.origin, pixels.astype(float) @ LUMA_OF_RGB - 128
    x, y = x % 8, y % 8
    height, width = ((side - start) // 8 * 8 for side, start in zip(luma.shape, (y, x), strict=True))
    blocks = luma[y : y + height, x : x + width].reshape(height // 8, 8, width // 8, 8)
    found = np.einsum("fp,rpcq,gq->rcfg", COSINES, blocks, COSINES) / coding.luma
    low = found[..., :3, :3]
    return float(np.abs(low - np.rint(low)).mean())


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_a_saved_picture_is_coded_as_is_told_of_it(subsampling):
    save = Save(*standard_tables(60), subsampling, (5, 11))
    pixels = saved(retina(96), save)
    assert pixels.shape == (96, 96, 3)
    coding = coding_of(save)
    assert off_grid(pixels, coding) < 0.06
    assert off_grid(pixels, Coding(coding.luma, coding.chroma, coding.halved, (coding.origin[0] + 4, 0))) > 0.15
    for turn in range(4):
        for flip in (False, True):
            seen = np.rot90(pixels, turn)
            seen = seen[:, ::-1] if flip else seen
            assert off_grid(seen, turned(coding, 96, turn, flip)) < 0.06, (turn, flip)


def test_crops_come_with_the_place_of_their_blocks_and_some_are_clean(monkeypatch):
    monkeypatch.setattr(file_crops, "TWICE", 0.0)
    sampler = FileCropSampler([[reference()]], 2, 32, 2)
    small, enlarged, photograph, places, strength = sampler.draw(np.random.default_rng(1), 40)
    assert small.shape == (40, 32, 32, 3)
    assert enlarged.shape == photograph.shape == (40, 64, 64, 3)
    assert (places.shape, strength.shape) == ((40, 32, 32, PLACES), (40, STRENGTHS))
    assert all(part.dtype == np.float32 for part in (small, enlarged, photograph, places, strength))
    clean = strength[:, 0] == 0
    assert 3 < clean.sum() < 20
    assert not places[clean].any()
    assert set(np.unique(strength[:, 7:])) == {0.0, 1.0}
    error = np.square(enlarged - photograph).mean(axis=(1, 2, 3))
    assert error[clean].mean() < error[~clean].mean()
    # The borders of blocks lie where they are told: there neighbours differ more than elsewhere in coarse files.
    coarse = np.argsort(strength[:, 1])[-12:]
    steps = np.abs(np.diff(small[coarse].mean(-1), axis=2))
    first, second = places[coarse, :, :-1, 0], places[coarse, :, 1:, 0]
    border = (first > 0.9) & (second > 0.9)  # a cosine is largest on either side of a block's border
    assert border.mean() == pytest.approx(1 / 8, abs=0.02)
    assert steps[border].mean() > steps[~border].mean()


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_a_crop_shows_the_same_place_small_enlarged_and_photographed():
    sampler = FileCropSampler([[reference()]], 4, 32)
    small, enlarged, photograph, _, strength = sampler.draw(np.random.default_rng(2), 24)
    for i in np.flatnonzero(strength[:, 1] < 0.5):
        mean = photograph[i].reshape(32, 4, 32, 4, 3).mean(axis=(1, 3))
        here = likeness(mean, small[i])
        assert here > 0.8
        assert all(here > likeness(np.roll(mean, by, axis), small[i]) for by in (-1, 1) for axis in (0, 1))
        assert likeness(enlarged[i], photograph[i]) > 0.7


def test_drawn_savings_are_of_every_kind_and_a_seed_draws_the_same_again():
    rng = np.random.default_rng(3)
    saves = [draw_save(rng) for _ in range(300)]
    assert {save.subsampling for save in saves} == {"4:4:4", "4:2:2", "4:2:0"}
    assert {save.shift[0] for save in saves} == set(range(16))
    assert min(save.luma.min() for save in saves) == 1
    assert max(save.luma[0, 0] for save in saves) > 20
    again = draw_save(np.random.default_rng(3))
    np.testing.assert_array_equal(again.luma, saves[0].luma)
    assert again.shift == saves[0].shift


def test_codings_that_networks_are_judged_by_are_pillows():
    small = retina(64)
    pixels, coding = CODINGS[2].apply(small)
    out = io.BytesIO()
    Image.fromarray(small).save(out, "JPEG", quality=90, subsampling=2)
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(out)))
    assert coding.origin == (0, 0)
    assert FileCoding("clean").apply(small) == (small, None)


def test_a_reference_too_small_for_a_coded_crop_is_refused():
    with pytest.raises(DataError, match="too small"):
        FileCropSampler([[reference(256)]], 8, 32)


def test_a_training_on_files_begins_as_the_clean_network_and_tells_its_gain_by_coding(tmp_path):
    data = write_data(tmp_path)
    settings = {"model": "rdb-file", "scale": 2, "degradation": "file", "iterations": 2, "short_sides": [1024]}
    config = write_config(tmp_path, **settings)
    begun = train(config, data, tmp_path / "runs", threads=1, console=QUIET)
    assert begun.finished
    card = json.loads(begun.weights.with_suffix(".json").read_text())
    assert card["agrees"] is True
    assert card["started_from"] == load_model("rdb-lite", 2).sha256
    assert set(card["validation"]["gain_by_coding_db"]) == {coding.name for coding in CODINGS}
    (entry,) = map(json.loads, (begun.folder / "curve.jsonl").read_text().splitlines())
    assert np.mean(list(entry["gain_by_coding_db"].values())) == pytest.approx(entry["gain_db"], abs=1e-3)
    assert load_model("rdb-file", 2, begun.weights).clean is None
    for change in ({"model": "rdb-lite"}, {"degradation": "bicubic"}):
        with pytest.raises(TrainingError, match="'file' belongs to rdb-file"):
            train(write_config(tmp_path, **settings | change), data, tmp_path / "runs", console=QUIET)
