"""`fundusxr view`: from the command line's words to a running session."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sr_core.assets import asset_path
from sr_core.errors import UserError
from sr_core.files import check_writable, free_path, keep_apart
from sr_core.image.folder import find_photographs
from sr_core.networks.names import models_at_hand, turn_dial
from sr_core.tiles.request import DiskCache
from vr_app.core.scene.composition import LayerMode
from vr_app.core.scene.spectator import MirrorKind
from vr_app.core.tiles.limits import MB, UNTOLD, choose_limits, machine_memory
from vr_app.core.view.intent import SurfaceKind
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare
from vr_app.core.view.remembered import HANDS
from vr_app.core.view.tour import Tour, TourError, parse_tour
from vr_app.files.folder_view import Found, Memory, keys_of, memory_path, read_memory
from vr_app.regions.files import places
from vr_app.runtime.choose import open_runtime
from vr_app.viewer.loop import run
from vr_app.viewer.options import Options

STAND_BACK = 0.75
"""Metres behind the retina's centre from which a window shows the whole field of view."""

MANY = 4
"""Photographs from which on a wall shows them better than a row."""

SIZE_LIMITS = (64, 8192)
MAX_TOUR_BYTES = 10_000_000

CACHE_LIMITS = (16, 1_000_000)
"""MB on disk: fewer would hold no view's tiles."""


@dataclass(frozen=True)
class ViewRequest:
    """The arguments of `fundusxr view`, as given. Memory and the cache's size in MB (None: the default)."""

    images: tuple[Path, ...]
    mode: str
    surface: str | None
    tour: Path | None
    frames: int | None
    screenshot: Path | None
    stats: Path | None
    size: str
    device: str
    model: str
    texture: float | None = None
    tile_memory: int | None = None
    photograph_memory: int | None = None
    gpu_memory: int | None = None
    tile_cache: str = "off"
    tile_cache_size: int = 512
    prefetch: bool = True
    hand: str | None = None
    mirror: str = "left"
    layout: str | None = None
    compare: str | None = None
    fresh: bool = False
    layers: str = "auto"
    room: str = "auto"


def view_photographs(request: ViewRequest, say: Callable[[str], None]) -> None:
    """Check everything that can be checked, open a runtime, and show. `say` gets lines for the user.

    Raises UserError for anything that the user can mend.
    """
    size = parse_size(request.size)
    _check_outputs(request)
    request = replace(request, model=_model(request))
    memory = request.tile_memory, request.photograph_memory, request.gpu_memory
    limits = choose_limits(*memory, size, machine_memory() or UNTOLD)
    cache = tile_cache(request.tile_cache, request.tile_cache_size)
    tour = read_tour(request.tour) if request.tour else None
    images = request.images or _images_without_argument(tour, request.tour)
    paths = tuple(find_photographs(images, lambda line: say(f"fundusxr: {line}")))
    _check_outputs(request, (*paths, *_beside(request, paths)))
    _check_compare(request, len(paths))
    mirror = MirrorKind(request.mirror)
    found = _found(request, tour)
    hand = request.hand or (found.remembered.hand if found.remembered else HANDS[0])
    request = replace(request, hand=hand)
    hands_and_layers = {"left_handed": hand == "left", "layers": LayerMode(request.layers)}
    with open_runtime(request.mode, size, mirror, **hands_and_layers) as choice:
        say(f"fundusxr: {choice.runtime.name} ({choice.reason})")
        options = replace(_options(request, choice.runtime.name, paths, tour), limits=limits, tile_cache=cache, say=say)
        if options.tour is None and request.images:
            memory = Memory(memory_path(request.images), keys_of(paths), hand, found)
            options = replace(options, memory=memory)
        run(choice.runtime, options)
    if options.stats is not None:
        say(f"fundusxr: wrote {options.stats}")


def _check_outputs(request: ViewRequest, inputs: Sequence[Path] = ()) -> None:
    """Raises OutputError where a file cannot be written, or would take the place of one that is read."""
    if request.screenshot is not None:
        check_writable(request.screenshot, (".png",), inputs)
    if request.stats is not None:
        check_writable(request.stats, inputs=inputs)
    keep_apart(request.screenshot, request.stats)


def _beside(request: ViewRequest, paths: Sequence[Path]) -> list[Path]:
    """What a session reads besides the photographs `paths`: the tour, and what is kept of their folders."""
    kept = [place for folder in dict.fromkeys(path.parent for path in paths) for place in places(folder)]
    return [*kept, memory_path(request.images), *([request.tour] if request.tour else [])]


def _options(request: ViewRequest, mode: str, paths: tuple[Path, ...], tour: Tour | None) -> Options:
    """What the request means in the mode that was found."""
    screenshot = request.screenshot
    surface = SurfaceKind(request.surface or "panel")
    if mode == "offscreen":
        tour = tour or _short_tour(surface, with_captions=not request.images)
        if request.mode == "auto" and screenshot is None:
            screenshot = Path("fundusxr.png")
            if any(os.path.realpath(path) == os.path.realpath(screenshot) for path in paths):
                screenshot = free_path(Path(), "fundusxr", ".png")
            check_writable(screenshot, inputs=paths)
    return Options(
        paths=paths,
        surface=surface,
        layout=_layout(request, len(paths), tour),
        compare=Compare(request.compare or "side"),
        tour=tour,
        ends=mode == "offscreen" or bool(tour and (screenshot or request.stats)),
        frames=request.frames,
        screenshot=screenshot,
        stats=request.stats,
        device=request.device,
        model=request.model,
        room=request.room == "on" or (request.room == "auto" and mode == "xr"),
        stand_back=0.0 if mode == "xr" else STAND_BACK,
        prefetch=request.prefetch,
        left_handed=request.hand == "left",
    )


def _layout(request: ViewRequest, count: int, tour: Tour | None) -> Layout:
    """The one asked for; else of many photographs a wall, and of few a row, as for a tour, which leads from the front
    one's."""
    if request.layout is not None:
        return Layout(request.layout)
    if request.compare is not None:
        return Layout.PAIR
    return Layout.WALL if count >= MANY and tour is None else Layout.ROW


def _check_compare(request: ViewRequest, count: int) -> None:
    """Raises UserError where there is no pair that could be compared."""
    given = f"--compare {request.compare}"
    if request.compare is None:
        return
    for option, value, pair in (("--layout", request.layout, "pair"), ("--surface", request.surface, "panel")):
        if value not in (None, pair):
            raise UserError(f"{given}: compares a pair, and {option} {value} shows none; leave one of the two away")
    if count < 2:
        raise UserError(f"{given}: compares two photographs, and there is one; name another, or leave it away")


def _found(request: ViewRequest, tour: Tour | None) -> Found:
    """How these photographs were left, but for what the request says otherwise; nothing for a tour, which decides what
    is seen, and for a picture without a screen."""
    if request.fresh or tour is not None or request.mode == "offscreen" or not request.images:
        return Found()
    found = read_memory(memory_path(request.images))
    remembered = found.remembered
    if remembered is None:
        return found
    if request.compare is not None:
        remembered = replace(remembered, compare=Compare(request.compare), layout=Layout.PAIR)
        remembered = replace(remembered, surface=SurfaceKind.PANEL)
    if request.layout is not None and request.layout != Layout.RETINA.value:
        remembered = replace(remembered, layout=Layout(request.layout), surface=SurfaceKind.PANEL)
    surface = SurfaceKind.RETINA.value if request.layout == Layout.RETINA.value else request.surface
    return Found(replace(remembered, surface=SurfaceKind(surface)) if surface else remembered)


def _short_tour(surface: SurfaceKind, with_captions: bool) -> Tour:
    """The bundled tour on a surface. Its captions speak of the bundled photograph."""
    tour = read_tour(asset_path("tours", "demo.json"))
    stops = (replace(stop, surface=surface, caption=stop.caption if with_captions else "") for stop in tour.stops)
    return replace(tour, stops=tuple(stops))


def parse_size(text: str) -> tuple[int, int]:
    """'WxH' in pixels, each within SIZE_LIMITS."""
    low, high = SIZE_LIMITS
    parts = text.lower().split("x")
    if len(parts) == 2 and all(part.isdecimal() and low <= int(part) <= high for part in parts):
        return int(parts[0]), int(parts[1])
    raise UserError(f"--size {text}: must be WIDTHxHEIGHT, each from {low} to {high}, for example 1280x800")


def tile_cache(folder: str, size: int) -> DiskCache | None:
    """Where computed tiles are kept: 'off', 'on' for the user's own cache folder, or a folder by name.

    Off as a rule: tiles are pieces of patients' photographs, and stay on a disk only where somebody wants it.
    `size` in MB. Raises UserError for a file in the folder's place and a size beyond CACHE_LIMITS.
    """
    low, high = CACHE_LIMITS
    if not low <= size <= high:
        raise UserError(f"--tile-cache-size {size}: must be from {low} to {high} (MB)")
    if folder in ("off", ""):
        return None
    path = _user_cache() if folder == "on" else Path(folder).expanduser()
    if path.exists() and not path.is_dir():
        raise UserError(f"--tile-cache {folder}: is a file; name a folder, or say on or off")
    return DiskCache(path, size * MB)


def _user_cache() -> Path:
    """As the XDG base directory specification says: a relative XDG_CACHE_HOME is to be ignored."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "fundusxr" / "tiles"


def read_tour(path: Path) -> Tour:
    """Read a tour's file. Raises TourError, which names it."""
    try:
        if path.stat().st_size > MAX_TOUR_BYTES:
            limit = MAX_TOUR_BYTES // 10**6
            raise TourError(f"{path}: larger than a tour can be ({limit} MB); name a tour's JSON file")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TourError(f"{path}: no such file; check the spelling") from None
    except OSError as error:
        raise TourError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except UnicodeDecodeError:
        raise TourError(f"{path}: not a tour (not UTF-8 text); name a tour's JSON file") from None
    return parse_tour(text, str(path))


def _images_without_argument(tour: Tour | None, path: Path | None) -> tuple[Path, ...]:
    """The tour's photograph, found from the tour's own folder; else the bundled one."""
    if tour is not None and tour.image is not None and path is not None:
        return (path.parent / tour.image,)
    return (asset_path("demo", "retina.jpg"),)


def _model(request: ViewRequest) -> str:
    """The network's name, dial and all. Without torch, which is not imported yet: only that weights of it are there."""
    found = models_at_hand()
    if request.model not in found:
        raise UserError(f"--model {request.model}: no such weights; there are {', '.join(found) or 'none'}")
    return turn_dial(request.model, request.texture, found[request.model])
