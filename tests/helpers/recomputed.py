"""Recompute the results of a comparison from the photographs' pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sr_core.networks.names import DEFAULT_MODEL
from sr_core.networks.zoo import load_model
from sr_core.study.comparison.evaluation import Yardstick
from sr_core.study.comparison.file_regime import PLACE, REAL, TRUTH, VESSELS, FilePlan
from sr_core.study.comparison.results import MEASURES, Comparison, _of_regime, _sha256, load_reference, measure, spread
from sr_core.study.comparison.rivals import BICUBIC, Method, classical_methods, network_methods

TOLERANCES = {"psnr": 0.1, "ssim": 0.001, "s3": 0.005, "invented": 0.03}
"""The most by which a recomputed row may differ, in the measure's unit: bfloat16 and float32 machines round
differently, and the photographs were cut about fields of view that were fitted up to two pixels elsewhere. A name
stands for all measures that begin with it."""

OURS = "rdb-lite", "rdb-lite-gan"

CUT_ANEW = "IDRiD/"
"""Photographs whose fields of view are fitted elsewhere since the comparison was made, so that they are cut elsewhere:
their PSNR differs by up to 0.1 dB, that of sharpened pictures by up to 0.5 dB."""


def disagreements(
    results: Mapping[str, Any],
    root: Path,
    regime: str = "paper",
    methods: Callable[[int], list[Method]] | None = None,
) -> list[str]:
    """Recompute a part of a results file from the photographs' pixels; return a line for every figure that differs.

    Each scale has one photograph, another than the other scales', and none of those CUT_ANEW. At the largest scale,
    where networks read the fewest pixels, it is enlarged by every method except those made elsewhere; at the others by
    the classical methods and our networks as shown. ``methods`` (scale -> methods) replaces the bundled weights. Rows
    agree within TOLERANCES; checksums of weights and photographs must be equal.
    """
    rows = [row for row in results["rows"] if row["regime"] == regime]
    scales = sorted({row["scale"] for row in rows})
    compared = dict.fromkeys(row["photograph"] for row in rows if not row["photograph"].startswith(CUT_ANEW))
    photographs = spread(list(compared), len(scales))
    classical = {method.name for method in classical_methods()}
    lines = []
    for photograph, scale in zip(photographs, scales, strict=True):
        if _sha256(root / photograph) != results["photographs"][photograph]:
            lines.append(f"{photograph}: another file than the one measured")
        told = {row["method"]: row for row in rows if (row["photograph"], row["scale"]) == (photograph, scale)}
        yardstick = Yardstick(load_reference(root, photograph, regime), scale)
        candidates = methods(scale) if methods else _committed_methods(results, scale, lines)
        for method in _of_regime(regime, candidates):
            if scale == max(scales) or method.name in classical or method.name in OURS:
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


FILE_TOLERANCES = TOLERANCES | {"border": 0.02, "luma": 0.002, "chroma": 0.002, "departure": 0.02, "contrast": 0.1}
"""As `TOLERANCES`, of the file's regime."""

SCALES_AND_CODINGS = {2: "q95", 4: "q90", 8: "q50"}
"""The coding that is recomputed at each scale."""


def file_disagreements(results: Mapping[str, Any], root: Path, split: str) -> list[str]:
    """Recompute a small part of the file's regime from the photographs' pixels; return a line for every figure that
    differs, and for every photograph and weights file that is not the one measured.

    At each scale one coding of another photograph: every method at x8, which is the cheapest, elsewhere bicubic and
    the default network. Of the first photograph also its own file and its vessels, by the default network. `split`: the
    split that was compared.
    """
    thorough = list(dict.fromkeys(row["photograph"] for row in results["rows"] if row["kind"] == TRUTH))
    plan = FilePlan(Comparison(root, split=split, limit=len(thorough)), root / "never written")
    lines = [f"{name}: another file than the one measured" for name in _other(plan.checksums, results["photographs"])]
    lines += [f"{name}: other weights than those measured" for name in _other(plan.weights, results["weights"])]
    told = {tuple(row[part] for part in PLACE): row for row in results["rows"]}
    for job in plan.jobs():
        place = tuple(job.place[part] for part in PLACE)
        if _is_recomputed(thorough, *place):
            lines += _figures_that_differ(place, job.measure(), told[place])
    return lines


def _other(now: Mapping[str, str], told: Mapping[str, str]) -> list[str]:
    return sorted(dict(now.items() ^ told.items()))


def _is_recomputed(thorough: list[str], kind: str, scale: int, photograph: str, coding: str, method: str) -> bool:
    if kind == TRUTH:
        at = list(SCALES_AND_CODINGS).index(scale) * (len(thorough) - 1) // 2
        here = photograph == thorough[at] and coding == SCALES_AND_CODINGS[scale]
        return here and (scale == 8 or method in (BICUBIC, DEFAULT_MODEL))
    return (
        photograph == thorough[0]
        and method == DEFAULT_MODEL
        and (kind, coding) in ((REAL, "its own"), (VESSELS, "q90"))
    )


def _figures_that_differ(place: tuple, now: Mapping[str, float | None], told: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in now.items():
        if name == "seconds":
            continue
        allowed = next(most for start, most in FILE_TOLERANCES.items() if name.startswith(start))
        if value is None or abs(value - told[name]) > allowed:
            lines.append(f"{place}: {name} is {value}, the results say {told[name]}")
    return lines
