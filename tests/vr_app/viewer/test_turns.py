"""Where drawing is slow and takes the processor from the network, pictures of arriving tiles take turns with it.

It runs in a process of its own, because a process has one GL platform.
"""

import pytest

from tests.helpers.ending import shown_by

STAGE = """
import sys
from sr_core.assets import asset_path
from vr_app.bench.stage import eye_on_region, open_stage
from vr_app.gl.context import open_offscreen

step, software = float(sys.argv[1]), sys.argv[2] == "software"
with open_offscreen() as context, open_stage(
    context, [asset_path("demo", "retina.jpg")], [eye_on_region(128)], device="cpu", model="rdb-lite", time_step=step,
    period=0.0,
) as stage:
    viewer = stage.viewer
    viewer._software = software  # else it draws as a graphics card does, but for the time that it takes
    stage.warm_up()
    looks = stage.regions(128)
    for look in looks[:3]:  # a fade or two, to know what they take
        stage.visit(look)
    held, left, firsts = 0, 0, []
    for look in looks[3:9]:
        sharp = []
        def note():
            global held, left
            held += viewer.picture.holds_back
            left += viewer.stand.now
            assert not (viewer.stand.now and viewer.supply.moved)
            there = any(key.synthesised and key in viewer.supply.residency.resident for key in viewer.supply.wanted)
            sharp.append((there, viewer.picture.holds_back))
        stage.visit(look, note)
        firsts.append(next(back for there, back in sharp if there))
        assert sharp[-1] == (True, False)
    assert left > 0 or not software
    print("held", held)
    assert not any(firsts)
    for _ in range(40):
        stage.frame()
    target = stage.runtime._framebuffers[0]
    shown = target.read()
    assert viewer.picture._drawn is not None
    viewer.picture.draw_anew()  # draw all of it anew
    stage.frame()
    assert (target.read() == shown).all()
"""


@pytest.mark.parametrize(("step", "waits"), [(0.03, True), (0.011, False)], ids=["slow", "quick"])
def test_a_slow_fade_waits_for_the_network_but_the_first_tile_and_the_last_are_shown_at_once(step, waits):
    told = shown_by(STAGE, step, "card", options=("-W", "error"))
    assert (int(told.split()[-1]) > 0) == waits


def test_software_leaves_frames_with_nothing_new_as_they_are_while_tiles_are_awaited():
    shown_by(STAGE, 0.011, "software", options=("-W", "error"))
