"""What hands do at one moment, and their haptics. The mouse of the desktop window counts as a hand."""

from __future__ import annotations

from dataclasses import dataclass

from vr_app.core.space.pose import Pose, Ray

PRESSED, LET_GO = 0.6, 0.4
"""Trigger and grip count as pressed above the first value, and as released below the second. The gap keeps a trembling
finger from doing either."""

TAP = 0.3
"""In seconds. A shorter press is a tap, a longer one a hold."""

MOST = {"trigger": 1.0, "grip": 1.0, "stick_x": 1.0, "stick_y": 1.0, "zoom_steps": 16.0}
"""The largest values of a `HandSample`'s fields."""

TICK_SECONDS, TICK_AMPLITUDE = 0.02, 0.5


@dataclass(frozen=True)
class HandSample:
    """One hand at one moment. `aim` is None if the hand is not tracked.

    `trigger`, `grip` 0 to 1; `stick_x`, `stick_y` -1 to 1, right and forward positive; `zoom_steps`: doublings of the
    zoom asked for at once (a wheel); `push_zooms`: the profile has no thumbstick, so that pushing while holding zooms;
    `shown`: its ray is drawn (a mouse has its cursor); `pose`: the whole pose that the ray comes from, None for a
    mouse, which is exact and moves no panels; `empty_grip`: the button (a field of `ControllerSample`) that gripping
    means where the ray meets no photograph, for hands that have none. `squeezes`: its grip and trigger are apart, so
    that dragging with both marks a region; for a mouse, Shift is the grip. `drags`: the trigger moves photographs and
    does nothing else (a mouse's middle button). `names`: what its controls do, a line each; none for a mouse.
    """

    aim: Ray | None = None
    trigger: float = 0.0
    stick_x: float = 0.0
    stick_y: float = 0.0
    zoom_steps: float = 0.0
    push_zooms: bool = False
    shown: bool = True
    grip: float = 0.0
    pose: Pose | None = None
    empty_grip: str = ""
    squeezes: bool = True
    drags: bool = False
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ControllerSample:
    """Both hands, the buttons, and a window's keys. `original` and `blink` last while held; the other buttons are true
    in the frame of the press. `keys`: those pressed since the last sample, in order, by the names of
    `vr_app.core.hands.keys`. `typed`: letters typed since then, and the names of keys that edit a text, in order."""

    hands: tuple[HandSample, ...] = ()
    original: bool = False
    blink: bool = False
    next_layout: bool = False
    next_image: bool = False
    reset: bool = False
    invention: bool = False
    undo: bool = False
    panel: bool = False
    keys: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pulse:
    """A haptic tick in a hand (its index): seconds, and amplitude 0 to 1."""

    hand: int
    seconds: float = TICK_SECONDS
    amplitude: float = TICK_AMPLITUDE
