"""What a spectator beside the headset sees in the window."""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np

from vr_app.core.space.pose import Eye, Fov, Pose

SPECTATOR_VIEW = math.radians(60.0)
"""The spectator camera's full vertical angle."""

CALM = 0.25
"""Seconds after which the spectator camera has followed 63 % (1 - 1/e) of a movement of the head."""

JUMP = 1.0
"""Metres. No head moves this far between two pictures: the space has moved, and the camera follows at once."""


class MirrorKind(StrEnum):
    """What the window beside a headset shows."""

    left = "left"
    right = "right"
    both = "both"
    spectator = "spectator"
    lecture = "lecture"

    def next(self) -> MirrorKind:
        """Return the next one, cyclically."""
        kinds = list(MirrorKind)
        return kinds[(kinds.index(self) + 1) % len(kinds)]


class Spectator:
    """A camera between the eyes that follows the head smoothly."""

    def __init__(self) -> None:
        self._position = np.zeros(3)
        self._orientation = np.zeros(4)
        self._at: float | None = None

    def follow(self, eyes: tuple[Eye, ...], now: float, size: tuple[int, int]) -> Eye:
        """Return the camera at `now` seconds, for a picture of `size` (width, height) pixels. `eyes`: one or more."""
        position = np.mean([eye.pose.position for eye in eyes], axis=0)
        orientation = np.asarray(eyes[0].pose.orientation)
        if self._at is None or np.linalg.norm(position - self._position) > JUMP:
            self._position, self._orientation = position, orientation
        else:
            share = 1.0 - math.exp(-max(0.0, now - self._at) / CALM)
            if orientation @ self._orientation < 0:  # q and -q are the same rotation: take the shorter way
                orientation = -orientation
            self._position = self._position + share * (position - self._position)
            mixed = self._orientation + share * (orientation - self._orientation)
            self._orientation = mixed / np.linalg.norm(mixed)
        self._at = now
        pose = Pose(tuple(self._position.tolist()), tuple(self._orientation.tolist()))
        return Eye(pose, Fov.symmetric(SPECTATOR_VIEW, size[0] / size[1]), size)
