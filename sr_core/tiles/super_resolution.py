"""The layer of super-resolution: the photograph at x2, x4 and x8, by a network of the zoo."""

from __future__ import annotations

import hashlib

from sr_core.engine.blocks import Block
from sr_core.engine.torch_import import import_torch
from sr_core.image.departure import Computed
from sr_core.tiles.engines import Setting
from sr_core.tiles.request import Source


class LocalEngine:
    """Super-resolution on this machine."""

    def __init__(self, level: int, setting: Setting) -> None:
        import_torch()
        from sr_core.engine.engine import choose_device

        self.scale = 1 << level
        self._model, self._device = setting.model, choose_device(setting.device)
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

    def compute(self, source: Source, block: Block) -> Computed:
        return self._engine.compute(source.pixels, block, None if source.file is None else source.file.get())


def open_engine(level: int, setting: Setting) -> LocalEngine:
    """What computes x2, x4 or x8. Imports torch."""
    return LocalEngine(level, setting)
