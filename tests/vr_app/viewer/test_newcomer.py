"""A newcomer's first minute, without any document: everything used here is seen in the window."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from sr_core.assets import asset_path
from tests.helpers.visit import Visit
from tests.rig import PATIENCE, Xvfb, grab_window, wait_until
from tests.vr_app.viewer.test_opening import dropped, entitled
from tests.vr_app.viewer.test_start_page import SIZE, beginning
from vr_app.core.panel.stand import MARGIN
from vr_app.core.view.desk import EDGE, Desk
from vr_app.regions.files import NAME, parse_regions
from vr_app.ui.style import HANDLE

MISSING = [program for program in ("Xvfb", "xdotool", "xwininfo") if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}: run scripts/test.sh")


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """Three photographs of eyes, pieces of the bundled one."""
    folder = tmp_path / "clinic"
    folder.mkdir()
    with Image.open(asset_path("demo", "retina.jpg")) as full:
        for n, name in enumerate(("Miller left.png", "Miller right.png", "Smith right.png")):
            full.convert("RGB").crop((100 + 90 * n, 450, 400 + 90 * n, 750)).save(folder / name)
    return folder


def click(visit: Visit, x: float, y: float) -> None:
    """Click a pixel of the window, once a frame has seen the cursor there."""
    visit.do("mousemove", "--window", visit.window, str(round(x)), str(round(y)))
    visit.look()
    visit.do("click", "1")


def press(visit: Visit, control: str) -> None:
    """Press a control that the open control panel shows."""
    about = visit.until(
        lambda about: about["sheet"] and control in about["sheet"]["targets"], f"{control} on the panel"
    )
    (x, y), (wide, high) = about["sheet"]["targets"][control], about["sheet"]["size"]
    click(visit, SIZE[0] - MARGIN - wide + x, (SIZE[1] - high) // 2 + y)


def photograph(about: dict) -> str:
    return str(about["surfaces"][0]["photograph"])


def words(about: dict) -> list[str]:
    """Return the names of the regions in sight."""
    return [region["words"] for region in about["surfaces"][0]["regions"]]


def test_a_newcomer_opens_a_folder_finds_an_eye_and_exports_a_lesion(
    screen: Xvfb, clinic: Path, tmp_path: Path
) -> None:
    """The start page says that folders can be dropped; from then on the mouse finds everything on the control panel,
    which its handle opens. Only a note is typed."""
    with beginning(screen, tmp_path) as visit:
        dropped(visit, screen, clinic)
        entitled(visit, "Miller left.png (1 of 3)")

        # The eye: its name is below its thumbnail.
        em = min(30, max(12, SIZE[1] // 44))
        handle = SIZE[0] - HANDLE * em / 2, SIZE[1] - Desk(SIZE).strip - EDGE - HANDLE * em / 2
        visit.until(lambda about: len(about["surfaces"]) == 3, "the row")
        click(visit, *handle)
        press(visit, "View")
        press(visit, "Layout: One")
        press(visit, "Images")
        press(visit, "image 2")
        entitled(visit, "Smith right.png (3 of 3)")

        # The lesion: the wheel zooms where the cursor is.
        press(visit, "close")
        visit.do("mousemove", "--window", visit.window, "400", "300")
        visit.look()
        visit.do("click", "--repeat", "8", "4")
        near = visit.until(lambda about: about["surfaces"][0]["zoom"] > 2, "the detail")
        assert photograph(near) == "Smith right.png"

        # Marked by dragging, noted, exported.
        click(visit, *handle)
        press(visit, "Regions")
        press(visit, "Mark by dragging")
        visit.do("mousemove", "--window", visit.window, "150", "250")
        visit.look()
        visit.do("mousedown", "1", "mousemove", "--window", visit.window, "300", "400", "mouseup", "1")
        visit.until(lambda about: words(about) == ["1 other"], "the region")
        press(visit, "Haemorrhage")
        press(visit, "Note")
        visit.do("type", "--delay", "60", "new since May")
        visit.do("key", "Return")
        kept = clinic / NAME

        def noted() -> bool:
            found = parse_regions(kept.read_text()) if kept.exists() else ()
            return [(region.kind.value, region.note) for region in found] == [("haemorrhage", "new since May")]

        wait_until(noted, "the note in the folder", PATIENCE)
        press(visit, "Export")
        (path,) = wait_until(lambda: list(tmp_path.glob("fundusxr-Smith right-*.png")), "the export", PATIENCE)
        wait_until(lambda: "Region exported" in (tmp_path / "program.log").read_text(), "the notice", PATIENCE)
        with Image.open(path) as picture:
            assert picture.text["fundusxr:region-name"] == "haemorrhage"
        path.unlink()  # the screenshots that tell what is shown lie there too

        press(visit, "View")
        press(visit, "Full screen")
        wait_until(lambda: grab_window(screen.name, "FundusXR").shape[:2] == (1200, 1920), "the full screen", PATIENCE)
        visit.key("ctrl+q")
        assert visit.process.wait(PATIENCE) == 0
