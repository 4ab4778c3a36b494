"""The commands from outside: what they write, and one clear line with exit code 2 for what cannot be done.

What shows pictures runs in a process of its own, because a process has one GL platform. The rest runs `main` here, with
the command line in `sys.argv`: the same code without importing torch anew each time.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import typer
from PIL import Image
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from sr_core import assets
from sr_core.assets import asset_path
from tests.helpers.children import members, started
from tests.helpers.places import ROOT
from tests.rig import PATIENCE, wait_until
from vr_app import cli

DEMO = asset_path("demo", "retina.jpg")
STAGES = "rdb-lite", "rdb-lite-gan"
QUIET = {"OMP_NUM_THREADS": "1", "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}
COMMANDS = typer.main.get_command(cli.app).commands

SHORT_TOUR = json.dumps(
    {
        "version": 1,
        "stops": [
            {"surface": "panel", "center": [0.2, 0.45], "zoom": 1, "duration": 0.2},
            {"surface": "retina", "center": [0.2, 0.45], "zoom": 9, "duration": 0.2},
        ],
    }
)
LONG_TOUR = '{"version": 1, "stops": [{"surface": "panel", "center": [0.5, 0.5], "zoom": 20, "duration": 3600}]}'


UNHURRIED = "from sr_core.tiles import worker; from vr_app import cli; worker.CLOSING_SECONDS = 60.0; cli.main()"
"""The program, with as long for its tiles at the end as a busy machine may take to write them."""


def fundusxr(
    *arguments: object, cwd: Path | None = None, program: Sequence[str] = ("-m", "vr_app.cli"), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    command = [sys.executable, *program, *map(str, arguments)]
    env = {**os.environ, **QUIET, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=cwd, env=env)


def test_the_version_is_that_of_the_package():
    shown = CliRunner().invoke(cli.app, ["--version"])
    assert (shown.exit_code, shown.output) == (0, f"fundusxr {metadata.version('fundusxr')}\n")
    assert "Look at fundus photographs" in CliRunner().invoke(cli.app, ["--help"]).output


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    """Run a command in this process: `here("upscale", ...)` answers as `subprocess.run` does."""

    def run(*arguments: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["fundusxr", *map(str, arguments)])
        before = signal.getsignal(signal.SIGTERM)
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        finally:
            signal.signal(signal.SIGTERM, before)
        written = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=written.out, stderr=written.err)

    return run


def assert_refused(answer: subprocess.CompletedProcess[str] | SimpleNamespace, *words: str) -> None:
    """Exit code 2 and one line that holds every word."""
    assert answer.returncode == 2, answer.stdout + answer.stderr
    lines = [line for line in answer.stderr.splitlines() if line and not line.startswith("fundusxr: offscreen")]
    assert len(lines) == 1, answer.stderr
    for word in ("fundusxr: ", *words):
        assert word in lines[0]


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), int)


def shown_in(path: Path) -> list[dict]:
    """The surfaces that a screenshot tells of."""
    with Image.open(path) as picture:
        return json.loads(picture.text["fundusxr:view"])["surfaces"]


@pytest.fixture(scope="module")
def fundus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160 x 120 pixels of a real photograph, which no JPEG file lies behind: at half its size its file's blocks are
    gone."""
    path = tmp_path_factory.mktemp("fundus") / "fundus.png"
    with Image.open(DEMO) as photograph:
        photograph.convert("RGB").crop((220, 360, 540, 600)).reduce(2).save(path)
    return path


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds nothing."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def bad_pictures(folder: Path) -> dict[str, Path]:
    """Every kind of file that is no photograph, by name, in the order of their names."""
    folder.mkdir(exist_ok=True)
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "huge.png").write_bytes(png_header(60_000, 60_000))
    (folder / "text.jpg").write_text("this is no picture")
    (folder / "truncated.jpg").write_bytes(DEMO.read_bytes()[:60_000])
    (folder / "zero.png").write_bytes(png_header(0, 0))
    Image.fromarray(np.full((64, 64), 30_000, np.uint16)).save(folder / "deep.png")
    Image.new("CMYK", (64, 64)).save(folder / "cmyk.jpg")
    Image.new("RGB", (1, 1)).save(folder / "tiny.png")
    return {path.name: path for path in sorted(folder.iterdir())}


def test_files_are_judged_by_the_commands_themselves_in_one_line() -> None:
    """Not by the library that reads the command line, which knows no cure, in a frame of several lines."""

    def leaves(command):
        inner = getattr(command, "commands", None)
        return [command] if inner is None else [leaf for one in inner.values() for leaf in leaves(one)]

    kinds = [
        param.type_descriptor for command in COMMANDS.values() for leaf in leaves(command) for param in leaf.params
    ]
    paths = [kind.parameter_info for kind in kinds if "Path" in str(getattr(kind, "annotation", ""))]
    assert len(paths) > 15
    assert not any(info.readable or info.exists or info.writable for info in paths)


# --- upscale ---------------------------------------------------------------------------------------------------------


def test_upscale_writes_the_region_and_says_what_it_is(fundus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    answer = fundusxr("upscale", fundus, out, "--scale", 4, "--region", "40,30,50,40")
    assert answer.returncode == 0, answer.stderr
    assert str(out) in answer.stderr
    assert "200x160" in answer.stderr
    with Image.open(out) as picture:
        assert picture.size == (200, 160)
        assert picture.text["fundusxr:scale"] == "4"
        assert picture.text["fundusxr:region"] == "40,30,50,40"
        assert "Not for diagnosis" in picture.text["Description"]


def test_what_is_to_know_of_a_file_is_said_where_it_is_upscaled_and_where_it_is_viewed(
    here, fundus: Path, tmp_path: Path
) -> None:
    endless = tmp_path / "endless_OS.jpg"
    with Image.open(fundus) as picture:
        picture.save(endless, quality=90)
    endless.write_bytes(endless.read_bytes()[:-2])
    answer = here("upscale", endless, tmp_path / "out.png", "--region", "40,30,50,40")
    assert answer.returncode == 0, answer.stderr
    assert f"fundusxr: {endless}: the end of the file is missing" in answer.stderr
    answer = fundusxr("view", endless, "--mode", "offscreen", "--size", "64x64", "--screenshot", tmp_path / "seen.png")
    assert answer.returncode == 0, answer.stderr
    assert f"{endless}: the end of the file is missing" in answer.stdout + answer.stderr
    (surface,) = shown_in(tmp_path / "seen.png")
    assert surface["field_of_view"] == "assumed"
    assert (surface["laterality"], surface["laterality_from"]) == ("left", "file name")


def test_upscale_also_writes_what_was_invented(here, fundus: Path, tmp_path: Path) -> None:
    out, invented = tmp_path / "out.png", tmp_path / "invented.png"
    answer = here("upscale", fundus, out, "--region", "40,30,50,40", "--invention", invented)
    assert answer.returncode == 0, answer.stderr
    with Image.open(invented) as picture:
        assert "grey levels x 10" in picture.text["Description"]
        assert picture.text["fundusxr:region"] == "40,30,50,40"
    departure = read(invented)
    assert departure.shape == read(out).shape == (160, 200, 3)
    assert (departure == departure[..., :1]).all()
    assert set(np.unique(departure)) <= {*range(0, 251, 10), 255}
    mean = float(re.search(r"invented: ([0-9.]+) grey levels", answer.stderr)[1])
    assert 0 < mean == pytest.approx(departure.mean() / 10, abs=0.01)
    plain = tmp_path / "plain.png"
    assert here("upscale", fundus, plain, "--region", "40,30,50,40").returncode == 0
    assert np.array_equal(read(plain), read(out))
    assert_refused(here("upscale", fundus, out, "--invention", out), "out.png", "another file")
    assert_refused(here("upscale", fundus, out, "--invention", tmp_path / "a.jpg"), "a.jpg", ".png")


def test_of_a_jpeg_photograph_it_tells_what_was_restored_too(here, fundus: Path, tmp_path: Path) -> None:
    photograph, out, departure = tmp_path / "eye.jpg", tmp_path / "out.png", tmp_path / "departure.png"
    with Image.open(fundus) as picture:
        picture.save(photograph, quality=40)
    answer = here("upscale", photograph, out, "--region", "40,30,50,40", "--invention", departure)
    assert answer.returncode == 0, answer.stderr
    told = re.search(r"restores ([0-9.]+), invents ([0-9.]+) levels\)", answer.stderr)
    means = re.search(r"\(restored: ([0-9.]+), invented: ([0-9.]+) grey levels on average\)", answer.stderr)
    with Image.open(out) as picture:
        assert picture.text["fundusxr:agrees-with"] == "file"
        entries = [float(picture.text[f"fundusxr:{name}-levels"]) for name in ("restored", "invented")]
    assert [float(text) for text in told.groups()] == pytest.approx(entries, abs=0.051)
    assert [float(text) for text in means.groups()] == pytest.approx(entries, abs=0.0051)
    shown = read(departure)
    assert np.array_equal(shown[..., 0], shown[..., 1])
    assert [shown[..., 2].mean() / 10, shown[..., 0].mean() / 10] == pytest.approx(entries, abs=0.02)
    assert min(entries) > 0.1


def test_scale_1_restores_a_jpeg_photograph_and_refuses_others(here, fundus: Path, tmp_path: Path) -> None:
    photograph, out = tmp_path / "eye.jpg", tmp_path / "out.png"
    with Image.open(fundus) as picture:
        picture.save(photograph, quality=40)
    answer = here("upscale", photograph, out, "--scale", 1)
    assert answer.returncode == 0, answer.stderr
    assert re.search(r"160x120, rdb-file x1, cpu, restores [0-9.]+ levels\)", answer.stderr)
    with Image.open(out) as picture:
        assert picture.size == (160, 120)
        assert picture.text["Description"].startswith(
            "Restored by FundusXR within what the photograph's file leaves open"
        )
        assert picture.text["fundusxr:scale"] == "1"
        assert picture.text["fundusxr:invented-levels"] == "0.000"
    with Image.open(photograph) as picture:
        decoded = np.asarray(picture, int)
    assert 0.1 < np.abs(read(out).astype(int) - decoded).mean() < 6
    assert_refused(here("upscale", fundus, tmp_path / "no.png", "--scale", 1), str(fundus), "no JPEG file lies behind")


def test_a_region_is_the_same_as_in_the_whole_at_the_edges_too(here, fundus: Path, tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.tif", tmp_path / "part.tif"
    assert here("upscale", fundus, whole, "--scale", 2).returncode == 0
    with Image.open(whole) as picture:
        assert picture.format == "TIFF"
        assert picture.size == (320, 240)
        assert "Not for diagnosis" in json.loads(picture.tag_v2[270])["Description"]
    expected = read(whole)
    for x, y, w, h in [(40, 30, 50, 40), (0, 0, 30, 20), (120, 90, 40, 30), (0, 119, 160, 1), (159, 0, 1, 1)]:
        answer = here("upscale", fundus, part, "--scale", 2, "--region", f"{x},{y},{w},{h}")
        assert answer.returncode == 0, answer.stderr
        cut = expected[2 * y : 2 * (y + h), 2 * x : 2 * (x + w)]
        got = read(part)
        assert got.shape == cut.shape
        assert np.abs(got - cut).max() <= 1


def test_upscale_refuses_every_bad_picture_with_one_line(here, tmp_path: Path) -> None:
    bad = bad_pictures(tmp_path / "bad") | {"missing.jpg": tmp_path / "missing.jpg"}
    assert len(bad) == 9
    for name, path in bad.items():
        assert_refused(here("upscale", path, tmp_path / "out.png"), name)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scale", "3"], ["--scale", "2, 4 or 8"]),
        (["--region", "1,2,3"], ["--region", "X,Y,W,H"]),
        (["--region", "1,2,0,3"], ["--region", "X,Y,W,H"]),
        (["--region=-1,2,3,3"], ["--region", "X,Y,W,H"]),
        (["--region", "150,100,11,20"], ["160x120"]),
        (["--region", "160,0,1,1"], ["160x120"]),
        (["--model", "nonesuch"], ["nonesuch"]),
        (["--device", "cuda"], ["cuda"]),
    ],
)
def test_upscale_refuses_what_cannot_be_done(
    here, fundus: Path, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    if "cuda" in arguments:
        import torch

        if torch.cuda.is_available():
            pytest.skip("this machine has CUDA")
    assert_refused(here("upscale", fundus, tmp_path / "out.png", *arguments), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out.jpg", "nowhere/out.png", "."])
def test_an_output_that_cannot_be_written_is_refused_before_the_work(here, tmp_path: Path, name: str) -> None:
    assert_refused(here("upscale", tmp_path / "missing.jpg", tmp_path / name), str(tmp_path / name))


def with_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the program find its data files in a copy; returns the copy's folder of weights."""
    shutil.copytree(asset_path(), tmp_path / "assets")
    monkeypatch.setattr(assets, "_PACKAGE", tmp_path / "sr_core")
    return tmp_path / "assets" / "weights"


def test_weights_that_do_not_fit_are_refused(
    here, fundus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = with_weights(tmp_path, monkeypatch)
    good = (weights / "rdb-lite-x8.safetensors").read_bytes()
    for data in (good, good[: len(good) // 2], b"", b"\xff" * 64):
        (weights / "rdb-lite-x4.safetensors").write_bytes(data)
        assert_refused(here("upscale", fundus, tmp_path / "out.png"), "rdb-lite-x4.safetensors")
    assert not (tmp_path / "out.png").exists()


# --- curves ----------------------------------------------------------------------------------------------------------


def test_curves_draws_all_runs_in_one_picture(here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(here("curves"), "runs: no learning curves")
    for name in ("a-x2", "b-x2", "a-x8"):
        points = [{"step": i, "gain_db": 0.1 * i, "cpu_seconds": 60 * i} for i in (1, 2, 3)]
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "curve.jsonl").write_text("\n".join(map(json.dumps, points)))
    answer = here("curves", "--out", "all.png")
    assert answer.returncode == 0, answer.stderr
    assert "3 runs" in answer.stderr
    assert read(tmp_path / "all.png").std() > 5
    assert_refused(here("curves", "--out", "all.jpg"), "all.jpg", ".png")


def test_a_picture_of_a_network_that_restores_says_so(here, fundus: Path, tmp_path: Path, monkeypatch) -> None:
    weights = with_weights(tmp_path, monkeypatch)
    card = weights / "rdb-lite-x2.json"
    for agrees, word in ((True, "Super-resolved"), (False, "Restored")):
        card.write_text(json.dumps(json.loads(card.read_text()) | {"agrees": agrees}))
        out = tmp_path / f"{agrees}.png"
        answer = here("upscale", fundus, out, "--scale", 2, "--region", "40,30,20,20")
        assert ("restored: does not agree with the photograph" in answer.stderr) == (not agrees)
        with Image.open(out) as picture:
            assert picture.text["Description"].startswith(word)
            assert "Not for diagnosis" in picture.text["Description"]
            assert picture.text["fundusxr:agrees"] == ("yes" if agrees else "no")


# --- the dial between fidelity and texture ---------------------------------------------------------------------------


@pytest.fixture
def both_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of rdb-lite, and made-up ones of its adversarial stage; the folder that holds them."""
    weights = with_weights(tmp_path, monkeypatch)
    for scale in (2, 4, 8):
        tensors = load_file(weights / f"rdb-lite-x{scale}.safetensors")
        tensors["head.weight"] = 9 * tensors["head.weight"]
        save_file(tensors, weights / f"rdb-lite-gan-x{scale}.safetensors")
    return weights


def test_upscale_turns_the_dial_and_the_picture_tells_where_it_stands(
    here, fundus: Path, tmp_path: Path, both_stages: Path
) -> None:
    found, told = {}, {}
    for texture in (None, 0, 0.5, 1):
        out = tmp_path / f"{texture}.png"
        dial = [] if texture is None else ["--texture", texture]
        answer = here("upscale", fundus, out, "--region", "40,30,50,40", *dial)
        assert answer.returncode == 0, answer.stderr
        assert (f"texture {texture}" in answer.stderr) == bool(texture)
        found[texture] = read(out)
        with Image.open(out) as picture:
            told[texture] = picture.text
    assert np.array_equal(found[None], found[0])
    # The network's last layer is linear in what was changed: halfway is halfway, up to agreement and rounding.
    assert np.abs(found[0.5] - (found[0] + found[1]) / 2).max() <= 1.5
    assert np.abs(found[1] - found[0]).max() > 4
    hashes = [hashlib.sha256((both_stages / f"{name}-x4.safetensors").read_bytes()).hexdigest() for name in STAGES]
    assert [told[t]["fundusxr:texture"] for t in (0, 0.5, 1)] == ["0", "0.5", "1"]
    assert [told[t]["fundusxr:model"] for t in (0, 0.5, 1)] == ["rdb-lite", "rdb-lite+rdb-lite-gan@0.5", "rdb-lite-gan"]
    assert [told[t]["fundusxr:weights-sha256"] for t in (0, 1)] == hashes
    assert told[0.5]["fundusxr:weights-sha256"] not in hashes
    assert told[0.5]["fundusxr:blended-sha256"].split() == hashes


def test_the_viewer_says_the_texture_and_keeps_its_tiles_apart(fundus: Path, tmp_path: Path, both_stages: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from sr_core import assets; "
        f"assets._PACKAGE = Path({str(tmp_path / 'sr_core')!r}); from vr_app import cli; cli.main()"
    )
    command = [sys.executable, "-c", code, "view", str(fundus), "--mode", "offscreen", "--size", "320x240"]
    command += ["--screenshot", "a.png", "--stats", "a.json", "--tile-cache", str(tmp_path / "tiles")]
    env = {**os.environ, **QUIET, "PYTHONPATH": str(ROOT)}
    for texture in (0.5, 1):
        words = [*command, "--texture", str(texture)]
        answer = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, cwd=tmp_path, env=env)
        assert answer.returncode == 0, answer.stderr
        stats = json.loads((tmp_path / "a.json").read_text())
        with Image.open(tmp_path / "a.png") as picture:
            shot = json.loads(picture.text["fundusxr:view"])
        assert shot["texture"] == stats["texture"] == texture
        assert shot["model"] == stats["model"] == (STAGES[1] if texture == 1 else f"{'+'.join(STAGES)}@{texture}")
        assert shot["surfaces"][0]["scale"] > 1
        assert stats["tiles"]["computed"] > 0
        assert stats["tiles"]["cached"] == 0


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["upscale", DEMO, "out.png", "--scale", "8", "--texture", "0.5"], ["rdb-lite-gan-x8.safetensors", "train"]),
        (
            ["view", DEMO, "--mode", "offscreen", "--texture", "1"],
            ["rdb-lite-gan-x8.safetensors", "leave --texture out"],
        ),
        (["upscale", DEMO, "out.png", "--texture", "1.5"], ["--texture 1.5", "from 0"]),
        (["view", DEMO, "--mode", "offscreen", "--texture", "nan"], ["--texture nan"]),
        (["upscale", DEMO, "out.png", "--model", "srcnn", "--texture", "0.5"], ["srcnn has no adversarial stage"]),
    ],
)
def test_a_dial_that_cannot_be_turned_is_refused(
    here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, both_stages: Path, command: list, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (both_stages / "rdb-lite-gan-x8.safetensors").unlink()
    assert_refused(here(*command), *words)
    assert not (tmp_path / "out.png").exists()


# --- view: what is refused -------------------------------------------------------------------------------------------


def test_view_refuses_a_picture_that_does_not_open(tmp_path: Path) -> None:
    bad = bad_pictures(tmp_path / "bad")["truncated.jpg"]
    assert_refused(fundusxr("view", bad, "--mode", "offscreen", "--size", "64x64"), "truncated.jpg", "cut short")


def test_view_with_nothing_but_bad_pictures_names_each_and_ends(tmp_path: Path) -> None:
    bad = bad_pictures(tmp_path / "bad")
    missing = tmp_path / "missing.jpg"
    answer = fundusxr("view", missing, tmp_path / "bad", "--mode", "offscreen", "--size", "64x64")
    assert answer.returncode == 2, answer.stderr
    lines = [line for line in answer.stderr.splitlines() if not line.startswith("fundusxr: offscreen")]
    assert [name for name in ("missing.jpg", *bad) if sum(f"/{name}: " in line for line in lines) != 1] == []
    assert len(lines) == len(bad) + 1


@pytest.mark.parametrize("name", ["missing.jpg", "empty"])
def test_view_refuses_what_is_not_there(here, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    assert_refused(here("view", tmp_path / name, "--mode", "offscreen"), str(tmp_path / name))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["not JSON"]),
        ("[]", ["version"]),
        ('{"version": 1, "stops": []}', ["stops"]),
        (SHORT_TOUR.replace("retina", "wall"), ["stop 2", "surface"]),
        (SHORT_TOUR.replace("0.45", "2", 1), ["stop 1", "center"]),
        (SHORT_TOUR.replace('"zoom": 9', '"zoom": 1e999'), ["stop 2", "zoom"]),
    ],
)
def test_view_refuses_a_malformed_tour(here, tmp_path: Path, text: str, words: list[str]) -> None:
    tour = tmp_path / "tour.json"
    tour.write_text(text)
    assert_refused(here("view", "--mode", "offscreen", "--tour", tour), "tour.json", *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--screenshot", "picture.jpg"], ["picture.jpg", ".png"]),
        (["--screenshot", "nowhere/picture.png"], ["nowhere"]),
        (["--stats", "nowhere/stats.json"], ["nowhere"]),
        (["--size", "big"], ["--size"]),
        (["--size", "10x10"], ["--size"]),
        (["--model", "nonesuch"], ["nonesuch"]),
        (["--tour", "missing.json"], ["missing.json"]),
        (["--tour", "."], ["cannot be read"]),
        (["--tile-memory", "1"], ["--tile-memory 1", "at least 18"]),
        (["--photograph-memory", "0"], ["--photograph-memory 0", "at least 16"]),
        (["--gpu-memory", "-3"], ["--gpu-memory -3", "at least 24"]),
        (["--gpu-memory", "64", "--size", "4096x4096"], ["--gpu-memory 64", "4096x4096", "at least 336"]),
        (["--photograph-memory", "99999999999"], ["--photograph-memory 99999999999", "at most"]),
        (["--tile-cache", str(DEMO)], ["--tile-cache", "is a file"]),
        (["--tile-cache-size", "0"], ["--tile-cache-size 0", "from 16"]),
        ([str(DEMO), "--layout", "wall", "--compare", "swipe"], ["--compare swipe", "--layout wall shows none"]),
        ([str(DEMO), "--surface", "retina", "--compare", "blink"], ["--compare blink", "--surface retina"]),
        (["--compare", "blink"], ["--compare blink", "two photographs"]),
    ],
)
def test_view_refuses_what_cannot_be_done(
    here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(here("view", DEMO, "--mode", "offscreen", *arguments), *words)


@pytest.mark.parametrize(("mode", "word"), [("xr", "--mode xr"), ("desktop", "no window")])
def test_a_mode_that_cannot_be_had_is_refused(tmp_path: Path, mode: str, word: str) -> None:
    none = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "XR_RUNTIME_JSON": str(tmp_path / "none.json")}
    assert_refused(fundusxr("view", DEMO, "--mode", mode, **none), word)


# --- view: what is shown ---------------------------------------------------------------------------------------------


def test_auto_without_headset_and_window_is_offscreen_and_says_why(tmp_path: Path) -> None:
    none = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "XR_RUNTIME_JSON": str(tmp_path / "none.json")}
    answer = fundusxr("view", "--size", "320x240", cwd=tmp_path, **none)
    assert answer.returncode == 0, answer.stderr
    said = answer.stderr.splitlines()[0]
    assert said.startswith("fundusxr: offscreen")
    assert "no headset" in said
    assert "no window" in said
    assert "fundusxr.png" in answer.stderr
    assert read(tmp_path / "fundusxr.png").shape == (240, 320, 3)


@pytest.mark.parametrize("by", ["option", "environment", "xdg"])
def test_a_second_session_finds_its_tiles_on_disk_unless_told_not_to(tmp_path: Path, fundus: Path, by: str) -> None:
    folder = tmp_path / "cache" / "fundusxr" / "tiles"
    given = ["--tile-cache", folder] if by == "option" else []
    environment = {
        "option": {},
        "environment": {"FUNDUSXR_TILE_CACHE": str(folder)},
        "xdg": {"FUNDUSXR_TILE_CACHE": "on", "XDG_CACHE_HOME": str(tmp_path / "cache")},
    }[by]
    command = ["view", fundus, "--mode", "offscreen", "--size", "320x240", "--screenshot", "a.png", "--stats", "a.json"]
    found, pictures = [], []
    for more in (given, given, ["--tile-cache", "off", "--no-prefetch"]):
        answer = fundusxr(*command, *more, cwd=tmp_path, program=("-c", UNHURRIED), **environment)
        assert answer.returncode == 0, answer.stderr
        found.append(json.loads((tmp_path / "a.json").read_text())["tiles"])
        pictures.append(read(tmp_path / "a.png"))
        if by != "option":
            break
    first = found[0]
    assert first["computed"] > 0
    assert len(list(folder.rglob("*.tile"))) >= first["computed"]
    for picture in pictures[1:]:
        assert np.abs(picture - pictures[0]).max() <= 3
    if by == "option":
        _, second, without = found
        assert second["cached"] == second["wished"] - second["cancelled"] > 0
        assert second["computed"] == 0
        assert without["cached"] == without["prefetched"] == 0
        assert without["computed"] > 0


def test_of_several_pictures_the_good_ones_still_open(tmp_path: Path, fundus: Path) -> None:
    """Also where the first ones are bad, one is not there at all, and a folder holds both kinds."""
    bad = bad_pictures(tmp_path / "mixed")
    shutil.copy(fundus, tmp_path / "mixed" / "fundus.png")
    names = (tmp_path / "missing.jpg", tmp_path / "mixed")
    answer = fundusxr(
        "view", *names, "--mode", "offscreen", "--size", "320x240", "--screenshot", "good.png", cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stderr
    lines = answer.stderr.splitlines()
    assert [name for name in ("missing.jpg", *bad) if sum(f"/{name}: " in line for line in lines) != 1] == []
    assert [surface["photograph"] for surface in shown_in(tmp_path / "good.png")] == ["fundus.png"]


def test_offscreen_plays_its_tour_and_ends_sharp(tmp_path: Path) -> None:
    tour = tmp_path / "tour.json"
    tour.write_text(SHORT_TOUR)
    answer = fundusxr(
        "view", DEMO, "--mode", "offscreen", "--tour", tour, "--size", "800x600",
        "--screenshot", "end.png", "--stats", "stats.json", cwd=tmp_path,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    (shown,) = shown_in(tmp_path / "end.png")
    assert shown["surface"] == "retina"
    assert shown["zoom"] == 9
    assert shown["scale"] == 2 ** shown["level"] > 1
    stats = json.loads((tmp_path / "stats.json").read_text())
    zoom = stats["zooms"][-1]
    assert zoom["last_sharp_ms"] >= zoom["first_sharp_ms"] > 0
    # Whole tiles of 128 pixels: in a picture much smaller than this one their margins alone can be more.
    assert zoom["visible_pixels"] <= zoom["computed_pixels"] <= 2 * zoom["visible_pixels"]
    assert stats["tiles"]["computed"] >= zoom["tiles"]
    assert stats["tiles"]["failed"] == 0


def test_without_usable_weights_the_photograph_is_shown_and_said_to_be(tmp_path: Path) -> None:
    """A copy of the program with weights cut short: never other pixels, and one line that names the file."""
    root = Path(cli.__file__).resolve().parent.parent
    for part in ("sr_core", "vr_app", "assets", "shaders"):
        shutil.copytree(root / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for weights in (tmp_path / "assets" / "weights").glob("*.safetensors"):
        weights.write_bytes(weights.read_bytes()[:1000])
    (tmp_path / "tour.json").write_text(SHORT_TOUR)
    answer = fundusxr(
        "view", DEMO, "--mode", "offscreen", "--tour", "tour.json", "--size", "320x240",
        "--screenshot", "end.png", "--stats", "stats.json", cwd=tmp_path, PYTHONPATH=str(tmp_path),
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert len([line for line in answer.stderr.splitlines() if ".safetensors" in line and "cut short" in line]) == 1
    (shown,) = shown_in(tmp_path / "end.png")
    assert shown["scale"] == 1
    tiles = json.loads((tmp_path / "stats.json").read_text())["tiles"]
    assert tiles["computed"] == 0
    assert tiles["failed"] > 0


def test_frames_end_the_program(tmp_path: Path, fundus: Path) -> None:
    answer = fundusxr(
        "view", fundus, "--mode", "offscreen", "--frames", "5", "--size", "64x64", "--stats", "stats.json", cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads((tmp_path / "stats.json").read_text())["frames"] == 5


# --- the end by a signal ---------------------------------------------------------------------------------------------

UPSCALE = ("upscale", DEMO, "out.png", "--scale", "8")
VIEW = ("view", DEMO, "--mode", "offscreen", "--screenshot", "out.png", "--tour", "../tour.json")


def maps_torch(process: subprocess.Popen) -> bool:
    """Whether a process is past its beginning: it imports torch, or has."""
    return "libtorch" in Path(f"/proc/{process.pid}/maps").read_text()


def processor_seconds(process: subprocess.Popen) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks into /proc, which only Linux has")
@pytest.mark.parametrize(
    ("arguments", "number", "computes"),
    [
        (UPSCALE, signal.SIGINT, False),
        (UPSCALE, signal.SIGTERM, True),
        (VIEW, signal.SIGINT, False),
        (VIEW, signal.SIGTERM, False),
        (VIEW, signal.SIGINT, True),
    ],
    ids=["upscale-loading", "upscale-computing", "view-loading", "view-loading-terminated", "view-computing"],
)
def test_ctrl_c_ends_and_leaves_nothing_behind(
    tmp_path: Path, arguments: Sequence[object], number: signal.Signals, computes: bool
) -> None:
    """While torch is being loaded, and in the midst of the work: no traceback, no file, no process."""
    (tmp_path / "tour.json").write_text(LONG_TOUR)
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    command = [sys.executable, "-m", "vr_app.cli", *arguments]
    with started(command, cwd=work, env={**os.environ, **QUIET, "TMPDIR": str(temporary)}) as process:
        wait_until(lambda: maps_torch(process), "torch in its memory", PATIENCE)
        if computes:
            enough = processor_seconds(process) + 4.0
            wait_until(lambda: processor_seconds(process) > enough, "4 s of work", PATIENCE)
        process.send_signal(number)
        out, said = process.communicate(timeout=PATIENCE)
        assert members(process.pid) == []
    assert process.returncode == 130, said
    assert "Traceback" not in out + said
    assert list(work.iterdir()) == []
    assert list(temporary.iterdir()) == []


# --- doctor, train, help ---------------------------------------------------------------------------------------------


def test_doctor_names_everything_and_cures(tmp_path: Path) -> None:
    answer = fundusxr("doctor", XR_RUNTIME_JSON=str(tmp_path / "none.json"), DISPLAY="", WAYLAND_DISPLAY="")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    for word in ("Python", "torch", "device", "GL offscreen", "OpenXR", "rdb-lite x2", "rdb-lite x4", "rdb-lite x8"):
        assert word in answer.stdout
    assert "cure:" in answer.stdout
    assert "a rival, for the comparison" in answer.stdout
    (rivals,) = re.findall(r"rivals +(.*)", answer.stdout)
    assert {"srcnn", "srgan", "srresnet"} <= set(re.split(r"[ ,:]+", rivals))


def test_train_refuses_a_malformed_config(here, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("name = 3\nspeed = 'fast'\n")
    assert_refused(here("train", config), "config.toml")
    assert_refused(here("train", tmp_path / "missing.toml"), "missing.toml")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_example_of_a_help_is_a_line_of_its_own_and_a_true_command(name: str) -> None:
    (block,) = re.findall(r"```\n(.*?)```", COMMANDS[name].help, re.DOTALL)
    examples = block.splitlines()
    shown = CliRunner().invoke(cli.app, [name, "--help"], env={"COLUMNS": "80", "NO_COLOR": "1"}).output
    lines = [line.strip() for line in shown.splitlines()]
    for example in examples:
        assert example in lines
        program, command, *arguments = shlex.split(example, comments=True)
        assert (program, command) == ("fundusxr", name)
        COMMANDS[name].make_context(name, arguments)
