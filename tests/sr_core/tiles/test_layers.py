"""Layers besides the super-resolution: the table, and what the worker makes of a second one."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image

from sr_core.assets import asset_path
from sr_core.engine.restorer import Restorer
from sr_core.image import layers
from sr_core.image.departure import Computed, Departure, of_alpha
from sr_core.image.geometry import Rect, TileKey, level_size
from sr_core.image.layers import (
    COMPUTED,
    PHOTOGRAPHED,
    PICTURE,
    RESTORED_LAYER,
    SUPER_RESOLUTION,
    overlay_level,
    overlays_of,
)
from sr_core.image.photograph import load_photograph
from sr_core.image.pyramid import build_pyramid, cut_tile, halve
from sr_core.networks.zoo import load_model
from sr_core.tiles.disk import TileName
from sr_core.tiles.request import DiskCache, Source, TileFailed, TileReady
from sr_core.tiles.worker import Worker
from tests.helpers import dummy_layer
from tests.rig import wait_until

SIZE = (333, 281)
PIXELS = np.random.default_rng(4).integers(0, 130, (SIZE[1], SIZE[0], 3), np.uint8)
SOURCE = Source(0, PIXELS, "9" * 64)
LAYER = 3


@pytest.fixture(autouse=True)
def second_layer(monkeypatch) -> None:
    monkeypatch.setattr(layers, "LAYERS", (*layers.LAYERS, dummy_layer.ROW))


@pytest.fixture
def worker(tmp_path) -> Iterator[Worker]:
    made = Worker("rdb-lite", "cpu", threads=2, disk=DiskCache(tmp_path, 100_000_000))
    yield made
    made.close()
    wait_until(lambda: not made.running, "the worker's end")


def answers(worker: Worker, wanted: list[TileKey]) -> dict[TileKey, TileReady | TileFailed]:
    found: list = []
    worker.want(wanted, [SOURCE])
    wait_until(lambda: found.extend(worker.ready()) or len(found) == len(wanted), "the tiles")
    return {answer.key: answer for answer in found}


def every_tile(level: int, layer: int = LAYER) -> list[TileKey]:
    cells = Rect(0, 0, *level_size(*SIZE, level)).cells(64)
    return [TileKey(0, level, col, row, layer) for col, row in cells.points()]


def marked() -> np.ndarray:
    """What the layer says of the whole photograph, (H, W, 1)."""
    left = np.arange(SIZE[0]) < SIZE[0] // 2
    return np.where((PIXELS[..., 1] > dummy_layer.BRIGHT) & left, 255, 0).astype(np.uint8)[..., None]


def test_every_level_of_the_picture_has_its_layer():
    assert [PICTURE[level] for level in (-3, 0, 1, 3)] == [PHOTOGRAPHED] * 2 + [SUPER_RESOLUTION] * 2
    assert frozenset((1, 2, 3)) == COMPUTED
    assert overlays_of(("brightness", "super-resolution", "none")) == (LAYER,)
    assert TileKey(0, 2, 0, 0) == (0, 2, 0, 0, SUPER_RESOLUTION)
    assert TileKey(0, 0, 0, 0, LAYER).synthesised


def test_a_layer_lies_over_the_picture_in_its_nearest_level_that_is_not_finer():
    assert [overlay_level(dummy_layer.ROW, level) for level in (-7, -2, 0, 1, 3)] == [None, -2, 0, 1, 1]


def test_what_stands_in_the_photographs_place_lies_over_no_finer_picture():
    restored = layers.LAYERS[2]
    assert restored.name == RESTORED_LAYER
    assert [overlay_level(restored, level) for level in (-4, -3, 0, 1, 3)] == [None, -3, 0, None, None]


def test_a_photograph_without_a_file_is_not_restored_and_its_tiles_say_why(tmp_path):
    worker = Worker("rdb-file", "cpu", threads=1)
    key = TileKey(0, 0, 1, 1, 2)
    (answer,) = answers(worker, [key]).values()
    worker.close()
    assert isinstance(answer, TileFailed)
    assert answer.reason.startswith("nothing to restore: no JPEG file lies behind this photograph")
    wait_until(lambda: not worker.running, "the worker's end")


@pytest.mark.parametrize("level", [-1, 0])
def test_tiles_of_the_restored_photograph_are_cut_from_what_its_file_leaves_open(tmp_path, level):
    """They tell how far they lie from the decoded photograph, and that nothing in them is invented."""
    path = tmp_path / "eye.jpg"
    with Image.open(asset_path("demo", "retina.jpg")) as picture:
        picture.convert("RGB").crop((500, 500, 820, 780)).save(path, quality=50)
    photograph = load_photograph(path)
    worker = Worker("rdb-file", "cpu", threads=1)
    found: list = []
    key = TileKey(0, level, 1, 1, 2)
    worker.want([key], [Source(0, photograph.pixels, photograph.sha256, photograph.file)])
    wait_until(lambda: found.extend(worker.ready()) or found, "the tile")
    worker.close()
    (tile,) = found
    assert isinstance(tile, TileReady), tile
    whole = Restorer(load_model("rdb-file", 2), torch.device("cpu")).upscale_marked(
        photograph.pixels, file=photograph.file.get()
    )
    pixels, decoded = whole.pixels[..., :3], photograph.pixels
    for _ in range(-level):
        pixels, decoded = halve(pixels), halve(decoded)
    expected = cut_tile(pixels, (0, 0), key.rect)
    assert np.abs(tile.pixels[..., :3].astype(int) - expected).max() <= 1
    place = key.rect.slices() if level == 0 else key.rect.scale(2).slices()
    assert tile.departure.invented == 0
    assert tile.departure.restored == pytest.approx(whole.restored[place].mean(), abs=0.02)
    invented, restored = of_alpha(tile.pixels[..., 3])
    assert not invented.any()
    if level == 0:
        apart = np.abs(pixels.astype(int) - decoded).max(axis=-1)
        assert np.abs(restored[1:-1, 1:-1].astype(int) - np.minimum(apart[place], 15)).max() <= 1
    wait_until(lambda: not worker.running, "the worker's end")


@pytest.mark.parametrize("level", [-2, -1, 0])
def test_tiles_of_a_second_layer_are_cut_from_what_it_says_of_the_whole_photograph(worker, level):
    """Coarser levels are shrunk as the photograph is, gutters and odd edges too."""
    pyramid = build_pyramid(marked())
    found = answers(worker, every_tile(level))
    for key, answer in found.items():
        assert isinstance(answer, TileReady), answer
        np.testing.assert_array_equal(answer.pixels, cut_tile(pyramid.levels[-level], (0, 0), key.rect))
        assert (answer.weights, answer.photograph, answer.departure) == ("b" * 64, "9" * 64, Departure())


def test_tiles_of_two_layers_at_one_place_are_two_on_disk_too(worker, tmp_path):
    keys = [TileKey(0, 1, 2, 2), TileKey(0, 1, 2, 2, LAYER)]
    found = answers(worker, keys)
    assert [found[key].pixels.shape[2] for key in keys] == [4, 1]
    names = {"super-resolution-1-2-2.tile", "brightness-1-2-2.tile"}
    wait_until(lambda: {path.name for path in tmp_path.rglob("*.tile")} == names, "the tiles on disk")
    assert TileName.of(keys[0], "9" * 64, "w").file != TileName.of(keys[1], "9" * 64, "w").file


def test_a_layer_that_breaks_its_word_fails_by_name_and_no_other_with_it(worker, monkeypatch):
    real = dummy_layer.Brightness.compute
    wide = lambda self, *given: Computed(real(self, *given).pixels.repeat(3, axis=2))  # noqa: E731
    monkeypatch.setattr(dummy_layer.Brightness, "compute", wide)
    keys = [TileKey(0, 1, 0, 0), TileKey(0, 1, 0, 0, LAYER)]
    found = answers(worker, keys)
    assert isinstance(found[keys[0]], TileReady)
    assert isinstance(found[keys[1]], TileFailed)
    assert "brightness" in found[keys[1]].reason
