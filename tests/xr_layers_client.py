"""The viewer in a headset, for tests/test_xr_layers.py.

    python -m tests.xr_layers_client on|off|quads_alone|one_layer panel|retina|wall IMAGE ...

With the last two, functions of tests.xr_trouble, layers are on and the runtime takes few.
Prints one JSON line per frame: whether all that is wanted has been in the picture for a while, and of how many layers
the frame was made where surfaces are layers (else 0). Ends when its standard input is closed.
"""

from __future__ import annotations

import json
import select
import sys
from pathlib import Path

from tests import xr_trouble
from vr_app.app import STILL, Options, session
from vr_app.core.intent import SurfaceKind
from vr_app.core.layering import LayerMode
from vr_app.core.layout import Layout
from vr_app.interruption import end_process
from vr_app.runtime.headset import HeadsetRuntime


def main(layers: str, surface: str, *paths: str) -> None:
    if layers not in ("on", "off"):
        getattr(xr_trouble, layers)()
        layers = "on"
    runtime = HeadsetRuntime(layers=LayerMode(layers))
    try:
        kind = SurfaceKind.PANEL if surface == "wall" else SurfaceKind(surface)
        layout = Layout.WALL if surface == "wall" else Layout.ROW
        options = Options(tuple(map(Path, paths)), kind, layout, prefetch=False)
        with session(runtime, options) as viewer:
            since = 0.0
            while runtime.poll_events() and not select.select([sys.stdin], [], [], 0.0)[0]:
                viewer.frame()
                whole = bool(viewer.wants) and not viewer.supply.residency.absent(viewer.supply.wanted)
                # A process that ends while torch is being imported may abort.
                done = viewer._warm and not (viewer.supply.worker.busy or viewer.supply.worker.warming)
                since = since if whole and done else viewer.now
                report = {"sharp": viewer.now - since > 2 * STILL, "layers": runtime.layers_shown}
                print(json.dumps(report | {"rests": viewer.rests}), flush=True)
    finally:
        runtime.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
    end_process(0)
