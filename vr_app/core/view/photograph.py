"""The record of a photograph: everything the view knows about it except its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sr_core.image.geometry import MAX_LEVEL, coarsest_level
from vr_app.core.space.surface import Uv
from vr_app.core.view.bounds import MAX_ZOOM
from vr_app.core.view.pair import FieldOfView, side_of

FINEST_ACROSS = 384
"""Pixels of the finest level that the largest zoom leaves across the surface, along the photograph's shorter side. A
larger zoom would enlarge these pixels and show no more detail. A headset shows the panel some 500 pixels high."""

LEAST_ZOOM_IN = 4.0
"""The largest zoom of photographs too small for FINEST_ACROSS."""


@dataclass(frozen=True)
class PhotographRecord:
    """A photograph that is open. The record is made when the file is decoded; these facts are kept nowhere else.

    `size`: width and height in pixels. `field_center`, `field_radius`: the circle of the field of view, in pixels;
    `field_from`: its origin, ``fitted`` to the rim or ``assumed``. `sha256`: of the file, hexadecimal; everything that
    belongs to a photograph is filed under it. `title`: the name with folders, if others of the session have the same
    name; otherwise empty: the name. `taken`: the date in EXIF ('' without one). `told_laterality`: 'right' or 'left' if
    the source says so, and `told_laterality_from`: how the source knows (`sr_core.image.facts.Origin`).
    """

    name: str
    size: tuple[int, int]
    field_center: tuple[float, float]
    field_radius: float
    sha256: str = ""
    title: str = ""
    taken: str = ""
    field_from: str = "fitted"
    told_laterality: str = ""
    told_laterality_from: str = "header"

    @property
    def called(self) -> str:
        """The name shown to the user, unique in the session."""
        return self.title or self.name

    @property
    def home(self) -> Uv:
        """The middle of the field of view in photograph coordinates."""
        return self.field_center[0] / self.size[0], self.field_center[1] / self.size[1]

    @property
    def laterality(self) -> str:
        """'right' or 'left' if the source or the photograph's name says which eye it is, otherwise ''."""
        return self.told_laterality or side_of(self.name)

    @property
    def laterality_from(self) -> str:
        """The origin of `laterality`, as `sr_core.image.facts.Origin` names it; '' if nothing says which eye it is."""
        if self.told_laterality:
            return self.told_laterality_from
        return "file name" if self.laterality else ""

    @cached_property
    def field(self) -> FieldOfView:
        """The field of view in photograph coordinates, and which eye it is."""
        reach = self.field_radius / self.size[0], self.field_radius / self.size[1]
        return FieldOfView(self.home, reach, self.laterality)

    @cached_property
    def coarsest(self) -> int:
        """The level that fits one tile."""
        return coarsest_level(*self.size)

    @cached_property
    def largest_zoom(self) -> float:
        """How far it can be magnified: 21 times for 1024 pixels on its shorter side, 48 for 2304, MAX_ZOOM from 3072.
        See FINEST_ACROSS."""
        return min(MAX_ZOOM, max(LEAST_ZOOM_IN, min(self.size) * 2.0**MAX_LEVEL / FINEST_ACROSS))
