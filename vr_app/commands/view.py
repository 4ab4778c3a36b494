"""`fundusxr view`: from the command line's words to a running session."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sr_core.assets import asset_path
from sr_core.errors import UserError
from sr_core.files import OutputError, free_path, keep_apart
from sr_core.image.folder import find_photographs
from sr_core.image.layers import RESTORED_LAYER
from sr_core.networks.names import DEFAULT_MODEL, models_at_hand, turn_dial
from sr_core.tiles.request import DiskCache
from vr_app.commands.console import Terminal
from vr_app.commands.options import Device, DeviceOption, ModelOption, TextureOption, check_figures, check_picture
from vr_app.core.scene.layer_mode import LayerMode
from vr_app.core.scene.spectator import MirrorKind
from vr_app.core.tiles.limits import MB, UNTOLD, choose_limits, machine_memory
from vr_app.core.view.intent import SurfaceKind
from vr_app.core.view.layout import Layout
from vr_app.core.view.pair import Compare
from vr_app.core.view.remembered import Remembered, Side
from vr_app.core.view.tour import Tour, TourError, parse_tour
from vr_app.core.view.view import Settings, ViewState
from vr_app.core.view.window_place import USUAL_SIZE
from vr_app.files.folder_view import Found, Memory, keys_of, memory_path, read_memory
from vr_app.files.recent import remember_folders
from vr_app.regions.files import places
from vr_app.viewer.options import Options

if TYPE_CHECKING:
    from vr_app.runtime.choose import Choice
    from vr_app.viewer.loop import Ended

STAND_BACK = 0.75
"""Metres behind the retina's centre from which a window shows the whole field of view."""

MANY = 4
"""Photographs from which on a wall shows them better than a row."""

SIZE_LIMITS = (64, 8192)
MAX_TOUR_BYTES = 10_000_000

CACHE_LIMITS = (16, 1_000_000)
"""MB on disk: fewer would hold no view's tiles."""


errors = Terminal(stderr=True)


class Mode(StrEnum):
    """Where to show."""

    auto = "auto"
    xr = "xr"
    desktop = "desktop"
    offscreen = "offscreen"


class Room(StrEnum):
    """Whether the panels stand in a room; auto: in a headset."""

    auto = "auto"
    on = "on"
    off = "off"


VIEW_HELP = """Look at photographs on panels or inside the eye. What you look at closely is super-resolved.

IMAGE: photographs or folders of photographs (8-bit JPEG, PNG, TIFF, WebP). By default the tour's photograph; without
one, a window asks what to open, and a headset shows the bundled photograph.

**auto** uses a headset if an OpenXR runtime has one, else a window, else an offscreen picture, and says which and
why. If you name a mode that is not available, the exit code is 2.

**offscreen** plays the tour (by default a short one that ends zoomed in and sharp) at a fixed time step, then ends. In
a headset or a window you take over after `--tour`, or, with `--screenshot` or `--stats`, the program ends there.

Examples:

```
fundusxr view                                    # asks what to open
fundusxr view right.jpg left.jpg --mode desktop  # two panels in a window
fundusxr view before.jpg now.jpg --compare swipe # with a divider
fundusxr view clinic/ --layout wall              # many, to choose from
fundusxr view clinic/ --surface retina           # from inside the eye
fundusxr view eye.jpg --mode xr --tour lesson.json
fundusxr view eye.jpg --mode offscreen --screenshot eye.png --stats eye.json
```
"""


def view(
    image: Annotated[
        list[Path] | None, typer.Argument(help="Photographs or folders.", metavar="IMAGE|FOLDER", readable=False)
    ] = None,
    mode: Annotated[Mode, typer.Option(help="Where to show it.")] = Mode.auto,
    surface: Annotated[SurfaceKind | None, typer.Option(help="Flat panels, or the curved retina from inside.")] = None,
    layout: Annotated[
        Layout | None,
        typer.Option(help="One photograph, a pair, a row, a wall with pages, or the retina from inside."),
    ] = None,
    compare: Annotated[
        Compare | None,
        typer.Option(help="Compare a pair side by side, by a divider on one panel, or by blinking."),
    ] = None,
    tour: Annotated[
        Path | None, typer.Option(help="A tour to play (JSON, see docs/tours.md).", metavar="FILE", readable=False)
    ] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="End after N frames.", metavar="N")] = None,
    screenshot: Annotated[
        Path | None, typer.Option(help="Save a picture once everything wanted is sharp.", metavar="PNG", readable=False)
    ] = None,
    stats: Annotated[
        Path | None, typer.Option(help="Write frame, upload and zoom figures.", metavar="JSON", readable=False)
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="Size of the window or offscreen picture; else 1280x800, or as it was left.", metavar="WxH"),
    ] = None,
    device: DeviceOption = Device.auto,
    model: ModelOption = DEFAULT_MODEL,
    texture: TextureOption = None,
    tile_memory: Annotated[int | None, typer.Option(help="Limit of computed tiles in memory.", metavar="MB")] = None,
    photograph_memory: Annotated[
        int | None, typer.Option(help="Limit of decoded photographs in memory.", metavar="MB")
    ] = None,
    gpu_memory: Annotated[int | None, typer.Option(help="Limit of tiles on the graphics card.", metavar="MB")] = None,
    tile_cache: Annotated[
        str,
        typer.Option(
            help="Keep computed tiles for the next session: on (your own cache folder), a folder, or off.",
            metavar="on|off|FOLDER",
            envvar="FUNDUSXR_TILE_CACHE",
        ),
    ] = "off",
    tile_cache_size: Annotated[int, typer.Option(help="Limit of kept tiles on disk.", metavar="MB")] = 512,
    hand: Annotated[Side | None, typer.Option(help="left: swap the buttons of a headset's controllers.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore how these photographs were left.")] = False,
    mirror: Annotated[MirrorKind, typer.Option(help="What the window beside a headset shows.")] = MirrorKind.left,
    layers: Annotated[
        LayerMode, typer.Option(help="Whether a headset's runtime shows panels and retina as layers.")
    ] = LayerMode.AUTO,
    room: Annotated[Room, typer.Option(help="A dim room with a grid on its floor; auto: in a headset.")] = Room.auto,
    restored: Annotated[
        bool, typer.Option("--restored", help="Where nothing is enlarged, JPEG photographs restored (AI x1).")
    ] = False,
    no_prefetch: Annotated[bool, typer.Option("--no-prefetch", help="Compute only what is looked at.")] = False,
) -> None:
    """Check everything that can be checked, open a runtime, and show.

    Raises UserError for anything that the user can mend.
    """
    picture = parse_size(size) if size is not None else None
    network = _network(model, texture)
    limits = choose_limits(
        tile_memory, photograph_memory, gpu_memory, picture or USUAL_SIZE, machine_memory() or UNTOLD
    )
    options = Options(
        paths=(),
        tour=read_tour(tour) if tour else None,
        frames=frames,
        screenshot=screenshot,
        stats=stats,
        device=device,
        limits=limits,
        prefetch=not no_prefetch,
        tile_cache=disk_cache(tile_cache, tile_cache_size),
        say=errors.tell,
    )
    named = tuple(image or ())
    images = named or _images_without_argument(options.tour, tour)
    paths = tuple(find_photographs(images, lambda line: errors.tell(f"fundusxr: {line}")))
    _check_outputs(screenshot, stats, (*paths, *_beside(named, paths), *([tour] if tour else [])))
    wanted = Wanted(surface, layout, compare)
    wanted.check(len(paths))
    begins_anew = fresh or not named or options.tour is not None or mode is Mode.offscreen
    found = Found() if begins_anew else wanted.found(named)
    hand = hand or (found.remembered.hand if found.remembered else Side.RIGHT)
    settings = Settings(network, overlays=frozenset({RESTORED_LAYER} if restored else ()))

    from vr_app.runtime.choose import open_runtime
    from vr_app.viewer.loop import Ended, run_all
    from vr_app.viewer.start_page import Begun, ask

    open_in = partial(open_runtime, size=picture, mirror=mirror, left_handed=hand is Side.LEFT, layers=layers)
    asks = not (named or tour or frames or screenshot or stats)
    with ExitStack() as stack:
        choice = _opened(stack, open_in(mode))
        begun = (
            ask(choice.runtime, errors.tell) if asks and choice.runtime.name == Mode.desktop else Begun(example=True)
        )
        if begun is None:
            return
        if begun.headset:
            stack.close()  # the window
            choice = _opened(stack, open_in(Mode.xr))
        if begun.lesson:
            options = replace(options, tour=read_tour(asset_path("tours", "demo.json")))
        name = choice.runtime.name
        if name == Mode.offscreen:
            options = _without_a_screen(options, paths, wanted, mode is Mode.offscreen, captions=not named)
        settings = replace(settings, room=room is Room.on or (room is Room.auto and name == Mode.xr))
        options = replace(
            options,
            paths=paths,
            view=wanted.view(len(paths), options.tour, settings),
            memory=Memory(memory_path(named), keys_of(paths), hand, found) if named and not options.tour else None,
            ends=name == Mode.offscreen or bool(options.tour and (screenshot or stats)),
            stand_back=0.0 if name == Mode.xr else STAND_BACK,
            left_handed=hand is Side.LEFT,
        )
        following = partial(_next_session, wanted, fresh)
        if begun.wish is not None:
            options = following(options, Ended(begun.wish, settings))
        elif named and name != Mode.offscreen:
            remember_folders(named)
        run_all(choice.runtime, options, following)
    if stats is not None:
        errors.tell(f"fundusxr: wrote {stats}")


@dataclass(frozen=True)
class Wanted:
    """How the command line wants the photographs to stand; None where it leaves that to what is remembered."""

    surface: SurfaceKind | None = None
    layout: Layout | None = None
    compare: Compare | None = None

    def found(self, named: Sequence[Path]) -> Found:
        """Return how the photographs `named` were left, but for what is wanted otherwise."""
        found = read_memory(memory_path(named))
        return replace(found, remembered=found.remembered and self.instead_of(found.remembered))

    def check(self, count: int) -> None:
        """Raises UserError where a comparison is asked for and there is no pair that could be compared."""
        if self.compare is None:
            return
        given = f"--compare {self.compare.value}"
        others = ("--layout", self.layout, Layout.PAIR), ("--surface", self.surface, SurfaceKind.PANEL)
        for option, value, pair in others:
            if value is not None and value is not pair:
                raise UserError(
                    f"{given}: compares a pair, but {option} {value.value} shows none; leave one of them out"
                )
        if count < 2:
            raise UserError(f"{given}: compares two photographs, but there is only one; name another, or leave it out")

    def view(self, count: int, tour: Tour | None, settings: Settings) -> ViewState:
        """The first view of `count` photographs. Without a wish many stand on a wall, two as a pair, and others in a
        row, as for a tour, which leads from the front one's."""
        layout = self.layout or (Layout.PAIR if self.compare else None)
        usual = Layout.WALL if count >= MANY else Layout.PAIR if count == 2 else Layout.ROW
        layout = layout or (usual if tour is None else Layout.ROW)
        surface, compare = self.surface or SurfaceKind.PANEL, self.compare or Compare.SIDE
        return replace(ViewState.start(count, surface, layout=layout, compare=compare), settings=settings)

    def instead_of(self, remembered: Remembered) -> Remembered:
        """What is remembered, but for what is wanted otherwise."""
        if self.compare is not None:
            remembered = replace(remembered, compare=self.compare, layout=Layout.PAIR, surface=SurfaceKind.PANEL)
        if self.layout is not None and self.layout is not Layout.RETINA:
            remembered = replace(remembered, layout=self.layout, surface=SurfaceKind.PANEL)
        surface = SurfaceKind.RETINA if self.layout is Layout.RETINA else self.surface
        return replace(remembered, surface=surface) if surface else remembered


def _opened(stack: ExitStack, runtime: AbstractContextManager[Choice]) -> Choice:
    """Open a runtime until the stack closes it, and say which one it is."""
    choice = stack.enter_context(runtime)
    errors.tell(f"fundusxr: {choice.runtime.name} ({choice.reason})")
    return choice


def _next_session(wanted: Wanted, fresh: bool, options: Options, ended: Ended) -> Options:
    """Return the options of the session that shows what the user wants to look at next. The tour of the command line is
    over by then, and so is what the command line writes; settings stay."""
    wish = ended.wish
    assert wish is not None
    remember_folders(wish.named)
    if len(wish.paths) < 2:
        wanted = replace(wanted, compare=None)
    found = Found() if fresh else wanted.found(wish.named)
    hand = Side.LEFT if options.left_handed else Side.RIGHT
    return replace(
        options,
        paths=wish.paths,
        view=wanted.view(len(wish.paths), None, replace(ended.settings, help=False, desk=None)),
        memory=Memory(memory_path(wish.named), keys_of(wish.paths), hand, found),
        notices=wish.troubles,
        tour=None,
        frames=None,
        screenshot=None,
        stats=None,
        ends=False,
    )


def _without_a_screen(
    options: Options, paths: Sequence[Path], wanted: Wanted, asked_for: bool, captions: bool
) -> Options:
    """Offscreen a tour is played, and where nobody has asked for that mode, its end is saved as a picture."""
    if options.tour is None:
        options = replace(options, tour=_short_tour(wanted.surface or SurfaceKind.PANEL, captions))
    if asked_for or options.screenshot is not None:
        return options
    screenshot = Path("fundusxr.png")
    try:
        check_picture(screenshot, inputs=paths)
    except OutputError:  # a photograph of that name
        screenshot = free_path(Path(), "fundusxr", ".png")
        check_picture(screenshot)
    return replace(options, screenshot=screenshot)


def _check_outputs(screenshot: Path | None, stats: Path | None, inputs: Sequence[Path]) -> None:
    """Raises OutputError where a file cannot be written, or would take the place of one that is read."""
    if screenshot is not None:
        check_picture(screenshot, inputs=inputs)
    if stats is not None:
        check_figures(stats, "tiles", inputs=inputs)
    keep_apart(screenshot, stats)


def _beside(named: Sequence[Path], paths: Sequence[Path]) -> list[Path]:
    """What a session reads besides the photographs `paths`, found under `named`: what is kept of their folders."""
    kept = [place for folder in dict.fromkeys(path.parent for path in paths) for place in places(folder)]
    return [*kept, memory_path(named)]


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


def disk_cache(folder: str, size: int) -> DiskCache | None:
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
        raise UserError(f"--tile-cache {folder}: is a file; name a folder, or use on or off")
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
            raise TourError(f"{path}: too large for a tour ({limit} MB); name a tour's JSON file")
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


def _network(model: str, texture: float | None) -> str:
    """Its name, dial and all. Without torch, which is not imported yet: only that weights of it are there."""
    found = models_at_hand(asked=model)
    if model not in found:
        there = ", ".join(found) or "none"
        raise UserError(
            f"--model {model}: no such weights; there are {there}; a checkout has those of the comparison's rivals too"
        )
    return turn_dial(model, texture, found[model])
