"""What a screenshot tells about itself, so that every pixel of it can be traced to a photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from vr_app.core.pose import Eye
from vr_app.core.scene import Scene, finest_shown
from vr_app.core.surface import Panel
from vr_app.core.view import PhotographInfo, ViewState


def describe_snapshot(
    view: ViewState, eyes: Sequence[Eye], scene: Scene, infos: Sequence[PhotographInfo | None]
) -> dict:
    """Plain values for JSON: the eyes (pose, field of view in radians, picture size), the pointers' rays, and for each
    surface its photograph, geometry, centre, zoom and the finest scale on it (1: photographed pixels only)."""
    surfaces = []
    for item in scene.surfaces:
        surfaces.append(
            {
                "photograph": infos[item.photograph].name,
                "size": item.size,
                "surface": "panel" if isinstance(item.surface, Panel) else "retina",
                "geometry": asdict(item.surface),
                "center": item.view.center,
                "zoom": item.view.zoom,
                "level": item.pages.level,
                "scale": max(1, 1 << max(0, finest_shown(item.pages))),
            }
        )
    return {
        "original": view.original,
        "eyes": [asdict(eye) for eye in eyes],
        "rays": [asdict(ray) for ray in scene.rays],
        "surfaces": surfaces,
    }
