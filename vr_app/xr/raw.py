"""OpenXR's functions without pyopenxr's wrappers, for those that every frame calls.

pyopenxr creates the structures of a call every time, and an `xr.Result` for every answer, which together cost as much
as the calls themselves.
"""

from __future__ import annotations

import ctypes
from _ctypes import CFuncPtr
from collections.abc import Callable
from typing import Any, NoReturn

import xr
from xr import raw_functions

from vr_app.xr.errors import openxr

LOSS_PENDING = xr.Result.SESSION_LOSS_PENDING.value


def plain(name: str) -> Callable[..., int]:
    """Return the loader's function of that name, with pyopenxr's argument types; it returns a number."""
    known = getattr(raw_functions, name)
    if not isinstance(known, CFuncPtr):
        return known  # something listens in between
    from_address: Any = type(known)  # ctypes' types do not know that it takes one
    function = from_address(ctypes.cast(known, ctypes.c_void_p).value)
    function.argtypes, function.restype = known.argtypes, ctypes.c_int
    return function


def checked(name: str) -> Callable[..., int]:
    """Return the same as `plain`, but raising `HeadsetError` for an error, and `HeadsetLostError` also if the session
    is about to be lost."""
    function = plain(name)

    def call(*given: object) -> int:
        answer = function(*given)
        if answer < 0 or answer == LOSS_PENDING:
            fail(name, answer)
        return answer

    return call


def fail(name: str, answer: int) -> NoReturn:
    """Raise the error for the answer of the function of that name."""
    with openxr(name):
        raise xr.check_result(xr.Result(answer))
