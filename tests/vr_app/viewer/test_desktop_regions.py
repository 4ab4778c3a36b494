"""Regions of interest in a real window, with mouse and keys: marked, named, gone to, blinked, exported, kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.assets import asset_path
from tests.helpers.places import ROOT
from tests.helpers.visit import PATIENCE, Visit
from tests.rig import Xvfb, wait_until
from vr_app.core.scene.outline import REGION_COLOUR
from vr_app.regions.files import NAME, parse_regions

MISSING = [program for program in ("Xvfb", "xdotool", "xwininfo") if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}: run scripts/test.sh")

SIZE = (640, 480)


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "clinic" / "disc.png"
    path.parent.mkdir()
    with Image.open(asset_path("demo", "retina.jpg")) as full:
        full.convert("RGB").crop((100, 500, 400, 725)).save(path)
    return path


@contextmanager
def visiting(screen: Xvfb, photograph: Path, folder: Path) -> Iterator[Visit]:
    environment = {
        **os.environ,
        "DISPLAY": screen.name,
        "XDG_SESSION_TYPE": "x11",
        "XDG_STATE_HOME": str(folder / "state"),
        "XR_RUNTIME_JSON": str(folder / "none.json"),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "vr_app.cli", "view", photograph, "--size", f"{SIZE[0]}x{SIZE[1]}"]
    with (folder / "program.log").open("w") as log:
        process = subprocess.Popen([*map(str, command)], cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            yield Visit(process, screen.name, folder)
        finally:
            process.kill()
            process.wait()


def regions(about: dict) -> list[dict]:
    return about["surfaces"][0]["regions"]


def kept(photograph: Path) -> list:
    path = photograph.parent / NAME
    return list(parse_regions(path.read_text())) if path.exists() else []


def test_a_region_from_its_marking_to_the_next_session(screen: Xvfb, photograph: Path, tmp_path: Path) -> None:
    with visiting(screen, photograph, tmp_path) as visit:
        start = visit.look()
        assert regions(start) == []
        corners = [["mousemove", "--window", visit.window, *corner] for corner in (("280", "200"), ("360", "260"))]
        # A flick, over before the next frame.
        visit.do(*corners[0], "keydown", "shift", "mousedown", "1", *corners[1], "mouseup", "1", "keyup", "shift")
        marked = visit.until(lambda about: bool(regions(about)) and bool(regions(about)[0]["words"]), "the region")
        assert marked["surfaces"][0]["center"] == start["surfaces"][0]["center"]
        (shown,) = regions(marked)
        assert shown["words"] == "1 other"
        assert shown["chosen"]
        # It spans what lay between the two places of the cursor.
        scale = photograph_pixels_per_window_pixel(start)
        assert shown["rect"]["w"] == pytest.approx(80 * scale, abs=2)
        assert shown["rect"]["h"] == pytest.approx(60 * scale, abs=2)
        near = (np.abs(visit.picture.astype(int) - 255 * np.array(REGION_COLOUR[:3])).max(axis=-1) < 60).sum()
        assert near > 200

        visit.key("t")
        named = visit.until(lambda about: regions(about)[0]["words"] == "1 disc", "its name")
        wait_until(lambda: [region.kind.value for region in kept(photograph)] == ["disc"], "the file", PATIENCE)
        assert kept(photograph)[0].made

        visit.key("1")
        there = visit.until(lambda about: about["surfaces"][0]["zoom"] > 1.5, "the jump")
        rect = named["surfaces"][0]["regions"][0]["rect"]
        middle = [(rect["x"] + rect["w"] / 2) / 300, (rect["y"] + rect["h"] / 2) / 225]
        assert there["surfaces"][0]["center"] == pytest.approx(middle, abs=1e-6)

        visit.key("e")
        (path,) = wait_until(lambda: list(tmp_path.glob("fundusxr-disc-disc-*.png")), "the export", PATIENCE)
        log = tmp_path / "program.log"
        wait_until(lambda: "Region exported" in log.read_text(), "the notice", PATIENCE)
        with Image.open(path) as picture:
            assert picture.text["fundusxr:region-name"] == "disc"
        path.unlink()

        visit.do("keydown", "b")
        visit.until(lambda about: about["original"], "the photograph's turn")
        visit.until(lambda about: not about["original"], "super-resolution's turn")
        visit.do("keyup", "b")

        visit.key("i")
        visit.until(lambda about: len(regions(about)) == 2, "a region of the view")
        visit.key("x")
        visit.until(lambda about: len(regions(about)) == 1, "it gone")
        visit.key("u")
        visit.until(lambda about: len(regions(about)) == 2, "it back")
        wait_until(lambda: len(kept(photograph)) == 2, "both in the file", PATIENCE)
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0, log.read_text()

    photograph = photograph.rename(photograph.with_name("renamed.png"))
    with visiting(screen, photograph, tmp_path) as visit:
        found = visit.until(lambda about: len(regions(about)) == 2, "the regions of the session before")
        assert [region["words"] for region in regions(found)] == ["1 disc", "2 other"]
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0


def photograph_pixels_per_window_pixel(about: dict) -> float:
    """Of a flat panel 2 m away that shows the whole photograph."""
    eye, surface = about["eyes"][0], about["surfaces"][0]
    metres = 2.0 * (np.tan(eye["fov"]["up"]) - np.tan(eye["fov"]["down"])) / eye["size"][1]
    return metres / surface["geometry"]["height"] * surface["size"][1]


def test_a_bad_file_of_regions_is_told_and_the_photograph_shown(screen: Xvfb, photograph: Path, tmp_path: Path) -> None:
    (photograph.parent / NAME).write_text(json.dumps({"version": 99, "regions": []}))
    with visiting(screen, photograph, tmp_path) as visit:
        about = visit.look()
        assert regions(about) == []
        log = (tmp_path / "program.log").read_text()
        assert "newer version (99" in log
        assert f"{NAME}.bad-1" in log
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0
    assert (photograph.parent / f"{NAME}.bad-1").exists()


def test_the_mouse_chooses_moves_and_resizes_regions(screen: Xvfb, photograph: Path, tmp_path: Path) -> None:
    """By outlines, names and corners; each drag is one move for undo."""
    with visiting(screen, photograph, tmp_path) as visit:
        start = visit.look()
        scale = photograph_pixels_per_window_pixel(start)

        def drag(*ways: tuple[int, int], keys: tuple[str, ...] = ()) -> None:
            (first, *rest) = [["mousemove", "--window", visit.window, str(x), str(y)] for x, y in ways]
            down = [word for key in keys for word in ("keydown", key)]
            up = [word for key in keys for word in ("keyup", key)]
            visit.do(*first, *down, "mousedown", "1", *(word for move in rest for word in move), "mouseup", "1", *up)

        drag((200, 180), (260, 230), keys=("shift",))
        visit.until(lambda about: [region["words"] for region in regions(about)] == ["1 other"], "a region")
        drag((380, 180), (440, 230), keys=("shift",))
        both = visit.until(lambda about: "2 other" in [region["words"] for region in regions(about)], "another")

        def rect(about: dict, words: str) -> dict:
            (found,) = (region["rect"] for region in regions(about) if region["words"].startswith(words))
            return found

        def chosen(about: dict) -> list[str]:
            return [region["words"][0] for region in regions(about) if region["chosen"]]

        first, second = rect(both, "1"), rect(both, "2")
        assert chosen(both) == ["2"]

        visit.do("mousemove", "--window", visit.window, "200", "205", "click", "1")  # the first one's left side
        visit.until(lambda about: chosen(about) == ["1"], "the first by a click on its outline")

        drag((200, 205), (230, 225), (250, 245))  # by the same side: all of it
        moved = visit.until(lambda about: rect(about, "1") != first, "it moved")
        there = rect(moved, "1")
        assert (there["w"], there["h"]) == (first["w"], first["h"])
        assert there["x"] - first["x"] == pytest.approx(50 * scale, abs=1.5)
        assert there["y"] - first["y"] == pytest.approx(40 * scale, abs=1.5)
        assert moved["surfaces"][0]["center"] == start["surfaces"][0]["center"]  # the photograph stayed
        wait_until(lambda: any(region.rect.x == there["x"] for region in kept(photograph)), "the file", PATIENCE)

        drag((310, 270), (340, 300))  # its lower right corner
        resized = visit.until(lambda about: rect(about, "1") != there, "it resized")
        larger = rect(resized, "1")
        assert (larger["x"], larger["y"]) == (there["x"], there["y"])
        assert larger["w"] - there["w"] == pytest.approx(30 * scale, abs=1.5)
        assert larger["h"] - there["h"] == pytest.approx(30 * scale, abs=1.5)
        assert rect(resized, "2") == second

        visit.key("u")
        visit.until(lambda about: rect(about, "1") == there, "its size before")
        visit.key("u")
        back = visit.until(lambda about: rect(about, "1") == first, "its place before")
        assert chosen(back) == ["1"]

        visit.key("q")
        visit.until(lambda about: regions(about) == [], "no outline")
        visit.do("mousemove", "--window", visit.window, "380", "205", "click", "1")
        visit.key("q")
        shown = visit.until(lambda about: len(regions(about)) == 2, "both again")
        assert chosen(shown) == ["1"]  # what is not seen cannot be chosen
        visit.key("x")
        visit.until(lambda about: len(regions(about)) == 1, "it gone")
        assert "Deleted region 1. U brings it back" in (tmp_path / "program.log").read_text()
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0


def test_a_note_is_typed_in_the_window(screen: Xvfb, photograph: Path, tmp_path: Path) -> None:
    with visiting(screen, photograph, tmp_path) as visit:
        visit.look()
        visit.key("Return")
        log = tmp_path / "program.log"
        wait_until(lambda: "No region is chosen" in log.read_text(), "the reason", PATIENCE)
        visit.key("i")
        visit.until(lambda about: [region["words"] for region in regions(about)] == ["1 other"], "a region")
        before = visit.look()

        def notes() -> list[str]:
            return [region.note for region in kept(photograph)]

        def write(*words: str) -> None:
            visit.key("Return")
            visit.do(*words)

        # Each letter is a key elsewhere: X deletes, Q hides, G turns to red-free, U undoes.
        write("type", "--delay", "60", "xqgu 1 Arz")
        visit.do("key", "BackSpace", "key", "Return")
        wait_until(lambda: notes() == ["xqgu 1 Ar"], "the note", PATIENCE)
        after = visit.look()
        assert after["sheet"] is None  # the control panel is closed again
        assert after["appearance"] == before["appearance"]
        (shown,) = regions(after)
        assert (shown["words"], shown["note"]) == ("1 other", "xqgu 1 Ar")

        write("type", "--delay", "60", "no")
        visit.do("key", "Escape")
        assert regions(visit.look())[0]["note"] == "xqgu 1 Ar"
        visit.key("g")
        visit.until(lambda about: about["appearance"]["channel"] == "red-free", "a letter that is a key again")
        visit.key("u")
        visit.key("u")
        visit.until(lambda about: regions(about)[0]["note"] == "", "the note undone")
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0
