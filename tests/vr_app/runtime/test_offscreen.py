"""The runtime without a screen: a fixed clock, one eye, pictures that can be read, and an end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.helpers.gl_stage import LATER, Stage, demo_photograph, offscreen
from vr_app.core.hands.sample import ControllerSample
from vr_app.core.scene.scene import Scene, surface_items
from vr_app.core.tiles.visible import demands
from vr_app.core.view.intent import SurfaceKind
from vr_app.core.view.place import place
from vr_app.gl.context import GL, Context
from vr_app.runtime.interface import Runtime
from vr_app.runtime.offscreen import OffscreenRuntime


@pytest.fixture(scope="module")
def context() -> Iterator[Context]:
    with offscreen() as opened:
        yield opened


def play(runtime: Runtime, stage: Stage, frames: int) -> list[float]:
    """The application's loop, in short: draw the panel; a count of frames ends it. Returns the frames' times."""
    view = stage.view(SurfaceKind.PANEL, (0.5, 0.5), 1.0)
    times: list[float] = []
    while runtime.poll_events():
        with runtime.frame() as frame:
            times.append(frame.time)
            assert runtime.read(frame.time) == ControllerSample()
            assert frame.should_render
            stage.items(view, frame.eyes)
            placed = place(view)
            wants = demands(view, placed, frame.eyes)
            items = surface_items(view, placed, wants, stage.pages, frame.eyes, LATER)
            for eye, framebuffer in frame.targets():
                stage.renderer.draw(framebuffer, eye, Scene(items))
        if len(times) == frames:
            runtime.stop()
    return times


def test_clock_is_fixed_and_the_end_is_heard(context: Context) -> None:
    stage = Stage(demo_photograph(edge=300))
    runtime = OffscreenRuntime(context, (320, 240), time_step=0.25)
    assert play(runtime, stage, 4) == [0.25, 0.5, 0.75, 1.0]
    assert not runtime.poll_events()
    picture = runtime.framebuffer.read()
    assert picture.shape == (240, 320, 3)
    # The whole panel, bezel and all, is in view, with the room around it.
    assert len({tuple(picture[y, x]) for y in (0, -1) for x in (0, -1)}) == 1
    assert picture[120, 160, 0] > 2 * picture[0, 0, 0]
    runtime.close()
    runtime.close()
    stage.close()


def test_pictures_are_the_same_every_time(context: Context) -> None:
    pictures = []
    for _ in range(2):
        stage = Stage(demo_photograph(edge=300))
        runtime = OffscreenRuntime(context, (160, 120))
        play(runtime, stage, 2)
        pictures.append(runtime.framebuffer.read())
        runtime.close()
        stage.close()
    assert np.array_equal(*pictures)


def test_a_frame_is_drawn_when_it_ends(context: Context) -> None:
    """Otherwise frames pile up in the driver, and the end has to wait for them all."""
    runtime = OffscreenRuntime(context, (1280, 960))
    stage = Stage(demo_photograph(edge=300))
    view = stage.view(SurfaceKind.PANEL, (0.5, 0.5), 1.0)
    with runtime.frame() as frame:
        items = stage.items(view, frame.eyes)
        for eye, framebuffer in frame.targets():
            stage.renderer.draw(framebuffer, eye, Scene(items))
        drawn = GL.glFenceSync(GL.GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
    assert GL.glClientWaitSync(drawn, 0, 0) == GL.GL_ALREADY_SIGNALED
    GL.glDeleteSync(drawn)
    runtime.close()
    stage.close()


def test_says_what_it_is(context: Context) -> None:
    runtime = OffscreenRuntime(context, (16, 16))
    assert runtime.describe() == {"runtime": "offscreen", "system": "no screen", "renderer": context.renderer}
    runtime.close()
