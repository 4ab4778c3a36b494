"""Training of a generator on pixels (L1): resumable, repeatable, and never left with broken weights.

A run lives in ``runs/NAME``: ``checkpoint.safetensors`` (weights, their moving average, the optimiser's
moments; step, sampler's state and processor time in the file's metadata), ``curve.jsonl``, ``curve.png``, and
at the end ``MODEL-xSCALE.safetensors`` with its card ``MODEL-xSCALE.json``. Started again, a run goes on from
its checkpoint and gives bit for bit the same curve as one never interrupted (on a processor, same thread
count).
"""

import json
import math
import os
import signal
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sr_core.errors import UserError
from sr_core.image.photograph import save_picture
from sr_core.networks.rdb_srgan import RdbSrgan
from sr_core.networks.zoo import network_config
from sr_core.study.curve import curve_picture
from sr_core.study.data import (
    CropSampler,
    Reference,
    Split,
    data_root,
    load_split,
    load_tuning_references,
)
from sr_core.study.evaluation import Score, bare_network, evaluate


class TrainingError(UserError):
    """A training that cannot start or go on: the file, the cause, the cure."""


@dataclass(frozen=True)
class TrainingConfig:
    """A training run, read from TOML: every key is required, none else is known.

    name: the run's folder; model, scale: the network (see zoo); split: a bundled split's name or a JSON file;
    iterations; batch: crops an iteration; crop: their side in small-image pixels; learning_rate: Adam's peak,
    reached after ``warmup`` iterations, falling to 0 along a cosine; ema: decay of the moving average of the
    weights that is validated and shipped; validate_every: iterations; seed.
    """

    name: str
    model: str
    scale: int
    split: str
    iterations: int
    batch: int
    crop: int
    learning_rate: float
    warmup: int
    ema: float
    validate_every: int
    seed: int


@dataclass(frozen=True)
class TrainingResult:
    """Where a run stands: ``weights`` is the exported file once finished, else None. Gain in dB on
    validation."""

    folder: Path
    step: int
    finished: bool
    gain_db: float | None
    weights: Path | None


def load_config(path: Path) -> TrainingConfig:
    """Read and check a training's TOML file. Raises TrainingError naming the file and the key."""
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror}); check its name") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path}: not a TOML file ({error}); see assets/configs for examples") from None
    kinds = {field.name: field.type for field in fields(TrainingConfig)}
    for key in table:
        if key not in kinds:
            raise TrainingError(f"{path}: unknown key '{key}'; the keys are {', '.join(kinds)}")
    for key, kind in kinds.items():
        if key not in table:
            raise TrainingError(f"{path}: key '{key}' is missing; see assets/configs for examples")
        if type(table[key]) is not kind and not (kind is float and type(table[key]) is int):
            raise TrainingError(f"{path}: '{key}' is {table[key]!r}; it must be of type {kind.__name__}")
    _check_values(path, table)
    return TrainingConfig(**table)


def _check_values(path: Path, table: dict[str, Any]) -> None:
    for key in ("iterations", "batch", "crop", "validate_every", "learning_rate"):
        if not table[key] > 0 or math.isinf(table[key]):
            raise TrainingError(f"{path}: '{key}' is {table[key]}; it must be above 0")
    if table["warmup"] < 0 or table["seed"] < 0:
        raise TrainingError(f"{path}: 'warmup' and 'seed' must not be below 0")
    if not 0 <= table["ema"] < 1:
        raise TrainingError(f"{path}: 'ema' is {table['ema']}; it must be at least 0 and below 1")
    if not table["name"] or Path(table["name"]).name != table["name"] or table["name"] in (".", ".."):
        raise TrainingError(f"{path}: 'name' is {table['name']!r}; it must be a plain folder name")
    network_config(table["model"], table["scale"])


class Trainer:
    """One run's network, optimiser and state. ``step`` counts finished iterations."""

    def __init__(
        self,
        config: TrainingConfig,
        train: Sequence[Reference],
        validation: Sequence[Reference],
        folder: Path,
    ) -> None:
        self.config, self.folder, self.step = config, folder, 0
        self.curve: list[dict[str, Any]] = []
        torch.manual_seed(config.seed)
        self._rng = np.random.default_rng(config.seed)
        sizes = network_config(config.model, config.scale)
        # channels_last measures a third faster than NCHW; bfloat16 measures slower than float32 in training.
        self._net = RdbSrgan(sizes).to(memory_format=torch.channels_last)
        self._average = RdbSrgan(sizes).to(memory_format=torch.channels_last)
        self._average.load_state_dict(self._net.state_dict())
        self._average.eval().requires_grad_(False)
        self._adam = torch.optim.Adam(self._net.parameters(), lr=config.learning_rate, betas=(0.9, 0.999))
        self._sampler = CropSampler(train, config.scale, config.crop)
        self._validation = validation
        self._loss_sum, self._loss_count = 0.0, 0
        self._cpu_before, self._cpu_start = 0.0, time.process_time()

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.safetensors"

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all threads, in this and in earlier sittings, loading of the data left out."""
        return self._cpu_before + time.process_time() - self._cpu_start

    def rate(self) -> float:
        """Adam's learning rate at this step: linear warm-up, then a cosine down to 0. Depends on the step
        alone, so a run may be resumed with another number of iterations."""
        config = self.config
        warm = min((self.step + 1) / config.warmup, 1.0) if config.warmup else 1.0
        return config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * self.step / config.iterations))

    def train_step(self) -> float:
        """One iteration; the L1 loss in grey levels. Raises TrainingError where it is not finite, before the
        weights change."""
        small, residual = (
            torch.from_numpy(part).permute(0, 3, 1, 2)
            for part in self._sampler.draw(self._rng, self.config.batch)
        )
        loss = (self._net(small) - residual).abs().mean()
        value = loss.item() * 255
        if not math.isfinite(value):
            raise TrainingError(
                f"{self.folder}: the loss is not finite at iteration {self.step}; "
                "the last checkpoint is kept, lower 'learning_rate' and start again"
            )
        for group in self._adam.param_groups:
            group["lr"] = self.rate()
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        self._adam.step()
        self.step += 1
        self._loss_sum += value
        self._loss_count += 1
        self._follow()
        if self.step % self.config.validate_every == 0 or self.step == self.config.iterations:
            self._record()
        return value

    def _follow(self) -> None:
        """Move the average; its decay grows from 0, so that the first weights do not weigh for ever."""
        decay = min(self.config.ema, self.step / (self.step + 10))
        with torch.no_grad():
            for mean, now in zip(self._average.parameters(), self._net.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)

    def validate(self) -> list[Score]:
        """Scores of the averaged weights on the validation references."""
        return evaluate(self._validation, self.config.scale, bare_network(self._average))

    def _record(self) -> None:
        scores = self.validate()
        entry = {
            "step": self.step,
            "loss": self._loss_sum / self._loss_count,
            "rate": self.rate(),
            "psnr_db": float(np.mean([score.psnr for score in scores])),
            "gain_db": float(np.mean([score.gain for score in scores])),
            "gain_over_pseudo_inverse_db": float(np.mean([s.gain_over_pseudo_inverse for s in scores])),
            "cpu_seconds": round(self.cpu_seconds, 1),
        }
        self._loss_sum, self._loss_count = 0.0, 0
        self.curve.append(entry)

    def save(self) -> None:
        """Write the checkpoint, whole or not at all, and the curve. Raises TrainingError where weights are
        not finite (the earlier checkpoint stays) or the folder cannot be written."""
        tensors = {f"net.{k}": v for k, v in self._net.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self._average.state_dict().items()}
        for name, parameter in self._net.named_parameters():
            for moment in ("exp_avg", "exp_avg_sq"):
                if parameter in self._adam.state:
                    tensors[f"{moment}.{name}"] = self._adam.state[parameter][moment]
        if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
            raise TrainingError(
                f"{self.folder}: weights are not finite at iteration {self.step}; "
                "the last checkpoint is kept, lower 'learning_rate' and start again"
            )
        state = {
            "step": self.step,
            "rng": self._rng.bit_generator.state,
            "cpu_seconds": self.cpu_seconds,
            "loss_sum": self._loss_sum,
            "loss_count": self._loss_count,
            "curve": self.curve,
            "config": asdict(self.config),
        }
        tensors = {key: value.contiguous() for key, value in tensors.items()}
        _write(self.checkpoint, safetensors.torch.save(tensors, {"state": json.dumps(state)}))
        lines = "".join(json.dumps(entry) + "\n" for entry in self.curve)
        _write(self.folder / "curve.jsonl", lines.encode())
        save_picture(self.folder / "curve.png", curve_picture(self.curve))

    def resume(self) -> bool:
        """Go on from the folder's checkpoint if there is one. Raises TrainingError for one of another network
        or split and for a damaged one."""
        if not self.checkpoint.is_file():
            return False
        try:
            tensors = safetensors.torch.load_file(self.checkpoint)
            with safetensors.safe_open(self.checkpoint, "pt") as file:
                state = json.loads(file.metadata()["state"])
            for key in ("model", "scale", "split", "seed"):
                if state["config"][key] != getattr(self.config, key):
                    raise TrainingError(
                        f"{self.checkpoint}: of a run with {key} {state['config'][key]}; "
                        "give this run another 'name' or delete the folder"
                    )
            self._restore(tensors, state)
        except (safetensors.SafetensorError, KeyError, ValueError, TypeError, RuntimeError, OSError) as error:
            if isinstance(error, TrainingError):
                raise
            cause = " ".join(str(error).split())
            raise TrainingError(f"{self.checkpoint}: damaged ({cause}); delete it to start again") from None
        return True

    def _restore(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        for prefix, module in (("net.", self._net), ("average.", self._average)):
            module.load_state_dict(
                {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            )
        for name, parameter in self._net.named_parameters():
            if state["step"]:
                self._adam.state[parameter] = {"step": torch.tensor(float(state["step"]))} | {
                    moment: torch.zeros_like(parameter).copy_(tensors[f"{moment}.{name}"])
                    for moment in ("exp_avg", "exp_avg_sq")
                }
        self.step, self.curve = state["step"], state["curve"]
        self._loss_sum, self._loss_count = state["loss_sum"], state["loss_count"]
        self._rng.bit_generator.state = state["rng"]
        self._cpu_before, self._cpu_start = state["cpu_seconds"], time.process_time()

    def export(self, command: str, split: Split) -> Path:
        """Write the averaged weights and their card into the run's folder; the weights' path."""
        config, scores = self.config, self.validate()
        weights = self.folder / f"{config.model}-x{config.scale}.safetensors"
        card = {
            "network": asdict(network_config(config.model, config.scale)),
            "parameters": sum(p.numel() for p in self._net.parameters()),
            "output": "residual over bicubic (a = -0.5), input 0..1",
            "data": split.about,
            "split": config.split,
            "training_images": len(split.train),
            "validation": {
                "images": [score.name for score in scores],
                "psnr_db": [round(score.psnr, 3) for score in scores],
                "gain_over_bicubic_db": [round(score.gain, 3) for score in scores],
                "gain_over_pseudo_inverse_db": [round(score.gain_over_pseudo_inverse, 3) for score in scores],
                "where": "inside the field of view, network alone, without consistency projection",
            },
            "loss": "L1",
            "training": asdict(config),
            "cpu_minutes": round(self.cpu_seconds / 60, 1),
            "command": command,
        }
        tensors = {key: value.contiguous() for key, value in self._average.state_dict().items()}
        _write(weights, safetensors.torch.save(tensors))
        _write(weights.with_suffix(".json"), (json.dumps(card, indent=1) + "\n").encode())
        return weights


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise TrainingError(f"{path}: cannot be written ({error.strerror}); free the place") from None


def train(
    config_path: Path,
    data: Path | None = None,
    runs: Path = Path("runs"),
    threads: int | None = None,
    console: Console | None = None,
    checkpoint_seconds: float = 120.0,
) -> TrainingResult:
    """Train, or go on training, what a TOML file describes; the data folder is ``data`` or FUNDUSXR_DATA.

    Ctrl-C and SIGTERM end it after the running iteration, with a checkpoint. Raises UserError for a bad file,
    folder or value and where the loss is no longer finite.
    """
    config = load_config(config_path)
    console = console or Console()
    if threads is not None:
        torch.set_num_threads(threads)
    root, split = data_root(data), load_split(config.split)
    folder = runs / config.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{folder}: cannot be made ({error.strerror}); free the place") from None
    console.print(f"preparing {len(split.train)} training and {len(split.validation)} validation images")
    references = [
        load_tuning_references(root, part, runs / "cache") for part in (split.train, split.validation)
    ]
    trainer = Trainer(config, *references, folder)
    if trainer.resume():
        console.print(f"resuming {folder} at iteration {trainer.step} of {config.iterations}")
    with _stop_requested() as stop, _progress(trainer, console) as show:
        _iterate(trainer, stop, show, checkpoint_seconds)
    finished = trainer.step >= config.iterations
    weights = trainer.export(f"fundusxr train {config_path}", split) if finished else None
    console.print(
        f"finished: {weights}" if finished else f"stopped at iteration {trainer.step}; run again to go on"
    )
    gain = trainer.curve[-1]["gain_db"] if trainer.curve else None
    return TrainingResult(folder, trainer.step, finished, gain, weights)


def _iterate(
    trainer: Trainer, stop: threading.Event, show: Callable[[float], None], checkpoint_seconds: float
) -> None:
    saved = time.monotonic()
    while trainer.step < trainer.config.iterations and not stop.is_set():
        show(trainer.train_step())
        if time.monotonic() - saved > checkpoint_seconds:
            trainer.save()
            saved = time.monotonic()
    trainer.save()


@contextmanager
def _stop_requested() -> Iterator[threading.Event]:
    """An event set by Ctrl-C and SIGTERM; outside the main thread, where Python takes no handlers, never
    set."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stop.set()) for number in signals]
    try:
        yield stop
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _progress(trainer: Trainer, console: Console) -> Iterator[Callable[[float], None]]:
    """Shows each iteration's loss: a live bar on a terminal, else a plain line at each validation."""
    config, began, first, shown = trainer.config, time.monotonic(), trainer.step, len(trainer.curve)

    def line() -> None:
        nonlocal shown
        for entry in trainer.curve[shown:]:
            left = (time.monotonic() - began) / (trainer.step - first) * (config.iterations - trainer.step)
            console.print(
                f"{entry['step']}/{config.iterations} loss {entry['loss']:.3f} "
                f"gain {entry['gain_db']:+.3f} dB (over W+ {entry['gain_over_pseudo_inverse_db']:+.3f}), "
                f"cpu {entry['cpu_seconds'] / 60:.1f} min, {left / 60:.0f} min left",
                soft_wrap=True,
            )
        shown = len(trainer.curve)

    if not console.is_terminal:
        yield lambda _loss: line()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.1f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(config.name, total=config.iterations, completed=trainer.step)

        def update(loss: float) -> None:
            line()
            gain = f", gain {trainer.curve[-1]['gain_db']:+.3f} dB" if trainer.curve else ""
            bar.update(task, completed=trainer.step, description=f"{config.name}: loss {loss:.3f}{gain}")

        yield update
