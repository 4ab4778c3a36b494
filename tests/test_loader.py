"""Photographs decoded on a thread of their own."""

import threading
import time

import numpy as np
import pytest

from sr_core.image.loader import Loader, PhotographFailed, PhotographLoaded
from sr_core.image.photograph import save_picture


@pytest.fixture
def photographs(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for i, path in enumerate(paths):
        save_picture(path, np.random.default_rng(i).integers(0, 256, (150, 200, 3), np.uint8))
    return paths


def everything(loader: Loader) -> list:
    found, deadline = [], time.monotonic() + 60
    while loader.busy:
        assert time.monotonic() < deadline, "the loader answered nothing for a minute"
        found += loader.ready()
        time.sleep(0.005)
    return found


def test_photographs_arrive_in_order_with_their_levels(photographs):
    loader = Loader(photographs)
    found = everything(loader)
    loader.close()
    assert [(type(a), a.index) for a in found] == [(PhotographLoaded, i) for i in range(3)]
    for i, answer in enumerate(found):
        assert answer.photograph.path == photographs[i]
        assert answer.pyramid.levels[0] is answer.photograph.pixels
        assert not any(level.flags.writeable for level in answer.pyramid.levels)


def test_a_file_that_cannot_be_opened_is_told_by_name_and_the_others_still_open(photographs, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(photographs[0].read_bytes()[:200])
    loader = Loader([broken, photographs[0], tmp_path / "missing.jpg", photographs[1], tmp_path / "nul\0.png"])
    found = everything(loader)
    loader.close()
    kinds = [PhotographFailed, PhotographLoaded, PhotographFailed, PhotographLoaded, PhotographFailed]
    assert [type(answer) for answer in found] == kinds
    for answer, name in ((found[0], "broken.png"), (found[2], "missing.jpg"), (found[4], ".png")):
        assert name in answer.reason
        assert "\n" not in answer.reason


def test_after_close_its_thread_has_ended_with_files_still_unread(photographs):
    before = set(threading.enumerate())
    loader = Loader(photographs * 2000)
    (thread,) = set(threading.enumerate()) - before
    loader.close()
    assert not thread.is_alive()
    assert len(loader.ready()) < 6000
    loader.close()


def test_nothing_to_load_is_never_busy():
    loader = Loader([])
    assert not loader.busy
    assert loader.ready() == []
    loader.close()
