"""Drop files on a window as a file manager does: the X Drag-and-Drop protocol (XDND), version 5, through Xlib."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from ctypes import byref, c_char_p, c_int, c_long, c_ulong, c_void_p
from pathlib import Path

_CLIENT_MESSAGE, _SELECTION_NOTIFY, _SELECTION_REQUEST = 33, 31, 30
_PATIENCE = 60.0


class _ClientMessage(ctypes.Structure):
    _fields_ = (
        ("type", c_int), ("serial", c_ulong), ("send_event", c_int), ("display", c_void_p), ("window", c_ulong),
        ("message", c_ulong), ("format", c_int), ("data", c_long * 5),
    )  # fmt: skip


class _SelectionRequest(ctypes.Structure):
    _fields_ = (
        ("type", c_int), ("serial", c_ulong), ("send_event", c_int), ("display", c_void_p), ("owner", c_ulong),
        ("requestor", c_ulong), ("selection", c_ulong), ("target", c_ulong), ("property", c_ulong), ("time", c_ulong),
    )  # fmt: skip


class _Selection(ctypes.Structure):
    _fields_ = (
        ("type", c_int), ("serial", c_ulong), ("send_event", c_int), ("display", c_void_p), ("requestor", c_ulong),
        ("selection", c_ulong), ("target", c_ulong), ("property", c_ulong), ("time", c_ulong),
    )  # fmt: skip


class _Event(ctypes.Union):
    _fields_ = (
        ("type", c_int), ("message", _ClientMessage), ("request", _SelectionRequest), ("selection", _Selection),
        ("room", c_long * 24),
    )  # fmt: skip


def drop(display: str, window: int, paths: Sequence[Path]) -> None:
    """Drop files and folders in the middle of an X window; return once its program has taken them.

    Raises `TimeoutError` if it does not.
    """
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = c_void_p
    x11.XInternAtom.restype = x11.XCreateSimpleWindow.restype = x11.XDefaultRootWindow.restype = c_ulong
    opened = c_void_p(x11.XOpenDisplay(c_char_p(display.encode())))
    if not opened.value:
        raise RuntimeError(f"no X server on {display}")
    try:
        _Source(x11, opened, window).drop("".join(f"{path.absolute().as_uri()}\r\n" for path in paths).encode())
    finally:
        x11.XCloseDisplay(opened)


class _Source:
    """The side of the file manager."""

    def __init__(self, x11: ctypes.CDLL, display: c_void_p, target: int) -> None:
        self._x11, self._display, self._target = x11, display, target
        root = c_ulong(x11.XDefaultRootWindow(display))
        self._own = x11.XCreateSimpleWindow(display, root, 0, 0, 1, 1, 0, c_ulong(0), c_ulong(0))
        self._selection = self._atom("XdndSelection")

    def drop(self, listed: bytes) -> None:
        """Drop a list of URIs."""
        x11, display, own = self._x11, self._display, c_ulong(self._own)
        x11.XSetSelectionOwner(display, c_ulong(self._selection), own, c_ulong(0))
        self._tell("XdndEnter", 5 << 24, self._atom("text/uri-list"))
        self._tell("XdndPosition", 0, 0, 0, self._atom("XdndActionCopy"))
        self._await("XdndStatus", listed)
        self._tell("XdndDrop", 0, 0)
        self._await("XdndFinished", listed)

    def _atom(self, name: str) -> int:
        return self._x11.XInternAtom(self._display, c_char_p(name.encode()), 0)

    def _tell(self, kind: str, *data: int) -> None:
        event = _Event()
        event.message = _ClientMessage(
            _CLIENT_MESSAGE, 0, 1, self._display, self._target, self._atom(kind), 32, (c_long * 5)(self._own, *data)
        )
        self._x11.XSendEvent(self._display, c_ulong(self._target), 0, c_long(0), byref(event))
        self._x11.XFlush(self._display)

    def _await(self, kind: str, listed: bytes) -> None:
        """Wait for the answer of a kind, and hand out the list to whoever asks for it."""
        event, awaited, until = _Event(), self._atom(kind), time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if not self._x11.XPending(self._display):
                time.sleep(0.01)
                continue
            self._x11.XNextEvent(self._display, byref(event))
            if event.type == _SELECTION_REQUEST:
                self._hand_out(event.request, listed)
            elif event.type == _CLIENT_MESSAGE and event.message.message == awaited:
                return
        raise TimeoutError(f"the window does not answer with {kind}")

    def _hand_out(self, asked: _SelectionRequest, listed: bytes) -> None:
        x11, display = self._x11, self._display
        where = c_ulong(asked.requestor), c_ulong(asked.property), c_ulong(asked.target)
        x11.XChangeProperty(display, *where, 8, 0, c_char_p(listed), len(listed))
        answer = _Event()
        answer.selection = _Selection(
            _SELECTION_NOTIFY, 0, 1, display, asked.requestor, asked.selection, asked.target, asked.property, asked.time
        )
        x11.XSendEvent(display, c_ulong(asked.requestor), 0, c_long(0), byref(answer))
        x11.XFlush(display)
