"""A viewer whose runtime can show a frame again: it rests when nothing moves, and only then; and what becomes of its
headset is told.

It runs in a process of its own, because a process has one GL platform.
"""

from dataclasses import replace
from pathlib import Path

from sr_core.image.saving import save_picture
from tests.helpers.ending import COLD, shown_by
from tests.helpers.small_training import retina
from vr_app.core.hands.sample import ControllerSample
from vr_app.core.tiles.prefetch import REST
from vr_app.core.view.view import ViewState
from vr_app.runtime.one_eye import OneEyeFrame, one_eye
from vr_app.viewer.rest import Stand

STAGE = """
import sys, time
from pathlib import Path
from vr_app.viewer.loop import session
from vr_app.core.view.view import ViewState
from vr_app.viewer.options import Options
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare
from vr_app.core.view.intent import SetCompare
from vr_app.core.view.step import step
from vr_app.files.folder_view import Found, Memory, keys_of, read_memory
from vr_app.runtime.choose import open_runtime
from vr_app.runtime.one_eye import OneEyeFrame

OneEyeFrame.repeat = lambda frame: frame.keeps  # as a headset's does

folder = Path(sys.argv[1])
paths = tuple(sorted(folder.glob("*.png")))
file = folder / "memory.json"

def frames(viewer, until, patience=120.0):
    end = time.monotonic() + patience
    while not until():
        assert time.monotonic() < end, (viewer.view, viewer.supply.service.worker.counts)
        viewer.frame()

def options(compare):
    memory = Memory(file, keys_of(paths), "right", Found())
    return Options(paths, ViewState.start(len(paths), layout=Layout.PAIR, compare=compare), memory=memory, say=print)

with open_runtime("offscreen", (320, 240)) as choice, session(choice.runtime, options(Compare.SIDE)) as viewer:
    frames(viewer, lambda: viewer.rest.now)
    viewer.view = step(viewer.view, (SetCompare(Compare.SWIPE),), 0.0)
    frames(viewer, lambda: not viewer.rest.now)
    assert not file.exists() or read_memory(file).remembered.compare is Compare.SIDE
    frames(viewer, lambda: viewer.rest.now)
    assert read_memory(file).remembered.compare is Compare.SWIPE  # before anything ended

    viewer.view = step(viewer.view, (SetCompare(Compare.BLINK),), 0.0)
    seen = []
    for _ in range(600):  # ten seconds of the display's
        viewer.frame()
        assert not viewer.rest.now
        seen.append(viewer.view.blink.second)
    turns = sum(one != other for one, other in zip(seen, seen[1:]))
    assert 7 <= turns <= 9, turns

    # A headset that is lost, comes back, and is lost again within the time that a notice stands.
    happens = iter([("lost",), ("back",), ("lost",)])
    choice.runtime.take_notices = lambda: next(happens, ())
    told = []
    for _ in range(3):
        viewer.frame()
        told.append(viewer.status.notices)
    assert told == [("lost",), ("back",), ("lost",)], told
"""


def test_a_view_that_alternates_or_is_not_yet_written_down_does_not_rest_and_a_second_loss_is_told(tmp_path: Path):
    for number in (0, 1):
        save_picture(tmp_path / f"{number}.png", retina(number, 240).pixels)
    said = shown_by(COLD + STAGE, tmp_path, options=("-W", "error"))
    assert said.splitlines() == ["fundusxr: lost", "fundusxr: back", "fundusxr: lost"]


def test_a_frame_is_left_as_it_is_where_the_same_is_shown_again_and_tiles_alone_are_awaited():
    eye = one_eye((64, 48))
    here = ViewState.start(1)
    there = replace(here, original=True)
    stand = Stand()

    def left(view: ViewState, still_for: float, waits: bool = True, keeps: bool = True, notices: tuple = ()) -> bool:
        frame = OneEyeFrame(0.0, (eye,), object(), keeps=keeps)
        return stand.see(frame, replace(view, still_for=still_for), ControllerSample(), notices, waits)

    assert not left(here, 0.1)
    assert left(here, 0.12)
    assert stand.now
    assert not left(here, 0.13, waits=False)
    assert not left(here, 0.14, keeps=False)  # as a headset's
    assert left(here, 0.15)
    assert not left(here, 2 * REST)  # now what may follow is computed ahead
    assert not left(there, 2 * REST)
    assert left(there, 2 * REST)
    assert not left(there, 2 * REST, notices=("something",))
