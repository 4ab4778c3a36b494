"""The events that the runtime reports to a session."""

from __future__ import annotations

import ctypes
from collections import deque

import xr

from vr_app.xr import raw
from vr_app.xr.place import Place

NO_EVENT = xr.Result.EVENT_UNAVAILABLE.value


class Events:
    """The events of a session, in their order. Those about the reference space go to `place` at once, because some
    runtimes (Monado) move their space first and report it afterwards."""

    def __init__(self, instance: xr.Instance, place: Place) -> None:
        self._instance, self._place = instance, place
        self._poll = raw.checked("xrPollEvent")
        self._buffer = xr.EventDataBuffer()
        self._waiting: deque[xr.EventDataBuffer] = deque()
        self._ahead = False

    def fetch_ahead(self) -> None:
        """Ask the runtime now, within a frame; the next `fetch` does not ask again."""
        self._fetch()
        self._ahead = True

    def fetch(self) -> None:
        """Query the runtime, unless `fetch_ahead` has done so."""
        if not self._ahead:
            self._fetch()
        self._ahead = False

    def next(self) -> xr.EventDataBuffer | None:
        """Return the oldest event that has not been taken yet, or None."""
        return self._waiting.popleft() if self._waiting else None

    def _fetch(self) -> None:
        while (event := self._polled()) is not None:
            if event.type == xr.StructureType.EVENT_DATA_REFERENCE_SPACE_CHANGE_PENDING:
                moves = ctypes.cast(ctypes.pointer(event), ctypes.POINTER(xr.EventDataReferenceSpaceChangePending))
                if moves.contents.reference_space_type == xr.ReferenceSpaceType.LOCAL:
                    self._place.moves_at(moves.contents.change_time)
                else:
                    self._place.floor_moved()
            else:
                self._waiting.append(event)

    def _polled(self) -> xr.EventDataBuffer | None:
        """Return the next event, or None if there is none, which is usual and for which pyopenxr would raise an
        exception."""
        event, self._buffer.type = self._buffer, xr.StructureType.EVENT_DATA_BUFFER
        if self._poll(self._instance, ctypes.byref(event)) == NO_EVENT:
            return None
        self._buffer = xr.EventDataBuffer()
        return event
