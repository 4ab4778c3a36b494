"""Hands and buttons: one action set, bound as `vr_app.xr.bindings` says, and each frame a `ControllerSample`."""

from __future__ import annotations

from contextlib import ExitStack

import xr

from vr_app.core.gesture import ControllerSample, HandSample
from vr_app.core.pose import Ray
from vr_app.xr import bindings, convert
from vr_app.xr.errors import openxr, own


class Actions:
    """The actions of one session. Made once per session, because OpenXR attaches action sets only once."""

    def __init__(self, instance: xr.Instance, session: xr.Session, handles: ExitStack) -> None:
        self._instance, self._session = instance, session
        with openxr("xrStringToPath"):
            self._hands = [xr.string_to_path(instance, hand) for hand in bindings.HANDS]
            self._spare_profiles = {xr.string_to_path(instance, p.path).value for p in bindings.PROFILES if p.spare}
        with openxr("xrCreateActionSet"):
            actions = xr.create_action_set(instance, xr.ActionSetCreateInfo("fundus", "Fundus", 0))
        self._set = own(handles, xr.destroy_action_set, actions)
        self._actions = {name: self._create(name) for name in bindings.ACTIONS}
        for profile in bindings.PROFILES:
            self._suggest(profile)
        self._aims = [self._aim_space(hand, handles) for hand in self._hands]
        with openxr("xrAttachSessionActionSets"):
            xr.attach_session_action_sets(session, xr.SessionActionSetsAttachInfo(action_sets=[self._set]))
        self._sync = xr.ActionsSyncInfo(active_action_sets=[xr.ActiveActionSet(self._set, xr.NULL_PATH)])
        self._focused = False
        self._spare = [False, False]
        self._menu = bindings.TapOrHold()

    def _create(self, name: str) -> xr.Action:
        kind, label = bindings.ACTIONS[name]
        paths = [hand.value for hand in self._hands] if name in bindings.PER_HAND else None
        with openxr("xrCreateAction"):
            info = xr.ActionCreateInfo(
                name, xr.ActionType[kind.value], subaction_paths=paths, localized_action_name=label
            )
            return xr.create_action(self._set, info)

    def _suggest(self, profile: bindings.Profile) -> None:
        with openxr("xrSuggestInteractionProfileBindings"):
            suggested = [
                xr.ActionSuggestedBinding(self._actions[name], xr.string_to_path(self._instance, f"/user/hand/{path}"))
                for name, paths in profile.bindings.items()
                for path in paths
            ]
            info = xr.InteractionProfileSuggestedBinding(
                interaction_profile=xr.string_to_path(self._instance, profile.path), suggested_bindings=suggested
            )
            xr.suggest_interaction_profile_bindings(self._instance, info)

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
        self._spare = [profile.interaction_profile in self._spare_profiles for profile in held]

    def sync(self) -> None:
        """Take in the present state of all controls; once per frame, before it is begun."""
        try:
            with openxr("xrSyncActions"):
                xr.sync_actions(self._session, self._sync)
            self._focused = True
        except xr.exception.SessionNotFocused:
            self._focused = False

    def read(self, space: xr.Space, display_time: int, now: float) -> ControllerSample:
        """The state of the last `sync`, hands in `space` as they will be at `display_time` (XrTime), `now` in seconds.

        Without the focus, while a menu of the runtime is open, there are hands but they point nowhere.
        """
        if not self._focused:
            self._menu = bindings.TapOrHold()
            return ControllerSample(hands=(HandSample(), HandSample()))
        hands = (self._hand(0, space, display_time), self._hand(1, space, display_time))
        original = self._button("original").current_state
        tapped = False
        if self._spare[1]:
            original, tapped = self._menu.step(bool(original), now)
        return ControllerSample(
            hands=hands,
            original=bool(original),
            switch_surface=self._pressed("switch_surface"),
            next_image=tapped or self._pressed("next_image"),
            reset=self._pressed("reset"),
            invention=self._pressed("invention"),
        )

    def _hand(self, index: int, space: xr.Space, display_time: int) -> HandSample:
        return HandSample(
            aim=self._ray(index, space, display_time),
            trigger=self._value("trigger", index),
            stick_y=self._value("zoom", index),
            push_zooms=self._spare[index],
        )

    def _ray(self, index: int, space: xr.Space, display_time: int) -> Ray | None:
        with openxr("xrLocateSpace"):
            found = xr.locate_space(self._aims[index], space, display_time)
        if found.location_flags & convert.VALID != convert.VALID:
            return None
        pose = convert.pose(found.pose)
        return None if pose is None else Ray.along(pose)

    def _value(self, name: str, hand: int) -> float:
        """0 where the hand holds nothing that has it."""
        with openxr("xrGetActionStateFloat"):
            info = xr.ActionStateGetInfo(self._actions[name], self._hands[hand])
            state = xr.get_action_state_float(self._session, info)
        return state.current_state if state.is_active else 0.0

    def _button(self, name: str) -> xr.ActionStateBoolean:
        with openxr("xrGetActionStateBoolean"):
            info = xr.ActionStateGetInfo(self._actions[name], xr.NULL_PATH)
            return xr.get_action_state_boolean(self._session, info)

    def _pressed(self, name: str) -> bool:
        """Whether the button went down since the last sample."""
        state = self._button(name)
        return bool(state.current_state and state.changed_since_last_sync)
