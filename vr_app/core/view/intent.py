"""Everything that hands, keys, the control panel, tours and tests can ask of a session: one vocabulary of frozen
values.

`vr_app.core.view.step` applies those that change the view. Those in `Effect` act outside the view; the viewer performs
them.
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
    MOST_EDGE,
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
    """Where hands have put a panel: the pose of its middle, and its size relative to its size on the arc."""

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
    """Begin a move: all changes until the next one are undone together."""


@dataclass(frozen=True)
class Undo:
    """Go back to how it was before the last move."""


@dataclass(frozen=True)
class ShowOriginal:
    """Show the photograph without anything computed, or show everything again."""

    shown: bool


@dataclass(frozen=True)
class ShowInvention:
    """Show or hide the overlay that shows how far computed pixels depart from what the photograph determines."""

    shown: bool


@dataclass(frozen=True)
class ShowOverlay:
    """Show or hide a layer over the picture, by its name (`sr_core.image.layers`)."""

    layer: Annotated[str, Within(1, MOST_NAME)]
    shown: bool


@dataclass(frozen=True)
class Adjust:
    """Change how the photographs look. `continues`: as part of the last such change, as while a slider is dragged: one
    undo takes back all of it."""

    appearance: Appearance
    continues: bool = False


@dataclass(frozen=True)
class LimitLevel:
    """Show no level finer than this; 0: only the photograph."""

    finest: Level


@dataclass(frozen=True)
class SetFieldAngle:
    """Set the camera's full field, in degrees of visual angle."""

    degrees: Annotated[float, Within(*FIELD_ANGLES)]


@dataclass(frozen=True)
class BringForward:
    """Bring a photograph to the front, if it is loaded."""

    image: Image


@dataclass(frozen=True)
class SwitchSurface:
    """Switch from panel to retina, or back."""


@dataclass(frozen=True)
class NextImage:
    """Bring the next photograph to the front, or the next two if a pair is shown, or the next page of the wall. `by`
    -1: the previous."""

    by: By = 1


@dataclass(frozen=True)
class ShowLayout:
    """Switch to another layout. The pair is the last one chosen, or else the front photograph and the next."""

    layout: Layout


@dataclass(frozen=True)
class NextLayout:
    """Switch to the next layout for which there are enough photographs. A pair comes once for each way to compare
    it."""

    by: By = 1


@dataclass(frozen=True)
class Pick:
    """Take a photograph from the wall and show it alone."""

    image: Image


@dataclass(frozen=True)
class ShowPair:
    """Show two photographs as a pair, the first on the left."""

    first: Image
    second: Image


@dataclass(frozen=True)
class SetCompare:
    """Compare the pair in another way."""

    compare: Compare


@dataclass(frozen=True)
class SetLink:
    """Link the views of the pair in another way, starting from where they are now."""

    link: Link


@dataclass(frozen=True)
class MoveDivider:
    """Put the divider of a swipe at this fraction of the panel's width, 0 to 1."""

    to: Coordinate


@dataclass(frozen=True)
class KeepShown:
    """Hold a blink at the photograph that it shows, or let it alternate again."""

    kept: bool


@dataclass(frozen=True)
class ResetView:
    """Show the whole front photograph again, with its panel back in its place on the arc."""


@dataclass(frozen=True)
class ShowPixels:
    """Show the front photograph in a window with each of its pixels on one of the window's. Without a window, nothing
    changes."""


@dataclass(frozen=True)
class GoBack:
    """Close what lies over the photograph, else show all of it, else the wall that it was taken from."""


@dataclass(frozen=True)
class LookAt:
    """Jump to a view (tours)."""

    surface: SurfaceKind
    center: tuple[Fraction, Fraction]
    zoom: Annotated[float, Within(1.0, MAX_ZOOM)]
    invention: bool = False


@dataclass(frozen=True)
class ShowDraft:
    """Show the region that a hand is marking; None: it no longer marks one."""

    draft: Draft | None


@dataclass(frozen=True)
class MarkRegion:
    """Mark the dragged rectangle as a region, and choose it. If a side is shorter than LEAST_SIDE, no region is
    made."""

    draft: Draft


@dataclass(frozen=True)
class MarkView:
    """Make a region of the visible part of the front photograph, shrunk to OF_VIEW."""


@dataclass(frozen=True)
class ArmMarking:
    """Whether the next drag on a photograph marks a region: for controllers that have only a trigger."""

    armed: bool


@dataclass(frozen=True)
class ShowRegions:
    """Show or hide the outlines of all regions."""

    shown: bool


@dataclass(frozen=True)
class ChooseRegion:
    """Choose a photograph's region of this number, from 1. The view stays as it is."""

    image: Image
    number: Annotated[int, Within(1, MOST_REGIONS)]


@dataclass(frozen=True)
class ReshapeRegion:
    """Give the chosen region another place and size, in pixels of its photograph, as far as it lies within it. `ended`:
    no more follows of this drag."""

    x: Annotated[int, Within(-MOST_EDGE, MOST_EDGE)]
    y: Annotated[int, Within(-MOST_EDGE, MOST_EDGE)]
    w: Annotated[int, Within(0, MOST_EDGE)]
    h: Annotated[int, Within(0, MOST_EDGE)]
    ended: bool = True


@dataclass(frozen=True)
class NameRegion:
    """Set what the chosen region shows; None: the next kind in the list."""

    kind: Kind | None = None


@dataclass(frozen=True)
class NoteRegion:
    """Give the chosen region a note, replacing its last one."""

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
    """Start or stop showing photograph and super-resolution in turn, for BLINK seconds each."""

    shown: bool


@dataclass(frozen=True)
class ComputeWith:
    """Compute with this network from now on: a name, or a position of the dial (`sr_core.networks.names`)."""

    model: Annotated[str, Within(1, MOST_NAME)]


@dataclass(frozen=True)
class ShowRoom:
    """Show the room around the panels, or leave them in the dark."""

    shown: bool


@dataclass(frozen=True)
class ShowHelp:
    """Show or hide the help on keys and mouse."""

    shown: bool


@dataclass(frozen=True)
class TakeScreenshot:
    """Save a picture once all wanted tiles are sharp."""


@dataclass(frozen=True)
class CopyView:
    """Put a picture on the desktop's clipboard once all wanted tiles are sharp."""


@dataclass(frozen=True)
class RecordTour:
    """Begin to record a tour, or save the one being recorded."""


@dataclass(frozen=True)
class ExportRegion:
    """Write the chosen region into a file."""


@dataclass(frozen=True)
class Recentre:
    """Place the scene in front of the viewer's head."""


@dataclass(frozen=True)
class ToggleControlPanel:
    """Open the control panel, or close it."""


@dataclass(frozen=True)
class ToggleFullScreen:
    """Let the window take the whole screen, or go back to its place."""


@dataclass(frozen=True)
class OpenPhotographs:
    """Ask which photographs to look at instead."""


@dataclass(frozen=True)
class OpenFolder:
    """Ask which folder of photographs to look at instead."""


@dataclass(frozen=True)
class WriteNote:
    """Let the user type a note on the chosen region, into the control panel of a window."""


Effect = (
    TakeScreenshot
    | CopyView
    | RecordTour
    | ExportRegion
    | Recentre
    | ToggleControlPanel
    | ToggleFullScreen
    | OpenPhotographs
    | OpenFolder
    | WriteNote
)
"""Intents that leave the view unchanged and act outside it."""

RegionIntent = (
    ShowDraft
    | MarkRegion
    | MarkView
    | ArmMarking
    | ShowRegions
    | ChooseRegion
    | ReshapeRegion
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
    | ShowPixels
    | GoBack
    | LookAt
    | ComputeWith
    | ShowRoom
    | ShowHelp
    | Effect
    | RegionIntent
)

ALONE = (
    *(SwitchSurface, NextImage, BringForward, ShowLayout, NextLayout, Pick),
    *(ShowPair, SetCompare, SetLink, ResetView, ShowPixels, GoBack, Adjust),
    *(MarkRegion, MarkView, NameRegion, NoteRegion, DeleteRegion, GoToRegion, NextRegion),
)
"""Intents that are each a complete move and are undone one by one."""
