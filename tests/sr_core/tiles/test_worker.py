"""The super-resolution thread: the newest wish in, tiles out, failures as values. With the real network."""

import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, replace
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import zoom

from sr_core.engine import engine
from sr_core.engine.blocks import FIRST_SIDE, Block
from sr_core.engine.engine import BLOCK_EDGE, Engine
from sr_core.image.departure import in_alpha
from sr_core.image.geometry import TILE, Rect, TileKey
from sr_core.image.jpeg_file import JpegFile
from sr_core.image.pyramid import GUTTER
from sr_core.networks.zoo import LoadedNetwork, load_model
from sr_core.tiles.request import Answer, Counts, DiskCache, Source, TileFailed, TileReady
from sr_core.tiles.schedule import AHEAD_SHARE
from sr_core.tiles.worker import Worker
from tests.rig import PATIENCE, wait_until

SIZE = (300, 260)
"""Width and height of the photograph: at x4 10 x 9 tiles, the last of each row and column cut by the edge."""

PER_GROUP = (BLOCK_EDGE[4] * 4 // TILE) ** 2
"""Tiles at x4 that one pass computes at most."""


def photograph() -> np.ndarray:
    """Coarse colourful noise, smooth and read-only as photographs are."""
    coarse = np.random.default_rng(0).integers(60, 190, (27, 31, 3)).astype(float)
    pixels = zoom(coarse, (10, 10, 1), order=3)[: SIZE[1], : SIZE[0]].clip(0, 255).astype(np.uint8)
    pixels.setflags(write=False)
    return pixels


SHA256 = "5" * 64

SOURCES = (Source(0, photograph(), SHA256),)


IN_FLIGHT = 5
"""Passes at most of which a new wish takes nothing back, with two lanes: one answered, and of each lane one being
answered and one begun before the wish came."""


@pytest.fixture(params=[1, 2], ids=["one lane", "two lanes"])
def worker(request) -> Iterator[Worker]:
    worker = Worker("rdb-lite", "cpu", threads=request.param)
    yield worker
    worker.close()


def until(worker: Worker, condition: Callable[[list[Answer]], bool]) -> list[Answer]:
    """Take answers until the condition holds for all that were taken."""
    found: list[Answer] = []

    def enough() -> bool:
        found.extend(worker.ready())
        return condition(found)

    wait_until(enough, "the worker's answers", PATIENCE)
    return found


def everything(worker: Worker) -> list[Answer]:
    found = until(worker, lambda _: not worker.busy)
    return found + worker.ready()


def tiles(cols: range, rows: range, level: int = 2, index: int = 0) -> list[TileKey]:
    return [TileKey(index, level, col, row) for row in rows for col in cols]


def adds_up(counts: Counts) -> bool:
    """What was wished is done with, one way or another. True of a worker that is not busy."""
    return counts.wished == counts.computed + counts.cached + counts.failed + counts.cancelled


@pytest.mark.parametrize("level", [1, 2, 3])
def test_tiles_and_their_gutters_are_what_the_engine_makes_of_the_photograph(worker, level):
    scale = 1 << level
    last = (SIZE[0] * scale - 1) // TILE
    edge = tiles(range(last - 1, last + 1), range(2, 4), level)
    worker.want(edge, SOURCES)
    found = {answer.key: answer for answer in everything(worker)}
    assert set(found) == set(edge)
    engine = Engine(load_model("rdb-lite", scale), torch.device("cpu"))
    part = Rect(150, 0, SIZE[0] - 150, 260)
    whole = engine.upscale_marked(SOURCES[0].pixels, part).pixels
    whole[..., 3] = in_alpha(whole[..., 3], None)
    for key, answer in found.items():
        assert isinstance(answer, TileReady)
        assert answer.weights == engine.network.sha256
        assert answer.photograph == SHA256
        assert answer.departure.agrees
        inside = key.rect.shift(-part.x * scale, 0).intersect(Rect(0, 0, whole.shape[1], whole.shape[0]))
        assert answer.departure.restored == 0
        assert answer.departure.invented == pytest.approx(whole[inside.slices()][..., 3].mean(), abs=0.02)
        ys = np.clip(np.arange(-GUTTER, TILE + GUTTER) + key.rect.y, 0, SIZE[1] * scale - 1)
        xs = np.clip(np.arange(-GUTTER, TILE + GUTTER) + key.rect.x, 0, SIZE[0] * scale - 1) - part.x * scale
        assert xs.min() >= 0
        assert np.abs(answer.pixels.astype(int) - whole[np.ix_(ys, xs)]).max() <= 1


def test_nothing_crosses_but_frozen_read_only_values(worker):
    worker.want(tiles(range(2), range(1)), SOURCES)
    answers = everything(worker)
    assert not np.shares_memory(*(answer.pixels for answer in answers))
    for answer in answers:
        assert not answer.pixels.flags.writeable
        assert answer.pixels.shape == (TILE + 2 * GUTTER, TILE + 2 * GUTTER, 4)
        with pytest.raises(FrozenInstanceError):
            answer.key = None
    with pytest.raises(FrozenInstanceError):
        worker.counts.computed = 0


@pytest.mark.parametrize("worker", [1], indirect=True)  # another lane may be done before
def test_a_new_view_begins_with_a_few_tiles_about_the_most_wanted(worker):
    wanted = tiles(range(10), range(9))[::-1]
    worker.want(wanted, SOURCES)
    few = (FIRST_SIDE[4] * 4 // TILE) ** 2
    found = until(worker, lambda found: len(found) >= few)
    assert {key for key in wanted if key.col >= 8 and key.row >= 8} <= {answer.key for answer in found[:few]}
    got = {answer.key for answer in found}
    worker.want([key for key in wanted if key not in got], SOURCES)  # the same view, less what is there
    everything(worker)
    assert worker.counts == Counts(wished=90, computed=90)


def test_a_warm_up_computes_every_size_and_gives_way_to_a_wish(worker):
    worker.warm_up()
    assert worker.warming
    worker.want(tiles(range(2), range(2)), SOURCES)
    everything(worker)
    wait_until(lambda: not worker.warming, "the warm-up", PATIENCE)
    assert worker.counts == Counts(wished=4, computed=4)


def test_a_warm_up_without_weights_ends():
    worker = Worker("no-such-model", "cpu")
    worker.warm_up()
    wait_until(lambda: not worker.warming, "the warm-up's end", PATIENCE)
    worker.close()


def test_a_wish_replaced_before_it_was_begun_is_never_computed(worker):
    first, second = tiles(range(4), range(4)), tiles(range(6, 9), range(6, 8))
    worker.want(first, SOURCES)
    worker.want(second, SOURCES)  # long before the network is loaded
    assert {answer.key for answer in everything(worker)} == set(second)
    assert worker.counts == Counts(wished=22, computed=6, cancelled=16)


def test_the_newest_wish_goes_first_once_the_group_under_way_is_done(worker):
    first, second = tiles(range(10), range(9)), tiles(range(4), range(1), level=3)
    worker.want(first, SOURCES)
    begun = until(worker, bool)
    worker.want(second, SOURCES)
    later = everything(worker)
    old = [answer for answer in later if answer.key.level == 2]
    assert len(begun) + len(old) <= IN_FLIGHT * PER_GROUP
    assert {answer.key for answer in later if answer not in old} == set(second)
    assert worker.counts.cancelled == 90 - len(begun) - len(old)
    assert adds_up(worker.counts)


def test_the_most_wanted_tile_is_answered_with_the_first(worker):
    wanted = tiles(range(10), range(9))[::-1]
    worker.want(wanted, SOURCES)
    first = until(worker, lambda found: len(found) >= PER_GROUP)
    assert wanted[0] in {answer.key for answer in first[:PER_GROUP]}


def lanes_at_work(monkeypatch) -> list[int]:
    """How many blocks are computed beside each other, noted at the begin of each, a while before it is computed."""
    under_way, found, lock = [0], [], threading.Lock()
    compute = Engine.compute

    def counted(self: Engine, pixels: np.ndarray, block: Block, file: JpegFile | None = None) -> np.ndarray:
        with lock:
            under_way[0] += 1
            found.append(under_way[0])
        try:
            return compute(self, pixels, block, file)
        finally:
            with lock:
                under_way[0] -= 1

    monkeypatch.setattr(Engine, "compute", counted)
    return found


@pytest.mark.parametrize(("threads", "room", "most"), [(1, False, 1), (2, False, 2), (2, True, 1)])
def test_two_lanes_compute_while_somebody_waits_and_one_while_room_is_asked_for(monkeypatch, threads, room, most):
    at_work = lanes_at_work(monkeypatch)
    worker = Worker("rdb-lite", "cpu", threads=threads)
    worker.leave_room(room)
    worker.want(tiles(range(10), range(9)), SOURCES)
    found = everything(worker)
    closed(worker)
    assert sorted(answer.key for answer in found) == sorted(tiles(range(10), range(9)))
    assert max(at_work) == most


def test_an_engine_on_a_graphics_card_is_for_one_thread_at_a_time(monkeypatch):
    at_work = lanes_at_work(monkeypatch)
    real = engine.Engine.__init__
    monkeypatch.setattr(engine, "choose_device", lambda device: torch.device("cuda"))  # no other device is asked for
    monkeypatch.setattr(Engine, "__init__", lambda self, network, device: real(self, network, torch.device("cpu")))
    worker = Worker("rdb-lite", threads=2)
    worker.want(tiles(range(10), range(9)), SOURCES)
    rooms = cycle((True, False))

    def done_while_room_comes_and_goes() -> bool:
        worker.leave_room(next(rooms))
        return not worker.busy

    wait_until(done_while_room_comes_and_goes, "the worker's answers", PATIENCE)
    closed(worker)
    assert len(at_work) > 2
    assert max(at_work) == 1


def test_a_lane_that_left_room_takes_part_again(monkeypatch):
    at_work = lanes_at_work(monkeypatch)
    worker = Worker("rdb-lite", "cpu", threads=2)
    worker.leave_room(True)
    worker.want(tiles(range(10), range(9)), SOURCES)
    until(worker, bool)
    assert max(at_work) == 1
    worker.leave_room(False)
    everything(worker)
    closed(worker)
    assert max(at_work) == 2


def test_counts_add_up_whatever_is_wished_when(worker):
    rng = np.random.default_rng(11)
    for turn in range(12):
        col, row, level = int(rng.integers(0, 7)), int(rng.integers(0, 7)), int(rng.integers(1, 4))
        index = 5 if turn % 4 == 3 else 0  # a photograph that is not given: fails
        count = int(rng.integers(1, 7))
        worker.want(tiles(range(col, col + 3), range(row, row + 2), level, index)[:count], SOURCES)
        until(worker, lambda found, enough=turn % 3: len(found) >= enough or not worker.busy)
    everything(worker)
    assert adds_up(worker.counts)
    assert worker.counts.wished > worker.counts.computed > 0


def test_the_same_wish_again_changes_nothing(worker):
    for _ in range(5):
        worker.want(tiles(range(3), range(2)), SOURCES)
    everything(worker)
    assert worker.counts == Counts(wished=6, computed=6)


def test_a_tile_answered_but_not_yet_taken_is_not_computed_twice(worker):
    wanted = tiles(range(3), range(2))
    worker.want(wanted, SOURCES)
    wait_until(lambda: not worker.busy, "the wish", PATIENCE)
    worker.want(wanted, SOURCES)
    worker.want(wanted[:2], SOURCES)
    assert not worker.busy
    assert sorted(answer.key for answer in worker.ready()) == sorted(wanted)
    assert worker.counts == Counts(wished=6, computed=6)


def test_a_tile_taken_and_lost_is_computed_again_when_wished_again(worker):
    wanted = tiles(range(2), range(1))
    for _ in range(2):
        worker.want(wanted, SOURCES)
        assert {answer.key for answer in everything(worker)} == set(wanted)
    assert worker.counts == Counts(wished=4, computed=4)


def keeping(folder: Path, limit: int = 100_000_000) -> Worker:
    return Worker("rdb-lite", "cpu", threads=1, disk=DiskCache(folder, limit))


def kept_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.tile"))


def closed(worker: Worker) -> None:
    worker.close()
    wait_until(lambda: not worker.running, "the end of the group under way", PATIENCE)


def test_a_later_session_finds_on_disk_what_an_earlier_one_computed(tmp_path):
    wanted = tiles(range(3), range(2))
    first = keeping(tmp_path)
    first.want(wanted, SOURCES)
    computed = {answer.key: answer for answer in everything(first)}
    wait_until(lambda: len(kept_files(tmp_path)) == 6, "the tiles on disk", PATIENCE)
    closed(first)
    later = keeping(tmp_path)
    later.want([*wanted, TileKey(0, 2, 5, 0)], SOURCES)
    found = {answer.key: answer for answer in everything(later)}
    closed(later)
    assert later.counts == Counts(wished=7, computed=1, cached=6)
    for key in wanted:
        np.testing.assert_array_equal(found[key].pixels, computed[key].pixels)
        assert (found[key].weights, found[key].photograph) == (computed[key].weights, SHA256)
        assert found[key].departure == computed[key].departure
        assert not found[key].pixels.flags.writeable
    assert first.notices() == later.notices() == []


def test_another_photographs_tiles_on_disk_are_not_taken(tmp_path):
    for sha256, count in ((SHA256, 1), ("6" * 64, 2)):
        worker = keeping(tmp_path)
        worker.want(tiles(range(1), range(1)), [replace(SOURCES[0], sha256=sha256)])
        everything(worker)
        wait_until(lambda count=count: len(kept_files(tmp_path)) == count, "the tile on disk", PATIENCE)
        closed(worker)
        assert worker.counts == Counts(wished=1, computed=1)


def test_a_damaged_tile_on_disk_is_computed_again_and_kept_anew(tmp_path):
    wanted = tiles(range(2), range(1))
    first = keeping(tmp_path)
    first.want(wanted, SOURCES)
    computed = {answer.key: answer for answer in everything(first)}
    wait_until(lambda: len(kept_files(tmp_path)) == 2, "the tiles on disk", PATIENCE)
    closed(first)
    damaged = kept_files(tmp_path)[0]
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:200])
    later = keeping(tmp_path)
    later.want(wanted, SOURCES)
    found = everything(later)
    assert later.counts == Counts(wished=2, computed=1, cached=1)
    for answer in found:
        assert np.abs(answer.pixels.astype(int) - computed[answer.key].pixels).max() <= 1
    wait_until(lambda: damaged.exists() and len(damaged.read_bytes()) > 200, "the tile on disk", PATIENCE)
    closed(later)


def test_a_folder_that_cannot_be_used_is_told_once_and_every_tile_comes(tmp_path):
    (tmp_path / "file").write_text("in the way")
    worker = keeping(tmp_path / "file" / "tiles")
    told = []
    for row in range(3):
        worker.want(tiles(range(2), range(row, row + 1)), SOURCES)
        assert all(isinstance(answer, TileReady) for answer in everything(worker))
        wait_until(lambda: told.extend(worker.notices()) or told, "the notice", PATIENCE)
    closed(worker)
    assert len(told + worker.notices()) == 1
    assert worker.counts.computed == 6


def test_no_failed_tile_is_kept_on_disk(tmp_path):
    worker = keeping(tmp_path)
    worker.want([TileKey(0, 2, 4000, 0), TileKey(0, 2, 0, 0)], SOURCES)
    everything(worker)
    wait_until(lambda: kept_files(tmp_path), "the good tile on disk", PATIENCE)
    closed(worker)
    assert [path.name for path in kept_files(tmp_path)] == ["super-resolution-2-0-0.tile"]


def test_tiles_ahead_come_after_all_that_is_wished_and_are_counted_apart(worker):
    wished, ahead = tiles(range(2), range(2)), tiles(range(2, 5), range(2))
    worker.want(wished, SOURCES, ahead)
    found = until(worker, lambda found: len(found) == 10)
    assert [answer.key in wished for answer in found] == [True] * 4 + [False] * 6
    assert {answer.key for answer in found[4:]} == set(ahead)
    assert not worker.busy
    assert worker.counts == Counts(wished=4, computed=4, prefetched=6)
    worker.want((), SOURCES, ahead)
    worker.want((), (), ())
    assert worker.counts.cancelled == 0


def test_a_wish_stops_what_is_computed_ahead_after_the_group_under_way(worker):
    worker.want((), SOURCES, tiles(range(10), range(9)))
    before = until(worker, bool)
    worker.want(tiles(range(2), range(2), level=3), SOURCES)
    later = everything(worker)
    ahead = [answer for answer in before + later if answer.key.level == 2]
    assert len(before) < 90
    assert len(ahead) <= IN_FLIGHT * PER_GROUP // AHEAD_SHARE**2
    assert sum(answer.key.level == 3 for answer in later) == 4
    assert worker.counts == Counts(wished=4, computed=4, prefetched=len(ahead))


def test_a_tile_ahead_that_is_wished_for_while_it_is_computed_is_computed_once(worker):
    ahead = tiles(range(2), range(2))
    worker.want((), SOURCES, ahead)
    wait_until(lambda: worker._schedule._begun or worker.counts.prefetched, "the group under way, or done", PATIENCE)
    worker.want(ahead, SOURCES)
    found = everything(worker)
    assert sorted(answer.key for answer in found) == sorted(ahead)
    assert worker.counts.computed + worker.counts.prefetched == 4
    assert worker.counts.wished == worker.counts.computed


def test_what_cannot_be_computed_ahead_is_told_only_when_it_is_wished_for(worker):
    nowhere = TileKey(0, 2, 4000, 0)
    worker.want((), SOURCES, [nowhere, TileKey(0, 2, 0, 0)])
    (answer,) = until(worker, bool)
    assert isinstance(answer, TileReady)
    worker.want([nowhere], SOURCES)
    (answer,) = everything(worker)
    assert isinstance(answer, TileFailed)
    assert worker.counts == Counts(wished=1, failed=1, prefetched=1)


def test_a_photograph_that_has_changed_is_computed_anew_and_every_answer_says_whose_it_is(worker):
    wanted = tiles(range(10), range(9))
    dark = np.zeros_like(SOURCES[0].pixels)
    worker.want(wanted, SOURCES)
    begun = until(worker, bool)
    worker.want(wanted, [Source(0, dark, "dark")])
    found = begun + everything(worker)
    kinds = {answer.photograph for answer in found}
    assert kinds == {SHA256, "dark"}
    for answer in found:
        assert (answer.pixels[..., :3].max() < 20) == (answer.photograph == "dark")
    old = [answer for answer in found if answer.photograph == SHA256]
    assert len(old) <= IN_FLIGHT * PER_GROUP


def test_a_restoring_networks_tiles_say_so(worker, monkeypatch):
    """Its card does; its pixels are not brought to agree."""
    monkeypatch.setattr(LoadedNetwork, "agrees", False)
    worker.want(tiles(range(2), range(2)), SOURCES)
    found = everything(worker)
    assert len(found) == 4
    assert not any(answer.departure.agrees for answer in found)


def test_a_thousand_wishes_leave_nothing_behind(worker):
    """What the worker remembers, and the photographs that it holds, after a thousand views that mostly moved on."""
    rng = np.random.default_rng(2)
    pixels = [SOURCES[0].pixels.copy() for _ in range(3)]
    held = [weakref.ref(array) for array in pixels]
    sources = [Source(index, array, SHA256) for index, array in enumerate(pixels)]
    for _ in range(1000):
        col, row, index = (int(n) for n in rng.integers(0, (8, 7, 3)))
        wished = tiles(range(col, col + 2), range(row, row + 2), int(rng.integers(1, 4)), index)
        worker.want(wished, sources, tiles(range(col, col + 4), range(row, row + 4), 2, index))
        worker.ready()
    worker.want((), ())
    del pixels, sources
    everything(worker)
    worker.ready()
    kept = [getattr(worker._schedule, name) for name in ("_pending", "_ahead", "_begun", "_answered")]
    assert [len(each) for each in kept] == [0] * 4
    assert adds_up(worker.counts)
    wait_until(lambda: not any(array() is not None for array in held), "the photographs' release", PATIENCE)


def test_a_photograph_that_was_not_given_fails_by_name_and_no_other_tile_with_it(worker):
    lost, good = tiles(range(2), range(1), index=7), tiles(range(2), range(1))
    worker.want(lost + good, SOURCES)
    found = {answer.key: answer for answer in everything(worker)}
    assert all(isinstance(found[key], TileReady) for key in good)
    for key in lost:
        assert isinstance(found[key], TileFailed)
        assert "photograph 7" in found[key].reason
    assert worker.counts == Counts(wished=4, computed=2, failed=2)


def test_a_tile_that_does_not_exist_fails_and_the_thread_goes_on(worker):
    nowhere = TileKey(0, 2, 4000, 0)
    worker.want([nowhere], SOURCES)
    (answer,) = everything(worker)
    assert isinstance(answer, TileFailed)
    assert answer.key == nowhere
    assert answer.reason
    worker.want(tiles(range(1), range(1)), SOURCES)
    (answer,) = everything(worker)
    assert isinstance(answer, TileReady)


def test_missing_weights_fail_every_tile_in_one_line_and_the_thread_goes_on():
    worker = Worker("no-such-model", "cpu")
    try:
        for level in (2, 3):
            worker.want(tiles(range(2), range(2), level), SOURCES)
            for answer in everything(worker):
                assert isinstance(answer, TileFailed)
                assert "no-such-model" in answer.reason
                assert "\n" not in answer.reason
        assert worker.counts == Counts(wished=8, failed=8)
    finally:
        worker.close()


OUT_OF_MEMORY = """
import resource, time, numpy as np
from sr_core.tiles.request import Source, TileFailed, TileReady
from sr_core.tiles.worker import Worker
from sr_core.image.geometry import TileKey

def answers():
    found = []
    while worker.busy or not found:
        time.sleep(0.01)
        found += worker.ready()
    return found

worker = Worker("rdb-lite", "cpu", threads=1)
sources = (Source(0, np.full((400, 400, 3), 90, np.uint8), "ab"),)
block = [TileKey(0, 3, col, row) for row in range(8) for col in range(8)]
worker.want(block[:1], sources)
assert isinstance(answers()[0], TileReady)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 1_000_000, resource.RLIM_INFINITY))
worker.want(block, sources)
failed = [answer for answer in answers() if isinstance(answer, TileFailed)]  # a few fit into memory used before
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert len(failed) > 16
assert all("memory" in answer.reason and "\\n" not in answer.reason for answer in failed), failed[0]
worker.want(block[:1], sources)
assert isinstance(answers()[0], TileReady)
worker.close()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_out_of_memory_fails_the_tiles_and_the_thread_goes_on():
    answer = subprocess.run([sys.executable, "-c", OUT_OF_MEMORY], capture_output=True, text=True, timeout=PATIENCE)
    assert answer.returncode == 0, answer.stderr


def test_close_stops_after_the_group_under_way_and_cancels_the_rest(worker):
    worker.want(tiles(range(30), range(28), level=3), SOURCES)
    until(worker, bool)
    done = worker.counts.computed
    worker.close()
    wait_until(lambda: not worker.running, "the end of the group under way", PATIENCE)
    assert not worker.busy
    assert worker.counts.computed <= done + IN_FLIGHT * 2 * PER_GROUP  # twice as wide at x8
    assert worker.counts.cancelled > 0
    assert adds_up(worker.counts)
    worker.want(tiles(range(1), range(1)), SOURCES)
    assert not worker.busy
    worker.close()


def test_close_before_the_first_wish_ends_the_thread():
    worker = Worker("rdb-lite", "cpu")
    worker.close()
    assert not worker.running


IMPORT_UNDER_WAY = """
import sys, time
from sr_core.tiles.worker import Worker
from sr_core.image.geometry import TileKey

worker = Worker("rdb-lite", "cpu", threads=1)
worker.want([TileKey(0, 2, col, 0) for col in range(3)], ())
while "torch" not in sys.modules:
    time.sleep(0.001)
worker.close()
assert worker.running and "sr_core.engine.engine" not in sys.modules
assert not worker.busy and worker.counts.cancelled == worker.counts.wished == 3
while worker.running:
    time.sleep(0.01)
assert worker.counts.computed == worker.counts.failed == 0 and worker.ready() == []
"""


def test_close_does_not_wait_for_the_import_of_torch():
    code = [sys.executable, "-c", IMPORT_UNDER_WAY]
    answer = subprocess.run(code, capture_output=True, text=True, timeout=PATIENCE)
    assert answer.returncode == 0, answer.stderr


TORCH_LATE = """
import sys, time, numpy as np
from sr_core.tiles.request import Source, TileReady
from sr_core.tiles.worker import Worker
from sr_core.image.geometry import TileKey
import sr_core.tiles.loader, vr_app.viewer.loop, vr_app.core.tiles.visible, vr_app.core.scene.scene

wish = [TileKey(0, 2, 0, 0)], (Source(0, np.zeros((64, 64, 3), np.uint8), "ab"),)
worker = Worker("rdb-lite", "cpu", threads=1)
worker.want([], ())
worker.ready()
assert "torch" not in sys.modules
{first}
while "torch" not in sys.modules:
    time.sleep(0.01)
worker.want(*wish)
found = []
while not found:
    time.sleep(0.01)
    found = worker.ready()
worker.close()
while worker.running:  # the warm-up's pass under way
    time.sleep(0.01)
assert isinstance(found[0], TileReady), found
"""


@pytest.mark.parametrize("first", ["worker.warm_up()", "worker.want(*wish)"], ids=["warm-up", "wish"])
def test_torch_is_imported_by_a_warm_up_or_the_first_wish_and_not_before(first):
    code = TORCH_LATE.format(first=first)
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert answer.returncode == 0, answer.stderr


def test_another_network_computes_from_now_on(worker):
    """One that is not there, so that it can be told from the first; and the first again."""
    worker.want(tiles(range(2), range(2)), SOURCES)
    assert all(isinstance(answer, TileReady) for answer in everything(worker))
    since = worker.use("no-such-network")
    worker.want(tiles(range(2), range(2)), SOURCES)
    found = everything(worker)
    assert len(found) == 4
    assert all(isinstance(answer, TileFailed) and answer.request_id >= since for answer in found)
    again = worker.use("rdb-lite")
    assert again > since
    worker.want(tiles(range(1), range(1)), SOURCES)
    (answer,) = everything(worker)
    assert isinstance(answer, TileReady)
    assert adds_up(worker.counts)


def test_what_the_last_network_was_asked_for_is_cancelled(worker):
    worker.want(tiles(range(10), range(9), level=3), SOURCES)
    worker.use("rdb-lite")
    everything(worker)
    assert worker.counts.cancelled > 0
    assert adds_up(worker.counts)
