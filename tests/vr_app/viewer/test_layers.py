"""A second layer, from its row in the table to a screenshot: it takes a module of its own and that row, no more.

The viewer runs in a process of its own, because a process has one GL platform.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.assets import asset_path
from tests.helpers import dummy_layer
from tests.helpers.ending import COLD, LIKE_THE_COMMAND
from tests.helpers.places import ROOT

SIZE = 480

CODE = """
import sys, time
from pathlib import Path
from sr_core.image import layers
from sr_core.tiles.request import DiskCache
from tests.helpers import dummy_layer
from vr_app.core.view.intent import LookAt, ShowOverlay, SurfaceKind
from vr_app.core.view.step import step
from vr_app.runtime.choose import open_runtime
from vr_app.viewer.loop import session
from vr_app.viewer.options import Options

layers.LAYERS = (*layers.LAYERS, dummy_layer.ROW)
surface, zoom = SurfaceKind(sys.argv[2]), float(sys.argv[3])
cache = DiskCache(Path("tiles"), 100_000_000)
options = Options((Path(sys.argv[1]),), tile_cache=cache)
with open_runtime("offscreen", (480, 480)) as choice, session(choice.runtime, options) as viewer:
    end = time.monotonic() + 200

    def frames(until):
        while not until():
            assert time.monotonic() < end, (viewer.view, viewer.supply.service.worker.counts)
            viewer.frame()

    frames(lambda: all(viewer.view.photographs))
    viewer.view = step(viewer.view, (LookAt(surface, (0.5, 0.5), zoom), ShowOverlay("brightness", True)), 0.0)
    frames(lambda: viewer.view.still_for > 0.2 and viewer.supply.complete)
    viewer.keeping.screenshots.ask()
    frames(lambda: not viewer.keeping.screenshots.due)
    frames(lambda: any(Path("tiles").rglob("brightness-*.tile")))
    shown = {key.layer for key in viewer.supply.residency._slots}
    print("layers", sorted(shown))
    viewer.view = step(viewer.view, (ShowOverlay("brightness", False),), 0.0)
    viewer.frame()
    assert not viewer.picture._drawn.surfaces[0].overlays
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """480 x 480 pixels of the bundled photograph: at zoom 1 the eyes resolve about as many."""
    path = tmp_path_factory.mktemp("layers") / "small.png"
    with Image.open(asset_path("demo", "retina.jpg")) as picture:
        picture.convert("RGB").crop((400, 400, 880, 880)).save(path)
    return path


def shown(photograph: Path, folder: Path, surface: str, zoom: float) -> tuple[np.ndarray, dict, str]:
    """The screenshot (H, W, 3), what it tells, and what was printed."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", COLD + CODE + LIKE_THE_COMMAND, photograph, surface, str(zoom)]
    answer = subprocess.run(map(str, command), capture_output=True, text=True, timeout=300, env=env, cwd=folder)
    assert answer.returncode == 0, answer.stderr
    (path,) = folder.glob("*.png")
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), int), json.loads(picture.text["fundusxr:view"]), answer.stdout


def of_the_layer(picture: np.ndarray) -> np.ndarray:
    return (np.abs(picture - dummy_layer.COLOUR) < 12).all(axis=-1)


@pytest.mark.parametrize(("surface", "zoom"), [("panel", 1.0), ("panel", 4.0), ("retina", 3.0)])
def test_a_layer_in_a_file_and_a_row_is_seen_over_the_picture(small, tmp_path, surface, zoom):
    picture, about, printed = shown(small, tmp_path, surface, zoom)
    (told,) = about["surfaces"]
    assert told["layers"] == ["Brightness"]
    assert (told["scale"] > 1) == (zoom > 1)  # the network's pixels below it, or the photograph's
    marked = of_the_layer(picture)
    left, right = marked[150:330, 150:235], marked[150:330, 245:330]
    assert left.mean() > 0.5
    assert not right.any()
    assert "layers [0, 1, 3]" in printed if zoom > 1 else "layers [0, 3]" in printed


RESTORED_CODE = """
import sys, time
from pathlib import Path
from vr_app.core.view.appearance import Appearance, Channel
from vr_app.core.view.intent import Adjust, LimitLevel, LookAt, ShowInvention, ShowOverlay, SurfaceKind
from vr_app.core.view.step import step
from vr_app.runtime.choose import open_runtime
from vr_app.viewer.loop import session
from vr_app.viewer.options import Options

options = Options((Path(sys.argv[1]),))
with open_runtime("offscreen", (480, 480)) as choice, session(choice.runtime, options) as viewer:
    end = time.monotonic() + 200

    def frames(until):
        while not until():
            assert time.monotonic() < end, (viewer.view, viewer.supply.service.worker.counts)
            viewer.frame()

    frames(lambda: all(viewer.view.photographs))
    look = LookAt(SurfaceKind(sys.argv[2]), (0.5, 0.5), 1.0)
    shots = {
        "filed": (look,),
        "restored": (ShowOverlay("restored", True),),
        "departure": (ShowInvention(True),),
        "adjusted": (ShowInvention(False), Adjust(Appearance(channel=Channel.RED_FREE))),
        "original": (Adjust(Appearance()), LimitLevel(0)),
    }
    for name, intents in shots.items():
        viewer.view = step(viewer.view, intents, 0.0)
        frames(lambda: viewer.view.still_for > 0.2 and viewer.supply.complete)
        before = set(Path().glob("*.png"))
        viewer.keeping.screenshots.ask()
        frames(lambda: not viewer.keeping.screenshots.due)
        (made,) = set(Path().glob("*.png")) - before
        made.rename(f"{name}.shot")
    labels = [label.text for label in viewer.picture._drawn.labels]
    print("labels", labels)
"""


@pytest.mark.parametrize("surface", ["panel", "retina"])
def test_the_restored_photograph_is_framed_and_told_and_never_seen_as_the_original(small, tmp_path, surface):
    photograph = tmp_path / "eye.jpg"
    with Image.open(small) as picture:
        picture.save(photograph, quality=40)
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", COLD + RESTORED_CODE + LIKE_THE_COMMAND, photograph, surface]
    answer = subprocess.run(map(str, command), capture_output=True, text=True, timeout=300, env=env, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    pictures, told = {}, {}
    for name in ("filed", "restored", "departure", "adjusted", "original"):
        with Image.open(tmp_path / f"{name}.shot") as picture:
            pictures[name] = np.asarray(picture.convert("RGB"), int)
            (told[name],) = json.loads(picture.text["fundusxr:view"])["surfaces"]
            if name == "restored":
                assert picture.text["fundusxr:scale"] == "1"
                assert picture.text["fundusxr:model"] == "rdb-file"
                assert picture.text["fundusxr:weights-sha256"].startswith("x2 ")
    assert [told[name]["restored_photograph"] for name in told] == [False, True, True, True, False]
    assert told["restored"]["invented"] == 0 < told["restored"]["restored"] < 6
    assert told["filed"]["restored"] is told["original"]["restored"] is None
    inside = slice(150, 330), slice(150, 330)
    apart = {name: np.abs(pictures[name] - pictures["filed"])[inside].mean() for name in pictures}
    assert 0.3 < apart["restored"] < 6 < apart["departure"]
    assert apart["original"] == 0
    grey = pictures["adjusted"][inside]
    assert (np.ptp(grey, axis=-1) == 0).all()  # the restored photograph looks as photographs are to look
    blue = pictures["departure"][inside] - pictures["restored"][inside]
    assert blue[..., 2].mean() > 3 > blue[..., 0].mean()
    if surface == "panel":
        cyan = {name: (np.abs(pictures[name] - (48, 219, 242)).max(axis=-1) < 25).sum() for name in pictures}
        assert cyan["restored"] > 300
        assert cyan["filed"] == cyan["original"]
