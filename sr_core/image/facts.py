"""Facts about a photograph besides its pixels, and the origin of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from sr_core.image.field_of_view import FieldOfView

Value = TypeVar("Value")


class Origin(StrEnum):
    """Where a fact about a photograph comes from."""

    HEADER = "header"
    """The source states it."""
    FILE_NAME = "file name"
    """A word of the photograph's name says it."""
    FITTED = "fitted"
    """It was measured from the pixels."""
    ASSUMED = "assumed"
    """No source states it: a value that is usually right."""


@dataclass(frozen=True)
class Fact(Generic[Value]):
    """A fact and its origin. Whatever shows or exports the value must name the origin too."""

    value: Value
    origin: Origin


@dataclass(frozen=True)
class PhotographFacts:
    """Facts about a photograph besides its pixels; None: unknown.

    `id`: the source's, as messages use it. `name`: what people call the photograph. `size`: width and height in pixels.
    `sha256`: of the encoded data, hexadecimal; it identifies the photograph. `field`: the circle of its field of view,
    in pixels. `laterality`: 'right' or 'left'. `field_angle`: across the field, in degrees. `pixel_spacing`:
    millimetres on the retina between neighbouring pixels. `taken`: when, in EXIF's form ('2019:03:05 14:20:31').
    `notices`: what the user should know, one line each.
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
