"""The program in a real window on an X screen in memory, with a mouse and keys that xdotool moves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.assets import asset_path
from tests.helpers.places import ROOT
from tests.helpers.visit import PATIENCE, Visit
from tests.rig import Xvfb, grab_window, wait_until
from vr_app.core.panel.stand import MARGIN
from vr_app.core.scene.words import AI_COLOR
from vr_app.core.view.desk import Desk
from vr_app.core.view.tour import parse_tour

MISSING = [program for program in ("Xvfb", "xdotool", "xwininfo") if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}: run scripts/test.sh")

SIZE = (640, 480)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two pieces of the bundled photograph."""
    folder = tmp_path_factory.mktemp("photographs")
    with Image.open(asset_path("demo", "retina.jpg")) as full:
        for name, box in (("disc.png", (100, 500, 400, 750)), ("macula.png", (560, 560, 860, 860))):
            full.convert("RGB").crop(box).save(folder / name)
    return [folder / "disc.png", folder / "macula.png"]


@pytest.fixture
def visit(screen: Xvfb, photographs: list[Path], tmp_path: Path) -> Iterator[Visit]:
    command = [
        sys.executable,
        "-m",
        "vr_app.cli",
        "view",
        *photographs,
        "--layout",
        "row",
        "--size",
        f"{SIZE[0]}x{SIZE[1]}",
    ]
    visit = started([*map(str, command), "--stats", "stats.json"], screen, tmp_path)
    try:
        yield visit
    finally:
        visit.process.kill()
        visit.process.wait()


def started(command: list[str], screen: Xvfb, folder: Path) -> Visit:
    environment = {
        **os.environ,
        "DISPLAY": screen.name,
        "XDG_SESSION_TYPE": "x11",
        "XR_RUNTIME_JSON": str(folder / "none.json"),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    with (folder / "program.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        return Visit(process, screen.name, folder)
    except BaseException:
        process.kill()
        process.wait()
        raise


def front(about: dict) -> dict:
    """The first photograph's surface."""
    return about["surfaces"][0]


def test_mouse_and_keys(visit: Visit, screen: Xvfb, tmp_path: Path) -> None:
    """A session from the first look to the statistics."""
    start = visit.look()
    assert "desktop" in (tmp_path / "program.log").read_text()
    assert front(start)["photograph"] == "disc.png"
    assert front(start)["zoom"] == 1.0
    assert start["rays"] == []  # the cursor is pointer enough

    assert [surface["photograph"] for surface in start["surfaces"]] == ["disc.png", "macula.png"]
    x = [surface["geometry"]["pose"]["position"][0] for surface in start["surfaces"]]
    assert x[0] == pytest.approx(-x[1], abs=0.01)  # side by side, flat

    visit.key("l")
    visit.until(lambda about: about["layout"] == "retina", "the next layout")
    visit.key("l")
    alone = visit.until(lambda about: about["layout"] == "one", "the first photograph alone")
    assert front(alone)["geometry"]["pose"]["position"][0] == 0.0
    visit.key("r")
    (cell,) = Desk(SIZE).cells(1)
    middle = [str(int(at)) for at in cell.middle]
    visit.do("mousemove", "--window", visit.window, *middle, "click", "--repeat", "8", "--delay", "60", "4")
    # One notch reaches the stop at two of the window's pixels for each of the photograph, and each further one leads on
    # by a quarter of a doubling.
    reached = 2 / cell.fit((300, 250)) * 2 ** (7 / 4)
    zoomed = visit.until(lambda about: front(about)["zoom"] == pytest.approx(reached), "the wheel's zoom")
    assert front(zoomed)["center"] == pytest.approx([0.5, 0.5], abs=0.01)
    assert front(zoomed)["scale"] > 1

    def badge_shines() -> bool:
        picture = grab_window(screen.name, "FundusXR").astype(int)
        return bool((np.abs(picture - 255 * np.array(AI_COLOR[:3])).max(axis=-1) < 12).sum() > 20)

    wait_until(badge_shines, "the badge's and the outline's colour on the screen")

    visit.do("mousedown", "1")
    visit.look()  # a frame has seen the hand close before it moves
    visit.do("mousemove", "--window", visit.window, "250", middle[1])
    dragged = visit.until(lambda about: front(about)["center"] != front(zoomed)["center"], "the drag")
    visit.do("mouseup", "1")
    assert front(dragged)["center"][0] > front(zoomed)["center"][0]  # the photograph went left with the cursor
    assert front(dragged)["center"][1] == pytest.approx(front(zoomed)["center"][1], abs=0.005)

    visit.key("u")
    visit.until(lambda about: front(about)["center"] == front(zoomed)["center"], "the place before the drag")
    visit.do("mousemove", "--window", visit.window, "250", middle[1])
    centred = visit.act(
        lambda: visit.do("click", "--repeat", "2", "--delay", "60", "1"),
        lambda about: front(about)["center"] != front(zoomed)["center"],
        "the spot in the middle",
    )
    assert front(centred)["center"][0] < front(zoomed)["center"][0]
    assert front(centred)["zoom"] == front(zoomed)["zoom"]
    visit.key("ctrl+z")
    visit.until(lambda about: front(about)["center"] == front(zoomed)["center"], "the place before it was centred")
    visit.do("mousemove", "--window", visit.window, *middle, "mousedown", "1")
    visit.look()  # a frame has seen the hand close before it moves
    visit.do("mousemove", "--window", visit.window, "250", middle[1])
    visit.until(lambda about: front(about)["center"] == front(dragged)["center"], "the same drag again")
    visit.do("mouseup", "1")

    visit.key("r")
    (recorded,) = wait_until(lambda: list(tmp_path.glob("fundusxr-tour-*.json")), "the recorded tour", PATIENCE)
    tour = parse_tour(recorded.read_text(), recorded.name)
    assert tour.stops[-1].center == pytest.approx(front(dragged)["center"], abs=1e-4)
    assert tour.stops[-1].zoom == pytest.approx(reached, abs=1e-4)

    visit.key("v")
    overlaid = visit.until(lambda about: about["invention"], "the overlay")
    assert front(overlaid)["invented"] > 0
    visit.key("v")
    visit.until(lambda about: not about["invention"], "the overlay's end")

    for key in ("g", "d", "period"):
        visit.key(key)
    look = visit.until(lambda about: about["appearance"]["contrast"] > 1, "the adjusted look")["appearance"]
    assert look["channel"] == "red-free"
    assert look["local"] > 0
    assert np.ptp(visit.picture[200:280, 280:360].astype(int), axis=-1).max() == 0  # grey
    visit.key("a")
    visit.until(lambda about: about["appearance"]["channel"] == "colour", "the photograph's own look")

    visit.key("space")
    name = "Invented: Colour"  # its handle is there before
    opened = visit.until(lambda about: about["sheet"] and name in about["sheet"]["targets"], "the control panel")
    sheet = opened["sheet"]
    (x, y), (wide, high) = sheet["targets"][name], sheet["size"]
    at = SIZE[0] - MARGIN - wide + x, (SIZE[1] - high) // 2 + y
    visit.do("mousemove", "--window", visit.window, *(str(round(part)) for part in at))
    visit.look()  # a frame has seen the cursor there before it clicks
    visit.do("click", "1")
    visit.until(lambda about: about["invention"], "the overlay, asked for on the panel")
    visit.key("v")
    visit.key("space")
    visit.until(lambda about: not (about["invention"] or about["sheet"]), "the panel's end")

    visit.do("keydown", "o")
    assert front(visit.until(lambda about: about["original"], "the original"))["scale"] == 1
    visit.do("keyup", "o")
    visit.key("s")
    visit.until(lambda about: about["surfaces"][0]["surface"] == "retina", "the retina")
    visit.key("n")
    visit.until(lambda about: about["surfaces"][0]["photograph"] == "macula.png", "the next image")
    visit.key("0")
    visit.until(lambda about: about["surfaces"][0]["zoom"] == 1.0, "the whole image")

    visit.key("ctrl+q")
    assert visit.process.wait(PATIENCE) == 0, (tmp_path / "program.log").read_text()
    stats = json.loads((tmp_path / "stats.json").read_text())
    assert stats["mode"] == "desktop"
    tiles = stats["tiles"]
    assert tiles["failed"] == 0
    assert tiles["computed"] + tiles["cancelled"] == tiles["wished"]


def test_a_folder_is_shown_again_as_it_was_left(visit: Visit, screen: Xvfb, tmp_path: Path) -> None:
    """A layout, a comparison and a view, through the window's keys; the program, ended and started again."""
    visit.look()
    visit.key("c")
    visit.until(lambda about: (about["layout"], about["compare"]) == ("pair", "side"), "the pair")
    visit.key("k")
    linked = visit.until(lambda about: about["link"] != "same", "another link")["link"]
    visit.key("l")
    visit.until(lambda about: about["compare"] == "swipe", "the next layout")
    first = visit.look()["surfaces"][0]
    assert [surface["photograph"] for surface in visit.look()["surfaces"]] == ["disc.png", "macula.png"]
    visit.do("mousemove", "--window", visit.window, str(SIZE[0] // 3), str(SIZE[1] // 2), *("click", "4") * 3)
    left = visit.until(lambda about: about["surfaces"][0]["zoom"] > first["zoom"] * 1.4, "the wheel's zoom")
    visit.key("ctrl+q")
    assert visit.process.wait(PATIENCE) == 0, (tmp_path / "program.log").read_text()
    (kept,) = Path(os.environ["XDG_STATE_HOME"]).rglob("folders/*.json")

    command = [word for word in visit.process.args if word not in ("--layout", "row")]  # what is asked for comes first
    again = started(command, screen, tmp_path)
    try:
        found = again.look()
        assert (found["layout"], found["compare"], found["link"]) == ("pair", "swipe", linked)
        for surface, before in zip(found["surfaces"], left["surfaces"], strict=True):
            assert surface["center"] == pytest.approx(before["center"])
            assert surface["zoom"] == pytest.approx(before["zoom"])
    finally:
        again.process.kill()
        again.process.wait()

    kept.write_text('{"version": 99}')
    fresh = started(command, screen, tmp_path)
    try:
        assert fresh.look()["layout"] == "pair"
        assert "newer version" in (tmp_path / "program.log").read_text()
        assert kept.with_name(kept.name + ".bad-1").read_text() == '{"version": 99}'
    finally:
        fresh.process.kill()
        fresh.process.wait()
