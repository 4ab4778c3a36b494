"""Panels and the retina as composition layers, on a real runtime: what Monado composes of them, against meshes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tests.rig import MonadoService, RemoteHeadset, Xvfb, grab_window, validation_env, validation_messages, wait_until
from tests.rig import Pose as RemotePose
from tests.vr_app.xr.test_headset import Client
from vr_app.xr.probe import probe

pytestmark = pytest.mark.xr

DOTS, SPACE = 6, 75
SCALE = "XRT_COMPOSITOR_SCALE_PERCENTAGE"
"""Of an eye's picture, against 960x1080 pixels. In Monado's window each eye has 480x540."""

MARGIN = 45
"""Pixels of the window at the edge of what an eye sees of it, where the lens hides the corners too."""

AWAY = RemotePose((0.0, 1.0, 0.0, 0.0), (0.0, 0.5, 0.0))
"""A hand that points backward, so that no ray lies over the picture."""

AHEAD = RemotePose(position=(0.0, 1.6, 0.0))
ASIDE = RemotePose((0.05, 0.08, 0.0, 0.9955), (0.12, 1.6, -0.15))


LAYOUTS = {"panel": "row", "wall": "wall", "retina": "retina"}
"""The layout in which one photograph has that surface."""


def dotted() -> np.ndarray:
    """White discs on dark ground in DOTS rows and columns; the first lacks one quarter, to tell which way is up."""
    edge = DOTS * SPACE
    y, x = np.mgrid[:edge, :edge]
    inside = np.hypot(x % SPACE - SPACE / 2, y % SPACE - SPACE / 2) < SPACE * 0.22
    picture = np.where(inside, 235, 40).astype(np.uint8)
    return np.repeat(picture[..., None], 3, axis=2)


def composed(
    screen: Xvfb, folder: Path, layers: str, photograph: np.ndarray, surfaces: Sequence[str], head: RemotePose = AHEAD
) -> dict[str, np.ndarray]:
    """What Monado makes of a photograph on each surface once all of it is sharp: its window, (H, W) float, 0 to 255."""
    path = folder / "photograph.png"
    Image.fromarray(photograph).save(path)
    found = {}
    with (
        MonadoService(compositor="xcb", devices="remote", display=screen.name) as service,
        RemoteHeadset(service.port) as headset,
    ):
        headset.left(pose=AWAY)
        headset.right(pose=AWAY)
        headset.update(head=head)
        env = service.env | validation_env(folder)
        with Client(env, layers, str(path), module="tests.helpers.xr_layers_client") as client:
            for surface in surfaces:
                found[surface] = _composed_of(client, screen, layers, surface)
                Image.fromarray(found[surface].astype(np.uint8)).save(folder / f"{layers}-{surface}.png")
            assert client.end() == 0, client.errors()
    assert validation_messages(folder) == []
    return found


def _composed_of(client: Client, screen: Xvfb, layers: str, surface: str) -> np.ndarray:
    layout = LAYOUTS[surface]
    client.tell(layout)
    sharp = client.until(lambda report: report["layout"] == layout and report["sharp"], f"a sharp {surface}")
    if layers in ("on", "off"):
        assert (sharp["layers"] > 1) == (layers == "on")
        assert sharp["told"] == [[0.0, 1.0, pytest.approx(0.05), 100.0]] * 2
        assert sharp["depth"]["right"] > 0.97
        assert (sharp["depth"]["seen"] > 0.1) == (layers == "off")  # else none is in the eyes' pictures
    else:
        assert (sharp["told"], sharp["depth"]) == ([], {})
    if layers == "one_layer":
        assert sharp["layers"] <= 1
    looks = [grab_window(screen.name)]

    def stands() -> bool:
        client.until(lambda report: True, "a frame")
        looks.append(grab_window(screen.name))
        return np.array_equal(looks[-1], looks[-2])

    wait_until(stands, "a picture that stands")
    assert client.until(lambda report: True, "a frame")["made"] == sharp["made"]
    return looks[-1].astype(float).mean(axis=2)


def discs(eye: np.ndarray) -> np.ndarray:
    """The discs' middles (n, 2) in pixels, row by row."""
    bright = eye > 120
    names, count = ndimage.label(bright)
    sizes = ndimage.sum(bright, names, range(1, count + 1))
    kept = [n + 1 for n in range(count) if sizes[n] > 100]  # no letters
    return np.array(ndimage.center_of_mass(np.maximum(eye - 60, 0), names, kept))


Dots = Callable[[str], dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def dots(screen: Xvfb, tmp_path_factory: pytest.TempPathFactory) -> Dots:
    """What Monado makes of `dotted` on each surface, from the side, by how layers are accepted; each a program that is
    started once."""

    @cache
    def of(layers: str) -> dict[str, np.ndarray]:
        surfaces = {"quads_alone": ["retina"], "one_layer": ["panel", "retina"]}.get(layers, list(LAYOUTS))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(SCALE, "30")  # pictures of 288x324 pixels: software draws
            return composed(screen, tmp_path_factory.mktemp(layers), layers, dotted(), surfaces, ASIDE)

    return of


@pytest.mark.parametrize("surface", LAYOUTS)
def test_every_pixel_has_the_same_place_as_a_layer_and_as_a_mesh(dots: Dots, surface: str) -> None:
    found = {}
    for layers in ("off", "on"):
        picture = dots(layers)[surface]
        width = picture.shape[1] // 2
        found[layers] = [discs(picture[:, i * width : (i + 1) * width]) for i in (0, 1)]
    for mesh, layer in zip(found["off"], found["on"], strict=True):
        whole = ((mesh > MARGIN) & (mesh < np.array([540, 480]) - MARGIN)).all(axis=1)  # none cut by the picture's edge
        mesh = mesh[whole]
        assert len(mesh) >= DOTS * (DOTS - 2)
        apart = np.linalg.norm(mesh[:, None] - layer[None], axis=2)
        assert len(set(apart.argmin(axis=1))) == len(mesh)
        print(surface, "apart", apart.min(axis=1).max())
        assert apart.min(axis=1).max() < 1.0
    assert not np.allclose(found["off"][0], found["off"][1], atol=1.0)  # two eyes


ORIENTATIONS = (0.0, 45.0, 90.0)
PERIOD, EDGE = 4.5, 317
"""Pixels of the photograph: of a wave, which is 2.25 pixels of the eye's picture, and of a square of waves."""


def gratings() -> np.ndarray:
    """A square for each orientation, side by side."""
    y, x = np.mgrid[:EDGE, :EDGE]
    turns = np.deg2rad(ORIENTATIONS)
    waves = [np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / PERIOD) for turn in turns]
    linear = 0.25 * (1 + 0.9 * np.concatenate(waves, axis=1))
    encoded = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    return np.repeat(np.round(encoded).astype(np.uint8)[..., None], 3, axis=2)


def contrast(part: np.ndarray) -> float:
    """Michelson's, of linear light, of the strongest wave in a square of a picture."""
    part = part / 255
    light = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    window = np.outer(*[np.hanning(len(part))] * 2)
    mean = (light * window).sum() / window.sum()
    spectrum = np.abs(np.fft.fft2((light - mean) * window, (512, 512)))
    return float(2 * spectrum.max() / window.sum() / mean)


def test_a_fine_grating_keeps_more_contrast_as_a_layer(
    screen: Xvfb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Near the limit of an eye's picture: Michelson contrast at least 1.3 times the mesh's, at three orientations.

    Monado puts its layers together in pictures of the eye's size, here as large as the window: what is measured is what
    sampling twice costs, averaged over how the waves and the pixels meet.
    """
    monkeypatch.setenv(SCALE, "50")
    found = {}
    for layers in ("off", "on"):
        picture = composed(screen, tmp_path, layers, gratings(), ["panel"])["panel"]
        half = picture[:, : picture.shape[1] // 2]
        middle, across = half.shape[1] // 2 + 4, 158  # the left eye stands 32 mm left of the panel's middle
        for n, degrees in enumerate(ORIENTATIONS):
            x, y = middle + (n - 1) * across - 60, half.shape[0] // 2 - 60
            found[layers, degrees] = contrast(half[y : y + 120, x : x + 120])
    ratios = {degrees: found["on", degrees] / found["off", degrees] for degrees in ORIENTATIONS}
    print(found, ratios)
    assert min(ratios.values()) >= 1.3


@pytest.mark.parametrize(
    ("layers", "surface"), [("quads_alone", "retina"), ("one_layer", "panel"), ("one_layer", "retina")]
)
def test_a_runtime_that_takes_few_layers_is_shown_meshes(dots: Dots, layers: str, surface: str) -> None:
    picture = dots(layers)[surface]
    assert len(discs(picture[:, : picture.shape[1] // 2])) >= DOTS * (DOTS - 2)


def test_the_runtime_tells_what_layers_it_takes(screen: Xvfb, monkeypatch: pytest.MonkeyPatch) -> None:
    with MonadoService(display=screen.name) as service:
        for name, value in service.env.items():
            monkeypatch.setenv(name, value)
        found = probe()
    assert found.layers == ("cylinder", "equirect2", "quad")
    assert found.most_layers >= 16
    assert min(found.largest_picture) >= 4096
    assert found.layer_quirk == ""
