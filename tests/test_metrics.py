"""PSNR by hand, the pixels that count, and an evaluation whose answer is known."""

import numpy as np
import pytest

from sr_core.image.field_of_view import FieldOfView
from sr_core.image.resample import enlarge_bicubic, enlarge_pseudo_inverse, to_uint8
from sr_core.study.data import Reference, shrink_reference
from sr_core.study.evaluation import evaluate
from sr_core.study.metrics import psnr, scored_pixels


def test_psnr_by_hand():
    a = np.zeros((4, 4, 3), np.uint8)
    b = np.full((4, 4, 3), 5, np.uint8)
    assert psnr(a, b) == pytest.approx(10 * np.log10(255**2 / 25))
    b[0, 0] = 255
    mask = np.ones((4, 4), bool)
    mask[0, 0] = False
    assert psnr(a, b, mask) == pytest.approx(10 * np.log10(255**2 / 25))
    assert psnr(a, a) == float("inf")


def test_psnr_of_uint8_does_not_wrap_around():
    a, b = np.full((2, 2), 250, np.uint8), np.full((2, 2), 5, np.uint8)
    assert psnr(a, b) == psnr(b, a) == pytest.approx(10 * np.log10(255**2 / 245**2))


def test_psnr_refuses_other_shapes_and_empty_masks():
    a = np.zeros((4, 4))
    with pytest.raises(ValueError, match="different shapes"):
        psnr(a, np.zeros((4, 5)))
    with pytest.raises(ValueError, match="empty"):
        psnr(a, a, np.zeros((4, 4), bool))


def test_scored_pixels_leave_out_rim_and_frame():
    pixels = scored_pixels(FieldOfView(50, 50, 48), (100, 80, 3), 4)
    assert not pixels[:4].any()
    assert not pixels[-4:].any()
    assert not pixels[:, -4:].any()
    assert pixels[50, 75]
    assert pixels[7, 50]
    assert not pixels[4, 50]


def test_evaluation_scores_known_enlargers():
    rng = np.random.default_rng(5)
    smooth = enlarge_bicubic(rng.uniform(20, 230, (24, 24, 3)), 4)
    reference = Reference("eye", to_uint8(smooth), FieldOfView(48, 48, 40))
    bicubic = evaluate([reference], 4, lambda small, scale: to_uint8(enlarge_bicubic(small, scale)))[0]
    assert bicubic.gain == 0
    assert bicubic.name == "eye"
    bare = evaluate([reference], 4, lambda small, scale: to_uint8(enlarge_pseudo_inverse(small, scale)))[0]
    assert bare.gain_over_pseudo_inverse == 0
    assert bare.gain == pytest.approx(bare.pseudo_inverse - bare.bicubic)
    perfect = evaluate([reference], 4, lambda small, scale: reference.pixels)[0]
    assert perfect.gain == float("inf")
    assert shrink_reference(reference, 4).shape == (24, 24, 3)
