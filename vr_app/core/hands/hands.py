"""From what the hands do to what it means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from vr_app.core.hands.one_euro import PoseFilter
from vr_app.core.hands.panel_grip import Grip
from vr_app.core.hands.pointing import at_divider, met_at, pointed_at
from vr_app.core.hands.sample import LET_GO, MOST, PRESSED, TAP, ControllerSample, HandSample, Pulse
from vr_app.core.hands.soft_stop import LEAST_APART, STICK_SPEED, SoftStop, flattened, reaches_stop, stick, unflattened
from vr_app.core.space.pose import Pose, Ray, Vec3
from vr_app.core.space.surface import Panel, Uv, photograph_uv
from vr_app.core.view.intent import (
    Begin,
    Gesture,
    KeepShown,
    MoveDivider,
    MovePanel,
    NextImage,
    NextLayout,
    Pan,
    Pick,
    ResetView,
    SetCompare,
    SetLink,
    ShowInvention,
    ShowOriginal,
    SwitchSurface,
    Undo,
    Zoom,
)
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare, Link
from vr_app.core.view.place import Placed
from vr_app.core.view.region import BLINK, Draft, MarkRegion, ShowDraft
from vr_app.core.view.view import ViewState

PUSH_GAIN = 6.0
"""Doublings of the zoom per metre that a hand pushes along its ray while it holds a point (pushing magnifies)."""

DOUBLE = 0.35
"""Seconds from a tap's end within which the next press makes it a double one."""

WANDER = 0.05
"""Radians that a ray may turn during a double tap."""

JUMP_M, JUMP_RADIANS = 1.0, 1.5
"""No hand moves or turns so far within a frame: tracking has lost it, or found another."""

SQUEEZE = 0.5
"""Seconds after gripping within which a trigger that is pulled too marks a region, and the panel was not meant."""

WHEEL_PAUSE = 0.5
"""Seconds without the wheel after which its next turn is a move of its own."""

FLICK, FLICK_ENDS = 0.8, 0.4
"""How far to the side a thumbstick must go to turn over, and back before it can again. It must also lie nearer to that
side than forward or back, which zooms."""


@dataclass(frozen=True)
class Hold:
    """A photograph point that a hand holds, and where it was (metres) in the last frame: it pushes from there."""

    image: int
    uv: Uv
    position: Vec3


@dataclass(frozen=True)
class Stretch:
    """Two hands hold one photograph: the point `uv` between theirs, how far apart the rays met the surface when the
    second took hold, and the zoom's base 2 logarithm then."""

    image: int
    uv: Uv
    apart: float
    log_zoom: float


@dataclass
class _Button:
    """A trigger or a grip: pressed beyond one value, let go below another."""

    down: bool = False
    went_down: bool = False

    def take(self, value: float) -> None:
        before = self.down
        self.down = value > LET_GO if before else value >= PRESSED
        self.went_down = self.down and not before


@dataclass(frozen=True)
class _Tap:
    """A press: when it began (of a past one: ended), the ray's direction, and the image pointed at (None: none)."""

    time: float
    direction: Vec3
    image: int | None


@dataclass
class _Hand:
    """What lasts of one hand from frame to frame. `spent`: the trigger's present press has done what it can do.
    `divides`: the photograph on whose panel it has the divider. `gripped_at`: when it took a panel; `carried`: and has
    moved it since. `marking`: the region it is dragging."""

    filter: PoseFilter = field(default_factory=PoseFilter)
    trigger: _Button = field(default_factory=_Button)
    grips: _Button = field(default_factory=_Button)
    press: _Tap | None = None
    tap: _Tap | None = None
    spent: bool = True
    hold: Hold | None = None
    grip: Grip | None = None
    divides: int | None = None
    gripped_at: float = -math.inf
    carried: bool = False
    marking: Draft | None = None
    zooming: bool = False
    flicked: bool = False
    stop: SoftStop = field(default_factory=SoftStop)

    @property
    def helps(self) -> bool:
        """Whether it would scale a panel that the other hand has."""
        return self.hold is None and self.marking is None and (self.trigger.down or self.grips.down)

    def let_go(self) -> None:
        """Whatever it held, and until its trigger is pressed anew, nothing."""
        self.hold = self.grip = self.press = self.tap = self.marking = self.divides = None
        self.spent = True


class Hands:
    """Reads the hands of one session, frame by frame: first `steady`, then `read`, and `ticks` once it is applied.

    A hand whose tracking is lost, jumps or gives what is no pose lets go; nothing else becomes of it.
    """

    def __init__(self) -> None:
        self._hands: list[_Hand] = []
        self._now = 0.0
        self._shown: tuple | None = None
        self._stretch: Stretch | None = None
        self._wheel_at = -math.inf
        self._zoomed: set[tuple[int, int]] = set()
        self._blinking_since: float | None = None

    def steady(self, sample: ControllerSample, dt: float) -> ControllerSample:
        """The sample with smooth poses, without what is none; `dt` seconds since the last."""
        while len(self._hands) < len(sample.hands):
            self._hands.append(_Hand())
        for hand in self._hands[len(sample.hands) :]:
            hand.filter.forget()
            hand.let_go()
        hands = (self._steadied(hand, self._hands[index], dt) for index, hand in enumerate(sample.hands))
        return replace(sample, hands=tuple(hands))

    def _steadied(self, sample: HandSample, hand: _Hand, dt: float) -> HandSample:
        values = {name: _within(getattr(sample, name), most) for name, most in MOST.items()}
        sample = replace(sample, **values)
        if sample.aim is None or not sample.aim.sound or not (sample.pose is None or sample.pose.sound):
            hand.filter.forget()
            return replace(sample, aim=None, pose=None)
        if sample.pose is None:
            return sample
        if hand.filter.last is not None and _jumped(hand.filter.last, sample.pose):
            hand.filter.forget()
            hand.let_go()
        smooth = hand.filter.smooth(sample.pose, dt)
        return replace(sample, pose=smooth, aim=Ray.along(smooth))

    def read(
        self, sample: ControllerSample, view: ViewState, placed: Sequence[Placed], dt: float
    ) -> tuple[Gesture, ...]:
        """The gestures that a steady `sample` makes on what is shown now; `dt` seconds since the last sample."""
        self._now += dt
        self._zoomed.clear()
        pair = view.pair and (view.pair.images, view.pair.compare)
        shown = view.stands, view.active, pair
        if self._shown != shown:  # what was held is no longer there
            self._shown = shown
            for hand in self._hands:
                hand.let_go()
        gestures: list[Gesture] = []
        for index, hand in enumerate(sample.hands):
            gestures += self._presses(index, hand, view, placed)
        gestures += self._stretched(sample, view, placed)
        for index, hand in enumerate(sample.hands):
            gestures += self._motion(index, hand, sample, view, placed, dt)
        original = sample.original or any(self._asks_for_original(hand) for hand in self._hands)
        original = original or self._blinks(sample.blink or view.regions.blinking)
        if original != view.original:
            gestures.append(ShowOriginal(original))
        asked = _buttons(sample, view)
        for hand, now in zip(self._hands, sample.hands, strict=False):
            asked += _flicked(hand, now)
        blinks = view.compared is not None and view.compared.compare is Compare.BLINK
        kept = any(hand.hold is not None for hand in self._hands)
        if blinks and kept != view.blink.kept:
            gestures.append(KeepShown(kept))
        if any(isinstance(gesture, Undo | ResetView) for gesture in (*gestures, *asked)):
            for hand in self._hands:  # or what it holds would come back to it
                if hand.marking is None or asked:
                    hand.let_go()
        gestures += asked
        draft = next((hand.marking for hand in self._hands if hand.marking is not None), None)
        if draft != view.regions.draft:
            gestures.append(ShowDraft(draft))
        return tuple(gestures)

    def ticks(self, before: ViewState, after: ViewState) -> tuple[Pulse, ...]:
        """What the hands that zoomed are to feel, now that their gestures have led from one view to the other."""
        felt = {
            hand for hand, image in self._zoomed if reaches_stop(before.images[image].zoom, after.images[image].zoom)
        }
        return tuple(Pulse(hand) for hand in sorted(felt))

    # Presses.

    def _presses(self, index: int, sample: HandSample, view: ViewState, placed: Sequence[Placed]) -> list[Gesture]:
        """What begins and ends with trigger and grip."""
        hand = self._hands[index]
        hand.trigger.take(sample.trigger)
        hand.grips.take(sample.grip)
        if sample.aim is None:
            hand.let_go()
            return []
        gestures: list[Gesture] = []
        if hand.grip is not None and not hand.grips.down:
            hand.grip = None
        if hand.marking is not None:
            return self._marked(hand)
        if hand.grips.went_down:
            gestures += self._gripped(index, sample, view, placed)
        if hand.trigger.went_down and self._means_marking(index, sample, view):
            return gestures + self._begins_to_mark(hand, sample.aim, view, placed)
        if not hand.trigger.down:
            self._released(hand, sample.aim)
        elif hand.trigger.went_down and hand.grip is None:
            gestures += self._pressed(index, sample.aim, view, placed)
        return gestures

    def _blinks(self, asked: bool) -> bool:
        """Whether it is the photograph's turn: it comes first, for BLINK seconds."""
        if not asked:
            self._blinking_since = None
            return False
        if self._blinking_since is None:
            self._blinking_since = self._now
        return int((self._now - self._blinking_since) / BLINK + 1e-9) % 2 == 0

    def _means_marking(self, index: int, sample: HandSample, view: ViewState) -> bool:
        """Whether a pull of the trigger marks: beside the grip, or since the next drag is to; not while it helps."""
        helps = any(other.grip is not None for i, other in enumerate(self._hands) if i != index)
        return not helps and (view.regions.armed or (sample.squeezes and self._hands[index].grips.down))

    def _begins_to_mark(self, hand: _Hand, aim: Ray, view: ViewState, placed: Sequence[Placed]) -> list[Gesture]:
        """From the photograph point under the ray on. A panel that came along with the squeeze is put back."""
        pointed = pointed_at(aim, view, placed)
        if pointed is None:
            return []
        slipped = hand.grip is not None and hand.carried and self._now - hand.gripped_at < SQUEEZE
        hand.let_go()
        hand.marking = Draft(pointed.image, pointed.uv, pointed.uv)
        return [Undo()] if slipped else []

    def _marked(self, hand: _Hand) -> list[Gesture]:
        """A region is done when the trigger is let go."""
        if hand.trigger.down:
            return []
        draft, hand.marking = hand.marking, None
        return [MarkRegion(draft)]

    def _marks_on(self, hand: _Hand, aim: Ray, view: ViewState, placed: Sequence[Placed]) -> None:
        """The corner under the ray follows it, as far as the photograph reaches."""
        s = met_at(hand.marking.image, aim, placed)
        if s is not None:
            image = view.images[hand.marking.image]
            u, v = np.clip(photograph_uv(s, image.center, image.zoom), 0.0, 1.0)
            hand.marking = replace(hand.marking, end=(float(u), float(v)))

    def _pressed(self, index: int, aim: Ray, view: ViewState, placed: Sequence[Placed]) -> list[Gesture]:
        """Take hold of the point under the ray; a double press centres it, or beside every photograph undoes."""
        hand = self._hands[index]
        if any(other.grip is not None for other in self._hands):
            hand.spent = True  # it helps the other hand to scale a panel
            return []
        pointed = pointed_at(aim, view, placed)
        image = pointed.image if pointed else None
        double = hand.tap is not None and hand.tap.image == image and self._soon(hand.tap, aim, DOUBLE)
        hand.tap = None
        hand.press, hand.spent = _Tap(self._now, aim.direction, image), double
        if double and view.stands is Layout.WALL and pointed:
            return [Pick(image)]
        if double:
            return [Begin(), Pan(image, pointed.uv, (0.0, 0.0))] if pointed else [Undo()]
        if pointed is None:
            return []
        if at_divider(pointed, view, placed):
            hand.divides = image
            return [Begin()]
        hand.hold = Hold(pointed.image, pointed.uv, aim.origin)
        joins = any(other is not hand and other.hold is not None for other in self._hands)
        return [] if joins else [Begin()]

    def _released(self, hand: _Hand, aim: Ray) -> None:
        """Let go of the photograph; a short press that did not wander may become a double one."""
        if hand.press is not None and not hand.spent and self._soon(hand.press, aim, TAP):
            hand.tap = replace(hand.press, time=self._now)
        hand.press = hand.hold = hand.divides = None
        hand.spent = False

    def _soon(self, tap: _Tap, aim: Ray, seconds: float) -> bool:
        turned = math.dist(tap.direction, aim.direction)
        return self._now - tap.time <= seconds + 1e-9 and turned <= WANDER

    def _asks_for_original(self, hand: _Hand) -> bool:
        """Whether it holds its trigger beside every photograph."""
        held = hand.press is not None and not hand.spent and hand.press.image is None
        return held and self._now - hand.press.time > TAP + 1e-9

    def _gripped(self, index: int, sample: HandSample, view: ViewState, placed: Sequence[Placed]) -> list[Gesture]:
        """Take the panel under the ray; where another hand has one, help to scale it."""
        hand = self._hands[index]
        hand.hold, hand.divides, hand.spent = None, None, True
        if any(other.grip is not None for other in self._hands):
            return []
        pointed = pointed_at(sample.aim, view, placed)
        if pointed is None:
            meant = {"next_layout": NextLayout(), "next_image": NextImage()}
            return [meant[sample.empty_grip]] if sample.empty_grip else []
        panel = next(item.surface for item in placed if item.image == pointed.image)
        if sample.pose is None or not isinstance(panel, Panel):
            return []
        hand.gripped_at, hand.carried = self._now, False
        hand.grip = Grip.of(pointed.image, panel.pose, view.moved(pointed.image), sample.pose, pointed.distance)
        return [Begin()]

    # Motion.

    def _motion(
        self,
        index: int,
        sample: HandSample,
        whole: ControllerSample,
        view: ViewState,
        placed: Sequence[Placed],
        dt: float,
    ) -> list[Gesture]:
        """What follows from where one hand is now, and its thumbstick or wheel."""
        hand = self._hands[index]
        if sample.aim is None:
            hand.zooming = False
            return []
        if hand.marking is not None:
            self._marks_on(hand, sample.aim, view, placed)
            return []
        if hand.grip is not None:
            return self._carried(index, sample, whole)
        if hand.divides is not None:
            s = met_at(hand.divides, sample.aim, placed)
            return [MoveDivider(s[0] + 0.5)] if s is not None else []
        if hand.hold is None:
            return self._pointing(index, sample, view, placed, dt)
        shared = sum(other.hold is not None and other.hold.image == hand.hold.image for other in self._hands) > 1
        return [] if shared else self._dragged(index, sample, view, placed, dt)

    def _dragged(
        self, index: int, sample: HandSample, view: ViewState, placed: Sequence[Placed], dt: float
    ) -> list[Gesture]:
        """The held photograph point stays under the ray; pushing, the stick or the wheel zooms about it."""
        hand = self._hands[index]
        hold, aim = hand.hold, sample.aim
        gestures: list[Gesture] = []
        # The surface counts, not whether the photograph reaches there: it is being dragged there.
        s = met_at(hold.image, aim, placed)
        image = view.images[hold.image]
        if s is not None and tuple(photograph_uv(s, image.center, image.zoom)) != hold.uv:
            gestures.append(Pan(hold.image, hold.uv, s))
        doublings = self._doublings(hand, sample, image.zoom, dt)
        if sample.push_zooms:
            # Along the ray of now, from where the hand was: turning the wrist is no push.
            doublings += float(np.subtract(aim.origin, hold.position) @ aim.direction) * PUSH_GAIN
            hand.hold = replace(hold, position=aim.origin)
        if doublings:
            self._zoomed.add((index, hold.image))
            gestures.append(Zoom(hold.image, hold.uv, doublings))
        return gestures

    def _pointing(
        self, index: int, sample: HandSample, view: ViewState, placed: Sequence[Placed], dt: float
    ) -> list[Gesture]:
        """Stick and wheel zoom about the spot pointed at."""
        hand = self._hands[index]
        asks = stick(sample.stick_y) != 0.0 or sample.zoom_steps != 0.0
        pointed = pointed_at(sample.aim, view, placed) if asks else None
        if pointed is None:
            hand.zooming = False
            hand.stop.soften(0.0, 0.0)
            return []
        begins = not hand.zooming and self._now - self._wheel_at > WHEEL_PAUSE
        hand.zooming = stick(sample.stick_y) != 0.0
        self._wheel_at = self._now if sample.zoom_steps else self._wheel_at
        doublings = self._doublings(hand, sample, view.images[pointed.image].zoom, dt)
        if not doublings:
            return [Begin()] if begins else []
        self._zoomed.add((index, pointed.image))
        return [Begin()] * begins + [Zoom(pointed.image, pointed.uv, doublings)]

    def _doublings(self, hand: _Hand, sample: HandSample, zoom: float, dt: float) -> float:
        """What wheel and thumbstick ask for; the stick lands on soft stops, and leaves them when pushed on."""
        return sample.zoom_steps + hand.stop.soften(math.log2(zoom), stick(sample.stick_y) * STICK_SPEED * dt)

    def _stretched(self, sample: ControllerSample, view: ViewState, placed: Sequence[Placed]) -> list[Gesture]:
        """Two hands that hold one photograph stretch it: the point between theirs stays between their rays."""
        held = [(sample.hands[i], hand.hold) for i, hand in enumerate(self._hands) if hand.hold is not None]
        if len(held) != 2 or held[0][1].image != held[1][1].image:
            return self._end_stretch(sample, view, placed)
        index = held[0][1].image
        met = [met_at(index, hand.aim, placed) for hand, _ in held]
        if None in met:
            return []
        image = view.images[index]
        middle = (met[0][0] + met[1][0]) / 2, (met[0][1] + met[1][1]) / 2
        extent = next(item.surface for item in placed if item.image == index).extent()
        apart = max(LEAST_APART, math.hypot(*((a - b) * unit for a, b, unit in zip(*met, extent, strict=True))))
        if self._stretch is None or self._stretch.image != index:
            u, v = photograph_uv(middle, image.center, image.zoom)
            self._stretch = Stretch(index, (float(u), float(v)), apart, unflattened(math.log2(image.zoom)))
        stretch = self._stretch
        wanted = stretch.log_zoom + math.log2(apart / stretch.apart)
        wanted = flattened(min(math.log2(view.limits[index]), max(0.0, wanted)))
        gestures: list[Gesture] = []
        if abs(wanted - math.log2(image.zoom)) > 1e-9:
            gestures.append(Zoom(index, stretch.uv, wanted - math.log2(image.zoom)))
            self._zoomed |= {(i, index) for i, hand in enumerate(self._hands) if hand.hold is not None}
        shown = photograph_uv(middle, image.center, image.zoom)
        if gestures or math.dist(shown, stretch.uv) > 1e-9:
            gestures.append(Pan(index, stretch.uv, middle))
        return gestures

    def _end_stretch(self, sample: ControllerSample, view: ViewState, placed: Sequence[Placed]) -> list[Gesture]:
        """A hand that goes on alone holds what is under its ray now."""
        if self._stretch is None:
            return []
        self._stretch = None
        for hand, now in zip(self._hands, sample.hands, strict=False):
            s = met_at(hand.hold.image, now.aim, placed) if hand.hold is not None else None
            if s is not None:
                image = view.images[hand.hold.image]
                u, v = photograph_uv(s, image.center, image.zoom)
                hand.hold = replace(hand.hold, uv=(float(u), float(v)), position=now.aim.origin)
        return []

    def _carried(self, index: int, sample: HandSample, whole: ControllerSample) -> list[Gesture]:
        """The panel moves with the hand as if it were part of it; a second hand that presses or grips scales it."""
        hand = self._hands[index]
        helping = (
            (i, other.pose.position)
            for i, other in enumerate(whole.hands)
            if i != index and other.pose is not None and self._hands[i].helps
        )
        hand.grip = hand.grip.helped(sample.pose.position, next(helping, None))
        if hand.grip.untouched(sample.pose):
            return []
        hand.carried = True
        return [MovePanel(hand.grip.image, hand.grip.panel(sample.pose))]


def _buttons(sample: ControllerSample, view: ViewState) -> list[Gesture]:
    meant = {
        "switch_surface": SwitchSurface(),
        "next_layout": NextLayout(),
        "next_image": NextImage(),
        "image_before": NextImage(-1),
        "compare": SetCompare(_after(view.pair.compare if view.stands is Layout.PAIR and view.pair else None, Compare)),
        "link": SetLink(_after(view.pair.link if view.pair else None, Link)),
        "reset": ResetView(),
        "invention": ShowInvention(not view.invention),
        "undo": Undo(),
    }
    return [gesture for name, gesture in meant.items() if getattr(sample, name)]


def _after(now: Enum | None, kinds: type[Enum]) -> Enum:
    """The one after `now`, in turn; the first where there is none."""
    kinds = tuple(kinds)
    return kinds[0] if now is None else kinds[(kinds.index(now) + 1) % len(kinds)]


def _flicked(hand: _Hand, sample: HandSample) -> list[Gesture]:
    """A thumbstick flicked to the side turns over, once until it comes back."""
    aside = sample.stick_x if abs(sample.stick_x) > abs(sample.stick_y) else 0.0
    was, hand.flicked = hand.flicked, abs(aside) > (FLICK_ENDS if hand.flicked else FLICK)
    return [NextImage(1 if aside > 0 else -1)] if hand.flicked and not was else []


def _within(value: float, most: float) -> float:
    """The value, -`most` to `most`; 0 where it is no number."""
    return min(most, max(-most, value)) if math.isfinite(value) else 0.0


def _jumped(before: Pose, now: Pose) -> bool:
    a, b = before.orientation, now.orientation
    part = abs(sum(x * y for x, y in zip(a, b, strict=True))) / (math.hypot(*a) * math.hypot(*b))
    return math.dist(before.position, now.position) > JUMP_M or 2 * math.acos(min(1.0, part)) > JUMP_RADIANS
