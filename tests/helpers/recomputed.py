"""Recompute the results of a comparison from the photographs' pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sr_core.networks.zoo import load_model
from sr_core.study.comparison.evaluation import ALONE, Yardstick
from sr_core.study.comparison.results import MEASURES, _of_regime, _sha256, load_reference, measure, spread
from sr_core.study.comparison.rivals import Method, classical_methods, network_methods

TOLERANCES = {"psnr": 0.03, "ssim": 0.001, "s3": 0.005, "invented": 0.01}
"""The most by which a recomputed row may differ, in the measure's unit: bfloat16 and float32 machines round
differently. A name stands for all measures that begin with it."""

PUBLISHED_SIZE = "srresnet", "srgan"
"""The rivals of SRGAN's published size."""


def disagreements(
    results: Mapping[str, Any],
    root: Path,
    regime: str = "paper",
    methods: Callable[[int], list[Method]] | None = None,
) -> list[str]:
    """Recompute a part of a results file from the photographs' pixels; return a line for every figure that differs.

    Each scale has one photograph, another than the other scales', and every method except those made elsewhere. The
    networks of SRGAN's published size are computed at the largest scale only, where they read the fewest pixels; at
    the others they would take two thirds of the time. ``methods`` (scale -> methods) replaces the bundled weights.
    Rows agree within TOLERANCES; checksums of weights and photographs must be equal.
    """
    rows = [row for row in results["rows"] if row["regime"] == regime]
    scales = sorted({row["scale"] for row in rows})
    photographs = spread(list(dict.fromkeys(row["photograph"] for row in rows)), len(scales))
    lines = []
    for photograph, scale in zip(photographs, scales, strict=True):
        if _sha256(root / photograph) != results["photographs"][photograph]:
            lines.append(f"{photograph}: another file than the one measured")
        told = {row["method"]: row for row in rows if (row["photograph"], row["scale"]) == (photograph, scale)}
        yardstick = Yardstick(load_reference(root, photograph, regime), scale)
        candidates = methods(scale) if methods else _committed_methods(results, scale, lines)
        for method in _of_regime(regime, candidates):
            large = method.name.removesuffix(ALONE) in PUBLISHED_SIZE
            if large and scale != max(scales):
                continue
            lines += _differences(measure(regime, method, yardstick, {}).figures, told[method.name])
    return lines


def _committed_methods(results: Mapping[str, Any], scale: int, lines: list[str]) -> list[Method]:
    """Return the classical methods and those of the bundled weights that a results file has at this scale."""
    found = classical_methods()
    for key, sha256 in results["weights"].items():
        model, _, at = key.rpartition(" x")
        if int(at) == scale:
            network = load_model(model, scale)
            if network.sha256 != sha256 and (line := f"{key}: other weights than those measured") not in lines:
                lines.append(line)
            found += network_methods(network)
    return found


def _differences(now: Mapping[str, Any], told: Mapping[str, Any]) -> list[str]:
    lines = []
    for name in MEASURES:
        allowed = next(value for start, value in TOLERANCES.items() if name.startswith(start))
        a, b = now[name], told[name]
        if (a is None) != (b is None) or (a is not None and abs(a - b) > allowed):
            where = f"{now['photograph']} x{now['scale']} {now['method']}"
            lines.append(f"{where}: {name} is {a}, the results say {b}")
    return lines
