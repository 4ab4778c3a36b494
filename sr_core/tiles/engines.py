"""What computes the tiles of a level, wherever it does: the worker does not know more of it than this."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np

from sr_core.engine.blocks import Block, sizes
from sr_core.engine.torch_import import import_torch
from sr_core.tiles.request import Source

WARM_LEVEL = 2
"""The level whose network a warm-up loads: x4."""


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

    def compute(self, source: Source, block: Block) -> np.ndarray:
        """The target of a block, (h * scale, w * scale, channels) uint8.

        A photograph may have to travel to where it is computed: it does so once, and is known by its sha256 from then
        on.
        """


class LocalEngine:
    """Super-resolution on this machine. `model`: a name of the zoo. `device`: 'auto', 'cpu' or 'cuda'."""

    def __init__(self, model: str, level: int, device: str) -> None:
        import_torch()
        from sr_core.engine.engine import choose_device

        self.scale = 1 << level
        self._model, self._device = model, choose_device(device)
        self.alone = self._device.type != "cpu"

    def load(self) -> None:
        from sr_core.engine.engine import Engine
        from sr_core.networks.zoo import load_model

        network = load_model(self._model, self.scale)
        self._engine = Engine(network, self._device)
        self.halo, self.agrees, self.sha256 = network.halo, network.agrees, network.sha256
        if network.clean is not None:  # tiles of both lie in one cache
            self.sha256 = hashlib.sha256(f"{network.sha256} {network.clean.sha256}".encode()).hexdigest()

    def warm_up(self, width: int, height: int) -> None:
        self._engine.warm_up(width, height)

    def compute(self, source: Source, block: Block) -> np.ndarray:
        return self._engine.compute(source.pixels, block, None if source.file is None else source.file.get())


def open_engine(model: str, level: int, device: str) -> TileEngine:
    """What computes a level. Imports torch."""
    return LocalEngine(model, level, device)


Opener = Callable[[str, int, str], TileEngine]
"""A model's name, a level and a device to what computes it: `open_engine`, or one for a machine elsewhere."""


class Engines:
    """The engines of one model, each loaded once, when it is first needed. Any thread may call it."""

    def __init__(self, model: str, device: str, opener: Opener) -> None:
        self._model, self._device, self._opener = model, device, opener
        self._loaded: dict[int, TileEngine] = {}  # by level
        self._changing, self._loading = threading.Lock(), threading.Lock()
        self._warming: list[tuple[int, int]] | None = []  # sizes still to compute once; None: the network is not loaded

    def get(self, level: int) -> TileEngine | None:
        """What computes a level, if it is loaded."""
        return self._loaded.get(level)

    def use(self, model: str) -> None:
        """Another model from now on."""
        with self._changing:
            self._model, self._loaded = model, {}

    def load(self, level: int, share_out: Callable[[bool], None]) -> None:
        """Load what computes a level, if no other thread has meanwhile. `share_out` is called before that with the
        engine's `alone`. Raises whatever loading raises."""
        with self._loading:
            model = self._model
            if level in self._loaded:
                return
            try:
                engine = self._opener(model, level, self._device)
                share_out(engine.alone)
                engine.load()
            except BaseException:
                self._warming = []
                raise
            with self._changing:
                if model == self._model:
                    self._loaded[level] = engine

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
