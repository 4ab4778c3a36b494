"""A client on `HeadsetRuntime`, for tests/vr_app/xr/test_headset.py: the application's loop with a clear for a picture.

    python -m tests.helpers.xr_client [--left R,G,B] [--right R,G,B] [--profiles touch,index,simple] [--fail-at N]
                              [--mirror left|right|both|spectator] [--slow-swap SECONDS] [--trouble NAME]
                              [--recentre-at N]

Fills each eye with its sRGB colour and prints one JSON line per frame: session state, eyes, controller sample, the
colours read back from the swapchain images (of every tenth). Ends in the orderly way when its standard input is
closed. With `--fail-at N` it raises in the middle of drawing, the first eye done: in FAILURES frames from the Nth on,
which the loop survives, and once more soon after, which it does not. A `UserError` is printed as the command line does
it, and exits with 2. `--slow-swap` lets each
of the window's swaps take so long; `--trouble` calls a function of tests.helpers.xr_trouble before anything is opened.
`--recentre-at N` asks for it once N frames are drawn. Where a third picture is asked for, the spectator's, it is filled
with SPECTATOR, and the window's with LOST where there is no headset.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import select
import sys
import time
from ctypes import c_void_p
from pathlib import Path

import numpy as np

from sr_core.errors import UserError
from tests.helpers.xr_colours import LOST, SPECTATOR
from vr_app.core.scene.spectator import MirrorKind
from vr_app.gl import context
from vr_app.gl.context import GL
from vr_app.gl.objects import Framebuffer
from vr_app.runtime.headset import HeadsetRuntime
from vr_app.xr import bindings
from vr_app.xr import frame as frames

READ_EVERY = 10
"""In frames. Reading back takes longer than drawing."""

FAILURES = 5
"""More than the number of a swapchain's images, so that each must have been released."""


class DemandedError(Exception):
    """Raised by the loop's body on request."""


def linear(srgb: int) -> float:
    """Return an sRGB-encoded 8-bit value as linear light, 0 to 1 (IEC 61966-2-1)."""
    value = srgb / 255.0
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def fill(target: Framebuffer, colour: list[int], read: bool) -> list[list[int]]:
    """Clear `target`; if it is to be read, return the darkest and the lightest stored values."""
    GL.glClearColor(*map(linear, colour), 1.0)
    GL.glClear(GL.GL_COLOR_BUFFER_BIT)
    if not read:
        return []
    pixels = target.read()
    return [pixels.min((0, 1)).tolist(), pixels.max((0, 1)).tolist()]


def hidden_share(target: Framebuffer) -> float:
    """Return the fraction of the bound `target` that cannot be drawn into."""
    width, height = target.size
    stencil = np.empty((height, width), np.uint8)
    GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
    GL.glReadPixels(0, 0, width, height, GL.GL_STENCIL_INDEX, GL.GL_UNSIGNED_BYTE, stencil.ctypes.data_as(c_void_p))
    return float(stencil.mean()) if GL.glIsEnabled(GL.GL_STENCIL_TEST) else 0.0


def count_discarded() -> list[int]:
    """Return a list that gets an entry for each frame begun before the previous one was ended."""
    xr = frames.xr  # not imported here: PyOpenGL has to be bound before
    discarded: list[int] = []
    begin = xr.raw_functions.xrBeginFrame

    def counting(*arguments: object) -> int:
        answer = begin(*arguments)
        if answer == xr.Result.FRAME_DISCARDED:
            discarded.append(1)
        return int(answer)

    xr.raw_functions.xrBeginFrame = counting
    return discarded


def loop(
    runtime: HeadsetRuntime,
    colours: list[list[int]],
    fail_at: int,
    recentre_at: int,
    discarded: list[int],
    swaps: list[int],
) -> None:
    begun = drawn = 0
    while runtime.poll_events():
        if select.select([sys.stdin], [], [], 0.0)[0]:
            return
        stored: list[list[list[int]]] = []
        hidden: list[float] = []
        try:
            with runtime.frame() as frame:
                colours_now = [LOST] if len(frame.eyes) == 1 else [*colours, SPECTATOR]
                begun += frame.should_render
                sample = runtime.read(frame.time)
                for (eye, target), colour in zip(frame.targets(), colours_now, strict=False):
                    if stored and begun in (*range(fail_at, fail_at + FAILURES), fail_at + 2 * FAILURES):
                        raise DemandedError("in the middle of a frame")
                    assert eye.size == target.size
                    if drawn % READ_EVERY == 0:
                        hidden.append(hidden_share(target))
                    stored.append(fill(target, colour, read=drawn % READ_EVERY == 0))
                drawn += bool(stored)
        except DemandedError:
            if begun >= fail_at + FAILURES:
                raise
        if recentre_at <= drawn:
            recentre_at = 1 << 40
            runtime.recentre()
        report = {
            "floor": runtime.floor,
            "state": state(runtime),
            "notices": runtime.take_notices(),
            "period": frame.period,
            "at": time.monotonic(),
            **resources(),
            "time": frame.time,
            "should_render": frame.should_render,
            "drawn": drawn,
            "discarded": len(discarded),
            "swaps": len(swaps),
            "eyes": [dataclasses.asdict(eye) for eye in frame.eyes],
            "stored": stored,
            "hidden": hidden,
            "sample": dataclasses.asdict(sample),
        }
        print(json.dumps(report), flush=True)


def state(runtime: HeadsetRuntime) -> str:
    """Return the session's state, or LOST without a session."""
    return runtime._session.state.name if runtime._session is not None else "LOST"


def resources() -> dict[str, int]:
    """Return what the process holds: open files, threads, and private memory in kB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    tasks = len(os.listdir("/proc/self/task"))
    return {"files": len(os.listdir("/proc/self/fd")), "threads": tasks, "kilobytes": pages * 4}


def swap_slowly(seconds: float) -> list[int]:
    """Make the desktop take that long for each picture. Return a list that gets an entry for each."""
    swap = context.Window.swap
    swaps: list[int] = []

    def slow(window: context.Window) -> None:
        time.sleep(seconds)
        swap(window)
        swaps.append(1)

    context.Window.swap = slow
    return swaps


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--left", default="0,0,0")
    parser.add_argument("--right", default="0,0,0")
    parser.add_argument("--profiles", default="touch,index,simple")
    parser.add_argument("--fail-at", type=int, default=1 << 40)
    parser.add_argument("--recentre-at", type=int, default=1 << 40)
    parser.add_argument("--mirror", default="left")
    parser.add_argument("--slow-swap", type=float, default=0.0)
    parser.add_argument("--trouble", default="")
    options = parser.parse_args()
    colours = [[int(value) for value in text.split(",")] for text in (options.left, options.right)]
    bindings.PROFILES = tuple(
        profile for profile in bindings.PROFILES if any(name in profile.path for name in options.profiles.split(","))
    )
    swaps = swap_slowly(options.slow_swap) if options.slow_swap else []
    if options.trouble:
        from tests.helpers import xr_trouble

        getattr(xr_trouble, options.trouble)()
    discarded = count_discarded()
    runtime = HeadsetRuntime(MirrorKind(options.mirror))
    print(json.dumps({"state": "OPEN", "about": runtime.describe()}), flush=True)
    try:
        loop(runtime, colours, options.fail_at, options.recentre_at, discarded, swaps)
    finally:
        runtime.close()
        print(json.dumps({"state": state(runtime), "closed": True}), flush=True)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
