"""What a network is told of a file: how coarse, and where in its blocks a pixel lies."""

import numpy as np

from sr_core.image.coding import PLACES, STRENGTHS, Coding, clean_places, clean_strength

FLAT = np.full((8, 8), 16.0)


def test_coarser_tables_are_told_as_stronger_and_clean_photographs_as_nothing():
    fine, coarse = (Coding(step * np.ones((8, 8)), FLAT, (True, True), (0, 0)).strength() for step in (2, 32))
    assert fine.shape == (STRENGTHS,)
    assert (coarse[1:4] > fine[1:4]).all()
    np.testing.assert_array_equal(coarse[4:], fine[4:])
    np.testing.assert_allclose(coarse, [1, 1.25, 1.25, 1.25, 1, 1, 1, 1, 1])
    grey = Coding(FLAT, None, (False, False), (0, 0)).strength()
    np.testing.assert_array_equal(grey[4:], 0)
    assert not clean_strength().any()
    assert not clean_places(5, 4).any()


def test_places_repeat_from_block_to_block_wherever_the_rectangle_begins():
    coding = Coding(FLAT, FLAT, (True, False), (5, 3))
    whole = coding.places(0, 0, 64, 48)
    assert whole.shape == (PLACES, 48, 64)
    np.testing.assert_array_equal(coding.places(7, 9, 20, 12), whole[:, 9:21, 7:27])
    np.testing.assert_array_equal(whole[:, :, :48], whole[:, :, 16:])
    np.testing.assert_array_equal(whole[:, :40], whole[:, 8:])
    # Across, two neighbouring blocks are the halves of one of chroma; down, they are alike.
    assert not np.allclose(whole[:, :, :8], whole[:, :, 8:16])
    # Mirrored about a block's border, cosines are what they were.
    np.testing.assert_allclose(whole[0, 0, 5:13], whole[0, 0, 5:13][::-1], atol=1e-6)
