"""Convert OpenXR's result codes to one clear line, and destroy handles whatever happens."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TypeVar

import xr

from sr_core.errors import UserError

Handle = TypeVar("Handle")


class HeadsetError(UserError):
    """The headset is not available. One line: what, why, and the cure."""


class HeadsetLostError(HeadsetError):
    """The runtime or its session is gone; nothing more can be asked of it."""


LOST = (
    xr.exception.SessionLostError,
    xr.exception.InstanceLostError,
    xr.exception.SessionLossPending,
)

LOST_MESSAGE = "the connection to the headset was lost: start its OpenXR runtime again, then this program"

BEGINNINGS = ("xrCreate", "xrEnumerate", "xrGetSystem", "xrGetInstance", "xrGetOpenGL")
"""Calls that ask for something new: a runtime that fails at one of them may have had nothing to lose. At any other,
some runtimes report "runtime failure" when their service has died, which is as bad as a loss: only a new session
helps."""


class openxr:  # noqa: N801  (used as a function is)
    """Converts pyopenxr's errors inside it to a `HeadsetError`; `call` is what was asked of the runtime.

    pyopenxr raises for success codes too (`QualifiedSuccessResult`): those pass, for the caller to understand.
    """

    __slots__ = ("_call",)

    def __init__(self, call: str) -> None:
        self._call = call

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, LOST):
            raise HeadsetLostError(LOST_MESSAGE) from error
        if isinstance(error, xr.exception.ErrorResult):
            if isinstance(error, xr.exception.RuntimeFailureError) and not self._call.startswith(BEGINNINGS):
                raise HeadsetLostError(LOST_MESSAGE) from error
            raise HeadsetError(_line(self._call, error)) from error


def own(handles: ExitStack, destroy: Callable[[Handle], None], handle: Handle) -> Handle:
    """Destroy `handle` when `handles` closes. If the runtime has gone by then, that is no error.

    Everything is destroyed after a loss too, in the usual order, the instance last: the loader lends out one instance
    at a time, and Monado's client gives its socket, shared memory and textures back although every call of it fails.
    """

    def end() -> None:
        with suppress(xr.exception.XrException):
            destroy(handle)

    handles.callback(end)
    return handle


def _line(call: str, error: xr.exception.ErrorResult) -> str:
    match error:
        case xr.exception.RuntimeUnavailableError():
            chosen = os.environ.get("XR_RUNTIME_JSON")
            if chosen:
                return f"no OpenXR runtime: XR_RUNTIME_JSON={chosen} names no runtime that loads; correct or unset it"
            return (
                "no OpenXR runtime: install one (SteamVR, Monado, ...) and make it the active one "
                "(active_runtime.json), or name its manifest in XR_RUNTIME_JSON"
            )
        case xr.exception.FormFactorUnavailableError():
            return "the OpenXR runtime has no headset now: connect it and switch it on"
        case xr.exception.FormFactorUnsupportedError():
            return "the active OpenXR runtime supports no headset: choose another in XR_RUNTIME_JSON"
        case xr.exception.ExtensionNotPresentError():
            return "the active OpenXR runtime does not accept OpenGL pictures: choose another in XR_RUNTIME_JSON"
        case xr.exception.ApiLayerNotPresentError():
            return "an OpenXR layer named in XR_ENABLE_API_LAYERS is not installed: unset it, or set XR_API_LAYER_PATH"
        case xr.exception.RuntimeFailureError() | xr.exception.InitializationFailedError():
            return f"the OpenXR runtime fails at {call}: check that its service runs, or restart it"
    return f"the OpenXR runtime refuses {call} ({type(error).__name__}); FUNDUSXR_XR_DEBUG=1 shows what it says"
