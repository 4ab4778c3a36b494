"""Enlargers whose scores are known, and a whole comparison: stopped, gone on with, written, recomputed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from scipy.ndimage import gaussian_filter
from typer.testing import CliRunner

from sr_core.errors import UserError
from sr_core.image.field_of_view import FieldOfView
from sr_core.image.photograph import load_photograph
from sr_core.image.resample import enlarge_bicubic, enlarge_pseudo_inverse, to_uint8
from sr_core.image.saving import save_picture
from sr_core.networks.names import BEGINS_AS
from sr_core.networks.zoo import SCALES, available_models, load_model
from sr_core.study.comparison import evaluation, results, rivals
from sr_core.study.comparison.evaluation import EvaluationError, Yardstick, bare_network, evaluate
from sr_core.study.comparison.results import (
    Comparison,
    Plan,
    bundled_models,
    listed_photographs,
    load_reference,
    paired_difference,
    run,
    spread,
    summarise,
)
from sr_core.study.comparison.rivals import (
    Method,
    _as_sharp,
    back_project,
    classical_methods,
    enlarge_lanczos,
    network_methods,
    picture_name,
)
from sr_core.study.data.references import Reference, shrink_reference
from tests.helpers.places import ROOT
from tests.helpers.recomputed import disagreements
from vr_app.commands.evaluate import ListCommand
from vr_app.commands.evaluate import evaluate as evaluate_command

COMMITTED = ROOT / "docs" / "results" / "results.json"
NAMES = ["clinic/a.png", "clinic/b.png", "camp/c.png"]


def made_up_eye(seed, side=168):
    """A lit disc with texture on black."""
    rng = np.random.default_rng(seed)
    texture = gaussian_filter(rng.normal(0, 60, (side, side, 3)), (1.2, 1.2, 0)) + np.array([170, 90, 50])
    y, x = np.mgrid[:side, :side] + 0.5 - side / 2
    return to_uint8(texture * (np.hypot(x, y) < side / 2 - 4)[..., None])


def reference(seed=1):
    return Reference("eye", made_up_eye(seed), FieldOfView(84, 84, 80))


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "data"
    for seed, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        save_picture(root / name, made_up_eye(seed))
    lists = {"about": "made up", "train": [], "validation": [], "test": NAMES}
    (root / "split.json").write_text(json.dumps(lists))
    return root


def comparison(data, **changes):
    given = {"root": data, "scales": (4,), "models": ("rdb-lite",), "split": str(data / "split.json")}
    return Comparison(**given | changes)


def test_evaluation_scores_known_enlargers():
    rng = np.random.default_rng(5)
    smooth = enlarge_bicubic(rng.uniform(20, 230, (24, 24, 3)), 4)
    eye = Reference("eye", to_uint8(smooth), FieldOfView(48, 48, 40))
    bicubic = evaluate([eye], 4, lambda small, scale: to_uint8(enlarge_bicubic(small, scale)))[0]
    assert bicubic.gain == 0
    assert bicubic.name == "eye"
    bare = evaluate([eye], 4, lambda small, scale: to_uint8(enlarge_pseudo_inverse(small, scale)))[0]
    assert bare.gain_over_pseudo_inverse == 0
    assert bare.gain == pytest.approx(bare.pseudo_inverse - bare.bicubic)
    perfect = evaluate([eye], 4, lambda small, scale: eye.pixels)[0]
    assert perfect.gain == float("inf")
    assert shrink_reference(eye, 4).shape == (24, 24, 3)


def test_a_bare_network_in_parts_is_the_whole(monkeypatch):
    upscale = bare_network(load_model("rdb-lite", 2).module)
    small = shrink_reference(reference(), 2)
    whole = upscale(small, 2)
    monkeypatch.setattr(evaluation, "BARE_EDGE", 30)
    parts = upscale(small, 2).astype(int)
    assert np.abs(parts - whole).max() <= 1
    assert (parts != whole).mean() < 1e-4  # sums in another order, at the edge of rounding


def test_lanczos_is_pillows_inside_and_keeps_grey_grey():
    small = shrink_reference(reference(), 4)
    ours = enlarge_lanczos(small, 4)
    for channel in range(3):
        theirs = Image.fromarray(small[..., channel].astype(np.float32)).resize((168, 168), Image.Resampling.LANCZOS)
        np.testing.assert_allclose(ours[12:-12, 12:-12, channel], np.asarray(theirs)[12:-12, 12:-12], atol=1e-3)
    np.testing.assert_allclose(enlarge_lanczos(np.full((9, 7), 80.0), 2), 80, rtol=1e-6)


def test_back_projection_tends_to_the_pseudo_inverse():
    small = shrink_reference(reference(), 4).astype(np.float32)
    limit = enlarge_pseudo_inverse(small, 4)
    far, near = (np.abs(back_project(small, 4, steps) - limit)[8:-8, 8:-8].max() for steps in (0, 10))
    assert near < 0.05 * far


def test_unsharp_masking_is_as_sharp_as_what_it_is_held_against():
    yardstick = Yardstick(reference(), 4)
    shown = bare_network(load_model("rdb-lite", 4).module)
    wanted = yardstick.sharpness(shown(yardstick.small, 4))[0]
    assert yardstick.sharpness(_as_sharp(yardstick, shown))[0] == pytest.approx(wanted, abs=0.01)


def test_a_yardstick_knows_the_truth_from_its_reduction():
    eye = reference()
    yardstick = Yardstick(eye, 4)
    bicubic, w_plus = (method.make(yardstick) for method in classical_methods()[::3])
    measures = yardstick.measure(bicubic)
    assert measures.psnr == pytest.approx(evaluate([eye], 4, lambda small, scale: bicubic)[0].psnr)
    assert measures.s3 < measures.s3_photograph == yardstick.sharpness(eye.pixels)[0]
    nothing = yardstick.measure(w_plus)
    assert (nothing.invented, nothing.invented_correlation) == (0, None)
    with pytest.raises(EvaluationError, match="the photograph itself"):
        yardstick.measure(eye.pixels)
    with pytest.raises(EvaluationError, match="a picture of 42x42, not 168x168"):
        yardstick.measure(yardstick.small)


def test_sharpness_of_a_large_photograph_is_measured_in_the_middle_of_its_field():
    field = FieldOfView(900, 800, 900)
    large = Reference("large", np.zeros((1600, 1800, 3), np.uint8), field)
    rows, columns = evaluation._sharpness_window(large)
    assert (rows.start, rows.stop, columns.start, columns.stop) == (288, 1312, 388, 1412)


def test_paired_differences_by_hand():
    same = paired_difference(np.full(8, 0.5))
    assert same == {"mean": 0.5, "low": 0.5, "high": 0.5, "won": 1.0}
    gains = np.random.default_rng(1).normal(0.3, 1.0, 50)
    found = paired_difference(gains)
    error = gains.std() / np.sqrt(50)
    assert found["low"] == pytest.approx(gains.mean() - 1.96 * error, abs=0.03)
    assert found["high"] == pytest.approx(gains.mean() + 1.96 * error, abs=0.03)
    assert found["won"] == np.mean(gains > 0)
    assert paired_difference(gains) == found


def test_summaries_by_hand():
    def row(photograph, method, value):
        measures = dict.fromkeys(results.MEASURES, value) | {"invented_correlation": None}
        return {"regime": "paper", "scale": 2, "photograph": photograph, "method": method, **measures, "seconds": 1.0}

    rows = [
        row(name, method, base + gain)
        for name, base in (("x/1", 40.0), ("x/2", 42.0), ("y/3", 44.0))
        for method, gain in (("bicubic", 0.0), ("back-projection", 0.5), ("other", 1.0))
    ]
    found = {(s["set"], s["method"]): s for s in summarise(rows)}
    assert list(dict.fromkeys(key[0] for key in found)) == ["x", "y", "all"]
    assert found["x", "other"]["psnr"] == {"mean": 42.0, "sd": round(np.sqrt(2), 4)}
    assert found["all", "other"]["over_bicubic"] == {"mean": 1, "low": 1, "high": 1, "won": 1}
    assert found["all", "other"]["over_back-projection"]["mean"] == 0.5
    assert found["all", "bicubic"]["over_back-projection"]["won"] == 0
    assert "over_bicubic" not in found["all", "bicubic"]
    assert "invented_correlation" not in found["all", "other"]


def test_few_are_spread_over_many():
    assert spread(list("abcdef"), 2) == ["a", "d"]
    assert spread(list("abc"), None) == spread(list("abc"), 9) == ["a", "b", "c"]


class StopError(Exception):
    pass


def test_the_viewers_regime_takes_the_sets_that_are_sharp_at_their_own_size(data):
    both = comparison(data, regimes=("paper", "viewer"))
    assert [listed_photographs(both, regime) for regime in both.regimes] == [NAMES, NAMES]
    lists = json.loads((data / "split.json").read_text())
    (data / "split.json").write_text(json.dumps(lists | {"sharp": ["clinic"]}))
    assert [listed_photographs(both, regime) for regime in both.regimes] == [NAMES, NAMES[:2]]


def test_a_stopped_comparison_goes_on_where_it_was(data, tmp_path, monkeypatch):
    made = []
    measure = results.measure
    monkeypatch.setattr(results, "measure", lambda *given: made.append(given[1].name) or measure(*given))

    def stop(done, count, what):
        if done == 8:
            raise StopError

    with pytest.raises(StopError):
        run(Plan(comparison(data), tmp_path / "kept"), stop)
    assert len(made) == 8
    plan = Plan(comparison(data), tmp_path / "kept")
    rows = run(plan)
    assert len(made) == len(rows) == 3 * 6
    assert [row.figures for row in run(plan)] == [row.figures for row in rows]
    assert len(made) == 18
    # what is kept and damaged is made anew; so is what belongs to another photograph
    next((tmp_path / "kept").glob("*.npz")).write_bytes(b"cut short")
    save_picture(data / NAMES[0], made_up_eye(9))
    run(Plan(comparison(data), tmp_path / "kept"))
    assert 18 + 6 <= len(made) <= 18 + 7
    assert (tmp_path / "kept" / ".gitignore").read_text() == "*\n"


def test_what_kept_rows_depend_on_is_there():
    """A file that has moved would no longer count: rows measured by other code would stay."""
    root = Path(results.__file__).parents[2]
    for pattern in (*results._CODE, *results._STUDY_CODE):
        assert list(root.glob(pattern)), pattern


def test_other_words_about_code_leave_kept_rows_valid_and_other_code_does_not():
    code = 'def enlarge(x):\n    """{}"""\n    return {}  # {}\n'
    first = results._statements(code.format("One sentence.", "2 * x", "why"))
    assert results._statements(code.format("Another\n    sentence.", "2 * x", "since")) == first
    assert results._statements(code.format("One sentence.", "3 * x", "why")) != first


def test_results_are_recomputed_from_pixels_and_altered_weights_show(data, tmp_path):
    plan = Plan(comparison(data), tmp_path / "kept")
    written = json.loads(json.dumps(results.results_of(plan, run(plan), "command")))
    assert disagreements(written, data) == []
    network = load_model("rdb-lite", 4)
    assert written["weights"] == {"rdb-lite x4": network.sha256}
    with torch.no_grad():
        network.module.head.weight[0] += 0.5  # of one map, all: a single weight may meet a feature that is 0
    told = disagreements(written, data, methods=lambda scale: network_methods(replace(network, sha256="altered")))
    for method in ("rdb-lite", "rdb-lite alone"):
        assert any(f"a.png x4 {method}: psnr is" in line for line in told)
    written["weights"]["rdb-lite x4"] = "others"
    assert disagreements(written, data) == ["rdb-lite x4: other weights than those measured"]
    save_picture(data / NAMES[0], made_up_eye(9))
    assert "clinic/a.png: another file than the one measured" in disagreements(written, data)


def test_networks_of_the_adversarial_stage_meet_unsharp_masking():
    network = load_model("rdb-lite", 4)
    assert [method.name for method in network_methods(network)] == ["rdb-lite", "rdb-lite alone"]
    textured = network_methods(replace(network, name="rdb-lite-gan"))
    assert [method.name for method in textured] == ["rdb-lite-gan", "rdb-lite-gan alone", "unsharp = rdb-lite-gan"]
    assert [method.timed for method in textured] == [True, True, False]


def test_unsharp_masking_takes_the_picture_that_was_just_made(data, monkeypatch):
    made = []

    def enlarge(small, scale):
        made.append(small)
        return to_uint8(enlarge_pseudo_inverse(small, scale))

    monkeypatch.setattr(rivals, "through_engine", lambda engine: enlarge)
    shown, _, unsharp = network_methods(replace(load_model("rdb-lite", 4), name="rdb-lite-gan"))
    yardstick, other = (Yardstick(load_reference(data, name, "paper"), 4) for name in NAMES[:2])
    shown.make(yardstick)
    unsharp.make(yardstick)
    assert len(made) == 1
    unsharp.make(yardstick)  # forgotten by now, so made anew
    shown.make(yardstick)
    unsharp.make(other)
    assert [pixels is other.small for pixels in made] == [False, False, False, True]


def test_networks_alone_are_measured_in_the_papers_regime_only(data, tmp_path):
    plan = Plan(comparison(data, regimes=("paper", "viewer")), tmp_path / "kept")
    paper, viewer = ([method.name for method in plan.methods(regime, 4, NAMES[0])] for regime in ("paper", "viewer"))
    assert [name for name in paper if name not in viewer] == ["rdb-lite alone"]


def test_ctrl_c_keeps_what_is_done_and_says_so(data, tmp_path, command, monkeypatch):
    measure = results.measure

    def interrupted(regime, method, yardstick, crops):
        if method.name == "back-projection":
            raise KeyboardInterrupt
        return measure(regime, method, yardstick, crops)

    monkeypatch.setattr(results, "measure", interrupted)
    outcome = command(data, "--scales", 4, "--split", data / "split.json", "--out", tmp_path / "out")
    assert outcome.exit_code == 130
    assert "stopped with 2 figures done and kept" in outcome.stderr
    assert len(list((tmp_path / "out" / ".cache").glob("*.npz"))) == 2


def as_kept(file, **changes):
    """A kept row, written back with other contents."""
    with np.load(file) as arrays:
        contents = {key: arrays[key] for key in arrays.files}
    figures = json.loads(str(contents["figures"]))
    np.savez(file, **contents | {"figures": json.dumps(figures | changes)})


def test_a_kept_row_that_is_damaged_or_another_is_computed_anew(data, tmp_path):
    plan = Plan(comparison(data, limit=1), tmp_path / "kept")
    rows = [(row.figures | {"seconds": 0}, row.crops.keys()) for row in run(plan)]
    files = [plan.file(*job) for job in plan.jobs()]
    whole = files[0].read_bytes()
    files[0].write_bytes(b"")
    files[1].write_bytes(whole)  # bicubic's in another's place
    as_kept(files[2], psnr=float("nan"))
    np.savez(files[3], figures="[]")
    np.savez(files[4], figures="null")
    with np.load(files[5]) as arrays:
        np.savez(files[5], **{key: arrays[key] if key == "figures" else arrays[key][:9] for key in arrays.files})
    assert [(row.figures | {"seconds": 0}, row.crops.keys()) for row in run(plan)] == rows
    for seed in range(20):
        rng = np.random.default_rng(seed)
        flipped = bytearray(whole)
        for place in rng.integers(0, len(whole), 4):
            flipped[place] ^= int(rng.integers(1, 256))
        files[0].write_bytes(flipped)
        run(plan)


def test_what_cannot_be_compared_is_named(data, tmp_path, monkeypatch):
    save_picture(data / "clinic/flat.png", np.zeros((168, 168, 3), np.uint8))
    split = json.loads((data / "split.json").read_text())
    (data / "flat.json").write_text(json.dumps(split | {"test": ["clinic/flat.png"]}))
    with pytest.raises(EvaluationError, match=r"clinic/flat\.png: all of one colour"):
        run(Plan(comparison(data, split=str(data / "flat.json")), tmp_path / "kept"))
    save_picture(data / "clinic-a.png", made_up_eye(9))
    (data / "twice.json").write_text(json.dumps(split | {"test": ["clinic-a.png", "clinic/a.png"]}))
    with pytest.raises(EvaluationError, match=r"clinic/a\.png and clinic-a\.png: .* would have the same name"):
        Plan(comparison(data, split=str(data / "twice.json")), tmp_path / "kept")
    read_bytes = Path.read_bytes

    def shut(path):  # root reads everything, so a mode says nothing
        if path.name == "b.png":
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", shut)
    with pytest.raises(EvaluationError, match=r"clinic/b\.png: cannot be read \(Permission denied\)"):
        Plan(comparison(data), tmp_path / "kept")


@pytest.mark.parametrize(
    ("suffix", "mode", "words"), [("bmp", "RGB", "not a supported picture"), ("png", "RGBA", "partly transparent")]
)
def test_pictures_made_elsewhere_that_cannot_be_scored_are_refused_before_the_work(data, tmp_path, suffix, mode, words):
    folder = tmp_path / "made"
    folder.mkdir()
    for name in NAMES:
        picture = Image.fromarray(made_up_eye(3)).convert(mode)
        if mode == "RGBA":
            picture.putpixel((80, 80), (1, 2, 3, 128))
        picture.save(folder / f"{picture_name('paper', 4, name)}.{suffix}")
    with pytest.raises(EvaluationError, match=words):
        Plan(comparison(data, externals={"peer": folder}), tmp_path / "kept")


def test_a_place_of_the_dial_counts_once(data, tmp_path):
    models = tuple(f"rdb-lite+rdb-lite-gan@{amount}" for amount in ("0.5", "0.50", "0.5000001"))
    plan = Plan(comparison(data, models=models), tmp_path / "kept")
    names = [method.name for method in plan.methods("paper", 4, NAMES[0])]
    assert len(names) == len(set(names))
    assert list(plan.weights) == ["rdb-lite+rdb-lite-gan@0.5 x4"]


def test_a_set_called_all_has_a_summary_of_its_own(data, tmp_path):
    rows = [row.figures for row in run(Plan(comparison(data, models=("srcnn",)), tmp_path / "kept"))]
    renamed = [row | {"photograph": row["photograph"].replace("camp/", "all/")} for row in rows]
    sets = {summary["set"]: summary["photographs"] for summary in summarise(renamed)}
    assert sets == {"clinic": 2, "all": 1, "all sets": 3}


def test_other_weights_are_kept_apart(data, tmp_path):
    plan = Plan(comparison(data), tmp_path / "kept")
    shown = plan.methods("paper", 4, NAMES[0])[4]
    assert shown.name == "rdb-lite"
    other = Method(shown.name, shown.identity + "1", shown.make)
    assert plan.file("paper", NAMES[0], 4, shown) != plan.file("paper", NAMES[0], 4, other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ("nothing",)}, "model nothing: not known"),
        ({"scales": (3,)}, "scale 3: not known"),
        ({"scales": ()}, "nothing to compare"),
        ({"regimes": ("other",)}, "regime other: not known"),
        ({"part": "validation"}, "no photographs in 'validation'"),
        ({"externals": {"peer": Path("nowhere")}}, "nowhere is not a folder"),
        ({"externals": {"bicubic": Path()}}, "that name is taken"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(data, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        Plan(comparison(data, **changes), tmp_path)


def test_photographs_that_are_not_there_are_named(data, tmp_path):
    (data / NAMES[1]).unlink()
    with pytest.raises(EvaluationError, match=r"1 of 3 photographs are missing, the first is clinic/b\.png"):
        Plan(comparison(data), tmp_path)
    with pytest.raises(EvaluationError, match="no such folder of photographs"):
        Plan(comparison(data / "none"), tmp_path)


@pytest.fixture
def command():
    """The command on its own, called with words; its result."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command(cls=ListCommand)(evaluate_command)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_pictures_made_elsewhere_are_compared(data, tmp_path, command):
    small, made, out = tmp_path / "small", tmp_path / "made", tmp_path / "out"
    common = [data, "--scales", 2, 4, "--models", "rdb-lite", "--split", data / "split.json", "--limit", 2]
    assert command(*common, "--reductions", small).exit_code == 0
    assert len(list(small.iterdir())) == 4
    made.mkdir()
    stems = [picture_name("paper", 4, name) for name in (NAMES[0], NAMES[1])]
    assert stems[0] == "paper-x4-clinic-a"
    outcome = command(*common, "--external", f"peer={made}", "--out", out)
    assert "no pictures in" in str(outcome.exception)
    for stem in stems:
        assert isinstance(outcome.exception, UserError)
        pixels = load_photograph(small / f"{stem}.png").pixels
        save_picture(made / f"{stem}.tif", to_uint8(enlarge_bicubic(pixels, 4)))
        outcome = command(*common, "--external", f"peer={made}", "--out", out)
        if stem == stems[0]:
            assert f"lacks {stems[1]}" in str(outcome.exception)
    assert outcome.exit_code == 0, outcome.output
    rows = json.loads((out / "results.json").read_text())["rows"]
    peer, bicubic = ([row for row in rows if row["method"] == name] for name in ("peer", "bicubic"))
    assert [row["psnr"] for row in peer] == [row["psnr"] for row in bicubic if row["scale"] == 4]
    assert peer[0]["seconds"] is None
    save_picture(made / f"{stems[0]}.tif", pixels)
    outcome = command(*common, "--external", f"peer={made}", "--out", out)
    assert "40x40 pixels, not 160x160" in str(outcome.exception)


def test_the_command_writes_numbers_tables_and_figures(data, tmp_path, command):
    out = tmp_path / "out"
    outcome = command(
        data, "--scales", 4, 8, "--models", "rdb-lite", "--split", data / "split.json", "--limit", 1, "--out", out
    )
    assert outcome.exit_code == 0, outcome.output
    assert sorted(path.name for path in out.iterdir()) == [
        ".cache",
        "figure-paper-x4.png",
        "figure-paper-x8.png",
        "results.json",
        "results.md",
    ]
    written = json.loads((out / "results.json").read_text())
    assert written["command"] == (
        "fundusxr evaluate DATA --scales 4 8 --models rdb-lite --split split.json --part test --regime paper --limit 1"
    )
    assert {"seed", "split", "machine", "versions", "weights", "photographs", "summary", "rows"} <= written.keys()
    assert len(written["rows"]) == 2 * 6
    text = (out / "results.md").read_text()
    psnr = next(s for s in written["summary"] if s["method"] == "rdb-lite")["psnr"]["mean"]
    assert f"| rdb-lite | {psnr:.2f} ± 0.00 |" in text
    assert load_photograph(out / "figure-paper-x4.png").pixels.shape[1] > 1000


def test_the_command_refuses_what_it_cannot_read(data, command):
    assert "must be NAME=FOLDER" in str(command(data, "--external", "peer").exception)
    assert "given twice" in str(command(data, "--external", "a=b", "--external", "a=c").exception)
    for name in ("a|b", "peer alone", "a\nb"):
        assert "must be one word" in str(command(data, "--external", f"{name}=b").exception)


def test_figures_of_an_earlier_comparison_do_not_stay(data, tmp_path, command):
    common = [data, "--models", "srcnn", "--split", data / "split.json", "--limit", 1, "--out", tmp_path / "out"]
    for scale in (4, 2):
        assert command(*common, "--scales", scale).exit_code == 0
    assert [path.name for path in (tmp_path / "out").glob("*.png")] == ["figure-paper-x2.png"]


def test_the_committed_results_tell_of_the_weights_that_are_committed():
    told = json.loads(COMMITTED.read_text(encoding="utf-8"))["weights"]
    there = {f"{name} x{scale}": (name, scale) for scale in SCALES for name in bundled_models(scale)}
    for name, clean in BEGINS_AS.items():  # on clean reductions another network stands for it, which is compared
        assert all(load_model(name, scale).clean.name == clean for scale in available_models()[name])
    assert told == {key: load_model(*place).sha256 for key, place in there.items()}


def test_the_committed_results_are_those_of_the_committed_weights(fundus_data):
    assert disagreements(json.loads(COMMITTED.read_text(encoding="utf-8")), fundus_data) == []
