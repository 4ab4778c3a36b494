"""The names of the folders opened last."""

import os
import stat

import pytest

from vr_app.files.recent import LARGEST, MOST, forget_folders, recent_file, recent_folders, remember_folders


def test_the_last_folders_are_kept_each_once_and_for_their_user_alone(tmp_path):
    folders = [tmp_path / f"visit {n}" for n in range(10)]
    for folder in folders:
        folder.mkdir()
        (folder / "eye.jpg").touch()
        remember_folders([folder])
    assert recent_folders() == tuple(folders[: -MOST - 1 : -1])
    remember_folders([folders[5] / "eye.jpg", folders[0], folders[5]])
    assert recent_folders()[:3] == (folders[5], folders[0], folders[9])
    assert len(recent_folders()) == MOST
    assert stat.S_IMODE(recent_file().parent.stat().st_mode) == 0o700
    folders[5].joinpath("eye.jpg").unlink()
    folders[5].rmdir()
    assert folders[5] not in recent_folders()
    forget_folders()
    assert not list(recent_file().parent.iterdir())
    assert recent_folders() == ()


def test_names_that_are_no_text_are_kept(tmp_path):
    folder = tmp_path / os.fsdecode(b"\xe9t\xe9")
    folder.mkdir()
    remember_folders([folder])
    assert recent_folders() == (folder,)


@pytest.mark.parametrize("text", ["", "{", "{}", "[1, null, {}]", '["\\u0000"]', "[" + " " * LARGEST + "]"])
def test_a_damaged_file_counts_as_none(text, tmp_path):
    remember_folders([tmp_path])
    recent_file().write_text(text)
    assert recent_folders() == ()
    remember_folders([tmp_path])
    assert recent_folders() == (tmp_path,)
