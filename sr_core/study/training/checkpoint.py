"""Checkpoints: safetensors with the state as JSON in their metadata. Nothing is pickled or half written."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from sr_core.files import whole_file
from sr_core.study.training.config import TrainingError

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def named_tensors(prefix: str, module: nn.Module, optimiser: torch.optim.Adam | None = None) -> dict[str, Tensor]:
    """Return a module's tensors, and its optimiser's moments, by name."""
    tensors = {f"{prefix}.{key}": value for key, value in module.state_dict().items()}
    for name, parameter in module.named_parameters():
        for moment in _MOMENTS:
            if optimiser is not None and parameter in optimiser.state:
                tensors[f"{prefix}:{moment}.{name}"] = optimiser.state[parameter][moment]
    return tensors


def restore(
    tensors: Mapping[str, Tensor], prefix: str, module: nn.Module, optimiser: torch.optim.Adam | None = None
) -> None:
    """Restore what ``named_tensors`` returned. Raises KeyError or RuntimeError if anything is missing or has the wrong
    shape."""
    start = f"{prefix}."
    module.load_state_dict({k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)})
    if optimiser is None or not any(key.startswith(f"{prefix}:") for key in tensors):
        return
    for name, parameter in module.named_parameters():
        kept = {moment: tensors[f"{prefix}:{moment}.{name}"] for moment in _MOMENTS}
        # Moments in their parameter's own memory order: otherwise the sums would differ in their last bit.
        optimiser.state[parameter] = {
            moment: torch.zeros_like(parameter).copy_(value) if value.ndim else value.clone()
            for moment, value in kept.items()
        }


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write a checkpoint. Raises TrainingError if a tensor is not finite or the file cannot be written; an earlier
    checkpoint then stays unchanged."""
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise TrainingError(
            f"{path.parent}: weights are not finite at iteration {state['step']}; "
            f"{what_stays(path)}lower 'learning_rate' and start again"
        )
    whole = {key: value.cpu().contiguous() for key, value in tensors.items()}
    text = json.dumps(state)
    write_whole(path, safetensors.torch.save(whole, {"state": text, "sha256": _digest(whole, text)}))


def _digest(tensors: Mapping[str, Tensor], state: str) -> str:
    """Return the hexadecimal SHA-256 of everything in a checkpoint: otherwise a run would silently continue from
    flipped bytes."""
    digest = hashlib.sha256(state.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors and state. Raises TrainingError for a damaged file."""
    try:
        tensors = safetensors.torch.load_file(path)
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata()
        if metadata.get("sha256", digest := _digest(tensors, metadata["state"])) != digest:
            raise ValueError("its checksum is another")
        return tensors, json.loads(metadata["state"])
    except (safetensors.SafetensorError, AttributeError, KeyError, ValueError, TypeError, OSError) as error:
        raise damaged(path, error) from None


def what_stays(path: Path) -> str:
    """Return half a sentence on the checkpoint that a failed run can resume from, if there is one."""
    return "the last checkpoint is kept, " if path.is_file() else ""


def damaged(path: Path, error: Exception) -> TrainingError:
    """Return the error for an unusable checkpoint."""
    return TrainingError(f"{path}: damaged ({' '.join(str(error).split())}); delete it to start again")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file completely or not at all. Raises TrainingError without space or permission."""
    try:
        with whole_file(path) as file:
            file.write(data)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written ({error.strerror}); free the place and run again") from None
