"""What the loop asks of a runtime. Three exist: a headset, a window, and offscreen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from vr_app.core.hands.sample import ControllerSample, Pulse
from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Eye
from vr_app.gl.draw import Renderer
from vr_app.gl.framebuffer import Framebuffer


class Frame(Protocol):
    """One frame between `wait` and `end`."""

    @property
    def time(self) -> float:
        """Seconds on a clock that never runs backward: when the frame will be seen."""
        ...

    @property
    def should_render(self) -> bool:
        """False: nothing drawn now would be seen, so nothing is."""
        ...

    @property
    def period(self) -> float | None:
        """Seconds that the display gives a frame; None where nothing is displayed."""
        ...

    @property
    def keeps(self) -> bool:
        """Whether `targets` still hold what was drawn into them in the frame before: what has not changed may stay."""
        ...

    @property
    def detail(self) -> float:
        """How many pixels a line are shown for each of an eye's picture: more than one where surfaces are shown
        apart."""
        ...

    @property
    def eyes(self) -> tuple[Eye, ...]:
        """Every picture to draw: two in a headset, else one. Empty while the head is not tracked. `targets` may add one
        for a spectator."""
        ...

    def targets(self) -> Iterator[tuple[Eye, Framebuffer]]:
        """Each eye with the framebuffer to draw it into, bound; it is handed on when the iteration goes on."""
        ...

    def pictures(
        self, scene: Scene, renderer: Renderer, whole: bool = False
    ) -> Iterator[tuple[Eye, Framebuffer, Scene]]:
        """As `targets`, with what is to be drawn into each: `scene`, or what is left of it where the runtime shows a
        part by itself, which `renderer` draws apart. `whole`: everything is to be in the eyes' own pictures."""
        ...

    def repeat(self) -> bool:
        """Show what the last frame showed, which nothing has changed; False where that needs drawing after all."""
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
        """Put the scene before the viewer, where there is one who moves; at the next frame that knows the head."""
        ...

    def poll_events(self) -> bool:
        """Take what has happened; False when the program should end."""
        ...

    def frame(self) -> AbstractContextManager[Frame]:
        """Wait until a frame is due; its end is guaranteed, whatever happens in between."""
        ...

    def read(self, time: float) -> ControllerSample:
        """Hands and buttons as they will be at `time`, and the keys pressed since the last call."""
        ...

    def take_notices(self) -> tuple[str, ...]:
        """What has happened to the runtime since the last call, a line each, for the user to read."""
        ...

    def feel(self, pulses: tuple[Pulse, ...]) -> None:
        """Have the hands feel ticks, where they hold something that can."""
        ...

    def close(self) -> None:
        """Give everything back. May be called twice."""
        ...
