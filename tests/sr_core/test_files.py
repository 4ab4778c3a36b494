"""Text files that appear whole or not at all."""

import json
import os
import stat

import pytest

from sr_core.files import OutputError, check_writable, file_name, free_path, keep_apart, printable, write_text


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


LONG = "n" * 240


def test_a_name_as_long_as_a_file_system_takes_is_written_as_well(tmp_path):
    for path in (tmp_path / f"{LONG}0123456789.json", tmp_path / ("ä" * 125 + ".json")):
        write_text(path, "{}")
        write_text(path, "[]")
        assert path.read_text() == "[]"
    assert len(list(tmp_path.iterdir())) == 2


def test_bytes_of_a_name_that_are_no_text_stay_in_json(tmp_path):
    name = os.fsdecode(b"M\xfcller.png")
    write_text(tmp_path / "a.json", json.dumps({"name": name, "note": "Größe"}, ensure_ascii=False))
    assert "Größe" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["name"] == name


@pytest.mark.parametrize("how", ["itself", "dots", "link", "hard link", "link to its folder", "another case"])
def test_an_output_is_never_an_input_however_it_is_spelt(tmp_path, how):
    folder = tmp_path / "clinic"
    folder.mkdir()
    source = folder / "eye.png"
    source.write_text("photograph")
    out = source
    if how == "dots":
        out = folder / ".." / "clinic" / "eye.png"
    elif how == "link":
        out = tmp_path / "other.png"
        out.symlink_to(source)
    elif how == "link to its folder":
        (tmp_path / "same").symlink_to(folder)
        out = tmp_path / "same" / "eye.png"
    elif how in ("hard link", "another case"):  # a file system that folds case has one file under both names
        out = tmp_path / "EYE.PNG"
        os.link(source, out)
    with pytest.raises(OutputError, match=r"is the input .*eye\.png, which would be lost"):
        check_writable(out, (".png",), [tmp_path / "gone.png", source])
    assert source.read_text() == "photograph"


def test_other_files_and_new_ones_are_no_inputs(tmp_path):
    (tmp_path / "a.png").write_text("a")
    (tmp_path / "b.png").write_text("a")
    check_writable(tmp_path / "b.png", (".png",), [tmp_path / "a.png"])
    check_writable(tmp_path / "c.png", (".png",), [tmp_path / "a.png"])


def test_two_outputs_are_two_files(tmp_path):
    (tmp_path / "in").mkdir()
    keep_apart(tmp_path / "a.png", None, tmp_path / "b.png", tmp_path / "in" / "a.png")
    for other in (tmp_path / "in" / ".." / "a.png", tmp_path / "A.png"):
        with pytest.raises(OutputError, match="which is also written"):
            keep_apart(tmp_path / "a.png", other)
    with pytest.raises(OutputError, match="which is also written"):
        keep_apart(tmp_path / "\u00e4.png", tmp_path / "a\u0308.png")


def test_a_free_path_is_one_that_is_not_there(tmp_path):
    first = free_path(tmp_path, "eye", ".png")
    assert first == tmp_path / "eye.png"
    first.write_text("")
    assert free_path(tmp_path, "eye", ".png") == tmp_path / "eye-2.png"
    assert free_path(tmp_path, "eye", ".png", [tmp_path / "eye-2.png"]) == tmp_path / "eye-3.png"
    (tmp_path / "eye-2.png").symlink_to(tmp_path / "nowhere")
    assert free_path(tmp_path, "eye", ".png") == tmp_path / "eye-3.png"


@pytest.mark.parametrize("stem", [LONG + "0123456789", "眼" * 84, os.fsdecode(b"\xfc" * 250)])
def test_a_long_name_gets_room_for_what_is_added_and_stays_itself(tmp_path, stem):
    names = [file_name(stem, "-1-disc.png"), file_name(stem[:-1] + "x", "-1-disc.png")]
    assert names[0] != names[1]
    for name in names:
        (tmp_path / name).write_text("")
        assert name.endswith("-1-disc.png")
    assert file_name("eye", ".png") == "eye.png"


def test_any_name_can_be_printed_in_one_line():
    assert printable("Größe 眼 {a} [bold].png") == "Größe 眼 {a} [bold].png"
    assert printable(os.fsdecode(b"M\xfcller.png")) == r"M\xfcller.png"
    assert printable("a\nb\x1b[2J\u202egnp.x\ud800") == r"a\nb\x1b[2J\u202egnp.x\ud800"


def test_a_file_takes_no_pipes_or_devices_place(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "null.json").symlink_to("/dev/null")
    for name in ("pipe.json", "null.json"):
        with pytest.raises(OutputError, match="is a pipe or a device; name a file"):
            check_writable(tmp_path / name)
