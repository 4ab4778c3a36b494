"""`fundusxr upscale`: a photograph or a region of it, super-resolved into a file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from sr_core.errors import UserError
from sr_core.files import check_writable
from sr_core.image.geometry import Rect
from sr_core.image.photograph import load_photograph, save_picture
from sr_core.networks.names import turn_dial

INVENTION_GAIN = 10
"""Brightness of a departure of one grey level in the picture that shows it; from 25.5 on it is white."""

COMPUTED = "computed pixels, not photographed. Not for diagnosis."
DESCRIPTION = f"Super-resolved by FundusXR: {COMPUTED}"
RESTORED = f"Restored by FundusXR, and not made to agree with the photograph: {COMPUTED}"
"""Of a network that mends what the photograph shows: shrunk again, its picture is another."""

INVENTION_TEXT = (
    f"How far super-resolved pixels depart from what the photograph determines, in grey levels x {INVENTION_GAIN}. "
    "Computed by FundusXR, not photographed. Not for diagnosis."
)


def upscale_photograph(
    source: Path,
    out: Path,
    scale: int,
    region: str | None,
    model: str,
    device: str,
    console: Console,
    invention: Path | None = None,
    texture: float | None = None,
) -> None:
    """Write `source`, or its `region` 'X,Y,W,H', at `scale`; and to `invention`, a PNG, how far each pixel departs from
    what the photograph alone determines, as of `Engine.compute`, in grey levels times INVENTION_GAIN. `texture`: the
    dial between the model's two stages, 0 to 1 (None: the model as named).

    Raises UserError for anything that the user can mend.
    """
    if scale not in (2, 4, 8):
        raise UserError(f"--scale {scale}: must be 2, 4 or 8")
    name = turn_dial(model, texture, [scale])
    area = None if region is None else parse_region(region)
    check_writable(out, (".png", ".tif", ".tiff"))
    if invention is not None:
        check_writable(invention, (".png",))
        if invention.absolute() == out.absolute():
            raise UserError(f"--invention {invention}: is OUT itself; name another file")
    photograph = load_photograph(source)

    from sr_core.engine.engine import Engine, choose_device
    from sr_core.networks.zoo import load_model

    engine = Engine(load_model(name, scale), choose_device(device))
    columns = (TextColumn(f"{source.name} x{scale}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        compute = engine.upscale if invention is None else engine.upscale_marked
        file = photograph.file.get() if photograph.file is not None else None
        pixels = compute(photograph.pixels, area, partial(_show, bar, task), file)
    about = _about(photograph.path.name, photograph.sha256, scale, area, engine)
    save_picture(out, pixels[..., :3], about)
    height, width = pixels.shape[:2]
    dial = f", texture {engine.network.texture:g}" if engine.network.texture else ""
    restored = "" if engine.network.agrees else ", restored: does not agree with the photograph"
    made = f"{width}x{height}, {engine.network.name} x{scale}{dial}, {engine.device.type}{restored}"
    console.print(f"fundusxr: wrote {out} ({made})", markup=False)
    if invention is not None:
        save_picture(invention, _visible(pixels[..., 3]), about | {"Description": INVENTION_TEXT})
        levels = float(pixels[..., 3].mean())
        console.print(f"fundusxr: wrote {invention} (invented: {levels:.2f} grey levels on average)", markup=False)


def _show(bar: Progress, task: TaskID, done: int, count: int) -> None:
    bar.update(task, completed=done, total=count)


def _visible(departure: np.ndarray) -> np.ndarray:
    """(h, w) uint8 grey levels to an (h, w, 3) grey picture of them, INVENTION_GAIN times as bright."""
    grey = np.minimum(departure.astype(np.uint16) * INVENTION_GAIN, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def parse_region(text: str) -> Rect:
    """'X,Y,W,H' in whole pixels."""
    parts = text.split(",")
    if len(parts) == 4 and all(part.strip().isdecimal() for part in parts):
        x, y, w, h = map(int, parts)
        if w and h:
            return Rect(x, y, w, h)
    raise UserError(f"--region {text}: must be X,Y,W,H in pixels of the photograph, for example 1020,880,256,256")


def _about(name: str, sha256: str, scale: int, area: Rect | None, engine) -> dict[str, str]:
    """What the file says of itself: these pixels are computed, from what and by what."""
    network = engine.network
    about = {
        "Description": DESCRIPTION if network.agrees else RESTORED,
        "fundusxr:source": name,
        "fundusxr:source-sha256": sha256,
        "fundusxr:scale": str(scale),
        "fundusxr:region": "all" if area is None else f"{area.x},{area.y},{area.w},{area.h}",
        "fundusxr:model": network.name,
        "fundusxr:texture": f"{network.texture:g}",
        "fundusxr:weights-sha256": network.sha256,
        "fundusxr:agrees": "yes" if network.agrees else "no",
    }
    if "blend" in network.card:
        about["fundusxr:blended-sha256"] = f"{network.card['blend']['pixel']} {network.card['blend']['texture']}"
    return about
