"""What is looked at: the state that gestures and tours change, and that everything drawn follows from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sr_core.image.geometry import MAX_LEVEL
from vr_app.core import layout as standing
from vr_app.core import region
from vr_app.core.appearance import AS_PHOTOGRAPHED, Appearance
from vr_app.core.intent import (
    ALONE,
    Adjust,
    Begin,
    BringForward,
    Gesture,
    KeepShown,
    LimitLevel,
    LookAt,
    Moved,
    MoveDivider,
    MovePanel,
    NextImage,
    NextLayout,
    Pan,
    Pick,
    ResetView,
    SetCompare,
    SetFieldAngle,
    SetLink,
    ShowInvention,
    ShowLayout,
    ShowOriginal,
    ShowPair,
    SurfaceKind,
    SwitchSurface,
    Undo,
    Zoom,
)
from vr_app.core.layout import Layout
from vr_app.core.pair import (
    LEAST_PART,
    Blink,
    Compare,
    FieldOfView,
    Link,
    Pair,
    Tie,
    link_of,
    side_of,
    tie_of,
    tied,
)
from vr_app.core.region import Region, RegionGesture, Regions, Subject
from vr_app.core.surface import ImageView, Uv

MAX_ZOOM = 64.0
"""The largest zoom of any photograph, and what a tour may ask for."""

FINEST_ACROSS = 384
"""Pixels of the finest level that the largest zoom leaves across the surface, along the photograph's shorter side.
Beyond that only these pixels would grow, no detail. A headset shows the panel some 500 pixels high."""

LEAST_ZOOM_IN = 4.0
"""The largest zoom of photographs too small for that rule."""

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

    @property
    def field(self) -> FieldOfView:
        """The field of view in photograph coordinates, and whose eye it is, as far as the name tells."""
        reach = self.field_radius / self.size[0], self.field_radius / self.size[1]
        return FieldOfView(self.home, reach, side_of(self.name))


Panels = tuple[tuple[int, Moved], ...]


@dataclass(frozen=True)
class Moment:
    """What a move changes, and undoing it brings back. `panels`: those that hands have moved, by image, as the
    photographs stand now; `layout` is never the retina, which `surface` tells; `marked`: the regions of interest."""

    images: tuple[ImageView, ...]
    active: int
    surface: SurfaceKind
    panels: Panels
    marked: tuple[Region, ...] = ()
    layout: Layout = Layout.ROW
    pair: Pair | None = None


@dataclass(frozen=True)
class ViewState:
    """All that decides what is drawn, apart from where the eyes are.

    `homes`: the middle of each photograph's field of view, None while it is not loaded. `still_for`: seconds since the
    view last changed. `limits`: each photograph's largest zoom, MAX_ZOOM while it is not loaded. `original`,
    `invention`, `appearance`: what `ShowOriginal`, `ShowInvention` and `Adjust` last asked for. `finest`: the finest
    level that may be shown. `panels`, `layout`: see `Moment`; `elsewhere`: the panels moved in other layouts. `pair`:
    the one that is compared, or was last. `blink`: how far its turns are. `picked`: the last two photographs taken from
    the wall. `fields`: of loaded photographs. `failed`: those that cannot be opened. `regions`: those of interest.
    `past`: how it was before each of the last moves; `begins`: the next change begins another.
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
    panels: Panels = ()
    layout: Layout = Layout.ROW
    pair: Pair | None = None
    blink: Blink = field(default_factory=Blink)
    picked: tuple[int, ...] = ()
    elsewhere: tuple[tuple[Layout, Panels], ...] = ()
    fields: tuple[tuple[int, FieldOfView], ...] = ()
    failed: frozenset[int] = frozenset()
    regions: Regions = NO_REGIONS
    past: tuple[Moment, ...] = ()
    begins: bool = True

    @staticmethod
    def start(
        count: int,
        surface: SurfaceKind = SurfaceKind.PANEL,
        field_angle: float = 45.0,
        layout: Layout = Layout.ROW,
        compare: Compare = Compare.SIDE,
    ) -> ViewState:
        """`count` photographs, the first in front, each shown whole."""
        images, homes, limits = (ImageView(),) * count, (None,) * count, (MAX_ZOOM,) * count
        surface = SurfaceKind.RETINA if layout is Layout.RETINA else surface
        layout = Layout.ROW if layout is Layout.RETINA else layout
        blank = ViewState(images, homes, limits, surface=surface, field_angle=field_angle, layout=layout)
        return replace(blank, pair=Pair((0, 1), compare) if count > 1 and layout is Layout.PAIR else None)

    @property
    def front(self) -> ImageView:
        return self.images[self.active]

    @property
    def moment(self) -> Moment:
        return Moment(self.images, self.active, self.surface, self.panels, self.regions.known, self.layout, self.pair)

    @property
    def stands(self) -> Layout:
        """How photographs are shown, the retina among the ways."""
        return Layout.RETINA if self.surface is SurfaceKind.RETINA else self.layout

    @property
    def compared(self) -> Pair | None:
        """The pair, where one is shown whose photographs are both loaded."""
        shown = self.stands is Layout.PAIR and self.pair is not None
        return self.pair if shown and all(self.homes[i] is not None for i in self.pair.images) else None

    @property
    def alternates(self) -> bool:
        """Whether two pictures are shown in turn, so that it changes by itself."""
        return self.regions.blinking or (self.compared is not None and self.compared.compare is Compare.BLINK)

    @property
    def loaded(self) -> tuple[int, ...]:
        """The photographs that are there."""
        return tuple(i for i, home in enumerate(self.homes) if home is not None)

    @property
    def awaited(self) -> tuple[int, ...]:
        """Those that are seen first, to be opened first."""
        page = self.hung[self.page[0] * standing.PAGE :][: standing.PAGE] if self.layout is Layout.WALL else ()
        two = self.pair.images if self.pair is not None and self.layout is Layout.PAIR else ()
        return tuple(dict.fromkeys((self.active, *two, *page)))

    @property
    def hung(self) -> tuple[int, ...]:
        """Those that have a place on the wall: all that may still be there."""
        return tuple(i for i in range(len(self.images)) if i not in self.failed)

    @property
    def page(self) -> tuple[int, int]:
        """The wall's page with the front photograph, from 0, and how many there are."""
        hung = self.hung
        place = hung.index(self.active) if self.active in hung else 0
        return place // standing.PAGE, standing.pages(len(hung))

    def field_of(self, image: int) -> FieldOfView:
        """A photograph's field of view; all of it while that is not known."""
        return dict(self.fields).get(image) or FieldOfView((0.5, 0.5), (0.5, 0.5))

    def moved(self, image: int) -> Moved | None:
        """Where hands have put a panel; None while it stands on the arc."""
        return dict(self.panels).get(image)


def step(view: ViewState, gestures: tuple[Gesture, ...], dt: float) -> ViewState:
    """Apply gestures in order. `dt` seconds have passed. What no view can be (NaN, infinite) changes nothing."""
    after = view
    for gesture in gestures:
        after = _remembering(after, gesture)
    moved = after.moment != view.moment
    after = replace(after, still_for=0.0 if moved else view.still_for + dt)
    pair = after.compared
    blinks = pair is not None and pair.compare is Compare.BLINK
    blink = after.blink.after(dt) if blinks else Blink()
    return after if blink == after.blink else replace(after, blink=blink)


def _remembering(view: ViewState, gesture: Gesture) -> ViewState:
    """Apply a gesture, and remember how it was where a move begins with it. A tour leaves nothing to undo."""
    if isinstance(gesture, Begin):
        return replace(view, begins=True)
    after = _apply(view, gesture)
    if not isinstance(gesture, Undo):
        after = _following(view, after)
    if isinstance(gesture, LookAt) and view.past:
        return replace(after, past=(), begins=True)
    if isinstance(gesture, LookAt | Undo) or after.moment == view.moment:
        return after
    alone = isinstance(gesture, (*ALONE, region.Alone))
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
            return _brought_forward(view, image) if there else view
        case SwitchSurface():
            other = SurfaceKind.RETINA if view.surface is SurfaceKind.PANEL else SurfaceKind.PANEL
            return _settle(_on(view, other))
        case NextImage(by):
            return _turned(view, by)
        case ShowLayout(layout):
            return _arranged(view, layout)
        case NextLayout(by):
            return _next_layout(view, by)
        case Pick(image):
            picked = (*(i for i in view.picked if i != image), image)[-2:]
            return _settle(replace(_arranged(view, Layout.ONE), active=image, picked=picked))
        case ShowPair(first, second):
            return _arranged(_paired(view, (first, second)), Layout.PAIR) if first != second else view
        case SetCompare(compare):
            return _compared(view, compare)
        case SetLink(link):
            return _retied(replace(view, pair=replace(view.pair, link=link))) if view.pair else view
        case MoveDivider(to):
            divider = min(1 - LEAST_PART, max(LEAST_PART, to))
            put = view.pair is not None and math.isfinite(to)
            return replace(view, pair=replace(view.pair, divider=divider)) if put else view
        case KeepShown(kept):
            return replace(view, blink=replace(view.blink, kept=kept))
        case ResetView():
            return _reset(view)
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
    paired = view.compared is None or image in view.compared.images
    if view.stands is Layout.WALL or not paired:  # where it would be too small, or not be seen
        view = _arranged(view, Layout.ONE)
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
            before = _stood(replace(view, surface=then.surface), then.layout)
            before = replace(before, images=then.images, active=then.active, panels=then.panels, pair=then.pair)
            before = replace(before, regions=view.regions.back_to(then.marked))
            return replace(before, past=view.past[:back], begins=True)
    return replace(view, past=(), begins=True)


def _alike(one: Moment, other: Moment) -> bool:
    """Whether nobody could tell them apart: a trigger touched by a trembling hand moves the photograph a little."""
    if replace(one, images=()) != replace(other, images=()):
        return False
    return all(
        abs(a.zoom / b.zoom - 1) < UNSEEN and math.dist(a.center, b.center) * b.zoom < UNSEEN
        for a, b in zip(one.images, other.images, strict=True)
    )


def _on(view: ViewState, surface: SurfaceKind) -> ViewState:
    """The same photographs on a surface, each within what may be seen there."""
    limited = zip(view.images, view.limits, strict=True)
    return replace(view, surface=surface, images=tuple(_clamped(image, surface, limit) for image, limit in limited))


def _next_loaded(view: ViewState, by: int = 1) -> int:
    """The next photograph after the active one that is loaded, round the end, `by` 1 onward, -1 back; else the active
    one."""
    count = len(view.images)
    following = [(view.active + by * i) % count for i in range(1, count + 1)]
    return next((i for i in following if view.homes[i] is not None), view.active)


def _turned(view: ViewState, by: int) -> ViewState:
    """`NextImage`."""
    if view.stands is Layout.WALL:
        page, pages = view.page
        hung = view.hung[(page + by) % pages * standing.PAGE :]
        first = next((i for i in hung if view.homes[i] is not None), hung[0])
        return replace(view, active=first) if pages > 1 else view
    if view.stands is Layout.PAIR and len(view.loaded) > 1:
        return _paired(view, _next_two(view, by))
    return _settle(replace(view, active=_next_loaded(view, by)))


def _brought_forward(view: ViewState, image: int) -> ViewState:
    """To the front; of a pair that it is not one of, in the place of the front one."""
    if view.compared is not None and image not in view.compared.images:
        return _paired(replace(view, active=image), (image, view.compared.other(view.active)))
    return _settle(replace(view, active=image))


def _next_two(view: ViewState, by: int) -> tuple[int, int]:
    """The pair after the present one, when all are taken in twos; where one is over, it comes with the one before."""
    loaded = view.loaded
    two = view.pair.images if view.pair else (view.active,)
    last = max((loaded.index(i) for i in two if i in loaded), default=0)
    at = min(2 * ((last // 2 + by) % -(-len(loaded) // 2)), len(loaded) - 2)
    return loaded[at], loaded[at + 1]


def _arranged(view: ViewState, layout: Layout) -> ViewState:
    """`ShowLayout`."""
    if layout is Layout.RETINA:
        return _settle(_on(view, SurfaceKind.RETINA))
    view = _stood(_on(view, SurfaceKind.PANEL), layout)
    return _with_pair(view) if layout is Layout.PAIR else view


def _stood(view: ViewState, layout: Layout) -> ViewState:
    """In another layout, whose panels stand where hands last put them there."""
    if layout is view.layout:
        return view
    elsewhere = dict(view.elsewhere) | {view.layout: view.panels}
    panels = elsewhere.pop(layout, ())
    kept = sorted((item for item in elsewhere.items() if item[1]), key=lambda item: item[0].value)
    return replace(view, layout=layout, panels=panels, elsewhere=tuple(kept))


def layouts_offered(count: int) -> tuple[tuple[Layout, Compare], ...]:
    """What `count` photographs are enough for, in the order of `NextLayout`."""
    pairs = tuple((Layout.PAIR, compare) for compare in Compare) if count > 1 else ()
    row = ((Layout.ROW, Compare.SIDE),) if count > 2 else ()
    wall = ((Layout.WALL, Compare.SIDE),) if count > 3 else ()
    return ((Layout.ONE, Compare.SIDE), *pairs, *row, *wall, (Layout.RETINA, Compare.SIDE))


def _next_layout(view: ViewState, by: int) -> ViewState:
    offered = layouts_offered(len(view.loaded))
    compare = view.pair.compare if view.stands is Layout.PAIR and view.pair else Compare.SIDE
    now = view.stands, compare
    # A row of two is none of them: it comes before the retina.
    at = offered.index(now) + by if now in offered else (len(offered) - 1 if by > 0 else 0)
    layout, compare = offered[at % len(offered)]
    view = _arranged(view, layout)
    return _compared(view, compare) if layout is Layout.PAIR else view


def _with_pair(view: ViewState) -> ViewState:
    """With two photographs to compare, as soon as there are two: those picked last, those compared last, else the front
    one and the next."""
    loaded = view.loaded
    if len(loaded) < 2 or view.active not in loaded:
        return view
    before = view.pair.images if view.pair else ()
    for two in (view.picked if view.picked[-1:] == (view.active,) else (), before):
        if len(two) == 2 and view.active in two and set(two) <= set(loaded):
            return _paired(view, two)
    return _paired(view, (view.active, _next_loaded(view)))


def _paired(view: ViewState, two: tuple[int, int]) -> ViewState:
    """With these two, whose pair was another or the same: the right eye on the left, as it is seen from before a
    person; else in their order. The front one is the first, unless it is the second already."""
    sides = tuple(view.field_of(i).side for i in two)
    first, second = two if sides == ("right", "left") else two[::-1] if sides == ("left", "right") else sorted(two)
    active = view.active if view.active in two else first
    old = view.pair or Pair((first, second))
    if old.images == (first, second) and old.link is not None:
        return _retied(replace(view, pair=old, active=active))
    link = old.link if old.link is Link.OFF else link_of(view.field_of(first), view.field_of(second))
    return _retied(replace(view, active=active, blink=Blink(), pair=replace(old, images=(first, second), link=link)))


def _retied(view: ViewState) -> ViewState:
    """Tied as the pair's views are now."""
    pair, tie = view.pair, None
    if pair is not None and pair.link is not Link.OFF and set(pair.images) <= set(view.loaded):
        first, second = pair.images
        views, fields = (view.images[first], view.images[second]), (view.field_of(first), view.field_of(second))
        tie = tie_of(views, fields, pair.link is Link.MIRRORED)
    return replace(view, pair=replace(pair, tie=tie)) if pair is not None else view


def _compared(view: ViewState, compare: Compare) -> ViewState:
    """`SetCompare`: of a pair; where there is none, one is made."""
    view = _arranged(view, Layout.PAIR)
    if view.pair is None or view.pair.compare is compare:
        return view
    view = _on(replace(view, pair=replace(view.pair, compare=compare), blink=Blink()), view.surface)
    return _retied(view) if compare is Compare.SIDE else view


def _following(before: ViewState, after: ViewState) -> ViewState:
    """What is linked follows what has changed: side by side as they are tied; on one panel exactly, field of view upon
    field of view."""
    pair = after.compared
    if pair is None:
        return after
    first, second = pair.images
    tie = pair.tie if pair.compare is Compare.SIDE else Tie()
    changed = [i for i in pair.images if after.images[i] != before.images[i]]
    if tie is not None and len(changed) == 1:
        back = changed == [second]
        shown, follows = (second, first) if back else (first, second)
        image = tied(after.images[shown], after.field_of(shown), after.field_of(follows), tie, back)
        after = _with_image(after, follows, replace(image, zoom=max(1.0, image.zoom)))
    return _laid(after)


def _laid(view: ViewState) -> ViewState:
    """On one panel the second photograph lies on the first, also beyond its own edge where that one reaches farther."""
    pair = view.compared
    if pair is None or pair.compare is Compare.SIDE:
        return view
    first, second = pair.images
    image = tied(view.images[first], view.field_of(first), view.field_of(second), Tie())
    return replace(view, images=_swapped(view.images, second, image))


def _reset(view: ViewState) -> ViewState:
    """The whole of the front photograph, of a pair both; on the panel's own place."""
    images = view.compared.images if view.compared else (view.active,)
    view = replace(view, panels=tuple(item for item in view.panels if item[0] not in images))
    for image in images:
        view = _with_image(view, image, ImageView(view.homes[image] or (0.5, 0.5), 1.0))
    return _retied(view) if view.compared else view


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
    fields = {**dict(view.fields), index: info.field}
    regions = view.regions.with_subject(index, Subject(info.sha256, info.name, info.size))
    view = replace(view, homes=homes, limits=limits, regions=regions)
    view = replace(view, fields=tuple(sorted(fields.items(), key=lambda item: item[0])))
    view = _with_image(view, index, view.images[index])
    view = _settle(view) if index == view.active else view
    view = _completed(view, index)
    # Undoing a move of another photograph is to leave this one as it is now.
    past = (replace(then, images=_swapped(then.images, index, view.images[index])) for then in view.past)
    return replace(view, past=tuple(past))


def _completed(view: ViewState, index: int) -> ViewState:
    """A pair for which a photograph has come that was missing."""
    if view.layout is not Layout.PAIR:
        return view
    if view.pair is None:
        view = _with_pair(view)
    elif index in view.pair.images and view.pair.tie is None and set(view.pair.images) <= set(view.loaded):
        view = _paired(view, view.pair.images)
    return _laid(view)


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
    view = replace(view, failed=view.failed | {index})
    if view.pair is not None and index in view.pair.images:
        view = replace(view, pair=None)
    if index == view.active:
        following = _next_loaded(view)
        if following == index:
            following = (index + 1) % len(view.images)
        view = _settle(replace(view, active=following, past=()))
    return _laid(_with_pair(view)) if view.layout is Layout.PAIR and view.pair is None else view
