"""Tiles that may be wanted next: around what is seen, and closer in its middle."""

from sr_core.image.geometry import TILE, Rect, TileKey
from vr_app.core.tiles.prefetch import tiles_ahead
from vr_app.core.tiles.visible import Demand
from vr_app.core.view.photograph import PhotographRecord

INFO = PhotographRecord("eye", (1000, 800), (500.0, 400.0), 380.0)


def demand(level: int, tiles: Rect, seen: bytes | None = None, index: int = 0) -> Demand:
    visible = Rect(tiles.x * TILE + 5, tiles.y * TILE + 5, tiles.w * TILE - 10, tiles.h * TILE - 10)
    focus = (tiles.x + tiles.w / 2, tiles.y + tiles.h / 2)
    return Demand(index, level, visible, tiles, seen or b"\1" * tiles.area, focus)


def at(keys: tuple[TileKey, ...], level: int) -> set[tuple[int, int]]:
    return {(key.col, key.row) for key in keys if key.level == level}


def test_the_ring_is_every_tile_that_touches_one_seen():
    ring = at(tiles_ahead(demand(2, Rect(10, 20, 3, 2)), INFO), 2)
    around = set(Rect(9, 19, 5, 4).points())
    assert ring == around - set(Rect(10, 20, 3, 2).points())


def test_a_tile_left_out_in_the_middle_of_what_is_seen_belongs_to_the_ring():
    seen = b"\1\1\1\1\0\1\1\1\1"
    ring = at(tiles_ahead(demand(2, Rect(10, 20, 3, 3), seen), INFO), 2)
    assert (11, 21) in ring
    assert len(ring) == 17
    corner = b"\1\0\0\0\0\0\0\0\0"
    assert at(tiles_ahead(demand(2, Rect(10, 20, 3, 3), corner), INFO), 2) == set(Rect(9, 19, 3, 3).points()) - {
        (10, 20)
    }


def test_the_ring_ends_with_the_photograph():
    whole = Rect(0, 0, 1000 * 4, 800 * 4).cells(TILE)
    assert at(tiles_ahead(demand(2, whole), INFO), 2) == set()
    last = at(tiles_ahead(demand(2, Rect(whole.w - 2, whole.h - 2, 2, 2)), INFO), 2)
    first = at(tiles_ahead(demand(2, Rect(0, 0, 2, 2)), INFO), 2)
    assert last == {(whole.w - 3 + dx, whole.h - 3 + dy) for dx, dy in ((0, 0), (1, 0), (2, 0), (0, 1), (0, 2))}
    assert first == {(2, 0), (2, 1), (2, 2), (0, 2), (1, 2)}


def test_the_next_level_covers_the_middle_half_of_what_is_seen():
    shown = demand(1, Rect(8, 4, 4, 4))
    closer = at(tiles_ahead(shown, INFO), 2)
    middle = Rect(9 * TILE + 5, 5 * TILE + 5, 2 * TILE - 10, 2 * TILE - 10).scale(2)
    covered = middle.cells(TILE)
    assert set(covered.points()) >= closer >= set(middle.pad(-TILE // 2).cells(TILE).points())


def test_the_ring_comes_first_and_each_from_the_focus_outward():
    keys = tiles_ahead(demand(2, Rect(10, 20, 3, 3), index=4), INFO)
    levels = [key.level for key in keys]
    assert levels == sorted(levels)
    assert {key.photograph for key in keys} == {4}
    for level, middle in ((2, (11.5, 21.5)), (3, (23.0, 43.0))):
        far = [
            (key.col + 0.5 - middle[0]) ** 2 + (key.row + 0.5 - middle[1]) ** 2 for key in keys if key.level == level
        ]
        assert len(far) > 3
        assert far == sorted(far)


def test_nothing_beyond_the_finest_level_and_nothing_while_the_photograph_itself_suffices():
    assert {key.level for key in tiles_ahead(demand(3, Rect(10, 20, 3, 3)), INFO)} == {3}
    assert {key.level for key in tiles_ahead(demand(0, Rect(3, 3, 4, 4)), INFO)} == {1}
    assert tiles_ahead(demand(-1, Rect(1, 1, 4, 4)), INFO) == ()
