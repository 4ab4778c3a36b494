"""One picture for one eye: what a window shows, offscreen pictures, and the window of a headset that is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Eye, Fov, Pose
from vr_app.core.view.desk import Desk
from vr_app.gl.draw import Renderer
from vr_app.gl.objects import Framebuffer

IN_VIEW = (0.64, 0.50)
"""Tangents to the side and upward that every picture shows: a panel of 2.4 x 1.6 m at 2 m, and the words around it."""

FLOOR = -1.2
"""In metres: that of a viewer who sits in front of a screen."""


def one_eye(size: tuple[int, int]) -> Eye:
    """Return the eye at the origin looking along -z, with a picture of `size` pixels."""
    return Eye(Pose(), Fov.framing(size, *IN_VIEW), size)


@dataclass(frozen=True)
class OneEyeFrame:
    """A frame of a runtime with a single picture, or none while `framebuffer` is None. See `Frame`."""

    time: float
    eyes: tuple[Eye, ...]
    framebuffer: Framebuffer | None
    period: float | None = None
    keeps: bool = False
    detail: float = 1.0
    desk: Desk | None = None
    lecture: None = None
    takes_lecture: bool = False

    @property
    def should_render(self) -> bool:
        return self.framebuffer is not None

    def targets(self) -> Iterator[tuple[Eye, Framebuffer]]:
        """The eye and its framebuffer, bound."""
        if self.framebuffer is None:
            return
        for eye in self.eyes:
            self.framebuffer.bind()
            yield eye, self.framebuffer

    def pictures(
        self, scene: Scene, renderer: Renderer, whole: bool = False, lecture: Scene | None = None
    ) -> Iterator[tuple[Eye, Framebuffer, Scene]]:
        """The same, to draw all of `scene` into it."""
        yield from ((eye, target, scene) for eye, target in self.targets())

    def repeat(self) -> bool:
        return False
