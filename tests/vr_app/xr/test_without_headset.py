"""What is said where there is no headset, and what needs none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.places import ROOT
from tests.rig import PATIENCE, wait_until
from vr_app.xr import probe as probing
from vr_app.xr.probe import HeadsetWatch, probe


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, because importing `xr` binds PyOpenGL to GLX."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("XR_", "XDG_"))}
    env |= {"PYTHONPATH": str(ROOT), "HOME": "/nonexistent"} | environment
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=PATIENCE)


ASK = """
import sys
from sr_core.errors import UserError
from vr_app.runtime.headset import HeadsetRuntime
try:
    HeadsetRuntime()
except UserError as error:
    sys.exit(str(error))
"""


def test_without_a_runtime_one_line_says_so(tmp_path: Path) -> None:
    manifest = str(tmp_path / "none.json")
    asked = run(ASK, XR_RUNTIME_JSON=manifest)
    assert asked.returncode == 1
    told = f"no OpenXR runtime: XR_RUNTIME_JSON={manifest} names no runtime that loads; correct or unset it\n"
    assert asked.stderr == told


def test_probe_without_a_runtime_is_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XR_RUNTIME_JSON", str(tmp_path / "none.json"))
    found = probe()
    assert not found.available
    assert (found.runtime, found.view_sizes) == ("", ())
    assert found.problem.startswith("no OpenXR runtime: XR_RUNTIME_JSON=")
    assert capfd.readouterr() == ("", "")


def test_probe_outlives_a_runtime_that_hangs_or_crashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert probe().problem == "asking OpenXR for a headset failed: exit 1"
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 600\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(sleeper))
    assert "does not answer within 1 s" in probe(timeout=1.0).problem


def test_a_watch_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime that hangs: its process is ended and another asks; the caller gets its answer at once each time."""
    asked = tmp_path / "asked"
    hanging = tmp_path / "hanging"
    hanging.write_text(f"#!/bin/sh\necho $$ >> {asked}\nexec sleep 600\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(hanging))
    for name, seconds in {"SHIFT": 0.0, "PATIENCE": 0.2, "PAUSE": 0.0}.items():
        monkeypatch.setattr(probing, name, seconds)
    watch = HeadsetWatch()

    def third() -> bool:
        assert not watch.answers()
        return asked.exists() and len(asked.read_text().split()) >= 3

    wait_until(third, "a third process")
    watch.close()
    for process in asked.read_text().split():
        assert not Path("/proc", process).exists()


def test_a_watch_asks_again_where_nothing_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "PAUSE", 0.0)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    watch = HeadsetWatch()
    for _ in range(50):
        assert not watch.answers()
    monkeypatch.setattr(sys, "executable", "/bin/true")
    wait_until(watch.answers, "an answer")
    watch.close()


def test_probe_leaves_opengl_alone() -> None:
    code = """
import sys
from vr_app.xr.probe import probe
probe()
print([name for name in ("xr", "OpenGL") if name in sys.modules])
"""
    assert run(code, XR_RUNTIME_JSON="/nonexistent.json").stdout == "[]\n"


def test_waiting_for_a_frame_lets_other_threads_run() -> None:
    """ctypes lets go of the interpreter lock for every function but those that ask for Python's own calling."""
    code = "import _ctypes, xr; print(type(xr.raw_functions.xrWaitFrame)._flags_ & _ctypes.FUNCFLAG_PYTHONAPI)"
    assert run(code).stdout == "0\n"


def test_poses_come_out_with_unit_length_or_not_at_all() -> None:
    code = """
import xr
from vr_app.xr.convert import pose
def of(quaternion, position):
    return pose(xr.Posef(xr.Quaternionf(*quaternion), xr.Vector3f(*position)))
nan, inf = float("nan"), float("inf")
assert of((0, 0, 0, 0), (1, 2, 3)) is None
assert of((nan, 0, 0, 1), (1, 2, 3)) is None
assert of((inf, 0, 0, 1), (1, 2, 3)) is None
assert of((0, 0, 0, 1), (1, nan, 3)) is None
assert of((0, 0, 0, 1), (1, 2, -inf)) is None
assert of((0, 2, 0, 0), (1, 2, 3)).orientation == (0, 1, 0, 0)
assert of((0, 2, 0, 0), (1, 2, 3)).position == (1, 2, 3)
"""
    checked = run(code)
    assert checked.returncode == 0, checked.stderr


def test_fields_of_view_come_out_whole_or_not_at_all() -> None:
    code = """
import xr
from vr_app.core.space.pose import Fov
from vr_app.xr.convert import fov
of = lambda *angles: fov(xr.Fovf(*angles))
nan = float("nan")
assert of(-0.5, 0.5, 0.25, -0.75) == Fov(-0.5, 0.5, 0.25, -0.75)
for wrong in ((nan, 0.5, 0.5, -0.5), (-0.5, 0.5, 0.5, nan), (0, 0, 0, 0), (0.5, -0.5, 0.5, -0.5), (-2, 0.5, 0.5, -0.5)):
    assert of(*wrong) is None
"""
    checked = run(code)
    assert checked.returncode == 0, checked.stderr


def test_clock_joins_the_times_of_sessions() -> None:
    code = """
from vr_app.xr.frame import FrameClock
clock = FrameClock()
first = clock.seconds(5_000_000_000_000_000_000)
clock.restart()
second = clock.seconds(7_000_000_000)  # another runtime, another beginning
assert first <= second < first + 60
ahead = clock.seconds(900_000_000_000_000)  # a wrong time far ahead, and one far behind: time goes on
assert second <= ahead < second + 60
behind = clock.seconds(1)
assert ahead <= behind < ahead + 60
assert clock.seconds(40_000_001) > behind
"""
    checked = run(code)
    assert checked.returncode == 0, checked.stderr


def test_clock_joins_idle_and_display_time() -> None:
    code = """
from vr_app.xr.frame import FrameClock
clock = FrameClock()
before = clock.idle()
first = clock.seconds(5_000_000_000_000_000_000)
assert before <= first < before + 60
second = clock.seconds(5_000_000_000_016_000_000)
assert abs(second - first - 0.016) < 1e-9
assert clock.seconds(5_000_000_000_008_000_000) == second
assert clock.idle() >= second
"""
    checked = run(code)
    assert checked.returncode == 0, checked.stderr


QUIRKS = """
from vr_app.xr.offers import DEPTH_QUIRKS, quirk
mixed = ("Windows Mixed Reality Runtime 111.2206.15001", "Windows Mixed Reality Runtime 112.2209.2002", "Monado 25.0.0")
for name in mixed:
    print("depth in", name, "|", quirk(name, DEPTH_QUIRKS) is not None)
steam = ("SteamVR/OpenXR 2.7.4", "SteamVR/OpenXR 2.8.1", "SteamVR/OpenXR 2.10.2", "SteamVR")
for name in (*steam, "Oculus 1.104.0", "Monado 25.0.0"):
    print(name, "|", quirk(name) is not None)
"""


def test_runtimes_with_quirks_are_known_by_name_and_version() -> None:
    known = dict(line.split(" | ") for line in run(QUIRKS).stdout.splitlines())
    assert known == {
        "depth in Windows Mixed Reality Runtime 111.2206.15001": "True",
        "depth in Windows Mixed Reality Runtime 112.2209.2002": "False",
        "depth in Monado 25.0.0": "False",
        "SteamVR/OpenXR 2.7.4": "True",
        "SteamVR/OpenXR 2.8.1": "False",
        "SteamVR/OpenXR 2.10.2": "False",
        "Oculus 1.104.0": "True",
        "Monado 25.0.0": "False",
        "SteamVR": "True",
    }
