"""A program for `test_gl_window`: it shows the panel in a window and prints every hand and key event as a line of JSON.

    python -m tests.helpers.gl_window_client PICTURE.npy

P writes the picture it drew to PICTURE.npy and Ctrl+Q ends it.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict

import numpy as np

from tests.helpers.gl_stage import Stage, demo_photograph
from vr_app.core.hands.keys import meant
from vr_app.core.scene.scene import Scene
from vr_app.core.view.intent import SurfaceKind, TakeScreenshot
from vr_app.core.view.step import desk_changed
from vr_app.gl.context import open_window
from vr_app.runtime.window import WindowRuntime


def main(picture: str) -> None:
    window = open_window("FundusXR test", (320, 240), x11=True)
    runtime = WindowRuntime(window)
    stage = Stage(demo_photograph(edge=300))
    view = stage.view(SurfaceKind.PANEL, (0.5, 0.5), 1.0)
    said = None
    print(json.dumps(runtime.describe()), flush=True)
    while runtime.poll_events():
        with runtime.frame() as frame:
            view = desk_changed(view, frame.desk)
            sample = runtime.read(frame.time)
            for eye, framebuffer in frame.targets():
                stage.renderer.draw(framebuffer, eye, Scene(stage.items(view, (eye,))))
        asked = meant(sample.keys, view)
        if TakeScreenshot() in asked:
            np.save(picture + ".part.npy", runtime.framebuffer.read())
            os.replace(picture + ".part.npy", picture)
        size = runtime.framebuffer.size if frame.should_render else None
        say = {"sample": asdict(sample), "asked": [type(intent).__name__ for intent in asked], "size": size}
        if say != said:
            print(json.dumps(say), flush=True)
            said = say
    stage.close()
    runtime.close()
    window.close()


if __name__ == "__main__":
    main(sys.argv[1])
