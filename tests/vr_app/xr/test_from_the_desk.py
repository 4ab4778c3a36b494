"""From the start page in a window into the headset, and other photographs dropped on the window beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.places import ROOT
from tests.helpers.visit import Visit
from tests.rig import PATIENCE, MonadoService, RemoteHeadset, Xvfb
from tests.rig.drop import drop
from tests.vr_app.viewer.test_opening import entitled, log, visits  # noqa: F401
from tests.vr_app.viewer.test_start_page import SIZE, press
from vr_app.ui.start import Page

pytestmark = pytest.mark.xr


def test_the_start_page_leads_into_the_headset_and_the_window_beside_it_takes_photographs(
    screen: Xvfb,
    visits: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "vr_app.cli", "view", "--mode", "desktop", "--no-prefetch"]
    command += ["--size", f"{SIZE[0]}x{SIZE[1]}"]
    with (
        MonadoService(compositor="null", devices="remote", display=screen.name) as service,
        RemoteHeadset(service.port),
        (tmp_path / "program.log").open("w") as said,
    ):
        env = {**service.env, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "XDG_SESSION_TYPE": "x11"}
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=said, stderr=said)
        try:
            page = Visit(process, screen.name, tmp_path)
            entitled(page, "Open photographs")

            offered = Page(headset="A headset answers.", worn=True)
            press(page, offered, "Start in the headset", lambda: "fundusxr: xr (asked for)" in log(tmp_path))
            beside = Visit(process, screen.name, tmp_path)
            entitled(beside, "retina.jpg")
            drop(screen.name, int(beside.window), [visits / "2020"])
            entitled(beside, "left.png (1 of 2)")
            beside.key("ctrl+q")
            assert process.wait(PATIENCE) == 0, log(tmp_path)
        finally:
            process.kill()
            process.wait()
