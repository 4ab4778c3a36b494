"""Where photographs come from. A file is one source; whatever can be opened to pixels and facts is another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np

from sr_core.files import printable
from sr_core.image.field_of_view import FieldOfView
from sr_core.image.jpeg_file import FileFacts
from sr_core.image.photograph import load_photograph

Value = TypeVar("Value")


class Origin(StrEnum):
    """How a fact about a photograph is known."""

    HEADER = "header"
    """The source says so."""
    FITTED = "fitted"
    """It was measured on the pixels."""
    ASSUMED = "assumed"
    """Nobody says so: a value that is often right."""


@dataclass(frozen=True)
class Fact(Generic[Value]):
    """What is known of a photograph, and how. Whoever shows or exports the value tells its origin."""

    value: Value
    origin: Origin


@dataclass(frozen=True)
class PhotographFacts:
    """What is known of a photograph besides its pixels; None: nothing.

    `id`: of the source, as messages name it. `name`: as people know the photograph. `size`: width and height in pixels.
    `sha256`: of what it was decoded from, hexadecimal: it tells photographs apart. `field`: the circle of its field of
    view, in pixels. `laterality`: 'right' or 'left'. `field_angle`: across the field, in degrees. `pixel_spacing`:
    millimetres on the retina from one pixel to the next. `taken`: when, as EXIF writes it ('2019:03:05 14:20:31').
    `notices`: what the user should know, a line each.
    """

    id: str
    name: str
    size: tuple[int, int]
    sha256: str
    field: Fact[FieldOfView]
    laterality: Fact[str] | None = None
    field_angle: Fact[float] | None = None
    pixel_spacing: Fact[float] | None = None
    taken: Fact[str] | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class OpenedPhotograph:
    """A decoded photograph: pixels uint8 (H, W, 3) sRGB, read-only, what is known of it, and of its file, where it is a
    JPEG."""

    pixels: np.ndarray
    facts: PhotographFacts
    file: FileFacts | None = None


class PhotographSource(Protocol):
    """`id`: what messages call it, such as a path; no two sources of a session have the same."""

    @property
    def id(self) -> str: ...

    def open(self) -> OpenedPhotograph:
        """Decode it, on a thread of the caller's; again whenever it is needed again, with the same sha256 unless it has
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
        """Raises PhotographError."""
        photograph = load_photograph(self.path)
        height, width = photograph.pixels.shape[:2]
        found = photograph.field
        field = Fact(found, Origin(found.provenance))
        moment = photograph.context.taken
        taken = Fact(moment, Origin.HEADER) if moment else None
        name, id_ = printable(self.path.name), self.id
        notices = [f"{id_}: {notice}" for notice in photograph.notices]
        if found.assumed:
            notices.append(f"{id_}: {found.assumed}; the field of view is assumed")
        facts = PhotographFacts(
            id_, name, (width, height), photograph.sha256, field, taken=taken, notices=tuple(notices)
        )
        return OpenedPhotograph(photograph.pixels, facts, photograph.file)
