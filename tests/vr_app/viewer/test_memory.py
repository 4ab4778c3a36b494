"""The viewer within its limits: photographs dropped and decoded again, changed and removed under it.

It runs in a process of its own, because a process has one GL platform.
"""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import zoom

from sr_core.image.saving import save_picture
from tests.helpers.ending import COLD, shown_by

SIZE = (1500, 1100)
COUNT = 4

STAGE = """
import sys, time
from pathlib import Path
import numpy as np
from sr_core.image.saving import save_picture
from vr_app.viewer.loop import session
from vr_app.viewer.options import Options
from vr_app.core.tiles.limits import Limits
from vr_app.core.view.intent import LookAt, NextImage, SurfaceKind
from vr_app.core.view.step import step
from vr_app.runtime.choose import open_runtime

paths = tuple(sorted(Path(sys.argv[1]).glob("*.png")))
said = []

def frames(viewer, until, patience=120.0):
    end = time.monotonic() + patience
    while not until():
        assert time.monotonic() < end, ("gave up", said, viewer.supply.memory, viewer.supply.service.worker.counts)
        viewer.frame()
        assert viewer.supply.memory["photograph_bytes"] <= viewer.supply.memory["photograph_limit"]
        assert viewer.supply.memory["tile_bytes"] <= viewer.supply.memory["tile_limit"]

def sharp(viewer):
    return viewer.view.still_for > 0.1 and viewer.supply.complete

def go(viewer, index, center=(0.5, 0.5), zoom=16.0):
    while viewer.view.active != index:
        viewer.view = step(viewer.view, (NextImage(),), 0.0)
    viewer.view = step(viewer.view, (LookAt(SurfaceKind.PANEL, center, zoom),), 0.0)
    viewer.frame()
    frames(viewer, lambda: sharp(viewer))
    assert any(key.level > 0 for key in viewer.supply.wanted)

def failed(viewer):
    return viewer.supply.failures
"""

CHANGES = (
    STAGE
    + """
whole = 3 * 1500 * 1100 * 4 // 3
options = Options(paths, limits=Limits(photographs=int(1.5 * whole)), prefetch=True, say=said.append)
with open_runtime("offscreen", (480, 360)) as choice, session(choice.runtime, options) as viewer:
    frames(viewer, lambda: not viewer.supply.service.loader.busy and all(viewer.view.photographs))
    assert viewer.supply.service.photographs.whole == 1
    for index in (0, 1, 2, 3, 0):
        go(viewer, index)
        assert not failed(viewer), index
        assert viewer.supply.service.photographs.whole == 1
    assert not said, said

    go(viewer, 1, (0.3, 0.3))  # 0 is dropped
    save_picture(paths[0], np.full((900, 1300, 3), 250, np.uint8))
    go(viewer, 0, (0.6, 0.6))
    assert len(said) == 1 and "changed on disk" in said[0] and paths[0].name in said[0], said
    assert viewer.view.photographs[0].size == (1300, 900)
    go(viewer, 0)
    kept = [tile for key, tile in viewer.supply.service.memory._computed.items() if key.photograph == 0]
    assert kept and min(tile.pixels[..., :3].min() for tile in kept) > 200  # none of the former photograph's

    go(viewer, 0, (0.6, 0.6))
    paths[1].unlink()
    go(viewer, 1, (0.7, 0.7))
    assert failed(viewer) and len(said) == 2 and paths[1].name in said[1], said
    go(viewer, 2)
    assert not failed(viewer) and len(said) == 2
"""
)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    for index in range(COUNT):
        coarse = np.random.default_rng(index).integers(30, 130, (12, 16, 3)).astype(float)
        pixels = zoom(coarse, (SIZE[1] / 12, SIZE[0] / 16, 1), order=1).clip(0, 255).astype(np.uint8)
        save_picture(tmp_path / f"{index}.png", pixels)
    return tmp_path


def run(script: str, folder: Path) -> None:
    shown_by(COLD + script, folder, OMP_NUM_THREADS="1")


def test_photographs_beyond_the_limit_are_decoded_again_when_looked_at_and_changes_on_disk_are_told(photographs):
    run(CHANGES, photographs)


STILL = (
    STAGE
    + """
options = Options(paths[:1], say=said.append)
with open_runtime("offscreen", (480, 360)) as choice, session(choice.runtime, options) as viewer:
    drawn = []
    draw = viewer.picture.renderer.draw
    viewer.picture.renderer.draw = lambda *given: (drawn.append(1), draw(*given))
    frames(viewer, lambda: not viewer.supply.service.loader.busy and all(viewer.view.photographs))
    go(viewer, 0)
    fading = viewer.tick.now
    frames(viewer, lambda: viewer.tick.now > fading + 1.0)
    shown = viewer.runtime.framebuffer.read()
    drawn.clear()
    for _ in range(20):
        viewer.frame()
    assert not drawn
    viewer.picture.draw_anew()
    viewer.frame()
    assert len(drawn) == 1
    assert np.array_equal(viewer.runtime.framebuffer.read(), shown)
    viewer.view = step(viewer.view, (LookAt(SurfaceKind.PANEL, (0.4, 0.5), 16.0),), 0.0)
    viewer.frame()
    assert len(drawn) == 2
    assert not np.array_equal(viewer.runtime.framebuffer.read(), shown)
"""
)


def test_a_picture_in_which_nothing_changes_is_not_drawn_again(photographs):
    run(STILL, photographs)


JUMP = (
    STAGE
    + """
from vr_app.bench.stage import Guide

def synthesised_wished_for(look):
    viewer.intake.guide.look = look
    viewer.frame()
    return any(key.level > 0 for key in viewer.supply.wanted)

def close(at):
    return LookAt(SurfaceKind.PANEL, (at, 0.5), 16.0)

with open_runtime("offscreen", (480, 360)) as choice, session(choice.runtime, Options(paths)) as viewer:
    viewer.intake.guide = Guide()
    frames(viewer, lambda: all(viewer.view.photographs) and viewer.view.still_for > 0.5)
    for at in (0.3, 0.7):
        assert all(synthesised_wished_for(close(at)) for _ in range(4))
    for n in range(1, 10):
        assert not synthesised_wished_for(close(0.7 + 0.001 * n))
    while not synthesised_wished_for(viewer.intake.guide.look):
        assert viewer.view.still_for < 0.06
    assert viewer.view.still_for >= 0.06
"""
)


def test_tiles_of_a_view_jumped_to_are_wished_for_at_once_and_of_one_that_moves_once_it_rests(photographs):
    run(JUMP, photographs)
