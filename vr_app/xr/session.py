"""A session with the headset: from its creation on the current GL context to its last event.

The life of a session in OpenXR: IDLE, READY (we begin it), SYNCHRONIZED (frames are paced but not visible), VISIBLE,
FOCUSED (input is ours too), STOPPING (we end it), then IDLE again or EXITING; LOSS_PENDING from anywhere.
"""

from __future__ import annotations

import ctypes
import logging
from contextlib import ExitStack

import xr

from vr_app.core.scene.layer_mode import LayerMode
from vr_app.xr import graphics, visibility
from vr_app.xr.actions import Actions
from vr_app.xr.calls import FrameCalls
from vr_app.xr.composition import Layers
from vr_app.xr.errors import LOST_MESSAGE, HeadsetError, HeadsetLostError, openxr, own
from vr_app.xr.events import Events
from vr_app.xr.head import Head
from vr_app.xr.place import Place
from vr_app.xr.system import EYES, VIEWS, System

log = logging.getLogger(__name__)

REFRESH_RATE = 90.0
"""Pictures per second asked for: the highest rate on offer up to this one. More would leave less time for each, and
photographs stand still."""


class Session:
    """A session on the current GL context; all calls belong to its thread.

    `running`: between READY and STOPPING, when frames are waited for. `calls`: those of a frame. `head`: where the eyes
    are. `layers`: what is handed over to be shown. Raises `HeadsetError` where the runtime refuses, `HeadsetLostError`
    from any method once the runtime has gone.
    """

    def __init__(self, system: System, left_handed: bool = False, layers: LayerMode = LayerMode.OFF) -> None:
        self.system = system
        self.state = xr.SessionState.UNKNOWN
        self.running = False
        self.ended = False
        with ExitStack() as handles:
            graphics.check_requirements(system.instance, system.id)
            self.handle = self._create(handles)
            self.place = Place(self.handle, handles)
            self.layers = Layers(self.handle, self.space, system, layers, handles)
            self.head = Head(self.handle, self.space, system.view_sizes)
            if visibility.EXTENSION in system.enabled:
                for eye in range(EYES):
                    self._hide(eye)
            self.actions = Actions(system.instance, self.handle, handles, system.enabled, left_handed)
            self.blend_mode = self._blend_mode()
            self.calls = FrameCalls(self.handle, self.blend_mode)
            self._events = Events(system.instance, self.place)
            self._handles = handles.pop_all()

    def _create(self, handles: ExitStack) -> xr.Session:
        binding = graphics.binding()
        info = xr.SessionCreateInfo(
            next=ctypes.cast(ctypes.pointer(binding), ctypes.c_void_p), system_id=self.system.id
        )
        with openxr("xrCreateSession"):
            return own(handles, xr.destroy_session, xr.create_session(self.system.instance, info))

    @property
    def space(self) -> xr.Space:
        """The space that the scene stands in."""
        return self.place.space

    def locate(self, display_time: int) -> None:
        """Locate `head` and hands as they will be at the frame's `display_time`, and place the scene.

        Events are fetched once a frame, and here, because some runtimes (Monado) move their space first and report it
        afterwards. If the space has moved in between, everything is located again.
        """
        self.place.note_move(display_time)
        self._find(display_time)
        self._events.fetch_ahead()
        if self.place.note_move(display_time):
            self._find(display_time)

    def _find(self, display_time: int) -> None:
        self.place.settle(display_time)
        self.layers.stand_in(self.space)
        self.head.locate(self.space, display_time)
        self.actions.locate(self.space, display_time)

    def _hide(self, eye: int) -> None:
        self.layers.hide(eye, visibility.hidden_mesh(self.system.instance, self.handle, eye))

    def _blend_mode(self) -> xr.EnvironmentBlendMode:
        """Return opaque, or what the headset prefers if it shows the room."""
        with openxr("xrEnumerateEnvironmentBlendModes"):
            modes = list(xr.enumerate_environment_blend_modes(self.system.instance, self.system.id, VIEWS))
        opaque = xr.EnvironmentBlendMode.OPAQUE
        return opaque if opaque.value in modes else xr.EnvironmentBlendMode(modes[0])

    def poll(self) -> None:
        """Handle all events: those that the last frame fetched, or otherwise the current ones. Afterwards `running`,
        `ended` and `state` are current. So a session never ends in the middle of a frame."""
        self._events.fetch()
        while not self.ended and (event := self._events.next()) is not None:
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
            case xr.StructureType.EVENT_DATA_VISIBILITY_MASK_CHANGED_KHR:
                mask = ctypes.cast(ctypes.pointer(event), ctypes.POINTER(xr.EventDataVisibilityMaskChangedKHR))
                if mask.contents.view_index < EYES:
                    self._hide(mask.contents.view_index)
            case xr.StructureType.EVENT_DATA_EVENTS_LOST:
                log.warning("the headset's runtime dropped events: they were not taken in time")
            case xr.StructureType.EVENT_DATA_DISPLAY_REFRESH_RATE_CHANGED_FB:
                rate = ctypes.cast(ctypes.pointer(event), ctypes.POINTER(xr.EventDataDisplayRefreshRateChangedFB))
                log.debug("%g pictures per second", rate.contents.to_display_refresh_rate)

    def _enter(self, state: xr.SessionState) -> None:
        log.debug("session is %s", state.name)
        self.state = state
        match state:
            case xr.SessionState.READY:
                with openxr("xrBeginSession"):
                    xr.begin_session(self.handle, xr.SessionBeginInfo(VIEWS))
                self.running = True
                self._ask_refresh_rate()
            case xr.SessionState.STOPPING:
                self.running = False
                with openxr("xrEndSession"):
                    xr.end_session(self.handle)
            case xr.SessionState.EXITING:
                self.ended = True
            case xr.SessionState.LOSS_PENDING:
                self.running = False
                raise HeadsetLostError(LOST_MESSAGE)

    def _ask_refresh_rate(self) -> None:
        """Ask for a refresh rate. A runtime may choose another one, or refuse."""
        if xr.FB_DISPLAY_REFRESH_RATE_EXTENSION_NAME not in self.system.enabled:
            return
        try:
            with openxr("xrRequestDisplayRefreshRateFB"):
                offered = xr.enumerate_display_refresh_rates_fb(self.handle)
                wanted = max((rate for rate in offered if rate < REFRESH_RATE + 0.5), default=None)  # 89.9 counts
                if wanted is not None:
                    xr.request_display_refresh_rate_fb(self.handle, wanted)
        except HeadsetLostError:
            raise
        except HeadsetError as error:
            log.debug("%s", error)

    def moved(self) -> bool:
        """Whether this frame is the first since the space moved: the user recentred.

        The panels, placed in the space, move along. What a hand held at its old place it must let go, or it would drag
        it by the length of the move. Ask once per frame.
        """
        return self.place.take_moved()

    def request_exit(self) -> None:
        """Ask to end: the runtime leads through STOPPING to EXITING, and frames continue until then."""
        if self.running:
            with openxr("xrRequestExitSession"):
                xr.request_exit_session(self.handle)
        else:
            self.ended = True

    def close(self) -> None:
        """Destroy every handle, at once. May be called twice."""
        self._handles.close()
