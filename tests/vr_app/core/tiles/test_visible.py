"""Which tiles the eyes can resolve."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sr_core.image.geometry import TILE, Rect, TileKey, coarsest_level
from tests.helpers.records import of
from tests.helpers.tiles import ancestor
from vr_app.core.space.pose import Eye, Fov, Pose
from vr_app.core.space.surface import photograph_uv, retina_angle
from vr_app.core.tiles.visible import HYSTERESIS, SETTLE, Demand, Seen, _tenth, demands, is_jump, look, tiles_wanted
from vr_app.core.view.intent import (
    LookAt,
    Moved,
    MoveDivider,
    MovePanel,
    NextImage,
    Pan,
    SetCompare,
    SetFieldAngle,
    ShowLayout,
    SurfaceKind,
    Undo,
    Zoom,
)
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import BLINK_SECONDS, Compare
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import place, within_reach
from vr_app.core.view.step import photograph_arrived, photograph_failed, step
from vr_app.core.view.view import ViewState

PANEL, RETINA = SurfaceKind.PANEL, SurfaceKind.RETINA
INFO = PhotographRecord("eye", (4288, 2848), (2100.0, 1420.0), 1400.0)
SMALL = PhotographRecord("small", (999, 701), (500.0, 350.0), 340.0)


def window(size: tuple[int, int]) -> tuple[Eye, ...]:
    return (Eye(Pose(), Fov.framing(size, 0.64, 0.5), size),)


WINDOW = window((1280, 800))
HEADSET = tuple(
    Eye(Pose((side * 0.032, 0.0, 0.0)), Fov(-0.8 + side * 0.06, 0.8 + side * 0.06, 0.85, -0.85), (1344, 1512))
    for side in (-1, 1)
)
"""Wide: 92 degrees across and 97 up and down, each eye seeing further outward."""

COARSE_HEADSET = tuple(replace(eye, size=(1000, 1125)) for eye in HEADSET)


def looking_at(
    surface: SurfaceKind, center: tuple[float, float] = (0.5, 0.5), zoom: float = 1.0, count: int = 1
) -> ViewState:
    """A view that has just come to this place."""
    return step(ViewState.start(count, surface), (LookAt(surface, center, zoom),), 0.01)


def seen(view: ViewState, eyes: tuple[Eye, ...], before: tuple[Demand, ...] = ()) -> Demand:
    view = of(view, (INFO,) * len(view.images))
    (demand,) = (d for d in demands(view, place(view), eyes, before) if d.photograph == view.active)
    return demand


def tiles_seen(demand: Demand) -> set[tuple[int, int]]:
    """Column and row of the tiles that some eye sees a part of."""
    rows, cols = demand.mask().nonzero()
    return {(int(col) + demand.tiles.x, int(row) + demand.tiles.y) for col, row in zip(cols, rows, strict=True)}


def turned(eyes: tuple[Eye, ...], rotation: Rotation, by: np.ndarray) -> tuple[Eye, ...]:
    """The same eyes in a head that turned about the origin and then moved `by` metres."""
    moved = []
    for eye in eyes:
        x, y, z = rotation.apply(eye.pose.position) + by
        turn = rotation * Rotation.from_quat(eye.pose.orientation)
        moved.append(replace(eye, pose=Pose((x, y, z), tuple(turn.as_quat()))))
    return tuple(moved)


def random_place(rng: np.random.Generator) -> tuple[tuple[float, float], float]:
    u, v = rng.random(2)
    return (float(u), float(v)), float(2 ** rng.uniform(0, 6))


@pytest.mark.parametrize("eyes", [WINDOW, HEADSET], ids=["window", "headset"])
@pytest.mark.parametrize("surface", [PANEL, RETINA])
def test_every_photograph_pixel_that_a_dense_grid_of_rays_sees_lies_in_a_wanted_tile(surface, eyes):
    rng = np.random.default_rng(11)
    checked = 0
    for _ in range(40):
        center, zoom = random_place(rng)
        info = INFO if rng.random() < 0.7 else SMALL
        view = of(looking_at(surface, center, zoom), (info,))
        head = turned(eyes, Rotation.from_rotvec(rng.normal(0, 0.35, 3)), rng.normal(0, 0.25, 3))
        placed = place(view)
        wants = demands(view, placed, head)
        for eye in head:
            columns, rows = np.meshgrid(np.arange(2.5, eye.size[0], 7), np.arange(2.5, eye.size[1], 7))
            s, _ = placed[0].surface.hit(np.asarray(eye.pose.position), eye.rays(columns, rows))
            uv = photograph_uv(s, view.front.center, view.front.zoom)
            uv = uv[((uv >= 0) & (uv < 1)).all(axis=-1)]
            if len(uv) == 0:
                continue
            (demand,) = wants
            tiles = np.unique((uv * info.size * 2.0**demand.level // TILE).astype(int), axis=0)
            unseen = {(int(col), int(row)) for col, row in tiles} - tiles_seen(demand)
            assert not unseen
            checked += 1
    assert checked > 40 * len(eyes) / 2


def excess(surface: SurfaceKind, eyes: tuple[Eye, ...], size: tuple[int, int], seed: int) -> list[float]:
    """The area of the synthesised tiles wanted over the visible one, for views anywhere on a photograph of `size`, up
    to its largest zoom."""
    info = PhotographRecord("any", size, (size[0] / 2, size[1] / 2), 0.48 * min(size))
    arrived = photograph_arrived(ViewState.start(1, surface), 0, info)
    rng = np.random.default_rng(seed)
    found = []
    for log_zoom in np.linspace(0, math.log2(info.largest_zoom), 70):
        view = step(arrived, (LookAt(surface, tuple(rng.random(2)), 2**log_zoom),), 0.01)
        view = replace(view, still_for=SETTLE)
        (demand,) = demands(view, place(view), eyes)
        tiles = [key for key in tiles_wanted(view, [demand]) if key.synthesised]
        if demand.level < 1:
            assert not tiles
            continue
        assert {key.level for key in tiles} == {demand.level}
        found.append(len(tiles) * TILE**2 / demand.visible.area)
    return found


@pytest.mark.parametrize(
    "eyes",
    [WINDOW, window((800, 600)), window((640, 480)), HEADSET, COARSE_HEADSET],
    ids=["1280x800", "800x600", "640x480", "two 1344x1512", "two 1000x1125"],
)
@pytest.mark.parametrize("surface", [PANEL, RETINA])
def test_the_synthesised_tiles_wanted_cover_at_most_twice_the_visible_area(surface, eyes):
    for seed, size in enumerate([(3504, 2336), (1440, 1024), (480, 360)]):
        found = excess(surface, eyes, size, seed)
        assert len(found) > 15
        assert max(found) <= 2
        assert np.mean(found) <= 1.4


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([PANEL, RETINA]), st.floats(0, 1), st.floats(0, 1), st.floats(0, 6), st.booleans())
def test_what_is_wanted_lies_on_the_photograph_and_within_the_window_told(surface, u, v, log_zoom, two_eyes):
    demand = seen(looking_at(surface, (u, v), 2**log_zoom), HEADSET if two_eyes else WINDOW)
    width, height = (math.ceil(side * 2.0**demand.level) for side in INFO.size)
    assert 0 <= demand.visible.x < demand.visible.right <= width
    assert 0 <= demand.visible.y < demand.visible.bottom <= height
    assert demand.tiles == demand.visible.cells(TILE)
    assert len(demand.seen) == demand.tiles.area
    assert tiles_seen(demand)


@pytest.mark.parametrize("log_exact", [-3, -2, -1, 0, 1, 2, 3])
@pytest.mark.parametrize("offset", [-0.4, 0.0, 0.4])
def test_on_a_panel_the_level_has_pixels_of_the_eyes_own_size(log_exact, offset):
    pixels_per_metre = 4000 / 2 / 2.0  # half the picture's height reaches a tangent of 1, at 2 m
    at_zoom_one = pixels_per_metre * 1.6 / INFO.size[1]
    eye = Eye(Pose(), Fov.symmetric(math.pi / 2, 1.0), (4000, 4000))
    zoom = 2.0 ** (log_exact + offset) / at_zoom_one
    if zoom < 1:  # fewer pixels for the eye instead
        eye = Eye(Pose(), Fov.symmetric(math.pi / 2, 1.0), (round(4000 * zoom),) * 2)
        zoom = 1.0
    assert seen(looking_at(PANEL, zoom=zoom), (eye,)).level == log_exact


@pytest.mark.parametrize("log_exact", [-1, 0, 1, 2, 3])
@pytest.mark.parametrize("offset", [-0.4, 0.0, 0.4])
def test_on_the_retina_the_level_has_pixels_of_the_eyes_own_size(log_exact, offset):
    narrow = math.radians(8)
    eye = Eye(Pose(), Fov.symmetric(narrow, 1.0), (500, 500))
    radians_per_pixel = retina_angle(45.0) / (2 * INFO.field_radius)
    at_zoom_one = 500 / (2 * math.tan(narrow / 2)) * radians_per_pixel
    zoom = 2.0 ** (log_exact + offset) / at_zoom_one
    if zoom < 1:
        eye = Eye(Pose(), Fov.symmetric(narrow, 1.0), (round(500 * zoom),) * 2)
        zoom = 1.0
    assert seen(looking_at(RETINA, zoom=zoom), (eye,)).level == log_exact


def test_the_level_ends_at_the_finest_and_the_coarsest_there_is():
    assert seen(looking_at(PANEL, zoom=64.0), WINDOW).level == 3
    distant = (Eye(Pose((0.0, 0.0, 90.0)), WINDOW[0].fov, (640, 400)),)
    assert seen(looking_at(PANEL), distant).level == coarsest_level(*INFO.size)


def test_the_sharper_of_two_eyes_decides():
    coarse = replace(WINDOW[0], size=(320, 200))
    view = looking_at(PANEL, zoom=8.0)
    fine_level = seen(view, WINDOW).level
    assert seen(view, (coarse,)).level == fine_level - 2
    assert seen(view, (coarse, *WINDOW)).level == fine_level


@pytest.mark.parametrize("surface", [PANEL, RETINA])
def test_the_original_is_shown_without_synthesised_tiles_and_a_whole_photograph_as_ever(surface):
    view = looking_at(surface, zoom=30.0)
    assert seen(view, WINDOW).level > 0
    held = replace(view, original=True, still_for=9.0)
    demand = seen(held, WINDOW)
    assert demand.level == 0
    assert not any(key.synthesised for key in tiles_wanted(of(held, [INFO]), [demand]))
    whole = looking_at(surface)
    assert seen(replace(whole, original=True), WINDOW) == seen(whole, WINDOW)
    assert seen(whole, WINDOW).level < 0


def test_a_head_that_trembles_about_a_switching_point_does_not_change_the_level():
    at_zoom_one = 800 / 2.0 * 1.6 / INFO.size[1]
    switch = 2**1.5 / at_zoom_one
    low, high = (looking_at(PANEL, zoom=switch * 2.0**by) for by in (-0.8 * HYSTERESIS, 0.8 * HYSTERESIS))
    assert [seen(view, WINDOW).level for view in (low, high)] == [1, 2]
    for first, other in ((low, high), (high, low)):
        before = seen(first, WINDOW)
        for view in (other, first, other):
            after = seen(view, WINDOW, before=(before,))
            assert after.level == before.level
            before = after


def test_past_the_switching_point_the_level_does_change_and_another_photographs_past_does_not_count():
    at_zoom_one = 800 / 2.0 * 1.6 / INFO.size[1]
    low, high = (looking_at(PANEL, zoom=2 ** (1.5 + by * HYSTERESIS) / at_zoom_one) for by in (-1.2, 1.2))
    assert seen(high, WINDOW, before=(seen(low, WINDOW),)).level == 2
    assert seen(low, WINDOW, before=(seen(high, WINDOW),)).level == 1
    near = looking_at(PANEL, zoom=2 ** (1.5 + 0.5 * HYSTERESIS) / at_zoom_one)
    assert seen(near, WINDOW, before=(replace(seen(low, WINDOW), photograph=5),)).level == 2


def test_a_surface_behind_the_eyes_is_not_demanded():
    view = of(looking_at(PANEL), (INFO,))
    away = turned(WINDOW, Rotation.from_euler("y", 180, degrees=True), np.zeros(3))
    assert demands(view, place(view), away) == ()
    behind = turned(WINDOW, Rotation.identity(), np.array([0.0, 0.0, -3.0]))
    assert demands(view, place(view), behind) == ()


def test_a_panel_too_small_and_far_for_the_sampling_grid_to_fill_is_still_wanted_where_it_is_hit():
    far = (Eye(Pose((0.0, 0.0, 20.0)), WINDOW[0].fov, (1280, 800)),)
    demand = seen(looking_at(PANEL), far)
    assert demand.level < 0
    assert (0, 0) in tiles_seen(demand)


def test_the_focus_is_the_middle_of_what_is_seen():
    demand = seen(looking_at(PANEL, (0.3, 0.6), 16.0), WINDOW)
    expected = np.array([0.3, 0.6]) * INFO.size * 2.0**demand.level / TILE
    np.testing.assert_allclose(demand.focus, expected, atol=0.5)


def test_coarsest_tiles_of_all_photographs_come_first_even_of_those_out_of_sight():
    view = looking_at(PANEL, zoom=8.0, count=3)
    shown = of(replace(view, still_for=1.0), (INFO, None, SMALL))
    wanted = tiles_wanted(shown, [seen(view, WINDOW)])
    assert wanted[:2] == (TileKey(0, coarsest_level(*INFO.size), 0, 0), TileKey(2, coarsest_level(*SMALL.size), 0, 0))
    assert all(key.photograph == 0 for key in wanted[2:])


@pytest.mark.parametrize(("surface", "zoom"), [(PANEL, 12.0), (PANEL, 3.0), (RETINA, 12.0)])
def test_then_come_photographed_tiles_and_then_synthesised_ones_each_from_the_middle_outward(surface, zoom):
    view = replace(looking_at(surface, (0.4, 0.6), zoom), still_for=SETTLE)
    demand = seen(view, WINDOW)
    wanted = tiles_wanted(of(view, [INFO]), [demand])
    assert len(set(wanted)) == len(wanted)
    rest = wanted[1:]
    assert [key.synthesised for key in rest] == sorted(key.synthesised for key in rest)
    for level in {key.level for key in rest}:
        part = [key for key in rest if key.level == level]
        focus = np.array(demand.focus) * 2.0 ** (level - demand.level)
        distances = [math.dist((key.col + 0.5, key.row + 0.5), focus) for key in part]
        assert distances == sorted(distances)
    finest = {(key.col, key.row) for key in rest if key.level == demand.level}
    assert finest == tiles_seen(demand)


def test_below_each_synthesised_tile_its_photographed_one_is_wanted_too():
    view = replace(looking_at(PANEL, (0.4, 0.6), 16.0), still_for=SETTLE)
    wanted = tiles_wanted(of(view, [INFO]), [seen(view, WINDOW)])
    synthesised = {key for key in wanted if key.synthesised}
    assert synthesised
    assert {ancestor(key, 0) for key in synthesised} == {key for key in wanted if key.level == 0}


def test_synthesised_tiles_are_wanted_only_once_the_view_rests_or_where_it_jumped_to():
    view = looking_at(PANEL, zoom=16.0)
    demand = seen(view, WINDOW)
    for still_for, any_synthesised in ((0.0, False), (0.99 * SETTLE, False), (SETTLE, True), (60.0, True)):
        wanted = tiles_wanted(of(replace(view, still_for=still_for), [INFO]), [demand])
        assert any(key.synthesised for key in wanted) == any_synthesised
        assert any(key.level == 0 for key in wanted)
        jumped = tiles_wanted(of(replace(view, still_for=still_for), [INFO]), [demand], jumped=True)
        assert jumped == tiles_wanted(of(replace(view, still_for=SETTLE), [INFO]), [demand])


def test_a_photographed_tile_below_several_synthesised_ones_is_wanted_once_and_two_photographs_mix_by_distance():
    view = replace(looking_at(PANEL, zoom=16.0, count=2), still_for=SETTLE)
    first = seen(view, WINDOW)
    second = replace(first, photograph=1, focus=(first.focus[0] + 2.25, first.focus[1]))
    wanted = tiles_wanted(of(view, (INFO, INFO)), [first, second])
    assert len(set(wanted)) == len(wanted)
    focus = {0: np.array(first.focus), 1: np.array(second.focus)}
    fine = [key for key in wanted if key.level == first.level]
    assert {key.photograph for key in fine[:6]} == {0, 1}
    distances = [math.dist((key.col + 0.5, key.row + 0.5), focus[key.photograph]) for key in fine]
    assert distances == sorted(distances)


def test_a_trembling_head_leaves_the_order_of_what_is_wanted_alone():
    view = replace(looking_at(PANEL, (0.4, 0.6), 12.0), still_for=SETTLE)
    still = seen(view, WINDOW)
    moved = seen(view, turned(WINDOW, Rotation.identity(), np.array([0.0, 0.0, 2e-4])), (still,))
    assert tiles_wanted(of(view, [INFO]), [still]) is tiles_wanted(of(view, [INFO]), [moved])


def seen_of(visible: Rect, level: int, photograph: int = 0) -> Demand:
    tiles = visible.cells(TILE)
    return Demand(photograph, level, visible, tiles, bytes([1]) * tiles.area, (0.0, 0.0))


@pytest.mark.parametrize(
    ("before", "now", "jump"),
    [
        (seen_of(Rect(0, 0, 400, 400), 0), seen_of(Rect(20, 10, 400, 400), 0), False),
        (seen_of(Rect(0, 0, 400, 400), 0), seen_of(Rect(10, 10, 760, 760), 1), False),  # the level alone is another
        (seen_of(Rect(0, 0, 400, 400), 0), seen_of(Rect(500, 0, 400, 400), 0), True),
        (seen_of(Rect(0, 0, 400, 400), 0), seen_of(Rect(300, 0, 400, 400), 0), True),
        (seen_of(Rect(0, 0, 400, 400), 0), seen_of(Rect(400, 400, 800, 800), 2), True),  # into a corner of it
        (seen_of(Rect(0, 0, 400, 400), 0, photograph=1), seen_of(Rect(0, 0, 400, 400), 0), True),
    ],
)
def test_a_jump_is_a_view_that_has_little_in_common_with_the_one_before(before, now, jump):
    assert is_jump((before,), (now,), 0) is jump
    assert is_jump((now,), (before,), before.photograph) is jump


def test_nothing_seen_is_no_jump_and_the_first_sight_is_one():
    demand = seen_of(Rect(0, 0, 400, 400), 0)
    assert is_jump((), (demand,), 0)
    assert not is_jump((demand,), (), 0)


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=700))
def test_the_tenth_percentile_is_numpys(values):
    assert _tenth(np.array(values)) == pytest.approx(np.percentile(values, 10), rel=1e-12)


def test_photographs_are_placed_anew_when_they_would_be_elsewhere_and_not_for_a_zoom_or_a_pan():
    back = Pose((0.0, 0.0, -0.3))
    view = ViewState.start(14)
    views = [view := photograph_arrived(view, index, (INFO, SMALL)[index % 2]) for index in range(13)]
    intents = (
        NextImage(), MovePanel(1, Moved(Pose((0.2, 0.1, -1.0)), 0.5)), Undo(), ShowLayout(Layout.PAIR),
        SetCompare(Compare.SWIPE), MoveDivider(0.3), SetCompare(Compare.BLINK), NextImage(), ShowLayout(Layout.WALL),
        NextImage(), ShowLayout(Layout.RETINA), SetFieldAngle(60.0), ShowLayout(Layout.ONE),
    )  # fmt: skip
    views += [view := step(view, (intent,), BLINK_SECONDS) for intent in intents]
    views.append(photograph_failed(view, 13))
    views.append(step(views[-1], (ShowLayout(Layout.WALL),), 0.01))
    found = Seen()
    for view in views:
        found = look(view, WINDOW, found)
        assert (found.placed, found.reach) == (place(view), within_reach(place(view)))
        for image in (view.active, 0):
            same = look(step(view, (Zoom(image, (0.4, 0.5), 1.0), Pan(image, (0.4, 0.5), (0.1, 0.0))), 0.0), (), found)
            assert same.placed is found.placed
            assert same.reach is found.reach
    on_retina = look(next(view for view in views if view.layout is Layout.RETINA), WINDOW, found, back)
    assert on_retina.placed[0].surface.pose == back
