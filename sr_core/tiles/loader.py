"""The thread that opens photographs, so that drawing never waits for a disk or a decoder."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from sr_core.errors import UserError
from sr_core.image.jpeg_file import FileFacts
from sr_core.image.pyramid import Pyramid, build_pyramid
from sr_core.image.source import OpenedPhotograph, PhotographSource

CLOSING_SECONDS = 0.3
"""The longest that `Loader.close` waits: enough to finish a small file; decoding a large one cannot be interrupted."""

UNTAKEN = 2
"""The most decoded photographs that wait to be taken: each may need 400 MB, and every frame takes all of them."""


@dataclass(frozen=True)
class PhotographLoaded:
    """The session's photograph number `index`, decoded, with its coarser levels."""

    index: int
    photograph: OpenedPhotograph
    pyramid: Pyramid


@dataclass(frozen=True)
class PhotographFailed:
    """A photograph that could not be opened; `reason` is one line that names it and says why."""

    index: int
    reason: str


class Loader:
    """Opens `sources` on a thread of its own: first those at the positions `first`, then the rest in order; and decodes
    again what `want` asks for. To be called by the thread that made it."""

    def __init__(self, sources: Sequence[PhotographSource], first: Sequence[int] = ()) -> None:
        self._sources = tuple(sources)
        self._lock = threading.Condition()
        self._first = deque(dict.fromkeys((*first, *range(len(sources)))))
        self._begun: set[int] = set()
        self._near: tuple[int, ...] | None = None
        self._again: tuple[int, ...] = ()
        self._changed: deque[int] = deque()
        self._under_way: int | None = None
        self._unread: deque[FileFacts] = deque(maxlen=UNTAKEN)
        self._answers: deque[PhotographLoaded | PhotographFailed] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)
        self._thread.start()

    def want(self, indices: Sequence[int]) -> None:
        """Decode these again, most wanted first, before any file not opened yet. Replaces the previous call.

        A photograph that is being decoded, or waits to be taken, is not decoded a second time.
        """
        with self._lock:
            underway = {self._under_way, *(answer.index for answer in self._answers)}
            again = tuple(index for index in indices if index not in underway)
            if again != self._again:
                self._again = again
                self._lock.notify()

    def reopen(self, index: int) -> None:
        """Decode a photograph once more, before all others, because its source has changed."""
        with self._lock:
            if index not in self._changed and not self._stopping:
                self._changed.append(index)
                self._lock.notify()

    def open_only(self, near: Sequence[int] | None) -> None:
        """Of the photographs not opened yet, open only these, in this order (None: all, in the session's order).

        Replaces the previous call.
        """
        near = None if near is None else tuple(near)
        with self._lock:
            if near != self._near and not self._stopping:
                self._near = near
                wanted = range(len(self._sources)) if near is None else near
                self._first = deque(index for index in dict.fromkeys(wanted) if index not in self._begun)
                self._lock.notify()

    def ready(self) -> list[PhotographLoaded | PhotographFailed]:
        """Return all answers since the last call."""
        with self._lock:
            found = list(self._answers)
            self._answers.clear()
            self._lock.notify()
            return found

    @property
    def busy(self) -> bool:
        """Whether answers are still to come."""
        with self._lock:
            return bool(self._changed or self._first or self._again or self._answers) or self._under_way is not None

    @property
    def running(self) -> bool:
        """Whether the thread is alive. It may outlive `close` for a while, inside a decoder that cannot be interrupted.

        If the interpreter exits meanwhile, it may crash there (see `vr_app.process.interruption.end_process`).
        """
        return self._thread.is_alive()

    def close(self) -> None:
        """Stop after the current file, and wait at most CLOSING_SECONDS for it. May be called twice."""
        with self._lock:
            self._stopping = True
            self._first.clear()
            self._changed.clear()
            self._again = ()
            self._lock.notify()
        self._thread.join(timeout=CLOSING_SECONDS)

    # Everything below runs on the loader's own thread.

    @property
    def _waits(self) -> bool:
        return bool(self._changed or self._again or self._first)

    def _run(self) -> None:
        while (work := self._next()) is not None:
            if isinstance(work, FileFacts):
                work.get()
                continue
            answer = _decode(work, self._sources[work])
            with self._lock:
                self._answers.append(answer)
                self._under_way = None
                if isinstance(answer, PhotographLoaded) and answer.photograph.file is not None:
                    self._unread.append(answer.photograph.file)
            del answer  # otherwise it would live until the next one is decoded

    def _next(self) -> int | FileFacts | None:
        """Wait for a photograph to decode, and mark it as under way. While there is none, return the facts of the last
        decoded files, to be read before anybody waits for them. None: stop."""
        with self._lock:
            while not self._stopping and (len(self._answers) >= UNTAKEN or not self._waits):
                if self._unread:
                    return self._unread.pop()
                self._lock.wait()
            if self._stopping:
                return None
            if self._changed:
                self._under_way = self._changed.popleft()
            elif self._again:
                self._under_way, self._again = self._again[0], self._again[1:]
            else:
                self._under_way = self._first.popleft()
            self._begun.add(self._under_way)
            return self._under_way


def _decode(index: int, source: PhotographSource) -> PhotographLoaded | PhotographFailed:
    try:
        photograph = source.open()
        return PhotographLoaded(index, photograph, build_pyramid(photograph.pixels))
    except UserError as error:
        return PhotographFailed(index, str(error))
    except Exception as error:  # one bad photograph must not end the session
        return PhotographFailed(index, f"{source.id}: cannot be opened ({error}); try another")
