"""The dark between two sights."""

from itertools import pairwise

import pytest

from vr_app.core.scene.veil import BACK, OUT, Veil

DT = 0.01


def played(veil: Veil, shown: object, seconds: float) -> list[tuple[bool, float]]:
    frames = []
    for _ in range(round(seconds / DT)):
        veil.see(shown, DT)
        frames.append((veil.holds, veil.shade))
    return frames


def test_what_is_first_shown_is_not_veiled():
    veil = Veil()
    assert {shade for _, shade in played(veil, None, 0.2) + played(veil, "panel", 1.0)} == {0.0}


def test_it_goes_dark_while_the_sight_before_is_held_and_comes_back():
    veil = Veil()
    played(veil, "panel", 0.1)
    frames = played(veil, "retina", 1.0)
    held = [shade for holds, shade in frames if holds]
    after = [shade for holds, shade in frames if not holds]
    assert len(held) == pytest.approx(OUT / DT, abs=1)
    assert held == sorted(held)
    assert held[0] == 0.0
    assert after == sorted(after, reverse=True)
    assert after[0] > 0.9
    assert sum(shade > 0 for shade in after) == pytest.approx(BACK / DT, abs=1)
    assert after[-1] == 0.0


def test_no_step_is_sudden_even_where_the_sight_changes_again_and_again():
    veil = Veil()
    played(veil, 0, 0.1)
    shades = [0.0]
    for change in range(1, 40):
        shades += [shade for _, shade in played(veil, change, 0.01 * (change % 7 + 1))]
    steps = [abs(b - a) for a, b in pairwise(shades)]
    assert max(steps) <= DT / OUT + 1e-9
