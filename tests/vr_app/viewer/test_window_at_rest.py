"""A window in which nothing changes: nothing is drawn or copied, until something happens."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sr_core.image.saving import save_picture
from tests.helpers.ending import shown_by
from tests.helpers.small_training import retina
from tests.rig import Xvfb
from vr_app.bench.bars import all_bars

MISSING = [program for program in ("Xvfb", "xdotool") if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}: run scripts/test.sh")

STAGE = """
import subprocess, sys, time
from pathlib import Path
from vr_app.runtime.choose import open_runtime
from vr_app.viewer.loop import session
from vr_app.viewer.options import Options

def frames(viewer, until, patience=300.0):
    end = time.monotonic() + patience
    while not until():
        assert time.monotonic() < end, (viewer.view, viewer.supply.service.worker.counts)
        assert viewer.runtime.poll_events()
        viewer.frame()

def do(*words):
    return subprocess.run(["xdotool", *words], check=True, capture_output=True, text=True).stdout

with open_runtime("desktop", (320, 240)) as choice, session(choice.runtime, Options((Path(sys.argv[1]),))) as viewer:
    window = viewer.runtime._window
    swaps, swap = [], window.swap
    window.swap = lambda: (swaps.append(viewer.statistics.frames), swap())
    (name,) = do("search", "--onlyvisible", "--name", "^FundusXR$").split()
    do("windowfocus", "--sync", name, "mousemove", "--window", name, "150", "100")

    frames(viewer, lambda: viewer.rest.now and viewer.statistics.frames > 0)
    before, missed, count = len(swaps), viewer.statistics.missed, viewer.statistics.frames
    frames(viewer, lambda: viewer.statistics.frames == count + 5)
    assert viewer.rest.now and len(swaps) == before
    assert viewer.statistics.missed == missed  # no display called for these frames

    # A mouse that moves over the photograph changes nothing that is seen; a key does.
    do("mousemove", "--window", name, "170", "110")
    frames(viewer, lambda: not viewer.rest.now)
    frames(viewer, lambda: viewer.rest.now)
    assert len(swaps) == before
    do("key", "g")
    frames(viewer, lambda: len(swaps) > before)
    assert viewer.view.appearance.channel.value == "red-free"
    frames(viewer, lambda: viewer.rest.now)

    # The window system has lost what the window showed.
    before = len(swaps)
    do("windowunmap", "--sync", name, "windowmap", "--sync", name)
    frames(viewer, lambda: len(swaps) > before)

    # The control panel stands open, and nobody touches it.
    do("windowfocus", "--sync", name, "key", "space")
    frames(viewer, lambda: viewer.intake.control.open and not viewer.rest.now)
    frames(viewer, lambda: viewer.rest.now)
    do("keydown", "b")
    frames(viewer, lambda: viewer.view.original)
    frames(viewer, lambda: not viewer.view.original)
    frames(viewer, lambda: viewer.view.original)  # as long as the key is held, however long that is
    do("keyup", "b")
print("done")
"""


def test_a_window_draws_and_copies_nothing_while_nothing_changes(screen: Xvfb, tmp_path: Path) -> None:
    save_picture(tmp_path / "retina.png", retina(0, 240).pixels)
    environment = {"DISPLAY": screen.name, "XDG_SESSION_TYPE": "x11", "OMP_NUM_THREADS": "1"}
    assert shown_by(STAGE, tmp_path / "retina.png", **environment).endswith("done\n")


def test_the_measurement_of_a_window_measures_every_row(screen: Xvfb, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vr_app.cli", "bench", "window", "--quick", "--device", "cpu", "--json", "w.json"]
    env = {**os.environ, "DISPLAY": screen.name, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    found = {row["name"]: row for row in json.loads((tmp_path / "w.json").read_text())["bars"]}
    assert set(found) == {bar.name for bar in all_bars() if bar.command == "window"}
    for name in ("window_drag_offset", "window_square_covers"):  # however busy the machine is
        assert found[name]["holds"], found[name]
    assert found["window_next_sharp_p95"]["value"] > 0


def test_without_a_display_the_measurement_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vr_app.cli", "bench", "window", "--quick"]
    env = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "no window" in done.stderr
