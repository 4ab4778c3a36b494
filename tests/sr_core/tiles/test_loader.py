"""Photographs decoded on a thread of their own."""

import threading
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sr_core.image.saving import save_picture
from sr_core.image.source import FileSource
from sr_core.tiles import loader as loader_module
from sr_core.tiles.loader import UNTAKEN, Loader, PhotographFailed, PhotographLoaded
from tests.rig import PATIENCE, wait_until


@pytest.fixture
def photographs(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for i, path in enumerate(paths):
        save_picture(path, np.random.default_rng(i).integers(0, 256, (150, 200, 3), np.uint8))
    return paths


def files(paths: Sequence[Path]) -> list[FileSource]:
    return [FileSource(path) for path in paths]


def everything(loader: Loader) -> list:
    found = []
    while loader.busy:
        found += wait_until(loader.ready, "the loader's next answer", interval_s=0.005)
    return found


def test_photographs_arrive_in_order_with_their_levels(photographs):
    loader = Loader(files(photographs))
    found = everything(loader)
    loader.close()
    assert [(type(a), a.index) for a in found] == [(PhotographLoaded, i) for i in range(3)]
    for i, answer in enumerate(found):
        assert answer.photograph.facts.id == str(photographs[i])
        assert answer.pyramid.levels[0] is answer.photograph.pixels
        assert not any(level.flags.writeable for level in answer.pyramid.levels)


def test_a_file_that_cannot_be_opened_is_told_by_name_and_the_others_still_open(photographs, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(photographs[0].read_bytes()[:200])
    loader = Loader(files([broken, photographs[0], tmp_path / "missing.jpg", photographs[1], tmp_path / "nul\0.png"]))
    found = everything(loader)
    loader.close()
    kinds = [PhotographFailed, PhotographLoaded, PhotographFailed, PhotographLoaded, PhotographFailed]
    assert [type(answer) for answer in found] == kinds
    for answer, name in ((found[0], "broken.png"), (found[2], "missing.jpg"), (found[4], ".png")):
        assert name in answer.reason
        assert "\n" not in answer.reason


def test_after_close_its_thread_has_ended_with_files_still_unread(photographs):
    before = set(threading.enumerate())
    loader = Loader(files(photographs * 2000))
    (thread,) = set(threading.enumerate()) - before
    loader.close()
    wait_until(lambda: not thread.is_alive(), "the end of the file under way")
    assert len(loader.ready()) < 6000
    loader.close()


def test_of_those_not_opened_yet_only_those_near_are_opened_and_none_twice(photographs):
    loader = Loader(files(photographs * 1000))
    loader.open_only([2999, 5, 1500])
    first = [answer.index for answer in everything(loader)]
    assert set(first) >= {2999, 5, 1500}
    assert len(first) < 30, "what was begun before the wish"
    loader.open_only([5, 1500, 7, 7])
    found = [answer.index for answer in everything(loader)]
    assert set(found) <= {7}
    assert 7 in [*first, *found]
    assert everything(loader) == []
    loader.open_only(None)
    (following, *_) = answered(loader, 1)
    assert following.index not in (*first, *found)
    loader.close()


def answered(loader: Loader, count: int) -> list:
    found = []
    wait_until(lambda: found.extend(loader.ready()) or len(found) >= count, "the loader's answers")
    return found


def test_a_photograph_is_decoded_again_when_wanted_before_files_not_opened_yet(photographs):
    loader = Loader(files(photographs * 20))
    found = answered(loader, 3)
    loader.want([1, 0])
    found = answered(loader, 4)
    loader.close()
    indices = [answer.index for answer in found]
    assert indices.index(1) < indices.index(0) <= UNTAKEN + 2
    assert indices[-1] > 2


def test_the_last_wish_replaces_the_one_before(photographs):
    loader = Loader(files(photographs))
    everything(loader)
    for wish in ([0, 1, 2], [2], [], [1]):
        loader.want(wish)
    found = everything(loader)
    loader.close()
    assert found[-1].index == 1
    assert len(found) <= 2  # the first of an earlier wish may have been begun


def test_one_that_is_wanted_in_every_frame_is_decoded_once(photographs):
    loader = Loader(files(photographs))
    everything(loader)
    loader.want([0])
    wait_until(lambda: loader.want([0]) or loader._answers, "the photograph", interval_s=0.001)
    for _ in range(100):
        loader.want([0])
    (answer,) = loader.ready()
    assert answer.index == 0
    assert not loader.busy
    loader.close()


def test_a_file_that_changed_meanwhile_comes_with_its_new_pixels_and_sha256(photographs):
    loader = Loader(files(photographs[:1]))
    (before,) = everything(loader)
    save_picture(photographs[0], np.zeros((90, 80, 3), np.uint8))
    loader.want([0])
    (after,) = everything(loader)
    photographs[0].unlink()
    loader.want([0])
    (gone,) = everything(loader)
    loader.close()
    assert before.photograph.facts.sha256 != after.photograph.facts.sha256
    assert after.photograph.pixels.shape == (90, 80, 3)
    assert isinstance(gone, PhotographFailed)


def test_not_more_than_a_few_lie_decoded_and_untaken(photographs):
    loader = Loader(files(photographs))
    wait_until(lambda: len(loader._answers) == UNTAKEN and loader._under_way is None, "two photographs")
    assert loader.busy
    assert [answer.index for answer in everything(loader)] == [0, 1, 2]
    loader.close()


def test_a_photograph_taken_is_not_held_by_the_loader(photographs):
    loader = Loader(files(photographs))
    held = [weakref.ref(answer.photograph.pixels) for answer in everything(loader)]
    wait_until(lambda: not any(pixels() is not None for pixels in held), "the pixels' release")
    loader.close()


def test_nothing_to_load_is_never_busy():
    loader = Loader([])
    assert not loader.busy
    assert loader.ready() == []
    loader.close()


def test_close_waits_for_no_decoder_and_says_whether_one_still_runs(photographs, monkeypatch):
    begun, end = threading.Event(), threading.Event()
    decode = loader_module._decode

    def slowly(index, source):
        begun.set()
        end.wait(PATIENCE)
        return decode(index, source)

    monkeypatch.setattr(loader_module, "_decode", slowly)
    loader = Loader(files(photographs))
    assert begun.wait(PATIENCE)
    loader.close()
    assert loader.running
    end.set()
    wait_until(lambda: not loader.running, "the end of the file under way")
