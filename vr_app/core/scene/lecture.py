"""What a lecture hall sees of a session in a headset: the presenter's photographs flat on a screen, and the ray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vr_app.core.hands.hand import pointed_at
from vr_app.core.scene.scene import RayItem
from vr_app.core.scene.words import Status
from vr_app.core.space.pose import Ray
from vr_app.core.view.desk import Desk
from vr_app.core.view.layout import Layout
from vr_app.core.view.place import Placed
from vr_app.core.view.view import ViewState, with_image

LECTURE_TEXT = 2.0
"""The size of the text relative to that in a window: it is read from the last row of a hall."""

LECTURE_BEAM = 2.0
"""The width of the ray relative to that in the headset."""

FROM_BELOW = 0.1
"""How far below the screen its ray begins, as a fraction of its height."""

ON_SURFACE = 1e-3
"""Metres within which a beam ends where its ray meets a photograph; any other has ended on something before it."""


def lecture_view(view: ViewState, desk: Desk) -> ViewState:
    """Return what the headset's view shows, as a window `desk` shows it: a compared pair as a pair, the wall as a wall,
    and in every other layout the front photograph alone."""
    layout = Layout.PAIR if view.compared else Layout.WALL if view.layout is Layout.WALL else Layout.ONE
    flat = replace(view, settings=replace(view.settings, desk=desk), layout=layout, flat=layout, panels=())
    shown = flat.compared.images if flat.compared else flat.in_cells
    for image in shown:
        flat = with_image(flat, image, flat.images[image])
    return flat


def lecture_status(status: Status) -> Status:
    """Return the status without what concerns the presenter alone: help, hints and notices."""
    return replace(status, help=False, hint="", notices=(), recording=False)


def lecture_rays(
    rays: Sequence[RayItem], view: ViewState, reach: Sequence[Placed], flat: ViewState, placed: Sequence[Placed]
) -> tuple[RayItem, ...]:
    """Return the beams that end on a photograph in the headset, each ending at the same point of that photograph on the
    screen.

    `reach`: the headset's surfaces that hands can grab, of `view`; `placed`: the screen's surfaces, of `flat`.
    """
    found = (_on_screen(ray, view, reach, flat, placed) for ray in rays if ray.hits)
    return tuple(ray for ray in found if ray is not None)


def _on_screen(
    ray: RayItem, view: ViewState, reach: Sequence[Placed], flat: ViewState, placed: Sequence[Placed]
) -> RayItem | None:
    along = np.subtract(ray.end, ray.start)
    length = float(np.linalg.norm(along))
    if length == 0.0 or flat.desk is None:
        return None
    x, y, z = (along / length).tolist()
    pointed = pointed_at(Ray(ray.start, (x, y, z)), view, reach)
    if pointed is None or abs(pointed.distance - length) > ON_SURFACE:
        return None
    for item in placed:
        if item.image != pointed.image or not item.shown:
            continue
        image = flat.images[item.image]
        s = np.multiply(np.subtract(pointed.uv, image.center), image.zoom)
        left, top, right, bottom = item.panel.bounds
        if left <= s[0] <= right and top <= s[1] <= bottom:
            x, y, z = item.panel.point(s).tolist()
            width, height = flat.desk.size
            start = flat.desk.at(width / 2, height * (1 + FROM_BELOW))
            return RayItem(start, (x, y, z), True, LECTURE_BEAM)
    return None
