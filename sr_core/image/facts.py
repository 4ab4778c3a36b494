"""What is known of a photograph besides its pixels, and how it is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from sr_core.image.field_of_view import FieldOfView

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
