"""What is drawn: plain values that `vr_app.gl.draw` turns into pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sr_core.image import layers
from vr_app.core.panel.stand import SheetItem
from vr_app.core.scene.outline import Outline, outlines
from vr_app.core.space.pose import Eye, Pose, Vec3
from vr_app.core.space.surface import ImageView, Panel, Retina, Surface, bent, columns
from vr_app.core.tiles.page_table import PageTable, PageWindow, shows_any
from vr_app.core.tiles.visible import Demand
from vr_app.core.view.appearance import AS_PHOTOGRAPHED, Appearance, Curves
from vr_app.core.view.place import Placed, Words
from vr_app.core.view.view import ViewState

Rgb = tuple[float, float, float]
Rgba = tuple[float, float, float, float]

MID_GREY: Rgb = (0.5, 0.5, 0.5)

WORDS_WIDE, WORDS_HIGH = 0.7, 0.1
"""In metres: how long the text below a panel may be, from its edge on, and how far it extends below it."""


@dataclass(frozen=True)
class SurfaceItem:
    """A photograph (its index in the session) on its surface. `size` in photograph pixels. `words`: how its text is
    shown. `curves`: of its local contrast, if that is on. `stretched_about`: the value of each channel, 0 to 1, that
    contrast leaves as it is. `outlines`: of its regions of interest. `overlays`: the layers over the picture, each with
    the level, columns and rows of `pages`; `over`: the layers' titles; `replaced`: how many of them, the first ones,
    replace the photograph."""

    surface: Panel | Retina
    view: ImageView
    size: tuple[int, int]
    pages: PageWindow
    photograph: int = 0
    words: Words = field(default_factory=Words)
    curves: Curves | None = None
    stretched_about: Rgb = MID_GREY
    outlines: tuple[Outline, ...] = ()
    overlays: tuple[PageWindow, ...] = ()
    over: tuple[str, ...] = ()
    replaced: int = 0

    @property
    def restored(self) -> str:
        """The title of the layer in the photograph's place, if any of it is there; otherwise empty."""
        parts = zip(self.over[: self.replaced], self.overlays, strict=False)
        return next((title for title, window in parts if shows_any(window)), "")


PLATE_X, PLATE_Y = 0.45, 0.65
"""How far a label's plate extends beyond its text, in em: sideways, and up and down from its middle."""

PLATE_EDGE = 0.05
"""How far the smooth edge of a plate may extend beyond it, in em."""


@dataclass(frozen=True)
class LabelItem:
    """A line of text `height` metres high (of its em), standing at `pose` (x right, y up, seen from +z).

    `align`: which point of the text lies at the pose: 0 its left end, 0.5 its middle, 1 its right end; vertically
    always its middle. `background` is drawn as a plate behind it (alpha 0: none). `bend`: how it is bent about a
    vertical through that point, as a panel is. `wide`: the plate of a label without text is so many em wide, for which
    `align` counts too.
    """

    text: str
    pose: Pose
    height: float
    align: float = 0.0
    color: Rgba = (1.0, 1.0, 1.0, 1.0)
    background: Rgba = (0.0, 0.0, 0.0, 0.0)
    bend: float = 0.0
    wide: float = 0.0


@dataclass(frozen=True)
class RayItem:
    """A pointer: a thin beam from `start` to `end`; a dot at the end if it `hits` a surface. `width`: that of the beam,
    and of the dot, relative to the usual one."""

    start: Vec3
    end: Vec3
    hits: bool
    width: float = 1.0


@dataclass(frozen=True)
class Scene:
    """Everything in drawing order: the floor, surfaces, labels, the control panel, rays, the veil.

    `invention`: synthesised pixels are overlaid with how far they depart from what the photograph alone determines.
    `backdrop`: the room is behind everything; without it the picture is transparent where nothing is drawn.
    `appearance`: how the photographs are displayed, beneath that overlay and all marks. `floor`: the height in metres
    of the room's floor; None: there is no room. `veil`: how dark everything is, 0 to 1.
    """

    surfaces: tuple[SurfaceItem, ...] = ()
    labels: tuple[LabelItem, ...] = ()
    rays: tuple[RayItem, ...] = ()
    sheet: SheetItem | None = None
    invention: bool = False
    backdrop: bool = True
    appearance: Appearance = AS_PHOTOGRAPHED
    floor: float | None = None
    veil: float = 0.0


def surface_items(
    view: ViewState,
    placed: Sequence[Placed],
    wants: Sequence[Demand],
    pages: PageTable,
    eyes: Sequence[Eye],
    now: float,
    handles: bool = False,
) -> tuple[SurfaceItem, ...]:
    """Return the items to draw of the photographs that have their coarsest tile. `now` in seconds on the frame clock.
    `handles`: the chosen region has handles for a mouse.

    Panels out of sight are left out, except the front one, which carries the session's text. So is a photograph that
    only waits for its turn.
    """
    by_image = {demand.photograph: demand for demand in wants}
    marked = view.regions.known or view.regions.draft
    over = view.over if view.settings.overlays else ()
    items = []
    for item in placed:
        record, demand = view.photographs[item.image], by_image.get(item.image)
        # Asked for even out of sight: so the coarsest tile is not evicted, and is there when the head turns.
        window = pages.window(item.image, record, demand, now) if record is not None else None
        if record is None or window is None or not item.shown:
            continue
        if item.image == view.active or in_sight(item.surface, eyes, item.words.scale):
            around = outlines(view.regions, record, item.image, handles=handles) if marked else ()
            seen = view.images[item.image]
            windows = pages.overlays(window, demand, over, now) if over and demand is not None else ()
            titles = tuple(layers.LAYERS[layer].title for layer in over)
            standing = sum(layers.LAYERS[layer].replaces for layer in over) if windows else 0
            items.append(
                SurfaceItem(
                    item.surface, seen, record.size, window, item.image, item.words,
                    outlines=around, overlays=windows, over=titles if windows else (), replaced=standing,
                )
            )  # fmt: skip
    return tuple(items)


def in_sight(surface: Surface, eyes: Sequence[Eye], words: float = 1.0) -> bool:
    """Whether any eye may see a part of the surface or of its text, which is larger by `words` than usual.

    False only if that is certain: the panel with its text lies entirely beyond one side of each eye's picture, or
    behind the eye. The retina surrounds the viewer and is always in sight.
    """
    if isinstance(surface, Retina):
        return True
    left, top, right, bottom = np.multiply(surface.bounds, 2 * (surface.width, surface.height))
    width, height = right - left, bottom - top
    half = np.array([max(width / 2, words * WORDS_WIDE - width / 2), height / 2]) + words * WORDS_HIGH
    middle = (left + right) / 2, -(top + bottom) / 2, 0
    pieces = columns(2 * half[0], surface.bend)
    across = np.linspace(-1, 1, 1 + pieces)
    corners = np.array([(x, y, 0) for x in across for y in (-1, 1)]) * [*half, 0] + middle
    if surface.bend:
        corners = bent(corners, surface.bend)
    world = corners @ surface.pose.rotation().T + surface.pose.position
    return any(_before(eye, world) for eye in eyes)


def _before(eye: Eye, points: np.ndarray) -> bool:
    """Whether each of the planes that bound the eye's picture has some of `points` (n, 3) on its inner side."""
    x, y, z = eye.local(points).T
    left, right, up, down = eye.fov.tangents()
    sides = (x + left * z, -x - right * z, y + down * z, -y - up * z, -z)
    return all((side > 0).any() for side in sides)
