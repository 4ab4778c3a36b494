"""Regions on disk: kept with the folder, found again by the photograph's checksum, and bad files told and set aside."""

from __future__ import annotations

import json
import os
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_core.files import OutputError
from sr_core.image.geometry import Rect
from tests.rig import wait_until
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.region import Kind, Region, Regions
from vr_app.files.state_folder import state_folder
from vr_app.regions import files as region_files
from vr_app.regions.files import (
    NAME,
    RegionStore,
    format_regions,
    parse_regions,
    places,
    read_kept,
    read_regions,
    save_changes,
)

SHA = "0123456789abcdef" * 4
OTHER = "f" * 64
DISC = Region(SHA, "right eye.jpg", Rect(10, 20, 300, 400), Kind.DISC, "cup 0.6?", "2026-01-02T03:04:05+00:00")
LESION = Region(OTHER, "left.jpg", Rect(0, 0, 4, 4), Kind.LESION)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photographs"
    made.mkdir()
    return made


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
regions = st.builds(
    Region,
    st.text("0123456789abcdef", min_size=64, max_size=64),
    words,
    st.builds(Rect, *[st.integers(0, 10**6)] * 2, *[st.integers(1, 10**6)] * 2),
    st.sampled_from(Kind),
    words,
    words,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(regions, unique=True, max_size=5))
def test_what_is_written_is_read(found):
    assert list(parse_regions(format_regions(found))) == found


def test_regions_lie_beside_the_photographs_where_anybody_can_read_them(folder):
    assert save_changes(folder, [], [DISC, LESION]) == ()
    told = json.loads((folder / NAME).read_text(encoding="utf-8"))
    assert told["version"] == 1
    assert told["regions"][0]["rect"] == [10, 20, 300, 400]
    assert told["regions"][0]["kind"] == "disc"
    assert read_regions(folder) == ((DISC, LESION), ())
    assert not state_folder("regions").exists()


def test_another_sessions_regions_stay(folder):
    save_changes(folder, [], [DISC])
    save_changes(folder, [], [LESION])
    save_changes(folder, [DISC], [])
    assert read_regions(folder)[0] == (LESION,)


def test_nothing_to_keep_leaves_no_file(folder):
    assert save_changes(folder, [DISC], []) == ()
    assert not list(folder.iterdir())
    save_changes(folder, [], [DISC])
    save_changes(folder, [DISC], [])
    assert read_regions(folder) == ((), ())


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_folder_that_may_not_be_written_has_its_regions_in_the_users_own(folder, monkeypatch, own_state):
    write = __import__("vr_app.regions.files", fromlist=["write_text"]).write_text

    def refused(path: Path, text: str) -> None:
        if path.parent == folder:  # the tests may run as root, whom no permission stops
            raise OutputError(f"{path}: cannot be written (Read-only file system); choose another place")
        write(path, text)

    monkeypatch.setattr("vr_app.regions.files.write_text", refused)
    assert save_changes(folder, [], [DISC]) == ()
    assert not list(folder.iterdir())
    beside, own = places(folder)
    assert own.is_relative_to(own_state)
    assert stat.S_IMODE(own.parent.stat().st_mode) == 0o700
    assert read_regions(folder) == ((DISC,), ())
    monkeypatch.setattr("vr_app.regions.files.write_text", write)
    save_changes(folder, [], [LESION])  # now it may be written
    assert parse_regions(beside.read_text()) == (DISC, LESION)
    assert not own.exists()


def test_where_neither_place_can_be_written_it_is_told(folder, monkeypatch, own_state):
    own_state.write_text("a file")

    def refused(path: Path, text: str) -> None:
        raise OutputError(f"{path}: cannot be written (Read-only file system); choose another place")

    monkeypatch.setattr("vr_app.regions.files.write_text", refused)
    with pytest.raises(OutputError, match="regions cannot be written"):
        save_changes(folder, [], [DISC])


def entry(**changed) -> str:
    good = json.loads(format_regions([DISC]))["regions"][0]
    return json.dumps({"version": 1, "regions": [good | changed]})


BAD = {
    "empty": b"",
    "cut short": format_regions([DISC]).encode()[:-40],
    "no text": b"\xff\xfe\x00",
    "no object": b"[]",
    "no version": b'{"regions": []}',
    "version of truth": b'{"version": true, "regions": []}',
    "newer": b'{"version": 2, "regions": []}',
    "no list": b'{"version": 1, "regions": {}}',
    "deep": b"[" * 100_000,
    "no object in the list": b'{"version": 1, "regions": [3]}',
    "rect of text": entry(rect=["1", 2, 3, 4]).encode(),
    "rect of three": entry(rect=[1, 2, 3]).encode(),
    "rect of truth": entry(rect=[True, 2, 3, 4]).encode(),
    "rect before the photograph": entry(rect=[-1, 2, 3, 4]).encode(),
    "empty rect": entry(rect=[1, 2, 0, 4]).encode(),
    "endless rect": entry(rect=[1, 2, 1 << 70, 4]).encode(),
    "rect that is no number": entry(rect=[float("nan"), 2, 3, 4]).encode(),
    "unknown kind": entry(kind="tumour").encode(),
    "checksum of another length": entry(photograph="ab").encode(),
    "checksum of a path": entry(photograph="../" * 21 + "x").encode(),
    "note of numbers": entry(note=[1]).encode(),
    "endless note": entry(note="x" * 10_000).encode(),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_told_in_a_line_and_kept_aside(folder, name):
    path = folder / NAME
    path.write_bytes(BAD[name])
    found, told = read_regions(folder)
    assert found == ()
    (line,) = told
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    assert f"{NAME}.bad-1" in line
    assert ("newer version" in line) == (name == "newer")
    assert (folder / f"{NAME}.bad-1").read_bytes() == BAD[name]
    assert not path.exists()
    path.write_bytes(BAD[name])
    assert save_changes(folder, [], [DISC])  # told again
    assert (folder / f"{NAME}.bad-2").read_bytes() == BAD[name]
    assert read_regions(folder) == ((DISC,), ())


def test_a_folder_in_the_files_place_is_told(folder):
    (folder / NAME).mkdir()
    found, told = read_regions(folder)
    assert found == ()
    assert "cannot be read" in told[0]


def photograph(sha256: str, name: str) -> PhotographRecord:
    return PhotographRecord(name, (500, 500), (250.0, 250.0), 240.0, sha256)


def kept_of(store: RegionStore, image: int, sha256: str) -> tuple[Region, ...]:
    """What the store tells of a photograph, once it has read the file."""
    store.photograph_loaded(image, sha256)
    wait_until(lambda: store._kept[store._folders[image]].done(), "the file read")
    return store.arrived()


def told_at_the_end(store: RegionStore) -> tuple[str, ...]:
    store.close()
    return store.notices()


def test_a_store_keeps_each_photographs_regions_with_its_folder(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for made in folders:
        made.mkdir()
    store = RegionStore([folders[0] / "right eye.jpg", folders[1] / "left.jpg"])
    assert kept_of(store, 0, SHA) == kept_of(store, 1, OTHER) == ()
    subjects = photograph(SHA, "right eye.jpg"), photograph(OTHER, "left.jpg")
    store.save(Regions((DISC, LESION)), subjects)
    assert told_at_the_end(store) == ()
    assert [read_regions(made)[0] for made in folders] == [(DISC,), (LESION,)]


def test_a_renamed_photograph_keeps_its_regions_and_those_of_absent_ones_stay_untouched(folder):
    save_changes(folder, [], [DISC, LESION])
    store = RegionStore([folder / "renamed.jpg"])
    assert kept_of(store, 0, SHA) == (DISC,)
    more = Region(SHA, "renamed.jpg", Rect(5, 5, 50, 50))
    store.save(Regions((DISC, more)), (photograph(SHA, "renamed.jpg"),))
    store.save(Regions((more,)), (photograph(SHA, "renamed.jpg"),))
    assert told_at_the_end(store) == ()
    assert read_regions(folder)[0] == (LESION, more)


def test_a_slow_disk_keeps_nobody_waiting(folder, monkeypatch):
    """What it has comes when it comes, and what is marked meanwhile is kept too."""
    save_changes(folder, [], [DISC])
    turns = threading.Event()
    read = region_files.read_kept
    monkeypatch.setattr(region_files, "read_kept", lambda where: turns.wait(60.0) and read(where))
    store = RegionStore([folder / "right eye.jpg"])
    store.photograph_loaded(0, SHA)
    assert store.arrived() == ()
    assert store.reading
    more = Region(SHA, "right eye.jpg", Rect(5, 5, 50, 50))
    store.save(Regions((more,)), (photograph(SHA, "right eye.jpg"),))
    turns.set()
    found: list[Region] = []
    wait_until(lambda: found.extend(store.arrived()) or found, "the regions")
    assert found == [DISC]
    assert not store.reading
    store.save(Regions((more, DISC)), (photograph(SHA, "right eye.jpg"),))
    assert told_at_the_end(store) == ()
    assert set(read(folder).regions) == {DISC, more}


def test_what_has_not_changed_is_not_written(folder):
    save_changes(folder, [], [DISC])
    before = (folder / NAME).stat().st_mtime_ns
    store = RegionStore([folder / "right eye.jpg"])
    store.save(Regions(kept_of(store, 0, SHA)), (photograph(SHA, "right eye.jpg"),))
    store.close()
    assert (folder / NAME).stat().st_mtime_ns == before


def test_a_store_tells_what_could_not_be_written(folder, monkeypatch, own_state):
    own_state.write_text("a file")
    monkeypatch.setattr("vr_app.regions.files.NAME", "no such folder/x.json")
    store = RegionStore([folder / "right eye.jpg"])
    store.save(Regions((DISC,)), (photograph(SHA, "right eye.jpg"),))
    (line,) = told_at_the_end(store)
    assert "regions cannot be written" in line


def numbers(folder: Path) -> dict[str, int]:
    """The regions' numbers by their notes."""
    return {region.note: region.number for region in read_regions(folder)[0]}


def marked(note: str, number: int = 0) -> Region:
    return Region(SHA, "right eye.jpg", Rect(len(note), 0, 9, 9), Kind.OTHER, note, "", number)


def test_numbers_are_given_once_and_stay(folder):
    """Also where the first is renamed, which is written last, and where others are deleted."""
    a, bb, ccc = marked("a", 1), marked("bb", 2), marked("ccc", 3)
    save_changes(folder, [], [a, bb, ccc])
    renamed = replace(a, kind=Kind.DISC)
    save_changes(folder, [a], [renamed])
    assert numbers(folder) == {"a": 1, "bb": 2, "ccc": 3}
    save_changes(folder, [ccc, bb], [])
    save_changes(folder, [], [marked("dddd")])
    assert numbers(folder) == {"a": 1, "dddd": 4}
    save_changes(folder, [renamed, marked("dddd", 4)], [])
    save_changes(folder, [], [marked("eeeee")])
    assert numbers(folder) == {"eeeee": 5}


def test_regions_of_earlier_programs_get_their_places_for_numbers(folder):
    (folder / NAME).write_text(format_regions([marked("a"), marked("bb"), LESION]))
    assert numbers(folder) == {"a": 1, "bb": 2, "": 1}
    assert read_kept(folder).given == ((SHA, 2), (OTHER, 1))


def test_of_two_sessions_numbers_the_first_to_be_written_stays(folder):
    save_changes(folder, [], [marked("a", 1)])
    save_changes(folder, [], [marked("bb", 1)])
    assert numbers(folder) == {"a": 1, "bb": 2}
    save_changes(folder, [marked("bb", 1)], [])  # the session that has marked it still calls it so
    assert numbers(folder) == {"a": 1}


@pytest.mark.parametrize("number", [-1, 1.5, "1", True, 10**12, None])
def test_a_number_that_is_none_is_a_damaged_file(folder, number):
    told = json.loads(format_regions([DISC]))
    told["regions"][0]["number"] = number
    with pytest.raises(ValueError, match="damaged"):
        parse_regions(json.dumps(told))
    with pytest.raises(ValueError, match="damaged"):
        parse_regions(json.dumps({"version": 1, "regions": [], "given": {SHA: number}}))


def test_a_name_of_the_longest_bytes_that_are_no_text_is_kept(folder):
    region = replace(DISC, file="\\xfc" * 255)
    save_changes(folder, [], [region])
    assert read_regions(folder) == ((region,), ())
