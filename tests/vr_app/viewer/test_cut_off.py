"""A session outlives what fails beside it, and loses nothing where it ends against its will."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from sr_core.assets import asset_path
from sr_core.image.photograph import read_entries
from tests.helpers.command import UNPRIVILEGED
from tests.helpers.places import ROOT
from tests.helpers.visit import PATIENCE, Visit
from tests.rig import Xvfb, wait_until
from vr_app.core.view.tour import parse_tour
from vr_app.regions.files import read_regions

MISSING = [program for program in ("Xvfb", "xdotool") if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}: run scripts/test.sh")


@pytest.fixture
def eye(tmp_path: Path) -> Path:
    path = tmp_path / "clinic" / "eye.png"
    path.parent.mkdir()
    with Image.open(asset_path("demo", "retina.jpg")) as full:
        full.convert("RGB").crop((100, 500, 300, 650)).save(path)
    return path


def start(screen: Xvfb, eye: Path, home: Path, writable: bool = True) -> subprocess.Popen:
    """A session in the folder `here`, in which it may write or not, also where this user is root."""
    home.mkdir()
    here = home.parent / "here"
    here.mkdir()
    here.chmod(0o755 if writable else 0o555)
    environment = {
        **os.environ,
        "DISPLAY": screen.name,
        "XDG_SESSION_TYPE": "x11",
        "XDG_STATE_HOME": str(home.parent / "state"),
        "XR_RUNTIME_JSON": str(home.parent / "none.json"),
        "HOME": str(home),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "vr_app.cli", "view", str(eye), "--size", "480x360", "--device", "cpu"]
    with (home / "program.log").open("w") as log:
        return subprocess.Popen(
            ["env", "--default-signal=HUP", *UNPRIVILEGED, *command], cwd=here, env=environment, stdout=log, stderr=log
        )


def test_a_folder_that_may_not_be_written_and_a_display_that_breaks_cost_nothing(eye: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    log = home / "program.log"
    with Xvfb() as screen:
        process = start(screen, eye, home, writable=False)
        try:
            visit = Visit(process, screen.name, home)
            about = visit.look()  # a screenshot, which is in the user's own folder then
            assert about["surfaces"][0]["photograph"] == "eye.png"
            visit.key("r")
            visit.key("0")
            visit.key("r")
            (tour,) = wait_until(lambda: list(home.glob("fundusxr-tour-*.json")), "the tour", PATIENCE)
            assert parse_tour(tour.read_text(), "it").image == str(eye)
            assert "(the current folder cannot be written)" in log.read_text()
            visit.key("i")
            visit.until(lambda about: len(about["surfaces"][0]["regions"]) == 1, "a region")
            visit.key("i")
            visit.key("r")
            visit.key("t")
            visit.key("e")
            wait_until(lambda: "Exporting disc" in log.read_text(), "the export's begin", PATIENCE)
            visit.key("s")
            visit.until(lambda about: about["layout"] == "retina", "the retina")
            tour.unlink()
            screen.kill()
            assert process.wait(PATIENCE) == 1, log.read_text()
        finally:
            process.kill()
            process.wait()
    told = log.read_text()
    assert "XIO" not in told
    assert "Traceback" not in told
    assert told.count("the display is gone") == 1
    (region,) = read_regions(eye.parent)[0]
    assert (region.kind.value, region.number) == ("disc", 1)
    (tour,) = home.glob("fundusxr-tour-*.json")
    assert parse_tour(tour.read_text(), "it").stops
    assert list((tmp_path / "state" / "fundusxr" / "folders").glob("*.json"))
    (picture,) = wait_until(lambda: list(home.glob("fundusxr-eye-disc-1-*.png")), "the export", PATIENCE)
    assert str(picture) in told
    assert read_entries(picture)["fundusxr:source-sha256"] == region.photograph


def test_a_terminal_that_is_closed_ends_it_as_ctrl_c_does(screen: Xvfb, eye: Path, tmp_path: Path) -> None:
    process = start(screen, eye, tmp_path / "home")
    try:
        visit = Visit(process, screen.name, tmp_path / "here")
        visit.look()
        visit.key("i")
        visit.key("r")
        visit.until(lambda about: len(about["surfaces"][0]["regions"]) == 1, "a region")
        process.send_signal(signal.SIGHUP)
        assert process.wait(PATIENCE) == 130, (tmp_path / "home" / "program.log").read_text()
    finally:
        process.kill()
        process.wait()
    assert len(read_regions(eye.parent)[0]) == 1
    assert list((tmp_path / "here").glob("fundusxr-tour-*.json"))
