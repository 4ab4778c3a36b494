"""The smallest possible frame, as a reference for measurements."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import xr

from vr_app.xr.errors import openxr
from vr_app.xr.session import Session
from vr_app.xr.system import VIEWS


def repeat_frame(session: Session, layers: Sequence[ctypes.Structure]) -> None:
    """Do what the shortest OpenXR program with hands does in a frame: poll events, wait, sync controls and hand poses,
    begin, locate the eyes, and end with layers whose pictures exist already."""
    session.poll()
    with openxr("xrWaitFrame"):
        state = xr.wait_frame(session.handle, xr.FrameWaitInfo())
    with openxr("xrSyncActions"):
        xr.sync_actions(session.handle, session.actions.to_sync)
    with openxr("xrLocateSpace"):
        for aim in session.actions.aims:
            xr.locate_space(aim, session.space, state.predicted_display_time)
    with openxr("xrBeginFrame"):
        xr.begin_frame(session.handle, xr.FrameBeginInfo())
    with openxr("xrLocateViews"):
        xr.locate_views(session.handle, xr.ViewLocateInfo(VIEWS, state.predicted_display_time, session.space))
    with openxr("xrEndFrame"):
        pointers = [ctypes.byref(layer) for layer in layers]
        info = xr.FrameEndInfo(state.predicted_display_time, session.blend_mode, layers=pointers)
        xr.end_frame(session.handle, info)
