"""What is looked at: the state that gestures and tours change, and that everything drawn follows from.

`stepping` says what changes it, `arranging` how layouts and pairs follow each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from sr_core.image.geometry import MAX_LEVEL
from vr_app.core.space.surface import ImageView, Uv
from vr_app.core.view import layout as standing
from vr_app.core.view.appearance import AS_PHOTOGRAPHED, Appearance
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
    side_of,
)
from vr_app.core.view.region import Region, Regions

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


def with_image(view: ViewState, index: int, image: ImageView) -> ViewState:
    """Photograph number `index` seen so, as far as it may be; what no view can be (NaN, infinite) changes nothing."""
    if not all(map(math.isfinite, (*image.center, image.zoom))):
        return view
    clamped = _clamped(image, view.surface, view.limits[index])
    return replace(view, images=swapped(view.images, index, clamped))


def on_surface(view: ViewState, surface: SurfaceKind) -> ViewState:
    """The same photographs on a surface, each within what may be seen there."""
    limited = zip(view.images, view.limits, strict=True)
    return replace(view, surface=surface, images=tuple(_clamped(image, surface, limit) for image, limit in limited))


def next_loaded(view: ViewState, by: int = 1) -> int:
    """The next photograph after the active one that is loaded, round the end, `by` 1 onward, -1 back; else the active
    one."""
    count = len(view.images)
    following = [(view.active + by * i) % count for i in range(1, count + 1)]
    return next((i for i in following if view.homes[i] is not None), view.active)


def settled(view: ViewState) -> ViewState:
    """After a change of surface or photograph: on the retina a whole photograph is centred on its field of view."""
    front = view.front
    if view.surface is SurfaceKind.RETINA and front.zoom <= 1.0:
        front = ImageView(view.homes[view.active] or (0.5, 0.5), 1.0)
    return with_image(view, view.active, front)


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


def swapped(images: tuple[ImageView, ...], index: int, image: ImageView) -> tuple[ImageView, ...]:
    """The views of all photographs with that of number `index` another."""
    return (*images[:index], image, *images[index + 1 :])
