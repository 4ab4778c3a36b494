"""The control panel of a session: where it is, who points at it, what it offers, and when it is drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sr_core.image.layers import RESTORED_LAYER
from sr_core.networks.names import STARTS_FROM, base_of, has_dial, models_at_hand, texture_of
from sr_core.tiles.photographs import Photographs
from vr_app.core.hands.keys import WRITING
from vr_app.core.hands.sample import ControllerSample, HandSample, Pulse
from vr_app.core.panel import stand as sheet
from vr_app.core.panel.pointer import Grasp, Pointer
from vr_app.core.panel.stand import SheetItem
from vr_app.core.panel.triangles import THUMBNAIL_EDGE, THUMBNAILS_ACROSS
from vr_app.core.scene.scene import RayItem
from vr_app.core.space.pose import Eye
from vr_app.core.space.surface import Panel
from vr_app.core.view.intent import Intent
from vr_app.core.view.pair import Compare
from vr_app.core.view.pairing import layouts_offered
from vr_app.core.view.view import ViewState
from vr_app.fonts import all_fonts
from vr_app.gl.sheet import SheetPicture
from vr_app.ui.contents import LAYOUTS, NOTE, PAGES, Event, Listing, PanelState, Place, Turn, images_on
from vr_app.ui.imgui import ENDS_TYPING, Interface, InterfaceError
from vr_app.ui.style import HANDLE, HIGH, WIDE

GALLERY, REGIONS = PAGES.index("Images"), PAGES.index("Regions")

THUMBNAILS = THUMBNAILS_ACROSS**2
"""Thumbnails at a time: the one of photograph i has place i modulo this number."""

SCALES = (2, 4, 8)
"""A network is offered if it has weights for all of these scales."""

WITHOUT_HAND = (-0.15, -0.45, -0.55)
"""Metres to the right, up and backward from the head: the place of a panel whose hand is not tracked."""

INWARD = 0.3
"""How far an open panel is to the inner side of the hand that carries it, in its width."""

OUTWARD = 0.9
"""How far the handle of a closed panel is to the outer side, in the panel's width, level with the hand. Above the hand
it would hide what hands point at, and the words below a photograph."""

ABOUT = (
    "Super-resolved fundus photographs",
    "on demand. A research program.",
    "",
    "A cyan outline marks computed pixels:",
    "likely, but not photographed.",
    "",
)


@dataclass(frozen=True)
class Networks:
    """The networks that can compute. `names`: to choose from; `dials`: those of them with weights for the dial."""

    names: tuple[str, ...]
    dials: frozenset[str]

    @staticmethod
    def at_hand(asked: str = "") -> Networks:
        """Return the networks with weights at every scale. The dial's other ends are not offered by themselves, nor
        rivals unless the network `asked` for is one."""
        whole = {name: scales for name, scales in models_at_hand(asked).items() if set(SCALES) <= set(scales)}
        dials = frozenset(name for name, scales in whole.items() if has_dial(name, scales))
        return Networks(tuple(name for name in whole if STARTS_FROM.get(name) not in dials), dials)


class Control:
    """The control panel. For the thread that draws.

    `left_handed`: the right hand carries the panel and the left one presses it. Until `prepare`, and if that fails,
    there is no panel.
    """

    def __init__(self, left_handed: bool = False) -> None:
        self._carrier = 1 if left_handed else 0
        self._interface: Interface | None = None
        self.picture: SheetPicture | None = None
        self.targets: dict[str, tuple[float, float]] = {}
        """By its words, where each of the panel's controls is, in the panel's texels."""
        self.networks = Networks((), frozenset())
        self._place = Place()
        self._grasp = Grasp()
        self._pointer: Pointer | None = None
        self._pressed = False
        self._surface: Panel | None = None
        self._told = PanelState()
        self._extent_open = WIDE, HIGH
        self._size = (20, 20)
        self._em = 20
        self._scale: float | None = None
        self._version = 0
        self._hands: tuple[HandSample, ...] = ()
        self._typed: tuple[str, ...] = ()
        self._before: Place | None = None
        """Where to go back to once a note is written."""
        self._thumbnails: dict[int, tuple[float, float]] = {}

    def prepare(self, model: str = "") -> str:
        """Make the panel, which takes half a second. `model`: the requested network. Returns one line that says why
        there is no panel; empty if there is one."""
        try:
            self._interface = Interface(all_fonts())
        except InterfaceError as error:
            return str(error)
        most = sheet.EM_PIXELS[1]
        self.picture = SheetPicture((round(WIDE * most), round(HIGH * most)))
        self.networks = Networks.at_hand(model)
        self._paint(PanelState())  # pays the cost of the first drawing now
        return ""

    @property
    def of_use(self) -> bool:
        """Whether anybody could point at a panel."""
        return bool(self._hands)

    @property
    def open(self) -> bool:
        return self._place.open

    @property
    def carrier(self) -> int | None:
        """The hand that carries the open panel; None while it is closed."""
        return self._carrier if self._place.open else None

    @property
    def moves(self) -> bool:
        """Whether its picture may change by itself."""
        return self._place.open and self._interface is not None and not self._interface.settled

    @property
    def browsed(self) -> tuple[int, ...]:
        """The photographs on the gallery's page that is shown; none if the panel shows something else."""
        return images_on(self._told, self._place) if self._place.open and self._place.page == GALLERY else ()

    def toggle(self) -> None:
        """Open the panel, or close it. If it is still being made, it opens once it is there."""
        self._turn(replace(self._place, open=not self._place.open))

    def write(self) -> str:
        """Let the user type a note on the chosen region. Returns one line that says why that cannot be, or nothing."""
        if self._interface is None:
            return "The control panel, in which notes are written, is not there"
        if self._told.controls is not None:
            return "Notes are written in a window"
        if self._told.regions.chosen is None:
            return "No region is chosen: mark one, or click on one"
        self._before = self._place
        self._turn(Place(True, REGIONS, self._place.gallery))
        self._interface.focus(NOTE, self._typed)
        return ""

    @property
    def _writes(self) -> bool:
        return self._place.open and self._interface is not None and self._interface.writes

    # Each frame: first `take`, then `update`, then what is to be drawn.

    def take(self, sample: ControllerSample, eyes: Sequence[Eye]) -> ControllerSample:
        """Return the part of a steady `sample` that is not meant for the panel."""
        self._hands, self._typed = sample.hands, ()
        if self._writes:  # letters are no keys now
            sample, self._typed = _after_note(sample)
        elif self._told.regions.chosen is not None:
            sample, self._typed = _until_note(sample)
        if self.picture is None:
            return sample
        carrier = self._stand(sample, eyes)
        left, self._pointer = self._grasp.take(sample, self._surface, self._size, carrier)
        return left

    def update(self, state: PanelState, photographs: Photographs) -> tuple[Intent, ...]:
        """Return the intents from the panel, and draw its picture again if it has changed."""
        if self.picture is None:
            return ()
        if state != self._told:
            self._told, self._extent_open = state, Interface.extent(state)
        if self._surface is None:
            return ()
        self._add_thumbnail(self.picture, photographs)
        shown = replace(state, thumbnails=self.thumbnails) if self._place.open else PanelState()
        events = self._paint(shown)
        for event in events:
            if isinstance(event, Turn):
                self._turn(event.place)
        if self._before is not None and self._interface is not None and self._interface.wrote:
            self._turn(self._before)
            self._before = None
        return tuple(event for event in events if not isinstance(event, Turn))

    @property
    def thumbnails(self) -> tuple[tuple[int, tuple[float, float]], ...]:
        """The thumbnails at hand, as `PanelState` has them."""
        return tuple(self._thumbnails.items())

    @property
    def item(self) -> SheetItem | None:
        """The sheet to draw, if there is one."""
        return None if self._surface is None else SheetItem(self._surface, self._size, self._version)

    @property
    def rays(self) -> tuple[RayItem, ...]:
        """The beam of the hand that points at the panel."""
        if self._pointer is None or self.item is None:
            return ()
        hand = self._hands[self._pointer.hand]
        if hand.aim is None or not hand.shown:
            return ()
        return (RayItem(hand.aim.origin, sheet.point_at(self.item, self._pointer.at), True),)

    def beaming(self, sample: ControllerSample) -> tuple[HandSample, ...]:
        """Return the hands whose beams are shown. The beam of the hand with the open panel would lie over it."""
        carries = self._place.open and len(sample.hands) == 2
        return tuple(hand for i, hand in enumerate(sample.hands) if not (carries and i == self._carrier))

    def pulses(self) -> tuple[Pulse, ...]:
        """Return the pulses for the hand that presses the panel, one for each press."""
        before, self._pressed = self._pressed, bool(self._pointer and self._pointer.pressed)
        return (Pulse(self._pointer.hand),) if self._pointer and self._pressed and not before else ()

    def forget(self, image: int) -> None:
        """A photograph has changed: drop its thumbnail."""
        self._thumbnails.pop(image, None)

    def close(self) -> None:
        """Release everything. May be called twice."""
        if self._interface is not None:
            self._interface.close()
        if self.picture is not None:
            self.picture.close()
        self._interface = self.picture = None

    # Where it stands.

    def _stand(self, sample: ControllerSample, eyes: Sequence[Eye]) -> int | None:
        """Put the sheet where it belongs in this frame; returns the hand that carries it, None if none does.

        A window has one picture and a mouse, a headset two of each. If nobody can point, there is no sheet.
        """
        if len(sample.hands) == len(eyes) == 1:
            self._em = sheet.window_em(eyes[0].size[1])
            self._size = self._texels()
            stands = (sheet.MARGIN, False) if self._place.open else (0, True)
            self._surface = sheet.in_picture(eyes[0], self._size, *stands)
            return None
        if len(sample.hands) == len(eyes) == 2:
            return self._stand_in_hand(sample, eyes)
        if eyes:  # else the head is not tracked: it comes back to where the sheet is
            self._surface = None
        return None

    def _stand_in_hand(self, sample: ControllerSample, eyes: Sequence[Eye]) -> int | None:
        self._em = sheet.em_pixels(eyes[0])
        self._size = self._texels()
        carrier, other = sample.hands[self._carrier], sample.hands[1 - self._carrier]
        carried = carrier.aim is not None and other.aim is not None
        if not carried and self._place.open and self._surface is not None and self._scale is not None:
            return None  # it stays where it was, for whichever hand is there
        if carrier.aim is None and not self._place.open:
            self._surface = None
            return None
        head = sheet.head_of(eyes)
        hand = carrier.aim.origin if carrier.aim is not None else eyes[0].pose.point(WITHOUT_HAND)
        inward = INWARD * WIDE if self._place.open else -OUTWARD * HANDLE
        stands = inward * (1 if self._carrier == 0 else -1), not self._place.open
        if self._scale is None:
            self._scale = sheet.scale_for(head, hand, self._extent, *stands)
        self._surface = sheet.in_hand(head, hand, self._extent, self._scale, *stands)
        return self._carrier if carried else None

    @property
    def _extent(self) -> tuple[float, float]:
        """Width and height in em."""
        return self._extent_open if self._place.open else (HANDLE, HANDLE)

    def _texels(self) -> tuple[int, int]:
        wide, high = (round(part * self._em) for part in self._extent)
        return wide, high

    def _turn(self, place: Place) -> None:
        if place.open != self._place.open:
            self._scale = None
        self._place = place

    # What it shows.

    def _paint(self, state: PanelState) -> tuple[Event, ...]:
        if self._interface is None or self.picture is None:
            return ()
        typed = self._typed if self._writes else ()
        events, drawn = self._interface.draw(state, self._place, self._em, self._size, self._pointer, typed)
        if drawn is not None:
            self.picture.paint(drawn)
            self.targets = drawn.targets
            self._version += 1
        return events

    def _add_thumbnail(self, picture: SheetPicture, photographs: Photographs) -> None:
        """Add one thumbnail of the gallery's page that is in memory and not shown yet, in the place of another page's;
        one per frame."""
        for image in self.browsed:
            pixels = None if image in self._thumbnails else photographs.thumbnail(image, THUMBNAIL_EDGE)
            if pixels is not None:
                picture.put_thumbnail(image, pixels)
                self._thumbnails = {i: e for i, e in self._thumbnails.items() if (i - image) % THUMBNAILS}
                height, width = pixels.shape[:2]
                self._thumbnails[image] = width / THUMBNAIL_EDGE, height / THUMBNAIL_EDGE
                return


def _after_note(sample: ControllerSample) -> tuple[ControllerSample, tuple[str, ...]]:
    """Return the sample with the keys pressed after the one that ends a note, and what is typed up to that one."""
    typed = sample.typed
    at = next((n for n, what in enumerate(typed) if what in ENDS_TYPING), None)
    keys = () if at is None else sample.keys[sample.keys.index(typed[at]) + 1 :] if typed[at] in sample.keys else ()
    return replace(sample, keys=keys, original=False, blink=False), typed if at is None else typed[: at + 1]


def _until_note(sample: ControllerSample) -> tuple[ControllerSample, tuple[str, ...]]:
    """Return the sample with its keys up to the one that opens a note, and what is typed after that one."""
    at = next((n for n, key in enumerate(sample.keys) if key in WRITING.keys), None)
    if at is None:
        return sample, ()
    typed = sample.typed
    after = typed.index(sample.keys[at]) + 1 if sample.keys[at] in typed else 0
    return replace(sample, keys=sample.keys[: at + 1]), typed[after:]


def state_of(
    view: ViewState,
    networks: Networks,
    names: tuple[str, ...],
    hands: Sequence[HandSample] | None = None,
) -> PanelState:
    """Return what the panel shows of a session. `names`: what the photographs are called. `hands`: those in a headset,
    left and right; None in a window."""
    model = view.settings.model
    base = base_of(model)
    offered = {view.layout, *(layout for layout, _ in layouts_offered(len(view.loaded)))}
    pair = view.compared
    return PanelState(
        photographs=view.photographs,
        listing=Listing(names, view.failed),
        front=view.active,
        layouts=tuple(layout for layout in LAYOUTS if layout in offered),
        layout=view.layout,
        compare=pair.compare if pair else None,
        link=pair.link if pair and pair.compare is Compare.SIDE else None,
        models=networks.names,
        model=model,
        texture=texture_of(model) if base in networks.dials else None,
        finest=view.finest,
        invention=view.invention,
        restored=RESTORED_LAYER in view.settings.overlays,
        appearance=view.appearance,
        field_angle=view.settings.field_angle,
        regions=replace(view.regions, draft=None),  # it changes in every frame of a drag
        room=view.settings.room,
        controls=None if hands is None else tuple(hand.names for hand in hands),
        about=(*ABOUT, f"Network: {base}"),
    )
