"""What a screenshot records about itself, so that every pixel of it can be traced to a photograph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from sr_core.image.departure import Departure
from vr_app.core.scene.scene import Scene
from vr_app.core.space.pose import Eye
from vr_app.core.space.surface import Panel
from vr_app.core.tiles.page_table import computed_scale, shows_any
from vr_app.core.view.view import ViewState


def describe_snapshot(
    view: ViewState,
    eyes: Sequence[Eye],
    scene: Scene,
    departures: Mapping[int, Departure],
    model: str,
    texture: float,
    targets: Mapping[str, tuple[float, float]],
) -> dict:
    """Plain values for JSON: how the photographs stand and are compared; the eyes (pose, field of view in radians,
    picture size), the pointers' rays, and for each surface its photograph (which eye it is and where the field of
    view and that are known from), geometry, centre, zoom, the finest scale on it (1: none finer than the
    photograph's), whether the restored photograph stands in its place, the layers over it, the outlines of regions,
    and by `departures`, by photograph, how far what is seen departs from it; how the photographs are made to look;
    the `finest` level that may be shown; the control panel's sheet and where on it, in its texels, its controls
    (`targets`) are; the `model` that computes, and its `texture`, 0 (fidelity) to 1."""
    surfaces = []
    for item in scene.surfaces:
        record = view.record_of(item.photograph)
        surfaces.append(
            {
                "photograph": record.name,
                "sha256": record.sha256,
                "taken": record.taken,
                "field_of_view": record.field_from,
                "laterality": record.laterality or None,
                "laterality_from": record.laterality_from or None,
                "size": item.size,
                "surface": "panel" if isinstance(item.surface, Panel) else "retina",
                "geometry": asdict(item.surface),
                "center": item.view.center,
                "zoom": item.view.zoom,
                "level": item.pages.level,
                "scale": computed_scale(item.pages) or 1,
                "restored_photograph": bool(item.restored),
                "layers": [name for name, window in zip(item.over, item.overlays, strict=True) if shows_any(window)],
                "contrast_about": item.stretched_about,
                "regions": [asdict(outline) for outline in item.outlines if not outline.handle],
                **told_of(departures.get(item.photograph)),
            }
        )
    return {
        "original": view.original or view.finest == 0,
        "finest": view.finest,
        "layout": view.layout.value,
        "compare": view.compared.compare.value if view.compared else None,
        "link": view.compared.link.value if view.compared and view.compared.link else None,
        "sheet": scene.sheet and {**asdict(scene.sheet), "targets": dict(targets)},
        "model": model,
        "texture": texture,
        "invention": scene.invention,
        "appearance": scene.appearance.fields(),
        "eyes": [asdict(eye) for eye in eyes],
        "rays": [asdict(ray) for ray in scene.rays],
        "surfaces": surfaces,
    }


def told_of(departure: Departure | None) -> dict:
    """Return how far the visible pixels depart from the photograph, in grey levels, and whether they agree with it;
    None in all fields if no computed pixel is visible."""
    if departure is None:
        return dict.fromkeys(("restored", "invented", "agrees"))
    figures = {"restored": round(departure.restored, 3), "invented": round(departure.invented, 3)}
    return figures | {"agrees": departure.agrees}
