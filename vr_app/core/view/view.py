"""The state of the view. Intents and tours change it; everything drawn follows from it.

`step` applies intents to it; `pairing` changes layouts and pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sr_core.image import layers
from sr_core.image.geometry import MAX_LEVEL
from sr_core.image.layers import overlays_of
from sr_core.networks.names import DEFAULT_MODEL, parse_blend
from vr_app.core.space.surface import ImageView, Uv
from vr_app.core.view import layout as standing
from vr_app.core.view.appearance import AS_PHOTOGRAPHED, Appearance
from vr_app.core.view.bounds import MAX_ZOOM
from vr_app.core.view.desk import Cell, Desk, aligned
from vr_app.core.view.intent import (
    Moved,
    SurfaceKind,
)
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import (
    Blink,
    Compare,
    FieldOfView,
    Pair,
)
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.region import Region, Regions

NO_REGIONS = Regions()

NOTCH = 0.25
"""Doublings of the zoom for one notch of a wheel."""

AT_STOP = 1e-6
"""Less than this many doublings from a stop of the zoom counts as being on it."""


Panels = tuple[tuple[int, Moved], ...]


@dataclass(frozen=True)
class Moment:
    """What a move changes and undo restores. `panels`: those that the user has moved, by image, in the layout `flat`;
    `marked`: the regions of interest; `appearance`: how the photographs look."""

    images: tuple[ImageView, ...]
    active: int
    panels: Panels
    marked: tuple[Region, ...] = ()
    layout: Layout = Layout.ROW
    flat: Layout = Layout.ROW
    pair: Pair | None = None
    appearance: Appearance = AS_PHOTOGRAPHED


@dataclass(frozen=True)
class Settings:
    """A session's settings, apart from the view itself.

    `model`: the network that computes, by name; `models`: those to choose from, including the dial's two ends. `room`:
    the panels are shown in a room. `help`: the help on keys and mouse is shown. `overlays`: the names of the layers
    shown over the picture. `field_angle`: the camera's full field in degrees of visual angle. `desk`: the window in
    which the photographs stand flat; None: they stand around the viewer.
    """

    model: str = DEFAULT_MODEL
    models: tuple[str, ...] = ()
    room: bool = False
    help: bool = False
    overlays: frozenset[str] = frozenset()
    field_angle: float = 45.0
    desk: Desk | None = None

    def computing_with(self, model: str) -> Settings:
        """Return the settings with another network; unchanged if that network, or an end of the dial, is not among
        `models`."""
        blend = parse_blend(model)
        ends = (blend.pixel, blend.texture) if blend else (model,)
        sound = blend is None or 0 < blend.amount < 1
        return replace(self, model=model) if sound and set(ends) <= set(self.models) else self


@dataclass(frozen=True)
class ViewState:
    """Everything that determines what is drawn, except the eyes' positions.

    `images`: how each photograph is viewed. `photographs`: their records, None while one is not loaded. `still_for`:
    seconds since the view last changed. `original`, `invention`, `appearance`: the last values of `ShowOriginal`,
    `ShowInvention` and `Adjust`. `finest`: the finest level that may be shown. `layout`: how photographs are shown,
    possibly on the retina; `flat`: the layout of panels that is shown, or that the retina returns to. `panels`: see
    `Moment`; `elsewhere`: the panels moved in other layouts. `pair`: the pair that is compared, or was last. `blink`:
    the state of a blink. `picked`: the last two photographs picked from the wall. `failed`: those that cannot be
    opened. `regions`: those of interest. `past`: the state before each of the last moves; `begins`: the next change
    begins a new move.
    """

    images: tuple[ImageView, ...]
    photographs: tuple[PhotographRecord | None, ...]
    active: int = 0
    original: bool = False
    invention: bool = False
    appearance: Appearance = AS_PHOTOGRAPHED
    finest: int = MAX_LEVEL
    still_for: float = 0.0
    panels: Panels = ()
    layout: Layout = Layout.ROW
    flat: Layout = Layout.ROW
    pair: Pair | None = None
    blink: Blink = field(default_factory=Blink)
    picked: tuple[int, ...] = ()
    elsewhere: tuple[tuple[Layout, Panels], ...] = ()
    failed: frozenset[int] = frozenset()
    regions: Regions = NO_REGIONS
    settings: Settings = Settings()
    past: tuple[Moment, ...] = ()
    begins: bool = True

    @staticmethod
    def start(
        count: int,
        surface: SurfaceKind = SurfaceKind.PANEL,
        layout: Layout = Layout.ROW,
        compare: Compare = Compare.SIDE,
    ) -> ViewState:
        """Return a view of `count` photographs, the first in front, each shown whole."""
        flat = Layout.ROW if layout is Layout.RETINA else layout
        layout = Layout.RETINA if surface is SurfaceKind.RETINA else layout
        pair = Pair((0, 1), compare) if count > 1 and flat is Layout.PAIR else None
        blank = (ImageView(),) * count, (None,) * count
        return ViewState(*blank, layout=layout, flat=flat, pair=pair)

    @property
    def field_angle(self) -> float:
        return self.settings.field_angle

    @property
    def desk(self) -> Desk | None:
        return self.settings.desk

    @property
    def over(self) -> tuple[int, ...]:
        """The layers shown over the picture, by their index in the table, the lowest first. None over the original, and
        no layer that replaces the photograph while only the photograph is wanted."""
        if self.original or not self.settings.overlays:
            return ()
        shown = overlays_of(self.settings.overlays)
        return tuple(at for at in shown if self.finest > 0 or not layers.LAYERS[at].replaces)

    @property
    def front(self) -> ImageView:
        return self.images[self.active]

    @property
    def moment(self) -> Moment:
        ways = self.layout, self.flat, self.pair, self.appearance
        return Moment(self.images, self.active, self.panels, self.regions.known, *ways)

    @property
    def surface(self) -> SurfaceKind:
        """The surface on which photographs are shown."""
        return SurfaceKind.RETINA if self.layout is Layout.RETINA else SurfaceKind.PANEL

    @property
    def record(self) -> PhotographRecord | None:
        """The front photograph's record; None while it is not loaded."""
        return self.photographs[self.active]

    def record_of(self, image: int) -> PhotographRecord:
        """Return the record of a loaded photograph; every photograph that is shown is loaded."""
        record = self.photographs[image]
        assert record is not None
        return record

    @property
    def compared(self) -> Pair | None:
        """The pair that is shown; None if there is none, or if one of its photographs is not loaded."""
        pair = self.pair if self.layout is Layout.PAIR else None
        there = pair is not None and all(self.photographs[i] is not None for i in pair.images)
        return pair if there else None

    @property
    def alternates(self) -> bool:
        """Whether two pictures are shown in alternation, so that the view changes by itself."""
        return self.regions.blinking or (self.compared is not None and self.compared.compare is Compare.BLINK)

    @property
    def loaded(self) -> tuple[int, ...]:
        """The photographs that are loaded."""
        return tuple(i for i, record in enumerate(self.photographs) if record is not None)

    @property
    def awaited(self) -> tuple[int, ...]:
        """The photographs to open first, because they are visible first."""
        page = self.hung[self.page[0] * standing.PAGE :][: standing.PAGE] if self.flat is Layout.WALL else ()
        two = self.pair.images if self.pair is not None and self.flat is Layout.PAIR else ()
        return tuple(dict.fromkeys((self.active, *two, *page)))

    @property
    def hung(self) -> tuple[int, ...]:
        """The photographs with a place on the wall: all except the failed ones."""
        return _hung(len(self.images), self.failed)

    @property
    def per_page(self) -> int:
        """The number of photographs on a page of the wall, or of a row in a window."""
        return standing.ROW_PAGE if self.layout is Layout.ROW and self.desk is not None else standing.PAGE

    @property
    def page(self) -> tuple[int, int]:
        """The page that contains the front photograph, from 0, and the number of pages."""
        hung = self.hung
        place = hung.index(self.active) if self.active in hung else 0
        return place // self.per_page, standing.pages(len(hung), self.per_page)

    @property
    def in_cells(self) -> tuple[int, ...]:
        """The photographs that have a cell of the window, in the order of the cells; of two on one panel, the front
        one."""
        if self.layout in (Layout.ROW, Layout.WALL):
            first = self.page[0] * self.per_page
            return self.hung[first : first + self.per_page]
        pair = self.compared
        return pair.images if pair is not None and pair.compare is Compare.SIDE else (self.active,)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the window, all of one size; none if there is no window, or if it shows the retina."""
        if self.desk is None or self.layout is Layout.RETINA:
            return ()
        paged = self.layout in (Layout.ROW, Layout.WALL)
        count = min(self.per_page, len(self.hung)) if paged else len(self.in_cells)
        return self.desk.cells(max(1, count))

    def fit(self, image: int) -> float | None:
        """Return the window's pixels for each pixel of a photograph that is shown whole; None if it has no cell."""
        record = self.photographs[image]
        return self.cells[0].fit(record.size) if record is not None and self.cells else None

    def field_of(self, image: int) -> FieldOfView:
        """Return a photograph's field of view, or the whole photograph while that is unknown."""
        record = self.photographs[image]
        return record.field if record is not None else FieldOfView((0.5, 0.5), (0.5, 0.5))

    def home(self, image: int) -> Uv:
        """Return the middle of a photograph's field of view, or the photograph's own while that is unknown."""
        return self.field_of(image).home

    def largest_zoom(self, image: int) -> float:
        """Return the largest zoom of a photograph."""
        record = self.photographs[image]
        return record.largest_zoom if record is not None else MAX_ZOOM

    def reach(self, image: int) -> Uv:
        """Return the surface coordinates of the lower right corner of what shows a photograph."""
        record, cells = self.photographs[image], self.cells
        if record is None or not cells:
            return 0.5, 0.5
        fit = 2 * cells[0].fit(record.size)
        return cells[0].width / (fit * record.size[0]), cells[0].height / (fit * record.size[1])

    def smallest_zoom(self, image: int) -> float:
        """Return the smallest zoom of a photograph: it is whole, or none of its pixels is larger than the window's."""
        fit = self.fit(image)
        return min(1.0, 1.0 / fit) if fit is not None else 1.0

    def moved(self, image: int) -> Moved | None:
        """Return where the user has moved a panel, or None while it is in its place on the arc."""
        return dict(self.panels).get(image)


@lru_cache(maxsize=4)
def _hung(count: int, failed: frozenset[int]) -> tuple[int, ...]:
    return tuple(i for i in range(count) if i not in failed)


def with_image(view: ViewState, index: int, image: ImageView) -> ViewState:
    """Return the view with photograph number `index` viewed as `image`, clamped to the valid range; an impossible view
    (NaN, infinite) changes nothing."""
    if not all(map(math.isfinite, (*image.center, image.zoom))):
        return view
    return replace(view, images=swapped(view.images, index, _clamped(view, index, image, view.cells)))


def on_surface(view: ViewState, surface: SurfaceKind) -> ViewState:
    """Return the same photographs on a surface, each clamped to what may be shown there."""
    view = replace(view, layout=Layout.RETINA if surface is SurfaceKind.RETINA else view.flat)
    cells = view.cells
    return replace(view, images=tuple(_clamped(view, i, image, cells) for i, image in enumerate(view.images)))


def to_stops(view: ViewState, image: int, doublings: float, notch: float = NOTCH) -> float:
    """Return the doublings of a photograph's zoom by notches of a wheel, each of which ends at the first of a window's
    stops that it leads past: the whole photograph, and 1, 2, 4 and 8 of the window's pixels for each pixel of it."""
    fit = view.fit(image)
    if fit is None:
        return doublings
    stops = 0.0, *(level - math.log2(fit) for level in range(MAX_LEVEL + 1))
    start = at = math.log2(view.images[image].zoom)
    sign, left = math.copysign(1.0, doublings), abs(doublings)
    while left > AT_STOP:
        ahead = (sign * (stop - at) for stop in stops)
        at += sign * min(min(left, notch), min((away for away in ahead if away > AT_STOP), default=math.inf))
        left -= notch
    return at - start


def next_loaded(view: ViewState, by: int = 1) -> int:
    """Return the next loaded photograph after the active one, wrapping around; `by` 1 forward, -1 back. Returns the
    active one if no other is loaded."""
    count = len(view.images)
    following = [(view.active + by * i) % count for i in range(1, count + 1)]
    return next((i for i in following if view.photographs[i] is not None), view.active)


def settled(view: ViewState) -> ViewState:
    """Return the view after a change of surface or photograph: on the retina a whole photograph is centred on its field
    of view."""
    front = view.front
    if view.surface is SurfaceKind.RETINA and front.zoom <= 1.0:
        front = ImageView(view.home(view.active), 1.0)
    return with_image(view, view.active, front)


def _clamped(view: ViewState, index: int, image: ImageView, cells: tuple[Cell, ...]) -> ImageView:
    """Keep a panel from showing beyond the photograph, the retina's middle inside it, and the zoom within its ends.

    In a window this holds for the part of the cell that the whole photograph takes at zoom 1: so a point that one zooms
    in on stays where it is, and the whole photograph is in the middle. A smaller one stays within that part.
    """
    record = view.photographs[index]
    fit = cells[0].fit(record.size) if cells and record is not None else 1.0
    zoom = min(view.largest_zoom(index), max(min(1.0, 1.0 / fit), image.zoom))
    margin = 0.5 / zoom if view.surface is SurfaceKind.PANEL else 0.0
    low, high = sorted((margin, 1.0 - margin))
    u, v = (min(high, max(low, c)) for c in image.center)
    image = ImageView((u, v), zoom)
    return aligned(image, record.size, cells[0]) if cells and record is not None else image


def swapped(images: tuple[ImageView, ...], index: int, image: ImageView) -> tuple[ImageView, ...]:
    """Return the views of all photographs, with number `index` replaced."""
    return (*images[:index], image, *images[index + 1 :])
