"""The photograph at its own size, restored: the picture to which its super-resolved pictures shrink."""

from __future__ import annotations

import numpy as np
import torch

from sr_core.engine import consistency
from sr_core.engine.blocks import Block
from sr_core.engine.cell import OWN_SIZE, cell
from sr_core.engine.engine import Engine, EngineError, restored_levels
from sr_core.image.departure import Computed
from sr_core.image.jpeg_file import JpegFile
from sr_core.networks.zoo import LoadedNetwork

SCALE = 2
"""The scale of the network whose picture is shrunk: the smallest."""


class Restorer(Engine):
    """Computes y' = P(W x W'), where x is the picture of a network that takes the file's coding as input, and P finds
    the nearest picture in the file's cell. Nothing in y' is invented."""

    def __init__(self, network: LoadedNetwork, device: torch.device, precision: torch.dtype | None = None) -> None:
        super().__init__(network, device, precision)
        self.scale = 1

    def _completed(
        self, residual: torch.Tensor, y: torch.Tensor, pixels: np.ndarray, block: Block, file: JpegFile | None
    ) -> Computed:
        """Return RGB and an empty fourth channel. Raises EngineError if there is no file whose coefficients are
        known."""
        if file is None or not self.restores(file):
            raise EngineError(self.reason_against(file))
        shrunk = consistency.shrunk(residual, y, self.network.config.scale)
        aim = cell(file, pixels, block.source, y.device, OWN_SIZE).deblocked(shrunk)
        small = block.target.shift(-block.source.x, -block.source.y)
        out = np.zeros((small.h, small.w, 4), np.uint8)
        rounded = aim[(slice(None), *small.slices())].round().to(torch.uint8)
        out[..., :3] = rounded.permute(1, 2, 0).cpu().numpy()
        return Computed(out, restored_levels(aim, y, small))

    def reason_against(self, file: JpegFile | None) -> str:
        """Return why nothing is restored, and the cure; to be called only in that case."""
        if not self._generators.told:
            return f"{self.network.name} is not told of files, and restores none; choose --model rdb-file"
        reason = "no JPEG file lies behind this photograph" if file is None else f"of its file: {file.reason}"
        return f"nothing to restore: {reason}; JPEG files whose coefficients are known can be restored"
