"""Layouts in a headset: with the buttons and the trigger of a controller, and what the eyes are shown."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.assets import asset_path
from tests.rig import MonadoService, RemoteHeadset, Xvfb, validation_env, validation_messages, wait_until
from tests.rig import Pose as RemotePose
from tests.test_xr_viewer import PATIENCE, Program
from tests.visit import Visit
from vr_app.core import layout

pytestmark = pytest.mark.xr

COUNT = 14
FLOOR = 1.6
"""Metres from the remote headset's floor to the height that the program counts from."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pieces of the bundled photograph, two pages of them."""
    made = tmp_path / "clinic"
    made.mkdir()
    with Image.open(asset_path("demo", "retina.jpg")) as full:
        for n in range(COUNT):
            full.convert("RGB").crop((60 * n, 500, 60 * n + 160, 660)).save(made / f"{n:02}.png")
    return made


def names(about: dict) -> list[str]:
    return [surface["photograph"] for surface in about["surfaces"]]


def test_layouts_pages_pairs_and_the_divider(screen: Xvfb, folder: Path, tmp_path: Path) -> None:
    with (
        MonadoService(compositor="null", devices="remote", display=screen.name) as service,
        RemoteHeadset(service.port) as headset,
        Program(service, tmp_path, folder, "--no-prefetch", **validation_env(tmp_path)) as program,
    ):
        visit = Visit(program.process, screen.name, tmp_path)
        hand = Hand(visit, headset)

        def shows(kind: str, compare: str | None = None) -> dict:
            return visit.until(
                lambda about: (about["layout"], about["compare"]) == (kind, compare), f"{kind} {compare}"
            )

        first = visit.until(lambda about: len(about["surfaces"]) == layout.PAGE, "the wall's first page")
        assert first["layout"] == "wall"
        assert names(first) == [f"{n:02}.png" for n in range(layout.PAGE)]

        # Flicked to the side, and back; the button that each controller has turns round.
        hand.flick(1.0)
        rest = visit.until(lambda about: names(about) == ["12.png", "13.png"], "the second page")
        assert rest["layout"] == "wall"
        hand.flick(-1.0)
        visit.until(lambda about: names(about) == names(first), "the first page again")

        # A double trigger takes a photograph from the wall.
        hand.point(layout.wall([(160, 160)] * COUNT, 0)[6].pose.position)
        wait_until(lambda: hand.double_press() or visit.look()["layout"] == "one", "one photograph", PATIENCE)
        assert names(visit.look()) == ["06.png"]

        # The button leads through the layouts: the pair, and each way of comparing it.
        hand.press("a_click")
        assert names(shows("pair", "side")) == ["06.png", "07.png"]
        hand.press("a_click")
        swipe = shows("pair", "swipe")
        left, right = (surface["geometry"]["window"] for surface in swipe["surfaces"])
        assert (left[2], right[0]) == (0.0, 0.0)

        # The divider comes along with the trigger.
        panel = layout.alone((160, 160))
        hand.point(panel.point(np.array([0.0, 0.3])))
        hand.right(trigger=1.0, trigger_click=True)
        time.sleep(0.4)  # the hand closes before it moves
        hand.point(panel.point(np.array([0.25, 0.3])))
        moved = visit.until(lambda about: about["surfaces"][0]["geometry"]["window"][2] > 0.2, "the divider moved")
        assert moved["surfaces"][0]["geometry"]["window"][2] == pytest.approx(0.25, abs=0.02)
        hand.right(trigger=0.0, trigger_click=False)

        hand.press("a_click")
        assert len(shows("pair", "blink")["surfaces"]) == 1
        hand.press("a_click")
        shows("row")
        hand.press("a_click")
        shows("wall")
        hand.press("a_click")
        shows("retina")
        visit.key("Escape")
        program.ends_well()
    assert validation_messages(tmp_path) == []


class Hand:
    """The right one, at shoulder height."""

    def __init__(self, visit: Visit, headset: RemoteHeadset) -> None:
        self.right = headset.right
        self._visit = visit
        headset.left(pose=RemotePose((0.0, 0.0, 0.0, 1.0), (-3.0, 0.2, 0.0)))
        self.point((0.0, 0.0, 2.0))

    def point(self, target: tuple[float, float, float] | np.ndarray) -> None:
        """At a point of the world, from beside the head."""
        x, y, z = np.asarray(target) - (0.2, 0.0, 0.0)
        yaw, pitch = math.atan2(-x, -z), math.atan2(y, math.hypot(x, z))
        a, b, c, d = math.sin(yaw / 2), math.cos(yaw / 2), math.sin(pitch / 2), math.cos(pitch / 2)
        self.right(pose=RemotePose((b * c, a * d, -a * c, b * d), (0.2, FLOOR, 0.0)))

    def press(self, button: str) -> None:
        self.right(**{button: True})
        time.sleep(0.4)  # a press is a length of time
        self.right(**{button: False})

    def flick(self, aside: float) -> None:
        self.right(thumbstick=(aside, 0.0))
        time.sleep(0.4)
        self.right(thumbstick=(0.0, 0.0))

    def double_press(self) -> None:
        for pressed in (1.0, 0.0, 1.0, 0.0):
            self.right(trigger=pressed, trigger_click=bool(pressed))
            time.sleep(0.12)
