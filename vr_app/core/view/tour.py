"""Tours: timed views, played alike in every mode. docs/tours.md describes the file format."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Protocol

from sr_core.errors import UserError
from vr_app.core.space.surface import ImageView, Uv
from vr_app.core.view.bounds import MAX_ZOOM
from vr_app.core.view.intent import LookAt, SurfaceKind
from vr_app.core.view.view import ViewState

VERSION = 1
MAX_STOPS = 10_000
MAX_SECONDS = 3600.0


class TourError(UserError):
    """A tour that cannot be played. The message names the file, the error and its place, and the cure."""


class Guide(Protocol):
    """Whatever leads the view: a tour, or a benchmark. `over`: it has nothing new to show."""

    @property
    def over(self) -> bool: ...

    def advance(self, dt: float) -> tuple[LookAt, str]:
        """Return where to look `dt` seconds later, and the caption there."""
        ...


@dataclass(frozen=True)
class Stop:
    """A view, reached from the previous one in `travel` seconds and then held for `duration` seconds.

    `center` in photograph coordinates (0 to 1, right and down); `zoom` 1 to 64; `caption` may be empty. `invention`:
    show the overlay of how far computed pixels depart from what the photograph determines.
    """

    surface: SurfaceKind
    center: Uv
    zoom: float
    duration: float
    travel: float = 0.0
    caption: str = ""
    invention: bool = False


@dataclass(frozen=True)
class Tour:
    """Stops in order. `image`: the photograph that the tour was made for, as a path relative to the tour's file, or
    None."""

    stops: tuple[Stop, ...]
    image: str | None = None

    @property
    def seconds(self) -> float:
        """The tour's length in seconds."""
        return sum(stop.travel + stop.duration for stop in self.stops)

    def at(self, time: float) -> tuple[LookAt, str]:
        """Return the view and the caption `time` seconds after the start; after the end, those of the last stop."""
        begin = 0.0
        for index, stop in enumerate(self.stops):
            if time < begin + stop.travel + stop.duration or index == len(self.stops) - 1:
                before = self.stops[max(0, index - 1)]
                return _between(before, stop, time - begin), stop.caption
            begin += stop.travel + stop.duration
        raise AssertionError("a tour has at least one stop")


def _between(before: Stop, stop: Stop, time: float) -> LookAt:
    """Return the view on the way from one stop to the next: the zoom's logarithm is eased, and the centre is led so
    that nothing swings wide."""
    if time >= stop.travel or before.surface is not stop.surface:
        return LookAt(stop.surface, stop.center, stop.zoom, stop.invention)
    part = max(0.0, time) / stop.travel
    eased = part * part * (3 - 2 * part)
    zoom = math.exp(math.log(before.zoom) * (1 - eased) + math.log(stop.zoom) * eased)
    # The middle moves in step with what is seen: by 1/zoom, so that zooming in on a spot keeps it in sight.
    span = 1 / before.zoom - 1 / stop.zoom
    lead = (1 / before.zoom - 1 / zoom) / span if abs(span) > 1e-9 else eased
    u, v = (b + (s - b) * lead for b, s in zip(before.center, stop.center, strict=True))
    return LookAt(stop.surface, (u, v), zoom, stop.invention)


def parse_tour(text: str, name: str) -> Tour:
    """Read a tour's JSON. Raises TourError, which names `name` (the file), the stop and the invalid field."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TourError(f"{name}: not JSON ({error}); see docs/tours.md for the form") from None
    if not isinstance(data, dict) or data.get("version") is True or data.get("version") != VERSION:
        raise TourError(f'{name}: not a tour: it must be an object with "version": {VERSION}; see docs/tours.md')
    unknown = sorted(set(data) - {"version", "image", "stops"})
    if unknown:
        raise TourError(f"{name}: unknown field {unknown[0]!r}; a tour has version, image and stops")
    stops = data.get("stops")
    if not isinstance(stops, list) or not 0 < len(stops) <= MAX_STOPS:
        raise TourError(f'{name}: "stops" must be a list of 1 to {MAX_STOPS} stops')
    image = data.get("image")
    if image is not None and not (isinstance(image, str) and image):
        raise TourError(f'{name}: "image" must be the path of a photograph, or left out')
    tour = Tour(tuple(_parse_stop(stop, f"{name}: stop {i}") for i, stop in enumerate(stops, start=1)), image)
    if tour.seconds > MAX_SECONDS:
        raise TourError(f"{name}: lasts {tour.seconds:.0f} s; at most {MAX_SECONDS:.0f} s can be played")
    return tour


def _parse_stop(data: Any, where: str) -> Stop:
    if not isinstance(data, dict):
        raise TourError(f"{where} must be an object; see docs/tours.md")
    unknown = sorted(set(data) - {"surface", "center", "zoom", "duration", "travel", "caption", "invention"})
    if unknown:
        raise TourError(f"{where}: unknown field {unknown[0]!r}; see docs/tours.md for those that exist")
    surfaces = [kind.value for kind in SurfaceKind]
    if data.get("surface") not in surfaces:
        raise TourError(f'{where}: "surface" must be one of {", ".join(surfaces)}')
    center = data.get("center")
    if not isinstance(center, list) or len(center) != 2:
        raise TourError(f'{where}: "center" must be [u, v], each from 0 to 1')
    caption = data.get("caption", "")
    if not isinstance(caption, str) or len(caption) > 200 or not caption.isprintable():
        raise TourError(f'{where}: "caption" must be one line of at most 200 characters')
    invention = data.get("invention", False)
    if not isinstance(invention, bool):
        raise TourError(f'{where}: "invention" must be true or false')
    return Stop(
        SurfaceKind(data["surface"]),
        (_number(center[0], 0, 1, f'{where}: "center"'), _number(center[1], 0, 1, f'{where}: "center"')),
        _number(data.get("zoom"), 1, MAX_ZOOM, f'{where}: "zoom"'),
        _number(data.get("duration"), 0, MAX_SECONDS, f'{where}: "duration"'),
        _number(data.get("travel", 0), 0, MAX_SECONDS, f'{where}: "travel"'),
        caption,
        invention,
    )


def _number(value: Any, low: float, high: float, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise TourError(f"{where} must be a number from {low:g} to {high:g}")
    return float(value)


def format_tour(tour: Tour) -> str:
    """Return the tour's JSON, one line per stop."""
    lines = [json.dumps(_stop_fields(stop), ensure_ascii=False) for stop in tour.stops]
    image = f'  "image": {json.dumps(tour.image)},\n' if tour.image else ""  # ASCII: not every file name is Unicode
    return f'{{\n  "version": {VERSION},\n{image}  "stops": [\n    ' + ",\n    ".join(lines) + "\n  ]\n}\n"


def _stop_fields(stop: Stop) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "surface": stop.surface.value,
        "center": [round(stop.center[0], 5), round(stop.center[1], 5)],
        "zoom": round(stop.zoom, 4),
        "travel": round(stop.travel, 3),
        "duration": round(stop.duration, 3),
    }
    fields |= {"caption": stop.caption} if stop.caption else {}
    return fields | ({"invention": True} if stop.invention else {})


class TourPlayer:
    """Plays a tour on the frame clock. Before its first `advance` it has not begun."""

    def __init__(self, tour: Tour) -> None:
        self._tour = tour
        self._time: float | None = None

    @property
    def over(self) -> bool:
        """Whether the last stop's time has run out."""
        return self._time is not None and self._time >= self._tour.seconds

    def advance(self, dt: float) -> tuple[LookAt, str]:
        """Return the view and caption `dt` seconds later. The first call begins the tour; at its end the last view
        stays."""
        self._time = 0.0 if self._time is None else self._time + dt
        return self._tour.at(self._time)


class TourRecorder:
    """Records the views on which a viewer rests: each view held for at least REST seconds becomes a stop, and so does
    the last one. Stops beyond MAX_SECONDS or MAX_STOPS are left out."""

    REST = 0.5

    def __init__(self) -> None:
        self._stops: list[Stop] = []
        self._last_rest = 0.0
        self._resting: tuple[SurfaceKind, ImageView, bool] | None = None
        self._since = 0.0
        self._time = 0.0

    def see(self, view: ViewState, dt: float) -> None:
        """Process a frame of `dt` seconds with this view."""
        self._time += dt
        now = (view.surface, view.front, view.invention)
        if now != self._resting:
            if self._time - self._since >= self.REST:
                self._keep()
            self._resting, self._since = now, self._time

    def finish(self) -> Tour | None:
        """Return the tour, with the current view as its last stop, or None if there is none."""
        self._time = max(self._time, self._since + self.REST)
        self._keep()
        self._resting = None
        return Tour(tuple(self._stops)) if self._stops else None

    def _keep(self) -> None:
        if self._resting is None:
            return
        surface, image, invention = self._resting
        travel = self._since - self._last_rest if self._stops else 0.0
        # A window may show a photograph smaller than the whole of it; a tour has no such view.
        image = image if image.zoom >= 1.0 else ImageView()
        stop = Stop(surface, image.center, image.zoom, self._time - self._since, travel, invention=invention)
        longer = (*self._stops, stop)
        if len(longer) <= MAX_STOPS and Tour(longer).seconds < MAX_SECONDS - 1:
            self._stops.append(stop)
            self._last_rest = self._time
