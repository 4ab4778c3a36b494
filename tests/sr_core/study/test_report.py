"""What people read: no sharpness without fidelity, the right numbers, crops where they were cut."""

import json
import subprocess
import sys

import numpy as np
import pytest

from sr_core.errors import UserError
from sr_core.image.field_of_view import FieldOfView
from sr_core.image.geometry import Rect
from sr_core.study.comparison.metrics import psnr
from sr_core.study.comparison.report import (
    COLUMNS,
    CROP,
    CROPS,
    Column,
    Strip,
    caption,
    crops_of,
    figure,
    figure_names,
    fill,
    table,
)
from sr_core.study.data.references import Reference
from tests.helpers.places import ROOT

RESULTS = ROOT / "docs/results/results.json"
DOCUMENTS = [ROOT / "docs/science.md", ROOT / "README.md"]
FILLED = [path for path in DOCUMENTS if path.is_file() and "<!-- results of" in path.read_text(encoding="utf-8")]

SUMMARY = {
    "method": "lanczos",
    "psnr": {"mean": 41.234, "sd": 1.5},
    "s3": {"mean": 0.2, "sd": 0},
    "s3_photograph": {"mean": 0.3, "sd": 0},
    "over_bicubic": {"mean": 0.5, "low": -0.1, "high": 1.1, "won": 0.75},
    "seconds": None,
}


def picture(shape=(300, 400, 3)):
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


def test_a_table_tells_what_a_summary_says_and_leaves_the_rest_empty():
    head, rule, row = table([SUMMARY]).splitlines()
    assert head.count("|") == rule.count("|") == row.count("|") == len(COLUMNS) + 2
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[:5] == ["Lanczos", "41.23 ± 1.50", "+0.50 [-0.10, +1.10]", "75%", ""]
    assert cells[9] == "0.200 (0.300)"
    assert cells[-1] == ""


def test_sharpness_is_never_shown_without_psnr():
    fidelity, sharpness = Column("PSNR", ("psnr.mean",), "{:.2f}"), Column("S3", ("s3_whole.mean",), "{:.2f}")
    assert "41.23" in table([SUMMARY], [fidelity, sharpness])
    with pytest.raises(ValueError, match="not shown without PSNR"):
        table([SUMMARY], [sharpness])


def test_a_caption_is_of_its_crop():
    crop, photograph = picture((CROP, CROP, 3)), np.full((CROP, CROP, 3), 128, np.uint8)
    lines = caption(crop, photograph)
    assert lines[0].startswith(f"{psnr(crop, photograph):.2f} dB")
    assert lines[1].startswith("S3 0.")


@pytest.mark.parametrize("name", [*CROPS, "another.png"])
def test_crops_lie_in_the_picture_on_the_grid_of_every_scale(name):
    crops = crops_of(Reference(name, picture(), FieldOfView(200, 150, 200)))
    assert crops
    for rect in crops.values():
        assert Rect(0, 0, 400, 300).contains(rect)
        assert (rect.w, rect.h, rect.x % 8, rect.y % 8) == (CROP, CROP, 0, 0)


def test_an_unlisted_photograph_shows_its_strongest_contrast():
    pixels = np.full((300, 400, 3), 100, np.uint8)
    pixels[150:180, 250:280] = 255
    (rect,) = crops_of(Reference("another.png", pixels, FieldOfView(200, 150, 250))).values()
    assert rect.contains(Rect(250, 150, 30, 30))
    assert crops_of(Reference("tiny.png", pixels[:64, :64], FieldOfView(32, 32, 32))) == {}


def test_the_figure_shows_listed_photographs_else_the_first_two():
    listed = list(CROPS)[1]
    assert figure_names(["a", "b", listed, "c"]) == [listed]
    assert figure_names(["a", "b", "c"]) == ["a", "b"]


def test_a_figure_holds_every_crop_twice_enlarged():
    crops = [np.full((CROP, CROP, 3), level, np.uint8) for level in (40, 60, 80, 100, 120, 140, 160)]
    strip = Strip("eye: vessels", crops[0], crops[1], {f"method {i}": crop for i, crop in enumerate(crops[2:])})
    drawn = figure("heading", [strip, strip])
    for level in (40, 60, 80, 100, 120, 140, 160):
        of_level = (drawn == level).all(axis=2)
        rows, columns = (
            np.flatnonzero(of_level.sum(axis=1) >= 2 * CROP),
            np.flatnonzero(of_level.sum(axis=0) >= 2 * CROP),
        )
        assert len(rows) == 4 * CROP  # in either strip
        assert len(columns) == 2 * CROP
    assert (drawn[:20, :100] < 128).any()


def summaries(*places):
    return [
        SUMMARY | {"set": group, "regime": regime, "scale": scale, "photographs": 15, "method": method}
        for group, regime, scale, method in places
    ]


PLACES = (
    ("HRF", "paper", 2, "lanczos"),
    ("HRF", "paper", 2, "net"),
    ("HRF", "paper", 2, "net alone"),
    ("HRF", "paper", 8, "net"),
    ("HRF", "viewer", 2, "net"),
    ("IDRiD", "paper", 2, "other"),
)
MARKED = "before\n<!-- results of HRF: {} -->\nold\n<!-- end of results -->\nafter\n"


def test_documents_are_filled_between_the_marks_and_nowhere_else():
    results = {"command": "fundusxr evaluate DATA", "summary": summaries(*PLACES)}
    text = MARKED.format("full") + MARKED.format("short")
    filled = fill(text, results)
    assert fill(filled, results) == filled
    assert "old" not in filled
    assert filled.count("before\n<!--") == filled.count("<!-- end of results -->\nafter\n") == 2
    assert filled.count("`fundusxr evaluate DATA`") == 2
    full, short = filled.split("after\n")[:2]
    assert full.count("| net |") == 3
    assert full.count("| net alone |") == 1
    assert "**The paper's regime (short side 1024), x8**, 15 photographs" in full
    assert "other" not in filled
    assert "| net | +0.50 [-0.10, +1.10] | +0.50 [-0.10, +1.10] |" in short
    assert "| Lanczos | +0.50 [-0.10, +1.10] |  |" in short
    assert "alone" not in short


def test_bars_are_of_the_set_alone():
    row = {"regime": "paper", "scale": 8, "method": "bicubic", "psnr": 40.0, "invented_correlation": None}
    rows = [row | {"photograph": "HRF/images/01_h.jpg"}, row | {"photograph": "IDRiD/a.jpg"}]
    rows += [row | {"photograph": rows[0]["photograph"], "method": "rdb-lite", "psnr": 42.0}]
    filled = fill(MARKED.format("bars"), {"command": "c", "summary": summaries(*PLACES), "rows": rows})
    assert "| +2.00 dB, 1 of 1; healthy eyes +2.00 dB, 1 of 1 | yes |" in filled
    assert "not measured: no rows of lanczos | no |" in filled


def test_documents_that_cannot_be_filled_are_refused():
    results = {"command": "c", "summary": summaries(("IDRiD", "paper", 2, "net"))}
    with pytest.raises(UserError, match="to fill"):
        fill("<!-- results of HRF: full -->", results)
    with pytest.raises(UserError, match="no photographs of HRF"):
        fill(MARKED.format("full"), results)


def test_the_script_fills_documents(tmp_path):
    results, document = tmp_path / "results.json", tmp_path / "science.md"
    results.write_text(json.dumps({"command": "c", "summary": summaries(*PLACES)}))
    document.write_text(MARKED.format("full"))
    command = [sys.executable, str(ROOT / "scripts/fill_results.py"), str(results), str(document)]
    answer = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, timeout=300)
    assert answer.returncode == 0, answer.stderr
    assert document.read_text() == fill(MARKED.format("full"), json.loads(results.read_text()))
    document.write_text("nothing marked")
    answer = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, timeout=300)
    assert answer.returncode != 0
    assert "science.md: no lines" in answer.stderr


@pytest.mark.parametrize("path", FILLED, ids=lambda path: path.name)
def test_what_documents_say_of_the_results_is_what_the_results_say(path):
    text = path.read_text(encoding="utf-8")
    assert fill(text, json.loads(RESULTS.read_text(encoding="utf-8"))) == text
