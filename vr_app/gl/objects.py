"""The only place where GL objects are made and counted: none may be made once a viewer has warmed up, because a driver
takes milliseconds for some of them."""

from __future__ import annotations

from vr_app.gl.context import GL

_made = 0


def made() -> int:
    """Return how many GL objects this process has made so far, including deleted ones."""
    return _made


def _count(number: int) -> None:
    global _made
    _made += number


def texture() -> int:
    """Return the name of a new texture."""
    _count(1)
    return int(GL.glGenTextures(1))


def buffers(number: int) -> list[int]:
    """Return the names of `number` new buffers."""
    _count(number)
    names = GL.glGenBuffers(number)
    return [int(names)] if number == 1 else [int(name) for name in names]


def vertex_array() -> int:
    """Return the name of a new vertex array."""
    _count(1)
    return int(GL.glGenVertexArrays(1))


def framebuffer() -> int:
    """Return the name of a new framebuffer."""
    _count(1)
    return int(GL.glGenFramebuffers(1))


def renderbuffer() -> int:
    """Return the name of a new renderbuffer."""
    _count(1)
    return int(GL.glGenRenderbuffers(1))


def program() -> int:
    """Return the name of a new program."""
    _count(1)
    return int(GL.glCreateProgram())


def shader(kind: int) -> int:
    """Return the name of a new shader of a kind (GL_VERTEX_SHADER or GL_FRAGMENT_SHADER)."""
    _count(1)
    return int(GL.glCreateShader(kind))
