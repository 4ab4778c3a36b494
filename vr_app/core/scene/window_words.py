"""The text of a window, whose photographs fill it: a strip below each, and the rest in the window's corners, where a
round field of view leaves a photograph black."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import wrap

from vr_app.core.scene.scene import PLATE_X, PLATE_Y, LabelItem, Rgba, SurfaceItem
from vr_app.core.scene.words import (
    HELP,
    LEGEND,
    LETTER,
    LOADING,
    NOT_FOR_DIAGNOSIS,
    NOTICE_HEIGHT,
    NOTICES,
    PHOTOGRAPH,
    PLAIN,
    PLATE,
    WARNING,
    Status,
    divider,
    provenance,
    shortened,
    warnings,
)
from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import Panel
from vr_app.core.view.desk import LETTERS, Cell, Desk

LINE = 1.4
"""From one line of text to the next, in em."""

LEAST_NAME = 12
"""Letters of a photograph's name that are worth more than figures."""

APART = 3
"""Letters that would have room between two texts of a strip."""

CAPTION_LINES = 4
"""The most lines of a caption: more would cover the photograph."""

LEAST = 16
"""Letters for which there must be room beside NOT_FOR_DIAGNOSIS, or else that stands in the upper right corner."""

NONE_HERE, COMING = "AI not available here", "· computing ..."

FRONT, OTHERS = (1.0, 1.0, 1.0, 1.0), (0.6, 0.6, 0.6, 1.0)
"""Of the names, where there are several photographs: the keys act on the front one."""

LONGEST_BAR, SHORTEST_BAR, BAR_THICK = 10.0, 4.0, 0.15
"""Of a scale bar, in em; the shortest is what there must be room for."""

BAR_LETTERS = 6
"""Letters that there must be room for beside it."""

OPAQUE = (*PLATE[:3], 0.92)


@dataclass(frozen=True)
class _Text:
    """Puts text on a window; places are pixels from its upper left corner."""

    desk: Desk

    @property
    def em(self) -> float:
        """In pixels."""
        return LETTERS * self.desk.strip

    @property
    def line(self) -> float:
        """From one line to the next, in pixels."""
        return LINE * self.em

    def letters(self, pixels: float) -> int:
        """Return how many letters there is room for."""
        return max(0, int((pixels / self.em - 2 * PLATE_X) / LETTER))

    def wide(self, letters: int) -> float:
        """Return the pixels that text takes with its plate."""
        return (letters * LETTER + 2 * PLATE_X) * self.em

    def at(
        self, text: str, x: float, y: float, align: float, color: Rgba, plate: Rgba = PLATE, size: float = 1.0
    ) -> LabelItem:
        """Return a line whose plate begins (`align` 0) or ends (1) at `x`, and whose middle is at `y`. `size`: relative
        to the usual one."""
        x += (1 - 2 * align) * PLATE_X * self.em * size
        return LabelItem(text, Pose(self.desk.at(x, y)), self.desk.em * size, align, color, plate)


def window_labels(items: Sequence[SurfaceItem], front: int, status: Status, desk: Desk) -> tuple[LabelItem, ...]:
    """Return the text for every surface and for the session. `front`: the front photograph."""
    text = _Text(desk)
    width, height = desk.size
    taken = text.wide(len(NOT_FOR_DIAGNOSIS))
    narrowest = min((_cell(desk, item).width / (2 if item.words.part else 1) for item in items), default=width)
    fits = text.letters(narrowest - taken) >= LEAST
    lowest = max((_cell(desk, item).bottom for item in items), default=height - desk.strip)
    out = [text.at(NOT_FOR_DIAGNOSIS, width, lowest + desk.strip / 2 if fits else text.line / 2, 1.0, WARNING)]
    several = len({item.photograph for item in items}) > 1
    for item in items:
        color = PLAIN if not several else FRONT if item.photograph == front else OTHERS
        out += _strip(text, item, status, color, width - taken if fits else width)
    for cell, name in status.coming:
        told = shortened(f"{LOADING} {name}", text.letters(cell.width))
        out.append(text.at(told, cell.middle[0], cell.middle[1], 0.5, PLAIN))
    return (*out, *_corners(text, items, status, 0 if fits else 1))


def _strip(text: _Text, item: SurfaceItem, status: Status, name_color: Rgba, end: float) -> list[LabelItem]:
    """Return what a photograph's pixels are, and its name, below it. Figures give way to the name. `end`: the pixel
    where the window's last strip ends."""
    cell, part = _cell(text.desk, item), item.words.part
    ends = cell.left, cell.left + cell.width / 2, cell.left + cell.width
    left, right = {"left": (ends[0], ends[1] - 1), "right": ends[1:]}.get(part, ends[::2])
    y = cell.bottom + text.desk.strip / 2
    if y > text.desk.size[1] - text.desk.strip:
        right = min(right, end)
    room = text.letters(right - left) - APART
    title = status.titles.get(item.photograph, "")
    badges = _badges(item, status)
    badge, color = next((badge for badge in badges if len(badge[0]) + min(LEAST_NAME, len(title)) <= room), badges[-1])
    out = [text.at(shortened(badge, max(8, room)), left, y, 0.0, color)] if badge else []
    if title and room - len(badge) >= min(5, len(title)):
        told = shortened(title, room - len(badge))
        for detail in status.details.get(item.photograph, ()):
            longer = f"{told} · {detail}"
            told = longer if len(longer) <= room - len(badge) else told
        out.append(text.at(told, right, y, 1.0, name_color))
        free = left + text.wide(len(badge) + 1), right - text.wide(len(told) + 1)
        out += _scale_bar(text, status.degrees.get(item.photograph, 0.0), free, y)
    if part == "right" and isinstance(item.surface, Panel):
        out.append(divider(item, item.surface))
    return out


def _scale_bar(text: _Text, per_degree: float, free: tuple[float, float], y: float) -> list[LabelItem]:
    """Return a scale bar and the visual angle that it spans, at the right end of what is `free` of a strip, as long as
    there is room for. `per_degree`: the window's pixels for each degree; 0: unknown."""
    room = free[1] - free[0] - text.wide(BAR_LETTERS)
    most = min(LONGEST_BAR * text.em, room)
    bar = nice_length(per_degree, most) if most >= SHORTEST_BAR * text.em else None
    if bar is None:
        return []
    angle, long = bar
    words, thick = f"{angle:g}°", BAR_THICK * text.em
    beside = free[1] - long - thick
    pose = Pose(text.desk.at(free[1], y))
    height = thick / (2 * PLATE_Y)
    line = LabelItem("", pose, height * text.desk.pixel, 1.0, PLAIN, PLAIN, wide=long / height)
    return [line, text.at(words, beside, y, 1.0, PLAIN)]


def nice_length(per_unit: float, most: float) -> tuple[float, float] | None:
    """Return the longest of 1, 2, 5, 10, ... units (or parts of one: 0.5, 0.2, ...) whose bar is at most `most` pixels
    long, and the bar's pixels. `per_unit`: pixels for each unit. None without a scale."""
    if per_unit <= 0:
        return None
    power = 10.0 ** math.floor(math.log10(most / per_unit))
    units = max(step * power for step in (1, 2, 5) if step * power * per_unit <= most)
    return units, units * per_unit


def _badges(item: SurfaceItem, status: Status) -> list[tuple[str, Rgba]]:
    """Return what an item's pixels are, and whether finer ones are coming, in more words and in fewer."""
    whole, color = provenance(replace(item, words=replace(item.words, brief=False)), status)
    brief, _ = provenance(replace(item, words=replace(item.words, brief=True)), status)
    if item.photograph in status.unavailable:
        return [
            (f"{badge} · {told}", WARNING) for badge, told in ((whole, NONE_HERE), (brief, NONE_HERE), (brief, "no AI"))
        ]
    if item.photograph in status.computing:
        return [(f"{badge} {told}", color) for badge, told in ((whole, COMING), (brief, COMING), (brief, "..."))]
    if item.photograph in status.loading and brief.startswith(PHOTOGRAPH):
        return [(whole, color), (LOADING, color)]
    # What says nothing of AI is photographed.
    return [(whole, color), (brief, color), *([("", color)] if brief == PHOTOGRAPH else [])]


def _corners(text: _Text, items: Sequence[SurfaceItem], status: Status, taken: int) -> list[LabelItem]:
    """Return what is told only sometimes. `taken`: lines in the upper right corner that are not free."""
    desk, out = text.desk, []
    width, height = desk.size
    line, most = text.line, text.letters(width)
    if status.caption or status.hint:
        room = text.letters(width - text.wide(len(NOT_FOR_DIAGNOSIS)) * (taken > 0 or status.recording))
        told = wrap(status.caption or status.hint, max(LEAST, room), max_lines=CAPTION_LINES, placeholder=" ...")
        out += [text.at(words, 0.0, (row + 0.5) * line, 0.0, PLAIN) for row, words in enumerate(told)]
    if status.recording:
        out.append(text.at("recording a tour", width, (taken + 0.5) * line, 1.0, WARNING))
    lines = [
        [(0.0, told, WARNING)] for told in dict.fromkeys(told for item in items for told in warnings(item, status))
    ]
    lines += [list(LEGEND)] if status.legend else []
    lines += [[(0.0, shortened(told, most), WARNING)] for told in status.notices[-NOTICES:]]
    small = text.em / NOTICE_HEIGHT  # pixels for each metre of the legend
    for row, parts in enumerate(lines):
        y = height - desk.strip - (len(lines) - row - 0.5) * line
        out += [text.at(words, along * small, y, 0.0, color) for along, words, color in parts]
    if status.help:
        pitch = min(1.6 * text.em, (height - 2 * desk.strip) / len(HELP))
        size = min(pitch / LINE, width / text.wide(max(map(len, HELP))) * text.em) / text.em
        first = (height - (len(HELP) - 1) * pitch) / 2
        out += [text.at(words, width / 2, first + n * pitch, 0.5, PLAIN, OPAQUE, size) for n, words in enumerate(HELP)]
    return out


def _cell(desk: Desk, item: SurfaceItem) -> Cell:
    """Return the cell that an item's surface takes, or of which it takes a part."""
    if not isinstance(item.surface, Panel):
        return desk.cells(1)[0]
    left, top, right, bottom = item.surface.bounds
    half = max(-left, right) * item.surface.width / desk.pixel, max(-top, bottom) * item.surface.height / desk.pixel
    x, y = desk.place(item.surface.pose.position)
    return Cell(round(x - half[0]), round(y - half[1]), round(2 * half[0]), round(2 * half[1]))
