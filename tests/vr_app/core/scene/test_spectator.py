"""The window beside a headset: its kinds, and the camera that follows the head."""

import math

import numpy as np
import pytest

from vr_app.core.scene.spectator import CALM, MirrorKind, Spectator
from vr_app.core.space.pose import Eye, Fov, Pose

SIZE = (160, 90)


def eyes(x: float, yaw: float = 0.0) -> tuple[Eye, Eye]:
    fov = Fov(-0.7, 0.7, 0.7, -0.7)
    return tuple(Eye(Pose.facing((x + side, 0.0, 0.0), yaw), fov, (10, 10)) for side in (-0.03, 0.03))


def test_kinds_form_a_ring():
    kind, seen = MirrorKind.left, []
    for _ in MirrorKind:
        seen.append(kind)
        kind = kind.next()
    assert seen == list(MirrorKind)
    assert kind is MirrorKind.left


def test_the_camera_begins_between_the_eyes():
    camera = Spectator().follow(eyes(0.2), 5.0, SIZE)
    assert camera.pose.position == pytest.approx((0.2, 0.0, 0.0))
    assert camera.size == SIZE
    left, right, up, down = camera.fov.tangents()
    assert (right - left) / (up - down) == pytest.approx(16 / 9)


def test_the_camera_follows_calmly():
    spectator = Spectator()
    spectator.follow(eyes(0.0), 0.0, SIZE)
    camera = spectator.follow(eyes(0.5, yaw=1.0), CALM, SIZE)
    share = 1 - math.exp(-1)
    assert camera.pose.position == pytest.approx((0.5 * share, 0.0, 0.0))
    assert np.linalg.norm(camera.pose.orientation) == pytest.approx(1.0)
    turned = 2 * math.asin(camera.pose.orientation[1])
    assert 0.5 < turned < 0.8
    for step in range(1, 40):
        camera = spectator.follow(eyes(0.5, yaw=1.0), CALM * (1 + step), SIZE)
    assert camera.pose.position == pytest.approx((0.5, 0.0, 0.0), abs=1e-6)


def test_the_camera_takes_the_shorter_way_round():
    spectator = Spectator()
    spectator.follow(eyes(0.0, yaw=math.pi - 0.1), 0.0, SIZE)  # the two quaternions lie on opposite sides
    camera = spectator.follow(eyes(0.0, yaw=-math.pi + 0.1), 10.0, SIZE)
    forward = camera.pose.rotation()[:, 2]
    assert forward == pytest.approx(Pose.facing((0, 0, 0), -math.pi + 0.1).rotation()[:, 2], abs=1e-6)
    assert np.linalg.norm(camera.pose.orientation) == pytest.approx(1.0)


def test_the_camera_jumps_along_when_the_space_moves():
    spectator = Spectator()
    spectator.follow(eyes(0.0), 0.0, SIZE)
    assert spectator.follow(eyes(5.0), 0.01, SIZE).pose.position == pytest.approx((5.0, 0.0, 0.0))
