"""What the control panel offers, as plain values: pages of rows in, events out. `vr_app.ui.imgui` draws the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sr_core.image.layers import RESTORED_LAYER
from sr_core.networks.names import base_of, dialled
from vr_app.core.view.appearance import AS_PHOTOGRAPHED, BRIGHTNESS, CONTRAST, GAMMA, LOCAL, Appearance, Channel
from vr_app.core.view.bounds import FIELD_ANGLES, MOST_NOTE
from vr_app.core.view.intent import (
    Adjust,
    ArmMarking,
    BlinkRegion,
    BringForward,
    ComputeWith,
    DeleteRegion,
    ExportRegion,
    Intent,
    LimitLevel,
    MarkView,
    NameRegion,
    NextImage,
    NextRegion,
    NoteRegion,
    OpenFolder,
    OpenPhotographs,
    Recentre,
    RecordTour,
    ResetView,
    SetCompare,
    SetFieldAngle,
    SetLink,
    ShowHelp,
    ShowInvention,
    ShowLayout,
    ShowOverlay,
    ShowPixels,
    ShowRegions,
    ShowRoom,
    TakeScreenshot,
    ToggleFullScreen,
    Undo,
)
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare, Link
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.region import Kind, Regions
from vr_app.core.view.view import NO_REGIONS

PAGES = ("Images", "View", "Regions", "Adjust", "Help")

NOTE = "Note"
"""The title of the field on the page of regions."""

COLUMNS, ROWS = 3, 2
"""Images on one page of the gallery."""

MANY_PAGES = 4
"""The gallery has a slider if it has more pages."""

NAME_LENGTH = 13
"""The most letters of an image's name below its thumbnail."""

LAYOUTS = {Layout.ONE: "One", Layout.PAIR: "Pair", Layout.ROW: "Row", Layout.WALL: "Wall", Layout.RETINA: "Eye"}
COMPARES = {Compare.SIDE: "Side", Compare.SWIPE: "Swipe", Compare.BLINK: "Blink"}
LINKS = {Link.OFF: "Off", Link.SAME: "Same", Link.MIRRORED: "Mirrored"}
"""What the panel calls layouts, and ways to compare and to link a pair."""


@dataclass(frozen=True)
class Turn:
    """Turn to another page of the panel, or of its gallery; or open and close it; this does not concern the view."""

    place: Place


Event = Intent | Turn
"""The result of a press on the panel."""


@dataclass(frozen=True)
class Place:
    """The current place in the panel: open or only its handle; the page; the page of its gallery; and of the page
    Help, whether it tells what the program is."""

    open: bool = False
    page: int = 1
    gallery: int = 0
    about: bool = False


@dataclass(frozen=True)
class Listing:
    """What the gallery lists: what the photographs are called, except those that have `failed` to open."""

    names: tuple[str, ...] = ()
    failed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class PanelState:
    """What the panel shows of the session.

    `photographs`: None for one that is not (yet) loaded; `listing`: how the gallery lists them; `thumbnails`: those
    whose thumbnail is at hand, and its width and height in proportion to a thumbnail's place. `front`: the image in
    front. `layouts`, `models`: to choose from; `compare`, `link`: of a pair that is shown, else None; `texture`: where
    the dial stands, None where there are no weights for it. `finest`: the finest level that may be shown. `restored`:
    where nothing is enlarged, restored photographs stand in the place of those in the files. `room`: the panels stand
    in one. `controls`: in a headset what those of the left and the right hand do, a line each; None in a window.
    `about`: lines.
    """

    photographs: tuple[PhotographRecord | None, ...] = ()
    listing: Listing = Listing()
    thumbnails: tuple[tuple[int, tuple[float, float]], ...] = ()
    front: int = 0
    layouts: tuple[Layout, ...] = ()
    layout: Layout = Layout.ROW
    compare: Compare | None = None
    link: Link | None = None
    models: tuple[str, ...] = ()
    model: str = ""
    texture: float | None = None
    finest: int = 3
    invention: bool = False
    restored: bool = False
    appearance: Appearance = AS_PHOTOGRAPHED
    field_angle: float = 45.0
    regions: Regions = NO_REGIONS
    room: bool = False
    controls: tuple[tuple[str, ...], ...] | None = None
    about: tuple[str, ...] = ()

    @property
    def record(self) -> PhotographRecord | None:
        """The front photograph's record; None while it is not loaded."""
        return self.photographs[self.front] if self.photographs else None

    @property
    def listed(self) -> Sequence[int]:
        """The photographs in the gallery: all except the failed ones."""
        every = range(len(self.photographs))
        return [image for image in every if image not in self.listing.failed] if self.listing.failed else every


# Rows. Every control has a unique name.


@dataclass(frozen=True)
class Choice:
    """A choice: the options' labels and what choosing them asks for; `chosen`: the index of the current one, -1 for
    none."""

    title: str
    options: tuple[tuple[str, Event], ...]
    chosen: int


@dataclass(frozen=True)
class Slider:
    """A value within limits. `told`: the value in words. `moved` says what moving it asks for; where it is costly,
    `when_let_go`, only at the end. `logarithmic`: equal ways are equal factors."""

    title: str
    value: float
    limits: tuple[float, float]
    told: str
    when_let_go: bool = False
    logarithmic: bool = False


@dataclass(frozen=True)
class Buttons:
    """Things to ask for at once; `chosen`: the index of the one that is so now, -1 for none."""

    buttons: tuple[tuple[str, Event], ...]
    chosen: int = -1


@dataclass(frozen=True)
class Picture:
    """A photograph in the gallery: its thumbnail's place and extent there, None while there is none."""

    name: str
    event: BringForward
    chosen: bool
    extent: tuple[float, float] | None


@dataclass(frozen=True)
class Gallery:
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Field:
    """A text that can be typed; `written` says what that asks for."""

    title: str
    text: str


@dataclass(frozen=True)
class Words:
    """Lines to read; `warns` in the colour of warnings."""

    lines: tuple[str, ...]
    warns: bool = False


APART = Words(("",))
"""A gap between rows that must not be confused."""

Row = Choice | Slider | Buttons | Gallery | Words | Field


def rows(state: PanelState, place: Place) -> tuple[Row, ...]:
    """Return what the page shows."""
    return (_images, _view, _regions, _adjust, _help)[place.page](state, place)


def images_on(state: PanelState, place: Place) -> tuple[int, ...]:
    """Return the photographs on the gallery's page."""
    at = min(place.gallery, _gallery_pages(state) - 1)
    return tuple(state.listed[at * COLUMNS * ROWS : (at + 1) * COLUMNS * ROWS])


def _gallery_pages(state: PanelState) -> int:
    return max(1, -(-len(state.listed) // (COLUMNS * ROWS)))


def _images(state: PanelState, place: Place) -> tuple[Row, ...]:
    extents = dict(state.thumbnails)
    pages = _gallery_pages(state)
    at = min(place.gallery, pages - 1)
    shown = [
        Picture(shortened(_called(state, i)), BringForward(i), i == state.front, extents.get(i))
        for i in images_on(state, place)
    ]
    found: list[Row] = [Gallery(tuple(shown))]
    if pages > MANY_PAGES:
        found.append(Slider("Page", at + 1.0, (1.0, float(pages)), f"{at + 1}"))
    if pages > 1:
        back, on = (Turn(replace(place, gallery=(at + by) % pages)) for by in (-1, 1))
        found.append(Buttons((("‹ back", back), (f"{at + 1} of {pages}", on), ("more ›", on))))
    if len(state.listed) > 1:
        what = {Layout.PAIR: "pair", Layout.WALL: "page"}.get(state.layout, "image")
        found.append(Buttons(((f"Previous {what}", NextImage(-1)), (f"Next {what}", NextImage(1)))))
    if state.controls is None:  # the dialog is on the desktop
        found.append(Buttons((("Open photographs ...", OpenPhotographs()), ("Open a folder ...", OpenFolder()))))
    return tuple(found)


def _called(state: PanelState, image: int) -> str:
    record = state.photographs[image]
    return record.called if record is not None else state.listing.names[image]


def _view(state: PanelState, place: Place) -> tuple[Row, ...]:
    found: list[Row] = []
    if len(state.layouts) > 1:
        layouts = [(word, ShowLayout(layout)) for layout, word in LAYOUTS.items() if layout in state.layouts]
        found.append(_choice("Layout", layouts, ShowLayout(state.layout)))
    if state.compare is not None:
        compares = [(word, SetCompare(compare)) for compare, word in COMPARES.items()]
        found.append(_choice("Compare", compares, SetCompare(state.compare)))
    if state.link is not None:
        found.append(_choice("Link", [(word, SetLink(link)) for link, word in LINKS.items()], SetLink(state.link)))
    shown = LimitLevel(0 if state.finest == 0 else 3)
    found.append(_choice("Show", [("AI", LimitLevel(3)), ("Original", LimitLevel(0))], shown))
    levels = [(f"x{1 << n}", LimitLevel(n)) for n in (1, 2, 3)]
    found.append(_choice("AI up to", levels, LimitLevel(state.finest)))
    if len(state.models) > 1:
        networks = [(name, ComputeWith(name)) for name in state.models]
        found.append(_choice("Network", networks, ComputeWith(base_of(state.model))))
    if state.texture is not None:
        found.append(Slider("Texture", state.texture, (0.0, 1.0), f"{state.texture:.2f}", when_let_go=True))
    invented = [("Hide", ShowInvention(False)), ("Colour", ShowInvention(True))]
    found.append(_choice("Invented", invented, ShowInvention(state.invention)))
    at_its_size = [("As filed", ShowOverlay(RESTORED_LAYER, False)), ("Restored", ShowOverlay(RESTORED_LAYER, True))]
    found.append(_choice("At x1", at_its_size, ShowOverlay(RESTORED_LAYER, state.restored)))
    found.append(Slider("Field", state.field_angle, FIELD_ANGLES, f"{state.field_angle:.0f}°"))
    found.append(Buttons(_actions(state)))
    return tuple(found)


def _actions(state: PanelState) -> tuple[tuple[str, Event], ...]:
    """Return the actions that are available."""
    around = ("Room", ShowRoom(not state.room)), ("Recentre", Recentre())
    alone = ("Pixel for pixel", ShowPixels()), ("Full screen", ToggleFullScreen())
    return (
        ("Whole image", ResetView()),
        ("Undo", Undo()),
        *(around if state.controls is not None else alone),
        ("Screenshot", TakeScreenshot()),
        ("Record tour", RecordTour()),
    )


def _regions(state: PanelState, place: Place) -> tuple[Row, ...]:
    regions = state.regions
    drag = ("Cancel marking", ArmMarking(False)) if regions.armed else ("Mark by dragging", ArmMarking(True))
    found: list[Row] = [Words((_told(regions, state.record),)), Buttons((("Mark this view", MarkView()), drag))]
    if regions.known:
        blink = (
            ("Stop blinking", BlinkRegion(False)) if regions.blinking else ("Blink with original", BlinkRegion(True))
        )
        hide = ("Show outlines", ShowRegions(True)) if regions.hidden else ("Hide outlines", ShowRegions(False))
        found.append(Buttons((("Next region", NextRegion()), blink, hide)))
    if regions.chosen_region is not None:
        names = tuple((kind.capitalize(), NameRegion(kind)) for kind in Kind)
        kind = list(Kind).index(regions.chosen_region.kind)
        found.append(Buttons(names[:6], chosen=kind if kind < 6 else -1))
        found.append(Buttons(names[6:], chosen=kind - 6 if kind >= 6 else -1))
        note = regions.chosen_region.note
        if state.controls is None:
            found.append(Field(NOTE, note))
        elif note:
            found.append(Words((f"{NOTE}: {note}",)))
        found.append(APART)
        found.append(Buttons((("Export", ExportRegion()), ("Delete", DeleteRegion()), ("Undo", Undo()))))
    else:
        found.append(Buttons((("Undo", Undo()),)))
    return tuple(found)


def _told(regions: Regions, front: PhotographRecord | None) -> str:
    """Return the chosen region's number and name, and how many regions the front photograph has."""
    mine, region = regions.of(front), regions.chosen_region
    if region is None:
        return "Go to a region, to name, export or delete it." if regions.known else "No region yet."
    where = shortened(region.file)
    if regions.chosen in mine:
        where = f"{region.number} of {len(mine)}" if region.number <= len(mine) else f"{region.number}"
    return f"Region {where}: {region.kind}"


def _adjust(state: PanelState, place: Place) -> tuple[Row, ...]:
    look = state.appearance
    names = {Channel.COLOUR: "Colour", Channel.RED_FREE: "Red-free", Channel.RED: "Red", Channel.BLUE: "Blue"}
    channels = [(word, Adjust(replace(look, channel=channel))) for channel, word in names.items()]
    return (
        _choice("Channel", channels, Adjust(look)),
        Slider("Brightness", look.brightness, BRIGHTNESS, f"{look.brightness:+.2f}"),
        Slider("Contrast", look.contrast, CONTRAST, f"{look.contrast:.2f}", logarithmic=True),
        Slider("Gamma", look.gamma, GAMMA, f"{look.gamma:.2f}", logarithmic=True),
        Slider("Local", look.local, LOCAL, f"{look.local:.2f}"),
        Buttons((("As photographed", Adjust(AS_PHOTOGRAPHED)),)),
        Words(("Adjustments change what is seen,", "no pixel of the photograph.")),
    )


def _help(state: PanelState, place: Place) -> tuple[Row, ...]:
    """Return what the controls in the hands do, or what the program is; a window's keys have an overlay of their
    own."""
    about = Words(("Not for diagnosis",), warns=True), Words(state.about)
    if state.controls is None:
        return *about, Buttons((("Keys and mouse", ShowHelp(True)),))
    if place.about or not any(state.controls):
        return *about, Buttons((("What the buttons do", Turn(replace(place, about=False))),))
    both = tuple(line for line in state.controls[0] if line in state.controls[-1])
    lines = [("Both hands", both), *zip(("Left hand", "Right hand"), state.controls, strict=True)]
    found: list[Row] = []
    for title, own in lines:
        own = tuple(f"  {line}" for line in own if title == "Both hands" or line not in both)
        found += [Words((title, *own))] if own else []
    return *found, Buttons((("What this program is", Turn(replace(place, about=True))),))


def _choice(title: str, options: Sequence[tuple[str, Event]], now: Event) -> Choice:
    events = [event for _, event in options]
    return Choice(title, tuple(options), events.index(now) if now in events else -1)


def moved(title: str, value: float, state: PanelState, continues: bool = False) -> Event:
    """Return what moving the slider of that title to a value asks for. `continues`: it has been moved before and not
    been let go since."""
    if title == "Page":
        return Turn(Place(True, PAGES.index("Images"), round(value) - 1))
    if title == "Texture":
        return ComputeWith(dialled(base_of(state.model), round(value, 2)))
    if title == "Field":
        return SetFieldAngle(float(round(value)))
    name = {"Brightness": "brightness", "Contrast": "contrast", "Gamma": "gamma", "Local": "local"}[title]
    still = getattr(AS_PHOTOGRAPHED, name)
    low, high = {"brightness": BRIGHTNESS, "contrast": CONTRAST, "gamma": GAMMA, "local": LOCAL}[name]
    near = abs(value - still) < 0.015 * (high - low)  # makes it easy to return to the photograph as it was
    return Adjust(replace(state.appearance, **{name: still if near else round(value, 2)}).within, continues)


def written(text: str) -> Event:
    """Return what a text typed into the field asks for."""
    return NoteRegion(text[:MOST_NOTE])


def shortened(name: str) -> str:
    """Return at most NAME_LENGTH letters: the end, where numbers are, is kept. Not every file name can be encoded."""
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    if len(name) <= NAME_LENGTH:
        return name
    return f"{name[: NAME_LENGTH - 8]}…{name[-7:]}"
