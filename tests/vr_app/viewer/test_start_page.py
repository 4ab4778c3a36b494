"""The start page in a real window, with mouse and keys: everything that it offers leads to a session."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helpers.visit import Visit
from tests.rig import PATIENCE, Xvfb, wait_until
from tests.vr_app.viewer.test_desktop_viewer import started
from tests.vr_app.viewer.test_opening import dropped, entitled, log, shown, visits  # noqa: F401
from vr_app.core.panel.stand import window_em
from vr_app.files.recent import recent_file, recent_folders, remember_folders
from vr_app.fonts import all_fonts
from vr_app.ui.start import Page, StartInterface

MISSING = [program for program in ("Xvfb", "xdotool", "xprop", "xwininfo") if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}: run scripts/test.sh")

SIZE = (960, 720)


@contextmanager
def beginning(screen: Xvfb, folder: Path) -> Iterator[Visit]:
    """The program as a newcomer starts it, once its page is there."""
    command = [sys.executable, "-m", "vr_app.cli", "view", "--no-prefetch", "--size", f"{SIZE[0]}x{SIZE[1]}"]
    visit = started(command, screen, folder)
    try:
        entitled(visit, "Open photographs")
        yield visit
    finally:
        visit.process.kill()
        visit.process.wait()


def press(visit: Visit, page: Page, control: str, done: Callable[[], bool]) -> None:
    """Click where the page has a control until that has done what it should: a busy machine may miss a click."""
    interface = StartInterface(all_fonts())
    for _ in range(3):  # imgui knows a window's size from its second drawing on
        _, drawn = interface.draw(page, window_em(SIZE[1]), SIZE, None, ())
    interface.close()
    at = map(str, map(round, drawn.targets[control]))
    words = ("mousemove", "--window", visit.window, *at, "sleep", "0.5", "click", "1")

    def attempt() -> bool:
        if not done():
            visit.do(*words, check=False)
        return done()

    wait_until(attempt, control, PATIENCE, interval_s=2.0)


def shows(visit: Visit, title: str) -> Callable[[], bool]:
    return lambda: visit.do("getwindowname", visit.window, check=False).strip() == f"{title} - FundusXR"


def test_keys_lead_to_a_folder_inside_one_that_was_dropped(screen: Xvfb, visits: Path, tmp_path: Path) -> None:  # noqa: F811
    with beginning(screen, tmp_path) as visit:
        dropped(visit, screen, visits)
        wait_until(lambda: "in 2019, 2020 inside it" in log(tmp_path), "the folders inside", PATIENCE)
        for key in ("Tab", "Tab", "Tab", "Right", "Return"):  # two large buttons, then the folders
            visit.key(key)
        entitled(visit, "left.png (1 of 2)")
        about = visit.until(shown("right.png", "left.png"), "the second folder")
        assert about["layout"] == "pair"
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0
    assert recent_folders() == (visits / "2020",)


def test_the_mouse_opens_what_was_opened_last_and_forgets_it(screen: Xvfb, visits: Path, tmp_path: Path) -> None:  # noqa: F811
    remember_folders([visits / "2020" / "left.png", visits / "2019"])
    page = Page(recent_folders(), headset="None: ")
    with beginning(screen, tmp_path) as visit:
        press(visit, page, "folder 1", shows(visit, "a.png (1 of 3)"))
        visit.until(shown("a.png", "b.png", "c.png"), "the second one")
    assert recent_folders() == (visits / "2019", visits / "2020")
    with beginning(screen, tmp_path) as visit:
        press(visit, page, "Forget these folders", lambda: not recent_file().exists())
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0


def test_what_cannot_be_opened_leaves_the_page_and_the_lesson_plays(screen: Xvfb, visits: Path, tmp_path: Path) -> None:  # noqa: F811
    with beginning(screen, tmp_path) as visit:
        dropped(visit, screen, visits / "letter.txt")
        # As long as the file's path is: it takes more than one line of the page.
        (reason,) = wait_until(
            lambda: [line for line in log(tmp_path).splitlines() if "letter.txt: not a JPEG" in line], "why", PATIENCE
        )
        told = Page(told=reason)
        press(visit, told, "A short lesson", shows(visit, "retina.jpg"))
        visit.until(lambda about: about["surfaces"][0]["zoom"] == 10, "the end of the lesson")
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0
    assert recent_folders() == ()


def test_closing_the_window_ends_the_program(screen: Xvfb, tmp_path: Path) -> None:
    with beginning(screen, tmp_path) as visit:
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0
        assert os.listdir(tmp_path) == ["program.log"]


def test_the_window_opens_as_it_was_left(screen: Xvfb, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vr_app.cli", "view", "--no-prefetch"]

    def geometry(visit: Visit) -> list[str]:
        return visit.do("getwindowgeometry", "--shell", visit.window).split()[1:5]

    def opened() -> Visit:
        visit = started(command, screen, tmp_path)
        entitled(visit, "Open photographs")
        return visit

    visit = opened()
    try:
        assert geometry(visit)[2:] == ["WIDTH=1280", "HEIGHT=800"]
        visit.do("windowmove", "--sync", visit.window, "150", "90", "windowsize", "--sync", visit.window, "900", "640")
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0
        visit = opened()
        assert geometry(visit) == ["X=150", "Y=90", "WIDTH=900", "HEIGHT=640"]
    finally:
        visit.process.kill()
        visit.process.wait()


def test_the_window_is_twice_as_large_where_everything_is(tmp_path: Path) -> None:
    with Xvfb(3840, 2400) as screen:
        twice = ("-root", "-f", "RESOURCE_MANAGER", "8s", "-set", "RESOURCE_MANAGER", "Xft.dpi:\t192\n")
        subprocess.run(["xprop", *twice], env={**os.environ, "DISPLAY": screen.name}, check=True)
        visit = started([sys.executable, "-m", "vr_app.cli", "view", "--no-prefetch"], screen, tmp_path)
        try:
            assert visit.do("getwindowgeometry", "--shell", visit.window).split()[3:5] == ["WIDTH=2560", "HEIGHT=1600"]
        finally:
            visit.process.kill()
            visit.process.wait()
