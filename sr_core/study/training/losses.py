"""The paper's losses: pixels, features of a perceptual trunk, and the adversary (its equations 4 to 7).

Pictures are (N, 3, H, W) in 0..1; every loss is a scalar, the mean over all elements. The trunk is a frozen VGG built
of plain layers: VGG19 up to relu5_4, as in SRGAN, from a weights file that the user supplies, or else the VGG16 inside
the package ``stlpips-pytorch`` (Ghildyal and Liu 2022, "Shift-tolerant Perceptual Similarity Metric"), up to relu5_3.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import safetensors
import torch
from torch import Tensor, nn
from torch.nn import functional

from sr_core.errors import UserError

CHARBONNIER_EPSILON = 1e-3
"""A quarter of a grey level: below it Charbonnier's loss is quadratic, above it L1."""


def charbonnier(picture: Tensor, target: Tensor) -> Tensor:
    """Return the mean of sqrt(d^2 + epsilon^2), an L1 without a corner at 0 (Charbonnier et al. 1994)."""
    return (picture - target).square().add(CHARBONNIER_EPSILON**2).sqrt().mean()


PIXEL_LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": functional.mse_loss,
    "l1": functional.l1_loss,
    "charbonnier": charbonnier,
}
"""Pixel losses by name. The paper's is the mean squared error (equation 4)."""

PAPER_WEIGHTS: Mapping[str, float] = {"pixel": 1.0, "feature": 2e-6, "adversarial": 1e-3}
"""Equation 7. The factor 2e-6 belongs to a trunk that reads 0 to 255; with one that reads normalised pictures, as here,
the term almost vanishes: see ``balanced_weights``."""


class TrunkError(UserError):
    """A perceptual trunk that is not available: the file, the cause, the cure."""


class BlurPool(nn.Module):
    """Halves the size with a 3x3 blur, after the stride-1 maximum (Zhang 2019, "Making Convolutional Networks
    Shift-Invariant Again"); reflecting border of 2, as in the training of the shift-tolerant trunk."""

    filt: Tensor

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.register_buffer("filt", torch.empty(maps, 1, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(functional.pad(x, (2, 2, 2, 2), "reflect"), self.filt, stride=2, groups=x.shape[1])


def _vgg(convolutions: Sequence[int], blurred: bool) -> nn.Sequential:
    """Return VGG's layers up to the last ReLU before the fifth pooling, numbered as in torchvision's ``features`` (a
    blurred pooling takes two numbers). convolutions: how many in each of the five groups."""
    layers: list[nn.Module] = []
    before = 3
    for maps, count in zip((64, 128, 256, 512, 512), convolutions, strict=True):
        if layers:
            layers += [nn.MaxPool2d(2, stride=1), BlurPool(before)] if blurred else [nn.MaxPool2d(2)]
        for _ in range(count):
            layers += [nn.Conv2d(before, maps, 3, padding=1), nn.ReLU()]
            before = maps
    return nn.Sequential(*layers)


class Trunk(nn.Module):
    """A frozen perceptual trunk. ``name`` identifies it in cards and logs.

    (N, 3, H, W) in 0..1, H and W from 32 -> features (N, 512, h, w), about a sixteenth of the size. The input is
    normalised by ImageNet's mean and deviation, as both trunks were in training.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, name: str, layers: nn.Sequential) -> None:
        super().__init__()
        self.name = name
        self.layers = layers
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1))
        self.eval().requires_grad_(False)

    def forward(self, picture: Tensor) -> Tensor:
        return self.layers((picture - self.mean) / self.deviation)


_VGG19 = "VGG19 (relu5_4)"
_VGG16 = "VGG16 (shift-tolerant LPIPS trunk)"
_SHIFT_TOLERANT = ("stlpips_pytorch", "weights", "vST0.0", "vgg_shift_tolerant.pth")
_MOST_BYTES = 700 << 20  # torchvision's whole VGG19 with its dense layers is 575 MB


def choose_trunk(path: Path | None = None) -> Trunk:
    """Load a VGG19 from the state dictionary that the user names (.safetensors, .pth or .pt, with torchvision's keys
    ``features.N.weight``; other keys are ignored), or else the VGG16 in the optional package ``stlpips-pytorch``.

    Raises TrunkError: no such file, no such package, damaged, too large, of another architecture.
    """
    if path is not None:
        return _load(Trunk(_VGG19, _vgg((2, 2, 4, 4, 4), blurred=False)), Path(path), _vgg19_key)
    # The package itself is never imported: it would import torchvision.
    spec = find_spec(_SHIFT_TOLERANT[0])
    if spec is None or not spec.submodule_search_locations:
        raise TrunkError(
            "perceptual trunk: no weights; name a VGG19 file, or install the extra: pip install 'fundusxr[perceptual]'"
        )
    inside = Path(spec.submodule_search_locations[0]).joinpath(*_SHIFT_TOLERANT[1:])
    return _load(Trunk(_VGG16, _vgg((2, 2, 3, 3, 3), blurred=True)), inside, _shift_tolerant_key)


def _vgg19_key(key: str) -> str:
    return f"features.{key}"


def _shift_tolerant_key(key: str) -> str:
    """Return torchvision's key for a key of that file, which keeps torchvision's numbers but in five slices, each
    beginning with a pooling."""
    number = int(key.split(".")[0])
    group = 1 + sum(number >= first for first in (4, 10, 18, 26))
    return f"net.slice{group}.{key}"


def _load(trunk: Trunk, path: Path, file_key: Callable[[str], str]) -> Trunk:
    expected = {file_key(key): (key, tensor) for key, tensor in trunk.layers.state_dict().items()}
    found = _read(path, expected.keys())
    wrong = [f"{key} missing" for key in expected if key not in found]
    for key, (_, tensor) in expected.items():
        if key in found and (found[key].shape != tensor.shape or found[key].dtype != torch.float32):
            wrong.append(
                f"{key} is {found[key].dtype} {tuple(found[key].shape)}, not torch.float32 {tuple(tensor.shape)}"
            )
        elif key in found and not torch.isfinite(found[key]).all():
            wrong.append(f"{key} holds values that are not finite")
    if wrong:
        more = f" and {len(wrong) - 2} more" if len(wrong) > 2 else ""
        raise TrunkError(f"{path}: not weights of {trunk.name} ({'; '.join(wrong[:2])}{more}); name another file")
    trunk.layers.load_state_dict({key: found[named] for named, (key, _) in expected.items()})
    return trunk


def _read(path: Path, keys: Collection[str]) -> Mapping[str, Tensor]:
    """Read the tensors with these keys from a state dictionary's file. Nothing in the file is executed."""
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise TrunkError(f"{path}: {size} bytes are more than a VGG has; name a state dictionary of VGG19")
        if path.suffix == ".safetensors":
            with safetensors.safe_open(path, "pt") as file:
                return {key: file.get_tensor(key) for key in file.keys() if key in keys}  # noqa: SIM118 - no mapping
        if path.suffix not in (".pth", ".pt"):
            raise TrunkError(f"{path}: unknown kind of weights file; name a .safetensors, .pth or .pt file")
        with warnings.catch_warnings(action="ignore"):  # problems with the file are reported below, in one line
            whole = torch.load(path, map_location="cpu", weights_only=True)
    except TrunkError:
        raise
    except FileNotFoundError:
        raise TrunkError(f"{path}: no such file; name a VGG19 weights file") from None
    except OSError as error:
        raise TrunkError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from None
    except pickle.UnpicklingError:
        raise TrunkError(
            f"{path}: damaged, or holds more than tensors; fetch it again, or save the network's state_dict() alone"
        ) from None
    except Exception as error:  # a damaged pickle may raise any kind of error
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise TrunkError(f"{path}: damaged, or not a state dictionary ({cause}); fetch it again") from None
    if not isinstance(whole, Mapping):
        raise TrunkError(f"{path}: holds a {type(whole).__name__}, not a state dictionary; name another file")
    return {key: tensor for key, tensor in whole.items() if key in keys and isinstance(tensor, Tensor)}


def feature_loss(trunk: Trunk, picture: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error between features (equation 5). Gradients flow to the picture only."""
    with torch.no_grad():
        wanted = trunk(target)
    return functional.mse_loss(trunk(picture), wanted)


def adversarial_loss(logits: Tensor) -> Tensor:
    """Return -log D of super-resolved pictures, from the discriminator's logits (N,) (equation 6)."""
    return functional.softplus(-logits).mean()


def discriminator_loss(logits: Tensor, photographs: bool) -> Tensor:
    """Return the binary cross-entropy of the discriminator's logits (N,) for photographs (target 1) or for
    super-resolved pictures (target 0); log 2 for one that knows nothing. Its whole loss is the sum over the two
    kinds."""
    return functional.softplus(-logits if photographs else logits).mean()


def without_screen(picture: Tensor, bicubic: Tensor, scale: int) -> Tensor:
    """Remove the screen from crops (N, 3, H, W): the pattern that repeats from small pixel to small pixel in what they
    hold beyond the bicubic enlargement, that is, its average over a crop's small pixels, minus its mean.

    A screen is removed to the last bit, and no gradient asks for one; detail that is unrelated to the small pixels is
    almost unchanged.
    """
    count, maps, height, width = picture.shape
    cells = (count, maps, height // scale, scale, width // scale, scale)
    screen = (picture - bicubic).reshape(cells).mean(dim=(2, 4))
    screen = screen - screen.mean(dim=(2, 3), keepdim=True)
    return picture - screen.repeat(1, 1, height // scale, width // scale)


def generator_terms(
    picture: Tensor,
    target: Tensor,
    trunk: Trunk,
    discriminator: nn.Module,
    pixel: str = "mse",
    seen: tuple[Tensor, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Return the unweighted terms 'pixel', 'feature' and 'adversarial' of the generator's loss, for its pictures.

    Gradients flow to the picture only: trunk, discriminator and target get none. pixel names one of PIXEL_LOSSES; seen:
    picture and target as trunk and discriminator see them (None: unchanged).
    """
    picture_seen, target_seen = seen or (picture, target)
    with _frozen(discriminator):
        logits = discriminator(picture_seen)
    return {
        "pixel": PIXEL_LOSSES[pixel](picture, target.detach()),
        "feature": feature_loss(trunk, picture_seen, target_seen),
        "adversarial": adversarial_loss(logits),
    }


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


@dataclass(frozen=True)
class TermScale:
    """The size of a term: its value, and the Euclidean norm of its gradient with respect to the generator's
    pictures."""

    value: float
    gradient: float


def pulls(picture: Tensor, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the gradient of each unweighted term with respect to the generator's output ``picture``.

    This does not go through the generator or change any ``.grad``: trunk and discriminator are backpropagated once, and
    ``picture.backward`` with the weighted sum of the pulls does the rest.
    """
    return {name: torch.autograd.grad(term, picture, retain_graph=True)[0] for name, term in terms.items()}


def term_scales(terms: Mapping[str, Tensor], pulled: Mapping[str, Tensor]) -> dict[str, TermScale]:
    """Return the sizes of the terms and of their pulls."""
    return {name: TermScale(term.item(), pulled[name].norm().item()) for name, term in terms.items()}


def gradient_shares(scales: Mapping[str, TermScale], weights: Mapping[str, float]) -> dict[str, float]:
    """Return each weighted term's fraction of the sum of gradient norms, 0 to 1; together 1."""
    norms = {name: weights[name] * scale.gradient for name, scale in scales.items()}
    total = sum(norms.values())
    if not total > 0:
        raise ValueError("no term has a gradient: there are no shares")
    return {name: norm / total for name, norm in norms.items()}


def balanced_weights(scales: Mapping[str, TermScale]) -> dict[str, float]:
    """Return factors that scale every term's value to that of 'pixel' (1), as equations 6 and 7 intend."""
    return {name: scales["pixel"].value / _above_zero(name, "value", scale.value) for name, scale in scales.items()}


def weights_for_shares(norms: Mapping[str, float], shares: Mapping[str, float]) -> dict[str, float]:
    """Return factors that give each term the wanted share of the gradient, from the terms' gradient norms, relative to
    'pixel' (1), whose share must be above 0. Equal values are not equal pulls: near its minimum the pixel term pulls
    little for its size."""
    unit = norms["pixel"] / _above_zero("pixel", "share", shares["pixel"])
    return {name: shares[name] * unit / _above_zero(name, "gradient", norm) for name, norm in norms.items()}


def _above_zero(name: str, what: str, value: float) -> float:
    if not value > 0:
        raise ValueError(f"the term '{name}' has a {what} of {value}: no factor can balance it")
    return value
