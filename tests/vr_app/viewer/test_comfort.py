"""What a headset's viewer sees when everything around changes: dark in between, and never a mixture.

It runs in a process of its own, because a process has one GL platform.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from sr_core.assets import asset_path
from tests.helpers.ending import shown_by

STAGE = """
import sys, time
from dataclasses import replace
from pathlib import Path
import numpy as np
from vr_app.viewer.loop import session
from vr_app.viewer.options import Options
from vr_app.core.hands.sample import ControllerSample
from vr_app.core.view.intent import DeleteRegion, GoToRegion, MarkView
from vr_app.core.view.intent import LookAt, SurfaceKind, SwitchSurface, Undo
from vr_app.core.view.step import step
from vr_app.gl.context import open_offscreen
from vr_app.runtime.offscreen import OffscreenRuntime

class Head(OffscreenRuntime):
    name = "xr"
    asked = ControllerSample()

    def read(self, time):
        asked, self.asked = self.asked, ControllerSample()
        return asked

def brightness(viewer):
    return viewer.runtime.framebuffer.read().astype(float)

with open_offscreen() as context:
    runtime = Head(context, (320, 240))
    with session(runtime, Options((Path(sys.argv[1]),), device="cpu")) as viewer:
        end = time.monotonic() + 200

        def until(condition):
            while not condition():
                assert time.monotonic() < end
                viewer.frame()

        until(lambda: viewer.picture.shown and viewer.view.still_for > 0.5)
        panel = brightness(viewer)
        for _ in range(5):
            viewer.frame()
        assert viewer.picture.veil.shade == 0

        runtime.asked = ControllerSample(keys=("s",))
        shades, pictures, held = [], [], []
        viewer.frame()
        while viewer.picture.veil.shade > 0 or viewer.picture.veil.holds:
            shades.append(viewer.picture.veil.shade)
            held.append(viewer.picture.veil.holds)
            pictures.append(brightness(viewer))
            viewer.frame()
        assert max(shades) > 0.8 and len(shades) > 10, shades
        assert viewer.view.surface is SurfaceKind.RETINA
        light = lambda p: (p / 255) ** 2.2
        bright = panel.max(axis=-1) > 120
        before = light(panel)[bright]
        for shade, holds, picture in zip(shades, held, pictures):
            if holds:  # the panel as it was, but darker
                expected = before * (1 - shade) + 0.005 * shade
                assert np.abs(light(picture)[bright] - expected).mean() < 0.02, shade
        dark = [p.max() for s, p in zip(shades, pictures) if s > 0.95]
        assert all(value < 90 for value in dark), dark
        means = [p.mean() for p in pictures]
        steps = np.abs(np.diff([panel.mean(), *means, brightness(viewer).mean()]))
        assert steps.max() < 0.45 * max(panel.mean(), brightness(viewer).mean()), steps

        # On the retina a jump to a region is veiled too; a zoom by hand is not.
        viewer.view = step(viewer.view, (LookAt(SurfaceKind.RETINA, (0.3, 0.3), 6.0), MarkView()), 0.0)
        until(lambda: viewer.picture.veil.shade == 0 and viewer.view.still_for > 0.2)
        viewer.view = step(viewer.view, (LookAt(SurfaceKind.RETINA, (0.7, 0.7), 2.0),), 0.0)
        viewer.frame()
        assert viewer.picture.veil.shade == 0 and not viewer.picture.veil.holds
        viewer.intake.also = (GoToRegion(1),)
        viewer.frame()
        assert viewer.picture.veil.holds
        until(lambda: viewer.picture.veil.shade == 0)
        viewer.view = step(viewer.view, (DeleteRegion(),), 0.0)
        viewer.frame()
"""


def test_surfaces_change_behind_a_veil(tmp_path: Path) -> None:
    with Image.open(asset_path("demo", "retina.jpg")) as full:
        full.convert("RGB").crop((100, 500, 400, 725)).save(tmp_path / "eye.png")
    shown_by(STAGE, tmp_path / "eye.png", OMP_NUM_THREADS="1")
