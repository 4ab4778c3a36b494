"""The commands from outside: what they write, and one clear line with exit code 2 for what cannot be done."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.assets import asset_path
from tests.rig import wait_until

DEMO = asset_path("demo", "retina.jpg")
QUIET = {"OMP_NUM_THREADS": "1", "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}


def fundusxr(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vr_app.cli", *map(str, arguments)]
    env = {**os.environ, **QUIET, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd, env=env)


def assert_refused(answer: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit code 2 and one line that holds every word."""
    assert answer.returncode == 2, answer.stdout + answer.stderr
    lines = [line for line in answer.stderr.splitlines() if line and not line.startswith("fundusxr: offscreen")]
    assert len(lines) == 1, answer.stderr
    for word in words:
        assert word in lines[0]
    assert "Traceback" not in answer.stderr


@pytest.fixture(scope="module")
def fundus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160 x 120 pixels of a real photograph."""
    path = tmp_path_factory.mktemp("fundus") / "fundus.png"
    Image.open(DEMO).convert("RGB").crop((220, 360, 380, 480)).save(path)
    return path


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds nothing."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def bad_pictures(folder: Path) -> dict[str, Path]:
    """Every kind of file that is no photograph, by name."""
    files = {
        name: folder / name
        for name in ("empty.jpg", "truncated.jpg", "text.jpg", "huge.png", "deep.png", "cmyk.jpg", "tiny.png", "zero.png")
    }
    files["empty.jpg"].write_bytes(b"")
    files["truncated.jpg"].write_bytes(DEMO.read_bytes()[:60_000])
    files["text.jpg"].write_text("this is no picture")
    files["huge.png"].write_bytes(png_header(60_000, 60_000))
    files["zero.png"].write_bytes(png_header(0, 0))
    Image.fromarray(np.full((64, 64), 30_000, np.uint16)).save(files["deep.png"])
    Image.new("CMYK", (64, 64)).save(files["cmyk.jpg"])
    Image.new("RGB", (1, 1)).save(files["tiny.png"])
    return files | {"missing.jpg": folder / "missing.jpg"}


def test_upscale_writes_the_region_and_says_what_it_is(fundus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    answer = fundusxr("upscale", fundus, out, "--scale", 4, "--region", "40,30,50,40")
    assert answer.returncode == 0, answer.stderr
    picture = Image.open(out)
    assert picture.size == (200, 160)
    assert picture.text["fundusxr:scale"] == "4"
    assert picture.text["fundusxr:region"] == "40,30,50,40"
    assert "Not for diagnosis" in picture.text["Description"]


def test_a_region_is_the_same_as_in_the_whole(fundus: Path, tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.tif", tmp_path / "part.tif"
    assert fundusxr("upscale", fundus, whole, "--scale", 2).returncode == 0
    assert fundusxr("upscale", fundus, part, "--scale", 2, "--region", "40,30,50,40").returncode == 0
    cut = np.asarray(Image.open(whole), int)[60:140, 80:180]
    assert np.abs(np.asarray(Image.open(part), int) - cut).max() <= 1


def test_upscale_refuses_every_bad_picture_with_one_line(tmp_path: Path) -> None:
    for name, path in bad_pictures(tmp_path).items():
        assert_refused(fundusxr("upscale", path, tmp_path / "out.png"), name)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scale", "3"], ["--scale", "2, 4 or 8"]),
        (["--region", "1,2,3"], ["--region", "X,Y,W,H"]),
        (["--region", "100,100,100,100"], ["160x120"]),
        (["--model", "nonesuch"], ["nonesuch"]),
        (["--device", "cuda"], ["cuda"]),
    ],
)
def test_upscale_refuses_what_cannot_be_done(
    fundus: Path, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    if "cuda" in arguments:
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("this machine has CUDA")
    assert_refused(fundusxr("upscale", fundus, tmp_path / "out.png", *arguments), *words)


@pytest.mark.parametrize("name", ["out.jpg", "nowhere/out.png"])
def test_an_output_that_cannot_be_written_is_refused_before_the_work(fundus: Path, tmp_path: Path, name: str) -> None:
    assert_refused(fundusxr("upscale", fundus, tmp_path / name), name)


def test_view_refuses_every_bad_picture_with_one_line(tmp_path: Path) -> None:
    for name, path in bad_pictures(tmp_path).items():
        assert_refused(fundusxr("view", path, "--mode", "offscreen", "--size", "64x64"), name)


def test_view_refuses_a_folder_without_pictures(tmp_path: Path) -> None:
    assert_refused(fundusxr("view", tmp_path, "--mode", "offscreen"), str(tmp_path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["not JSON"]),
        ("[]", ["version"]),
        ('{"version": 1, "stops": []}', ["stops"]),
        ('{"version": 1, "stops": [{"surface": "wall", "center": [0, 0], "zoom": 1, "duration": 1}]}', ["stop 1", "surface"]),
        ('{"version": 1, "stops": [{"surface": "panel", "center": [0, 2], "zoom": 1, "duration": 1}]}', ["stop 1", "center"]),
    ],
)
def test_view_refuses_a_malformed_tour(tmp_path: Path, text: str, words: list[str]) -> None:
    tour = tmp_path / "tour.json"
    tour.write_text(text)
    assert_refused(fundusxr("view", "--mode", "offscreen", "--tour", tour), "tour.json", *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--screenshot", "picture.jpg"], [".png"]),
        (["--screenshot", "nowhere/picture.png"], ["nowhere"]),
        (["--stats", "nowhere/stats.json"], ["nowhere"]),
        (["--size", "big"], ["--size"]),
        (["--model", "nonesuch"], ["nonesuch"]),
        (["--tour", "missing.json"], ["missing.json"]),
    ],
)
def test_view_refuses_what_cannot_be_done(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    assert_refused(fundusxr("view", DEMO, "--mode", "offscreen", *arguments, cwd=tmp_path), *words)


def test_a_mode_that_cannot_be_had_is_refused(tmp_path: Path) -> None:
    none = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "XR_RUNTIME_JSON": str(tmp_path / "none.json")}
    for mode in ("xr", "desktop"):
        assert_refused(fundusxr("view", DEMO, "--mode", mode, **none))


def test_auto_without_headset_and_window_is_offscreen_and_says_why(tmp_path: Path) -> None:
    none = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "XR_RUNTIME_JSON": str(tmp_path / "none.json")}
    answer = fundusxr("view", "--size", "320x240", cwd=tmp_path, **none)
    assert answer.returncode == 0, answer.stderr
    said = answer.stderr.splitlines()[0]
    assert said.startswith("fundusxr: offscreen")
    assert "no headset" in said
    assert "no window" in said
    assert "fundusxr.png" in answer.stderr
    assert Image.open(tmp_path / "fundusxr.png").size == (320, 240)


def test_of_several_pictures_the_good_ones_still_open(tmp_path: Path, fundus: Path) -> None:
    bad = bad_pictures(tmp_path)["truncated.jpg"]
    answer = fundusxr(
        "view", bad, fundus, "--mode", "offscreen", "--size", "320x240", "--screenshot", "good.png", cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stderr
    assert "truncated.jpg" in answer.stderr
    shown = json.loads(Image.open(tmp_path / "good.png").text["fundusxr:view"])
    assert [surface["photograph"] for surface in shown["surfaces"]] == ["fundus.png"]


def test_offscreen_plays_its_tour_and_ends_sharp(tmp_path: Path) -> None:
    tour = tmp_path / "tour.json"
    stop = '{"surface": "%s", "center": [0.2, 0.45], "zoom": %d, "duration": 0.2}'
    tour.write_text('{"version": 1, "stops": [%s, %s]}' % (stop % ("panel", 1), stop % ("retina", 9)))
    answer = fundusxr(
        "view", DEMO, "--mode", "offscreen", "--tour", tour, "--size", "480x360",
        "--screenshot", "end.png", "--stats", "stats.json", cwd=tmp_path,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    shown = json.loads(Image.open(tmp_path / "end.png").text["fundusxr:view"])["surfaces"][0]
    assert shown["surface"] == "retina"
    assert shown["zoom"] == 9
    assert shown["scale"] == 2 ** shown["level"] > 1
    stats = json.loads((tmp_path / "stats.json").read_text())
    zoom = stats["zooms"][-1]
    assert zoom["last_sharp_ms"] >= zoom["first_sharp_ms"] > 0
    assert zoom["computed_pixels"] <= 2 * zoom["visible_pixels"]
    assert stats["tiles"]["computed"] >= zoom["tiles"]
    assert stats["tiles"]["failed"] == 0


def test_frames_end_the_program(tmp_path: Path, fundus: Path) -> None:
    answer = fundusxr(
        "view", fundus, "--mode", "offscreen", "--frames", "5", "--size", "64x64", "--stats", "stats.json", cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads((tmp_path / "stats.json").read_text())["frames"] == 5


def test_weights_that_do_not_fit_are_refused(fundus: Path, tmp_path: Path) -> None:
    """A copy of the program whose x4 weights are x8's, then cut short."""
    root = Path(__file__).resolve().parent.parent
    for part in ("sr_core", "vr_app", "assets", "shaders"):
        shutil.copytree(root / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    weights = tmp_path / "assets" / "weights"
    good = (weights / "rdb-lite-x8.safetensors").read_bytes()
    for data in (good, good[: len(good) // 2], b"", b"\xff" * 64):
        (weights / "rdb-lite-x4.safetensors").write_bytes(data)
        answer = fundusxr("upscale", fundus, tmp_path / "out.png", cwd=tmp_path, PYTHONPATH=str(tmp_path))
        assert_refused(answer, "rdb-lite-x4.safetensors")


def test_ctrl_c_ends_quickly_and_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vr_app.cli", "upscale", str(DEMO), "out.png", "--scale", "8"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, **QUIET}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    # Past its imports: it has mapped torch and works.
    wait_until(lambda: "libtorch" in Path(f"/proc/{process.pid}/maps").read_text(), "torch in its memory", 120)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_doctor_names_everything_and_cures(tmp_path: Path) -> None:
    answer = fundusxr("doctor", XR_RUNTIME_JSON=str(tmp_path / "none.json"), DISPLAY="", WAYLAND_DISPLAY="")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    for word in ("Python", "torch", "device", "GL offscreen", "OpenXR", "rdb-lite x2", "rdb-lite x4", "rdb-lite x8"):
        assert word in answer.stdout
    assert "cure:" in answer.stdout


def test_train_refuses_a_malformed_config(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("name = 3\nspeed = 'fast'\n")
    assert_refused(fundusxr("train", config), "config.toml")
    assert_refused(fundusxr("train", tmp_path / "missing.toml"), "missing.toml")
