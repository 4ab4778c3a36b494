"""Ctrl+C in a real window. A script stands in the place of the clipboard's program, and keeps what it is given."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.rig import PATIENCE, Xvfb, wait_until
from tests.vr_app.viewer.test_opening import log, shown, visiting, visits  # noqa: F401

MISSING = [program for program in ("Xvfb", "xdotool", "xwininfo") if shutil.which(program) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}: run scripts/test.sh")


def test_ctrl_c_copies_the_view_or_says_why_not(
    screen: Xvfb,
    visits: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program, kept = tmp_path / "bin" / "xclip", tmp_path / "kept.png"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with visiting(screen, tmp_path, visits / "2019" / "a.png") as visit:
        visit.until(shown("a.png"), "the photograph")
        if shutil.which("xclip") is None:
            visit.key("ctrl+c")
            wait_until(lambda: "install xclip" in log(tmp_path), "the cure", PATIENCE)
        program.write_text("#!/bin/sh\nexit 3\n")
        program.chmod(0o755)
        visit.key("ctrl+c")
        wait_until(lambda: "xclip fails" in log(tmp_path), "the failure", PATIENCE)
        program.write_text(
            f'#!/bin/sh\necho "$@" > "{tmp_path}/words"\ncat > "{kept}.part"; mv "{kept}.part" "{kept}"\n'
        )
        visit.key("ctrl+c")
        wait_until(lambda: "View copied" in log(tmp_path), "the notice", PATIENCE)
        assert (tmp_path / "words").read_text().split() == ["-selection", "clipboard", "-t", "image/png"]
        with Image.open(kept) as picture:
            assert picture.size == (640, 480)
            about = json.loads(picture.text["fundusxr:view"])
        assert [surface["photograph"] for surface in about["surfaces"]] == ["a.png"]
        assert not list(tmp_path.glob("fundusxr-*.png")), "no screenshot is left"
