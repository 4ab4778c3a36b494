"""What is remembered about a folder from one session to the next, and its form on disk (JSON).

It contains no file names: photographs are identified by `keys`, which the caller makes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from typing import Any, TypeVar

from sr_core.errors import UserError
from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import ImageView
from vr_app.core.view.appearance import (
    AS_PHOTOGRAPHED,
    BRIGHTNESS,
    CONTRAST,
    GAMMA,
    LOCAL,
    Appearance,
    Channel,
)
from vr_app.core.view.bounds import MAX_ZOOM, PANEL_SCALES
from vr_app.core.view.intent import Moved, SurfaceKind
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import LEAST_PART, Compare, Link, Pair
from vr_app.core.view.view import ViewState

VERSION = 1
MOST = 100_000
"""The most entries of any list."""


class Side(StrEnum):
    """The hand that presses the control panel; the other hand carries it."""

    RIGHT = "right"
    LEFT = "left"


FARTHEST_OUT = 2.0
"""How far outside its photograph the middle of a view may lie, in the photograph's size: this happens if one is laid
over another."""


class MemoryFileError(UserError):
    """The memory file cannot be read; the message is the reason."""


@dataclass(frozen=True)
class Remembered:
    """The fields of `ViewState` with the same names, with keys in place of indices. `layout` is its `flat`."""

    layout: Layout = Layout.ROW
    surface: SurfaceKind = SurfaceKind.PANEL
    active: str = ""
    pair: tuple[str, str] | None = None
    compare: Compare = Compare.SIDE
    link: Link | None = None
    divider: float = 0.5
    hand: Side = Side.RIGHT
    views: Mapping[str, ImageView] = field(default_factory=dict)
    moved: tuple[tuple[Layout, str, Moved], ...] = ()
    appearance: Appearance = AS_PHOTOGRAPHED


def remember(view: ViewState, keys: Sequence[str], hand: Side) -> Remembered:
    """Return what to remember about a view whose photographs have these keys. Photographs shown whole are left out."""
    pair = view.pair
    return Remembered(
        layout=view.flat,
        surface=view.surface,
        active=keys[view.active],
        pair=(keys[pair.images[0]], keys[pair.images[1]]) if pair else None,
        compare=pair.compare if pair else Compare.SIDE,
        link=pair.link if pair else None,
        divider=pair.divider if pair else 0.5,
        hand=hand,
        views={key: image for key, image in zip(keys, view.images, strict=True) if image.zoom > 1.0},
        moved=tuple(
            (layout, keys[i], moved)
            for layout, panels in ((view.flat, view.panels), *view.elsewhere)
            for i, moved in panels
        ),
        appearance=view.appearance,
    )


def restore(view: ViewState, keys: Sequence[str], found: Remembered) -> ViewState:
    """Return a view of photographs that are not loaded yet, as the user left it. Entries of other photographs are
    ignored."""
    place = {key: index for index, key in enumerate(keys)}
    known: dict[Layout, dict[int, Moved]] = {}
    for layout, key, moved in found.moved:
        if key in place:
            known.setdefault(layout, {})[place[key]] = moved
    panels = {layout: tuple(sorted(there.items(), key=lambda item: item[0])) for layout, there in known.items()}
    two = tuple(place[key] for key in found.pair or () if key in place)
    pair = Pair((two[0], two[1]), found.compare, found.link, divider=found.divider) if len(set(two)) == 2 else None
    if pair is None and found.layout is Layout.PAIR and len(keys) > 1:
        pair = Pair((0, 1), found.compare)
    active = place.get(found.active, pair.images[0] if pair else 0)
    if pair and found.layout is Layout.PAIR and active not in pair.images:
        active = pair.images[0]
    return replace(
        view,
        images=tuple(found.views.get(key, ImageView()) for key in keys),
        layout=Layout.RETINA if found.surface is SurfaceKind.RETINA else found.layout,
        flat=found.layout,
        active=active,
        pair=pair,
        panels=panels.pop(found.layout, ()),
        elsewhere=tuple(sorted(panels.items(), key=lambda item: item[0].value)),
        appearance=found.appearance,
    )


def format_memory(found: Remembered) -> str:
    """Return the JSON of what is remembered."""
    fields = {
        "version": VERSION,
        "layout": found.layout.value,
        "surface": found.surface.value,
        "active": found.active,
        "pair": found.pair,
        "compare": found.compare.value,
        "link": found.link.value if found.link else None,
        "divider": found.divider,
        "hand": found.hand,
        "views": {key: [*image.center, image.zoom] for key, image in found.views.items()},
        "moved": [
            [layout.value, key, *moved.pose.position, *moved.pose.orientation, moved.scale]
            for layout, key, moved in found.moved
        ],
        "appearance": found.appearance.fields(),
    }
    return json.dumps(fields, indent=1) + "\n"


def parse_memory(text: str) -> Remembered:
    """Read what `format_memory` wrote. Raises MemoryFileError, with the reason, for anything else."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise MemoryFileError("damaged (not JSON)") from None
    if not isinstance(data, dict):
        raise MemoryFileError("damaged (not an object)")
    version = data.get("version")
    if isinstance(version, int) and not isinstance(version, bool) and version > VERSION:
        raise MemoryFileError(f"written by a newer version of the program (form {version}, this one knows {VERSION})")
    if version is not VERSION:
        raise MemoryFileError("damaged (no version)")
    try:
        return _parsed(data)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MemoryFileError(f"damaged ({error})") from None


def _parsed(data: dict[str, Any]) -> Remembered:
    pair, link = data["pair"], data["link"]
    return Remembered(
        layout=_layout(data["layout"]),
        surface=_one_of(SurfaceKind, data["surface"]),
        active=_key(data["active"]),
        pair=None if pair is None else (_key(_items(pair, 2)[0]), _key(pair[1])),
        compare=_one_of(Compare, data["compare"]),
        link=None if link is None else _one_of(Link, link),
        divider=_number(data["divider"], LEAST_PART, 1 - LEAST_PART),
        hand=_one_of(Side, data["hand"]),
        views=dict(_view(key, parts) for key, parts in _fields(data["views"])),
        moved=tuple(_moved(_items(parts, 10)) for parts in _items(data["moved"])),
        appearance=_appearance(data["appearance"]) if "appearance" in data else AS_PHOTOGRAPHED,
    )


def _appearance(fields: Any) -> Appearance:
    """Read how the photographs looked. Files of the first programs do not tell it."""
    if not isinstance(fields, dict):
        raise ValueError("an invalid appearance")
    limits = {"brightness": BRIGHTNESS, "contrast": CONTRAST, "gamma": GAMMA, "local": LOCAL}
    values = {name: _number(fields[name], *within) for name, within in limits.items()}
    return Appearance(_one_of(Channel, fields["channel"]), **values)


def _view(key: Any, parts: Any) -> tuple[str, ImageView]:
    u, v, zoom = _items(parts, 3)
    u, v = (_number(part, -FARTHEST_OUT, 1 + FARTHEST_OUT) for part in (u, v))
    return _key(key), ImageView((u, v), _number(zoom, 1.0, MAX_ZOOM))


def _moved(parts: list[Any]) -> tuple[Layout, str, Moved]:
    x, y, z, *turned = (_number(part, -math.inf, math.inf) for part in parts[2:9])
    pose = Pose((x, y, z), (turned[0], turned[1], turned[2], turned[3]))
    if not pose.sound:
        raise ValueError("a panel without a valid place")
    return _layout(parts[0]), _key(parts[1]), Moved(pose, _number(parts[9], *PANEL_SCALES))


Kind = TypeVar("Kind", bound=Enum)


def _one_of(kinds: type[Kind], value: Any) -> Kind:
    return kinds(value)


def _layout(value: Any) -> Layout:
    if value == Layout.RETINA.value:
        raise ValueError("the retina is not a layout of panels")
    return Layout(value)


def _key(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 64:
        raise ValueError("an invalid photograph key")
    return value


def _items(value: Any, count: int | None = None) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST or (count is not None and len(value) != count):
        raise ValueError("not a list, or too long or too short")
    return value


def _fields(value: Any) -> Iterable[tuple[Any, Any]]:
    if not isinstance(value, dict) or len(value) > MOST:
        raise ValueError("invalid views")
    return value.items()


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{value!r} is not a number from {low:g} to {high:g}")
    return float(value)
