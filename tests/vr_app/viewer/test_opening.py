"""Opening photographs while the viewer runs, in a real window: dropped on it, and chosen in the desktop's dialog."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from sr_core.assets import asset_path
from tests.helpers.visit import Visit
from tests.rig import PATIENCE, Xvfb, wait_until
from tests.rig.drop import drop
from tests.vr_app.viewer.test_desktop_viewer import started
from vr_app.ui.dialog import PROGRAMS

MISSING = [program for program in ("Xvfb", "xdotool", "xwininfo") if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}: run scripts/test.sh")


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two folders of pieces of the bundled photograph: `2019` has three, `2020` two."""
    folder = tmp_path_factory.mktemp("visits")
    with Image.open(asset_path("demo", "retina.jpg")) as full:
        for n, name in enumerate(("2019/a.png", "2019/b.png", "2019/c.png", "2020/right.png", "2020/left.png")):
            (folder / name).parent.mkdir(exist_ok=True)
            full.convert("RGB").crop((100 + 90 * n, 450, 400 + 90 * n, 750)).save(folder / name)
    (folder / "letter.txt").write_text("Dear colleague")
    return folder


@contextmanager
def visiting(screen: Xvfb, folder: Path, *words: object) -> Iterator[Visit]:
    command = [sys.executable, "-m", "vr_app.cli", "view", *words, "--mode", "desktop", "--no-prefetch"]
    visit = started([*map(str, command), "--size", "640x480"], screen, folder)
    try:
        yield visit
    finally:
        visit.process.kill()
        visit.process.wait()


def names(about: dict) -> list[str]:
    return [surface["photograph"] for surface in about["surfaces"]]


def shown(*wanted: str) -> Callable[[dict], bool]:
    return lambda about: names(about) == list(wanted)


def log(folder: Path) -> str:
    return (folder / "program.log").read_text()


def entitled(visit: Visit, title: str) -> None:
    """Wait until the window shows what its title then says: a key pressed before would still be the old session's."""
    told = f"{title} - FundusXR"
    wait_until(lambda: visit.do("getwindowname", visit.window, check=False).strip() == told, title, PATIENCE)


def dropped(visit: Visit, screen: Xvfb, *paths: Path) -> None:
    drop(screen.name, int(visit.window), paths)


def test_what_is_dropped_on_the_window_opens_in_it(screen: Xvfb, visits: Path, tmp_path: Path) -> None:
    first, second = visits / "2019", visits / "2020"
    with visiting(screen, tmp_path, first / "a.png") as visit:
        visit.until(shown("a.png"), "the photograph of the command line")
        visit.key("i")  # a region, which is saved when the photograph makes way for others
        dropped(visit, screen, second / "right.png", second / "left.png")
        entitled(visit, "right.png (1 of 2)")
        about = visit.until(shown("right.png", "left.png"), "the pair")
        assert about["layout"] == "pair"
        dropped(visit, screen, first)
        entitled(visit, "a.png (1 of 3)")
        visit.until(shown("a.png", "b.png", "c.png"), "the folder, in a row")
        assert (first / "fundusxr-regions.json").exists(), "the region is saved"
        assert len(visit.do("search", "--onlyvisible", "--name", "FundusXR").split()) == 1
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0


def test_what_cannot_be_opened_leaves_the_session_as_it_is(screen: Xvfb, visits: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes((visits / "2019" / "a.png").read_bytes()[:-3000])
    with visiting(screen, tmp_path, visits / "2019" / "b.png") as visit:
        visit.until(shown("b.png"), "the photograph")
        for trouble, path in (
            ("letter.txt: not a JPEG", visits / "letter.txt"),
            ("no pictures in this folder, but in 2019, 2020 inside it", visits),
            ("damaged.png: damaged or cut short", damaged),
        ):
            dropped(visit, screen, path)
            wait_until(lambda trouble=trouble: trouble in log(tmp_path), trouble, PATIENCE)
            visit.until(shown("b.png"), "the photograph as before")
        assert visit.process.poll() is None


def test_ctrl_o_asks_which_photographs_to_open(
    screen: Xvfb, visits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dialog is a program of the desktop; here a script stands in its place, and waits for a file to answer."""
    answer, program = tmp_path / "answer", tmp_path / "bin" / "zenity"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/asked"\nwhile ! [ -e "{answer}" ]; do sleep 0.1; done\n'
                       f'cat "{answer}"; rm "{answer}"\n')  # fmt: skip
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with visiting(screen, tmp_path, visits / "2019" / "a.png") as visit:
        visit.until(shown("a.png"), "the photograph")
        visit.key("ctrl+o")
        wait_until((tmp_path / "asked").exists, "the dialog", PATIENCE)
        asked = wait_until((tmp_path / "asked").read_text, "its words", PATIENCE)
        assert "--multiple" in asked
        assert "*.jpg" in asked
        assert str(visits / "2019") in asked
        visit.until(shown("a.png"), "the session going on behind the dialog")
        (tmp_path / "unfinished").write_text(f"{visits}/2020/left.png\n")
        (tmp_path / "unfinished").rename(answer)
        entitled(visit, "left.png")
        visit.until(shown("left.png"), "the chosen photograph")
        visit.key("ctrl+shift+o")
        wait_until(lambda: "--directory" in (tmp_path / "asked").read_text(), "the dialog for a folder", PATIENCE)
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0  # though the dialog is still open


@pytest.mark.skipif(any(map(shutil.which, PROGRAMS)), reason="this desktop has a dialog")
def test_without_a_dialog_the_notice_names_the_cure(screen: Xvfb, visits: Path, tmp_path: Path) -> None:
    with visiting(screen, tmp_path, visits / "2019" / "a.png") as visit:
        visit.until(shown("a.png"), "the photograph")
        visit.key("ctrl+o")
        wait_until(lambda: "drop files on the window" in log(tmp_path), "the notice", PATIENCE)
