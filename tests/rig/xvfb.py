"""A screen in memory, and captures of what is on it."""

from __future__ import annotations

import os
import random
import re
import select
import subprocess
import time
from types import TracebackType
from typing import Self

import numpy as np
from PIL import ImageGrab

from tests.rig.wait import PATIENCE, wait_until


class Xvfb:
    """An X server of 24-bit depth without a screen, on a free display, for the length of a `with` block.

    `name` is the display (":12345"). Width and height are in pixels.
    """

    def __init__(self, width: int = 1920, height: int = 1200) -> None:
        self._size = (width, height)
        self._process: subprocess.Popen[bytes] | None = None
        self.name = ""

    def __enter__(self) -> Self:
        for _ in range(5):
            if self._start(random.randrange(1000, 60000)):
                return self
        raise RuntimeError("Xvfb does not start on any of five displays")

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.kill()
        self._process.wait()

    def _start(self, number: int) -> bool:
        # A display drawn at random, since rigs that run side by side share /tmp but do not see each other's processes:
        # Xvfb's own search would take another rig's lock for a dead server's.
        if os.path.exists(f"/tmp/.X{number}-lock") or os.path.exists(f"/tmp/.X11-unix/X{number}"):
            return False
        width, height = self._size
        readable, writable = os.pipe()
        try:
            self._process = subprocess.Popen(
                [
                    "Xvfb",
                    f":{number}",
                    "-screen",
                    "0",
                    f"{width}x{height}x24",
                    "-nolisten",
                    "tcp",
                    "-noreset",
                    "-displayfd",
                    str(writable),
                ],
                pass_fds=(writable,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            os.close(writable)
            writable = -1
            # Xvfb writes its number, then a line feed, once it accepts clients, and dies of a pipe closed between the
            # two; if it does not start, the pipe ends without them.
            answer = b""
            while not answer.endswith(b"\n") and select.select([readable], [], [], PATIENCE)[0]:
                part = os.read(readable, 16)
                if not part:
                    break
                answer += part
        finally:
            os.close(readable)
            if writable >= 0:
                os.close(writable)
        if not answer.endswith(b"\n"):
            self.__exit__(None, None, None)
            return False
        self.name = f":{number}"
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        self._process.terminate()  # Xvfb removes its socket and lock file on SIGTERM
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


PAUSE_S = 0.15
"""Three frames of a headset."""


def grab_window(display: str, title: str = "Monado", timeout_s: float = PATIENCE) -> np.ndarray:
    """Return what the window called `title` shows on `display`: uint8, (height, width, 3), RGB, sRGB-encoded as
    displayed. What a program shows may stand before its name in the title, as in "eye.jpg - FundusXR".

    Waits for the window and brings it to the front, since an X server without a compositor keeps nothing of covered
    windows; a caller who waits for a certain picture polls, and each call pauses first, or polling would take the
    processor from the program that draws. Raises `TimeoutError` without such a window.
    """
    time.sleep(PAUSE_S)

    def find() -> str:
        search = ["xdotool", "search", "--onlyvisible", "--name", f"(^| - ){re.escape(title)}$"]
        env = {**os.environ, "DISPLAY": display}
        windows = subprocess.run(search, env=env, capture_output=True, text=True, check=False).stdout.split()
        if not windows:
            return ""
        command = ["xwininfo", "-display", display, "-id", windows[-1]]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return found.stdout if "IsViewable" in found.stdout else ""

    info = wait_until(find, f'a window "{title}" on display {display}', timeout_s)
    window = re.search(r"Window id: (0x[0-9a-f]+)", info)
    left, top, width, height = (
        int(re.search(rf"{field}:\s+(-?\d+)", info)[1])
        for field in ("Absolute upper-left X", "Absolute upper-left Y", "Width", "Height")
    )
    subprocess.run(["xdotool", "windowraise", window[1]], env={**os.environ, "DISPLAY": display}, check=True)
    picture = ImageGrab.grab((left, top, left + width, top + height), xdisplay=display)
    return np.asarray(picture.convert("RGB"))
