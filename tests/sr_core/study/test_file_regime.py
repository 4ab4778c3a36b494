"""The file's regime: what is measured of pictures from JPEG files, and a whole comparison, stopped and gone on with."""

import json

import numpy as np
import pytest
import typer
from PIL import Image
from scipy.ndimage import gaussian_filter
from typer.testing import CliRunner

from sr_core.errors import UserError
from sr_core.image.photograph import load_photograph
from sr_core.image.resample import enlarge_pseudo_inverse, to_uint8
from sr_core.networks.names import DEFAULT_MODEL
from sr_core.networks.zoo import SCALES
from sr_core.study.comparison.coded import FileCoding
from sr_core.study.comparison.file_measures import agreement, border_ratio, departure, vessel_contrast
from sr_core.study.comparison.file_methods import SAVED, Opened, file_methods, open_saved, own_part, weights_of
from sr_core.study.comparison.file_regime import FilePlan, run, summarise
from sr_core.study.comparison.file_report import bars_of, fill, markdown
from sr_core.study.comparison.metrics import psnr
from sr_core.study.comparison.results import Comparison
from sr_core.study.comparison.variation import decode_by_variation
from tests.helpers.jpegs import save_jpeg
from tests.helpers.places import ROOT
from tests.helpers.recomputed import file_disagreements
from vr_app.commands.evaluate import ListCommand
from vr_app.commands.evaluate import evaluate as evaluate_command

COMMITTED = ROOT / "docs" / "results" / "files.json"
SPLIT = COMMITTED.with_name("files-split.json")
DOCUMENTS = [ROOT / "docs" / "science.md", ROOT / "README.md"]
NAMES = ["clinic/a.jpg", "camp/b.jpg"]


def made_up_eye(seed, side=168):
    """A lit disc with texture on black."""
    rng = np.random.default_rng(seed)
    texture = gaussian_filter(rng.normal(0, 60, (side, side, 3)), (1.2, 1.2, 0)) + np.array([170, 90, 50])
    y, x = np.mgrid[:side, :side] + 0.5 - side / 2
    return to_uint8(texture * (np.hypot(x, y) < side / 2 - 4)[..., None])


def smooth(seed=3, side=192):
    return to_uint8(gaussian_filter(np.random.default_rng(seed).normal(0, 400, (side, side, 3)), (6, 6, 0)) + 120)


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "data"
    for seed, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True)
        save_jpeg(root / name, made_up_eye(seed, 224), quality=90)
    lists = {"about": "made up", "train": [], "validation": [], "test": NAMES}
    (root / "split.json").write_text(json.dumps(lists))
    return root


def comparison(data, **changes):
    given = {"root": data, "scales": (4,), "models": ("rdb-lite", DEFAULT_MODEL), "split": str(data / "split.json")}
    return Comparison(**given | changes)


def test_blocks_are_seen_where_they_are():
    flat = np.kron(np.random.default_rng(1).integers(80, 160, (12, 12, 1)), np.ones((8, 8, 3))).astype(np.uint8)
    ramp = to_uint8(flat + np.arange(96)[None, :, None] * 0.2)
    inside = np.ones((96, 96), bool)
    assert border_ratio(ramp, 1, (0, 0), inside) > 50
    assert border_ratio(ramp, 1, (3, 3), inside) < 0.5
    assert border_ratio(np.roll(ramp, (3, 5), axis=(0, 1)), 1, (5, 3), inside) > 50
    assert border_ratio(smooth(), 1, (0, 0), np.ones((192, 192), bool)) == pytest.approx(1, abs=0.1)
    enlarged = np.clip(enlarge_pseudo_inverse(ramp, 4), 0, 255)
    assert border_ratio(enlarged, 4, (0, 0), np.ones((384, 384), bool)) > 5
    inside[:, :48] = False  # only what lies inside counts
    ramp[:, :40] = np.random.default_rng(2).integers(0, 255, (96, 40, 3))
    assert border_ratio(ramp, 1, (0, 0), inside) > 50


def test_a_decoded_picture_agrees_with_its_file_and_another_does_not():
    opened = open_saved(smooth(), FileCoding("", 60))
    itself = agreement(opened.pixels, 1, opened.file)
    assert min(itself.luma, itself.chroma) > 0.999
    brighter = agreement(to_uint8(opened.pixels.astype(float) + 6), 1, opened.file)
    assert brighter.luma < 1 - 0.8 / 64  # every block's mean
    assert brighter.chroma > 0.99


def test_departure_and_contrast_by_hand():
    small = smooth(side=48)
    alone = np.clip(enlarge_pseudo_inverse(small, 2), 0, 255)
    assert departure(alone + np.array([1.0, -3.0, 2.0]), small, 2) == pytest.approx(3, abs=1e-3)
    picture, tracing = np.full((120, 120, 3), 140, np.uint8), np.zeros((60, 60), bool)
    tracing[29:31] = True
    picture[58:62] = 120
    assert vessel_contrast(picture, 2, tracing) == pytest.approx(20)
    with pytest.raises(ValueError, match="no vessels"):
        vessel_contrast(picture, 2, np.zeros((60, 60), bool))


def test_total_variation_within_the_cell_is_nearer_to_the_truth_and_stays_in_the_file():
    """Of flat patches whose edges lie on no block's border."""
    patches = np.random.default_rng(7).integers(80, 170, (9, 9, 1))
    truth = np.kron(patches, np.ones((21, 21, 3))).astype(np.uint8)[3:179, 5:181]
    opened = open_saved(truth, FileCoding("", 40))
    found = decode_by_variation(opened.pixels, opened.file)
    assert psnr(found, truth) > psnr(opened.pixels, truth) + 0.5
    kept = agreement(found, 1, opened.file)
    assert min(kept.luma, kept.chroma) > 0.999


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_part_of_a_file_keeps_what_the_file_says_of_it(tmp_path, orientation):
    path = save_jpeg(tmp_path / "a.jpg", made_up_eye(4, 251), orientation, quality=75, subsampling=2)
    photograph = load_photograph(path)
    opened, place = own_part(photograph, 96)
    assert opened.pixels.shape == (96, 96, 3)
    np.testing.assert_array_equal(opened.pixels, photograph.pixels[place.slices()])
    kept = agreement(opened.pixels, 1, opened.file)
    assert min(kept.luma, kept.chroma) > 0.99


def test_the_told_network_keeps_the_file_and_alone_it_does_not():
    opened = open_saved(made_up_eye(5), FileCoding("", 75))
    shown = {method.name: method.make(opened) for method in file_methods(2, ("rdb-lite", DEFAULT_MODEL))}
    assert list(shown) == ["bicubic", "pseudo-inverse", "tv-cell", "rdb-lite", DEFAULT_MODEL, f"{DEFAULT_MODEL} alone"]
    luma = {name: agreement(picture, 2, opened.file).luma for name, picture in shown.items()}
    assert luma[DEFAULT_MODEL] > 0.98  # noise whose rim clips
    assert luma[f"{DEFAULT_MODEL} alone"] < luma[DEFAULT_MODEL]
    clean = Opened(opened.pixels, None)
    with pytest.raises(UserError, match="coefficients of a JPEG file are not known"):
        file_methods(2, ("rdb-lite",))[2].make(clean)


class StopError(Exception):
    pass


def test_a_stopped_comparison_goes_on_where_it_was_and_tells_the_same(data, tmp_path):
    def stop(done, count, what):
        if done == 9:
            raise StopError

    with pytest.raises(StopError):
        run(FilePlan(comparison(data, limit=1), tmp_path / "kept"), stop)
    assert len(list((tmp_path / "kept").glob("*.json"))) == 9
    plan = FilePlan(comparison(data, limit=1), tmp_path / "kept")
    rows = run(plan)
    kinds = [row["kind"] for row in rows]
    quick = {"psnr": 3 * len(SAVED), "blocks": 4}
    assert {kind: kinds.count(kind) for kind in kinds} == {"truth": 6 * len(SAVED), "real": 7, **quick}
    assert run(plan) == rows
    kept = plan.file(next(plan.jobs()))
    kept.write_text(kept.read_text()[:40])  # damaged: computed anew, all but the time the same
    assert run(plan)[0] == {**rows[0], "seconds": pytest.approx(rows[0]["seconds"], abs=10)}


def test_summaries_count_every_photograph_in_psnr():
    def row(kind, photograph, method, value):
        place = {"kind": kind, "scale": 4, "photograph": photograph, "coding": "q90", "method": method}
        return place | {"psnr": value} | ({"luma_agrees": 0.9, "chroma_agrees": 1.0} if kind == "truth" else {})

    rows = [row("truth", "HRF/1", method, 40.0 + gain) for method, gain in (("bicubic", 0), ("tv", 1), ("rdb-file", 2))]
    rows += [row("psnr", "HRF/2", method, 41.0 + gain) for method, gain in (("bicubic", 0), ("rdb-file", -0.5))]
    found = {(summary["kind"], summary["method"]): summary for summary in summarise(rows)}
    assert set(found) == {
        *(("truth", method) for method in ("bicubic", "tv", "rdb-file")),
        *(("psnr", method) for method in ("bicubic", "rdb-file")),
    }
    every = found["psnr", "rdb-file"]
    assert (every["photographs"], every["over_bicubic"]["mean"], every["over_bicubic"]["least"]) == (2, 0.75, -0.5)
    assert found["truth", "rdb-file"]["over_bicubic"]["mean"] == 2
    bars = {bar.what: bar for bar in bars_of({"summary": [], "rows": []} | {"summary": list(found.values())})
            if "every photograph" in bar.what}  # fmt: skip
    assert [bar.holds for bar in bars.values()] == [False]


def test_a_network_measured_on_every_photograph_at_one_scale_is_not_told_of_them_at_another():
    def row(kind, scale, photograph, method):
        place = {"kind": kind, "scale": scale, "photograph": photograph, "coding": "q90", "method": method}
        return place | {"psnr": 40.0}

    rows = [row("truth", scale, "HRF/1", method) for scale in (2, 4) for method in ("bicubic", "rdb-lite")]
    rows += [row("psnr", 4, "HRF/2", method) for method in ("bicubic", "rdb-lite")]
    rows += [row("psnr", 2, "HRF/2", "bicubic")]
    every = {(one["scale"], one["method"]): one["photographs"] for one in summarise(rows) if one["kind"] == "psnr"}
    assert every == {(2, "bicubic"): 2, (4, "bicubic"): 2, (4, "rdb-lite"): 2}


def test_blocks_of_real_files_are_told_of_every_photograph():
    def row(kind, photograph, method, border):
        place = {"kind": kind, "scale": 4, "photograph": photograph, "coding": "its own", "method": method}
        return place | {"border": border} | ({"departure": 1.0, "luma_agrees": 1.0} if kind == "real" else {})

    rows = [
        row("real", "IDRiD/1", method, border) for method, border in (("bicubic", 2.5), ("tv", 2), ("rdb-file", 1.3))
    ]
    rows += [row("blocks", "IDRiD/2", method, border) for method, border in (("bicubic", 2.3), ("rdb-file", 1.6))]
    rows += [row("real", "HRF/1", "rdb-file", 1.9)]
    found = [summary for summary in summarise(rows) if (summary["set"], summary["kind"]) == ("IDRiD", "blocks")]
    assert [(one["method"], one["border"], one["border_most"]) for one in found] == [
        ("bicubic", 2.4, 2.5),
        ("rdb-file", 1.45, 1.6),
    ]
    (bar,) = bars_of({"summary": summarise(rows), "rows": rows})
    assert bar.measured == "1.45, worst 1.60, 1 of 2 photographs (bicubic 2.40)"
    assert bar.holds


@pytest.fixture
def command():
    """The command on its own, called with words; its result."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command(cls=ListCommand)(evaluate_command)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_writes_numbers_and_tables_beside_those_of_the_other_regimes(data, tmp_path, command):
    out = tmp_path / "out"
    out.mkdir()
    (out / "results.json").write_text("another regime's")
    common = [data, "--regime", "file", "--split", data / "split.json", "--models", "rdb-lite", DEFAULT_MODEL]
    outcome = command(*common, "--scales", 8, "--limit", 1, "--out", out)
    assert outcome.exit_code == 0, outcome.output
    assert sorted(path.name for path in out.iterdir()) == [".cache", "files.json", "files.md", "results.json"]
    assert (out / "results.json").read_text() == "another regime's"
    written = json.loads((out / "files.json").read_text())
    assert written["command"].endswith("--regime file --limit 1")
    assert (out / "files.md").read_text() == markdown(written)
    end = "old\n<!-- end of results -->\n"
    marked = f"<!-- results of camp: file -->\n{end}<!-- results of all: file-bars -->\n{end}"
    told = fill(marked.replace("camp", "clinic"), written)
    assert "| `rdb-file` x8 |" in told
    short = fill(marked.replace("camp: file", "clinic: file-short"), written)
    assert "| `rdb-file` x8 |" in short
    assert len(short) < len(told) / 2
    with pytest.raises(UserError, match="no photographs of none"):
        fill(marked.replace("camp", "none"), written)
    assert "--reductions" in str(command(*common, "--reductions", tmp_path / "small").exception)
    assert "--external" in str(command(*common, "--external", f"a={tmp_path}").exception)


def test_a_photograph_that_is_no_jpeg_has_no_part_to_look_at(tmp_path):
    Image.fromarray(made_up_eye(6)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="not a JPEG file"):
        own_part(load_photograph(tmp_path / "a.png"), 96)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_say_of_files_what_the_results_say(path):
    text = path.read_text(encoding="utf-8")
    assert fill(text, json.loads(COMMITTED.read_text(encoding="utf-8"))) == text


def test_the_committed_report_is_that_of_the_committed_numbers():
    results = json.loads(COMMITTED.read_text(encoding="utf-8"))
    assert COMMITTED.with_suffix(".md").read_text(encoding="utf-8") == markdown(results)
    assert results["summary"] == summarise(results["rows"])


def test_the_committed_results_of_files_tell_of_the_weights_that_are_committed():
    assert json.loads(COMMITTED.read_text(encoding="utf-8"))["weights"] == weights_of(SCALES)


def test_the_committed_results_of_files_are_those_of_the_committed_weights(fundus_data):
    assert file_disagreements(json.loads(COMMITTED.read_text(encoding="utf-8")), fundus_data, str(SPLIT)) == []
