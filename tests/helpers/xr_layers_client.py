"""The viewer in a headset, for tests/vr_app/xr/test_layers.py.

    python -m tests.helpers.xr_layers_client on|off|quads_alone|one_layer panel|retina|wall IMAGE ...

With the last two, functions of tests.helpers.xr_trouble, layers are on and the runtime accepts few. Prints one JSON
line per frame: whether everything wanted has been in the picture for a while, how many layers the frame had if surfaces
are layers (else 0), how many GL objects have been made, and what the runtime is given as depth. Ends when its standard
input is closed.
"""

from __future__ import annotations

import ctypes
import json
import select
import sys
from pathlib import Path

import numpy as np

from tests.helpers import xr_trouble
from tests.helpers.gl_stage import ahead, to_surface
from vr_app.core.scene.layer_mode import LayerMode
from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Eye
from vr_app.core.view.intent import SurfaceKind
from vr_app.core.view.layout import Layout
from vr_app.core.view.view import ViewState
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


def main(layers: str, surface: str, *paths: str) -> None:
    if layers not in ("on", "off"):
        getattr(xr_trouble, layers)()
        layers = "on"
    heard = hear_depth()
    runtime = HeadsetRuntime(layers=LayerMode(layers))
    try:
        kind = SurfaceKind.PANEL if surface == "wall" else SurfaceKind(surface)
        layout = Layout.WALL if surface == "wall" else Layout.ROW
        options = Options(tuple(map(Path, paths)), ViewState.start(len(paths), kind, layout=layout), prefetch=False)
        with session(runtime, options) as viewer:
            since = 0.0
            while runtime.poll_events() and not select.select([sys.stdin], [], [], 0.0)[0]:
                viewer.frame()
                whole = bool(viewer.seen.wants) and viewer.supply.all_on_card
                # A process that ends while torch is being imported may abort.
                done = viewer.warm and not (viewer.supply.service.worker.busy or viewer.supply.service.worker.warming)
                since = since if whole and done else viewer.tick.now
                report = {"sharp": viewer.tick.now - since > 2 * STILL, "layers": runtime.layers_shown}
                report |= {"rests": viewer.rest.now, "made": objects.made(), "depth": heard, "told": told(runtime)}
                print(json.dumps(report), flush=True)
    finally:
        runtime.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
    end_process(0)
