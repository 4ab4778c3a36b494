"""A sheet in the room that hands point at: the control panel, or its handle. Its position, and what rays hit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vr_app.core.space.pose import Eye, Pose, product
from vr_app.core.space.surface import Panel
from vr_app.core.view.desk import EDGE, Desk

EM = 0.048
"""What a sheet's em measures a metre away from the head, in metres: capitals of 0.729 em are then 22.7 pixels high in
the middle of a picture of 1344 pixels across 92 degrees, as it is for a headset of 1344x1512 pixels an eye, and 20 at
the sheet's edges, which are farther away."""

EM_PIXELS = (20, 34)
"""The minimum and the maximum texels of an em; it has as many as the eye pixels that it covers."""

WINDOW_LINES = 44
"""The height of a window in em."""

NEAR, FAR = 0.35, 0.9
"""Metres from the head between which a sheet's size follows its distance."""

ABOVE = 0.03
"""Metres from the hand up to the sheet."""

BEFORE = 1.0
"""Metres from a window's eye to its sheet."""

MARGIN = 12
"""Pixels from a window's edge to an open sheet."""


@dataclass(frozen=True)
class SheetItem:
    """A sheet to be drawn: `size` (width, height) in texels of its picture, which `version` tells from the last."""

    surface: Panel
    size: tuple[int, int]
    version: int


def em_pixels(eye: Eye) -> int:
    """Return the texels of an em for a sheet in a hand: the picture's own resolution in its middle."""
    left, right, _, _ = eye.fov.tangents()
    return round(min(EM_PIXELS[1], max(EM_PIXELS[0], EM * eye.size[0] / (right - left))))


def window_em(height: int) -> int:
    """Return the texels of an em for a sheet in a picture of `height` pixels."""
    return min(30, max(12, height // WINDOW_LINES))


def in_picture(eye: Eye, size: tuple[int, int], margin: int, low: bool = False) -> Panel:
    """Return a sheet of `size` texels over the right side of a picture, vertically centred, with each texel on a pixel.
    `low`: in the lower corner instead, above a window's strip of text, where a round field of view leaves a photograph
    black."""
    left, right, up, down = eye.fov.tangents()
    per_pixel = (right - left) / eye.size[0], (up - down) / eye.size[1]
    x = eye.size[0] - size[0] - margin
    free = eye.size[1] - size[1]
    y = max(0, free - Desk(eye.size).strip - EDGE if low else free // 2)
    middle = left + (x + size[0] / 2) * per_pixel[0], up - (y + size[1] / 2) * per_pixel[1]
    local = (middle[0] * BEFORE, middle[1] * BEFORE, -BEFORE)
    pose = eye.pose.after(Pose(local))
    return Panel(pose, size[0] * per_pixel[0] * BEFORE, size[1] * per_pixel[1] * BEFORE)


def in_hand(
    head: tuple[float, ...],
    hand: tuple[float, ...],
    ems: tuple[float, float],
    scale: float,
    right: float = 0.0,
    level: bool = False,
) -> Panel:
    """Return a sheet of `ems` (width, height), an em being `scale` metres, that stands on a hand, or `level` with it,
    and faces the head; its middle is `right` em to the right of the hand, as the head sees it."""
    height = ems[1] * scale
    up = 0.0 if level else ABOVE + height / 2
    away = np.subtract(hand, head)
    side = np.array([-away[2], 0.0, away[0]]) / max(1e-6, math.hypot(away[0], away[2]))
    middle = np.array(hand) + np.array([0.0, up, 0.0]) + right * scale * side
    toward = np.asarray(head) - middle
    yaw = math.atan2(toward[0], toward[2])
    pitch = math.atan2(toward[1], math.hypot(toward[0], toward[2]))
    turned = product(
        Pose.facing((0.0, 0.0, 0.0), yaw).orientation, (math.sin(-pitch / 2), 0.0, 0.0, math.cos(pitch / 2))
    )
    x, y, z = (float(part) for part in middle)
    return Panel(Pose((x, y, z), turned), ems[0] * scale, height)


def scale_for(
    head: tuple[float, ...],
    hand: tuple[float, ...],
    ems: tuple[float, float],
    right: float = 0.0,
    level: bool = False,
) -> float:
    """Return the metres of an em with which a sheet at a hand there, as in `in_hand`, is legible."""
    away = float(np.linalg.norm(np.subtract(head, hand)))
    # The sheet's middle is not at the hand, but usually nearer to the eyes.
    for _ in range(4):
        panel = in_hand(head, hand, ems, EM * min(FAR, max(NEAR, away)), right, level)
        away = float(np.linalg.norm(np.subtract(head, panel.pose.position)))
    return EM * min(FAR, max(NEAR, away))


def head_of(eyes: Sequence[Eye]) -> tuple[float, ...]:
    """Return the point between the eyes."""
    return tuple(float(part) for part in np.mean([eye.pose.position for eye in eyes], axis=0))


def point_at(item: SheetItem, at: tuple[float, float]) -> tuple[float, float, float]:
    """Return the point of the world at a sheet's texel."""
    s = np.array(at) / item.size - 0.5
    x, y, z = (float(part) for part in item.surface.point(s))
    return x, y, z
