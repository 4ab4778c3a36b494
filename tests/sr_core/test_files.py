"""Text files that appear whole or not at all."""

import os
import stat

import pytest

from sr_core.files import OutputError, check_writable, write_text


def test_text_is_written_as_utf8_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "stats.json"
    write_text(path, "Papille µm\n")
    write_text(path, "Papille 12 µm\n")
    assert path.read_bytes() == "Papille 12 µm\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_may_be_read_by_whom_the_umask_lets(tmp_path):
    before = os.umask(0o022)
    try:
        write_text(tmp_path / "a.json", "{}")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o644


def test_a_failed_write_leaves_what_was_there_and_no_scraps(tmp_path):
    kept, folder = tmp_path / "kept.json", tmp_path / "folder"
    kept.write_text("old")
    folder.mkdir()
    with pytest.raises(UnicodeEncodeError):
        write_text(kept, "half of it, then \ud800")
    with pytest.raises(OutputError, match="folder: cannot be written"):
        write_text(folder, "new")
    assert kept.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [folder, kept]


def test_an_unwritable_place_is_told_in_one_line_with_the_file(tmp_path):
    path = tmp_path / "no" / "such" / "folder.json"
    with pytest.raises(OutputError, match=r"folder\.json: cannot be written") as caught:
        write_text(path, "x")
    assert "\n" not in str(caught.value)


def test_outputs_are_judged_before_long_work(tmp_path):
    check_writable(tmp_path / "a.json")
    check_writable(tmp_path / "A.PNG", (".png", ".tif"))
    for path, cause in (
        (tmp_path / "a.bmp", r"a\.bmp: must end in \.png or \.tif"),
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "a.png", "there is no folder"),
    ):
        with pytest.raises(OutputError, match=cause):
            check_writable(path, (".png", ".tif") if path.suffix else ())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="may not be written"):
        check_writable(tmp_path / "a.json")
