"""The viewer in a headset beside a window whose swaps are slow at times, for tests/vr_app/xr/test_mirror.py.

    python -m tests.helpers.xr_mirror_client left|right|both|spectator IMAGE ...

Panels are layers. In every other TURN, each of the window's swaps takes SLOW. Prints one JSON line per frame: when it
began, the turn, the seconds since that began, whether it was a slow one, and whether everything has arrived and the
scene rests. Ends when its standard input is closed.
"""

from __future__ import annotations

import json
import select
import sys
import time
from pathlib import Path

from sr_core.tiles.worker import Worker
from vr_app.core.scene.layer_mode import LayerMode
from vr_app.core.scene.spectator import MirrorKind
from vr_app.gl import context
from vr_app.process.interruption import end_process
from vr_app.runtime.headset import HeadsetRuntime
from vr_app.viewer.loop import session
from vr_app.viewer.options import Options

TURN, SLOW = 2.5, 1.0
"""In seconds."""


def turn() -> int:
    return int(time.monotonic() / TURN)


def slow_in_turns() -> None:
    """Make the desktop take SLOW for a picture in every other turn."""
    swap = context.Window.swap

    def swapped(window: context.Window) -> None:
        if turn() % 2:
            time.sleep(SLOW)
        swap(window)

    context.Window.swap = swapped


def main(kind: str, *paths: str) -> None:
    slow_in_turns()
    Worker.warm_up = lambda worker: None  # turns begin once it is done, and nothing is computed in them
    runtime = HeadsetRuntime(MirrorKind(kind), layers=LayerMode.ON)
    try:
        with session(runtime, Options(tuple(map(Path, paths)), prefetch=False)) as viewer:
            while runtime.poll_events() and not select.select([sys.stdin], [], [], 0.0)[0]:
                at, now = time.monotonic(), turn()
                viewer.frame()
                service = viewer.supply.service
                done = viewer.warm and not (service.worker.busy or service.loader.busy)
                whole = bool(viewer.seen.wants) and viewer.supply.all_on_card
                report = {
                    "at": at,
                    "turn": now,
                    "into": at % TURN,
                    "slow": bool(now % 2),
                    "ready": done and whole,
                    "rests": viewer.rest.now,
                }
                print(json.dumps(report | {"layers": runtime.layers_shown}), flush=True)
    finally:
        runtime.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
    end_process(0)
