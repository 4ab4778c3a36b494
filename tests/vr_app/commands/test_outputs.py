"""What commands write: never over what they read, whatever it is called, and with all that is known of it."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from PIL import ExifTags, Image

from sr_core.assets import asset_path
from sr_core.image.geometry import Rect
from sr_core.image.photograph import load_photograph, read_entries
from tests.helpers.children import started
from tests.helpers.command import PATIENCE, QUIET, Answer, Commands, in_process, without_privileges
from tests.rig import wait_until
from vr_app.bench.report import FORM
from vr_app.core.view.region import Kind, Region
from vr_app.files.folder_view import memory_path
from vr_app.regions.files import NAME, places, save_changes

SMALL = ("--scale", 2, "--region", "10,10,24,20")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(monkeypatch, capsys)


def draw(path: Path, left: int = 220, size: int = 60) -> Path:
    """A piece of a real photograph; another for each `left`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(asset_path("demo", "retina.jpg")) as photograph:
        photograph.convert("RGB").crop((left, 600, left + size, 600 + size)).save(path)
    return path


def refused(answer: Answer, *words: str) -> None:
    assert answer.code == 2, answer.err
    assert len(answer.lines) == 1, answer.err
    for word in ("fundusxr: ", *words):
        assert word in answer.err


# An output is no input.


def as_link(path: Path, out: Path) -> Path:
    out.symlink_to(path)
    return out


def as_hard_link(path: Path, out: Path) -> Path:
    os.link(path, out)
    return out


def through_dots(path: Path, out: Path) -> Path:
    return path.parent / ".." / path.parent.name / path.name


SPELLINGS = {"link": as_link, "hard link": as_hard_link, "dots": through_dots, "itself": lambda path, out: path}


@pytest.mark.parametrize("how", SPELLINGS)
@pytest.mark.parametrize("option", ["OUT", "--invention", "--screenshot", "--stats"])
def test_a_photograph_is_not_written_over_and_no_work_is_done(run, tmp_path: Path, how: str, option: str) -> None:
    eye = tmp_path / "clinic" / "eye.png"
    eye.parent.mkdir()
    eye.write_bytes(b"would be refused as no picture, if it were opened")
    before = eye.read_bytes()
    out = SPELLINGS[how](eye, tmp_path / "out.png")
    command = {
        "OUT": ("upscale", eye, out),
        "--invention": ("upscale", eye, tmp_path / "other.png", "--invention", out),
        "--screenshot": ("view", eye.parent, "--mode", "offscreen", "--screenshot", out),
        "--stats": ("view", eye.parent, "--mode", "offscreen", "--stats", out),
    }[option]
    refused(run(*command), f"{out}: is the input {eye}", "name another file")
    assert eye.read_bytes() == before
    assert not (tmp_path / "other.png").exists()


def test_nor_is_anything_else_that_a_session_reads(run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    eye = draw(tmp_path / "clinic" / "eye.png")
    tour = tmp_path / "tour.json"
    tour.write_bytes(asset_path("tours", "demo.json").read_bytes())
    remembered = memory_path([eye])
    for path in (*places(eye.parent), remembered):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        command = ("view", eye, "--mode", "offscreen", "--tour", tour)
        refused(run(*command, "--stats", path), str(path), "is the input")
    refused(run("view", eye, "--mode", "offscreen", "--tour", tour, "--stats", tour), "is the input")
    refused(run("view", eye, "--screenshot", tmp_path / "a.png", "--stats", tmp_path / "A.png"), "is also written")
    assert tour.read_bytes() == asset_path("tours", "demo.json").read_bytes()


def test_a_measurement_is_not_written_over_its_photograph_nor_a_figure_over_measurements(run, tmp_path: Path) -> None:
    eye = draw(tmp_path / "eye.png")
    out = as_hard_link(eye, tmp_path / "out.json")
    refused(run("bench", "zoom", "--photograph", eye, "--json", out), "out.json: is the input")
    figures = tmp_path / "zoom.json"
    figures.write_text("{}")
    refused(run("bench", "table", figures, "--figure", as_link(figures, tmp_path / "a.png")), "a.png: is the input")


WRITING = {
    "bench --json": (("bench", "engine", "--quick", "--json"), ".json"),
    "bench --trace": (("bench", "zoom", "--quick", "--trace"), ".json"),
    "bench table --figure": (("bench", "table", "frame.json", "--figure"), ".png"),
    "curves --out": (("curves", "runs", "--out"), ".png"),
    "upscale": (("upscale", "eye.png", *SMALL), ".png"),
    "upscale --invention": (("upscale", "eye.png", "new.png", *SMALL, "--invention"), ".png"),
    "view --screenshot": (("view", "eye.png", "--mode", "offscreen", "--screenshot"), ".png"),
    "view --stats": (("view", "eye.png", "--mode", "offscreen", "--stats"), ".json"),
}
"""Every option that names a file to write, and what that file must end in."""


@pytest.mark.parametrize("option", WRITING)
def test_nothing_but_the_same_commands_own_output_is_replaced(run, tmp_path: Path, monkeypatch, option: str) -> None:
    monkeypatch.chdir(tmp_path)
    mark(draw(tmp_path / "eye.png"))
    (tmp_path / "frame.json").write_text(json.dumps({"form": FORM, "command": "frame", "bars": [], "curves": {}}))
    curve = tmp_path / "runs" / "a-x2" / "curve.jsonl"
    curve.parent.mkdir(parents=True)
    curve.write_text(json.dumps({"step": 1, "gain_db": 0.1, "cpu_seconds": 60}))
    others = [draw(tmp_path / "other.png", 300), tmp_path / "tour.json", *tmp_path.glob("*regions*")]
    others[1].write_bytes(asset_path("tours", "demo.json").read_bytes())
    words, ending = WRITING[option]
    for other in others:
        if other.suffix == ending:
            before = other.read_bytes()
            refused(run(*words, other), f"{other}: ", "name another file")
            assert other.read_bytes() == before
    assert sum(other.suffix == ending for other in others) == (1 if ending == ".png" else 2)
    assert not (tmp_path / "new.png").exists()


def test_a_commands_own_output_is_replaced(run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "eye.png")
    curves = {"panels": [{"panels": count, "frame, ms": 0.1 * count} for count in (1, 2)]}
    (tmp_path / "frame.json").write_text(json.dumps({"form": FORM, "command": "frame", "bars": [], "curves": curves}))
    (tmp_path / "touched.tif").touch()
    for _ in range(2):
        for out in ("out.png", "touched.tif"):
            assert run("upscale", "eye.png", out, *SMALL, "--invention", "invented.png").code == 0
        assert run("bench", "table", "frame.json", "--figure", "figure.png").code == 0
        command = ("view", "eye.png", "--mode", "offscreen", "--size", "64x64", "--device", "cpu")
        answer = in_process(*command, "--screenshot", "a.png", "--stats", "a.json", cwd=tmp_path)
        assert answer.code == 0, answer.err


def test_curves_are_not_drawn_over_what_they_are_drawn_from(run, tmp_path: Path) -> None:
    points = [{"step": i, "gain_db": 0.1 * i, "cpu_seconds": 60 * i} for i in (1, 2, 3)]
    curve = tmp_path / "runs" / "a-x2" / "curve.jsonl"
    curve.parent.mkdir(parents=True)
    curve.write_text("\n".join(map(json.dumps, points)))
    refused(run("curves", tmp_path / "runs", "--out", as_link(curve, tmp_path / "a.png")), "a.png: is the input")
    assert run("curves", tmp_path / "runs", "--out", tmp_path / "b.png").code == 0
    told = read_entries(tmp_path / "b.png")
    assert told["fundusxr:command"] == "fundusxr curves RUNS"
    assert told["fundusxr:runs"] == "a-x2"


def test_a_comparison_is_not_written_over_its_split_or_its_photographs(run, tmp_path: Path) -> None:
    out = tmp_path / "data"
    eye = draw(out / "eye.png", size=400)
    names = {"about": "one", "train": [], "validation": [], "test": [eye.name]}
    (out / "results.json").write_text(json.dumps(names))
    before = eye.read_bytes()
    command = ("evaluate", out, "--split", out / "results.json", "--scales", 2, "--models", "rdb-lite")
    refused(run(*command, "--out", out), "results.json: is the input")
    eye = eye.rename(out / "figure-paper-x2.png")
    (out / "split.json").write_text(json.dumps(names | {"test": [eye.name]}))
    command = ("evaluate", out, "--split", out / "split.json", "--scales", 2, "--models", "rdb-lite")
    refused(run(*command, "--out", out), "figure-paper-x2.png: is the input")
    assert eye.read_bytes() == before
    as_hard_link(eye, out / "paper-x2-figure-paper-x2.png")
    refused(run(*command, "--reductions", out), "paper-x2-figure-paper-x2.png: is the input")
    assert eye.read_bytes() == before


def test_a_training_does_not_write_over_what_it_learns_from(run, drawn_data: Path, tmp_path: Path) -> None:
    from tests.helpers.small_training import write_config

    runs = tmp_path / "runs"
    (runs / "tiny").mkdir(parents=True)
    shutil.move(drawn_data / "0.png", runs / "tiny" / "curve.png")
    (drawn_data / "0.png").symlink_to(runs / "tiny" / "curve.png")
    before = (runs / "tiny" / "curve.png").read_bytes()
    answer = run("train", write_config(tmp_path), "--data", drawn_data, "--runs", runs)
    refused(answer, "curve.png: is the input")
    assert (runs / "tiny" / "curve.png").read_bytes() == before


def test_prepared_photographs_are_not_prepared_from(run, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    for name in ("a.png", "b.png"):
        draw(out / "photographs" / name, size=300)
    before = (out / "photographs" / "a.png").read_bytes()
    source = draw(tmp_path / "source" / "c.png", size=300).parent
    (source / "more").symlink_to(out / "photographs")
    refused(run("data", "prepare", source, out), "lies in", "choose a separate folder")
    refused(run("data", "prepare", source, tmp_path / "source" / ".." / "source" / "in"), "folder overlap")
    assert (out / "photographs" / "a.png").read_bytes() == before


# A name does not stand for a photograph.


def mark(eye: Path, kind: Kind = Kind.DISC, at: int = 5) -> Region:
    region = Region(load_photograph(eye).sha256, eye.name, Rect(at, at, 20, 20), kind)
    save_changes(eye.parent, [], [region])
    return region


def test_regions_of_three_patients_left_eyes_are_three_pictures(run, tmp_path: Path) -> None:
    eyes = [draw(tmp_path / name / "left.png", 200 + 40 * n) for n, name in enumerate(("p1", "p2", "p3"))]
    regions = [mark(eye) for eye in eyes]
    report = tmp_path / "report"
    answer = run("regions", "export", *(eye.parent for eye in eyes), "--out", report, "--scale", 2)
    assert answer.code == 0, answer.err
    assert answer.err.count("wrote") == 3
    told = {path.name: read_entries(path)["fundusxr:source-sha256"] for path in report.iterdir()}
    assert told == {f"p{n}-left-1-disc.png": region.photograph for n, region in enumerate(regions, 1)}


def test_a_photograph_named_twice_is_exported_once_and_two_of_one_folder_by_their_own_names(
    run, tmp_path: Path
) -> None:
    eyes = [draw(tmp_path / "p1" / name, 200 + 40 * n) for n, name in enumerate(("left.png", "Left.PNG"))]
    for eye in eyes:
        mark(eye)
    report = tmp_path / "report"
    around = tmp_path / "p1" / ".." / "p1" / "left.png"
    answer = run("regions", "export", eyes[0], tmp_path / "p1", around, "--out", report, "--scale", 2)
    assert answer.code == 0, answer.err
    assert sorted(path.name for path in report.iterdir()) == ["Left-1-disc.png", "left-1-disc.png"]


PRINTING = {
    "list": ("regions", "list", "."),
    "help": ("view", "--help"),
    "doctor": ("doctor",),
    "table": ("bench", "table", "frame.json"),
    "nothing": ("regions", "list", "alone.png"),
}
"""Commands that print, by typer and by rich, and one that has nothing to print."""


def printing_into(stdout: int | IO[bytes], command: str, folder: Path, unbuffered: str) -> tuple[int, list[str]]:
    """Run a command of PRINTING; return its exit code and the lines for the user."""
    mark(draw(folder / "eye.png"))
    draw(folder / "alone.png", 400)
    figures = {"form": FORM, "command": "frame", "bars": [], "curves": {}}
    (folder / "frame.json").write_text(json.dumps(figures))
    done = subprocess.run(
        [sys.executable, "-m", "vr_app.cli", *PRINTING[command]],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        cwd=folder,
        env={**os.environ, **QUIET, "PYTHONUNBUFFERED": unbuffered},
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", PRINTING)
def test_a_full_disk_behind_standard_output_is_told_in_a_line(tmp_path: Path, command: str, unbuffered: str) -> None:
    with open("/dev/full", "wb") as full:
        code, lines = printing_into(full, command, tmp_path, unbuffered)
    if command == "nothing":
        assert (code, lines) == (0, ["fundusxr: 0 regions"])
        return
    assert lines == ["fundusxr: standard output: cannot be written (No space left on device); send it elsewhere"]
    assert code == 2


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", PRINTING)
def test_a_reader_that_has_enough_ends_a_command_without_a_word(tmp_path: Path, command: str, unbuffered: str) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        code, lines = printing_into(theirs, command, tmp_path, unbuffered)
    finally:
        os.close(theirs)
    assert (code, lines) == ((0, ["fundusxr: 0 regions"]) if command == "nothing" else (141, []))


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_standard_error_does_not_take_changes_nothing(tmp_path: Path, unbuffered: str) -> None:
    mark(draw(tmp_path / "eye.png"))
    words = [sys.executable, "-m", "vr_app.cli", "regions", "list", tmp_path]
    env = {**os.environ, **QUIET, "PYTHONUNBUFFERED": unbuffered}
    ours, theirs = os.pipe()
    os.close(ours)
    with open("/dev/full", "wb") as full:
        for stderr in (full, theirs):
            done = subprocess.run(words, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=PATIENCE, env=env)
            assert (done.returncode, done.stdout.split("\t")[2]) == (0, "disc")
    os.close(theirs)


@pytest.mark.parametrize("command", PRINTING)
def test_a_command_in_a_deleted_folder_names_the_cure(tmp_path: Path, command: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    words = ["sh", "-c", script, "sh", gone, sys.executable, "-m", "vr_app.cli", *PRINTING[command]]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, **QUIET})
    assert done.stderr.splitlines() == [
        "fundusxr: the current folder cannot be used (No such file or directory); change to another (cd)"
    ]
    assert (done.returncode, done.stdout) == (2, "")


def test_nor_do_exports_of_another_day_or_other_files_go(run, tmp_path: Path) -> None:
    eyes = [draw(tmp_path / name / "left.png", 200 + 40 * n) for n, name in enumerate(("p1", "p2"))]
    for eye in eyes:
        mark(eye)
    report = tmp_path / "report"
    report.mkdir()
    (report / "left-1-disc-2.png").write_text("somebody's own")
    for eye in (*eyes, eyes[0]):
        assert run("regions", "export", eye, "--out", report, "--scale", 2).code == 0
    found = {path.name: read_entries(path).get("fundusxr:source-sha256") for path in report.iterdir()}
    digests = [hashlib.sha256(eye.read_bytes()).hexdigest() for eye in eyes]
    assert found == {"left-1-disc.png": digests[0], "left-1-disc-2.png": None, "left-1-disc-3.png": digests[1]}
    assert (report / "left-1-disc-2.png").read_text() == "somebody's own"


def test_a_photograph_named_like_an_export_stays(run, tmp_path: Path) -> None:
    eye = draw(tmp_path / "left.png")
    other = draw(tmp_path / "left-1-disc.png", 300)
    before = other.read_bytes()
    mark(eye)
    assert run("regions", "export", tmp_path, "--out", tmp_path, "--scale", 2).code == 0
    assert other.read_bytes() == before
    assert read_entries(tmp_path / "left-1-disc-2.png")["fundusxr:region-name"] == "disc"


# Names as the file system allows them.

NAMES = [
    b"{3F2504E0-4F89-11D3-9A0C-0305E82C3301}.png",
    b"[bold]x[nonesuch].png",
    "Größe 眼.png".encode(),
    b"M\xfcller.png",
    b"two\nlines \x1b[31m.png",
    b"n" * 246 + b".png",
    b"\xfc" * 246 + b".png",
    b"-dash %s {task.speed}.png",
]
CONSOLES = ["utf-8", "latin-1", "ascii"]


@pytest.fixture
def oddly_named(tmp_path: Path) -> Path:
    """A folder with a photograph, and a region on it, of each name."""
    for n, name in enumerate(NAMES):
        mark(draw(tmp_path / "in" / os.fsdecode(name), 200 + 20 * n, size=30))
    return tmp_path / "in"


def made_from(folder: Path) -> set[str]:
    return {read_entries(path)["fundusxr:source-sha256"] for path in folder.iterdir()}


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_any_name_passes_through_every_command_to_any_console(oddly_named: Path, tmp_path: Path, encoding: str) -> None:
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in oddly_named.glob("*.png")}
    options = {"cwd": tmp_path, "PYTHONIOENCODING": encoding}
    if encoding == "latin-1":
        answer = in_process("upscale", "in", "out", "--scale", 2, **options)
        assert answer.code == 0, answer.err
        assert len(answer.lines) == len(NAMES) + 1
        assert made_from(tmp_path / "out") == digests
        assert {os.fsencode(path.name)[:6] for path in (tmp_path / "out").iterdir()} == {name[:6] for name in NAMES}
    if encoding == "ascii":
        answer = in_process("regions", "export", "in", "--out", "report", "--scale", 2, **options)
        assert answer.code == 0, answer.err
        assert made_from(tmp_path / "report") == digests
    answer = in_process("regions", "list", "in", **options)
    assert answer.code == 0, answer.err
    assert f"{len(NAMES)} regions" in answer.err
    if encoding == "utf-8":
        paths = {os.fsencode(line.split("\t")[0]) for line in answer.out.splitlines()}
        assert paths >= {b"in/" + name for name in NAMES if b"\n" not in name}  # a program behind a pipe finds them


def test_the_bar_shows_each_name_as_it_is(oddly_named: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "vr_app.cli", "upscale", "in", "out", "--scale", "2"]
    ours, theirs = pty.openpty()
    env = {**os.environ, **QUIET, "TERM": "xterm", "COLUMNS": "400"}
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env=env)
    os.close(theirs)
    seen = b""
    try:
        while block := os.read(ours, 1 << 16):
            seen += block
    except OSError:
        pass  # a terminal whose last program has ended
    os.close(ours)
    assert process.wait(PATIENCE) == 0, seen.decode("utf-8", "replace")
    for name in NAMES[:4]:
        assert name.replace(b"\xfc", rb"\xfc") + b" x2" in seen
    assert rb"two\nlines \x1b[31m.png x2" in seen


def test_a_marked_region_of_a_name_that_is_no_text_is_kept(tmp_path: Path) -> None:
    eye = draw(tmp_path / os.fsdecode(b"M\xfcller.png"))
    region = mark(eye)
    json.loads((tmp_path / NAME).read_bytes().decode("utf-8"))
    answer = in_process("regions", "list", tmp_path, cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert "1 region" in answer.err
    assert region.file == eye.name


# Errors of the file system.


def test_a_closed_folder_costs_a_line_and_not_the_others(tmp_path: Path) -> None:
    here = tmp_path
    eye = draw(here / "linked" / "good.png")
    draw(here / "closed" / "a.png")
    draw(here / "listed" / "b.png")
    (here / "linked" / "other.png").symlink_to("../closed/a.png")
    (here / "closed").chmod(0o000)
    (here / "listed").chmod(0o444)
    home = here / "home"
    home.mkdir()
    try:
        words = ("upscale", here / "linked", home / "out", "--scale", 2)
        answer = without_privileges(*words, cwd=home)
        assert answer.code == 0, answer.err
        assert [path.name for path in (home / "out").iterdir()] == ["good_x2.png"]
        assert any("other.png: cannot be looked at (Permission denied)" in line for line in answer.lines)
        words = ("view", here / "linked", here / "closed", here / "listed", here / "closed" / "a.png")
        options = ("--mode", "offscreen", "--screenshot", "a.png", "--size", "200x200", "--device", "cpu")
        answer = without_privileges(*words, *options, cwd=home)
        assert answer.code == 0, answer.err
        for name in ("linked/other.png", "closed", "listed", "closed/a.png"):
            assert sum(f"{here / name}: " in line for line in answer.lines) == 1, answer.err
        with Image.open(home / "a.png") as picture:
            shown = json.loads(picture.text["fundusxr:view"])["surfaces"]
        assert [surface["photograph"] for surface in shown] == [eye.name]
        refused(without_privileges("regions", "list", here / "closed", cwd=home), "closed")
        refused(without_privileges("upscale", here / "closed" / "a.png", home / "x.png", cwd=home), "a.png")
    finally:
        (here / "closed").chmod(0o755)
        (here / "listed").chmod(0o755)


# A folder.


def test_a_folders_photographs_are_super_resolved_and_finished_ones_passed_over(run, tmp_path: Path) -> None:
    clinic, out = tmp_path / "clinic", tmp_path / "out"
    for n, name in enumerate(("2.png", "10.png", "left.jpg", "left.png")):
        draw(clinic / name, 200 + 40 * n)
    (clinic / "._2.png").write_bytes(b"\0\5\x16\7")
    answer = run("upscale", clinic, out, "--scale", 2)
    assert answer.code == 0, answer.err
    made = [line.split("wrote ")[1].split(" (")[0] for line in answer.lines if "wrote" in line]
    names = ["2_x2.png", "10_x2.png", "left.jpg_x2.png", "left.png_x2.png"]
    assert made == [str(out / name) for name in names]
    assert "4 written, 0 finished before, 0 failed" in answer.lines[-1]
    alone = tmp_path / "alone.png"
    assert run("upscale", clinic / "2.png", alone, "--scale", 2).code == 0
    assert np.array_equal(load_photograph(alone).pixels, load_photograph(out / "2_x2.png").pixels)
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    draw(clinic / "10.png", 500)  # has changed since
    answer = run("upscale", clinic, out, "--scale", 2)
    assert "1 written, 3 finished before, 0 failed" in answer.lines[-1]
    again = {path.name for path in out.iterdir() if path.stat().st_mtime_ns != before[path]}
    assert again == {"10_x2.png"}
    answer = run("upscale", clinic, out, "--scale", 2, "--invention", tmp_path / "added")
    assert "4 written" in answer.lines[-1]
    assert len(list((tmp_path / "added").iterdir())) == 4


def test_what_cannot_be_made_of_a_folder_is_told_and_the_rest_is_made(run, tmp_path: Path) -> None:
    clinic, out = tmp_path / "clinic", tmp_path / "out"
    for name in ("a.png", "b.png", "c.png"):
        draw(clinic / name)
    (clinic / "b.png").write_bytes(b"damaged")
    out.mkdir()
    (out / "c_x2.png").write_text("somebody's own")
    answer = run("upscale", clinic, out, "--scale", 2)
    assert answer.code == 1
    assert "1 written, 0 finished before, 2 failed" in answer.lines[-1]
    assert sum(f"{clinic / 'b.png'}: " in line for line in answer.lines) == 1
    assert sum(f"{out / 'c_x2.png'}: exists" in line for line in answer.lines) == 1
    assert (out / "c_x2.png").read_text() == "somebody's own"
    refused(run("upscale", clinic, clinic, "--scale", 2), "the folder of photographs itself")
    refused(run("upscale", clinic, clinic / "a.png", "--scale", 2), "is a file")
    refused(run("upscale", clinic, out, "--region", "0,0,9,9"), "--region")
    (out / "a_x2.png").unlink()
    as_link(clinic / "a.png", out / "a_x2.png")
    refused(run("upscale", clinic, out, "--scale", 2), "is the input")
    (tmp_path / "empty").mkdir()
    refused(run("upscale", tmp_path / "empty", out), "no pictures in this folder")


def test_stopped_in_its_midst_it_leaves_nothing_half_and_goes_on_from_there(tmp_path: Path) -> None:
    clinic, out = tmp_path / "clinic", tmp_path / "out"
    for n in range(6):
        draw(clinic / f"{n}.png", 200 + 20 * n, size=200)
    words = [sys.executable, "-m", "vr_app.cli", "upscale", clinic, out, "--scale", "8", "--device", "cpu"]
    with started(words, cwd=tmp_path, env={**os.environ, **QUIET}) as process:
        wait_until(lambda: len(list(out.glob("[0-9]*.png"))) >= 1, "the first picture", PATIENCE)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    finished = sorted(path.name for path in out.iterdir())
    assert 1 <= len(finished) < 6
    assert all(name.endswith("_x8.png") and not name.startswith(".") for name in finished)
    assert f"{len(finished)} of 6 photographs are finished" in err
    answer = in_process(*words[3:], cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert f"{6 - len(finished)} written, {len(finished)} finished before" in answer.lines[-1]


# What a picture tells.


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_an_enlarged_photograph_keeps_its_date_and_its_size_on_paper(run, tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: "2019:03:05 14:20:31"}
    eye = draw(tmp_path / "plain.png")
    with Image.open(eye) as picture:
        picture.save(tmp_path / "eye.jpg", exif=exif, dpi=(300, 300), quality=95)
    mark(tmp_path / "eye.jpg")
    out = tmp_path / f"out.{suffix}"
    assert run("upscale", tmp_path / "eye.jpg", out, "--scale", 4).code == 0
    assert run("regions", "export", tmp_path / "eye.jpg", "--out", tmp_path / "report", "--scale", 4).code == 0
    for path in (out, tmp_path / "report" / "eye-1-disc.png"):
        context = load_photograph(path).context
        assert context.taken == "2019:03:05 14:20:31"
        assert context.dpi == pytest.approx((1200, 1200), abs=0.1)
        with Image.open(path) as picture:
            assert picture.info["icc_profile"]
        told = read_entries(path)
        assert told["fundusxr:model"] == "rdb-file"
        assert told["fundusxr:scale"] == "4"
        assert told["fundusxr:agrees"] == "yes"
        weights = asset_path("weights", "rdb-file-x4.safetensors").read_bytes()
        assert told["fundusxr:weights-sha256"] == hashlib.sha256(weights).hexdigest()
