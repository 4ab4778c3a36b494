"""Where the photographs of a view stand in the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import Panel, Retina, Surface
from vr_app.core.view import layout as standing
from vr_app.core.view.intent import Moved
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare, Pair, divided, laid_over
from vr_app.core.view.view import ViewState

RETINA_RADIUS = 2.0
"""Metres. The sphere is scaled up from 11.5 mm so that the viewer stands inside."""

ORIGIN = Pose()
"""Where the viewer's head starts."""


@dataclass(frozen=True)
class Words:
    """How the words at a photograph stand. `scale`: their size in proportion to a single panel's, `moved`: what hands
    have made of it. `part`: 'left' or 'right' of a divider. `brief`: no more than one line."""

    scale: float = 1.0
    moved: float = 1.0
    part: str = ""
    brief: bool = False


@dataclass(frozen=True)
class Placed:
    """A photograph's surface in the world. `shown`: False while it only waits for its turn."""

    image: int
    surface: Surface
    words: Words = Words()
    shown: bool = True


def place(view: ViewState, retina_pose: Pose = ORIGIN) -> tuple[Placed, ...]:
    """Where every photograph that is shown is seen: as `view.layout` has it, but for panels that hands have moved; or
    on the retina alone.

    `retina_pose`: the sphere's centre. In a headset the viewer stands there; a window's eye stands a little behind.
    """
    front = view.record
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
    return _moved_too(view, [Placed(view.active, standing.alone(front.size))])


def _in_row(view: ViewState) -> tuple[Placed, ...]:
    records, loaded = view.photographs, view.loaded
    row = standing.row([records[i].size for i in loaded], loaded.index(view.active))
    placed = [Placed(loaded[n], panel) for n, panel in row.items()]
    # One that was moved leaves its gap on the arc, where nothing else moves because of it; and it is seen although the
    # arc has no room for it.
    there = {item.image for item in placed}
    beyond = [i for i, _ in view.panels if i not in there and records[i] is not None]
    return _moved_too(view, placed + [Placed(i, standing.alone(records[i].size)) for i in beyond])


def _on_wall(view: ViewState) -> list[Placed]:
    hung = view.hung
    # While photographs arrive nothing moves: each has its place from the start.
    panels = standing.wall([record.size if (record := view.photographs[i]) else None for i in hung], view.page[0])
    return [Placed(hung[n], panel, Words(standing.WALL_WORDS, brief=True)) for n, panel in panels.items()]


def _as_pair(view: ViewState, pair: Pair) -> tuple[Placed, ...]:
    records = view.photographs
    first, second = pair.images
    words = Words(standing.PAIR_WORDS)
    if pair.compare is Compare.SIDE:
        panels = standing.pair(records[first].size, records[second].size)
        placed = [Placed(i, panel, words) for i, panel in zip(pair.images, panels, strict=True)]
        return _moved_too(view, placed)
    # On one panel, which is the first one's.
    (whole,) = _moved_too(view, [Placed(first, standing.alone(records[first].size), words)])
    panel, words = whole.surface, whole.words
    over = laid_over(panel, records[first].field, records[second].field)
    if pair.compare is Compare.SWIPE:
        left, right = divided(panel, over, pair.divider)
        return Placed(first, left, replace(words, part="left")), Placed(second, right, replace(words, part="right"))
    turns = [Placed(first, panel, words, not view.blink.second), Placed(second, over, words, view.blink.second)]
    return tuple(reversed(turns) if view.blink.second else turns)


def _moved_too(view: ViewState, placed: list[Placed]) -> tuple[Placed, ...]:
    """With panels where hands have put them, and their words as large as they."""
    moved = dict(view.panels)
    return tuple(_put(item, moved[item.image]) if item.image in moved else item for item in placed)


def _put(item: Placed, moved: Moved) -> Placed:
    width, height = item.surface.width * moved.scale, item.surface.height * moved.scale
    words = replace(item.words, scale=item.words.scale * moved.scale, moved=moved.scale)
    bend = item.surface.bend / moved.scale
    return replace(item, surface=Panel(moved.pose, width, height, bend=bend), words=words)


def within_reach(placed: Sequence[Placed]) -> tuple[Placed, ...]:
    """What hands can take hold of: of two photographs on one panel the one that is seen, or the first, and all of the
    panel with it."""
    found = []
    for item in placed:
        if item.words.part == "left":
            item = replace(item, surface=replace(item.surface, window=None))
        if item.shown and item.words.part != "right":
            found.append(item)
    return tuple(found)
