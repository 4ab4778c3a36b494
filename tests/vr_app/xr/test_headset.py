"""The headset runtime against a real OpenXR runtime, as an application in a process of its own."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
import pytest

from tests.helpers.places import ROOT
from tests.rig import (
    PATIENCE,
    MonadoService,
    Pose,
    RemoteHeadset,
    Xvfb,
    grab_window,
    validation_env,
    validation_messages,
    wait_until,
)
from vr_app.xr.probe import probe

LEFT, RIGHT = (200, 100, 50), (20, 120, 220)
COLOURS = ["--left", ",".join(map(str, LEFT)), "--right", ",".join(map(str, RIGHT))]
IPD_M = 0.063
"""Between the eyes of Monado's remote headset."""
LOCAL_HEIGHT_M = 1.6
"""Where the remote headset's local space has its origin, above its floor."""


class Client:
    """`tests.helpers.xr_client`, or another `module`, with `options` in the environment `env`, in the folder `cwd`; its
    reports as they come."""

    def __init__(
        self, env: dict[str, str], *options: str, module: str = "tests.helpers.xr_client", cwd: Path = ROOT
    ) -> None:
        path = os.pathsep.join(filter(None, (env.get("PYTHONPATH"), str(ROOT))))
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *options],
            cwd=cwd,
            env=env | {"PYTHONPATH": path},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._reports: queue.Queue[dict | None] = queue.Queue()
        self._errors: list[str] = []
        self._readers = [threading.Thread(target=self._read_reports), threading.Thread(target=self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read_reports(self) -> None:
        for line in self.process.stdout:
            if line.startswith("{"):  # layers write to the same stream
                self._reports.put(json.loads(line))
        self._reports.put(None)

    def _read_errors(self) -> None:
        self._errors.extend(self.process.stderr)

    def until(self, condition: Callable[[dict], object], what: str, patience: float = PATIENCE) -> dict:
        """The first report from now on that meets `condition`; a failure, after `patience` seconds, names `what`."""
        deadline = time.monotonic() + patience
        last: dict = {}
        while time.monotonic() < deadline:
            try:
                report = self._reports.get(timeout=1.0)
            except queue.Empty:
                continue
            if report is None:
                raise AssertionError(f"the client ended before {what}; its last report: {last}\n{self.errors()}")
            last = report
            if condition(report):
                return report
        raise AssertionError(f"no {what} within {patience:g} s; last report: {last}")

    def until_focused(self) -> dict:
        """The first report with input, which comes a frame after the focus."""
        return self.until(
            lambda report: report["state"] == "FOCUSED" and report["sample"]["hands"][1]["aim"] is not None, "FOCUSED"
        )

    def tell(self, line: str) -> None:
        """Write a line to the client's standard input."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self) -> int:
        """Ask the client to end in the orderly way; its exit code."""
        self.process.stdin.close()
        return self.wait()

    def wait(self) -> int:
        """The client's exit code, once it has ended and said all."""
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        return code

    def errors(self) -> str:
        return "".join(self._errors)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()


@pytest.fixture
def service(screen: Xvfb) -> Iterator[MonadoService]:
    with MonadoService(display=screen.name) as running:
        yield running


def middle_of_each_half(picture: np.ndarray) -> np.ndarray:
    height, width, _ = picture.shape
    return np.array([picture[height // 2, width // 4], picture[height // 2, width * 3 // 4]], int)


@pytest.mark.xr
@pytest.mark.parametrize("compositor", ["null", "xcb"])
def test_each_eye_gets_its_picture(screen: Xvfb, tmp_path: Path, compositor: str) -> None:
    with (
        MonadoService(compositor=compositor, display=screen.name) as service,
        Client(service.env | validation_env(tmp_path), *COLOURS) as client,
    ):
        about = client.until(lambda report: "about" in report, "the runtime's names")["about"]
        assert "Monado" in about["runtime"]
        assert "Remote" in about["system"]
        assert "llvmpipe" in about["renderer"]
        client.until_focused()
        shown = client.until(lambda report: report["drawn"] > 120 and report["stored"][0], "120 frames")
        assert shown["stored"] == [[list(LEFT)] * 2, [list(RIGHT)] * 2]
        if compositor == "xcb":
            wait_until(
                lambda: np.abs(middle_of_each_half(grab_window(screen.name)) - (LEFT, RIGHT)).max() <= 1,
                "each eye's colour in its half of Monado's window",
            )
        client.process.stdin.close()
        assert client.until(lambda report: "closed" in report, "close")["state"] == "EXITING"
        assert client.wait() == 0
    assert validation_messages(tmp_path) == []


@pytest.mark.xr
def test_eyes_follow_the_head_and_time_goes_on(service: MonadoService) -> None:
    with Client(service.env) as client, RemoteHeadset(service.port) as headset:
        first = client.until_focused()
        left, right = first["eyes"]
        assert left["pose"]["position"] == pytest.approx([-IPD_M / 2, 0, 0], abs=1e-4)
        assert right["pose"]["position"] == pytest.approx([IPD_M / 2, 0, 0], abs=1e-4)
        assert left["fov"]["left"] < 0 < left["fov"]["right"]
        assert left["fov"]["down"] < 0 < left["fov"]["up"]
        turned = (0.0, 0.5**0.5, 0.0, 0.5**0.5)  # a quarter to the left: the left eye comes to lie behind
        headset.update(head=Pose(turned, (0.5, LOCAL_HEIGHT_M + 0.2, -0.25)))
        positions = [[0.5, 0.2, -0.25 + IPD_M / 2], [0.5, 0.2, -0.25 - IPD_M / 2]]
        after = client.until(
            lambda report: np.allclose([eye["pose"]["position"] for eye in report["eyes"]], positions, atol=1e-4),
            f"eyes at {positions}",
        )
        assert [eye["pose"]["orientation"] for eye in after["eyes"]] == [pytest.approx(turned, abs=1e-4)] * 2
        assert after["time"] > first["time"]
        assert client.end() == 0


PRESSES = {
    # buttons held down together -> what arrives of it, while they stay down
    "index": (
        {"trigger": 0.75, "thumbstick": (0.5, -0.25), "b_click": True},
        {"trigger": 0.75, "stick_y": -0.25, "push_zooms": False},
    ),
    "touch": (
        {"trigger": 0.75, "thumbstick": (0.5, -0.25), "b_click": True},
        {"trigger": 0.75, "stick_y": -0.25, "push_zooms": False},
    ),
    "simple": (
        {"trigger": 1.0, "thumbstick": (0.5, -0.25), "b_click": True},
        {"trigger": 1.0, "stick_y": 0.0, "push_zooms": True},
    ),
}


@pytest.mark.xr
@pytest.mark.parametrize("profile", PRESSES)
def test_controls_arrive(service: MonadoService, profile: str) -> None:
    pressed, expected = PRESSES[profile]
    with Client(service.env, "--profiles", profile) as client, RemoteHeadset(service.port) as headset:
        first = client.until_focused()["sample"]
        assert not any(first[button] for button in ("original", "next_layout", "next_image", "reset"))
        assert first["hands"][1]["trigger"] == 0
        downward = (-(0.5**0.5), 0.0, 0.0, 0.5**0.5)  # a quarter turn about x: the ray points to the floor
        headset.right(pose=Pose(downward, (0.3, 1.2, -0.4)), **pressed)
        held = client.until(lambda report: report["sample"]["original"], "the original shown")["sample"]
        left, right = held["hands"]
        assert {key: right[key] for key in expected} == expected
        assert right["aim"]["origin"] == pytest.approx([0.3, 1.2 - LOCAL_HEIGHT_M, -0.4], abs=1e-4)
        assert right["aim"]["direction"] == pytest.approx([0, -1, 0], abs=1e-4)
        assert left == first["hands"][0]
        headset.right(trigger=0.0, thumbstick=(0.0, 0.0), b_click=False)
        after = client.until(lambda report: not report["sample"]["original"], "the original gone")["sample"]
        assert after["hands"][1]["trigger"] == 0
        assert client.end() == 0


MOMENTARY = ("original", "next_layout", "next_image", "reset", "invention", "undo")

BUTTONS = {
    "index": [
        ("right", "a_click", "next_layout"),
        ("left", "a_click", "next_image"),
        ("left", "b_click", "reset"),
        ("left", "thumbstick_click", "invention"),
        ("right", "thumbstick_click", "undo"),
    ],
    "touch": [
        ("right", "a_click", "next_layout"),
        ("left", "a_click", "next_image"),
        ("left", "b_click", "reset"),
        ("left", "thumbstick_click", "invention"),
        ("right", "thumbstick_click", "undo"),
    ],
}


@pytest.mark.xr
@pytest.mark.parametrize("profile", BUTTONS)
def test_a_press_counts_once(service: MonadoService, profile: str) -> None:
    with Client(service.env, "--profiles", profile) as client, RemoteHeadset(service.port) as headset:
        client.until_focused()
        for hand, button, meaning in BUTTONS[profile]:
            press = getattr(headset, hand)
            press(**{button: True})
            client.until(lambda report, meaning=meaning: report["sample"][meaning], meaning)
            for _ in range(5):  # still held, and nothing is pressed again
                held = client.until(lambda report: True, "another frame")["sample"]
                assert not any(held[name] for name in MOMENTARY)
            press(**{button: False})
        assert client.end() == 0


@pytest.mark.xr
@pytest.mark.parametrize(("hand", "meaning"), [("left", "next_layout"), ("right", "next_image")])
def test_a_tap_on_the_simple_controller_is_a_button(service: MonadoService, hand: str, meaning: str) -> None:
    with Client(service.env, "--profiles", "simple") as client, RemoteHeadset(service.port) as headset:
        client.until_focused()

        def tapped() -> bool:
            press = getattr(headset, hand)
            press(b_click=True)
            client.until(lambda report: True, "a frame")
            press(b_click=False)
            shown = [client.until(lambda report: True, "a frame")["sample"] for _ in range(8)]
            return any(sample[meaning] for sample in shown)

        # A machine too slow for a tap makes holds of some, and sees nothing of others.
        wait_until(tapped, "a tap", timeout_s=PATIENCE)
        assert client.end() == 0


@pytest.mark.xr
def test_a_pose_that_is_none_and_a_controller_that_vanishes_point_nowhere(service: MonadoService) -> None:
    with Client(service.env) as client, RemoteHeadset(service.port) as headset:
        client.until_focused()
        none = {"pose": Pose((0.0, 0.0, 0.0, 0.0), (0.3, 1.2, -0.4))}, {"pose": Pose(position=(float("nan"), 0.0, 0.0))}
        for wrong in (*none, {"active": False}):  # the last is switched off, or out of sight
            headset.right(**wrong)
            lost = client.until(lambda report: report["sample"]["hands"][1]["aim"] is None, "a hand without aim")
            assert lost["sample"]["hands"][0]["aim"] is not None
            headset.right(pose=Pose(position=(0.3, 1.2, -0.4)), active=True)
            client.until(lambda report: report["sample"]["hands"][1]["aim"] is not None, "the aim again")
        assert client.end() == 0


@pytest.mark.xr
def test_an_error_in_the_middle_of_a_frame_ends_it_cleanly(service: MonadoService, tmp_path: Path) -> None:
    with Client(service.env | validation_env(tmp_path), "--fail-at", "30") as client:
        client.until(lambda report: report.get("drawn") == 29, "the last frame before the errors")
        after = client.until(lambda report: report["drawn"] == 32, "frames drawn after the errors")
        assert after["discarded"] == 0
        assert client.until(lambda report: "closed" in report, "close")["state"] == "EXITING"
        assert client.wait() == 1
        assert client.errors().splitlines()[-1].endswith("DemandedError: in the middle of a frame")
        assert "HeadsetError" not in client.errors()
    assert validation_messages(tmp_path) == []


@pytest.mark.xr
def test_ctrl_c_ends_the_session_cleanly(service: MonadoService, tmp_path: Path) -> None:
    with Client(service.env | validation_env(tmp_path)) as client:
        client.until_focused()
        client.process.send_signal(signal.SIGINT)
        assert client.until(lambda report: "closed" in report, "close")["state"] == "EXITING"
        client.wait()
        assert client.errors().splitlines()[-1] == "KeyboardInterrupt"
    assert validation_messages(tmp_path) == []


@pytest.mark.xr
def test_the_runtime_is_heard_on_demand(service: MonadoService) -> None:
    with Client(service.env | {"FUNDUSXR_XR_DEBUG": "1"}) as client:
        client.until_focused()
        assert client.end() == 0
        assert "\nopenxr: xr" in client.errors()


@pytest.mark.xr
def test_window_mirrors_the_left_eye_and_escape_ends(service: MonadoService, screen: Xvfb) -> None:
    with Client(service.env, *COLOURS) as client:
        client.until_focused()
        wait_until(
            lambda: np.abs(middle_of_each_half(grab_window(screen.name, "FundusXR")) - LEFT).max() <= 1,
            "the left eye's colour in the window",
        )
        on_screen = os.environ | {"DISPLAY": screen.name}
        search = ["xdotool", "search", "--name", "(^| - )FundusXR$"]
        window = subprocess.run(search, env=on_screen, capture_output=True, text=True, check=True).stdout.split()[0]

        def key_arrives() -> bool:
            keys = ["xdotool", "windowfocus", "--sync", window, "key", "ctrl+q"]
            subprocess.run(keys, env=on_screen, capture_output=True, timeout=PATIENCE)
            return client.process.poll() is not None

        wait_until(key_arrives, "the end after Ctrl+Q", timeout_s=PATIENCE, interval_s=0.5)
        assert client.until(lambda report: "closed" in report, "close")["state"] == "EXITING"
        assert client.wait() == 0


@pytest.mark.xr
def test_probe_finds_the_headset_and_leaves_nothing(service: MonadoService, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in service.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DISPLAY")  # it needs no screen
    found = probe()
    assert found.available, found.problem
    assert "Monado" in found.runtime
    assert "Remote" in found.system
    assert min(size for sizes in found.view_sizes for size in sizes) > 0
    assert len(found.view_sizes) == 2
    assert "XR_KHR_opengl_enable" in found.extensions
    service.stop()
    gone = probe()
    assert gone.problem == "the OpenXR runtime fails at xrCreateInstance: check that its service runs, or restart it"
