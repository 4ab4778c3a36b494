"""The window's place, kept for the next start."""

import json
import stat

import pytest

from vr_app.core.view.window_place import WindowPlace
from vr_app.files.window_place import keep_place, place_file, read_place

PLACE = WindowPlace(100, -20, 900, 700, maximised=True)


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_a_place_is_kept_for_its_user_alone():
    assert read_place() is None
    keep_place(PLACE)
    assert read_place() == PLACE
    assert stat.S_IMODE(place_file().parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "damage",
    [
        "", "[]", "{", '{"x": 1}', '{"x": "1", "y": 2, "width": 900, "height": 700, "maximised": false}',
        json.dumps({"x": 10**7, "y": 0, "width": 900, "height": 700}), "x" * 20_000,
        json.dumps({"x": 0, "y": 0, "width": 2, "height": 700}),
        json.dumps({"x": 0, "y": 0, "width": 900, "height": 1e9}),
        json.dumps({"x": 0, "y": 0, "width": 900, "height": 700, "rogue": 1}), "\xff",
    ],
)  # fmt: skip
def test_a_damaged_file_counts_as_none(damage):
    place_file().parent.mkdir(parents=True)
    place_file().write_text(damage, encoding="latin-1")
    assert read_place() is None


def test_without_a_place_to_write_to_nothing_is_kept(state):
    (state / "fundusxr").write_text("in the way")
    keep_place(PLACE)
    assert read_place() is None
