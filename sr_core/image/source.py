"""Where photographs come from: a file, or anything else that can be opened to pixels and facts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from sr_core.files import printable
from sr_core.image.facts import Fact, Origin, PhotographFacts
from sr_core.image.field_of_view import NO_RIM
from sr_core.image.jpeg_file import FileFacts
from sr_core.image.photograph import load_photograph


@dataclass(frozen=True, eq=False)
class OpenedPhotograph:
    """A decoded photograph: pixels uint8 (H, W, 3) sRGB, read-only, its facts, and those of its file if it is a
    JPEG."""

    pixels: np.ndarray
    facts: PhotographFacts
    file: FileFacts | None = None


class PhotographSource(Protocol):
    """`id`: its name in messages, such as a path; unique in a session."""

    @property
    def id(self) -> str: ...

    def open(self) -> OpenedPhotograph:
        """Decode it, on a thread of the caller. It may be called again, and gives the same sha256 unless the source has
        changed. Raises UserError, whose one line names the source, the cause and the cure."""
        ...


@dataclass(frozen=True)
class FileSource:
    """A picture file, as `load_photograph` reads it."""

    path: Path

    @property
    def id(self) -> str:
        return str(self.path)

    def open(self) -> OpenedPhotograph:
        """Load the file. Raises PhotographError."""
        photograph = load_photograph(self.path)
        height, width = photograph.pixels.shape[:2]
        found = photograph.field
        field = Fact(found, Origin(found.provenance))
        moment = photograph.context.taken
        taken = Fact(moment, Origin.HEADER) if moment else None
        name, id_ = printable(self.path.name), self.id
        notices = [f"{id_}: {notice}" for notice in photograph.notices]
        if found.assumed not in ("", NO_RIM):  # a crop of a retina has no rim: nothing is wrong with it
            notices.append(f"{id_}: {found.assumed}; the field of view is assumed")
        facts = PhotographFacts(
            id_, name, (width, height), photograph.sha256, field, taken=taken, notices=tuple(notices)
        )
        return OpenedPhotograph(photograph.pixels, facts, photograph.file)
