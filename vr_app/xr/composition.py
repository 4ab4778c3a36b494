"""The composition layers of a session: the eyes' own pictures, and surfaces that the runtime shows by itself."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import xr

from vr_app.core.scene.layer_mode import LayerMode
from vr_app.xr.compose import Composed
from vr_app.xr.layers import ProjectionLayer
from vr_app.xr.offers import offer_in, takes_depth
from vr_app.xr.surfaces import OVER, SurfaceLayers
from vr_app.xr.system import System


class Layers:
    """The layers of one session in `space`; closed by `handles`, with the session.

    `behind`: both eyes' pictures, of the whole scene or of what lies behind the surfaces. `surfaces`: what the runtime
    shows by itself, `before`: the eyes' pictures of what lies before them; None if it shows no surfaces. `composed`:
    what the last frame handed over; None if nothing of it may be reused.
    """

    def __init__(
        self, session: xr.Session, space: xr.Space, system: System, mode: LayerMode, handles: ExitStack
    ) -> None:
        sizes = system.view_sizes
        self.behind = ProjectionLayer(session, space, sizes, handles, deep=takes_depth(system))
        self.before: ProjectionLayer | None = None
        self.surfaces: SurfaceLayers | None = None
        self.composed: Composed | None = None
        offer = offer_in(system, mode)
        if offer.layers > 2:
            self.before = ProjectionLayer(session, space, sizes, handles, OVER, self.behind.deep)
            self.surfaces = SurfaceLayers(session, space, offer, handles)

    def stand_in(self, space: xr.Space) -> None:
        """Use `space` for the pictures from now on; those of another space are not reused."""
        if self.behind.space is not space:
            self.composed = None
        for layer in filter(None, (self.behind, self.before, self.surfaces)):
            layer.space = space

    def hide(self, eye: int, mesh: np.ndarray) -> None:
        """Leave out what eye number `eye` never sees; see `PictureSwapchain.hide`."""
        for layer in filter(None, (self.behind, self.before)):
            layer.hide(eye, mesh)
        self.composed = None
