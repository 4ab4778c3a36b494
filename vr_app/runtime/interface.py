"""What the loop needs of a runtime. There are three: a headset, a window, and offscreen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from vr_app.core.hands.cursor import Cursor
from vr_app.core.hands.sample import ControllerSample, Pulse
from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Eye
from vr_app.core.view.desk import Desk
from vr_app.gl.draw import Renderer
from vr_app.gl.objects import Framebuffer


class Frame(Protocol):
    """One frame between `wait` and `end`."""

    @property
    def time(self) -> float:
        """Seconds on a clock that never runs backward: when the frame will be seen."""
        ...

    @property
    def should_render(self) -> bool:
        """False: nothing drawn now would be visible, so nothing is drawn."""
        ...

    @property
    def period(self) -> float | None:
        """Seconds per frame of the display; None if nothing is displayed, or if the frame has waited for something to
        happen, since the last ones changed nothing."""
        ...

    @property
    def keeps(self) -> bool:
        """Whether `targets` still hold what was drawn in the previous frame, so that unchanged parts may stay."""
        ...

    @property
    def detail(self) -> float:
        """How many pixels are shown along a line for each of an eye's picture: more than one if surfaces are shown as
        layers."""
        ...

    @property
    def desk(self) -> Desk | None:
        """The window in which photographs stand flat; None: they stand around the viewer."""
        ...

    @property
    def lecture(self) -> Desk | None:
        """The window beside a headset in which photographs stand flat for a lecture hall, if there is one."""
        ...

    @property
    def takes_lecture(self) -> bool:
        """Whether that window takes a picture in this frame."""
        ...

    @property
    def eyes(self) -> tuple[Eye, ...]:
        """Every picture to draw: two in a headset, else one. Empty while the head is not tracked. `targets` may add one
        for a spectator."""
        ...

    def targets(self) -> Iterator[tuple[Eye, Framebuffer]]:
        """Yield each eye with the framebuffer to draw it into, bound; it is submitted when the iteration continues."""
        ...

    def pictures(
        self, scene: Scene, renderer: Renderer, whole: bool = False, lecture: Scene | None = None
    ) -> Iterator[tuple[Eye, Framebuffer, Scene]]:
        """Yield the same as `targets`, with what to draw into each: `scene`, or the rest of it if the runtime shows a
        part by itself, which `renderer` draws apart. `whole`: everything must be in the eyes' own pictures. `lecture`:
        what to draw for `self.lecture`."""
        ...

    def repeat(self) -> bool:
        """Show again what the last frame showed, since nothing has changed; return False if it must be drawn after
        all."""
        ...


class Runtime(Protocol):
    """A place to show the scene. Every method belongs to the thread that owns the GL context."""

    @property
    def name(self) -> str:
        """'xr', 'desktop' or 'offscreen'."""
        ...

    def describe(self) -> dict[str, str]:
        """Runtime, system and renderer by name, for the statistics."""
        ...

    @property
    def floor(self) -> float:
        """The height of the floor, metres."""
        ...

    def recentre(self) -> None:
        """Place the scene in front of the viewer, if there is one who moves; at the next frame with a known head
        pose."""
        ...

    def show_cursor(self, cursor: Cursor) -> None:
        """Give the cursor of the window that the photographs stand in this shape; elsewhere there is none."""
        ...

    def toggle_full_screen(self) -> None:
        """Let the window, if there is one, take the whole screen, or go back to its place."""
        ...

    def poll_events(self) -> bool:
        """Handle events; return False when the program should end."""
        ...

    def frame(self) -> AbstractContextManager[Frame]:
        """Wait until a frame is due; its end is guaranteed, whatever happens in between."""
        ...

    def read(self, time: float) -> ControllerSample:
        """Return hands and buttons as they will be at `time`, and the keys pressed since the last call."""
        ...

    def take_notices(self) -> tuple[str, ...]:
        """Return what has happened to the runtime since the last call, one line each, for the user to read."""
        ...

    def entitle(self, title: str) -> None:
        """Put what is shown into the title of the window, if there is one."""
        ...

    def take_dropped(self) -> tuple[Path, ...]:
        """Return the files and folders that the user has dropped on the window since the last call."""
        ...

    def feel(self, pulses: tuple[Pulse, ...]) -> None:
        """Play haptic pulses, if the hands hold something that can."""
        ...

    def close(self) -> None:
        """Release everything. May be called twice."""
        ...
