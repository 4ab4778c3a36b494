"""The thread that decodes picture files, so that drawing never waits for a disk or a decoder."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sr_core.errors import UserError
from sr_core.image.photograph import Photograph, load_photograph
from sr_core.image.pyramid import Pyramid, build_pyramid


@dataclass(frozen=True)
class PhotographLoaded:
    """The photograph at position `index` of the session, decoded, with its shrunk levels."""

    index: int
    photograph: Photograph
    pyramid: Pyramid


@dataclass(frozen=True)
class PhotographFailed:
    """A file that could not be opened, and why, in one line that names it."""

    index: int
    reason: str


class Loader:
    """Decodes `paths` in order on its own thread. Methods are for the thread that made it."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._answers: queue.SimpleQueue[PhotographLoaded | PhotographFailed] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._outstanding = len(paths)
        self._thread = threading.Thread(target=self._run, args=(tuple(paths),), name="loader", daemon=True)
        self._thread.start()

    def ready(self) -> list[PhotographLoaded | PhotographFailed]:
        """Everything answered since the last call."""
        found = []
        while not self._answers.empty():
            found.append(self._answers.get_nowait())
        self._outstanding -= len(found)
        return found

    @property
    def busy(self) -> bool:
        """Whether answers are still to come."""
        return self._outstanding > 0

    def close(self) -> None:
        """Stop after the file under way. May be called twice."""
        self._stopping.set()
        self._thread.join(timeout=10.0)

    def _run(self, paths: tuple[Path, ...]) -> None:
        for index, path in enumerate(paths):
            if self._stopping.is_set():
                return
            try:
                photograph = load_photograph(path)
                self._answers.put(PhotographLoaded(index, photograph, build_pyramid(photograph.pixels)))
            except UserError as error:
                self._answers.put(PhotographFailed(index, str(error)))
            except Exception as error:  # one bad file must not end the session
                self._answers.put(PhotographFailed(index, f"{path}: cannot be opened ({error}); try another file"))
