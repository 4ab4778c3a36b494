"""Photographs in a real window: how much of it they take, whatever its shape, measured on the screen."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.assets import asset_path
from tests.helpers.visit import PATIENCE, Visit
from tests.rig import Xvfb, grab_window, wait_until
from tests.vr_app.viewer.test_desktop_viewer import started
from vr_app.core.view.desk import Desk

MISSING = [program for program in ("Xvfb", "xdotool", "xwininfo") if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}: run scripts/test.sh")

BRIGHT = 60
"""More red than this has every pixel of the pieces below, and nothing that surrounds them but words and marks."""


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pieces of the bundled photograph, lit in every pixel; enlarged, so that no notice says that they were a JPEG."""
    folder = tmp_path_factory.mktemp("pieces")
    sizes = {"square": (600, 600), "wide": (750, 400), "small": (120, 90), "large": (900, 750)}
    with Image.open(asset_path("demo", "retina.jpg")) as full:
        for name, size in sizes.items():
            box = (450, 450, 450 + round(0.8 * size[0]), 450 + round(0.8 * size[1]))
            full.convert("RGB").crop(box).resize(size, Image.Resampling.LANCZOS).save(folder / f"{name}.png")
    return folder


@contextmanager
def visiting(screen: Xvfb, folder: Path, size: tuple[int, int], *words: object) -> Iterator[Visit]:
    command = [sys.executable, "-m", "vr_app.cli", "view", *words, "--mode", "desktop", "--fresh", "--no-prefetch"]
    visit = started([*map(str, command), "--size", f"{size[0]}x{size[1]}"], screen, folder)
    try:
        yield visit
    finally:
        visit.process.kill()
        visit.process.wait()


def lit(picture: np.ndarray) -> np.ndarray:
    """Which pixels (H, W) show a photograph, which is red; a few more show letters."""
    red, green, blue = np.moveaxis(picture.astype(int), -1, 0)
    return (red > BRIGHT) & (red > green + 10) & (red > blue + 10)


def extents(shown: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is lit, leaving out rows and columns with little of it."""
    columns, rows = (np.flatnonzero(shown.sum(axis=axis) > 0.3 * shown.sum(axis=axis).max()) for axis in (0, 1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def shows(screen: Xvfb, wanted: Callable[[np.ndarray], bool], what: str) -> np.ndarray:
    """Wait until the window's picture is as wanted; return it."""

    seen: list[np.ndarray] = []

    def look() -> bool:
        seen[:] = [grab_window(screen.name, "FundusXR")]
        return bool(wanted(seen[0]))

    wait_until(look, what, PATIENCE, 0.2)
    return seen[0]


SHAPES = [(800, 800), (1280, 800), (640, 1000), (640, 480)]


@pytest.mark.parametrize(("name", "size"), [("square", (600, 600)), ("wide", (750, 400))])
def test_a_photograph_fills_a_window_of_any_shape(screen, pieces, tmp_path, name, size):
    with visiting(screen, tmp_path, SHAPES[0], pieces / f"{name}.png") as visit:
        for window in SHAPES:
            visit.do("windowsize", visit.window, *map(str, window))
            scale = min((window[0] - 6) / size[0], (window[1] - Desk(window).strip - 3) / size[1])

            def fits(picture: np.ndarray, window: tuple = window, scale: float = scale) -> bool:
                if picture.shape[:2] != window[::-1] or not lit(picture).any():
                    return False
                left, top, right, bottom = extents(lit(picture))
                sides = np.abs(np.subtract((right - left, bottom - top), np.multiply(scale, size)))
                middle = abs(left + right - window[0]), abs(top + bottom - (window[1] - Desk(window).strip + 3))
                return max(sides) <= 4 and max(middle) <= 2  # the edge is smooth

            left, top, right, bottom = extents(lit(shows(screen, fits, f"the whole photograph in {window}")))
            if name == "square":
                assert min(right - left, bottom - top) >= 0.95 * min(window)
            elif window == (640, 480):
                assert right - left >= 0.985 * window[0]


def test_a_magnified_photograph_takes_the_whole_window(screen, pieces, tmp_path):
    window = (1280, 800)
    with visiting(screen, tmp_path, window, pieces / "square.png") as visit:
        visit.do("mousemove", "--window", visit.window, "640", "390")

        def share(picture: np.ndarray) -> float:
            return float(lit(picture).mean())

        whole = shows(screen, lambda picture: share(picture) > 0.55, "the whole photograph")
        assert share(whole) < 0.62  # a square one in a wide window
        for notches in (4, 4, 4):  # x2, x4, x8, or the stops of pixels on the way
            visit.do("click", "--repeat", str(notches), "--delay", "80", "4")
            shows(screen, lambda picture: share(picture) > 0.95, "the photograph in the whole window")


def test_the_point_under_the_cursor_stays_and_edges_stop_the_drag(screen, pieces, tmp_path):
    window, size = (800, 640), np.array((600, 600))
    at = 300, 200
    with visiting(screen, tmp_path, window, pieces / "square.png") as visit:
        start = visit.look()["surfaces"][0]

        def under(surface: dict) -> np.ndarray:
            """The photograph's pixel under the cursor, from what a screenshot records."""
            desk, geometry = Desk(window), surface["geometry"]
            x, y, z = desk.at(*at)
            assert geometry["pose"]["position"][2] == pytest.approx(z)
            left, up = geometry["pose"]["position"][:2]
            s = np.array([(x - left) / geometry["width"], (up - y) / geometry["height"]])
            return (surface["center"] + s / surface["zoom"]) * size

        before = under(start)
        visit.do("mousemove", "--window", visit.window, *map(str, at), "click", "--repeat", "6", "--delay", "80", "4")
        zoomed = visit.until(lambda about: about["surfaces"][0]["zoom"] > 2.2, "the wheel's zoom")["surfaces"][0]
        assert under(zoomed) == pytest.approx(before, abs=0.75)
        assert start["center"] == [0.5, 0.5]

        for _ in range(2):  # to the lower right corner; one drag leads there, and the next finds its edges
            for x, y, *button in (("100", "100", "mousedown", "2"), ("780", "620"), ("780", "620", "mouseup", "2")):
                visit.do("mousemove", "--window", visit.window, x, y, *button)
                visit.look()  # a frame has seen it
        edge = visit.until(lambda about: about["surfaces"][0]["center"] != zoomed["center"], "the drag")["surfaces"][0]
        assert edge["center"] == pytest.approx([0.5 / edge["zoom"]] * 2, abs=0.003)
        assert lit(grab_window(screen.name, "FundusXR"))[300:600, 300:700].mean() > 0.99
        visit.key("Escape")
        visit.until(lambda about: about["surfaces"][0]["zoom"] == 1.0, "the whole photograph")
        assert visit.process.poll() is None


@pytest.mark.parametrize(("name", "window"), [("large", (641, 480)), ("small", (640, 481))])
def test_pixel_for_pixel_the_window_shows_the_photographs_own(screen, pieces, tmp_path, name, window):
    pixels = np.asarray(Image.open(pieces / f"{name}.png").convert("RGB"))
    with visiting(screen, tmp_path, window, pieces / f"{name}.png") as visit:
        visit.do("mousemove", "--window", visit.window, "300", "100")
        visit.look()
        visit.key("y")

        def exact() -> bool:
            surface = visit.look()["surfaces"][0]
            picture = visit.picture
            (cell,) = Desk(window).cells(1)
            first = [
                round(center * side - span / 2)
                for center, side, span in zip(
                    surface["center"], pixels.shape[1::-1], (cell.width, cell.height), strict=True
                )
            ]
            x, y = (max(0, -at) for at in first)
            part = pixels[first[1] + y :, first[0] + x :][: cell.height - y - 40, : cell.width - x]
            seen = picture[cell.top + y :, cell.left + x :][: part.shape[0], : part.shape[1]]
            off = np.abs(part.astype(int) - seen)[:, :-50]  # without the panel's handle
            return part.size > 20_000 and off.max() <= 1

        wait_until(exact, "the photograph's own pixels", PATIENCE)
        visit.do("mousedown", "1", "sleep", "0.4")
        visit.do("mousemove_relative", "--", "-37", "21", "sleep", "0.3", "mouseup", "1")
        wait_until(exact, "the same after a drag", PATIENCE)


def test_two_and_four_photographs_fill_the_window_side_by_side(screen, pieces, tmp_path):
    names = [tmp_path / f"{n}.png" for n in range(4)]
    for path in names:
        shutil.copy(pieces / "square.png", path)
    window = (1280, 800)
    with visiting(screen, tmp_path, window, *names, "--layout", "row") as visit:
        four = shows(screen, lambda picture: lit(picture).mean() > 0.5, "four photographs")
        for n in range(4):
            half = four[400 * (n // 2) :, 640 * (n % 2) :][:400, :640]
            left, top, right, bottom = extents(lit(half))
            assert min(right - left, bottom - top) >= 0.93 * 400
        visit.do("mousemove", "--window", visit.window, "320", "200", "click", "--repeat", "6", "--delay", "80", "4")
        shows(screen, lambda picture: lit(picture[:400, :640]).mean() > 0.9, "the first one in its whole cell")
        visit.key("0")
        visit.key("c")

        def beside(picture: np.ndarray) -> bool:
            return all(0.74 < lit(half).mean() < 0.82 for half in np.hsplit(picture, 2))

        two = shows(screen, beside, "the pair")
        for half in np.hsplit(two, 2):
            left, _, right, _ = extents(lit(half))
            assert right - left >= 0.98 * 640
        visit.do("mousemove", "--window", visit.window, "320", "400", "click", "--repeat", "4", "--delay", "80", "4")
        shows(screen, lambda picture: lit(picture).mean() > 0.94, "the linked pair in the whole window")
        visit.key("0")
        visit.key("c")
        swipe = shows(screen, lambda picture: not lit(picture[:, :200]).any(), "both on one panel")
        left, top, right, bottom = extents(lit(swipe))
        assert min(right - left, bottom - top) >= 0.95 * 800


def test_the_full_screen_and_back(screen, pieces, tmp_path):
    with visiting(screen, tmp_path, (800, 600), pieces / "square.png") as visit:
        shows(screen, lambda picture: picture.shape[:2] == (600, 800) and lit(picture).any(), "the window")
        for begins, ends in (("F11", "F11"), ("F11", "Escape")):
            visit.key(begins)
            full = shows(
                screen,
                lambda picture: picture.shape[:2] == (1200, 1920) and lit(picture).mean() > 0.5,
                "the photograph on the full screen",
            )
            left, top, right, bottom = extents(lit(full))
            assert min(right - left, bottom - top) >= 0.95 * 1200
            visit.key(ends)
            shows(
                screen,
                lambda picture: picture.shape[:2] == (600, 800) and lit(picture).mean() > 0.5,
                "the window again",
            )
        assert visit.process.poll() is None
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0


def test_a_file_that_changes_or_goes_while_it_is_shown_is_told(screen, pieces, tmp_path):
    path, log = tmp_path / "shown.png", tmp_path / "program.log"
    shutil.copy(pieces / "square.png", path)
    with visiting(screen, tmp_path, (640, 480), path) as visit:
        first = visit.look()["surfaces"][0]
        shutil.copy(pieces / "wide.png", tmp_path / "next")
        (tmp_path / "next").rename(path)
        wait_until(lambda: "has changed on disk; the new version is shown" in log.read_text(), "the notice", PATIENCE)
        second = visit.until(lambda about: about["surfaces"][0]["size"] != first["size"], "the new version")
        assert second["surfaces"][0]["size"] == [750, 400]
        path.unlink()
        wait_until(lambda: "is gone; what was read of it is still shown" in log.read_text(), "the notice", PATIENCE)
        assert visit.look()["surfaces"][0]["size"] == [750, 400]
        assert lit(visit.picture).any()
