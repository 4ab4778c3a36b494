"""The runtime and its headset: the instance, before any GL context or session."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import xr
from xr.callback import DebugUtilsMessengerCallbackDataEXT
from xr.ext.EXT import debug_utils

from vr_app.xr import bindings
from vr_app.xr.errors import HeadsetError, openxr, own

DEBUG = "FUNDUSXR_XR_DEBUG"
"""Set to anything: the runtime's and the loader's messages go to the standard error output."""

VIEWS = xr.ViewConfigurationType.PRIMARY_STEREO

OPTIONAL_EXTENSIONS = (
    xr.EXT_LOCAL_FLOOR_EXTENSION_NAME,
    xr.FB_DISPLAY_REFRESH_RATE_EXTENSION_NAME,
    xr.KHR_VISIBILITY_MASK_EXTENSION_NAME,
    xr.KHR_COMPOSITION_LAYER_DEPTH_EXTENSION_NAME,
    xr.KHR_COMPOSITION_LAYER_CYLINDER_EXTENSION_NAME,
    xr.KHR_COMPOSITION_LAYER_EQUIRECT2_EXTENSION_NAME,
    *bindings.EXTENSIONS,
)
"""Extensions that are enabled if they are offered; `System.enabled` lists them."""


EYES = 2

ONE_VIEW = "the OpenXR runtime does not show one picture to each eye: use a headset that does, or --mode desktop"


@dataclass(frozen=True)
class System:
    """A runtime that has a headset. `view_sizes`: each eye's recommended picture in pixels, width and height.
    `extensions`: all that are offered; `enabled`: those of OPTIONAL_EXTENSIONS among them. `most_layers` may make up a
    frame, from pictures of at most `largest_picture` pixels (width, height)."""

    instance: xr.Instance
    id: xr.SystemId
    runtime: str
    name: str
    view_sizes: tuple[tuple[int, int], ...]
    extensions: tuple[str, ...]
    enabled: frozenset[str]
    most_layers: int
    largest_picture: tuple[int, int]


@contextmanager
def open_system() -> Iterator[System]:
    """Open the active runtime's headset. Raises `HeadsetError` if there is none. Needs no GL context."""
    debug = DEBUG in os.environ
    os.environ.setdefault("XR_LOADER_DEBUG", "warn" if debug else "none")  # its errors come again as ours, in one line
    with ExitStack() as handles:
        with openxr("xrEnumerateInstanceExtensionProperties"):
            offered = tuple(sorted(str(item) for item in xr.enumerate_instance_extension_properties()))
        debug = debug and debug_utils.EXTENSION_NAME in offered
        with openxr("xrCreateInstance"):
            instance = own(handles, xr.destroy_instance, xr.create_instance(_instance_info(offered, debug)))
        if debug:
            _hear(instance, handles)
        yield _system(instance, offered)


def _enabled(offered: tuple[str, ...]) -> list[str]:
    return [name for name in OPTIONAL_EXTENSIONS if name in offered]


def _instance_info(offered: tuple[str, ...], debug: bool) -> xr.InstanceCreateInfo:
    extensions = [xr.KHR_OPENGL_ENABLE_EXTENSION_NAME, *_enabled(offered)]
    if debug:
        extensions.append(debug_utils.EXTENSION_NAME)
    # Every argument is given: pyopenxr's defaults are made once and shared by all calls.
    application = xr.ApplicationInfo("FundusXR", 1, "FundusXR", 1, xr.Version(1, 0, 0))
    return xr.InstanceCreateInfo(application_info=application, enabled_extension_names=extensions)


def _system(instance: xr.Instance, offered: tuple[str, ...]) -> System:
    with openxr("xrGetSystem"):
        system = xr.get_system(instance, xr.SystemGetInfo(xr.FormFactor.HEAD_MOUNTED_DISPLAY))
    with openxr("xrGetSystemProperties"):
        runtime = xr.get_instance_properties(instance)
        headset = xr.get_system_properties(instance, system)
        graphics = headset.graphics_properties
    with openxr("xrEnumerateViewConfigurations"):
        configurations = [int(kind) for kind in xr.enumerate_view_configurations(instance, system)]
    if VIEWS.value not in configurations:
        raise HeadsetError(ONE_VIEW)
    with openxr("xrEnumerateViewConfigurationViews"):
        views = xr.enumerate_view_configuration_views(instance, system, VIEWS)
    if len(views) != EYES:
        raise HeadsetError(ONE_VIEW)
    return System(
        instance=instance,
        id=system,
        runtime=f"{runtime.runtime_name.decode()} {runtime.runtime_version}",
        name=headset.system_name.decode(),
        view_sizes=tuple((v.recommended_image_rect_width, v.recommended_image_rect_height) for v in views),
        extensions=offered,
        enabled=frozenset(_enabled(offered)),
        most_layers=graphics.max_layer_count,
        largest_picture=(graphics.max_swapchain_image_width, graphics.max_swapchain_image_height),
    )


def _hear(instance: xr.Instance, handles: ExitStack) -> None:
    """Write the runtime's and the layers' messages to the standard error output."""

    def say(severity: int, kind: int, data: DebugUtilsMessengerCallbackDataEXT, user: object) -> bool:
        print(f"openxr: {data.function_name}: {data.message}", file=sys.stderr)
        return False

    info = xr.DebugUtilsMessengerCreateInfoEXT(user_callback=say)
    with openxr("xrCreateDebugUtilsMessengerEXT"):
        messenger = debug_utils.create_messenger(instance, info)
    # Nothing but `info` holds the native callback, which the runtime calls to the last (pyopenxr forgets to).
    handles.callback(lambda kept: None, info)
    own(handles, debug_utils.destroy_messenger, messenger)
