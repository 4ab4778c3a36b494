"""What is looked at: the state that gestures and tours change, and that everything drawn follows from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from sr_core.image.geometry import MAX_LEVEL
from vr_app.core import region
from vr_app.core.appearance import AS_PHOTOGRAPHED, Appearance
from vr_app.core.pose import Pose
from vr_app.core.region import Region, RegionGesture, Regions, Subject
from vr_app.core.surface import Panel, Retina, Surface

MAX_ZOOM = 64.0
"""The largest zoom of any photograph, and what a tour may ask for."""

FINEST_ACROSS = 384
"""Pixels of the finest level that the largest zoom leaves across the surface, along the photograph's shorter side.
Beyond that only these pixels would grow, no detail. A headset shows the panel some 500 pixels high."""

LEAST_ZOOM_IN = 4.0
"""The largest zoom of photographs too small for that rule."""

PANEL_HEIGHT = 1.6
PANEL_MAX_WIDTH = 3.6
PANEL_DISTANCE = 2.0
PANEL_GAP = math.radians(4)
RETINA_RADIUS = 2.0
"""Metres. The sphere is scaled up from 11.5 mm so that the viewer stands inside."""

PANEL_SCALES = (0.125, 4.0)
"""How small and how large hands can make a panel, in proportion to its size on the arc."""

FIELD_ANGLES = (10.0, 130.0)
"""Degrees of field angle that cameras have: from a narrow one's to a wide field's."""

MOST_DOUBLINGS = 64.0
"""More than any zoom's change."""

PAST = 50
"""Moves that can be undone."""

UNSEEN = 0.004
"""A move by a smaller part of the surface, or of the zoom, is none: undoing it would show nothing."""

NO_REGIONS = Regions()

ORIGIN = Pose()
"""Where the viewer's head starts."""

Uv = tuple[float, float]


class SurfaceKind(Enum):
    PANEL = "panel"
    RETINA = "retina"


@dataclass(frozen=True)
class PhotographInfo:
    """What the view needs to know of a photograph: its size and fitted field of view, in pixels; its file's SHA-256."""

    name: str
    size: tuple[int, int]
    field_center: tuple[float, float]
    field_radius: float
    sha256: str = ""

    @property
    def home(self) -> Uv:
        """The middle of the field of view in photograph coordinates."""
        return self.field_center[0] / self.size[0], self.field_center[1] / self.size[1]


@dataclass(frozen=True)
class ImageView:
    """`center`: the photograph point seen in the middle of the surface; `zoom`: 1 shows the whole photograph."""

    center: Uv = (0.5, 0.5)
    zoom: float = 1.0


@dataclass(frozen=True)
class Moved:
    """A panel where hands have put it: its middle's pose, and its size in proportion to that on the arc."""

    pose: Pose
    scale: float = 1.0


@dataclass(frozen=True)
class Pan:
    """Bring photograph point `uv` of an image to surface coordinates `s`."""

    image: int
    uv: Uv
    s: Uv


@dataclass(frozen=True)
class Zoom:
    """Change an image's zoom by 2**log2_delta; photograph point `anchor` stays where it is seen."""

    image: int
    anchor: Uv
    log2_delta: float


@dataclass(frozen=True)
class MovePanel:
    """Put an image's panel somewhere."""

    image: int
    moved: Moved


@dataclass(frozen=True)
class Begin:
    """What changes from now on is a move of its own, until the next: undone at once."""


@dataclass(frozen=True)
class Undo:
    """Back to where the last move began."""


@dataclass(frozen=True)
class ShowOriginal:
    """Show the photograph alone while it lasts."""

    shown: bool


@dataclass(frozen=True)
class ShowInvention:
    """Overlay synthesised pixels with how far they depart from what the photograph determines, or do so no more."""

    shown: bool


@dataclass(frozen=True)
class Adjust:
    """Make the photographs look so from now on."""

    appearance: Appearance


@dataclass(frozen=True)
class LimitLevel:
    """Show no level finer than this; 0: the photograph alone."""

    finest: int


@dataclass(frozen=True)
class SetFieldAngle:
    """The camera's full field in degrees of visual angle."""

    degrees: float


@dataclass(frozen=True)
class BringForward:
    """Bring a photograph to the front, if it is loaded."""

    image: int


@dataclass(frozen=True)
class SwitchSurface:
    """Panel to retina or back."""


@dataclass(frozen=True)
class NextImage:
    """Bring the next photograph to the front."""


@dataclass(frozen=True)
class ResetView:
    """The whole of the front photograph again, and its panel back in its place on the arc."""


@dataclass(frozen=True)
class LookAt:
    """Jump to a view (tours)."""

    surface: SurfaceKind
    center: Uv
    zoom: float
    invention: bool = False


Gesture = (
    Pan
    | Zoom
    | MovePanel
    | Begin
    | Undo
    | ShowOriginal
    | ShowInvention
    | Adjust
    | LimitLevel
    | SetFieldAngle
    | BringForward
    | SwitchSurface
    | NextImage
    | ResetView
    | LookAt
    | RegionGesture
)


@dataclass(frozen=True)
class Moment:
    """What a move changes, and undoing it brings back. `panels`: those that hands have moved, by image; `marked`: the
    regions of interest."""

    images: tuple[ImageView, ...]
    active: int
    surface: SurfaceKind
    panels: tuple[tuple[int, Moved], ...]
    marked: tuple[Region, ...] = ()


@dataclass(frozen=True)
class ViewState:
    """All that decides what is drawn, apart from where the eyes are.

    `homes`: the middle of each photograph's field of view, None while it is not loaded. `still_for`: seconds since
    the view last changed. `limits`: each photograph's largest zoom, MAX_ZOOM while it is not loaded. `original`,
    `invention`, `appearance`: what `ShowOriginal`, `ShowInvention` and `Adjust` last asked for. `finest`: the
    finest level that may be shown. `panels`: see `Moment`. `regions`: those of interest. `past`: how it was before
    each of the last moves; `begins`: the next change begins another.
    """

    images: tuple[ImageView, ...]
    homes: tuple[Uv | None, ...]
    limits: tuple[float, ...]
    active: int = 0
    surface: SurfaceKind = SurfaceKind.PANEL
    original: bool = False
    invention: bool = False
    appearance: Appearance = AS_PHOTOGRAPHED
    finest: int = MAX_LEVEL
    field_angle: float = 45.0
    still_for: float = 0.0
    panels: tuple[tuple[int, Moved], ...] = ()
    regions: Regions = NO_REGIONS
    past: tuple[Moment, ...] = ()
    begins: bool = True

    @staticmethod
    def start(count: int, surface: SurfaceKind = SurfaceKind.PANEL, field_angle: float = 45.0) -> ViewState:
        """`count` photographs, the first in front, each shown whole."""
        images, homes, limits = (ImageView(),) * count, (None,) * count, (MAX_ZOOM,) * count
        return ViewState(images, homes, limits, surface=surface, field_angle=field_angle)

    @property
    def front(self) -> ImageView:
        return self.images[self.active]

    @property
    def moment(self) -> Moment:
        return Moment(self.images, self.active, self.surface, self.panels, self.regions.known)

    def moved(self, image: int) -> Moved | None:
        """Where hands have put a panel; None while it stands on the arc."""
        return dict(self.panels).get(image)


def step(view: ViewState, gestures: tuple[Gesture, ...], dt: float) -> ViewState:
    """Apply gestures in order. `dt` seconds have passed. What no view can be (NaN, infinite) changes nothing."""
    after = view
    for gesture in gestures:
        after = _remembering(after, gesture)
    moved = after.moment != view.moment
    return replace(after, still_for=0.0 if moved else view.still_for + dt)


def _remembering(view: ViewState, gesture: Gesture) -> ViewState:
    """Apply a gesture, and remember how it was where a move begins with it. A tour leaves nothing to undo."""
    if isinstance(gesture, Begin):
        return replace(view, begins=True)
    after = _apply(view, gesture)
    if isinstance(gesture, LookAt) and view.past:
        return replace(after, past=(), begins=True)
    if isinstance(gesture, LookAt | Undo) or after.moment == view.moment:
        return after
    alone = isinstance(gesture, SwitchSurface | NextImage | BringForward | ResetView | region.Alone)
    past = (*view.past, view.moment)[-PAST:] if view.begins or alone else view.past
    return replace(after, past=past, begins=alone)


def _apply(view: ViewState, gesture: Gesture) -> ViewState:
    if isinstance(gesture, RegionGesture):
        return _with_regions(view, gesture)
    match gesture:
        case Pan(image, uv, s):
            old = view.images[image]
            center = (uv[0] - s[0] / old.zoom, uv[1] - s[1] / old.zoom)
            return _with_image(view, image, replace(old, center=center))
        case Zoom(image, anchor, log2_delta):
            old = view.images[image]
            log2_delta = min(MOST_DOUBLINGS, max(-MOST_DOUBLINGS, log2_delta)) if math.isfinite(log2_delta) else 0.0
            zoom = min(view.limits[image], max(1.0, old.zoom * 2.0**log2_delta))
            if zoom == old.zoom:  # or rounding would move the centre, and the view would never rest
                return view
            kept = old.zoom / zoom
            center = tuple(a - (a - c) * kept for a, c in zip(anchor, old.center, strict=True))
            return _with_image(view, image, ImageView(center, zoom))
        case MovePanel(image, moved):
            return _with_panel(view, image, moved)
        case Undo():
            return _undone(view)
        case ShowOriginal(shown):
            return replace(view, original=shown)
        case ShowInvention(shown):
            return replace(view, invention=shown)
        case Adjust(appearance):
            return replace(view, appearance=appearance.within)
        case LimitLevel(finest):
            return replace(view, finest=min(MAX_LEVEL, max(0, finest)))
        case SetFieldAngle(degrees):
            low, high = FIELD_ANGLES
            return replace(
                view, field_angle=min(high, max(low, degrees)) if math.isfinite(degrees) else view.field_angle
            )
        case BringForward(image):
            there = 0 <= image < len(view.images) and view.homes[image] is not None
            return _settle(replace(view, active=image)) if there else view
        case SwitchSurface():
            other = SurfaceKind.RETINA if view.surface is SurfaceKind.PANEL else SurfaceKind.PANEL
            return _settle(_on(view, other))
        case NextImage():
            return _settle(replace(view, active=_next_loaded(view)))
        case ResetView():
            panels = tuple(item for item in view.panels if item[0] != view.active)
            whole = ImageView(view.homes[view.active] or (0.5, 0.5), 1.0)
            return _with_image(replace(view, panels=panels), view.active, whole)
        case LookAt(surface, center, zoom, invention):
            return _with_image(_on(replace(view, invention=invention), surface), view.active, ImageView(center, zoom))


def _with_regions(view: ViewState, gesture: RegionGesture) -> ViewState:
    """What a gesture makes of the regions, and the view of the one to jump to."""
    half, (u, v) = 0.5 / view.front.zoom, view.front.center
    regions = region.changed(view.regions, gesture, view.active, ((u - half, v - half), (u + half, v + half)))
    view = replace(view, regions=regions)
    there = regions.chosen_region
    if there is None or not isinstance(gesture, region.GoToRegion | region.NextRegion):
        return view
    image = regions.image_of(there, view.active)
    center, zoom = region.view_of(there.rect, regions.subjects[image].size)
    return _with_image(replace(view, active=image), image, ImageView(center, max(1.0, zoom)))


def _with_image(view: ViewState, index: int, image: ImageView) -> ViewState:
    if not all(map(math.isfinite, (*image.center, image.zoom))):
        return view
    clamped = _clamped(image, view.surface, view.limits[index])
    return replace(view, images=_swapped(view.images, index, clamped))


def _with_panel(view: ViewState, image: int, moved: Moved) -> ViewState:
    if not (moved.pose.sound and math.isfinite(moved.scale)):
        return view
    smallest, largest = PANEL_SCALES
    within = replace(moved, scale=min(largest, max(smallest, moved.scale)))
    return replace(view, panels=tuple(sorted({**dict(view.panels), image: within}.items(), key=lambda item: item[0])))


def _undone(view: ViewState) -> ViewState:
    """How it was before the last move that can be seen; the present view where there is none."""
    for back in reversed(range(len(view.past))):
        then = view.past[back]
        if not _alike(then, view.moment):
            before = replace(view, images=then.images, active=then.active, surface=then.surface, panels=then.panels)
            before = replace(before, regions=view.regions.back_to(then.marked))
            return replace(before, past=view.past[:back], begins=True)
    return replace(view, past=(), begins=True)


def _alike(one: Moment, other: Moment) -> bool:
    """Whether nobody could tell them apart: a trigger touched by a trembling hand moves the photograph a little."""
    if (one.active, one.surface, one.panels, one.marked) != (other.active, other.surface, other.panels, other.marked):
        return False
    return all(
        abs(a.zoom / b.zoom - 1) < UNSEEN and math.dist(a.center, b.center) * b.zoom < UNSEEN
        for a, b in zip(one.images, other.images, strict=True)
    )


def _on(view: ViewState, surface: SurfaceKind) -> ViewState:
    """The same photographs on a surface, each within what may be seen there."""
    limited = zip(view.images, view.limits, strict=True)
    return replace(view, surface=surface, images=tuple(_clamped(image, surface, limit) for image, limit in limited))


def _next_loaded(view: ViewState) -> int:
    """The next photograph after the active one that is loaded, round the end; else the active one."""
    count = len(view.images)
    following = [(view.active + i) % count for i in range(1, count + 1)]
    return next((i for i in following if view.homes[i] is not None), view.active)


def _settle(view: ViewState) -> ViewState:
    """After a change of surface or photograph: on the retina a whole photograph is centred on its field of view."""
    front = view.front
    if view.surface is SurfaceKind.RETINA and front.zoom <= 1.0:
        front = ImageView(view.homes[view.active] or (0.5, 0.5), 1.0)
    return _with_image(view, view.active, front)


def _clamped(image: ImageView, surface: SurfaceKind, limit: float) -> ImageView:
    """A panel never shows beyond the photograph; the retina's middle never leaves it; the zoom stays within `limit`."""
    zoom = min(limit, image.zoom)
    margin = 0.5 / zoom if surface is SurfaceKind.PANEL else 0.0
    u, v = (min(1.0 - margin, max(margin, c)) for c in image.center)
    return ImageView((u, v), zoom)


def largest_zoom(size: tuple[int, int]) -> float:
    """How far a photograph of `size` (width, height) pixels can be magnified: 21 for 1024 on its shorter side, 48 for
    2304, MAX_ZOOM from 3072 on. See FINEST_ACROSS."""
    return min(MAX_ZOOM, max(LEAST_ZOOM_IN, min(size) * 2.0**MAX_LEVEL / FINEST_ACROSS))


def photograph_arrived(view: ViewState, index: int, info: PhotographInfo) -> ViewState:
    """A photograph is loaded and its field of view is known."""
    homes = (*view.homes[:index], info.home, *view.homes[index + 1 :])
    limits = (*view.limits[:index], largest_zoom(info.size), *view.limits[index + 1 :])
    regions = view.regions.with_subject(index, Subject(info.sha256, info.name, info.size))
    view = replace(view, homes=homes, limits=limits, regions=regions)
    view = _with_image(view, index, view.images[index])
    view = _settle(view) if index == view.active else view
    # Undoing a move of another photograph is to leave this one as it is now.
    past = (replace(then, images=_swapped(then.images, index, view.images[index])) for then in view.past)
    return replace(view, past=tuple(past))


def regions_arrived(view: ViewState, found: Iterable[Region]) -> ViewState:
    """Regions kept from before. Undoing leaves them."""
    regions = view.regions.with_known(found)
    new = regions.known[len(view.regions.known) :]
    past = (replace(then, marked=(*then.marked, *new)) for then in view.past)
    return replace(view, regions=regions, past=tuple(past)) if new else view


def regions_stamped(view: ViewState, moment: str) -> ViewState:
    """Regions just made get their time, as ISO 8601, in what can be undone too."""
    regions = view.regions.stamped(moment)
    named = dict(zip(view.regions.known, regions.known, strict=True))
    past = (replace(then, marked=tuple(named.get(item, item) for item in then.marked)) for then in view.past)
    return replace(view, regions=regions, past=tuple(past))


def _swapped(images: tuple[ImageView, ...], index: int, image: ImageView) -> tuple[ImageView, ...]:
    return (*images[:index], image, *images[index + 1 :])


def photograph_failed(view: ViewState, index: int) -> ViewState:
    """A photograph cannot be opened: another one that is loaded comes to the front, or the next that may yet be.

    Photographs arrive in their order: while none is loaded, all before the active one have failed.
    """
    if index != view.active:
        return view
    following = _next_loaded(view)
    if following == index:
        following = (index + 1) % len(view.images)
    return _settle(replace(view, active=following, past=()))


@dataclass(frozen=True)
class Placed:
    """A photograph's surface in the world."""

    image: int
    surface: Surface


def place(view: ViewState, infos: tuple[PhotographInfo | None, ...], retina_pose: Pose = ORIGIN) -> tuple[Placed, ...]:
    """Where every loaded photograph is seen: panels side by side on an arc, the front one ahead, but for those that
    hands have moved; or the retina alone.

    `retina_pose`: the sphere's centre. In a headset the viewer stands there; a window's eye stands a little behind.
    """
    if view.surface is SurfaceKind.RETINA:
        info = infos[view.active]
        if info is None:
            return ()
        retina = Retina.of(info.size, info.field_radius, view.field_angle, retina_pose, RETINA_RADIUS)
        return (Placed(view.active, retina),)
    loaded = [i for i, info in enumerate(infos) if info is not None]
    if view.active not in loaded:
        return ()
    front = loaded.index(view.active)
    right = _arc(loaded[front:], infos, -1)
    left = _arc(loaded[front::-1], infos, 1)
    # One that was moved leaves its gap on the arc: nothing else moves because of it.
    moved = {i: Placed(i, _moved_panel(infos[i], at)) for i, at in view.panels if infos[i] is not None}
    arc = [moved.pop(item.image, item) for item in (*left[:0:-1], *right)]
    return (*arc, *moved.values())


def _arc(indices: list[int], infos: tuple[PhotographInfo | None, ...], turn: int) -> list[Placed]:
    """Panels side by side from straight ahead on, to the left (turn 1) or right (-1), until the arc meets its back."""
    placed: list[Placed] = []
    angle = previous = 0.0
    for index in indices:
        half = math.atan(_panel_width(infos[index]) / 2 / PANEL_DISTANCE)
        if placed:
            angle += previous + PANEL_GAP + half
        if angle + half > math.pi:
            break
        placed.append(Placed(index, _panel(infos[index], turn * angle)))
        previous = half
    return placed


def _panel_width(info: PhotographInfo) -> float:
    return min(PANEL_MAX_WIDTH, PANEL_HEIGHT * info.size[0] / info.size[1])


def _panel(info: PhotographInfo, yaw: float) -> Panel:
    position = (-math.sin(yaw) * PANEL_DISTANCE, 0.0, -math.cos(yaw) * PANEL_DISTANCE)
    width = _panel_width(info)
    return Panel(Pose.facing(position, yaw), width, width * info.size[1] / info.size[0])


def _moved_panel(info: PhotographInfo, moved: Moved) -> Panel:
    width = _panel_width(info) * moved.scale
    return Panel(moved.pose, width, width * info.size[1] / info.size[0])
