"""Look for a headset, in a separate process.

A process, because importing `xr` binds this one's PyOpenGL to GLX, because loader and runtimes write to the standard
error output as they please, and because a runtime that hangs or crashes must not take the program along. Whatever the
probe opened ends with it.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from dataclasses import dataclass

from vr_app.process.environment import environment

PATIENCE = 20.0
"""In seconds. Asking SteamVR for an instance starts it if it is not running."""

SHIFT, PAUSE = 20.0, 1.0
"""In seconds: how long one process waits for a headset, and the minimum between the starts of two processes (a crashing
runtime ends its process at once)."""


@dataclass(frozen=True)
class ProbeResult:
    """What an OpenXR runtime reports about itself and its headset.

    `problem`: one line, what is missing and the cure; empty where a headset can be had. `runtime`: name and version,
    empty where none answers. `system`: the headset's name. `view_sizes`: the recommended (width, height) in pixels of
    each eye's picture. `extensions`: names of all that the runtime offers. `layers`: kinds of composition layers that
    surfaces can be shown by, `most_layers` in a frame, `largest_picture`: of a layer, in pixels (width, height);
    `layer_quirk`: what is known to go wrong with them, empty where nothing is.
    """

    problem: str = ""
    runtime: str = ""
    system: str = ""
    view_sizes: tuple[tuple[int, int], ...] = ()
    extensions: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    most_layers: int = 0
    largest_picture: tuple[int, int] = (0, 0)
    layer_quirk: str = ""

    @property
    def available(self) -> bool:
        """Whether a headset answers, and takes OpenGL."""
        return not self.problem


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "vr_app.xr.answer", *arguments]


def probe(timeout: float = PATIENCE) -> ProbeResult:
    """Ask the active runtime for a headset: no window, no GL, no trace. `timeout` in seconds. Never raises for a
    missing runtime or headset: the answer's `problem` says so."""
    probing = Probing(timeout)
    try:
        return probing.wait()
    finally:
        probing.close()


class Probing:
    """A probe under way, which never blocks its caller but in `wait`. `close` it."""

    def __init__(self, timeout: float = PATIENCE) -> None:
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(
            _command(), env=environment(), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
        self._timeout, self._until = timeout, time.monotonic() + timeout

    def result(self) -> ProbeResult | None:
        """Return the answer once it is there."""
        if self._child.poll() is None and time.monotonic() < self._until:
            return None
        return self.wait()

    def wait(self) -> ProbeResult:
        """Wait for the answer, until the time is over."""
        try:
            out, err = self._child.communicate(timeout=max(0.0, self._until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.close()
            return ProbeResult(
                f"the OpenXR runtime does not answer within {self._timeout:.0f} s: restart it, then this program"
            )
        return _result(out, err, self._child.returncode)

    def close(self) -> None:
        """End the process. May be called twice."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.communicate()


def _result(out: bytes, err: bytes, code: int) -> ProbeResult:
    """Return what the process has answered."""
    try:
        answer = json.loads(out.splitlines()[-1])
    except (IndexError, ValueError):
        said = err.decode(errors="replace").strip().splitlines()
        return ProbeResult(f"asking OpenXR for a headset failed: {said[-1] if said else f'exit {code}'}")
    sizes = tuple((width, height) for width, height in answer["view_sizes"])
    lists = {name: tuple(answer[name]) for name in ("extensions", "layers", "largest_picture")}
    return ProbeResult(**{**answer, **lists, "view_sizes": sizes})


class HeadsetWatch:
    """Looks for a headset again and again, in a separate process, and never blocks its caller.

    A process that hangs is ended after SHIFT + PATIENCE seconds, and the next one begins. `close` it.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._begun = -math.inf

    def answers(self) -> bool:
        """Whether a headset has answered since the last call that returned true."""
        since = time.monotonic() - self._begun
        code = None if self._child is None else self._child.poll()
        if code is not None:
            self._child = None
        elif self._child is not None and since > SHIFT + PATIENCE:
            self.close()
        if self._child is None and code != 0 and since > PAUSE:
            self._begun = time.monotonic()
            null = subprocess.DEVNULL
            self._child = subprocess.Popen(
                _command(str(SHIFT)), env=environment(), stdin=null, stdout=null, stderr=null
            )
        return code == 0

    def close(self) -> None:
        """End the process. May be called twice."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
