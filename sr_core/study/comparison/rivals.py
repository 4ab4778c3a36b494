"""The methods compared: classical enlargers, networks alone and as the viewer shows them, and pictures made
elsewhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from sr_core.engine.engine import Engine
from sr_core.files import file_name
from sr_core.image.folder import SUFFIXES
from sr_core.image.photograph import load_photograph
from sr_core.image.resample import enlarge_bicubic, enlarge_pseudo_inverse, shrink, to_uint8
from sr_core.networks.names import STARTS_FROM
from sr_core.networks.zoo import LoadedNetwork
from sr_core.study.comparison.evaluation import ALONE, EvaluationError, Upscale, Yardstick, bare_network, through_engine

BICUBIC, BACK_PROJECTION = "bicubic", "back-projection"
SHARPENED = "unsharp = "
"""The prefix of the name of a picture sharpened to a network's S3."""

BACK_PROJECTIONS = 10

UNSHARP_MOST, UNSHARP_STEPS, UNSHARP_CLOSE = 16.0, 10, 0.002
"""Unsharp masking's largest amount, and the search for an amount: the most steps, and an acceptable S3 error."""


@dataclass(frozen=True)
class Method:
    """A way to enlarge. ``identity`` identifies its weights or files: cached results are valid only for the same
    identity. ``make`` enlarges the reduction of a yardstick to uint8 (H * scale, W * scale, 3); ``timed``: its time is
    that of enlarging and nothing else."""

    name: str
    identity: str
    make: Callable[[Yardstick], np.ndarray]
    timed: bool = True


def enlarge_lanczos(image: np.ndarray, scale: int) -> np.ndarray:
    """Enlarge (H, W[, C]) by Lanczos-3, with mirrored borders and weights normalised to one: MATLAB's ``lanczos3``."""
    image = image.astype(np.float32)
    for axis in (0, 1):
        n = image.shape[axis]
        centre = (np.arange(n * scale) + 0.5) / scale - 0.5
        index = np.floor(centre).astype(int)[:, None] + np.arange(-2, 4)
        distance = centre[:, None] - index
        weight = np.sinc(distance) * np.sinc(distance / 3)
        weight /= weight.sum(axis=1, keepdims=True)
        index %= 2 * n
        index = np.where(index < n, index, 2 * n - 1 - index)
        along = [-1 if i == axis else 1 for i in range(image.ndim)]
        taps = (
            np.take(image, index[:, k], axis=axis) * weight[:, k].astype(np.float32).reshape(along) for k in range(6)
        )
        image = reduce(np.add, taps)
    return image


def back_project(image: np.ndarray, scale: int, steps: int = BACK_PROJECTIONS) -> np.ndarray:
    """Enlarge bicubically; then ``steps`` times enlarge the disagreement with the small image and add it.

    Irani and Peleg 1991. Away from the borders the bicubic enlargement is scale^2 W', so this is gradient descent whose
    limit is W+ y.
    """
    out = enlarge_bicubic(image, scale)
    for _ in range(steps):
        out += enlarge_bicubic(image - shrink(out, scale), scale)
    return out


def classical_methods() -> list[Method]:
    """Return bicubic (a = -0.5), Lanczos, back-projected bicubic, and its limit W+ y."""
    enlargers = {
        BICUBIC: enlarge_bicubic,
        "lanczos": enlarge_lanczos,
        BACK_PROJECTION: back_project,
        "pseudo-inverse": enlarge_pseudo_inverse,
    }
    return [_plain(name, name, _rounded(enlarge)) for name, enlarge in enlargers.items()]


def _rounded(enlarge: Upscale) -> Upscale:
    return lambda small, scale: to_uint8(enlarge(small, scale))


def _plain(name: str, identity: str, upscale: Upscale) -> Method:
    return Method(name, identity, lambda yardstick: upscale(yardstick.small, yardstick.scale))


def network_methods(network: LoadedNetwork) -> list[Method]:
    """Return a network as the viewer shows it, under its name; alone, under "NAME alone"; and, for one trained to look
    sharp, plain sharpening to the same sharpness, under "unsharp = NAME"."""
    engine = Engine(network, torch.device("cpu"))
    shown = through_engine(engine)
    identity = f"{network.sha256} {engine.precision} halo {network.halo} agrees {network.agrees}"
    alone = _plain(f"{network.name}{ALONE}", network.sha256, bare_network(network.module))
    if network.name not in STARTS_FROM:
        return [_plain(network.name, identity, shown), alone]
    remembering = _Remembering(shown)
    as_sharp = Method(
        f"{SHARPENED}{network.name}", identity, lambda yardstick: _as_sharp(yardstick, remembering.again), timed=False
    )
    return [_plain(network.name, identity, remembering.upscale), alone, as_sharp]


class _Remembering:
    """An enlarger whose last picture can be returned again without enlarging again."""

    def __init__(self, upscale: Upscale) -> None:
        self._upscale = upscale
        self._last: tuple[np.ndarray, np.ndarray] | None = None

    def upscale(self, small: np.ndarray, scale: int) -> np.ndarray:
        picture = self._upscale(small, scale)
        self._last = (small, picture)
        return picture

    def again(self, small: np.ndarray, scale: int) -> np.ndarray:
        """Return the last picture if it came from the same small one, and then forget it, since many such enlargers are
        kept waiting."""
        last, self._last = self._last, None
        return last[1] if last and last[0] is small else self._upscale(small, scale)


def _as_sharp(yardstick: Yardstick, shown: Upscale) -> np.ndarray:
    """Sharpen the bicubic enlargement by unsharp masking (Gaussian of one photograph pixel) until its S3 equals the
    network's."""
    small, scale = yardstick.small, yardstick.scale
    wanted, _ = yardstick.sharpness(shown(small, scale))
    soft = enlarge_bicubic(small, scale)
    detail = soft - gaussian_filter(soft, (scale, scale, 0))
    low, high = 0.0, UNSHARP_MOST
    for _ in range(UNSHARP_STEPS):
        amount = (low + high) / 2
        picture = to_uint8(soft + np.float32(amount) * detail)
        error = yardstick.sharpness(picture)[0] - wanted
        if abs(error) < UNSHARP_CLOSE:
            break
        low, high = (low, amount) if error > 0 else (amount, high)
    return picture


def picture_name(regime: str, scale: int, photograph: str) -> str:
    """Return the name, without suffix, of a photograph's reduction, and of a picture made from it elsewhere."""
    return file_name(f"{regime}-x{scale}-{Path(photograph).with_suffix('').as_posix().replace('/', '-')}", "")


def external_pictures(name: str, folder: Path, wanted: list[str]) -> Mapping[str, Path]:
    """Find the picture files in a folder by the names of ``picture_name``, one for each wanted name.

    Raises EvaluationError: no such folder, no pictures in it, some missing (named).
    """
    if not folder.is_dir():
        raise EvaluationError(f"--external {name}: {folder} is not a folder; name the one that holds its pictures")
    found = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES}
    if not found:
        raise EvaluationError(f"--external {name}: no pictures in {folder}; name them like {wanted[0]}.png")
    missing = [stem for stem in wanted if stem not in found]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise EvaluationError(f"--external {name}: {folder} lacks {', '.join(missing[:3])}{more}; add the pictures")
    return {stem: found[stem] for stem in wanted}


def external_method(name: str, path: Path, sha256: str) -> Method:
    """Return one picture made elsewhere as a method for the one photograph that it belongs to; its time is unknown."""

    def make(yardstick: Yardstick) -> np.ndarray:
        pixels = load_photograph(path).pixels
        if pixels.shape != yardstick.reference.pixels.shape:
            height, width = yardstick.reference.pixels.shape[:2]
            raise EvaluationError(
                f"{path}: {pixels.shape[1]}x{pixels.shape[0]} pixels, not {width}x{height}; "
                f"enlarge the reduction x{yardstick.scale}"
            )
        return pixels

    return Method(name, sha256, make, timed=False)
