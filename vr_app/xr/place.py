"""The space that the scene stands in: the runtime's own, before it is recentred by us, and where its floor is."""

from __future__ import annotations

from contextlib import ExitStack, suppress

import xr

from vr_app.core.space.origin import at_eye_height, before_head, floor_height
from vr_app.core.space.pose import Pose
from vr_app.xr import convert
from vr_app.xr.errors import openxr, own

FLOOR_SPACES = (xr.ReferenceSpaceType.LOCAL_FLOOR, xr.ReferenceSpaceType.STAGE)
"""Those with their origin on the floor, the best first."""


class Place:
    """LOCAL, or a space at rest in it: `space`. `floor`: the floor's height in it, metres.

    The runtime's LOCAL is where its user wants to be, by its own recentring; where its origin is not at the height of
    the eyes (some runtimes' is on the floor), or when the user asks for it, the space is moved to the head.
    """

    def __init__(self, session: xr.Session, handles: ExitStack) -> None:
        self._session = session
        with openxr("xrEnumerateReferenceSpaces"):
            offered = [int(kind) for kind in xr.enumerate_reference_spaces(session)]
        kind = next((kind for kind in FLOOR_SPACES if kind.value in offered), None)
        self._base = self._owned(handles, xr.ReferenceSpaceType.LOCAL)
        self._head = self._owned(handles, xr.ReferenceSpaceType.VIEW)
        self._ground = None if kind is None else self._owned(handles, kind)
        self._origin = Pose()
        self.space = self._create(xr.ReferenceSpaceType.LOCAL, self._origin)
        handles.callback(self._destroy)
        self.floor = floor_height(None)
        self.ground = kind.name if kind is not None else ""
        """The reference space that tells the floor; empty: none does."""
        self._asked = self._seen = False
        self._floor_known = False

    def _owned(self, handles: ExitStack, kind: xr.ReferenceSpaceType) -> xr.Space:
        return own(handles, xr.destroy_space, self._create(kind, Pose()))

    def _create(self, kind: xr.ReferenceSpaceType, pose: Pose) -> xr.Space:
        info = xr.ReferenceSpaceCreateInfo(reference_space_type=kind, pose_in_reference_space=convert.posef(pose))
        with openxr("xrCreateReferenceSpace"):
            return xr.create_reference_space(self._session, info)

    def _destroy(self) -> None:
        with suppress(xr.exception.XrException):
            xr.destroy_space(self.space)

    def ask(self) -> None:
        """Put the scene before the head, as soon as it is known where that is."""
        self._asked = True

    def runtime_moved(self) -> bool:
        """The runtime has recentred its LOCAL: what we had done to it is over. Whether that was anything."""
        self._asked = self._seen = self._floor_known = False
        elsewhere = self._origin != Pose()
        if elsewhere:
            self._stand(Pose())
        return elsewhere

    def floor_moved(self) -> None:
        """The floor may be elsewhere."""
        self._floor_known = False

    def settle(self, display_time: int) -> bool:
        """Do what is to be done before a frame shown at `display_time` is located; whether the space has moved."""
        moved = (self._asked or not self._seen) and self._before_head(display_time)
        if not self._floor_known:
            self._find_floor(display_time)
        return moved

    def _before_head(self, display_time: int) -> bool:
        head = self._locate(self._head, self._base, display_time)
        if head is None or not head.sound:
            return False
        origin = before_head(head) if self._asked else at_eye_height(head)
        self._asked, self._seen = False, True
        if origin is None:
            return False
        self._stand(origin)
        return True

    def _stand(self, origin: Pose) -> None:
        """Let the space's origin be at `origin` of LOCAL."""
        space = self._create(xr.ReferenceSpaceType.LOCAL, origin)
        self._destroy()
        self.space, self._origin = space, origin
        self._floor_known = False

    def _find_floor(self, display_time: int) -> None:
        if self._ground is None:
            self._floor_known = True
            return
        found = self._locate(self._ground, self.space, display_time)
        if found is not None:
            self.floor, self._floor_known = floor_height(found.position[1]), True

    def _locate(self, space: xr.Space, base: xr.Space, display_time: int) -> Pose | None:
        with openxr("xrLocateSpace"):
            found = xr.locate_space(space, base, display_time)
        if found.location_flags & convert.VALID != convert.VALID:
            return None
        return convert.pose(found.pose)
