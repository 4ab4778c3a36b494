"""Computed tiles on disk: what comes back, what is refused, what makes room, and what a disk may do."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sr_core.image.departure import Departure
from sr_core.image.geometry import TileKey
from sr_core.tiles import disk
from sr_core.tiles.disk import UNSAVED, KeptTile, TileCache, TileName, pack, unpack
from tests.rig import PATIENCE

DEPARTURE = Departure(0.75, restored=1 / 3)

PHOTOGRAPH, WEIGHTS = "a1" * 32, "b2" * 32


def name(col: int, photograph: str = PHOTOGRAPH, weights: str = WEIGHTS) -> TileName:
    return TileName.of(TileKey(0, 2, col, 7), photograph, weights)


def tile(seed: int, channels: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (66, 66, channels), np.uint8)


class Opened(TileCache):
    """A cache that remembers what it told."""

    def __init__(self, folder: Path, limit: int = 100_000_000) -> None:
        self.told: list[str] = []
        super().__init__(folder, limit, self.told.append)

    def save(self, *tiles: tuple[TileName, np.ndarray]) -> None:
        for name, pixels in tiles:
            self.keep(name, KeptTile(pixels))
        while self.busy:
            self.work()


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@settings(deadline=None, max_examples=40)
@given(arrays(np.uint8, st.tuples(st.integers(1, 70), st.integers(1, 70), st.integers(1, 4))))
def test_any_pixels_come_out_as_they_went_in_and_read_only(pixels):
    tile = unpack(pack(KeptTile(pixels, DEPARTURE), name(0)), name(0))
    found = tile.pixels
    assert tile.departure == DEPARTURE
    np.testing.assert_array_equal(found, pixels)
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    assert not found.flags.writeable


def test_a_smooth_tile_takes_less_than_half_its_bytes():
    across = np.linspace(60, 190, 66)
    pixels = (across[:, None, None] / 2 + across[None, :, None] / 2 + np.zeros(3)).astype(np.uint8)
    assert len(pack(KeptTile(pixels), name(0))) < pixels.nbytes / 2


def test_a_later_session_finds_what_an_earlier_one_kept(tmp_path):
    folder = tmp_path / "not" / "there yet"
    first = Opened(folder)
    assert first.get(name(0)) is None
    assert not folder.exists()
    first.save((name(0), tile(0)), (name(1), tile(1, channels=4)))
    later = Opened(folder)
    np.testing.assert_array_equal(later.get(name(0)).pixels, tile(0))
    np.testing.assert_array_equal(later.get(name(1)).pixels, tile(1, channels=4))
    assert later.get(name(2)) is None
    assert first.told == later.told == []
    assert (folder.stat().st_mode & 0o077) == 0


def test_another_photographs_or_other_weights_tile_is_another_tile(tmp_path):
    cache = Opened(tmp_path)
    cache.save((name(0), tile(0)))
    alike = PHOTOGRAPH[:16] + "c3" * 24  # the same folder on disk
    for other in (name(0, "c3" * 32), name(0, weights="c3" * 32), name(0, alike), name(0, weights=WEIGHTS[:-1] + "0")):
        assert Opened(tmp_path).get(other) is None
    assert cache.told == []


DAMAGE = {
    "cut short": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "one bit": lambda data: data[:-100] + bytes([data[-100] ^ 1]) + data[-99:],
    "a longer one": lambda data: data + b"\0",
    "another's digest": lambda data: data[:8] + b"0123456789abcdef" + data[24:],
    "another program's": lambda data: b"\x89PNG\r\n\x1a\n" + data,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_removed_and_can_be_kept_anew(tmp_path, damage):
    cache = Opened(tmp_path)
    cache.save((name(0), tile(0)))
    (path,) = files(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert cache.get(name(0)) is None
    assert not path.exists()
    cache.save((name(0), tile(0)))
    np.testing.assert_array_equal(cache.get(name(0)).pixels, tile(0))
    assert cache.told == []


def test_a_tile_under_another_tiles_name_is_refused(tmp_path):
    cache = Opened(tmp_path)
    cache.save((name(0), tile(0)), (name(1), tile(1)))
    folder = tmp_path / name(0).folder
    shutil.copy(folder / name(1).file, folder / name(0).file)
    assert cache.get(name(0)) is None
    np.testing.assert_array_equal(cache.get(name(1)).pixels, tile(1))


def test_the_limit_holds_and_what_was_used_last_stays(tmp_path):
    count, block = 40, 16384  # a noisy tile takes 13 kB, that is four blocks
    cache = Opened(tmp_path, limit=20 * block)
    for col in range(count):
        cache.save((name(col), tile(col)))
        path = tmp_path / name(col).folder / name(col).file
        os.utime(path, (1000 + col, 1000 + col))
        if col >= 1:
            assert cache.get(name(0)) is not None, col  # used again: as new as now
        assert sum(512 * path.stat().st_blocks for path in files(tmp_path)) <= 20 * block
    assert cache.get(name(count - 1)) is not None
    assert cache.get(name(1)) is None
    assert len(files(tmp_path)) >= 15
    assert cache.told == []


def test_a_system_that_does_not_tell_of_blocks_has_files_counted_by_their_size(tmp_path, monkeypatch):
    """As Windows: its `os.stat_result` has no `st_blocks`."""
    Opened(tmp_path, limit=10**6).save((name(0), tile(0)))
    (entry,) = files(tmp_path)
    status = SimpleNamespace(st_mtime_ns=7, st_size=entry.stat().st_size)
    monkeypatch.setattr(disk, "_status", lambda entry: status)
    assert disk._files(entry.parent) == [(7, status.st_size, str(entry))]


def test_what_others_left_counts_and_goes_first_by_age_half_written_and_other_versions_too(tmp_path):
    old = tmp_path / f"v0-{'0' * 16}-{'1' * 16}"
    old.mkdir()
    left = [old / "2-0-0.tile", old / "2-0-1.tile.0123abcd"]
    for path in left:
        path.write_bytes(bytes(100_000))
        os.utime(path, (1000, 1000))
    cache = Opened(tmp_path, limit=100_000)
    cache.save((name(0), tile(0)))
    assert not old.exists()
    assert cache.get(name(0)) is not None


def test_files_that_are_not_the_caches_are_never_removed(tmp_path):
    inside = tmp_path / name(0).folder
    foreign = [tmp_path / "photograph.jpg", tmp_path / "v1-notes" / "1-2-3.tile", inside / "notes.txt"]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(1_000_000))
        os.utime(path, (1000, 1000))
    cache = Opened(tmp_path, limit=20_000)
    for col in range(5):
        cache.save((name(col), tile(col)))
    assert all(path.stat().st_size == 1_000_000 for path in foreign)
    assert len(files(tmp_path)) <= len(foreign) + 1


def test_a_folder_that_cannot_be_made_is_told_once_and_done_without(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = Opened(tmp_path / "file" / "tiles")
    assert cache.get(name(0)) is None
    for col in range(3):
        cache.save((name(col), tile(col)))
        assert cache.get(name(col)) is None
    assert len(cache.told) == 1
    assert str(tmp_path / "file" / "tiles") in cache.told[0]
    assert "\n" not in cache.told[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_read_told_once_and_not_written(tmp_path):
    Opened(tmp_path / "tiles").save((name(0), tile(0)))
    inside = tmp_path / "tiles" / name(0).folder
    inside.chmod(0o500)
    try:
        cache = Opened(tmp_path / "tiles")
        cache.save((name(1), tile(1)), (name(2), tile(2)))
        np.testing.assert_array_equal(cache.get(name(0)).pixels, tile(0))
        assert cache.get(name(1)) is None
        assert len(cache.told) == 1
    finally:
        inside.chmod(0o700)


def test_a_full_disk_is_told_once_leaves_nothing_half_written_and_reading_goes_on(tmp_path):
    cache = Opened(tmp_path)
    cache.save((name(0), tile(0)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        cache.save((name(1), tile(1)), (name(2), tile(2)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(cache.told) == 1
    assert len(files(tmp_path)) == 1
    np.testing.assert_array_equal(cache.get(name(0)).pixels, tile(0))


def test_the_folder_may_be_deleted_at_any_time(tmp_path):
    cache = Opened(tmp_path / "tiles")
    cache.save((name(0), tile(0)))
    shutil.rmtree(tmp_path / "tiles" / name(0).folder)
    assert cache.get(name(0)) is None
    cache.save((name(0), tile(0)))
    assert cache.get(name(0)) is not None
    assert cache.told == []
    shutil.rmtree(tmp_path / "tiles")
    assert cache.get(name(0)) is None
    cache.save((name(1), tile(1)))
    assert not (tmp_path / "tiles").exists()  # it may have been a disk that was taken away
    assert len(cache.told) == 1


def test_tiles_waiting_to_be_written_are_bounded_and_the_newest_are_written(tmp_path):
    cache = Opened(tmp_path)
    small = np.zeros((1, 1, 3), np.uint8)
    for col in range(UNSAVED + 10):
        cache.keep(name(col), KeptTile(small))
    cache.save()
    assert len(files(tmp_path)) == UNSAVED
    assert cache.get(name(9)) is None
    assert cache.get(name(10)) is not None


def test_what_waits_is_written_at_the_end_but_not_for_ever(tmp_path):
    cache = Opened(tmp_path)
    for col in range(20):
        cache.keep(name(col), KeptTile(tile(col)))
    cache.finish(seconds=0.0)
    assert files(tmp_path) == []
    cache.finish(seconds=60.0)
    assert len(files(tmp_path)) == 20


SHARING = """
import sys, numpy as np
from pathlib import Path
from sr_core.tiles.disk import KeptTile, TileCache, TileName
from tests.rig import PATIENCE
cache = TileCache(Path(sys.argv[1]), 600_000, lambda text: sys.exit(f"told: {text}"))
for turn in range(150):
    name = TileName("a" * 64, "b" * 64, "super-resolution", 2, turn % 50, 0)
    pixels = np.random.default_rng(turn % 50).integers(0, 256, (66, 66, 3), np.uint8)
    found = cache.get(name)
    assert found is None or (found.pixels == pixels).all()
    cache.keep(name, KeptTile(pixels))
    while cache.busy:
        cache.work()
"""


def test_processes_share_a_folder_without_a_wrong_pixel_or_a_complaint(tmp_path):
    both = [
        subprocess.Popen([sys.executable, "-c", SHARING, tmp_path], stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in both:
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said
    assert not [path for path in files(tmp_path) if path.suffix != ".tile"]
