"""The OpenGL context: in a window, or offscreen with no display at all.

The only module that imports glfw, and the only one that decides which platform PyOpenGL binds itself to, because
PyOpenGL decides once, at its import. The other modules of `vr_app.gl` therefore take `GL` from here: it is
`OpenGL.GL`, imported at its first use, which a context must precede.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sr_core.errors import UserError
from vr_app.core.view.window_place import WindowPlace
from vr_app.gl.keyboard import Keyboard
from vr_app.gl.mouse import Mouse, MouseState
from vr_app.process.interruption import cut_off

logger = logging.getLogger(__name__)

DEBUG = os.environ.get("FUNDUSXR_GL_DEBUG") == "1"
"""Check every GL call and log the driver's messages; slow."""

# Where Mesa draws in software it takes every core, with little benefit (a picture of 154 ms on one core took 128 on
# two), while the network waits. It is read when Mesa is loaded.
os.environ.setdefault("LP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))

TITLE = "FundusXR"
"""The program's name: a window's title, or the end of it."""

_WINDOW_CURE = (
    "start it from a desktop session (its libraries: 'apt-get install libgl1 libx11-6 libxrandr2 libxinerama1 "
    "libxcursor1 libxi6 libxext6'), or use --mode offscreen"
)
_OFFSCREEN_CURE = "install Mesa with 'apt-get install libegl1 libgl1 libgl1-mesa-dri'"

_SOFTWARE = ("llvmpipe", "softpipe", "swiftshader", "software rasterizer", "software renderer", "gdi generic")
"""Parts of the names of renderers that draw on the processor, in lower case: Mesa's, Google's, Apple's, Windows'."""


def in_software(renderer: str) -> bool:
    """Whether a driver of this name draws on the processor, where every fade costs what the network needs."""
    return any(name in renderer.lower() for name in _SOFTWARE)


class ContextError(UserError):
    """No OpenGL 3.3 core context is available; the message says why and what to install."""


class _LateGL:
    """`OpenGL.GL`, imported when first used."""

    def __getattr__(self, name: str) -> Any:
        if _platform is None:
            raise RuntimeError("open a GL context before calling GL")
        import OpenGL.GL

        value = getattr(OpenGL.GL, name)
        setattr(self, name, value)
        return value


GL: Any = _LateGL()

_platform: str | None = None


def bind_pyopengl(platform: str) -> None:
    """Make PyOpenGL load its functions through `platform`: 'egl', 'glx', 'win32' or 'darwin'.

    The first call decides for the whole process, and must come before anything imports `OpenGL` (as `xr` does).
    Contexts of the other kind still work then: what PyOpenGL loads from libGL serves both.
    """
    global _platform
    if _platform is not None:
        return
    _platform = platform
    os.environ["PYOPENGL_PLATFORM"] = platform
    import OpenGL

    OpenGL.ERROR_CHECKING = DEBUG
    OpenGL.ERROR_LOGGING = False


class Context:
    """A current OpenGL core context, 3.3 or later. `renderer` and `version` are the driver's own words.

    Every method belongs to the thread that opened it.
    """

    def __init__(self) -> None:
        self.renderer = GL.glGetString(GL.GL_RENDERER).decode(errors="replace")
        self.version = GL.glGetString(GL.GL_VERSION).decode(errors="replace")
        if DEBUG:
            _log_driver_messages()

    def finish(self) -> None:
        """Wait until everything asked for so far is drawn."""
        GL.glFinish()

    def close(self) -> None:
        """Release the context, and everything created in it. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_callbacks: list[Any] = []
"""Kept alive as long as a driver may call them: to the end."""


def _log_driver_messages() -> None:
    if not GL.glDebugMessageCallback:
        return

    def on_message(source: int, kind: int, number: int, severity: int, length: int, text: bytes, user: Any) -> None:
        level = logging.DEBUG if severity == GL.GL_DEBUG_SEVERITY_NOTIFICATION else logging.WARNING
        logger.log(level, "GL: %s", ctypes.string_at(text, length).decode(errors="replace"))

    callback = GL.GLDEBUGPROC(on_message)
    _callbacks.append(callback)
    GL.glEnable(GL.GL_DEBUG_OUTPUT)
    GL.glEnable(GL.GL_DEBUG_OUTPUT_SYNCHRONOUS)
    GL.glDebugMessageCallback(callback, None)


# --- offscreen -------------------------------------------------------------------------------------------------------

_EGL_OPENGL_API = 0x30A2
_EGL_PLATFORM_DEVICE = 0x313F
_EGL_PLATFORM_SURFACELESS = 0x31DD
_EGL_CONFIG = (0x3033, 0x0001, 0x3040, 0x0008, 0x3038)
"""EGL_SURFACE_TYPE: EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE: EGL_OPENGL_BIT, EGL_NONE."""
_EGL_CONTEXT = (0x3098, 3, 0x30FB, 3, 0x30FD, 1, *((0x31B0, 1) if DEBUG else ()), 0x3038)
"""EGL_CONTEXT_MAJOR_VERSION 3, MINOR 3, OPENGL_PROFILE_MASK core, (OPENGL_DEBUG,) EGL_NONE."""


def open_offscreen() -> Context:
    """Open a context without a window, and make it current. On Linux it uses EGL, so no display is needed, and prefers
    a GPU to software.

    Raises `ContextError` if there is none.
    """
    if not sys.platform.startswith("linux"):
        return open_window("FundusXR", (16, 16), visible=False)
    return _EglContext(_Egl())


class _Egl:
    """The few EGL functions needed, through ctypes: PyOpenGL's own EGL cannot be imported without error checking."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL("libEGL.so.1", mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise ContextError(f"no OpenGL without a window: {error}; {_OFFSCREEN_CURE}") from error

    def call(self, name: str, *arguments: Any, result: Any = ctypes.c_uint) -> Any:
        """Call a core function; pointers are passed as c_void_p."""
        function = getattr(self._library, name)
        function.restype = result
        return function(*arguments)

    def extension(self, name: str, result: Any, *arguments: Any) -> Any:
        """Return an extension's function with its argument types, or None."""
        address = self.call("eglGetProcAddress", name.encode(), result=ctypes.c_void_p)
        return ctypes.CFUNCTYPE(result, *arguments)(address) if address else None

    def displays(self) -> Iterator[ctypes.c_void_p]:
        """Yield every way to a display, the likeliest hardware first."""
        by_platform = self.extension(
            "eglGetPlatformDisplayEXT", ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p
        )
        if by_platform is not None:
            for device in self._devices():
                yield ctypes.c_void_p(by_platform(_EGL_PLATFORM_DEVICE, device, None))
            yield ctypes.c_void_p(by_platform(_EGL_PLATFORM_SURFACELESS, None, None))
        yield ctypes.c_void_p(self.call("eglGetDisplay", ctypes.c_void_p(None), result=ctypes.c_void_p))

    def _devices(self) -> list[int]:
        query = self.extension(
            "eglQueryDevicesEXT", ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)
        )
        found, count = (ctypes.c_void_p * 16)(), ctypes.c_int(0)
        if query is None or not query(16, found, ctypes.byref(count)):
            return []
        return [device for device in found[: count.value] if device]


class _EglContext(Context):
    def __init__(self, egl: _Egl) -> None:
        self._egl = egl
        for display in egl.displays():
            if display.value and self._open(display):
                break
        else:
            raise ContextError(f"no OpenGL 3.3 without a window: EGL knows no display for it; {_OFFSCREEN_CURE}")
        bind_pyopengl("egl")
        super().__init__()

    def _open(self, display: ctypes.c_void_p) -> bool:
        egl, null = self._egl, ctypes.c_void_p(None)
        if not egl.call("eglInitialize", display, null, null) or not egl.call("eglBindAPI", _EGL_OPENGL_API):
            return False
        config, count = ctypes.c_void_p(), ctypes.c_int(0)
        wanted = (ctypes.c_int * len(_EGL_CONFIG))(*_EGL_CONFIG)
        egl.call("eglChooseConfig", display, wanted, ctypes.byref(config), 1, ctypes.byref(count))
        if count.value == 0:
            return False
        attributes = (ctypes.c_int * len(_EGL_CONTEXT))(*_EGL_CONTEXT)
        handle = egl.call("eglCreateContext", display, config, null, attributes, result=ctypes.c_void_p)
        if not handle:
            return False
        self._display, self._handle = display, ctypes.c_void_p(handle)
        if egl.call("eglMakeCurrent", display, null, null, self._handle):
            return True
        egl.call("eglDestroyContext", display, self._handle)
        return False

    def close(self) -> None:
        # The display stays initialised: another context of this process may be using it.
        if self._handle.value:
            null = ctypes.c_void_p(None)
            self._egl.call("eglMakeCurrent", self._display, null, null, null)
            self._egl.call("eglDestroyContext", self._display, self._handle)
            self._handle = null


# --- windows ---------------------------------------------------------------------------------------------------------


def open_window(
    title: str,
    size: tuple[int, int],
    visible: bool = True,
    x11: bool = False,
    vsync: bool = True,
    beside: Window | None = None,
    scaled: bool = False,
) -> Window:
    """Open a window of `size` screen coordinates with a current context.

    `beside`: another window, which stays current and is closed later: the new context shares its textures, and is left
    for a thread of its own, which calls `make_current`. `x11` asks for X11 and GLX even on a Wayland desktop, for
    OpenXR's Xlib binding. `vsync` False: `swap` never waits for the display (a headset's mirror). `scaled`: larger,
    where the desktop shows everything larger. Raises `ContextError` without a window system or OpenGL.
    """
    return Window(title, size, visible, x11, vsync, beside, scaled)


def _import_glfw(x11: bool) -> Any:
    if x11:
        os.environ["PYGLFW_LIBRARY_VARIANT"] = "x11"  # read by glfw's wheel at import
    try:
        import glfw
    except ImportError as error:
        raise ContextError(f"no window: glfw's libraries are missing ({error}); {_WINDOW_CURE}") from error
    glfw.ERROR_REPORTING = False
    if x11 and sys.platform.startswith("linux"):
        glfw.init_hint(glfw.PLATFORM, glfw.PLATFORM_X11)
    if not glfw.init():
        raise ContextError(f"no window: {_glfw_reason(glfw)}; {_WINDOW_CURE}")
    if sys.platform.startswith("linux") and glfw.get_platform() == glfw.PLATFORM_X11:
        _save_when_x_is_gone()
    return glfw


_X_GONE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda display: cut_off())
"""Kept for as long as Xlib may call it."""


def _save_when_x_is_gone() -> None:
    """Save when the X server is gone: Xlib ends the process itself once its connection is broken, with a line of its
    own and nothing saved."""
    try:
        ctypes.CDLL("libX11.so.6").XSetIOErrorHandler(_X_GONE)
    except (OSError, AttributeError):  # an X11 without Xlib: it has its own way
        return


def _glfw_reason(glfw: Any) -> str:
    _, description = glfw.get_error()
    text = description.decode(errors="replace") if isinstance(description, bytes) else str(description or "")
    return text or "glfw gives no reason"


class Window(Context):
    """A window, its context, and its mouse and keyboard input since the last call."""

    def __init__(
        self,
        title: str,
        size: tuple[int, int],
        visible: bool,
        x11: bool,
        vsync: bool,
        beside: Window | None,
        scaled: bool,
    ) -> None:
        glfw = self._glfw = beside._glfw if beside else _import_glfw(x11)
        self._vsync = vsync
        self._beside = beside
        self._title = title
        self._window = None
        self._dropped: list[str] = []
        self._cursor = "ARROW_CURSOR"
        self._cursors: dict[str, Any] = {}
        self._windowed: tuple[int, ...] | None = None
        """Place and size to go back to from the full screen."""
        glfw.window_hint(glfw.AUTO_ICONIFY, False)
        glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 3)
        glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 3)
        glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
        glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, True)
        glfw.window_hint(glfw.OPENGL_DEBUG_CONTEXT, DEBUG)
        glfw.window_hint(glfw.VISIBLE, visible)
        glfw.window_hint(glfw.SCALE_TO_MONITOR, scaled)
        self._window = glfw.create_window(*size, title, None, beside._window if beside else None)
        if not self._window:
            reason = _glfw_reason(glfw)
            if not beside:
                glfw.terminate()
            raise ContextError(f"no window with OpenGL 3.3: {reason}; {_WINDOW_CURE}")
        self._damaged = False
        glfw.set_window_refresh_callback(self._window, self._on_refresh)
        glfw.set_drop_callback(self._window, self._on_drop)
        self._mouse, self._keyboard = Mouse(glfw, self._window), Keyboard(glfw, self._window)
        if beside:
            self.renderer, self.version = beside.renderer, beside.version
            return
        self.make_current()
        bind_pyopengl(self._pyopengl_platform())
        super().__init__()

    def make_current(self) -> None:
        """Let the calling thread draw into the window from now on."""
        self._glfw.make_context_current(self._window)
        self._glfw.swap_interval(1 if self._vsync else 0)

    def leave(self) -> None:
        """Detach the calling thread from the window, so that another may draw into it."""
        self._glfw.make_context_current(None)

    def _pyopengl_platform(self) -> str:
        if not sys.platform.startswith("linux"):
            return sys.platform
        return "egl" if self._glfw.get_platform() == self._glfw.PLATFORM_WAYLAND else "glx"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; (0, 0) while minimised."""
        if self._glfw.get_window_attrib(self._window, self._glfw.ICONIFIED):
            return 0, 0
        return self._glfw.get_framebuffer_size(self._window)

    @property
    def system(self) -> str:
        """The window system: 'X11', 'Wayland', 'Windows' or 'macOS'."""
        if not sys.platform.startswith("linux"):
            return {"win32": "Windows", "darwin": "macOS"}.get(sys.platform, sys.platform)
        return "Wayland" if self._pyopengl_platform() == "egl" else "X11"

    @property
    def refresh_rate(self) -> float:
        """Pictures per second of the display; 60 if it does not say."""
        monitor = self._glfw.get_primary_monitor()
        mode = self._glfw.get_video_mode(monitor) if monitor else None
        return float(mode.refresh_rate) if mode and mode.refresh_rate else 60.0

    def poll(self, wait: float = 0.0) -> bool:
        """Take input events, waiting up to `wait` seconds for one; return False once the user has closed the window."""
        try:
            if wait > 0.0:
                self._glfw.wait_events_timeout(wait)
            else:
                self._glfw.poll_events()
        except UnicodeDecodeError as error:  # glfw's wheel takes every dropped name for UTF-8
            self._dropped.append(os.fsdecode(error.object))
        self._mouse.next(self.held("left_shift") or self.held("right_shift"))
        return not self._glfw.window_should_close(self._window)

    @property
    def mouse(self) -> MouseState:
        """The mouse at the last `poll`, which goes from one change of a button to the next: no press, drag or click
        between two frames is lost. Its place is in screen coordinates; see `cursor`."""
        return self._mouse.state

    def cursor(self) -> tuple[float, float] | None:
        """In pixels from the upper left corner; None while the cursor is elsewhere and no button holds it."""
        glfw, mouse = self._glfw, self._mouse.state
        if not (mouse.left or mouse.middle or glfw.get_window_attrib(self._window, glfw.HOVERED)):
            return None
        window, pixels = glfw.get_window_size(self._window), self.size
        if 0 in window:
            return None
        return mouse.x * pixels[0] / window[0], mouse.y * pixels[1] / window[1]

    def show_cursor(self, name: str) -> None:
        """Give the cursor one of GLFW's standard shapes: 'ARROW_CURSOR' ... Where the desktop lacks it, the arrow."""
        if name != self._cursor:
            self._cursor, glfw = name, self._glfw
            if name not in self._cursors:
                self._cursors[name] = glfw.create_standard_cursor(getattr(glfw, name))
            glfw.set_cursor(self._window, self._cursors[name])

    def held(self, key: str) -> bool:
        """See `Keyboard`; so with the next two."""
        return self._keyboard.held(key)

    def take_pressed(self) -> tuple[str, ...]:
        return self._keyboard.take_pressed()

    def take_typed(self) -> tuple[str, ...]:
        return self._keyboard.take_typed()

    def take_dropped(self) -> tuple[Path, ...]:
        """Return the files and folders that were dropped on the window since the last call."""
        dropped = tuple(map(Path, self._dropped))
        self._dropped.clear()
        return dropped

    def take_scrolled(self) -> float:
        """Return the notches of the wheel since the last call; away from the user is positive."""
        return self._mouse.take_scrolled()

    def take_damaged(self) -> bool:
        """Return whether the window system has lost what the window showed since the last call: it was covered, say."""
        damaged, self._damaged = self._damaged, False
        return damaged

    def set_title(self, title: str) -> None:
        """Change the window's title; costs nothing if it is that already."""
        if title != self._title:
            self._title = title
            self._glfw.set_window_title(self._window, title)

    @property
    def full_screen(self) -> bool:
        """Whether the window takes a whole screen."""
        return self._windowed is not None

    def show_full_screen(self, shown: bool) -> None:
        """Let the window take the screen that it is on, or go back to its place. Without a screen nothing changes."""
        glfw = self._glfw
        if self._windowed is not None and not shown:
            glfw.set_window_monitor(self._window, None, *self._windowed, 0)
            self._windowed = None
        monitor = self._screen() if self._windowed is None and shown else None
        if monitor:
            self._windowed = (*glfw.get_window_pos(self._window), *glfw.get_window_size(self._window))
            mode = glfw.get_video_mode(monitor)
            glfw.set_window_monitor(self._window, monitor, 0, 0, *mode.size, mode.refresh_rate)

    @property
    def place(self) -> WindowPlace:
        """Where the window is, or would be without the full screen."""
        glfw = self._glfw
        at = self._windowed or (*glfw.get_window_pos(self._window), *glfw.get_window_size(self._window))
        return WindowPlace(*at, maximised=bool(glfw.get_window_attrib(self._window, glfw.MAXIMIZED)))

    def put(self, place: WindowPlace) -> None:
        """Put the window there, with its upper left corner on a screen: one that it was on may be gone."""
        glfw = self._glfw
        glfw.set_window_size(self._window, place.width, place.height)
        for monitor in glfw.get_monitors():
            corner, mode = glfw.get_monitor_pos(monitor), glfw.get_video_mode(monitor)
            if all(
                0 <= at - first < side for at, first, side in zip((place.x, place.y), corner, mode.size, strict=True)
            ):
                glfw.set_window_pos(self._window, place.x, place.y)
        if place.maximised:
            glfw.maximize_window(self._window)

    def _screen(self) -> Any:
        """Return the screen that the middle of the window is on; the first one if it is on none."""
        glfw = self._glfw
        place, size = glfw.get_window_pos(self._window), glfw.get_window_size(self._window)
        middle = [at + side / 2 for at, side in zip(place, size, strict=True)]
        for monitor in glfw.get_monitors():
            corner, mode = glfw.get_monitor_pos(monitor), glfw.get_video_mode(monitor)
            if all(0 <= at - first < side for at, first, side in zip(middle, corner, mode.size, strict=True)):
                return monitor
        return glfw.get_primary_monitor()

    def swap(self) -> None:
        """Show what was drawn to the default framebuffer."""
        self._glfw.swap_buffers(self._window)

    def close(self) -> None:
        if self._window:
            self._glfw.destroy_window(self._window)
            self._window = None
            if not self._beside:
                self._glfw.terminate()

    def _on_refresh(self, window: Any) -> None:
        self._damaged = True

    def _on_drop(self, window: Any, paths: list[str]) -> None:
        self._dropped += paths
