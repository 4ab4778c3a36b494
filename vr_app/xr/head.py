"""Where the eyes are, frame by frame."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import xr

from vr_app.core.space.pose import Eye
from vr_app.xr import convert, raw
from vr_app.xr.system import EYES, VIEWS


class Head:
    """The eyes of a session, with pictures of `sizes` (width, height) pixels.

    `views`, `eyes`: where they are, as `locate` has found them; None and none where nobody knows.
    """

    def __init__(self, session: xr.Session, space: xr.Space, sizes: Sequence[tuple[int, int]]) -> None:
        self._session, self._sizes = session, sizes
        self._locate_views = raw.checked("xrLocateViews")
        self._where = xr.ViewLocateInfo(VIEWS, xr.Time(), space)
        self._state = xr.ViewState()
        self._views = (xr.View * EYES)(*(xr.View() for _ in range(EYES)))
        self._count = ctypes.c_uint32()
        self._told, self._told_eyes = b"", ()
        self.views: ctypes.Array[xr.View] | None = None
        self.eyes: tuple[Eye, ...] = ()

    def locate(self, space: xr.Space, display_time: int) -> None:
        """Find the eyes in `space` as they will be at `display_time` (XrTime)."""
        self._where.display_time, self._where.space = display_time, space
        state, count = ctypes.byref(self._state), ctypes.byref(self._count)
        self._locate_views(self._session, self._where, state, EYES, count, self._views)
        valid = self._state.view_state_flags & convert.VALID == convert.VALID
        self.views, self.eyes = (self._views, self._eyes()) if valid else (None, ())

    def _eyes(self) -> tuple[Eye, ...]:
        """The eyes; none where one of them is nowhere (NaN)."""
        told = bytes(self._views)
        if told != self._told:
            found = [(convert.pose(view.pose), convert.fov(view.fov)) for view in self._views]
            eyes = tuple(
                Eye(pose, fov, size)
                for (pose, fov), size in zip(found, self._sizes, strict=True)
                if pose is not None and fov is not None
            )
            self._told, self._told_eyes = told, eyes if len(eyes) == len(found) else ()
        return self._told_eyes
