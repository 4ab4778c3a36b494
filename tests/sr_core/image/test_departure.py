"""The two figures of a departure, and the byte in which a tile keeps both."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sr_core.image.departure import MOST, Computed, Departure, in_alpha, of_alpha

LEVELS = arrays(np.uint8, (8, 12), elements=st.integers(0, 255))
RESTORED = arrays(np.float32, (2, 3), elements=st.floats(0, 300, width=32))


@given(LEVELS, RESTORED)
def test_a_byte_keeps_what_is_invented_and_what_is_restored_apart(invented, restored):
    found = of_alpha(in_alpha(invented, restored))
    np.testing.assert_array_equal(found[0], np.minimum(invented, MOST))
    expected = np.minimum(np.round(restored), MOST).repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(found[1], expected)


@given(LEVELS)
def test_without_a_file_nothing_is_restored(invented):
    np.testing.assert_array_equal(of_alpha(in_alpha(invented, None))[1], 0)


def test_the_figures_are_the_means():
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[..., 3] = 2
    pixels[0, 0, 3] = 18
    assert Computed(pixels).departure == Departure(3.0)
    assert Computed(pixels, np.array([[1, 0], [0, 2]], np.float32)).departure == Departure(3.0, restored=0.75)


@pytest.mark.parametrize(
    ("departure", "told"),
    [
        (Departure(0.31), "invents 0.3 levels"),
        (Departure(0.8, restored=0.94), "restores 0.9, invents 0.8 levels"),
        (Departure(0.8, restored=0.01), "restores 0.0, invents 0.8 levels"),
        (Departure(0.0, restored=0.94), "restores 0.9, invents 0.0 levels"),
        (Departure(), "invents 0.0 levels"),
    ],
)
def test_what_is_told_of_clean_photographs_is_what_is_invented_alone(departure, told):
    assert departure.told == told
    assert departure.told_at_own_size == f"restores {departure.restored:.1f} levels"
