"""One process or several that train together.

Several are started by ``torchrun``; Hugging Face Accelerate (the extra ``train``) joins them. Each computes its part of
every batch, and gradients are averaged, so that they give what one process gives with the whole batch.
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
        """The module through which the forward pass goes, so that gradients are averaged."""
        return module

    def mean(self, value: float) -> float:
        """The mean of a number over all processes."""
        return value

    def first(self) -> AbstractContextManager[None]:
        """Within it the first process goes ahead, the others wait: for what is kept in files."""
        return nullcontext()

    def close(self) -> None:
        """Leave the group."""


class SeveralProcesses:
    """Those that torchrun started, joined by Accelerate, each with its own graphics card if `device` is CUDA. Same
    methods as OneProcess."""

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
    """Several where torchrun has set WORLD_SIZE above 1, else one. Raises TrainingError where only part of what it sets
    is there."""
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
    """This process's part of arrays whose first axis is the batch, on its device."""
    mine = (part[processes.rank :: processes.count].copy() for part in parts)
    return tuple(torch.from_numpy(part).to(processes.device) for part in mine)
