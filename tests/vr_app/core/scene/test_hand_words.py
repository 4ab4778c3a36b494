"""The words below a hand that is looked at."""

import numpy as np
import pytest

from vr_app.core.hands.sample import HandSample
from vr_app.core.scene.hand_words import DWELL, FADE, HINT, HINT_SECONDS, HandWords
from vr_app.core.space.pose import Eye, Fov, Pose, Ray

NAMES = ("Trigger: hold and drag", "A: next layout", "B held: the original")
AWAY, HERE = (0.35, -0.45, -0.35), (0.05, -0.05, -0.45)
STEP = 1 / 90


def hand(at=HERE, names=NAMES) -> HandSample:
    return HandSample(Ray(at, (0.0, 0.0, -1.0)), pose=Pose(at), names=names)


def eyes() -> tuple[Eye, Eye]:
    """Those of a headset of 1344x1512 pixels an eye, across 92 degrees."""
    fov = Fov.symmetric(2 * np.arctan(np.tan(np.radians(46.0)) * 1512 / 1344), 1344 / 1512)
    return tuple(Eye(Pose((side, 0.0, 0.0)), fov, (1344, 1512)) for side in (-0.032, 0.032))


def after(words: HandWords, seconds: float, *hands: HandSample, **more: int) -> tuple:
    for _ in range(round(seconds / STEP)):
        labels = words.see(hands, eyes(), STEP, **more)
    return labels


def test_a_hand_that_is_looked_at_names_its_controls_and_no_other_does():
    words = HandWords()
    labels = after(words, DWELL + FADE + 0.1, hand(HERE), hand(AWAY))
    assert [label.text for label in labels] == [*NAMES, *HINT]
    assert {label.color[3] for label in labels[:3]} == {1.0}


def test_they_come_and_go_gradually_and_a_glance_shows_nothing():
    words = HandWords()
    assert [label.text for label in after(words, DWELL - 0.05, hand())] == [*HINT]
    frames = [words.see((hand(),), eyes(), STEP) for _ in range(40)]
    shades = [label.color[3] for labels in frames for label in labels if label.text == NAMES[0]]
    assert max(np.diff(shades)) < 0.1
    shades = [words.see((hand(AWAY),), eyes(), STEP)[0].color[3] for _ in range(10)]
    assert max(-np.diff(shades)) < 0.1
    assert after(words, 1.0, hand(AWAY)) == ()  # no hint any more: the hand has been looked at


def test_a_hint_ends_by_itself():
    words = HandWords()
    assert [label.text for label in after(words, 1.0, hand(AWAY))] == [*HINT]
    assert after(words, HINT_SECONDS, hand(AWAY)) == ()


def test_a_mouse_a_lost_hand_and_the_one_that_carries_the_open_panel_say_nothing():
    words = HandWords()
    assert after(words, 1.0, hand(names=())) == ()
    assert after(words, 1.0, HandSample(names=NAMES)) == ()
    assert after(words, 1.0, hand(), silent=0) == ()
    assert words.see((hand(),), (), STEP) == ()


@pytest.mark.parametrize("at", [HERE, (-0.03, -0.05, -0.3), (0.06, -0.1, -0.6)])
def test_every_line_can_be_read(at):
    """Capitals of DejaVu Sans are 0.729 em high; lines do not lie on one another."""
    labels = after(HandWords(), 1.0, hand(at))
    eye = eyes()[0]
    heights = []
    for label in labels:
        up = label.pose.rotation() @ (0.0, label.height * 0.729, 0.0)
        foot, head = (eye.local(np.asarray(label.pose.position) + part) for part in (0 * up, up))
        (low, high), half = ((point[1] / -point[2] for point in (foot, head)), np.tan(eye.fov.up))
        heights.append((high - low) / (2 * half) * eye.size[1])
    assert min(heights) >= 20
    rows = [label.pose.position[1] for label in labels]
    assert min(-np.diff(rows)) > 1.2 * labels[0].height * 0.9
