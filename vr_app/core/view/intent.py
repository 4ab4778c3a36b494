"""What can be asked of a session by hands, keys, the control panel, tours and tests: one vocabulary of frozen values.

`vr_app.core.view.step` obeys those that change the view. Those of `Effect` act outside of it; the viewer performs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from vr_app.core.space.pose import Pose
from vr_app.core.view.appearance import Appearance
from vr_app.core.view.bounds import (
    FIELD_ANGLES,
    MAX_ZOOM,
    MOST_DOUBLINGS,
    MOST_NAME,
    MOST_NOTE,
    MOST_REGIONS,
    By,
    Coordinate,
    Fraction,
    Image,
    Level,
    Spot,
    Within,
)
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare, Link
from vr_app.core.view.region import Draft, Kind


class SurfaceKind(Enum):
    PANEL = "panel"
    RETINA = "retina"


@dataclass(frozen=True)
class Moved:
    """A panel where hands have put it: its middle's pose, and its size in proportion to that on the arc."""

    pose: Pose
    scale: Annotated[float, Within(1e-3, 1e3)] = 1.0


@dataclass(frozen=True)
class Pan:
    """Bring photograph point `uv` of an image to surface coordinates `s`."""

    image: Image
    uv: Spot
    s: Spot


@dataclass(frozen=True)
class Zoom:
    """Change an image's zoom by 2**log2_delta; photograph point `anchor` stays where it is seen."""

    image: Image
    anchor: Spot
    log2_delta: Annotated[float, Within(-MOST_DOUBLINGS, MOST_DOUBLINGS)]


@dataclass(frozen=True)
class MovePanel:
    """Put an image's panel somewhere."""

    image: Image
    moved: Moved


@dataclass(frozen=True)
class Begin:
    """What changes from now on is a move of its own, until the next: undone at once."""


@dataclass(frozen=True)
class Undo:
    """Back to where the last move began."""


@dataclass(frozen=True)
class ShowOriginal:
    """Show the photograph alone while it lasts."""

    shown: bool


@dataclass(frozen=True)
class ShowInvention:
    """Overlay synthesised pixels with how far they depart from what the photograph determines, or do so no more."""

    shown: bool


@dataclass(frozen=True)
class ShowOverlay:
    """Show a layer over the picture, by its name (`sr_core.image.layers`), or do so no more."""

    layer: Annotated[str, Within(1, MOST_NAME)]
    shown: bool


@dataclass(frozen=True)
class Adjust:
    """Make the photographs look so from now on."""

    appearance: Appearance


@dataclass(frozen=True)
class LimitLevel:
    """Show no level finer than this; 0: the photograph alone."""

    finest: Level


@dataclass(frozen=True)
class SetFieldAngle:
    """The camera's full field in degrees of visual angle."""

    degrees: Annotated[float, Within(*FIELD_ANGLES)]


@dataclass(frozen=True)
class BringForward:
    """Bring a photograph to the front, if it is loaded."""

    image: Image


@dataclass(frozen=True)
class SwitchSurface:
    """Panel to retina or back."""


@dataclass(frozen=True)
class NextImage:
    """Bring the next photograph to the front, the next two where a pair is shown, the next page of the wall; `by` -1:
    the one before."""

    by: By = 1


@dataclass(frozen=True)
class ShowLayout:
    """Let photographs stand in another way; a pair of those chosen last, else of the front one and the next."""

    layout: Layout


@dataclass(frozen=True)
class NextLayout:
    """The next way of standing among those that the photographs are enough for, a pair in each way of comparing."""

    by: By = 1


@dataclass(frozen=True)
class Pick:
    """Take a photograph from the wall: it stands alone."""

    image: Image


@dataclass(frozen=True)
class ShowPair:
    """Two photographs beside each other, the first on the left."""

    first: Image
    second: Image


@dataclass(frozen=True)
class SetCompare:
    """Compare the pair in another way."""

    compare: Compare


@dataclass(frozen=True)
class SetLink:
    """Link the views of the pair in another way, as they are now."""

    link: Link


@dataclass(frozen=True)
class MoveDivider:
    """Put the divider of a swipe so far across the panel, 0 to 1."""

    to: Coordinate


@dataclass(frozen=True)
class KeepShown:
    """Have a blink go on showing what it shows, or alternate again."""

    kept: bool


@dataclass(frozen=True)
class ResetView:
    """The whole of the front photograph again, and its panel back in its place on the arc."""


@dataclass(frozen=True)
class LookAt:
    """Jump to a view (tours)."""

    surface: SurfaceKind
    center: tuple[Fraction, Fraction]
    zoom: Annotated[float, Within(1.0, MAX_ZOOM)]
    invention: bool = False


@dataclass(frozen=True)
class ShowDraft:
    """Show what a hand is marking; None: nothing any more."""

    draft: Draft | None


@dataclass(frozen=True)
class MarkRegion:
    """Make what was dragged a region, and choose it. Smaller than LEAST_SIDE it is none."""

    draft: Draft


@dataclass(frozen=True)
class MarkView:
    """Make a region of what is seen of the front photograph: OF_VIEW of it."""


@dataclass(frozen=True)
class ArmMarking:
    """The next drag on a photograph marks, or not any more: for hands that have nothing but a trigger."""

    armed: bool


@dataclass(frozen=True)
class NameRegion:
    """Say what the chosen region is of; None: the next of the list."""

    kind: Kind | None = None


@dataclass(frozen=True)
class NoteRegion:
    """Put a note to the chosen region, in place of its last one."""

    note: Annotated[str, Within(0, MOST_NOTE)]


@dataclass(frozen=True)
class DeleteRegion:
    """Remove the chosen region. `Undo` brings it back."""


@dataclass(frozen=True)
class GoToRegion:
    """Choose the front photograph's region of this number, from 1, and jump to it."""

    number: Annotated[int, Within(1, MOST_REGIONS)]


@dataclass(frozen=True)
class NextRegion:
    """Choose the next region, of this photograph or the next that has one, and jump to it."""


@dataclass(frozen=True)
class BlinkRegion:
    """Show photograph and super-resolution in turn, for BLINK seconds each, while it lasts."""

    shown: bool


@dataclass(frozen=True)
class ComputeWith:
    """Compute with this network from now on: its name, or a place of the dial (`sr_core.networks.names`)."""

    model: Annotated[str, Within(1, MOST_NAME)]


@dataclass(frozen=True)
class ShowRoom:
    """Let the panels stand in a room, or in the dark."""

    shown: bool


@dataclass(frozen=True)
class ShowHelp:
    """Show what keys and mouse do, or do so no more."""

    shown: bool


@dataclass(frozen=True)
class TakeScreenshot:
    """Save a picture once everything wanted is sharp."""


@dataclass(frozen=True)
class RecordTour:
    """Begin to record a tour; while one is recorded, save it."""


@dataclass(frozen=True)
class ExportRegion:
    """Write the chosen region into a file."""


@dataclass(frozen=True)
class Recentre:
    """Put the scene before the viewer's head."""


@dataclass(frozen=True)
class ToggleControlPanel:
    """Open the control panel, or close it."""


Effect = TakeScreenshot | RecordTour | ExportRegion | Recentre | ToggleControlPanel
"""What leaves the view as it is and acts outside of it."""

RegionIntent = (
    ShowDraft
    | MarkRegion
    | MarkView
    | ArmMarking
    | NameRegion
    | NoteRegion
    | DeleteRegion
    | GoToRegion
    | NextRegion
    | BlinkRegion
)

Intent = (
    Pan
    | Zoom
    | MovePanel
    | Begin
    | Undo
    | ShowOriginal
    | ShowInvention
    | ShowOverlay
    | Adjust
    | LimitLevel
    | SetFieldAngle
    | BringForward
    | SwitchSurface
    | NextImage
    | ShowLayout
    | NextLayout
    | Pick
    | ShowPair
    | SetCompare
    | SetLink
    | MoveDivider
    | KeepShown
    | ResetView
    | LookAt
    | ComputeWith
    | ShowRoom
    | ShowHelp
    | Effect
    | RegionIntent
)

ALONE = (
    *(SwitchSurface, NextImage, BringForward, ShowLayout, NextLayout, Pick),
    *(ShowPair, SetCompare, SetLink, ResetView),
    *(MarkRegion, MarkView, NameRegion, NoteRegion, DeleteRegion, GoToRegion, NextRegion),
)
"""Intents that are each a move of their own, undone at once."""
