"""The state of one hand from frame to frame: its steady pose, its buttons, what it points at and holds, and the soft
stops of its thumbstick."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vr_app.core.hands.marks import Grasped, Mark
from vr_app.core.hands.panel_grip import Grip
from vr_app.core.hands.sample import LET_GO, MOST, PRESSED, TAP, HandSample
from vr_app.core.space.pose import Pose, Quaternion, Ray, Vec3, product, turned_back
from vr_app.core.space.surface import Uv, photograph_uv
from vr_app.core.view.place import Placed
from vr_app.core.view.region import Draft
from vr_app.core.view.view import AT_STOP, ViewState

MIN_CUTOFF = 1.0
"""Hz at rest: faster trembling is damped (f_c_min in the paper that `PoseFilter` names)."""

BETA = 60.0
"""Hz by which the cut-off rises per metre a second, and per radian a second (the paper's beta). From 0.2 of either, the
filter lags by 12 ms, less than a frame of a 72 Hz display; below that, by at most 0.15 degrees and 2.7 mm."""

SPEED_CUTOFF = 1.0
"""Hz of the low pass for the speed (the paper's f_c_d)."""

AT_REST = 1e-6
"""Metres and radians from the hand's own pose at which the filter counts as arrived, so that a hand at rest lets a view
rest."""

JUMP_M, JUMP_RADIANS = 1.0, 1.5
"""No hand moves or turns this far within a frame: tracking has lost it, or found another."""

WANDER = 0.05
"""Radians that a ray may turn during a double tap."""

STICK_DEAD_ZONE = 0.15
STICK_SPEED = 1.6
"""Doublings of the zoom per second with the thumbstick fully pushed."""

STOPS = (0.0, 1.0, 2.0, 3.0)
"""The base-2 logarithms of the zooms with a soft stop and a haptic tick: x1, x2, x4, x8."""

RESISTANCE = 0.25
"""Doublings that a soft stop absorbs before the thumbstick leads beyond it: a sixth of a second, fully pushed."""


@dataclass(frozen=True)
class Shown:
    """What the hands act on in one frame. `now`: seconds on their own clock; `dt`: seconds since the last frame.
    `marks`: returns the regions that a mouse can take hold of."""

    view: ViewState
    placed: Sequence[Placed]
    now: float
    dt: float
    marks: Callable[[], Sequence[Mark]] = tuple


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


class PoseFilter:
    """Smooths the poses of one hand, frame by frame, with the One Euro filter.

    Casiez, Roussel and Vogel, "1 euro filter: a simple speed-based low-pass filter for noisy input in interactive
    systems", CHI 2012, equations 1 to 7: a first-order low pass whose cut-off grows with the speed, so that a hand at
    rest does not tremble and one that moves does not lag. Position and orientation each have one.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Take the next pose unfiltered: the hand was lost, or jumped."""
        self._raw: Pose | None = None
        self._smooth = Pose()
        self._speed: tuple[float, ...] = (0.0, 0.0, 0.0)
        self._turning: tuple[float, ...] = (0.0, 0.0, 0.0)

    @property
    def last(self) -> Pose | None:
        """The hand's own pose of the last frame; None after `forget`."""
        return self._raw

    def smooth(self, pose: Pose, dt: float) -> Pose:
        """Return the pose to use for `pose`, `dt` seconds after the last. Orientations have unit length."""
        before, self._raw = self._raw, pose
        if before is None:
            self._smooth = pose
        elif dt > 0:
            moved = tuple(now - then for now, then in zip(pose.position, before.position, strict=True))
            turn = _turn(before.orientation, pose.orientation)
            self._speed = _toward(self._speed, [part / dt for part in moved], _share(SPEED_CUTOFF, dt))
            self._turning = _toward(self._turning, [part / dt for part in turn], _share(SPEED_CUTOFF, dt))
            self._smooth = Pose(
                self._position(pose, _share(MIN_CUTOFF + BETA * math.hypot(*self._speed), dt)),
                self._orientation(pose, _share(MIN_CUTOFF + BETA * math.hypot(*self._turning), dt)),
            )
        return self._smooth

    def _position(self, pose: Pose, share: float) -> Vec3:
        x, y, z = _toward(self._smooth.position, pose.position, share)
        smooth = x, y, z
        return pose.position if math.dist(smooth, pose.position) < AT_REST else smooth

    def _orientation(self, pose: Pose, share: float) -> Quaternion:
        """Along the straight line between the quaternions: they lie close together."""
        here, there = self._smooth.orientation, pose.orientation
        # The same rotation has two quaternions, of opposite sign.
        same = math.copysign(1.0, sum(a * b for a, b in zip(here, there, strict=True)))
        between = _toward([same * part for part in here], there, share)
        length = math.hypot(*between)
        x, y, z, w = (part / length for part in between)
        smooth = x, y, z, w
        return there if 2 * math.dist(smooth, there) < AT_REST else smooth


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
    since. `marking`: the region it is marking; `region`: the one it has pressed on. `zoomed`: the photograph that it
    has zoomed in this frame."""

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
    region: Grasped | None = None
    zooming: bool = False
    zoomed: int | None = None
    wheel_at: float = -math.inf
    flicked: bool = False
    stop: SoftStop = field(default_factory=SoftStop)

    def steadied(self, sample: HandSample, dt: float) -> HandSample:
        """Return the sample with a smooth pose, or without pose and ray if the hand is not tracked."""
        values = {name: _within(getattr(sample, name), most) for name, most in MOST.items()}
        sample = replace(sample, **values)
        if sample.aim is None or not sample.aim.sound or not (sample.pose is None or sample.pose.sound):
            self.filter.forget()
            return replace(sample, aim=None, pose=None)
        if sample.pose is None:
            return sample
        if self.filter.last is not None and _jumped(self.filter.last, sample.pose):
            self.filter.forget()
            self.let_go()
        smooth = self.filter.smooth(sample.pose, dt)
        return replace(sample, pose=smooth, aim=Ray.along(smooth))

    @property
    def helps(self) -> bool:
        """Whether it would scale a panel that the other hand holds."""
        return self.hold is None and self.marking is None and (self.trigger.down or self.grips.down)

    def let_go(self) -> None:
        """Drop whatever it holds, and hold nothing until its trigger is pressed again."""
        self.hold = self.grip = self.press = self.tap = self.marking = self.region = self.divides = None
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


@dataclass(frozen=True)
class Pointed:
    """What a hand points at: the photograph, the surface coordinates s, the photograph point uv, and the distance in
    metres."""

    image: int
    s: Uv
    uv: Uv
    distance: float


def pointed_at(ray: Ray, view: ViewState, placed: Sequence[Placed], beyond: bool = False) -> Pointed | None:
    """Return the nearest photograph that the ray meets, or None if it meets none, or only beyond a photograph's
    edge. `beyond`: there it meets the nearest point of the photograph."""
    nearest: Pointed | None = None
    for item in placed:
        s, distance = item.surface.hit(np.asarray(ray.origin), np.asarray(ray.direction))
        image = view.images[item.image]
        uv = photograph_uv(s, image.center, image.zoom)
        uv = np.clip(uv, 0.0, 1.0) if beyond else uv
        if not ((uv >= 0) & (uv <= 1)).all():
            continue
        if nearest is None or distance < nearest.distance:
            nearest = Pointed(item.image, (float(s[0]), float(s[1])), (float(uv[0]), float(uv[1])), float(distance))
    return nearest


def met_at(image: int, aim: Ray | None, placed: Sequence[Placed]) -> Uv | None:
    """Return where a ray meets a photograph's surface, or None if it does not."""
    for item in placed:
        if item.image == image and aim is not None:
            s, _ = item.surface.hit(np.asarray(aim.origin), np.asarray(aim.direction))
            return (float(s[0]), float(s[1])) if np.isfinite(s).all() else None
    return None


# How a pose is steadied.


def _share(cutoff: float, dt: float) -> float:
    """Return how far the filter goes toward a new value (the paper's alpha)."""
    return 1.0 / (1.0 + 1.0 / (2 * math.pi * cutoff * dt))


def _toward(old: Sequence[float], new: Sequence[float], share: float) -> tuple[float, ...]:
    return tuple(a + share * (b - a) for a, b in zip(old, new, strict=True))


def _turn(before: Quaternion, after: Quaternion) -> tuple[float, float, float]:
    """Return the rotation from one orientation to the other as a vector: its axis, as long as its angle in radians."""
    x, y, z, w = product(after, turned_back(before))
    if w < 0:
        x, y, z, w = -x, -y, -z, -w
    sine = math.hypot(x, y, z)
    per_sine = 2 * math.atan2(sine, w) / sine if sine > 0 else 0.0
    return x * per_sine, y * per_sine, z * per_sine


def _within(value: float, most: float) -> float:
    """Return the value, clamped to -`most` to `most`; 0 if it is not a number."""
    return min(most, max(-most, value)) if math.isfinite(value) else 0.0


def _jumped(before: Pose, now: Pose) -> bool:
    """Whether a hand cannot have moved or turned from one pose to the other within a frame."""
    a, b = before.orientation, now.orientation
    part = abs(sum(x * y for x, y in zip(a, b, strict=True))) / (math.hypot(*a) * math.hypot(*b))
    return math.dist(before.position, now.position) > JUMP_M or 2 * math.acos(min(1.0, part)) > JUMP_RADIANS
