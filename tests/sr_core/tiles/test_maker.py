"""Tiles out of a block: each with its gutter, and with the figures of its own pixels."""

import numpy as np
import pytest

from sr_core.image.departure import Computed, in_alpha
from sr_core.image.geometry import Rect, TileKey
from sr_core.image.pyramid import cut_tile
from sr_core.tiles.maker import _cut


@pytest.mark.parametrize(
    ("size", "origin", "scale"),
    [((576, 584), (636, 1276), 4), ((300, 500), (64, 128), 4), ((296, 328), (640, 64), 8)],
    ids=["inside", "at the photograph's end", "x8"],
)
def test_tiles_are_the_blocks_pixels_and_tell_the_means_of_their_own(size, origin, scale):
    rng, (height, width) = np.random.default_rng(0), size
    pixels = rng.integers(0, 15, (height, width, 4)).astype(np.uint8)
    restored = 5 * rng.random((height // scale, width // scale)).astype(np.float32)
    cols, rows = (
        range(-(-first // 64), -(-(first + side) // 64)) for first, side in zip(origin, (width, height), strict=True)
    )
    tiles = [TileKey(0, 2, col, row) for row in rows for col in cols]
    expected = pixels.copy()
    expected[..., 3] = in_alpha(expected[..., 3], restored)

    found = _cut(Computed(pixels.copy(), restored), origin, tiles, pictured=True)
    for key, tile in zip(tiles, found, strict=True):
        assert np.array_equal(tile.pixels, cut_tile(expected, origin, key.rect))
        place = key.rect.shift(-origin[0], -origin[1]).intersect(Rect(0, 0, width, height))
        small = tuple(slice(part.start // scale, -(-part.stop // scale)) for part in place.slices())
        own = Computed(pixels[place.slices()], restored[small]).departure
        assert tile.departure.invented == pytest.approx(own.invented)
        assert tile.departure.restored == pytest.approx(own.restored)


def test_a_layer_over_the_picture_keeps_its_own_alpha_and_departs_from_nothing():
    pixels = np.random.default_rng(1).integers(0, 255, (132, 132, 4)).astype(np.uint8)
    (tile,) = _cut(Computed(pixels.copy()), (0, 0), [TileKey(0, 0, 0, 0, 2)], pictured=False)
    assert np.array_equal(tile.pixels[1:, 1:], pixels[:65, :65])
    assert (tile.departure.invented, tile.departure.restored) == (0, 0)
