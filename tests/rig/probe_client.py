"""A small OpenXR client that reports what the runtime tells it, to prove the rig without the project's own code.

    python probe_client.py [--profiles index,touch,simple] [--clear R,G,B] [--mistake none|core|practice]

It opens a hidden GLX window, fills both eyes with the sRGB colour `--clear` and prints, each frame, one JSON line:
session state, eye positions and, per hand, the current interaction profile, the aim position and every input. It ends
in the orderly way (request exit, STOPPING, EXITING) when its standard input is closed. PYOPENGL_PLATFORM=glx must be
set. `--mistake` makes it misuse the API in one way that the named validation layer watches for.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import select
import sys
import time

import glfw
import xr
from OpenGL import GL, GLX

HANDS = ("left", "right")
PROFILES = {
    "index": "/interaction_profiles/valve/index_controller",
    "touch": "/interaction_profiles/oculus/touch_controller",
    "simple": "/interaction_profiles/khr/simple_controller",
}
ACTIONS = {  # name: type, then the component per profile; "left|right" if they differ
    "aim": (xr.ActionType.POSE_INPUT, {p: "aim/pose" for p in PROFILES}),
    "select": (xr.ActionType.BOOLEAN_INPUT, {"index": "trigger/click", "simple": "select/click"}),
    "trigger": (xr.ActionType.FLOAT_INPUT, {"index": "trigger/value", "touch": "trigger/value"}),
    "squeeze": (xr.ActionType.FLOAT_INPUT, {"index": "squeeze/value", "touch": "squeeze/value"}),
    "thumbstick": (xr.ActionType.VECTOR2F_INPUT, {"index": "thumbstick", "touch": "thumbstick"}),
    "thumbstick_click": (xr.ActionType.BOOLEAN_INPUT, {"index": "thumbstick/click", "touch": "thumbstick/click"}),
    "a": (xr.ActionType.BOOLEAN_INPUT, {"index": "a/click", "touch": "x/click|a/click"}),
    "b": (xr.ActionType.BOOLEAN_INPUT, {"index": "b/click", "touch": "y/click|b/click"}),
    "menu": (xr.ActionType.BOOLEAN_INPUT, {"touch": "menu/click|", "simple": "menu/click"}),
}


class Probe:
    """The client, its handles closed in reverse order by `stack`."""

    def __init__(
        self, stack: contextlib.ExitStack, profiles: list[str], clear: tuple[float, float, float], mistake: str
    ) -> None:
        self.stack, self.clear, self.mistake = stack, clear, mistake
        self.state, self.running, self.finished = xr.SessionState.UNKNOWN, False, False
        self.open_window()
        self.instance = xr.create_instance(
            xr.InstanceCreateInfo(
                application_info=xr.ApplicationInfo("rig probe", 1, "none", 0, xr.Version(1, 0, 0)),
                enabled_extension_names=[xr.KHR_OPENGL_ENABLE_EXTENSION_NAME],
            )
        )
        stack.callback(xr.destroy_instance, self.instance)
        self.system = xr.get_system(self.instance, xr.SystemGetInfo(xr.FormFactor.HEAD_MOUNTED_DISPLAY))
        self.open_session()
        self.make_actions(profiles)
        self.make_swapchains()

    def open_window(self) -> None:
        glfw.init_hint(glfw.PLATFORM, glfw.PLATFORM_X11)
        if not glfw.init():
            sys.exit("glfw does not start")
        self.stack.callback(glfw.terminate)
        glfw.window_hint(glfw.VISIBLE, glfw.FALSE)
        glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 4)
        glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 5)
        glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
        window = glfw.create_window(64, 64, "rig probe", None, None)
        if not window:
            sys.exit("no OpenGL 4.5 core context")
        glfw.make_context_current(window)

    def open_session(self) -> None:
        requirements = xr.GraphicsRequirementsOpenGLKHR()
        get_requirements = ctypes.cast(
            xr.get_instance_proc_addr(self.instance, "xrGetOpenGLGraphicsRequirementsKHR"),
            xr.PFN_xrGetOpenGLGraphicsRequirementsKHR,
        )
        xr.check_result(xr.Result(get_requirements(self.instance, self.system, ctypes.byref(requirements))))
        display, context = GLX.glXGetCurrentDisplay(), GLX.glXGetCurrentContext()
        config_id = ctypes.c_int()
        GLX.glXQueryContext(display, context, GLX.GLX_FBCONFIG_ID, ctypes.byref(config_id))
        found = ctypes.c_int()
        wanted = (ctypes.c_int * 3)(GLX.GLX_FBCONFIG_ID, config_id.value, 0)
        configs = GLX.glXChooseFBConfig(display, 0, wanted, ctypes.byref(found))
        visual = ctypes.c_int()
        GLX.glXGetFBConfigAttrib(display, configs[0], GLX.GLX_VISUAL_ID, ctypes.byref(visual))
        binding = xr.GraphicsBindingOpenGLXlibKHR(
            x_display=display,
            visualid=visual.value,
            glx_fbconfig=configs[0],
            glx_drawable=GLX.glXGetCurrentDrawable(),
            glx_context=context,
        )
        self.session = xr.create_session(
            self.instance,
            xr.SessionCreateInfo(
                next=ctypes.cast(ctypes.pointer(binding), ctypes.c_void_p),
                system_id=self.system,
            ),
        )
        self.stack.callback(xr.destroy_session, self.session)
        self.space = xr.create_reference_space(
            self.session,
            xr.ReferenceSpaceCreateInfo(
                reference_space_type=xr.ReferenceSpaceType.STAGE,
                pose_in_reference_space=xr.Posef(),
            ),
        )
        self.stack.callback(xr.destroy_space, self.space)

    def make_actions(self, profiles: list[str]) -> None:
        self.hands = {hand: xr.string_to_path(self.instance, f"/user/hand/{hand}") for hand in HANDS}
        self.action_set = xr.create_action_set(self.instance, xr.ActionSetCreateInfo("probe", "Probe", 0))
        self.actions = {
            name: xr.create_action(
                self.action_set,
                xr.ActionCreateInfo(
                    name,
                    kind,
                    count_subaction_paths=2,
                    subaction_paths=(xr.Path * 2)(*self.hands.values()),
                    localized_action_name=name.replace("_", " "),
                ),
            )
            for name, (kind, _) in ACTIONS.items()
        }
        for profile in profiles:
            bindings = []
            for name, (_, components) in ACTIONS.items():
                both = components.get(profile, "").split("|")
                for hand, component in zip(HANDS, both if len(both) == 2 else both * 2, strict=True):
                    if component:
                        path = xr.string_to_path(self.instance, f"/user/hand/{hand}/input/{component}")
                        bindings.append(xr.ActionSuggestedBinding(self.actions[name], path))
            xr.suggest_interaction_profile_bindings(
                self.instance,
                xr.InteractionProfileSuggestedBinding(
                    interaction_profile=xr.string_to_path(self.instance, PROFILES[profile]),
                    count_suggested_bindings=len(bindings),
                    suggested_bindings=(xr.ActionSuggestedBinding * len(bindings))(*bindings),
                ),
            )
        self.aim = {}
        for hand, path in self.hands.items():
            self.aim[hand] = xr.create_action_space(
                self.session,
                xr.ActionSpaceCreateInfo(
                    action=self.actions["aim"],
                    subaction_path=path,
                    pose_in_action_space=xr.Posef(),
                ),
            )
            self.stack.callback(xr.destroy_space, self.aim[hand])
        xr.attach_session_action_sets(
            self.session,
            xr.SessionActionSetsAttachInfo(
                count_action_sets=1,
                action_sets=(xr.ActionSet * 1)(self.action_set),
            ),
        )

    def make_swapchains(self) -> None:
        self.framebuffer = GL.glGenFramebuffers(1)
        self.eyes = []
        for view in xr.enumerate_view_configuration_views(
            self.instance, self.system, xr.ViewConfigurationType.PRIMARY_STEREO
        ):
            size = (view.recommended_image_rect_width, view.recommended_image_rect_height)
            swapchain = xr.create_swapchain(
                self.session,
                xr.SwapchainCreateInfo(
                    usage_flags=xr.SwapchainUsageFlags.COLOR_ATTACHMENT_BIT,
                    format=GL.GL_SRGB8_ALPHA8,
                    sample_count=1,
                    width=size[0],
                    height=size[1],
                    face_count=1,
                    array_size=1,
                    mip_count=1,
                ),
            )
            self.stack.callback(xr.destroy_swapchain, swapchain)
            images = xr.enumerate_swapchain_images(swapchain, xr.SwapchainImageOpenGLKHR)
            self.eyes.append((swapchain, size, [image.image for image in images]))

    def poll(self) -> None:
        while True:
            try:
                event = xr.poll_event(self.instance)
            except xr.EventUnavailable:
                return
            if xr.StructureType(event.type) != xr.StructureType.EVENT_DATA_SESSION_STATE_CHANGED:
                continue
            changed = ctypes.cast(ctypes.byref(event), ctypes.POINTER(xr.EventDataSessionStateChanged)).contents
            self.state = xr.SessionState(changed.state)
            if self.state == xr.SessionState.READY:
                xr.begin_session(self.session, xr.SessionBeginInfo(xr.ViewConfigurationType.PRIMARY_STEREO))
                self.running = True
            elif self.state == xr.SessionState.STOPPING:
                self.running = False
                xr.end_session(self.session)
            elif self.state in (xr.SessionState.EXITING, xr.SessionState.LOSS_PENDING):
                self.finished = True

    def frame(self) -> dict:
        """Run one frame; return what the runtime reported in it."""
        timing = xr.wait_frame(self.session)
        # The best-practices layer wants actions synced between xrWaitFrame and xrBeginFrame, once.
        report = self.read_inputs(timing.predicted_display_time) if self.state == xr.SessionState.FOCUSED else {}
        xr.begin_frame(self.session)
        layers = []
        try:
            _, views = xr.locate_views(
                self.session,
                xr.ViewLocateInfo(xr.ViewConfigurationType.PRIMARY_STEREO, timing.predicted_display_time, self.space),
            )
            if timing.should_render:
                drawn = [self.fill(eye, view) for eye, view in zip(self.eyes, views, strict=True)]
                layer = xr.CompositionLayerProjection(space=self.space, views=drawn)
                layers.append(ctypes.byref(layer))
        finally:
            xr.end_frame(
                self.session,
                xr.FrameEndInfo(timing.predicted_display_time, xr.EnvironmentBlendMode.OPAQUE, layers=layers),
            )
        return report | {"eyes": [list(view.pose.position) for view in views]}

    def fill(self, eye: tuple, view: xr.View) -> xr.CompositionLayerProjectionView:
        swapchain, size, images = eye
        index = xr.acquire_swapchain_image(swapchain, xr.SwapchainImageAcquireInfo())
        xr.wait_swapchain_image(swapchain, xr.SwapchainImageWaitInfo(xr.INFINITE_DURATION))
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.framebuffer)
        GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, images[index], 0)
        GL.glEnable(GL.GL_FRAMEBUFFER_SRGB)  # the clear colour is linear light, the image sRGB-coded
        GL.glViewport(0, 0, *size)
        GL.glClearColor(*self.clear, 1.0)
        GL.glClear(GL.GL_COLOR_BUFFER_BIT)
        xr.release_swapchain_image(swapchain, xr.SwapchainImageReleaseInfo())
        return xr.CompositionLayerProjectionView(
            pose=view.pose,
            fov=view.fov,
            sub_image=xr.SwapchainSubImage(swapchain, xr.Rect2Di(xr.Offset2Di(0, 0), xr.Extent2Di(*size)), 0),
        )

    def read_inputs(self, when: int) -> dict:
        sync_info = xr.ActionsSyncInfo(
            count_active_action_sets=1,
            active_action_sets=(xr.ActiveActionSet * 1)(xr.ActiveActionSet(self.action_set, xr.NULL_PATH)),
        )
        try:
            xr.sync_actions(self.session, sync_info)
            if self.mistake == "practice":
                xr.sync_actions(self.session, sync_info)
        except xr.exception.SessionNotFocused:  # a success code, raised by pyopenxr: focus was lost
            return {}
        if self.mistake == "core":
            wrong = xr.ActionStateGetInfo(self.actions["trigger"], self.hands["left"])
            wrong.type = xr.StructureType.SPACE_LOCATION
            with contextlib.suppress(xr.exception.XrException):
                xr.get_action_state_float(self.session, wrong)
        report: dict = {}
        for hand, path in self.hands.items():
            profile = xr.get_current_interaction_profile(self.session, path).interaction_profile
            values: dict = {"profile": xr.path_to_string(self.instance, profile) if profile else None}
            for name, (kind, _) in ACTIONS.items():
                if name == "aim":
                    where = xr.locate_space(self.aim[hand], self.space, when)
                    values["aim"] = list(where.pose.position)
                    continue
                info = xr.ActionStateGetInfo(self.actions[name], path)
                if kind == xr.ActionType.BOOLEAN_INPUT:
                    state = xr.get_action_state_boolean(self.session, info)
                    value = bool(state.current_state)
                elif kind == xr.ActionType.FLOAT_INPUT:
                    state = xr.get_action_state_float(self.session, info)
                    value = state.current_state
                else:
                    state = xr.get_action_state_vector2f(self.session, info)
                    value = [state.current_state.x, state.current_state.y]
                values[name] = value if state.is_active else None
            report[hand] = values
        return report


def linear(srgb: int) -> float:
    """Return an sRGB-encoded 8-bit value as linear light, 0 to 1 (IEC 61966-2-1)."""
    value = srgb / 255.0
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--profiles", default="index,touch,simple")
    parser.add_argument("--clear", default="0,0,0")
    parser.add_argument("--mistake", choices=("none", "core", "practice"), default="none")
    options = parser.parse_args()
    red, green, blue = (linear(int(value)) for value in options.clear.split(","))
    with contextlib.ExitStack() as stack:
        probe = Probe(stack, options.profiles.split(","), (red, green, blue), options.mistake)
        asked_to_end = False
        while not probe.finished:
            probe.poll()
            if not asked_to_end and select.select([sys.stdin], [], [], 0.0)[0]:
                asked_to_end = True
                if not probe.running:
                    return
                xr.request_exit_session(probe.session)
            report = {"state": probe.state.name}
            if probe.running:
                report |= probe.frame()
            else:
                time.sleep(0.01)  # no xrWaitFrame to pace the loop
            print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
