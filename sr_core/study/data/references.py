"""Training and test images: the split, the reference pictures cut from photographs, and random crops."""

import hashlib
import json
import os
import posixpath
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sr_core.assets import asset_path
from sr_core.errors import UserError
from sr_core.files import file_name, whole_file
from sr_core.image.field_of_view import FieldOfView
from sr_core.image.photograph import load_photograph
from sr_core.image.resample import crop_to_multiple, downsample_matrix, enlarge_matrix, resize, shrink, to_uint8
from sr_core.study.data.degradation import degrade

SHORT_SIDE = 1024
"""The short side, in pixels, of a reference in the paper's regime."""

NATIVE = 0
"""The short side that leaves a photograph at its own size: the viewer's regime, what a clinician zooms into."""

_MARGIN = 4
"""The small pixels around a crop beyond which neither the shrinking nor the enlargement sees the border."""

_LARGEST_SCALE = 8
_TEST_IMAGE = re.compile(
    r"HRF/images/0[1-5]_(h|dr|g)\.|IDRiD/segmentation_testing/|IDRiD/grading/testing/", re.IGNORECASE
)
_HYGD_IMAGE = re.compile(r"HYGD/images/(\d+)_\d+\.", re.IGNORECASE)
_HYGD_TESTS = 5
"""Every fifth patient of HYGD, by number, is for tests."""

PARTS = ("train", "validation", "test")


class DataError(UserError):
    """Image data that cannot be used: the file or folder, the cause, the cure."""


@dataclass(frozen=True)
class Split:
    """Paths of the images, relative to the data folder, with forward slashes; about: the data sets and their terms, for
    the card of whatever is trained on them; sharp: the sets (first folders) whose photographs, at their own size, hold
    detail and not only JPEG blocks; empty for all."""

    about: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    sharp: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Reference:
    """The ground truth of super-resolution: the retina's box cut from a photograph, shrunk to a short side of 1024 or
    left at its own size: uint8 (H, W, 3), both sides multiples of 8, with the field of view in its pixels."""

    name: str
    pixels: np.ndarray
    field: FieldOfView


def is_test_image(name: str) -> bool:
    """Whether an image must never be used for training or tuning: HRF 01 to 05 of every group, IDRiD
    segmentation_testing and grading/testing, HYGD's patients whose number is a multiple of 5. Any spelling of the path
    works."""
    path = posixpath.normpath(name.replace(os.sep, "/"))
    patient = _HYGD_IMAGE.search(path)
    return _TEST_IMAGE.search(path) is not None or (patient is not None and int(patient[1]) % _HYGD_TESTS == 0)


def data_root(given: Path | None = None) -> Path:
    """Return the data folder: the given one, or else the environment variable FUNDUSXR_DATA. Raises DataError."""
    root = given or (Path(os.environ["FUNDUSXR_DATA"]) if os.environ.get("FUNDUSXR_DATA") else None)
    if root is None:
        raise DataError("no data folder: set FUNDUSXR_DATA to the folder that holds HRF and IDRiD")
    if not root.is_dir():
        raise DataError(f"{root}: no such data folder; set FUNDUSXR_DATA to the folder that holds HRF and IDRiD")
    return root


def load_split(name: str) -> Split:
    """Load a bundled split by name (``fundus``), or the JSON file at that path, with lists train, validation, test.

    Raises DataError for an unreadable file, an image in two lists or outside the data folder, and a test image outside
    the test list.
    """
    path = Path(name) if name.endswith(".json") else asset_path("splits", f"{name}.json")
    try:
        lists = json.loads(path.read_text(encoding="utf-8"))
        parts = {part: _names(lists[part]) for part in PARTS}
        split = Split(str(lists["about"]), **parts, sharp=_names(lists.get("sharp", [])))
    except OSError as error:
        raise DataError(f"split {path}: cannot be read ({error.strerror}); name a bundled one or a JSON file") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: not a split file ({error!r}); it needs a line about and lists train, validation, test"
        ) from None
    seen = Counter(posixpath.normpath(image) for image in (*split.train, *split.validation, *split.test))
    outside = next((image for image in seen if image.startswith("..")), None)
    if outside:
        raise DataError(f"{path}: {outside} lies outside the data folder; list images inside it")
    twice = sorted(image for image, count in seen.items() if count > 1)
    if twice:
        raise DataError(f"{path}: {twice[0]} is listed twice; keep it in one list")
    for image in (*split.train, *split.validation):
        _refuse_test_image(image)
    return split


def _names(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise TypeError("its lists must hold paths")
    return tuple(given)


def _refuse_test_image(name: str) -> None:
    if is_test_image(name):
        raise DataError(f"{name}: a test image, never trained or tuned on; take it off the list")


def cut_reference(name: str, pixels: np.ndarray, field: FieldOfView, short_side: int = SHORT_SIDE) -> Reference:
    """Cut the reference picture from a photograph, uint8 (H, W, 3), by antialiased bicubic shrinking to `short_side`
    (never enlarged; NATIVE: unchanged)."""
    x0, y0, x1, y1 = field.bounding_rect(pixels.shape)
    box, field = pixels[y0:y1, x0:x1], field.cropped(x0, y0)
    factor = short_side / min(box.shape[:2])
    if short_side != NATIVE and factor < 1:
        height, width = (round(side * factor) for side in box.shape[:2])
        box, field = to_uint8(resize(box, height, width)), field.scaled(factor)
    return Reference(name, crop_to_multiple(box, _LARGEST_SCALE), field)


def load_references(
    root: Path, names: Sequence[str], cache: Path | None = None, short_side: int = SHORT_SIDE
) -> list[Reference]:
    """Load references of the named photographs. They are kept in the cache folder between calls; their pixels are
    memory-mapped from there, so that a hundred photographs take no more memory than the parts that are read."""
    return [_load_reference(root, name, cache, short_side) for name in names]


def load_tuning_references(
    root: Path, names: Sequence[str], cache: Path | None = None, short_side: int = SHORT_SIDE
) -> list[Reference]:
    """Load references like ``load_references``, for training and validation: a test image raises DataError, also if the
    data folder is the data set's own."""
    for name in names:
        _refuse_test_image(name)
        _refuse_test_image((root / name).resolve().as_posix())
    return load_references(root, names, cache, short_side)


def _load_reference(root: Path, name: str, cache: Path | None, short_side: int) -> Reference:
    path = root / name
    if not path.is_file():
        raise DataError(f"{path}: missing; name the folder that holds the split's photographs")
    if cache is None:
        photograph = load_photograph(path)
        return cut_reference(name, photograph.pixels, photograph.field, short_side)
    about = path.stat()
    which = hashlib.sha256(os.fsencode(f"{path.resolve()} {about.st_size} {about.st_mtime_ns}")).hexdigest()
    kept = cache / file_name(path.stem[:60], f"-{short_side or 'native'}-{which[:16]}.npy")
    reference = _kept(name, kept)
    if reference is None:
        photograph = load_photograph(path)
        _keep(cut_reference(name, photograph.pixels, photograph.field, short_side), kept)
        reference = _kept(name, kept)
    if reference is None:
        raise DataError(f"{kept}: was written and cannot be read; delete the folder and run again")
    return reference


def _kept(name: str, kept: Path) -> Reference | None:
    """Return the reference in the cache, or None if it is missing or damaged."""
    try:
        *circle, assumed = json.loads(kept.with_suffix(".json").read_text(encoding="utf-8"))
        cx, cy, radius = map(float, circle)
        return Reference(name, np.load(kept, mmap_mode="r"), FieldOfView(cx, cy, radius, str(assumed)))
    except (OSError, ValueError, TypeError, EOFError):
        return None


def _keep(reference: Reference, kept: Path) -> None:
    """Write a reference's pixels and field, each complete or not at all, the field last."""
    field = reference.field
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(kept) as file:
            np.save(file, reference.pixels)
        with whole_file(kept.with_suffix(".json")) as file:
            file.write(json.dumps([field.cx, field.cy, field.radius, field.assumed]).encode())
    except OSError as error:
        raise DataError(f"{kept}: cannot be written ({error.strerror}); free the place and run again") from None


def degrade_reference(reference: Reference, scale: int) -> np.ndarray:
    """Return the photograph as it might come from the field (see degrade.py); the result is repeatable."""
    seed = zlib.crc32(os.fsencode(f"{reference.name} x{scale}"))
    return degrade(reference.pixels, scale, np.random.default_rng(seed))


def shrink_reference(reference: Reference, scale: int) -> np.ndarray:
    """Return the photograph as a coarser camera would have stored it: bicubic, rounded, uint8 (H / scale, W / scale,
    3)."""
    return to_uint8(shrink(reference.pixels, scale))


def draw_group(groups: Sequence[Sequence[Reference]], rng: np.random.Generator) -> Sequence[Reference]:
    """The first group half the time, else one of the others: most of the size that a network is judged by."""
    if len(groups) == 1 or rng.integers(2):
        return groups[0]
    return groups[1 + int(rng.integers(len(groups) - 1))]


def draw_window(reference: Reference, side: int, rng: np.random.Generator) -> np.ndarray:
    """A square of a reference, (side, side, 3), with its centre in the field of view."""
    field = reference.field
    height, width = reference.pixels.shape[:2]
    while True:
        y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        if np.hypot(x + side / 2 - field.cx, y + side / 2 - field.cy) <= field.radius:
            return reference.pixels[y : y + side, x : x + side]


class CropSampler:
    """Random small crops, each with its bicubic enlargement and the photograph's own pixels.

    `groups` holds the references of each size (see `load_references`). The first group is drawn half the time and the
    others share the rest: a network sees coarse and fine detail, and mostly the size that it is judged by. A crop's
    centre is drawn uniformly over the field of view of a uniformly drawn image, at any phase of the shrinking's grid;
    then comes one of the eight flips and quarter turns. Each crop is shrunk with a margin, so that it has no border of
    its own.

    Of several `candidates`, the crop with bicubic's largest error is taken: most of a retina is smooth, and there is
    nothing to learn there (measured in docs/science.md).
    """

    def __init__(
        self,
        groups: Sequence[Sequence[Reference]],
        scale: int,
        crop: int,
        candidates: int = 1,
        degradation: str = "bicubic",
    ) -> None:
        """``crop`` is the side of the small crops in pixels; degradation: 'bicubic', or 'field' (see degrade.py).

        Raises DataError if a picture is too small.
        """
        self._groups, self._scale, self._crop, self._candidates = groups, scale, crop, candidates
        self._degradation = degradation
        small = crop + 2 * _MARGIN
        self._side = small * scale
        # Dense matrices for a window of few pixels: ten times faster than the general resampling.
        self._down, self._up = (m(small, scale).astype(np.float32) for m in (downsample_matrix, enlarge_matrix))
        for reference in (reference for group in groups for reference in group):
            if min(reference.pixels.shape[:2]) < self._side:
                raise DataError(f"{reference.name}: too small for crops of {crop} pixels; lower 'crop'")

    def draw(self, rng: np.random.Generator, batch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw (batch, crop, crop, 3) small crops; their bicubic enlargements and the photographs' own pixels, (batch,
        crop * scale, crop * scale, 3); float32, in 0..1 of full white."""
        drawn = [max((self._draw_one(rng) for _ in range(self._candidates)), key=_missed) for _ in range(batch)]
        small, bicubic, photograph = (
            np.stack(parts).astype(np.float32) / np.float32(255) for parts in zip(*drawn, strict=True)
        )
        return small, bicubic, photograph

    def _draw_one(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        group = draw_group(self._groups, rng)
        window = draw_window(group[int(rng.integers(len(group)))], self._side, rng)
        turn, flip = int(rng.integers(4)), bool(rng.integers(2))
        window = np.rot90(window, turn)
        window = window[:, ::-1] if flip else window
        planes = window.transpose(2, 0, 1).astype(np.float32)
        if self._degradation == "field":
            small = degrade(window, self._scale, rng).transpose(2, 0, 1).astype(np.float32)
        else:
            small = np.clip(np.rint(self._down @ planes @ self._down.T), 0, 255)
        enlarged = self._up @ small @ self._up.T
        inner, wide = slice(_MARGIN, -_MARGIN), slice(_MARGIN * self._scale, -_MARGIN * self._scale)
        cut = small[:, inner, inner], enlarged[:, wide, wide], planes[:, wide, wide]
        return tuple(part.transpose(1, 2, 0) for part in cut)


def _missed(crop: tuple[np.ndarray, ...]) -> float:
    """Return bicubic's squared error."""
    _, enlarged, photograph = crop
    return float(np.square(photograph - enlarged).mean())
