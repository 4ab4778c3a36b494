"""Training and test images: the split, the reference pictures cut from photographs, and random crops."""

import json
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sr_core.assets import asset_path
from sr_core.errors import UserError
from sr_core.image.field_of_view import FieldOfView
from sr_core.image.photograph import load_photograph
from sr_core.image.resample import crop_to_multiple, enlarge_bicubic, resize, shrink, to_uint8

SHORT_SIDE = 1024
_LARGEST_SCALE = 8
_TEST_IMAGE = re.compile(r"HRF/images/0[1-5]_(h|dr|g)\.|IDRiD/segmentation_testing/", re.IGNORECASE)
PARTS = ("train", "validation", "test")


class DataError(UserError):
    """Image data that cannot be used: the file or folder, the cause, the cure."""


@dataclass(frozen=True)
class Split:
    """Paths of the images, relative to the data folder, with forward slashes; about: the data sets and their
    terms, for the card of what is trained on them."""

    about: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Reference:
    """What super-resolution is measured against: the retina's box cut from a photograph and shrunk so that
    its short side is 1024: uint8 (H, W, 3), both sides multiples of 8, with the field of view in its
    pixels."""

    name: str
    pixels: np.ndarray
    field: FieldOfView


def is_test_image(name: str) -> bool:
    """True for images that are never trained or tuned on: HRF 01 to 05 of every group, IDRiD
    segmentation_testing."""
    return _TEST_IMAGE.search(name.replace(os.sep, "/")) is not None


def data_root(given: Path | None = None) -> Path:
    """The data folder: the one given, else the environment variable FUNDUSXR_DATA. Raises DataError."""
    root = given or (Path(os.environ["FUNDUSXR_DATA"]) if os.environ.get("FUNDUSXR_DATA") else None)
    if root is None:
        raise DataError("no data folder: set FUNDUSXR_DATA to the folder that holds HRF and IDRiD")
    if not root.is_dir():
        raise DataError(
            f"{root}: no such data folder; set FUNDUSXR_DATA to the folder that holds HRF and IDRiD"
        )
    return root


def load_split(name: str) -> Split:
    """A bundled split by name (``fundus``), or the JSON file of that path, with lists train, validation,
    test.

    Raises DataError for an unreadable file, an image in two lists, and a test image outside the test list.
    """
    path = Path(name) if name.endswith(".json") else asset_path("splits", f"{name}.json")
    try:
        lists = json.loads(path.read_text(encoding="utf-8"))
        split = Split(str(lists["about"]), *(tuple(lists[part]) for part in PARTS))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: not a split file ({error!r}); it needs a line about and lists train, validation, test"
        ) from None
    seen = [*split.train, *split.validation, *split.test]
    twice = sorted({image for image in seen if seen.count(image) > 1})
    if twice:
        raise DataError(f"{path}: {twice[0]} is listed twice; keep it in one list")
    for image in (*split.train, *split.validation):
        _refuse_test_image(image)
    return split


def _refuse_test_image(name: str) -> None:
    if is_test_image(name):
        raise DataError(f"{name}: a test image, never trained or tuned on; take it off the list")


def cut_reference(name: str, pixels: np.ndarray, field: FieldOfView) -> Reference:
    """Reference picture of a photograph, uint8 (H, W, 3), by antialiased bicubic shrinking."""
    x0, y0, x1, y1 = field.bounding_rect(pixels.shape)
    box = pixels[y0:y1, x0:x1]
    factor = SHORT_SIDE / min(box.shape[:2])
    height, width = (round(side * factor) for side in box.shape[:2])
    small = crop_to_multiple(to_uint8(resize(box, height, width)), _LARGEST_SCALE)
    return Reference(name, small, field.cropped(x0, y0).scaled(factor))


def load_references(root: Path, names: Sequence[str], cache: Path | None = None) -> list[Reference]:
    """References of the named photographs, kept in the cache folder from one time to the next."""
    return [_load_reference(root, name, cache) for name in names]


def load_tuning_references(root: Path, names: Sequence[str], cache: Path | None = None) -> list[Reference]:
    """As ``load_references`` for training and validation: a test image raises DataError."""
    for name in names:
        _refuse_test_image(name)
    return load_references(root, names, cache)


def _load_reference(root: Path, name: str, cache: Path | None) -> Reference:
    path = root / name
    if not path.is_file():
        raise DataError(f"{path}: missing; set FUNDUSXR_DATA to the folder that holds HRF and IDRiD")
    if cache is None:
        photograph = load_photograph(path)
        return cut_reference(name, photograph.pixels, photograph.field)
    kept = cache / f"{name.replace('/', '-')}-{SHORT_SIDE}-{path.stat().st_size}.npz"
    if kept.is_file():
        with np.load(kept, allow_pickle=False) as arrays:
            return Reference(name, arrays["pixels"], FieldOfView(*map(float, arrays["field"])))
    photograph = load_photograph(path)
    reference = cut_reference(name, photograph.pixels, photograph.field)
    cache.mkdir(parents=True, exist_ok=True)
    field = reference.field
    with tempfile.NamedTemporaryFile(dir=cache, suffix=".tmp", delete=False) as file:
        np.savez(file, pixels=reference.pixels, field=np.array([field.cx, field.cy, field.radius]))
    os.replace(file.name, kept)
    return reference


def shrink_reference(reference: Reference, scale: int) -> np.ndarray:
    """The photograph as a coarser camera would have stored it: bicubic, rounded, uint8 (H / scale, W / scale,
    3)."""
    return to_uint8(shrink(reference.pixels, scale))


class CropSampler:
    """Random pairs of small crops and the residual over bicubic that they should give.

    A crop's centre is drawn evenly over the field of view of an evenly drawn image; one of the eight flips
    and quarter turns follows. Small images are computed whole, so no crop has a border of its own.
    """

    def __init__(self, references: Sequence[Reference], scale: int, crop: int) -> None:
        """``crop`` is the side of the small crops in pixels. Raises DataError where a picture is smaller."""
        self._scale, self._crop = scale, crop
        self._small, self._residual, self._centres = [], [], []
        for reference in references:
            small = shrink_reference(reference, scale)
            if min(small.shape[:2]) <= crop:
                raise DataError(f"{reference.name}: too small for crops of {crop} pixels; lower 'crop'")
            # half precision: 91 references would take 3 GB otherwise, and 2^-11 of a residual is nothing
            residual = (reference.pixels - enlarge_bicubic(small, scale)) / np.float32(255)
            self._small.append(small)
            self._residual.append(residual.astype(np.float16))
            self._centres.append(reference.field.scaled(1 / scale))

    def draw(self, rng: np.random.Generator, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """(batch, crop, crop, 3) small crops and (batch, crop * scale, crop * scale, 3) residuals, float32,
        in 0..1 of full white."""
        pairs = [self._draw_one(rng) for _ in range(batch)]
        small = np.stack([pair[0] for pair in pairs]).astype(np.float32) / np.float32(255)
        return small, np.stack([pair[1] for pair in pairs]).astype(np.float32)

    def _draw_one(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        i = int(rng.integers(len(self._small)))
        small, residual, field = self._small[i], self._residual[i], self._centres[i]
        crop, scale = self._crop, self._scale
        while True:
            y = int(rng.integers(small.shape[0] - crop + 1))
            x = int(rng.integers(small.shape[1] - crop + 1))
            if np.hypot(x + crop / 2 - field.cx, y + crop / 2 - field.cy) <= field.radius:
                break
        turn, flip = int(rng.integers(4)), bool(rng.integers(2))
        pair = (
            small[y : y + crop, x : x + crop],
            residual[y * scale : (y + crop) * scale, x * scale : (x + crop) * scale],
        )
        turned = [np.rot90(part, turn) for part in pair]
        return tuple(part[:, ::-1] for part in turned) if flip else tuple(turned)
