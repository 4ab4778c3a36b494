"""Regions as pictures to hand on: the right pixels, told by what; and one line for what cannot be done."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.assets import asset_path
from sr_core.errors import UserError
from sr_core.image.departure import Computed
from sr_core.image.geometry import Rect
from sr_core.image.photograph import load_photograph
from sr_core.image.provenance import Made
from tests.rig import wait_until
from vr_app import cli
from vr_app.core.scene import overlay
from vr_app.core.view.region import Kind, Region
from vr_app.regions.export import MOST_PIXELS, Exporter, Job, export_region, fitting_scale, load_engine
from vr_app.regions.files import save_changes
from vr_app.regions.picture import difference, region_picture

MADE = Made(4, "rdb-lite", 0.0, "c" * 64, True, "1.0")


@pytest.fixture
def eye(tmp_path: Path) -> Path:
    path = tmp_path / "clinic" / "eye.png"
    path.parent.mkdir()
    with Image.open(asset_path("demo", "retina.jpg")) as full:
        full.convert("RGB").crop((100, 450, 340, 650)).save(path)
    return path


@pytest.fixture
def disc(eye: Path) -> Region:
    sha256 = load_photograph(eye).sha256
    return Region(sha256, eye.name, Rect(30, 40, 48, 36), Kind.DISC, "cup 0.6?", "2026-01-02T03:04:05+00:00")


@pytest.fixture(scope="module")
def engine():
    return load_engine("rdb-lite", 2, "cpu")


def test_the_three_pictures_stand_side_by_side(eye, disc, engine, tmp_path):
    out = tmp_path / "disc.png"
    photograph = load_photograph(eye)
    export_region(photograph, disc, out, engine)
    computed = engine.upscale_marked(photograph.pixels, disc.rect)
    with Image.open(out) as picture:
        pixels, text = np.asarray(picture), dict(picture.text)
    times = -(-420 // 96)
    wide = 96 * times
    second = np.repeat(np.repeat(computed.pixels[..., :3], times, axis=0), times, axis=1)
    third = np.repeat(np.repeat(difference(computed), times, axis=0), times, axis=1)
    places = [_find(pixels, wanted) for wanted in (second, third)]
    assert places[0] is not None
    assert places[1] is not None
    assert places[1][1] == places[0][1]
    assert places[1][0] - places[0][0] >= wide
    # The photograph's own pixels stand at the left: shrunk, they are the photograph.
    x, y = places[0][0] - (places[1][0] - places[0][0]), places[0][1]
    first = pixels[y : y + 72 * times, x : x + wide].astype(float)
    blocks = first.reshape(36, 2 * times, 48, 2 * times, 3).mean(axis=(1, 3))
    assert np.abs(blocks - photograph.pixels[disc.rect.slices()]).mean() < 1.0
    assert text["fundusxr:region"] == "30,40,48,36"
    assert text["fundusxr:region-name"] == "disc"
    assert text["fundusxr:region-note"] == "cup 0.6?"
    assert text["fundusxr:source-sha256"] == photograph.sha256
    assert text["fundusxr:weights-sha256"] == engine.network.sha256
    assert text["fundusxr:agrees"] == "yes"
    assert text["fundusxr:scale"] == "2"
    assert text["fundusxr:model"] == "rdb-lite"
    assert text["fundusxr:agrees-with"] == "pixels"
    assert text["fundusxr:restored-levels"] == "0.000"
    assert float(text["fundusxr:invented-levels"]) == pytest.approx(computed.departure.invented, abs=0.001)
    assert "Not for diagnosis" in text["Description"]


def _find(pixels: np.ndarray, wanted: np.ndarray) -> tuple[int, int] | None:
    """Where a picture stands in a larger one."""
    height, width = wanted.shape[:2]
    for y, x in zip(*np.nonzero((pixels == wanted[0, 0]).all(axis=-1)), strict=True):
        if np.array_equal(pixels[y : y + height, x : x + width], wanted):
            return int(x), int(y)
    return None


def words_drawn(region: Region, made: Made) -> np.ndarray:
    pixels = np.full((10, 10, 3), 90, np.uint8)
    return region_picture(pixels, Computed(np.full((40, 40, 4), 90, np.uint8)), region, made)


@pytest.mark.parametrize("name", ["two\nlines \x1b[31m.png", "M\udcfcller.png", "\u200f\u05e2.png"])
def test_any_name_of_a_photograph_is_drawn_in_one_line(disc, name):
    plain, odd = (words_drawn(replace(disc, file=file), MADE) for file in ("eye.png", name))
    rows = np.flatnonzero((plain != odd).any(axis=(1, 2)))
    assert 0 < np.ptp(rows) < 30  # pixels: the line that tells the photograph, and no other


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": Kind.EXUDATE},
        {"note": "other"},
        {"file": "x.jpg"},
        {"photograph": "d" * 64},
        {"rect": Rect(1, 0, 9, 9)},
    ],
)
def test_the_picture_itself_tells_each_thing_of_the_region(disc, changed):
    assert not np.array_equal(words_drawn(disc, MADE), words_drawn(replace(disc, **changed), MADE))


@pytest.mark.parametrize(
    "changed", [{"model": "srgan"}, {"texture": 0.5}, {"weights": "e" * 64}, {"agrees": False}, {"version": "1.1"}]
)
def test_and_of_what_computed_it(disc, changed):
    assert not np.array_equal(words_drawn(disc, MADE), words_drawn(disc, replace(MADE, **changed)))


def test_the_difference_has_the_overlays_colours():
    computed = np.zeros((1, 4, 4), np.uint8)
    computed[..., 3] = 0, overlay.FROM, round((overlay.FROM + overlay.FULL) / 2), overlay.FULL
    shown = difference(Computed(computed))[0] / 255
    with_restored = difference(Computed(computed, np.array([[float(overlay.FULL)]], np.float32)))[0] / 255
    blue = np.array(overlay.RESTORED_COLOUR[:3]) * overlay.OPACITY
    assert with_restored[0] == pytest.approx(blue, abs=0.01)
    assert with_restored[3] == pytest.approx(shown[3] + 0.2 * blue, abs=0.01)
    assert not shown[:2].any()
    assert shown[2] == pytest.approx(np.array(overlay.LITTLE[:3]) * overlay.OPACITY, abs=0.1)
    assert shown[3] == pytest.approx(np.array(overlay.MUCH[:3]) * overlay.OPACITY, abs=0.01)


@pytest.mark.parametrize("size", [(4, 4), (4, 900), (1500, 6)])
def test_any_shape_of_region_makes_a_picture(disc, size):
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    computed = Computed(np.zeros((4 * height, 4 * width, 4), np.uint8))
    long = replace(disc, rect=Rect(0, 0, *size), note="x" * 500, file="y" * 300)
    picture = region_picture(pixels, computed, long, MADE)
    assert picture.shape[1] >= 3 * max(420, 4 * width)


@pytest.mark.parametrize(("edge", "scale"), [(100, 8), (200, 8), (201, 4), (400, 4), (401, 2), (5000, 2)])
def test_the_scale_fits_the_region(disc, edge, scale):
    assert fitting_scale(replace(disc, rect=Rect(0, 0, 10, edge))) == scale


def test_what_cannot_be_exported_is_told(eye, disc, engine, tmp_path):
    photograph = load_photograph(eye)
    out = tmp_path / "x.png"
    with pytest.raises(UserError, match="has changed since"):
        export_region(photograph, replace(disc, photograph="d" * 64), out, engine)
    with pytest.raises(UserError, match="lies outside"):
        export_region(photograph, replace(disc, rect=Rect(200, 0, 100, 10)), out, engine)
    with pytest.raises(UserError, match="cannot be written"):
        export_region(photograph, disc, tmp_path / "none" / "x.png", engine)
    assert not out.exists()
    large = replace(photograph, pixels=np.zeros((2100, 2000, 3), np.uint8))
    assert MOST_PIXELS < 2100 * 2000
    with pytest.raises(UserError, match="more than 4 megapixels"):
        export_region(large, replace(disc, rect=Rect(0, 0, 2000, 2100)), out, engine)


def test_the_viewer_has_it_done_by_a_process_and_tells_when_it_is_done(eye, disc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exporter = Exporter("cpu")
    exporter.export(eye, disc, "rdb-lite")
    exporter.export(eye, replace(disc, photograph="d" * 64), "rdb-lite")
    assert exporter.notices() == ()
    told: list[str] = []

    def all_told() -> bool:
        told.extend(exporter.notices())
        return len(told) == 2

    wait_until(all_told, "both answers")
    exporter.close()
    exporter.close()
    (path,) = tmp_path.glob("fundusxr-eye-disc-*.png")
    assert told[0] == f"Region exported: {path}"
    assert told[1].startswith("Region not exported: ")
    assert "has changed" in told[1]


def test_a_process_that_dies_is_told(eye, disc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exporter = Exporter("cpu")
    exporter.export(eye, disc, "rdb-lite")
    exporter._child.kill()
    told: list[str] = []
    wait_until(lambda: told.extend(exporter.notices()) or told, "the answer")
    assert "Region not exported" in told[0]


def test_a_process_told_nonsense_ends_with_an_error():
    answer = subprocess.run(
        [sys.executable, "-m", "vr_app.regions.export"], input="{}", capture_output=True, text=True, check=False
    )
    assert answer.returncode != 0


def test_a_job_is_read_as_it_was_told(eye, disc, tmp_path):
    job = Job(eye, disc, tmp_path / "ä.png", "rdb-lite", "cpu")
    assert Job.read(job.told()) == job


def run(monkeypatch, capsys, *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["fundusxr", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    out, err = capsys.readouterr()
    return end.value.code or 0, out, err


def test_the_commands_list_and_export_a_folders_regions(eye, disc, tmp_path, monkeypatch, capsys):
    save_changes(eye.parent, [], [disc, replace(disc, photograph="d" * 64)])
    eye.rename(eye.with_name("renamed.png"))
    code, out, err = run(monkeypatch, capsys, "regions", "list", eye.parent)
    assert code == 0, err
    (line,) = out.splitlines()
    words = line.split("\t")
    assert words[0].endswith("renamed.png")
    assert words[1:] == ["1", "disc", "30,40,48,36", "2026-01-02T03:04:05+00:00", "cup 0.6?"]
    report = tmp_path / "report"
    code, _, err = run(monkeypatch, capsys, "regions", "export", eye.parent, "--out", report, "--scale", 2)
    assert code == 0, err
    assert [path.name for path in report.iterdir()] == ["renamed-1-disc.png"]
    with Image.open(report / "renamed-1-disc.png") as picture:
        assert picture.text["fundusxr:scale"] == "2"


def test_what_the_commands_cannot_do_is_one_line(eye, disc, tmp_path, monkeypatch, capsys):
    code, _, err = run(monkeypatch, capsys, "regions", "export", eye, "--out", tmp_path / "r", "--scale", 3)
    assert (code, err.strip().splitlines()) == (2, ["fundusxr: --scale 3: must be 2, 4 or 8"])
    code, _, err = run(monkeypatch, capsys, "regions", "export", eye, "--out", tmp_path / "r")
    assert code == 2
    assert "no region was exported" in err
    code, _, err = run(monkeypatch, capsys, "regions", "export", tmp_path / "none", "--out", tmp_path / "r" / "s")
    assert code == 2
    assert not (tmp_path / "r").exists()
    code, _, err = run(monkeypatch, capsys, "regions", "export", eye, "--out", eye)
    assert code == 2
    assert "cannot be made" in err
    (eye.parent / "fundusxr-regions.json").write_text("{")
    code, out, err = run(monkeypatch, capsys, "regions", "list", eye)
    assert (code, out) == (0, "")
    assert "bad-1" in err
