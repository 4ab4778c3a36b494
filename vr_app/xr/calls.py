"""The calls of every frame, with structures that are made once: wait, begin and end."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import xr

from vr_app.xr import raw


class FrameCalls:
    """A session's xrWaitFrame, xrBeginFrame and xrEndFrame. Each raises `HeadsetError` as `raw.checked` says."""

    def __init__(self, session: xr.Session, blend_mode: xr.EnvironmentBlendMode) -> None:
        self._session, self._blend_mode = session, blend_mode
        self.state = xr.FrameState()
        """The state of the frame waited for last; its `predicted_display_time` is 0 while there is none."""
        self._told = ctypes.byref(self.state)
        self._wait, self._begin = raw.checked("xrWaitFrame"), raw.checked("xrBeginFrame")
        self._end = raw.checked("xrEndFrame")
        self._empty = xr.FrameEndInfo(xr.Time(), blend_mode, layers=[])
        self._info, self._layers = self._empty, None

    def wait(self) -> xr.FrameState:
        """Wait for the next frame; return `state`, valid until the next call."""
        self.state.predicted_display_time = 0
        self._wait(self._session, None, self._told)
        return self.state

    def begin(self) -> None:
        """Begin the frame. The runtime drops an earlier frame that was begun and not ended; that is no error."""
        self._begin(self._session, None)

    def end(self, display_time: int, layers: Sequence[ctypes.Structure]) -> None:
        """Show `layers`. If the sequence is the one of the last frame, it is passed on unchanged."""
        if not layers:
            info = self._empty
        else:
            if layers is not self._layers:
                pointers = [ctypes.byref(layer) for layer in layers]
                self._info, self._layers = xr.FrameEndInfo(xr.Time(), self._blend_mode, layers=pointers), layers
            info = self._info
        info.display_time = display_time
        self._end(self._session, info)
