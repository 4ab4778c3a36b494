"""Score an enlarger on reference pictures: one figure against its rivals, or everything that the study measures."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from sr_core.engine.blocks import plan_blocks
from sr_core.engine.engine import Engine
from sr_core.errors import UserError
from sr_core.image.geometry import Rect
from sr_core.image.resample import enlarge_bicubic, enlarge_pseudo_inverse, to_uint8
from sr_core.study.comparison.metrics import (
    S3_REACH,
    SSIM_REACH,
    frame_pixels,
    invention,
    psnr,
    s3_index,
    s3_map,
    scored_pixels,
    ssim_map,
)
from sr_core.study.data.references import Reference, shrink_reference

Upscale = Callable[[np.ndarray, int], np.ndarray]
"""(small uint8 (H, W, 3), scale) -> uint8 (H * scale, W * scale, 3)."""

BARE_EDGE = 640
"""The side, in small-image pixels, that a bare network computes at once: the paper's pictures whole, larger ones in
parts, each read with the full reach of its layers, so that the parts equal the whole."""

S3_LARGEST, S3_WINDOW = 2_000_000, 1024
"""The sharpness of pictures with more pixels is measured in a window of this side around the middle of the field of
view."""


ALONE = " alone"
"""The suffix of a network's name when it is measured as ``bare_network``, not as shown."""


class EvaluationError(UserError):
    """A comparison that cannot be made: what it is, the cause, the cure."""


@dataclass(frozen=True)
class Score:
    """PSNR in dB inside the field of view of one reference: of the enlarger, of bicubic (a = -0.5), and of W+ y."""

    name: str
    psnr: float
    bicubic: float
    pseudo_inverse: float

    @property
    def gain(self) -> float:
        """The gain over bicubic in dB."""
        return self.psnr - self.bicubic

    @property
    def gain_over_pseudo_inverse(self) -> float:
        """The gain over the bare W+ y in dB."""
        return self.psnr - self.pseudo_inverse


def evaluate(
    references: Iterable[Reference],
    scale: int,
    upscale: Upscale,
    reduce: Callable[[Reference, int], np.ndarray] = shrink_reference,
) -> list[Score]:
    """Score an enlarger on pictures reduced by the scale (normally by MATLAB bicubic, rounded to uint8)."""
    scores = []
    for reference in references:
        small = reduce(reference, scale)
        mask = scored_pixels(reference.field, reference.pixels.shape, scale)
        rivals = (
            upscale(small, scale),
            to_uint8(enlarge_bicubic(small, scale)),
            to_uint8(enlarge_pseudo_inverse(small, scale)),
        )
        scores.append(Score(reference.name, *(psnr(rival, reference.pixels, mask) for rival in rivals)))
    return scores


def through_engine(engine: Engine) -> Upscale:
    """Return the enlarger that the viewer shows: in tiles, at the engine's precision, made to agree with the small
    picture."""

    def upscale(small: np.ndarray, scale: int) -> np.ndarray:
        return engine.upscale(small)

    return upscale


def bare_network(module: nn.Module) -> Upscale:
    """Return the enlarger of the network alone: bicubic plus residual in float32, without the viewer's tiles and
    without consistency."""
    device = next(module.parameters()).device
    config: Any = module.config

    def upscale(small: np.ndarray, scale: int) -> np.ndarray:
        whole = Rect(0, 0, small.shape[1], small.shape[0])
        lr = torch.from_numpy(small.astype(np.float32) / 255).permute(2, 0, 1)[None].to(device)
        out = enlarge_bicubic(small, scale)
        for block in plan_blocks(whole, whole, BARE_EDGE, config.receptive_radius):
            rows, columns = block.source.slices()
            with torch.inference_mode():
                residual = module(lr[:, :, rows, columns].contiguous(memory_format=torch.channels_last))[0]
            inner = block.target.shift(-block.source.x, -block.source.y).scale(scale).slices()
            out[block.target.scale(scale).slices()] += residual.permute(1, 2, 0).cpu().numpy()[inner] * 255
        return to_uint8(out)

    return upscale


@dataclass(frozen=True)
class Measures:
    """The measures of one picture against its photograph.

    psnr: dB inside the field of view without ``scale`` pixels of rim; psnr_whole: over the frame without ``scale``
    pixels. ssim, ssim_whole: of the luma, over the pixels whose windows stay inside those areas. s3, s3_whole:
    sharpness index, over blocks that stay inside the field, and over the frame, each with the photograph's own.
    invented: mean |SR - W+ y| over mean |HR - W+ y| inside the field; invented_correlation: of the two (None if nothing
    was invented).
    """

    psnr: float
    psnr_whole: float
    ssim: float
    ssim_whole: float
    s3: float
    s3_whole: float
    s3_photograph: float
    s3_whole_photograph: float
    invented: float
    invented_correlation: float | None


class Yardstick:
    """One photograph reduced by a scale, and everything needed to measure pictures made from the reduction.

    ``small`` is the reduction, uint8 (H / scale, W / scale, 3): the only input that a method may use.
    """

    def __init__(self, reference: Reference, scale: int) -> None:
        self.reference, self.scale = reference, scale
        self.small = shrink_reference(reference, scale)
        self._determined = to_uint8(enlarge_pseudo_inverse(self.small, scale))
        shape = reference.pixels.shape
        self._inside = scored_pixels(reference.field, shape, scale)
        self._frame = frame_pixels(shape, scale)
        self._windows = scored_pixels(reference.field, shape, scale + SSIM_REACH)
        self._frame_windows = frame_pixels(shape, scale + SSIM_REACH)
        self._s3_window = _sharpness_window(reference)
        self._s3_inside = scored_pixels(reference.field, shape, S3_REACH)[self._s3_window]
        if not self._s3_inside.any():
            raise EvaluationError(f"{reference.name}: its field of view is too small to measure; leave it out")
        self._s3_photograph = self.sharpness(reference.pixels)

    def sharpness(self, picture: np.ndarray) -> tuple[float, float]:
        """Return the S3 index of a picture inside the field of view, and over the whole window."""
        sharp = s3_map(picture[self._s3_window])
        return s3_index(sharp, self._s3_inside), s3_index(sharp)

    def measure(self, picture: np.ndarray) -> Measures:
        """Return all measures of a uint8 picture of the photograph's size. Raises EvaluationError for another size, and
        for the photograph itself, which no enlargement can equal."""
        photograph = self.reference.pixels
        if picture.shape != photograph.shape:
            sizes = (f"{shape[1]}x{shape[0]}" for shape in (picture.shape, photograph.shape))
            raise EvaluationError(f"{self.reference.name} x{self.scale}: a picture of {next(sizes)}, not {next(sizes)}")
        if np.array_equal(picture[self._inside], photograph[self._inside]):
            raise EvaluationError(
                f"{self.reference.name} x{self.scale}: the picture is the photograph itself; enlarge its reduction"
            )
        likeness = ssim_map(picture, photograph)
        s3, s3_whole = self.sharpness(picture)
        detail = invention(picture, photograph, self._determined, self._inside)
        return Measures(
            psnr=psnr(picture, photograph, self._inside),
            psnr_whole=psnr(picture, photograph, self._frame),
            ssim=float(likeness[self._windows].mean()),
            ssim_whole=float(likeness[self._frame_windows].mean()),
            s3=s3,
            s3_whole=s3_whole,
            s3_photograph=self._s3_photograph[0],
            s3_whole_photograph=self._s3_photograph[1],
            invented=detail.ratio,
            invented_correlation=detail.correlation,
        )


def _sharpness_window(reference: Reference) -> tuple[slice, slice]:
    height, width = reference.pixels.shape[:2]
    if height * width <= S3_LARGEST:
        return slice(0, height), slice(0, width)
    field = reference.field
    starts = (
        int(np.clip(centre - S3_WINDOW / 2, 0, max(side - S3_WINDOW, 0)))
        for centre, side in ((field.cy, height), (field.cx, width))
    )
    rows, columns = (slice(start, start + S3_WINDOW) for start in starts)
    return rows, columns
