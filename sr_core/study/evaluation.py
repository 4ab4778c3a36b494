"""Scores of an enlarger on reference pictures, against plain bicubic and the bare pseudo-inverse."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from sr_core.engine.engine import Engine
from sr_core.image.resample import enlarge_bicubic, enlarge_pseudo_inverse, to_uint8
from sr_core.networks.rdb_srgan import RdbSrgan
from sr_core.study.data import Reference, shrink_reference
from sr_core.study.metrics import psnr, scored_pixels

Upscale = Callable[[np.ndarray, int], np.ndarray]
"""(small uint8 (H, W, 3), scale) -> uint8 (H * scale, W * scale, 3)."""


@dataclass(frozen=True)
class Score:
    """PSNR in dB inside the field of view of one reference: the enlarger's, bicubic's (a = -0.5), W+ y's."""

    name: str
    psnr: float
    bicubic: float
    pseudo_inverse: float

    @property
    def gain(self) -> float:
        """dB over bicubic."""
        return self.psnr - self.bicubic

    @property
    def gain_over_pseudo_inverse(self) -> float:
        """dB over the bare W+ y."""
        return self.psnr - self.pseudo_inverse


def evaluate(references: Iterable[Reference], scale: int, upscale: Upscale) -> list[Score]:
    """Score an enlarger on pictures shrunk by the scale (MATLAB bicubic, rounded to uint8)."""
    scores = []
    for reference in references:
        small = shrink_reference(reference, scale)
        mask = scored_pixels(reference.field, reference.pixels.shape, scale)
        rivals = (
            upscale(small, scale),
            to_uint8(enlarge_bicubic(small, scale)),
            to_uint8(enlarge_pseudo_inverse(small, scale)),
        )
        scores.append(Score(reference.name, *(psnr(rival, reference.pixels, mask) for rival in rivals)))
    return scores


def through_engine(engine: Engine) -> Upscale:
    """What the viewer shows: in tiles, at the engine's precision, made to agree with the small picture."""

    def upscale(small: np.ndarray, scale: int) -> np.ndarray:
        return engine.upscale(small)

    return upscale


def bare_network(module: RdbSrgan) -> Upscale:
    """The network alone on the whole image, bicubic plus residual, without tiles and without consistency."""

    def upscale(small: np.ndarray, scale: int) -> np.ndarray:
        with torch.inference_mode():
            lr = torch.from_numpy(small.astype(np.float32) / 255).permute(2, 0, 1)[None]
            residual = module(lr.contiguous(memory_format=torch.channels_last))[0].permute(1, 2, 0).numpy()
        return to_uint8(enlarge_bicubic(small, scale) + residual * 255)

    return upscale
