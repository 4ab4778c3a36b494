"""Interpret what the hands do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vr_app.core.hands.buttons import flicked, pressed_buttons
from vr_app.core.hands.carrying import carried, gripped
from vr_app.core.hands.dragging import divider_dragged, dragged, pressed
from vr_app.core.hands.hand import Hand, Shown, pointed_at, reaches_stop, stick
from vr_app.core.hands.marking import mark_begun, mark_dragged, mark_ended, means_marking
from vr_app.core.hands.marks import Mark
from vr_app.core.hands.sample import ControllerSample, HandSample, Pulse
from vr_app.core.hands.shaping import region_pressed, region_released, reshaped
from vr_app.core.hands.stretching import Stretch, stretched
from vr_app.core.view.intent import Begin, Intent, KeepShown, ResetView, ShowDraft, ShowOriginal, Undo, Zoom
from vr_app.core.view.pair import Compare
from vr_app.core.view.place import Placed
from vr_app.core.view.region import BLINK
from vr_app.core.view.view import ViewState, to_stops

NOTHING_PRESSED = ControllerSample()

WHEEL_PAUSE = 0.5
"""Seconds without the wheel after which its next turn is a separate move."""


class Hands:
    """Reads the hands of one session, frame by frame: first `steady`, then `read`, and `ticks` once it is applied.

    A hand whose tracking is lost, jumps, or gives an impossible pose lets go, and nothing else happens.
    """

    def __init__(self) -> None:
        self._hands: list[Hand] = []
        self._now = 0.0
        self._shown: tuple | None = None
        self._stretch: Stretch | None = None
        self._blinking_since: float | None = None

    def steady(self, sample: ControllerSample, dt: float) -> ControllerSample:
        """Return the sample with smooth poses and without impossible ones; `dt` seconds since the last."""
        while len(self._hands) < len(sample.hands):
            self._hands.append(Hand(len(self._hands)))
        for hand in self._hands[len(sample.hands) :]:
            hand.filter.forget()
            hand.let_go()
        hands = (hand.steadied(now, dt) for hand, now in zip(self._hands, sample.hands, strict=False))
        return replace(sample, hands=tuple(hands))

    def read(
        self,
        sample: ControllerSample,
        view: ViewState,
        placed: Sequence[Placed],
        dt: float,
        marks: Callable[[], Sequence[Mark]] = tuple,
    ) -> tuple[Intent, ...]:
        """Return the intents of a steady `sample` on what is shown now; `dt` seconds since the last sample. `marks`:
        returns the regions that a mouse can take hold of; it is called when a button goes down."""
        self._now += dt
        self._let_go_of_what_is_gone(view)
        shown = Shown(view, placed, self._now, dt, marks)
        hands = list(zip(self._hands, sample.hands, strict=False))
        intents: list[Intent] = []
        for hand in self._hands:
            hand.zoomed = None
        for hand, now in hands:
            intents += self._presses(hand, now, shown)
        if self._stretch is not None or sum(hand.hold is not None for hand, _ in hands) > 1:
            self._stretch, stretching = stretched(self._stretch, hands, shown)
            intents += stretching
        for hand, now in hands:
            intents += self._motion(hand, now, hands, shown)
        intents += self._shows(sample, view)
        asked = pressed_buttons(sample, view) if replace(sample, hands=()) != NOTHING_PRESSED else []
        for hand, now in hands:
            asked += flicked(hand, now) if now.stick_x or hand.flicked else []
        intents += self._keeps_shown(view)
        if any(isinstance(intent, Undo | ResetView) for intent in (*intents, *asked)):
            for hand in self._hands:  # otherwise whatever it holds would jump back to it
                if hand.marking is None or asked:
                    hand.let_go()
        draft = next((hand.marking for hand in self._hands if hand.marking is not None), None)
        drafts = [ShowDraft(draft)] if draft != view.regions.draft else []
        return (*intents, *asked, *drafts)

    def ticks(self, before: ViewState, after: ViewState) -> tuple[Pulse, ...]:
        """Return the haptic ticks for the hands that zoomed, now that their intents have changed the view."""
        return tuple(
            Pulse(hand.index)
            for hand in self._hands
            if hand.zoomed is not None and reaches_stop(before.images[hand.zoomed].zoom, after.images[hand.zoomed].zoom)
        )

    def _let_go_of_what_is_gone(self, view: ViewState) -> None:
        """After a change of layout, photograph or pair, release what is no longer shown."""
        # A photograph of a window stays where it is when another comes to the front.
        front = view.in_cells if view.cells else view.active
        shown = view.layout, front, view.pair and (view.pair.images, view.pair.compare)
        if self._shown != shown:
            self._shown = shown
            for hand in self._hands:
                hand.let_go()

    def _others(self, hand: Hand) -> list[Hand]:
        return [other for other in self._hands if other is not hand]

    def _presses(self, hand: Hand, sample: HandSample, shown: Shown) -> list[Intent]:
        """Handle what begins and ends with trigger and grip."""
        hand.trigger.take(sample.trigger)
        hand.grips.take(sample.grip)
        if sample.aim is None:
            hand.let_go()
            return []
        intents: list[Intent] = []
        if hand.grip is not None and not hand.grips.down:
            hand.grip = None
        if hand.marking is not None:
            return mark_ended(hand)
        if hand.grips.went_down:
            intents += gripped(hand, self._others(hand), sample, shown)
        if hand.trigger.went_down and means_marking(hand, self._others(hand), sample, shown.view):
            return intents + mark_begun(hand, sample.aim, shown)
        if not hand.trigger.down:
            intents += region_released(hand, hand.region, sample.aim, shown) if hand.region is not None else []
            hand.release_trigger(sample.aim, shown.now)
        elif hand.trigger.went_down and region_pressed(hand, sample, shown):
            intents.append(Begin())
        elif hand.trigger.went_down and hand.grip is None:
            intents += pressed(hand, self._others(hand), sample.aim, shown)
            hand.spent = hand.spent or (sample.drags and hand.hold is None)
        return intents

    def _motion(
        self, hand: Hand, sample: HandSample, hands: Sequence[tuple[Hand, HandSample]], shown: Shown
    ) -> list[Intent]:
        """Return the intents from one hand's current position, and its thumbstick or wheel."""
        if sample.aim is None:
            hand.zooming = False
            return []
        if hand.marking is not None:
            mark_dragged(hand, sample.aim, shown)
            return []
        if hand.grip is not None:
            return carried(hand, sample, [(other, now) for other, now in hands if other is not hand])
        if hand.divides is not None:
            return divider_dragged(hand, sample.aim, shown)
        if hand.region is not None and hand.region.mark.chosen:
            return reshaped(hand.region, sample.aim, shown)
        if hand.hold is None:
            return _zoomed_where_pointed(hand, sample, shown)
        shared = any(other.hold and other.hold.image == hand.hold.image for other in self._others(hand))
        return [] if shared else dragged(hand, sample, shown)

    def _shows(self, sample: ControllerSample, view: ViewState) -> list[Intent]:
        """Decide whether to show the photograph itself: while a button or a trigger beside it asks for it, or it
        blinks."""
        original = sample.original or any(hand.presses_beside(self._now) for hand in self._hands)
        original = original or self._blinks(sample.blink or view.regions.blinking)
        return [ShowOriginal(original)] if original != view.original else []

    def _blinks(self, asked: bool) -> bool:
        """Whether it is the photograph's turn: it comes first, for BLINK seconds."""
        if not asked:
            self._blinking_since = None
            return False
        if self._blinking_since is None:
            self._blinking_since = self._now
        return int((self._now - self._blinking_since) / BLINK + 1e-9) % 2 == 0

    def _keeps_shown(self, view: ViewState) -> list[Intent]:
        """Keep the photograph shown that a hand holds, if two photographs blink."""
        blinks = view.compared is not None and view.compared.compare is Compare.BLINK
        kept = any(hand.hold is not None for hand in self._hands)
        return [KeepShown(kept)] if blinks and kept != view.blink.kept else []


def _zoomed_where_pointed(hand: Hand, sample: HandSample, shown: Shown) -> list[Intent]:
    """Zoom about the point under the ray by stick and wheel of a hand that holds nothing."""
    asks = stick(sample.stick_y) != 0.0 or sample.zoom_steps != 0.0
    beyond = shown.view.desk is not None
    pointed = pointed_at(sample.aim, shown.view, shown.placed, beyond) if asks and sample.aim is not None else None
    if pointed is None:
        hand.zooming = False
        hand.stop.soften(0.0, 0.0)
        return []
    begins = not hand.zooming and shown.now - hand.wheel_at > WHEEL_PAUSE
    hand.zooming = stick(sample.stick_y) != 0.0
    hand.wheel_at = shown.now if sample.zoom_steps else hand.wheel_at
    sample = replace(sample, zoom_steps=to_stops(shown.view, pointed.image, sample.zoom_steps))
    doublings = hand.doublings(sample, shown.view.images[pointed.image].zoom, shown.dt)
    if not doublings:
        return [Begin()] if begins else []
    hand.zoomed = pointed.image
    zoom = Zoom(pointed.image, pointed.uv, doublings)
    return [Begin(), zoom] if begins else [zoom]
