"""Regions of interest by the control panel alone, as bare hands have it: a pinch marks, the panel does the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.gl_stage import demo_photograph
from tests.rig import wait_until
from tests.vr_app.viewer.test_control_in_viewer import Hand, Mouse, sitting
from vr_app.regions.files import read_regions


@pytest.fixture
def eye(tmp_path: Path) -> Path:
    path = tmp_path / "clinic" / "disc.png"
    path.parent.mkdir()
    Image.fromarray(demo_photograph(edge=403)).save(path)
    return path


def drag(hand: Hand, start: tuple[float, float], end: tuple[float, float]) -> None:
    surface = hand.viewer.seen.placed[0].surface
    for s, down in ((start, False), (start, True), (end, True), (end, False)):
        hand.runtime.point = surface.point(np.array(s))
        hand.runtime.down = down
        hand.frames(3)


def test_the_panel_marks_names_shows_exports_and_deletes(
    eye: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with sitting(Mouse, (eye,), device="cpu") as hand:
        viewer = hand.viewer
        hand.press("open")
        hand.press("Regions")
        hand.press("Mark by dragging")
        assert viewer.view.regions.armed
        drag(hand, (-0.3, -0.3), (-0.1, -0.05))
        (region,) = viewer.view.regions.known
        assert region.rect.w == pytest.approx(0.2 * 403, abs=2)
        assert viewer.view.front.center == (0.5, 0.5)
        hand.press("Disc")
        wait_until(lambda: [item.kind for item in read_regions(eye.parent)[0]] == ["disc"], "the file")
        zoom = viewer.view.front.zoom
        hand.press("Next region")
        assert viewer.view.front.zoom > 1.5 * zoom
        hand.press("Blink with original")
        seen = set()
        hand.until(lambda: seen.add(viewer.view.original) or len(seen) == 2, "both in turn")
        hand.press("Stop blinking")
        assert not viewer.view.original
        hand.press("Export")
        hand.until(lambda: any("Region exported" in text for text in viewer.notices.shown), "the export")
        with Image.open(next(tmp_path.glob("fundusxr-disc-disc-*.png"))) as picture:
            assert picture.text["fundusxr:region-name"] == "disc"
        hand.press("Delete")
        assert not viewer.view.regions.known
    assert read_regions(eye.parent) == ((), ())
