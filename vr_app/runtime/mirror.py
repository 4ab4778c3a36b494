"""The window beside a headset, shown by a separate thread: however long the desktop takes, no frame waits for it.

The main thread draws and copies into one of two pictures; the thread copies that into the window and swaps. Neither
waits for the other: while one picture is being shown and the other waits to be, nothing is drawn for the window.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from vr_app.core.scene.lecture import LECTURE_TEXT
from vr_app.core.scene.scene import Scene
from vr_app.core.scene.spectator import MirrorKind, Spectator
from vr_app.core.space.pose import Eye
from vr_app.core.view.desk import Desk
from vr_app.gl import context
from vr_app.gl.context import GL, TITLE
from vr_app.gl.objects import Framebuffer

MIRROR_INTERVAL = 1 / 30
"""Seconds between two pictures in the window."""

HEIGHT = 720
"""The window's height in screen coordinates, at first."""

PICTURE_HEIGHT = 960
"""Pixels of an eye's picture in the window, before the window scales it."""

SIZE_LASTS = 0.5
"""Seconds for which the window's size is assumed unchanged: a query costs a tenth of a still frame."""

REFRESH = 5.0
"""Seconds after which an unchanged picture is shown again, because the desktop may have lost it."""

CAMERA_SIZE = (1280, 720)
"""Pixels of a picture that is drawn for the window alone."""

HALL_SIZE = (1920, 1080)
"""The most pixels of a lecture hall's picture; on a larger screen it is enlarged."""

NO_TIMEOUT = 0xFFFF_FFFF_FFFF_FFFF
"""GL_TIMEOUT_IGNORED, the only one that `glWaitSync` takes: PyOpenGL's own constant has lost it to a sign, and GL then
waits for nothing."""

PATIENCE = 5.0
"""Seconds that the last swap gets."""

LEFT, RIGHT = 0, 1


@dataclass(frozen=True)
class _Picture:
    """One of the two pictures, ready to be shown: its index, the pixels in use (width, height), the fence after which
    they are drawn, and the window's size then."""

    index: int
    part: tuple[int, int]
    fence: Any
    window: tuple[int, int]


class Mirror:
    """A visible window beside `hidden`, whose context owns the scene. `eye_size`: an eye's picture in pixels.

    The `Spectator` of headset frames; every method belongs to the main thread.
    """

    def __init__(self, hidden: context.Window, eye_size: tuple[int, int], kind: MirrorKind) -> None:
        self.kind = kind
        self._eye_width = round(PICTURE_HEIGHT * eye_size[0] / eye_size[1])
        whole = max(2 * self._eye_width, HALL_SIZE[0]), max(PICTURE_HEIGHT, HALL_SIZE[1])
        self._pictures = [Framebuffer.create(whole) for _ in range(2)]
        self.camera = Framebuffer.create(CAMERA_SIZE)
        """Where a picture of the window's own is drawn."""
        self._eye = Framebuffer.create((self._eye_width, PICTURE_HEIGHT))
        self._hall: Framebuffer | None = None
        """Where a lecture hall's picture is drawn."""
        self._stands: tuple[MirrorKind, tuple[int, int], Scene | None] | None = None
        """What the window shows while the scene is still, and its size; of a lecture hall, the scene too. None:
        something else."""
        self._size, self._size_until = (0, 0), 0.0
        self._spectator = Spectator()
        self._drawing: int | None = None
        self._now = self._drawn_at = 0.0
        self._change = threading.Condition()
        self._waiting: _Picture | None = None
        self._handed_over = 0
        self._ending = False
        width, height = self._part
        size = round(HEIGHT * width / height), HEIGHT
        self.window = context.open_window(TITLE, size, x11=True, vsync=False, beside=hidden)
        self._thread = threading.Thread(target=self._show_all, name="mirror", daemon=True)
        self._thread.start()

    @property
    def _part(self) -> tuple[int, int]:
        """How much of a picture is in use."""
        if self.kind in (MirrorKind.spectator, MirrorKind.lecture):
            return CAMERA_SIZE
        return self._eye_width * (2 if self.kind is MirrorKind.both else 1), PICTURE_HEIGHT

    # The main thread's side.

    def begin(self, now: float) -> None:
        """Begin a frame at `now` seconds; it is shown in the window if it is time for that."""
        self._now = now
        self._drawing = None
        if now < self._drawn_at + MIRROR_INTERVAL:
            return
        if now >= self._size_until:
            self._size, self._size_until = self.window.size, now + SIZE_LASTS
        if 0 in self._size:
            return
        with self._change:
            if self._waiting is None:
                self._drawing = 1 - self._handed_over
                self._drawn_at = now

    def see(self, eye: int, picture: Framebuffer) -> None:
        if self._drawing is None or self.kind in (MirrorKind.spectator, MirrorKind.lecture):
            return
        alone = {MirrorKind.left: LEFT, MirrorKind.right: RIGHT}.get(self.kind)
        if alone in (None, eye):
            left = eye * self._eye_width if alone is None else 0
            picture.blit_to(self._pictures[self._drawing], left, 0, self._eye_width, PICTURE_HEIGHT)
        if alone == eye or (alone is None and eye == RIGHT):
            self._hand_over(self._drawing, self._part)

    @property
    def lecture(self) -> Desk | None:
        """The lecture hall's window, if it is one."""
        if self.kind is not MirrorKind.lecture or 0 in self._size:
            return None
        shrink = min(1.0, *(most / side for most, side in zip(HALL_SIZE, self._size, strict=True)))
        width, height = (max(1, round(side * shrink)) for side in self._size)
        return Desk((width, height), LECTURE_TEXT)

    @property
    def takes_lecture(self) -> bool:
        """Whether that takes a picture in this frame."""
        return self.kind is MirrorKind.lecture and self._drawing is not None

    def views(
        self, eyes: tuple[Eye, ...], apart: bool = False, still: bool = False, lecture: Scene | None = None
    ) -> Iterator[tuple[Eye, Framebuffer]]:
        if not still and self.kind is not MirrorKind.lecture:
            self._stands = None
        if self._drawing is None:
            return
        if self.kind is MirrorKind.lecture:
            yield from self._views_of_hall(lecture)
        elif self.kind is MirrorKind.spectator:
            self.camera.bind()
            yield self._spectator.follow(eyes, self._now, CAMERA_SIZE), self.camera
            self.show_camera()
        elif apart:
            yield from self._views_of_its_own(eyes)

    def content(self) -> bool:
        """Whether it needs no new picture now, as long as nothing changes."""
        return self._drawing is None or (self._fresh and self.kind is not MirrorKind.spectator)

    @property
    def _fresh(self) -> bool:
        return self._stands is not None and self._stands[:2] == (self.kind, self._size)

    def _views_of_hall(self, lecture: Scene | None) -> Iterator[tuple[Eye, Framebuffer]]:
        """Yield the lecture hall's view, unless it shows that already."""
        desk = self.lecture
        if desk is None or lecture is None or self._stands == (self.kind, self._size, lecture):
            return
        if self._hall is None or self._hall.size != desk.size:
            self._close_hall()
            self._hall = Framebuffer.create(desk.size)
        self._hall.bind()
        yield desk.eye, self._hall
        self._hand_over_whole(self._hall)
        self._stands = self.kind, self._size, lecture

    def _close_hall(self) -> None:
        if self._hall is not None:
            self._hall.close()
            self._hall = None

    def _views_of_its_own(self, eyes: tuple[Eye, ...]) -> Iterator[tuple[Eye, Framebuffer]]:
        """Yield the eyes' views drawn for the window, unless it shows them already."""
        if self._fresh:
            return
        wanted = {MirrorKind.left: (LEFT,), MirrorKind.right: (RIGHT,)}.get(self.kind, (LEFT, RIGHT))
        for index in wanted:
            self._eye.bind()
            yield replace(eyes[index], size=self._eye.size), self._eye
            self.see(index, self._eye)
        self._stands = self.kind, self._size, None

    def show_camera(self) -> None:
        """Show what was drawn into `camera`, if it is time for a picture."""
        self._hand_over_whole(self.camera)

    def _hand_over_whole(self, drawn: Framebuffer) -> None:
        if self._drawing is not None:
            drawn.blit_to(self._pictures[self._drawing], 0, 0, *drawn.size)
            self._hand_over(self._drawing, drawn.size)

    def _hand_over(self, picture: int, part: tuple[int, int]) -> None:
        fence = GL.glFenceSync(GL.GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
        GL.glFlush()  # the thread's wait for the fence does not send it off
        with self._change:
            self._waiting = _Picture(picture, part, fence, self.window.size)
            self._handed_over = picture
            self._change.notify()
        self._drawing = None

    def close(self) -> None:
        """End the thread, once its swap is over, and close the window."""
        with self._change:
            self._ending = True
            self._change.notify()
        self._thread.join(PATIENCE)
        self._close_hall()
        for picture in (*self._pictures, self.camera, self._eye):
            picture.close()
        self.window.close()

    # The thread's side.

    def _show_all(self) -> None:
        self.window.make_current()
        seen = [Framebuffer.of_texture(picture.texture, picture.size) for picture in self._pictures]
        before = None
        while (picture := self._next(before)) is not None:
            if picture is not before:
                GL.glWaitSync(picture.fence, 0, NO_TIMEOUT)
                GL.glDeleteSync(picture.fence)
            before = picture
            seen[picture.index].blit_part_to_window(picture.part, *picture.window)
            self.window.swap()
            GL.glFinish()  # then the picture may be drawn into again
        for framebuffer in seen:
            framebuffer.close()
        self.window.leave()

    def _next(self, before: _Picture | None) -> _Picture | None:
        """Return the next picture to show, or the one `before` it again; None: the end."""
        with self._change:
            came = self._change.wait_for(
                lambda: self._waiting is not None or self._ending, None if before is None else REFRESH
            )
            if self._ending:
                return None
            picture, self._waiting = (self._waiting if came else before), None
            return picture
