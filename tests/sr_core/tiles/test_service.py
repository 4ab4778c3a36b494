"""The tile service without a screen: two clients, real photographs' files, the real network."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import zoom

from sr_core.image.geometry import TILE, TileKey, coarsest_level
from sr_core.image.pyramid import GUTTER, build_pyramid
from sr_core.image.saving import save_picture
from sr_core.image.source import FileSource
from sr_core.tiles.request import (
    Counts,
    Notice,
    PhotographLost,
    PhotographOpened,
    Plan,
    Priority,
    TileFailed,
    TileReady,
    Wanted,
)
from sr_core.tiles.service import TileService
from sr_core.tiles.worker import Worker
from tests.helpers.places import ROOT
from tests.rig import PATIENCE, wait_until

SIZE = (600, 520)
"""Width and height of the photographs: of two, one fits into LIMIT whole."""

EDGE = TILE + 2 * GUTTER


def picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(60, 190, (53, 61, 3)).astype(float)
    return zoom(coarse, (10, 10, 1), order=3)[: SIZE[1], : SIZE[0]].clip(0, 255).astype(np.uint8)


LIMIT = int(1.7 * sum(level.nbytes for level in build_pyramid(picture(0)).levels))


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    found = [tmp_path / f"{n}.png" for n in range(2)]
    for n, path in enumerate(found):
        save_picture(path, picture(n))
    return found


@pytest.fixture
def service(paths) -> Iterator[TileService]:
    made = TileService([FileSource(path) for path in paths], Worker("rdb-lite", "cpu", threads=2), (), LIMIT)
    yield made
    made.close()
    wait_until(lambda: not made.running, "the service's threads", PATIENCE)


@dataclass
class Client:
    """Who shows tiles: keeps what it has taken, and says what it lacks."""

    service: TileService
    name: str
    priority: Priority = Priority.WATCHED
    has: dict[TileKey, np.ndarray] = field(default_factory=dict)
    news: list = field(default_factory=list)
    view_tiles: tuple[TileKey, ...] = ()

    def __post_init__(self) -> None:
        self.service.join(self.name)

    def step(self, tiles: tuple[TileKey, ...], ahead: tuple[TileKey, ...] = ()) -> Plan:
        """What a frame does."""
        self.news += self.service.take(self.name)
        failed = {news.key for news in self.news if isinstance(news, TileFailed)}
        lacking = tuple(key for key in tiles if key not in self.has and key not in failed)
        seen = tuple(sorted({key.photograph for key in tiles}))
        plan = self.service.plan(Wanted(tiles, lacking, seen, self.name, self.priority))
        self.service.pursue(plan, ahead)
        self.has |= {tile.key: tile.pixels for tile in self.service.tiles(plan.upload, self.has)}
        return plan

    def complete(self, tiles: tuple[TileKey, ...]) -> bool:
        self.step(tiles)
        return set(tiles) <= set(self.has)

    @property
    def opened(self) -> list[int]:
        return [news.index for news in self.news if isinstance(news, PhotographOpened)]


def tiles(cols: range, rows: range, level: int = 2, photograph: int = 0) -> tuple[TileKey, ...]:
    base = TileKey(photograph, coarsest_level(*SIZE), 0, 0)
    return (base, *(TileKey(photograph, level, col, row) for row in rows for col in cols))


def test_two_clients_get_their_tiles_and_what_both_want_is_computed_once(service):
    viewer, web = Client(service, "viewer"), Client(service, "web", Priority.REQUESTED)
    left, right = tiles(range(4), range(3)), tiles(range(2, 6), range(3))

    def both() -> bool:
        opened = all(sorted(client.opened) == [0, 1] for client in (viewer, web))
        return viewer.complete(left) & web.complete(right) & opened

    wait_until(both, "the clients' tiles and photographs", PATIENCE)
    computed = {key for key in (*left, *right) if key.level > 0}
    assert service.worker.counts == Counts(wished=len(computed), computed=len(computed))
    for key in set(left) & set(right):
        np.testing.assert_array_equal(viewer.has[key], web.has[key])
    for client in (viewer, web):
        ready = {news.key for news in client.news if isinstance(news, TileReady)}
        assert ready == computed  # each hears of all, with their provenance
        assert all(pixels.shape[:2] == (EDGE, EDGE) for pixels in client.has.values())


def test_a_client_that_joins_late_hears_of_the_photographs_and_finds_the_tiles_in_memory(service):
    wanted = tiles(range(3), range(2))
    viewer = Client(service, "viewer")
    wait_until(lambda: viewer.complete(wanted) and len(viewer.opened) == 2, "the viewer's tiles", PATIENCE)
    late = Client(service, "export", Priority.BULK)
    plan = late.step(wanted)
    assert sorted(late.opened) == [0, 1]
    assert (plan.compute, plan.decode, plan.waits) == ((), (), True)  # the photographed tile is cut when it is taken
    assert set(late.has) == set(wanted)
    assert service.worker.counts.computed == 6


def test_an_export_ends_beside_a_view_that_always_wants_more(service):
    viewer, export = Client(service, "viewer"), Client(service, "export", Priority.BULK)
    wait_until(lambda: viewer.complete(tiles(range(1), range(1))), "the photograph", PATIENCE)
    wanted, turn = tiles(range(12), range(12)), 0

    def exported() -> bool:
        nonlocal turn
        if set(viewer.view_tiles) <= set(viewer.has):
            turn += 1
            viewer.view_tiles = tiles(range(10 + turn % 60, 14 + turn % 60), range(8, 12), 3)
            viewer.has = {key: pixels for key, pixels in viewer.has.items() if key.level < 3}
            service.memory.forget_computed()
        viewer.step(viewer.view_tiles)
        return export.complete(wanted)

    viewer.view_tiles = ()
    wait_until(exported, "the export's tiles", PATIENCE)
    assert turn > 1


def test_a_plan_tells_what_to_decode_compute_and_take_and_changes_nothing(service):
    viewer = Client(service, "viewer")
    wait_until(lambda: viewer.step(()) and len(viewer.opened) == 2, "both photographs", PATIENCE)
    (dropped,) = (index for index in (0, 1) if service.photographs.pixels(index) is None)
    whole = 1 - dropped
    base, fine = TileKey(dropped, coarsest_level(*SIZE), 0, 0), TileKey(dropped, 0, 0, 0)
    near, sharp = TileKey(whole, 0, 0, 0), TileKey(whole, 2, 0, 0)
    wanted = Wanted((base, fine, near, sharp), (base, fine, near, sharp), (0, 1))
    plan = service.plan(wanted)
    assert plan == service.plan(wanted)
    assert plan.decode == (dropped,)
    assert plan.compute == (sharp,)
    assert plan.upload == (base, near)
    assert plan.waits
    assert service.photographs.pixels(whole) is not None
    assert service.worker.counts == Counts()


def test_two_clients_photographs_are_kept_for_the_more_urgent_where_both_do_not_fit(service):
    viewer, export = Client(service, "viewer"), Client(service, "export", Priority.BULK)
    wait_until(lambda: viewer.step(()) and len(viewer.opened) == 2, "both photographs", PATIENCE)
    far, near = tiles(range(2), range(2), 0, 1), tiles(range(2), range(2), 0, 0)

    def both() -> bool:
        assert service.photographs.bytes <= LIMIT
        return viewer.complete(near) & export.complete(far)

    wait_until(both, "both clients' tiles", PATIENCE)


def test_a_photograph_that_cannot_be_opened_is_told_to_every_client(tmp_path, paths):
    broken = tmp_path / "broken.png"
    broken.write_bytes(paths[0].read_bytes()[:300])
    service = TileService([FileSource(broken), FileSource(paths[0])], Worker("rdb-lite", "cpu", threads=1))
    clients = [Client(service, name) for name in ("viewer", "web")]
    for client in clients:
        wait_until(lambda client=client: client.step(()) and client.opened, "the good photograph", PATIENCE)
        (lost,) = (news for news in client.news if isinstance(news, PhotographLost))
        assert (lost.index, lost.known) == (0, False)
        assert "broken.png" in lost.reason
    service.close()
    wait_until(lambda: not service.running, "the service's threads", PATIENCE)


def test_a_client_that_leaves_is_computed_for_no_more(service):
    viewer, web = Client(service, "viewer"), Client(service, "web", Priority.REQUESTED)
    wait_until(lambda: viewer.step(()) and len(viewer.opened) == 2, "both photographs", PATIENCE)
    whole = next(index for index in (0, 1) if service.photographs.pixels(index) is not None)
    web.step(tiles(range(30), range(30), 3, whole))
    service.leave("web")
    wanted = tiles(range(2), range(1), 2, whole)
    wait_until(lambda: viewer.complete(wanted), "the viewer's tiles", PATIENCE)
    wait_until(lambda: not service.worker.busy, "the group under way", PATIENCE)
    counts = service.worker.counts
    assert counts.cancelled > 600
    assert counts.wished == counts.computed + counts.cancelled
    assert not any(isinstance(news, Notice) for news in viewer.news)


def test_the_service_loads_no_graphics_and_no_viewer():
    code = (
        "import sys, sr_core.tiles.service; print([m for m in ('vr_app', 'OpenGL', 'xr', 'torch') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_of_3000_photographs_those_near_are_opened_and_memory_keeps_its_limit(tmp_path):
    """Page after page of the wall: small copies make room as well, and come again where they are looked at again."""
    from vr_app.core.tiles.prefetch import FEW, photographs_near
    from vr_app.core.view.layout import PAGE, Layout
    from vr_app.core.view.view import ViewState

    save_picture(tmp_path / "eye.png", picture(1)[:96, :96])
    paths = [tmp_path / f"{n}.png" for n in range(3000)]
    for path in paths:
        path.hardlink_to(tmp_path / "eye.png")
    one = sum(level.nbytes for level in build_pyramid(picture(1)[:96, :96]).levels)
    limit = 5 * PAGE * one
    service = TileService([FileSource(path) for path in paths], Worker("rdb-lite", "cpu", threads=1), (), limit)
    service.join()
    view = replace(ViewState.start(3000), layout=Layout.WALL, flat=Layout.WALL)
    opened: set[int] = set()
    try:
        for page in (0, 1, 2, 100, 101, 200, 0):
            view = replace(view, active=page * PAGE)
            near = photographs_near(view)
            assert len(near) == 3 * PAGE
            shown = near[:PAGE]
            assert set(shown) == set(range(page * PAGE, (page + 1) * PAGE))
            service.open_only(near)
            keys = tuple(TileKey(index, 0, 0, 0) for index in shown)

            def all_there(keys: tuple[TileKey, ...] = keys, shown: tuple[int, ...] = shown) -> bool:
                opened.update(news.index for news in service.take() if isinstance(news, PhotographOpened))
                service.pursue(service.plan(Wanted(keys, keys, shown)))
                assert service.photographs.bytes <= limit + 4 * one
                return not service.loader.busy and all(map(service.memory.has, keys))

            wait_until(all_there, f"page {page}", PATIENCE)
        assert len(opened) < 20 * PAGE
        assert len(opened) * one > 2 * limit
    finally:
        service.close()
    few = replace(ViewState.start(FEW), active=10)
    assert photographs_near(few)[:5] == (10, 11, 9, 12, 8)
    assert set(photographs_near(few)) == set(range(FEW))
    alone = replace(ViewState.start(3000), layout=Layout.ONE, flat=Layout.ONE)
    assert {0, 1, 2, 2999, 2998} <= set(photographs_near(alone))
    assert len(photographs_near(alone)) <= FEW + 2
