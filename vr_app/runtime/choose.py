"""Which runtime a session gets: a headset if one answers, else a window, else offscreen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sr_core.errors import UserError
from vr_app.gl import context
from vr_app.runtime.interface import Runtime
from vr_app.xr.probe import probe

TITLE = "FundusXR"


@dataclass(frozen=True)
class Choice:
    """A runtime and, in one line, why it was taken."""

    runtime: Runtime
    reason: str


@contextmanager
def open_runtime(mode: str, size: tuple[int, int]) -> Iterator[Choice]:
    """Open the runtime of a mode ('auto', 'xr', 'desktop' or 'offscreen'), and close it again.

    `size`: width and height in pixels of a window or an offscreen picture. 'auto' tries each in turn. Raises UserError
    where a mode asked for by name cannot be had, with the cure.
    """
    with ExitStack() as owned:
        yield Choice(*(_first_to_be_had(size, owned) if mode == "auto" else (_open(mode, size, owned), "asked for")))


def _first_to_be_had(size: tuple[int, int], owned: ExitStack) -> tuple[Runtime, str]:
    found = probe()
    if found.available:
        return _open("xr", size, owned), f"{found.runtime} answers with {found.system}"
    without = f"no headset: {found.problem}"
    try:
        # Fails before it binds the process to the window's GL platform, so that offscreen can still bind it to another.
        return _open("desktop", size, owned), without
    except context.ContextError as error:
        return _open("offscreen", size, owned), f"{without}; {error}"


def _open(mode: str, size: tuple[int, int], owned: ExitStack) -> Runtime:
    return owned.enter_context({"xr": _headset, "desktop": _window, "offscreen": _offscreen}[mode](size))


# `vr_app.runtime.headset` binds the process to GLX at its import, so each import waits for the choice.


@contextmanager
def _headset(size: tuple[int, int]) -> Iterator[Runtime]:
    problem = probe().problem
    if problem:
        raise UserError(f"--mode xr: {problem}")
    from vr_app.runtime.headset import HeadsetRuntime

    runtime = HeadsetRuntime()
    try:
        yield runtime
    finally:
        runtime.close()


@contextmanager
def _window(size: tuple[int, int]) -> Iterator[Runtime]:
    from vr_app.runtime.window import WindowRuntime

    with context.open_window(TITLE, size) as window:
        runtime = WindowRuntime(window)
        try:
            yield runtime
        finally:
            runtime.close()


@contextmanager
def _offscreen(size: tuple[int, int]) -> Iterator[Runtime]:
    from vr_app.runtime.offscreen import OffscreenRuntime

    with context.open_offscreen() as surface:
        runtime = OffscreenRuntime(surface, size)
        try:
            yield runtime
        finally:
            runtime.close()
