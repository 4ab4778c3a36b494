"""What the worker knows of an engine, whether it computes on this machine or on another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Protocol

from sr_core.engine.blocks import Block, sizes
from sr_core.image import layers
from sr_core.image.departure import Computed
from sr_core.image.geometry import TileKey
from sr_core.image.layers import SUPER_RESOLUTION, Layer
from sr_core.tiles.request import Source

Place = tuple[int, int]
"""A layer, as in `TileKey`, and one of its computed levels; 0 stands for the coarser levels too."""

WARM: Place = SUPER_RESOLUTION, 2
"""What a warm-up loads: the x4 network."""


def place_of(key: TileKey) -> Place:
    """Which engine computes a tile."""
    return key.layer, max(0, key.level)


class TileEngine(Protocol):
    """Computes one level of a layer. Making one is quick; `load` takes long, and only `alone` may be read before it.

    `alone`: only one thread at a time may call it, and it uses all of the processor's threads; otherwise several may.
    `scale`: pixels of the level per pixel of the photograph. `halo`: photograph pixels read around each block.
    `agrees`: its pixels, shrunk again, give the photograph. `sha256`: of its weights, hexadecimal; the same weights and
    the same photograph always give the same tiles.
    """

    alone: bool
    scale: int
    halo: int
    agrees: bool
    sha256: str

    def load(self) -> None:
        """Make ready to compute. Raises UserError if that fails."""

    def warm_up(self, width: int, height: int) -> None:
        """Make ready for blocks that read `width` by `height` photograph pixels."""

    def compute(self, source: Source, block: Block) -> Computed:
        """Compute a block's target, with its layer's channels.

        An engine elsewhere may need the photograph sent to it. That happens once; from then on its sha256 names it.
        """
        ...


@dataclass(frozen=True)
class Setting:
    """What engines are opened with. `model`: the super-resolution network, by its name in the zoo. `device`: 'auto',
    'cpu' or 'cuda'."""

    model: str
    device: str = "auto"


Opener = Callable[[Layer, int, Setting], TileEngine]
"""Opens the engine for a layer, one of its levels, and a setting: `open_engine`, or an opener for another machine."""


def open_engine(layer: Layer, level: int, setting: Setting) -> TileEngine:
    """Open the engine of a layer's level on this machine, by `open_engine(level, setting)` of the layer's module."""
    return import_module(layer.module).open_engine(level, setting)


class Engines:
    """The engines of one setting, each loaded once, when first needed. Thread-safe."""

    def __init__(self, setting: Setting, opener: Opener) -> None:
        self._setting, self._opener = setting, opener
        self._loaded: dict[Place, TileEngine] = {}
        self._changing, self._loading = threading.Lock(), threading.Lock()
        self._warming: list[tuple[int, int]] | None = []  # sizes still to compute once; None: the network is not loaded

    def get(self, place: Place) -> TileEngine | None:
        """Return the engine of a layer's level, if it is loaded."""
        return self._loaded.get(place)

    def use(self, model: str) -> None:
        """Switch to another model."""
        with self._changing:
            self._setting, self._loaded = replace(self._setting, model=model), {}

    def load(self, place: Place, share_out: Callable[[bool], None]) -> None:
        """Load the engine of a layer's level, unless another thread has done so. `share_out` is called first, with the
        engine's `alone`. Raises whatever loading raises."""
        with self._loading:
            setting, (layer, level) = self._setting, place
            if place in self._loaded:
                return
            try:
                engine = self._opener(layers.LAYERS[layer], level, setting)
                share_out(engine.alone)
                engine.load()
            except BaseException:
                self._warming = []
                raise
            with self._changing:
                if setting == self._setting:
                    self._loaded[place] = engine

    @property
    def cold(self) -> bool:
        """Whether a warm-up has been requested and is not finished."""
        return self._warming is None or bool(self._warming)

    def ask_warm_up(self) -> None:
        """Request a warm-up: somebody should call `warm_up` until `cold` is false."""
        self._warming = None

    def warm_up(self, engine: TileEngine) -> None:
        """Warm up for one block size. After a failure no other size is tried; the next wish reports the error."""
        if self._warming is None:
            self._warming = sizes(engine.scale, engine.halo)
        try:
            engine.warm_up(*self._warming.pop(0))
        except Exception:
            self._warming = []
