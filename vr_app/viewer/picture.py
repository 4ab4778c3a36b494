"""From the view to pixels: a frame's scene, and the part of it that must be drawn again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from vr_app.core.hands.marks import Mark
from vr_app.core.panel.stand import SheetItem
from vr_app.core.scene.field_mean import MeanBook
from vr_app.core.scene.lecture import lecture_rays, lecture_status, lecture_view
from vr_app.core.scene.local_contrast import CurveBook
from vr_app.core.scene.redraw import changed_part, only_tiles
from vr_app.core.scene.region_words import region_labels, region_marks
from vr_app.core.scene.scene import LabelItem, RayItem, Scene, SurfaceItem, surface_items
from vr_app.core.scene.veil import Veil
from vr_app.core.scene.window_words import window_labels
from vr_app.core.scene.words import Status, labels
from vr_app.core.space.pose import Eye
from vr_app.core.tiles.departure import Departures
from vr_app.core.tiles.fading import Pace
from vr_app.core.tiles.page_table import PageTable, Residency
from vr_app.core.tiles.visible import Demand, Seen, look
from vr_app.core.view.intent import GoToRegion, Intent, NextRegion, ResetView, SurfaceKind, Undo
from vr_app.core.view.view import ViewState
from vr_app.gl.draw import Renderer
from vr_app.gl.tiles import TileArray
from vr_app.runtime.interface import Frame
from vr_app.viewer.clock import Tick


class Picture:
    """Draws the pictures, and keeps the drawing state from frame to frame.

    `shown`: a photograph has been drawn. `holds_back`: this frame's picture waits, because its missing tiles need the
    processor. `veil`: None if the scene does not surround the viewer.
    """

    def __init__(
        self,
        tiles: TileArray,
        residency: Residency,
        coarse: Callable[[int], np.ndarray | None],
        surrounds: bool,
        stack: ExitStack,
    ) -> None:
        """`coarse`: returns a photograph's coarse level, as for `CurveBook`. `surrounds`: the scene surrounds the
        viewer."""
        self.renderer = Renderer(tiles)
        stack.callback(self.renderer.close)
        self.pace = Pace()
        self.veil = Veil() if surrounds else None
        self.shown = self.holds_back = False
        self._residency = residency
        self._pages = PageTable(residency)
        self.lecture = Lecture(self, residency)
        self._curves, self._means = CurveBook(coarse), MeanBook(coarse)
        self._drawn: Scene | None = None
        self._stood: Scene | None = None
        self._jumps = 0
        self._pixel = 0.0
        """The edge of a pixel of the window in metres; 0 where no window shows panels."""

    def forget(self, photograph: int) -> None:
        """Forget a changed photograph: its new tiles may get the slots of the old ones."""
        self.draw_anew()
        self._stood = None
        self._curves.forget(photograph)
        self._means.forget(photograph)

    def draw_anew(self) -> None:
        """Draw everything again: nothing in the pictures is valid any more."""
        self._drawn = None

    def fading(self, at: float) -> bool:
        """Whether a picture of that time on the viewer's clock changes by itself: tiles fade in, or a veil is shown."""
        veiled = self.veil is not None and (self.veil.shade > 0 or self.veil.holds)
        return veiled or at < self._residency.fades_until

    def changes(self, tick: Tick, rests: bool) -> bool:
        """Whether it changes by itself, or was held back and waits no longer. `rests`: the view does."""
        return self.fading(tick.now) or (self.holds_back and not self.pace.waits(tick.now, rests))

    @property
    def holds_before(self) -> bool:
        """Whether the scene before a change is still shown while it darkens."""
        return self.veil is not None and self.veil.holds

    def veil_changes(self, before: ViewState, view: ViewState, intents: Sequence[Intent], dt: float) -> None:
        """Hide behind the veil whatever changes at once around the viewer: layout, photograph, pair, and a jump on the
        retina."""
        if self.veil is None:
            return
        leap = any(isinstance(intent, GoToRegion | NextRegion | Undo | ResetView) for intent in intents)
        if leap and view.surface is SurfaceKind.RETINA and view.front != before.front:
            self._jumps += 1
        pair = view.compared
        shown = view.layout, view.active, pair and (pair.images, pair.compare), self._jumps
        self.veil.see(shown if self.shown else None, dt)

    def surfaces(
        self, view: ViewState, seen: Seen, eyes: Sequence[Eye], tick: Tick, pages: PageTable | None = None
    ) -> tuple[SurfaceItem, ...]:
        """Return the photographs with the tiles that are available now. `pages`: those of another picture than the
        eyes'."""
        desk = view.settings.desk
        pixel = desk.pixel if desk is not None and view.cells else 0.0
        if pages is None:
            self._pixel = pixel
        handles = pages is None and pixel > 0
        items = surface_items(view, seen.placed, seen.wants, pages or self._pages, eyes, tick.now, handles)
        look = view.appearance
        items = self._means.added_to(items, view.record_of, look.channel) if look.contrast != 1 else items
        return self._curves.added_to(items, look.channel) if look.local else items

    def marks(self) -> tuple[Mark, ...]:
        """Return the regions that a mouse can take hold of in the last picture: none, except on a window's panels."""
        drawn = self._drawn
        return region_marks(drawn.surfaces, self._pixel) if drawn is not None and self._pixel else ()

    def veiled(self, scene: Scene) -> Scene:
        """Return the current scene, or the previous one while that darkens."""
        if self.veil is None:
            return scene
        if self._stood is None or not self.veil.holds:
            self._stood = scene
        return replace(self._stood, veil=self.veil.shade)

    def draw(
        self,
        frame: Frame,
        scene: Scene,
        lecture: Scene | None,
        tick: Tick,
        rests: bool,
        whole: bool,
        busy: Callable[[], bool],
    ) -> list[np.ndarray]:
        """Draw the scene into each eye's picture, as far as it has changed. `lecture`: what `frame.lecture` shows.
        `rests`: whether the view rests.

        `whole`: draw all of it, and return each eye's picture, (H, W, 3) uint8. `busy`: whether tiles are being
        computed; it is asked last, since that takes the worker's lock.
        """
        stands = self._drawn if frame.keeps and not whole else None
        self.holds_back = False
        if scene == stands:
            return []  # on a small machine the worker needs the processor more
        fades = stands is not None and only_tiles(stands, scene)
        self.holds_back = fades and self.pace.waits(tick.now, rests) and busy()
        if self.holds_back:
            return []
        self._drawn = scene
        pictures = []
        for eye, target, shown in frame.pictures(scene, self.renderer, whole, lecture):
            part = changed_part(stands, scene, eye) if stands else None
            if part is None or not part.empty:
                self.renderer.draw(target, eye, shown, part)
            if whole and eye in frame.eyes:
                pictures.append(target.read())  # a spectator's is not in it
        self.pace.drew(tick.now, fades)
        self.shown = self.shown or bool(scene.surfaces)
        return pictures


class Lecture:
    """What a lecture hall's screen shows, beside a headset's `picture`, of the tiles of a `residency`."""

    def __init__(self, picture: Picture, residency: Residency) -> None:
        self._picture, self._residency = picture, residency
        self._pages, self._departures = PageTable(residency), Departures()
        self._flat: ViewState | None = None
        """The headset's view as the screen shows it; None without a screen."""
        self._seen = Seen()

    def wants(self, frame: Frame, view: ViewState) -> tuple[Demand, ...]:
        """See what the frame's screen shows of the headset's view, if there is one; return what that wants."""
        if frame.lecture is None:
            self._flat = None
            return ()
        self._flat = lecture_view(view, frame.lecture)
        self._seen = look(self._flat, (frame.lecture.eye,), self._seen)
        return self._seen.wants

    def scene(
        self, frame: Frame, view: ViewState, seen: Seen, status: Status, rays: Sequence[RayItem], tick: Tick
    ) -> Scene | None:
        """Return the scene for the screen as `wants` saw it in this frame; None if none takes a picture now. `view`,
        `seen`, `status` and `rays`: the headset's."""
        desk, flat, there = frame.lecture, self._flat, self._seen
        if desk is None or flat is None or not frame.takes_lecture:
            return None
        surfaces = self._picture.surfaces(flat, there, (desk.eye,), tick, self._pages)
        invented = self._departures.shown(there.wants, self._residency, tick.now, over=flat.over)
        beams = lecture_rays(rays, view, seen.reach, flat, there.placed)
        return compose(flat, surfaces, replace(lecture_status(status), invented=invented), beams, None, 0.0)


def compose(
    view: ViewState,
    surfaces: tuple[SurfaceItem, ...],
    status: Status,
    rays: tuple[RayItem, ...],
    sheet: SheetItem | None,
    floor: float,
    hands: Sequence[LabelItem] = (),
) -> Scene:
    """Compose the scene of a view: its photographs and their text. `floor`: the height of the room's floor, in
    metres. `hands`: the words beside the hands."""
    desk, shown = view.desk, (surfaces, view.active, status)
    words = (*region_labels(surfaces), *(window_labels(*shown, desk) if desk is not None else labels(*shown)), *hands)
    room = view.settings.room and view.surface is SurfaceKind.PANEL and desk is None
    looks = {"invention": view.invention, "appearance": view.appearance}
    return Scene(surfaces, words, rays, sheet=sheet, floor=floor if room else None, **looks)
