"""Which control of which controller does what: one table, and the one button that does two things.

Plain values: nothing here imports `xr`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

HANDS = ("/user/hand/left", "/user/hand/right")

TAP = 0.3
"""Seconds. On a controller with one spare button, a shorter press is a tap, a longer one a hold."""


class Kind(Enum):
    """What an action gives; the values are OpenXR's names."""

    POSE = "POSE_INPUT"
    FLOAT = "FLOAT_INPUT"
    BUTTON = "BOOLEAN_INPUT"


ACTIONS = {
    "aim": (Kind.POSE, "Aim"),
    "trigger": (Kind.FLOAT, "Hold and drag"),
    "zoom": (Kind.FLOAT, "Zoom"),
    "switch_surface": (Kind.BUTTON, "Panel or retina"),
    "original": (Kind.BUTTON, "Show the original"),
    "next_image": (Kind.BUTTON, "Next image"),
    "reset": (Kind.BUTTON, "Whole image"),
    "invention": (Kind.BUTTON, "Show what is invented"),
}
"""Type and the name that a runtime shows where it lets users rebind. The first three exist once per hand."""

PER_HAND = ("aim", "trigger", "zoom")


@dataclass(frozen=True)
class Profile:
    """The suggested bindings for one kind of controller: action -> paths below /user/hand.

    `spare`: it has neither thumbstick nor buttons enough, so that a hand pushes to zoom, and the button of `original`
    means the next image where it is only tapped.
    """

    path: str
    bindings: Mapping[str, tuple[str, ...]]
    spare: bool = False


PROFILES = (
    Profile(
        "/interaction_profiles/oculus/touch_controller",
        {
            "aim": ("left/input/aim/pose", "right/input/aim/pose"),
            "trigger": ("left/input/trigger/value", "right/input/trigger/value"),
            "zoom": ("left/input/thumbstick/y", "right/input/thumbstick/y"),
            "switch_surface": ("right/input/a/click",),
            "original": ("right/input/b/click",),
            "next_image": ("left/input/x/click",),
            "reset": ("left/input/y/click",),
            "invention": ("left/input/thumbstick/click",),
        },
    ),
    Profile(
        "/interaction_profiles/valve/index_controller",
        {
            "aim": ("left/input/aim/pose", "right/input/aim/pose"),
            "trigger": ("left/input/trigger/value", "right/input/trigger/value"),
            "zoom": ("left/input/thumbstick/y", "right/input/thumbstick/y"),
            "switch_surface": ("right/input/a/click",),
            "original": ("right/input/b/click",),
            "next_image": ("left/input/a/click",),
            "reset": ("left/input/b/click",),
            "invention": ("left/input/thumbstick/click",),
        },
    ),
    Profile(
        "/interaction_profiles/khr/simple_controller",
        {
            "aim": ("left/input/aim/pose", "right/input/aim/pose"),
            "trigger": ("left/input/select/click", "right/input/select/click"),
            "switch_surface": ("left/input/menu/click",),
            "original": ("right/input/menu/click",),
        },
        spare=True,
    ),
)


class TapOrHold:
    """Tells a tap from a hold on one button."""

    def __init__(self) -> None:
        self._since: float | None = None

    def step(self, pressed: bool, now: float) -> tuple[bool, bool]:
        """(held, tapped) at `now` seconds: held from TAP seconds after the press until the release; tapped at the
        release of a shorter press."""
        if pressed:
            if self._since is None:
                self._since = now
            return now - self._since >= TAP, False
        since, self._since = self._since, None
        return False, since is not None and now - since < TAP
