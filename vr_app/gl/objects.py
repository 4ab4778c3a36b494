"""GL objects: programs, framebuffers, and the names of all others.

The only place where GL objects are made and counted: none may be made once a viewer has warmed up, because a driver
takes milliseconds for some of them.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np

from vr_app.gl.calls import CALLS
from vr_app.gl.context import GL

_PACKAGE = Path(__file__).resolve().parents[1]

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
        _count(1)
        self._handle = int(GL.glCreateProgram())
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
    _count(1)
    shader = int(GL.glCreateShader(kind))
    GL.glShaderSource(shader, head + shader_path(name).read_text(encoding="utf-8"))
    GL.glCompileShader(shader)
    if not GL.glGetShaderiv(shader, GL.GL_COMPILE_STATUS):
        raise RuntimeError(f"shader {name}: {_text(GL.glGetShaderInfoLog(shader))}")
    return shader


def _text(log: bytes | str) -> str:
    return log.decode(errors="replace") if isinstance(log, bytes) else log


class Framebuffer:
    """Where a picture is drawn: a framebuffer object over one GL_SRGB8_ALPHA8 texture, the project's own or a
    swapchain's. There is no depth: everything is painted in order."""

    def __init__(self, texture: int, size: tuple[int, int], owned: bool) -> None:
        self.texture = texture
        self.size = size
        self._owned = owned
        self._hides = False
        self._handle = framebuffer()
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._handle)
        GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, texture, 0)
        status = GL.glCheckFramebufferStatus(GL.GL_FRAMEBUFFER)
        if status != GL.GL_FRAMEBUFFER_COMPLETE:
            raise RuntimeError(f"framebuffer of {size[0]} x {size[1]} pixels is incomplete: GL status {status:#x}")

    @staticmethod
    def create(size: tuple[int, int]) -> Framebuffer:
        """Create one with its own texture of `size` (width, height) pixels."""
        name = texture()
        GL.glBindTexture(GL.GL_TEXTURE_2D, name)
        GL.glTexImage2D(
            GL.GL_TEXTURE_2D, 0, GL.GL_SRGB8_ALPHA8, *size, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, ctypes.c_void_p(None)
        )
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAX_LEVEL, 0)
        return Framebuffer(name, size, owned=True)

    @staticmethod
    def of_texture(texture: int, size: tuple[int, int]) -> Framebuffer:
        """Wrap another owner's GL_SRGB8_ALPHA8 texture (a swapchain image), which it never deletes."""
        return Framebuffer(texture, size, owned=False)

    def hide(self, stencil: int) -> None:
        """Leave out, from now on, the pixels where `stencil` (a renderbuffer of the same size) is not 0."""
        self._hides = True
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._handle)
        attachment = GL.GL_DEPTH_STENCIL_ATTACHMENT
        GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, attachment, GL.GL_RENDERBUFFER, stencil)

    def bind(self) -> None:
        """Draw into it from now on: whole viewport, colours taken as linear light and stored as sRGB."""
        if self._hides:
            CALLS.glEnable(GL.GL_STENCIL_TEST)
            GL.glStencilFunc(GL.GL_EQUAL, 0, 0xFF)
        else:
            CALLS.glDisable(GL.GL_STENCIL_TEST)
        CALLS.glBindFramebuffer(GL.GL_FRAMEBUFFER, self._handle)
        CALLS.glViewport(0, 0, *self.size)
        CALLS.glEnable(GL.GL_FRAMEBUFFER_SRGB)

    def read(self) -> np.ndarray:
        """Return the picture as stored: (H, W, 3) uint8, sRGB-encoded, first row on top. Waits for all drawing to
        end."""
        width, height = self.size
        pixels = np.empty((height, width, 3), np.uint8)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._handle)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
        GL.glReadPixels(0, 0, width, height, GL.GL_RGB, GL.GL_UNSIGNED_BYTE, ctypes.c_void_p(pixels.ctypes.data))
        return np.ascontiguousarray(pixels[::-1])

    def blit_to_window(self, width: int, height: int) -> None:
        """Copy into the window's back buffer of `width` x `height` pixels: as large as fits, bytes unchanged.

        Bars at the sides, or above and below, are black. Leaves the default framebuffer bound.
        """
        self.blit_part_to_window(self.size, width, height)

    def blit_part_to_window(self, part: tuple[int, int], width: int, height: int) -> None:
        """Like `blit_to_window`, but only of the lower left `part` (width, height in pixels) of the picture."""
        # A window's buffer is mostly not sRGB. Without this GL 4.4 copies the bytes as they are (Mesa and NVIDIA too).
        GL.glDisable(GL.GL_FRAMEBUFFER_SRGB)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._handle)
        GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, 0)
        scale = min(width / part[0], height / part[1])
        w, h = round(part[0] * scale), round(part[1] * scale)
        if (w, h) != (width, height):
            GL.glClearColor(0.0, 0.0, 0.0, 1.0)
            GL.glClear(GL.GL_COLOR_BUFFER_BIT)
        x, y = (width - w) // 2, (height - h) // 2
        filtering = GL.GL_NEAREST if (w, h) == part else GL.GL_LINEAR
        GL.glBlitFramebuffer(0, 0, *part, x, y, x + w, y + h, GL.GL_COLOR_BUFFER_BIT, filtering)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)

    def blit_to(self, target: Framebuffer, x: int, y: int, width: int, height: int) -> None:
        """Copy the whole picture into `width` x `height` pixels of `target`, with its lower left corner at (x, y).

        The bytes stay as they are. Leaves the default framebuffer bound.
        """
        GL.glDisable(GL.GL_FRAMEBUFFER_SRGB)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, self._handle)
        GL.glBindFramebuffer(GL.GL_DRAW_FRAMEBUFFER, target._handle)
        filtering = GL.GL_NEAREST if (width, height) == self.size else GL.GL_LINEAR
        GL.glBlitFramebuffer(0, 0, *self.size, x, y, x + width, y + height, GL.GL_COLOR_BUFFER_BIT, filtering)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)

    def close(self) -> None:
        """Delete the GL objects, except another owner's texture. May be called twice."""
        if self._handle:
            GL.glDeleteFramebuffers(1, [self._handle])
            if self._owned:
                GL.glDeleteTextures(1, [self.texture])
            self._handle = 0
