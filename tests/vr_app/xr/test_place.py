"""Where the scene stands in a real runtime: at the eyes' height, recentred by us and by the runtime, on its floor; and
trackers that jump."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.assets import asset_path
from tests.helpers.visit import Visit
from tests.rig import (
    MonadoService,
    Pose,
    RemoteHeadset,
    Xvfb,
    grab_window,
    validation_env,
    validation_messages,
    wait_until,
)
from tests.vr_app.xr.test_headset import LOCAL_HEIGHT_M, Client
from tests.vr_app.xr.test_session_life import middle, trigger
from tests.vr_app.xr.test_viewer import Program

pytestmark = pytest.mark.xr

TURNED = (0.0, 0.5**0.5, 0.0, 0.5**0.5)
"""A quarter to the left."""

WIDE = 0.2
"""Of a picture's row or column: more than words and the hands' beams, which are bright too, take of one."""


@pytest.fixture
def service(screen: Xvfb) -> Iterator[MonadoService]:
    with MonadoService(compositor="null", devices="remote", display=screen.name) as running:
        yield running


def straight(report: dict) -> bool:
    """Whether the head is at the origin and looks ahead."""
    orientation = np.array(report["eyes"][0]["pose"]["orientation"]) if report["eyes"] else np.zeros(4)
    return bool(np.abs(middle(report)).max() < 1e-3 and abs(orientation[3]) > 1 - 1e-5)


def test_recentring_puts_the_scene_before_the_head_and_the_runtimes_own_comes_after(
    service: MonadoService, tmp_path: Path
) -> None:
    with (
        RemoteHeadset(service.port) as headset,
        Client(service.env | validation_env(tmp_path), "--recentre-at", "200") as client,
    ):
        client.until_focused()
        where = (0.5, LOCAL_HEIGHT_M + 0.2, 0.3)
        headset.update(head=Pose(TURNED, where))
        headset.right(trigger=1.0, trigger_click=True)
        away = client.until(lambda report: trigger(report) == 1.0 and abs(middle(report)[0]) > 0.4, "the head away")
        assert away["drawn"] < 200
        assert away["floor"] == pytest.approx(-LOCAL_HEIGHT_M, abs=0.01)
        before = away
        while not straight(before):
            last, before = before, client.until(lambda report: bool(report["eyes"]), "a frame")
            assert np.allclose(middle(before), middle(away), atol=1e-3) or straight(before)  # no frame in between
        assert trigger(last) == 1.0
        assert trigger(before) == 0.0  # the hands let go
        after = client.until(lambda report: True, "the next frame")
        assert trigger(after) == 1.0
        assert after["floor"] == pytest.approx(-where[1], abs=0.01)

        headset.update(head=Pose(position=(-0.4, LOCAL_HEIGHT_M, 0.0)))
        client.until(lambda report: not straight(report), "the head away again")
        subprocess.run(["monado-ctl", "-c"], env=service.env, check=True)
        client.until(straight, "the runtime's recentring, without what ours had done")
        assert client.end() == 0, client.errors()
    assert validation_messages(tmp_path) == []


def test_who_sits_low_has_the_scene_at_eye_height_from_the_first_frame(service: MonadoService) -> None:
    with RemoteHeadset(service.port) as headset:
        headset.update(head=Pose(position=(0.2, LOCAL_HEIGHT_M - 0.6, 0.0)))
        with Client(service.env) as client:
            first = client.until(lambda report: bool(report.get("eyes")), "the eyes")
            assert middle(first) == pytest.approx([0.2, 0.0, 0.0], abs=1e-3)
            seen = client.until(lambda report: report["drawn"] > 5, "frames")
            assert seen["floor"] == pytest.approx(-(LOCAL_HEIGHT_M - 0.6), abs=0.01)
            headset.update(head=Pose(position=(0.2, LOCAL_HEIGHT_M + 0.2, 0.0)))
            risen = client.until(lambda report: middle(report)[1] > 0.5, "the head higher")
            assert middle(risen)[1] == pytest.approx(0.8, abs=1e-3)  # nothing follows it
            assert client.end() == 0, client.errors()


def test_trackers_that_jump_by_10_m_leave_the_view_where_it_is(service: MonadoService, tmp_path: Path) -> None:
    photograph = tmp_path / "eye.png"
    with Image.open(asset_path("demo", "retina.jpg")) as full:
        full.convert("RGB").crop((100, 500, 400, 725)).save(photograph)
    home = Pose(position=(0.0, LOCAL_HEIGHT_M, 0.0))
    with (
        RemoteHeadset(service.port) as headset,
        Program(service, tmp_path, photograph, "--room", "on") as program,
    ):
        visit = Visit(program.process, service.env["DISPLAY"], tmp_path)
        start = visit.look()
        surface = {key: start["surfaces"][0][key] for key in ("geometry", "center", "zoom")}
        for far in ((0.0, LOCAL_HEIGHT_M, 10.0), (10.0, LOCAL_HEIGHT_M, 0.0), (0.0, float("nan"), 0.0)):
            headset.update(head=Pose(position=far))
            if far[2]:
                visit.until(lambda about: _away(about) > 9.0, "the head far away")
            time.sleep(0.5)  # some frames: from the other places nothing is seen
            headset.update(head=home)
            back = visit.until(lambda about: _away(about) < 0.1, "the head back")
            assert {key: back["surfaces"][0][key] for key in surface} == surface
        visit.key("ctrl+q")
        program.ends_well()


def _away(about: dict) -> float:
    return float(np.linalg.norm(np.mean([eye["pose"]["position"] for eye in about["eyes"]], axis=0)))


@pytest.mark.parametrize("layers", ["on", "off"])
def test_the_runtime_shows_the_recentred_panel_where_it_was_before_the_head(
    screen: Xvfb, tmp_path: Path, layers: str
) -> None:
    """As Monado composes it: from the eyes' pictures, and from the panel's own layer."""
    photograph = tmp_path / "white.png"
    Image.fromarray(np.full((120, 160, 3), 250, np.uint8)).save(photograph)
    with (
        MonadoService(compositor="xcb", devices="remote", display=screen.name) as service,
        RemoteHeadset(service.port) as headset,
        Program(service, tmp_path, photograph, "--layers", layers) as program,
    ):
        visit = Visit(program.process, screen.name, tmp_path)

        def seen(x: float, what: str) -> np.ndarray:
            """The bright panel's first and last rows and columns in the left half, once its middle is near `x` and
            rests there: a picture may be grabbed between two."""

            def look() -> tuple[int, ...] | None:
                if program.process.poll() is not None:
                    raise RuntimeError(program.log.read_text())
                half = np.hsplit(grab_window(screen.name, "Monado").astype(int), 2)[0].min(axis=-1) > 150
                rows, columns = ((half.mean(axis) > WIDE).nonzero()[0] for axis in (1, 0))
                if min(rows.size, columns.size) < 20:
                    return None
                places.append(float(columns[0] + columns[-1]) / 2 / half.shape[1])
                boxes.append((int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])))
                rests = len(boxes) > 4 and len(set(boxes[-5:])) == 1
                return boxes[-1] if rests and abs(places[-1] - x) < 0.03 else None

            places: list[float] = []
            boxes: list[tuple[int, ...]] = []
            return np.array(wait_until(look, f"{what}; seen at {places}"))

        before = seen(0.51, "the panel ahead")
        headset.update(head=Pose((0.0, 0.15, 0.0, 0.9887), (0.0, LOCAL_HEIGHT_M, 0.0)))
        seen(0.70, "the panel to the right of who looks left")
        visit.key("z")
        after = seen(0.51, "the panel ahead again")
        assert np.abs(after - before).max() <= 2
        visit.key("ctrl+q")
        program.ends_well()
