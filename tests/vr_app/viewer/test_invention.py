"""What the network invents, from the photograph to the screen: nothing computed is drawn without its fourth channel,
and the overlay shows it where it is.

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
from scipy.ndimage import gaussian_filter

from sr_core.assets import asset_path
from sr_core.image import resample
from tests.helpers.ending import COLD, LIKE_THE_COMMAND
from tests.helpers.places import ROOT

SIZE = 480
ZOOM, CENTER = 4.0, (0.213, 0.292)
PANEL = 300
"""Pixels of the picture along the panel's side: 1.6 m of the 2.56 m that it shows there."""

INSIDE = slice(SIZE // 2 - 146, SIZE // 2 + 146)
"""Rows or columns that lie on the panel."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled photograph at a quarter of its size, 352 x 352: there is much to invent."""
    with Image.open(asset_path("demo", "retina.jpg")) as picture:
        pixels = np.asarray(picture.convert("RGB"))[:1408, :1408]
    path = tmp_path_factory.mktemp("invention") / "small.png"
    Image.fromarray(resample.to_uint8(resample.shrink(pixels.astype(np.float32), 4))).save(path)
    return path


def shown(photograph: Path, folder: Path, zoom: float, invention: bool = True) -> tuple[np.ndarray, dict, dict]:
    """Screenshot (H, W, 3), what it tells, and the statistics of a tour with one stop that asks for the overlay."""
    stop = {"surface": "panel", "center": CENTER, "zoom": zoom, "duration": 0.1, "invention": invention}
    (folder / "tour.json").write_text(json.dumps({"version": 1, "stops": [stop]}))
    command = [sys.executable, "-m", "vr_app.cli", "view", photograph, "--mode", "offscreen", "--tour", "tour.json"]
    command += ["--size", f"{SIZE}x{SIZE}", "--screenshot", "shown.png", "--stats", "stats.json", "--no-prefetch"]
    run(command, folder)
    with Image.open(folder / "shown.png") as picture:
        about = json.loads(picture.text["fundusxr:view"])
        return np.asarray(picture.convert("RGB"), int), about, json.loads((folder / "stats.json").read_text())


def run(command: list, folder: Path) -> None:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    answer = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300, env=env, cwd=folder)
    assert answer.returncode == 0, answer.stderr


def of_the_ramp(picture: np.ndarray) -> np.ndarray:
    """Pixels in the overlay's yellow or magenta, which vessels and the ground about them do not have."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    return (red > 190) & (((green > 160) & (blue < 90)) | ((green < 90) & (blue > 150)))


def test_the_overlay_shows_at_vessels_what_was_invented(small: Path, tmp_path: Path) -> None:
    picture, about, stats = shown(small, tmp_path, ZOOM)
    (surface,) = about["surfaces"]
    assert about["invention"]
    assert surface["scale"] > 1
    assert surface["agrees"]
    assert 0.3 < surface["invented"] < 5
    assert stats["invented"] == pytest.approx(surface["invented"], abs=0.01)
    marked = of_the_ramp(picture[INSIDE, INSIDE])
    assert 0.01 < marked.mean() < 0.3
    with Image.open(small) as photograph:
        x, y = (c * side for c, side in zip(CENTER, photograph.size, strict=True))
        half = photograph.width / ZOOM / 2 * marked.shape[0] / PANEL
        box = (x - half, y - half, x + half, y + half)
        seen = photograph.resize(marked.shape, Image.Resampling.BICUBIC, box)
    green = np.asarray(seen, float)[..., 1]
    steep = gaussian_filter(np.hypot(*np.gradient(gaussian_filter(green, 2))), 4)
    assert steep[marked].mean() > 2 * steep[~marked].mean()


def test_the_overlay_leaves_what_was_photographed_alone(small: Path, tmp_path: Path) -> None:
    picture, about, stats = shown(small, tmp_path, 1.0)
    (surface,) = about["surfaces"]
    assert about["invention"]
    assert (surface["scale"], surface["invented"], surface["agrees"], stats["invented"]) == (1, None, None, None)
    plain, about, _ = shown(small, tmp_path, 1.0, invention=False)
    assert not about["invention"]
    difference = np.abs(picture[INSIDE, INSIDE].astype(int) - plain[INSIDE, INSIDE])
    assert difference.max() <= 1  # two variants of the shader may round apart
    assert (difference > 0).mean() < 1e-3
    assert not np.array_equal(picture, plain)  # but the legend is there


EVERY_TILE = """
import sys, time
from pathlib import Path
import numpy as np
from PIL import Image
from sr_core.image import resample
from sr_core.image.departure import MOST, of_alpha
from sr_core.image.pyramid import GUTTER
from tests.vr_app.gl.test_parts import stored
from vr_app.viewer.loop import session
from vr_app.viewer.options import Options
from vr_app.core.view.intent import LookAt, SurfaceKind
from vr_app.core.view.step import step
from vr_app.runtime.choose import open_runtime

pixels = np.asarray(Image.open(sys.argv[1]), float)
alone = {}
for level in (1, 2, 3):
    rows, columns = (resample.pseudo_inverse(n, 1 << level) for n in pixels.shape[:2])
    picture = np.einsum("ij,jkc,lk->ilc", rows, pixels, columns, optimize=True).clip(0, 255)
    alone[level] = np.pad(picture, ((GUTTER, 99), (GUTTER, 99), (0, 0)), mode="edge")
options = Options((Path(sys.argv[1]),), prefetch=True)
with open_runtime("offscreen", (480, 480)) as choice, session(choice.runtime, options) as viewer:
    for zoom in (1.0, 2.0, 4.0, 7.0):
        viewer.view = step(viewer.view, (LookAt(SurfaceKind.RETINA, (0.25, 0.4), zoom),), 0.0)
        end = time.monotonic() + 120
        supply = viewer.supply
        while viewer.view.still_for < 0.1 or not supply.wanted or not supply.all_on_card:
            assert time.monotonic() < end
            viewer.frame()
    found = stored(viewer.supply.tiles)
    resident = dict(viewer.supply.residency._slots)
levels = {key.level for key in resident}
assert {0, 1, 2, 3} <= levels, levels
for key, slot in resident.items():
    *_, alpha = tile = np.moveaxis(found[slot].astype(int), -1, 0)
    if key.level <= 0:
        assert not alpha.any(), key
        continue
    rect = key.rect
    there = alone[key.level][rect.y : rect.bottom + 2 * GUTTER, rect.x : rect.right + 2 * GUTTER]
    inner = np.s_[GUTTER:-GUTTER, GUTTER:-GUTTER]  # beyond the photograph the gutter repeats its edge
    departure = np.abs(found[slot][..., :3] - there)[inner].max(axis=2)
    height, width = (min(64, n * 2**key.level - at) for n, at in zip(pixels.shape, (rect.y, rect.x)))
    invented, restored = of_alpha(alpha)
    assert not restored.any(), key  # not a JPEG photograph
    assert np.abs(invented[inner] - np.minimum(departure, MOST))[:height, :width].max() <= 1, key
print(len(resident), "tiles")
"""


def test_every_tile_on_the_graphics_card_tells_how_far_it_departs(small: Path, tmp_path: Path) -> None:
    """Computed anew from what lies there; photographed ones tell nothing."""
    run([sys.executable, "-c", COLD + EVERY_TILE + LIKE_THE_COMMAND, small], tmp_path)
