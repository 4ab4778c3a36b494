"""The window on a real X screen in memory, with a mouse and a keyboard that xdotool moves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.rig import PATIENCE, Xvfb, grab_window, wait_until
from vr_app.core.hands.keys import BINDINGS
from vr_app.core.view.desk import HALF

TITLE = "FundusXR test"
MISSING = [program for program in ("Xvfb", "xdotool", "xwininfo") if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}: run scripts/test.sh")


class Client:
    """`tests.helpers.gl_window_client` on a screen of its own, and what it has said so far."""

    def __init__(self, screen: Xvfb, picture: Path) -> None:
        self.screen = screen
        self.env = {**os.environ, "DISPLAY": screen.name, "XDG_SESSION_TYPE": "x11"}
        command = [sys.executable, "-m", "tests.helpers.gl_window_client", str(picture)]
        self.process = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, text=True)
        self.said: list[dict] = []
        threading.Thread(target=self._listen, daemon=True).start()
        self.wait_for(lambda said: "size" in said, "its first frame")
        self.window = self.do("search", "--name", TITLE).split()[0]
        self.do("windowfocus", "--sync", self.window)

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.said.append(json.loads(line))

    def do(self, *arguments: str) -> str:
        """What xdotool answers."""
        return subprocess.run(["xdotool", *arguments], env=self.env, check=True, capture_output=True, text=True).stdout

    def wait_for(self, wanted: Callable[[dict], bool], what: str, since: int = 0) -> dict:
        """The first line since the given one that fits."""
        return wait_until(lambda: next(filter(wanted, self.said[since:]), None), what)

    def after(self, *arguments: str, wanted: Callable[[dict], bool]) -> dict:
        """Move the mouse or press a key; the first answer to it that fits."""
        count = len(self.said)
        self.do(*arguments)
        return self.wait_for(wanted, f"the answer to xdotool {' '.join(arguments)}", count)


@pytest.fixture
def client(screen: Xvfb, tmp_path: Path) -> Iterator[Client]:
    client = Client(screen, tmp_path / "picture.npy")
    yield client
    client.process.terminate()
    client.process.wait(PATIENCE)
    client.process.stdout.close()


@pytest.fixture
def keyboard(screen: Xvfb) -> Iterator[Callable[[str], None]]:
    """Give the screen another keyboard layout; it is a US one again afterwards."""

    def has(layout: str) -> None:
        subprocess.run(["setxkbmap", "-display", screen.name, layout], check=True)

    yield has
    has("us")


def hand(said: dict) -> dict:
    return said["sample"]["hands"][0]


def test_window_shows_the_picture_and_hears_mouse_and_keys(client: Client, tmp_path: Path) -> None:
    assert client.said[0]["runtime"] == "desktop"
    assert client.said[0]["system"] == "X11"

    # The cursor's ray passes through the cursor's pixel.
    pointing = client.after(
        "mousemove", "--window", client.window, "240", "60", wanted=lambda said: (hand(said)["aim"] or {}) != {}
    )
    x, y, z = hand(pointing)["aim"]["direction"]
    half = HALF
    assert -x / z / half == pytest.approx((240 - 160) / 120, abs=0.02)
    assert -y / z / half == pytest.approx((120 - 60) / 120, abs=0.02)

    assert client.after("mousedown", "1", wanted=lambda said: hand(said)["trigger"] == 1.0)
    assert client.after("mouseup", "1", wanted=lambda said: hand(said)["trigger"] == 0.0)
    assert client.after("mousedown", "2", wanted=lambda said: hand(said)["trigger"] == 1.0 and hand(said)["drags"])
    assert client.after("mouseup", "2", wanted=lambda said: hand(said)["trigger"] == 0.0 and not hand(said)["drags"])
    assert client.after("click", "4", wanted=lambda said: hand(said)["zoom_steps"] == 0.25)
    assert client.after("click", "5", wanted=lambda said: hand(said)["zoom_steps"] == -0.25)
    for key in ("s", "Tab"):
        assert client.after("key", key, wanted=lambda said: said["asked"] == ["SwitchSurface"])
    assert client.after("keydown", "o", wanted=lambda said: said["sample"]["original"])
    assert client.after("keyup", "o", wanted=lambda said: not said["sample"]["original"])
    for key in ("n", "Right", "Next", "Left", "Prior"):
        assert client.after("key", key, wanted=lambda said: said["asked"] == ["NextImage"])
    for key in ("plus", "equal", "minus", "KP_Add", "KP_Subtract"):
        assert client.after("key", key, wanted=lambda said: said["asked"] == ["Zoom"])
    for key in ("y", "ctrl+1"):
        assert client.after("key", key, wanted=lambda said: said["asked"] == ["ShowPixels"])
    for key in ("Home", "0", "ctrl+0"):
        assert client.after("key", key, wanted=lambda said: said["asked"] == ["ResetView"])
    assert client.after("key", "r", wanted=lambda said: said["asked"] == ["RecordTour"])
    for key in ("h", "F1"):
        assert client.after("key", key, wanted=lambda said: said["asked"] == ["ShowHelp"])

    # On the screen are the bytes that were drawn, also after the window has changed its size.
    client.after("windowsize", client.window, "400", "280", wanted=lambda said: said["size"] == [400, 280])
    client.after("key", "p", wanted=lambda said: said["asked"] == ["TakeScreenshot"])
    saved = tmp_path / "picture.npy"
    wait_until(saved.exists, "the saved picture")
    picture = np.load(saved)
    assert picture.shape == (280, 400, 3)

    def on_screen() -> bool:
        return np.array_equal(grab_window(client.screen.name, TITLE), picture)

    wait_until(on_screen, "the drawn bytes on the screen")
    assert picture[140, 200, 0] > 100

    client.do("key", "ctrl+q")
    assert client.process.wait(PATIENCE) == 0


def test_a_drag_that_is_over_before_the_next_frame_begins_and_ends_where_the_button_did(client: Client) -> None:
    places = (100, 60), (213, 97), (300, 200)
    before = len(client.said)
    chain = [["mousemove", "--window", client.window, *map(str, place)] for place in places]
    client.do(*chain[0], "mousedown", "1", *chain[1], "mouseup", "1", *chain[2])

    def cursor(said: dict) -> tuple[float, ...] | None:
        """The cursor's pixel, by its ray."""
        aim = hand(said)["aim"]
        if not aim:
            return None
        x, y, z = aim["direction"]
        return 160 - 120 * x / z / HALF, 120 + 120 * y / z / HALF

    client.wait_for(lambda said: cursor(said) == pytest.approx(places[2], abs=0.01), "the last place", before)
    samples = client.said[before:]
    down = [cursor(said) for said in samples if hand(said)["trigger"] == 1.0]
    assert down[0] == pytest.approx(places[0], abs=0.01)
    assert down[-1] == pytest.approx(places[1], abs=0.01)
    last = max(i for i, said in enumerate(samples) if hand(said)["trigger"] == 1.0)
    assert cursor(samples[last + 1]) == pytest.approx(places[1], abs=0.01)


def test_control_and_q_end_it_and_neither_of_q_and_escape_does(client: Client) -> None:
    assert client.after("key", "Escape", wanted=lambda said: said["asked"] == ["GoBack"])
    assert client.after("key", "q", wanted=lambda said: said["sample"]["keys"] == ["q"])
    assert client.process.poll() is None
    client.do("key", "ctrl+q")
    assert client.process.wait(PATIENCE) == 0


A_PLACE, Q_PLACE, S_PLACE, Z_PLACE, O_PLACE, W_PLACE, ONE, SIX = "38", "24", "39", "52", "32", "25", "10", "15"
"""X's key codes, which are places: xdotool presses those keys, whatever they print."""


@pytest.mark.skipif(shutil.which("setxkbmap") is None, reason="needs setxkbmap: run scripts/test.sh")
def test_keys_of_a_russian_keyboard_count_by_their_place(client: Client, keyboard: Callable[[str], None]) -> None:
    keyboard("ru")
    assert client.after("key", S_PLACE, wanted=lambda said: said["asked"] == ["SwitchSurface"])
    assert client.after("key", ONE, wanted=lambda said: said["asked"] == ["GoToRegion"])
    assert client.after("key", f"ctrl+{Z_PLACE}", wanted=lambda said: said["asked"] == ["Undo"])
    assert client.after("keydown", O_PLACE, wanted=lambda said: said["sample"]["original"])
    keyboard("us")  # a key is let go as it was pressed, though its letter has become another
    assert client.after("keyup", O_PLACE, wanted=lambda said: not said["sample"]["original"])
    assert client.after("key", A_PLACE, wanted=lambda said: said["sample"]["keys"] == ["a"])
    keyboard("ru")
    client.do("key", f"ctrl+{Q_PLACE}")
    assert client.process.wait(PATIENCE) == 0


@pytest.mark.skipif(shutil.which("setxkbmap") is None, reason="needs setxkbmap: run scripts/test.sh")
@pytest.mark.parametrize("layout", ["ru", "gr", "fr"])
def test_every_key_of_the_help_works_on_other_keyboards(
    client: Client, keyboard: Callable[[str], None], layout: str
) -> None:
    """All places of signs are pressed, and that of the 6, which a French keyboard types with Shift, with Shift too."""
    keyboard(layout)
    places = (*range(10, 22), *range(24, 36), *range(38, 50), *range(51, 62))
    count = len(client.said)
    client.do("key", "--delay", "40", *map(str, places), f"shift+{SIX}")
    rows = [row.keys for row in BINDINGS if any(len(key) == 1 for key in row.keys)]

    def unheard() -> list[tuple[str, ...]]:
        heard = {key for said in client.said[count:] if "sample" in said for key in said["sample"]["keys"]}
        return [keys for keys in rows if heard.isdisjoint(keys)]

    wait_until(lambda: not unheard(), f"{len(rows)} keys of the help", PATIENCE)


@pytest.mark.skipif(shutil.which("setxkbmap") is None, reason="needs setxkbmap: run scripts/test.sh")
def test_of_a_french_keyboard_letters_count_as_printed(client: Client, keyboard: Callable[[str], None]) -> None:
    keyboard("fr")
    assert client.after("key", Q_PLACE, wanted=lambda said: said["sample"]["keys"] == ["a"])
    assert client.after("key", W_PLACE, wanted=lambda said: said["asked"] == ["Recentre"])
    assert client.after("key", f"ctrl+{W_PLACE}", wanted=lambda said: said["asked"] == ["Undo"])
    assert client.after("key", ONE, wanted=lambda said: said["sample"]["keys"] == ["1"])
    assert client.after("key", SIX, wanted=lambda said: said["sample"]["keys"] == ["-"])
    assert client.after("key", f"shift+{SIX}", wanted=lambda said: "6" in said["sample"]["keys"])
    client.do("key", f"ctrl+{A_PLACE}")  # prints Q
    assert client.process.wait(PATIENCE) == 0
