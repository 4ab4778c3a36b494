"""The statistics of a session: frames, uploads, tiles, and how long each zoom took to become sharp."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from sr_core.image.geometry import TILE
from sr_core.image.layers import COMPUTED
from vr_app.core.space.surface import ImageView
from vr_app.core.tiles.page_table import NO_SLOT, Residency
from vr_app.core.tiles.visible import SETTLE, Demand
from vr_app.core.view.intent import SurfaceKind
from vr_app.core.view.view import ViewState

MAX_FRAMES_KEPT = 500_000
MAX_ZOOMS_KEPT = 20_000
"""Nothing is recorded after this many, so that a session's statistics take at most 20 MB."""


@dataclass(frozen=True)
class ZoomRecord:
    """One rest of the view on synthesised tiles.

    Times in milliseconds from the end of the motion to the first and to the last visible tile being resident (None:
    the view moved on before). Areas in pixels of the level: what was visible, and what the network computed for it.
    """

    level: int
    zoom: float
    visible_pixels: int
    tiles: int
    computed_pixels: int = 0
    first_sharp_ms: float | None = None
    last_sharp_ms: float | None = None


class Statistics:
    """Collects statistics; not thread-safe. Times in seconds on one clock that never runs backward."""

    def __init__(self) -> None:
        self._intervals = array("d")
        self._work = array("d")
        self._last: float | None = None
        self.frames = 0
        self.missed = 0
        self.upload_bytes = 0
        self.uploads_over_budget = 0
        """The number of frames that copied more tiles than their budget of bytes or time allowed."""
        self.gl_objects_after_warm_up = 0
        self.full_collections_in_frames = 0
        """How often Python collected all its objects within a frame."""
        self.zooms: list[ZoomRecord] = []
        self._resting: tuple[SurfaceKind, int, ImageView] | None = None
        self._ended = 0.0
        self._computed_before = 0
        self._record: int | None = None

    def frame(self, now: float, work: float, period: float | None) -> None:
        """Record a frame whose own work took `work` seconds and that ended at `now`; `period`: the display's time per
        frame."""
        if self._last is not None:
            interval = now - self._last
            if len(self._intervals) < MAX_FRAMES_KEPT:
                self._intervals.append(interval)
                self._work.append(work)
            if period and interval > 1.5 * period:
                self.missed += round(interval / period) - 1
        self._last = now
        self.frames += 1

    def idle(self) -> None:
        """Count a frame that no display called for: the time around it is nobody's interval."""
        self._last = None
        self.frames += 1

    def see(self, view: ViewState, wants: Sequence[Demand], residency: Residency, computed: int, now: float) -> None:
        """Follow the current zoom. `computed`: tiles that the worker has computed so far."""
        place = (view.surface, view.active, view.front)
        if place != self._resting:
            self._resting, self._ended, self._record = place, now, None
            self._computed_before = computed
        demand = next((d for d in wants if d.photograph == view.active and d.level in COMPUTED), None)
        if demand is None or view.still_for < SETTLE:
            return
        self._follow(view, demand, residency, computed, now)

    def _follow(self, view: ViewState, demand: Demand, residency: Residency, computed: int, now: float) -> None:
        if self._record is None and len(self.zooms) >= MAX_ZOOMS_KEPT:
            return
        if self._record is None:
            self._record = len(self.zooms)
            self.zooms.append(ZoomRecord(demand.level, view.front.zoom, demand.visible.area, sum(demand.seen)))
        record = self.zooms[self._record]
        if record.last_sharp_ms is not None:
            return
        slots = residency.slots(demand.photograph, demand.level, demand.tiles)[demand.mask()]
        resident = int((slots != NO_SLOT).sum())
        elapsed = 1000 * (now - self._ended)
        record = replace(record, computed_pixels=(computed - self._computed_before) * TILE**2)
        if resident and record.first_sharp_ms is None:
            record = replace(record, first_sharp_ms=elapsed)
        if resident == slots.size:
            record = replace(record, last_sharp_ms=elapsed)
        self.zooms[self._record] = record

    def summary(self) -> dict:
        """Return plain values for JSON."""
        return {
            "frames": self.frames,
            "frame_interval_ms": _percentiles(self._intervals),
            "render_thread_work_ms": _percentiles(self._work),
            "missed_frames": self.missed,
            "upload_bytes": self.upload_bytes,
            "frames_with_upload_over_budget": self.uploads_over_budget,
            "gl_objects_after_warm_up": self.gl_objects_after_warm_up,
            "full_collections_in_frames": self.full_collections_in_frames,
            "zooms": [asdict(record) for record in self.zooms],
        }


def _percentiles(seconds: Sequence[float]) -> dict[str, float | None]:
    if not seconds:
        return {"p50": None, "p99": None, "max": None}
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "max": round(1000 * max(seconds), 3)}
