"""Panels and the retina as composition layers, each with a swapchain of its own that holds its face."""

from __future__ import annotations

import ctypes
import logging
import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import xr

from vr_app.core.scene.composition import ALL_PIXELS, Arrangement, Face, Key, Layered, Offer, Shape, arrange
from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Eye, Pose
from vr_app.core.space.surface import Panel
from vr_app.gl.draw import Renderer
from vr_app.gl.text import line
from vr_app.xr import convert
from vr_app.xr.errors import HeadsetError, HeadsetLostError
from vr_app.xr.layers import PictureSwapchain, picture_format

log = logging.getLogger(__name__)

SPARE = 8
"""The most swapchains kept for surfaces out of sight, as long as all together have no more than ALL_PIXELS: creating
one takes milliseconds of a frame. Monado has room for 32 in all."""

Owner = tuple[Key, Shape]
"""A photograph's panel and its retina have faces of their own, and alternate."""

OVER = xr.CompositionLayerFlags.BLEND_TEXTURE_SOURCE_ALPHA_BIT
"""Blended over what lies behind, by the picture's alpha, with which its colours are already multiplied."""


@dataclass
class _Held:
    """A swapchain, its owner (None: no longer a surface's), and the face drawn in it; None: nothing yet."""

    swapchain: PictureSwapchain
    handles: ExitStack
    owner: Owner | None = None
    face: Face | None = None
    content: Scene | None = None
    used: int = 0


class SurfaceLayers:
    """The surfaces that the runtime shows, within its `offer`. Closed by `handles`, with the session."""

    def __init__(self, session: xr.Session, space: xr.Space, offer: Offer, handles: ExitStack) -> None:
        self.offer = offer
        self._session = session
        self.space = space
        self._format = picture_format(session)
        self._held: list[_Held] = []
        self._frame = 0
        handles.callback(self._close)

    def _close(self) -> None:
        for held in self._held:
            held.handles.close()
        self._held.clear()

    def arrange(
        self, scene: Scene, eyes: Sequence[Eye], renderer: Renderer
    ) -> tuple[Arrangement, list[ctypes.Structure]]:
        """Take a scene apart and draw the changed faces of the surfaces that the runtime shows; return the arrangement,
        and the structures for xrEndFrame, in order. After a runtime refuses a surface's swapchain, it is given no
        more."""
        arrangement = arrange(scene, eyes, self.offer, self.faces, lambda words: line(words).advance)
        try:
            return arrangement, self._show(arrangement.layers, renderer)
        except HeadsetLostError:
            raise
        except HeadsetError as error:
            log.warning("surfaces are drawn as meshes from now on: %s", error)
            self.offer = Offer()
            self._close()
            return Arrangement(scene), []

    @property
    def faces(self) -> dict[Key, Face]:
        """What was drawn last for each surface."""
        oldest_first = sorted(self._held, key=lambda held: held.used)
        return {held.owner[0]: held.face for held in oldest_first if held.owner is not None and held.face is not None}

    def _show(self, layers: Sequence[Layered], renderer: Renderer) -> list[ctypes.Structure]:
        """Draw what has changed; return the layers' structures for xrEndFrame, in order."""
        self._frame += 1
        wanted = {(layered.key, layered.shape) for layered in layers}
        structures = []
        for layered in layers:
            held = self._for(layered, wanted)
            held.used = self._frame
            if (held.face, held.content) != (layered.face, layered.content):
                self._draw(held, layered, renderer)
            structures.append(self._structure(held, layered))
        return structures

    def _draw(self, held: _Held, layered: Layered, renderer: Renderer) -> None:
        held.face = held.content = None  # until drawing has succeeded
        picture = held.swapchain.acquire()
        try:
            renderer.draw_face(picture, layered)
        finally:
            held.swapchain.release()
        held.face, held.content = layered.face, layered.content

    def _for(self, layered: Layered, wanted: set[Owner]) -> _Held:
        """Return the surface's own swapchain; an unused one of that size; or a new one."""
        owner = layered.key, layered.shape
        for held in self._held:
            if held.owner == owner and held.swapchain.size == layered.face.size:
                return held
            if held.owner == owner:
                held.owner = None
        spare = [held for held in self._held if held.owner not in wanted]
        spare.sort(key=lambda held: (held.owner is not None, held.used))
        held = next((held for held in spare if held.swapchain.size == layered.face.size), None)
        if held is None:
            self._make_room(spare, layered.face)
            held = self._make(layered.face)
            self._held.append(held)
        held.owner, held.face, held.content = owner, None, None
        return held

    def _make_room(self, spare: list[_Held], face: Face) -> None:
        """Release those of the spare ones, the first ones first, for which there is no room beside another face's."""
        while spare and (len(spare) > SPARE or self._pixels + math.prod(face.size) > ALL_PIXELS):
            self._held.remove(spare[0])
            spare.pop(0).handles.close()

    @property
    def _pixels(self) -> int:
        return sum(math.prod(held.swapchain.size) for held in self._held)

    def _make(self, face: Face) -> _Held:
        with ExitStack() as handles:
            swapchain = PictureSwapchain(self._session, face.size, self._format, handles)
            return _Held(swapchain, handles.pop_all())

    def _structure(self, held: _Held, layered: Layered) -> ctypes.Structure:
        face, surface = layered.face, layered.surface
        about = {"layer_flags": OVER, "space": self.space, "sub_image": held.swapchain.whole()}
        if layered.shape is Shape.QUAD:
            at = ((face.left + face.right) / 2, (face.bottom + face.top) / 2, 0.0)
            size = xr.Extent2Df(face.right - face.left, face.top - face.bottom)
            return xr.CompositionLayerQuad(pose=convert.posef(surface.pose.after(Pose(at))), size=size, **about)
        if isinstance(surface, Panel):
            return _cylinder(face, surface, about)
        middle = (face.left + face.right) / 2  # to the right: a turn about the vertical by that much less
        turned = Pose(orientation=(0.0, -math.sin(middle / 2), 0.0, math.cos(middle / 2)))
        return xr.CompositionLayerEquirect2KHR(
            pose=convert.posef(surface.pose.after(turned)),
            radius=surface.radius,
            central_horizontal_angle=face.right - face.left,
            upper_vertical_angle=face.top,
            lower_vertical_angle=face.bottom,
            **about,
        )


def _cylinder(face: Face, panel: Panel, about: dict) -> ctypes.Structure:
    """Return the layer of a bent panel. Its pose is that of the cylinder's axis, level with the picture's middle and
    turned to it."""
    axis = Pose((0.0, (face.bottom + face.top) / 2, 1 / panel.bend))
    middle = (face.left + face.right) / 2 * panel.bend
    turned = Pose(orientation=(0.0, -math.sin(middle / 2), 0.0, math.cos(middle / 2)))
    return xr.CompositionLayerCylinderKHR(
        pose=convert.posef(panel.pose.after(axis).after(turned)),
        radius=1 / panel.bend,
        central_angle=(face.right - face.left) * panel.bend,
        aspect_ratio=(face.right - face.left) / (face.top - face.bottom),
        **about,
    )
