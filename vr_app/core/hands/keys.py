"""The keys of a window: one table, used for the window's handling, the help on the screen and docs/viewer.md.

The sign printed on a key counts. If a keyboard layout has no such Latin letter, digit or sign without Shift (Cyrillic,
Greek, the digits of a French one), the key's place counts: the place of that sign on a US keyboard.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from sr_core.image.layers import RESTORED_LAYER
from vr_app.core.view.appearance import AS_PHOTOGRAPHED, Appearance
from vr_app.core.view.intent import (
    Adjust,
    CopyView,
    DeleteRegion,
    ExportRegion,
    GoBack,
    GoToRegion,
    Intent,
    MarkView,
    NameRegion,
    NextImage,
    NextLayout,
    NextRegion,
    OpenFolder,
    OpenPhotographs,
    Recentre,
    RecordTour,
    ResetView,
    SetCompare,
    SetLink,
    ShowHelp,
    ShowInvention,
    ShowOverlay,
    ShowPixels,
    ShowRegions,
    ShowRoom,
    SwitchSurface,
    TakeScreenshot,
    ToggleControlPanel,
    Undo,
    WriteNote,
    Zoom,
)
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare, Link
from vr_app.core.view.step import step
from vr_app.core.view.view import ViewState, to_stops

Meaning = Callable[[ViewState], Intent]
"""What a press asks for in the current view."""

Kind = TypeVar("Kind", bound=Enum)

KEY_ZOOM = 0.5
"""Doublings of the zoom for a press of a key."""

HELP_LINE = 66
"""The characters per line of the help that fit a single panel."""


@dataclass(frozen=True)
class Binding:
    """A row of the table.

    `keys`: names as in `vr_app.gl.context.Window`; none for mouse actions. `shown`: the row's heading; empty: the keys'
    own names. `help`: a few words for the screen; empty: the row is left out there. `docs`: words for docs/viewer.md
    (Markdown). `means`: None for actions that last while a key is held, and for those of the runtime itself.
    """

    keys: tuple[str, ...]
    help: str
    docs: str
    means: Meaning | None = None
    shown: str = ""
    held: bool = False

    @property
    def heading(self) -> str:
        """The first column in docs/viewer.md."""
        return (self.shown or ", ".join(f"`{_label(key)}`" for key in self.keys)) + (" held" if self.held else "")


def next_compare(view: ViewState) -> Intent:
    """Compare the pair in the next way; if no pair is shown, side by side."""
    shown = view.pair.compare if view.layout is Layout.PAIR and view.pair else None
    return SetCompare(_after(shown, Compare))


def next_link(view: ViewState) -> Intent:
    """Link the pair in the next way."""
    return SetLink(_after(view.pair.link if view.pair else None, Link))


def _after(now: Kind | None, kinds: type[Kind]) -> Kind:
    """Return the one after `now`, cyclically; the first if there is none."""
    all_kinds = tuple(kinds)
    return all_kinds[0] if now is None else all_kinds[(all_kinds.index(now) + 1) % len(all_kinds)]


def _always(intent: Intent) -> Meaning:
    return lambda view: intent


def _look(change: Callable[[Appearance], Appearance]) -> Meaning:
    return lambda view: Adjust(change(view.appearance))


def _region(number: int) -> Binding:
    return Binding((str(number),), "", "", _always(GoToRegion(number)))


def _zoom(doublings: float) -> Meaning:
    """Zoom the front photograph about the middle of what is seen of it; a window's stops hold it."""
    return lambda view: Zoom(view.active, view.front.center, to_stops(view, view.active, doublings, KEY_ZOOM))


ORIGINAL = Binding(("o",), "original photograph", "the original photograph", held=True)
BLINK = Binding(("b",), "photograph and AI in turn", "alternate between photograph and super-resolution", held=True)
MIRROR = Binding(("m",), "", "with a headset: what [the window](headset.md#the-window) shows")
FULL_SCREEN = Binding(("f11",), "full screen", "full screen, or the window again")
BACK = Binding(
    ("escape",), "back",
    "back: from the full screen, the control panel, the help, a detail to the whole image, the wall", _always(GoBack()),
)  # fmt: skip
QUIT = Binding(("ctrl+q",), "quit", "quit; so does closing the window")
"""Keys that the runtimes handle themselves; BACK while the window takes the full screen."""

WRITING = Binding(
    ("enter", "kp_enter", "ctrl+n"),
    "write a note",
    "write a note on the chosen region; `Enter` keeps it, `Esc` leaves it as it was",
    _always(WriteNote()),
    shown="`Enter`, `Ctrl+N`",
)
"""Letters are no keys while a note is written."""

BINDINGS: tuple[Binding, ...] = (
    Binding((), "pan", "move the photograph under the cursor, with the left or the middle button", shown="drag"),
    Binding((), "centre", "centre that spot; outside the photographs: undo", shown="double click"),
    Binding((), "", "the original photograph", shown="button held outside the photographs"),
    Binding((), "zoom about the cursor", "zoom about the cursor, also with Ctrl", shown="wheel"),
    Binding(("+", "=", "ctrl++", "ctrl+="), "zoom in", "zoom in about the middle", _zoom(KEY_ZOOM), shown="`+`"),
    Binding(("-", "ctrl+-"), "zoom out", "zoom out", _zoom(-KEY_ZOOM), shown="`-`"),
    Binding(("0", "home", "ctrl+0"), "whole image", "the whole image", _always(ResetView()), shown="`0`, `Home`"),
    Binding(
        ("y", "ctrl+1"), "pixel for pixel", "pixel for pixel: each pixel of the photograph on one of the window",
        _always(ShowPixels()),
    ),
    FULL_SCREEN,
    BACK,
    Binding(("s", "tab"), "panel or retina", "panel or retina", _always(SwitchSurface())),
    ORIGINAL,
    Binding(("l",), "next layout", "the next [layout](#layouts)", _always(NextLayout())),
    Binding(
        ("n", "page_down", "right"), "next image or page",
        "the next image, pair or page of the wall", _always(NextImage()),
    ),
    Binding(("page_up", "left"), "previous", "the previous one", _always(NextImage(-1))),
    Binding((), "show it", "show that photograph alone", shown="double click on the wall"),
    Binding(
        ("c",), "pair side, swipe, blink",
        "compare a pair [side by side, with a divider, blinking](#comparing-two)", next_compare,
    ),
    Binding(("k",), "link the pair", "link a pair: off, same place, mirrored place", next_link),
    Binding(("u", "ctrl+z"), "undo", "undo the last move", _always(Undo())),
    Binding((), "mark a region", "mark a [region of interest](#regions-of-interest)", shown="Shift and drag"),
    Binding(("i",), "mark this view", "mark the current view as a region", _always(MarkView())),
    Binding((), "go to a region", "go to that region of the front photograph", shown="`1` to `9`"),
    *(_region(number) for number in range(1, 10)),
    Binding(("j",), "next region", "go to the next region", _always(NextRegion())),
    Binding((), "choose it", "choose a region", shown="click on its outline or name"),
    Binding(
        (), "move it, resize it", "move the chosen region; by a corner, resize it", shown="drag its outline or name"
    ),
    Binding(
        ("q",), "hide the outlines", "hide or show the outlines of all regions",
        lambda view: ShowRegions(view.regions.hidden),
    ),
    Binding(
        ("t",), "name it",
        "name the chosen region: disc, macula, vessel, lesion, haemorrhage, exudate, other", _always(NameRegion()),
    ),
    WRITING,
    Binding(
        ("x", "delete"), "delete it", "delete the chosen region; `U` brings it back", _always(DeleteRegion())
    ),
    Binding(
        ("e",), "export it",
        "[export](#a-region-as-a-picture) the chosen region into the current folder", _always(ExportRegion()),
    ),
    BLINK,
    Binding(
        ("v",), "what the network invented",
        "[what the network invents](#what-the-network-invents) in colour, on or off",
        lambda view: ShowInvention(not view.invention),
    ),
    Binding(
        ("w",), "restored photograph",
        "[the restored photograph](#the-restored-photograph) (`AI x1`); again: no more",
        lambda view: ShowOverlay(RESTORED_LAYER, RESTORED_LAYER not in view.settings.overlays),
    ),
    Binding(
        ("g",), "colour, red-free, red, blue",
        "the photograph in [colour, red-free, red, blue](#how-photographs-look)", _look(Appearance.next_channel),
    ),
    Binding(("d",), "local contrast", "local contrast, on or off", _look(Appearance.switched_local)),
    Binding(
        (".", ";"), "more contrast", "more contrast", _look(lambda look: look.contrasted(1)), shown="`.`"
    ),
    Binding((",",), "less", "less contrast", _look(lambda look: look.contrasted(-1))),
    Binding(
        ("a",), "as photographed", "as photographed: no adjustments", _always(Adjust(AS_PHOTOGRAPHED))
    ),
    Binding(("space",), "control panel", "[the control panel](#the-control-panel)", _always(ToggleControlPanel())),
    Binding(
        ("ctrl+o",), "open photographs", "[open](#opening-photographs) other photographs", _always(OpenPhotographs())
    ),
    Binding(("ctrl+shift+o",), "open a folder", "open another folder", _always(OpenFolder())),
    Binding(("p",), "screenshot", "screenshot into the current folder", _always(TakeScreenshot())),
    Binding(("ctrl+c",), "copy the view", "copy the view to the clipboard", _always(CopyView())),
    Binding(("r",), "record a tour, or save it", "record a tour; press again to save it", _always(RecordTour())),
    Binding(
        ("f",), "room", "with a headset: the [room](headset.md#the-room), on or off",
        lambda view: ShowRoom(not view.settings.room),
    ),
    Binding(("z",), "recentre", "with a headset: [recentre](headset.md#the-room)", _always(Recentre())),
    Binding(("h", "f1"), "help", "help", lambda view: ShowHelp(not view.settings.help)),
    MIRROR,
    QUIT,
)  # fmt: skip

MEANINGS: dict[str, Meaning] = {key: row.means for row in BINDINGS if row.means for key in row.keys}

BOUND = frozenset(key for row in BINDINGS for key in row.keys)
"""Every key with a function."""


def meant(pressed: Iterable[str], view: ViewState) -> tuple[Intent, ...]:
    """Return what keys ask for, pressed one after another: each sees the view as the previous one left it."""
    asked: list[Intent] = []
    for key in pressed:
        if key in MEANINGS:
            asked.append(MEANINGS[key](view))
            view = step(view, (asked[-1],), 0.0)
    return tuple(asked)


def key_named(printed: str, place: str, layout: Collection[str], shift: bool = False) -> str:
    """Return the name by which a key counts.

    `printed`: the sign that it types without Shift, in lower case; `place`: the sign of its place on a US keyboard,
    empty if it has none. `layout`: all signs that the keyboard types without Shift. `shift`: whether Shift is held,
    with which French keyboards type the digits of the upper row.
    """
    if len(place) != 1 or not ((place.isascii() and place.isalnum()) or place in BOUND):
        return printed
    if place in layout:
        return printed
    means_place = place.isalpha() or (shift and place.isdigit())  # a Greek keyboard types a sign in the place of its Q
    return printed if printed in BOUND and not means_place else place


def help_lines() -> tuple[str, ...]:
    """Return the help on the screen, in as few lines as possible."""
    lines: list[str] = []
    for row in BINDINGS:
        if not row.help:
            continue
        words = f"{row.heading.replace('`', '')}: {row.help}"
        longer = f"{lines[-1]}     {words}" if lines else words
        if lines and len(longer) <= HELP_LINE:
            lines[-1] = longer
        else:
            lines.append(words)
    return tuple(lines)


def docs_table() -> str:
    """Return the table of docs/viewer.md, in Markdown."""
    rows = (f"| {row.heading} | {row.docs} |" for row in BINDINGS if row.docs)
    return "\n".join(("| | |", "| --- | --- |", *rows))


def _label(key: str) -> str:
    """Return the key's label: 'PageDown' for 'page_down', 'Ctrl+Z' for 'ctrl+z'."""
    named = {"page_down": "PageDown", "page_up": "PageUp", "escape": "Esc", "right": "→", "left": "←"}
    return named.get(key) or "+".join(part.capitalize() for part in key.split("+")) if len(key) > 1 else key.upper()
