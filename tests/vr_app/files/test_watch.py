"""Files that change or go while their photographs are in sight."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import wait_until
from vr_app.files.watch import FileNews, FileWatch

PATIENCE = 300.0


@pytest.fixture
def watch() -> Iterator[FileWatch]:
    watch = FileWatch()
    yield watch
    watch.close()


def news_of(watch: FileWatch) -> FileNews:
    (news,) = wait_until(watch.take, "news of a file", PATIENCE)
    return news


def seen(watch: FileWatch, index: int) -> bool:
    """Whether the watch has looked at a file since it was opened."""
    return index in watch._known


def test_what_changes_goes_and_comes_back_is_told_once(watch: FileWatch, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for index, path in enumerate(paths):
        path.write_bytes(b"first")
        watch.opened(index, path)
    watch.opened(3, Path("camera 1"))  # a source that is no file
    watch.see((0, 1, 3))
    wait_until(lambda: all(seen(watch, index) for index in (0, 1, 2)), "a first look", PATIENCE)

    paths[0].write_bytes(b"second, longer")
    assert news_of(watch) == FileNews(0, paths[0], gone=False)
    paths[1].unlink()
    assert news_of(watch) == FileNews(1, paths[1], gone=True)
    new = tmp_path / "new"
    new.write_bytes(b"third")
    os.replace(new, paths[1])
    assert news_of(watch) == FileNews(1, paths[1], gone=False)

    paths[2].write_bytes(b"nobody looks")
    paths[0].write_bytes(b"again")
    assert news_of(watch) == FileNews(0, paths[0], gone=False)
    assert watch.take() == ()
    assert watch.told == 4
    watch.see((2,))
    assert news_of(watch) == FileNews(2, paths[2], gone=False)
