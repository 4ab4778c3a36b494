"""A visit that uses every feature in a headset, as layers and as meshes, with the core and the best-practices
validation layer in the program: each step has its effect, and neither has anything to say about any of them.

Hands, head and window are driven from outside; what the program makes of it is told by `tests.helpers.xr_tour_client`
in every frame, and seen in the window beside the headset.
"""

from __future__ import annotations

import math
import queue
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sr_core.assets import asset_path
from sr_core.networks import zoo
from tests.conftest import CLINIC
from tests.helpers.visit import Visit
from tests.rig import MonadoService, RemoteHeadset, Xvfb, grab_window, validation_env, validation_messages, wait_until
from tests.rig import Pose as RemotePose
from tests.vr_app.xr.test_headset import PATIENCE, Client
from vr_app.core.view import layout

pytestmark = pytest.mark.xr

FLOOR = 1.6
"""Metres from the remote headset's floor to the height that the program counts from."""

SCALE = "XRT_COMPOSITOR_SCALE_PERCENTAGE"
"""Of an eye's picture, against 960x1080 pixels: software draws."""

RIGHT_HAND, LEFT_HAND = np.array([0.2, -0.1, -0.1]), np.array([-0.5, -0.4, -0.4])
AWAY = np.array([0.0, 0.3, 3.0])
"""Behind the head."""

SEEN = 0.4
"""Grey levels of 255, the mean over the window, by which a picture differs from another."""


class Guest:
    """Who wears the headset, and beside it has the window's keys."""

    def __init__(
        self, client: Client, service: MonadoService, headset: RemoteHeadset, screen: Xvfb, folder: Path
    ) -> None:
        self.client, self.service, self.headset, self._screen = client, service, headset, screen
        self.now: dict = {}
        self._at = {"right": RIGHT_HAND, "left": LEFT_HAND}
        self._picture: np.ndarray | None = None
        self.visit = Visit(client.process, screen.name, folder)
        self.point("left", AWAY)
        self.point("right", AWAY)

    def frame(self) -> dict:
        """The newest frame."""
        while True:
            try:
                report = self.client._reports.get_nowait()
            except queue.Empty:
                break
            if report is None:
                raise AssertionError(f"the program ended; {self.client.errors()}")
        self.now = self.client.until(lambda report: True, "a frame")
        return self.now

    def until(self, wanted: Callable[[dict], object], what: str, patience: float = PATIENCE) -> dict:
        """The first frame from now on that is as it is wanted."""
        try:
            self.now = self.client.until(wanted, what, patience)
        except AssertionError as error:
            said = [line for line in self.client.errors().splitlines() if "WARN" not in line]
            raise AssertionError("\n".join([str(error)[:3000], *said[-30:]])) from None
        return self.now

    # What is seen.

    def look(self) -> np.ndarray:
        """The left eye's picture in the window, once it is the same twice: (H, W, 3), 0 to 255."""
        looks = [grab_window(self._screen.name, "FundusXR").astype(float)]

        def stands() -> bool:
            looks.append(grab_window(self._screen.name, "FundusXR").astype(float))
            return self._apart(*looks[-2:]) < 0.05

        wait_until(stands, "a picture that stands", PATIENCE)
        return looks[-1]

    @staticmethod
    def _apart(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.abs(one - other).mean())

    def sees_another(self, what: str, by: float = SEEN) -> None:
        """Wait until another picture is seen than at the last time."""
        before = self._picture

        def another() -> bool:
            self._picture = grab_window(self._screen.name, "FundusXR").astype(float)
            return before is None or self._apart(before, self._picture) > by

        wait_until(another, f"another picture: {what}", PATIENCE)
        self._picture = self.look()

    def sees_grey(self) -> bool:
        """Whether what is ahead has no colour."""
        picture = grab_window(self._screen.name, "FundusXR").astype(float)
        height, width, _ = picture.shape
        ahead = picture[height // 3 : height * 2 // 3, width // 2 : width * 3 // 5]
        return bool(np.median(np.ptp(ahead, axis=-1)) < 3.0)

    # What hands do.

    def hand(self, side: str, **changes: object) -> None:
        if "trigger" in changes:
            changes["trigger_click"] = bool(changes["trigger"])
        getattr(self.headset, side)(**changes)

    def point(self, side: str, target: np.ndarray, at: np.ndarray | None = None) -> None:
        """At a point of the world."""
        self._at[side] = self._at[side] if at is None else at
        start = self._at[side]
        x, y, z = np.asarray(target) - start
        yaw, pitch = math.atan2(-x, -z), math.atan2(y, math.hypot(x, z))
        a, b, c, d = math.sin(yaw / 2), math.cos(yaw / 2), math.sin(pitch / 2), math.cos(pitch / 2)
        pose = RemotePose((b * c, a * d, -a * c, b * d), (start[0], start[1] + FLOOR, start[2]))
        self.hand(side, pose=pose)

    def points(self, side: str, target: np.ndarray) -> None:
        """And wait until its steadied ray is there."""
        self.point(side, target)

        def there(report: dict) -> bool:
            return any(_off(self._at[side], end, target) < 0.02 for end, _ in report["rays"])

        self.until(there, f"the {side} ray at {target}")

    def holds(self, side: str, **buttons: float) -> None:
        """Press or let go, and wait until that has been taken in."""
        self.hand(side, **buttons)
        index, name = ("left", "right").index(side), "triggers" if "trigger" in buttons else "grips"
        wanted = next(iter(buttons.values()))
        self.until(lambda report: report[name][index] == pytest.approx(wanted), f"{side} {buttons}")
        self.until(lambda report: True, "a frame with it")

    def sticks(self, aside: float, on: float) -> None:
        """Push the right thumbstick there, and wait until that has been taken in."""
        self.hand("right", thumbstick=(aside, on))
        self.until(lambda report: report["sticks"][1] == pytest.approx([aside, on]), "the thumbstick")

    def press(self, button: str, side: str, wanted: Callable[[dict], object], what: str) -> dict:
        """A button, until it has had its effect."""
        self.hand(side, **{button: True})
        report = self.until(wanted, what)
        self.hand(side, **{button: False})
        self.until(lambda report: True, "a frame")
        return report

    def taps(self, name: str, wanted: Callable[[dict], object] | None = None) -> dict:
        """Press a control of the panel with the ray."""
        self.until(lambda report: name in report["targets"], f"{name} on the panel")
        self.points("right", np.array(self.now["targets"][name]))
        for trigger in (1.0, 0.0):
            self.holds("right", trigger=trigger)
        return self.until(wanted or (lambda report: True), f"what {name} does")

    def slides(self, name: str, aside: float, wanted: Callable[[dict], object]) -> dict:
        """Drag a slider of the panel so many metres to the right."""
        start = np.array(self.until(lambda report: name in report["targets"], name)["targets"][name])
        self.points("right", start)
        self.holds("right", trigger=1.0)
        self.points("right", beside(start, aside))
        report = self.until(wanted, f"what {name} does")
        self.holds("right", trigger=0.0)
        return report

    def taps_twice(self, wanted: Callable[[dict], object], what: str) -> dict:
        """A double trigger, until a machine that is too slow for one has once kept up."""

        def done() -> dict | None:
            for trigger in (1.0, 0.0, 1.0, 0.0):
                self.hand("right", trigger=trigger)
                self.until(lambda report, t=trigger: report["triggers"][1] == t, "the trigger")
            found = [self.frame() for _ in range(4)][-1]
            return found if wanted(found) else None

        return wait_until(done, what, PATIENCE)

    def grasps(self, side: str, wanted: Callable[[dict], object], what: str) -> None:
        """Close a hand beside every photograph, and open it."""
        self.points(side, BESIDE)
        self.holds(side, squeeze=1.0)
        self.until(wanted, what)
        self.holds(side, squeeze=0.0)
        self.point(side, AWAY)

    def key(self, name: str, wanted: Callable[[dict], object], what: str) -> dict:
        self.visit.key(name)
        return self.until(wanted, what)

    def pages(self, name: str) -> None:
        """Turn the panel to a page."""
        shown = {
            "Images": "image 0",
            "View": "Undo",
            "Regions": "Mark this view",
            "Adjust": "Gamma",
            "Help": "What this program is",
        }
        self.taps(name, lambda report: shown[name] in report["targets"])


def _off(start: np.ndarray, end: list[float], target: np.ndarray) -> float:
    """Radians between the ways from a hand to two points."""
    one, other = np.subtract(end, start), np.subtract(target, start)
    part = float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
    return math.acos(min(1.0, max(-1.0, part)))


def beside(point: np.ndarray, right: float, up: float = 0.0, back: float = 0.0) -> np.ndarray:
    """So many metres from a point."""
    return np.asarray(point) + np.array([right, up, back])


def middle(report: dict, image: int) -> np.ndarray:
    """Of a panel."""
    return np.array(report["placed"][str(image)][:3])


def zoom(report: dict, image: int | None = None) -> float:
    return report["images"][report["front"] if image is None else image][2]


AHEAD = np.array([0.05, 0.05, -2.0])
"""A spot of the panel that stands alone."""


@pytest.mark.parametrize("layers", ["on", "off"])
def test_every_feature_in_one_visit_and_no_layer_complains(
    screen: Xvfb, clinic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layers: str
) -> None:
    monkeypatch.setenv(SCALE, "20")
    words = ("--", "view", "--mode", "xr", clinic, "--no-prefetch", "--layers", layers, "--fresh", "--mirror", "left")
    words = ("--weights", stand_in_weights(tmp_path / "weights"), *words)
    with (
        MonadoService(compositor="null", devices="remote", display=screen.name) as service,
        RemoteHeadset(service.port) as headset,
    ):
        env = service.env | validation_env(tmp_path) | {"OMP_NUM_THREADS": "1"}
        with Client(env, *map(str, words), module="tests.helpers.xr_tour_client", cwd=tmp_path) as client:
            guest = Guest(client, service, headset, screen, tmp_path)
            guest.until(lambda report: report["ready"] and report["state"] == "FOCUSED", "the wall", PATIENCE)
            if layers == "on":
                guest.until(lambda report: report["rests"], "rest")
            assert (guest.now["layers"] > 1) == (layers == "on")
            for part in (walls, gestures, regions, pairs, panel, surroundings, keys_of_the_window):
                part(guest)
                print(part.__name__, flush=True)
            guest.visit.key("ctrl+q")
            assert client.wait() == 0, client.errors()
        assert validation_messages(tmp_path) == []


def walls(guest: Guest) -> None:
    """Pages, there and back, and a photograph taken from one."""
    assert guest.now["layout"] == "wall"
    first, second = ([str(n) for n in range(*ends)] for ends in ((layout.PAGE,), (layout.PAGE, CLINIC)))
    assert sorted(guest.now["placed"], key=int) == first
    guest.sees_another("the wall")
    guest.sticks(1.0, 0.0)
    guest.until(lambda report: report["page"] == 1 and sorted(report["placed"], key=int) == second, "the second page")
    guest.sees_another("the second page")
    guest.sticks(0.0, 0.0)
    guest.until(lambda report: report["veil"] == 0.0, "no veil")
    guest.sticks(-1.0, 0.0)
    guest.until(lambda report: report["veil"] > 0, "a veil over the change")
    guest.until(lambda report: report["page"] == 0, "the first page again")
    guest.sticks(0.0, 0.0)
    guest.points("right", middle(guest.frame(), 0))
    guest.taps_twice(lambda report: report["layout"] == "one" and report["front"] == 0, "one photograph")
    guest.sees_another("one photograph")


def gestures(guest: Guest) -> None:
    """All that hands do to a panel that stands alone."""
    before = guest.until(lambda report: report["layout"] == "one" and report["sharp"], "the photograph")
    guest.points("right", AHEAD)
    guest.sticks(0.0, 1.0)
    guest.until(lambda report: zoom(report) > 2.5, "the zoom")
    guest.sticks(0.0, 0.0)
    zoomed = guest.until(lambda report: report["sharp"] and report["scale"] > 1, "computed tiles")
    assert zoomed["felt"] > before["felt"]  # the stop at x2
    guest.sees_another("zoomed in")

    guest.holds("right", trigger=1.0)
    guest.points("right", beside(AHEAD, 0.2, -0.1))
    dragged = guest.until(lambda report: report["images"][0][0] < zoomed["images"][0][0] - 0.02, "the drag")
    assert zoom(dragged) == pytest.approx(zoom(zoomed))
    guest.holds("right", trigger=0.0)
    guest.press("thumbstick_click", "right", lambda report: _near(report, zoomed), "undone")
    guest.points("right", beside(AHEAD, 0.3, 0.2))
    guest.taps_twice(lambda report: not _near(report, zoomed) and zoom(report) == zoom(zoomed), "a spot centred")

    guest.hand("right", b_click=True)
    guest.until(lambda report: report["original"], "the original")
    guest.hand("right", b_click=False)
    guest.until(lambda report: not report["original"], "the original gone")
    guest.press("thumbstick_click", "left", lambda report: report["invention"], "the overlay")
    guest.sees_another("the overlay", 0.05)
    guest.press("thumbstick_click", "left", lambda report: not report["invention"], "no overlay")
    whole = guest.press("b_click", "left", lambda report: zoom(report) == 1.0, "the whole again")

    # Both hands stretch it.
    guest.point("left", AHEAD - (0.1, 0.0, 0.0), np.array([-0.1, -0.1, -0.1]))
    guest.points("right", beside(AHEAD, 0.1))
    guest.holds("left", trigger=1.0)
    guest.holds("right", trigger=1.0)
    guest.points("left", AHEAD - (0.3, 0.0, 0.0))
    guest.points("right", beside(AHEAD, 0.3))
    guest.until(lambda report: zoom(report) > 2.0, "the stretch")
    guest.holds("left", trigger=0.0)
    guest.holds("right", trigger=0.0)
    guest.press("b_click", "left", lambda report: zoom(report) == 1.0, "the whole again")

    # One grips the panel, and the other helps to scale it.
    place = np.array(guest.now["placed"]["0"])
    guest.points("right", AHEAD)
    guest.holds("right", squeeze=1.0)
    guest.point("right", beside(AHEAD, 0.0, 0.0, 0.3), beside(RIGHT_HAND, 0.0, 0.0, 0.3))
    guest.until(lambda report: report["placed"]["0"][2] > place[2] + 0.2, "the panel nearer")
    guest.holds("left", trigger=1.0)
    guest.point("left", AHEAD, np.array([-0.4, -0.1, 0.2]))
    guest.until(lambda report: report["placed"]["0"][3] > 1.2 * place[3], "the panel larger")
    guest.sees_another("the panel nearer and larger")
    guest.holds("left", trigger=0.0)
    guest.holds("right", squeeze=0.0)
    guest.point("right", AHEAD, RIGHT_HAND)
    guest.press("thumbstick_click", "right", lambda report: report["placed"]["0"] == pytest.approx(place), "undone")
    assert _near(guest.now, whole)

    # Beside every photograph: the original while held; and undo.
    guest.point("left", AWAY, LEFT_HAND)
    guest.points("right", beside(AHEAD, 3.0))
    guest.hand("right", trigger=1.0)
    guest.until(lambda report: report["original"], "the original")
    guest.holds("right", trigger=0.0)
    guest.until(lambda report: not report["original"], "the original gone")
    guest.points("right", AHEAD)
    guest.sticks(0.0, 1.0)
    guest.until(lambda report: zoom(report) > 1.5, "a zoom to undo")
    guest.sticks(0.0, 0.0)
    guest.points("right", beside(AHEAD, 3.0))
    guest.taps_twice(lambda report: zoom(report) == 1.0, "undone beside the photograph")

    # A hand that vanishes lets go, and comes back.
    guest.points("right", AHEAD)
    guest.holds("right", trigger=1.0)
    guest.hand("right", pose=RemotePose(position=(math.nan, 0.0, 0.0)))
    gone = guest.until(lambda report: not report["aims"][1], "a hand that is nowhere")
    assert len(gone["rays"]) < 2
    guest.hand("right", trigger=0.0)
    guest.points("right", AHEAD)
    assert _near(guest.now, whole)


def regions(guest: Guest) -> None:
    """Marked, named, gone to, blinked, deleted and brought back, on the panel and on the retina."""
    guest.points("right", AHEAD)
    guest.holds("right", squeeze=1.0)
    guest.holds("right", trigger=1.0)
    guest.points("right", beside(AHEAD, 0.35, -0.3))
    guest.holds("right", trigger=0.0)
    guest.holds("right", squeeze=0.0)
    guest.until(lambda report: len(report["regions"]) == 1, "a region")
    guest.sees_another("its outline", 0.05)
    named = guest.key("t", lambda report: report["regions"] != guest.now["regions"], "its name")
    assert named["chosen"] == 0
    guest.key("j", lambda report: zoom(report) > 1.5, "the way to it")
    guest.key("i", lambda report: len(report["regions"]) == 2, "another, of what is seen")
    guest.sees_another("the region near by")
    guest.key("1", lambda report: report["chosen"] == 0, "the first")
    guest.key("x", lambda report: len(report["regions"]) == 1, "it is deleted")
    guest.press("thumbstick_click", "right", lambda report: len(report["regions"]) == 2, "and brought back")
    guest.press("b_click", "left", lambda report: zoom(report) == 1.0, "the whole again")


def _near(one: dict, other: dict) -> bool:
    """Whether two frames show the front photograph in the same place."""
    return one["front"] == other["front"] and np.allclose(
        one["images"][one["front"]], other["images"][other["front"]], atol=2e-3
    )


def pairs(guest: Guest) -> None:
    """Two beside each other and linked, on one panel with a divider, in turn; then the row and the retina."""
    guest.point("right", AWAY)
    side = guest.press("a_click", "right", lambda report: report["layout"] == "pair", "a pair")
    assert side["pair"][:2] == ["side", "mirrored"]
    guest.sees_another("a pair")
    guest.until(lambda report: len(report["placed"]) == 2, "both")
    guest.points("right", beside(middle(guest.now, 0), 0.1))
    guest.sticks(0.0, 1.0)
    linked = guest.until(lambda report: min(zoom(report, 0), zoom(report, 1)) > 2.5, "both zoomed by their link")
    guest.sticks(0.0, 0.0)
    guest.holds("right", trigger=1.0)
    guest.points("right", beside(middle(guest.now, 0), 0.25, 0.1))
    guest.until(lambda report: report["images"][0][0] < linked["images"][0][0] - 0.03, "a drag")
    guest.holds("right", trigger=0.0)
    assert guest.now["images"][1][0] > linked["images"][1][0] + 0.02  # mirrored
    guest.press("b_click", "left", lambda report: zoom(report, 0) == zoom(report, 1) == 1.0, "both whole")

    guest.press("a_click", "right", lambda report: report["pair"] and report["pair"][0] == "swipe", "a swipe")
    guest.sees_another("a swipe")
    guest.points("right", np.array([0.0, -0.4, -2.0]))
    guest.holds("right", trigger=1.0)
    guest.points("right", np.array([0.4, -0.4, -2.0]))
    guest.until(lambda report: report["pair"][2] > 0.65, "the divider aside")
    guest.holds("right", trigger=0.0)
    assert guest.now["pair"][2] == pytest.approx(
        guest.now["rays"][-1][0][0] / guest.now["placed"]["0"][3] + 0.5, abs=0.02
    )
    guest.sees_another("the divider aside")

    guest.press("a_click", "right", lambda report: report["pair"] and report["pair"][0] == "blink", "a blink")
    for shown in ("0", "1", "0"):
        guest.until(lambda report, shown=shown: list(report["placed"]) == [shown], f"photograph {shown} in its turn")
    guest.sees_another("one of two in turn")
    guest.points("right", AHEAD)
    guest.holds("right", trigger=1.0)
    kept = list(guest.frame()["placed"])
    for _ in range(3):
        guest.sees_another("", -1.0)
        assert list(guest.frame()["placed"]) == kept
    guest.holds("right", trigger=0.0)

    guest.point("right", AWAY)
    guest.press("a_click", "right", lambda report: report["layout"] == "row" and len(report["placed"]) > 2, "a row")
    guest.sees_another("a row")
    guest.hand("left", a_click=True)
    guest.until(lambda report: report["front"] != kept, "the next")
    guest.hand("left", a_click=False)
    guest.press("a_click", "right", lambda report: report["layout"] == "wall", "the wall")
    guest.press("a_click", "right", lambda report: report["layout"] == "retina", "the retina")
    guest.sees_another("the retina")
    guest.points("right", np.array([0.4, 0.1, -2.0]))
    guest.sticks(0.0, 1.0)
    inside = guest.until(lambda report: zoom(report) > 1.8, "a zoom on the retina")
    guest.sticks(0.0, 0.0)
    guest.holds("right", trigger=1.0)
    guest.points("right", np.array([0.1, 0.0, -2.0]))
    guest.until(lambda report: not _near(report, inside), "a drag on it")
    guest.holds("right", trigger=0.0)
    guest.sees_another("zoomed in on the retina")
    guest.press("b_click", "left", lambda report: zoom(report) == 1.0, "the whole again")
    guest.point("right", AWAY)
    guest.press("a_click", "right", lambda report: report["layout"] == "one", "one photograph")


def panel(guest: Guest) -> None:
    """Every page of the control panel, each of its controls pressed by the ray."""
    guest.point("left", AWAY, LEFT_HAND)
    guest.taps("open", lambda report: report["open"])
    guest.sees_another("the panel")

    guest.pages("View")
    guest.taps("Layout: Pair", lambda report: report["layout"] == "pair")
    for name in ("side", "swipe", "blink", "side"):
        guest.taps(f"Compare: {name.capitalize()}", lambda report, name=name: report["pair"][0] == name)
    for name in ("off", "same", "mirrored"):
        guest.taps(f"Link: {name.capitalize()}", lambda report, name=name: report["pair"][1] == name)
    guest.taps("Layout: Row", lambda report: report["layout"] == "row")
    guest.taps("Layout: Wall", lambda report: report["layout"] == "wall")
    before = guest.now["field"]
    guest.slides("Field", 0.03, lambda report: report["field"] > before + 2)
    guest.taps("Layout: Eye", lambda report: report["layout"] == "retina")
    guest.taps("Undo", lambda report: report["layout"] == "wall")
    guest.taps("Layout: One", lambda report: report["layout"] == "one")
    guest.taps("Show: Original", lambda report: report["finest"] == 0)
    guest.taps("Show: AI", lambda report: report["finest"] == 3)
    for level in (1, 2, 3):
        guest.taps(f"AI up to: x{1 << level}", lambda report, level=level: report["finest"] == level)
    guest.taps("Invented: Colour", lambda report: report["invention"])
    guest.taps("Invented: Hide", lambda report: not report["invention"])
    guest.taps("Whole image", lambda report: zoom(report) == 1.0)
    networks(guest)
    guest.taps("Room", lambda report: not report["room"])
    guest.sees_another("no floor", 0.02)
    guest.taps("Room", lambda report: report["room"])
    guest.taps("Screenshot", lambda report: any("Screenshot saved" in line for line in report["said"]))
    guest.taps("Record tour", lambda report: report["recording"])
    guest.taps("Record tour", lambda report: not report["recording"])
    assert any("tour" in line.lower() for line in guest.now["said"])

    guest.pages("Images")
    guest.taps("image 1", lambda report: report["front"] == 1)
    guest.taps("more ›", lambda report: "image 6" in report["targets"] or "image 7" in report["targets"])
    guest.taps("‹ back", lambda report: "image 0" in report["targets"])
    guest.taps("Next image", lambda report: report["front"] == 2)
    guest.taps("Previous image", lambda report: report["front"] == 1)
    guest.taps("image 0", lambda report: report["front"] == 0)

    guest.pages("Adjust")
    for name in ("Red-free", "Red", "Blue"):
        guest.taps(f"Channel: {name}", lambda report, name=name: report["look"]["channel"].startswith(name.lower()))
        wait_until(guest.sees_grey, f"{name} as grey", PATIENCE)
    guest.taps("Channel: Colour", lambda report: report["look"]["channel"] == "colour")
    for name, still in {"Brightness": 0.0, "Contrast": 1.0, "Gamma": 1.0, "Local": 0.0}.items():
        field = name.lower()
        guest.slides(name, 0.04, lambda report, field=field, still=still: report["look"][field] > still + 0.05)
        guest.sees_another(name, 0.3)
    guest.taps("As photographed", lambda report: report["look"]["contrast"] == 1.0 and report["look"]["local"] == 0.0)
    guest.sees_another("as photographed")

    guest.pages("Regions")
    known = len(guest.now["regions"])
    guest.taps("Mark this view", lambda report: len(report["regions"]) == known + 1)
    guest.taps("Lesion", lambda report: "lesion" in report["regions"])
    guest.taps("Next region", lambda report: zoom(report) > 1.0)
    guest.taps("Blink with original", lambda report: report["original"])
    guest.until(lambda report: not report["original"], "the other in turn")
    guest.until(lambda report: report["original"], "the original in turn")
    guest.taps("Stop blinking", lambda report: not report["original"])
    guest.taps("Export", lambda report: any("Exporting" in line for line in report["said"]))
    guest.until(lambda report: any("Region exported" in line for line in report["said"]), "the exported region")
    guest.taps("Mark by dragging", lambda report: report["armed"])
    guest.taps("Cancel marking", lambda report: not report["armed"])
    guest.taps("Delete", lambda report: len(report["regions"]) == known)
    guest.pages("Help")
    guest.sees_another("what the buttons do")
    guest.taps("What this program is", lambda report: "What the buttons do" in report["targets"])
    guest.sees_another("what the program is")
    guest.taps("close", lambda report: not report["open"])


def networks(guest: Guest) -> None:
    """Another network, and the dial from fidelity to texture: from then on each computes what is looked at."""
    front = guest.now["front"]
    guest.key("j", lambda report: zoom(report) > 1.5, "the way to a region")
    for model in ("srcnn", "rdb-lite"):
        guest.taps(f"Network: {model}", lambda report, model=model: report["model"] == model)
        guest.until(lambda report: report["sharp"] and report["scale"] > 1, f"tiles of {model}")
        guest.sees_another(f"what {model} computes", 0.02)
    guest.slides("Texture", 0.01, lambda report: True)
    guest.until(lambda report: report["model"].startswith("rdb-lite+rdb-lite-gan@"), "a place on the dial")
    guest.until(lambda report: report["sharp"] and report["scale"] > 1, "tiles of both stages")
    guest.sees_another("with some texture", 0.02)
    guest.taps("Network: rdb-lite", lambda report: report["model"] == "rdb-lite")
    guest.taps("Whole image", lambda report: zoom(report) == 1.0)
    assert guest.now["front"] == front


def stand_in_weights(folder: Path) -> Path:
    """The bundled weights, and beside them such as make up a second network, by chance, and the dial's other end at all
    scales: those of the first end, moved a little."""
    folder.mkdir()
    for path in asset_path("weights").iterdir():
        (folder / path.name).symlink_to(path)
    for scale in zoo.SCALES:
        torch.manual_seed(scale)
        save_file(zoo.network_config("srcnn", scale).build().state_dict(), folder / f"srcnn-x{scale}.safetensors")
        texture = folder / f"rdb-lite-gan-x{scale}.safetensors"
        if not texture.exists():
            fidelity = load_file(folder / f"rdb-lite-x{scale}.safetensors")
            save_file({name: values * 1.05 for name, values in fidelity.items()}, texture)
    return folder


def surroundings(guest: Guest) -> None:
    """Recentred by the program's own key, and by the runtime; and the floor where the runtime has it."""
    guest.point("right", AWAY)
    guest.point("left", AWAY)
    guest.headset.update(head=RemotePose((0.0, 0.2, 0.0, 0.98), (0.3, FLOOR + 0.1, 0.2)))
    guest.until(lambda report: report["head"] and report["head"][0] > 0.25, "the head elsewhere")
    guest.sees_another("the room from elsewhere")
    guest.key("z", lambda report: report["head"] and np.abs(report["head"]).max() < 1e-3, "recentred")
    assert guest.now["floor"] == pytest.approx(-FLOOR - 0.1, abs=0.01)
    guest.sees_another("the scene ahead")
    guest.headset.update(head=RemotePose(position=(0.0, FLOOR, 0.0)))
    guest.until(lambda report: report["head"] and abs(report["head"][0]) > 0.1, "the head elsewhere again")
    subprocess.run(["monado-ctl", "-c"], env=guest.service.env, check=True)
    guest.until(lambda report: report["head"] and np.abs(report["head"][::2]).max() < 1e-3, "recentred by the runtime")


def keys_of_the_window(guest: Guest) -> None:
    """What the window shows, and what its keys do besides."""
    for kind in ("right", "both", "spectator", "lecture", "left"):
        guest.key("m", lambda report, kind=kind: report["mirror"] == kind, kind)
        guest.until(lambda report: True, "a frame")
    guest.key("f", lambda report: not report["room"], "no room")
    guest.key("f", lambda report: report["room"], "the room")
    guest.key("g", lambda report: report["look"]["channel"] == "red-free", "red-free")
    guest.key("d", lambda report: report["look"]["local"] > 0, "local contrast")
    guest.key("period", lambda report: report["look"]["contrast"] > 1, "contrast")
    guest.key("a", lambda report: report["look"]["channel"] == "colour", "as photographed")
    guest.key("h", lambda report: True, "help")
    guest.key("h", lambda report: True, "no help")
    guest.key("space", lambda report: report["open"], "the panel")
    guest.key("space", lambda report: not report["open"], "no panel")


@contextmanager
def received(screen: Xvfb, folder: Path, words: Sequence[object]) -> Iterator[Guest]:
    """A guest in a headset without pictures of its own, who leaves by Ctrl+Q; both layers listen, and have nothing to
    say."""
    with (
        MonadoService(compositor="null", devices="remote", display=screen.name) as service,
        RemoteHeadset(service.port) as headset,
        Client(
            service.env | validation_env(folder) | {"OMP_NUM_THREADS": "1"},
            *map(str, words),
            module="tests.helpers.xr_tour_client",
            cwd=folder,
        ) as client,
    ):
        guest = Guest(client, service, headset, screen, folder)
        guest.until(lambda report: report["ready"] and report["state"] == "FOCUSED", "the wall", PATIENCE)
        yield guest
        guest.visit.key("ctrl+q")
        assert client.wait() == 0, client.errors()
    assert validation_messages(folder) == []


def test_the_smallest_controller_reaches_everything_through_the_panel(
    screen: Xvfb, clinic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """khr/simple_controller has a select and a menu button, and no stick: link, comparison, adjustments, turning back,
    the overlay, undo and the whole image are pressed on the panel, which its handle opens."""
    monkeypatch.setenv(SCALE, "20")
    words = ("--profiles", "simple", "--", "view", "--mode", "xr", clinic, "--no-prefetch", "--layers", "off")
    with received(screen, tmp_path, words) as guest:
        guest.point("left", AWAY, LEFT_HAND)
        guest.taps("open", lambda report: report["open"])
        guest.pages("Images")
        guest.taps("Next page", lambda report: report["page"] == 1)
        guest.taps("Previous page", lambda report: report["page"] == 0)
        guest.pages("View")
        guest.taps("Layout: One", lambda report: report["layout"] == "one")
        guest.pages("Images")
        guest.taps("Previous image", lambda report: report["front"] == CLINIC - 1)
        guest.taps("Next image", lambda report: report["front"] == 0)
        guest.pages("View")
        guest.taps("Layout: Pair", lambda report: report["layout"] == "pair")
        for name in ("off", "same", "mirrored"):
            guest.taps(f"Link: {name.capitalize()}", lambda report, name=name: report["pair"][1] == name)
        guest.taps("Compare: Swipe", lambda report: report["pair"][0] == "swipe")
        guest.taps("Compare: Side", lambda report: report["pair"][0] == "side")
        guest.pages("Images")
        guest.taps("Next pair", lambda report: list(report["placed"]) == ["2", "3"])
        guest.taps("Previous pair", lambda report: list(report["placed"]) == ["0", "1"])
        guest.pages("View")
        guest.taps("Invented: Colour", lambda report: report["invention"])
        guest.taps("Layout: One", lambda report: report["layout"] == "one")
        guest.taps("Undo", lambda report: report["layout"] == "pair")
        guest.pages("Adjust")
        guest.taps("Channel: Red-free", lambda report: report["look"]["channel"] == "red-free")
        guest.slides("Contrast", 0.04, lambda report: report["look"]["contrast"] > 1.1)
        guest.taps("As photographed", lambda report: report["look"]["channel"] == "colour")
        guest.pages("Regions")
        guest.taps("Mark by dragging", lambda report: report["armed"])
        guest.taps("Cancel marking", lambda report: not report["armed"])
        guest.taps("Mark this view", lambda report: len(report["regions"]) == 1)
        guest.taps("close", lambda report: not report["open"])

        # What its own two buttons do: a tap of the left menu leads on, of the right one too, and a push zooms.
        def tapped(side: str, wanted: Callable[[dict], object]) -> Callable[[], bool]:
            def done() -> bool:
                guest.hand(side, b_click=True)
                guest.until(lambda report: True, "a frame")
                guest.hand(side, b_click=False)
                return any(wanted(guest.frame()) for _ in range(6))

            return done

        before = guest.now["pair"]
        wait_until(tapped("left", lambda report: report["pair"] != before), "the next layout", PATIENCE)
        front = guest.frame()["front"]
        wait_until(tapped("right", lambda report: report["front"] != front), "the next image", PATIENCE)


BESIDE = np.array([0.0, 2.5, -1.0])
"""Above every photograph."""


def test_bare_hands_reach_everything_by_pinching_and_grasping(
    screen: Xvfb, clinic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Monado's remote hands hold controllers, whose trigger and grip stand for a pinch and a grasp."""
    monkeypatch.setenv(SCALE, "20")
    words = ("--bare-hands", "--", "view", "--mode", "xr", clinic, "--no-prefetch", "--layers", "on")
    with received(screen, tmp_path, words) as guest:
        for page in (1, 0):
            guest.grasps("right", lambda report, page=page: report["page"] == page, "the next page")
        guest.points("right", middle(guest.frame(), 0))
        guest.taps_twice(lambda report: report["layout"] == "one" and report["front"] == 0, "one photograph")
        guest.grasps("left", lambda report: report["layout"] == "pair", "the next layout")

        # A pinch drags, two stretch, a double one beside undoes, a grasp moves the panel.
        guest.until(lambda report: sorted(report["placed"]) == ["0", "1"], "both")
        guest.points("right", beside(middle(guest.now, 0), 0.1))
        guest.point("left", beside(middle(guest.now, 0), -0.1), np.array([-0.1, -0.1, -0.1]))
        guest.holds("left", trigger=1.0)
        guest.holds("right", trigger=1.0)
        guest.points("left", beside(middle(guest.now, 0), -0.3))
        guest.points("right", beside(middle(guest.now, 0), 0.3))
        stretched = guest.until(lambda report: zoom(report, 0) > 2.0, "the stretch")
        guest.holds("left", trigger=0.0)
        guest.points("right", beside(middle(guest.now, 0), 0.1, 0.1))
        guest.until(lambda report: report["images"][0][0] > stretched["images"][0][0] + 0.02, "the drag")
        guest.holds("right", trigger=0.0)
        guest.point("left", AWAY, LEFT_HAND)
        guest.points("right", BESIDE)
        guest.taps_twice(lambda report: zoom(report, 0) == 1.0, "undone")
        place = np.array(guest.now["placed"]["0"])
        guest.points("right", place[:3])
        guest.holds("right", squeeze=1.0)
        guest.point("right", beside(place[:3], 0.0, 0.0, 0.3), beside(RIGHT_HAND, 0.0, 0.0, 0.3))
        guest.until(lambda report: report["placed"]["0"][2] > place[2] + 0.2, "the panel nearer")
        guest.holds("right", squeeze=0.0)
        guest.point("right", BESIDE, RIGHT_HAND)

        # What is left, by the panel: a region, marked by a pinch.
        guest.taps("open", lambda report: report["open"])
        guest.pages("Regions")
        guest.taps("Mark by dragging", lambda report: report["armed"])
        spot = middle(guest.frame(), 1)
        guest.points("right", spot)
        guest.holds("right", trigger=1.0)
        guest.points("right", beside(spot, 0.2, -0.2))
        guest.holds("right", trigger=0.0)
        guest.until(lambda report: len(report["regions"]) == 1, "a region")
        guest.taps("close", lambda report: not report["open"])
