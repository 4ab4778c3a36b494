"""GL functions that a frame calls dozens of times, called directly instead of through PyOpenGL's wrappers.

PyOpenGL checks every argument, and its calls release the interpreter's lock: beside a worker that runs Python, each of
a frame's hundred calls may then wait up to the switch interval to get it back. These functions keep the lock, as they
return within microseconds; calls that may wait for the driver (drawing, reading, finishing) go through `GL`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from vr_app.gl.context import DEBUG, GL

_INT, _UINT, _FLOAT, _BOOL, _POINTER = ctypes.c_int, ctypes.c_uint, ctypes.c_float, ctypes.c_ubyte, ctypes.c_void_p

_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "glActiveTexture": (_UINT,),
    "glBindBuffer": (_UINT, _UINT),
    "glBindFramebuffer": (_UINT, _UINT),
    "glBindTexture": (_UINT, _UINT),
    "glBindVertexArray": (_UINT,),
    "glBlendEquation": (_UINT,),
    "glBlendFunc": (_UINT, _UINT),
    "glClearColor": (_FLOAT,) * 4,
    "glColorMask": (_BOOL,) * 4,
    "glDisable": (_UINT,),
    "glEnable": (_UINT,),
    "glPixelStorei": (_UINT, _INT),
    "glScissor": (_INT,) * 4,
    "glTexSubImage3D": (_UINT, *(_INT,) * 7, _UINT, _UINT, _POINTER),
    "glUniform1f": (_INT, _FLOAT),
    "glUniform1i": (_INT, _INT),
    "glUniform2f": (_INT, _FLOAT, _FLOAT),
    "glUniform2i": (_INT, _INT, _INT),
    "glUniform3f": (_INT, _FLOAT, _FLOAT, _FLOAT),
    "glUniform4f": (_INT, _FLOAT, _FLOAT, _FLOAT, _FLOAT),
    "glUniform4fv": (_INT, _INT, ctypes.c_char_p),
    "glUniform4i": (_INT, _INT, _INT, _INT, _INT),
    "glUniform4ui": (_INT, *(_UINT,) * 4),
    "glUniformMatrix4fv": (_INT, _INT, _BOOL, ctypes.c_char_p),
    "glUseProgram": (_UINT,),
    "glViewport": (_INT,) * 4,
}
"""C types by name. Arrays of floats are taken as bytes."""


class _Calls:
    """The functions above as attributes, each found in the driver at its first use, which a context must precede."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        prototype = ctypes.PYFUNCTYPE(None, *_ARGUMENTS[name])
        function = prototype(_address(name))
        value = _checked(name, function) if DEBUG else function
        setattr(self, name, value)
        return value


def _address(name: str) -> int:
    """Return a function's address. The system's own library exports the old ones; the driver is asked for the
    others."""
    GL.glGetError  # noqa: B018  PyOpenGL may only be imported once a context is open
    from OpenGL import platform

    bound: Any = platform.PLATFORM  # None until PyOpenGL has chosen one
    found = getattr(bound.GL, name, None)
    address = ctypes.cast(found, ctypes.c_void_p).value if found else bound.getExtensionProcedure(name.encode())
    if not address:
        raise RuntimeError(f"the OpenGL driver has no {name}: update it")
    return address


def _checked(name: str, function: Callable[..., None]) -> Callable[..., None]:
    def call(*arguments: Any) -> None:
        function(*arguments)
        error = GL.glGetError()
        if error:
            raise RuntimeError(f"{name}{arguments}: GL error {error:#x}")

    return call


CALLS: Any = _Calls()
