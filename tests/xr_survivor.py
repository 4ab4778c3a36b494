"""The viewer in a headset, for tests/test_xr_session_life.py: the whole program, with a report of every frame.

    python -m tests.xr_survivor IMAGE

Prints one JSON line per frame once the worker is warm: the session's state, the front image's view, whether it is
sharp, photographs at hand, all notices so far, what the process holds. Ends in the orderly way when its standard input
is closed.
"""

from __future__ import annotations

import json
import select
import sys
import time
from pathlib import Path

from tests.xr_client import resources, state
from vr_app.app import Options, Viewer, session
from vr_app.runtime.headset import HeadsetRuntime


def report(runtime: HeadsetRuntime, viewer: Viewer, notices: list[str]) -> dict[str, object]:
    image = viewer.view.images[viewer.view.active]
    return {
        "state": state(runtime),
        "at": time.monotonic(),
        "zoom": image.zoom,
        "center": image.center,
        "surface": viewer.view.surface.value,
        "active": viewer.view.active,
        "sharp": bool(viewer.wanted) and all(viewer.residency.has(key) for key in viewer.wanted),
        "photographs": viewer.album.bytes,
        "notices": notices,
        **resources(),
    }


def main() -> None:
    notices: list[str] = []
    options = Options((Path(sys.argv[1]),), say=notices.append)
    runtime = HeadsetRuntime()
    try:
        with session(runtime, options) as viewer:
            while runtime.poll_events() and not select.select([sys.stdin], [], [], 0.0)[0]:
                viewer.frame()
                if viewer._warm and not viewer.worker.warming:
                    print(json.dumps(report(runtime, viewer, notices)), flush=True)
    finally:
        runtime.close()


if __name__ == "__main__":
    main()
