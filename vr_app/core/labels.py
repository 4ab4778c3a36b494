"""The words on the scene: what is synthesised, what is being computed, and that none of it is for diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vr_app.core.invention import FROM, FULL, LITTLE, MUCH, Departure
from vr_app.core.pose import Pose
from vr_app.core.scene import LabelItem, Rgba, SurfaceItem, finest_shown
from vr_app.core.surface import Panel

AI_COLOR: Rgba = (0.19, 0.86, 0.95, 1.0)
"""Cyan: no fundus has it."""

PLAIN: Rgba = (0.82, 0.82, 0.82, 1.0)
WARNING: Rgba = (1.0, 0.72, 0.25, 1.0)
PLATE: Rgba = (0.02, 0.02, 0.025, 0.8)

TEXT_HEIGHT = 0.052
"""Metres of em at 2 m: 1.5 degrees, over 20 pixels of an eye with 15 pixels per degree."""

NOTICE_HEIGHT = 0.03
NOTICE_LENGTH = 110
NOTICES = 2
"""Lines at most of what went wrong, below the badges, where they hide no retina."""

RESTORED = "Restored: does not agree with the photograph"

LEGEND = (
    (0.0, "Computed detail, away from what the photograph determines by", PLAIN),
    (0.9, f"{FROM:.0f} to {(FROM + FULL) / 2:.0f}", LITTLE),
    (1.0, f"{FULL:.0f} or more grey levels", MUCH),
)
"""What the overlay's colours mean, one line: metres from the frame's left edge, words, colour."""

MAKE_WAY = 0.09
"""Metres by which the middle words move right where the badge tells a figure, so that they keep apart."""

HELP = (
    "drag: pan     wheel: zoom about the cursor",
    "double click: centre     U: undo",
    "S: panel or retina     O held: original photograph",
    "N: next image     0: whole image",
    "V: what the network invented, in colour",
    "G: colour, red-free, red, blue     D: local contrast",
    "+ and -: contrast     A: as photographed",
    "P: screenshot     R: record a tour, R again: save it",
    "Shift and drag: mark a region     I: mark what is seen",
    "1 to 9, J: go to a region     T: name it     X: delete it",
    "B held: photograph and AI in turn     E: export the region",
    "Space: panel     F: room     Z: recentre     H: help     Q: quit",
)


@dataclass(frozen=True)
class Status:
    """What the words depend on besides the pictures. `notices`: lines about files that could not be opened. `invented`:
    by photograph how far what is seen of it departs from what it determines. `legend`: of the overlay that shows it.
    `texture`: where the network stands between fidelity (0) and likely texture (1). `adjusted`: how the photographs are
    made to look, in words."""

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


def labels(items: Sequence[SurfaceItem], front: int, status: Status) -> tuple[LabelItem, ...]:
    """The words for every surface and, at the `front` photograph's, for the session."""
    out: list[LabelItem] = []
    stage, below = _Frame(Pose((0.0, 0.0, -2.0)), 2.4, 1.6), 0
    for item in items:
        frame = _frame(item)
        told = _provenance(item, status, frame)
        out += told
        if item.photograph == front:
            stage, below = frame, sum(label.height == NOTICE_HEIGHT for label in told)
    return tuple(out + _session_lines(stage, status, below))


@dataclass(frozen=True)
class _Frame:
    """A rectangle that words stand above and below of: its middle, width and height in metres."""

    pose: Pose
    width: float
    height: float


def _frame(item: SurfaceItem) -> _Frame:
    if isinstance(item.surface, Panel):
        return _Frame(item.surface.pose, item.surface.width, item.surface.height)
    # The retina surrounds the viewer: its words stand on a pane in front of it, low enough to leave the view free.
    return _Frame(Pose((0.0, 0.0, -1.6)), 1.6, 1.28)


def _provenance(item: SurfaceItem, status: Status, frame: _Frame) -> list[LabelItem]:
    finest = finest_shown(item.pages)
    synthesised = finest > 0 and not status.original
    departure = status.invented.get(item.photograph) if synthesised else None
    if status.original:
        text, color = "Original photograph", PLAIN
    elif synthesised:
        text, color = f"AI x{1 << finest}{_told(departure)}", AI_COLOR
    else:
        text, color = "Photograph", PLAIN
    middle = 0.5 + (MAKE_WAY / frame.width if departure is not None else 0.0)
    out = [_line(text, frame, 0.0, 1, align=0.0, color=color, background=PLATE)]
    if item.photograph in status.unavailable:
        out.append(_line("AI not available here", frame, middle, 1, align=0.5, color=WARNING, background=PLATE))
    elif item.photograph in status.computing:
        out.append(_line("computing ...", frame, middle, 1, align=0.5, color=AI_COLOR, background=PLATE))
    out.append(_line("Not for diagnosis", frame, 1.0, 1, align=1.0, color=WARNING, background=PLATE))
    if departure is not None and not departure.agrees:
        out.append(_below(RESTORED, frame, 0, WARNING))
    if synthesised and status.texture > 0:
        row = sum(label.height == NOTICE_HEIGHT for label in out)
        out.append(_below(texture_told(status.texture), frame, row, WARNING))
    if status.adjusted:
        row = sum(label.height == NOTICE_HEIGHT for label in out)
        out.append(_below(f"Adjusted: {status.adjusted}", frame, row, WARNING))
    return out


def texture_told(texture: float) -> str:
    """The line of a network that was trained, at least in part, to look sharp."""
    return f"Texture {texture:g}: looks sharper, and more of it is invented"


def _told(departure: Departure | None) -> str:
    if departure is None:
        return ""
    return f" · invents {departure.levels:.1f} levels" if departure.agrees else " restored"


def _session_lines(stage: _Frame, status: Status, row: int) -> list[LabelItem]:
    """`row`: the first that is free of those below the badges."""
    out = []
    if status.caption:
        out.append(_line(status.caption, stage, 0.5, -1, align=0.5, color=PLAIN, background=PLATE))
    if status.recording:
        out.append(_line("recording a tour", stage, 1.0, -1, align=1.0, color=WARNING, background=PLATE))
    if status.help:
        for i, text in enumerate(HELP):
            v = 0.5 + 0.085 * (i - (len(HELP) - 1) / 2)
            out.append(_at(text, stage, 0.5, v, TEXT_HEIGHT, 0.5, PLAIN, (*PLATE[:3], 0.92)))
    if status.legend:
        out += [_below(text, stage, row, color, along) for along, text, color in LEGEND]
        row += 1
    for i, text in enumerate(status.notices[-NOTICES:]):
        out.append(_below(shortened(text), stage, row + i, WARNING))
    return out


def shortened(text: str) -> str:
    """At most NOTICE_LENGTH characters; the middle, where long paths are, gives way."""
    if len(text) <= NOTICE_LENGTH:
        return text
    half = (NOTICE_LENGTH - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def _line(text: str, frame: _Frame, u: float, side: int, **look) -> LabelItem:
    """Below (side 1) or above (side -1) the frame, `u` of the way from its left to its right end."""
    v = 0.5 + side * (0.5 + 0.95 * TEXT_HEIGHT / frame.height)
    return _at(text, frame, u, v, TEXT_HEIGHT, look["align"], look["color"], look["background"])


def _below(text: str, frame: _Frame, row: int, color: Rgba, along: float = 0.0) -> LabelItem:
    """A small line under the badges, `along` metres from the frame's left edge."""
    v = 1.0 + (1.95 * TEXT_HEIGHT + 1.35 * NOTICE_HEIGHT * row) / frame.height
    return _at(text, frame, along / frame.width, v, NOTICE_HEIGHT, 0.0, color, PLATE)


def _at(
    text: str, frame: _Frame, u: float, v: float, height: float, align: float, color: Rgba, background: Rgba
) -> LabelItem:
    axes = frame.pose.rotation()
    local = np.array([(u - 0.5) * frame.width, (0.5 - v) * frame.height, 0.004])
    x, y, z = np.asarray(frame.pose.position) + axes @ local
    pose = Pose((float(x), float(y), float(z)), frame.pose.orientation)
    return LabelItem(text, pose, height, align, color, background)
