"""The part of each eye's picture that the headset's lens never shows (`XR_KHR_visibility_mask`)."""

from __future__ import annotations

import ctypes
import logging

import numpy as np
import xr

from vr_app.xr.errors import HeadsetError, HeadsetLostError, openxr
from vr_app.xr.system import VIEWS

log = logging.getLogger(__name__)

EXTENSION = xr.KHR_VISIBILITY_MASK_EXTENSION_NAME
HIDDEN = xr.VisibilityMaskTypeKHR.HIDDEN_TRIANGLE_MESH

NOTHING = np.zeros((0, 3, 2), np.float32)


def hidden_mesh(instance: xr.Instance, session: xr.Session, eye: int) -> np.ndarray:
    """Return triangles (N, 3, 2) on the plane one metre ahead, metres to the right and up, that eye number `eye` never
    sees.

    Empty if the runtime has none, or returns an invalid mesh: everything is drawn then.
    """
    try:
        with openxr("xrGetVisibilityMaskKHR"):
            vertices, indices = _ask(instance, session, eye)
    except HeadsetLostError:
        raise
    except HeadsetError as error:
        log.debug("%s", error)
        return NOTHING
    whole = indices.size % 3 == 0 and (indices.size == 0 or indices.max() < len(vertices))
    if not (whole and np.isfinite(vertices).all()):
        log.warning("the headset's runtime gives a visibility mask that is no mesh: eye %d is drawn whole", eye)
        return NOTHING
    return vertices[indices].reshape(-1, 3, 2)


def _ask(instance: xr.Instance, session: xr.Session, eye: int) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices (V, 2) and indices (I,). pyopenxr's own call only asks for their numbers."""
    counts = xr.get_visibility_mask_khr(session, VIEWS, eye, HIDDEN)
    vertices = (xr.Vector2f * counts.vertex_count_output)()
    indices = (ctypes.c_uint32 * counts.index_count_output)()
    mask = xr.VisibilityMaskKHR(
        vertex_capacity_input=len(vertices),
        vertices=ctypes.cast(vertices, ctypes.POINTER(xr.Vector2f)),
        index_capacity_input=len(indices),
        indices=ctypes.cast(indices, ctypes.POINTER(ctypes.c_uint32)),
    )
    address = xr.get_instance_proc_addr(instance, "xrGetVisibilityMaskKHR")
    function = ctypes.cast(address, xr.PFN_xrGetVisibilityMaskKHR)
    result = xr.check_result(xr.Result(function(session, VIEWS.value, eye, HIDDEN.value, ctypes.byref(mask))))
    if result.is_exception():
        raise result
    return np.frombuffer(vertices, np.float32).reshape(-1, 2), np.frombuffer(indices, np.uint32)
