"""The control panel in a running viewer: pressed by a scripted mouse in one picture, and by hands before two."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.gl_stage import demo_photograph, offscreen
from tests.rig import PATIENCE, wait_until
from vr_app.core.hands.sample import ControllerSample, HandSample
from vr_app.core.panel.stand import point_at
from vr_app.core.space.pose import Eye, Fov, Pose, Ray
from vr_app.core.tiles.prefetch import FEW
from vr_app.core.view.appearance import AS_PHOTOGRAPHED, Channel
from vr_app.core.view.intent import ComputeWith, SurfaceKind
from vr_app.gl import objects
from vr_app.gl.context import Context
from vr_app.gl.objects import Framebuffer
from vr_app.runtime.offscreen import OffscreenRuntime
from vr_app.runtime.one_eye import OneEyeFrame
from vr_app.ui import imgui as dear
from vr_app.viewer.loop import Viewer, session
from vr_app.viewer.options import Options

NOWHERE = HandSample()
SIZE = (720, 480)


class Mouse(OffscreenRuntime):
    """A picture with a scripted mouse: `point` in the world, button `down`."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, SIZE)
        self.point: np.ndarray | None = None
        self.down = False
        self.keys: tuple[str, ...] = ()

    def read(self, time: float) -> ControllerSample:
        aim = None if self.point is None else _ray((0.0, 0.0, 0.0), self.point)
        keys, self.keys = self.keys, ()
        return ControllerSample(hands=(HandSample(aim, float(self.down), shown=False),), keys=keys)


class Stereo(Mouse):
    """Two eyes of a headset's size and opening, and two scripted hands: the left one rests, the right one points."""

    LEFT = (-0.2, -0.35, -0.45)
    RIGHT = (0.25, -0.3, -0.2)
    FOV = Fov(-math.radians(46), math.radians(46), math.radians(48.5), -math.radians(48.5))
    """As docs/viewer.md has it of a headset: 92 by 97 degrees."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.eyes = tuple(Eye(Pose((x, 0.0, 0.0)), self.FOV, (1344, 1512)) for x in (-0.032, 0.032))
        self.pictures = [Framebuffer.create(eye.size) for eye in self.eyes]
        self.left: Pose | None = Pose(self.LEFT)
        self.menu = False
        self._now = 0.0
        self.felt = 0
        self.draws = True

    @contextmanager
    def frame(self) -> Iterator[_StereoFrame]:
        self._now += 1 / 60
        frame = _StereoFrame(self._now, self.eyes, self.pictures[0] if self.draws else None, pictures=self.pictures)
        yield frame
        self._context.finish()

    def read(self, time: float) -> ControllerSample:
        left = NOWHERE if self.left is None else HandSample(Ray.along(self.left), pose=self.left)
        pose = _looking(self.RIGHT, (0.3, 0.0, -2.0) if self.point is None else self.point)
        right = HandSample(Ray.along(pose), float(self.down), pose=pose)
        menu, self.menu = self.menu, False
        return ControllerSample(hands=(left, right), panel=menu)

    def feel(self, pulses: tuple) -> None:
        self.felt += len(pulses)

    def close(self) -> None:
        super().close()
        for picture in self.pictures:
            picture.close()


class _StereoFrame(OneEyeFrame):
    def __init__(self, *values: object, pictures: list[Framebuffer]) -> None:
        super().__init__(*values)
        object.__setattr__(self, "both", pictures)

    def targets(self):
        for eye, picture in zip(self.eyes, self.both, strict=True):
            picture.bind()
            yield eye, picture


def _ray(start: tuple[float, ...], point: np.ndarray) -> Ray:
    along = np.subtract(point, start)
    x, y, z = along / np.linalg.norm(along)
    return Ray(start, (float(x), float(y), float(z)))


def _looking(start: tuple[float, ...], point: np.ndarray) -> Pose:
    """A pose at `start` whose -z axis goes through a point."""
    x, y, z = np.subtract(point, start) / np.linalg.norm(np.subtract(point, start))
    yaw, pitch = math.atan2(-x, -z), math.asin(y)
    up, side = math.sin(yaw / 2), math.sin(pitch / 2)
    level, straight = math.cos(yaw / 2), math.cos(pitch / 2)
    return Pose(start, (level * side, up * straight, -up * side, level * straight))


class Hand:
    """Who sits before the viewer."""

    def __init__(self, viewer: Viewer, runtime: Mouse) -> None:
        self.viewer, self.runtime = viewer, runtime

    def frames(self, count: int = 6) -> None:
        for _ in range(count):
            self.viewer.frame()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        def one() -> bool:
            self.viewer.frame()
            return condition()

        wait_until(one, what, PATIENCE, 0.001)

    def at(self, name: str, aside: float = 0.0) -> np.ndarray:
        """Where in the world a control of the panel is; `aside` texels to its right."""
        x, y = self.viewer.intake.control.targets[name]
        return np.array(point_at(self.viewer.intake.control.item, (x + aside, y)))

    def press(self, name: str) -> None:
        self.runtime.point = self.at(name)
        self.frames(40 if isinstance(self.runtime, Stereo) else 3)  # a hand's ray is steadied
        self.runtime.point = self.at(name)
        for down in (True, False):
            self.runtime.down = down
            self.frames()

    def drag(self, name: str, aside: float) -> None:
        self.runtime.point = self.at(name)
        self.frames(3)
        self.runtime.down = True
        self.frames()
        self.runtime.point = self.at(name, aside)
        self.frames()
        self.runtime.down = False
        self.frames()


@pytest.fixture
def photographs(tmp_path: Path) -> tuple[Path, ...]:
    pixels = demo_photograph(edge=403)
    for name, cut in (("disc.png", pixels), ("Ångström_Жук.png", pixels[:, ::-1])):
        Image.fromarray(cut).save(tmp_path / name)
    return tmp_path / "disc.png", tmp_path / "Ångström_Жук.png"


@contextmanager
def sitting(runtime_of: type[Mouse], photographs: tuple[Path, ...], **options: object) -> Iterator[Hand]:
    with offscreen() as context:
        runtime = runtime_of(context)
        with session(runtime, Options(photographs, say=lambda _: None, **options)) as viewer:
            hand = Hand(viewer, runtime)
            first = tuple(range(min(len(photographs), FEW // 2)))  # of many, not all are opened
            hand.until(
                lambda: viewer.intake.control.picture is not None and viewer.view.loaded[: FEW // 2] == first,
                "the control panel",
            )
            hand.frames()
            yield hand
        runtime.close()


def test_a_mouse_does_on_the_panel_what_it_says(photographs: tuple[Path, ...]) -> None:
    with sitting(Mouse, photographs) as hand:
        viewer = hand.viewer
        made = objects.made()
        assert not viewer.intake.control.open
        hand.press("open")
        assert viewer.intake.control.open
        place = viewer.view.front

        hand.press("Adjust")
        hand.press("Channel: Red-free")
        assert viewer.view.appearance.channel is Channel.RED_FREE
        hand.drag("Contrast", 60)
        assert viewer.view.appearance.contrast > 1.2
        hand.drag("Gamma", -30)
        assert viewer.view.appearance.gamma < 1
        hand.drag("Brightness", 30)
        assert viewer.view.appearance.brightness > 0
        hand.drag("Local", 90)
        assert viewer.view.appearance.local > 0.5
        hand.press("As photographed")
        assert viewer.view.appearance == AS_PHOTOGRAPHED

        hand.press("View")
        hand.press("AI up to: x2")
        assert viewer.view.finest == 1
        hand.press("Show: Original")
        assert viewer.view.finest == 0
        assert viewer.status.original
        hand.press("Show: AI")
        assert viewer.view.finest == 3
        hand.press("Invented: Colour")
        assert viewer.view.invention
        hand.drag("Field", 20)
        assert viewer.view.settings.field_angle > 45
        hand.press("Layout: Eye")
        assert viewer.view.surface is SurfaceKind.RETINA
        hand.press("Undo")
        assert viewer.view.surface is SurfaceKind.PANEL

        hand.press("Images")
        hand.frames(4)
        before = viewer.intake.control.picture.read(viewer.intake.control.item.size)
        hand.press("image 1")
        assert viewer.view.active == 1
        hand.press("image 0")
        assert viewer.view.active == 0
        assert before.std() > 20  # thumbnails are seen
        assert viewer.view.front == place  # nothing of this dragged or zoomed the photograph beneath

        hand.press("close")
        assert not viewer.intake.control.open
        hand.runtime.keys = ("space",)
        hand.frames(2)
        assert viewer.intake.control.open
        assert objects.made() == made


def test_every_image_of_a_large_folder_is_reached_in_the_gallery(tmp_path: Path) -> None:
    photographs = tuple(tmp_path / f"{n:03}.png" for n in range(130))
    for n, path in enumerate(photographs):
        Image.new("RGB", (64, 48), (250 - n, 100, n)).save(path)
    with sitting(Mouse, photographs) as hand:
        viewer, control = hand.viewer, hand.viewer.intake.control
        for press in ("open", "Images", "‹ back"):  # goes round to the last page
            hand.press(press)
        last = (126, 127, 128, 129)
        hand.until(lambda: set(last) <= {image for image, _ in control.thumbnails}, "the last page's thumbnails")
        hand.press("image 129")
        hand.until(lambda: viewer.view.active == 129 and viewer.view.record is not None, "the last image")
        assert viewer.view.record.name == "129.png"
        hand.drag("Page", -60)
        hand.until(lambda: control.browsed[0] < 120, "another page")
        middle = control.browsed
        hand.until(lambda: set(middle) <= {image for image, _ in control.thumbnails}, "its thumbnails")
        hand.press(f"image {middle[0]}")
        hand.until(lambda: viewer.view.active == middle[0] and viewer.view.record is not None, "an image between")
        hand.frames(4)
        shown = control.picture.read(control.item.size).astype(int)
        red = 250 - middle[0]
        assert (np.abs(shown[..., :3] - (red, 100, middle[0])).max(axis=-1) < 12).sum() > 1000  # its own thumbnail


def test_a_panel_that_rests_is_drawn_once(photographs: tuple[Path, ...]) -> None:
    with sitting(Mouse, photographs) as hand:
        hand.press("open")
        hand.runtime.point = None
        hand.frames()
        version = hand.viewer.intake.control.item.version
        hand.frames(20)
        assert hand.viewer.intake.control.item.version == version
        hand.runtime.keys = ("v",)
        hand.frames()
        assert hand.viewer.intake.control.item.version > version


def test_a_drag_beside_the_panel_goes_on_over_it(photographs: tuple[Path, ...]) -> None:
    with sitting(Mouse, photographs) as hand:
        hand.press("open")
        viewer, runtime = hand.viewer, hand.runtime
        viewer.view = replace(viewer.view, images=(replace(viewer.view.front, zoom=4.0), *viewer.view.images[1:]))
        runtime.point = np.array([-0.3, 0.0, -2.0])
        hand.frames(3)
        center = viewer.view.front.center
        runtime.down = True
        hand.frames(3)
        runtime.point = hand.at("AI up to: x2")
        hand.frames(3)
        assert viewer.view.front.center[0] < center[0] - 0.05
        runtime.down = False
        hand.frames()
        assert viewer.view.finest == 3


def test_the_panel_stays_off_pictures_that_nobody_points_at(photographs: tuple[Path, ...]) -> None:
    with offscreen() as context:
        runtime = OffscreenRuntime(context, SIZE)
        with session(runtime, Options(photographs, say=lambda _: None)) as viewer:
            hand = Hand(viewer, runtime)
            hand.until(lambda: viewer.statistics.gl_objects_after_warm_up == 0 and viewer.warm, "the warm-up")
            hand.frames()
            assert viewer.intake.control.picture is None
            assert viewer.intake.control.item is None
        runtime.close()


def letters_high(picture: np.ndarray, eye: Eye, corner: np.ndarray, beyond: np.ndarray) -> int:
    """Rows with bright letters in an eye's picture between two points of the world."""
    local = eye.local(np.array([corner, beyond]))
    pixels = (eye.fov.across(local[:, :2] / -local[:, 2:]) * (1, -1) + 1) / 2 * eye.size
    (left, top), (right, bottom) = np.floor(pixels.min(axis=0)).astype(int), np.ceil(pixels.max(axis=0)).astype(int)
    lit = (picture[top:bottom, left:right].min(axis=-1) > 110).any(axis=1)
    rows = np.nonzero(lit)[0]
    return int(rows.max() - rows.min() + 1)


def test_hands_press_the_panel_and_can_read_it(photographs: tuple[Path, ...]) -> None:
    with sitting(Stereo, photographs) as hand:
        viewer, runtime = hand.viewer, hand.runtime
        runtime.draws = False  # two pictures of 2 megapixels are drawn where they are looked at
        runtime.menu = True
        hand.frames(40)
        assert viewer.intake.control.open
        beam = viewer.rays
        assert len(beam) == 1  # that of the hand with the panel would lie over it
        hand.press("Adjust")
        assert runtime.felt == 1
        hand.press("Channel: Red-free")
        assert viewer.view.appearance.channel is Channel.RED_FREE
        assert len(viewer.rays) == 1
        assert any(np.allclose(ray.end, hand.at("Channel: Red-free"), atol=0.005) and ray.hits for ray in viewer.rays)
        hand.press("Help")
        runtime.point = None
        hand.frames(40)
        runtime.draws = True
        hand.frames(1)
        runtime.draws = False
        # The letters "View" are no higher than a capital; the control is wider than they are.
        item = viewer.intake.control.item
        em = item.size[0] / dear.WIDE
        x, y = viewer.intake.control.targets["View"]
        corners = [np.array(point_at(item, (x + dx * em, y + dy * em))) for dx, dy in ((-1.3, -0.8), (1.3, 0.8))]
        for eye, picture in zip(runtime.eyes, runtime.pictures, strict=True):
            assert letters_high(picture.read(), eye, *corners) >= 20

        runtime.left = Pose((-0.3, -0.3, -0.4))
        before = item.surface.pose
        hand.frames(40)
        assert viewer.intake.control.item.surface.pose.position[0] < before.position[0] - 0.05  # it comes along
        runtime.left = None
        hand.frames(5)
        kept = viewer.intake.control.item.surface
        hand.press("close")
        assert not viewer.intake.control.open
        assert viewer.intake.control.item is None  # no hand that a handle could stand on
        runtime.left = Pose(Stereo.LEFT)
        hand.frames(3)
        assert viewer.intake.control.item.surface.height < kept.height / 5
        hand.press("open")
        assert viewer.intake.control.open


def test_the_left_handed_carry_it_on_the_right(photographs: tuple[Path, ...]) -> None:
    with sitting(Stereo, photographs, left_handed=True) as hand:
        stands = hand.viewer.intake.control.item.surface.pose.position[0]
        assert Stereo.RIGHT[0] < stands < Stereo.RIGHT[0] + 0.05  # on the outer side of the hand


def test_without_imgui_there_is_no_panel_and_all_else_works(photographs: tuple[Path, ...], monkeypatch) -> None:
    def missing() -> None:
        raise dear.InterfaceError("no control panel: it is not installed; pip install it")

    monkeypatch.setattr(dear, "imported", missing)
    said: list[str] = []
    with offscreen() as context:
        runtime = Mouse(context)
        with session(runtime, Options(photographs, say=said.append)) as viewer:
            hand = Hand(viewer, runtime)
            hand.until(lambda: any("no control panel" in line for line in said), "the notice")
            runtime.keys = ("space", "g")
            runtime.point = np.array([0.0, 0.0, -2.0])
            hand.frames()
            assert viewer.intake.control.item is None
            assert viewer.view.appearance.channel is Channel.RED_FREE
        runtime.close()


def test_another_network_begins_anew(photographs: tuple[Path, ...]) -> None:
    with sitting(Mouse, photographs) as hand:
        viewer = hand.viewer
        viewer.view = replace(viewer.view, images=(replace(viewer.view.front, zoom=6.0), *viewer.view.images[1:]))

        def computed() -> bool:
            return any(key in viewer.supply.residency.resident for key in viewer.supply.wanted if key.synthesised)

        hand.until(computed, "computed tiles")
        settings = replace(viewer.view.settings, models=("rdb-paper", "rdb-paper-gan"))  # their weights have gone
        viewer.view = replace(viewer.view, settings=settings)
        viewer.intake.also = (ComputeWith("rdb-paper+rdb-paper-gan@0.5"),)
        hand.frames(1)
        assert not computed()
        assert viewer.supply.service.memory.bytes == 0
        assert viewer.status.texture == 0.5
        hand.until(lambda: bool(viewer.status.unavailable), "that its weights are missing")
        settings = replace(viewer.view.settings, models=("rdb-lite",))
        viewer.view = replace(viewer.view, settings=settings)
        viewer.intake.also = (ComputeWith("rdb-lite"),)
        hand.until(computed, "computed tiles again")
