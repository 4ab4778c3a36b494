"""The renderer against an independent computation, pixel by pixel, and the marks that keep it honest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from sr_core.image.departure import in_alpha
from sr_core.image.geometry import TILE, TileKey
from tests.helpers.gl_stage import SIZE, Stage, demo_photograph, enlarged, eye_at, offscreen, warped
from vr_app.core.scene import overlay
from vr_app.core.scene.composition import Face, Layered, Shape
from vr_app.core.scene.scene import LabelItem, RayItem, Scene, SurfaceItem
from vr_app.core.scene.words import Status, labels
from vr_app.core.space.pose import Eye, Pose
from vr_app.core.space.surface import Panel
from vr_app.core.tiles.page_table import FADE, PageWindow, synthesised_around
from vr_app.core.view.intent import SurfaceKind
from vr_app.gl import objects
from vr_app.gl.context import GL, Context
from vr_app.gl.objects import Framebuffer
from vr_app.gl.text import GLYPHS_DRAWN, line
from vr_app.gl.tiles import EDGE, PAGE_WINDOWS

PANEL, RETINA = SurfaceKind.PANEL, SurfaceKind.RETINA


@pytest.fixture(scope="module")
def context() -> Iterator[Context]:
    with offscreen() as opened:
        yield opened


@pytest.fixture(scope="module")
def fundus(context: Context) -> Iterator[Stage]:
    """The whole photograph, 1411 x 1411: nothing synthesised."""
    stage = Stage(demo_photograph())
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def enlarged_fundus(context: Context) -> Iterator[Stage]:
    """Part of it, of a size that no power of two divides, with levels 1 to 3."""
    pixels = demo_photograph(edge=403)
    stage = Stage(pixels, {level: enlarged(pixels, level) for level in (1, 2, 3)})
    yield stage
    stage.close()


def assert_warped(stage: Stage, kind: SurfaceKind, center: tuple[float, float], zoom: float, level: int) -> None:
    eye = eye_at(0.11)
    items = stage.items(stage.view(kind, center, zoom), (eye,))
    shown = min(items[0].pages.level, max(stage.pictures))
    assert shown == level
    drawn = stage.draw(Scene(items), eye)
    expected = warped(items[0], eye, stage.pictures[level], level)
    assert expected.content.sum() > 10_000
    assert expected.share_within(drawn, 2.0) >= 0.99
    for shift in ((2.0, 0.0), (0.0, -2.0)):
        assert warped(items[0], eye, stage.pictures[level], level, shift).share_within(drawn, 2.0) < 0.99


@pytest.mark.parametrize(
    ("kind", "center", "zoom", "level"),
    [
        (PANEL, (0.5, 0.5), 1.0, -2),
        (PANEL, (0.3, 0.45), 2.5, -1),
        (PANEL, (0.28, 0.5), 6.0, 0),
        (RETINA, (0.5, 0.5), 1.0, -1),
        (RETINA, (0.3, 0.45), 2.5, 0),
        (RETINA, (0.28, 0.5), 6.0, 0),
    ],
)
def test_photograph_is_where_rays_meet_it(
    fundus: Stage, kind: SurfaceKind, center: tuple[float, float], zoom: float, level: int
) -> None:
    assert_warped(fundus, kind, center, zoom, level)


def test_a_bent_panel_is_where_rays_meet_it_and_its_back_is_not_shown(fundus: Stage) -> None:
    eye = eye_at(0.11)
    (item,) = fundus.items(fundus.view(PANEL, (0.5, 0.5), 1.0), (eye,))
    bent = replace(item, surface=replace(item.surface, bend=0.5))
    drawn = fundus.draw(Scene((bent,)), eye)
    assert warped(bent, eye, fundus.pictures[-2], -2).share_within(drawn, 2.0) >= 0.99
    assert warped(item, eye, fundus.pictures[-2], -2).share_within(drawn, 2.0) < 0.9  # a flat one looks different
    turned = replace(bent.surface, pose=Pose.facing(item.surface.pose.position, np.pi))
    assert np.array_equal(fundus.draw(Scene((replace(bent, surface=turned),)), eye), fundus.draw(Scene(), eye))


@pytest.mark.parametrize(
    ("kind", "center", "zoom", "level"),
    [(PANEL, (0.45, 0.5), 1.6, 1), (PANEL, (0.08, 0.47), 9.0, 3), (RETINA, (0.45, 0.5), 2.0, 2)],
)
def test_synthesised_levels_are_where_rays_meet_them(
    enlarged_fundus: Stage, kind: SurfaceKind, center: tuple[float, float], zoom: float, level: int
) -> None:
    assert_warped(enlarged_fundus, kind, center, zoom, level)


def test_stand_in_is_the_nearest_coarser_tile(context: Context) -> None:
    stage = Stage(demo_photograph(edge=403))
    eye = eye_at()
    items = stage.items(stage.view(PANEL, (0.5, 0.5), 8.0), (eye,))
    assert items[0].pages.level > 0 == items[0].pages.entries[..., 1].max()
    drawn = stage.draw(Scene(items), eye)
    assert warped(items[0], eye, stage.pictures[0], 0).share_within(drawn, 2.0) >= 0.99
    stage.close()


def test_every_grey_level_is_shown_as_it_is_stored(context: Context) -> None:
    block = 16
    pixels = np.repeat(np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16), block, 0), block, 1)
    stage = Stage(np.repeat(pixels[..., None], 3, axis=2))
    eye = eye_at(size=(512, 512), vertical=43.6)
    drawn = stage.draw(Scene(stage.items(stage.view(PANEL, (0.5, 0.5), 1.0), (eye,))), eye)
    middles = 16 + 32 * np.arange(16)
    assert np.array_equal(drawn[np.ix_(middles, middles)][..., 0], np.arange(256).reshape(16, 16))
    assert (drawn == drawn[..., :1]).all(axis=-1)[np.ix_(middles, middles)].all()
    stage.close()


def two_tone(stage: Stage, **changes: int) -> SurfaceItem:
    """The panel's item, its page entries' columns replaced by name: below, above, fade, failed ..."""
    item = stage.items(stage.view(PANEL, (0.5, 0.5), 1.0), (eye_at(),))[0]
    names = ("below", "below_level", "above", "above_level", "fade", "failed")
    entries = item.pages.entries.copy()
    for name, value in changes.items():
        entries[..., names.index(name)] = value
    entries[..., 6] = synthesised_around(entries)
    return replace(item, pages=replace(item.pages, entries=entries))


def test_half_faded_tile_is_the_mean_in_linear_light(context: Context) -> None:
    stage = Stage(np.full((200, 200, 3), 40, np.uint8))
    item = two_tone(stage)
    below = int(item.pages.entries[0, 0, 0])
    above = stage.residency.reserve(TileKey(9, 0, 0, 0), 0.0)
    stage.tiles.put(above, np.full((EDGE, EDGE, 3), 200, np.uint8))
    item = two_tone(stage, below=below, above=above, above_level=int(item.pages.level), fade=500)
    drawn = stage.draw(Scene((item,)), eye_at())
    linear = (((40 / 255 + 0.055) / 1.055) ** 2.4 + ((200 / 255 + 0.055) / 1.055) ** 2.4) / 2
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(drawn[SIZE[1] // 2, SIZE[0] // 2] - expected).max() <= 1
    stage.close()


def test_arriving_tile_fades_in_without_a_jump_in_tone(fundus: Stage) -> None:
    eye = eye_at()
    view = fundus.view(PANEL, (0.62, 0.41), 3.0)
    during = [fundus.items(view, (eye,), now=FADE * part)[0] for part in (0.0, 0.5, 1.0)]
    assert [int(item.pages.entries[0, 0, 4]) for item in during[:2]] == [0, 500]
    start, middle, end = (fundus.draw(Scene((item,)), eye).astype(int) for item in during)
    low, high = np.minimum(start, end) - 1, np.maximum(start, end) + 1
    assert ((middle >= low) & (middle <= high)).all()
    assert (start != end).any()


CYAN_MARK = np.array([48, 219, 242])
"""The outline's colour in the shader, encoded."""


def marked(picture: np.ndarray) -> np.ndarray:
    return (np.abs(picture.astype(int) - CYAN_MARK) <= 3).all(axis=-1)


def test_outline_lies_on_the_photographed_side(context: Context) -> None:
    pixels = np.full((512, 512, 3), (180, 60, 40), np.uint8)
    stage = Stage(pixels)
    eye = eye_at(size=(512, 512), vertical=43.6)
    item = stage.items(stage.view(PANEL, (0.5, 0.5), 1.0), (eye,))[0]
    entries = item.pages.entries.copy()
    half = entries.shape[1] // 2
    plain = stage.draw(Scene((item,)), eye)
    entries[:, :half, 1] = 1
    entries[..., 6] = synthesised_around(entries)
    drawn = stage.draw(Scene((replace(item, pages=replace(item.pages, entries=entries)),)), eye)
    marks = marked(drawn)
    border = 256
    assert marks[20:-20, border : border + 2].all()
    assert not marks[20:-20, border + 4 : -20].any()
    assert np.array_equal(drawn[20:-20, 20:border], plain[20:-20, 20:border])
    assert not marked(plain).any()
    stage.close()


def test_outline_on_a_face_of_its_own_is_as_much_wider_as_the_face_is_finer(context: Context) -> None:
    stage = Stage(np.full((512, 512, 3), (180, 60, 40), np.uint8))
    eye = eye_at(size=(512, 512), vertical=43.6)
    (item,) = stage.items(stage.view(PANEL, (0.5, 0.5), 1.0), (eye,))
    entries = item.pages.entries.copy()
    entries[:, : entries.shape[1] // 2, 1] = 1
    entries[..., 6] = synthesised_around(entries)
    surface = replace(item.surface, pose=Pose())
    scene = Scene((replace(item, surface=surface, pages=replace(item.pages, entries=entries)),), backdrop=False)
    half = surface.width / 2
    widths = {}
    for edge in (512, 1024):
        face = Face(-half, -half, half, half, (edge, edge))
        framebuffer = Framebuffer.create(face.size)
        stage.renderer.draw_face(framebuffer, Layered((0, 0), Shape.QUAD, surface, face, scene))
        widths[edge] = int(marked(framebuffer.read())[edge // 2, edge // 4 : -edge // 4].sum())
        framebuffer.close()
    # Two of the eye's pixels, and so three of the face's, however fine it is: that is for who cuts it.
    assert widths == {512: 3, 1024: 3}
    stage.close()


def test_bezel_is_lined_where_its_neighbour_is_synthesised(enlarged_fundus: Stage) -> None:
    eye = eye_at(size=(400, 400), vertical=60)
    stage = enlarged_fundus
    item = stage.items(stage.view(PANEL, (0.5, 0.5), 3.0), (eye,))[0]
    content = warped(item, eye, stage.pictures[0], 0).content
    marks = marked(stage.draw(Scene((item,)), eye))
    assert not marks[content].any()
    rows = np.flatnonzero(content.any(axis=1))
    columns = np.flatnonzero(content.any(axis=0))
    middle_row, middle_column = rows[rows.size // 2], columns[columns.size // 2]
    for side in (
        marks[middle_row, columns[0] - 3 : columns[0]],
        marks[middle_row, columns[-1] + 1 : columns[-1] + 4],
        marks[rows[0] - 3 : rows[0], middle_column],
        marks[rows[-1] + 1 : rows[-1] + 4, middle_column],
    ):
        assert side.sum() >= 1


def test_photographed_panel_has_no_mark(fundus: Stage) -> None:
    eye = eye_at()
    item = fundus.items(fundus.view(PANEL, (0.5, 0.5), 1.0), (eye,))[0]
    assert not marked(fundus.draw(Scene((item,)), eye)).any()


def test_tile_not_available_is_hatched_over_the_photograph(context: Context) -> None:
    stage = Stage(np.full((512, 512, 3), (180, 60, 40), np.uint8))
    eye = eye_at(size=(512, 512), vertical=43.6)
    item = stage.items(stage.view(PANEL, (0.5, 0.5), 1.0), (eye,))[0]
    entries = item.pages.entries.copy()
    entries[:4, :4, 5] = 1
    drawn = stage.draw(Scene((replace(item, pages=replace(item.pages, entries=entries)),)), eye).astype(int)
    inside, outside = drawn[10:240, 10:240], drawn[270:500, 270:500]
    assert np.ptp(outside.reshape(-1, 3), axis=0).max() == 0
    same = (inside == outside[0, 0]).all(axis=-1)
    assert 0.5 < same.mean() < 0.9
    # Lines run diagonally: a step right and up stays on the line.
    assert np.abs(inside[40:-40, 40:-40] - inside[39:-41, 41:-39]).mean() > 5
    assert np.abs(inside[40:-40, 40:-40] - inside[41:-39, 41:-39]).mean() < 2
    stage.close()


CORNERS = {(0, 0): (230, 30, 30), (1, 0): (30, 230, 30), (0, 1): (40, 40, 240), (1, 1): (230, 230, 30)}
"""Colour of the photograph's corner marks by (right, lower)."""


def corner_marks(width: int = 600, height: int = 500, edge: int = 24) -> np.ndarray:
    pixels = np.full((height, width, 3), 60, np.uint8)
    for (right, lower), colour in CORNERS.items():
        x, y = right * (width - edge), lower * (height - edge)
        pixels[y : y + edge, x : x + edge] = colour
    return pixels


def middle_of(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Centroid (column, row) of a colour, in pixels from the upper left corner."""
    rows, columns = np.nonzero((np.abs(picture.astype(int) - colour) <= 25).all(axis=-1))
    assert rows.size > 8
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


def pixel_of(eye: Eye, point: np.ndarray) -> np.ndarray:
    clip = eye.fov.projection() @ eye.pose.inverse_matrix() @ np.append(point, 1.0)
    return (clip[:2] / clip[3] * [0.5, -0.5] + 0.5) * eye.size


@pytest.mark.parametrize("kind", [PANEL, RETINA])
def test_marked_corners_lie_right_in_both_eyes(context: Context, kind: SurfaceKind) -> None:
    stage = Stage(corner_marks())
    eyes = tuple(eye_at(x, size=(500, 500), vertical=95.0) for x in (-0.032, 0.032))
    items = stage.items(stage.view(kind, (0.5, 0.5), 1.0), eyes)
    pictures = [stage.draw(Scene(items), eye) for eye in eyes]
    found = {}
    for corner, colour in CORNERS.items():
        s = (np.array(corner) - 0.5) * (np.array([576, 476]) / [600, 500])
        for eye, picture in zip(eyes, pictures, strict=True):
            at = middle_of(picture, colour)
            found[corner, eye.pose.position[0] > 0] = at
            assert np.abs(at - pixel_of(eye, items[0].surface.point(s))).max() < 2.0
    for right_eye in (False, True):
        assert found[(0, 0), right_eye][0] < found[(1, 0), right_eye][0]
        assert found[(0, 0), right_eye][1] < found[(0, 1), right_eye][1]
    # What is 2 m away lies further to the right in the left eye.
    assert all(found[corner, False][0] - found[corner, True][0] > 2.0 for corner in CORNERS)
    stage.close()


def test_backs_are_not_shown(context: Context) -> None:
    stage = Stage(np.full((64, 64, 3), 200, np.uint8))
    eye = eye_at()
    item = stage.items(stage.view(PANEL, (0.5, 0.5), 1.0), (eye,))[0]
    behind = replace(item, surface=Panel(Pose.facing((0.0, 0.0, -2.0), np.pi), 1.6, 1.6))
    assert stage.draw(Scene((item,)), eye).max() > 190
    assert np.array_equal(stage.draw(Scene((behind,)), eye), stage.draw(Scene(), eye))
    stage.close()


def test_label_is_read_upright_and_in_its_colour(fundus: Stage) -> None:
    eye = eye_at(size=(400, 200), vertical=30)
    empty = fundus.draw(Scene(), eye)
    label = LabelItem("L", Pose((0.0, 0.0, -1.0)), 0.3, align=0.5, color=(1.0, 0.5, 0.0, 1.0))
    drawn = fundus.draw(Scene(labels=(label,)), eye)
    ink = (drawn != empty).any(axis=-1)
    rows, columns = np.nonzero(drawn[..., 0] > 150)
    assert np.abs(drawn[rows, columns].max(axis=0).astype(int) - (255, 128, 20)).max() <= 20
    # An L stands on a foot that points to the right, its capitals' middle at the pose.
    foot = drawn[rows.max() - 2, :, 0] > 150
    stem = drawn[rows.min() + 2, :, 0] > 150
    assert foot.sum() > 2 * stem.sum() > 0
    assert np.flatnonzero(foot)[0] == np.flatnonzero(stem)[0]
    assert abs((rows.min() + rows.max()) / 2 - 100) <= 2
    assert abs((columns.min() + columns.max()) / 2 - 200) <= 8
    assert ink[:20].sum() == ink[-20:].sum() == 0


def test_label_plate_lies_behind_its_text(fundus: Stage) -> None:
    eye = eye_at(size=(400, 200), vertical=30)
    label = LabelItem("AI x4", Pose((-0.15, 0.0, -1.0)), 0.1, background=(0.2, 0.2, 0.8, 1.0))
    drawn = fundus.draw(Scene(labels=(label,)), eye)
    plate = (np.abs(drawn.astype(int) - (51, 51, 204)) <= 1).all(axis=-1)
    ink = (drawn > 240).all(axis=-1)
    assert ink.sum() > 100
    rows, columns = np.nonzero(plate)
    ink_rows, ink_columns = np.nonzero(ink)
    assert rows.min() < ink_rows.min() < ink_rows.max() < rows.max()
    assert columns.min() < ink_columns.min() < ink_columns.max() < columns.max()


def test_line_longer_than_one_call_draws(fundus: Stage) -> None:
    """Its last letters lie where they lie without the ones before them."""
    eye = eye_at(size=(1200, 60), vertical=3)
    words = "i" * (2 * GLYPHS_DRAWN) + " L" * 9
    tail = "L" + " L" * 8
    pose = Pose((0.5, 0.0, -1.0))
    whole, last = (
        fundus.draw(Scene(labels=(LabelItem(text, pose, 0.03, align=1.0),)), eye).astype(int) for text in (words, tail)
    )
    width = line(tail).advance * 0.03  # metres at 1 m: what lies left of it, the first has more of
    right = np.s_[:, int(pixel_of(eye, np.array([0.5 - width, 0.0, -1.0]))[0]) + 2 :]
    assert last[right].max() > 200
    assert np.abs(whole[right] - last[right]).max() <= 3
    assert whole.sum() > 2 * last.sum()


def test_ray_ends_in_a_dot_where_it_hits(fundus: Stage) -> None:
    eye = eye_at(size=(600, 600), vertical=30)
    empty = fundus.draw(Scene(), eye).astype(int)
    end = (0.3, 0.2, -2.0)
    beam = fundus.draw(Scene(rays=(RayItem((0.2, -0.4, -0.5), end, False),)), eye) - empty
    with_dot = fundus.draw(Scene(rays=(RayItem((0.2, -0.4, -0.5), end, True),)), eye) - empty
    column, row = pixel_of(eye, np.array(end)).astype(int)
    around = np.s_[row - 2 : row + 2, column - 2 : column + 2]
    assert with_dot[around].min() > 150
    half_way = pixel_of(eye, np.array([0.25, -0.1, -1.25])).astype(int)
    near = np.s_[half_way[1] - 2 : half_way[1] + 3, half_way[0] - 2 : half_way[0] + 3]
    assert beam[near].max() > 60
    assert (beam != 0).any(axis=-1).mean() < 0.02


def test_no_gl_object_is_made_once_the_retina_is_prepared(
    enlarged_fundus: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is drawn then: zooms, the other surface, words never seen before, the help, pictures taken."""
    eye = eye_at()
    framebuffer = Framebuffer.create(eye.size)
    enlarged_fundus.renderer.prepare_retina()
    made = objects.made()

    def refuse(*arguments: object) -> None:
        pytest.fail("memory was taken for a GL object")

    for name in ("glTexImage2D", "glTexImage3D", "glBufferData"):
        monkeypatch.setattr(GL, name, refuse)
    pictures = []
    for kind in (PANEL, RETINA):
        for zoom in (1.0, 3.0, 9.0):
            items = enlarged_fundus.items(enlarged_fundus.view(kind, (0.3, 0.4), zoom), (eye,))
            status = Status(caption=f"caption {zoom}", help=zoom == 3.0, recording=True, notices=(f"{kind} {zoom}",))
            ray = RayItem((0.0, -0.3, -0.3), (0.0, 0.0, -2.0), True)
            scene = Scene(items, labels(items, 0, status), (ray,), invention=zoom == 9.0)
            enlarged_fundus.renderer.draw(framebuffer, eye, scene)
            pictures.append(framebuffer.read())
    assert len({picture.tobytes() for picture in pictures}) == 6
    assert objects.made() == made
    monkeypatch.undo()
    framebuffer.close()


def test_more_surfaces_than_page_windows_lie_beside_each_other(context: Context) -> None:
    """Each is drawn with its own window, also the first of the second lot."""
    stage = Stage(np.full((64, 64, 3), 200, np.uint8))
    eye = eye_at()
    item = stage.items(stage.view(PANEL, (0.5, 0.5), 1.0), (eye,))[0]
    dark = stage.residency.reserve(TileKey(9, 0, 0, 0), 0.0)
    stage.tiles.put(dark, np.full((EDGE, EDGE, 3), 20, np.uint8))
    entries = item.pages.entries.copy()
    entries[..., 0] = dark
    other = replace(item, pages=replace(item.pages, entries=entries))
    middle = SIZE[1] // 2, SIZE[0] // 2
    for last, grey in ((item, 200), (other, 20)):
        first = other if last is item else item
        for _ in range(2):
            assert (stage.draw(Scene((*[first] * PAGE_WINDOWS, last)), eye)[middle] == grey).all()
    assert (stage.draw(Scene((*[item] * (PAGE_WINDOWS - 1), other)), eye)[middle] == 20).all()
    stage.close()


GREY = 120
"""Of every tile in the tests of the overlay."""


def linear(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def overlaid(departure: float, restored: float = 0.0) -> np.ndarray:
    """What the overlay makes of GREY where so many grey levels are invented and restored, encoded, 0 to 255."""
    under = overlay.OPACITY * min(2 * np.clip((restored - overlay.FROM) / (overlay.FULL - overlay.FROM), 0, 1), 1)
    ground = linear(np.array(GREY / 255)) * (1 - under) + linear(np.array(overlay.RESTORED_COLOUR[:3])) * under
    much = np.clip((departure - overlay.FROM) / (overlay.FULL - overlay.FROM), 0, 1)
    little, most = (linear(np.array(colour[:3])) for colour in (overlay.LITTLE, overlay.MUCH))
    turned = np.clip(2 * much - 1, 0, 1)
    opacity = overlay.OPACITY * min(2 * much, 1)
    light = ground * (1 - opacity) + (little * (1 - turned) + most * turned) * opacity
    return 255 * (1.055 * light ** (1 / 2.4) - 0.055)


def tile_departing(invented: int, restored: int = 0) -> np.ndarray:
    levels = np.full((EDGE, EDGE), invented, np.uint8), np.full((EDGE, EDGE), restored, np.float32)
    return np.dstack([np.full((EDGE, EDGE, 3), GREY, np.uint8), in_alpha(*levels)])


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("departure", [0, 1, 2, 4, 6, 7, 9, 12, 40, 255])
def test_overlay_tells_how_far_synthesised_pixels_depart(context: Context, departure: int, level: int) -> None:
    stage = Stage(np.full((200, 200, 3), GREY, np.uint8))
    slot = stage.residency.reserve(TileKey(9, 1, 0, 0), 0.0)
    stage.tiles.put(slot, tile_departing(departure))
    item = two_tone(stage, below=slot, below_level=level)
    plain, drawn = (stage.draw(Scene((item,), invention=shown), eye_at()) for shown in (False, True))
    middle = SIZE[1] // 2, SIZE[0] // 2
    assert (plain[middle] == GREY).all()
    expected = overlaid(departure) if level > 0 else GREY  # photographed pixels have none, whatever lies in alpha
    assert np.abs(drawn[middle] - expected).max() <= 2
    # The outline around it stays.
    assert marked(plain).any() == (level > 0)
    assert np.array_equal(marked(plain), marked(drawn))
    stage.close()


def test_overlay_comes_with_its_tile(context: Context) -> None:
    """Half faded in over the photograph, a tile's departures count half."""
    stage = Stage(np.full((200, 200, 3), GREY, np.uint8))
    slot = stage.residency.reserve(TileKey(9, 1, 0, 0), 0.0)
    stage.tiles.put(slot, tile_departing(12))
    below = int(two_tone(stage).pages.entries[0, 0, 0])
    for fade, departure in ((0, 0), (250, 3), (500, 6), (1000, 12)):
        item = two_tone(stage, below=below, above=slot, above_level=1, fade=fade)
        drawn = stage.draw(Scene((item,), invention=True), eye_at())
        assert np.abs(drawn[SIZE[1] // 2, SIZE[0] // 2] - overlaid(departure)).max() <= 2
    stage.close()


@pytest.mark.parametrize(("invented", "restored"), [(0, 1), (0, 4), (0, 30), (5, 5), (12, 12), (15, 1)])
def test_overlay_tells_what_is_restored_from_what_is_invented(context: Context, invented: int, restored: int) -> None:
    stage = Stage(np.full((200, 200, 3), GREY, np.uint8))
    slot = stage.residency.reserve(TileKey(9, 1, 0, 0), 0.0)
    stage.tiles.put(slot, tile_departing(invented, restored))
    drawn = stage.draw(Scene((two_tone(stage, below=slot, below_level=1),), invention=True), eye_at())
    assert np.abs(drawn[SIZE[1] // 2, SIZE[0] // 2] - overlaid(invented, restored)).max() <= 2
    stage.close()


def test_overlay_between_texels_mixes_each_figure_by_itself(context: Context) -> None:
    """Two numbers in a byte: as one they could not be filtered. Across an edge from 15 invented to 15 restored there is
    no pixel that shows anything else than parts of both."""
    stage = Stage(np.full((200, 200, 3), GREY, np.uint8))
    slot = stage.residency.reserve(TileKey(9, 1, 0, 0), 0.0)
    tile = tile_departing(15)
    tile[:, EDGE // 2 :] = tile_departing(0, 15)[:, EDGE // 2 :]
    stage.tiles.put(slot, tile)
    drawn = stage.draw(Scene((two_tone(stage, below=slot, below_level=1),), invention=True), eye_at())
    parts = [overlaid(15 * (1 - part), 15 * part) for part in np.linspace(0, 1, 101)]
    row = drawn[SIZE[1] // 2, 100:380].astype(float)  # across several tiles, away from the outline
    apart = np.abs(row[:, None] - np.array(parts)[None]).max(axis=-1)
    assert apart.min(axis=1).max() <= 6
    assert (apart.argmin(axis=1) % 100 > 0).sum() >= 3  # some lie between
    stage.close()


def test_overlay_leaves_photographs_alone(fundus: Stage) -> None:
    eye = eye_at()
    for kind in (PANEL, RETINA):
        items = fundus.items(fundus.view(kind, (0.4, 0.5), 2.0), (eye,))
        without, marked = (fundus.draw(Scene(items, invention=shown), eye).astype(int) for shown in (False, True))
        difference = np.abs(marked - without)
        assert difference.max() <= 1  # two variants of the shader may round apart
        assert (difference > 0).mean() < 1e-3


def test_overlays_colours_are_told_apart_by_every_eye() -> None:
    """Seen without red, green or blue cones (Vienot, Brettel and Mollon 1999; Brettel 1997, roughly, for the last) the
    three, and a fundus's colours, stay far apart in lightness or in hue."""
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    tritan = np.array([[1, 0.1273, -0.1273], [0, 0.8739, 0.1261], [0, 0.8739, 0.1261]])
    colours = (overlay.LITTLE, overlay.MUCH, overlay.RESTORED_COLOUR)
    little, much, restored = (linear(np.array(colour[:3])) for colour in colours)
    orange = linear(np.array([190, 95, 40]) / 255)
    for seen in (np.eye(3), protan, deutan, tritan):
        for one, other in combinations((little, much, restored, orange), 2):
            difference = np.abs(encoded(seen @ one) - encoded(seen @ other))
            assert difference.max() > 45


def encoded(light: np.ndarray) -> np.ndarray:
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def test_window_larger_than_any_before(context: Context) -> None:
    """A page window of more tiles than the page texture was made for is shown whole."""
    stage = Stage(np.full((300, 300, 3), 100, np.uint8))
    item = two_tone(stage)
    entries = np.zeros((70, 90, 8), np.int16)
    entries[..., 0] = item.pages.entries[0, 0, 0]
    entries[69, 89, 0] = stage.residency.reserve(TileKey(9, 0, 0, 0), 0.0)
    stage.tiles.put(int(entries[69, 89, 0]), np.full((EDGE, EDGE, 3), 220, np.uint8))
    size = (90 * TILE, 70 * TILE)
    pages = PageWindow(0, 0, 0, entries, item.pages.base)
    wide = SurfaceItem(Panel(Pose((0.0, 0.0, -2.0)), 1.6, 1.6 * 70 / 90), replace(item.view, zoom=1.0), size, pages)
    drawn = stage.draw(
        Scene((wide,)), eye_at(size=(720, 560), vertical=2 * np.degrees(np.arctan(0.35 * 1.6 / 0.9 / 2)))
    )
    bright = np.argwhere(drawn[..., 0] > 160)
    assert bright.size > 0
    assert bright.min(axis=0)[0] > 400
    assert bright.min(axis=0)[1] > 500
    stage.close()


def test_of_a_panel_with_a_divider_each_part_shows_what_the_whole_shows_there(fundus: Stage) -> None:
    """And nothing but its bezel beyond."""
    eye = eye_at(0.11)
    view = fundus.view(PANEL, (0.4, 0.45), 2.0)
    (whole,) = fundus.items(view, (eye,))
    everything = fundus.draw(Scene((whole,)), eye).astype(int)
    empty = fundus.draw(Scene(()), eye).astype(int)
    for window in ((-0.5, -0.5, -0.1, 0.5), (0.2, -0.3, 0.5, 0.4)):
        part = replace(whole, surface=replace(whole.surface, window=window))
        drawn = fundus.draw(Scene((part,)), eye).astype(int)
        expected = warped(part, eye, fundus.pictures[part.pages.level], part.pages.level)
        inner = eroded(expected.content, 2)
        assert inner.sum() > 2000
        assert np.abs(drawn - everything)[inner].max() <= 1
        beyond = ~eroded(expected.content, -10)
        assert np.array_equal(drawn[beyond], empty[beyond])


def eroded(mask: np.ndarray, pixels: int) -> np.ndarray:
    """A mask without its outermost pixels; with so many more where `pixels` is negative."""
    grow = binary_dilation if pixels < 0 else binary_erosion
    return grow(mask, iterations=abs(pixels))
