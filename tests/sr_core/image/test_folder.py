"""Folders of photographs as people have them."""

import os
from pathlib import Path

import pytest

from sr_core.image.folder import find_photographs, folders_with_photographs, unique_names
from sr_core.image.photograph import PhotographError


def found_in(folder, told=None):
    return [path.name for path in find_photographs([folder], (told if told is not None else []).append)]


def test_numbers_in_names_count_as_numbers(tmp_path):
    names = ["eye10.png", "eye2.png", "Eye1.png", "eye2a.png", "10.jpg", "9.jpg", "007.jpg", "eye.png"]
    for name in names:
        (tmp_path / name).write_text("")
    assert found_in(tmp_path) == [
        "007.jpg", "9.jpg", "10.jpg", "eye.png", "Eye1.png", "eye2.png", "eye2a.png", "eye10.png"
    ]  # fmt: skip


def test_hidden_files_are_passed_over_and_every_ending_is_known(tmp_path):
    for name in ("._eye.png", ".eye.png", "a.jfif", "b.JPE", "c.webp", "d.txt", "Thumbs.db", "e.tif"):
        (tmp_path / name).write_text("")
    (tmp_path / "f.png").mkdir()
    assert found_in(tmp_path) == ["a.jfif", "b.JPE", "c.webp", "e.tif"]
    assert find_photographs([tmp_path / ".eye.png"]) == [tmp_path / ".eye.png"]  # named: somebody wants it


def test_a_folder_of_hidden_files_alone_has_no_pictures(tmp_path):
    (tmp_path / "._eye.png").write_text("")
    with pytest.raises(PhotographError, match="no pictures in this folder"):
        find_photographs([tmp_path])


def test_a_folder_without_pictures_names_the_folders_inside_it_that_hold_some(tmp_path):
    for name in ("visit 10", "visit 2", "letters", ".trash"):
        (tmp_path / name).mkdir()
    for name in ("visit 10/eye.jpg", "visit 2/eye.png", "letters/a.txt", "letters/._b.jpg", ".trash/eye.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "closed").mkdir(mode=0o000)
    assert [path.name for path in folders_with_photographs(tmp_path)] == ["visit 2", "visit 10"]
    with pytest.raises(PhotographError, match="no pictures in this folder, but in visit 2, visit 10 inside it"):
        find_photographs([tmp_path])
    for n in range(7):
        (tmp_path / f"v{n}").mkdir()
        (tmp_path / f"v{n}" / "eye.jpg").touch()
    with pytest.raises(PhotographError, match="v0, v1, v2, v3, v4 and 4 more inside it"):
        find_photographs([tmp_path])


def test_links_that_lead_nowhere_are_told_and_the_others_open(tmp_path):
    (tmp_path / "a.png").write_text("")
    (tmp_path / "b.png").symlink_to("gone.png")
    (tmp_path / "c.png").symlink_to("c.png")
    (tmp_path / "d.png").symlink_to("a.png")
    told = []
    assert found_in(tmp_path, told) == ["a.png", "d.png"]
    assert [line.split(": ")[0] for line in told] == [str(tmp_path / "b.png"), str(tmp_path / "c.png")]
    assert "a link to gone.png, which is not there" in told[0]
    assert all(";" in line for line in told)


def test_what_is_missing_is_told_as_long_as_anything_is_there(tmp_path):
    (tmp_path / "a.png").write_text("")
    told = []
    assert find_photographs([tmp_path / "x", tmp_path, tmp_path / ("y" * 300)], told.append) == [tmp_path / "a.png"]
    assert [line.split(": ")[1].split(" (")[0] for line in told] == [
        "no such file or folder; check the spelling",
        "cannot be looked at",
    ]
    told.clear()
    with pytest.raises(PhotographError, match="z: no such file"):
        find_photographs([tmp_path / "x", tmp_path / "z"], told.append)
    assert len(told) == 1


def test_names_that_are_no_text_are_found(tmp_path):
    for name in (b"M\xfcller.png", b"a\nb.png"):
        (tmp_path / os.fsdecode(name)).write_text("")
    assert len(found_in(tmp_path)) == 2


def test_names_are_told_apart_by_folders_only_where_these_differ():
    paths = [Path(name) for name in ("a/left.jpg", "b/left.jpg", "b/Left.JPG", "b/x/../left.jpg", "c/right.jpg")]
    assert unique_names(paths) == ("a/left.jpg", "b/left.jpg", "b/Left.JPG", "b/left.jpg", "right.jpg")
    assert unique_names([Path("b/left.jpg"), Path("b/Left.JPG")]) == ("left.jpg", "Left.JPG")
    assert unique_names([Path("b/left.jpg")] * 2) == ("left.jpg", "left.jpg")
