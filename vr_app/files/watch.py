"""Notices when a file that is shown changes or goes, on a thread of its own, since a disk may take long to answer."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

EVERY = 0.5
"""Seconds between two looks at the files in sight. A change is told once two looks agree, since a file that is being
written may not be whole yet."""

Stamp = tuple[int, int, int]
"""A file's identity, its size, and when it was last written."""


@dataclass(frozen=True)
class FileNews:
    """What has become of the file of photograph number `index`: it is `gone`, or else it has changed."""

    index: int
    path: Path
    gone: bool


class FileWatch:
    """Looks at the files of the photographs in sight. To be called by the thread that made it.

    `told`: how much news there has been so far.
    """

    def __init__(self) -> None:
        self.told = 0
        self._lock = threading.Condition()
        self._paths: dict[int, Path] = {}
        self._known: dict[int, Stamp | None] = {}
        self._seen: dict[int, Stamp | None] = {}
        self._fresh: list[int] = []
        self._in_sight: tuple[int, ...] = ()
        self._news: list[FileNews] = []
        self._stopping = False
        self._thread: threading.Thread | None = None

    def opened(self, index: int, path: Path) -> None:
        """A photograph has been read from this file, as it is now."""
        with self._lock:
            self._paths[index] = path
            self._fresh.append(index)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
            self._lock.notify()

    def see(self, indices: Iterable[int]) -> None:
        """Look at the files of these photographs from now on."""
        self._in_sight = tuple(indices)

    def take(self) -> tuple[FileNews, ...]:
        """Return what has happened since the last call."""
        if not self._news:
            return ()
        with self._lock:
            news, self._news = tuple(self._news), []
            return news

    def close(self) -> None:
        """End the thread, as soon as the disk answers."""
        with self._lock:
            self._stopping = True
            self._lock.notify()

    # Everything below runs on the watch's own thread.

    def _run(self) -> None:
        while True:
            with self._lock:
                if not (self._fresh or self._stopping):
                    self._lock.wait(EVERY)
                if self._stopping:
                    return
                fresh, self._fresh = self._fresh, []
                paths = dict(self._paths)
            for index in fresh:
                stamp = _stamp(paths[index])
                if stamp is not None:  # else it is no file, but another source
                    self._known[index] = self._seen[index] = stamp
            if not fresh:
                self._look(paths)

    def _look(self, paths: dict[int, Path]) -> None:
        for index in self._in_sight:
            if index not in self._known:
                continue
            now, before = _stamp(paths[index]), self._seen[index]
            self._seen[index] = now
            if now == before and now != self._known[index]:
                self._known[index] = now
                with self._lock:
                    self._news.append(FileNews(index, paths[index], gone=now is None))
                    self.told += 1


def _stamp(path: Path) -> Stamp | None:
    """Return the file's stamp, or None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
