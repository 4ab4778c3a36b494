"""Every gesture in a headset, made by scripted controllers, and its effect measured in the picture that the left eye is
handed: marks of known colours lie at known places of the photograph, and where they are seen tells what was done."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.visit import Visit
from tests.rig import MonadoService, RemoteHeadset, Xvfb, validation_env, validation_messages, wait_until
from tests.rig import Pose as RemotePose
from tests.vr_app.xr.test_viewer import PATIENCE, Program
from vr_app.core.hands.stretching import flattened
from vr_app.core.scene.outline import REGION_COLOUR
from vr_app.core.space.pose import Eye, Fov, Pose
from vr_app.core.space.surface import Panel

pytestmark = pytest.mark.xr

SIZE = np.array([400, 300])
PANEL = Panel(Pose((0.0, 0.0, -2.0)), 1.6 * 4 / 3, 1.6)
"""Where the photograph hangs, as docs/architecture.md has it."""

FLOOR = 1.6
"""Metres from the remote headset's floor, in which its hands are told, to the height that the program counts from."""

HERE = np.array([0.30, 0.15, 0.0])
THERE = np.array([0.20, 0.09, 0.0])
LEFT_HAND = np.array([-0.10, 0.15, 0.0])
UNDER = HERE[:2] * (1, -1) / (PANEL.width, PANEL.height) + 0.5
"""The photograph point that a hand at HERE, which points straight ahead, has under its ray."""

MARKS = {(220, 30, 30): (-25, -25), (30, 200, 40): (25, -25), (40, 60, 230): (-25, 25), (220, 40, 210): (25, 25)}
"""Colours, and where discs of them lie in photograph pixels from that point."""

RADIUS = 9
GROUND = (96, 92, 84)
AWAY = (0.0, math.sin(0.65), 0.0, math.cos(0.65))
"""Turned left by 74 degrees, past the panel."""


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    pixels = np.full((SIZE[1], SIZE[0], 3), GROUND, np.uint8)
    for colour, offset in MARKS.items():
        x, y = UNDER * SIZE + offset
        pixels[np.hypot(columns - x, rows - y) < RADIUS] = colour
    path = tmp_path / "marks.png"
    Image.fromarray(pixels).save(path)
    return path


@dataclass(frozen=True)
class Seen:
    """A picture measured: the affine map from photograph coordinates to the left eye's pixels, and the eye."""

    to_pixel: np.ndarray
    eye: Eye
    about: dict

    @staticmethod
    def of(picture: np.ndarray, about: dict) -> Seen:
        told = about["eyes"][0]
        eye = Eye(Pose(*map(tuple, told["pose"].values())), Fov(**told["fov"]), tuple(told["size"]))
        left = picture[:, : eye.size[0]].astype(int)
        places, pixels = [], []
        for colour, offset in MARKS.items():
            places.append([*(UNDER + np.array(offset) / SIZE), 1.0])
            pixels.append(_middle(left, colour))
        to_pixel, *_ = np.linalg.lstsq(np.array(places), np.array(pixels), rcond=None)
        assert np.abs(np.array(places) @ to_pixel - pixels).max() < 1.0  # a flat panel that faces the viewer
        return Seen(to_pixel, eye, about)

    def pixel(self, point: np.ndarray) -> np.ndarray:
        """Where the eye sees a point of the world."""
        local = self.eye.pose.inverse_matrix() @ [*point, 1.0]
        left, right, up, down = self.eye.fov.tangents()
        x, y = local[0] / -local[2], local[1] / -local[2]
        return np.array([(x - left) / (right - left), (y - up) / (down - up)]) * self.eye.size

    def shown(self, uv: np.ndarray) -> np.ndarray:
        """Where a photograph point is seen, by the marks."""
        return np.array([*uv, 1.0]) @ self.to_pixel

    def photograph(self, pixel: np.ndarray) -> np.ndarray:
        """The photograph point seen at a pixel, by the marks."""
        return (pixel - self.to_pixel[2]) @ np.linalg.inv(self.to_pixel[:2])

    def under(self, hand: np.ndarray, distance: float = 2.0) -> np.ndarray:
        """The photograph point seen where a hand's ray, straight ahead, meets a panel at that distance."""
        return self.photograph(self.pixel(np.array([*hand[:2], -distance])))

    @property
    def zoom(self) -> float:
        """How much larger the photograph is seen than whole on its panel 2 m away."""
        width = self.pixel(PANEL.point(np.array([0.5, 0.0]))) - self.pixel(PANEL.point(np.array([-0.5, 0.0])))
        return self.to_pixel[0, 0] / width[0]


def _middle(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """The middle (x, y) of the disc of that colour, its edge's mixed pixels counted by their share."""
    rows, columns = np.nonzero((np.abs(picture - colour) < 45).all(axis=-1))
    assert rows.size > 12, f"the mark {colour} is not seen"
    top, left = rows.min() - 2, columns.min() - 2
    cut = picture[top : rows.max() + 3, left : columns.max() + 3]
    toward = np.subtract(colour, GROUND)
    share = np.clip((cut - GROUND) @ toward / (toward @ toward), 0, 1)
    y, x = np.mgrid[: cut.shape[0], : cut.shape[1]]
    return np.array([(share * x).sum(), (share * y).sum()]) / share.sum() + (left + 0.5, top + 0.5)


class Scene:
    """The program in the headset, and both hands."""

    def __init__(self, visit: Visit, headset: RemoteHeadset) -> None:
        self.visit, self.headset = visit, headset

    def right(
        self, position: np.ndarray | None = None, turned: tuple = (0.0, 0.0, 0.0, 1.0), **pressed: object
    ) -> None:
        self._hand(self.headset.right, position, turned, pressed)

    def left(self, position: np.ndarray | None = None, turned: tuple = (0.0, 0.0, 0.0, 1.0), **pressed: object) -> None:
        self._hand(self.headset.left, position, turned, pressed)

    def _hand(self, send: Callable, position: np.ndarray | None, turned: tuple, pressed: dict) -> None:
        if "trigger" in pressed:
            pressed["trigger_click"] = bool(pressed["trigger"])
        if position is not None:
            pressed["pose"] = RemotePose(turned, (position[0], position[1] + FLOOR, position[2]))
        send(**pressed)

    def look(self) -> Seen:
        """Also what stands between two acts of a hand: a frame has seen the first, however slow the machine."""
        about = self.visit.look()
        return Seen.of(self.visit.picture, about)

    def until(self, wanted: Callable[[Seen], bool], what: str) -> Seen:
        def look() -> Seen | None:
            seen = self.look()
            return seen if wanted(seen) else None

        return wait_until(look, what, PATIENCE)

    def act(self, act: Callable[[], None], wanted: Callable[[Seen], bool], what: str) -> Seen:
        """What needs a rhythm, until a machine that is too slow for it has once kept up."""

        def attempt() -> Seen | None:
            act()
            seen = self.look()
            return seen if wanted(seen) else None

        return wait_until(attempt, what, PATIENCE)

    def double_press(self) -> None:
        for pressed in (1.0, 0.0, 1.0, 0.0):
            self.right(trigger=pressed)
            time.sleep(0.12)  # two presses in quick succession

    def press(self, button: str) -> None:
        self.headset.right(**{button: True})
        self.visit.look()  # a frame has seen it
        self.headset.right(**{button: False})
        self.visit.look()


@pytest.fixture
def scene(screen: Xvfb, photograph: Path, tmp_path: Path) -> Iterator[Scene]:
    with (
        MonadoService(compositor="null", devices="remote", display=screen.name) as service,
        RemoteHeadset(service.port) as headset,
        Program(service, tmp_path, photograph, **validation_env(tmp_path)) as program,
    ):
        made = Scene(Visit(program.process, screen.name, tmp_path), headset)
        made.left(np.array([-3.0, -1.4, 0.0]))
        made.right(HERE)
        yield made
        made.visit.key("ctrl+q")
        program.ends_well()
    assert "/interaction_profiles/" not in program.log.read_text()  # every profile that is suggested is taken
    assert validation_messages(tmp_path) == []


PIXEL = 1.0 / SIZE
STILL = 0.6
"""Pixels of the eye's picture within which a mark is found again."""


def same(one: Seen, other: Seen) -> bool:
    """Whether both pictures show the photograph in the same place."""
    corners = [UNDER + np.array(offset) / SIZE for offset in MARKS.values()]
    return all(np.abs(one.shown(uv) - other.shown(uv)).max() < STILL for uv in corners)


def test_every_gesture_has_its_effect_in_the_eyes_picture(scene: Scene) -> None:
    whole = scene.until(
        lambda seen: bool(seen.about["rays"]) and seen.about["rays"][-1]["hits"], "the ray on the panel"
    )
    assert whole.zoom == pytest.approx(1.0, abs=0.02)
    assert np.abs(whole.under(HERE) - UNDER).max() < PIXEL.max()

    # The thumbstick zooms about the spot under the ray.
    zoomed = whole
    for _ in range(60):
        scene.right(thumbstick=(0.0, 1.0))
        time.sleep(0.15)  # a push of the stick is a length of time: short, or a mark is beyond the panel at its end
        scene.right(thumbstick=(0.0, 0.0))
        zoomed = scene.look()
        assert (np.abs(zoomed.under(HERE) - UNDER) < PIXEL).all()
        if zoomed.zoom > 2.4:
            break
    assert zoomed.zoom > 2.4

    # The trigger drags it like paper, and undo brings it back.
    scene.right(trigger=1.0)
    scene.look()
    scene.right(THERE)
    dragged = scene.until(
        lambda seen: (np.abs(seen.under(THERE) - UNDER) < PIXEL).all(), "the spot under the ray again"
    )
    assert dragged.zoom == pytest.approx(zoomed.zoom, rel=0.01)
    scene.right(trigger=0.0)

    # A hand that jumps, then is nowhere, in the midst of a drag: the view stays.
    scene.right(trigger=1.0)
    scene.look()
    scene.right(THERE + np.array([10.0, 0.0, 0.0]))
    assert same(scene.look(), dragged)
    scene.right(np.array([math.nan, 0.0, 0.0]))
    assert same(scene.look(), dragged)
    scene.right(HERE)
    assert same(scene.look(), dragged)
    scene.right(trigger=0.0)
    scene.press("thumbstick_click")
    scene.until(lambda seen: same(seen, zoomed), "the place before the drag")

    # A double press brings the spot to the middle.
    middle = zoomed.pixel(PANEL.point(np.zeros(2)))
    scene.act(
        scene.double_press,
        lambda seen: np.abs(seen.shown(UNDER) - middle).max() < 1.5,
        "the spot in the panel's middle",
    )
    scene.press("thumbstick_click")
    scene.until(lambda seen: same(seen, zoomed), "the place before it was centred")


def test_two_hands_and_panels_in_the_eyes_picture(scene: Scene) -> None:
    whole = scene.until(
        lambda seen: bool(seen.about["rays"]) and seen.about["rays"][-1]["hits"], "the ray on the panel"
    )

    # Two hands stretch the photograph between them: from 0.3 to 0.9 m apart.
    reach = np.array([0.15, 0.0, 0.0])
    scene.left(HERE - reach)
    scene.right(HERE + reach)
    scene.until(lambda seen: len(seen.about["rays"]) == 2 and all(r["hits"] for r in seen.about["rays"]), "both rays")
    scene.left(trigger=1.0)
    scene.right(trigger=1.0)
    scene.look()
    scene.left(HERE - 3 * reach)
    scene.right(HERE + 3 * reach)
    stretched = scene.until(lambda seen: seen.zoom > 2.5, "the photograph stretched")
    # Both start at x1 and come to rest between the stops of x2 and x4, where the way is steeper.
    assert stretched.zoom == pytest.approx(2 ** flattened(math.log2(3.0)), rel=0.02)
    assert (np.abs(stretched.under(HERE) - UNDER) < PIXEL).all()
    scene.left(trigger=0.0)
    scene.right(trigger=0.0)
    scene.left(LEFT_HAND)
    scene.right(HERE)
    scene.press("thumbstick_click")
    scene.until(lambda seen: same(seen, whole), "the whole again")

    # A gripped panel goes with the hand.
    scene.right(squeeze=1.0)
    scene.look()
    shift = np.array([-0.15, 0.10, 0.30])
    scene.right(HERE + shift)
    on_panel = PANEL.point(UNDER - 0.5)
    moved = scene.until(
        lambda seen: np.abs(seen.shown(UNDER) - seen.pixel(on_panel + shift)).max() < 1.0, "the panel where the hand is"
    )
    assert moved.zoom == pytest.approx(2.0 / 1.7, rel=0.02)

    # The other hand helps, and both scale it about the spot that is held.
    near_left = HERE + shift - (0.3, 0.0, 0.0)
    scene.left(near_left)
    scene.look()
    scene.left(trigger=1.0)
    scene.look()
    scene.left(near_left - (0.15, 0.0, 0.0))
    grown = scene.until(lambda seen: seen.zoom > 1.4 * moved.zoom, "the panel grown")
    assert grown.zoom / moved.zoom == pytest.approx(1.5, rel=0.02)
    assert np.abs(grown.shown(UNDER) - moved.shown(UNDER)).max() < 1.5
    scene.left(trigger=0.0)
    scene.right(squeeze=0.0)
    scene.look()
    scene.right(HERE)
    assert same(scene.look(), grown)
    scene.press("thumbstick_click")
    scene.until(lambda seen: same(seen, whole), "the panel in its place again")

    # Beside the photograph: held, the original; pressed twice, undo.
    scene.press("a_click")
    scene.visit.until(lambda about: about["surfaces"][0]["surface"] == "retina", "the retina")
    scene.press("a_click")
    scene.right(HERE, AWAY, trigger=0.0)
    scene.visit.until(lambda about: about["surfaces"][0]["surface"] == "panel", "the panel")
    scene.right(HERE, AWAY, trigger=1.0)
    scene.visit.until(lambda about: about["original"], "the original")
    scene.right(HERE, AWAY, trigger=0.0)
    scene.visit.until(lambda about: not about["original"], "the original gone")

    def undone() -> bool:
        scene.double_press()
        return scene.visit.look()["surfaces"][0]["surface"] == "retina"

    wait_until(undone, "the surface before", PATIENCE)


def test_a_squeeze_and_drag_marks_a_region_that_is_outlined_in_the_eyes_picture(scene: Scene, tmp_path: Path) -> None:
    whole = scene.until(
        lambda seen: bool(seen.about["rays"]) and seen.about["rays"][-1]["hits"], "the ray on the panel"
    )
    scene.right(squeeze=1.0)
    scene.look()
    scene.right(trigger=1.0)
    scene.look()
    other = HERE + np.array([0.25, -0.2, 0.0])
    scene.right(other)
    scene.look()
    scene.right(trigger=0.0)
    scene.right(squeeze=0.0)
    marked = scene.until(lambda seen: bool(seen.about["surfaces"][0]["regions"]), "the region")
    assert same(marked, whole)  # neither panned nor moved
    (region,) = marked.about["surfaces"][0]["regions"]
    corners = [np.array([region["rect"]["x"], region["rect"]["y"]])]
    corners.append(corners[0] + (region["rect"]["w"], region["rect"]["h"]))
    places = [UNDER * SIZE, whole.under(other) * SIZE]
    assert np.abs(corners[0] - np.minimum(*places)).max() < 2.0
    assert np.abs(corners[1] - np.maximum(*places)).max() < 2.0
    # Where it lies in the eye's picture, its line is seen around it.
    left = scene.visit.picture[:, : marked.eye.size[0]].astype(int)
    shines = (np.abs(left - 255 * np.array(REGION_COLOUR[:3])) < 45).all(axis=-1)
    top, bottom = (marked.shown(corner / SIZE) for corner in corners)
    middle = (top + bottom) / 2
    for x, y in ((top[0], middle[1]), (bottom[0], middle[1]), (middle[0], top[1]), (middle[0], bottom[1])):
        assert shines[round(y) - 8 : round(y) + 8, round(x) - 8 : round(x) + 8].any(), (x, y)
    inner = shines[round(top[1]) + 3 : round(bottom[1]) - 3, round(top[0]) + 3 : round(bottom[0]) - 3]
    assert not inner.any()
    assert (tmp_path / "fundusxr-regions.json").exists()


def test_the_left_handed_have_their_buttons_in_the_other_hand(screen: Xvfb, photograph: Path, tmp_path: Path) -> None:
    with (
        MonadoService(compositor="null", devices="remote", display=screen.name) as service,
        RemoteHeadset(service.port) as headset,
        Program(service, tmp_path, photograph, "--hand", "left") as program,
    ):
        visit = Visit(program.process, screen.name, tmp_path)
        visit.until(lambda about: bool(about["rays"]), "the hands")
        headset.left(b_click=True)
        visit.until(lambda about: about["original"], "the original")
        headset.left(b_click=False)
        visit.until(lambda about: not about["original"], "the original gone")
        visit.key("ctrl+q")
        program.ends_well()
    assert "/interaction_profiles/" not in program.log.read_text()


def aimed(start: np.ndarray, point: np.ndarray) -> tuple[float, float, float, float]:
    """The orientation of a hand at `start` whose ray goes through a point."""
    x, y, z = (point - start) / np.linalg.norm(point - start)
    yaw, pitch = math.atan2(-x, -z), math.asin(y)
    up, side, level, straight = math.sin(yaw / 2), math.sin(pitch / 2), math.cos(yaw / 2), math.cos(pitch / 2)
    return level * side, up * straight, -up * side, level * straight


def of_sheet(about: dict, name: str) -> np.ndarray:
    """Where in the world a control of the panel is."""
    surface, size = about["sheet"]["surface"], about["sheet"]["size"]
    panel = Panel(Pose(*map(tuple, surface["pose"].values())), surface["width"], surface["height"])
    return panel.point(np.array(about["sheet"]["targets"][name]) / size - 0.5)


def _ends_at(about: dict, point: np.ndarray) -> bool:
    """Whether the right hand's ray does, within a centimetre."""
    return np.allclose(about["rays"][-1]["end"], point, atol=0.01)


def test_the_control_panel_in_the_eyes_picture(scene: Scene) -> None:
    """Opened, and pressed by the other hand's ray."""
    hand = np.array([0.25, -0.25, -0.1])
    scene.left(np.array([-0.2, -0.35, -0.45]))
    scene.right(hand)
    scene.visit.key("space")
    # Its handle is there before.
    about = scene.visit.until(lambda about: about["sheet"] and "View" in about["sheet"]["targets"], "the control panel")
    assert set(about["sheet"]["targets"]) >= {"Images", "View", "Adjust", "Help", "close"}

    def press(name: str, about: dict) -> None:
        scene.right(hand, aimed(hand, of_sheet(about, name)))
        scene.visit.until(lambda seen: seen["rays"] and _ends_at(seen, of_sheet(about, name)), "the steadied ray")
        for trigger in (1.0, 0.0):
            scene.right(trigger=trigger)
            scene.visit.look()  # a frame has seen it

    def adjust() -> dict | None:
        """The page, once the panel has come to rest on the hand and a press has met it."""
        press("Adjust", scene.visit.look())
        seen = scene.visit.look()
        return seen if "Channel: Red-free" in seen["sheet"]["targets"] else None

    about = wait_until(adjust, "the page", PATIENCE)
    assert about["rays"][-1]["hits"]
    assert _ends_at(about, of_sheet(about, "Adjust"))
    press("Channel: Red-free", about)
    about = scene.visit.until(lambda about: about["appearance"]["channel"] == "red-free", "the red-free look")
    assert about["surfaces"][0]["center"] == [0.5, 0.5]  # the photograph beneath was not dragged
    press("close", about)
    scene.visit.until(lambda about: about["sheet"] is None, "the panel's end")
