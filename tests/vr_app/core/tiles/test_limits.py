"""Limits of memory: defaults, and what is refused."""

import math

import pytest

from sr_core.errors import UserError
from sr_core.image.geometry import TileKey
from tests.helpers.tiles import ancestor
from vr_app.core.space.pose import Eye, Fov, Pose
from vr_app.core.tiles.limits import LEAST_GPU, LEAST_PHOTOGRAPHS, LEAST_TILES, MB, Limits, choose_limits
from vr_app.core.tiles.page_table import ATLAS, SLOT_BYTES
from vr_app.core.tiles.visible import demands, tiles_wanted
from vr_app.core.view.intent import LookAt, SurfaceKind
from vr_app.core.view.photograph import PhotographRecord
from vr_app.core.view.place import place
from vr_app.core.view.step import photograph_arrived, step
from vr_app.core.view.view import ViewState

SIZE, MACHINE = (1280, 800), 16_000 * MB


def test_without_options_the_limits_are_the_defaults():
    assert choose_limits(None, None, None, SIZE, MACHINE) == Limits()


def test_a_small_machine_and_a_large_picture_change_the_defaults():
    assert choose_limits(None, None, None, SIZE, 4_000 * MB).photographs == 1_000 * MB
    large = choose_limits(None, None, None, (8192, 8192), MACHINE)
    assert large.gpu > Limits().gpu
    assert large.tiles > Limits().tiles


def test_what_is_asked_for_in_megabytes_is_what_one_gets():
    assert choose_limits(100, 200, 300, SIZE, MACHINE) == Limits(100 * MB, 200 * MB, 300 * MB)
    assert Limits().slots == 6144
    for gpu in (24, 107, 250):
        slots = Limits(gpu=gpu * MB).slots
        layers = -(-slots // ATLAS**2)
        assert gpu * MB - ATLAS**2 * SLOT_BYTES < layers * ATLAS**2 * SLOT_BYTES <= gpu * MB


@pytest.mark.parametrize(
    ("at", "name", "least"),
    [(0, "--tile-memory", LEAST_TILES), (1, "--photograph-memory", LEAST_PHOTOGRAPHS), (2, "--gpu-memory", LEAST_GPU)],
)
def test_too_little_and_too_much_are_refused_with_the_bound_and_the_bound_is_allowed(at, name, least):
    def choose(value: int) -> Limits:
        given = [None, None, None]
        given[at] = value
        return choose_limits(*given, (320, 240), MACHINE)

    low = -(-least // MB)
    for value, bound in ((-5, low), (0, low), (low - 1, low), (16_001, 16_000), (10**12, 16_000)):
        with pytest.raises(UserError, match=rf"{name} {value}: .*\b{bound}\b") as refused:
            choose(value)
        assert "\n" not in str(refused.value)
    for value in (low, 16_000):
        choose(value)


@pytest.mark.parametrize("size", [(320, 240), (1280, 800), (1920, 1200)])
def test_the_least_that_is_allowed_holds_whatever_one_view_needs(size):
    """Every zoom of a photograph on a panel and inside the eye: the tiles wanted, and all that stand below them."""
    info = PhotographRecord("eye", (4288, 2848), (2144.0, 1424.0), 1400.0)
    with pytest.raises(UserError) as refused:
        choose_limits(None, None, 1, size, MACHINE)
    least = int(str(refused.value).split("at least ")[1].split()[0])
    slots = choose_limits(None, None, least, size, MACHINE).slots
    eye = Eye(Pose(), Fov.symmetric(math.radians(50), size[0] / size[1]), size)
    most = 0
    for kind in SurfaceKind:
        for zoom in (1.0, 1.4, 2.0, 2.9, 4.1, 5.8, 8.0, 11.7, 16.0, 24.0, 40.0):
            view = photograph_arrived(ViewState.start(1, kind), 0, info)
            view = step(view, (LookAt(kind, (0.45, 0.55), zoom),), 0.0)
            view = step(view, (), 1.0)
            wanted = tiles_wanted(view, demands(view, place(view), (eye,)))
            line = {ancestor(key, level) for key in wanted for level in range(-7, key.level + 1)}
            most = max(most, len(line | {TileKey(0, 0, 0, 0)}))
    assert most <= slots
    assert most > slots / 4 or least * MB == LEAST_GPU  # nor is more asked than makes sense
