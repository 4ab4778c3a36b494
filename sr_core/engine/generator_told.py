"""The generator for a photograph, prepared for its device: one for all, or one for each coding of a file.

A network that takes the file's coding as input becomes a plain network for each coding (`RdbFile.folded`). A session
has few codings, about one per camera, so the prepared generators are kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor

from sr_core.engine.generator_cpu import Generator, prepare
from sr_core.engine.generator_cuda import CudaGenerator
from sr_core.image.coding import PLACES, Coding, clean_strength
from sr_core.image.geometry import Rect
from sr_core.networks.rdb_file import RdbFile
from sr_core.networks.zoo import LoadedNetwork

KEPT = 8
"""The most codings whose generators are kept, a megabyte each."""


class Generators:
    """The generators of one network on one device. `edge`: the input side in pixels to optimise for. Thread-safe."""

    def __init__(self, network: LoadedNetwork, device: torch.device, precision: torch.dtype, edge: int) -> None:
        self._module, self._clean = network.module, network.clean
        self._device, self._precision, self._edge = device, precision, edge
        self._ready: OrderedDict[bytes, Generator] = OrderedDict()
        self._lock = threading.Lock()
        self.told = isinstance(network.module, RdbFile)
        self.of(None)  # now, not while somebody waits

    def of(self, coding: Coding | None) -> Generator:
        """Return the generator for photographs of this coding (None: clean), which reads the channels of `inputs`."""
        strength = clean_strength() if coding is None or not self.told else coding.strength()
        key = strength.tobytes() + bytes([self.told and coding is not None])
        with self._lock:
            if key not in self._ready:
                self._ready[key] = self._made(strength, places=self.told and coding is not None)
                while len(self._ready) > KEPT:
                    self._ready.popitem(last=False)
            self._ready.move_to_end(key)
            return self._ready[key]

    def inputs(self, y: Tensor, coding: Coding | None, source: Rect) -> Tensor:
        """Return the generator's input: grey levels y (3, h, w) of the rectangle `source` of the photograph, plus the
        pixels' positions in the file's blocks if there is a file and the network takes its coding. (1, 3 or more, h,
        w)."""
        if coding is None or not self.told:
            return y[None]
        places = torch.from_numpy(coding.places(source.x, source.y, source.w, source.h)).to(y.device)
        return torch.cat([y, places])[None]

    def _made(self, strength: np.ndarray, places: bool) -> Generator:
        module = self._module if places or self._clean is None else self._clean.module
        if isinstance(module, RdbFile):
            module = module.folded(torch.from_numpy(strength), places)
        if self._device.type == "cuda":
            channels = 3 + (PLACES if places else 0)
            return CudaGenerator(module, self._device, self._precision, self._edge, channels)
        return prepare(module, self._device, self._precision, self._edge)
