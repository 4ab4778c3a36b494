"""When tiles that have come are drawn: fades and turns, on the viewer's own clock."""

from vr_app.core.tiles.fading import FADE_STEPS, TURN, Pace
from vr_app.core.tiles.page_table import FADE

QUICK, SLOW = FADE / 20, FADE / 2


def paced(took, now=10.0):
    """A pace whose last picture of fading tiles took so long, and whose view's first tile came a second before it."""
    pace = Pace()
    pace.copied(1, now - 1.0, moves=False, sharp=True)
    pace.drew(now, only_fades=True)
    pace.frame_took(took)
    return pace


def test_tiles_fade_in_but_for_a_new_picture_and_a_slow_one():
    pace = Pace()
    assert pace.born(5.0, QUICK, jumped=False) == 5.0
    assert pace.born(5.0, QUICK, jumped=True) == 5.0 - FADE
    assert pace.born(5.0, 1.01 * FADE / FADE_STEPS, jumped=False) == 5.0 - FADE


def test_slow_pictures_leave_the_processor_to_the_tiles_being_computed_for_a_while():
    pace = paced(SLOW)
    assert pace.waits(10.0 + SLOW, rests=True)
    assert not pace.waits(10.0 + SLOW, rests=False)
    assert not pace.waits(10.0 + 1.01 * TURN * SLOW, rests=True)
    assert not paced(QUICK).waits(10.0 + QUICK, rests=True)


def test_a_views_first_sharp_tiles_never_wait():
    pace = paced(SLOW)
    pace.copied(0, 10.0, moves=True, sharp=False)
    assert not pace.waits(10.1, rests=True)  # nothing sharp yet
    pace.copied(2, 10.1, moves=False, sharp=True)
    assert not pace.waits(10.1, rests=True)  # the very picture that shows it
    assert pace.waits(10.2, rests=True)


def test_only_pictures_of_fading_tiles_tell_what_one_takes():
    pace = Pace()
    pace.copied(1, 9.0, moves=False, sharp=True)
    pace.drew(10.0, only_fades=False)
    pace.frame_took(SLOW)
    assert not pace.waits(10.0, rests=True)
