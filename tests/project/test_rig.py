"""The rig itself: a real client of a real runtime, seen and moved from outside."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.places import ROOT
from tests.rig import (
    PATIENCE,
    Controller,
    HeadsetState,
    MonadoService,
    Pose,
    RemoteHeadset,
    View,
    Xvfb,
    grab_window,
    validation_env,
    validation_messages,
    wait_until,
)
from tests.rig.probe import Probe

IPD_M = 0.063  # between the eyes of Monado's remote headset


@pytest.fixture
def service(screen: Xvfb) -> Iterator[MonadoService]:
    with MonadoService(display=screen.name) as running:
        yield running


@pytest.mark.xr
def test_client_reaches_focus_and_follows_the_head(service: MonadoService, tmp_path: Path) -> None:
    with Probe(service.env | validation_env(tmp_path)) as probe, RemoteHeadset(service.port) as headset:
        probe.until_focused()
        quarter_turn_left = (0.0, 0.5**0.5, 0.0, 0.5**0.5)
        headset.update(head=Pose(quarter_turn_left, (0.5, 1.5, -0.25)))
        # Turned left, the head's right is away from where it looked: the eyes lie along z, the left one at the back.
        eyes = [[0.5, 1.5, -0.25 + IPD_M / 2], [0.5, 1.5, -0.25 - IPD_M / 2]]
        probe.until(lambda report: np.allclose(report["eyes"], eyes, atol=1e-4), f"eyes at {eyes}")
        assert probe.end() == 0
    assert validation_messages(tmp_path) == []


@pytest.mark.xr
@pytest.mark.parametrize(
    ("profile", "name", "pressed", "expected"),
    [
        (
            "index",
            "valve/index_controller",
            {"trigger": 0.75, "thumbstick": (0.5, -0.25), "a_click": True},
            {"trigger": 0.75, "thumbstick": [0.5, -0.25], "a": True, "b": False},
        ),
        (
            "touch",
            "oculus/touch_controller",
            {"trigger": 0.75, "thumbstick": (0.5, -0.25), "b_click": True},
            {"trigger": 0.75, "thumbstick": [0.5, -0.25], "a": False, "b": True},
        ),
        (
            "simple",
            "khr/simple_controller",
            {"trigger": 1.0, "thumbstick": (0.5, -0.25), "b_click": True},
            {"select": True, "menu": True, "trigger": None, "thumbstick": None},
        ),
    ],
)
def test_controller_input_arrives(
    service: MonadoService, profile: str, name: str, pressed: dict, expected: dict
) -> None:
    at_rest = {key: type(value)() if value is not None else None for key, value in expected.items()}
    at_rest |= {"thumbstick": [0.0, 0.0]} if expected.get("thumbstick") else {}
    with Probe(service.env, "--profiles", profile) as probe, RemoteHeadset(service.port) as headset:
        first = probe.until_focused()
        assert first["right"]["profile"] == f"/interaction_profiles/{name}"
        assert {key: first["right"][key] for key in expected} == at_rest
        headset.right(pose=Pose(position=(0.3, 1.2, -0.4)), **pressed)
        after = probe.until(lambda report: report["right"] != first["right"], "input of the right hand")
        assert {key: after["right"][key] for key in expected} == expected
        assert after["right"]["aim"] == pytest.approx([0.3, 1.2, -0.4], abs=1e-5)
        assert after["left"] == first["left"]
        assert probe.end() == 0


@pytest.mark.xr
@pytest.mark.parametrize("mistake", ["core", "practice"])
def test_validation_layers_are_heard(service: MonadoService, tmp_path: Path, mistake: str) -> None:
    with Probe(service.env | validation_env(tmp_path), "--mistake", mistake) as probe:
        probe.until_focused()
        assert probe.end() == 0
    told = "\n".join(validation_messages(tmp_path))
    assert {"core": "VUID-XrActionStateGetInfo-type-type", "practice": "xrSyncActions was called multiple"}[
        mistake
    ] in told


@pytest.mark.xr
def test_a_client_without_layers_cannot_pass_for_a_clean_one(service: MonadoService, tmp_path: Path) -> None:
    with Probe(service.env) as probe:
        probe.until_focused()
        probe.end()
    with pytest.raises(RuntimeError, match="core validation layer"):
        validation_messages(tmp_path)


@pytest.mark.parametrize("ending", ["sys.exit(3)", "os._exit(3)"])
def test_a_client_is_heard_however_it_ends(tmp_path: Path, ending: str) -> None:
    """With threads that are still busy the program leaves at once: on a busy machine a short session does."""
    env = os.environ | validation_env(tmp_path)
    code = f"import os, sys; {ending}"
    assert subprocess.run([sys.executable, "-c", code], env=env, timeout=PATIENCE).returncode == 3
    heard = json.loads((tmp_path / "best_practices.json").read_text())
    assert heard == {"frames": 0, "complaints": {}}


@pytest.mark.xr
def test_simulated_devices_need_no_driver(screen: Xvfb) -> None:
    with MonadoService(devices="simulated", display=screen.name) as service, Probe(service.env) as probe:
        first = probe.until_focused()
        probe.until(lambda report: report["eyes"] != first["eyes"], "movement of the simulated head")


@pytest.mark.xr
def test_composed_window_shows_the_submitted_colour(screen: Xvfb) -> None:
    colour = (200, 100, 50)
    with (
        MonadoService(compositor="xcb", display=screen.name) as service,
        Probe(service.env, "--clear", ",".join(map(str, colour))) as probe,
    ):
        probe.until_focused()

        def middles_of_both_eyes() -> bool:
            window = grab_window(screen.name).astype(int)
            height, width, _ = window.shape
            return all(np.abs(window[height // 2, width * quarter // 4] - colour).max() <= 1 for quarter in (1, 3))

        wait_until(middles_of_both_eyes, f"{colour} in both halves of Monado's window")


def test_packet_layout() -> None:
    view = View(-0.7, 0.8, 0.9, -0.6, Pose(position=(0.03, 0.0, 0.0)))
    right = Controller(trigger=0.25, thumbstick=(0.5, -1.0), active=True, a_click=True, trackpad_touch=True)
    state = HeadsetState((view, view), Pose(position=(1.5, 2.5, 3.5)), True, Controller(squeeze=0.125), right)
    packet = state.pack()
    assert len(packet) == 376
    assert packet[:8] == b"mndrmt3\0"
    assert struct.unpack_from("<3f", packet, 120) == (1.5, 2.5, 3.5)
    assert packet[132] == 1
    assert struct.unpack_from("<f", packet, 136 + 76) == (0.125,)
    assert struct.unpack_from("<f", packet, 256 + 72) == (0.25,)
    assert struct.unpack_from("<2f", packet, 256 + 84) == (0.5, -1.0)
    assert [offset for offset in range(104, 120) if packet[256 + offset]] == [105, 108, 116]
    assert HeadsetState.unpack(packet).pack() == packet


@pytest.mark.parametrize(("required", "code"), [("1", 1), ("0", 0)])
def test_missing_rig_fails_where_it_is_required(tmp_path: Path, required: str, code: int) -> None:
    (tmp_path / "test_one.py").write_text("import pytest\n@pytest.mark.xr\ndef test_one(): pass\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    env = os.environ | {
        "PATH": str(tmp_path),
        "FUNDUSXR_REQUIRE_RIG": required,
        "PYTHONPATH": str(ROOT),
    }
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "tests.conftest"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == code, run.stdout + run.stderr
    assert "monado-service" in run.stdout
    assert "scripts/test.sh" in run.stdout
    assert ("only 0 XR tests passed" in run.stdout) == (required == "1")


@pytest.mark.xr
def test_xr_tests_are_run_by_one_process_and_counted_where_two_share_a_run(tmp_path: Path) -> None:
    """They come first, wherever they stand; the tests of a file stay together."""
    test = """
@pytest.mark.{mark}
@pytest.mark.parametrize("n", range(4))
def test_{mark}(n):
    with open("ran", "a") as file:
        print("{mark}", __name__, os.environ["PYTEST_XDIST_WORKER"], file=file)
"""
    for name, mark in (("a", "plain"), ("b", "xr"), ("c", "plain"), ("d", "xr")):
        (tmp_path / f"test_{name}.py").write_text("import os, pytest\n" + test.format(mark=mark))
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  xr\n  plain\n")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-n", "2", "--dist", "loadfile"],
        cwd=tmp_path,
        env=os.environ | {"FUNDUSXR_REQUIRE_RIG": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "16 passed" in run.stdout, run.stdout + run.stderr
    assert "only 8 XR tests passed" in run.stdout
    assert run.returncode == 1
    ran = [line.split() for line in (tmp_path / "ran").read_text().splitlines()]
    (on_the_screen,) = {process for mark, _, process in ran if mark == "xr"}
    assert [mark for mark, _, process in ran if process == on_the_screen][:8] == ["xr"] * 8
    for file in ("test_a", "test_c"):
        assert len({process for _, name, process in ran if name == file}) == 1
