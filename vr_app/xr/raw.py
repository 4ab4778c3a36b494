"""OpenXR's functions without pyopenxr's ways around them, for those that a frame calls dozens of times.

They answer a number. pyopenxr's raw functions make an `xr.Result` of it, which costs more than most of the calls.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import xr
from xr import raw_functions


def plain(name: str) -> Callable[..., int]:
    """The loader's function of that name, with pyopenxr's argument types."""
    known = getattr(raw_functions, name)
    if not isinstance(known, ctypes._CFuncPtr):
        return known  # somebody listens in between
    function = type(known)(ctypes.cast(known, ctypes.c_void_p).value)
    function.argtypes, function.restype = known.argtypes, ctypes.c_int
    return function


def check(answer: int) -> None:
    """Raise what pyopenxr would for an error. To be called inside `vr_app.xr.errors.openxr`."""
    if answer < 0:
        raise xr.check_result(xr.Result(answer))
