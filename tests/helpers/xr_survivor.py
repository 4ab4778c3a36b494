"""The viewer in a headset, for tests/vr_app/xr/test_session_life.py: the whole program, with a report of every frame.

    python -m tests.helpers.xr_survivor IMAGE ...

Two images are shown as a pair; a region is marked on the first, and all are made red-free, before anything is printed.
Prints one JSON line per frame once the worker is warm: the session's state, the front image's view, whether everything
is sharp, how the images are placed and displayed and what is marked on them, photographs in memory, all notices so far,
and what the process holds. Ends in the orderly way when its standard input is closed.
"""

from __future__ import annotations

import json
import select
import sys
import time
from dataclasses import replace
from pathlib import Path

from tests.helpers.xr_client import resources, state
from vr_app.core.view.appearance import AS_PHOTOGRAPHED, Channel
from vr_app.core.view.intent import Adjust, MarkView, NameRegion
from vr_app.core.view.layout import Layout
from vr_app.core.view.region import Kind
from vr_app.core.view.step import step
from vr_app.core.view.view import ViewState
from vr_app.process.interruption import end_process
from vr_app.runtime.headset import HeadsetRuntime
from vr_app.viewer.loop import Viewer, session
from vr_app.viewer.options import Options

SET = (Adjust(replace(AS_PHOTOGRAPHED, channel=Channel.RED_FREE, contrast=1.3)), MarkView(), NameRegion(Kind.LESION))
"""What the user set before the runtime was lost."""


def report(runtime: HeadsetRuntime, viewer: Viewer, notices: list[str]) -> dict[str, object]:
    image = viewer.view.images[viewer.view.active]
    return {
        "state": state(runtime),
        "at": time.monotonic(),
        "zoom": image.zoom,
        "center": image.center,
        "surface": viewer.view.surface.value,
        "active": viewer.view.active,
        "layout": viewer.view.layout.value,
        "pair": repr(viewer.view.compared),
        "appearance": viewer.view.appearance.fields(),
        "regions": [repr(region) for region in viewer.view.regions.known],
        "sharp": bool(viewer.supply.wanted) and viewer.supply.all_on_card,
        "photographs": viewer.supply.service.photographs.bytes,
        "notices": notices,
        **resources(),
    }


def main() -> None:
    notices: list[str] = []
    paths = tuple(map(Path, sys.argv[1:]))
    options = Options(paths, ViewState.start(len(paths), layout=Layout.PAIR), say=notices.append)
    settled = False
    runtime = HeadsetRuntime()
    try:
        with session(runtime, options) as viewer:
            while runtime.poll_events() and not select.select([sys.stdin], [], [], 0.0)[0]:
                viewer.frame()
                if not settled and None not in viewer.view.photographs:
                    viewer.view, settled = step(viewer.view, SET, 0.0), True
                if settled and viewer.warm and not viewer.supply.service.worker.warming:
                    print(json.dumps(report(runtime, viewer, notices)), flush=True)
    finally:
        runtime.close()


if __name__ == "__main__":
    main()
    end_process(0)
