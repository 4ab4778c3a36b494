"""What lies beside the photographs that a window shows is made ready while the view rests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.gl_stage import demo_photograph, offscreen
from tests.rig import PATIENCE, wait_until
from vr_app.core.tiles.limits import Limits
from vr_app.core.view.desk import Desk
from vr_app.core.view.intent import NextImage
from vr_app.core.view.layout import Layout
from vr_app.core.view.view import ViewState
from vr_app.runtime.offscreen import OffscreenRuntime
from vr_app.runtime.one_eye import OneEyeFrame
from vr_app.viewer.loop import session
from vr_app.viewer.options import Options

DESK = Desk((800, 600))


class Window(OffscreenRuntime):
    """A window without a screen."""

    @contextmanager
    def frame(self) -> Iterator[OneEyeFrame]:
        with super().frame() as frame:
            yield OneEyeFrame(frame.time, (DESK.eye,), self.framebuffer, keeps=frame.keeps, desk=DESK)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Five, large enough that a window shows a level shrunk by two."""
    folder = tmp_path_factory.mktemp("photographs")
    pixels = demo_photograph(edge=1200)
    for n in range(5):
        Image.fromarray(pixels[:, :: 1 if n % 2 else -1]).save(folder / f"{n}.jpg", quality=90 + n)
    return tuple(sorted(folder.glob("*.jpg")))


@pytest.mark.parametrize("whole", [5, 3.5], ids=["all in memory", "three in memory"])
def test_the_neighbours_of_a_photograph_are_sharp_at_once(photographs: tuple[Path, ...], whole: float) -> None:
    one = 3 * 1200 * 1200 * 2.4  # with the facts of a JPEG file
    view = ViewState.start(len(photographs), layout=Layout.ONE)
    options = Options(photographs, view, say=lambda _: None, limits=Limits(photographs=int(whole * one)))
    with offscreen() as context:
        runtime = Window(context, DESK.size)
        with session(runtime, options) as viewer:
            supply, looked = viewer.supply, []

            def rests() -> bool:
                viewer.frame()
                looked.append(viewer.status.loading)
                beside = {(viewer.view.active + by) % len(photographs) for by in (1, -1)}
                at_hand = {key.photograph for key in supply.residency.resident if key.level == -1}
                return len(viewer.view.loaded) == len(photographs) and beside <= at_hand and not supply.lacks

            for by in (1, -1, -1, 1):
                wait_until(rests, "the neighbours", PATIENCE, 0.0)
                copied = viewer.statistics.upload_bytes
                viewer.intake.also = (NextImage(by),)
                viewer.frame()
                assert viewer.status.loading == frozenset()
                assert viewer.statistics.upload_bytes == copied
                assert {demand.level for demand in viewer.seen.wants} == {-1}
            assert frozenset({0}) in looked  # the first photograph was loading when it came
        runtime.close()
