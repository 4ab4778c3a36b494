"""The whole way in a headset: the program on a real OpenXR runtime, and the pixels that it hands over.

The eyes' pictures are compared with the file that a separate `fundusxr upscale --region` writes, warped by the frame's
own views and projections in NumPy: the right pixels, in the right place, for the right eye.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.assets import asset_path
from sr_core.image import resample
from tests.helpers.gl_stage import warped
from tests.helpers.places import ROOT
from tests.helpers.visit import Visit
from tests.rig import (
    PATIENCE,
    MonadoService,
    RemoteHeadset,
    Xvfb,
    grab_window,
    validation_env,
    validation_messages,
    wait_until,
)
from tests.rig import (
    Pose as RemotePose,
)
from vr_app.core.space.pose import Eye, Fov, Pose
from vr_app.core.space.surface import ImageView, Panel, Retina

pytestmark = pytest.mark.xr

DEMO = asset_path("demo", "retina.jpg")
STOP = {"surface": "panel", "center": [0.213, 0.292], "zoom": 12.0, "duration": 0.3}


@dataclass(frozen=True)
class Shown:
    """One surface as a screenshot describes it: what `warped` needs of a draw item."""

    surface: Panel | Retina
    view: ImageView
    size: tuple[int, int]

    def within(self, region: tuple[int, int, int]) -> Shown:
        """The same picture told in the coordinates of a square region (x, y, edge) of a square photograph."""
        x, y, edge = region
        center = tuple(
            (c * full - first) / edge for c, full, first in zip(self.view.center, self.size, (x, y), strict=True)
        )
        return Shown(self.surface, ImageView(center, self.view.zoom * edge / self.size[0]), (edge, edge))


@dataclass(frozen=True)
class Screenshot:
    """Both eyes' pictures (H, W, 3) uint8, the eyes, and the one surface they show."""

    pictures: tuple[np.ndarray, np.ndarray]
    eyes: tuple[Eye, Eye]
    shown: Shown
    about: dict

    @staticmethod
    def load(path: Path) -> Screenshot:
        image = Image.open(path)
        about = json.loads(image.text["fundusxr:view"])
        eyes = tuple(
            Eye(Pose(*map(tuple, eye["pose"].values())), Fov(**eye["fov"]), tuple(eye["size"])) for eye in about["eyes"]
        )
        (surface,) = about["surfaces"]
        geometry = dict(surface["geometry"])
        pose = Pose(*map(tuple, geometry.pop("pose").values()))
        kind = {"panel": Panel, "retina": Retina}[surface["surface"]]
        image_view = ImageView(tuple(surface["center"]), surface["zoom"])
        shown = Shown(kind(pose, **geometry), image_view, tuple(surface["size"]))
        pixels = np.asarray(image.convert("RGB"))
        width = eyes[0].size[0]
        return Screenshot((pixels[:, :width], pixels[:, width:]), eyes, shown, surface)


class Program:
    """`fundusxr view` in the headset, with a log of its own."""

    def __init__(self, service: MonadoService, folder: Path, *arguments: object, **environment: str) -> None:
        self.log = folder / "program.log"
        self._out = self.log.open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vr_app.cli", "view", "--mode", "xr", *map(str, arguments)],
            cwd=folder,
            env={**service.env, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **environment},
            stdout=self._out,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
        self._out.close()

    def ends_well(self) -> None:
        code = self.process.wait(PATIENCE)
        assert code == 0, self.log.read_text()


@pytest.fixture
def service(screen: Xvfb) -> Iterator[MonadoService]:
    with MonadoService(compositor="null", devices="remote", display=screen.name) as running:
        yield running


@pytest.fixture(scope="module")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled photograph at a quarter of its size: at its own it is so soft that bicubic does as well."""
    path = tmp_path_factory.mktemp("photograph") / "fundus.png"
    full = np.asarray(Image.open(DEMO).convert("RGB"))
    Image.fromarray(resample.to_uint8(resample.shrink(full, 4))).save(path)
    return path


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ends zoomed in on a vessel crossing."""
    path = tmp_path_factory.mktemp("tour") / "tour.json"
    first = {"surface": "panel", "center": [0.5, 0.5], "zoom": 1.0, "duration": 0.2}
    path.write_text(json.dumps({"version": 1, "stops": [first, {**STOP, "travel": 0.5}]}))
    return path


@pytest.fixture(scope="module")
def seen(screen: Xvfb, photograph: Path, tour: Path, tmp_path_factory: pytest.TempPathFactory) -> Screenshot:
    """A tour played to its end in the headset; validation layers listen throughout."""
    folder = tmp_path_factory.mktemp("seen")
    with MonadoService(compositor="null", devices="remote", display=screen.name) as service:
        options = ("--tour", tour, "--screenshot", "eyes.png", "--stats", "stats.json", "--no-prefetch")
        with Program(service, folder, photograph, *options, **validation_env(folder)) as program:
            program.ends_well()
    assert validation_messages(folder) == []
    stats = json.loads((folder / "stats.json").read_text())
    assert stats["mode"] == "xr"
    assert stats["frames"] > 10
    assert stats["tiles"]["failed"] == 0
    assert stats["zooms"][-1]["last_sharp_ms"] > 0
    return Screenshot.load(folder / "eyes.png")


@pytest.fixture(scope="module")
def region(seen: Screenshot) -> tuple[int, int, int]:
    """The square (x, y, edge) of the photograph that the panel shows, and a few pixels more."""
    full = seen.shown.size[0]
    edge = int(full / seen.shown.view.zoom) + 24
    x, y = (int(c * full - edge / 2) for c in seen.shown.view.center)
    return x, y, edge


@pytest.fixture(scope="module")
def upscaled(
    seen: Screenshot, photograph: Path, region: tuple[int, int, int], tmp_path_factory: pytest.TempPathFactory
) -> np.ndarray:
    """The same region, computed by a process of its own."""
    out = tmp_path_factory.mktemp("upscaled") / "region.png"
    x, y, edge = region
    command = [sys.executable, "-m", "vr_app.cli", "upscale", photograph, out]
    command += ["--scale", seen.about["scale"], "--region", f"{x},{y},{edge},{edge}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([str(word) for word in command], check=True, timeout=PATIENCE, env=environment)
    return np.asarray(Image.open(out))


def agreement(
    seen: Screenshot, region: tuple[int, int, int], pixels: np.ndarray, eyes=(0, 1), shift=(0.0, 0.0)
) -> list[float]:
    """For each picture the share of the panel's pixels within 2 grey levels of `pixels` as `eyes` should see them."""
    shares = []
    for picture, eye in zip(seen.pictures, eyes, strict=True):
        expected = warped(seen.shown.within(region), seen.eyes[eye], pixels, seen.about["level"], shift)
        on_panel = expected.content & _on_panel(seen, eye, shift)
        assert on_panel.sum() > 8_000
        close = (np.abs(picture.astype(float) - expected.picture) <= 2.0).all(axis=-1)
        shares.append(float(close[on_panel].mean()))
    return shares


def _on_panel(seen: Screenshot, index: int, shift: tuple[float, float]) -> np.ndarray:
    """Pixels all of whose corners lie on the panel: an edge pixel is shared with the bezel."""
    eye = seen.eyes[index]
    columns = np.arange(eye.size[0] + 1)[None, :] - shift[0]
    rows = np.arange(eye.size[1] + 1)[:, None] - shift[1]
    s, _ = seen.shown.surface.hit(np.asarray(eye.pose.position), eye.rays(columns, rows))
    corner = np.isfinite(s).all(axis=-1)
    return corner[1:, 1:] & corner[:-1, 1:] & corner[1:, :-1] & corner[:-1, :-1]


def test_the_eyes_see_what_upscale_computes(
    seen: Screenshot, region: tuple[int, int, int], upscaled: np.ndarray
) -> None:
    assert seen.about["scale"] > 1
    assert min(agreement(seen, region, upscaled)) >= 0.99


def test_the_comparison_notices_eyes_swapped(
    seen: Screenshot, region: tuple[int, int, int], upscaled: np.ndarray
) -> None:
    assert max(agreement(seen, region, upscaled, eyes=(1, 0))) < 0.99


def test_the_comparison_notices_a_shift_of_two_pixels(
    seen: Screenshot, region: tuple[int, int, int], upscaled: np.ndarray
) -> None:
    for shift in ((2.0, 0.0), (0.0, 2.0)):
        assert max(agreement(seen, region, upscaled, shift=shift)) < 0.99


def test_the_comparison_notices_bicubic_pixels(
    seen: Screenshot, photograph: Path, region: tuple[int, int, int], upscaled: np.ndarray
) -> None:
    x, y, edge = region
    pixels = np.asarray(Image.open(photograph))[y : y + edge, x : x + edge]
    bicubic = resample.to_uint8(resample.enlarge_bicubic(pixels, seen.about["scale"]))
    assert bicubic.shape == upscaled.shape
    assert max(agreement(seen, region, bicubic)) < 0.99


def front(about: dict) -> dict:
    """The surface straight ahead."""
    return min(about["surfaces"], key=lambda surface: abs(surface["geometry"]["pose"]["position"][0]))


def pointed_uv(about: dict) -> np.ndarray:
    """The photograph point where the right hand's ray ends on the front panel."""
    surface = front(about)
    geometry = dict(surface["geometry"])
    panel = Panel(Pose(*map(tuple, geometry.pop("pose").values())), **geometry)
    end = np.asarray(about["rays"][-1]["end"]) - panel.pose.position
    s = np.array([end[0] / panel.width, -end[1] / panel.height])
    return np.asarray(surface["center"]) + s / surface["zoom"]


def test_hands_zoom_pan_and_press(service: MonadoService, photograph: Path, tmp_path: Path) -> None:
    """Scripted controllers: every gesture has its effect, and the photograph stays under the ray."""
    here, there = (0.30, 1.75, 0.0), (0.18, 1.69, 0.0)
    pixel = 1 / 352
    with (
        RemoteHeadset(service.port) as headset,
        Program(service, tmp_path, photograph, DEMO, "--layout", "row") as program,
    ):
        headset.left(pose=RemotePose(position=(-3.0, 0.2, 0.0)))
        headset.right(pose=RemotePose(position=here))
        visit = Visit(program.process, service.env["DISPLAY"], tmp_path)
        pointed = visit.until(lambda about: about["rays"] and about["rays"][-1]["hits"], "the ray on the panel")
        held = pointed_uv(pointed)
        assert front(pointed)["photograph"] == photograph.name
        assert front(pointed)["zoom"] == 1.0

        zoomed = pointed
        for _ in range(40):
            headset.right(thumbstick=(0.0, 1.0))
            moved = front(zoomed)["zoom"]
            time.sleep(0.5)  # a push of the stick is a length of time
            headset.right(thumbstick=(0.0, 0.0))
            zoomed = visit.look()
            assert front(zoomed)["zoom"] >= moved
            if front(zoomed)["zoom"] > 6.0:
                break
        assert front(zoomed)["zoom"] > 6.0
        assert np.abs(pointed_uv(zoomed) - held).max() < pixel

        headset.right(trigger=1.0, trigger_click=True)
        visit.look()  # a frame has seen the hand close before it moves
        headset.right(pose=RemotePose(position=there))
        dragged = visit.until(lambda about: front(about)["center"] != front(zoomed)["center"], "the photograph dragged")
        headset.right(trigger=0.0, trigger_click=False)
        assert np.abs(pointed_uv(dragged) - held).max() < pixel
        assert front(dragged)["zoom"] == front(zoomed)["zoom"]

        headset.right(b_click=True)
        original = visit.until(lambda about: about["original"], "the original")
        assert front(original)["scale"] == 1
        headset.right(b_click=False)

        headset.right(a_click=True)
        retina = visit.until(lambda about: about["surfaces"][0]["surface"] == "retina", "the retina")
        headset.right(a_click=False)
        assert retina["surfaces"][0]["center"] == front(dragged)["center"]

        headset.left(a_click=True)
        other = visit.until(lambda about: about["surfaces"][0]["photograph"] == DEMO.name, "the next image")
        headset.left(a_click=False)
        assert other["surfaces"][0]["surface"] == "retina"

        visit.key("ctrl+q")
        assert program.process.wait(PATIENCE) == 0, program.log.read_text()


def test_the_compositor_shows_the_panel_to_both_eyes(screen: Xvfb, tmp_path: Path) -> None:
    """What Monado itself composes of a marked picture: each eye has the photograph upright, unmirrored, in its tone."""
    marked = tmp_path / "marked.png"
    expected = np.array([(230, 40, 40), (40, 200, 40), (50, 60, 230), (90, 90, 90)])
    Image.fromarray(np.kron(expected.reshape(2, 2, 3), np.ones((120, 120, 1))).astype(np.uint8)).save(marked)
    with (
        MonadoService(compositor="xcb", devices="remote", display=screen.name) as service,
        Program(service, tmp_path, marked) as program,
    ):

        def composed() -> bool:
            """Whether all four quarters stand in both halves of the window, each in its colour."""
            if program.process.poll() is not None:
                raise RuntimeError(program.log.read_text())
            window = grab_window(screen.name, "Monado").astype(int)
            width = window.shape[1] // 2
            eyes = [_quarters(window[:, i * width : (i + 1) * width]) for i in (0, 1)]
            return all(quarters == pytest.approx(expected, abs=6) for quarters in eyes)

        wait_until(composed, "the marked picture, upright and unmirrored, in both halves of Monado's window", PATIENCE)


def _quarters(eye: np.ndarray) -> np.ndarray:
    """Median colours (4, 3) of the quarters of the bright picture in one eye's half: row by row. Zeros without one."""
    bright = eye.max(axis=-1) > 70
    rows, columns = np.flatnonzero(bright.sum(axis=1) > 40), np.flatnonzero(bright.sum(axis=0) > 40)
    if min(rows.size, columns.size) < 80:
        return np.zeros((4, 3))
    y, x = int(np.median(rows)), int(np.median(columns))
    reach = min(rows.size, columns.size) // 4
    near = reach // 3
    spots = [(y + down * reach, x + right * reach) for down in (-1, 1) for right in (-1, 1)]
    return np.array([np.median(eye[r - near : r + near, c - near : c + near].reshape(-1, 3), axis=0) for r, c in spots])
