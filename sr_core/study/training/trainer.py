"""A training run: resumable, repeatable, and never left with broken weights.

A run lives in ``runs/NAME``: ``checkpoint.safetensors`` (weights, their moving average, the optimisers' moments; step,
sampler's state and processor time in the file's metadata), ``curve.jsonl``, ``curve.png``, and at the end
``MODEL-xSCALE.safetensors`` with its card ``MODEL-xSCALE.json``. When started again, a run resumes from its checkpoint
and gives bit for bit the same curve as an uninterrupted one (on a processor, with the same thread count).
"""

import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from sr_core.image.provenance import of_figure
from sr_core.image.saving import save_picture
from sr_core.networks.cost import parameters
from sr_core.networks.generator import channels_last
from sr_core.networks.zoo import network_config
from sr_core.study.comparison.coded import CODINGS, evaluate_coded
from sr_core.study.comparison.evaluation import Score, bare_network, evaluate
from sr_core.study.comparison.metrics import scored_pixels
from sr_core.study.data.file_crops import FileCropSampler
from sr_core.study.data.references import CropSampler, Reference, Split, degrade_reference, shrink_reference
from sr_core.study.training.checkpoint import (
    damaged,
    load_checkpoint,
    named_tensors,
    restore,
    save_checkpoint,
    what_stays,
    write_whole,
)
from sr_core.study.training.config import TrainingConfig, TrainingError
from sr_core.study.training.curve import curve_picture
from sr_core.study.training.processes import OneProcess, Processes, share
from sr_core.study.training.stages import AdversarialStage, Crops, PixelStage

CHECKPOINT, CURVE, PICTURE = "checkpoint.safetensors", "curve.jsonl", "curve.png"

SAME = (
    "model",
    "scale",
    "split",
    "short_sides",
    "batch",
    "crop",
    "candidates",
    "degradation",
    "loss",
    "seed",
    "start",
    "trunk",
    "discriminator",
    "weights",
    "shares",
    "judge_until",
    "against_screens",
)
"""The settings that a checkpoint must share with the run that resumes from it: otherwise two different runs would be
mixed."""


def weights_file(folder: Path, config: TrainingConfig) -> Path:
    """Return the path of a run's weights; their card lies beside them, ending in .json."""
    return folder / f"{config.model}-x{config.scale}.safetensors"


def run_files(folder: Path, config: TrainingConfig) -> tuple[Path, ...]:
    """Return all files that a run writes into its folder."""
    weights = weights_file(folder, config)
    names = CHECKPOINT, CURVE, PICTURE
    return weights, weights.with_suffix(".json"), *(folder / name for name in names)


class Trainer:
    """One run's networks, optimisers and state. ``step`` counts finished iterations."""

    def __init__(
        self,
        config: TrainingConfig,
        train: Sequence[Sequence[Reference]],
        validation: Sequence[Reference],
        folder: Path,
        processes: Processes | None = None,
        untrained: bool = False,
    ) -> None:
        """`train`: the references for each of the config's short sides; `untrained`: an adversarial stage needs no
        weights to start from, because it is only timed."""
        self.config, self.folder, self.step = config, folder, 0
        self.processes = processes or OneProcess()
        if config.batch % self.processes.count:
            raise TrainingError(
                f"{config.name}: {self.processes.count} processes cannot share 'batch' = {config.batch} evenly; "
                "choose a multiple"
            )
        for reference in validation:
            _refuse_to_validate_on_nothing(reference, config.scale)
        self.curve: list[dict[str, Any]] = []
        torch.manual_seed(config.seed)
        self._rng = np.random.default_rng(config.seed)
        shape, device = network_config(config.model, config.scale), self.processes.device
        # channels_last was measured a third faster than NCHW.
        self._net, self._average = (channels_last(shape.build().to(device)) for _ in range(2))
        stage = AdversarialStage if config.adversarial else PixelStage
        self.stage = stage(config, self._net, self.processes, untrained)
        self._average.load_state_dict(self._net.state_dict())
        self._average.eval().requires_grad_(False)
        if config.degradation == "file":
            self._sampler = FileCropSampler(train, config.scale, config.crop, config.candidates)
        else:
            self._sampler = CropSampler(train, config.scale, config.crop, config.candidates, config.degradation)
        self._validation = validation
        named = [[reference.name for reference in group] for group in (*train[:1], validation)]
        self._photographs = hashlib.sha256(json.dumps(named).encode()).hexdigest()
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._cpu_before, self._cpu_start = 0.0, time.process_time()

    @property
    def checkpoint(self) -> Path:
        return self.folder / CHECKPOINT

    @property
    def cpu_seconds(self) -> float:
        """The processor time of all threads, over this and all previous sittings, without data loading."""
        return self._cpu_before + time.process_time() - self._cpu_start

    def train_step(self) -> float:
        """Run one iteration; return its pixel loss, in grey levels if that is L1. Raises TrainingError if a loss is not
        finite, before the weights change."""
        found = self.stage.step(self._draw(), self.config.rate(self.step))
        values = {name: self.processes.mean(float(value)) for name, value in found.items()}
        if not all(map(math.isfinite, values.values())):
            raise TrainingError(
                f"{self.folder}: the loss is not finite at iteration {self.step}; "
                f"{what_stays(self.checkpoint)}lower 'learning_rate' and start again"
            )
        self.stage.apply()
        self.step += 1
        values["loss"] *= 255 if self.config.loss == "l1" else 1
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1
        self._follow()
        if self.step % self.config.validate_every == 0 or self.step == self.config.iterations:
            self._record()
        return values["loss"]

    def _draw(self) -> Crops:
        """Return this process's crops of the batch, which every process draws alike."""
        parts = share(self._sampler.draw(self._rng, self.config.batch), self.processes)
        small, bicubic, photograph, *told = (p.permute(0, 3, 1, 2) if p.ndim == 4 else p for p in parts)
        return Crops(small, bicubic, photograph, tuple(told))

    def _follow(self) -> None:
        """Update the moving average; its decay grows from 0, so that the first weights are soon forgotten."""
        decay = min(self.config.ema, self.step / (self.step + 10))
        with torch.no_grad():
            for mean, now in zip(self._average.parameters(), self._net.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)
            for mean, now in zip(self._average.buffers(), self._net.buffers(), strict=True):
                mean.copy_(now)

    def validate(self) -> list[Score]:
        """Return scores of the averaged weights on the validation references; for a network that takes the file's
        coding, on each at every coding of ``CODINGS``, one after the other."""
        if self.config.degradation == "file":
            return [s for c in CODINGS for s in evaluate_coded(self._validation, self.config.scale, self._average, c)]
        reduce = degrade_reference if self.config.degradation == "field" else shrink_reference
        return evaluate(self._validation, self.config.scale, bare_network(self._average), reduce)

    def _record(self) -> None:
        if self.processes.rank == 0:
            scores = self.validate()
            self.curve.append(
                {
                    "step": self.step,
                    **{name: self._sums[name] / self._counts[name] for name in sorted(self._sums)},
                    "rate": self.config.rate(self.step),
                    "psnr_db": float(np.mean([score.psnr for score in scores])),
                    "gain_db": float(np.mean([score.gain for score in scores])),
                    "gain_over_pseudo_inverse_db": float(np.mean([s.gain_over_pseudo_inverse for s in scores])),
                    **self._told_by_coding(scores),
                    "cpu_seconds": round(self.cpu_seconds, 1),
                }
            )
        self._sums, self._counts = {}, {}

    def _told_by_coding(self, scores: Sequence[Score]) -> dict[str, dict[str, float]]:
        """Return the gain in dB over bicubic of the decoded file, by coding; empty for a network that does not take the
        file's coding."""
        if self.config.degradation != "file":
            return {}
        by_coding = np.reshape([score.gain for score in scores], (len(CODINGS), -1)).mean(axis=1)
        return {"gain_by_coding_db": {c.name: round(float(g), 3) for c, g in zip(CODINGS, by_coding, strict=True)}}

    def save(self) -> None:
        """Write the checkpoint, completely or not at all, and the curve.

        Raises TrainingError if weights are not finite or the folder cannot be written; the earlier checkpoint stays.
        """
        if self.processes.rank:
            return
        state = {
            "step": self.step,
            "rng": self._rng.bit_generator.state,
            "cpu_seconds": self.cpu_seconds,
            "sums": self._sums,
            "counts": self._counts,
            "curve": self.curve,
            "config": self.config.table,
            "photographs": self._photographs,
            "stage": self.stage.state(),
        }
        save_checkpoint(self.checkpoint, self.stage.tensors() | named_tensors("average", self._average), state)
        lines = "".join(json.dumps(entry) + "\n" for entry in self.curve)
        write_whole(self.folder / CURVE, lines.encode())
        about = of_figure("Learning curve of a training.", "fundusxr train CONFIG")
        save_picture(self.folder / PICTURE, curve_picture(self.curve), about | {"fundusxr:run": self.config.name})

    def resume(self) -> bool:
        """Resume from the folder's checkpoint, if there is one. Raises TrainingError if it is damaged or has other
        settings."""
        for unfinished in self.folder.glob(f".{self.checkpoint.name}-*"):  # left by a process that was killed
            unfinished.unlink(missing_ok=True)
        if not self.checkpoint.exists():
            return False
        tensors, state = load_checkpoint(self.checkpoint)
        try:
            self._refuse_other_settings(state)
            self._restore(tensors, state)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise damaged(self.checkpoint, error) from None
        return True

    def _refuse_other_settings(self, state: dict[str, Any]) -> None:
        """Check the settings, also of a finished run, which is not trained further: its card must not describe other
        settings."""
        before, now = state["config"], json.loads(json.dumps(self.config.table))
        done, wanted = state["step"], self.config.iterations
        if done > wanted:
            raise TrainingError(f"{self.checkpoint}: has {done} iterations already; set 'iterations' to {done} or more")
        fixed = [key for key in now if key not in ("name", "iterations", "validate_every")] if done == wanted else SAME
        for key in fixed:
            if before.get(key, now[key]) != now[key]:  # a key newer than the checkpoint then had its default
                raise TrainingError(
                    f"{self.checkpoint}: is from a run with {key} {before[key]}; "
                    "give this run another 'name' or delete the folder"
                )
        if state.get("photographs", self._photographs) != self._photographs:
            raise TrainingError(
                f"{self.checkpoint}: is from a run on photographs that split {self.config.split} does not list now; "
                "give this run another 'name' or delete the folder"
            )

    def _restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        self.stage.restore(tensors, state["stage"])
        restore(tensors, "average", self._average)
        self.step, self.curve = state["step"], state["curve"]
        self._sums, self._counts = state["sums"], state["counts"]
        self._rng.bit_generator.state = state["rng"]
        self._cpu_before, self._cpu_start = state["cpu_seconds"], time.process_time()

    def export(self, command: str, split: Split) -> Path:
        """Write the averaged weights and their card into the run's folder; return the weights' path."""
        config, scores = self.config, self.validate()
        weights = weights_file(self.folder, config)
        card = {
            "network": asdict(network_config(config.model, config.scale)),
            "parameters": parameters(self._net),
            "output": "residual over bicubic (a = -0.5), input 0..1",
            "data": split.about,
            "split": config.split,
            "training_images": len(split.train),
            "validation": {
                "images": [score.name for score in scores],
                "psnr_db": [round(score.psnr, 3) for score in scores],
                "gain_over_bicubic_db": [round(score.gain, 3) for score in scores],
                "gain_over_pseudo_inverse_db": [round(score.gain_over_pseudo_inverse, 3) for score in scores],
                **self._told_by_coding(scores),
                "where": "inside the field of view, network alone, without consistency projection",
            },
            "agrees": config.degradation != "field",
            "training": config.table,
            **self.stage.about,
            **{key: value for key, value in self.stage.state().items() if value},
            "cpu_minutes": round(self.cpu_seconds / 60, 1),
            "command": command,
        }
        tensors = {key: value.cpu().contiguous() for key, value in self._average.state_dict().items()}
        write_whole(weights, safetensors.torch.save(tensors))
        write_whole(weights.with_suffix(".json"), (json.dumps(card, indent=1) + "\n").encode())
        return weights


def _refuse_to_validate_on_nothing(reference: Reference, scale: int) -> None:
    """Check before the first thousand iterations: a photograph must have pixels to compare, and not all of one
    colour."""
    inside = scored_pixels(reference.field, reference.pixels.shape, scale)
    if not inside.any():
        raise TrainingError(f"{reference.name}: too small to validate on at x{scale}; take it off the list")
    if not reference.pixels[inside].std(axis=0).any():
        raise TrainingError(f"{reference.name}: all of one colour, nothing to validate on; take it off the list")
