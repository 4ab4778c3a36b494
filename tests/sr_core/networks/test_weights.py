"""The bundled weights: cards that say what they are, and scores on photographs that no training has seen."""

import json
import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from sr_core.engine.engine import Engine
from sr_core.image.resample import enlarge_bicubic, to_uint8
from sr_core.networks.names import BEGINS_AS, STARTS_FROM
from sr_core.networks.rdb_srgan import RdbSrgan
from sr_core.networks.zoo import available_models, load_model
from sr_core.study.comparison.evaluation import Score, bare_network, evaluate, through_engine
from sr_core.study.comparison.metrics import psnr, scored_pixels
from sr_core.study.data.references import is_test_image, load_references, load_split, shrink_reference
from tests.helpers.jpegs import open_jpeg, save_jpeg
from tests.helpers.places import ROOT

DATA = Path(os.environ.get("FUNDUSXR_DATA", "no-data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="FUNDUSXR_DATA is not set to the image data")
BUNDLED = [(model, scale) for model, scales in available_models().items() for scale in scales]
LEAST_MINUTES, LEAST_MINUTES_OF_A_SECOND_STAGE = 60, 20


def reaches_the_bar(scores):
    """+0.8 dB over bicubic in the mean; 0.2 dB over the bare pseudo-inverse on nine images of ten."""
    ahead = np.mean([score.gain_over_pseudo_inverse >= 0.2 for score in scores])
    return np.mean([score.gain for score in scores]) >= 0.8 and ahead >= 0.9


NAMES = [name for name in load_split("fundus").test if name.startswith("HRF/")]
HEALTHY = [name for name in NAMES if "_h." in name]
ONE_OF_EACH_GROUP = NAMES[0], NAMES[4], NAMES[8]
"""Diabetic retinopathy, glaucoma, and a healthy eye."""


@cache
def reference(name):
    return load_references(DATA, [name])[0]


def committed_scores(model, scale):
    """The scores of all test images that the committed comparison found."""
    rows = json.loads((ROOT / "docs" / "results" / "results.json").read_text(encoding="utf-8"))["rows"]
    psnr = {
        (row["photograph"], row["method"]): row["psnr"]
        for row in rows
        if (row["regime"], row["scale"]) == ("paper", scale)
    }
    return {name: Score(name, *(psnr[name, how] for how in (model, "bicubic", "pseudo-inverse"))) for name in NAMES}


def test_all_scales_have_weights():
    assert available_models()["rdb-lite"] == (2, 4, 8)


@pytest.mark.parametrize(("model", "scale"), BUNDLED)
def test_cards_tell_how_the_weights_were_trained(model, scale):
    network = load_model(model, scale)
    card = network.card
    assert card["network"] == vars(network.config)
    assert card["parameters"] == sum(p.numel() for p in network.module.parameters())
    if model not in BEGINS_AS:  # those go on from weights that are trained
        assert card["cpu_minutes"] >= (LEAST_MINUTES_OF_A_SECOND_STAGE if model in STARTS_FROM else LEAST_MINUTES)
    split = load_split("fundus-files" if model in BEGINS_AS else "fundus")
    assert card["split"] == ("fundus-files" if model in BEGINS_AS else "fundus")
    assert card["training_images"] == len(split.train)
    assert card["validation"]["images"][: len(split.validation)] == list(split.validation)
    assert not any(is_test_image(name) for name in card["validation"]["images"])
    assert card["training"]["scale"] == scale
    assert card["command"].startswith("fundusxr train assets/configs/")


def as_shown(network):
    """What the viewer makes of a small picture with this network."""
    return through_engine(Engine(network, torch.device("cpu")))


@pytest.mark.parametrize(("model", "scale"), BUNDLED)
def test_cards_tell_what_was_measured(model, scale):
    card = load_model(model, scale).card
    assert 1 <= card["halo"] <= 32
    assert all(is_test_image(name) for name in card["test"]["images"])


@needs_data
def test_x4_reaches_the_bar_on_test_images():
    """All fifteen as the committed comparison found them, and a part of them anew."""
    network = load_model("rdb-lite", 4)
    committed = committed_scores("rdb-lite", 4)
    assert len(committed) == 15
    assert reaches_the_bar(committed.values()), committed
    told = network.card["test"]["as_shown"]["gain_over_bicubic_db"]
    assert np.mean([score.gain for score in committed.values()]) == pytest.approx(told, abs=0.02)
    scores = evaluate(map(reference, NAMES[::4]), 4, as_shown(network))
    assert len(scores) == 4
    assert reaches_the_bar(scores), scores
    for score in scores:
        assert score.gain == pytest.approx(committed[score.name].gain, abs=0.01)


@needs_data
@pytest.mark.parametrize("scale", [2, 8])
def test_x2_and_x8_beat_bicubic_and_the_bare_pseudo_inverse_on_healthy_eyes(scale):
    scores = evaluate(map(reference, HEALTHY[::2]), scale, as_shown(load_model("rdb-lite", scale)))
    assert len(scores) == 3
    assert min(score.gain for score in scores) > 0
    assert np.mean([score.gain_over_pseudo_inverse for score in scores]) > 0


@needs_data
@pytest.mark.parametrize("scale", [s for s in (2, 4, 8) if s in available_models()["rdb-file"]])
def test_on_jpeg_files_the_network_that_is_told_of_them_gains_where_the_other_loses(tmp_path, scale):
    """Three eyes, one of each group, at the qualities that cameras write."""
    told, blind = (Engine(load_model(name, scale), torch.device("cpu")) for name in ("rdb-file", "rdb-lite"))
    for name, quality in zip(ONE_OF_EACH_GROUP, (90, 95, 75), strict=True):
        eye = reference(name)
        path = save_jpeg(tmp_path / "a.jpg", shrink_reference(eye, scale), quality=quality, subsampling=2)
        pixels, file = open_jpeg(path)
        mask = scored_pixels(eye.field, eye.pixels.shape, scale)
        bicubic = psnr(to_uint8(enlarge_bicubic(pixels, scale)), eye.pixels, mask)
        gains = [psnr(e.upscale(pixels, file=file), eye.pixels, mask) - bicubic for e in (told, blind)]
        assert gains[0] > 0.4
        assert gains[1] < 0.2


def test_clean_photographs_are_left_to_the_network_that_knows_them_alone():
    network = load_model("rdb-file", 4)
    assert network.clean.sha256 == load_model("rdb-lite", 4).sha256
    engine = Engine(network, torch.device("cpu"))
    pixels = np.random.default_rng(1).integers(60, 190, (48, 48, 3), dtype=np.uint8)
    plain = Engine(network.clean, torch.device("cpu"))
    np.testing.assert_array_equal(engine.upscale(pixels), plain.upscale(pixels))
    assert engine.used(None).name == "rdb-lite"


@needs_data
def test_zeroed_and_shuffled_weights_fail_the_bar():
    references = [reference(name) for name in ONE_OF_EACH_GROUP]
    trained = load_model("rdb-lite", 4)
    zeroed, shuffled = RdbSrgan(trained.config), RdbSrgan(trained.config)
    shuffled.load_state_dict(trained.module.state_dict())
    for parameter in zeroed.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        shuffled.head.weight.copy_(shuffled.head.weight.flip(0))
    for broken in (zeroed, shuffled):
        assert not reaches_the_bar(evaluate(references, 4, as_shown(replace(trained, module=broken))))
    assert [score.gain for score in evaluate(references, 4, bare_network(zeroed))] == [0, 0, 0]


def fine_detail(picture):
    """What a Gaussian of 1.5 pixels takes away, float32 (H, W, 3)."""
    picture = picture.astype(np.float32)
    return picture - gaussian_filter(picture, (1.5, 1.5, 0))


def root_mean_square(array, axes):
    return np.sqrt((array**2).mean(axis=axes))


def repeated_shares(picture, scale, inside):
    """In each block of 8 x 8 small pixels, how much of the fine detail repeats from one small pixel to the next."""
    rows, columns = (side // (8 * scale) for side in picture.shape[:2])
    cells = (rows, 8, scale, columns, 8, scale)
    detail = fine_detail(picture)[: rows * 8 * scale, : columns * 8 * scale].reshape(*cells, 3)
    pattern = detail.mean(axis=(1, 4), keepdims=True)
    pattern = pattern - pattern.mean(axis=(2, 5), keepdims=True)
    whole = inside[: rows * 8 * scale, : columns * 8 * scale].reshape(cells).all(axis=(1, 2, 4, 5))
    return (root_mean_square(pattern, (1, 2, 4, 5, 6)) / root_mean_square(detail, (1, 2, 4, 5, 6)))[whole]


def block_detail(picture, inside):
    """Root mean square of the fine detail in each block of 16 x 16 pixels inside the field, grey levels."""
    rows, columns = (side // 16 for side in picture.shape[:2])
    detail = fine_detail(picture)[: rows * 16, : columns * 16].reshape(rows, 16, columns, 16, 3)
    whole = inside[: rows * 16, : columns * 16].reshape(rows, 16, columns, 16).all(axis=(1, 3))
    return root_mean_square(detail, (1, 3, 4))[whole]


@needs_data
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_the_adversarial_stage_draws_no_pattern_and_no_speckle(scale):
    """Neither a screen that repeats with the small pixels nor hatching, of which the optic disc once had much at x8."""
    eye = reference("HRF/images/13_h.jpg")
    inside = scored_pixels(eye.field, eye.pixels.shape, 16)
    picture = as_shown(load_model("rdb-lite-gan", scale))(shrink_reference(eye, scale), scale)
    assert np.percentile(repeated_shares(picture, scale, inside), 99) < 0.3
    assert (block_detail(picture, inside) - block_detail(eye.pixels, inside)).max() < 0.5
