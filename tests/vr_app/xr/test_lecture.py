"""A lecture hall's screen beside the headset, as its audience sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.visit import Visit
from tests.rig import MonadoService, Pose, RemoteHeadset, Xvfb, grab_window, wait_until
from tests.vr_app.xr.test_headset import LOCAL_HEIGHT_M
from tests.vr_app.xr.test_viewer import PATIENCE, Program

pytestmark = pytest.mark.xr

SCREEN = (1920, 1200)
QUARTERS = np.array([(230, 40, 40), (40, 200, 40), (50, 60, 230), (90, 90, 90)], np.uint8)


def test_a_lecture_shows_the_teachers_photograph_on_the_whole_screen_with_the_ray(screen: Xvfb, tmp_path: Path) -> None:
    """Flat and upright whatever the head does, at least 94 % of the screen's height; `M` leads to the next kind, and
    Esc back from the full screen."""
    marked = tmp_path / "marked.png"
    Image.fromarray(np.kron(QUARTERS.reshape(2, 2, 3), np.ones((120, 120, 1), np.uint8))).save(marked)
    with (
        MonadoService(compositor="null", devices="remote", display=screen.name) as service,
        RemoteHeadset(service.port) as headset,
        Program(service, tmp_path, marked, "--mirror", "lecture", "--fresh", "--layers", "off") as program,
    ):
        visit = Visit(program.process, screen.name, tmp_path)

        def on_screen() -> np.ndarray:
            if program.process.poll() is not None:
                raise RuntimeError(program.log.read_text())
            return grab_window(screen.name, "FundusXR").astype(int)

        def flat() -> bool:
            picture = on_screen()
            height, width, _ = picture.shape
            if (width, height) != SCREEN:
                return False
            # The strip of text takes up to 5 % of the height below the photograph.
            down, right = (np.array((-1, -1, 1, 1)), np.array((-1, 1, -1, 1)))
            rows, columns = 0.475 * height + 0.46 * height * down, width / 2 + 0.46 * height * right
            found = picture[rows.round().astype(int), columns.round().astype(int)]
            return bool(np.abs(found - QUARTERS).max() <= 6)

        wait_until(flat, "the photograph on the whole screen", PATIENCE)
        headset.update(head=Pose(position=(0.3, LOCAL_HEIGHT_M, 0.2), orientation=(0.1, 0.1, 0.0, 0.98995)))
        assert wait_until(flat, "the photograph, though the head has moved", PATIENCE)
        wait_until(lambda: (on_screen().min(axis=2) > 200).sum() > 100, "the rays' dots on the photograph", PATIENCE)

        visit.key("Escape")
        wait_until(lambda: on_screen().shape[:2] != SCREEN[::-1], "a window again", PATIENCE)
        visit.key("m")
        visit.key("ctrl+q")
        program.ends_well()
