"""The viewer in a headset, for tests/vr_app/xr/test_layers.py.

    python -m tests.helpers.xr_layers_client on|off|quads_alone|one_layer IMAGE ...

With the last two, functions of tests.helpers.xr_trouble, layers are on and the runtime accepts few. Each line of the
standard input, a value of Layout, is shown from then on; the end of the input ends the program. Prints one JSON line
per frame: the layout, whether everything wanted of it has been in the picture for a while, how many layers the frame
had if surfaces are layers (else 0), how many GL objects have been made, and what the runtime is given as depth.
"""

from __future__ import annotations

import ctypes
import json
import select
import sys
from pathlib import Path

import numpy as np

from sr_core.tiles.worker import Worker
from tests.helpers import xr_trouble
from tests.helpers.gl_stage import ahead, to_surface
from vr_app.core.scene.layer_mode import LayerMode
from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Eye
from vr_app.core.view.intent import ShowLayout
from vr_app.core.view.layout import Layout
from vr_app.gl import objects
from vr_app.gl.depth import DepthTarget
from vr_app.gl.draw import Renderer
from vr_app.process.interruption import end_process
from vr_app.runtime.headset import HeadsetRuntime
from vr_app.viewer.loop import session
from vr_app.viewer.options import Options
from vr_app.viewer.rest import STILL

NEARLY = 0.005
"""As a fraction of the distance: a panel's text is slightly in front of it."""


def hear_depth() -> dict[str, float]:
    """Return, for the eyes' last pictures, the fraction that shows surfaces (`seen`), and the fraction of that whose
    depth the runtime was given correctly (`right`)."""
    heard: dict[str, float] = {}
    draw = Renderer.draw_depth

    def drawing(renderer: Renderer, scene: Scene, target: DepthTarget, eye: Eye) -> None:
        draw(renderer, scene, target, eye)
        if not scene.backdrop:
            return
        found = ahead(eye.size)
        meant = np.full_like(found, np.nan)
        for item in scene.surfaces:
            distance = to_surface(item.surface, eye)
            meant = np.where(np.isfinite(distance), distance, meant)
        seen = np.isfinite(meant)
        right = np.abs(found / meant - 1)[seen] < NEARLY
        heard.update(seen=float(seen.mean()), right=float(right.mean()) if seen.any() else 1.0)

    Renderer.draw_depth = drawing
    return heard


def told(runtime: HeadsetRuntime) -> list[list[float]]:
    """Return, for each eye's depth in the last layer, the smallest and the largest stored value and the metres that
    they mean; nothing if the runtime is given none."""
    shown = runtime._session.layers.behind.shown
    chained = [view.next for view in shown.views[: shown.view_count]] if shown else []
    kind = xr_trouble.xr.CompositionLayerDepthInfoKHR
    infos = [ctypes.cast(next, ctypes.POINTER(kind)).contents for next in chained if next]
    assert all(info.type == xr_trouble.xr.StructureType.COMPOSITION_LAYER_DEPTH_INFO_KHR for info in infos)
    return [[info.min_depth, info.max_depth, info.near_z, info.far_z] for info in infos]


def main(layers: str, *paths: str) -> None:
    if layers not in ("on", "off"):
        getattr(xr_trouble, layers)()
        layers = "on"
    Worker.warm_up = lambda worker: None  # nothing shown here is computed, and torch takes seconds to load
    heard = hear_depth()
    runtime = HeadsetRuntime(layers=LayerMode(layers))
    try:
        with session(runtime, Options(tuple(map(Path, paths)), prefetch=False)) as viewer:
            since = 0.0
            while runtime.poll_events():
                asked = sys.stdin.readline() if select.select([sys.stdin], [], [], 0.0)[0] else None
                if asked == "":
                    break
                if asked:
                    viewer.intake.also += (ShowLayout(Layout(asked.strip())),)
                viewer.frame()
                whole = bool(viewer.seen.wants) and viewer.supply.all_on_card
                done = viewer.warm and not viewer.supply.service.worker.busy
                since = since if whole and done and not asked else viewer.tick.now
                report = {"sharp": viewer.tick.now - since > 2 * STILL, "layout": viewer.view.layout.value}
                report |= {"layers": runtime.layers_shown, "made": objects.made()}
                print(json.dumps(report | {"depth": heard, "told": told(runtime)}), flush=True)
    finally:
        runtime.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
    end_process(0)
