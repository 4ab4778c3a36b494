"""Choose a session's runtime: a headset if one answers, else a window, else offscreen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from sr_core.errors import UserError
from vr_app.core.scene.layer_mode import LayerMode
from vr_app.core.scene.spectator import MirrorKind
from vr_app.core.view.window_place import USUAL_SIZE
from vr_app.files.window_place import keep_place, read_place
from vr_app.gl import context
from vr_app.gl.context import TITLE
from vr_app.runtime.interface import Runtime
from vr_app.xr.probe import probe


@dataclass(frozen=True)
class Choice:
    """A runtime and, in one line, why it was chosen."""

    runtime: Runtime
    reason: str


@contextmanager
def open_runtime(
    mode: str,
    size: tuple[int, int] | None,
    mirror: MirrorKind = MirrorKind.left,
    left_handed: bool = False,
    layers: LayerMode = LayerMode.AUTO,
) -> Iterator[Choice]:
    """Open the runtime of a mode ('auto', 'xr', 'desktop' or 'offscreen'), and close it again.

    `size`: width and height in pixels of a window or an offscreen picture; None: a window is as it was left last, and a
    picture is of USUAL_SIZE. `mirror`: what the window beside a headset shows. `left_handed`: a headset's controllers
    swap their buttons. `layers`: whether a headset's runtime shows surfaces by itself. 'auto' tries each in turn.
    Raises UserError, with the cure, if a mode requested by name is not available.
    """
    open_in = {
        "xr": partial(_headset, mirror, left_handed, layers),
        "desktop": partial(_window, size),
        "offscreen": partial(_offscreen, size or USUAL_SIZE),
    }
    with ExitStack() as owned:

        def open_(mode: str) -> Runtime:
            return owned.enter_context(open_in[mode]())

        yield Choice(*(_first_to_be_had(open_) if mode == "auto" else (open_(mode), "asked for")))


def _first_to_be_had(open_: Callable[[str], Runtime]) -> tuple[Runtime, str]:
    found = probe()
    if found.available:
        return open_("xr"), f"{found.runtime} answers with {found.system}"
    without = f"no headset: {found.problem}"
    try:
        # Fails before it binds the process to the window's GL platform, so that offscreen can still bind it to another.
        return open_("desktop"), without
    except context.ContextError as error:
        return open_("offscreen"), f"{without}; {error}"


# `vr_app.runtime.headset` binds the process to GLX at its import, so each import waits for the choice.


@contextmanager
def _headset(mirror: MirrorKind, left_handed: bool, layers: LayerMode) -> Iterator[Runtime]:
    problem = probe().problem
    if problem:
        raise UserError(f"--mode xr: {problem}")
    from vr_app.runtime.headset import HeadsetRuntime

    runtime = HeadsetRuntime(mirror, left_handed, layers)
    try:
        yield runtime
    finally:
        runtime.close()


@contextmanager
def _window(size: tuple[int, int] | None) -> Iterator[Runtime]:
    from vr_app.runtime.window import WindowRuntime

    place = read_place() if size is None else None
    with context.open_window(TITLE, size or USUAL_SIZE, scaled=size is None and place is None) as window:
        if place is not None:
            window.put(place)
        runtime = WindowRuntime(window)
        try:
            yield runtime
        finally:
            runtime.close()
            if size is None and window.place.sound:
                keep_place(window.place)


@contextmanager
def _offscreen(size: tuple[int, int]) -> Iterator[Runtime]:
    from vr_app.runtime.offscreen import OffscreenRuntime

    with context.open_offscreen() as surface:
        runtime = OffscreenRuntime(surface, size)
        try:
            yield runtime
        finally:
            runtime.close()
