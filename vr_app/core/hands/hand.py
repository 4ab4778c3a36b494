"""What one hand is doing, kept from frame to frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from vr_app.core.hands.one_euro import PoseFilter
from vr_app.core.hands.panel_grip import Grip
from vr_app.core.hands.sample import LET_GO, PRESSED, TAP, HandSample
from vr_app.core.hands.soft_stop import STICK_SPEED, SoftStop, stick
from vr_app.core.space.pose import Ray, Vec3
from vr_app.core.space.surface import Uv
from vr_app.core.view.place import Placed
from vr_app.core.view.region import Draft
from vr_app.core.view.view import ViewState

WANDER = 0.05
"""Radians that a ray may turn during a double tap."""


@dataclass(frozen=True)
class Shown:
    """What the hands act on in one frame. `now`: seconds on their own clock; `dt`: seconds since the last frame."""

    view: ViewState
    placed: Sequence[Placed]
    now: float
    dt: float


@dataclass(frozen=True)
class Hold:
    """A photograph point that a hand holds, and where the hand was (metres) in the last frame: it pushes from there."""

    image: int
    uv: Uv
    position: Vec3


@dataclass
class Button:
    """A trigger or a grip: pressed beyond one value, let go below another."""

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
        """Whether no more than `seconds` have passed since, and the ray has not wandered."""
        return now - self.time <= seconds + 1e-9 and math.dist(self.direction, aim.direction) <= WANDER


@dataclass
class Hand:
    """What lasts of one hand, number `index`. `spent`: the trigger's present press has done what it can do. `divides`:
    the photograph on whose panel it has the divider. `gripped_at`: when it took a panel; `carried`: it has moved that
    panel since. `marking`: the region it is dragging. `zoomed`: the photograph that it has zoomed in this frame.
    """

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
        """Whether it would scale a panel that the other hand has."""
        return self.hold is None and self.marking is None and (self.trigger.down or self.grips.down)

    def let_go(self) -> None:
        """Drop whatever it holds, and hold nothing until its trigger is pressed anew."""
        self.hold = self.grip = self.press = self.tap = self.marking = self.divides = None
        self.spent = True

    def release_trigger(self, aim: Ray, now: float) -> None:
        """Let go of the photograph; a short press that did not wander may become a double one."""
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
        """What wheel and thumbstick ask for; the stick lands on soft stops, and leaves them when pushed on."""
        return sample.zoom_steps + self.stop.soften(math.log2(zoom), stick(sample.stick_y) * STICK_SPEED * dt)
