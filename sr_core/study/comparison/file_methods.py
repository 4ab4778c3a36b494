"""What is compared where photographs come as JPEG files: a reduced photograph, saved and opened, and the ways to
enlarge it."""

import io
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from sr_core.engine.engine import Engine
from sr_core.image.coding import Coding
from sr_core.image.geometry import Rect
from sr_core.image.jpeg_file import Coefficients, JpegFile, read_jpeg_file
from sr_core.image.photograph import Photograph, jpeg_bytes, picture_of
from sr_core.image.resample import enlarge_bicubic, enlarge_pseudo_inverse, to_uint8
from sr_core.networks.names import BEGINS_AS
from sr_core.networks.zoo import LoadedNetwork, available_models, load_model
from sr_core.study.comparison.coded import FileCoding
from sr_core.study.comparison.evaluation import ALONE, EvaluationError
from sr_core.study.comparison.rivals import BICUBIC
from sr_core.study.comparison.variation import decode_by_variation

VARIATION, LIMIT = "tv-cell", "pseudo-inverse"

BLIND = ("rdb-lite", "srgan-lite", "srcnn")
"""The networks that know nothing of files which are compared where none is named."""

_GRID = 16
"""Pixels along a block of halved chroma."""

SAVED = (
    FileCoding("q95", 95),
    FileCoding("q95 4:4:4", 95, "4:4:4"),
    FileCoding("q90", 90),
    FileCoding("q75", 75),
    FileCoding("q50", 50),
)
"""How reduced photographs are saved: chroma halved each way but where it is told."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A photograph as its file gives it back: pixels uint8 (H, W, 3), and what the file says of them (None: none)."""

    pixels: np.ndarray
    file: JpegFile | None

    @property
    def known(self) -> JpegFile:
        """The file, whose coefficients are known. Raises EvaluationError where they are not."""
        if self.file is None or not self.file.planes:
            raise EvaluationError("the coefficients of a JPEG file are not known; install jpeglib")
        return self.file


@dataclass(frozen=True)
class FileMethod:
    """A way to enlarge what was opened to uint8 (H * scale, W * scale, 3). `identity` tells its weights apart."""

    name: str
    identity: str
    make: Callable[[Opened], np.ndarray]


def open_saved(pixels: np.ndarray, coding: FileCoding) -> Opened:
    """A picture, uint8 (H, W, 3), saved so by libjpeg and opened; as it is where the coding is clean."""
    if coding.quality is None:
        return Opened(pixels, None)
    data = jpeg_bytes(pixels, coding.quality, coding.subsampling)
    decoded = picture_of(io.BytesIO(data))
    with tempfile.TemporaryDirectory() as folder:  # coefficients are read from a file only
        path = Path(folder) / "saved.jpg"
        path.write_bytes(data)
        return Opened(decoded, read_jpeg_file(data, path, 1, decoded))


def own_part(photograph: Photograph, edge: int) -> tuple[Opened, Rect]:
    """The part about the middle of a photograph's field of view, at most `edge` pixels a side, cut along the file's
    blocks, so that what the file says of it is known; and where it lies. Raises EvaluationError for a photograph whose
    file's coefficients are not known."""
    file = photograph.file.get() if photograph.file is not None else None
    if file is None or not file.planes:
        reason = photograph.file.reason if photograph.file is not None else "it is not a JPEG file"
        raise EvaluationError(f"{photograph.path}: says no coefficients ({reason}); leave it out")
    height, width = photograph.pixels.shape[:2]
    field, origin = photograph.field, file.coding.origin
    x, w = _along_grid(field.cx - edge / 2, origin[0], width, edge)
    y, h = _along_grid(field.cy - edge / 2, origin[1], height, edge)
    place = Rect(x, y, w, h)
    planes = tuple(_cut(plane, place) for plane in file.planes)
    coding = Coding(file.coding.luma, file.coding.chroma, file.coding.halved, (0, 0))
    return Opened(np.ascontiguousarray(photograph.pixels[place.slices()]), JpegFile(coding, planes)), place


def _along_grid(start: float, origin: int, side: int, edge: int) -> tuple[int, int]:
    """Where whole blocks of halved chroma, of which one begins at `origin` (0 or more), begin from `start` on along an
    axis of `side` pixels, and how many pixels they fill, at most `edge`."""
    first = origin % _GRID
    wanted = min(max(int(start), first), max(side - edge, first))
    begin = first + -(-(wanted - first) // _GRID) * _GRID
    return begin, min(edge, side - begin) // _GRID * _GRID


def _cut(plane: Coefficients, place: Rect) -> Coefficients:
    wide, tall = (8 * side for side in plane.pixel)
    column, row = (place.x - plane.origin[0]) // wide, (place.y - plane.origin[1]) // tall
    blocks = plane.blocks[row : row + place.h // tall, column : column + place.w // wide]
    return Coefficients(blocks, plane.steps, plane.pixel, (0, 0))


def told_models(scale: int) -> list[str]:
    """The bundled networks that are told of files."""
    return [name for name, scales in available_models().items() if scale in scales and name in BEGINS_AS]


def compared(scale: int, models: Sequence[str] = ()) -> Sequence[str]:
    """The networks that are compared at a scale where these are named (none: `BLIND` and those that are told)."""
    return models or (*BLIND, *told_models(scale))


def weights_of(scales: Sequence[int], models: Sequence[str] = ()) -> dict[str, str]:
    """Checksums of the weights of all that is compared, by name and scale."""
    return {f"{name} x{scale}": load_model(name, scale).sha256 for scale in scales for name in compared(scale, models)}


def file_methods(scale: int, models: Sequence[str] = ()) -> list[FileMethod]:
    """Bicubic and W+ (the limit of back-projection) of the decoded photograph, total variation within the cell, and
    networks (none named: `BLIND` and those that are told): as the viewer shows them, and those that are told also
    alone, held to nothing. Raises UserError for a network without weights."""
    classical = [
        FileMethod(BICUBIC, BICUBIC, lambda opened: to_uint8(enlarge_bicubic(opened.pixels, scale))),
        FileMethod(LIMIT, LIMIT, lambda opened: to_uint8(enlarge_pseudo_inverse(opened.pixels, scale))),
        FileMethod(VARIATION, VARIATION, lambda opened: _by_variation(opened, scale)),
    ]
    networks = [load_model(name, scale) for name in compared(scale, models)]
    return classical + [method for network in networks for method in _network_methods(network)]


def file_engine(network: LoadedNetwork) -> Engine:
    """The engine that super-resolves files by a network; one that is told reads as far about its blocks as the one that
    it begins as: the cell's blocks reach farther, but what they reach there changes few values, by one grey level
    (docs/agreement.md)."""
    if network.clean is not None:
        network = replace(network, card={**network.card, "halo": network.clean.halo})
    return Engine(network, torch.device("cpu"))


def _by_variation(opened: Opened, scale: int) -> np.ndarray:
    return to_uint8(enlarge_bicubic(decode_by_variation(opened.pixels, opened.known), scale))


def _network_methods(network: LoadedNetwork) -> list[FileMethod]:
    engine = file_engine(network)
    shown = FileMethod(
        network.name, f"{network.sha256} {engine.precision}", lambda o: engine.upscale(o.pixels, file=o.file)
    )
    if network.name not in BEGINS_AS:
        return [shown]
    free = file_engine(replace(network, card={**network.card, "agrees": False}))
    alone = FileMethod(f"{network.name}{ALONE}", shown.identity, lambda o: free.upscale(o.pixels, file=o.file))
    return [shown, alone]
