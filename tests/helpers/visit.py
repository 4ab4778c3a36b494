"""A running viewer as its user sees it: keys and mouse through xdotool, and its screenshots."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.rig import PATIENCE, wait_until


class Visit:
    """`fundusxr view` as `process` in `folder`, its window on `display`; its output in program.log there."""

    def __init__(self, process: subprocess.Popen, display: str, folder: Path) -> None:
        self._folder = folder
        self._env = {**os.environ, "DISPLAY": display}
        self.process = process
        self.picture = np.zeros((0, 0, 3), np.uint8)
        """The last screenshot, (H, W, 3); in a headset both eyes' pictures side by side."""
        self.window = wait_until(self._find_window, "the program's window", PATIENCE)

    def _find_window(self) -> str:
        if self.process.poll() is not None:
            raise RuntimeError((self._folder / "program.log").read_text())
        return self.do("search", "--onlyvisible", "--name", "(^| - )FundusXR$", check=False).strip()

    def do(self, *words: str, check: bool = True) -> str:
        """Run xdotool and return its output."""
        done = subprocess.run(
            ["xdotool", *words], env=self._env, check=check, capture_output=True, text=True, timeout=PATIENCE
        )
        return done.stdout

    def key(self, name: str) -> None:
        """Press a key in the window."""
        self.do("windowfocus", "--sync", self.window, "key", name)

    def look(self) -> dict:
        """Take a screenshot once the view rests and everything is sharp; return its description."""
        self.key("p")
        (path,) = wait_until(lambda: sorted(self._folder.glob("fundusxr-*.png")), "a screenshot", PATIENCE)
        with Image.open(path) as picture:
            about = json.loads(picture.text["fundusxr:view"])
            self.picture = np.asarray(picture.convert("RGB"))
        path.unlink()
        return about

    def until(self, wanted: Callable[[dict], bool], what: str) -> dict:
        """Look again and again until the description is as wanted."""

        def look() -> dict | None:
            about = self.look()
            return about if wanted(about) else None

        return wait_until(look, what, PATIENCE)

    def act(self, act: Callable[[], object], wanted: Callable[[dict], bool], what: str) -> dict:
        """Do what needs a rhythm until a machine that is too slow for it has once kept up."""

        def attempt() -> dict | None:
            act()
            about = self.look()
            return about if wanted(about) else None

        return wait_until(attempt, what, PATIENCE)
