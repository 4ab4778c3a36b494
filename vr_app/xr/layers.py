"""What the runtime is given to show: swapchains, and the layer of both eyes' pictures.

`surfaces` makes the layers of single panels and of the retina.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, suppress

import numpy as np
import xr

from vr_app.core.space.pose import FAR, NEAR, Eye, Fov
from vr_app.gl.depth import DepthTarget
from vr_app.gl.mask import HiddenArea
from vr_app.gl.objects import Framebuffer
from vr_app.xr import graphics
from vr_app.xr.errors import HeadsetError, HeadsetLostError, openxr, own

log = logging.getLogger(__name__)

IMAGE_WAIT_NS = 200_000_000
"""How long one call waits for a swapchain image; between calls Python handles Ctrl-C."""


class _Swapchain:
    """Images of `size` (width, height) pixels that the runtime shows, and their GL `textures`."""

    def __init__(
        self,
        session: xr.Session,
        size: tuple[int, int],
        image_format: int,
        usage: xr.SwapchainUsageFlags,
        handles: ExitStack,
    ) -> None:
        self.size = size
        info = xr.SwapchainCreateInfo(
            usage_flags=usage | xr.SwapchainUsageFlags.SAMPLED_BIT,
            format=image_format,
            sample_count=1,
            width=size[0],
            height=size[1],
            face_count=1,
            array_size=1,
            mip_count=1,
        )
        with openxr("xrCreateSwapchain"):
            self.handle = own(handles, xr.destroy_swapchain, xr.create_swapchain(session, info))
            self.textures = graphics.textures(self.handle)

    def acquire_index(self) -> int:
        """Return the index of the next image, once the compositor has finished with it. Return it with `release`."""
        with openxr("xrAcquireSwapchainImage"):
            index = xr.acquire_swapchain_image(self.handle, xr.SwapchainImageAcquireInfo())
        try:
            self._wait()
        except BaseException:
            with suppress(xr.exception.XrException):  # an image that was not waited for must not be released
                self._release()
            raise
        return index

    def _wait(self) -> None:
        while True:
            try:
                with openxr("xrWaitSwapchainImage"):
                    xr.wait_swapchain_image(self.handle, xr.SwapchainImageWaitInfo(timeout=xr.Duration(IMAGE_WAIT_NS)))
                return
            except xr.exception.TimeoutExpired:
                continue

    def _release(self) -> None:
        xr.release_swapchain_image(self.handle, xr.SwapchainImageReleaseInfo())

    def release(self) -> None:
        """Hand the image to the runtime."""
        with openxr("xrReleaseSwapchainImage"):
            self._release()

    def whole(self) -> xr.SwapchainSubImage:
        """Return all of the image released last."""
        return xr.SwapchainSubImage(self.handle, xr.Rect2Di(xr.Offset2Di(0, 0), xr.Extent2Di(*self.size)), 0)


class PictureSwapchain(_Swapchain):
    """The picture of an eye or a surface, with a framebuffer for each of its images, made once."""

    def __init__(self, session: xr.Session, size: tuple[int, int], image_format: int, handles: ExitStack) -> None:
        # The mirror window and screenshots read the image, too.
        super().__init__(session, size, image_format, xr.SwapchainUsageFlags.COLOR_ATTACHMENT_BIT, handles)
        self._framebuffers = [Framebuffer.of_texture(name, size) for name in self.textures]
        for framebuffer in self._framebuffers:
            handles.callback(framebuffer.close)
        handles.callback(self._forget_hidden)
        self._hidden: HiddenArea | None = None
        self._mesh = np.zeros((0, 3, 2))
        self._hidden_for: Fov | None = None

    def hide(self, mesh: np.ndarray) -> None:
        """Leave out the invisible part: triangles (N, 3, 2) on the plane one metre ahead, in metres."""
        self._mesh, self._hidden_for = mesh, None
        if self._hidden is None and len(mesh):
            self._hidden = HiddenArea(self.size)
            for framebuffer in self._framebuffers:
                framebuffer.hide(self._hidden.handle)

    def _forget_hidden(self) -> None:
        if self._hidden is not None:
            self._hidden.close()

    def see_with(self, fov: Fov) -> None:
        """Adapt the invisible part to the eye's field of view, if that has changed."""
        if self._hidden is not None and fov != self._hidden_for:
            self._hidden.draw(fov.across(self._mesh))
            self._hidden_for = fov

    def acquire(self) -> Framebuffer:
        """Return the framebuffer of the next image, once the compositor has finished with it. Return it with
        `release`."""
        return self._framebuffers[self.acquire_index()]


class DepthSwapchain(_Swapchain):
    """The depth of each pixel of an eye's picture, with a render target for each of its images, made once.

    Its images come in their own order: none belongs to a particular image of the picture.
    """

    def __init__(self, session: xr.Session, size: tuple[int, int], image_format: int, handles: ExitStack) -> None:
        super().__init__(session, size, image_format, xr.SwapchainUsageFlags.DEPTH_STENCIL_ATTACHMENT_BIT, handles)
        self._targets = [DepthTarget(name, size) for name in self.textures]
        for target in self._targets:
            handles.callback(target.close)

    def acquire(self) -> DepthTarget:
        """See `PictureSwapchain.acquire`."""
        return self._targets[self.acquire_index()]

    def structure(self) -> xr.CompositionLayerDepthInfoKHR:
        """Return the structure of the image released last."""
        return xr.CompositionLayerDepthInfoKHR(
            sub_image=self.whole(), min_depth=0.0, max_depth=1.0, near_z=NEAR, far_z=FAR
        )


def picture_format(session: xr.Session) -> int:
    """Return the format of all swapchains here. Raises `HeadsetError` if the runtime does not offer it."""
    with openxr("xrEnumerateSwapchainFormats"):
        return graphics.swapchain_format(list(xr.enumerate_swapchain_formats(session)))


def depth_swapchains(session: xr.Session, sizes: Sequence[tuple[int, int]], handles: ExitStack) -> list[DepthSwapchain]:
    """Return one for each eye, or none if the runtime offers no format for them, or one that it or OpenGL then
    refuses."""
    with openxr("xrEnumerateSwapchainFormats"):
        kind = graphics.depth_format(list(xr.enumerate_swapchain_formats(session)))
    if kind is None:
        return []
    try:
        with ExitStack() as made:
            swapchains = [DepthSwapchain(session, size, kind, made) for size in sizes]
            handles.enter_context(made.pop_all())
            return swapchains
    except HeadsetLostError:
        raise
    except (HeadsetError, RuntimeError) as error:
        log.warning("%s; the headset goes on without being told how far away things are", error)
        return []


class ProjectionLayer:
    """The scene as seen from both eyes; `flags`: how it is blended over what lies behind; `deep`: the runtime gets its
    depth too, if it accepts that."""

    def __init__(
        self,
        session: xr.Session,
        space: xr.Space,
        sizes: Sequence[tuple[int, int]],
        handles: ExitStack,
        flags: xr.CompositionLayerFlags = xr.CompositionLayerFlags.NONE,
        deep: bool = False,
    ) -> None:
        image_format = picture_format(session)
        self._flags = flags
        self.space = space
        """The space in which the views are given to the runtime."""
        self.shown: xr.CompositionLayerProjection | None = None
        """The layer of the images released last; it may be submitted again unchanged."""
        self._eyes = [PictureSwapchain(session, size, image_format, handles) for size in sizes]
        self._depths = depth_swapchains(session, sizes, handles) if deep else []
        self._told: list[xr.CompositionLayerDepthInfoKHR] = []

    @property
    def deep(self) -> bool:
        """Whether the runtime is given its depth."""
        return bool(self._depths)

    @property
    def handed_over(self) -> xr.CompositionLayerProjection:
        """`shown`, once there is one."""
        assert self.shown is not None
        return self.shown

    def hide(self, eye: int, mesh: np.ndarray) -> None:
        """Leave out what eye number `eye` never sees; see `PictureSwapchain.hide`."""
        self._eyes[eye].hide(mesh)

    def draw(
        self,
        eyes: Sequence[Eye],
        drawn: Callable[[int, Framebuffer], None],
        deepen: Callable[[DepthTarget, Eye], None] | None = None,
    ) -> Generator[tuple[Eye, Framebuffer]]:
        """Yield each eye with its next image's framebuffer, bound. When the iteration continues, `drawn` gets the
        finished picture, and the image is released to the runtime, also if the iteration ends early.

        `deepen` draws the depth of an eye's picture; None: unknown.
        """
        for index, (eye, swapchain) in enumerate(zip(eyes, self._eyes, strict=True)):
            framebuffer = swapchain.acquire()
            try:
                swapchain.see_with(eye.fov)
                framebuffer.bind()
                yield eye, framebuffer
                drawn(index, framebuffer)
            finally:
                swapchain.release()
        if deepen is None or not self._depths:
            self._told = []
            return
        for eye, depth in zip(eyes, self._depths, strict=True):
            target = depth.acquire()
            try:
                deepen(target, eye)
            finally:
                depth.release()
        self._told = [depth.structure() for depth in self._depths]

    def structure(self, views: ctypes.Array[xr.View]) -> xr.CompositionLayerProjection:
        """The layer of the images released last, as they were drawn for `views`. `shown` from now on."""
        told = self._told or [None] * len(self._eyes)
        projections = [
            xr.CompositionLayerProjectionView(
                next=ctypes.cast(ctypes.pointer(depth), ctypes.c_void_p) if depth else None,
                pose=view.pose,
                fov=view.fov,
                sub_image=swapchain.whole(),
            )
            for view, swapchain, depth in zip(views, self._eyes, told, strict=True)
        ]
        self.shown = xr.CompositionLayerProjection(layer_flags=self._flags, space=self.space, views=projections)
        return self.shown
