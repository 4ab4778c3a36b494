"""The current OpenGL context, as OpenXR wants to be told of it.

The only place in this package that imports `OpenGL`.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import xr
from OpenGL import GL

from vr_app.xr.errors import HeadsetError, openxr


def check_requirements(instance: xr.Instance, system: xr.SystemId) -> None:
    """Raises `HeadsetError` where the current context is older than the runtime wants.

    OpenXR demands the question before a session is created.
    """
    with openxr("xrGetOpenGLGraphicsRequirementsKHR"):
        requirements = xr.get_opengl_graphics_requirements_khr(instance, system)
    wanted = xr.Version(int(requirements.min_api_version_supported))
    major, minor = GL.glGetIntegerv(GL.GL_MAJOR_VERSION), GL.glGetIntegerv(GL.GL_MINOR_VERSION)
    if (major, minor) < (wanted.major, wanted.minor):
        raise HeadsetError(
            f"the headset's runtime needs OpenGL {wanted.major}.{wanted.minor}, but this is {major}.{minor}:  "
            "update the graphics driver"
        )


def binding() -> ctypes.Structure:
    """The current context as an XrGraphicsBinding... structure, for `xr.SessionCreateInfo(next=...)`."""
    return _win32() if sys.platform == "win32" else _xlib()


def _xlib() -> ctypes.Structure:
    from OpenGL import GLX

    # PyOpenGL's types say None of what its functions return.
    display: Any = GLX.glXGetCurrentDisplay()
    context: Any = GLX.glXGetCurrentContext()
    drawable: Any = GLX.glXGetCurrentDrawable()
    if not context:
        raise HeadsetError("the headset needs OpenGL through GLX: run where there is an X display (or Xwayland)")
    config_id, screen, count, visual = (ctypes.c_int() for _ in range(4))
    GLX.glXQueryContext(display, context, GLX.GLX_FBCONFIG_ID, ctypes.byref(config_id))
    GLX.glXQueryContext(display, context, GLX.GLX_SCREEN, ctypes.byref(screen))
    # Some runtimes (Monado) refuse a binding whose configuration and visual are left 0.
    wanted = (ctypes.c_int * 3)(GLX.GLX_FBCONFIG_ID, config_id.value, 0)
    configs: Any = GLX.glXChooseFBConfig(display, screen.value, wanted, ctypes.byref(count))
    if count.value == 0:
        raise HeadsetError("the OpenGL context has no GLX framebuffer configuration: update the graphics driver")
    GLX.glXGetFBConfigAttrib(display, configs[0], GLX.GLX_VISUAL_ID, ctypes.byref(visual))
    return xr.GraphicsBindingOpenGLXlibKHR(
        x_display=display,
        visualid=visual.value,
        glx_fbconfig=configs[0],
        glx_drawable=drawable,
        glx_context=context,
    )


def _win32() -> ctypes.Structure:
    """Untested: no Windows machine with a headset was at hand."""
    from OpenGL import WGL

    device: Any = WGL.wglGetCurrentDC()
    context: Any = WGL.wglGetCurrentContext()
    return xr.GraphicsBindingOpenGLWin32KHR(h_dc=device, h_glrc=context)


def swapchain_format(offered: list[int]) -> int:
    """GL_SRGB8_ALPHA8, what `Framebuffer` draws to; raises `HeadsetError` where the runtime does not offer it."""
    if GL.GL_SRGB8_ALPHA8 not in offered:
        raise HeadsetError("the headset's runtime accepts no sRGB pictures from OpenGL: update it, or use another")
    return int(GL.GL_SRGB8_ALPHA8)


DEPTH_FORMATS = (
    GL.GL_DEPTH_COMPONENT16,
    GL.GL_DEPTH_COMPONENT24,
    GL.GL_DEPTH_COMPONENT32F,
    GL.GL_DEPTH24_STENCIL8,
    GL.GL_DEPTH32F_STENCIL8,
)
"""The least of them still tells 2.000 m from 2.001 m."""


def depth_format(offered: list[int]) -> int | None:
    """The one of DEPTH_FORMATS that the runtime likes best, which it names first; None where it offers none."""
    return next((kind for kind in offered if kind in DEPTH_FORMATS), None)


def textures(swapchain: xr.Swapchain) -> list[int]:
    """The GL texture names of a swapchain's images."""
    return [int(image.image) for image in xr.enumerate_swapchain_images(swapchain, xr.SwapchainImageOpenGLKHR)]
