"""Layers besides the super-resolution: the table, and what the worker makes of a second one."""

from collections.abc import Iterator

import numpy as np
import pytest

from sr_core.image import layers
from sr_core.image.departure import Departure
from sr_core.image.geometry import Rect, TileKey, level_size
from sr_core.image.layers import COMPUTED, PHOTOGRAPHED, PICTURE, SUPER_RESOLUTION, overlay_level, overlays_of
from sr_core.image.pyramid import build_pyramid, cut_tile
from sr_core.tiles.disk import TileName
from sr_core.tiles.request import DiskCache, Source, TileFailed, TileReady
from sr_core.tiles.worker import Worker
from tests.helpers import dummy_layer
from tests.rig import wait_until

SIZE = (333, 281)
PIXELS = np.random.default_rng(4).integers(0, 130, (SIZE[1], SIZE[0], 3), np.uint8)
SOURCE = Source(0, PIXELS, "9" * 64)
LAYER = 2


@pytest.fixture(autouse=True)
def second_layer(monkeypatch) -> None:
    monkeypatch.setattr(layers, "LAYERS", (*layers.LAYERS, dummy_layer.ROW))


@pytest.fixture
def worker(tmp_path) -> Iterator[Worker]:
    made = Worker("rdb-lite", "cpu", threads=2, disk=DiskCache(tmp_path, 100_000_000))
    yield made
    made.close()
    wait_until(lambda: not made.running, "the worker's end", 120)


def answers(worker: Worker, wanted: list[TileKey]) -> dict[TileKey, TileReady | TileFailed]:
    found: list = []
    worker.want(wanted, [SOURCE])
    wait_until(lambda: found.extend(worker.ready()) or len(found) == len(wanted), "the tiles", 120)
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
    wait_until(lambda: {path.name for path in tmp_path.rglob("*.tile")} == names, "the tiles on disk", 60)
    assert TileName.of(keys[0], "9" * 64, "w").file != TileName.of(keys[1], "9" * 64, "w").file


def test_a_layer_that_breaks_its_word_fails_by_name_and_no_other_with_it(worker, monkeypatch):
    real = dummy_layer.Brightness.compute
    monkeypatch.setattr(dummy_layer.Brightness, "compute", lambda self, *given: real(self, *given).repeat(3, axis=2))
    keys = [TileKey(0, 1, 0, 0), TileKey(0, 1, 0, 0, LAYER)]
    found = answers(worker, keys)
    assert isinstance(found[keys[0]], TileReady)
    assert isinstance(found[keys[1]], TileFailed)
    assert "brightness" in found[keys[1]].reason
