"""The state of one hand from frame to frame, and the soft stops of its thumbstick."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from vr_app.core.hands.one_euro import PoseFilter
from vr_app.core.hands.panel_grip import Grip
from vr_app.core.hands.sample import LET_GO, PRESSED, TAP, HandSample
from vr_app.core.space.pose import Ray, Vec3
from vr_app.core.space.surface import Uv
from vr_app.core.view.place import Placed
from vr_app.core.view.region import Draft
from vr_app.core.view.view import ViewState

WANDER = 0.05
"""Radians that a ray may turn during a double tap."""

STICK_DEAD_ZONE = 0.15
STICK_SPEED = 1.6
"""Doublings of the zoom per second with the thumbstick fully pushed."""

STOPS = (0.0, 1.0, 2.0, 3.0)
"""The base-2 logarithms of the zooms with a soft stop and a haptic tick: x1, x2, x4, x8."""

RESISTANCE = 0.25
"""Doublings that a soft stop absorbs before the thumbstick leads beyond it: a sixth of a second, fully pushed."""

AT_STOP = 1e-6
"""Less than this many doublings from a soft stop counts as being on it."""


@dataclass(frozen=True)
class Shown:
    """What the hands act on in one frame. `now`: seconds on their own clock; `dt`: seconds since the last frame."""

    view: ViewState
    placed: Sequence[Placed]
    now: float
    dt: float


@dataclass(frozen=True)
class Hold:
    """A photograph point that a hand holds, and the hand's position (metres) in the last frame, from which it
    pushes."""

    image: int
    uv: Uv
    position: Vec3


@dataclass
class Button:
    """A trigger or a grip: pressed above one value, released below another."""

    down: bool = False
    went_down: bool = False

    def take(self, value: float) -> None:
        before = self.down
        self.down = value > LET_GO if before else value >= PRESSED
        self.went_down = self.down and not before


@dataclass(frozen=True)
class Tap:
    """A press: when it began (of a past one: ended), the ray's direction, and the image pointed at (None: none)."""

    time: float
    direction: Vec3
    image: int | None

    def soon_followed(self, aim: Ray, now: float, seconds: float) -> bool:
        """Whether at most `seconds` have passed since, and the ray has not wandered."""
        return now - self.time <= seconds + 1e-9 and math.dist(self.direction, aim.direction) <= WANDER


class SoftStop:
    """The soft stops of one thumbstick."""

    def __init__(self) -> None:
        self._resistance = 0.0
        self._pushed = 0.0

    def soften(self, log_zoom: float, asked: float) -> float:
        """Return the doublings to zoom by from a zoom (its base-2 logarithm) if the stick asks for `asked` in this
        frame.

        The zoom lands on a stop and leaves it when pushed on; when released (`asked` 0) or reversed, it leaves freely.
        """
        if asked * self._pushed <= 0.0:
            self._resistance = 0.0
        self._pushed = asked
        sign, left, at = math.copysign(1.0, asked), abs(asked), log_zoom
        while True:
            swallowed = min(left, self._resistance)
            self._resistance -= swallowed
            left -= swallowed
            reach = min((sign * (stop - at) for stop in STOPS if sign * (stop - at) > AT_STOP), default=math.inf)
            if left < reach:
                return at + sign * left - log_zoom
            at, left = at + sign * reach, left - reach
            self._resistance = RESISTANCE


@dataclass
class Hand:
    """The state of one hand, number `index`. `spent`: the trigger's current press has no further effect. `divides`: the
    photograph on whose panel it has the divider. `gripped_at`: when it took a panel; `carried`: it has moved that panel
    since. `marking`: the region it is dragging. `zoomed`: the photograph that it has zoomed in this frame."""

    index: int
    filter: PoseFilter = field(default_factory=PoseFilter)
    trigger: Button = field(default_factory=Button)
    grips: Button = field(default_factory=Button)
    press: Tap | None = None
    tap: Tap | None = None
    spent: bool = True
    hold: Hold | None = None
    grip: Grip | None = None
    divides: int | None = None
    gripped_at: float = -math.inf
    carried: bool = False
    marking: Draft | None = None
    zooming: bool = False
    zoomed: int | None = None
    wheel_at: float = -math.inf
    flicked: bool = False
    stop: SoftStop = field(default_factory=SoftStop)

    @property
    def helps(self) -> bool:
        """Whether it would scale a panel that the other hand holds."""
        return self.hold is None and self.marking is None and (self.trigger.down or self.grips.down)

    def let_go(self) -> None:
        """Drop whatever it holds, and hold nothing until its trigger is pressed again."""
        self.hold = self.grip = self.press = self.tap = self.marking = self.divides = None
        self.spent = True

    def release_trigger(self, aim: Ray, now: float) -> None:
        """Release the photograph; a short press that did not wander may become a double one."""
        if self.press is not None and not self.spent and self.press.soon_followed(aim, now, TAP):
            self.tap = replace(self.press, time=now)
        self.press = self.hold = self.divides = None
        self.spent = False

    def presses_beside(self, now: float) -> bool:
        """Whether it holds its trigger, for longer than a tap, beside every photograph."""
        if self.press is None or self.spent or self.press.image is not None:
            return False
        return now - self.press.time > TAP + 1e-9

    def doublings(self, sample: HandSample, zoom: float, dt: float) -> float:
        """Return the doublings that wheel and thumbstick ask for; the stick lands on soft stops, and leaves them when
        pushed on."""
        return sample.zoom_steps + self.stop.soften(math.log2(zoom), stick(sample.stick_y) * STICK_SPEED * dt)


def stick(value: float) -> float:
    """Return the thumbstick's deflection beyond the dead zone, 0 to 1 either way."""
    size = abs(value)
    if size <= STICK_DEAD_ZONE:
        return 0.0
    return (size - STICK_DEAD_ZONE) / (1 - STICK_DEAD_ZONE) * (1 if value > 0 else -1)


def reaches_stop(before: float, after: float) -> bool:
    """Whether a zoom arrived at a soft stop or passed it; leaving one does not count."""
    a, b = math.log2(before), math.log2(after)
    return any(abs(a - stop) > AT_STOP and (abs(b - stop) <= AT_STOP or (a < stop) != (b < stop)) for stop in STOPS)
