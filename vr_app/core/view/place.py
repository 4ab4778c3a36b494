"""Where the photographs of a view are in the room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import Panel, Retina, Surface, retina_angle
from vr_app.core.view.desk import Desk
from vr_app.core.view.intent import Moved
from vr_app.core.view.layout import (
    PAGE,
    PAIR_GAP,
    PAIR_HEIGHT,
    PAIR_WIDTH,
    PAIR_WORDS,
    PANEL_DISTANCE,
    PANEL_GAP,
    PANEL_HEIGHT,
    PANEL_MAX_WIDTH,
    WALL_ANGLE,
    WALL_GAP,
    WALL_HEIGHT,
    WALL_LINE,
    WALL_WORDS,
    Layout,
    Size,
    grid,
)
from vr_app.core.view.pair import Compare, Pair, divided, laid_over
from vr_app.core.view.view import ViewState

RETINA_RADIUS = 2.0
"""Metres. The sphere is scaled up from 11.5 mm, so that the viewer fits inside."""

ORIGIN = Pose()
"""Where the viewer's head starts."""


@dataclass(frozen=True)
class Words:
    """How a photograph's text is shown. `scale`: its size relative to a single panel's; `moved`: the factor by which
    the user has scaled it. `part`: 'left' or 'right' of a divider. `brief`: one line at most."""

    scale: float = 1.0
    moved: float = 1.0
    part: str = ""
    brief: bool = False


@dataclass(frozen=True)
class Placed:
    """A photograph's surface in the room. `shown`: False while a blink shows the other one."""

    image: int
    surface: Surface
    words: Words = Words()
    shown: bool = True

    @property
    def panel(self) -> Panel:
        """Its surface in every layout except the retina."""
        assert isinstance(self.surface, Panel)
        return self.surface


def place(view: ViewState, retina_pose: Pose = ORIGIN) -> tuple[Placed, ...]:
    """Return the surface of every photograph that is shown: where `view.layout` places it, or where the user has moved
    its panel; on the retina, only the front one's.

    `retina_pose`: the sphere's centre. In a headset the viewer stands there; the eye of an offscreen picture is
    slightly behind it. In a window, photographs fill its cells, and the retina all of it.
    """
    front = view.record
    if view.desk is not None:
        return _in_window(view, view.desk)
    if view.layout is Layout.WALL:
        return _moved_too(view, _on_wall(view))
    if front is None:
        return ()
    if view.layout is Layout.RETINA:
        retina = Retina.of(front.size, front.field_radius, view.field_angle, retina_pose, RETINA_RADIUS)
        return (Placed(view.active, retina),)
    if view.layout is Layout.ROW:
        return _in_row(view)
    if view.compared is not None:
        return _as_pair(view, view.compared)
    return _moved_too(view, [Placed(view.active, panel_alone(front.size))])


def _in_window(view: ViewState, desk: Desk) -> tuple[Placed, ...]:
    front, pair = view.record, view.compared
    if front is not None and view.layout is Layout.RETINA:
        pose = desk.before_retina(retina_angle(view.field_angle) / 2, RETINA_RADIUS)
        return (Placed(view.active, Retina.of(front.size, front.field_radius, view.field_angle, pose, RETINA_RADIUS)),)
    cells = view.cells
    if pair is not None and pair.compare is not Compare.SIDE:
        first = pair.images[0]
        return _on_one_panel(view, pair, Placed(first, desk.panel(cells[0], view.record_of(first).size)))
    there = ((i, cell, view.photographs[i]) for i, cell in zip(view.in_cells, cells, strict=False))
    brief = Words(brief=len(cells) > 2)
    return tuple(Placed(i, desk.panel(cell, record.size), brief) for i, cell, record in there if record is not None)


def _in_row(view: ViewState) -> tuple[Placed, ...]:
    loaded = view.loaded
    panels = panels_in_row([view.record_of(i).size for i in loaded], loaded.index(view.active))
    placed = [Placed(loaded[n], panel) for n, panel in panels.items()]
    # A panel that was moved leaves a gap on the arc, so that no other panel moves. It is shown even if the arc has no
    # room for it.
    there = {item.image for item in placed}
    beyond = [(i, record) for i, _ in view.panels if i not in there and (record := view.photographs[i]) is not None]
    return _moved_too(view, placed + [Placed(i, panel_alone(record.size)) for i, record in beyond])


def _on_wall(view: ViewState) -> list[Placed]:
    hung = view.hung
    # Nothing moves while photographs arrive: each has its place from the start.
    panels = panels_on_wall([record.size if (record := view.photographs[i]) else None for i in hung], view.page[0])
    return [Placed(hung[n], panel, Words(WALL_WORDS, brief=True)) for n, panel in panels.items()]


def _as_pair(view: ViewState, pair: Pair) -> tuple[Placed, ...]:
    sizes = [view.record_of(i).size for i in pair.images]
    words = Words(PAIR_WORDS)
    if pair.compare is Compare.SIDE:
        panels = panels_of_pair(sizes[0], sizes[1])
        placed = [Placed(i, panel, words) for i, panel in zip(pair.images, panels, strict=True)]
        return _moved_too(view, placed)
    (whole,) = _moved_too(view, [Placed(pair.images[0], panel_alone(sizes[0]), words)])
    return _on_one_panel(view, pair, whole)


def _on_one_panel(view: ViewState, pair: Pair, whole: Placed) -> tuple[Placed, ...]:
    """Return both photographs of a pair on one panel, the first one's."""
    first, second = pair.images
    panel, words = whole.panel, whole.words
    over = laid_over(panel, view.field_of(first), view.field_of(second))
    if pair.compare is Compare.SWIPE:
        left, right = divided(panel, over, pair.divider)
        return Placed(first, left, replace(words, part="left")), Placed(second, right, replace(words, part="right"))
    turns = [Placed(first, panel, words, not view.blink.second), Placed(second, over, words, view.blink.second)]
    return tuple(reversed(turns) if view.blink.second else turns)


def _moved_too(view: ViewState, placed: list[Placed]) -> tuple[Placed, ...]:
    """Return the items with their panels where the user has moved them, and their text scaled alike."""
    moved = dict(view.panels)
    return tuple(_put(item, moved[item.image]) if item.image in moved else item for item in placed)


def _put(item: Placed, moved: Moved) -> Placed:
    width, height = item.panel.width * moved.scale, item.panel.height * moved.scale
    words = replace(item.words, scale=item.words.scale * moved.scale, moved=moved.scale)
    bend = item.panel.bend / moved.scale
    return replace(item, surface=Panel(moved.pose, width, height, bend=bend), words=words)


def within_reach(placed: Sequence[Placed]) -> tuple[Placed, ...]:
    """Return the surfaces that hands can grab. Of two photographs on one panel this is the visible one, or with a
    divider the first, on the whole panel."""
    found = []
    for item in placed:
        if item.words.part == "left":
            left, top, _, bottom = item.panel.bounds
            item = replace(item, surface=replace(item.panel, window=(left, top, -left, bottom)))
        if item.shown and item.words.part != "right":
            found.append(item)
    return tuple(found)


# The panels of each layout.


def panel_alone(size: Size, yaw: float = 0.0) -> Panel:
    """Return a single panel at its largest size, `yaw` radians to the left of straight ahead."""
    return _within(size, PANEL_MAX_WIDTH, PANEL_HEIGHT, yaw)


def panels_in_row(sizes: Sequence[Size], front: int) -> dict[int, Panel]:
    """Panels side by side on an arc, by index, with the `front` one straight ahead. Those that would not fit on a full
    circle are left out."""
    right = _arc(sizes[front:], -1)
    left = _arc(sizes[front::-1], 1)
    panels = {front - n: panel for n, panel in enumerate(left)} | {front + n: panel for n, panel in enumerate(right)}
    return dict(sorted(panels.items()))


def _arc(sizes: Sequence[Size], turn: int) -> list[Panel]:
    """Return panels starting straight ahead and continuing to the left (turn 1) or right (-1)."""
    panels: list[Panel] = []
    angle = previous = 0.0
    for size in sizes:
        half = math.atan(panel_alone(size).width / 2 / PANEL_DISTANCE)
        if panels:
            angle += previous + PANEL_GAP + half
        if angle + half > math.pi:
            break
        panels.append(panel_alone(size, turn * angle))
        previous = half
    return panels


def panels_of_pair(first: Size, second: Size) -> tuple[Panel, Panel]:
    """Return two panels side by side around straight ahead, each turned to the viewer; the first is on the left."""
    panels = [_within(size, PAIR_WIDTH, PAIR_HEIGHT) for size in (first, second)]
    left, right = (math.atan(panel.width / 2 / PANEL_DISTANCE) + PAIR_GAP / 2 for panel in panels)
    return _within(first, PAIR_WIDTH, PAIR_HEIGHT, left), _within(second, PAIR_WIDTH, PAIR_HEIGHT, -right)


def panels_on_wall(sizes: Sequence[Size | None], page: int) -> dict[int, Panel]:
    """Return the panels of a page, by index, row by row from left to right. None: the place stays empty."""
    columns, rows = grid(len(sizes))
    cell, pitch = WALL_ANGLE / columns, WALL_HEIGHT / rows
    width, height = PANEL_DISTANCE * (cell - WALL_GAP), pitch - WALL_LINE
    panels = {}
    for place, size in enumerate(sizes[page * PAGE : (page + 1) * PAGE]):
        if size is not None:
            down, right = divmod(place, columns)
            yaw = ((columns - 1) / 2 - right) * cell
            up = ((rows - 1) / 2 - down) * pitch + WALL_LINE / 2
            panels[page * PAGE + place] = replace(_within(size, width, height, yaw, up), bend=1 / PANEL_DISTANCE)
    return panels


def _within(size: Size, width: float, height: float, yaw: float = 0.0, up: float = 0.0) -> Panel:
    """Return a panel as large as `width` and `height` (metres) allow, `yaw` radians to the left, its middle `up` metres
    above eye level."""
    across = min(width, height * size[0] / size[1])
    position = (-math.sin(yaw) * PANEL_DISTANCE, up, -math.cos(yaw) * PANEL_DISTANCE)
    return Panel(Pose.facing(position, yaw), across, across * size[1] / size[0])
