"""A headset that comes and goes, and runtimes that say odd things."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.assets import asset_path
from tests.helpers.visit import Visit
from tests.helpers.xr_colours import LOST, SPECTATOR
from tests.rig import MonadoService, Pose, RemoteHeadset, Xvfb, grab_window, wait_until
from tests.vr_app.xr.test_headset import COLOURS, LEFT, LOCAL_HEIGHT_M, PATIENCE, RIGHT, ROOT, Client

pytestmark = pytest.mark.xr

TITLE = "FundusXR"

ROUNDS = int(os.environ.get("FUNDUSXR_LIFE_ROUNDS", "4"))
"""How often the runtime dies under the viewer: 20 say more, and take five times as long."""

SETTLED = 3
"""Rounds after which nothing may grow any more."""

KEPT = ("surface", "active", "photographs", "layout", "pair", "appearance", "regions")
HELD = ("files", "threads", "kilobytes")

RETURN = 60.0
"""Seconds from the runtime's return to the focus, which takes 2 or 3 where nothing else runs."""


@pytest.fixture
def service(screen: Xvfb) -> Iterator[MonadoService]:
    with MonadoService(display=screen.name) as running:
        yield running


def test_a_loss_at_any_call_is_survived(service: MonadoService) -> None:
    """Session lost, instance lost, failure of the runtime: each at its call, and the next session takes up."""
    env = service.env | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.helpers.xr_trouble"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE * 3)
    assert done.returncode == 0, done.stderr[-3000:]
    lost = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("[")))
    assert {"wait_frame", "begin_session", "create_swapchain", "end_frame", "acquire_swapchain_image"} <= set(lost)
    assert len(lost) > 20


def test_the_viewer_outlives_its_runtime(service: MonadoService, tmp_path: Path) -> None:
    """The runtime dies in the middle of a zoom, again and again: nothing seen or set is lost, nothing leaks."""
    photographs = [tmp_path / f"fundus-{side}.png" for side in ("right", "left")]
    with Image.open(asset_path("demo", "retina.jpg")) as demo:
        right = demo.convert("RGB").resize((352, 352))
    right.save(photographs[0])
    right.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photographs[1])
    env = service.env | {"OMP_NUM_THREADS": "1"}
    with Client(env, *map(str, photographs), module="tests.helpers.xr_survivor") as client:
        held, took = [], []
        for number in range(ROUNDS):
            client.until(lambda report: report["state"] == "FOCUSED" and report["sharp"], "a sharp picture")
            with RemoteHeadset(service.port) as headset:
                inward = number % 2 == 0
                headset.right(pose=Pose(position=(0.5, 1.75, 0.0)), thumbstick=(0.0, 1.0 if inward else -1.0))
                client.until(lambda report, inward=inward: (report["zoom"] > 2.8) == inward, "the zoom")
                service.kill()
            client.until(lambda report: report["state"] == "LOST", "the loss")
            client.until(lambda report: any("Headset lost" in line for line in report["notices"]), "word of it")
            still = [client.until(lambda report: True, "a frame for the window") for _ in range(5)][-1]
            service.start()
            returned = time.monotonic()
            back = client.until(lambda report: report["state"] == "FOCUSED", "the focus again")
            took.append(back["at"] - returned)
            assert took[-1] <= RETURN
            assert back["center"] == pytest.approx(still["center"], abs=1e-3)
            assert back["zoom"] == pytest.approx(still["zoom"], rel=1e-3)
            assert [back[name] for name in KEPT] == [still[name] for name in KEPT]
            assert (back["layout"], back["appearance"]["channel"], len(back["regions"])) == ("pair", "red-free", 1)
            held.append(client.until(lambda report: report["sharp"], "the picture sharp again"))
        assert client.end() == 0, client.errors()
    print(f"back in {max(took):.1f} s at most;", [[report[name] for name in HELD] for report in held])
    for earlier, later in zip(held[SETTLED - 1 :], held[SETTLED:], strict=False):
        assert (later["files"], later["threads"]) == (earlier["files"], earlier["threads"])
    assert held[-1]["kilobytes"] < 1.02 * held[SETTLED - 1]["kilobytes"]


def shows(screen: Xvfb, *colours: tuple[int, int, int], title: str = TITLE) -> bool:
    """Whether the window has these colours left and right of its middle (one: the same on both sides)."""
    picture = grab_window(screen.name, title)
    height, width, _ = picture.shape
    found = picture[height // 2, [width * 3 // 8, width * 5 // 8]].astype(int)
    return bool(np.abs(found - colours).max() <= 1)


def test_the_window_goes_on_without_the_headset(service: MonadoService, screen: Xvfb, tmp_path: Path) -> None:
    with Client(service.env, *COLOURS) as client:
        client.until_focused()
        visit = Visit(client.process, screen.name, tmp_path)
        wait_until(lambda: shows(screen, LEFT), "the left eye in the window")
        service.kill()
        lost = client.until(lambda report: report["state"] == "LOST" and report["drawn"] > 0, "the loss")
        assert lost["should_render"]
        without = "FundusXR: headset lost; waiting for its runtime"
        wait_until(lambda: shows(screen, LOST, title=without), "the scene in the window, and the reason in its title")
        service.start()
        client.until_focused()
        wait_until(lambda: shows(screen, LEFT), "the left eye in the window again")
        service.kill()
        client.until(lambda report: report["state"] == "LOST", "the second loss")

        def key_arrives() -> bool:
            visit.do("windowfocus", "--sync", visit.window, "key", "ctrl+q", check=False)  # it may be gone by now
            return client.process.poll() is not None

        wait_until(key_arrives, "the end after Ctrl+Q", timeout_s=PATIENCE, interval_s=0.5)
        assert client.wait() == 0, client.errors()


def test_the_window_shows_what_it_is_asked_for(service: MonadoService, screen: Xvfb, tmp_path: Path) -> None:
    with Client(service.env, *COLOURS, "--mirror", "both") as client:
        client.until_focused()
        visit = Visit(client.process, screen.name, tmp_path)
        wait_until(lambda: shows(screen, LEFT, RIGHT), "both eyes")
        for kind, colour in {"the spectator": SPECTATOR, "the left eye": LEFT, "the right eye": RIGHT}.items():
            visit.key("m")
            if colour is LEFT:  # after the screen of a lecture hall
                visit.key("m")
            wait_until(lambda colour=colour: shows(screen, colour), kind)
        assert client.end() == 0, client.errors()


def test_a_slow_desktop_does_not_hold_the_headset(service: MonadoService) -> None:
    """Each of the window's swaps takes a second or more; a headset that waited for them would show a frame for each."""
    with Client(service.env, *COLOURS, "--slow-swap", "1.0") as client:
        first = client.until_focused()
        last = client.until(lambda report: report["drawn"] > first["drawn"] + 40, "40 frames")
        assert last["swaps"] - first["swaps"] < 10
        assert client.end() == 0, client.errors()


def test_one_session_after_the_other_in_one_process(service: MonadoService) -> None:
    done = run_code(ONE_AFTER_THE_OTHER, service.env)
    assert done.returncode == 0, done.stderr[-3000:]
    files, threads = json.loads(done.stdout.splitlines()[-1])
    assert files[1] == files[2]
    assert threads[1] == threads[2]


ONE_AFTER_THE_OTHER = """
import json
from tests.helpers.xr_client import resources, state
from vr_app.runtime.headset import HeadsetRuntime
held = []
for number in range(3):
    runtime = HeadsetRuntime()
    while state(runtime) != "FOCUSED":
        assert runtime.poll_events()
        with runtime.frame() as frame:
            for _ in frame.targets():
                pass
    runtime.close()
    held.append(resources())
print(json.dumps([[each[name] for each in held] for name in ("files", "threads")]))
"""


@pytest.mark.parametrize("trouble", ["session_loss_pending", "instance_loss_pending"])
def test_a_loss_that_is_announced_is_survived(service: MonadoService, trouble: str) -> None:
    with Client(service.env, "--trouble", trouble) as client:
        client.until_focused()
        client.until(lambda report: report["state"] == "LOST", "the loss")
        client.until_focused()
        assert client.end() == 0, client.errors()


def run_code(code: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    env = env | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE
    )


def test_what_the_lenses_hide_is_not_drawn(service: MonadoService) -> None:
    """Monado hides the corners of each eye's picture, and nothing is hidden in the window's own."""
    with Client(service.env, "--mirror", "spectator") as client:
        client.until_focused()
        shares = client.until(lambda report: len(report["hidden"]) == 3, "the spectator's picture read")["hidden"]
        assert 0.005 < shares[0] == shares[1] < 0.2
        assert shares[2] == 0.0
        assert client.end() == 0, client.errors()


def test_a_display_without_a_period_is_shown_on(service: MonadoService) -> None:
    with Client(service.env, "--trouble", "time_stands_still") as client:
        assert client.until_focused()["period"] is None
        client.until(lambda report: report["drawn"] > 30, "30 frames")
        assert client.end() == 0, client.errors()


def test_a_runtime_that_refuses_pictures_of_depth_is_shown_the_eyes_alone(service: MonadoService) -> None:
    with Client(service.env, "--trouble", "no_depth") as client:
        client.until_focused()
        client.until(lambda report: report["drawn"] > 10, "10 frames")
        assert client.end() == 0, client.errors()
        assert client.errors().count("without being told how far away things are") == 1


def test_eyes_that_are_nowhere_are_not_drawn_for(service: MonadoService) -> None:
    with Client(service.env, "--trouble", "eyes_go_astray") as client:
        client.until_focused()
        reports = [client.until(lambda report: True, "a frame") for _ in range(40)]
        assert {len(report["eyes"]) for report in reports} == {0, 2}
        for report in reports:
            for eye in report["eyes"]:
                assert np.abs(eye["pose"]["position"]).max() < 10  # a NaN would not be less
        assert client.end() == 0, client.errors()


def test_recentring_moves_the_space_and_hands_let_go(service: MonadoService) -> None:
    with Client(service.env) as client, RemoteHeadset(service.port) as headset:
        client.until_focused()
        headset.update(head=Pose(position=(0.5, LOCAL_HEIGHT_M, 0.0)))
        headset.right(trigger=1.0, trigger_click=True)
        client.until(
            lambda report: trigger(report) == 1.0 and middle(report)[0] == pytest.approx(0.5), "the head moved"
        )
        subprocess.run(["monado-ctl", "-c"], env=service.env, check=True)
        triggers, away = [], 0.5
        while away > 1e-4:
            now = client.until(lambda report: True, "a frame")
            triggers.append(trigger(now))
            away = abs(middle(now)[0])
        assert 0.0 in triggers[-2:]  # the eyes may have been located just before the space moved, the hands just after
        assert trigger(client.until(lambda report: True, "the next frame")) == 1.0
        assert client.end() == 0, client.errors()


def middle(report: dict) -> np.ndarray:
    return np.mean([eye["pose"]["position"] for eye in report["eyes"]], axis=0)


def trigger(report: dict) -> float:
    return report["sample"]["hands"][1]["trigger"]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("one_view", "one picture to each eye"),
        ("no_opengl", "does not accept OpenGL"),
        ("no_headset", "no headset now: connect it"),
    ],
)
def test_a_runtime_that_cannot_serve_is_one_clear_line(service: MonadoService, trouble: str, said: str) -> None:
    with Client(service.env, "--trouble", trouble) as client:
        assert client.wait() == 2
        assert said in client.errors().splitlines()[-1]
        assert "Traceback" not in client.errors()
