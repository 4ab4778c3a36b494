"""The whole program in a headset, with a report of every frame, for tests/vr_app/xr/test_tour.py.

    python -m tests.helpers.xr_tour_client [--profiles NAME,...] [--bare-hands] [--weights FOLDER] -- WORDS ...

Prints one JSON line per frame: the view and its appearance, where everything is that hands can press, what the hands
do, and the messages. `--profiles`: only these controllers are known (a part of their paths). `--bare-hands`: the
runtime's controllers stand in for bare hands, which it does not have: their trigger is a pinch, and their grip a grasp.
`--weights`: networks have their weights from this folder.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from sr_core.networks import names
from tests.helpers.xr_client import state
from vr_app import cli
from vr_app.core.panel.stand import head_of, point_at
from vr_app.core.scene.notices import Notices
from vr_app.viewer.loop import Viewer
from vr_app.xr import bindings


def told(viewer: Viewer, felt: list[int], said: list[str]) -> dict[str, object]:
    """Describe the state at the end of a frame."""
    runtime, view, control = viewer.runtime, viewer.view, viewer.intake.control
    sample = viewer.rest.sample
    regions = view.regions
    service, resident = viewer.supply.service, viewer.supply.residency.resident
    loaded = not service.loader.busy and len(view.loaded) + len(view.failed) == len(view.images)
    return {
        "state": state(runtime),
        "layers": runtime.layers_shown,
        "frames": viewer.statistics.frames,
        "ready": loaded and viewer.warm and not (service.worker.warming or service.worker.busy),
        "sharp": bool(viewer.supply.wanted) and viewer.supply.all_on_card,
        "scale": max((1 << max(0, key.level) for key in viewer.supply.wanted if key in resident), default=0),
        "layout": view.layout.value,
        "pair": view.compared and [view.compared.compare.value, view.compared.link.value, view.compared.divider],
        "front": view.active,
        "page": view.page[0],
        "images": [[*image.center, image.zoom] for image in view.images],
        "placed": {item.image: _place(item.surface) for item in viewer.seen.placed if item.shown},
        "original": view.original,
        "finest": view.finest,
        "invention": view.invention,
        "look": view.appearance.fields(),
        "field": view.settings.field_angle,
        "regions": [region.kind.value for region in regions.known],
        "chosen": regions.chosen,
        "armed": regions.armed,
        "open": control.open,
        "targets": _targets(viewer),
        "rays": [[ray.end, ray.hits] for ray in viewer.rays],
        "triggers": [hand.trigger for hand in sample.hands] if sample else [],
        "grips": [hand.grip for hand in sample.hands] if sample else [],
        "sticks": [[hand.stick_x, hand.stick_y] for hand in sample.hands] if sample else [],
        "aims": [hand.aim is not None for hand in sample.hands] if sample else [],
        "eyes": [eye.pose.position for eye in viewer.rest.eyes],
        "head": head_of(viewer.rest.eyes) if viewer.rest.eyes else None,
        "floor": runtime.floor,
        "room": viewer.view.settings.room,
        "veil": viewer.picture.veil.shade if viewer.picture.veil else 0.0,
        "mirror": runtime._mirror.kind.value,
        "recording": viewer.keeping.recording.active,
        "model": viewer.view.settings.model,
        "rests": viewer.rest.now,
        "felt": sum(felt),
        "said": said,
    }


def _place(surface: object) -> list[float] | None:
    """Return a panel's middle and width; None for the retina."""
    return [*surface.pose.position, surface.width] if hasattr(surface, "width") else None


def _targets(viewer: Viewer) -> dict[str, tuple[float, ...]]:
    """Return the positions of the panel's controls in the world, by their labels."""
    item = viewer.intake.control.item
    return {} if item is None else {name: point_at(item, at) for name, at in viewer.intake.control.targets.items()}


def report_every_frame() -> None:
    frame, tell = Viewer.frame, Notices.tell
    felt: list[int] = []
    said: list[str] = []

    def reporting(viewer: Viewer) -> None:
        if not felt:
            felt.append(0)
            feel = viewer.runtime.feel

            def counting(pulses: tuple) -> None:
                felt.append(len(pulses))
                feel(pulses)

            viewer.runtime.feel = counting
        frame(viewer)
        os.write(1, (json.dumps(told(viewer, felt, said)) + "\n").encode())  # in one piece, beside the program's output

    def telling(notices: Notices, text: str) -> None:
        said.append(text)
        tell(notices, text)

    Viewer.frame, Notices.tell = reporting, telling


def bare_hands() -> bindings.Profile:
    """Return the profile of bare hands, on the controls of the controller that Monado's remote hands hold."""
    (hands,) = (profile for profile in bindings.PROFILES if profile.empty_grip)
    controls = {"aim": "input/aim/pose", "trigger": "input/trigger/value", "grip": "input/squeeze/value"}
    assert controls.keys() == hands.both.keys()
    return replace(hands, path="/interaction_profiles/valve/index_controller", both=controls, extension="")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--profiles", default="")
    parser.add_argument("--bare-hands", action="store_true")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    words, known = options.words, options.profiles.split(",")
    bindings.PROFILES = tuple(p for p in bindings.PROFILES if any(name in p.path for name in known))
    if options.bare_hands:
        bindings.PROFILES = (bare_hands(),)
    if options.weights:
        names.asset_path = lambda kind, *name: options.weights.joinpath(*name)
    report_every_frame()
    sys.argv = ["fundusxr", *words]
    cli.main()


if __name__ == "__main__":
    main()
