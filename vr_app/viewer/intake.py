"""The intents of a frame: from hands and keys, from the control panel, and from a tour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sr_core.tiles.photographs import Photographs
from vr_app.core.hands.hand import pointed_at
from vr_app.core.hands.hands import Hands
from vr_app.core.hands.sample import ControllerSample, Pulse
from vr_app.core.scene.scene import RayItem
from vr_app.core.space.pose import Ray
from vr_app.core.tiles.visible import Seen
from vr_app.core.view.intent import GoBack, Intent, LookAt, ToggleControlPanel
from vr_app.core.view.view import ViewState
from vr_app.runtime.interface import Frame
from vr_app.viewer.clock import Tick
from vr_app.viewer.control_panel import Control, state_of

POINTER_REACH = 3.0
"""Metres of the pointer's ray that are drawn if it hits nothing."""


class Guide(Protocol):
    """Whatever leads the view: a tour, or a benchmark. `over`: it has nothing new to show."""

    @property
    def over(self) -> bool: ...

    def advance(self, dt: float) -> tuple[LookAt, str]:
        """Return where to look `dt` seconds later, and the caption there."""
        ...


@dataclass(frozen=True)
class Asked:
    """The intents of a frame. `sample`: the steady hands, without the part that the control panel used."""

    intents: tuple[Intent, ...]
    sample: ControllerSample


class Intake:
    """Gathers the intents of each frame. `also`: intents that the viewer's owner adds to the next frame."""

    def __init__(self, control: Control, guide: Guide | None, names: tuple[str, ...], headset: bool) -> None:
        """`names`: what the photographs are called. `headset`: there is a head to recentre on."""
        self.control = control
        self.guide = guide
        self.also: tuple[Intent, ...] = ()
        self._hands = Hands()
        self._names, self._headset = names, headset

    @property
    def guided(self) -> bool:
        """Whether a tour still has something to show."""
        return self.guide is not None and not self.guide.over

    def led(self, view: ViewState, dt: float, lingers: bool) -> tuple[tuple[Intent, ...], str]:
        """Return where the tour leads `dt` seconds later, and its caption there. A tour begins once its photograph has
        loaded. `lingers`: its last view stays when it is over."""
        if self.guide is None or view.record is None or (self.guide.over and not lingers):
            return (), ""
        look, caption = self.guide.advance(dt)
        return (look,), caption

    def read(
        self, frame: Frame, sample: ControllerSample, view: ViewState, seen: Seen, tick: Tick, photographs: Photographs
    ) -> Asked:
        """Return the intents of hands, keys and control panel for the view as the last frame left it. `photographs`:
        the source of the panel's thumbnails."""
        steady = self.control.take(self._hands.steady(sample, tick.dt), frame.eyes)
        also, self.also = self.also, ()
        panel = self.control.update(state_of(view, self.control.networks, self._names, self._headset), photographs)
        asked = (*self._hands.read(steady, view, seen.reach, tick.dt), *also, *panel)
        if self.control.open:  # it lies over the photographs
            asked = tuple(ToggleControlPanel() if isinstance(intent, GoBack) else intent for intent in asked)
        return Asked(asked, steady)

    def pulses(self, before: ViewState, view: ViewState) -> tuple[Pulse, ...]:
        """Return the haptic pulses for a frame that changed the view from `before` to `view`."""
        return (*self._hands.ticks(before, view), *self.control.pulses())

    def rays(self, sample: ControllerSample, view: ViewState, seen: Seen) -> tuple[RayItem, ...]:
        """Return the pointers' beams, each ending at what it points at."""
        hands = self.control.beaming(sample)
        beams = (_beam(hand.aim, view, seen) for hand in hands if hand.aim is not None and hand.shown)
        return (*beams, *self.control.rays)


def _beam(aim: Ray, view: ViewState, seen: Seen) -> RayItem:
    pointed = pointed_at(aim, view, seen.reach)
    x, y, z = aim.at(pointed.distance if pointed else POINTER_REACH)
    return RayItem(aim.origin, (float(x), float(y), float(z)), pointed is not None)
