"""What a frame is asked for: by hands and keys, on the control panel, and by the tour that leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sr_core.tiles.photographs import Photographs
from vr_app.core.hands.hands import Hands
from vr_app.core.hands.sample import ControllerSample, Pulse
from vr_app.core.scene.scene import RayItem
from vr_app.core.space.pose import Ray
from vr_app.core.tiles.visible import Seen
from vr_app.core.view.intent import Intent, LookAt
from vr_app.core.view.place import pointed_at
from vr_app.core.view.view import ViewState
from vr_app.runtime.interface import Frame
from vr_app.viewer.clock import Tick
from vr_app.viewer.control_panel import Control, state_of

POINTER_REACH = 3.0
"""Metres of the pointer ray that are drawn where it meets nothing."""


class Guide(Protocol):
    """Who leads the view: a tour, or a benchmark. `over`: nothing new is to be seen any more."""

    @property
    def over(self) -> bool: ...

    def advance(self, dt: float) -> tuple[LookAt, str]:
        """`dt` seconds on: where to look, and what to say there."""
        ...


@dataclass(frozen=True)
class Asked:
    """What a frame is asked for. `sample`: the hands made steady, less what the control panel took of them."""

    intents: tuple[Intent, ...]
    sample: ControllerSample


class Intake:
    """`also`: what whoever holds the viewer asks for in the next frame."""

    def __init__(self, control: Control, guide: Guide | None, headset: bool) -> None:
        """`headset`: there is a head to recentre on."""
        self.control = control
        self.guide = guide
        self.also: tuple[Intent, ...] = ()
        self._hands = Hands()
        self._headset = headset

    @property
    def guided(self) -> bool:
        """Whether a tour still has something to show."""
        return self.guide is not None and not self.guide.over

    def led(self, view: ViewState, dt: float, lingers: bool) -> tuple[tuple[Intent, ...], str]:
        """Where the tour leads `dt` seconds on, and what it says there; it begins with its photograph. `lingers`: its
        last view is shown on when it is over."""
        if self.guide is None or view.record is None or (self.guide.over and not lingers):
            return (), ""
        look, caption = self.guide.advance(dt)
        return (look,), caption

    def read(
        self, frame: Frame, sample: ControllerSample, view: ViewState, seen: Seen, tick: Tick, photographs: Photographs
    ) -> Asked:
        """What is asked for by hand and on the control panel, of the view as the frame before left it. `photographs`:
        where the panel's thumbnails come from."""
        steady = self.control.take(self._hands.steady(sample, tick.dt), frame.eyes)
        also, self.also = self.also, ()
        panel = self.control.update(state_of(view, self.control.networks, self._headset), photographs)
        return Asked((*self._hands.read(steady, view, seen.reach, tick.dt), *also, *panel), steady)

    def pulses(self, before: ViewState, view: ViewState) -> tuple[Pulse, ...]:
        """What the hands are to feel of a frame that made `view` of the view `before`."""
        return (*self._hands.ticks(before, view), *self.control.pulses())

    def rays(self, sample: ControllerSample, view: ViewState, seen: Seen) -> tuple[RayItem, ...]:
        """The pointers' beams, each up to what it points at."""
        hands = self.control.beaming(sample)
        beams = (_beam(hand.aim, view, seen) for hand in hands if hand.aim is not None and hand.shown)
        return (*beams, *self.control.rays)


def _beam(aim: Ray, view: ViewState, seen: Seen) -> RayItem:
    pointed = pointed_at(aim, view, seen.reach)
    x, y, z = aim.at(pointed.distance if pointed else POINTER_REACH)
    return RayItem(aim.origin, (float(x), float(y), float(z)), pointed is not None)
