"""Which control of which controller does what: one table, from which docs/headset.md is made, and how one button does
two things.

Plain values: nothing here imports `xr`. Names of profiles and controls are those of the OpenXR specification, section
6.4 (interaction profile paths), and of the extensions named.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from vr_app.core.hands.sample import TAP

SIDES = ("left", "right")
HANDS = tuple(f"/user/hand/{side}" for side in SIDES)


class Kind(Enum):
    """The type of an action; the values are OpenXR's names."""

    POSE = "POSE_INPUT"
    FLOAT = "FLOAT_INPUT"
    BUTTON = "BOOLEAN_INPUT"
    PULSE = "VIBRATION_OUTPUT"


ACTIONS = {
    "aim": (Kind.POSE, "Aim"),
    "trigger": (Kind.FLOAT, "Hold and drag"),
    "grip": (Kind.FLOAT, "Move a panel"),
    "zoom": (Kind.FLOAT, "Zoom"),
    "zoom_press": (Kind.BUTTON, "Zoom while pressed"),
    "menu": (Kind.BUTTON, "Tap or hold"),
    "tick": (Kind.PULSE, "Ticks of the zoom"),
    "turn": (Kind.FLOAT, "Next or previous image"),
    "next_layout": (Kind.BUTTON, "Next layout"),
    "original": (Kind.BUTTON, "Show the original"),
    "next_image": (Kind.BUTTON, "Next image"),
    "reset": (Kind.BUTTON, "Whole image"),
    "undo": (Kind.BUTTON, "Undo"),
    "invention": (Kind.BUTTON, "Show what is invented"),
    "panel": (Kind.BUTTON, "Control panel"),
}
"""Type and the name that a runtime shows where it lets users rebind."""

PER_HAND = ("aim", "trigger", "grip", "zoom", "zoom_press", "turn", "menu", "tick")
"""These exist once per hand, and are bound to the same control of both."""

WORDS = {
    "aim": "point",
    "trigger": "hold and drag; both hands stretch",
    "grip": "move a panel; with the other hand's grip or trigger, scale it",
    "zoom": "zoom about the spot pointed at",
    "zoom_press": "zoom only while pressed",
    "tick": "feel a tick at x1, x2, x4, x8",
    "turn": "flick sideways: the next or previous image, pair or page of the wall",
    "next_layout": "next layout: one, pair, row, wall, inside the eye",
    "original": "the original, while held",
    "next_image": "the next image, pair or page of the wall",
    "reset": "the whole image, with its panel back in place",
    "undo": "undo the last move",
    "invention": "show or hide what the network invented",
    "panel": "open or close the control panel",
}
"""The documentation's names for them."""


BRIEFLY = {
    "trigger": "hold and drag",
    "grip": "move the panel",
    "zoom": "zoom",
    "turn": "previous, next",
    "next_layout": "next layout",
    "original": "the original",
    "next_image": "next image",
    "reset": "whole image",
    "undo": "undo",
    "invention": "what AI invents",
    "panel": "control panel",
}
"""What stands beside a controller that is looked at."""

CONTROLS = {
    "trigger/value": "Trigger",
    "squeeze/value": "Grip",
    "squeeze/click": "Grip",
    "thumbstick/y": "Stick up, down",
    "thumbstick/x": "Stick sideways",
    "thumbstick/click": "Stick pressed",
    "trackpad/y": "Trackpad up, down",
    "trackpad/x": "Trackpad sideways",
    "trackpad/click": "Trackpad",
    "menu/click": "Menu",
    "select/click": "Button",
    "pinch_ext/value": "Pinch",
    "grasp_ext/value": "Fist",
    **{f"{letter}/click": letter.upper() for letter in "abxy"},
}
"""What people call the controls."""


@dataclass(frozen=True)
class TwoWays:
    """What one hand's menu button does: an action while it is held for longer than TAP, another at a shorter press."""

    tapped: str
    held: str


@dataclass(frozen=True)
class Profile:
    """The suggested bindings for one kind of controller.

    `name`: what people call it; `both`: action -> control below each hand; `one`: action -> (side, control). `menu`: by
    side, where the menu button does two things. `pushes`: no thumbstick, so that a hand pushes to zoom. `empty_grip`:
    by side, the action that gripping beside every photograph means. `squeezes`: grip and trigger are two fingers' work:
    both at once mark a region. `extension`: the one that must be enabled.
    """

    name: str
    path: str
    both: Mapping[str, str]
    one: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    menu: Mapping[str, TwoWays] = field(default_factory=dict)
    pushes: bool = False
    empty_grip: Mapping[str, str] = field(default_factory=dict)
    squeezes: bool = True
    extension: str = ""

    @property
    def bindings(self) -> dict[str, tuple[str, ...]]:
        """Action -> paths below /user/hand."""
        both = {action: tuple(f"{side}/{control}" for side in SIDES) for action, control in self.both.items()}
        return both | {action: (f"{side}/{control}",) for action, (side, control) in self.one.items()}

    def mirrored(self) -> Profile:
        """Return the left-handed profile: the hands swap their functions. X and Y are in the place of the right hand's
        A and B; the menu button stays on the left."""
        return replace(
            self,
            one={action: _across(self, *control) for action, control in self.one.items()},
            menu={_other(side): ways for side, ways in self.menu.items()},
            empty_grip={_other(side): action for side, action in self.empty_grip.items()},
        )


def _other(side: str) -> str:
    return SIDES[1 - SIDES.index(side)]


def _across(profile: Profile, side: str, control: str) -> tuple[str, str]:
    lettered = any("/x/" in control for _, control in profile.one.values())
    if lettered and control == _MENU["panel"][1]:
        return side, control  # many right controllers have none
    there = {"a": "x", "b": "y", "x": "a", "y": "b"}
    kind, name, *component = control.split("/")
    return _other(side), "/".join([kind, there.get(name, name) if lettered else name, *component])


_STICKS = {
    "aim": "input/aim/pose",
    "trigger": "input/trigger/value",
    "grip": "input/squeeze/value",
    "zoom": "input/thumbstick/y",
    "turn": "input/thumbstick/x",
    "tick": "output/haptic",
}
_STICK_CLICKS = {
    "undo": ("right", "input/thumbstick/click"),
    "invention": ("left", "input/thumbstick/click"),
}
_LETTERS = {
    "next_layout": ("right", "input/a/click"),
    "original": ("right", "input/b/click"),
    "next_image": ("left", "input/x/click"),
    "reset": ("left", "input/y/click"),
    **_STICK_CLICKS,
}

_MENU = {"panel": ("left", "input/menu/click")}

PROFILES = (
    Profile("Touch (Quest, Rift)", "/interaction_profiles/oculus/touch_controller", _STICKS, _LETTERS | _MENU),
    Profile(
        "Index",
        "/interaction_profiles/valve/index_controller",
        _STICKS,
        _LETTERS | {"next_image": ("left", "input/a/click"), "reset": ("left", "input/b/click")},
    ),
    Profile(
        "Vive wands",
        "/interaction_profiles/htc/vive_controller",
        _STICKS
        | {
            "grip": "input/squeeze/click",
            "zoom": "input/trackpad/y",
            "turn": "input/trackpad/x",
            "zoom_press": "input/trackpad/click",
            "menu": "input/menu/click",
        },
        menu={"left": TwoWays("next_layout", "reset"), "right": TwoWays("next_image", "original")},
    ),
    Profile(
        "Windows Mixed Reality",
        "/interaction_profiles/microsoft/motion_controller",
        _STICKS | {"grip": "input/squeeze/click"},
        {
            "next_layout": ("left", "input/menu/click"),
            "original": ("right", "input/menu/click"),
            "next_image": ("left", "input/trackpad/click"),
            "reset": ("right", "input/trackpad/click"),
            **_STICK_CLICKS,
        },
    ),
    Profile(
        "HP Reverb G2",
        "/interaction_profiles/hp/mixed_reality_controller",
        _STICKS,
        _LETTERS | _MENU,
        extension="XR_EXT_hp_mixed_reality_controller",
    ),
    Profile(
        "Pico 4",
        "/interaction_profiles/bytedance/pico4_controller",
        _STICKS,
        _LETTERS | _MENU,
        extension="XR_BD_controller_interaction",
    ),
    Profile(
        "Pico Neo 3",
        "/interaction_profiles/bytedance/pico_neo3_controller",
        _STICKS,
        _LETTERS | _MENU,
        extension="XR_BD_controller_interaction",
    ),
    Profile(
        "Bare hands",
        "/interaction_profiles/ext/hand_interaction_ext",
        {"aim": "input/aim/pose", "trigger": "input/pinch_ext/value", "grip": "input/grasp_ext/value"},
        empty_grip={"left": "next_layout", "right": "next_image"},
        squeezes=False,
        extension="XR_EXT_hand_interaction",
    ),
    Profile(
        "Any other",
        "/interaction_profiles/khr/simple_controller",
        {
            "aim": "input/aim/pose",
            "trigger": "input/select/click",
            "menu": "input/menu/click",
            "tick": "output/haptic",
        },
        menu={"left": TwoWays("next_layout", "grip"), "right": TwoWays("next_image", "original")},
        pushes=True,
    ),
)

EXTENSIONS = tuple(dict.fromkeys(profile.extension for profile in PROFILES if profile.extension))
"""The extensions that some profile needs: enabled if the runtime offers them."""


def profiles(enabled: Collection[str], left_handed: bool = False) -> tuple[Profile, ...]:
    """Return the profiles to suggest when these extensions are enabled."""
    known = (profile for profile in PROFILES if not profile.extension or profile.extension in enabled)
    return tuple(profile.mirrored() if left_handed else profile for profile in known)


def documented(profile: Profile) -> str:
    """Return the profile's part of docs/headset.md."""
    rows = [(WORDS[action], f"both `{_short(control)}`") for action, control in profile.both.items() if action in WORDS]
    for side, ways in profile.menu.items():
        control = f"{side} `{_short(profile.both['menu'])}`"
        rows.append((WORDS[ways.tapped], f"{control}, tapped"))
        rows.append((WORDS[ways.held], f"{control}, held longer than {TAP:g} s"))
    rows += [(WORDS[action], f"{side} `{_short(control)}`") for action, (side, control) in profile.one.items()]
    for side, action in profile.empty_grip.items():
        rows.append((WORDS[action], f"{side} `{_short(profile.both['grip'])}`, outside the photographs"))
    if profile.pushes:
        rows.append(("zoom: hold, and push forward or pull back", f"both `{_short(profile.both['trigger'])}`"))
    head = f"### {profile.name}: `{profile.path}`\n\n| what | control |\n| --- | --- |\n"
    return head + "".join(f"| {what} | {control} |\n" for what, control in rows)


def named(profile: Profile, side: str) -> tuple[str, ...]:
    """Return what the controls of one hand do, a line each: 'A: next layout'."""
    lines = [
        f"{CONTROLS[_short(control)]}: {BRIEFLY[action]}"
        for action, control in profile.both.items()
        if action in BRIEFLY
    ]
    for action, (where, control) in profile.one.items():
        if where == side:
            held = " held" if action == "original" else ""
            lines.append(f"{CONTROLS[_short(control)]}{held}: {BRIEFLY[action]}")
    if side in profile.menu:
        button, ways = CONTROLS[_short(profile.both["menu"])], profile.menu[side]
        lines += [f"{button} tapped: {BRIEFLY[ways.tapped]}", f"{button} held: {BRIEFLY[ways.held]}"]
    if side in profile.empty_grip:
        grip, action = CONTROLS[_short(profile.both["grip"])], profile.empty_grip[side]
        lines.append(f"{grip} beside the photographs: {BRIEFLY[action]}")
    if profile.pushes:
        lines.append(f"{CONTROLS[_short(profile.both['trigger'])]} held, hand pushed: zoom")
    return tuple(lines)


def _short(control: str) -> str:
    return control.removeprefix("input/")


class TapOrHold:
    """Tells a tap from a hold on one button."""

    def __init__(self) -> None:
        self._since: float | None = None

    def step(self, pressed: bool, now: float) -> tuple[bool, bool]:
        """Return (held, tapped) at `now` seconds: held from TAP seconds after the press until the release; tapped at
        the release of a shorter press."""
        if pressed:
            if self._since is None:
                self._since = now
            return now - self._since >= TAP, False
        since, self._since = self._since, None
        return False, since is not None and now - since < TAP
