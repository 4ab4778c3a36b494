"""The layer of the restored photograph: at its own size, moved within what its JPEG file leaves open."""

from __future__ import annotations

import hashlib

from sr_core.tiles.engines import Setting
from sr_core.tiles.super_resolution import LocalEngine


class LocalRestorer(LocalEngine):
    """The photograph restored on this machine."""

    def load(self) -> None:
        from sr_core.engine.restorer import SCALE, Restorer
        from sr_core.networks.zoo import load_model

        network = load_model(self._model, SCALE)
        self._engine = Restorer(network, self._device)
        self.halo, self.agrees = network.halo, network.agrees
        self.sha256 = hashlib.sha256(f"{network.sha256} restored".encode()).hexdigest()


def open_engine(level: int, setting: Setting) -> LocalRestorer:
    """What computes the restored photograph. Imports torch."""
    return LocalRestorer(level, setting)
