"""Shader programs, from the files in `shaders/`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vr_app.gl import objects
from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL

_PACKAGE = Path(__file__).resolve().parents[1]


def shader_path(name: str) -> Path:
    """Return a shader's path: in `vr_app/_shaders` of an installed wheel, in `shaders` beside the package in a
    checkout."""
    installed = _PACKAGE / "_shaders"
    return (installed if installed.is_dir() else _PACKAGE.parent / "shaders") / name


class Program:
    """A linked program. `defines` ("NAME" or "NAME value") stand first in both shaders as `#define`.

    Raises `RuntimeError` with the file's name and the driver's words if the driver refuses a shader.
    """

    def __init__(self, vertex: str, fragment: str, defines: tuple[str, ...] = ()) -> None:
        self._handle = objects.program()
        shaders = [
            _compile(kind, name, defines)
            for kind, name in ((GL.GL_VERTEX_SHADER, vertex), (GL.GL_FRAGMENT_SHADER, fragment))
        ]
        for shader in shaders:
            GL.glAttachShader(self._handle, shader)
        GL.glLinkProgram(self._handle)
        for shader in shaders:
            GL.glDeleteShader(shader)
        if not GL.glGetProgramiv(self._handle, GL.GL_LINK_STATUS):
            raise RuntimeError(f"shaders {vertex} and {fragment}: {_text(GL.glGetProgramInfoLog(self._handle))}")
        self._locations: dict[str, int] = {}

    def use(self) -> None:
        """Draw with it from now on."""
        CALLS.glUseProgram(self._handle)

    def set_matrix(self, to_clip: np.ndarray) -> None:
        """Set the 4x4 matrix from its vertices' coordinates to clip coordinates. The program must be in use."""
        CALLS.glUniformMatrix4fv(self["u_to_clip"], 1, True, to_clip.astype(np.float32).tobytes())

    def __getitem__(self, uniform: str) -> int:
        """Return a uniform's location; -1, which GL ignores, if the shaders do not use it."""
        location = self._locations.get(uniform)
        if location is None:
            location = self._locations[uniform] = GL.glGetUniformLocation(self._handle, uniform)
        return location

    def close(self) -> None:
        """Delete the program. May be called twice."""
        if self._handle:
            GL.glDeleteProgram(self._handle)
            self._handle = 0


def _compile(kind: int, name: str, defines: tuple[str, ...]) -> int:
    head = "#version 330 core\n" + "".join(f"#define {word}\n" for word in defines) + "#line 1\n"
    shader = objects.shader(kind)
    GL.glShaderSource(shader, head + shader_path(name).read_text(encoding="utf-8"))
    GL.glCompileShader(shader)
    if not GL.glGetShaderiv(shader, GL.GL_COMPILE_STATUS):
        raise RuntimeError(f"shader {name}: {_text(GL.glGetShaderInfoLog(shader))}")
    return shader


def _text(log: bytes | str) -> str:
    return log.decode(errors="replace") if isinstance(log, bytes) else log
