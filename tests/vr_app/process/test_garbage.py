"""When the garbage collector runs while a viewer does."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from vr_app.process.garbage import FULL_EVERY, MANY, YOUNG_EVERY, Collector


class Knot:
    """Refers to itself: only the collector can free it."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as entered:
        gc.collect()
        yield entered


def test_it_never_runs_by_itself_and_is_left_as_it_was() -> None:
    assert gc.isenabled()
    callbacks = list(gc.callbacks)
    with Collector() as collector:
        assert not gc.isenabled()
        collector.started()
        assert gc.get_freeze_count() > 1000
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    assert gc.callbacks == callbacks


def test_full_collections_inside_a_frame_are_counted(collector: Collector) -> None:
    gc.collect()
    with collector.frame():
        gc.collect(0)
        gc.collect(1)
    assert collector.full_in_frames == 0
    with collector.frame():
        gc.collect()
    collector.started()
    assert collector.full_in_frames == 1


def test_young_cycles_are_freed_every_so_many_frames(collector: Collector) -> None:
    knot = weakref.ref(Knot())
    for _ in range(YOUNG_EVERY - 1):
        collector.between_frames(1000.0, resting=False)
    assert knot() is not None
    collector.between_frames(1000.0, resting=False)
    assert knot() is None


def test_old_cycles_are_freed_while_the_view_rests(collector: Collector) -> None:
    old = Knot()
    gc.collect()
    knot = weakref.ref(old)
    del old
    collector.between_frames(FULL_EVERY / 2, resting=True)
    for _ in range(3 * YOUNG_EVERY):
        collector.between_frames(FULL_EVERY + 1, resting=False)
    assert knot() is not None
    collector.between_frames(FULL_EVERY + 1, resting=True)
    assert knot() is None


def test_what_an_import_makes_is_not_looked_through(collector: Collector) -> None:
    knot = weakref.ref(Knot())
    many = [[n] for n in range(2 * MANY)]
    for _ in range(YOUNG_EVERY):
        collector.between_frames(0.0, resting=False)
    assert knot() is not None
    del many
