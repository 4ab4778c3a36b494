"""What the viewer's bookkeeping holds after a thousand zooms: no more than after the first hundred, and within limits.

The core is real; in the engine's place stands what it would answer.
"""

from collections.abc import Iterator

import numpy as np

from sr_core.image.geometry import TILE, TileKey
from sr_core.image.pyramid import GUTTER, build_pyramid
from sr_core.tiles.photographs import Photographs
from sr_core.tiles.service import TilesInMemory
from vr_app.core.scene.scene import surface_items
from vr_app.core.space.pose import Eye, Fov, Pose
from vr_app.core.tiles.page_table import FAILURES, PageTable, Residency
from vr_app.core.tiles.visible import demands, tiles_wanted
from vr_app.core.view.intent import LookAt, NextImage, SurfaceKind
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import place
from vr_app.core.view.step import photograph_arrived, step
from vr_app.core.view.view import ViewState

SIZE = (1200, 900)
SLOTS = 512
TILE_MEMORY = 2_000_000
INFO = PhotographRecord("eye", SIZE, (600.0, 450.0), 440.0)
EYE = Eye(Pose(), Fov.symmetric(1.0, 4 / 3), (480, 360))


class Core:
    """The viewer's bookkeeping for three photographs, of which one fits."""

    def __init__(self) -> None:
        self.pyramids = [build_pyramid(np.full((SIZE[1], SIZE[0], 3), 50 * n, np.uint8)) for n in range(3)]
        self.limit = 5_500_000
        self.photographs = Photographs(self.limit)
        self.memory = TilesInMemory(self.photographs, TILE_MEMORY)
        self.residency = Residency(SLOTS)
        self.pages = PageTable(self.residency)
        self.view = ViewState.start(3, SurfaceKind.PANEL)
        self.decoded = 0
        for index, pyramid in enumerate(self.pyramids):
            self.photographs.add(index, pyramid, str(index))
            self.view = photograph_arrived(self.view, index, INFO)

    def rest_on(self, look: LookAt) -> int:
        """Frames until all that is wanted is resident."""
        self.view = step(step(self.view, (look,), 0.0), (), 1.0)
        for frame in range(100):
            placed = place(self.view)
            wants = demands(self.view, placed, (EYE,))
            wanted = tiles_wanted(self.view, wants)
            self.memory.mark(wanted)
            self.photographs.look(want.photograph for want in wants)
            lacking = self.memory.lacking(key for key in self._absent(wanted) if key not in self.residency.failed)
            for index in self.photographs.to_decode(lacking):
                self.photographs.add(index, self.pyramids[index], str(index))
                self.decoded += 1
            self._compute(self.memory.to_compute(lacking))
            self.residency.begin_frame()
            for tile in self.memory.tiles(self._absent(wanted), self.residency.resident):
                assert self.residency.reserve(tile.key, float(frame)) is not None
            surface_items(self.view, placed, wants, self.pages, (EYE,), float(frame))
            absent = self._absent(wanted)
            if not absent or not self.memory.lacking(key for key in absent if key not in self.residency.failed):
                return frame
        raise AssertionError("the view never got what it wants")

    def _absent(self, wanted: tuple[TileKey, ...]) -> list[TileKey]:
        return [key for key in wanted if key not in self.residency.resident]

    def _compute(self, missing: tuple[TileKey, ...]) -> None:
        for key in missing[:24]:
            if (key.col * 31 + key.row) % 97 == 0:
                self.residency.fail(key, "out of memory")
            else:
                self.memory.keep(key, np.zeros((TILE + 2 * GUTTER, TILE + 2 * GUTTER, 4), np.uint8))


def entries(thing: object, seen: set[int]) -> Iterator[int]:
    """The lengths of all containers that hang on a thing."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    inner = [thing] if isinstance(thing, dict | list | set | tuple) else []
    inner += [vars(thing)] if hasattr(thing, "__dict__") else []
    for container in inner:
        yield len(container)
        for value in container.values() if isinstance(container, dict) else container:
            yield from entries(value, seen)


def held(core: Core) -> int:
    kept = [core.photographs, core.memory, core.residency, core.pages]
    return sum(sum(entries(thing, set())) for thing in kept)


def test_a_thousand_zooms_grow_nothing_and_limits_hold_throughout():
    core, rng = Core(), np.random.default_rng(8)
    after_hundred, most = 0, 0
    for turn in range(1000):
        center = tuple(rng.uniform(0.1, 0.9, 2))
        core.view = step(core.view, (NextImage(),) if turn % 5 == 0 else (), 0.0)
        kind = SurfaceKind.RETINA if turn % 7 == 3 else SurfaceKind.PANEL
        core.rest_on(LookAt(kind, center, float(rng.uniform(3, 18))))
        assert core.memory.bytes <= TILE_MEMORY
        assert core.photographs.bytes <= core.limit
        assert len(core.residency) <= SLOTS
        if turn % 20 == 19:
            now = held(core)
            after_hundred = max(after_hundred, now) if turn < 200 else after_hundred
            most = max(most, now)
    failures = sum(
        core.residency.failed.get(TileKey(0, 2, col, row)) is not None for col in range(80) for row in range(60)
    )
    assert 0 < failures < FAILURES
    assert core.decoded > 0
    assert most <= 1.25 * after_hundred
