"""A session with the headset: from its making on the current GL context to its last event.

A session's life, as OpenXR has it: IDLE, READY (we begin it), SYNCHRONIZED (frames are paced but not seen), VISIBLE,
FOCUSED (input is ours too), STOPPING (we end it), then IDLE again or EXITING; LOSS_PENDING from anywhere.
"""

from __future__ import annotations

import ctypes
import logging
from collections import deque
from contextlib import ExitStack

import xr

from vr_app.core.scene.composition import LayerMode
from vr_app.core.space.pose import Eye
from vr_app.xr import convert, graphics, raw, visibility
from vr_app.xr.actions import Actions
from vr_app.xr.calls import FrameCalls
from vr_app.xr.compose import Composed
from vr_app.xr.errors import LOST_MESSAGE, HeadsetError, HeadsetLostError, openxr, own
from vr_app.xr.layers import ProjectionLayer
from vr_app.xr.offers import offer_in, takes_depth
from vr_app.xr.place import Place
from vr_app.xr.surfaces import OVER, SurfaceLayers
from vr_app.xr.system import EYES, VIEWS, System

log = logging.getLogger(__name__)

REFRESH_RATE = 90.0
"""Pictures per second asked for: the highest on offer up to here. More would leave less time for each, and what is
looked at stands still."""


NO_EVENT = xr.Result.EVENT_UNAVAILABLE.value


class Session:
    """A session on the GL context that is current; all calls belong to its thread.

    `running`: between READY and STOPPING, when frames are waited for. `calls`: those of a frame. `views`, `eyes`: where
    the eyes are (None and none: nobody knows), as `locate` has found them. Raises `HeadsetError` where the runtime
    refuses, `HeadsetLostError` from any method once the runtime has gone.
    """

    def __init__(self, system: System, left_handed: bool = False, layers: LayerMode = LayerMode.OFF) -> None:
        self.system = system
        self.state = xr.SessionState.UNKNOWN
        self.running = False
        self.ended = False
        self._moves_at: int | None = None
        self._runtime_moved = self._space_moved = False
        self._poll_event, self._locate_views = raw.checked("xrPollEvent"), raw.checked("xrLocateViews")
        self._heard = False
        self._event = xr.EventDataBuffer()
        self._events: deque[xr.EventDataBuffer] = deque()
        with ExitStack() as handles:
            graphics.check_requirements(system.instance, system.id)
            self.handle = self._create(handles)
            self.place = Place(self.handle, handles)
            self.layer = ProjectionLayer(self.handle, self.space, system.view_sizes, handles, deep=takes_depth(system))
            self.before: ProjectionLayer | None = None
            self.surfaces: SurfaceLayers | None = None
            offer = offer_in(system, layers)
            if offer.layers > 2:
                self.before = ProjectionLayer(
                    self.handle, self.space, system.view_sizes, handles, OVER, self.layer.deep
                )
                self.surfaces = SurfaceLayers(self.handle, self.space, offer, handles)
            self.composed: Composed | None = None
            self._where = xr.ViewLocateInfo(VIEWS, 0, self.space)
            self._view_state = xr.ViewState()
            self._views = (xr.View * EYES)(*(xr.View() for _ in range(EYES)))
            self._view_count = ctypes.c_uint32()
            self._told, self._told_eyes = b"", ()
            if visibility.EXTENSION in system.enabled:
                for eye in range(EYES):
                    self._hide(eye)
            self.actions = Actions(system.instance, self.handle, handles, system.enabled, left_handed)
            self.blend_mode = self._blend_mode()
            self.calls = FrameCalls(self.handle, self.blend_mode)
            self.views: ctypes.Array[xr.View] | None = None
            self.eyes: tuple[Eye, ...] = ()
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
        """The one that the scene stands in."""
        return self.place.space

    def locate(self, display_time: int) -> None:
        """Find `eyes` and hands as they will be at `display_time`, the frame's, and let the scene stand where it is to.

        What the runtime has to tell is asked for once in a frame, and here: some (Monado) move their space first and
        tell then. Where it has moved in between, all is found anew.
        """
        self._note_move(display_time)
        self._find(display_time)
        self._collect()
        self._heard = True
        if self._note_move(display_time):
            self._find(display_time)

    def _find(self, display_time: int) -> None:
        self._settle(display_time)
        state, views = self._located(display_time)
        valid = state.view_state_flags & convert.VALID == convert.VALID
        self.views, self.eyes = (views, self._eyes_of(views)) if valid else (None, ())
        self.actions.locate(self.space, display_time)

    def _settle(self, display_time: int) -> None:
        if self._runtime_moved:
            self._runtime_moved = False
            self._space_moved = self.place.runtime_moved() or self._space_moved
        self._space_moved = self.place.settle(display_time) or self._space_moved
        if self.layer.space is not self.space:
            self.composed = None
        for layer in filter(None, (self.layer, self.before, self.surfaces)):
            layer.space = self.space

    def _note_move(self, display_time: int) -> bool:
        """Whether the runtime, as far as it has told, has moved its space before a frame shown at `display_time`."""
        if self._moves_at is None or display_time < self._moves_at:
            return False
        self._moves_at = None
        self._runtime_moved = self._space_moved = True
        return True

    def _located(self, display_time: int) -> tuple[xr.ViewState, ctypes.Array[xr.View]]:
        """Where the eyes will be; in place of those that it told before."""
        self._where.display_time, self._where.space = display_time, self.space
        state, count = ctypes.byref(self._view_state), ctypes.byref(self._view_count)
        self._locate_views(self.handle, self._where, state, EYES, count, self._views)
        return self._view_state, self._views

    def _eyes_of(self, views: ctypes.Array[xr.View]) -> tuple[Eye, ...]:
        """The eyes; none where one of them is nowhere (NaN)."""
        told = bytes(views)
        if told != self._told:
            found = [(convert.pose(view.pose), convert.fov(view.fov)) for view in views]
            sizes = self.system.view_sizes
            whole = not any(None in both for both in found)
            eyes = (Eye(pose, fov, size) for (pose, fov), size in zip(found, sizes, strict=True))
            self._told, self._told_eyes = told, tuple(eyes) if whole else ()
        return self._told_eyes

    def _hide(self, eye: int) -> None:
        mesh = visibility.hidden_mesh(self.handle, eye)
        for layer in filter(None, (self.layer, self.before)):
            layer.hide(eye, mesh)

    def _blend_mode(self) -> xr.EnvironmentBlendMode:
        """Opaque, or what the headset prefers where it lets the room be seen."""
        with openxr("xrEnumerateEnvironmentBlendModes"):
            modes = list(xr.enumerate_environment_blend_modes(self.system.instance, self.system.id, VIEWS))
        opaque = xr.EnvironmentBlendMode.OPAQUE
        return opaque if opaque.value in modes else xr.EnvironmentBlendMode(modes[0])

    def poll(self) -> None:
        """Take in all events, those that the frame before has heard of, or else what the runtime tells now. Afterwards
        `running`, `ended` and `state` are current."""
        if not self._heard:
            self._collect()
        self._heard = False
        while self._events and not self.ended:
            self._take(self._events.popleft())

    def _collect(self) -> None:
        """Fetch what the runtime has to tell, for `poll` to take in: a session may not end in the midst of a frame.

        That the space moves is noted at once: some runtimes (Monado) move it first and tell then.
        """
        while (event := self._next_event()) is not None:
            if event.type == xr.StructureType.EVENT_DATA_REFERENCE_SPACE_CHANGE_PENDING:
                moves = ctypes.cast(ctypes.pointer(event), ctypes.POINTER(xr.EventDataReferenceSpaceChangePending))
                if moves.contents.reference_space_type == xr.ReferenceSpaceType.LOCAL:
                    self._moves_at = moves.contents.change_time
                else:
                    self.place.floor_moved()
            else:
                self._events.append(event)

    def _next_event(self) -> xr.EventDataBuffer | None:
        """Mostly there is none, for which pyopenxr raises an exception."""
        event, self._event.type = self._event, xr.StructureType.EVENT_DATA_BUFFER
        if self._poll_event(self.system.instance, ctypes.byref(event)) == NO_EVENT:
            return None
        self._event = xr.EventDataBuffer()
        return event

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
                    self.composed = None
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
        """A wish: a runtime that knows better, or refuses, is right."""
        if xr.FB_DISPLAY_REFRESH_RATE_EXTENSION_NAME not in self.system.enabled:
            return
        try:
            with openxr("xrRequestDisplayRefreshRateFB"):
                offered = xr.enumerate_display_refresh_rates_fb(self.handle)
                wanted = max((rate for rate in offered if rate < REFRESH_RATE + 0.5), default=None)  # 89.9 is meant too
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
        moved, self._space_moved = self._space_moved, False
        return moved

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
