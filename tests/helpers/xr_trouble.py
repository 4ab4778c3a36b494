"""Runtimes in trouble: a real runtime's answers are replaced on their way by those of a faulty one.

    python -m tests.helpers.xr_client --trouble NAME        (a function below)
    python -m tests.helpers.xr_trouble

The second loses the runtime at each of its calls in turn, prints their names, and loses it once more while the program
ends. No part of the runtime is imitated: the real one runs beneath, and sees every call that is let through. Importing
this binds PyOpenGL, as `vr_app.runtime.headset` does.
"""

from __future__ import annotations

import ctypes
import inspect
import json
from collections.abc import Callable
from typing import Any

from vr_app.runtime.headset import HeadsetRuntime
from vr_app.xr import frame
from vr_app.xr.probe import HeadsetWatch

xr = frame.xr
NAN = float("nan")
SESSION_LOST, INSTANCE_LOST, RUNTIME_FAILURE = -17, -13, -2
"""XrResult."""


RAW = {
    "xrWaitFrame": "wait_frame",
    "xrBeginFrame": "begin_frame",
    "xrEndFrame": "end_frame",
    "xrSyncActions": "sync_actions",
    "xrPollEvent": "poll_event",
    "xrLocateViews": "locate_views",
    "xrLocateSpace": "locate_space",
    "xrGetActionStateBoolean": "get_action_state_boolean",
    "xrGetActionStateFloat": "get_action_state_float",
}
"""The calls that the program makes without pyopenxr's wrappers."""


class Fate:
    """Makes the runtime be lost at a call: from then on every call fails, until the instance is destroyed."""

    def __init__(self) -> None:
        self.called: set[str] = set()
        self.doomed = ""
        self.dead = False
        self.result = SESSION_LOST
        for name, function in list(vars(xr).items()):
            if inspect.isfunction(function) and function.__module__.endswith("functions"):
                setattr(xr, name, self._wrap(name, function))
        for raw, name in RAW.items():
            setattr(xr.raw_functions, raw, self._wrap_raw(name, getattr(xr.raw_functions, raw)))

    def _fails(self, name: str) -> bool:
        self.called.add(name)
        if name == self.doomed:
            self.dead, self.doomed = True, ""
        return self.dead and not name.startswith("destroy_")

    def _wrap_raw(self, name: str, function: Callable[..., int]) -> Callable[..., int]:
        return lambda *given: self.result if self._fails(name) else function(*given)

    def _wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: object, **named: object) -> Any:
            if self._fails(name):
                raise xr.check_result(xr.Result(self.result))
            if name == "destroy_instance":
                self.dead = False
            return function(*given, **named)

        return call


def lose_at_every_call(runtime: HeadsetRuntime, fate: Fate, turn: Callable[[], None]) -> list[str]:
    """Lose the runtime at each of its calls in turn, and check that it comes back; return the calls. `turn` runs one
    frame."""
    HeadsetWatch.answers = lambda watch: True  # it is always there

    def until(condition: Callable[[], bool], what: str, turns: int = 600) -> bool:
        for _ in range(turns):
            if condition():
                return True
            turn()
        raise AssertionError(f"{what} did not come")

    def focused() -> bool:
        return runtime._session is not None and runtime._session.state is xr.SessionState.FOCUSED

    until(focused, "the focus")
    for _ in range(20):
        turn()
    names = sorted(name for name in fate.called if name not in UNANSWERED and not name.startswith("destroy_"))
    results = (SESSION_LOST, INSTANCE_LOST, RUNTIME_FAILURE)
    for number, name in enumerate(names):
        fate.called.clear()
        fate.doomed, fate.result = name, results[number % (3 if name in STEADY else 2)]
        for _ in range(20):
            turn()
        if fate.doomed:  # a call made only when a session begins
            fate.dead = True
        until(lambda: not (fate.doomed or fate.dead), f"the loss at {name}")
        until(focused, f"the focus after a loss at {name}")
    return names


STEADY = ("poll_event", "wait_frame", "begin_frame", "end_frame", "locate_views", "acquire_swapchain_image")

UNANSWERED = ("enumerate_instance_extension_properties", "create_instance")
"""Calls made before there is anything to lose."""


def time_stands_still() -> None:
    """Set the display period to 0."""
    wait = xr.raw_functions.xrWaitFrame

    def waited(session: object, info: object, state: Any) -> int:
        result = wait(session, info, state)
        ctypes.cast(state, ctypes.POINTER(xr.FrameState)).contents.predicted_display_period = 0
        return result

    xr.raw_functions.xrWaitFrame = waited


def eyes_go_astray() -> None:
    """Give one good frame in four; in the others an eye has no position, no field of view, or an invalid one."""
    locate = xr.raw_functions.xrLocateViews
    turn = 0

    def located(session: object, info: object, state: Any, capacity: int, count: object, views: Any) -> int:
        nonlocal turn
        turn += 1
        result = locate(session, info, state, capacity, count, views)
        if turn % 4 == 1:
            views[1].pose.position.x = NAN
        elif turn % 4 == 2:
            views[0].fov.angle_up = NAN
        elif turn % 4 == 3:
            ctypes.cast(state, ctypes.POINTER(xr.ViewState)).contents.view_state_flags = 0
            views[0].pose.position.x = 1e9
        return result

    xr.raw_functions.xrLocateViews = located


def session_loss_pending() -> None:
    """Let the runtime announce the loss of the session."""
    _announce(xr.EventDataSessionStateChanged(state=xr.SessionState.LOSS_PENDING))


def instance_loss_pending() -> None:
    """Let the runtime announce its end."""
    _announce(xr.EventDataInstanceLossPending())


def _announce(event: ctypes.Structure) -> None:
    """Let the runtime send `event`, once, in the middle of a session."""
    poll = xr.raw_functions.xrPollEvent
    polls = 0

    def polled(instance: object, buffer: Any) -> int:
        nonlocal polls
        polls += 1
        if polls != ANNOUNCED_AT:
            return poll(instance, buffer)
        ctypes.memmove(buffer, ctypes.byref(event), ctypes.sizeof(event))
        return 0

    xr.raw_functions.xrPollEvent = polled


ANNOUNCED_AT = 70
"""The number of polls for events, one per frame: well after the session has focus."""


def one_view() -> None:
    """Simulate a runtime that shows one picture."""
    xr.enumerate_view_configurations = lambda *given: [xr.ViewConfigurationType.PRIMARY_MONO.value]


def no_headset() -> None:
    """Simulate a runtime whose headset is not plugged in."""

    def asked(*given: object) -> None:
        raise xr.exception.FormFactorUnavailableError()

    xr.get_system = asked


def quads_alone() -> None:
    """Simulate a runtime that offers no layers of other shapes."""
    offered = xr.enumerate_instance_extension_properties

    def without(*given: object, **named: object) -> list:
        return [item for item in offered(*given, **named) if b"composition_layer" not in item.extension_name]

    xr.enumerate_instance_extension_properties = without


def one_layer() -> None:
    """Simulate a runtime that accepts only the eyes' pictures."""
    quads_alone()
    told = xr.get_system_properties

    def asked(*given: object) -> Any:
        properties = told(*given)
        properties.graphics_properties.max_layer_count = 1
        return properties

    xr.get_system_properties = asked


def no_depth() -> None:
    """Simulate a runtime that offers formats for depth but then cannot create such images."""
    create = xr.create_swapchain

    def created(session: object, info: Any) -> Any:
        if info.usage_flags & xr.SwapchainUsageFlags.DEPTH_STENCIL_ATTACHMENT_BIT:
            raise xr.exception.SwapchainFormatUnsupportedError()
        return create(session, info)

    xr.create_swapchain = created


def no_opengl() -> None:
    """Simulate a runtime that does not accept OpenGL's pictures: it is asked for an extension that it does not
    offer."""
    xr.KHR_OPENGL_ENABLE_EXTENSION_NAME = "XR_KHR_opengl_enable_not"


def main() -> None:
    fate = Fate()
    runtime = HeadsetRuntime()

    def turn() -> None:
        assert runtime.poll_events()
        with runtime.frame() as frame:
            runtime.read(frame.time)
            for _ in frame.targets():
                pass

    try:
        print(json.dumps(lose_at_every_call(runtime, fate, turn)), flush=True)
        fate.doomed = "end_session"
    finally:
        runtime.close()
    assert not fate.doomed, "the session was not ended in the runtime's order"


if __name__ == "__main__":
    main()
