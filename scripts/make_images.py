"""Make the pictures in docs/images with the program itself.

    FUNDUSXR_DATA=~/fundus scripts/rig.sh exec .venv/bin/python scripts/make_images.py [NAME ...]

Window and headset need the rig (Xvfb and Monado). FUNDUSXR_DATA holds HRF/ and demo/ (see README.md for their credits).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sr_core.image import resample  # noqa: E402
from sr_core.image.geometry import Rect  # noqa: E402
from tests.helpers.visit import Visit  # noqa: E402
from tests.rig import MonadoService, RemoteHeadset, Xvfb, grab_window, wait_until  # noqa: E402
from tests.rig import Pose as HandPose  # noqa: E402
from vr_app.core.panel.stand import MARGIN  # noqa: E402
from vr_app.core.view.region import Kind, Region  # noqa: E402
from vr_app.regions.files import NAME as REGIONS_FILE  # noqa: E402
from vr_app.regions.files import format_regions  # noqa: E402

IMAGES = ROOT / "docs" / "images"
DEMO = ROOT / "assets" / "demo" / "retina.jpg"
PATIENCE = 600.0
REST = 25
"""Seconds without a change after which a picture is final: a busy machine pauses between a coarse and a fine one."""
REGIONS = {
    Kind.DISC: Rect(115, 470, 270, 290),
    Kind.MACULA: Rect(590, 590, 240, 240),
    Kind.VESSEL: Rect(250, 360, 90, 80),
}

DISC = {"surface": "panel", "center": [0.18, 0.45], "zoom": 4.0}
CROSSING = {"surface": "panel", "center": [0.213, 0.292], "zoom": 8.0}
VESSELS = {"surface": "retina", "center": [0.25, 0.4], "zoom": 2.0}
EYE = {"surface": "retina", "center": [0.5, 0.5], "zoom": 1.0}


def data() -> Path:
    return Path(os.environ["FUNDUSXR_DATA"])


def fundusxr(*words: object, env: dict[str, str] | None = None) -> list[str]:
    command = [sys.executable, "-m", "vr_app.cli", *map(str, words)]
    subprocess.run(command, check=True, cwd=ROOT, env=env)
    return command


def tour(folder: Path, **stop: object) -> Path:
    path = folder / "tour.json"
    path.write_text(json.dumps({"version": 1, "stops": [{**stop, "duration": 0.2}]}))
    return path


def offscreen(name: str, folder: Path, *images: Path, **stop: object) -> None:
    """Draw one view offscreen."""
    options = ("--mode", "offscreen", "--size", "1280x800", "--tour", tour(folder, **stop))
    fundusxr("view", *images, *options, "--screenshot", IMAGES / name)


def panel(folder: Path) -> None:
    offscreen("panel.png", folder, DEMO, **CROSSING, caption="Vessels crossing above the disc")


def retina(folder: Path) -> None:
    offscreen("retina.png", folder, DEMO, **EYE, caption="The same eye from inside")


def invention(folder: Path) -> None:
    """Draw the bundled photograph at a quarter of its size, where there is more to invent than in the whole."""
    with Image.open(DEMO) as picture:
        pixels = np.asarray(picture.convert("RGB"))[:1408, :1408]
    Image.fromarray(resample.to_uint8(resample.shrink(pixels.astype(np.float32), 4))).save(folder / "small.png")
    offscreen("invention.png", folder, folder / "small.png", **VESSELS, invention=True)


def marked(folder: Path) -> Path:
    """Write the bundled photograph with regions of interest marked on it; return its path."""
    photograph = folder / DEMO.name
    shutil.copy(DEMO, photograph)
    sha256 = hashlib.sha256(photograph.read_bytes()).hexdigest()
    found = [Region(sha256, DEMO.name, rect, kind, made="2026-01-02T10:00:00+00:00") for kind, rect in REGIONS.items()]
    (folder / REGIONS_FILE).write_text(format_regions(found))
    return photograph


def regions(folder: Path) -> None:
    offscreen("regions.png", folder, marked(folder), surface="panel", center=[0.34, 0.42], zoom=1.5)


def regions_retina(folder: Path) -> None:
    offscreen("regions-retina.png", folder, marked(folder), surface="retina", center=[0.34, 0.42], zoom=1.3)


def region_export(folder: Path) -> None:
    """Export the crossing of the bundled photograph at a quarter of its size, where there is more to add."""
    with Image.open(DEMO) as picture:
        pixels = np.asarray(picture.convert("RGB"))[:1408, :1408]
    small = folder / "retina-small.png"
    Image.fromarray(resample.to_uint8(resample.shrink(pixels.astype(np.float32), 4))).save(small)
    sha256 = hashlib.sha256(small.read_bytes()).hexdigest()
    region = Region(sha256, small.name, Rect(20, 128, 100, 90), Kind.DISC, made="2026-01-02T10:00:00+00:00")
    (folder / REGIONS_FILE).write_text(format_regions([region]))
    fundusxr("regions", "export", small, "--out", folder, "--scale", "4")
    shutil.copy(folder / "retina-small-1-disc.png", IMAGES / "region-export.png")


def room(folder: Path) -> None:
    """Capture both eyes as Monado composes them, with a photograph and its regions in the room."""
    with in_headset() as (screen, service):
        stop = tour(folder, surface="panel", center=[0.5, 0.5], zoom=1.0)
        command = [sys.executable, "-m", "vr_app.cli", "view", str(marked(folder)), "--mode", "xr", "--tour", str(stop)]
        env = {**service.env, "PYTHONPATH": str(ROOT)}
        grab_running(command, env, screen, "Monado").save(IMAGES / "room.png")


def window(folder: Path) -> None:
    """Capture two photographs in a window; the cursor has zoomed into the first."""
    pair = (DEMO, data() / "demo" / "normal_fundus_cc0.jpg")
    with Xvfb() as screen:
        env = {**os.environ, "DISPLAY": screen.name, "XDG_SESSION_TYPE": "x11"}
        stop = tour(folder, **DISC, caption="The optic disc of a normal left eye")
        command = [sys.executable, "-m", "vr_app.cli", "view", *map(str, pair), "--mode", "desktop"]
        command += ["--size", "1280x800", "--tour", str(stop)]
        grab_running(command, env, screen, "FundusXR").save(IMAGES / "window.png")


def start_page(folder: Path) -> None:
    """Capture the start page of somebody who has opened folders before."""
    folders = [folder / name for name in ("clinic/2026-11-22", "clinic/2026-05-14", "teaching/optic discs")]
    for opened in folders:
        opened.mkdir(parents=True)
    kept = folder / "state" / "fundusxr" / "recent" / "folders.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps(list(map(str, folders))))
    with Xvfb() as screen:
        env = {**os.environ, "DISPLAY": screen.name, "XDG_SESSION_TYPE": "x11", "HOME": str(folder)}
        env |= {"XDG_STATE_HOME": str(folder / "state"), "XR_RUNTIME_JSON": ""}
        command = [sys.executable, "-m", "vr_app.cli", "view", "--size", "1280x800"]
        grab_running(command, env, screen, "FundusXR", lively=10.0).save(IMAGES / "start.png")


def window_wall(folder: Path) -> None:
    """Capture the first page of a wall in a window."""
    photographs = [str(shutil.copy(data() / path, folder / name)) for name, path in WALL.items()]
    with Xvfb() as screen:
        env = {**os.environ, "DISPLAY": screen.name, "XDG_SESSION_TYPE": "x11", "XDG_STATE_HOME": str(folder)}
        command = [sys.executable, "-m", "vr_app.cli", "view", *photographs, "--mode", "desktop", "--fresh"]
        command += ["--size", "1280x800", "--layout", "wall"]
        grab_running(command, env, screen, "FundusXR").save(IMAGES / "window-wall.png")


def eyes(folder: Path) -> None:
    """Capture both eyes as Monado composes them."""
    with in_headset() as (screen, service):
        stop = tour(folder, **DISC)
        command = [sys.executable, "-m", "vr_app.cli", "view", str(DEMO), "--mode", "xr", "--tour", str(stop)]
        env = {**service.env, "PYTHONPATH": str(ROOT)}
        grab_running(command, env, screen, "Monado").save(IMAGES / "eyes.png")


HANDS = {"left": (-0.22, -0.34, -0.5), "right": (0.3, -0.35, -0.3)}
"""Where hands rest, relative to the point between the eyes, so that neither beam nor handle lies over what is shown."""


def hands_rest(headset: RemoteHeadset) -> None:
    """Point both hands down."""
    for side, (x, y, z) in HANDS.items():
        getattr(headset, side)(pose=HandPose((-0.6, 0.0, 0.0, 0.8), (x, 1.6 + y, z)))


EYES = {"right.jpg": "demo/normal_fundus_cc0.jpg", "left.jpg": "demo/retina.jpg"}
THEN_AND_NOW = {name: f"HRF/images/{name}" for name in ("02_h.jpg", "12_h.jpg")}
WALL = {name: f"HRF/images/{name}" for name in (*(f"{n:02}_h.jpg" for n in range(1, 16)), "01_g.jpg")}
LAYOUTS = {
    "layout-pair": ("pair", "side", EYES),
    "layout-swipe": ("pair", "swipe", THEN_AND_NOW),
    "layout-blink": ("pair", "blink", THEN_AND_NOW),
    "layout-row": ("row", "side", EYES),
    "layout-wall": ("wall", "side", WALL),
    "layout-retina": ("retina", "side", EYES),
}
"""Each layout with the files it shows and where they come from. Swipe and blink show the eyes of two people: there are
no two visits of one person."""


def layout(name: str, folder: Path) -> None:
    """Capture a layout in both eyes, as Monado composes them."""
    kind, compare, shown = LAYOUTS[name]
    photographs = [str(shutil.copy(data() / path, folder / name)) for name, path in shown.items()]
    with in_headset() as (screen, service):
        command = [sys.executable, "-m", "vr_app.cli", "view", *photographs, "--mode", "xr", "--fresh"]
        command += ["--layout", kind, *(("--compare", compare) if kind == "pair" else ())]
        env = {**service.env, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder)}
        if compare == "blink":
            blink(command, env, screen).save(IMAGES / f"{name}.png")
        else:
            grab_running(command, env, screen, "Monado").save(IMAGES / f"{name}.png")


def blink(command: list[str], env: dict[str, str], screen: Xvfb) -> Image.Image:
    """Capture what the left eye is shown in alternation, side by side: the first photograph, and the second."""
    program = subprocess.Popen(command, cwd=ROOT, env=env)
    turns: list[np.ndarray] = []
    found: dict[bytes, np.ndarray] = {}

    def two_in_turn() -> bool:
        """Whether for a while two pictures have been visible, of two photographs, and no third."""
        turns.append(np.hsplit(grab_window(screen.name, "Monado", PATIENCE), 2)[0])
        del turns[:-24]
        seen = [turn.tobytes() for turn in turns]
        found.clear()
        found.update(zip(seen, turns, strict=True))
        if len(turns) < 24 or len(found) != 2 or min(map(seen.count, found)) <= 6:
            return False
        one, other = (turn.astype(int) for turn in found.values())
        return one.std() > 20 and np.abs(one - other).mean() > 2

    try:
        wait_until(two_in_turn, "two pictures in turn", PATIENCE, 0.25)
    finally:
        program.terminate()
        program.wait()
    return Image.fromarray(np.concatenate(list(found.values()), axis=1))


@contextmanager
def in_headset() -> Iterator[tuple[Xvfb, MonadoService]]:
    """Yield a headset whose wearer's hands rest, and the screen on which Monado composes."""
    with (
        Xvfb() as screen,
        MonadoService(compositor="xcb", devices="remote", display=screen.name) as service,
        RemoteHeadset(service.port) as headset,
    ):
        hands_rest(headset)
        yield screen, service


def control_panel(folder: Path) -> None:
    """Capture the control panel in a window: its page of adjustments, with local contrast in the red-free picture."""
    width, height = 1280, 800
    with Xvfb() as screen:
        env = {**os.environ, "DISPLAY": screen.name, "XDG_SESSION_TYPE": "x11", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "vr_app.cli", "view", str(DEMO), "--mode", "desktop"]
        with visiting([*command, "--size", f"{width}x{height}"], env, screen, folder) as visit:
            visit.key("space")
            visit.key("d")
            for name in ("Adjust", "Channel: Red-free"):
                sheet = visit.until(lambda about, name=name: name in targets(about), name)["sheet"]
                (x, y), (wide, high) = sheet["targets"][name], sheet["size"]
                at = width - MARGIN - wide + x, (height - high) // 2 + y
                visit.do("mousemove", "--window", visit.window, *(str(round(part)) for part in at))
                visit.do("sleep", "0.3", "click", "1")
            visit.until(lambda about: about["appearance"]["channel"] == "red-free", "the red-free look")
            visit.do("mousemove", "--window", visit.window, "300", "700")
            Image.fromarray(_steady(lambda: grab_window(screen.name, "FundusXR", PATIENCE))).save(
                IMAGES / "control-panel.png"
            )


def control_panel_headset(folder: Path) -> None:
    """Capture the control panel on the left hand, with the right one pointing at it, as Monado composes both eyes."""
    pair = (DEMO, data() / "demo" / "normal_fundus_cc0.jpg")
    with (
        Xvfb() as screen,
        MonadoService(compositor="xcb", devices="remote", display=screen.name) as service,
        RemoteHeadset(service.port) as headset,
    ):
        command = [sys.executable, "-m", "vr_app.cli", "view", *map(str, pair), "--mode", "xr"]
        env = {**service.env, "DISPLAY": screen.name, "PYTHONPATH": str(ROOT)}
        with visiting(command, env, screen, folder) as visit:
            floor = 1.6
            headset.left(pose=HandPose(position=(-0.25, floor - 0.5, -0.5)))
            headset.right(pose=HandPose((-0.05, 0.36, 0.02, 0.93), (0.25, floor - 0.25, -0.25)))
            visit.key("space")
            about = visit.until(lambda about: bool(targets(about)), "the control panel")
            eye = about["eyes"][0]
            print(f"an eye of {eye['size']} pixels, {eye['fov']}; sheet {about['sheet']['size']}")
            Image.fromarray(visit.picture).save(folder / "eyes.png")
            Image.fromarray(_steady(lambda: grab_window(screen.name, "Monado", PATIENCE))).save(
                IMAGES / "control-panel-headset.png"
            )


def targets(about: dict) -> dict:
    """Return where the controls of a control panel are, from a screenshot's description."""
    return about["sheet"]["targets"] if about["sheet"] else {}


@contextmanager
def visiting(command: list[str], env: dict[str, str], screen: Xvfb, folder: Path) -> Iterator[Visit]:
    """Yield a visit to the window of a running viewer."""
    with (folder / "program.log").open("w") as log:
        program = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
        try:
            yield Visit(program, screen.name, folder)
        finally:
            program.terminate()
            program.wait()


def grab_running(
    command: list[str], env: dict[str, str], screen: Xvfb, title: str, lively: float = 20.0
) -> Image.Image:
    """Start a viewer, and capture the window called `title` once it has come to rest. `lively`: as for `_steady`."""
    program = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        return Image.fromarray(_steady(lambda: grab_window(screen.name, title, PATIENCE), lively))
    finally:
        program.terminate()
        program.wait()


def _steady(grab, lively: float = 20.0) -> np.ndarray:
    """Return a picture that has not changed for a while and is not empty: its grey levels' standard deviation is over
    `lively`."""
    kept: list[np.ndarray] = []

    def steady() -> bool:
        kept.append(grab())
        same = all(np.array_equal(kept[-1], old) for old in kept[-REST:])
        return len(kept) > REST and kept[-1].std() > lively and same

    wait_until(steady, "a steady picture", PATIENCE, 1.0)
    return kept[-1]


def before_after(folder: Path) -> None:
    """Draw a vessel crossing of a test photograph: the small input enlarged, super-resolved, and as photographed."""
    from sr_core.study.data.references import load_references, shrink_reference

    (found,) = load_references(data(), ["HRF/images/01_h.jpg"])
    reference, small = found.pixels, shrink_reference(found, 4)
    Image.fromarray(small).save(folder / "small.png")
    edge = 72
    x, y = busiest(small, edge)
    fundusxr("upscale", folder / "small.png", folder / "sharp.png", "--region", f"{x},{y},{edge},{edge}")
    before = resample.to_uint8(resample.enlarge_bicubic(small.astype(np.float32), 4))
    cut = np.s_[4 * y : 4 * (y + edge), 4 * x : 4 * (x + edge)]
    pictures = {
        "photographed at a quarter, enlarged (bicubic)": before[cut],
        "AI x4 of the same pixels": np.asarray(Image.open(folder / "sharp.png")),
        "photographed at this size": reference[cut],
    }
    captioned(pictures, 400).save(IMAGES / "before-after.png")


FILES = (
    ("demo/background_retinopathy_nih_pd.jpg", "NEI, quality 65", (568, 128)),
    ("demo/diabetic_retinopathy_cdc_pd.jpg", "CDC, quality 75", (300, 290)),
    ("IDRiD/segmentation_testing/IDRiD_55.jpg", "IDRiD_55, quality 50", (2260, 1537)),
)
"""Photographs that no network was trained on, what is written beside them, and the corner (x, y) of the crop: small
haemorrhages and vessels, thin vessels, a microaneurysm."""


def files(folder: Path) -> None:
    """Real files at their own size, x4: as decoded, bicubic, and two networks as the viewer shows them."""
    from sr_core.image.photograph import load_photograph
    from sr_core.networks.zoo import load_model
    from sr_core.study.comparison.file_methods import file_engine

    edge, margin, scale = 96, 8, 4
    engines = {"rdb-lite": "rdb-lite", "rdb-file, held to the file": "rdb-file"}
    rows = []
    for name, told, (x, y) in FILES:
        photograph = load_photograph(data() / name)
        file = photograph.file.get() if photograph.file else None
        region = Rect(x, y, edge, edge)
        around = resample.enlarge_bicubic(photograph.pixels[region.pad(margin).slices()].astype(np.float32), scale)
        inner = slice(scale * margin, -scale * margin)
        shown = {
            f"{told}, as decoded": photograph.pixels[region.slices()],
            "bicubic": resample.to_uint8(around[inner, inner]),
        }
        for caption, model in engines.items():
            engine = file_engine(load_model(model, scale))
            shown[caption] = engine.upscale(photograph.pixels, region, file=file)
        rows.append(np.asarray(captioned(shown, scale * edge)))
    Image.fromarray(np.concatenate(rows)).save(IMAGES / "files.png", optimize=True)


def busiest(pixels: np.ndarray, edge: int) -> tuple[int, int]:
    """Return the corner (x, y) of the square with the most fine contrast in the middle half of a picture."""
    from scipy.ndimage import gaussian_filter, uniform_filter

    green = pixels[..., 1].astype(float)
    detail = uniform_filter(np.abs(green - gaussian_filter(green, 2)), edge)
    height, width = green.shape
    inner = np.zeros_like(detail)
    inner[height // 4 : -height // 4, width // 4 : -width // 4] = 1
    y, x = np.unravel_index((detail * inner).argmax(), detail.shape)
    return int(x) - edge // 2, int(y) - edge // 2


def captioned(pictures: dict[str, np.ndarray], edge: int) -> Image.Image:
    """Place pictures side by side, each with its caption below."""
    font = ImageFont.load_default(16)
    sheet = Image.new("RGB", (len(pictures) * (edge + 8) - 8, edge + 32), (16, 17, 19))
    draw = ImageDraw.Draw(sheet)
    for i, (caption, pixels) in enumerate(pictures.items()):
        picture = Image.fromarray(pixels).resize((edge, edge), Image.Resampling.NEAREST)
        sheet.paste(picture, (i * (edge + 8), 0))
        draw.text((i * (edge + 8) + edge / 2, edge + 16), caption, (210, 210, 210), font, "mm")
    return sheet


MAKERS = {
    "panel": panel,
    "retina": retina,
    "invention": invention,
    "regions": regions,
    "regions-retina": regions_retina,
    "region-export": region_export,
    "room": room,
    "window": window,
    "window-wall": window_wall,
    "start": start_page,
    "eyes": eyes,
    "control-panel": control_panel,
    "control-panel-headset": control_panel_headset,
    "before-after": before_after,
    "files": files,
    **{name: partial(layout, name) for name in LAYOUTS},
}


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or MAKERS:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            MAKERS[name](Path(folder))
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
