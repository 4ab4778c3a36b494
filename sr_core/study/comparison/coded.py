"""Score a network on photographs as their files deliver them: reduced, encoded as JPEG, decoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sr_core.image.coding import Coding, clean_places, clean_strength, standard_tables
from sr_core.image.resample import enlarge_bicubic, enlarge_pseudo_inverse, to_uint8
from sr_core.study.comparison.evaluation import Score
from sr_core.study.comparison.metrics import psnr, scored_pixels
from sr_core.study.data.file_degradation import Save, coding_of, saved
from sr_core.study.data.references import Reference, shrink_reference


@dataclass(frozen=True)
class FileCoding:
    """How a reduced photograph is saved: without loss (quality None), or by libjpeg at a quality and subsampling."""

    name: str
    quality: int | None = None
    subsampling: str = "4:2:0"

    def apply(self, small: np.ndarray) -> tuple[np.ndarray, Coding | None]:
        """Encode and decode a small picture, uint8 (h, w, 3); return it with its coding."""
        if self.quality is None:
            return small, None
        save = Save(*standard_tables(self.quality), self.subsampling, (0, 0))
        return saved(small, save), coding_of(save)


CODINGS = (
    FileCoding("clean"),
    FileCoding("q95", 95),
    FileCoding("q90", 90),
    FileCoding("q75", 75),
    FileCoding("q50", 50),
)
"""The codings that a network is scored on: chroma halved both ways, as most cameras and programs write it."""


def told(coding: Coding | None, width: int, height: int) -> tuple[Tensor, Tensor]:
    """Return a network's inputs for the coding of a whole photograph: places (1, PLACES, height, width), strength (1,
    STRENGTHS)."""
    places = clean_places(width, height) if coding is None else coding.places(0, 0, width, height)
    strength = clean_strength() if coding is None else coding.strength()
    return torch.from_numpy(places)[None], torch.from_numpy(strength)[None]


@torch.inference_mode()
def enlarge_told(module: nn.Module, small: np.ndarray, coding: Coding | None) -> np.ndarray:
    """Enlarge with the network alone, in float32 and in one piece: uint8 (h, w, 3) to uint8 (h * scale, w * scale,
    3)."""
    device = next(module.parameters()).device
    height, width = small.shape[:2]
    inputs = [torch.from_numpy(small.astype(np.float32) / 255).permute(2, 0, 1)[None], *told(coding, width, height)]
    inputs = [part.to(device) for part in inputs]
    inputs[:2] = [part.contiguous(memory_format=torch.channels_last) for part in inputs[:2]]
    residual = module(*inputs)[0].permute(1, 2, 0).cpu().numpy()
    config: Any = module.config
    return to_uint8(enlarge_bicubic(small, config.scale) + 255 * residual)


def evaluate_coded(references: Sequence[Reference], scale: int, module: nn.Module, coding: FileCoding) -> list[Score]:
    """Score the network alone on pictures reduced by the scale and saved that way, against bicubic and W+ of the
    decoded picture."""
    scores = []
    for reference in references:
        small, how = coding.apply(shrink_reference(reference, scale))
        mask = scored_pixels(reference.field, reference.pixels.shape, scale)
        pictures = (
            enlarge_told(module, small, how),
            to_uint8(enlarge_bicubic(small, scale)),
            to_uint8(enlarge_pseudo_inverse(small, scale)),
        )
        scores.append(Score(reference.name, *(psnr(picture, reference.pixels, mask) for picture in pictures)))
    return scores
