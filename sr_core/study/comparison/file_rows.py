"""Single rows of the file's regime: one photograph, one coding, one method, measured."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sr_core.image.field_of_view import FieldOfView
from sr_core.image.photograph import Photograph, load_photograph
from sr_core.study.comparison.coded import FileCoding
from sr_core.study.comparison.file_measures import agreement, border_ratio, departure, vessel_contrast
from sr_core.study.comparison.file_methods import FileMethod, Opened, open_saved, own_part
from sr_core.study.comparison.metrics import SSIM_REACH, psnr, s3_index, s3_map, scored_pixels, ssim_map
from sr_core.study.data.references import Reference, cut_reference, shrink_reference

REAL_SCALE, REAL_EDGE = 4, 384
"""The scale at which real files are looked at, and the side, in photograph pixels, of the part about the middle of the
field of view."""

VESSEL_EDGE = 640
"""The same side where vessels are looked at, of photographs saved at their own size."""

S3_WINDOW = 512
"""Sharpness is measured in a window of this side about the middle of the field of view."""

DECODED = "decoded"
"""The name of the photograph itself, as decoders show it, beside the methods."""

Figures = dict[str, float | None]
Made = TypeVar("Made")


class Workshop:
    """A data folder, and what was last made of a photograph: rows come a photograph at a time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: dict[str, tuple[Any, Any]] = {}

    def against_truth(self, name: str, scale: int, coding: FileCoding, method: FileMethod) -> Figures:
        """Every measure of a method's picture of the photograph, reduced, saved and opened."""
        truth, opened = self._truth(name, scale), self._opened(name, scale, coding)
        began = time.perf_counter()
        picture = method.make(opened)
        seconds = time.perf_counter() - began
        agreed = agreement(picture, scale, opened.known)
        return {
            "psnr": psnr(picture, truth.pixels, truth.inside),
            "ssim": float(ssim_map(picture, truth.pixels)[truth.windows].mean()),
            "s3": truth.sharpness(picture),
            "s3_photograph": truth.s3,
            "border": border_ratio(picture, scale, (0, 0), truth.inside),
            "luma_agrees": agreed.luma,
            "chroma_agrees": agreed.chroma,
            "seconds": seconds,
        }

    def psnr_alone(self, name: str, scale: int, coding: FileCoding, method: FileMethod) -> Figures:
        """The same without all but PSNR: a tenth of the time."""
        picture = method.make(self._opened(name, scale, coding))
        reference = self._reference(name)
        return {"psnr": psnr(picture, reference.pixels, scored_pixels(reference.field, picture.shape, scale))}

    def real(self, name: str, method: FileMethod) -> Figures:
        """A part of the file as it is: no truth, so no PSNR."""
        opened, field = self._once("part", name, lambda: self._part(name))
        picture = method.make(opened)
        scale = len(picture) // len(opened.pixels)
        agreed = agreement(picture, scale, opened.known)
        return {
            "border": border_ratio(picture, scale, (0, 0), field.scaled(scale).mask(picture.shape)),
            "departure": departure(picture, opened.pixels, scale),
            "luma_agrees": agreed.luma,
            "chroma_agrees": agreed.chroma,
        }

    def vessels(self, name: str, coding: FileCoding, method: FileMethod) -> Figures:
        """A part of the photograph at its own size, saved: its blocks, and the contrast of the vessels traced by
        hand."""
        photograph = self._photograph(name)
        height, width = photograph.pixels.shape[:2]
        x, y = (
            int(min(max(centre - VESSEL_EDGE / 2, 0), side - VESSEL_EDGE))
            for centre, side in ((photograph.field.cx, width), (photograph.field.cy, height))
        )
        part = np.s_[y : y + VESSEL_EDGE, x : x + VESSEL_EDGE]
        opened = self._once(f"saved {coding.name}", name, lambda: open_saved(photograph.pixels[part], coding))
        picture = method.make(opened)
        scale = len(picture) // len(opened.pixels)
        field = photograph.field.cropped(x, y).scaled(scale)
        tracing = load_photograph(tracing_of(self._root / name)).pixels[..., 0] > 127
        return {
            "border": border_ratio(picture, scale, (0, 0), field.mask(picture.shape)),
            "contrast": vessel_contrast(picture, scale, tracing[part]),
        }

    def _photograph(self, name: str) -> Photograph:
        return self._once("photograph", name, lambda: load_photograph(self._root / name))

    def _reference(self, name: str) -> Reference:
        def cut() -> Reference:
            photograph = self._photograph(name)
            return cut_reference(name, photograph.pixels, photograph.field)

        return self._once("reference", name, cut)

    def _truth(self, name: str, scale: int) -> "_Truth":
        return self._once(f"truth x{scale}", name, lambda: _Truth(self._reference(name), scale))

    def _opened(self, name: str, scale: int, coding: FileCoding) -> Opened:
        return self._once(
            f"x{scale} {coding.name}", name, lambda: open_saved(shrink_reference(self._reference(name), scale), coding)
        )

    def _part(self, name: str) -> tuple[Opened, FieldOfView]:
        opened, place = own_part(self._photograph(name), REAL_EDGE)
        return opened, self._photograph(name).field.cropped(place.x, place.y)

    def _once(self, what: str, name: str, make: Callable[[], Made]) -> Made:
        if self._made.get(what, (None,))[0] != name:
            self._made[what] = name, make()
        return self._made[what][1]


class _Truth:
    """A photograph that pictures of one scale are measured against: the pixels that PSNR and SSIM count, bool (H, W),
    and its own sharpness."""

    def __init__(self, reference: Reference, scale: int) -> None:
        self.pixels = reference.pixels
        field, shape = reference.field, reference.pixels.shape
        self.inside = scored_pixels(field, shape, scale)
        self.windows = scored_pixels(field, shape, scale + SSIM_REACH)
        self._middle = tuple(
            slice(start, start + S3_WINDOW)
            for start in (
                int(np.clip(centre - S3_WINDOW / 2, 0, max(side - S3_WINDOW, 0)))
                for centre, side in ((field.cy, shape[0]), (field.cx, shape[1]))
            )
        )
        self.s3 = self.sharpness(self.pixels)

    def sharpness(self, picture: np.ndarray) -> float:
        """S3 in the middle of the field of view."""
        return s3_index(s3_map(picture[self._middle]))


def tracing_of(photograph: Path) -> Path:
    """Where HRF keeps the vessels of a photograph that were traced by hand; not all photographs have such a file."""
    return photograph.parent.parent / "manual1" / f"{photograph.stem}.png"
