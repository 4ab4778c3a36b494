"""Hands and buttons: one action set, bound as `vr_app.xr.bindings` says, and each frame a `ControllerSample`."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import xr

from vr_app.core.hands.sample import ControllerSample, HandSample, Pulse
from vr_app.core.space.pose import Pose, Ray
from vr_app.xr import bindings, convert, raw
from vr_app.xr.errors import HeadsetError, HeadsetLostError, openxr, own

log = logging.getLogger(__name__)

BUTTONS = ("next_layout", "next_image", "reset", "invention", "undo", "panel")
"""The fields of `ControllerSample` that are true in the frame of the press."""

HANDS = (0, 1)

NO_HAND = xr.Path(xr.NULL_PATH)
"""For actions that are the same for both hands."""

NOT_FOCUSED = xr.Result.SESSION_NOT_FOCUSED.value


class Actions:
    """The actions of one session. Made once per session, because OpenXR attaches action sets only once.

    `enabled`: extensions; `left_handed`: the hands' buttons are swapped.
    """

    def __init__(
        self,
        instance: xr.Instance,
        session: xr.Session,
        handles: ExitStack,
        enabled: Collection[str] = (),
        left_handed: bool = False,
    ) -> None:
        self._instance, self._session = instance, session
        profiles = bindings.profiles(enabled, left_handed)
        with openxr("xrStringToPath"):
            self._hands = [xr.string_to_path(instance, hand) for hand in bindings.HANDS]
            self._profiles = {xr.string_to_path(instance, profile.path).value: profile for profile in profiles}
        with openxr("xrCreateActionSet"):
            actions = xr.create_action_set(instance, xr.ActionSetCreateInfo("fundus", "Fundus", 0))
        self._set = own(handles, xr.destroy_action_set, actions)
        self._actions = {name: self._create(name) for name in bindings.ACTIONS}
        for profile in profiles:
            self._suggest(profile)
        self.aims = [self._aim_space(hand, handles) for hand in self._hands]
        with openxr("xrAttachSessionActionSets"):
            xr.attach_session_action_sets(session, xr.SessionActionSetsAttachInfo(action_sets=[self._set]))
        self.to_sync = xr.ActionsSyncInfo(active_action_sets=[xr.ActiveActionSet(self._set, NO_HAND)])
        self._focused = False
        self._sync_actions, self._locate_space = raw.checked("xrSyncActions"), raw.checked("xrLocateSpace")
        self._states: dict[tuple[str, int], xr.ActionStateBoolean | xr.ActionStateFloat] = {}
        self._asks: list[tuple[str, Callable[[], int]]] = []
        self._found = [xr.SpaceLocation() for _ in self._hands]
        self._told: list[ctypes.Structure] = list(self._found)
        self._known: tuple[tuple, ControllerSample] | None = None
        self._menu_down = False
        self._held: list[bindings.Profile | None] = [None, None]
        self._names: list[tuple[str, ...]] = [(), ()]
        self._menus = [_Menu(), _Menu()]

    def _create(self, name: str) -> xr.Action:
        kind, label = bindings.ACTIONS[name]
        paths = [hand.value for hand in self._hands] if name in bindings.PER_HAND else None
        with openxr("xrCreateAction"):
            info = xr.ActionCreateInfo(
                name, xr.ActionType[kind.value], subaction_paths=paths, localized_action_name=label
            )
            return xr.create_action(self._set, info)

    def _suggest(self, profile: bindings.Profile) -> None:
        """Suggest a profile. A runtime that does not know all of it refuses it; then the other profiles must do."""
        try:
            with openxr("xrSuggestInteractionProfileBindings"):
                suggested = [
                    xr.ActionSuggestedBinding(
                        self._actions[name], xr.string_to_path(self._instance, f"/user/hand/{path}")
                    )
                    for name, paths in profile.bindings.items()
                    for path in paths
                ]
                info = xr.InteractionProfileSuggestedBinding(
                    interaction_profile=xr.string_to_path(self._instance, profile.path), suggested_bindings=suggested
                )
                xr.suggest_interaction_profile_bindings(self._instance, info)
        except HeadsetLostError:
            raise
        except HeadsetError as error:
            log.warning("%s: %s", profile.path, error)

    def _aim_space(self, hand: xr.Path, handles: ExitStack) -> xr.Space:
        info = xr.ActionSpaceCreateInfo(
            action=self._actions["aim"], subaction_path=hand, pose_in_action_space=xr.Posef()
        )
        with openxr("xrCreateActionSpace"):
            return own(handles, xr.destroy_space, xr.create_action_space(self._session, info))

    def note_profiles(self) -> None:
        """Ask which controllers the hands hold now."""
        with openxr("xrGetCurrentInteractionProfile"):
            held = [xr.get_current_interaction_profile(self._session, hand) for hand in self._hands]
        self._held = [self._profiles.get(state.interaction_profile) for state in held]
        sides = zip(bindings.SIDES, self._held, strict=True)
        self._names = [bindings.named(profile, side) if profile else () for side, profile in sides]

    def sync(self) -> None:
        """Update the state of all controls; once per frame, before it is begun."""
        self._focused = self._sync_actions(self._session, self.to_sync) != NOT_FOCUSED

    def read(self, now: float) -> ControllerSample:
        """Return the state of the last `sync`, with the hands that `locate` has found, `now` in seconds.

        Without the focus, while a menu of the runtime is open, there are hands but they point nowhere.
        """
        if not self._focused:
            self._menus = [_Menu(), _Menu()]
            self._known = None
            return ControllerSample(hands=(HandSample(), HandSample()))
        self._ask()
        if self._known is None or self._known[0] != self._heard() or self._menu_down:
            sample = self._made(now)
            self._known = self._heard(), sample
            self._menu_down = any(self._value("menu", hand) for hand in HANDS)  # how long it is held matters too
        return self._known[1]

    def locate(self, space: xr.Space, display_time: int) -> None:
        """Find the hands in `space` as they will be at `display_time` (XrTime)."""
        if self._focused:
            for aim, found in zip(self.aims, self._found, strict=True):
                self._locate_space(aim, space, display_time, ctypes.byref(found))

    def _ask(self) -> None:
        """Get the present state of all actions that have been asked for so far."""
        for name, ask in self._asks:
            answer = ask()
            if answer < 0:
                raw.fail(name, answer)

    def _heard(self) -> tuple:
        """Return everything that a sample is made of, as the runtime reported it."""
        return *self._held, b"".join(self._told)

    def _made(self, now: float) -> ControllerSample:
        menus = [menu.read(self._held[i], i, self._value("menu", i), now) for i, menu in enumerate(self._menus)]
        begun = {name for menu in menus for name in menu.begun}
        buttons: dict[str, Any] = {name: name in begun or self._pressed(name) for name in BUTTONS}
        return ControllerSample(
            hands=tuple(self._hand(i, menu.holding) for i, menu in enumerate(menus)),
            original=bool(self._button("original").current_state) or any(menu.holding == "original" for menu in menus),
            **buttons,
        )

    def _hand(self, index: int, holding: str) -> HandSample:
        profile = self._held[index]
        pose = self._pose(index)
        zooms = profile is None or "zoom_press" not in profile.both or self._value("zoom_press", index)
        return HandSample(
            aim=None if pose is None else Ray.along(pose),
            trigger=self._value("trigger", index),
            stick_x=self._value("turn", index) if zooms else 0.0,
            stick_y=self._value("zoom", index) if zooms else 0.0,
            push_zooms=profile is not None and profile.pushes,
            grip=1.0 if holding == "grip" else self._value("grip", index),
            pose=pose,
            empty_grip=profile.empty_grip.get(bindings.SIDES[index], "") if profile else "",
            squeezes=profile is None or profile.squeezes,
            names=self._names[index],
        )

    def _pose(self, index: int) -> Pose | None:
        found = self._found[index]
        if found.location_flags & convert.VALID != convert.VALID:
            return None
        return convert.pose(found.pose)

    def _value(self, name: str, hand: int) -> float:
        """Return a value or a button of one hand; 0 if the hand holds nothing that has it."""
        state = self._state(name, self._hands[hand])
        return float(state.current_state) if state.is_active else 0.0

    def _button(self, name: str) -> xr.ActionStateBoolean | xr.ActionStateFloat:
        return self._state(name, NO_HAND)

    def _state(self, name: str, hand: xr.Path) -> xr.ActionStateBoolean | xr.ActionStateFloat:
        """Return an action's state as last reported. From its first use on it is queried in every frame, always into
        the same structure."""
        key = name, hand.value
        if key not in self._states:
            info = xr.ActionStateGetInfo(self._actions[name], hand)
            button = bindings.ACTIONS[name][0] is bindings.Kind.BUTTON
            state = xr.ActionStateBoolean() if button else xr.ActionStateFloat()
            words = "xrGetActionStateBoolean" if button else "xrGetActionStateFloat"
            ask = partial(raw.plain(words), self._session, info, ctypes.byref(state))
            answer = ask()
            if answer < 0:
                raw.fail(words, answer)
            self._states[key] = state
            self._asks.append((words, ask))
            self._told.append(state)
        return self._states[key]

    def _pressed(self, name: str) -> bool:
        """Whether the button went down since the last sample."""
        state = self._button(name)
        return bool(state.current_state and state.changed_since_last_sync)

    def feel(self, pulses: tuple[Pulse, ...]) -> None:
        """Let hands feel ticks. A controller without haptics, or a session without the focus, ignores them."""
        for pulse in pulses:
            info = xr.HapticActionInfo(self._actions["tick"], self._hands[pulse.hand])
            tick = xr.HapticVibration(
                xr.Duration(round(pulse.seconds * 1e9)), xr.FREQUENCY_UNSPECIFIED, pulse.amplitude
            )
            with suppress(xr.exception.SessionNotFocused), openxr("xrApplyHapticFeedback"):
                xr.apply_haptic_feedback(self._session, info, tick)


class _Menu:
    """The menu button of one hand, if its controller has two uses for it."""

    def __init__(self) -> None:
        self._button = bindings.TapOrHold()
        self.holding = ""
        """The action that lasts while it is held."""
        self.begun: tuple[str, ...] = ()
        """The actions that begin in this frame."""

    def read(self, profile: bindings.Profile | None, hand: int, pressed: float, now: float) -> _Menu:
        ways = profile.menu.get(bindings.SIDES[hand]) if profile else None
        held, tapped = self._button.step(bool(pressed), now)
        before, self.holding = self.holding, ways.held if ways and held else ""
        begun = self.holding if self.holding != before else ""
        self.begun = tuple(name for name in (begun, ways.tapped if ways and tapped else "") if name)
        return self
