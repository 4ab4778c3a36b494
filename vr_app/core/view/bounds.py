"""The bounds of an intent's numbers and texts. They are part of the fields' types, where the codec finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from sr_core.image.geometry import MAX_LEVEL

PANEL_SCALES = (0.125, 4.0)
"""The smallest and the largest size that hands can give a panel, relative to its size on the arc."""

FIELD_ANGLES = (10.0, 130.0)
"""Degrees of field angle that cameras have, from narrow to ultra-wide."""

MAX_ZOOM = 64.0
"""The largest zoom of any photograph, and the largest that a tour may ask for."""

MOST_DOUBLINGS = 64.0
"""More than any change of the zoom."""

MOST_PHOTOGRAPHS = 100_000
"""More than any folder holds."""

MOST_REGIONS = 1_000_000
"""More than anybody marks in a session."""

MOST_EDGE = 1_000_000
"""In pixels: longer than an edge of any photograph."""

MOST_NOTE = 500
"""The most characters of a note."""

FAR_OUT = 1e6
"""In widths of a photograph or a panel: a ray that grazes a panel meets its plane far beyond the edge."""

MOST_NAME = 200
"""The most characters of a network's name."""


@dataclass(frozen=True)
class Within:
    """A number from `low` to `high`, or a text of that many characters."""

    low: float
    high: float


Image = Annotated[int, Within(0, MOST_PHOTOGRAPHS - 1)]
"""A photograph by its index in the view, from 0. An intent for one that the view does not have changes nothing."""

Coordinate = Annotated[float, Within(-FAR_OUT, FAR_OUT)]
Spot = tuple[Coordinate, Coordinate]
"""A point in photograph or surface coordinates; it may lie outside the photograph."""

Fraction = Annotated[float, Within(0.0, 1.0)]
Level = Annotated[int, Within(0, MAX_LEVEL)]
By = Literal[-1, 1]
"""Forward (1) or back (-1)."""
