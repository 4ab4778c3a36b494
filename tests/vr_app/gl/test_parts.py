"""Framebuffer, texture array, uploads, text and the retina's mesh, each in a real context."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from imgui_bundle import __file__ as imgui_bundle_file
from PIL import Image, ImageDraw, ImageFont

from sr_core.errors import UserError
from sr_core.image.geometry import TileKey
from sr_core.tiles.request import TileInMemory
from tests.helpers.gl_stage import Stage, demo_photograph, offscreen
from tests.rig import PATIENCE
from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import CAP_ANGLE, Retina
from vr_app.core.tiles.page_table import ATLAS, EDGE, SLOT_BYTES, Residency
from vr_app.fonts import all_fonts
from vr_app.gl import calls, objects
from vr_app.gl.context import GL, Context
from vr_app.gl.objects import Framebuffer, Program
from vr_app.gl.text import EM, Letters, LetterTexture, drawable, letters, line
from vr_app.gl.tiles import RING, TileArray, Uploader, UploadReport


@pytest.fixture(scope="module")
def context() -> Iterator[Context]:
    with offscreen() as opened:
        yield opened


def test_context_is_modern_and_says_who_draws(context: Context) -> None:
    assert context.renderer
    assert tuple(int(part) for part in context.version.split()[0].split(".")[:2]) >= (3, 3)


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=PATIENCE,
    )


def test_importing_the_room_imports_no_opengl() -> None:
    code = (
        "import sys, vr_app.gl.draw, vr_app.gl.tiles, vr_app.runtime.offscreen, vr_app.runtime.window;"
        "print({'OpenGL', 'glfw', 'trimesh', 'torch'} & set(sys.modules))"
    )
    answer = run_python(code)
    assert answer.stdout.strip() == "set()", answer.stderr


def test_calling_gl_before_a_context_says_so() -> None:
    answer = run_python("from vr_app.gl.context import GL; GL.glFinish()")
    assert answer.stderr.strip().endswith("open a GL context before calling GL")


def test_no_display_is_one_line_with_its_cure() -> None:
    code = "from vr_app.gl.context import open_window; open_window('x', (64, 64), x11=True)"
    answer = run_python(code, DISPLAY=":9", WAYLAND_DISPLAY="")
    assert "vr_app.gl.context.ContextError: no window: " in answer.stderr
    assert "apt-get install libgl1" in answer.stderr.splitlines()[-1]


def test_debug_context_checks_every_call(context: Context) -> None:
    code = (
        "import logging; logging.basicConfig()\n"
        "from vr_app.gl.context import open_offscreen, GL; open_offscreen()\n"
        "GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY + 99, 0)"
    )
    assert "err = 1280" in run_python(code, FUNDUSXR_GL_DEBUG="1").stderr
    assert run_python(code, FUNDUSXR_GL_DEBUG="0").stderr == ""


def test_debug_context_checks_the_plain_calls_too(context: Context) -> None:
    code = (
        "from vr_app.gl.context import open_offscreen; open_offscreen()\n"
        "from vr_app.gl.calls import CALLS; CALLS.glEnable(99)"
    )
    answer = run_python(code, FUNDUSXR_GL_DEBUG="1")
    assert answer.stderr.splitlines()[-1] == "RuntimeError: glEnable(99,): GL error 0x500"
    assert run_python(code, FUNDUSXR_GL_DEBUG="0").stderr == ""


def test_every_plain_call_is_in_the_driver(context: Context) -> None:
    for name in calls._ARGUMENTS:
        assert callable(getattr(calls.CALLS, name))
    with pytest.raises(KeyError):
        calls.CALLS.glFinish  # noqa: B018


def test_gl_objects_are_made_in_one_place_and_counted(context: Context) -> None:
    rooms = Path(objects.__file__).parents[1]
    making = re.compile(r"GL\.gl(Gen(?!erateMipmap)|Create)")
    assert {path.name for path in rooms.rglob("*.py") if making.search(path.read_text())} == {"objects.py"}
    before = objects.made()
    framebuffer = Framebuffer.create((8, 8))
    assert objects.made() == before + 2
    framebuffer.close()
    TileArray(1).close()
    assert objects.made() == before + 2 + 1 + RING
    Program("ray.vert", "ray.frag").close()
    assert objects.made() == before + 2 + 1 + RING + 3


def test_context_error_is_the_users() -> None:
    from vr_app.gl.context import ContextError

    assert issubclass(ContextError, UserError)


def test_framebuffer_is_read_upright_and_as_stored(context: Context) -> None:
    framebuffer = Framebuffer.create((7, 5))
    framebuffer.bind()
    GL.glClearColor(0.5, 0.0, 1.0, 1.0)
    GL.glClear(GL.GL_COLOR_BUFFER_BIT)
    GL.glEnable(GL.GL_SCISSOR_TEST)
    GL.glScissor(0, 4, 2, 1)  # GL counts from below: the upper left corner
    GL.glClearColor(1.0, 1.0, 1.0, 1.0)
    GL.glClear(GL.GL_COLOR_BUFFER_BIT)
    GL.glDisable(GL.GL_SCISSOR_TEST)
    picture = framebuffer.read()
    assert picture.shape == (5, 7, 3)
    assert (picture[0, :2] == 255).all()
    assert (np.abs(picture[1:].astype(int) - (188, 0, 255)) <= 1).all()  # half the light is 188 of 255
    framebuffer.close()
    framebuffer.close()


def test_framebuffer_leaves_a_borrowed_texture(context: Context) -> None:
    lender = Framebuffer.create((8, 8))
    borrower = Framebuffer.of_texture(lender.texture, (8, 8))
    borrower.bind()
    GL.glClearColor(1.0, 0.0, 0.0, 1.0)
    GL.glClear(GL.GL_COLOR_BUFFER_BIT)
    borrower.close()
    assert tuple(lender.read()[3, 3]) == (255, 0, 0)
    lender.close()


def test_tiles_are_checked_and_read_only_ones_taken(context: Context) -> None:
    tiles = TileArray(3)
    pixels = np.zeros((EDGE, EDGE, 3), np.uint8)
    pixels.setflags(write=False)
    tiles.put(2, pixels)
    assert GL.glGetError() == GL.GL_NO_ERROR
    for slot, wrong in (
        (0, pixels[:-1]),
        (0, pixels.astype(np.float32)),
        (0, pixels.transpose(1, 0, 2)),
        (0, pixels[..., :2].copy()),
        (0, pixels[..., 0].copy()),
        (3, pixels),
        (-1, pixels),
    ):
        with pytest.raises(ValueError, match=r"tile|slot"):
            tiles.put(slot, wrong)
    tiles.close()
    tiles.close()


def test_array_never_has_more_slots_than_the_driver_allows_layers_for(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiles = TileArray(ATLAS**2 + 1)
    assert tiles.slots == ATLAS**2 + 1
    tiles.close()
    monkeypatch.setattr(GL, "glGetIntegerv", lambda name: 1 if name == GL.GL_MAX_ARRAY_TEXTURE_LAYERS else None)
    tiles = TileArray(ATLAS**2 + 1)
    assert tiles.slots == ATLAS**2
    tiles.close()


def stored(tiles: TileArray) -> np.ndarray:
    """What the texture holds, as bytes: (slots rounded up to whole layers, EDGE, EDGE, 4)."""
    layers = -(-tiles.slots // ATLAS**2)
    pixels = np.empty((layers, ATLAS * EDGE, ATLAS * EDGE, 4), np.uint8)
    GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, tiles.texture)
    GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
    GL.glGetTexImage(GL.GL_TEXTURE_2D_ARRAY, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, pixels)
    return pixels.reshape(layers, ATLAS, EDGE, ATLAS, EDGE, 4).swapaxes(2, 3).reshape(-1, EDGE, EDGE, 4)


def test_alpha_is_stored_as_it_is_and_0_where_a_tile_has_none(context: Context) -> None:
    drawn = np.random.default_rng(1).integers(0, 256, (EDGE, EDGE, 4), np.uint8)
    tiles = TileArray(5)
    tiles.stage(1, drawn)
    tiles.stage(4, np.ascontiguousarray(drawn[..., :3]))
    tiles.flush()
    found = stored(tiles)
    assert np.array_equal(found[1], drawn)
    assert np.array_equal(found[4, ..., :3], drawn[..., :3])
    assert not found[4, ..., 3].any()
    tiles.close()


def test_no_more_is_staged_than_there_is_room_for(context: Context) -> None:
    tiles = TileArray(5, staged=2)
    pixels = np.full((EDGE, EDGE, 3), 7, np.uint8)
    for turn in range(2 * RING):  # every buffer of the ring, and again
        pixels = np.full((EDGE, EDGE, 3), 7 + turn, np.uint8)
        tiles.stage(0, pixels)
        tiles.stage(3, pixels)
        assert tiles.full
        with pytest.raises(ValueError, match="flush first"):
            tiles.stage(1, pixels)
        tiles.flush()
        found = stored(tiles)
        assert (found[[0, 3], ..., :3] == 7 + turn).all()
        assert not found[1].any()
    uploader, residency = Uploader(tiles, 1 << 30, 60.0), Residency(5)
    assert uploader.upload(ready_tiles(3), residency, 0.0).count == 2
    tiles.close()


def ready_tiles(count: int) -> list[TileInMemory]:
    return [TileInMemory(TileKey(0, 0, n, 0), np.full((EDGE, EDGE, 3), n, np.uint8)) for n in range(count)]


def test_a_synthesised_tile_that_does_not_tell_how_far_it_departs_is_never_uploaded(context: Context) -> None:
    tiles, residency = TileArray(3), Residency(3)
    uploader = Uploader(tiles, 1 << 30, 60.0)
    pixels = np.full((EDGE, EDGE, 4), 9, np.uint8)
    assert uploader.upload([TileInMemory(TileKey(0, 1, 0, 0), pixels)], residency, 0.0).count == 1
    for level in (1, 2, 3):
        with pytest.raises(ValueError, match="how far it departs"):
            uploader.upload([TileInMemory(TileKey(0, level, 1, 0), pixels[..., :3].copy())], residency, 0.0)
    tiles.close()


def test_upload_stops_at_its_budget_and_loses_nothing(context: Context) -> None:
    tiles = TileArray(16)
    residency = Residency(tiles.slots)
    uploader = Uploader(tiles, budget_bytes=4 * SLOT_BYTES - 1, budget_s=60.0)
    new = ready_tiles(7)
    counts = []
    for frame in range(4):
        waiting = [tile for tile in new if tile.key not in residency.resident]
        report = uploader.upload(waiting, residency, float(frame))
        assert report.bytes == report.count * SLOT_BYTES
        assert not report.over_budget
        counts.append(report.count)
    assert counts == [3, 3, 1, 0]
    assert report == UploadReport()
    assert len(residency) == len(new)
    tiles.close()


def test_budget_of_nothing_still_copies_one_and_says_that_it_was_exceeded(context: Context) -> None:
    tiles = TileArray(4)
    residency = Residency(tiles.slots)
    new = ready_tiles(3)
    report = Uploader(tiles, budget_bytes=0, budget_s=60.0).upload(new, residency, 0.0)
    assert (report.count, report.over_budget) == (1, True)
    assert [tile.key in residency.resident for tile in new] == [True, False, False]
    report = Uploader(tiles, budget_bytes=1 << 30, budget_s=0.0).upload(new[1:], residency, 1.0)
    assert (report.count, report.over_budget) == (1, True)
    tiles.close()


def test_tile_that_would_take_too_long_waits(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that only making a tile moves on: 5 ms each, and 16 ms for a frame."""
    passed = [0.0]
    for clock in ("perf_counter", "thread_time"):
        monkeypatch.setattr(f"vr_app.gl.tiles.{clock}", lambda: passed[0])

    def made_slowly(seconds: float) -> Iterator[TileInMemory]:
        for tile in new:
            if tile.key not in residency.resident:
                passed[0] += seconds
                yield tile

    tiles = TileArray(16)
    residency = Residency(tiles.slots)
    uploader = Uploader(tiles, 1 << 30, 0.016)
    new = ready_tiles(12)
    reports = [uploader.upload(made_slowly(seconds), residency, 0.0) for seconds in (0.005, 0.005, 0.001)]
    assert [report.count for report in reports] == [2, 2, 2]  # what the last frames' tiles took is still expected
    assert reports[0].seconds == reports[0].work_seconds == pytest.approx(0.010)
    assert not any(report.over_budget for report in reports)
    late = uploader.upload(made_slowly(0.017), residency, 0.0)
    assert (late.count, late.over_budget) == (1, True)
    tiles.close()


def test_frames_of_few_tiles_do_not_make_the_next_timid(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock on which a frame's copying takes 1 ms, however many tiles: one at a time tells nothing of them."""
    passed = [0.0]
    for clock in ("perf_counter", "thread_time"):
        monkeypatch.setattr(f"vr_app.gl.tiles.{clock}", lambda: passed[0])
    tiles = TileArray(64)
    flush = tiles.flush

    def flush_slowly() -> None:
        passed[0] += 0.001
        flush()

    monkeypatch.setattr(tiles, "flush", flush_slowly)
    residency = Residency(tiles.slots)
    uploader = Uploader(tiles, 1 << 30, 0.002)
    new = ready_tiles(22)
    for tile in new[:10]:
        assert uploader.upload([tile], residency, 0.0).count == 1
    report = uploader.upload(new[10:], residency, 0.0)
    assert (report.count, report.over_budget) == (12, False)
    tiles.close()


def test_upload_waits_while_every_slot_is_being_drawn(context: Context) -> None:
    tiles = TileArray(2)
    residency = Residency(tiles.slots)
    uploader = Uploader(tiles, 1 << 30, 60.0)
    new = ready_tiles(3)
    residency.begin_frame()
    assert uploader.upload(new, residency, 0.0).count == 2
    for tile in new[:2]:
        residency.find(tile.key)
    assert uploader.upload(new[2:], residency, 1.0).count == 0
    residency.begin_frame()
    residency.find(new[1].key)
    residency.begin_frame()
    assert uploader.upload(new[2:], residency, 2.0).count == 1
    assert new[0].key not in residency.resident
    tiles.close()


def test_shader_that_does_not_compile_is_named(context: Context, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.vert").write_text("void main() { gl_Position = 1; }")
    monkeypatch.setattr("vr_app.gl.objects.shader_path", lambda name: tmp_path / name)
    with pytest.raises(RuntimeError, match=r"shader bad\.vert: "):
        Program("bad.vert", "bad.vert")


def test_every_letter_lies_alone_in_the_texture() -> None:
    known = letters()
    taken = np.zeros(known.coverage.shape, int)
    for letter, (column, width, row) in known.places.items():
        place = np.s_[row * known.row_height : (row + 1) * known.row_height, column : column + width]
        taken[place] += 1
        ink = known.coverage[place]
        assert (ink.max() > 128) == (letter != " ")
        assert ink[:, :6].max() == ink[:, -6:].max() == ink[:6].max() == ink[-6:].max() == 0
    assert taken.max() == 1
    assert not known.coverage[taken == 0].any()


def test_letters_stand_where_the_font_sets_them() -> None:
    words = "AVAST To. not for diagnosis, x4"
    font = ImageFont.truetype(str(all_fonts()[0]), EM)
    text = line(words)
    assert text.advance * EM == pytest.approx(font.getlength(words), abs=0.5)
    assert len(text.glyphs) == len(words.replace(" ", ""))
    set_by_pillow = Image.new("L", (2000, letters().row_height))
    ImageDraw.Draw(set_by_pillow).text((EM, 8), words, fill=255, font=font)
    set_by_line = np.zeros((letters().row_height, 2000), np.uint8)
    for left, column, width, row in text.glyphs:
        at, first = round(left * EM) + EM, int(row) * letters().row_height
        ink = letters().coverage[first : first + letters().row_height, int(column) : int(column + width)]
        place = set_by_line[:, at : at + int(width)]
        np.maximum(place, ink, out=place)
    assert (np.abs(set_by_line.astype(int) - np.asarray(set_by_pillow)) > 128).mean() < 0.001
    assert len(line("").glyphs) == line("").advance == 0


def test_words_in_latin_greek_and_cyrillic_are_drawn_as_they_are() -> None:
    for words in ("Œil gauche ×4 – 12 µm é", "Ångström, Řehoř, Işık", "Ζάχαρη ΑΩ", "Жук, Їжак, Ђорђе"):
        before = letters().met
        assert drawable(words) == words
        assert letters().met > before
    assert drawable("cafe\u0301") == "café"  # as macOS spells it
    assert drawable("a\U0010fffeb\x07\udcff") == "a?b??"


def test_letters_of_another_font_are_taken_where_the_first_lacks_them() -> None:
    """The shipped font for the ordinary ones, and a stand-in for the system's."""
    shipped = all_fonts()[0]
    other = Path(imgui_bundle_file).parent / "assets" / "fonts" / "Font_Awesome_6_Free-Solid-900.otf"
    icon = "\uf06e"  # an eye, in this font alone
    assert Letters([shipped]).meet(icon) == "?"
    both = Letters([shipped, other])
    assert both.meet(icon) == icon
    column, width, row = both.places[icon]
    ink = both.coverage[row * both.row_height : (row + 1) * both.row_height, column : column + width]
    assert ink.max() == 255
    assert both.advance(icon) > 0
    assert both.advance("A" + icon) > 0


def test_letters_met_later_reach_the_texture(context: Context) -> None:
    texture = LetterTexture()
    line("\u0416\u0489\u0478")
    made = objects.made()
    GL.glBindTexture(GL.GL_TEXTURE_2D, texture.texture)
    texture.update()
    kept = np.zeros_like(letters().coverage)
    GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
    GL.glGetTexImage(GL.GL_TEXTURE_2D, 0, GL.GL_RED, GL.GL_UNSIGNED_BYTE, kept)
    assert np.array_equal(kept, letters().coverage)
    assert objects.made() == made
    texture.close()


def test_more_letters_than_there_is_room_for_are_told_as_unknown() -> None:
    known = Letters(all_fonts()[:1])
    shown = "".join(known.meet(chr(code)) for code in range(0x100, 0x600))
    assert "?" in shown
    assert known.meet("A") == "A"


def test_retina_mesh_lies_on_its_sphere_and_is_seen_from_inside() -> None:
    from vr_app.gl.meshes import retina_mesh

    retina = Retina.of((1411, 1411), 700.0, 45.0, Pose.facing((0.1, 0.2, 0.3), 0.5), 2.0)
    mesh = retina_mesh(retina)
    outward = mesh.vertices - np.array(retina.pose.position)
    assert np.abs(np.linalg.norm(outward, axis=1) - 2.0).max() < 1e-12
    assert (np.einsum("ij,ij->i", mesh.face_normals, mesh.triangles_center - retina.pose.position) < 0).all()
    angles = np.arccos(np.clip(outward @ -retina.pose.rotation()[:, 2] / 2.0, -1, 1))
    assert abs(angles.max() - CAP_ANGLE) < 1e-9
    area = 2 * np.pi * 2.0**2 * (1 - np.cos(CAP_ANGLE))
    assert mesh.area == pytest.approx(area, rel=0.01)
    uv = np.array(mesh.visual.uv)
    assert np.abs(retina.point(np.stack([uv[:, 0] - 0.5, 0.5 - uv[:, 1]], axis=-1)) - mesh.vertices).max() < 1e-12


def test_stage_uploads_what_a_view_wants(context: Context) -> None:
    """The texture array holds exactly the tiles' pixels, gutter and all, each in its slot."""
    stage = Stage(demo_photograph(edge=500), slots=3 * ATLAS**2)
    keys = [TileKey(0, 0, col, row) for row in range(7) for col in range(8)] + [TileKey(0, -1, n, 1) for n in range(4)]
    taken = [TileKey(1, 0, n, 0) for n in range(20)]
    for key in taken:
        stage.residency.reserve(key, 0.0)
    stage.put(*keys)
    slots = stored(stage.tiles)
    for key in keys:
        assert np.array_equal(slots[stage.residency.find(key), ..., :3], stage.pyramid.tile(key)[..., :3])
    stage.close()
