"""The measurements: every row of the committed list, whatever its figure; their file; and the tables made of it."""

from __future__ import annotations

import importlib
import json
import operator
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from sr_core.assets import asset_path
from sr_core.errors import UserError
from sr_core.image.geometry import TileKey
from sr_core.image.photograph import load_photograph
from sr_core.image.pyramid import build_pyramid
from sr_core.study.training.curve import COLOURS, PANEL
from sr_core.tiles.photographs import Photographs
from vr_app import cli
from vr_app.bench import bars, figure, frame, pictures, report, trace, zoom
from vr_app.bench.bars import Bar, MissingRowError, all_bars, judge
from vr_app.bench.report import Measured, Settings

COMMANDS = ("engine", "zoom", "frame", "start", "memory")
QUIET = {"OMP_NUM_THREADS": "1", "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}
PATIENCE = 900.0

BARS = (
    Bar("fast", "zoom", "a zoom", "within 5 ms", "ms", "most", 5.0),
    Bar("many", "zoom", "pixels", "at least 4", "MPix/s", "least", 4.0),
    Bar("flat", "zoom", "growth", "less than 2 %", "%", "below", 2.0),
    Bar("other", "frame", "frames", "0", "frames", "most", 0.0),
)


def fundusxr(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own: it has one GL platform, and torch may not be loaded before its first frame."""
    command = [sys.executable, "-m", "vr_app.cli", *map(str, arguments)]
    env = {**os.environ, **QUIET, "TMPDIR": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=env)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What a quick run of each command wrote, and in `printed` what it printed; no photograph is left behind."""
    documents = {}
    for name in COMMANDS:
        folder = tmp_path_factory.mktemp(name)
        more = ["--curves", "--trace", folder / "trace.json"] if name == "zoom" else []
        done = fundusxr("bench", name, "--quick", "--device", "cpu", *more, "--json", folder / "o.json", folder=folder)
        assert done.returncode == 0, done.stderr
        assert not list(folder.glob("fundusxr-*"))
        documents[name] = json.loads((folder / "o.json").read_text())
        documents[name]["printed"] = done.stdout
        if name == "zoom":
            documents[name]["trace"] = json.loads((folder / "trace.json").read_text())
    return documents


def test_the_list_has_every_bar_with_its_limit():
    rows = all_bars()
    assert len(rows) == len({row.name for row in rows})
    assert {row.command for row in rows} == {*COMMANDS, "xr", "window"}
    limits = {row.name: (row.sense, row.limit, row.unit) for row in rows}
    assert limits["engine_x4_against_plain"] == ("least", 4, "times")
    assert all(limits[f"engine_share_of_ceiling_x{scale}"] == ("least", 60, "%") for scale in (2, 4, 8))
    assert limits["zoom_first_sharp_p95"] == ("most", 150, "ms")
    assert limits["zoom_all_visible_p95"] == ("most", 700, "ms")
    assert limits["zoom_same_region_again"] == ("most", 2, "frames")
    assert limits["start_first_frame"] == ("most", 1.5, "s")
    assert limits["frame_work_p99_saturated_to_idle"] == ("most", 1.25, "times")
    assert limits["frame_interval_p99_saturated_to_idle"] == ("most", 1.5, "times")
    assert limits["frame_work_64_panels_to_4"] == ("most", 1.5, "times")
    assert limits["memory_growth_1000_zooms"] == ("below", 2, "%")
    assert limits["zoom_100mp_to_4mp"] == ("most", 1.2, "times")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_measures_every_row(found, name):
    rows = found[name]["bars"]
    assert [row["name"] for row in rows] == [bar.name for bar in all_bars() if bar.command == name]
    for row, bar in zip(rows, (bar for bar in all_bars() if bar.command == name), strict=True):
        assert set(row) == {"name", "value", "unit", "limit", "holds"}
        assert np.isfinite(row["value"])
        assert row["value"] >= 0 or name == "memory"
        assert (row["unit"], row["limit"]) == (bar.unit, bar.limit)
        assert row["holds"] is bar.holds(row["value"])
        assert bar.bar in " ".join(found[name]["printed"].split())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_file_tells_machine_load_versions_and_that_it_means_nothing(found, name):
    document = found[name]
    assert document["command"] == name
    assert document["quick"] is True
    machine = document["machine"]
    assert machine["cpu"]
    assert machine["cores"] >= 1
    assert machine["ram_bytes"] > 1e8
    assert len(machine["load_average"]["before"]) == len(machine["load_average"]["after"]) == 3
    assert machine["gl_renderer"] or name == "engine"
    assert {"python", "numpy", "torch"} <= set(document["versions"])
    assert "means nothing" in document["printed"] or "mean nothing" in document["printed"]


def test_zoom_saw_what_it_says(found):
    samples, about = found["zoom"]["samples"], found["zoom"]["about"]
    assert about["levels"] == [2]
    assert len(samples["first_sharp_ms"]) == len(samples["all_visible_ms"]) == zoom.QUICK_REGIONS
    for first, whole, tiles in zip(samples["first_sharp_ms"], samples["all_visible_ms"], samples["tiles"], strict=True):
        assert 0 < first <= whole
        assert tiles >= (64 * 4 // 64) ** 2
    assert all(frames >= 1 for frames in samples["again_frames"])


def spans_of(events: list[dict], lane: int) -> list[tuple[str, float, float]]:
    """Name, begin and end of what a lane did, in microseconds, in the order in which it began."""
    found = [event for event in events if event["ph"] == "X" and event["tid"] == lane]
    found.sort(key=lambda event: (event["ts"], -event["dur"]))
    return [(event["name"], event["ts"], event["ts"] + event["dur"]) for event in found]


def test_a_trace_has_a_lane_for_every_thread_whose_spans_nest(found):
    events = found["zoom"]["trace"]["traceEvents"]
    lanes = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert {"MainThread", "loader", "super-resolution"} <= set(lanes.values())
    assert {event["ph"] for event in events} == {"M", "X"}
    for lane in lanes:
        open_until: list[float] = []
        for name, begun, ended in spans_of(events, lane):
            while open_until and open_until[-1] <= begun + 0.001:  # three digits: a nanosecond
                open_until.pop()
            assert begun <= ended, name
            assert not open_until or ended <= open_until[-1] + 0.001, name
            open_until.append(ended)


def test_frames_cover_every_zoom_of_a_trace(found):
    document = found["zoom"]["trace"]
    spans = spans_of(document["traceEvents"], 1)
    zooms = [span for span in spans if span[0] == "zoom"]
    frames = [span for span in spans if span[0] == "frame"]
    samples = found["zoom"]["samples"]
    assert len(zooms) == len(samples["tiles"]) + len(samples["again_frames"]) + 3
    for _, begun, ended in zooms:
        covered = sum(until - since for _, since, until in frames if begun <= since < ended)
        assert covered > 0.9 * (ended - begun)
    told = [event["args"] for event in document["traceEvents"] if event["name"] == "zoom"]
    assert {zoom["tiles"] for zoom in told} >= set(samples["tiles"])
    assert sum(zoom["frames"] for zoom in told) == len(frames)


def test_a_trace_tells_lanes_agreement_tiles_upload_draw_waits_and_the_interpreter(found):
    document = found["zoom"]["trace"]
    names = {event["name"] for event in document["traceEvents"] if event["ph"] == "X"}
    assert {"network", "agreement", "cut tiles", "upload", "draw", "wait for work", "wait for the driver"} <= names
    held = {name for name, _, _ in spans_of(document["traceEvents"], 0)}
    assert "MainThread" in held or document["otherData"]["missing"]


def test_who_traces_leaves_no_function_changed():
    def traced() -> list:
        return [getattr(*trace._found(place)) for place in trace.TRACED.values()]

    before = traced()
    with suppress(OSError), trace.Trace().recording():
        assert not any(map(operator.is_, traced(), before))
        raise OSError("meanwhile")
    assert all(map(operator.is_, traced(), before))


def test_a_trace_does_not_take_the_place_of_the_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(zoom, "measure", lambda settings, progress: pytest.fail("measured"))
    answer = bench("zoom", "--json", tmp_path / "a.json", "--trace", tmp_path / "a.json")
    assert answer.exit_code == 1
    assert "name another file" in str(answer.exception)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("name", [*COMMANDS, "soak", "xr"])
def test_a_device_that_is_not_there_is_told_before_anything_is_measured(name, monkeypatch):
    module = importlib.import_module(f"vr_app.bench.{name}")
    monkeypatch.setattr(module, "measure", lambda settings, progress: pytest.fail("measured"))
    answer = bench(name, "--device", "cuda")
    assert answer.exit_code == 1
    assert isinstance(answer.exception, UserError)
    assert "finds no CUDA device" in str(answer.exception)
    assert "\n" not in str(answer.exception)


def test_curves_have_the_points_that_were_asked_for(found):
    sizes, areas = found["zoom"]["curves"].values()
    assert [point["photograph, MP"] for point in sizes] == [1, 4]
    assert [point["visible, photograph pixels a side"] for point in areas] == [64, 128]
    assert all(point["all visible, ms (median)"] > 0 for point in (*sizes, *areas))


def test_frames_were_counted_alike_and_the_worker_was_saturated(found):
    samples, about = found["frame"]["samples"], found["frame"]["about"]
    for state in ("saturated", "idle"):
        assert len(samples[state]["work_ms"]) == len(samples[state]["interval_ms"]) == about["frames_each"]
        work, interval = (np.array(samples[state][part]) for part in ("work_ms", "interval_ms"))
        assert (work > 0).all()
        assert (work < interval).all()
    assert min(samples["idle_at_90_hz"]["interval_ms"]) > 0
    assert len(samples["few_panels"]["work_ms"]) == len(samples["many_panels"]["work_ms"])


def test_a_saturated_worker_is_asked_for_the_view_first_and_then_without_end():
    asked = []
    worker = SimpleNamespace(want=lambda *words: asked.append(words), busy=True)
    album = Photographs()
    album.add(0, build_pyramid(np.zeros((100, 100, 3), np.uint8)), "hash")
    service = SimpleNamespace(worker=worker, photographs=album)
    supply = SimpleNamespace(service=service)
    saturated = frame.SaturatedWorker(SimpleNamespace(viewer=SimpleNamespace(supply=supply)))
    tile = TileKey(0, 3, 1, 2)
    saturated.want((tile,), ("source",))
    saturated.saturated = True
    saturated.want((tile,), ("source",))
    saturated.want((), ())
    assert asked[0] == ((tile,), ("source",), ())
    tiles, sources, _ = asked[1]
    assert tiles[0] == tile
    assert len(set(tiles)) == len(tiles) == 1 + frame.FILLER.area
    assert sources == ("source",)
    tiles, (source,), _ = asked[2]
    assert len(tiles) == frame.FILLER.area
    assert (source.photograph, source.sha256) == (0, "hash")
    assert saturated.busy


def test_starts_tell_when_the_photograph_was_seen(found):
    for start in found["start"]["samples"]["starts"]:
        assert 0 < start["first_s"] <= start["photograph_s"]
        assert start["frames"] >= 1


def test_memory_says_what_was_held_and_computed_every_zoom(found):
    about = found["memory"]["about"]
    assert about["tiles_computed"] >= about["zooms"] * (64 * 4 // 64) ** 2
    assert set(about["held_bytes"]) == set(about["limits_bytes"]) == {"photographs", "tiles", "gpu"}
    assert about["held_bytes"]["photographs"] > 1e6
    assert len(found["memory"]["samples"]["resident_bytes_after_zooms"]) == about["zooms"]


def test_engine_says_what_it_was_compared_with(found):
    about, samples = found["engine"]["about"], found["engine"]["samples"]
    assert len(about["all_ceilings_gflops"]) == 6
    own = [reached for name, reached in about["all_ceilings_gflops"].items() if name.startswith("32 channels")]
    assert about["ceiling_gflops"] == max(own)
    assert about["ceiling"].startswith("32 channels")
    assert {"plain x4", "engine x2", "engine x4", "engine x8"} <= set(samples)
    assert all(value > 0 for sample in samples.values() for value in sample["wall_ms"])


def test_a_row_left_out_or_unknown_is_told():
    whole = {"fast": 1.0, "many": 5.0, "flat": 0.0}
    assert [row["name"] for row in judge("zoom", whole, BARS)] == ["fast", "many", "flat"]
    with pytest.raises(MissingRowError, match="many"):
        judge("zoom", {"fast": 1.0, "flat": 0.0}, BARS)
    with pytest.raises(MissingRowError, match="new"):
        judge("zoom", {**whole, "new": 1.0}, BARS)


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        ({"fast": 5.0, "many": 4.0, "flat": 1.99}, [True, True, True]),
        ({"fast": 5.01, "many": 3.99, "flat": 2.0}, [False, False, False]),
        ({"fast": None, "many": float("nan"), "flat": None}, [False, False, False]),
    ],
)
def test_limits_are_kept_as_their_words_say(values, holds):
    assert [row["holds"] for row in judge("zoom", values, BARS)] == holds


def bench(*arguments: object) -> object:
    return CliRunner().invoke(cli.app, ["bench", *map(str, arguments)])


@pytest.fixture
def measured_start(monkeypatch: pytest.MonkeyPatch) -> dict[str, float | None]:
    """`bench start`, with these values for what it would measure."""
    from vr_app.bench import start

    values = {"start_first_frame": 9.0, "start_with_torch_loaded": 0}
    monkeypatch.setattr(start, "measure", lambda settings, progress: Measured(values=values))
    return values


def test_a_missing_row_ends_with_1_and_writes_nothing(measured_start, tmp_path):
    del measured_start["start_with_torch_loaded"]
    answer = bench("start", "--json", tmp_path / "start.json")
    assert answer.exit_code == 1
    assert "start_with_torch_loaded" in answer.output
    assert list(tmp_path.iterdir()) == []


def test_a_bar_that_does_not_hold_ends_with_1_only_if_strict(measured_start, tmp_path):
    path = tmp_path / "start.json"
    assert bench("start", "--json", path).exit_code == 0
    assert [row["holds"] for row in json.loads(path.read_text())["bars"]] == [False, True]
    assert bench("start", "--strict").exit_code == 1
    measured_start["start_first_frame"] = 1.5
    assert bench("start", "--strict").exit_code == 0


def test_what_cannot_be_measured_is_null_and_does_not_hold(measured_start, tmp_path):
    measured_start["start_first_frame"] = None
    path = tmp_path / "start.json"
    assert bench("start", "--json", path).exit_code == 0
    assert json.loads(path.read_text())["bars"][0] == {
        "name": "start_first_frame",
        "value": None,
        "unit": "s",
        "limit": 1.5,
        "holds": False,
    }
    assert "| not measured | |" in bench("table", path).output


def test_the_table_has_every_row_and_says_which_were_measured(measured_start, tmp_path):
    path = tmp_path / "start.json"
    bench("start", "--json", path)
    lines = bench("table", path).output.splitlines()
    assert lines[0] == "| what | bar | measured | holds |"
    assert len(lines) == 2 + len(all_bars())
    assert sum("not measured" in line for line in lines) == len(all_bars()) - 2
    assert any(line.endswith("| 9 s | no |") for line in lines)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"form": 99, "bars": []}'])
def test_a_file_that_is_no_measurement_is_one_line(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    answer = bench("table", path)
    assert answer.exit_code == 1
    assert str(path) in str(answer.exception)


@pytest.mark.parametrize("words", [("zoom", "--photograph", "nowhere.jpg"), ("zoom", "--json", "x.txt")])
def test_what_can_be_checked_is_checked_before_anything_is_measured(words, monkeypatch):
    monkeypatch.setattr(zoom, "measure", lambda settings, progress: pytest.fail("measured"))
    answer = bench(*words)
    assert answer.exit_code == 1
    assert "nowhere.jpg" in str(answer.exception) or "x.txt" in str(answer.exception)


def test_a_curve_becomes_a_table():
    document = {"bars": [], "quick": False, "curves": {"Cost": [{"MP": 1, "ms": 2.5}, {"MP": 4, "ms": 3.0}]}}
    assert report.table([document]).splitlines()[-6:] == [
        "**Cost**",
        "",
        "| MP | ms |",
        "| --- | --- |",
        "| 1 | 2.5 |",
        "| 4 | 3 |",
    ]


def test_a_curve_becomes_a_picture_for_each_unit_with_a_line_for_each_figure(tmp_path):
    points = [{"MP": 1, "first, ms (median)": 2.0, "all, ms (p99)": 9.0, "rate, MPix/s": 4.0}]
    points.append({"MP": 4, "first, ms (median)": 3.0, "all, ms (p99)": 20.0, "rate, MPix/s": 2.0, "zooms": 12})
    documents = [{"curves": {}}, {"curves": {"Cost": points}}]
    picture = figure.curves_picture(documents)
    assert picture.shape == (2 * PANEL[1], PANEL[0], 3)
    seen = [[(part == colour).all(axis=-1) for colour in COLOURS[:3]] for part in np.split(picture, 2)]
    assert [[line.any() for line in part] for part in seen] == [[True, True, False], [True, False, False]]
    first, whole = (np.argwhere(line[:, 697:704]) for line in seen[0][:2])  # the last points
    assert whole[:, 0].min() < first[:, 0].min()  # 20 lies higher than 3
    with pytest.raises(UserError, match="--curves"):
        figure.curves_picture(documents[:1])


def test_the_figure_is_written_beside_the_table(measured_start, tmp_path):
    path = tmp_path / "start.json"
    bench("start", "--json", path)
    document = json.loads(path.read_text())
    document["curves"] = {"Cost": [{"MP": 1, "first, ms": 2.0}, {"MP": 4, "first, ms": 3.0}]}
    path.write_text(json.dumps(document))
    answer = bench("table", path, "--figure", tmp_path / "curves.png")
    assert answer.exit_code == 0
    assert "**Cost**" in answer.output
    assert load_photograph(tmp_path / "curves.png").pixels.shape == (PANEL[1], PANEL[0], 3)


def test_photographs_are_of_the_size_asked_for_and_all_different(tmp_path):
    paths = pictures.write_photographs(tmp_path, (320, 200), 3)
    photographs = [load_photograph(path) for path in paths]
    assert [photograph.pixels.shape for photograph in photographs] == [(200, 320, 3)] * 3
    assert len({photograph.sha256 for photograph in photographs}) == 3
    # Still the bundled photograph: bright inside, dark in the corners.
    assert photographs[0].pixels[100, 160].max() > 2 * photographs[0].pixels[0, 0].max()


@pytest.mark.parametrize("megapixels", [1, 4, 16, 100])
def test_sizes_by_megapixels_can_be_opened(megapixels):
    width, height = zoom.size_of(megapixels)
    assert 0.98 < width * height / (megapixels * 1e6) <= 1
    assert width / height == pytest.approx(4 / 3, rel=0.01)


def test_percentiles_are_numpys():
    found = report.percentiles([1.0, 2.0, 3.0, 10.0])
    assert found == {"p50": 2.5, "p95": 8.95, "p99": 9.79, "max": 10.0, "samples": 4}


def test_settings_of_a_command_reach_its_measurement(monkeypatch):
    seen: list[Settings] = []

    def measure(settings, progress):
        seen.append(settings)
        names = [bar.name for bar in all_bars() if bar.command == "zoom"]
        return Measured(values=dict.fromkeys(names, 0.0))

    monkeypatch.setattr(zoom, "measure", measure)
    photograph = asset_path("demo", "retina.jpg")
    answer = bench("zoom", "--curves", "--device", "cpu", "--model", "other", "--photograph", photograph)
    assert answer.exit_code == 0
    assert seen == [Settings("cpu", "other", False, True, photograph)]


def test_every_command_of_the_list_exists():
    commands = typer.main.get_command(cli.app).commands["bench"].commands
    assert set(commands) == {*COMMANDS, "window", "xr", "soak", "table"}
    assert set(bars.HOLDS) == {"least", "most", "below"}
