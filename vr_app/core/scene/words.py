"""The text in the scene: what is synthesised, what is being computed, and that none of it is for diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sr_core.image import layers
from sr_core.image.departure import Departure
from sr_core.image.layers import PICTURE
from sr_core.networks.names import texture_of
from vr_app.core.hands.keys import help_lines
from vr_app.core.scene.overlay import FROM, FULL, LITTLE, MUCH, RESTORED_COLOUR
from vr_app.core.scene.scene import LabelItem, Rgba, SurfaceItem
from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import Panel, standing_on
from vr_app.core.tiles.page_table import computed_scale, finest_shown, shows_any
from vr_app.core.view.desk import Cell
from vr_app.core.view.layout import PAIR_WIDTH, PAIR_WORDS, PANEL_DISTANCE, WALL_HEIGHT, Layout
from vr_app.core.view.pair import Compare, Link
from vr_app.core.view.view import ViewState

AI_COLOR: Rgba = (0.19, 0.86, 0.95, 1.0)
"""Cyan: no fundus has it."""

PLAIN: Rgba = (0.82, 0.82, 0.82, 1.0)
WARNING: Rgba = (1.0, 0.72, 0.25, 1.0)
PLATE: Rgba = (0.02, 0.02, 0.025, 0.8)

TEXT_HEIGHT = 0.052
"""Size of an em in metres at 2 m: 1.5 degrees, over 20 pixels for an eye with 15 pixels per degree."""

NOTICE_HEIGHT = 0.03
NOTICE_LENGTH = 110
NOTICES = 2
"""The most lines about errors. They stand below the badges, where they cover no retina."""

RESTORED = "Restored: does not agree with the photograph"

LEGEND = (
    (0.0, "AI invents", PLAIN),
    (0.18, f"{FROM:.0f} to {(FROM + FULL) / 2:.0f}", LITTLE),
    (0.29, f"{FULL:.0f} or more", MUCH),
    (0.47, "grey levels; within the file it restores", PLAIN),
    (0.98, f"{(FROM + FULL) / 2:.0f} or more", RESTORED_COLOUR),
)
"""The legend of the overlay's colours, in one line: metres from the frame's left edge, words, colour."""

PHOTOGRAPH = "Photograph"
LOADING = "loading"
NOT_FOR_DIAGNOSIS = "Not for diagnosis"

LETTER = 0.56
"""Em that a letter is wide, of names as they are."""

LINKS = {Link.OFF: "not linked", Link.SAME: "linked", Link.MIRRORED: "linked, mirrored"}
BLINKS = "hold it to stop blinking"

NEARER = 1.14
"""How much higher a pair's panels are seen at their outer edges, which are nearer, than in their middle."""

MAKE_WAY = 0.09
"""Metres by which the middle text moves right if the badge shows a figure, so that they do not touch."""

HELP = help_lines()


@dataclass(frozen=True)
class Status:
    """What the text depends on besides the pictures. `loading`: the photographs that are shown coarser than they are;
    `coming`: the cells of a window whose photographs are not there at all, and their names. `notices`: lines about
    files that could not be opened. `invented`: by photograph how far its visible pixels depart from it. `legend`: of
    the overlay that shows it. `texture`: the network's setting between fidelity (0) and likely texture (1). `adjusted`:
    the adjustments of the photographs, in words. `titles`: the names of photographs if there are several to tell apart.
    `details`: in a window what is told beside their names, the most worth first; `degrees`: the window's pixels for
    each degree of visual angle there. `hint`: the text in the caption's place while there is no caption."""

    original: bool = False
    computing: frozenset[int] = frozenset()
    unavailable: frozenset[int] = frozenset()
    caption: str = ""
    help: bool = False
    recording: bool = False
    notices: tuple[str, ...] = ()
    invented: Mapping[int, Departure] = field(default_factory=dict)
    legend: bool = False
    texture: float = 0.0
    adjusted: str = ""
    titles: Mapping[int, str] = field(default_factory=dict)
    details: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    degrees: Mapping[int, float] = field(default_factory=dict)
    hint: str = ""
    loading: frozenset[int] = frozenset()
    coming: tuple[tuple[Cell, str], ...] = ()


def status_of(view: ViewState) -> Status:
    """Return what the text depends on in the view alone."""
    return Status(
        original=view.original or view.finest == 0,
        help=view.settings.help,
        legend=view.invention,
        texture=texture_of(view.settings.model),
        adjusted=view.appearance.told(),
        titles=titles(view),
        details={image: details(view, image) for image in flat_in_window(view)},
        degrees={image: degree(view, image) for image in flat_in_window(view)},
        hint=hint(view),
    )


def labels(items: Sequence[SurfaceItem], front: int, status: Status) -> tuple[LabelItem, ...]:
    """Return the text for every surface and, at the `front` photograph, for the session."""
    out: list[LabelItem] = []
    stage, below = _Frame(Pose((0.0, 0.0, -PANEL_DISTANCE)), 2.4, 1.6), 0
    together = any(item.words.brief or item.words.part for item in items)
    for item in items:
        frame = _frame(item)
        out += _badges(item, status, frame)
        told = [] if together else warnings(item, status)
        out += [_below(text, frame, row, WARNING) for row, text in enumerate(told)]
        if item.photograph == front or len(items) == 1:
            stage, below = frame, len(told)
    if together:
        told = list(dict.fromkeys(text for item in items for text in warnings(item, status)))
        stage, below = (_WALL if items[0].words.brief else stage), len(told)
        out += [_below(text, stage, row, WARNING) for row, text in enumerate(told)]
        out.append(_not_for_diagnosis(stage, 1.0 if items[0].words.brief else 0.5))
    elif len(status.titles) > 1 and len(items) > 1:
        below = max(len(warnings(item, status)) for item in items)
        stage = _Frame(_WALL.pose, 2 * PAIR_WIDTH, NEARER * max(_frame(item).height for item in items), PAIR_WORDS)
    return tuple(out + _session_lines(stage, status, below))


def titles(view: ViewState) -> dict[int, str]:
    """Return the names to show: for a pair, and on the wall; in a window of all that are shown."""
    if view.compared is not None:
        blinks = view.compared.compare is Compare.BLINK
        told = (f"{n} of 2: " if blinks else "" for n in (1, 2))
        return {i: f"{which}{view.record_of(i).called}" for which, i in zip(told, view.compared.images, strict=True)}
    told = view.in_cells if view.layout is Layout.WALL or view.desk is not None else ()
    return {i: record.called for i in told if (record := view.photographs[i]) is not None}


def flat_in_window(view: ViewState) -> tuple[int, ...]:
    """Return the photographs that are open and stand in cells of a window."""
    shown = view.compared.images if view.compared is not None else view.in_cells
    return tuple(image for image in shown if view.fit(image) is not None)


def details(view: ViewState, image: int) -> tuple[str, ...]:
    """Return which eye a photograph in a window shows, if that is known; how large it is shown (100 %: pixel for
    pixel); and which one of several it is."""
    laterality = view.record_of(image).laterality
    percent = f"{100 * view.images[image].zoom * (view.fit(image) or 1.0):.0f} %"
    hung = view.hung
    place = (f"{hung.index(image) + 1} of {len(hung)}",) if len(hung) > 1 and image in hung else ()
    return (*((f"{laterality} eye",) if laterality else ()), percent, *place)


def degree(view: ViewState, image: int) -> float:
    """Return the window's pixels for each degree of visual angle: distance on a fundus photograph is proportional to
    it, and the camera's field angle spans the field of view."""
    pixels = 2 * view.record_of(image).field_radius / view.field_angle
    return pixels * view.images[image].zoom * (view.fit(image) or 1.0)


def hint(view: ViewState) -> str:
    """Return a hint on what can be done with what is shown, if the picture does not show it."""
    if view.layout is Layout.WALL or (view.layout is Layout.ROW and view.desk is not None):
        page, pages = view.page
        return f"page {page + 1} of {pages}" if pages > 1 else ""
    pair = view.compared
    if pair is None or pair.compare is Compare.SWIPE:
        return ""
    if pair.compare is Compare.BLINK:
        return BLINKS
    return LINKS[pair.link] if pair.link is not None else ""


@dataclass(frozen=True)
class _Frame:
    """The rectangle above and below which text stands: its middle, width and height in metres; the text's size,
    relative to a single panel's, and that of the small print; and its bend, like a panel's."""

    pose: Pose
    width: float
    height: float
    scale: float = 1.0
    small: float = 1.0
    bend: float = 0.0


_WALL = _Frame(Pose((0.0, 0.0, -PANEL_DISTANCE)), 2.4, WALL_HEIGHT + 0.16, PAIR_WORDS)


def _frame(item: SurfaceItem) -> _Frame:
    if isinstance(item.surface, Panel):
        # For a panel with a divider, the whole panel: its edges are equally far from its middle.
        left, top, right, bottom = item.surface.bounds
        width, height = max(-left, right) * item.surface.width, max(-top, bottom) * item.surface.height
        return _Frame(item.surface.pose, 2 * width, 2 * height, item.words.scale, item.words.moved, item.surface.bend)
    # The retina surrounds the viewer: its text stands on a pane in front of it, low enough not to block the view.
    return _Frame(Pose((0.0, 0.0, -1.6)), 1.6, 1.28)


def _badges(item: SurfaceItem, status: Status, frame: _Frame) -> list[LabelItem]:
    """Return what its pixels are, in the line below the picture; and its title above, if titles are shown."""
    badge, color = provenance(item, status)
    title = status.titles.get(item.photograph, "")
    computing = item.photograph in status.computing
    part = item.words.part
    if item.words.brief:
        room = round(frame.width / (LETTER * TEXT_HEIGHT * frame.scale))
        words = shortened(title if badge == PHOTOGRAPH and title else f"{badge} · {title}", room)
        return [_line(words, frame, 0.0, 1, align=0.0, color=color, background=PLATE)]
    end = 1.0 if part == "right" else 0.0
    out = []
    if part:
        badge += " · computing" if computing else ""
        out.append(_line(badge, frame, end, 1, align=end, color=color, background=PLATE))
    else:
        departure = _departure(item, status)
        middle = 0.5 + (MAKE_WAY * frame.scale / frame.width if departure is not None else 0.0)
        out.append(_line(badge, frame, 0.0, 1, align=0.0, color=color, background=PLATE))
        if item.photograph in status.unavailable:
            out.append(_line("AI not available here", frame, middle, 1, align=0.5, color=WARNING, background=PLATE))
        elif computing:
            out.append(_line("computing ...", frame, middle, 1, align=0.5, color=AI_COLOR, background=PLATE))
        out.append(_not_for_diagnosis(frame, 1.0))
    if part == "right" and isinstance(item.surface, Panel):
        out.append(divider(item, item.surface))
    if title:
        room = round(0.95 * frame.width / (LETTER * TEXT_HEIGHT * frame.scale) / (2 if part else 1))
        title = shortened(title, max(8, room))
        out.append(_line(title, frame, end, -1, align=end, color=PLAIN, background=PLATE))
    return out


def _not_for_diagnosis(frame: _Frame, u: float) -> LabelItem:
    return _line(NOT_FOR_DIAGNOSIS, frame, u, 1, align=u, color=WARNING, background=PLATE)


def divider(item: SurfaceItem, panel: Panel) -> LabelItem:
    """Return the handle at the foot of the line between two photographs on one panel. `item` is the right one, on its
    part of the `panel`."""
    frame = _frame(item)
    at = panel.bounds[0] * panel.width / frame.width + 0.5
    foot = 1.0 - 0.7 * TEXT_HEIGHT * frame.scale / frame.height
    return _at("< >", frame, at, foot, TEXT_HEIGHT * frame.scale, 0.5, PLAIN, (*PLATE[:3], 0.92))


def _departure(item: SurfaceItem, status: Status) -> Departure | None:
    computed = (computed_scale(item.pages) is not None or bool(item.restored)) and not status.original
    return status.invented.get(item.photograph) if computed else None


def provenance(item: SurfaceItem, status: Status) -> tuple[str, Rgba]:
    """Return what an item's pixels are, in words and their colour; without figures if its words are brief."""
    badge, color = _pixels(item, status)
    return badge + "".join(f" + {name}" for name in _over(item)), color


def _pixels(item: SurfaceItem, status: Status) -> tuple[str, Rgba]:
    scale = computed_scale(item.pages)
    loading = f" · {LOADING}" if item.photograph in status.loading else ""
    if status.original:
        return ("Original" if item.words.brief else "Original photograph") + loading, PLAIN
    if scale is not None:
        told = "" if item.words.brief else _told(_departure(item, status))
        return f"{layers.LAYERS[PICTURE[finest_shown(item.pages)]].title} x{scale}{told}", AI_COLOR
    if item.restored:
        departure = None if item.words.brief else _departure(item, status)
        return item.restored + (f" · {departure.told_at_own_size}" if departure else ""), AI_COLOR
    return PHOTOGRAPH + loading, PLAIN


def _over(item: SurfaceItem) -> list[str]:
    """The layers that lie over the picture, of which anything is there, but for what is the picture itself."""
    over = list(zip(item.over, item.overlays, strict=True))[item.replaced :]
    return [name for name, window in over if shows_any(window)]


def warnings(item: SurfaceItem, status: Status) -> list[str]:
    """What must be known of its pixels, a line each."""
    departure = _departure(item, status)
    out = [RESTORED] if departure is not None and not departure.agrees else []
    if computed_scale(item.pages) is not None and not status.original and status.texture > 0:
        out.append(texture_told(status.texture))
    if status.adjusted:
        out.append(f"Adjusted: {status.adjusted}")
    return out


def texture_told(texture: float) -> str:
    """The line that says that a network was trained, at least in part, to look sharp."""
    return f"Texture {texture:g}: looks sharper, and more of it is invented"


def _told(departure: Departure | None) -> str:
    if departure is None:
        return ""
    return f" · {departure.told}" if departure.agrees else " restored"


def _session_lines(stage: _Frame, status: Status, row: int) -> list[LabelItem]:
    """`row`: the first that is free of those below the badges."""
    out = []
    above = 1 if status.titles else 0  # of the line that the titles stand in
    if status.caption or status.hint:
        words = status.caption or status.hint
        out.append(_line(words, stage, 0.5, -1, above, align=0.5, color=PLAIN, background=PLATE))
    if status.recording:
        out.append(_line("recording a tour", stage, 1.0, -1, above, align=1.0, color=WARNING, background=PLATE))
    if status.help:
        for i, text in enumerate(HELP):
            v = 0.5 + min(0.085, 0.95 / len(HELP)) * (i - (len(HELP) - 1) / 2)
            out.append(_at(text, stage, 0.5, v, TEXT_HEIGHT * stage.scale, 0.5, PLAIN, (*PLATE[:3], 0.92)))
    if status.legend:
        out += [_below(text, stage, row, color, along) for along, text, color in LEGEND]
        row += 1
    for i, text in enumerate(status.notices[-NOTICES:]):
        out.append(_below(shortened(text), stage, row + i, WARNING))
    return out


def shortened(text: str, length: int = NOTICE_LENGTH) -> str:
    """Return at most `length` characters; the middle, where long paths are, is left out."""
    if len(text) <= length:
        return text
    half = (length - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def _line(text: str, frame: _Frame, u: float, side: int, row: int = 0, **look) -> LabelItem:
    """Return a line below (side 1) or above (side -1) the frame, `row` lines away from it, `u` of the way from its left
    to its right end."""
    height = TEXT_HEIGHT * frame.scale
    v = 0.5 + side * (0.5 + (0.95 + 1.9 * row) * height / frame.height)
    return _at(text, frame, u, v, height, look["align"], look["color"], look["background"])


def _below(text: str, frame: _Frame, row: int, color: Rgba, along: float = 0.0) -> LabelItem:
    """Return a small line under the badges, `along` metres (of a single panel's text) from the frame's left edge."""
    height = NOTICE_HEIGHT * frame.small
    v = 1.0 + (1.85 * TEXT_HEIGHT * frame.scale + (0.15 + 1.35 * row) * height) / frame.height
    return _at(text, frame, along * frame.small / frame.width, v, height, 0.0, color, PLATE)


def _at(
    text: str, frame: _Frame, u: float, v: float, height: float, align: float, color: Rgba, background: Rgba
) -> LabelItem:
    local = np.array([(u - 0.5) * frame.width, (0.5 - v) * frame.height, 0.004])
    pose = standing_on(frame.pose, local, frame.bend)
    return LabelItem(text, pose, height, align, color, background, frame.bend)
