"""Where the scene is in the room: in front of the viewer's head, level, at eye level."""

from __future__ import annotations

import math

from vr_app.core.space.pose import Pose

HEIGHT_OFF = 0.25
"""In metres. A runtime's origin that lies farther above or below the eyes than this is not at eye level."""

EYE_HEIGHT = 1.6
"""The height of the eyes above the floor in metres, for a runtime that does not give the floor's height."""

FLOORS = (-2.6, -0.5)
"""The range of a floor's height relative to the eyes, in metres. A tracker that reports another is wrong."""

LEVEL = 0.2
"""The length along the ground that is left of a unit vector when the viewer looks straight up or down."""


def before_head(head: Pose) -> Pose | None:
    """Return the scene's origin: at the head, turned about the vertical to its direction of view; None for an invalid
    pose. When the viewer looks straight up or down, the head's upper side gives the direction."""
    if not head.sound:
        return None
    axes = head.rotation()
    ahead = -axes[:, 2]
    if math.hypot(ahead[0], ahead[2]) < LEVEL:
        ahead = axes[:, 1] * (-1.0 if ahead[1] > 0 else 1.0)
    return Pose.facing(head.position, math.atan2(-ahead[0], -ahead[2]))


def at_eye_height(head: Pose) -> Pose | None:
    """Return the scene's initial origin in the runtime's own space: the runtime's origin, but at eye level; None if it
    is close to that."""
    if not head.sound or abs(head.position[1]) <= HEIGHT_OFF:
        return None
    return Pose((0.0, head.position[1], 0.0))


def floor_height(found: float | None) -> float:
    """Return the floor's height in the scene, if the runtime has `found` it (None: unknown)."""
    low, high = FLOORS
    return found if found is not None and low <= found <= high else -EYE_HEIGHT
