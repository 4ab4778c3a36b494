"""How photographs are made to look: the values, local contrast's curves, and the words that tell of both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vr_app.core.hands.keys import meant
from vr_app.core.scene.field_mean import MeanBook, field_means
from vr_app.core.scene.local_contrast import CLIP, CurveBook, local_curves
from vr_app.core.view.appearance import (
    AS_PHOTOGRAPHED,
    REGIONS,
    SAMPLES,
    Appearance,
    Channel,
)
from vr_app.core.view.intent import Adjust, Pan, Undo
from vr_app.core.view.pair import FieldOfView
from vr_app.core.view.step import step
from vr_app.core.view.view import ViewState


def test_as_photographed_tells_nothing_and_adjusted_tells_what():
    assert AS_PHOTOGRAPHED.told() == ""
    look = Appearance(Channel.RED_FREE, contrast=1.4, local=0.6)
    assert look.told() == "red-free, contrast 1.4, local contrast 0.6"
    assert look != AS_PHOTOGRAPHED
    assert Appearance(brightness=-0.1).told() == "brightness -0.10"
    assert Appearance(gamma=0.5).told() == "gamma 0.5"


def test_keys_go_round_the_channels_and_back():
    look, seen = AS_PHOTOGRAPHED, []
    for _ in Channel:
        seen.append(look.channel)
        look = look.next_channel()
    assert seen == list(Channel)
    assert look == AS_PHOTOGRAPHED


def test_contrast_goes_up_and_down_by_the_same_steps_and_ends_at_its_limits():
    look = AS_PHOTOGRAPHED
    for _ in range(3):
        look = look.contrasted(1)
    assert look.contrast == pytest.approx(2**0.75, abs=1e-3)
    for _ in range(3):
        look = look.contrasted(-1)
    assert look == AS_PHOTOGRAPHED
    for _ in range(40):
        look = look.contrasted(-1)
    assert 0.4 <= look.contrast < 0.5


def test_local_contrast_is_switched_and_all_is_put_back():
    look = AS_PHOTOGRAPHED.switched_local()
    assert look.local > 0
    assert look.switched_local() == AS_PHOTOGRAPHED
    view = replace(ViewState.start(1), appearance=replace(look, gamma=2.0, channel=Channel.BLUE))
    assert step(view, meant(("a",), view), 0.0).appearance == AS_PHOTOGRAPHED


@given(st.floats(), st.floats(), st.floats(), st.floats())
def test_whatever_is_asked_for_what_is_shown_is_within_the_limits(brightness, contrast, gamma, local):
    look = Appearance(Channel.RED, brightness, contrast, gamma, local)
    shown = step(ViewState.start(1), (Adjust(look),), 0.0).appearance
    assert -0.5 <= shown.brightness <= 0.5
    assert 0.4 <= shown.contrast <= 3
    assert 0.4 <= shown.gamma <= 2.5
    assert 0 <= shown.local <= 1
    for key in ("g", "d", ".", ",", "a"):
        (asked,) = meant((key,), ViewState.start(1))
        assert asked.appearance == asked.appearance.within
    for look in (shown.next_channel(), shown.switched_local(), shown.contrasted(1), shown.contrasted(-1)):
        assert look == look.within


def test_undo_takes_adjustments_back_one_by_one():
    strong = step(ViewState.start(1), (Adjust(Appearance(contrast=2.0)),), 0.1)
    assert strong.still_for > 0  # no tile is wanted anew
    moved = step(replace(strong, images=(replace(strong.front, zoom=4.0),)), (Pan(0, (0.4, 0.4), (0.0, 0.0)),), 0.0)
    red = step(moved, (Adjust(Appearance(Channel.RED, contrast=2.0)),), 0.0)
    assert step(red, (Undo(),), 0.0).appearance == Appearance(contrast=2.0)
    back = step(red, (Undo(), Undo()), 0.0)
    assert back.front.center == (0.5, 0.5)
    assert back.appearance == Appearance(contrast=2.0)
    assert step(red, (Undo(), Undo(), Undo()), 0.0).appearance == AS_PHOTOGRAPHED


def test_what_a_slider_is_dragged_is_taken_back_at_once():
    view = step(ViewState.start(1), (Adjust(Appearance(gamma=0.5)),), 0.0)
    for n, gamma in enumerate((0.7, 0.9, 1.3)):
        view = step(view, (Adjust(Appearance(gamma=gamma), continues=n > 0),), 0.0)
    assert view.appearance == Appearance(gamma=1.3)
    back = step(view, (Undo(),), 0.0)
    assert back.appearance == Appearance(gamma=0.5)
    assert step(back, (Undo(),), 0.0).appearance == AS_PHOTOGRAPHED


def test_contrast_stretches_about_the_mean_of_the_field_of_view_alone():
    pixels = np.zeros((60, 90, 3), np.uint8)
    y, x = np.mgrid[:60, :90] + 0.5
    pixels[np.hypot(x - 40, y - 30) <= 25] = (204, 102, 51)
    pixels[:, 80:] = 255  # a caption
    field = FieldOfView((40 / 90, 0.5), (25 / 90, 25 / 60))
    assert field_means(pixels, field) == pytest.approx((0.8, 0.4, 0.2))
    book = MeanBook(lambda index: pixels)
    assert book.of(0, field, Channel.COLOUR) == pytest.approx((0.8, 0.4, 0.2))
    assert book.of(0, field, Channel.RED_FREE) == pytest.approx((0.4, 0.4, 0.4))
    assert book.of(0, field, Channel.BLUE) == pytest.approx((0.2, 0.2, 0.2))


def fundus(edge: int = 256) -> np.ndarray:
    """A disc of low contrast, brighter to the right, in a black surround."""
    y, x = np.mgrid[:edge, :edge] / edge - 0.5
    grey = 90 + 80 * x + 4 * np.sin(60 * x) * np.sin(60 * y)
    pixels = np.repeat(grey[..., None], 3, axis=2) * (1.2, 1.0, 0.5)
    return (pixels * (np.hypot(x, y) < 0.48)[..., None]).astype(np.uint8)


@pytest.mark.parametrize("channel", list(Channel))
def test_curves_never_fall_and_keep_black_and_white(channel):
    samples = local_curves(fundus(), channel).samples.astype(int)
    assert samples.shape == (REGIONS, REGIONS, SAMPLES)
    assert (np.diff(samples, axis=-1) >= 0).all()
    assert (samples[..., 0] == 0).all()
    assert (samples[..., -1] == 65535).all()


def test_curves_stretch_where_the_pixels_are_but_no_further_than_the_limit():
    samples = local_curves(fundus(), Channel.RED_FREE).samples / 65535
    slopes = np.diff(samples, axis=-1) * (SAMPLES - 1)
    steepest = slopes.max(axis=-1)
    assert (steepest > 1.5).all()
    assert (steepest < CLIP + 1.01).all()
    left, right = slopes[4, 1], slopes[4, 6]
    assert left.argmax() < right.argmax()  # the curves are local: dark pixels are stretched where it is dark


def test_corners_beyond_the_field_of_view_take_the_whole_fields_curve():
    samples = local_curves(fundus(), Channel.RED_FREE).samples
    assert np.array_equal(samples[0, 0], samples[-1, -1])
    assert not np.array_equal(samples[0, 0], samples[4, 4])


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (512, 9)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_even_pictures_of_any_size_have_curves(shape, value):
    samples = local_curves(np.full((*shape, 3), value, np.uint8), Channel.COLOUR).samples.astype(int)
    assert (np.diff(samples, axis=-1) >= 0).all()


def test_a_book_makes_curves_once_until_the_photograph_changes():
    pictures = {0: fundus()}
    book = CurveBook(pictures.get)
    first = book.of(0, Channel.COLOUR)
    assert book.of(0, Channel.COLOUR) is first
    assert book.of(0, Channel.RED) is not first
    assert book.of(1, Channel.COLOUR) is None
    pictures[0] = 255 - pictures[0]
    book.forget(0)
    assert not np.array_equal(book.of(0, Channel.COLOUR).samples, first.samples)
