"""A session with the headset: from its making on the current GL context to its last event.

A session's life, as OpenXR has it: IDLE, READY (we begin it), SYNCHRONIZED (frames are paced but not seen), VISIBLE,
FOCUSED (input is ours too), STOPPING (we end it), then IDLE again or EXITING; LOSS_PENDING from anywhere.
"""

from __future__ import annotations

import ctypes
import logging
from contextlib import ExitStack

import xr

from vr_app.xr import graphics
from vr_app.xr.actions import Actions
from vr_app.xr.errors import LOST_MESSAGE, HeadsetLostError, openxr, own
from vr_app.xr.layers import ProjectionLayer
from vr_app.xr.system import VIEWS, System

log = logging.getLogger(__name__)


class Session:
    """A session on the GL context that is current; all calls belong to its thread.

    `running`: between READY and STOPPING, when frames are waited for. Raises `HeadsetError` where the runtime
    refuses, `HeadsetLostError` from any method once the runtime has gone.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.state = xr.SessionState.UNKNOWN
        self.running = False
        self.ended = False
        with ExitStack() as handles:
            graphics.check_requirements(system.instance, system.id)
            self.handle = self._create(handles)
            self.space = self._local_space(handles)
            self.layer = ProjectionLayer(self.handle, self.space, system.view_sizes, handles)
            self.actions = Actions(system.instance, self.handle, handles)
            self.blend_mode = self._blend_mode()
            self._handles = handles.pop_all()

    def _create(self, handles: ExitStack) -> xr.Session:
        binding = graphics.binding()
        info = xr.SessionCreateInfo(
            next=ctypes.cast(ctypes.pointer(binding), ctypes.c_void_p), system_id=self.system.id
        )
        with openxr("xrCreateSession"):
            return own(handles, xr.destroy_session, xr.create_session(self.system.instance, info))

    def _local_space(self, handles: ExitStack) -> xr.Space:
        info = xr.ReferenceSpaceCreateInfo(
            reference_space_type=xr.ReferenceSpaceType.LOCAL, pose_in_reference_space=xr.Posef()
        )
        with openxr("xrCreateReferenceSpace"):
            return own(handles, xr.destroy_space, xr.create_reference_space(self.handle, info))

    def _blend_mode(self) -> xr.EnvironmentBlendMode:
        """Opaque, or what the headset prefers where it lets the room be seen."""
        with openxr("xrEnumerateEnvironmentBlendModes"):
            modes = list(xr.enumerate_environment_blend_modes(self.system.instance, self.system.id, VIEWS))
        opaque = xr.EnvironmentBlendMode.OPAQUE
        return opaque if opaque.value in modes else xr.EnvironmentBlendMode(modes[0])

    def poll(self) -> None:
        """Take in all events. Afterwards `running`, `ended` and `state` are current."""
        while not self.ended:
            try:
                with openxr("xrPollEvent"):
                    event = xr.poll_event(self.system.instance)
            except xr.exception.EventUnavailable:
                return
            self._take(event)

    def _take(self, event: xr.EventDataBuffer) -> None:
        match event.type:
            case xr.StructureType.EVENT_DATA_SESSION_STATE_CHANGED:
                changed = ctypes.cast(ctypes.pointer(event), ctypes.POINTER(xr.EventDataSessionStateChanged))
                self._enter(changed.contents.state)
            case xr.StructureType.EVENT_DATA_INSTANCE_LOSS_PENDING:
                raise HeadsetLostError(LOST_MESSAGE)
            case xr.StructureType.EVENT_DATA_INTERACTION_PROFILE_CHANGED:
                self.actions.note_profiles()
            case xr.StructureType.EVENT_DATA_REFERENCE_SPACE_CHANGE_PENDING:
                # The user recentres: the runtime moves the space, and the panels, placed in it, move along.
                log.debug("reference space changes")

    def _enter(self, state: xr.SessionState) -> None:
        log.debug("session is %s", state.name)
        self.state = state
        match state:
            case xr.SessionState.READY:
                with openxr("xrBeginSession"):
                    xr.begin_session(self.handle, xr.SessionBeginInfo(VIEWS))
                self.running = True
            case xr.SessionState.STOPPING:
                self.running = False
                with openxr("xrEndSession"):
                    xr.end_session(self.handle)
            case xr.SessionState.EXITING:
                self.ended = True
            case xr.SessionState.LOSS_PENDING:
                self.running = False
                raise HeadsetLostError(LOST_MESSAGE)

    def request_exit(self) -> None:
        """Ask to end: the runtime leads through STOPPING to EXITING, frames go on until then."""
        if self.running:
            with openxr("xrRequestExitSession"):
                xr.request_exit_session(self.handle)
        else:
            self.ended = True

    def close(self) -> None:
        """Destroy every handle, at once. May be called twice."""
        self._handles.close()
