"""A JPEG saved again as PNG, TIFF or WebP is found by what it left in the pixels; a clean picture is not."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from sr_core.image.coding import standard_tables
from sr_core.image.jpeg_traces import find_traces
from sr_core.image.photograph import jpeg_bytes, load_photograph, picture_of
from sr_core.image.resample import resize, shrink, to_uint8
from tests.helpers.fundus import HRF_BRIGHT, HYGD, IDRID

PHOTOGRAPHS = (HRF_BRIGHT, IDRID, HYGD)


@pytest.fixture(scope="module")
def small(fundus_data):
    """Real photographs, reduced: nothing of their own files is left in them."""
    return [to_uint8(shrink(load_photograph(fundus_data / name).pixels, 4)) for name in PHOTOGRAPHS]


def saved(pixels, quality, subsampling="4:2:0"):
    return picture_of(io.BytesIO(jpeg_bytes(pixels, quality, subsampling)))


def test_tables_are_libjpegs():
    for quality in range(1, 101):
        with Image.open(io.BytesIO(jpeg_bytes(np.zeros((8, 8, 3), np.uint8), quality, "4:4:4"))) as image:
            for table, own in zip(standard_tables(quality), image.quantization.values(), strict=False):
                np.testing.assert_array_equal(table.ravel(), own)


@pytest.mark.parametrize(("quality", "subsampling"), [(75, "4:2:0"), (90, "4:4:4"), (95, "4:2:0"), (96, "4:4:4")])
def test_a_saved_photograph_is_found_wherever_its_blocks_lie(small, quality, subsampling):
    for pixels, (x, y) in zip(small, ((0, 0), (5, 3), (9, 14)), strict=True):
        traces = find_traces(saved(pixels, quality, subsampling)[y:, x:])
        assert traces.coding.origin == (-x % 8, -y % 8)
        assert abs(traces.quality - quality) <= 1
        assert traces.coding.chroma is not None


def test_clean_and_resized_photographs_are_not_found(small):
    for pixels in small:
        assert find_traces(pixels) is None
        coarse = saved(pixels, 60)
        assert find_traces(to_uint8(resize(coarse, *(round(0.9 * side) for side in coarse.shape[:2])))) is None


def test_other_pictures_are_not_found():
    rng = np.random.default_rng(1)
    pictures = [
        rng.integers(0, 256, (300, 300, 3)),
        np.zeros((300, 300, 3)),
        np.kron(rng.integers(0, 256, (40, 40, 3)), np.ones((8, 8, 1))),
        np.repeat((np.arange(304) // 3)[None, :, None], 304, 0).repeat(3, 2),
        np.clip(gaussian_filter(rng.normal(120, 300, (300, 300, 3)), (3, 3, 0)), 0, 255),
        rng.integers(0, 256, (12, 12, 3)),
    ]
    assert [find_traces(picture.astype(np.uint8)) for picture in pictures] == [None] * len(pictures)


def test_a_grey_picture_has_no_chroma(small):
    grey = small[0][..., 1:2].repeat(3, axis=2)
    assert find_traces(saved(grey, 80)).coding.chroma is None


@pytest.mark.parametrize("ending", [".png", ".tif", ".webp"])
def test_the_opened_photograph_tells_it_and_is_computed_as_told(small, tmp_path, ending):
    path = tmp_path / f"a{ending}"
    Image.fromarray(saved(small[1], 80)).save(path, **({"lossless": True} if ending == ".webp" else {}))
    photograph = load_photograph(path)
    file = photograph.file.get()
    assert file.lost
    assert len(file.planes) == 1
    assert "was saved again" in photograph.file.reason
    assert [notice for notice in photograph.notices if "JPEG of quality about 80" in notice]
    Image.fromarray(small[1]).save(path, **({"lossless": True} if ending == ".webp" else {}))
    clean = load_photograph(path)
    assert (clean.file, clean.notices) == (None, ())
