"""Where the scene stands in the room: before the viewer's head, level, at the height of the eyes."""

from __future__ import annotations

import math

from vr_app.core.space.pose import Pose

HEIGHT_OFF = 0.25
"""Metres. A runtime's origin that lies farther above or below the eyes than this is not at eye height."""

EYE_HEIGHT = 1.6
"""Metres of the eyes above the floor, for a runtime that does not say where the floor is."""

FLOORS = (-2.6, -0.5)
"""Metres below the eyes at which a floor can be. A tracker that says otherwise is wrong."""

LEVEL = 0.2
"""Of a unit vector: what is left of it along the ground when one looks straight up or down."""


def before_head(head: Pose) -> Pose | None:
    """Where the scene's origin is to be: at the head, turned about the vertical to where it looks; None where it is no
    pose. Who looks straight up or down is told by the head's upper side."""
    if not head.sound:
        return None
    axes = head.rotation()
    ahead = -axes[:, 2]
    if math.hypot(ahead[0], ahead[2]) < LEVEL:
        ahead = axes[:, 1] * (-1.0 if ahead[1] > 0 else 1.0)
    return Pose.facing(head.position, math.atan2(-ahead[0], -ahead[2]))


def at_eye_height(head: Pose) -> Pose | None:
    """Where the scene's origin is to be at first, in the runtime's own space: as it has it, but at the eyes' height;
    None where it is near that."""
    if not head.sound or abs(head.position[1]) <= HEIGHT_OFF:
        return None
    return Pose((0.0, head.position[1], 0.0))


def floor_height(found: float | None) -> float:
    """The floor's height in the scene, where the runtime has `found` it (None: it tells nothing)."""
    low, high = FLOORS
    return found if found is not None and low <= found <= high else -EYE_HEIGHT
