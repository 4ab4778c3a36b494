"""What computes the tiles of a level, wherever it does: the worker does not know more of it than this."""

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
"""A layer, as keys have it, and a level of it that is computed: 0 stands for the coarser ones too."""

WARM: Place = SUPER_RESOLUTION, 2
"""What a warm-up loads: the network of x4."""


def place_of(key: TileKey) -> Place:
    """Which engine computes a tile."""
    return key.layer, max(0, key.level)


class TileEngine(Protocol):
    """Computes one level of a layer. Made at once; `load` takes long and comes before all but `alone`.

    `alone`: one thread at a time may call it, and has all of the processor's threads; else several do. `scale`: pixels
    of the level for each of the photograph. `halo`: photograph pixels that a block is read with around it. `agrees`:
    shrunk again its pixels are the photograph. `sha256`: of its weights, hexadecimal; of the same weights and the same
    photograph come the same tiles.
    """

    alone: bool
    scale: int
    halo: int
    agrees: bool
    sha256: str

    def load(self) -> None:
        """Make ready. Raises UserError where it cannot be."""

    def warm_up(self, width: int, height: int) -> None:
        """Make ready for blocks that read so many photograph pixels."""

    def compute(self, source: Source, block: Block) -> Computed:
        """The target of a block, with channels as the layer has them.

        A photograph may have to travel to where it is computed: it does so once, and is known by its sha256 from then
        on.
        """


@dataclass(frozen=True)
class Setting:
    """What engines are opened with. `model`: the network of the super-resolution, a name of the zoo. `device`: 'auto',
    'cpu' or 'cuda'."""

    model: str
    device: str = "auto"


Opener = Callable[[Layer, int, Setting], TileEngine]
"""A layer, a level of it and the setting to what computes that: `open_engine`, or one for a machine elsewhere."""


def open_engine(layer: Layer, level: int, setting: Setting) -> TileEngine:
    """What computes a level of a layer on this machine, by the `open_engine(level, setting)` of the layer's module."""
    return import_module(layer.module).open_engine(level, setting)


class Engines:
    """The engines of one setting, each loaded once, when it is first needed. Any thread may call it."""

    def __init__(self, setting: Setting, opener: Opener) -> None:
        self._setting, self._opener = setting, opener
        self._loaded: dict[Place, TileEngine] = {}
        self._changing, self._loading = threading.Lock(), threading.Lock()
        self._warming: list[tuple[int, int]] | None = []  # sizes still to compute once; None: the network is not loaded

    def get(self, place: Place) -> TileEngine | None:
        """What computes a level of a layer, if it is loaded."""
        return self._loaded.get(place)

    def use(self, model: str) -> None:
        """Another model from now on."""
        with self._changing:
            self._setting, self._loaded = replace(self._setting, model=model), {}

    def load(self, place: Place, share_out: Callable[[bool], None]) -> None:
        """Load what computes a level of a layer, if no other thread has meanwhile. `share_out` is called before that
        with the engine's `alone`. Raises whatever loading raises."""
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
        """Whether a warm-up has been asked for and is not done."""
        return self._warming is None or bool(self._warming)

    def ask_warm_up(self) -> None:
        """From now on there is one to do: `warm_up`, until it is no longer `cold`."""
        self._warming = None

    def warm_up(self, engine: TileEngine) -> None:
        """One size of pass; where that fails, no other is tried: whoever wishes for tiles is told."""
        if self._warming is None:
            self._warming = sizes(engine.scale, engine.halo)
        try:
            engine.warm_up(*self._warming.pop(0))
        except Exception:
            self._warming = []
