"""Is there a headset? Asked from a process of its own.

A process, because importing `xr` binds this one's PyOpenGL to GLX, because loader and runtimes write to the standard
error output as they please, and because a runtime that hangs or crashes must not take the program along. Whatever the
probe opened ends with it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 20.0
"""Seconds. Asking SteamVR for an instance starts it where it does not run yet."""


@dataclass(frozen=True)
class ProbeResult:
    """What an OpenXR runtime says of itself and its headset.

    `problem`: one line, what is missing and the cure; empty where a headset can be had. `runtime`: name and version,
    empty where none answers. `system`: the headset's name. `view_sizes`: the recommended (width, height) in pixels of
    each eye's picture. `extensions`: names of all that the runtime offers.
    """

    problem: str = ""
    runtime: str = ""
    system: str = ""
    view_sizes: tuple[tuple[int, int], ...] = ()
    extensions: tuple[str, ...] = ()

    @property
    def available(self) -> bool:
        """Whether a headset answers, and takes OpenGL."""
        return not self.problem


def probe(timeout: float = PATIENCE) -> ProbeResult:
    """Ask the active runtime for a headset: no window, no GL, no trace. `timeout` in seconds. Never raises for a
    missing runtime or headset: that is the answer's `problem`."""
    packages = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (packages, os.environ.get("PYTHONPATH"))))
    try:
        child = subprocess.run(
            [sys.executable, "-m", __name__],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ProbeResult(f"the OpenXR runtime does not answer within {timeout:.0f} s: restart it, then this program")
    try:
        answer = json.loads(child.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        said = child.stderr.decode(errors="replace").strip().splitlines()
        return ProbeResult(f"asking OpenXR for a headset failed: {said[-1] if said else f'exit {child.returncode}'}")
    sizes = tuple((width, height) for width, height in answer["view_sizes"])
    return ProbeResult(**{**answer, "view_sizes": sizes, "extensions": tuple(answer["extensions"])})


def _main() -> None:
    from vr_app.xr.system import examine  # imports `xr`: only ever in the probe's own process

    print(json.dumps(dataclasses.asdict(examine())))


if __name__ == "__main__":
    _main()
