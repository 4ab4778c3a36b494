"""What a session leaves behind goes somewhere, whatever the current folder is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sr_core.errors import UserError
from sr_core.files import write_text
from sr_core.image.photograph import PhotographError, load_photograph, read_entries
from sr_core.networks.names import weights_checksum
from sr_core.networks.zoo import load_model
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.step import photograph_arrived
from vr_app.core.view.tour import parse_tour
from vr_app.core.view.view import ViewState
from vr_app.files import places
from vr_app.files.captures import Recording, Screenshots
from vr_app.files.places import folders, kept, new_path, writable_folder

PICTURE = np.full((20, 30, 3), 90, np.uint8)


@pytest.fixture(params=["deleted", "not a folder any more"])
def lost(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder in which nobody, root included, can write; the user's own folder."""
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    home.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    here.rmdir()
    if request.param != "deleted":
        here.write_text("")
    return home


def test_in_an_ordinary_folder_things_stay_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = kept("a", ".json", lambda path: write_text(path, "{}"))
    again = kept("a", ".json", lambda path: write_text(path, "[]"))
    assert "/" not in told + again
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([told, again])  # two in one second are two
    assert writable_folder() == tmp_path
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([told, again])


def test_where_the_current_folder_is_gone_the_users_own_is_taken_and_told(lost):
    told = kept("a", ".json", lambda path: write_text(path, "{}"))
    (made,) = lost.iterdir()
    assert told == f"{made} (the current folder cannot be written)"
    assert writable_folder() == lost


def test_where_nothing_can_be_written_the_first_reason_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reasons = (UserError(f"reason {number}") for number in range(9))

    def refused(path: Path) -> None:
        raise next(reasons)

    assert len(list(folders())) > 2
    with pytest.raises(UserError, match="reason 0"):
        kept("a", ".json", refused)


def test_names_given_are_not_given_again(tmp_path):
    first = new_path(tmp_path, "a", ".png")
    second = new_path(tmp_path, "a", ".png", [first])
    assert first != second


def session() -> ViewState:
    record = PhotographRecord("eye.jpg", (400, 300), (200.0, 150.0), 140.0, "a" * 64)
    return photograph_arrived(ViewState.start(1), 0, record)


def test_a_tour_recorded_in_a_folder_that_is_gone_is_saved_elsewhere(lost, tmp_path):
    recording = Recording()
    recording.begin()
    for _ in range(20):
        recording.see(replace(session(), still_for=9.0), 0.1)
    told = recording.save(tmp_path / "eye.jpg")
    (made,) = lost.iterdir()
    assert told == f"Tour saved: {made} (the current folder cannot be written)"
    assert parse_tour(made.read_text(), "it").stops
    assert not recording.active


def test_a_tour_that_can_be_saved_nowhere_is_not_lost(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    recording = Recording()
    recording.begin()
    recording.see(replace(session(), still_for=9.0), 0.5)
    with monkeypatch.context() as patch:
        patch.setattr(places, "folders", lambda: iter([nowhere]))
        told = recording.save(tmp_path / "eye.jpg")
    assert told.startswith("Tour not saved, recording goes on: ")
    assert recording.active
    recording.see(replace(session(), still_for=9.0), 0.5)
    assert recording.save(tmp_path / "eye.jpg").startswith("Tour saved: fundusxr-tour-")
    assert not recording.active


ABOUT = {
    "model": "rdb-lite",
    "texture": 0.0,
    "surfaces": [
        {"scale": 4, "agrees": True, "taken": "2019:03:05 14:20:31"},
        {"scale": 1, "agrees": None, "taken": "2019:03:05 14:20:31"},
    ],
}


def test_a_screenshot_in_a_folder_that_is_gone_is_saved_elsewhere_and_tells_how_it_was_made(lost):
    screenshots = Screenshots(None)
    screenshots.ask()
    told = screenshots.save([PICTURE, PICTURE], ABOUT)
    (made,) = lost.iterdir()
    assert str(made) in told
    assert not screenshots.due
    entries = read_entries(made)
    assert json.loads(entries["fundusxr:view"]) == ABOUT
    assert "Not for diagnosis" in entries["Description"]
    assert entries["fundusxr:model"] == "rdb-lite"
    assert entries["fundusxr:scale"] == "4"
    assert entries["fundusxr:agrees"] == "yes"
    weights = {scale: load_model("rdb-lite", scale).sha256 for scale in (2, 4)}
    assert entries["fundusxr:weights-sha256"] == f"x2 {weights[2]}, x4 {weights[4]}"
    photograph = load_photograph(made)
    assert photograph.context.taken == "2019:03:05 14:20:31"
    assert photograph.pixels.shape == (20, 60, 3)


def test_what_shows_photographed_pixels_alone_names_no_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    screenshots = Screenshots(None)
    screenshots.ask()
    screenshots.ask()
    plain = {
        **ABOUT,
        "surfaces": [
            {"scale": 1, "agrees": None, "taken": taken, "restored_photograph": False}
            for taken in ("", "2019:01:01 00:00:00")
        ],
    }
    screenshots.save([PICTURE], plain)
    (made,) = tmp_path.iterdir()
    assert "fundusxr:model" not in read_entries(made)
    assert load_photograph(made).context.taken == ""


def test_the_command_lines_screenshot_ends_the_program_where_it_cannot_be_written(tmp_path):
    screenshots = Screenshots(tmp_path / "gone" / "a.png")
    with pytest.raises(PhotographError, match="cannot be written"):
        screenshots.save([PICTURE], ABOUT)
    assert not screenshots.due


def test_weights_are_known_without_torch_as_with_it():
    assert weights_checksum("rdb-lite", 2) == load_model("rdb-lite", 2).sha256
    assert weights_checksum("nonesuch", 2) == ""
