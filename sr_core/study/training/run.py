"""The training command: run from a settings file until finished, or resume another day."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from threadpoolctl import threadpool_limits

from sr_core.engine.engine import choose_device
from sr_core.files import keep_inputs
from sr_core.networks.cost import multiply_adds
from sr_core.networks.discriminator import Discriminator
from sr_core.networks.zoo import network_config
from sr_core.study.data.references import NATIVE, Split, data_root, load_split, load_tuning_references
from sr_core.study.training.config import TERMS, TrainingConfig, TrainingError, load_config
from sr_core.study.training.losses import choose_trunk
from sr_core.study.training.processes import Processes, join_processes
from sr_core.study.training.trainer import Trainer, run_files

DRY_ITERATIONS = 3
"""Iterations that a dry run times, after one that it does not time."""

DATA_CENTRE_FLOPS = 312e12 * 0.35
"""Operations per second of one data-centre GPU: an A100's bfloat16 peak, times the fraction that convolutions reach."""

TOGETHER = 10
"""After this many iterations several processes agree whether to stop."""


@dataclass(frozen=True)
class TrainingResult:
    """The state of a run: ``weights`` is the exported file once finished, or else None. Gain in dB on validation."""

    folder: Path
    step: int
    finished: bool
    gain_db: float | None
    weights: Path | None


@dataclass(frozen=True)
class TrainingCost:
    """The cost of a run: seconds per iteration on this machine, by the clock and in processor time; the number of
    validations and the seconds of each; the operations of all iterations; bytes of memory and of a checkpoint."""

    iterations: int
    seconds: float
    cpu_seconds: float
    validations: int
    validation_seconds: float
    operations: float
    memory: int
    disk: int

    def lines(self) -> list[str]:
        """Return the cost as lines for the user."""
        here, there = (_duration(s) for s in (self.seconds * self.iterations, self.operations / DATA_CENTRE_FLOPS))
        return [
            f"{self.iterations} iterations of {self.seconds:.2f} s: {here} on this machine "
            f"({self.cpu_seconds:.3f} s of processor time: {_duration(self.cpu_seconds * self.iterations)})",
            f"{self.validations} validations of {self.validation_seconds:.1f} s: "
            f"{_duration(self.validations * self.validation_seconds)} more",
            f"{self.operations / 1e15:.3g} peta-operations: about {there} on one data-centre GPU "
            f"(counted, at {DATA_CENTRE_FLOPS / 1e12:.0f} TFLOP/s; not measured)",
            f"{self.memory / 2**30:.1f} GiB of memory, {self.disk / 2**20:.0f} MiB a checkpoint",
        ]


def train(
    config_path: Path,
    data: Path | None = None,
    runs: Path = Path("runs"),
    threads: int | None = None,
    console: Console | None = None,
    checkpoint_seconds: float = 120.0,
    device: str = "auto",
) -> TrainingResult:
    """Train, or resume training, as a TOML file describes; the data folder is ``data`` or FUNDUSXR_DATA. `device`: auto
    (CUDA if available), cpu or cuda.

    Ctrl-C and SIGTERM end it after the current iteration, with a checkpoint. Raises UserError for a bad file, folder or
    value, and if the loss is no longer finite.
    """
    config = load_config(config_path)
    processes = join_processes(choose_device(device))
    console = console or Console(quiet=processes.rank > 0)
    trainer = _prepare(config_path, config, data, runs, threads, console, processes)
    try:
        trainer.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{trainer.folder}: cannot be made ({error.strerror}); free the place") from None
    if trainer.resume():
        told = f"resuming {trainer.folder} at iteration {trainer.step} of {config.iterations}"
        console.print(told, markup=False)
    with _stop_requested() as stop, _progress(trainer, console) as show:
        _iterate(trainer, stop, show, checkpoint_seconds)
    finished = trainer.step >= config.iterations
    weights = None
    if finished and processes.rank == 0:
        weights = trainer.export(f"fundusxr train {config_path}", load_split(config.split))
    told = f"finished: {weights}" if finished else f"stopped at iteration {trainer.step}; run again to go on"
    console.print(told, markup=False)
    processes.close()
    gain = trainer.curve[-1]["gain_db"] if trainer.curve else None
    return TrainingResult(trainer.folder, trainer.step, finished, gain, weights)


def cost(
    config_path: Path,
    data: Path | None = None,
    runs: Path = Path("runs"),
    threads: int | None = None,
    console: Console | None = None,
    iterations: int = DRY_ITERATIONS,
    device: str = "auto",
) -> TrainingCost:
    """Estimate the cost of the run from a few real iterations and one validation. Only the prepared references in
    ``runs/cache`` remain. An adversarial stage whose first stage has not been trained yet is timed without its weights.
    Raises UserError as ``train`` does."""
    config, console = load_config(config_path), console or Console()
    processes = join_processes(choose_device(device))
    trainer = _prepare(config_path, config, data, runs, threads, console, processes, untrained=True)
    trainer.train_step()
    began, cpu_began = time.monotonic(), time.process_time()
    for done in range(iterations):
        loss = trainer.train_step()
        console.print(f"iteration {done + 1} of {iterations}: loss {loss:.3f}, {time.monotonic() - began:.1f} s")
    seconds, cpu_seconds = (time.monotonic() - began) / iterations, (time.process_time() - cpu_began) / iterations
    began = time.monotonic()
    trainer.validate()
    validation = time.monotonic() - began
    count = -(-config.iterations // config.validate_every) + 1  # the last one is for the card
    size = sum(tensor.numel() * tensor.element_size() for tensor in trainer.stage.tensors().values())
    whole = operations(config) * config.iterations
    return TrainingCost(config.iterations, seconds, cpu_seconds, count, validation, whole, _peak_memory(), size)


def _peak_memory() -> int:
    """Return the most bytes that this process has used; 0 if the system does not say (Windows)."""
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def operations(config: TrainingConfig) -> float:
    """Return the multiplications and additions of one iteration; a backward pass counts as two forward passes."""
    edge = config.crop * config.scale
    count = 3 * multiply_adds(network_config(config.model, config.scale).build(), config.crop, config.crop)
    if config.adversarial:
        # Trunk: forward for photograph and picture, backward for the picture. Discriminator: forward and backward for
        # both, and once more for the picture.
        trunk = choose_trunk(Path(config.adversary.trunk) if config.adversary.trunk else None)
        count += 3 * multiply_adds(trunk, edge, edge)
        count += 8 * multiply_adds(Discriminator(config.adversary.discriminator), edge, edge)
    return 2.0 * count * config.batch


def _keep_inputs(config_path: Path, config: TrainingConfig, root: Path, split: Split, folder: Path) -> None:
    """Raise OutputError if files that a run leaves in its folder would overwrite its inputs."""
    named = [Path(name) for name in (config.split, config.adversary.start, config.adversary.trunk) if name]
    photographs = [root / name for part in (split.train, split.validation) for name in part]
    keep_inputs(run_files(folder, config), [config_path, *named, *photographs])


def _prepare(
    config_path: Path,
    config: TrainingConfig,
    data: Path | None,
    runs: Path,
    threads: int | None,
    console: Console,
    processes: Processes,
    untrained: bool = False,
) -> Trainer:
    if threads is not None:
        torch.set_num_threads(threads)
        threadpool_limits(threads, user_api="blas")  # NumPy's products, which cut the crops, have their own threads
    root, split = data_root(data), load_split(config.split)
    _keep_inputs(config_path, config, root, split, runs / config.name)
    if not split.train or not split.validation:
        raise TrainingError(f"split {config.split}: no training or no validation images; it needs both")
    console.print(f"preparing {len(split.train)} training and {len(split.validation)} validation images")
    with processes.first():
        groups = [
            load_tuning_references(root, photographs(config, split, side), runs / "cache", side)
            for side in config.short_sides
        ]
        validation = load_tuning_references(root, split.validation, runs / "cache")
    return Trainer(config, groups, validation, runs / config.name, processes, untrained)


def photographs(config: TrainingConfig, split: Split, side: int) -> tuple[str, ...]:
    """Return the split's training photographs to cut from at a short side. If the network learns to undo JPEG's damage,
    the photographs' own size is used only for the sets that hold detail there, not their own blocks."""
    if config.degradation != "file" or side != NATIVE or not split.sharp:
        return split.train
    return tuple(name for name in split.train if name.split("/")[0] in split.sharp)


def _iterate(trainer: Trainer, stop: threading.Event, show: Callable[[float], None], checkpoint_seconds: float) -> None:
    saved = time.monotonic()
    while trainer.step < trainer.config.iterations and not _all_stop(trainer, stop):
        show(trainer.train_step())
        if time.monotonic() - saved > checkpoint_seconds:
            trainer.save()
            saved = time.monotonic()
    trainer.save()


def _all_stop(trainer: Trainer, stop: threading.Event) -> bool:
    """Whether any process was asked to stop; all must end at the same iteration."""
    if trainer.processes.count == 1:
        return stop.is_set()
    return trainer.step % TOGETHER == 0 and trainer.processes.mean(float(stop.is_set())) > 0


@contextmanager
def _stop_requested() -> Iterator[threading.Event]:
    """Yield an event set by Ctrl-C and SIGTERM; outside the main thread, where Python allows no handlers, it is never
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
    """Yield a function that shows each iteration's loss: a live bar on a terminal, or else a plain line at each
    validation."""
    config, began, first, shown = trainer.config, time.monotonic(), trainer.step, len(trainer.curve)

    def line() -> None:
        nonlocal shown
        for entry in trainer.curve[shown:]:
            left = (time.monotonic() - began) / (trainer.step - first) * (config.iterations - trainer.step)
            console.print(_told(entry, config), f"{_duration(left)} left", soft_wrap=True, markup=False)
        shown = len(trainer.curve)

    if not console.is_terminal:
        yield lambda _loss: line()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:.1f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(config.name, total=config.iterations, completed=trainer.step)

        def update(loss: float) -> None:
            line()
            gain = f", gain {trainer.curve[-1]['gain_db']:+.3f} dB" if trainer.curve else ""
            bar.update(task, completed=trainer.step, description=f"{config.name}: loss {loss:.3f}{gain}")

        yield update


def _told(entry: dict, config: TrainingConfig) -> str:
    """Return a point of the curve as a line."""
    text = (
        f"{entry['step']}/{config.iterations} loss {entry['loss']:.4g} "
        f"PSNR {entry['psnr_db']:.2f} dB, gain {entry['gain_db']:+.3f} dB "
        f"(over W+ {entry['gain_over_pseudo_inverse_db']:+.3f}), "
    )
    if "discriminator" in entry:
        known = [entry[f"{name}_share"] for name in TERMS if f"{name}_share" in entry]
        shares = "/".join(f"{share:.0%}" for share in known) or "not yet worked out"
        text += (
            f"features {entry['feature']:.4g}, adversary {entry['adversarial']:.3f}, shares {shares}, "
            f"discriminator {entry['discriminator']:.3f} ({entry['discriminator_right']:.0%} right), "
        )
    return text + f"cpu {entry['cpu_seconds'] / 60:.1f} min,"


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"
