"""From what the hands do to what it means. The mouse of the desktop window is a hand like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vr_app.core.pose import Ray
from vr_app.core.surface import photograph_uv
from vr_app.core.view import (
    Gesture,
    Grab,
    Hold,
    NextImage,
    Pan,
    Placed,
    ResetView,
    ShowInvention,
    ShowOriginal,
    SwitchSurface,
    Uv,
    ViewState,
    Zoom,
)

STICK_DEAD_ZONE = 0.15
STICK_SPEED = 1.6
"""Doublings of the zoom per second with the thumbstick fully pushed."""

PUSH_GAIN = 6.0
"""Doublings of the zoom per metre that a hand pushes along its ray while it holds a point (pushing magnifies)."""

TRIGGER_ON, TRIGGER_OFF = 0.6, 0.4
"""Trigger values beyond which a point is grabbed and let go; apart, so that a trembling finger does neither."""


@dataclass(frozen=True)
class HandSample:
    """One hand at one moment. `aim` is None where the hand is not tracked.

    `trigger` 0 to 1; `stick_y` -1 to 1, forward positive; `zoom_steps`: doublings of the zoom asked for at once (a
    wheel); `push_zooms`: the profile has no thumbstick, so that pushing while holding zooms; `shown`: its ray is drawn
    (a mouse has its cursor).
    """

    aim: Ray | None = None
    trigger: float = 0.0
    stick_y: float = 0.0
    zoom_steps: float = 0.0
    push_zooms: bool = False
    shown: bool = True


@dataclass(frozen=True)
class ControllerSample:
    """Both hands and the buttons. `original` lasts while held; the other buttons are true in the frame of the press."""

    hands: tuple[HandSample, ...] = ()
    original: bool = False
    switch_surface: bool = False
    next_image: bool = False
    reset: bool = False
    invention: bool = False


@dataclass(frozen=True)
class Pointed:
    """What a hand points at: the photograph, the surface coordinates s, its photograph point uv, and how far away."""

    image: int
    s: Uv
    uv: Uv
    distance: float


def pointed_at(ray: Ray, view: ViewState, placed: Sequence[Placed]) -> Pointed | None:
    """The nearest photograph that the ray meets; None where it meets none, or only beyond a photograph's edge."""
    nearest: Pointed | None = None
    for item in placed:
        s, distance = item.surface.hit(np.asarray(ray.origin), np.asarray(ray.direction))
        image = view.images[item.image]
        uv = photograph_uv(s, image.center, image.zoom)
        if not ((uv >= 0) & (uv <= 1)).all():
            continue
        if nearest is None or distance < nearest.distance:
            nearest = Pointed(item.image, (float(s[0]), float(s[1])), (float(uv[0]), float(uv[1])), float(distance))
    return nearest


def read_gestures(
    sample: ControllerSample, view: ViewState, placed: Sequence[Placed], dt: float
) -> tuple[Gesture, ...]:
    """The gestures that `sample` makes on what is shown now; `dt` seconds since the last sample."""
    gestures: list[Gesture] = []
    if sample.original != view.original:
        gestures.append(ShowOriginal(sample.original))
    for index, hand in enumerate(sample.hands):
        gestures += _hand_gestures(index, hand, view, placed, dt)
    if sample.switch_surface:
        gestures.append(SwitchSurface())
    if sample.next_image:
        gestures.append(NextImage())
    if sample.reset:
        gestures.append(ResetView())
    if sample.invention:
        gestures.append(ShowInvention(not view.invention))
    return tuple(gestures)


def _hand_gestures(
    index: int, hand: HandSample, view: ViewState, placed: Sequence[Placed], dt: float
) -> list[Gesture]:
    holding = view.grab if view.grab is not None and view.grab.hand == index else None
    if hand.aim is None:
        return [Hold(None)] if holding else []
    if holding is not None:
        return _while_holding(hand, holding, view, placed, dt)
    pointed = pointed_at(hand.aim, view, placed)
    if pointed is None:
        return []
    gestures: list[Gesture] = []
    if view.grab is None and hand.trigger >= TRIGGER_ON:
        gestures.append(Hold(Grab(index, pointed.image, pointed.uv, hand.aim.origin)))
    doublings = _doublings(hand, dt)
    if doublings:
        gestures.append(Zoom(pointed.image, pointed.uv, doublings))
    return gestures


def _while_holding(
    hand: HandSample, grab: Grab, view: ViewState, placed: Sequence[Placed], dt: float
) -> list[Gesture]:
    """The grabbed photograph point stays under the ray; pushing, the stick or the wheel zooms about it."""
    if hand.trigger <= TRIGGER_OFF:
        return [Hold(None)]
    gestures: list[Gesture] = []
    for item in (item for item in placed if item.image == grab.image):
        # The surface counts, not whether the photograph reaches there: it is being dragged there.
        s, _ = item.surface.hit(np.asarray(hand.aim.origin), np.asarray(hand.aim.direction))
        image = view.images[grab.image]
        if np.isfinite(s).all() and tuple(photograph_uv(s, image.center, image.zoom)) != grab.uv:
            gestures.append(Pan(grab.image, grab.uv, (float(s[0]), float(s[1]))))
    doublings = _doublings(hand, dt)
    if hand.push_zooms:
        # Along the ray of now, from where the hand was: turning the wrist is no push.
        moved = np.subtract(hand.aim.origin, grab.position)
        doublings += float(moved @ hand.aim.direction) * PUSH_GAIN
        gestures.append(Hold(replace(grab, position=hand.aim.origin)))
    if doublings:
        gestures.append(Zoom(grab.image, grab.uv, doublings))
    return gestures


def _doublings(hand: HandSample, dt: float) -> float:
    """What wheel and thumbstick ask for."""
    return hand.zoom_steps + _stick(hand.stick_y) * STICK_SPEED * dt


def _stick(value: float) -> float:
    """Thumbstick deflection beyond the dead zone, 0 to 1 either way."""
    size = abs(value)
    if size <= STICK_DEAD_ZONE:
        return 0.0
    return (size - STICK_DEAD_ZONE) / (1 - STICK_DEAD_ZONE) * (1 if value > 0 else -1)
