"""The settings of a training run, read from a TOML file and checked."""

import math
import re
import tomllib
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_args

from sr_core.errors import UserError
from sr_core.networks.discriminator import LEAST_SIDE
from sr_core.networks.names import BEGINS_AS, STARTS_FROM
from sr_core.networks.zoo import network_config
from sr_core.study.training.losses import PIXEL_LOSSES

SCHEDULES = ("cosine", "step")
PRECISIONS = ("float32", "bfloat16")
DEGRADATIONS = ("bicubic", "field", "file")
TERMS = ("pixel", "feature", "adversarial")


RANGES = {
    "iterations": (1, 10**9),
    "batch": (1, 4096),
    "crop": (1, 4096),
    "candidates": (1, 1000),
    "validate_every": (1, 10**9),
    "warmup": (0, 10**9),
    "seed": (0, 2**63 - 1),
    "discriminator": (1, 512),
    "learning_rate": (1e-12, 1.0),
}
"""The minimum and maximum of each number: beyond them no machine would finish, or a library would fail."""

MOST_PIXELS = 2**27
"""The most pixels in a batch's crops, counted in the photographs: 8 times the paper's batch at x8."""

LEAST_SHORT_SIDE = 64


class TrainingError(UserError):
    """A training run that cannot start or continue: the file, the cause, the cure."""


@dataclass(frozen=True)
class AdversaryConfig:
    """The settings of the adversarial stage.

    start: the weights file it begins from (empty: the bundled ones); trunk: a VGG19 weights file (empty: the VGG16 of
    the extra ``perceptual``); discriminator: feature maps of its first layer; weights: factors of the terms pixel,
    feature, adversarial; or else shares: the fraction of the gradient that each should have, from which the factors are
    computed on the first crops; judge_until: the discriminator rests while it is right about more than this fraction of
    the crops; against_screens: trunk and discriminator see photographs and pictures without the pattern that repeats
    from small pixel to small pixel in a crop.
    """

    start: str = ""
    trunk: str = ""
    discriminator: int = 64
    weights: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    judge_until: float = 1.0
    against_screens: bool = False


@dataclass(frozen=True)
class TrainingConfig:
    """A training run.

    name: the run's folder; model, scale: the network (see zoo), whose name also determines the stage: models that start
    from another's weights have an adversary; split: a bundled split's name or a JSON file; short_sides: the sizes of
    the references that crops are cut from, in pixels (0: the photographs' own), half of the crops from the first;
    iterations; batch: crops per iteration, divided among the processes; crop: their side in small-image pixels;
    degradation: how small pictures are made from references, 'bicubic', 'field' (such a network restores, and is not
    held to agree with its input) or 'file' (clean, or as JPEG files deliver them; for a network that takes the file's
    coding as input); candidates: crops drawn for each one used, the one with bicubic's largest error (1: no choice);
    loss: 'l1', 'mse' or 'charbonnier'; learning_rate: Adam's, reached after ``warmup`` iterations, then following a
    ``schedule``: 'cosine' down to 0, or 'step' to a tenth at half time; ema: decay of the moving average of the
    weights, which is validated and shipped; validate_every: iterations; seed; precision: 'float32' or 'bfloat16'
    (autocast); adversary: for the adversarial stage alone. Its keys stand beside the others in the file.
    """

    name: str
    model: str
    scale: int
    split: str
    short_sides: tuple[int, ...]
    iterations: int
    batch: int
    crop: int
    loss: str
    learning_rate: float
    warmup: int
    ema: float
    validate_every: int
    seed: int
    candidates: int = 1
    degradation: str = "bicubic"
    schedule: str = "cosine"
    precision: str = "float32"
    adversary: AdversaryConfig = AdversaryConfig()

    @property
    def table(self) -> dict[str, Any]:
        """The values by their keys, as in the file."""
        own = asdict(self)
        return {**own, **own.pop("adversary")}

    @property
    def adversarial(self) -> bool:
        """Whether this is the second stage, which has a discriminator."""
        return self.model in STARTS_FROM

    def rate(self, step: int) -> float:
        """Return Adam's learning rate at a step. It depends on the step alone, so a run can be resumed with another
        number of iterations."""
        warm = min((step + 1) / self.warmup, 1.0) if self.warmup else 1.0
        if self.schedule == "step":
            return self.learning_rate * warm * (1.0 if step < self.iterations / 2 else 0.1)
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / self.iterations))


ADVERSARY_KEYS = {field.name: field for field in fields(AdversaryConfig)}
KEYS = {field.name: field for field in fields(TrainingConfig) if field.name != "adversary"} | ADVERSARY_KEYS


def load_config(path: Path) -> TrainingConfig:
    """Read and check a training run's TOML file. Raises TrainingError naming the file and the key."""
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror}); check its name") from None
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits, and deeply nested brackets
        raise TrainingError(f"{path}: not a TOML file ({error}); see assets/configs for examples") from None
    for key in table:
        if key not in KEYS:
            raise TrainingError(f"{path}: unknown key '{key}'; the keys are {', '.join(KEYS)}")
    for key, field in KEYS.items():
        if key not in table and field.default is MISSING:
            raise TrainingError(f"{path}: key '{key}' is missing; see assets/configs for examples")
        if key in table and not _fits(table[key], field.type):
            name = getattr(field.type, "__name__", str(field.type))
            name = "list of numbers" if name == "tuple" else name
            raise TrainingError(f"{path}: '{key}' is {table[key]!r}; it must be of type {name}")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    adversary = AdversaryConfig(**{key: values.pop(key) for key in ADVERSARY_KEYS if key in values})
    config = TrainingConfig(**values, adversary=adversary)
    _check_values(path, config)
    _check_stage(path, config)
    return config


def _are_factors(given: tuple[float, ...]) -> bool:
    return given[0] > 0 and all(0 <= factor < math.inf for factor in given)


def _fits(value: Any, kind: Any) -> bool:
    if kind in (tuple[int, ...], tuple[float, ...]):
        return isinstance(value, list) and all(_fits(item, get_args(kind)[0]) for item in value)
    return type(value) is kind or (kind is float and type(value) is int)


def _check_values(path: Path, config: TrainingConfig) -> None:
    table = config.table
    for key, (least, most) in RANGES.items():
        if not least <= table[key] <= most:
            raise TrainingError(f"{path}: '{key}' is {_shown(table[key])}; it must be from {least} to {most}")
    _check_network(path, config)
    pixels = config.batch * (config.crop * config.scale) ** 2
    if pixels > MOST_PIXELS:
        raise TrainingError(
            f"{path}: {config.batch} crops of {config.crop * config.scale} pixels a side are more than "
            f"{MOST_PIXELS >> 20} megapixels; lower 'batch' or 'crop'"
        )
    if not 0 <= config.ema < 1:
        raise TrainingError(f"{path}: 'ema' is {config.ema}; it must be at least 0 and below 1")
    until = config.adversary.judge_until
    if not 0.5 <= until <= 1:
        raise TrainingError(f"{path}: 'judge_until' is {until}; it must be from 0.5 to 1 (never rests)")
    if not config.short_sides or not all(side == 0 or LEAST_SHORT_SIDE <= side <= 2**16 for side in config.short_sides):
        raise TrainingError(
            f"{path}: 'short_sides' must name at least one size in pixels, {LEAST_SHORT_SIDE} or more "
            "(0: the photographs' own)"
        )
    if not re.fullmatch(r"\w([\w .+@-]{,98}[\w+@-])?", config.name) or config.name == "cache":
        raise TrainingError(
            f"{path}: 'name' is {config.name[:80]!r}; it must be a plain folder name of letters, digits and . _ - + @, "
            "and not that of the cache"
        )
    for key in ("split", "start", "trunk"):
        if "\0" in table[key]:
            raise TrainingError(f"{path}: '{key}' is {table[key]!r}, not a file name")
    if (config.model in BEGINS_AS) != (config.degradation == "file"):
        raise TrainingError(
            f"{path}: degradation '{config.degradation}' does not go with {config.model}; "
            f"'file' belongs to {', '.join(BEGINS_AS)} and to no other"
        )
    for key, known in (
        ("loss", PIXEL_LOSSES),
        ("schedule", SCHEDULES),
        ("precision", PRECISIONS),
        ("degradation", DEGRADATIONS),
    ):
        if table[key] not in known:
            raise TrainingError(f"{path}: '{key}' is {table[key]!r}; choose {', '.join(known)}")


def _shown(value: float) -> str:
    """Return a number for a message, truncated."""
    text = str(value) if isinstance(value, float) or abs(value) < 10**20 else "larger than any machine counts"
    return text[:40]


def _check_network(path: Path, config: TrainingConfig) -> None:
    try:
        network_config(config.model, config.scale)
    except UserError as error:
        raise TrainingError(f"{path}: {error}") from None


def _check_stage(path: Path, config: TrainingConfig) -> None:
    """Check that the keys of the adversarial stage are present in that stage and absent in any other."""
    adversary = config.adversary
    if not config.adversarial:
        extra = [key for key, field in ADVERSARY_KEYS.items() if getattr(adversary, key) != field.default]
        if extra:
            raise TrainingError(
                f"{path}: '{extra[0]}' belongs to the adversarial stage, which {config.model} does not have; "
                f"leave it out, or choose {', '.join(STARTS_FROM)}"
            )
        return
    given = adversary.weights or adversary.shares
    if bool(adversary.weights) == bool(adversary.shares) or len(given) != len(TERMS) or not _are_factors(given):
        raise TrainingError(
            f"{path}: give either 'weights' or 'shares', three numbers for {', '.join(TERMS)}: the first above 0, none "
            "below"
        )
    if config.crop * config.scale < LEAST_SIDE:
        raise TrainingError(
            f"{path}: crops of {config.crop * config.scale} pixels are too small for the discriminator; "
            f"set 'crop' to {-(-LEAST_SIDE // config.scale)} at least"
        )
