"""The curved retina as triangles.

Imports trimesh, which takes about a second: import this module late.
"""

from __future__ import annotations

import numpy as np
import trimesh
from trimesh.visual import TextureVisuals

from vr_app.core.space.pose import Pose
from vr_app.core.space.surface import CAP_ANGLE, Retina

UNIT = Retina(Pose(), 1.0, 1.0, 1.0)
"""Radius 1 metre, one radian per unit of surface coordinates: `vr_app.gl.cap` holds it, for retinas of any size."""


def retina_mesh(retina: Retina, rings: int = 24, sectors: int = 96, reach: float = CAP_ANGLE) -> trimesh.Trimesh:
    """The spherical cap within `reach` radians of the pole, `rings` rings of `sectors` vertices about one at the pole.

    Vertices lie exactly on the sphere, in world metres; faces look inward, to the viewer. The texture coordinates are
    the photograph's at zoom 1, centred: u to the right, v *upward* as meshes have it (1 - v of the photograph), 0 to 1
    on the photograph and beyond it where the cap reaches further. Exact s lies between vertices only in the limit;
    the viewer's shader does not use them.
    """
    angle = np.linspace(0.0, reach, rings + 1)[1:, None]
    turn = np.linspace(0.0, 2 * np.pi, sectors, endpoint=False)[None, :]
    s = np.stack([angle * np.cos(turn) / retina.radians_u, -angle * np.sin(turn) / retina.radians_v], axis=-1)
    s = np.concatenate([np.zeros((1, 2)), s.reshape(-1, 2)])
    uv = np.stack([0.5 + s[:, 0], 0.5 - s[:, 1]], axis=-1)
    visual = TextureVisuals(uv=uv)
    return trimesh.Trimesh(retina.point(s), _faces(rings, sectors), visual=visual, process=False)


def _faces(rings: int, sectors: int) -> np.ndarray:
    """Triangles (n, 3), counter-clockwise as seen from the sphere's centre; vertex 0 is the pole."""
    here = np.arange(sectors)
    after = (here + 1) % sectors
    fan = np.stack([np.zeros_like(here), 1 + here, 1 + after], axis=-1)
    inner = 1 + sectors * np.arange(rings - 1)[:, None]
    a, b = inner + here, inner + after
    c, d = a + sectors, b + sectors
    bands = np.concatenate([np.stack([a, c, d], axis=-1).reshape(-1, 3), np.stack([a, d, b], axis=-1).reshape(-1, 3)])
    return np.concatenate([fan, bands])
