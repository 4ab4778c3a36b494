"""What is remembered of a folder: everything, nothing that is none, and never half."""

import json
import math
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vr_app.core.view.test_layout import INFOS, after, infos, loaded
from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import ImageView
from vr_app.core.view.appearance import AS_PHOTOGRAPHED, Appearance, Channel
from vr_app.core.view.intent import (
    Adjust,
    Moved,
    MoveDivider,
    MovePanel,
    Pan,
    SetCompare,
    SetLink,
    ShowLayout,
    ShowPair,
    SurfaceKind,
    SwitchSurface,
    Zoom,
)
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare, Link
from vr_app.core.view.remembered import (
    VERSION,
    MemoryFileError,
    Remembered,
    format_memory,
    parse_memory,
    remember,
    restore,
)
from vr_app.core.view.step import photograph_arrived
from vr_app.core.view.view import ViewState
from vr_app.files.folder_view import APART, REST, Found, Memory, keys_of, memory_path, read_memory, write_memory

KEYS = ("a", "b", "c", "d")
THERE = Moved(Pose.facing((0.5, 0.2, -1.0), 0.3), 0.5)


def left_behind() -> ViewState:
    """A view in which everything that is remembered differs from the first time."""
    view = after(loaded(), ShowLayout(Layout.WALL), MovePanel(3, THERE), ShowLayout(Layout.ROW), MovePanel(0, THERE))
    view = after(view, ShowPair(2, 3), SetLink(Link.MIRRORED), SetCompare(Compare.SWIPE), MoveDivider(0.3))
    look = Appearance(Channel.RED_FREE, -0.1, 1.3, 1.2, 0.6)
    return after(view, Zoom(2, (0.3, 0.4), 2.0), Zoom(0, (0.2, 0.2), 3.0), MovePanel(2, THERE), Adjust(look))


def arrived(view: ViewState, these=INFOS) -> ViewState:
    for index, info in enumerate(these):
        view = photograph_arrived(view, index, info)
    return view


def told(view: ViewState) -> tuple:
    pair = view.pair and replace(view.pair, tie=None)
    look = view.appearance
    return view.images, view.active, view.surface, view.layout, view.panels, view.elsewhere, pair, look


@pytest.mark.parametrize("surface", [(), (SwitchSurface(),)])
def test_a_session_begins_as_the_last_one_was_left(surface):
    left = after(left_behind(), *surface)
    found = parse_memory(format_memory(remember(left, KEYS, "left")))
    assert found.hand == "left"
    assert told(arrived(restore(ViewState.start(4), KEYS, found))) == told(left)


def test_a_link_goes_on_with_what_the_two_differed_by():
    left = after(loaded(), ShowPair(2, 3), SetLink(Link.OFF), Zoom(2, (0.4, 0.4), 3.0), Zoom(3, (0.6, 0.5), 2.0))
    left = after(left, SetLink(Link.SAME))
    back = arrived(restore(ViewState.start(4), KEYS, remember(left, KEYS, "right")))
    moves = Pan(2, (0.45, 0.5), (0.0, 0.0)), Zoom(2, (0.4, 0.5), -0.5)
    for one, other in zip(after(back, *moves).images, after(left, *moves).images, strict=True):
        assert one.center == pytest.approx(other.center)
        assert one.zoom == pytest.approx(other.zoom)


def test_what_is_remembered_belongs_to_photographs_not_to_their_places():
    found = remember(left_behind(), KEYS, "right")
    keys = ("new", "d", "c", "a")
    view = restore(ViewState.start(4), keys, found)
    assert view.pair.images == (2, 1)
    assert view.active == 2
    assert [image.zoom for image in view.images] == [1.0, 4.0, 4.0, 8.0]
    assert view.panels == ((2, THERE),)
    assert dict(view.elsewhere) == {Layout.WALL: ((1, THERE),), Layout.ROW: ((3, THERE),)}


@pytest.mark.parametrize("keys", [("c",), ("x",), ("x", "y"), ("c", "x", "y")])
def test_photographs_that_are_gone_are_left_out_and_a_pair_is_of_those_that_are_there(keys):
    view = arrived(restore(ViewState.start(len(keys)), keys, remember(left_behind(), KEYS, "right")), infos(len(keys)))
    assert view.active < len(keys)
    if len(keys) > 1:
        assert view.compared is not None
        assert view.compared.compare is Compare.SWIPE
        assert view.active in view.compared.images


def test_the_photographs_seen_first_are_opened_first():
    found = replace(remember(left_behind(), KEYS, "right"), active="d")
    assert restore(ViewState.start(4), KEYS, found).awaited == (3, 2)
    many = replace(Remembered(), layout=Layout.WALL, active="20")
    assert restore(ViewState.start(30), [str(i) for i in range(30)], many).awaited == (20, *range(12, 20), 21, 22, 23)


GOOD = json.loads(format_memory(remember(left_behind(), KEYS, "right")))
LOOK = GOOD["appearance"]
BROKEN = {
    "layout": ["retina", "heap", None, 3],
    "surface": ["sphere", None],
    "active": [3, None, "x" * 100],
    "pair": [["a"], ["a", 1], "ab", 4],
    "compare": ["squint", None],
    "link": ["chain", 1],
    "divider": [math.nan, 1.0, -1, "0.5", True],
    "hand": ["foot", None],
    "views": [[], {"a": [0.5, 0.5]}, {"a": [0.5, math.nan, 2]}, {"a": [0.5, 0.5, 1e9]}, {"a": [0.5, 9.0, 2]}],
    "moved": [
        *({}, [["row", "a"]], [["row", "a", 1e9, 0, 0, 0, 0, 0, 1, 1]], [["row", "a", 0, 0, 0, 0, 0, 0, 0, 1]]),
        *([["row", "a", 0, 0, 0, 0, 0, 0, 1, 99]], [["retina", "a", 0, 0, 0, 0, 0, 0, 1, 1]]),
    ],
    "appearance": [
        *(None, [], {}, LOOK | {"channel": "infrared"}, LOOK | {"contrast": 3.5}, LOOK | {"gamma": math.nan}),
        *(LOOK | {"brightness": "0.1"}, LOOK | {"local": True}, {"channel": "colour"}),
    ],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BROKEN.items() for value in values])
def test_no_value_that_is_none_is_believed(name, value):
    with pytest.raises(MemoryFileError, match="damaged"):
        parse_memory(json.dumps(GOOD | {name: value}))


def test_a_file_that_does_not_tell_how_photographs_looked_is_read():
    old = {key: value for key, value in GOOD.items() if key != "appearance"}
    assert parse_memory(json.dumps(old)) == replace(parse_memory(json.dumps(GOOD)), appearance=AS_PHOTOGRAPHED)


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"version", "appearance"}))
def test_no_other_field_may_lack(name):
    with pytest.raises(MemoryFileError, match="damaged"):
        parse_memory(json.dumps({key: value for key, value in GOOD.items() if key != name}))


@pytest.mark.parametrize("version", [VERSION + 1, 99])
def test_a_newer_version_is_told(version):
    with pytest.raises(MemoryFileError, match="newer version"):
        parse_memory(json.dumps({"version": version, "something": "new"}))


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_whatever_stands_in_the_file_there_is_a_memory_or_a_reason(data):
    text = format_memory(remember(left_behind(), KEYS, "right"))
    at = data.draw(st.integers(0, len(text)))
    broken = text[:at] + data.draw(st.text(max_size=8)) + text[at + data.draw(st.integers(0, 40)) :]
    for candidate in (broken, text[:at], data.draw(st.text(max_size=60))):
        try:
            view = arrived(restore(ViewState.start(4), KEYS, parse_memory(candidate)))
        except MemoryFileError:
            continue
        assert all(math.isfinite(part) for image in view.images for part in (*image.center, image.zoom))


@pytest.mark.parametrize("content", [b"{}", b"\xff\xfe\x00", b'{"version": 7}', b"", b"[" * 100_000])
def test_a_bad_file_is_told_and_kept_aside_each_under_its_own_name(tmp_path: Path, content: bytes):
    path = tmp_path / "folder.json"
    for number in (1, 2):
        path.write_bytes(content)
        found = read_memory(path)
        assert found.remembered is None
        assert ("newer version" if b"7" in content else "damaged") in found.notice
        assert f"folder.json.bad-{number}" in found.notice
        assert (tmp_path / f"folder.json.bad-{number}").read_bytes() == content
        assert not path.exists()
    assert read_memory(path) == Found()


def test_it_is_kept_where_the_user_keeps_such_things_and_tells_no_name(tmp_path: Path):
    folder = tmp_path / "Mrs Miller"
    path = memory_path([folder])
    assert path.is_relative_to(Path(os.environ["XDG_STATE_HOME"]) / "fundusxr")
    names = [folder / "miller-od.jpg", folder / "miller-os.jpg"]
    write_memory(path, remember(after(loaded(INFOS[:2]), Zoom(0, (0.5, 0.5), 1.0)), keys_of(names), "right"))
    assert "iller" not in str(path) + path.read_text()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert memory_path([folder]) == path
    assert memory_path([folder / "."]) == path
    assert len({path, memory_path([tmp_path]), memory_path(names), memory_path(names[::-1])}) == 4


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "folder.json"


def rested(view: ViewState) -> ViewState:
    return replace(view, still_for=REST)


def test_it_is_written_once_the_view_rests_and_at_the_end(path: Path):
    memory = Memory(path, KEYS, "right", Found())
    first, left = loaded(), left_behind()
    memory.see(rested(first), 0.0)
    memory.see(left, APART)
    memory.see(rested(left), APART - 0.1)
    assert not path.exists()
    memory.see(rested(left), APART)
    memory.close()
    assert read_memory(path).remembered == remember(left, KEYS, "right")
    path.unlink()
    memory.see(rested(left), 3 * APART)
    memory.close()
    assert not path.exists()  # nothing was new
    memory.see(first, 3 * APART)
    memory.close()
    assert read_memory(path).remembered == remember(first, KEYS, "right")


def test_a_session_without_a_change_leaves_nothing(path: Path):
    memory = Memory(path, KEYS, "right", Found())
    for second in range(20):
        memory.see(rested(loaded()), second)
    memory.close()
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_told_once_and_ends_nothing(tmp_path: Path):
    (tmp_path / "state").write_text("a file in the folder's place")
    memory = Memory(tmp_path / "state" / "folder.json", KEYS, "right", Found())
    memory.see(rested(loaded()), 0.0)
    memory.see(rested(left_behind()), APART)
    memory.close()
    assert "cannot be remembered" in memory.take_notice()
    assert memory.take_notice() == ""


def test_what_was_wrong_with_the_file_is_told_in_the_session():
    assert Memory(Path("x"), KEYS, "right", Found(notice="damaged")).take_notice() == "damaged"


def test_a_whole_view_is_not_kept_and_comes_back_whole():
    found = remember(loaded(), KEYS, "right")
    assert found.views == {}
    assert restore(ViewState.start(4), KEYS, found).images == (ImageView(),) * 4
    assert restore(ViewState.start(4), KEYS, found).surface is SurfaceKind.PANEL
