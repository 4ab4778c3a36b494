"""One process, or several that train together.

``torchrun`` starts several; Hugging Face Accelerate (the extra ``train``) connects them. Each computes its part of
every batch, and gradients are averaged, so that the result is that of one process with the whole batch.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from sr_core.study.training.config import TrainingError


class OneProcess:
    """The usual case. `device`: where the networks and batches lie (None: the processor)."""

    rank, count = 0, 1

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device or torch.device("cpu")

    def prepare(self, module: nn.Module) -> nn.Module:
        """Return the module to use for the forward pass, so that gradients are averaged."""
        return module

    def mean(self, value: float) -> float:
        """Return the mean of a number over all processes."""
        return value

    def first(self) -> AbstractContextManager[None]:
        """A context in which the first process goes ahead and the others wait: for anything cached in files."""
        return nullcontext()

    def close(self) -> None:
        """Leave the group."""


class SeveralProcesses:
    """The processes that torchrun started, connected by Accelerate, each with its own graphics card if `device` is
    CUDA. It has the methods of OneProcess."""

    def __init__(self, device: torch.device) -> None:
        try:
            from accelerate import Accelerator
        except ImportError:
            raise TrainingError(
                "several processes need Accelerate; install the extra: pip install 'fundusxr[train]'"
            ) from None
        self._accelerator = Accelerator(cpu=device.type == "cpu")
        self.device = self._accelerator.device
        self.rank, self.count = self._accelerator.process_index, self._accelerator.num_processes

    def prepare(self, module: nn.Module) -> nn.Module:
        return self._accelerator.prepare(module)

    def mean(self, value: float) -> float:
        there = torch.tensor(value, dtype=torch.float64, device=self.device)
        mean: Any = self._accelerator.reduce(there, "mean")
        return mean.item()

    def first(self) -> AbstractContextManager[None]:
        return self._accelerator.main_process_first()

    def close(self) -> None:
        self._accelerator.end_training()


Processes = OneProcess | SeveralProcesses


def join_processes(device: torch.device) -> Processes:
    """Return several processes if torchrun has set WORLD_SIZE above 1, or else one. Raises TrainingError if only some
    of its variables are set."""
    count = os.environ.get("WORLD_SIZE", "1")
    if not count.isdecimal():
        raise TrainingError(f"WORLD_SIZE is {count!r}, not a number of processes; start with torchrun, or unset it")
    if int(count) <= 1:
        return OneProcess(device)
    missing = [name for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if missing:
        raise TrainingError(f"WORLD_SIZE is {count}, but {missing[0]} is not set; start with torchrun, or unset it")
    return SeveralProcesses(device)


def share(parts: Sequence[Any], processes: Processes) -> tuple[Tensor, ...]:
    """Return this process's part of arrays whose first axis is the batch, on its device."""
    mine = (part[processes.rank :: processes.count].copy() for part in parts)
    return tuple(torch.from_numpy(part).to(processes.device) for part in mine)
