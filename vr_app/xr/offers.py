"""Which composition layers a runtime accepts, and known faults of runtimes that show them badly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import xr

from vr_app.core.scene.composition import Offer, Shape
from vr_app.core.scene.layer_mode import LayerMode
from vr_app.xr.system import System

LONGEST = 4096
"""The most pixels along a sheet's side, even if a runtime accepts more."""

SHAPES = {
    xr.KHR_COMPOSITION_LAYER_CYLINDER_EXTENSION_NAME: Shape.CYLINDER,
    xr.KHR_COMPOSITION_LAYER_EQUIRECT2_EXTENSION_NAME: Shape.EQUIRECT,
}
"""The shapes that each extension adds. Quads need none."""


@dataclass(frozen=True)
class Quirk:
    """A fault of runtimes whose name begins with `runtime`, in versions below `before` (None: all): what goes wrong,
    and where it is documented."""

    runtime: str
    before: tuple[int, ...] | None
    what: str
    told: str


LAYER_QUIRKS = (
    Quirk(
        "SteamVR",
        (2, 8, 1),
        "shows a second projection layer in the wrong place",
        "https://github.com/KhronosGroup/OpenXR-SDK-Source/issues/488",
    ),
    Quirk(
        "Oculus",
        None,
        "has been seen to show quad, cylinder and equirect layers upside down",
        "https://github.com/Igalia/wolvic/pull/386",
    ),
)
"""Surfaces are drawn as meshes on these, except with `--layers on`."""

DEPTH_QUIRKS = (
    Quirk(
        "Windows Mixed Reality",
        (112,),
        "goes on to move pictures by the depth of layers that are gone",
        "https://github.com/OpenKneeboard/OpenKneeboard/issues/153",
    ),
)
"""These are not given depth."""


def quirk(runtime: str, known_quirks: Sequence[Quirk] = LAYER_QUIRKS) -> Quirk | None:
    """Return the entry of `known_quirks` for a runtime, named with its version as in `System.runtime`."""
    numbers = re.search(r"\d+(\.\d+)+", runtime)
    version = tuple(int(number) for number in numbers[0].split(".")) if numbers else ()
    for known in known_quirks:
        if runtime.startswith(known.runtime) and (known.before is None or version < known.before):
            return known
    return None


def offer_of(system: System) -> Offer:
    """Return everything that the runtime says it accepts."""
    shapes = {Shape.QUAD} | {shape for name, shape in SHAPES.items() if name in system.enabled}
    return Offer(system.most_layers, min(LONGEST, *system.largest_picture), frozenset(shapes))


def offer_in(system: System, mode: LayerMode) -> Offer:
    """Return the part of it that is used."""
    if mode is LayerMode.OFF or (mode is LayerMode.AUTO and quirk(system.runtime) is not None):
        return Offer()
    return offer_of(system)


def takes_depth(system: System) -> bool:
    """Whether it is given the depth of the eyes' pictures."""
    offered = xr.KHR_COMPOSITION_LAYER_DEPTH_EXTENSION_NAME in system.enabled
    return offered and quirk(system.runtime, DEPTH_QUIRKS) is None
