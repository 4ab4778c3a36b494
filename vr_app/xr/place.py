"""The space that the scene is placed in: the runtime's own until the user recentres here, and the height of its
floor."""

from __future__ import annotations

from contextlib import ExitStack, suppress

import xr

from vr_app.core.space.origin import at_eye_height, before_head, floor_height
from vr_app.core.space.pose import Pose
from vr_app.xr import convert
from vr_app.xr.errors import openxr, own

FLOOR_SPACES = (xr.ReferenceSpaceType.LOCAL_FLOOR, xr.ReferenceSpaceType.STAGE)
"""Reference spaces with their origin on the floor, the best first."""


class Place:
    """LOCAL, or a space at rest in it: `space`. `floor`: the floor's height in it, metres.

    The runtime's LOCAL is where its user wants to be, by its own recentring. If its origin is not at eye level (some
    runtimes' is on the floor), or when the user asks for it, the space is moved to the head.
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
        """The reference space that gives the floor; empty: none does."""
        self._asked = self._seen = False
        self._floor_known = False
        self._moves_at: int | None = None
        self._runtime_moved = self._moved = False

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
        """Place the scene in front of the head, as soon as the head's pose is known."""
        self._asked = True

    def moves_at(self, time: int) -> None:
        """Note that the runtime recentres its LOCAL at `time` (XrTime)."""
        self._moves_at = time

    def note_move(self, display_time: int) -> bool:
        """Whether the runtime has announced a move of its space that comes before a frame shown at `display_time`."""
        if self._moves_at is None or display_time < self._moves_at:
            return False
        self._moves_at = None
        self._runtime_moved = self._moved = True
        return True

    def take_moved(self) -> bool:
        """Whether the space has moved since the last call."""
        moved, self._moved = self._moved, False
        return moved

    def floor_moved(self) -> None:
        """Note that the floor may have moved."""
        self._floor_known = False

    def settle(self, display_time: int) -> None:
        """Put the space where it belongs for a frame shown at `display_time`."""
        if self._runtime_moved:
            self._undo_ours()
        if (self._asked or not self._seen) and self._before_head(display_time):
            self._moved = True
        if not self._floor_known:
            self._find_floor(display_time)

    def _undo_ours(self) -> None:
        """The runtime has recentred its LOCAL space, so our own recentring no longer applies."""
        self._runtime_moved = self._asked = self._seen = self._floor_known = False
        if self._origin != Pose():
            self._stand(Pose())
            self._moved = True

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
        """Place the space's origin at `origin` of LOCAL."""
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
            found = xr.locate_space(space, base, xr.Time(display_time))
        if found.location_flags & convert.VALID != convert.VALID:
            return None
        return convert.pose(found.pose)
